//! Lowers moves, the stack, exchanges and string instructions.

use super::form::{
    Form, Lowered, Place, with_address, with_any_address, with_condition, with_wide_width, with_width,
};
use crate::instructions::operand::{Immediate, Memory, Source, Target};
use crate::instructions::{exchange, segment, stack, string, transfer};
use crate::interpreter::{Handlers, control, straight};
use iced_x86::{ConditionCode, Mnemonic};

/// Lowers an instruction of these groups.
pub(super) fn lower(form: &Form<'_>) -> Option<Lowered> {
    let instruction = form.instruction;
    let lowered = match form.mnemonic() {
        Mnemonic::Mov => return mov(form),
        Mnemonic::Lea => {
            Lowered::straight(with_wide_width!(form.width(0), W => straight(transfer::lea::<W>)))
        }
        Mnemonic::Movzx => Lowered::straight(extend::<false>(form)),
        Mnemonic::Movsx => Lowered::straight(extend::<true>(form)),
        Mnemonic::Cbw => Lowered::straight(straight(transfer::widen_accumulator::<u8, u16>)),
        Mnemonic::Cwde => Lowered::straight(straight(transfer::widen_accumulator::<u16, u32>)),
        Mnemonic::Cwd => Lowered::straight(straight(transfer::spread_sign::<u16>)),
        Mnemonic::Cdq => Lowered::straight(straight(transfer::spread_sign::<u32>)),
        Mnemonic::Bswap => {
            Lowered::straight(with_wide_width!(form.width(0), W => straight(transfer::swap_bytes::<W>)))
        }
        Mnemonic::Xlatb => Lowered::straight(straight(transfer::translate_byte)),
        mnemonic if is_hint(mnemonic) => Lowered::straight(straight(transfer::nothing)),
        Mnemonic::Push => push(form),
        Mnemonic::Pop => pop(form),
        Mnemonic::Pusha | Mnemonic::Pushad => {
            Lowered::straight(with_wide_width!(form.stack_width(), W => straight(stack::push_all::<W>)))
        }
        Mnemonic::Popa | Mnemonic::Popad => {
            Lowered::straight(with_wide_width!(form.stack_width(), W => straight(stack::pop_all::<W>)))
        }
        Mnemonic::Pushf | Mnemonic::Pushfd => {
            Lowered::straight(with_wide_width!(form.stack_width(), W => straight(stack::push_flags::<W>)))
        }
        Mnemonic::Popf | Mnemonic::Popfd => {
            Lowered::ends(with_wide_width!(form.stack_width(), W => control(stack::pop_flags::<W>)))
        }
        Mnemonic::Enter => {
            let short = instruction.code() == iced_x86::Code::Enterw_imm16_imm8;
            let handlers = if short { straight(stack::enter::<u16>) } else { straight(stack::enter::<u32>) };
            Lowered::straight(handlers).with_immediate(form.immediate(0)).with_source(form.immediate(1) as u8)
        }
        Mnemonic::Leave => {
            let short = instruction.code() == iced_x86::Code::Leavew;
            Lowered::straight(match (form.mode.flat, short) {
                (true, false) => straight(stack::leave::<true, u32>),
                (true, true) => straight(stack::leave::<true, u16>),
                (false, false) => straight(stack::leave::<false, u32>),
                (false, true) => straight(stack::leave::<false, u16>),
            })
        }
        Mnemonic::Xchg => exchanges(form),
        Mnemonic::Xadd => Lowered::straight(with_width!(form.width(0), W => match form.place(0) {
            Place::Register => straight(exchange::exchange_add::<W, Target>),
            _ => with_any_address!(A => straight(exchange::exchange_add::<W, Memory<A>>)),
        })),
        Mnemonic::Cmpxchg => Lowered::straight(with_width!(form.width(0), W => match form.place(0) {
            Place::Register => straight(exchange::compare_exchange::<W, Target>),
            _ => with_any_address!(A => straight(exchange::compare_exchange::<W, Memory<A>>)),
        })),
        Mnemonic::Cmpxchg8b => Lowered::straight(straight(exchange::compare_exchange_8_bytes)),
        Mnemonic::Movsb => strings::<string::Movs>(form, 1),
        Mnemonic::Movsw => strings::<string::Movs>(form, 2),
        Mnemonic::Movsd => strings::<string::Movs>(form, 4),
        Mnemonic::Stosb => strings::<string::Stos>(form, 1),
        Mnemonic::Stosw => strings::<string::Stos>(form, 2),
        Mnemonic::Stosd => strings::<string::Stos>(form, 4),
        Mnemonic::Lodsb => strings::<string::Lods>(form, 1),
        Mnemonic::Lodsw => strings::<string::Lods>(form, 2),
        Mnemonic::Lodsd => strings::<string::Lods>(form, 4),
        Mnemonic::Cmpsb => compares::<string::Cmps>(form, 1),
        Mnemonic::Cmpsw => compares::<string::Cmps>(form, 2),
        Mnemonic::Cmpsd => compares::<string::Cmps>(form, 4),
        Mnemonic::Scasb => compares::<string::Scas>(form, 1),
        Mnemonic::Scasw => compares::<string::Scas>(form, 2),
        Mnemonic::Scasd => compares::<string::Scas>(form, 4),
        _ if is_conditional(form, 2) => {
            let code = condition_number(instruction.condition_code());
            Lowered::straight(
                with_condition!(code, C => with_wide_width!(form.width(0), W => match form.place(1) {
                    Place::Register => straight(transfer::mov_if::<C, W, Source>),
                    _ => with_any_address!(A => straight(transfer::mov_if::<C, W, Memory<A>>)),
                })),
            )
        }
        _ if is_conditional(form, 1) => {
            let code = condition_number(instruction.condition_code());
            Lowered::straight(with_condition!(code, C => match form.place(0) {
                Place::Register => straight(transfer::set_if::<C, Target>),
                _ => with_any_address!(A => straight(transfer::set_if::<C, Memory<A>>)),
            }))
        }
        _ => return None,
    };
    Some(lowered)
}

/// Whether it is a hint: a NOP on a processor that does not know it.
pub(super) fn is_hint(mnemonic: Mnemonic) -> bool {
    matches!(
        mnemonic,
        Mnemonic::Nop
            | Mnemonic::Reservednop
            | Mnemonic::Prefetch
            | Mnemonic::Prefetchw
            | Mnemonic::Prefetchwt1
            | Mnemonic::Prefetchnta
            | Mnemonic::Prefetcht0
            | Mnemonic::Prefetcht1
            | Mnemonic::Prefetcht2
            | Mnemonic::Prefetchit0
            | Mnemonic::Prefetchit1
            | Mnemonic::Endbr32
            | Mnemonic::Endbr64
            | Mnemonic::Cldemote
            // Without shadow stacks there is nothing to read: the register stays.
            | Mnemonic::Rdsspd
            | Mnemonic::Pause
    )
}

/// Whether it is CMOVcc (two operands) or SETcc (one, which is no branch target).
fn is_conditional(form: &Form<'_>, operands: u32) -> bool {
    form.instruction.condition_code() != ConditionCode::None
        && form.instruction.op_count() == operands
        && form.place(0) != Place::Branch
}

/// The number of a condition in an opcode (SDM Vol. 2, appendix B.1.4.7).
pub(super) fn condition_number(condition: ConditionCode) -> u8 {
    match condition {
        ConditionCode::o | ConditionCode::None => 0,
        ConditionCode::no => 1,
        ConditionCode::b => 2,
        ConditionCode::ae => 3,
        ConditionCode::e => 4,
        ConditionCode::ne => 5,
        ConditionCode::be => 6,
        ConditionCode::a => 7,
        ConditionCode::s => 8,
        ConditionCode::ns => 9,
        ConditionCode::p => 10,
        ConditionCode::np => 11,
        ConditionCode::l => 12,
        ConditionCode::ge => 13,
        ConditionCode::le => 14,
        ConditionCode::g => 15,
    }
}

fn mov(form: &Form<'_>) -> Option<Lowered> {
    let width = form.width(0);
    let lowered = match (form.place(0), form.place(1)) {
        (Place::Register, Place::Register) => {
            // Control, debug and test registers are no general registers.
            let general = (0..2).all(|number| form.instruction.op_register(number).is_gpr());
            if !general {
                return None;
            }
            Lowered::straight(with_width!(width, W => straight(transfer::mov::<W, Target, Source>)))
        }
        (Place::Register, Place::Immediate) => {
            Lowered::straight(with_width!(width, W => straight(transfer::mov::<W, Target, Immediate>)))
                .with_immediate(form.immediate(1))
        }
        (Place::Register, Place::Memory) => Lowered::straight(
            with_width!(width, W => with_address!(form, A => straight(transfer::mov::<W, Target, Memory<A>>))),
        ),
        (Place::Memory, Place::Register) => Lowered::straight(
            with_width!(width, W => with_address!(form, A => straight(transfer::mov::<W, Memory<A>, Source>))),
        ),
        (Place::Memory, Place::Immediate) => Lowered::straight(
            with_width!(width, W => with_address!(form, A => straight(transfer::mov::<W, Memory<A>, Immediate>))),
        )
        .with_immediate(form.immediate(1)),
        (Place::Register, Place::Segment) => Lowered::straight(
            with_wide_width!(width, W => straight(segment::store_selector::<W, Target>)),
        ),
        (Place::Memory, Place::Segment) => {
            Lowered::straight(with_any_address!(A => straight(segment::store_selector::<u16, Memory<A>>)))
        }
        (Place::Segment, Place::Register) => {
            Lowered::ends(control(segment::load_selector::<Target>)).with_source(form.register(0)).with_target(form.register(1))
        }
        (Place::Segment, Place::Memory) => {
            Lowered::ends(with_any_address!(A => control(segment::load_selector::<Memory<A>>)))
                .with_source(form.register(0))
        }
        _ => return None,
    };
    Some(lowered)
}

fn extend<const SIGNED: bool>(form: &Form<'_>) -> Handlers {
    with_wide_width!(form.width(0), W => match (form.width(1), form.place(1)) {
        (1, Place::Register) if SIGNED => straight(transfer::mov_sign_extended::<u8, W, Source>),
        (1, Place::Register) => straight(transfer::mov_zero_extended::<u8, W, Source>),
        (_, Place::Register) if SIGNED => straight(transfer::mov_sign_extended::<u16, W, Source>),
        (_, Place::Register) => straight(transfer::mov_zero_extended::<u16, W, Source>),
        (1, _) if SIGNED => with_address!(form, A => straight(transfer::mov_sign_extended::<u8, W, Memory<A>>)),
        (1, _) => with_address!(form, A => straight(transfer::mov_zero_extended::<u8, W, Memory<A>>)),
        _ if SIGNED => with_address!(form, A => straight(transfer::mov_sign_extended::<u16, W, Memory<A>>)),
        _ => with_address!(form, A => straight(transfer::mov_zero_extended::<u16, W, Memory<A>>)),
    })
}

fn push(form: &Form<'_>) -> Lowered {
    let width = form.stack_width();
    match (form.place(0), form.mode.flat) {
        (Place::Segment, _) => {
            Lowered::straight(with_wide_width!(width, W => straight(segment::push_selector::<W>)))
                .with_source(form.register(0))
        }
        (Place::Register, true) => {
            Lowered::straight(with_wide_width!(width, W => straight(stack::push::<true, W, Target>)))
        }
        (Place::Register, false) => {
            Lowered::straight(with_wide_width!(width, W => straight(stack::push::<false, W, Target>)))
        }
        (Place::Immediate, true) => {
            Lowered::straight(with_wide_width!(width, W => straight(stack::push::<true, W, Immediate>)))
                .with_immediate(form.immediate(0))
        }
        (Place::Immediate, false) => {
            Lowered::straight(with_wide_width!(width, W => straight(stack::push::<false, W, Immediate>)))
                .with_immediate(form.immediate(0))
        }
        (_, true) => Lowered::straight(
            with_wide_width!(width, W => with_address!(form, A => straight(stack::push::<true, W, Memory<A>>))),
        ),
        (_, false) => Lowered::straight(
            with_wide_width!(width, W => with_any_address!(A => straight(stack::push::<false, W, Memory<A>>))),
        ),
    }
}

fn pop(form: &Form<'_>) -> Lowered {
    let width = form.stack_width();
    match (form.place(0), form.mode.flat) {
        (Place::Segment, _) => {
            Lowered::ends(with_wide_width!(width, W => control(segment::pop_selector::<W>)))
                .with_source(form.register(0))
        }
        (Place::Register, true) => {
            Lowered::straight(with_wide_width!(width, W => straight(stack::pop::<true, W, Target>)))
        }
        (Place::Register, false) => {
            Lowered::straight(with_wide_width!(width, W => straight(stack::pop::<false, W, Target>)))
        }
        (_, true) => Lowered::straight(
            with_wide_width!(width, W => with_address!(form, A => straight(stack::pop::<true, W, Memory<A>>))),
        ),
        (_, false) => Lowered::straight(
            with_wide_width!(width, W => with_any_address!(A => straight(stack::pop::<false, W, Memory<A>>))),
        ),
    }
}

/// XCHG: iced-x86 may name the register first or second; ours is always the second.
fn exchanges(form: &Form<'_>) -> Lowered {
    let width = form.width(0);
    match (form.place(0), form.place(1)) {
        (Place::Register, Place::Register) => {
            Lowered::straight(with_width!(width, W => straight(exchange::exchange::<W, Target>)))
        }
        (Place::Memory, _) => Lowered::straight(
            with_width!(width, W => with_address!(form, A => straight(exchange::exchange::<W, Memory<A>>))),
        ),
        _ => Lowered::straight(
            with_width!(width, W => with_address!(form, A => straight(exchange::exchange::<W, Memory<A>>))),
        )
        .with_source(form.register(0)),
    }
}

/// MOVS, STOS, LODS: every REP prefix is a plain one.
fn strings<E: string::Element>(form: &Form<'_>, width: usize) -> Lowered {
    if form.instruction.has_rep_prefix() || form.instruction.has_repne_prefix() {
        return Lowered::branches(
            with_width!(width, W => control(string::repeated::<E, W, { string::REP }>)),
        );
    }
    Lowered::straight(with_width!(width, W => straight(string::once::<E, W>)))
}

/// CMPS, SCAS
fn compares<E: string::Element>(form: &Form<'_>, width: usize) -> Lowered {
    if form.instruction.has_repne_prefix() {
        Lowered::branches(with_width!(width, W => control(string::repeated::<E, W, { string::REPNE }>)))
    } else if form.instruction.has_rep_prefix() {
        Lowered::branches(with_width!(width, W => control(string::repeated::<E, W, { string::REPE }>)))
    } else {
        Lowered::straight(with_width!(width, W => straight(string::once::<E, W>)))
    }
}
