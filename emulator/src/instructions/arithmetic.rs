//! Binary arithmetic and logic. SDM Vol. 1, 7.3.2 and 7.3.3.

use super::operand::{Modify, Read};
use crate::Vector;
use crate::alu::arithmetic::{Binary, Unary};
use crate::alu::{Width, multiply};
use crate::cpu::{EAX, EDX};
use crate::interpreter::{Executor, Operation, Stop};

/// AH, as a byte register.
const AH: u8 = 4;

/// ADD, ADC, SUB, SBB, AND, OR, XOR: both operands, result into the first.
#[inline(always)]
pub(crate) fn binary<O: Binary, W: Width, T: Modify, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let right = S::read::<W>(operation, x)?;
    let (left, place) = T::read::<W>(operation, x)?;
    let (result, flags) = O::compute::<W>(left, right, x.flags);
    T::write::<W>(operation, x, place, result)?;
    x.flags = flags;
    Ok(())
}

/// CMP and TEST: flags only.
#[inline(always)]
pub(crate) fn compare<O: Binary, W: Width, T: Read, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let left = T::read::<W>(operation, x)?;
    let right = S::read::<W>(operation, x)?;
    x.flags = O::compute::<W>(left, right, x.flags).1;
    Ok(())
}

/// INC, DEC, NEG, NOT
#[inline(always)]
pub(crate) fn unary<O: Unary, W: Width, T: Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let (value, place) = T::read::<W>(operation, x)?;
    let (result, flags) = O::compute::<W>(value, x.flags);
    T::write::<W>(operation, x, place, result)?;
    x.flags = flags;
    Ok(())
}

/// MUL and IMUL of one operand: the accumulator times it, into both halves.
#[inline(always)]
pub(crate) fn multiply_wide<const SIGNED: bool, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let right = S::read::<W>(operation, x)?;
    let left = x.register::<W>(EAX as u8);
    let (low, high, flags) = if SIGNED {
        multiply::multiply_signed::<W>(left, right, x.flags)
    } else {
        multiply::multiply::<W>(left, right, x.flags)
    };
    x.set_register::<W>(EAX as u8, low);
    x.set_register::<W>(if W::BITS == 8 { AH } else { EDX as u8 }, high);
    x.flags = flags;
    Ok(())
}

/// IMUL of two or three operands: `L` times `R` into the target register.
#[inline(always)]
pub(crate) fn multiply_into<W: Width, L: Read, R: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let left = L::read::<W>(operation, x)?;
    let right = R::read::<W>(operation, x)?;
    let (low, _, flags) = multiply::multiply_signed::<W>(left, right, x.flags);
    x.set_register::<W>(operation.target, low);
    x.flags = flags;
    Ok(())
}

/// DIV and IDIV. The flags are undefined; they stay.
#[inline(always)]
pub(crate) fn divide<const SIGNED: bool, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let divisor = S::read::<W>(operation, x)?;
    let upper = if W::BITS == 8 { AH } else { EDX as u8 };
    let (high, low) = (x.register::<W>(upper), x.register::<W>(EAX as u8));
    let divided = if SIGNED {
        multiply::divide_signed::<W>(high, low, divisor)
    } else {
        multiply::divide::<W>(high, low, divisor)
    };
    let Some((quotient, remainder)) = divided else {
        return Err(x.fault(Vector::DivideError, 0));
    };
    x.set_register::<W>(EAX as u8, quotient);
    x.set_register::<W>(upper, remainder);
    Ok(())
}
