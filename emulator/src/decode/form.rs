//! An instruction seen as operands: what lowering asks about it.

use crate::interpreter::{Handlers, Mode, Operation, ZERO_REGISTER};
use iced_x86::{Instruction, MemorySize, Mnemonic, OpKind, Register};

/// What an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Register,
    Segment,
    Memory,
    Immediate,
    Branch,
    None,
}

/// How an operation forms its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AddressForm {
    Base,
    Indexed,
    Segmented,
}

/// One instruction on its way to an operation.
pub(super) struct Form<'i> {
    pub(super) instruction: &'i Instruction,
    pub(super) mode: Mode,
    /// The low three bits of an x87 instruction's first opcode byte, and its second byte.
    pub(super) opcode_bits: u32,
}

/// The handler of an instruction, and the fields of its operation that differ from the common ones.
pub(super) struct Lowered {
    pub(super) handlers: Handlers,
    /// It is the last of its block.
    pub(super) ends: bool,
    /// It may go on with the instruction that follows, by a link of its own.
    pub(super) falls_through: bool,
    target: Option<u8>,
    source: Option<u8>,
    immediate: Option<u32>,
    displacement: Option<u32>,
}

impl Lowered {
    /// An instruction after which the next follows.
    pub(super) fn straight(handlers: Handlers) -> Self {
        Self {
            handlers,
            ends: false,
            falls_through: false,
            target: None,
            source: None,
            immediate: None,
            displacement: None,
        }
    }

    /// An instruction that ends its block.
    pub(super) fn ends(handlers: Handlers) -> Self {
        Self { ends: true, ..Self::straight(handlers) }
    }

    /// An instruction that ends its block and may go on with the instruction that follows.
    pub(super) fn branches(handlers: Handlers) -> Self {
        Self { falls_through: true, ..Self::ends(handlers) }
    }

    pub(super) fn with_target(self, target: u8) -> Self {
        Self { target: Some(target), ..self }
    }

    pub(super) fn with_source(self, source: u8) -> Self {
        Self { source: Some(source), ..self }
    }

    pub(super) fn with_immediate(self, immediate: u32) -> Self {
        Self { immediate: Some(immediate), ..self }
    }

    pub(super) fn with_displacement(self, displacement: u32) -> Self {
        Self { displacement: Some(displacement), ..self }
    }

    pub(super) fn fill(&self, operation: &mut Operation) {
        operation.target = self.target.unwrap_or(operation.target);
        operation.source = self.source.unwrap_or(operation.source);
        operation.immediate = self.immediate.unwrap_or(operation.immediate);
        if let Some(displacement) = self.displacement {
            operation.displacement.set(displacement);
        }
    }
}

impl<'i> Form<'i> {
    /// `bytes` are those of the instruction.
    pub(super) fn new(instruction: &'i Instruction, bytes: &[u8], mode: Mode) -> Self {
        Self { instruction, mode, opcode_bits: opcode_bits(bytes) }
    }

    pub(super) fn mnemonic(&self) -> Mnemonic {
        self.instruction.mnemonic()
    }

    pub(super) fn place(&self, number: u32) -> Place {
        if number >= self.instruction.op_count() {
            return Place::None;
        }
        match self.instruction.op_kind(number) {
            OpKind::Register if self.instruction.op_register(number).is_segment_register() => Place::Segment,
            OpKind::Register => Place::Register,
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::FarBranch16 | OpKind::FarBranch32 => {
                Place::Branch
            }
            OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate8_2nd
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32 => Place::Immediate,
            _ => Place::Memory,
        }
    }

    /// Width of an operand in bytes.
    pub(super) fn width(&self, number: u32) -> usize {
        match self.place(number) {
            Place::Register | Place::Segment => self.instruction.op_register(number).size(),
            Place::Memory => self.memory_width(),
            _ => 4,
        }
    }

    fn memory_width(&self) -> usize {
        match self.instruction.memory_size() {
            MemorySize::UInt8 | MemorySize::Int8 => 1,
            MemorySize::UInt16 | MemorySize::Int16 | MemorySize::WordOffset => 2,
            size => size.size(),
        }
    }

    /// Width in bytes of what the instruction pushes or pops for each register.
    pub(super) fn stack_width(&self) -> usize {
        let count = match self.mnemonic() {
            Mnemonic::Pusha | Mnemonic::Pushad | Mnemonic::Popa | Mnemonic::Popad => 8,
            _ => 1,
        };
        self.instruction.stack_pointer_increment().unsigned_abs() as usize / count
    }

    pub(super) fn immediate(&self, number: u32) -> u32 {
        self.instruction.immediate(number) as u32
    }

    /// Whether an MMX register is among the operands.
    pub(super) fn is_mmx(&self) -> bool {
        (0..self.instruction.op_count()).any(|number| self.instruction.op_register(number).is_mm())
    }

    /// The number of a register operand.
    pub(super) fn register(&self, number: u32) -> u8 {
        register_number(self.instruction.op_register(number))
    }

    pub(super) fn address_form(&self) -> AddressForm {
        let instruction = self.instruction;
        let flat = self.mode.flat
            && !matches!(instruction.memory_segment(), Register::CS | Register::FS | Register::GS)
            && !has_short_address(instruction);
        match (flat, instruction.memory_index()) {
            (false, _) => AddressForm::Segmented,
            (true, Register::None) => AddressForm::Base,
            (true, _) => AddressForm::Indexed,
        }
    }
}

/// The x87 opcode behind the prefixes; of other instructions it means nothing.
fn opcode_bits(bytes: &[u8]) -> u32 {
    let start = bytes.iter().position(|byte| byte & 0xf8 == 0xd8).unwrap_or(0);
    let byte = |i: usize| u32::from(bytes.get(start + i).copied().unwrap_or(0));
    (byte(0) & 7) << 8 | byte(1)
}

/// The number of a register as instructions encode it.
pub(super) fn register_number(register: Register) -> u8 {
    if register.is_gpr8() {
        // AL to BH are 0 to 7.
        (register as u32 - Register::AL as u32) as u8
    } else {
        register.number() as u8
    }
}

fn has_short_address(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|number| match instruction.op_kind(number) {
        OpKind::Memory => {
            instruction.memory_base().size() == 2
                || instruction.memory_index().size() == 2
                || instruction.memory_displ_size() == 2
        }
        OpKind::MemorySegSI | OpKind::MemorySegDI | OpKind::MemoryESDI => true,
        _ => false,
    })
}

/// Fills in the address fields.
pub(super) fn set_address(instruction: &Instruction, operation: &mut Operation) {
    let number =
        |register: Register| if register == Register::None { ZERO_REGISTER } else { register.number() as u8 };
    operation.base = number(instruction.memory_base());
    operation.index = number(instruction.memory_index());
    operation.scale = instruction.memory_index_scale().trailing_zeros() as u8;
    operation.displacement.set(instruction.memory_displacement32());
    let segment = match instruction.memory_segment() {
        Register::ES => 0,
        Register::CS => 1,
        Register::SS => 2,
        Register::FS => 4,
        Register::GS => 5,
        _ => 3,
    };
    operation.segment = segment | if has_short_address(instruction) { 0x80 } else { 0 };
}

/// Makes `$W` the width of `$bytes` in `$handler`: a macro, because a type is chosen at run time.
macro_rules! with_width {
    ($bytes:expr, $W:ident => $handler:expr) => {
        match $bytes {
            1 => {
                type $W = u8;
                $handler
            }
            2 => {
                type $W = u16;
                $handler
            }
            _ => {
                type $W = u32;
                $handler
            }
        }
    };
}

/// As [`with_width`], for instructions without an 8-bit form.
macro_rules! with_wide_width {
    ($bytes:expr, $W:ident => $handler:expr) => {
        if $bytes == 2 {
            type $W = u16;
            $handler
        } else {
            type $W = u32;
            $handler
        }
    };
}

/// Makes `$A` the way in which the address of `$form` is made: a macro, because a type is chosen at run time.
macro_rules! with_address {
    ($form:expr, $A:ident => $handler:expr) => {
        match $form.address_form() {
            $crate::decode::form::AddressForm::Base => {
                type $A = $crate::instructions::operand::Base;
                $handler
            }
            $crate::decode::form::AddressForm::Indexed => {
                type $A = $crate::instructions::operand::Indexed;
                $handler
            }
            $crate::decode::form::AddressForm::Segmented => {
                type $A = $crate::instructions::operand::Segmented;
                $handler
            }
        }
    };
}

/// As [`with_address`] for instructions whose speed does not matter: one handler for all addresses.
macro_rules! with_any_address {
    ($A:ident => $handler:expr) => {{
        type $A = $crate::instructions::operand::Segmented;
        $handler
    }};
}

/// Makes `$C` the number of a condition in `$handler`: a macro, because a constant is chosen at run time.
macro_rules! with_condition {
    ($code:expr, $C:ident => $handler:expr) => {
        match $code {
            0 => {
                const $C: u8 = 0;
                $handler
            }
            1 => {
                const $C: u8 = 1;
                $handler
            }
            2 => {
                const $C: u8 = 2;
                $handler
            }
            3 => {
                const $C: u8 = 3;
                $handler
            }
            4 => {
                const $C: u8 = 4;
                $handler
            }
            5 => {
                const $C: u8 = 5;
                $handler
            }
            6 => {
                const $C: u8 = 6;
                $handler
            }
            7 => {
                const $C: u8 = 7;
                $handler
            }
            8 => {
                const $C: u8 = 8;
                $handler
            }
            9 => {
                const $C: u8 = 9;
                $handler
            }
            10 => {
                const $C: u8 = 10;
                $handler
            }
            11 => {
                const $C: u8 = 11;
                $handler
            }
            12 => {
                const $C: u8 = 12;
                $handler
            }
            13 => {
                const $C: u8 = 13;
                $handler
            }
            14 => {
                const $C: u8 = 14;
                $handler
            }
            _ => {
                const $C: u8 = 15;
                $handler
            }
        }
    };
}

pub(super) use {with_address, with_any_address, with_condition, with_wide_width, with_width};
