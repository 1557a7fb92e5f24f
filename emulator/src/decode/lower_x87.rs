//! Lowers x87 instructions.

use super::form::{Form, Lowered, Place, with_address, with_any_address};
use crate::instructions::x87::arithmetic::{
    Absolute, Add, Binary, ChangeSign, Divide, DivideReversed, Double, Integer16, Integer32, Integer64,
    Multiply, RoundToInteger, Single, SquareRoot, Subtract, SubtractReversed,
};
use crate::instructions::x87::{arithmetic, compare, state, transcendental, transfer};
use crate::interpreter::{Handlers, straight};
use iced_x86::{Code, MemorySize, Mnemonic};

/// Lowers an instruction of this group. `opcode` are the last instruction's opcode bits as FNSTENV stores them.
pub(super) fn lower(form: &Form<'_>) -> Option<Lowered> {
    let handlers = arithmetic_handlers(form)
        .or_else(|| comparison_handlers(form))
        .or_else(|| transfer_handlers(form))
        .or_else(|| control_handlers(form))?;
    let lowered = Lowered::straight(handlers).with_immediate(opcode(form));
    Some(match constant_number(form.mnemonic()) {
        Some(number) => lowered.with_source(number),
        None => lowered.with_target(stack_register(form, 0)).with_source(source_register(form)),
    })
}

/// The number of a stack register operand; ST(0) if there is none.
fn stack_register(form: &Form<'_>, number: u32) -> u8 {
    if form.place(number) == Place::Register { form.register(number) } else { 0 }
}

/// The last register operand.
fn source_register(form: &Form<'_>) -> u8 {
    match form.instruction.op_count() {
        // FCOMPP and FUCOMPP name no operand: ST(1).
        0 => 1,
        count => stack_register(form, count - 1),
    }
}

/// The low three bits of the first opcode byte above the second byte, from the encoding.
fn opcode(form: &Form<'_>) -> u32 {
    form.opcode_bits
}

fn constant_number(mnemonic: Mnemonic) -> Option<u8> {
    Some(match mnemonic {
        Mnemonic::Fld1 => 0,
        Mnemonic::Fldl2t => 1,
        Mnemonic::Fldl2e => 2,
        Mnemonic::Fldpi => 3,
        Mnemonic::Fldlg2 => 4,
        Mnemonic::Fldln2 => 5,
        Mnemonic::Fldz => 6,
        _ => return None,
    })
}

fn arithmetic_handlers(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Fadd => binary::<Add>(form),
        Mnemonic::Fsub => binary::<Subtract>(form),
        Mnemonic::Fsubr => binary::<SubtractReversed>(form),
        Mnemonic::Fmul => binary::<Multiply>(form),
        Mnemonic::Fdiv => binary::<Divide>(form),
        Mnemonic::Fdivr => binary::<DivideReversed>(form),
        Mnemonic::Faddp => straight(arithmetic::between_registers::<Add, true>),
        Mnemonic::Fsubp => straight(arithmetic::between_registers::<Subtract, true>),
        Mnemonic::Fsubrp => straight(arithmetic::between_registers::<SubtractReversed, true>),
        Mnemonic::Fmulp => straight(arithmetic::between_registers::<Multiply, true>),
        Mnemonic::Fdivp => straight(arithmetic::between_registers::<Divide, true>),
        Mnemonic::Fdivrp => straight(arithmetic::between_registers::<DivideReversed, true>),
        Mnemonic::Fiadd => integer::<Add>(form),
        Mnemonic::Fisub => integer::<Subtract>(form),
        Mnemonic::Fisubr => integer::<SubtractReversed>(form),
        Mnemonic::Fimul => integer::<Multiply>(form),
        Mnemonic::Fidiv => integer::<Divide>(form),
        Mnemonic::Fidivr => integer::<DivideReversed>(form),
        Mnemonic::Fsqrt => straight(arithmetic::unary::<SquareRoot>),
        Mnemonic::Frndint => straight(arithmetic::unary::<RoundToInteger>),
        Mnemonic::Fabs => straight(arithmetic::unary::<Absolute>),
        Mnemonic::Fchs => straight(arithmetic::unary::<ChangeSign>),
        Mnemonic::Fscale => straight(arithmetic::scale),
        Mnemonic::Fprem => straight(arithmetic::partial_remainder::<false>),
        Mnemonic::Fprem1 => straight(arithmetic::partial_remainder::<true>),
        Mnemonic::Fxtract => straight(arithmetic::extract),
        Mnemonic::Fxam => straight(arithmetic::examine),
        Mnemonic::F2xm1 => straight(transcendental::f2xm1),
        Mnemonic::Fyl2x => straight(transcendental::of_two::<{ transcendental::Y_LOG2_X }>),
        Mnemonic::Fyl2xp1 => straight(transcendental::of_two::<{ transcendental::Y_LOG2_X_PLUS_ONE }>),
        Mnemonic::Fpatan => straight(transcendental::of_two::<{ transcendental::ARCTANGENT }>),
        Mnemonic::Fsin => straight(transcendental::trigonometric::<{ transcendental::SINE }>),
        Mnemonic::Fcos => straight(transcendental::trigonometric::<{ transcendental::COSINE }>),
        Mnemonic::Fsincos => straight(transcendental::trigonometric::<{ transcendental::SINE_COSINE }>),
        Mnemonic::Fptan => straight(transcendental::trigonometric::<{ transcendental::TANGENT }>),
        _ => return None,
    })
}

fn binary<B: Binary>(form: &Form<'_>) -> Handlers {
    match (form.place(0), form.instruction.memory_size()) {
        (Place::Memory, MemorySize::Float32) => {
            with_address!(form, A => straight(arithmetic::with_memory::<B, Single<A>>))
        }
        (Place::Memory, _) => with_address!(form, A => straight(arithmetic::with_memory::<B, Double<A>>)),
        _ => straight(arithmetic::between_registers::<B, false>),
    }
}

fn integer<B: Binary>(form: &Form<'_>) -> Handlers {
    match form.instruction.memory_size() {
        MemorySize::Int16 => straight(arithmetic::with_memory::<B, Integer16>),
        _ => straight(arithmetic::with_memory::<B, Integer32>),
    }
}

fn comparison_handlers(form: &Form<'_>) -> Option<Handlers> {
    let single = form.instruction.memory_size() == MemorySize::Float32;
    let short = form.instruction.memory_size() == MemorySize::Int16;
    let memory = form.instruction.op_count() > 0 && form.place(0) == Place::Memory;
    Some(match form.mnemonic() {
        Mnemonic::Fcom if memory && single => {
            with_any_address!(A => straight(compare::with_memory::<Single<A>, 0>))
        }
        Mnemonic::Fcom if memory => with_any_address!(A => straight(compare::with_memory::<Double<A>, 0>)),
        Mnemonic::Fcomp if memory && single => {
            with_any_address!(A => straight(compare::with_memory::<Single<A>, 1>))
        }
        Mnemonic::Fcomp if memory => with_any_address!(A => straight(compare::with_memory::<Double<A>, 1>)),
        Mnemonic::Fcom => straight(compare::with_register::<false, 0>),
        Mnemonic::Fcomp => straight(compare::with_register::<false, 1>),
        Mnemonic::Fcompp => straight(compare::with_register::<false, 2>),
        Mnemonic::Fucom => straight(compare::with_register::<true, 0>),
        Mnemonic::Fucomp => straight(compare::with_register::<true, 1>),
        Mnemonic::Fucompp => straight(compare::with_register::<true, 2>),
        Mnemonic::Ficom if short => straight(compare::with_memory::<Integer16, 0>),
        Mnemonic::Ficom => straight(compare::with_memory::<Integer32, 0>),
        Mnemonic::Ficomp if short => straight(compare::with_memory::<Integer16, 1>),
        Mnemonic::Ficomp => straight(compare::with_memory::<Integer32, 1>),
        Mnemonic::Fcomi => straight(compare::into_flags::<false, 0>),
        Mnemonic::Fcomip => straight(compare::into_flags::<false, 1>),
        Mnemonic::Fucomi => straight(compare::into_flags::<true, 0>),
        Mnemonic::Fucomip => straight(compare::into_flags::<true, 1>),
        Mnemonic::Ftst => straight(compare::with_zero),
        Mnemonic::Fcmovb => straight(compare::move_if::<2>),
        Mnemonic::Fcmove => straight(compare::move_if::<4>),
        Mnemonic::Fcmovbe => straight(compare::move_if::<6>),
        Mnemonic::Fcmovu => straight(compare::move_if::<10>),
        Mnemonic::Fcmovnb => straight(compare::move_if::<3>),
        Mnemonic::Fcmovne => straight(compare::move_if::<5>),
        Mnemonic::Fcmovnbe => straight(compare::move_if::<7>),
        Mnemonic::Fcmovnu => straight(compare::move_if::<11>),
        _ => return None,
    })
}

fn transfer_handlers(form: &Form<'_>) -> Option<Handlers> {
    let size = form.instruction.memory_size();
    let memory = form.instruction.op_count() > 0 && form.place(0) == Place::Memory;
    Some(match form.mnemonic() {
        Mnemonic::Fld if !memory => straight(transfer::load_register),
        Mnemonic::Fld => match size {
            MemorySize::Float32 => with_address!(form, A => straight(transfer::load::<Single<A>>)),
            MemorySize::Float64 => with_address!(form, A => straight(transfer::load::<Double<A>>)),
            _ => straight(transfer::load_extended),
        },
        Mnemonic::Fild => match size {
            MemorySize::Int16 => straight(transfer::load::<Integer16>),
            MemorySize::Int32 => straight(transfer::load::<Integer32>),
            _ => straight(transfer::load::<Integer64>),
        },
        Mnemonic::Fbld => straight(transfer::load_decimal),
        Mnemonic::Fbstp => straight(transfer::store_decimal),
        Mnemonic::Fst if !memory => straight(transfer::store_register::<false>),
        Mnemonic::Fstp if !memory => straight(transfer::store_register::<true>),
        Mnemonic::Fstpnce => straight(transfer::store_register_unchecked),
        Mnemonic::Fst if size == MemorySize::Float32 => {
            with_address!(form, A => straight(transfer::store::<transfer::Single, A, false>))
        }
        Mnemonic::Fst => with_address!(form, A => straight(transfer::store::<transfer::Double, A, false>)),
        Mnemonic::Fstp => match size {
            MemorySize::Float32 => {
                with_address!(form, A => straight(transfer::store::<transfer::Single, A, true>))
            }
            MemorySize::Float64 => {
                with_address!(form, A => straight(transfer::store::<transfer::Double, A, true>))
            }
            _ => straight(transfer::store_extended),
        },
        Mnemonic::Fist | Mnemonic::Fistp | Mnemonic::Fisttp => integer_store(form)?,
        Mnemonic::Fxch => straight(transfer::exchange),
        mnemonic if constant_number(mnemonic).is_some() => straight(transfer::load_constant),
        _ => return None,
    })
}

fn integer_store(form: &Form<'_>) -> Option<Handlers> {
    use transfer::{Integer16, Integer32, Integer64, Truncated16, Truncated32, Truncated64, store};
    let size = form.instruction.memory_size();
    Some(with_any_address!(A => match (form.mnemonic(), size) {
        (Mnemonic::Fist, MemorySize::Int16) => straight(store::<Integer16, A, false>),
        (Mnemonic::Fist, MemorySize::Int32) => straight(store::<Integer32, A, false>),
        (Mnemonic::Fistp, MemorySize::Int16) => straight(store::<Integer16, A, true>),
        (Mnemonic::Fistp, MemorySize::Int32) => straight(store::<Integer32, A, true>),
        (Mnemonic::Fistp, MemorySize::Int64) => straight(store::<Integer64, A, true>),
        (Mnemonic::Fisttp, MemorySize::Int16) => straight(store::<Truncated16, A, true>),
        (Mnemonic::Fisttp, MemorySize::Int32) => straight(store::<Truncated32, A, true>),
        (Mnemonic::Fisttp, MemorySize::Int64) => straight(store::<Truncated64, A, true>),
        _ => return None,
    }))
}

fn control_handlers(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Wait => straight(state::wait),
        Mnemonic::Fninit => straight(state::initialize),
        Mnemonic::Fnclex => straight(state::clear_exceptions),
        Mnemonic::Fnop => straight(state::nothing),
        Mnemonic::Fneni | Mnemonic::Fndisi | Mnemonic::Fnsetpm => straight(state::ignored),
        Mnemonic::Fnstcw => straight(state::store_control),
        Mnemonic::Fldcw => straight(state::load_control),
        Mnemonic::Fnstsw if form.instruction.code() == Code::Fnstsw_AX => straight(state::status_into_ax),
        Mnemonic::Fnstsw => straight(state::store_status),
        Mnemonic::Fnstenv => match form.instruction.code() {
            Code::Fnstenv_m14byte => straight(state::store_environment::<false>),
            _ => straight(state::store_environment::<true>),
        },
        Mnemonic::Fldenv => match form.instruction.code() {
            Code::Fldenv_m14byte => straight(state::load_environment::<false>),
            _ => straight(state::load_environment::<true>),
        },
        Mnemonic::Fnsave => match form.instruction.code() {
            Code::Fnsave_m94byte => straight(state::save::<false>),
            _ => straight(state::save::<true>),
        },
        Mnemonic::Frstor => match form.instruction.code() {
            Code::Frstor_m94byte => straight(state::restore::<false>),
            _ => straight(state::restore::<true>),
        },
        Mnemonic::Fxsave => straight(state::fx_save),
        Mnemonic::Fxrstor => straight(state::fx_restore),
        Mnemonic::Ffree => straight(state::free::<false>),
        Mnemonic::Ffreep => straight(state::free::<true>),
        Mnemonic::Fincstp => straight(state::turn::<1>),
        Mnemonic::Fdecstp => straight(state::turn::<7>),
        _ => return None,
    })
}
