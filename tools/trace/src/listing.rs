//! The columns of an instruction that stay the same whenever it runs: address, place, bytes, text.
//!
//! Made once for each address and encoding; code that changes is listed anew.

use crate::columns::{hexadecimal, pad};
use crate::places::Place;
use emulator::decode::{InstructionClass, LONGEST_INSTRUCTION, disassemble, instruction_classes};
use hypervisor_core::loader::Symbols;

/// How many instructions are remembered: a power of two.
const SLOTS: usize = 1 << 14;

const PLACE_WIDTH: usize = 32;
const BYTES_WIDTH: usize = 17;
const TEXT_WIDTH: usize = 38;

/// Instructions as they are listed, remembered by address.
pub struct Listing {
    slots: Vec<Option<Line>>,
}

struct Line {
    eip: u32,
    length: usize,
    bytes: [u8; LONGEST_INSTRUCTION],
    loads_segment: bool,
    columns: Box<[u8]>,
}

/// The classes of instructions that can load a segment register.
const SEGMENT_LOADERS: u32 = InstructionClass::Segment.bit()
    | InstructionClass::Interrupt.bit()
    | InstructionClass::Call.bit()
    | InstructionClass::Return.bit()
    | InstructionClass::Jump.bit();

impl Listing {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { slots: std::iter::repeat_with(|| None).take(SLOTS).collect() }
    }

    /// Appends the columns of the instruction, each with the spaces after it. Says whether it can load a segment
    /// register.
    pub fn append(&mut self, out: &mut Vec<u8>, symbols: &Symbols, eip: u32, bytes: &[u8]) -> bool {
        let slot = &mut self.slots[slot_of(eip)];
        let line = match slot {
            Some(line) if line.eip == eip && line.bytes[..line.length] == *bytes => line,
            _ => slot.insert(Line::new(symbols, eip, bytes)),
        };
        out.extend_from_slice(&line.columns);
        line.loads_segment
    }
}

impl Line {
    #[cold]
    fn new(symbols: &Symbols, eip: u32, bytes: &[u8]) -> Self {
        let length = bytes.len().min(LONGEST_INSTRUCTION);
        let mut kept = [0; LONGEST_INSTRUCTION];
        kept[..length].copy_from_slice(&bytes[..length]);
        Self {
            eip,
            length,
            bytes: kept,
            loads_segment: instruction_classes(bytes) & SEGMENT_LOADERS != 0,
            columns: columns(symbols, eip, bytes).into(),
        }
    }
}

fn slot_of(eip: u32) -> usize {
    eip.wrapping_mul(0x9e37_79b1) as usize >> 8 & (SLOTS - 1)
}

fn columns(symbols: &Symbols, eip: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    hexadecimal(&mut out, eip.into(), 8);
    out.push(b' ');
    let start = out.len();
    if let Some(place) = Place::of(symbols, eip) {
        out.extend_from_slice(place.to_string().as_bytes());
    }
    pad(&mut out, start, PLACE_WIDTH);
    let start = out.len();
    for byte in bytes {
        hexadecimal(&mut out, u64::from(*byte), 2);
    }
    pad(&mut out, start, BYTES_WIDTH);
    let start = out.len();
    out.extend_from_slice(instruction_text(symbols, eip, bytes).as_bytes());
    pad(&mut out, start, TEXT_WIDTH);
    out
}

/// The text of an instruction, with the name of a direct branch's target: `call 0x100040 <main>`.
pub fn instruction_text(symbols: &Symbols, eip: u32, bytes: &[u8]) -> String {
    let mut text = disassemble(bytes, eip).text;
    let mnemonic = text.split(' ').next().unwrap_or_default();
    let branches = mnemonic == "call" || mnemonic.starts_with('j') || mnemonic.starts_with("loop");
    let target = text.rsplit(' ').next().and_then(|word| word.strip_prefix("0x"));
    if branches
        && let Some(target) = target.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        && let Some(place) = Place::of(symbols, target)
    {
        text.push_str(&format!(" <{place}>"));
    }
    text
}
