//! What ring 3 sees of the system: stores of system registers, CPUID, RDTSC, ARPL.

use super::operand::{Modify, Read};
use crate::alu::Width;
use crate::cpu::{EAX, EBX, ECX, EDX, control};
use crate::interpreter::{CpuProfile, Executor, Operation, Stop};
use crate::{AccessKind, Exit, Privileged};

/// SGDT: base in bits 16 to 47, limit below. Fixed values, the same on every host.
pub(crate) const GDTR: u64 = 0xfffe_0000 << 16;
/// SIDT
pub(crate) const IDTR: u64 = 0xffff_0000 << 16;
/// SLDT
pub(crate) const LDTR: u32 = 0;
/// STR
pub(crate) const TR: u32 = 0x40;
/// SMSW: PE, MP, ET, NE, WP, AM, PG.
pub(crate) const MACHINE_STATUS: u32 = 0x8005_0033;

/// With UMIP these instructions are privileged.
fn check_umip(x: &mut Executor<'_>) -> Result<(), Stop> {
    if x.cpu.system.cr4 & control::CR4_UMIP != 0 {
        return Err(x.stop(Exit::Privileged(Privileged::StoreDescriptorTable)));
    }
    Ok(())
}

/// SGDT and SIDT: six bytes, whatever the operand size.
pub(crate) fn store_table<const INTERRUPT: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    check_umip(x)?;
    let image = if INTERRUPT { IDTR } else { GDTR };
    let offset = x.offset(operation);
    let segment = super::operand::segment_register(operation);
    let limit = x.linear(segment, offset, 2, AccessKind::Write)?;
    let base = x.linear(segment, offset.wrapping_add(2), 4, AccessKind::Write)?;
    x.check_aligned_store(limit, 2, 2)?;
    x.check_aligned_store(base, 4, 4)?;
    x.store::<u16>(operation, limit, image as u16)?;
    x.store::<u32>(operation, base, (image >> 16) as u32)
}

/// SLDT, STR and SMSW: `immediate` holds the value. To memory 16 bits, to a register `W`.
pub(crate) fn store_word<W: Width, T: Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    check_umip(x)?;
    let place = T::place::<W>(operation, x)?;
    T::write::<W>(operation, x, place, operation.immediate & W::MASK)
}

/// RDTSC: virtual time in units.
pub(crate) fn read_time_stamp(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    if x.cpu.system.cr4 & control::CR4_TSD != 0 {
        return Err(x.stop(Exit::Privileged(Privileged::ModelSpecific)));
    }
    let stamp = x.time_stamp(operation);
    x.registers[EAX] = stamp as u32;
    x.registers[EDX] = (stamp >> 32) as u32;
    Ok(())
}

/// Bits of EDX in leaf 1 of CPUID, the bit of ECX apart.
mod feature {
    pub(super) const FPU: u32 = 1 << 0;
    pub(super) const TSC: u32 = 1 << 4;
    pub(super) const CX8: u32 = 1 << 8;
    pub(super) const CMOV: u32 = 1 << 15;
    pub(super) const CLFSH: u32 = 1 << 19;
    pub(super) const MMX: u32 = 1 << 23;
    pub(super) const FXSR: u32 = 1 << 24;
    pub(super) const SSE: u32 = 1 << 25;
    pub(super) const SSE2: u32 = 1 << 26;
    /// In ECX.
    pub(super) const SSE3: u32 = 1 << 0;

    pub(super) const I686: u32 = FPU | TSC | CX8 | CMOV | MMX;
    pub(super) const PENTIUM4: u32 = I686 | CLFSH | FXSR | SSE | SSE2;
}

/// CPUID: what the profile claims, and nothing that does not work. SDM Vol. 2A, "CPUID".
///
/// The vendor is the one of the models that the profiles are made after: C libraries look at the features of vendors that
/// they know, and of no others.
pub(crate) fn identify(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    // In EBX: CLFLUSH works on eight times eight bytes.
    const LINE: u32 = 8 << 8;
    let [eax, ebx, ecx, edx] = match (x.registers[EAX], x.profile()) {
        (0, _) => {
            [2, u32::from_le_bytes(*b"Genu"), u32::from_le_bytes(*b"ntel"), u32::from_le_bytes(*b"ineI")]
        }
        // Family, model, stepping.
        (1, CpuProfile::I686) => [0x652, 0, 0, feature::I686],
        (1, CpuProfile::Pentium4) => [0xf24, LINE, 0, feature::PENTIUM4],
        (1, CpuProfile::Prescott) => [0xf34, LINE, feature::SSE3, feature::PENTIUM4],
        // Ask once; data cache and second level as the models have them: 16 and 512 KiB, 8 and 512 KiB, 16 KiB and 1 MiB.
        (2, CpuProfile::I686) => [0x0043_0c01, 0, 0, 0],
        (2, CpuProfile::Pentium4) => [0x007b_6601, 0, 0, 0],
        (2, CpuProfile::Prescott) => [0x007c_6001, 0, 0, 0],
        _ => [0; 4],
    };
    x.registers[EAX] = eax;
    x.registers[EBX] = ebx;
    x.registers[ECX] = ecx;
    x.registers[EDX] = edx;
    Ok(())
}

/// ARPL: raises the RPL of the first selector to that of the second. Nothing is written if it is high enough.
pub(crate) fn adjust_rpl<T: Read + Modify>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let selector = <T as Read>::read::<u16>(operation, x)?;
    let rpl = x.register::<u16>(operation.source) & 3;
    let lower = selector & 3 < rpl;
    if lower {
        let place = T::place::<u16>(operation, x)?;
        T::write::<u16>(operation, x, place, selector & !3 | rpl)?;
    }
    x.flags.set_zero(lower);
    Ok(())
}
