//! Shifts and rotates. SDM Vol. 1, 7.3.6.

use super::operand::{Modify, Read};
use crate::alu::{Width, shift};
use crate::cpu::ECX;
use crate::interpreter::{Executor, Operation, Stop};

/// Where a count comes from.
#[derive(Clone, Copy)]
pub(crate) struct CountInCl;

impl Read for CountInCl {
    #[inline(always)]
    fn read<W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop> {
        Ok(x.registers[ECX] & 0xff)
    }
}

/// ROL, ROR, RCL, RCR, SHL, SHR, SAR: the count is taken modulo 32.
#[inline(always)]
pub(crate) fn shift<O: shift::Shift, W: Width, T: Modify, C: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let count = C::read::<u8>(operation, x)? & 31;
    let (value, place) = T::read::<W>(operation, x)?;
    let (result, flags) = O::compute::<W>(value, count, x.flags);
    T::write::<W>(operation, x, place, result)?;
    x.flags = flags;
    Ok(())
}

/// SHLD and SHRD.
pub(crate) fn shift_double<const LEFT: bool, W: Width, T: Modify, C: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let count = C::read::<u8>(operation, x)? & 31;
    let (value, place) = T::read::<W>(operation, x)?;
    let filler = x.register::<W>(operation.source);
    let (result, flags) = if LEFT {
        shift::shift_double_left::<W>(value, filler, count, x.flags)
    } else {
        shift::shift_double_right::<W>(value, filler, count, x.flags)
    };
    T::write::<W>(operation, x, place, result)?;
    x.flags = flags;
    Ok(())
}
