//! What a privileged instruction asks for, as data, for whoever settles it in place of a processor in ring 0.
//!
//! Not here: what becomes of it.

use super::form::register_number;
use crate::cpu::SegmentRegister;
use crate::{AccessKind, Cpu, Exception};
use iced_x86::{Code, Decoder, Instruction, Mnemonic, OpKind, Register};

/// A privileged instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrivilegedInstruction {
    /// Its length in bytes.
    pub length: u8,
    /// What it asks for.
    pub operation: PrivilegedOperation,
}

/// What a privileged instruction asks for. General registers go by number, in encoding order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrivilegedOperation {
    /// CLI
    DisableInterrupts,
    /// STI
    EnableInterrupts,
    /// HLT
    Halt,
    /// MOV from a control register.
    ReadControl {
        /// Its number.
        control: u8,
        /// The general register.
        general: u8,
    },
    /// MOV to a control register.
    WriteControl {
        /// Its number.
        control: u8,
        /// The general register.
        general: u8,
    },
    /// MOV from a debug register.
    ReadDebug {
        /// Its number.
        debug: u8,
        /// The general register.
        general: u8,
    },
    /// MOV to a debug register.
    WriteDebug {
        /// Its number.
        debug: u8,
        /// The general register.
        general: u8,
    },
    /// CLTS
    ClearTaskSwitched,
    /// LMSW
    LoadMachineStatus(Operand),
    /// SMSW
    StoreMachineStatus(Operand),
    /// LGDT, LIDT
    LoadTable {
        /// Which table.
        table: Table,
        /// Where its limit and base stand.
        address: Address,
        /// With a 16-bit operand size the base has 24 bits.
        short: bool,
    },
    /// SGDT, SIDT
    StoreTable {
        /// Which table.
        table: Table,
        /// Where its limit and base go.
        address: Address,
    },
    /// LLDT
    LoadLocalTable(Operand),
    /// SLDT
    StoreLocalTable(Operand),
    /// LTR
    LoadTask(Operand),
    /// STR
    StoreTask(Operand),
    /// RDMSR
    ReadModelSpecific,
    /// WRMSR
    WriteModelSpecific,
    /// RDPMC
    ReadPerformance,
    /// RDTSC
    ReadTimeStamp,
    /// INVD, WBINVD, INVLPG
    Invalidate,
    /// IN
    In {
        /// The port.
        port: Port,
        /// How many bytes: 1, 2 or 4.
        width: u8,
    },
    /// OUT
    Out {
        /// The port.
        port: Port,
        /// How many bytes: 1, 2 or 4.
        width: u8,
    },
    /// INS, from the port in DX to ES:EDI.
    InString(StringForm),
    /// OUTS, from a segment at ESI to the port in DX.
    OutString(StringForm),
    /// One that there is no way to settle: SYSEXIT and its like.
    Other,
}

/// The two tables whose base and limit the processor keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// GDTR
    Global,
    /// IDTR
    Interrupt,
}

/// A port's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// In the instruction.
    Immediate(u8),
    /// In DX.
    Dx,
}

/// How INS or OUTS repeats and counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StringForm {
    /// How many bytes: 1, 2 or 4.
    pub width: u8,
    /// It has a REP prefix.
    pub repeats: bool,
    /// Index and counter have 16 bits.
    pub short: bool,
    /// The segment of the memory operand.
    pub segment: SegmentRegister,
}

/// A general register or memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A general register.
    Register {
        /// Its number.
        number: u8,
        /// How many bytes of it: 2 or 4.
        width: u8,
    },
    /// Two bytes of memory.
    Memory(Address),
}

/// How an address is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    segment: SegmentRegister,
    base: Option<u8>,
    index: Option<u8>,
    scale: u8,
    displacement: u32,
    /// Offsets have 16 bits.
    short: bool,
}

impl Address {
    /// The linear address of `length` bytes from `displacement` on.
    ///
    /// # Errors
    /// The segment refuses the access.
    pub fn linear(
        &self,
        cpu: &Cpu,
        displacement: u32,
        length: u32,
        kind: AccessKind,
    ) -> Result<u32, Exception> {
        let value =
            |register: Option<u8>| register.map_or(0, |number| cpu.registers[usize::from(number & 7)]);
        let offset =
            value(self.base).wrapping_add(value(self.index) << self.scale).wrapping_add(self.displacement);
        let offset = if self.short { offset & 0xffff } else { offset };
        cpu.linear(self.segment, offset.wrapping_add(displacement), length, kind)
    }
}

/// Describes the first instruction of `bytes`, if it is one that can be privileged.
#[must_use]
pub fn privileged(bytes: &[u8]) -> Option<PrivilegedInstruction> {
    let instruction = Decoder::new(32, bytes, super::DECODER_OPTIONS).decode();
    let operation = operation(&instruction)?;
    Some(PrivilegedInstruction { length: instruction.len() as u8, operation })
}

fn operation(instruction: &Instruction) -> Option<PrivilegedOperation> {
    use PrivilegedOperation as Operation;
    let first = |is: fn(Operand) -> Operation| is(operand(instruction));
    Some(match instruction.mnemonic() {
        Mnemonic::Cli => Operation::DisableInterrupts,
        Mnemonic::Sti => Operation::EnableInterrupts,
        Mnemonic::Hlt => Operation::Halt,
        Mnemonic::Mov => return moves(instruction),
        Mnemonic::Clts => Operation::ClearTaskSwitched,
        Mnemonic::Lmsw => first(Operation::LoadMachineStatus),
        Mnemonic::Smsw => first(Operation::StoreMachineStatus),
        Mnemonic::Lldt => first(Operation::LoadLocalTable),
        Mnemonic::Sldt => first(Operation::StoreLocalTable),
        Mnemonic::Ltr => first(Operation::LoadTask),
        Mnemonic::Str => first(Operation::StoreTask),
        Mnemonic::Lgdt | Mnemonic::Lidt => Operation::LoadTable {
            table: table(instruction),
            address: address(instruction),
            short: matches!(instruction.code(), Code::Lgdt_m1632_16 | Code::Lidt_m1632_16),
        },
        Mnemonic::Sgdt | Mnemonic::Sidt => {
            Operation::StoreTable { table: table(instruction), address: address(instruction) }
        }
        Mnemonic::Rdmsr => Operation::ReadModelSpecific,
        Mnemonic::Wrmsr => Operation::WriteModelSpecific,
        Mnemonic::Rdpmc => Operation::ReadPerformance,
        Mnemonic::Rdtsc => Operation::ReadTimeStamp,
        Mnemonic::Invd | Mnemonic::Wbinvd | Mnemonic::Invlpg => Operation::Invalidate,
        Mnemonic::In => Operation::In { port: port(instruction, 1), width: width(instruction, 0) },
        Mnemonic::Out => Operation::Out { port: port(instruction, 0), width: width(instruction, 1) },
        Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd => Operation::InString(string(instruction, 0)),
        Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd => Operation::OutString(string(instruction, 1)),
        Mnemonic::Sysenter | Mnemonic::Sysexit => Operation::Other,
        _ => return None,
    })
}

/// MOV to and from control and debug registers.
fn moves(instruction: &Instruction) -> Option<PrivilegedOperation> {
    use PrivilegedOperation as Operation;
    let (target, source) = (instruction.op0_register(), instruction.op1_register());
    let number = register_number;
    Some(match (target, source) {
        (target, source) if source.is_cr() => {
            Operation::ReadControl { control: number(source), general: number(target) }
        }
        (target, source) if target.is_cr() => {
            Operation::WriteControl { control: number(target), general: number(source) }
        }
        (target, source) if source.is_dr() => {
            Operation::ReadDebug { debug: number(source), general: number(target) }
        }
        (target, source) if target.is_dr() => {
            Operation::WriteDebug { debug: number(target), general: number(source) }
        }
        _ => return None,
    })
}

fn table(instruction: &Instruction) -> Table {
    match instruction.mnemonic() {
        Mnemonic::Lidt | Mnemonic::Sidt => Table::Interrupt,
        _ => Table::Global,
    }
}

fn operand(instruction: &Instruction) -> Operand {
    match instruction.op0_kind() {
        OpKind::Register => {
            let register = instruction.op0_register();
            Operand::Register { number: register_number(register), width: register.size() as u8 }
        }
        _ => Operand::Memory(address(instruction)),
    }
}

fn address(instruction: &Instruction) -> Address {
    let number = |register: Register| (register != Register::None).then(|| register_number(register));
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    Address {
        segment: segment(instruction),
        base: number(base),
        index: number(index),
        scale: instruction.memory_index_scale().trailing_zeros() as u8,
        displacement: instruction.memory_displacement32(),
        short: base.size() == 2 || index.size() == 2 || instruction.memory_displ_size() == 2,
    }
}

fn segment(instruction: &Instruction) -> SegmentRegister {
    match instruction.memory_segment() {
        Register::ES => SegmentRegister::Es,
        Register::CS => SegmentRegister::Cs,
        Register::SS => SegmentRegister::Ss,
        Register::FS => SegmentRegister::Fs,
        Register::GS => SegmentRegister::Gs,
        _ => SegmentRegister::Ds,
    }
}

fn port(instruction: &Instruction, number: u32) -> Port {
    match instruction.op_kind(number) {
        OpKind::Register => Port::Dx,
        _ => Port::Immediate(instruction.immediate8()),
    }
}

fn width(instruction: &Instruction, number: u32) -> u8 {
    instruction.op_register(number).size() as u8
}

fn string(instruction: &Instruction, memory: u32) -> StringForm {
    let kind = instruction.op_kind(memory);
    let into = kind == OpKind::MemoryESDI || kind == OpKind::MemoryESEDI;
    StringForm {
        width: instruction.memory_size().size() as u8,
        repeats: instruction.has_rep_prefix() || instruction.has_repne_prefix(),
        short: kind == OpKind::MemoryESDI || kind == OpKind::MemorySegSI,
        segment: if into { SegmentRegister::Es } else { segment(instruction) },
    }
}

#[cfg(test)]
mod tests {
    use super::{Operand, Port, PrivilegedOperation, StringForm, Table, privileged};
    use crate::cpu::{DescriptorTable, SegmentRegister, Tls};
    use crate::{AccessKind, Cpu};

    fn operation(bytes: &[u8]) -> PrivilegedOperation {
        let instruction = privileged(bytes).expect("a privileged instruction");
        assert_eq!(usize::from(instruction.length), bytes.len());
        instruction.operation
    }

    #[test]
    fn moves_name_both_registers() {
        use PrivilegedOperation::{ReadControl, ReadDebug, WriteControl, WriteDebug};
        assert_eq!(operation(&[0x0f, 0x20, 0xc3]), ReadControl { control: 0, general: 3 });
        assert_eq!(operation(&[0x0f, 0x22, 0xe1]), WriteControl { control: 4, general: 1 });
        assert_eq!(operation(&[0x0f, 0x21, 0xf0]), ReadDebug { debug: 6, general: 0 });
        assert_eq!(operation(&[0x0f, 0x23, 0xfa]), WriteDebug { debug: 7, general: 2 });
        assert_eq!(privileged(&[0x89, 0xc3]), None);
    }

    #[test]
    fn ports_and_widths_come_from_the_instruction() {
        use PrivilegedOperation::{In, InString, Out, OutString};
        assert_eq!(operation(&[0xe4, 0x60]), In { port: Port::Immediate(0x60), width: 1 });
        assert_eq!(operation(&[0xed]), In { port: Port::Dx, width: 4 });
        assert_eq!(operation(&[0x66, 0xef]), Out { port: Port::Dx, width: 2 });
        let form = StringForm { width: 1, repeats: true, short: false, segment: SegmentRegister::Es };
        assert_eq!(operation(&[0xf3, 0x6c]), InString(form));
        let form = StringForm { width: 2, repeats: false, short: true, segment: SegmentRegister::Fs };
        assert_eq!(operation(&[0x64, 0x66, 0x67, 0x6f]), OutString(form));
    }

    #[test]
    fn an_address_is_made_of_base_index_and_displacement() {
        let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        cpu.registers = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80];
        // lgdt [ebx + 4 * esi + 5]
        let loads = operation(&[0x0f, 0x01, 0x54, 0xb3, 5]);
        let PrivilegedOperation::LoadTable { table: Table::Global, address, short: false } = loads else {
            panic!("{loads:?}");
        };
        assert_eq!(address.linear(&cpu, 2, 4, AccessKind::Read), Ok(0x40 + 4 * 0x70 + 5 + 2));
        // lmsw [bx + si]
        let status = operation(&[0x67, 0x0f, 0x01, 0x30]);
        let PrivilegedOperation::LoadMachineStatus(Operand::Memory(address)) = status else {
            panic!("{status:?}");
        };
        cpu.registers[3] = 0xffff_fff0;
        assert_eq!(address.linear(&cpu, 0, 2, AccessKind::Read), Ok(0x60));
    }
}
