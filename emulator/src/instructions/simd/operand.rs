//! Operands of MMX and SSE instructions: the three register files, memory, and which faults come first.

use crate::cpu::control;
use crate::fpu::F80;
use crate::instructions::operand::segment_register;
use crate::interpreter::{Executor, Operation, Stop};
use crate::{AccessKind, Vector};

/// In [`Operation::source`] and [`Operation::target`]: memory; the low bits are its length in bytes, 16 at most.
pub(crate) const MEMORY: u8 = 0x80;
/// With [`MEMORY`] and 16 bytes: the address need not be aligned.
pub(crate) const UNALIGNED: u8 = 0x40;
/// In [`Operation::source`]: the immediate.
pub(crate) const IMMEDIATE: u8 = 0x20;

/// A register file. Values travel zero-extended in 128 bits.
pub(crate) trait File: Copy {
    /// Its instructions are x87's to save: they need no pending exception and make the x87 stack theirs.
    const SHARED_WITH_X87: bool = false;
    /// Its instructions need an operating system that saves it.
    const SAVED_BY_FXSAVE: bool = false;

    fn read(x: &Executor<'_>, number: u8) -> u128;
    fn write(x: &mut Executor<'_>, number: u8, value: u128);
}

/// XMM0 to XMM7.
#[derive(Clone, Copy)]
pub(crate) struct Xmm;
/// MM0 to MM7.
#[derive(Clone, Copy)]
pub(crate) struct Mm;
/// EAX to EDI.
#[derive(Clone, Copy)]
pub(crate) struct General;

impl File for Xmm {
    const SAVED_BY_FXSAVE: bool = true;

    #[inline(always)]
    fn read(x: &Executor<'_>, number: u8) -> u128 {
        x.cpu.sse.xmm[usize::from(number & 7)]
    }

    #[inline(always)]
    fn write(x: &mut Executor<'_>, number: u8, value: u128) {
        x.cpu.sse.xmm[usize::from(number & 7)] = value;
    }
}

impl File for Mm {
    const SHARED_WITH_X87: bool = true;

    fn read(x: &Executor<'_>, number: u8) -> u128 {
        x.cpu.fpu.registers[usize::from(number & 7)].significand.into()
    }

    fn write(x: &mut Executor<'_>, number: u8, value: u128) {
        x.cpu.fpu.registers[usize::from(number & 7)] =
            F80 { sign_exponent: u16::MAX, significand: value as u64 };
    }
}

impl File for General {
    fn read(x: &Executor<'_>, number: u8) -> u128 {
        x.register::<u32>(number).into()
    }

    fn write(x: &mut Executor<'_>, number: u8, value: u128) {
        x.set_register::<u32>(number, value as u32);
    }
}

/// The faults that come before all others (SDM Vol. 3, 23.25 and table 12-1).
#[inline(always)]
pub(crate) fn check_available<T: File, S: File>(x: &mut Executor<'_>) -> Result<(), Stop> {
    let (cr0, cr4) = (x.cpu.system.cr0, x.cpu.system.cr4);
    let saved = T::SAVED_BY_FXSAVE || S::SAVED_BY_FXSAVE;
    if cr0 & control::CR0_EM != 0 || saved && cr4 & control::CR4_OSFXSR == 0 {
        return Err(x.fault(Vector::InvalidOpcode, 0));
    }
    if cr0 & control::CR0_TS != 0 {
        return Err(x.fault(Vector::DeviceNotAvailable, 0));
    }
    Ok(())
}

/// The fault that comes next, before an instruction that makes the x87 stack MMX's: an exception is pending.
#[inline(always)]
pub(crate) fn check_pending(x: &mut Executor<'_>) -> Result<(), Stop> {
    let fpu = &x.cpu.fpu;
    if fpu.status & !fpu.control & 0x3f != 0 {
        return Err(x.fault(Vector::FloatingPoint, 0));
    }
    Ok(())
}

/// What every MMX instruction but EMMS does to x87: TOP becomes 0, all registers are in use.
pub(crate) fn enter_mmx(x: &mut Executor<'_>) {
    x.cpu.fpu.status &= !(7 << 11);
    x.cpu.fpu.tags = 0xff;
}

/// The second operand.
#[inline(always)]
pub(crate) fn source<S: File>(operation: &Operation, x: &mut Executor<'_>) -> Result<u128, Stop> {
    match operation.source {
        place if place & MEMORY != 0 => load(operation, x, place),
        IMMEDIATE => Ok((operation.immediate & 0xff).into()),
        register => Ok(S::read(x, register)),
    }
}

/// The first operand; 0 if it is memory, which no instruction of ours both reads and writes.
#[inline(always)]
pub(crate) fn target<T: File>(operation: &Operation, x: &Executor<'_>) -> u128 {
    if operation.target & MEMORY != 0 { 0 } else { T::read(x, operation.target) }
}

/// The address of the memory operand `place`. A misaligned one is #GP(0), before any page fault, and #AC where
/// alignment is checked; the manual leaves the choice open.
fn address(
    operation: &Operation,
    x: &mut Executor<'_>,
    place: u8,
    kind: AccessKind,
) -> Result<(u32, u32), Stop> {
    let length = u32::from(place & 0x1f);
    let offset = x.offset(operation);
    let address = x.linear(segment_register(operation), offset, length, kind)?;
    if length == 16 {
        x.check_alignment(address, 16)?;
    }
    if length == 16 && place & UNALIGNED == 0 && address % 16 != 0 {
        return Err(x.fault(Vector::GeneralProtection, 0));
    }
    Ok((address, length))
}

fn load(operation: &Operation, x: &mut Executor<'_>, place: u8) -> Result<u128, Stop> {
    let (address, length) = address(operation, x, place, AccessKind::Read)?;
    Ok(match length {
        2 => x.load::<u16>(address)?.into(),
        4 => x.load::<u32>(address)?.into(),
        8 => x.load::<u64>(address)?.into(),
        _ => {
            let low = x.load::<u64>(address)?;
            let high = x.load::<u64>(address.wrapping_add(8))?;
            u128::from(high) << 64 | u128::from(low)
        }
    })
}

/// Stores to the memory that is the first operand, all bytes or none.
pub(crate) fn store(operation: &Operation, x: &mut Executor<'_>, value: u128) -> Result<(), Stop> {
    let (address, length) = address(operation, x, operation.target, AccessKind::Write)?;
    match length {
        4 => x.store::<u32>(operation, address, value as u32),
        8 => x.store::<u64>(operation, address, value as u64),
        _ => {
            x.check_store(address, 16)?;
            x.store::<u64>(operation, address, value as u64)?;
            x.store::<u64>(operation, address.wrapping_add(8), (value >> 64) as u64)
        }
    }
}
