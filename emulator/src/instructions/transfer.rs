//! Moves and conversions. SDM Vol. 1, 7.3.1.

use super::operand::{Modify, Read, segment_register};
use crate::AccessKind;
use crate::alu::Width;
use crate::cpu::{EAX, EBX, EDX};
use crate::interpreter::{Executor, Operation, Stop};

/// MOV
#[inline(always)]
pub(crate) fn mov<W: Width, T: Modify, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = S::read::<W>(operation, x)?;
    let place = T::place::<W>(operation, x)?;
    T::write::<W>(operation, x, place, value)
}

/// MOVZX
#[inline(always)]
pub(crate) fn mov_zero_extended<N: Width, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = S::read::<N>(operation, x)?;
    x.set_register::<W>(operation.target, value);
    Ok(())
}

/// MOVSX
#[inline(always)]
pub(crate) fn mov_sign_extended<N: Width, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = S::read::<N>(operation, x)?;
    x.set_register::<W>(operation.target, N::sign_extend(value));
    Ok(())
}

/// LEA
#[inline(always)]
pub(crate) fn lea<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let offset = x.offset(operation);
    x.set_register::<W>(operation.target, offset);
    Ok(())
}

/// CMOVcc: a memory operand is read whether or not the condition holds.
#[inline(always)]
pub(crate) fn mov_if<const CODE: u8, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = S::read::<W>(operation, x)?;
    if x.flags.condition::<CODE>() {
        x.set_register::<W>(operation.target, value);
    }
    Ok(())
}

/// SETcc
#[inline(always)]
pub(crate) fn set_if<const CODE: u8, T: Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = u32::from(x.flags.condition::<CODE>());
    let place = T::place::<u8>(operation, x)?;
    T::write::<u8>(operation, x, place, value)
}

/// CBW and CWDE: the accumulator's lower half, sign-extended into `W`.
pub(crate) fn widen_accumulator<N: Width, W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let value = N::sign_extend(x.register::<N>(EAX as u8));
    x.set_register::<W>(EAX as u8, value);
    Ok(())
}

/// CWD and CDQ: the accumulator's sign in all bits of DX or EDX.
pub(crate) fn spread_sign<W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let sign = x.register::<W>(EAX as u8) & W::SIGN != 0;
    x.set_register::<W>(EDX as u8, if sign { u32::MAX } else { 0 });
    Ok(())
}

/// BSWAP. With a 16-bit operand the result is undefined; real processors give 0.
pub(crate) fn swap_bytes<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let value = x.register::<u32>(operation.target).swap_bytes();
    x.set_register::<W>(operation.target, if W::BITS == 16 { 0 } else { value });
    Ok(())
}

/// XLAT: AL := the byte at (E)BX + AL.
pub(crate) fn translate_byte(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let offset = x.registers[EBX].wrapping_add(x.register::<u8>(EAX as u8));
    let offset = if operation.segment & 0x80 != 0 { offset & 0xffff } else { offset };
    let address = x.linear(segment_register(operation), offset, 1, AccessKind::Read)?;
    let value = x.load::<u8>(address)?;
    x.set_register::<u8>(EAX as u8, u32::from(value));
    Ok(())
}

/// NOP, PAUSE, prefetches and the other hints.
#[inline(always)]
pub(crate) fn nothing(_: &Operation, _: &mut Executor<'_>) -> Result<(), Stop> {
    Ok(())
}
