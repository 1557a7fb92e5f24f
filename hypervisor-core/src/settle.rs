//! Does what a privileged instruction asks for, on the registers that the core keeps, the virtual interrupt flag and the
//! ports that the partition was granted.
//!
//! Nothing is behind a port yet: a read gives ones, and a write goes nowhere. Not here: whether an instruction is
//! settled at all, and what its end costs.

use crate::abi::FakeRegister;
use crate::fake_registers;
use crate::guest::Guest;
use crate::paravirtual::Paravirtual;
use crate::seeded_faults::{Fault, seeded};
use emulator::cpu::{self, control, flags};
use emulator::decode::{Address, Operand, Port, PrivilegedOperation, StringForm, Table};
use emulator::{Access, AccessKind, Exception, Vector};

/// IA32_TIME_STAMP_COUNTER
const MSR_TIME_STAMP: u32 = 0x10;
/// IA32_APIC_BASE
const MSR_APIC_BASE: u32 = 0x1b;
/// The usual address, the boot processor, and no local APIC in use.
const APIC_BASE: u64 = 0xfee0_0100;

/// Bits of CR0 that LMSW loads; it does not clear PE.
const MACHINE_STATUS: u32 = control::CR0_MP | control::CR0_EM | control::CR0_TS;

/// How the guest goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// At the next instruction.
    Next,
    /// At the next instruction, which no upcall precedes.
    Shadow,
    /// At the same instruction, with the next iteration.
    Again,
    /// At the next instruction, when an upcall is pending.
    Wait,
}

/// Does privileged instructions.
#[derive(Debug)]
pub struct Settler<'a> {
    /// What the core knows of the guest.
    pub paravirtual: &'a Paravirtual,
    /// The guest.
    pub guest: &'a mut Guest,
    /// What RDTSC reads.
    pub time_stamp: u64,
    /// The accesses to memory so far.
    pub accesses: Vec<Access>,
}

impl Settler<'_> {
    /// Does an instruction, or one iteration of it. EIP stays.
    ///
    /// # Errors
    /// What the processor raises in ring 0, or #GP for what there is no way to settle; nothing has happened then.
    pub fn settle(&mut self, operation: PrivilegedOperation) -> Result<After, Exception> {
        use PrivilegedOperation as Operation;
        match operation {
            Operation::DisableInterrupts => {
                self.paravirtual.interrupts().set(self.guest, seeded(Fault::SettledCliEnables));
            }
            Operation::EnableInterrupts => return Ok(self.enable_interrupts()),
            Operation::Halt => return Ok(After::Wait),
            Operation::ReadControl { control, general } => {
                let register = control_register(control)?;
                self.set_general(general, 4, fake_registers::read(&self.guest.cpu, register));
            }
            Operation::WriteControl { control, general } => {
                let register = control_register(control)?;
                // Reserved bits of CR0 stay 0, whatever is written (SDM Vol. 3, 2.5).
                let existing =
                    if register == FakeRegister::Cr0 { fake_registers::CR0_EXISTING } else { u32::MAX };
                self.set_register(register, self.general(general) & existing)?;
            }
            Operation::ReadDebug { debug, general } => {
                self.set_general(general, 4, fake_registers::read(&self.guest.cpu, debug_register(debug)));
            }
            Operation::WriteDebug { debug, general } => {
                self.set_register(debug_register(debug), self.general(general))?;
            }
            Operation::ClearTaskSwitched => {
                self.set_register(FakeRegister::Cr0, self.guest.cpu.system.cr0 & !control::CR0_TS)?;
            }
            Operation::LoadMachineStatus(source) => {
                let status = u32::from(self.read_operand(source)?) & MACHINE_STATUS;
                let cr0 = self.guest.cpu.system.cr0;
                self.set_register(FakeRegister::Cr0, cr0 & !MACHINE_STATUS | status)?;
            }
            Operation::StoreMachineStatus(target) => self.store_register(target, FakeRegister::Cr0)?,
            Operation::LoadTable { table, address, short } => self.load_table(table, &address, short)?,
            Operation::StoreTable { table, address } => self.store_table(table, &address)?,
            Operation::LoadLocalTable(source) => self.load_register(source, FakeRegister::Ldtr)?,
            Operation::StoreLocalTable(target) => self.store_register(target, FakeRegister::Ldtr)?,
            Operation::LoadTask(source) => self.load_register(source, FakeRegister::Tr)?,
            Operation::StoreTask(target) => self.store_register(target, FakeRegister::Tr)?,
            Operation::ReadModelSpecific => self.read_model_specific()?,
            Operation::ReadTimeStamp => self.set_wide(self.time_stamp),
            Operation::Invalidate => {}
            Operation::In { port, width } => {
                self.check_port(self.port(port), width)?;
                self.set_general(cpu::EAX as u8, width, u32::MAX);
            }
            Operation::Out { port, width } => self.check_port(self.port(port), width)?,
            Operation::InString(form) => return self.in_string(form),
            Operation::OutString(form) => return self.out_string(form),
            Operation::WriteModelSpecific | Operation::ReadPerformance | Operation::Other => {
                return Err(general_protection());
            }
        }
        Ok(After::Next)
    }

    /// The shadow is there only when STI has an effect (SDM Vol. 2B, "STI").
    fn enable_interrupts(&mut self) -> After {
        let flag = self.paravirtual.interrupts();
        if flag.enabled(self.guest) {
            return After::Next;
        }
        flag.set(self.guest, true);
        After::Shadow
    }

    fn set_register(&mut self, register: FakeRegister, value: u32) -> Result<(), Exception> {
        self.paravirtual
            .set_register(self.guest, register, value)
            .map_err(|fake_registers::Refused| general_protection())
    }

    fn load_register(&mut self, source: Operand, register: FakeRegister) -> Result<(), Exception> {
        let selector = self.read_operand(source)?;
        self.set_register(register, u32::from(selector))
    }

    fn store_register(&mut self, target: Operand, register: FakeRegister) -> Result<(), Exception> {
        let value = fake_registers::read(&self.guest.cpu, register);
        match target {
            Operand::Register { number, width } => self.set_general(number, width, value),
            Operand::Memory(address) => {
                let linear = address.linear(&self.guest.cpu, 0, 2, AccessKind::Write)?;
                self.store(linear, 2, value)?;
            }
        }
        Ok(())
    }

    fn load_table(&mut self, table: Table, address: &Address, short: bool) -> Result<(), Exception> {
        let at_limit = address.linear(&self.guest.cpu, 0, 2, AccessKind::Read)?;
        let at_base = address.linear(&self.guest.cpu, 2, 4, AccessKind::Read)?;
        let limit = self.load(at_limit, 2)?;
        let base = self.load(at_base, 4)? & if short { 0xff_ffff } else { u32::MAX };
        let (base_register, limit_register) = match table {
            Table::Global => (FakeRegister::GdtrBase, FakeRegister::GdtrLimit),
            Table::Interrupt => (FakeRegister::IdtrBase, FakeRegister::IdtrLimit),
        };
        self.set_register(base_register, base)?;
        self.set_register(limit_register, limit)
    }

    fn store_table(&mut self, table: Table, address: &Address) -> Result<(), Exception> {
        let system = &self.guest.cpu.system;
        let (base, limit) = match table {
            Table::Global => system.gdtr,
            Table::Interrupt => system.idtr,
        };
        let at_limit = address.linear(&self.guest.cpu, 0, 2, AccessKind::Write)?;
        let at_base = address.linear(&self.guest.cpu, 2, 4, AccessKind::Write)?;
        // Before the first byte is written, and in the order of the bytes.
        self.guest.check_store(at_limit, 2)?;
        self.guest.check_store(at_base, 4)?;
        self.store(at_limit, 2, u32::from(limit))?;
        self.store(at_base, 4, base)
    }

    fn read_model_specific(&mut self) -> Result<(), Exception> {
        let value = match self.guest.cpu.registers[cpu::ECX] {
            MSR_TIME_STAMP => self.time_stamp,
            MSR_APIC_BASE => APIC_BASE,
            _ => return Err(general_protection()),
        };
        self.set_wide(value);
        Ok(())
    }

    fn in_string(&mut self, form: StringForm) -> Result<After, Exception> {
        // Also if there is no iteration.
        self.check_port(self.port(Port::Dx), form.width)?;
        let Some(count) = self.count(form) else { return Ok(After::Next) };
        let linear = self.string_address(form, cpu::EDI, AccessKind::Write)?;
        self.store(linear, form.width, u32::MAX)?;
        Ok(self.step_string(form, cpu::EDI, count))
    }

    fn out_string(&mut self, form: StringForm) -> Result<After, Exception> {
        // Also if there is no iteration.
        self.check_port(self.port(Port::Dx), form.width)?;
        let Some(count) = self.count(form) else { return Ok(After::Next) };
        let linear = self.string_address(form, cpu::ESI, AccessKind::Read)?;
        self.load(linear, form.width)?;
        Ok(self.step_string(form, cpu::ESI, count))
    }

    /// How many iterations are left; None: not even one.
    fn count(&self, form: StringForm) -> Option<u32> {
        let counter = self.guest.cpu.registers[cpu::ECX] & index_mask(form);
        if form.repeats { (counter != 0).then_some(counter) } else { Some(1) }
    }

    fn string_address(&self, form: StringForm, index: usize, kind: AccessKind) -> Result<u32, Exception> {
        let offset = self.guest.cpu.registers[index] & index_mask(form);
        let width = u32::from(form.width);
        let linear = self.guest.cpu.linear(form.segment, offset, width, kind)?;
        if self.guest.cpu.checks_alignment() && !linear.is_multiple_of(width) {
            return Err(Exception { vector: Vector::AlignmentCheck, error_code: 0, address: 0 });
        }
        Ok(linear)
    }

    fn step_string(&mut self, form: StringForm, index: usize, count: u32) -> After {
        let mask = index_mask(form);
        let backwards = self.guest.cpu.eflags & flags::DF != 0;
        let registers = &mut self.guest.cpu.registers;
        let width = u32::from(form.width);
        let step = if backwards { width.wrapping_neg() } else { width };
        registers[index] = registers[index] & !mask | registers[index].wrapping_add(step) & mask;
        if !form.repeats {
            return After::Next;
        }
        registers[cpu::ECX] = registers[cpu::ECX] & !mask | (count - 1);
        if count == 1 { After::Next } else { After::Again }
    }

    fn check_port(&self, port: u16, width: u8) -> Result<(), Exception> {
        if self.paravirtual.privileges.grants(port, width) { Ok(()) } else { Err(general_protection()) }
    }

    fn port(&self, port: Port) -> u16 {
        match port {
            Port::Immediate(number) => u16::from(number),
            Port::Dx => self.guest.cpu.registers[cpu::EDX] as u16,
        }
    }

    fn read_operand(&mut self, operand: Operand) -> Result<u16, Exception> {
        match operand {
            Operand::Register { number, .. } => Ok(self.general(number) as u16),
            Operand::Memory(address) => {
                let linear = address.linear(&self.guest.cpu, 0, 2, AccessKind::Read)?;
                Ok(self.load(linear, 2)? as u16)
            }
        }
    }

    fn load(&mut self, address: u32, width: u8) -> Result<u32, Exception> {
        let mut bytes = [0; 4];
        self.guest.load(address, &mut bytes[..usize::from(width)])?;
        let value = u32::from_le_bytes(bytes);
        self.note(AccessKind::Read, address, width, value);
        Ok(value)
    }

    fn store(&mut self, address: u32, width: u8, value: u32) -> Result<(), Exception> {
        self.guest.store(address, &value.to_le_bytes()[..usize::from(width)])?;
        self.note(AccessKind::Write, address, width, value);
        Ok(())
    }

    fn note(&mut self, kind: AccessKind, address: u32, width: u8, value: u32) {
        let value = u64::from(value & ones(width));
        self.accesses.push(Access { kind, address, length_bytes: width, value });
    }

    fn general(&self, number: u8) -> u32 {
        self.guest.cpu.registers[usize::from(number & 7)]
    }

    fn set_general(&mut self, number: u8, width: u8, value: u32) {
        let register = &mut self.guest.cpu.registers[usize::from(number & 7)];
        *register = *register & !ones(width) | value & ones(width);
    }

    fn set_wide(&mut self, value: u64) {
        self.guest.cpu.registers[cpu::EAX] = value as u32;
        self.guest.cpu.registers[cpu::EDX] = (value >> 32) as u32;
    }
}

fn index_mask(form: StringForm) -> u32 {
    if form.short { 0xffff } else { u32::MAX }
}

fn ones(width: u8) -> u32 {
    match width {
        1 => 0xff,
        2 => 0xffff,
        _ => u32::MAX,
    }
}

/// A control register that does not exist is #UD.
fn control_register(number: u8) -> Result<FakeRegister, Exception> {
    match number {
        0 => Ok(FakeRegister::Cr0),
        2 => Ok(FakeRegister::Cr2),
        3 => Ok(FakeRegister::Cr3),
        4 => Ok(FakeRegister::Cr4),
        _ => Err(Exception { vector: Vector::InvalidOpcode, error_code: 0, address: 0 }),
    }
}

/// Without CR4.DE, DR4 and DR5 are DR6 and DR7 (SDM Vol. 3, 18.2.2).
fn debug_register(number: u8) -> FakeRegister {
    match number {
        0 => FakeRegister::Dr0,
        1 => FakeRegister::Dr1,
        2 => FakeRegister::Dr2,
        3 => FakeRegister::Dr3,
        4 | 6 => FakeRegister::Dr6,
        _ => FakeRegister::Dr7,
    }
}

fn general_protection() -> Exception {
    Exception { vector: Vector::GeneralProtection, error_code: 0, address: 0 }
}
