//! Lowers transfers of control.

use super::form::{Form, Lowered, Place, with_address, with_any_address, with_condition, with_wide_width};
use super::lower_transfer::condition_number;
use crate::instructions::operand::{Memory, Target};
use crate::instructions::{control as transfer, segment};
use crate::interpreter::{Handlers, control, straight};
use iced_x86::{Code, ConditionCode, Mnemonic, OpKind};

/// Lowers an instruction of this group.
pub(super) fn lower(form: &Form<'_>) -> Option<Lowered> {
    let instruction = form.instruction;
    let lowered = match form.mnemonic() {
        Mnemonic::Jmp => jump(form),
        Mnemonic::Call => call(form),
        Mnemonic::Ret => {
            let handlers = match (form.mode.flat, short_return(form)) {
                (true, false) => control(transfer::ret::<true, u32>),
                (true, true) => control(transfer::ret::<true, u16>),
                (false, false) => control(transfer::ret::<false, u32>),
                (false, true) => control(transfer::ret::<false, u16>),
            };
            Lowered::ends(handlers).with_immediate(dropped_bytes(form))
        }
        Mnemonic::Retf => {
            let short = matches!(instruction.code(), Code::Retfw | Code::Retfw_imm16);
            let handlers =
                if short { control(segment::ret_far::<u16>) } else { control(segment::ret_far::<u32>) };
            Lowered::ends(handlers).with_immediate(dropped_bytes(form))
        }
        Mnemonic::Iret => Lowered::ends(control(segment::iret::<u16>)),
        Mnemonic::Iretd => Lowered::ends(control(segment::iret::<u32>)),
        Mnemonic::Loop => loops::<{ transfer::ALWAYS }>(form),
        Mnemonic::Loope => loops::<{ transfer::WHILE_ZERO }>(form),
        Mnemonic::Loopne => loops::<{ transfer::WHILE_NOT_ZERO }>(form),
        Mnemonic::Jcxz => direct(form, control(transfer::jump_if_count_zero::<u16>)),
        Mnemonic::Jecxz => direct(form, control(transfer::jump_if_count_zero::<u32>)),
        Mnemonic::Int3 => Lowered::ends(control(transfer::int3)),
        Mnemonic::Int1 => Lowered::ends(control(transfer::int1)),
        Mnemonic::Into => Lowered::branches(control(transfer::into)),
        Mnemonic::Int => Lowered::ends(control(transfer::int)).with_immediate(form.immediate(0)),
        Mnemonic::Bound => {
            Lowered::straight(with_wide_width!(form.width(0), W => straight(transfer::bound::<W>)))
        }
        // RSM is #UD outside system management mode.
        Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2 | Mnemonic::Rsm => {
            Lowered::ends(control(transfer::invalid))
        }
        _ if instruction.condition_code() != ConditionCode::None && instruction.is_jcc_short_or_near() => {
            let code = condition_number(instruction.condition_code());
            direct(form, with_condition!(code, C => control(transfer::jump_if::<C>)))
        }
        _ => return None,
    };
    Some(lowered)
}

/// A direct branch that may fall through. Its link starts empty.
fn direct(form: &Form<'_>, handlers: Handlers) -> Lowered {
    Lowered::branches(handlers).with_immediate(branch_target(form)).with_displacement(0)
}

fn branch_target(form: &Form<'_>) -> u32 {
    form.instruction.near_branch_target() as u32
}

fn has_short_target(form: &Form<'_>) -> bool {
    form.instruction.op_kind(0) == OpKind::NearBranch16
}

fn short_return(form: &Form<'_>) -> bool {
    matches!(form.instruction.code(), Code::Retnw | Code::Retnw_imm16)
}

fn dropped_bytes(form: &Form<'_>) -> u32 {
    if form.instruction.op_count() == 1 { form.immediate(0) } else { 0 }
}

fn loops<const ZERO: u8>(form: &Form<'_>) -> Lowered {
    use Code::{
        Loop_rel8_16_CX, Loop_rel8_32_CX, Loope_rel8_16_CX, Loope_rel8_32_CX, Loopne_rel8_16_CX,
        Loopne_rel8_32_CX,
    };
    let short = matches!(
        form.instruction.code(),
        Loop_rel8_16_CX
            | Loop_rel8_32_CX
            | Loope_rel8_16_CX
            | Loope_rel8_32_CX
            | Loopne_rel8_16_CX
            | Loopne_rel8_32_CX
    );
    let handlers = if short {
        control(transfer::loop_while::<u16, ZERO>)
    } else {
        control(transfer::loop_while::<u32, ZERO>)
    };
    direct(form, handlers)
}

/// Offset and selector of a far pointer in the instruction.
fn far(form: &Form<'_>, handlers: Handlers) -> Lowered {
    let instruction = form.instruction;
    let offset = match instruction.op_kind(0) {
        OpKind::FarBranch16 => u32::from(instruction.far_branch16()),
        _ => instruction.far_branch32(),
    };
    Lowered::ends(handlers)
        .with_immediate(offset)
        .with_displacement(u32::from(instruction.far_branch_selector()))
}

fn jump(form: &Form<'_>) -> Lowered {
    let code = form.instruction.code();
    match code {
        Code::Jmp_ptr1616 => far(form, control(segment::jump_far_direct::<u16>)),
        Code::Jmp_ptr1632 => far(form, control(segment::jump_far_direct::<u32>)),
        Code::Jmp_m1616 => Lowered::ends(control(segment::jump_far_indirect::<u16>)),
        Code::Jmp_m1632 => Lowered::ends(control(segment::jump_far_indirect::<u32>)),
        _ => match form.place(0) {
            Place::Branch => Lowered::ends(control(transfer::leave_block))
                .with_immediate(branch_target(form))
                .with_displacement(0),
            Place::Register => {
                Lowered::ends(with_wide_width!(form.width(0), W => control(transfer::jump_to::<W, Target>)))
            }
            _ => Lowered::ends(
                with_wide_width!(form.width(0), W => with_address!(form, A => control(transfer::jump_to::<W, Memory<A>>))),
            ),
        },
    }
}

fn call(form: &Form<'_>) -> Lowered {
    let code = form.instruction.code();
    match code {
        Code::Call_ptr1616 => far(form, control(segment::call_far_direct::<u16>)),
        Code::Call_ptr1632 => far(form, control(segment::call_far_direct::<u32>)),
        Code::Call_m1616 => Lowered::ends(control(segment::call_far_indirect::<u16>)),
        Code::Call_m1632 => Lowered::ends(control(segment::call_far_indirect::<u32>)),
        _ => match (form.place(0), form.mode.flat) {
            (Place::Branch, flat) => {
                let handlers = match (flat, has_short_target(form)) {
                    (true, false) => control(transfer::call::<true, u32>),
                    (true, true) => control(transfer::call::<true, u16>),
                    (false, false) => control(transfer::call::<false, u32>),
                    (false, true) => control(transfer::call::<false, u16>),
                };
                Lowered::ends(handlers).with_immediate(branch_target(form)).with_displacement(0)
            }
            (Place::Register, true) => Lowered::ends(
                with_wide_width!(form.width(0), W => control(transfer::call_to::<true, W, Target>)),
            ),
            (Place::Register, false) => Lowered::ends(
                with_wide_width!(form.width(0), W => control(transfer::call_to::<false, W, Target>)),
            ),
            (_, true) => Lowered::ends(
                with_wide_width!(form.width(0), W => with_address!(form, A => control(transfer::call_to::<true, W, Memory<A>>))),
            ),
            (_, false) => Lowered::ends(
                with_wide_width!(form.width(0), W => with_any_address!(A => control(transfer::call_to::<false, W, Memory<A>>))),
            ),
        },
    }
}
