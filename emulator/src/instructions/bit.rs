//! Bit tests and scans. SDM Vol. 1, 7.3.7.

use super::operand::{Modify, Read, segment_register};
use crate::AccessKind;
use crate::alu::{LazyFlags, Width};
use crate::interpreter::{Executor, Operation, Stop};

/// BT
pub(crate) const TEST: u8 = 0;
/// BTS
pub(crate) const SET: u8 = 1;
/// BTR
pub(crate) const RESET: u8 = 2;
/// BTC
pub(crate) const COMPLEMENT: u8 = 3;

fn changed<const ACTION: u8>(value: u32, bit: u32) -> u32 {
    match ACTION {
        SET => value | 1 << bit,
        RESET => value & !(1 << bit),
        COMPLEMENT => value ^ 1 << bit,
        _ => value,
    }
}

/// BT, BTS, BTR, BTC with a bit number that is taken modulo the width: register forms and immediate ones.
pub(crate) fn bit_within<const ACTION: u8, W: Width, T: Modify, N: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let bit = N::read::<W>(operation, x)? % W::BITS;
    let (value, place) = T::read::<W>(operation, x)?;
    T::write::<W>(operation, x, place, changed::<ACTION>(value, bit))?;
    x.flags.set_carry(value >> bit & 1 != 0);
    Ok(())
}

/// BT with an immediate or in a register: nothing is written.
pub(crate) fn test_within<W: Width, T: Read, N: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let bit = N::read::<W>(operation, x)? % W::BITS;
    let value = T::read::<W>(operation, x)?;
    x.flags.set_carry(value >> bit & 1 != 0);
    Ok(())
}

/// BT, BTS, BTR, BTC of a bit string in memory: the register holds a signed bit number.
pub(crate) fn bit_in_string<const ACTION: u8, W: Width>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let number = W::sign_extend(x.register::<W>(operation.source)) as i32;
    let words = number.div_euclid(W::BITS as i32);
    let bit = number.rem_euclid(W::BITS as i32) as u32;
    let offset = x.offset(operation).wrapping_add((words as u32).wrapping_mul(W::BYTES));
    let offset = if operation.segment & 0x80 != 0 { offset & 0xffff } else { offset };
    let kind = if ACTION == TEST { AccessKind::Read } else { AccessKind::Write };
    let address = x.linear(segment_register(operation), offset, W::BYTES, kind)?;
    let value: u64 =
        if ACTION == TEST { x.load::<W>(address)?.into() } else { x.load_for_store::<W>(address)?.into() };
    let value = value as u32;
    if ACTION != TEST {
        x.store::<W>(operation, address, W::truncate(u64::from(changed::<ACTION>(value, bit))))?;
    }
    x.flags.set_carry(value >> bit & 1 != 0);
    Ok(())
}

/// BSF and BSR. A source of 0 sets ZF and leaves the target as it is.
pub(crate) fn scan<const REVERSE: bool, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = S::read::<W>(operation, x)?;
    let zero = value == 0;
    if !zero {
        let bit = if REVERSE { 31 - value.leading_zeros() } else { value.trailing_zeros() };
        x.set_register::<W>(operation.target, bit);
    }
    x.flags = LazyFlags::of_logic::<u32>(u32::from(!zero));
    Ok(())
}
