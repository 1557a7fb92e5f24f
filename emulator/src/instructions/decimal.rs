//! Decimal adjustment. SDM Vol. 1, 7.3.4.

use crate::Vector;
use crate::alu::{LazyFlags, decimal};
use crate::cpu::EAX;
use crate::interpreter::{Executor, Operation, Stop};

type Adjust = fn(u32, LazyFlags) -> (u32, LazyFlags);

fn adjust_al(x: &mut Executor<'_>, adjust: Adjust) {
    let (al, flags) = adjust(x.register::<u8>(EAX as u8), x.flags);
    x.set_register::<u8>(EAX as u8, al);
    x.flags = flags;
}

fn adjust_ax(x: &mut Executor<'_>, adjust: Adjust) {
    let (ax, flags) = adjust(x.register::<u16>(EAX as u8), x.flags);
    x.set_register::<u16>(EAX as u8, ax);
    x.flags = flags;
}

/// DAA
pub(crate) fn daa(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    adjust_al(x, decimal::adjust_add_packed);
    Ok(())
}

/// DAS
pub(crate) fn das(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    adjust_al(x, decimal::adjust_subtract_packed);
    Ok(())
}

/// AAA
pub(crate) fn aaa(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    adjust_ax(x, decimal::adjust_add_unpacked);
    Ok(())
}

/// AAS
pub(crate) fn aas(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    adjust_ax(x, decimal::adjust_subtract_unpacked);
    Ok(())
}

/// AAM
pub(crate) fn aam(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let adjusted = decimal::adjust_multiply(x.register::<u8>(EAX as u8), operation.immediate & 0xff);
    let Some((ax, flags)) = adjusted else {
        return Err(x.fault(Vector::DivideError, 0));
    };
    x.set_register::<u16>(EAX as u8, ax);
    x.flags = flags;
    Ok(())
}

/// AAD
pub(crate) fn aad(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let (al, flags) = decimal::adjust_divide(x.register::<u16>(EAX as u8), operation.immediate & 0xff);
    x.set_register::<u16>(EAX as u8, al);
    x.flags = flags;
    Ok(())
}
