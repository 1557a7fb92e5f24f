//! Transfers of control within the code segment, and software interrupts. SDM Vol. 1, 7.3.8.

use super::operand::{Read, segment_register};
use crate::alu::Width;
use crate::cpu::ECX;
use crate::interpreter::{Executor, Flow, Operation, Stop};
use crate::{AccessKind, Exit, Privileged, Vector};

/// The end of a block that no branch ends.
#[inline(always)]
pub(crate) fn leave_block(_: &Operation, _: &mut Executor<'_>) -> Result<Flow, Stop> {
    Ok(Flow::Branch)
}

/// Jcc
#[inline(always)]
pub(crate) fn jump_if<const CODE: u8>(_: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Ok(if x.flags.condition::<CODE>() { Flow::Branch } else { Flow::FallThrough })
}

/// LOOP, LOOPE, LOOPNE: count down in `W`, and how ZF has to stand.
#[inline(always)]
pub(crate) fn loop_while<W: Width, const ZERO: u8>(
    _: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let count = x.register::<W>(ECX as u8).wrapping_sub(1);
    x.set_register::<W>(ECX as u8, count);
    let wanted = match ZERO {
        0 => !x.flags.zero(),
        1 => x.flags.zero(),
        _ => true,
    };
    Ok(if count & W::MASK != 0 && wanted { Flow::Branch } else { Flow::FallThrough })
}

/// LOOPNE
pub(crate) const WHILE_NOT_ZERO: u8 = 0;
/// LOOPE
pub(crate) const WHILE_ZERO: u8 = 1;
/// LOOP
pub(crate) const ALWAYS: u8 = 2;

/// JCXZ, JECXZ
pub(crate) fn jump_if_count_zero<W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Ok(if x.register::<W>(ECX as u8) == 0 { Flow::Branch } else { Flow::FallThrough })
}

/// JMP to a register or memory operand.
#[inline(always)]
pub(crate) fn jump_to<W: Width, S: Read>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Ok(Flow::Jump(S::read::<W>(operation, x)?))
}

/// CALL rel
#[inline(always)]
pub(crate) fn call<const FLAT: bool, W: Width>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    x.push::<FLAT, W>(operation, operation.next_eip())?;
    Ok(Flow::Branch)
}

/// CALL of a register or memory operand.
#[inline(always)]
pub(crate) fn call_to<const FLAT: bool, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let target = S::read::<W>(operation, x)?;
    x.push::<FLAT, W>(operation, operation.next_eip())?;
    Ok(Flow::Jump(target))
}

/// RET, and RET imm16 with the bytes to drop in the immediate.
#[inline(always)]
pub(crate) fn ret<const FLAT: bool, W: Width>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let target = x.stacked::<FLAT, W>(0)?;
    x.drop_stacked(W::BYTES.wrapping_add(operation.immediate));
    Ok(Flow::Jump(target))
}

/// INT3: #BP, a trap.
pub(crate) fn int3(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    x.trap(Vector::Breakpoint, operation.next_eip());
    Ok(Flow::Halt)
}

/// INT1
pub(crate) fn int1(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Err(x.stop(Exit::Int1 { length: operation.length }))
}

/// INTO: #OF, a trap, if OF is set.
pub(crate) fn into(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    if !x.flags.overflow() {
        return Ok(Flow::FallThrough);
    }
    x.trap(Vector::Overflow, operation.next_eip());
    Ok(Flow::Halt)
}

/// INT n
pub(crate) fn int(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Err(x.stop(Exit::SoftwareInterrupt { vector: operation.immediate as u8, length: operation.length }))
}

/// BOUND
pub(crate) fn bound<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let offset = x.offset(operation);
    let segment = segment_register(operation);
    let lower = x.linear(segment, offset, W::BYTES, AccessKind::Read)?;
    let lower: u64 = x.load::<W>(lower)?.into();
    let upper = x.linear(segment, offset.wrapping_add(W::BYTES), W::BYTES, AccessKind::Read)?;
    let upper: u64 = x.load::<W>(upper)?.into();
    let signed = |value: u32| W::sign_extend(value) as i32;
    let index = signed(x.register::<W>(operation.target));
    if index < signed(lower as u32) || index > signed(upper as u32) {
        return Err(x.fault(Vector::BoundRange, 0));
    }
    Ok(())
}

/// #UD
pub(crate) fn invalid(_: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Err(x.fault(Vector::InvalidOpcode, 0))
}

/// An instruction of more than 15 bytes.
pub(crate) fn too_long(_: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Err(x.fault(Vector::GeneralProtection, 0))
}

/// An instruction that this processor should have and does not have yet.
pub(crate) fn unimplemented(_: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    Err(x.stop(Exit::Unimplemented))
}

/// A privileged instruction, by its number in [`PRIVILEGED`] in the immediate.
pub(crate) fn privileged(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let which = PRIVILEGED[operation.immediate as usize % PRIVILEGED.len()];
    Err(x.stop(Exit::Privileged(which)))
}

/// The privileged instructions, numbered for [`privileged`].
pub(crate) const PRIVILEGED: [Privileged; 12] = [
    Privileged::Cli,
    Privileged::Sti,
    Privileged::Hlt,
    Privileged::In,
    Privileged::Out,
    Privileged::ControlRegister,
    Privileged::DebugRegister,
    Privileged::DescriptorTable,
    Privileged::StoreDescriptorTable,
    Privileged::ModelSpecific,
    Privileged::Cache,
    Privileged::Other,
];
