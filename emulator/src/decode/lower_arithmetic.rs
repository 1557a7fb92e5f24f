//! Lowers arithmetic, logic, shifts, bits and decimal adjustment.

use super::form::{Form, Lowered, Place, with_address, with_any_address, with_wide_width, with_width};
use crate::alu::arithmetic::{
    Adc, Add, And, Binary, Cmp, Dec, Inc, Neg, Not, Or, Sbb, Sub, Test, Unary, Xor,
};
use crate::alu::shift::{Rcl, Rcr, Rol, Ror, Sar, Shift, Shl, Shr};
use crate::instructions::operand::{Immediate, Memory, Source, Target};
use crate::instructions::shift::CountInCl;
use crate::instructions::{arithmetic, bit, decimal, flag, shift};
use crate::interpreter::{Handlers, straight};
use iced_x86::Mnemonic;

/// Lowers an instruction of these groups.
pub(super) fn lower(form: &Form<'_>) -> Option<Lowered> {
    let handlers = match form.mnemonic() {
        Mnemonic::Add => binary::<Add>(form),
        Mnemonic::Adc => binary::<Adc>(form),
        Mnemonic::Sub => binary::<Sub>(form),
        Mnemonic::Sbb => binary::<Sbb>(form),
        Mnemonic::And => binary::<And>(form),
        Mnemonic::Or => binary::<Or>(form),
        Mnemonic::Xor => binary::<Xor>(form),
        Mnemonic::Cmp => binary::<Cmp>(form),
        Mnemonic::Test => binary::<Test>(form),
        Mnemonic::Inc => unary::<Inc>(form),
        Mnemonic::Dec => unary::<Dec>(form),
        Mnemonic::Neg => unary::<Neg>(form),
        Mnemonic::Not => unary::<Not>(form),
        Mnemonic::Mul => multiply::<false>(form),
        Mnemonic::Imul => return Some(multiply_signed(form)),
        Mnemonic::Div => divide::<false>(form),
        Mnemonic::Idiv => divide::<true>(form),
        Mnemonic::Rol => return Some(shifts::<Rol>(form)),
        Mnemonic::Ror => return Some(shifts::<Ror>(form)),
        Mnemonic::Rcl => return Some(shifts::<Rcl>(form)),
        Mnemonic::Rcr => return Some(shifts::<Rcr>(form)),
        Mnemonic::Shl | Mnemonic::Sal => return Some(shifts::<Shl>(form)),
        Mnemonic::Shr => return Some(shifts::<Shr>(form)),
        Mnemonic::Sar => return Some(shifts::<Sar>(form)),
        Mnemonic::Shld => return Some(shifts_double::<true>(form)),
        Mnemonic::Shrd => return Some(shifts_double::<false>(form)),
        Mnemonic::Bt => return Some(bits::<{ bit::TEST }>(form)),
        Mnemonic::Bts => return Some(bits::<{ bit::SET }>(form)),
        Mnemonic::Btr => return Some(bits::<{ bit::RESET }>(form)),
        Mnemonic::Btc => return Some(bits::<{ bit::COMPLEMENT }>(form)),
        Mnemonic::Bsf => scan::<false>(form),
        Mnemonic::Bsr => scan::<true>(form),
        Mnemonic::Daa => straight(decimal::daa),
        Mnemonic::Das => straight(decimal::das),
        Mnemonic::Aaa => straight(decimal::aaa),
        Mnemonic::Aas => straight(decimal::aas),
        Mnemonic::Aam => straight(decimal::aam),
        Mnemonic::Aad => straight(decimal::aad),
        Mnemonic::Clc => straight(flag::clc),
        Mnemonic::Stc => straight(flag::stc),
        Mnemonic::Cmc => straight(flag::cmc),
        Mnemonic::Cld => straight(flag::cld),
        Mnemonic::Std => straight(flag::std),
        Mnemonic::Lahf => straight(flag::lahf),
        Mnemonic::Sahf => straight(flag::sahf),
        Mnemonic::Salc => straight(flag::salc),
        _ => return None,
    };
    let immediate = (0..form.instruction.op_count()).find(|number| form.place(*number) == Place::Immediate);
    let lowered = Lowered::straight(handlers);
    Some(match immediate {
        Some(number) => lowered.with_immediate(form.immediate(number)),
        None => lowered,
    })
}

fn binary<O: Binary>(form: &Form<'_>) -> Handlers {
    if O::DISCARDS {
        return compare::<O>(form);
    }
    with_width!(form.width(0), W => match (form.place(0), form.place(1)) {
        (Place::Register, Place::Register) => straight(arithmetic::binary::<O, W, Target, Source>),
        (Place::Register, Place::Memory) => {
            with_address!(form, A => straight(arithmetic::binary::<O, W, Target, Memory<A>>))
        }
        (Place::Register, _) => straight(arithmetic::binary::<O, W, Target, Immediate>),
        (_, Place::Register) => with_address!(form, A => straight(arithmetic::binary::<O, W, Memory<A>, Source>)),
        _ => with_address!(form, A => straight(arithmetic::binary::<O, W, Memory<A>, Immediate>)),
    })
}

fn compare<O: Binary>(form: &Form<'_>) -> Handlers {
    with_width!(form.width(0), W => match (form.place(0), form.place(1)) {
        (Place::Register, Place::Register) => straight(arithmetic::compare::<O, W, Target, Source>),
        (Place::Register, Place::Memory) => {
            with_address!(form, A => straight(arithmetic::compare::<O, W, Target, Memory<A>>))
        }
        (Place::Register, _) => straight(arithmetic::compare::<O, W, Target, Immediate>),
        (_, Place::Register) => with_address!(form, A => straight(arithmetic::compare::<O, W, Memory<A>, Source>)),
        _ => with_address!(form, A => straight(arithmetic::compare::<O, W, Memory<A>, Immediate>)),
    })
}

fn unary<O: Unary>(form: &Form<'_>) -> Handlers {
    with_width!(form.width(0), W => match form.place(0) {
        Place::Register => straight(arithmetic::unary::<O, W, Target>),
        _ => with_address!(form, A => straight(arithmetic::unary::<O, W, Memory<A>>)),
    })
}

fn multiply<const SIGNED: bool>(form: &Form<'_>) -> Handlers {
    with_width!(form.width(0), W => match form.place(0) {
        Place::Register => straight(arithmetic::multiply_wide::<SIGNED, W, Target>),
        _ => with_address!(form, A => straight(arithmetic::multiply_wide::<SIGNED, W, Memory<A>>)),
    })
}

fn multiply_signed(form: &Form<'_>) -> Lowered {
    let width = form.width(0);
    match (form.instruction.op_count(), form.place(1)) {
        (1, _) => Lowered::straight(multiply::<true>(form)),
        (2, Place::Register) => Lowered::straight(
            with_wide_width!(width, W => straight(arithmetic::multiply_into::<W, Target, Source>)),
        ),
        (2, _) => Lowered::straight(
            with_wide_width!(width, W => with_address!(form, A => straight(arithmetic::multiply_into::<W, Target, Memory<A>>))),
        ),
        (_, Place::Register) => Lowered::straight(
            with_wide_width!(width, W => straight(arithmetic::multiply_into::<W, Source, Immediate>)),
        )
        .with_immediate(form.immediate(2)),
        _ => Lowered::straight(
            with_wide_width!(width, W => with_address!(form, A => straight(arithmetic::multiply_into::<W, Memory<A>, Immediate>))),
        )
        .with_immediate(form.immediate(2)),
    }
}

fn divide<const SIGNED: bool>(form: &Form<'_>) -> Handlers {
    with_width!(form.width(0), W => match form.place(0) {
        Place::Register => straight(arithmetic::divide::<SIGNED, W, Target>),
        _ => with_address!(form, A => straight(arithmetic::divide::<SIGNED, W, Memory<A>>)),
    })
}

fn shifts<O: Shift>(form: &Form<'_>) -> Lowered {
    let by_register = form.place(1) == Place::Register;
    let handlers = with_width!(form.width(0), W => match (form.place(0), by_register) {
        (Place::Register, true) => straight(shift::shift::<O, W, Target, CountInCl>),
        (Place::Register, false) => straight(shift::shift::<O, W, Target, Immediate>),
        (_, true) => with_any_address!(A => straight(shift::shift::<O, W, Memory<A>, CountInCl>)),
        (_, false) => with_address!(form, A => straight(shift::shift::<O, W, Memory<A>, Immediate>)),
    });
    let lowered = Lowered::straight(handlers);
    if by_register { lowered } else { lowered.with_immediate(form.immediate(1)) }
}

fn shifts_double<const LEFT: bool>(form: &Form<'_>) -> Lowered {
    let by_register = form.place(2) == Place::Register;
    let handlers = with_wide_width!(form.width(0), W => match (form.place(0), by_register) {
        (Place::Register, true) => straight(shift::shift_double::<LEFT, W, Target, CountInCl>),
        (Place::Register, false) => straight(shift::shift_double::<LEFT, W, Target, Immediate>),
        (_, true) => with_any_address!(A => straight(shift::shift_double::<LEFT, W, Memory<A>, CountInCl>)),
        (_, false) => with_any_address!(A => straight(shift::shift_double::<LEFT, W, Memory<A>, Immediate>)),
    });
    let lowered = Lowered::straight(handlers);
    if by_register { lowered } else { lowered.with_immediate(form.immediate(2)) }
}

fn bits<const ACTION: u8>(form: &Form<'_>) -> Lowered {
    let width = form.width(0);
    match (form.place(0), form.place(1)) {
        (Place::Register, Place::Register) => {
            Lowered::straight(with_wide_width!(width, W => straight(bit::bit_within::<ACTION, W, Target, Source>)))
        }
        (Place::Register, _) => {
            Lowered::straight(with_wide_width!(width, W => straight(bit::bit_within::<ACTION, W, Target, Immediate>)))
                .with_immediate(form.immediate(1))
        }
        (_, Place::Register) => {
            Lowered::straight(with_wide_width!(width, W => straight(bit::bit_in_string::<ACTION, W>)))
        }
        _ if ACTION == bit::TEST => Lowered::straight(
            with_wide_width!(width, W => with_any_address!(A => straight(bit::test_within::<W, Memory<A>, Immediate>))),
        )
        .with_immediate(form.immediate(1)),
        _ => Lowered::straight(
            with_wide_width!(width, W => with_any_address!(A => straight(bit::bit_within::<ACTION, W, Memory<A>, Immediate>))),
        )
        .with_immediate(form.immediate(1)),
    }
}

fn scan<const REVERSE: bool>(form: &Form<'_>) -> Handlers {
    with_wide_width!(form.width(0), W => match form.place(1) {
        Place::Register => straight(bit::scan::<REVERSE, W, Source>),
        _ => with_any_address!(A => straight(bit::scan::<REVERSE, W, Memory<A>>)),
    })
}
