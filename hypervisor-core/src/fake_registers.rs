//! The registers of the system that a guest believes to have: what may be written into them, and their copies for reading.
//!
//! They are kept in the processor, where those act that act in ring 3. Not here: who may read and write them.

use crate::abi::{FakeRegister, shared_page};
use crate::event_channel::SharedPages;
use emulator::cpu::control;
use emulator::{Cpu, CpuProfile};

/// Not write-through, and cache disabled: bits of CR0 that change nothing here.
const CR0_NW: u32 = 1 << 29;
const CR0_CD: u32 = 1 << 30;
/// Bits of CR0 that a guest may change.
const CR0_CHANGEABLE: u32 = control::CR0_MP
    | control::CR0_EM
    | control::CR0_TS
    | control::CR0_NE
    | control::CR0_WP
    | control::CR0_AM
    | CR0_NW
    | CR0_CD;
/// Bits of CR0 that exist; PE, ET and PG are 1.
pub const CR0_EXISTING: u32 = CR0_CHANGEABLE | 0x8000_0011;

/// Bits of DR6 that exist: B0 to B3, BD, BS, BT (SDM Vol. 3, 18.2.3).
const DR6_EXISTING: u32 = 0xe00f;
/// Bits of DR6 that are always 1.
const DR6_ONES: u32 = 0xffff_0ff0;
/// Bits of DR7 that exist: the enables, GD, and condition and length of each breakpoint (SDM Vol. 3, 18.2.4).
const DR7_EXISTING: u32 = 0xffff_23ff;
/// Bits of DR7 that are always 1.
const DR7_ONES: u32 = 0x400;

/// A value that the register cannot hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused;

/// Bits of CR4 that a guest with this processor may change.
#[must_use]
pub fn cr4_changeable(profile: CpuProfile) -> u32 {
    match profile {
        CpuProfile::I686 => control::CR4_TSD,
        CpuProfile::Pentium4 | CpuProfile::Prescott => {
            control::CR4_TSD | control::CR4_OSFXSR | control::CR4_OSXMMEXCPT
        }
    }
}

/// What a register holds.
#[must_use]
pub fn read(cpu: &Cpu, register: FakeRegister) -> u32 {
    let system = &cpu.system;
    match register {
        FakeRegister::Cr0 => system.cr0,
        FakeRegister::Cr2 => system.cr2,
        FakeRegister::Cr3 => system.cr3,
        FakeRegister::Cr4 => system.cr4,
        FakeRegister::Dr0 => system.dr[0],
        FakeRegister::Dr1 => system.dr[1],
        FakeRegister::Dr2 => system.dr[2],
        FakeRegister::Dr3 => system.dr[3],
        FakeRegister::Dr6 => system.dr[6],
        FakeRegister::Dr7 => system.dr[7],
        FakeRegister::GdtrBase => system.gdtr.0,
        FakeRegister::GdtrLimit => u32::from(system.gdtr.1),
        FakeRegister::IdtrBase => system.idtr.0,
        FakeRegister::IdtrLimit => u32::from(system.idtr.1),
        FakeRegister::Ldtr => u32::from(system.ldtr),
        FakeRegister::Tr => u32::from(system.tr),
        FakeRegister::Iopl => u32::from(system.iopl),
    }
}

/// Writes a register; of CR4 only the bits `cr4_changeable` change.
///
/// # Errors
/// The register cannot hold the value; it keeps the one before.
pub fn write(cpu: &mut Cpu, register: FakeRegister, value: u32, cr4_changeable: u32) -> Result<(), Refused> {
    let system = &mut cpu.system;
    match register {
        // SDM Vol. 2B, "MOV - Move to/from Control Registers".
        FakeRegister::Cr0 if value & (CR0_NW | CR0_CD) == CR0_NW => return Err(Refused),
        // ET is 1, whatever is written (SDM Vol. 3, 2.5).
        FakeRegister::Cr0 => change(&mut system.cr0, value | control::CR0_ET, CR0_CHANGEABLE)?,
        FakeRegister::Cr2 => system.cr2 = value,
        FakeRegister::Cr3 => system.cr3 = value,
        FakeRegister::Cr4 => change(&mut system.cr4, value, cr4_changeable)?,
        FakeRegister::Dr0 => system.dr[0] = value,
        FakeRegister::Dr1 => system.dr[1] = value,
        FakeRegister::Dr2 => system.dr[2] = value,
        FakeRegister::Dr3 => system.dr[3] = value,
        FakeRegister::Dr6 => system.dr[6] = value & DR6_EXISTING | DR6_ONES,
        FakeRegister::Dr7 => system.dr[7] = value & DR7_EXISTING | DR7_ONES,
        FakeRegister::GdtrBase => system.gdtr.0 = value,
        FakeRegister::GdtrLimit => system.gdtr.1 = half(value)?,
        FakeRegister::IdtrBase => system.idtr.0 = value,
        FakeRegister::IdtrLimit => system.idtr.1 = half(value)?,
        FakeRegister::Ldtr => system.ldtr = half(value)?,
        FakeRegister::Tr => system.tr = half(value)?,
        FakeRegister::Iopl if value < 4 => system.iopl = value as u8,
        FakeRegister::Iopl => return Err(Refused),
    }
    Ok(())
}

fn change(register: &mut u32, value: u32, changeable: u32) -> Result<(), Refused> {
    if (value ^ *register) & !changeable != 0 {
        return Err(Refused);
    }
    *register = value;
    Ok(())
}

fn half(value: u32) -> Result<u16, Refused> {
    u16::try_from(value).map_err(|_| Refused)
}

/// Writes the copies for reading.
pub fn publish(cpu: &Cpu, shared: &mut impl SharedPages) {
    for (register, offset) in [
        (FakeRegister::Cr0, shared_page::CR0),
        (FakeRegister::Cr2, shared_page::CR2),
        (FakeRegister::Cr3, shared_page::CR3),
        (FakeRegister::Cr4, shared_page::CR4),
        (FakeRegister::GdtrBase, shared_page::GDTR_BASE),
        (FakeRegister::GdtrLimit, shared_page::GDTR_LIMIT),
        (FakeRegister::IdtrBase, shared_page::IDTR_BASE),
        (FakeRegister::IdtrLimit, shared_page::IDTR_LIMIT),
        (FakeRegister::Ldtr, shared_page::LDTR),
        (FakeRegister::Tr, shared_page::TR),
        (FakeRegister::Iopl, shared_page::IOPL),
    ] {
        shared.store(offset, read(cpu, register));
    }
}
