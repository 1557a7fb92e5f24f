//! Flags as data. SDM Vol. 1, 7.3.14. PUSHF and POPF are in `stack.rs`.

use crate::cpu::{EAX, flags};
use crate::interpreter::{Executor, Operation, Stop};

const AH: u8 = 4;
/// The flags that LAHF and SAHF move.
const LOW_FLAGS: u32 = flags::SF | flags::ZF | flags::AF | flags::PF | flags::CF;

/// CLC
pub(crate) fn clc(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.flags.set_carry(false);
    Ok(())
}

/// STC
pub(crate) fn stc(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.flags.set_carry(true);
    Ok(())
}

/// CMC
pub(crate) fn cmc(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.flags.set_carry(!x.flags.carry());
    Ok(())
}

/// CLD
pub(crate) fn cld(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.other_flags &= !flags::DF;
    Ok(())
}

/// STD
pub(crate) fn std(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.other_flags |= flags::DF;
    Ok(())
}

/// LAHF
pub(crate) fn lahf(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let eflags = x.eflags();
    x.set_register::<u8>(AH, eflags & LOW_FLAGS | flags::ONE);
    Ok(())
}

/// SAHF
pub(crate) fn sahf(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let ah = x.register::<u8>(AH);
    let eflags = x.eflags();
    x.set_eflags(eflags & !LOW_FLAGS | ah & LOW_FLAGS);
    Ok(())
}

/// SALC: AL := CF in all bits.
pub(crate) fn salc(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let value = if x.flags.carry() { 0xff } else { 0 };
    x.set_register::<u8>(EAX as u8, value);
    Ok(())
}
