//! What the architecture leaves undefined: the one table that every comparison with another processor shares.
//!
//! A processor of ours has some value there too, always the same. Nothing here says which.
//! Not here: the x87 part of the table, which is in `undefined_x87.rs`.

use super::DECODER_OPTIONS;
use super::undefined_x87::{self, StatusUse};
use crate::cpu::{Cpu, ECX, ESP, SegmentRegister, flags};
use crate::exit::Vector;
use flags::{AF, ARITHMETIC, CF, OF, PF, SF, ZF};
use iced_x86::{Code, Decoder, Instruction, Mnemonic, OpKind, Register, RflagsBits};

/// What is undefined after one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Undefined {
    /// Bits of EFLAGS.
    pub flags: u32,
    /// The place of a result that has no defined value.
    pub result: Option<UndefinedResult>,
    /// Bits of the x87 status word.
    pub status: u16,
    /// Parts of a stored x87 environment or state.
    pub image: Option<UndefinedImage>,
}

/// Bytes without a defined value in what one instruction stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UndefinedImage {
    /// Linear address of the operand.
    pub address: u32,
    /// Offsets and lengths in bytes.
    pub ranges: &'static [(u32, u32)],
}

/// A place whose value is undefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndefinedResult {
    /// Bits of a general register, by its number.
    Register {
        /// Position in [`Cpu::registers`].
        number: usize,
        /// The undefined bits.
        mask: u32,
    },
    /// Bytes of memory.
    Memory {
        /// Linear address of the first.
        address: u32,
        /// How many.
        length_bytes: u32,
    },
}

/// How an instruction ended, as far as it decides what is undefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// EFLAGS after it.
    pub eflags: u32,
    /// The exception that it raised.
    pub raised: Option<Vector>,
}

/// The flags that an instruction reads and writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlagUse {
    /// Bits of EFLAGS that its result or its way depends on.
    pub read: u32,
    /// Bits of EFLAGS that have a new value after it, defined or not.
    pub written: u32,
}

/// What the first instruction of `code` leaves undefined when it is run on `before` (SDM Vol. 2, "Flags Affected" of
/// each instruction).
#[must_use]
pub fn undefined(code: &[u8], before: &Cpu, outcome: Outcome) -> Undefined {
    let instruction = decode(code, before.eip);
    let count = shift_count(&instruction, before);
    let width = first_operand_bits(&instruction);
    // The flags after #DE are as undefined as after a quotient. Other faults leave everything as it was.
    if !matches!(outcome.raised, None | Some(Vector::DivideError)) {
        return Undefined::default();
    }
    let flags = match instruction.mnemonic() {
        Mnemonic::Aaa | Mnemonic::Aas => OF | SF | ZF | PF,
        Mnemonic::Aam | Mnemonic::Aad => OF | AF | CF,
        Mnemonic::Daa | Mnemonic::Das => OF,
        Mnemonic::And | Mnemonic::Or | Mnemonic::Xor | Mnemonic::Test => AF,
        Mnemonic::Mul | Mnemonic::Imul => SF | ZF | AF | PF,
        Mnemonic::Div | Mnemonic::Idiv => ARITHMETIC,
        Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc => OF | SF | AF | PF,
        Mnemonic::Bsf | Mnemonic::Bsr => OF | SF | AF | PF | CF,
        Mnemonic::Rol | Mnemonic::Ror | Mnemonic::Rcl | Mnemonic::Rcr => match count {
            0 | 1 => 0,
            _ => OF,
        },
        Mnemonic::Shl | Mnemonic::Sal | Mnemonic::Shr => match count {
            0 => 0,
            1 => AF,
            _ if count < width => OF | AF,
            _ => OF | AF | CF,
        },
        Mnemonic::Sar => match count {
            0 => 0,
            1 => AF,
            _ => OF | AF,
        },
        Mnemonic::Shld | Mnemonic::Shrd => match count {
            0 => 0,
            1 => AF,
            _ if count <= width => OF | AF,
            _ => ARITHMETIC,
        },
        _ => 0,
    };
    let result = match instruction.mnemonic() {
        // Zero has no bit to find; processors that leave the destination alone do more than they must.
        Mnemonic::Bsf | Mnemonic::Bsr if outcome.eflags & ZF != 0 => first_operand(&instruction, before),
        Mnemonic::Bswap if width == 16 => match first_operand(&instruction, before) {
            Some(UndefinedResult::Register { number, .. }) => {
                Some(UndefinedResult::Register { number, mask: u32::MAX })
            }
            other => other,
        },
        Mnemonic::Shld | Mnemonic::Shrd if count > width => first_operand(&instruction, before),
        // A selector fills a four-byte slot; whether the upper two bytes are written differs between processors.
        Mnemonic::Push
            if instruction.op0_register().is_segment_register()
                && instruction.stack_pointer_increment() == -4 =>
        {
            Some(upper_half_of_slot(before))
        }
        Mnemonic::Call if matches!(instruction.code(), Code::Call_ptr1632 | Code::Call_m1632) => {
            Some(upper_half_of_slot(before))
        }
        _ => None,
    };
    let status = undefined_x87::status_use(&instruction).undefined;
    let image =
        operand_address(&instruction, before).and_then(|address| undefined_x87::image(&instruction, address));
    Undefined { flags, result, status, image }
}

/// Which flags the first instruction of `code` uses when it is run on `before`.
#[must_use]
pub fn flag_use(code: &[u8], before: &Cpu) -> FlagUse {
    let instruction = decode(code, before.eip);
    let written = if leaves_flags_alone(&instruction, before) { 0 } else { instruction.rflags_modified() };
    FlagUse { read: eflags(instruction.rflags_read()), written: eflags(written) }
}

/// Which conditions of the x87 status word the first instruction of `code` uses when it lies at `eip`.
#[must_use]
pub fn status_use(code: &[u8], eip: u32) -> StatusUse {
    undefined_x87::status_use(&decode(code, eip))
}

fn decode(code: &[u8], eip: u32) -> Instruction {
    Decoder::with_ip(32, code, u64::from(eip), DECODER_OPTIONS).decode()
}

/// By how much a shift or a rotation moves: five bits. 0 for other instructions.
fn shift_count(instruction: &Instruction, before: &Cpu) -> u32 {
    let operand = match instruction.mnemonic() {
        Mnemonic::Rol | Mnemonic::Ror | Mnemonic::Rcl | Mnemonic::Rcr => 1,
        Mnemonic::Shl | Mnemonic::Sal | Mnemonic::Shr | Mnemonic::Sar => 1,
        Mnemonic::Shld | Mnemonic::Shrd => 2,
        _ => return 0,
    };
    let count = match instruction.op_kind(operand) {
        OpKind::Register => before.registers[ECX],
        _ => u32::from(instruction.immediate8()),
    };
    count & 31
}

fn first_operand_bits(instruction: &Instruction) -> u32 {
    let bytes = match instruction.op0_kind() {
        OpKind::Register => instruction.op0_register().size(),
        _ => instruction.memory_size().size(),
    };
    bytes as u32 * 8
}

/// All of the first operand.
fn first_operand(instruction: &Instruction, before: &Cpu) -> Option<UndefinedResult> {
    let bits = first_operand_bits(instruction);
    match instruction.op0_kind() {
        OpKind::Register => Some(UndefinedResult::Register {
            number: instruction.op0_register().full_register32().number(),
            mask: u32::MAX.checked_shr(32 - bits)?,
        }),
        OpKind::Memory => Some(UndefinedResult::Memory {
            address: operand_address(instruction, before)?,
            length_bytes: bits / 8,
        }),
        _ => None,
    }
}

/// The linear address of the first operand, if that is in memory.
fn operand_address(instruction: &Instruction, before: &Cpu) -> Option<u32> {
    if instruction.op0_kind() != OpKind::Memory {
        return None;
    }
    let address = instruction.virtual_address(0, 0, |register, _, _| value(register, before))?;
    Some(address as u32)
}

fn value(register: Register, before: &Cpu) -> Option<u64> {
    let number = register.number();
    let value = match register.size() {
        _ if register.is_segment_register() => before.segments.get(number)?.base,
        2 => before.registers.get(number)? & 0xffff,
        4 => *before.registers.get(number)?,
        _ => return None,
    };
    Some(u64::from(value))
}

/// The upper half of the first four bytes that are pushed.
fn upper_half_of_slot(before: &Cpu) -> UndefinedResult {
    let stack = before.segment(SegmentRegister::Ss).base;
    let address = stack.wrapping_add(before.registers[ESP].wrapping_sub(2));
    UndefinedResult::Memory { address, length_bytes: 2 }
}

/// Whether an instruction that writes flags does not write them this time.
fn leaves_flags_alone(instruction: &Instruction, before: &Cpu) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Rol | Mnemonic::Ror | Mnemonic::Rcl | Mnemonic::Rcr => {
            shift_count(instruction, before) == 0
        }
        Mnemonic::Shl | Mnemonic::Sal | Mnemonic::Shr | Mnemonic::Sar => {
            shift_count(instruction, before) == 0
        }
        Mnemonic::Shld | Mnemonic::Shrd => shift_count(instruction, before) == 0,
        _ if instruction.is_string_instruction() => {
            let repeated = instruction.has_rep_prefix() || instruction.has_repne_prefix();
            // Without iterations nothing is compared. The address size decides whether CX or ECX counts.
            repeated && counter(instruction, before) == 0
        }
        _ => false,
    }
}

fn counter(instruction: &Instruction, before: &Cpu) -> u32 {
    let short = (0..instruction.op_count())
        .any(|operand| matches!(instruction.op_kind(operand), OpKind::MemorySegSI | OpKind::MemoryESDI));
    if short { before.registers[ECX] & 0xffff } else { before.registers[ECX] }
}

/// The bits of EFLAGS for iced's own.
fn eflags(bits: u32) -> u32 {
    let known = [
        (RflagsBits::OF, OF),
        (RflagsBits::SF, SF),
        (RflagsBits::ZF, ZF),
        (RflagsBits::AF, AF),
        (RflagsBits::CF, CF),
        (RflagsBits::PF, PF),
        (RflagsBits::DF, flags::DF),
        (RflagsBits::IF, flags::IF),
        (RflagsBits::AC, flags::AC),
    ];
    known
        .iter()
        .filter(|(theirs, _)| bits & theirs != 0)
        .map(|(_, ours)| ours)
        .fold(0, |all, flag| all | flag)
}

#[cfg(test)]
mod tests {
    use super::{ARITHMETIC, Outcome, Undefined, UndefinedResult, flag_use, undefined};
    use crate::cpu::{Cpu, DescriptorTable, ECX, ESP, Tls, flags};
    use crate::exit::Vector;
    use flags::{AF, CF, DF, OF, PF, SF, ZF};

    fn cpu(ecx: u32) -> Cpu {
        let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Absent));
        cpu.registers[ECX] = ecx;
        cpu.registers[ESP] = 0x1000;
        cpu
    }

    fn undefined_flags(code: &[u8], ecx: u32) -> u32 {
        undefined(code, &cpu(ecx), Outcome { eflags: 0, raised: None }).flags
    }

    #[test]
    fn shifts_leave_flags_undefined_by_their_count() {
        for (code, ecx, expected) in [
            (&[0xd0, 0xe0][..], 0, AF),
            (&[0xc0, 0xe0, 0x20], 0, 0),
            (&[0xc0, 0xe0, 0x21], 0, AF),
            (&[0xd2, 0xe0], 7, OF | AF),
            (&[0xd2, 0xe0], 8, OF | AF | CF),
            (&[0x66, 0xd3, 0xe8], 16, OF | AF | CF),
            (&[0xd3, 0xe8], 31, OF | AF),
            (&[0xd2, 0xf8], 31, OF | AF),
            (&[0xd2, 0x10], 1, 0),
            (&[0xd2, 0x10], 9, OF),
            (&[0x66, 0x0f, 0xa5, 0xc8], 16, OF | AF),
            (&[0x66, 0x0f, 0xa5, 0xc8], 17, ARITHMETIC),
            (&[0x0f, 0xad, 0xc8], 31, OF | AF),
            (&[0x0f, 0xac, 0xc8, 0x40], 5, 0),
        ] {
            assert_eq!(undefined_flags(code, ecx), expected, "{code:02x?} with ECX {ecx}");
        }
    }

    #[test]
    fn other_instructions_leave_their_flags_undefined_always() {
        for (code, expected) in [
            (&[0x01, 0xc8][..], 0),
            (&[0x21, 0xc8], AF),
            (&[0xf7, 0xe1], SF | ZF | AF | PF),
            (&[0x0f, 0xaf, 0xc1], SF | ZF | AF | PF),
            (&[0xf7, 0xf1], ARITHMETIC),
            (&[0x0f, 0xa3, 0xc8], OF | SF | AF | PF),
            (&[0x0f, 0xbc, 0xc1], OF | SF | AF | PF | CF),
            (&[0x37], OF | SF | ZF | PF),
            (&[0xd4, 0x0a], OF | AF | CF),
            (&[0x27], OF),
            (&[0x40], 0),
            (&[0x9c], 0),
        ] {
            assert_eq!(undefined_flags(code, 0), expected, "{code:02x?}");
        }
    }

    #[test]
    fn a_fault_leaves_nothing_undefined_but_the_flags_of_a_division() {
        let raised = |vector| undefined(&[0xf7, 0xf1], &cpu(0), Outcome { eflags: 0, raised: Some(vector) });
        assert_eq!(raised(Vector::PageFault), Undefined::default());
        assert_eq!(raised(Vector::DivideError), Undefined { flags: ARITHMETIC, ..Undefined::default() });
        let outcome = Outcome { eflags: 0, raised: Some(Vector::DivideError) };
        assert_eq!(undefined(&[0xd4, 0], &cpu(0), outcome).flags, OF | AF | CF);
    }

    #[test]
    fn some_results_are_undefined() {
        let result =
            |code: &[u8], ecx, eflags| undefined(code, &cpu(ecx), Outcome { eflags, raised: None }).result;
        let register = |number, mask| Some(UndefinedResult::Register { number, mask });
        let memory = |address, length_bytes| Some(UndefinedResult::Memory { address, length_bytes });
        assert_eq!(result(&[0x0f, 0xbc, 0xd1], 0, ZF), register(2, u32::MAX));
        assert_eq!(result(&[0x66, 0x0f, 0xbd, 0xd1], 0, ZF), register(2, 0xffff));
        assert_eq!(result(&[0x0f, 0xbc, 0xd1], 1, 0), None);
        assert_eq!(result(&[0x66, 0x0f, 0xcb], 0, 0), register(3, u32::MAX));
        assert_eq!(result(&[0x0f, 0xcb], 0, 0), None);
        assert_eq!(result(&[0x66, 0x0f, 0xa5, 0xd3], 17, 0), register(3, 0xffff));
        assert_eq!(result(&[0x66, 0x0f, 0xa5, 0xd3], 16, 0), None);
        assert_eq!(result(&[0x67, 0x66, 0x0f, 0xa4, 0x5c, 0xff, 0x1f], 0, 0), memory(0xffff, 2));
        assert_eq!(result(&[0x1e], 0, 0), memory(0xffe, 2));
        assert_eq!(result(&[0x66, 0x1e], 0, 0), None);
        assert_eq!(result(&[0x50], 0, 0), None);
    }

    #[test]
    fn flags_are_used_only_if_the_count_says_so() {
        let used = |code: &[u8], ecx| {
            let uses = flag_use(code, &cpu(ecx));
            (uses.read, uses.written)
        };
        assert_eq!(used(&[0x11, 0xc8], 0), (CF, ARITHMETIC));
        assert_eq!(used(&[0xd3, 0xe0], 32), (0, 0));
        assert_eq!(used(&[0xd3, 0xe0], 1), (0, ARITHMETIC));
        assert_eq!(used(&[0x9c], 1).0 & ARITHMETIC, ARITHMETIC);
        assert_eq!(used(&[0xf3, 0xa6], 0), (DF, 0));
        assert_eq!(used(&[0xf3, 0x67, 0xa6], 0x1_0000).1, 0);
        assert_eq!(used(&[0xf3, 0xa6], 0x1_0000).1, ARITHMETIC);
        assert_eq!(used(&[0x0f, 0xa3, 0xc8], 0).1 & CF, CF);
    }
}
