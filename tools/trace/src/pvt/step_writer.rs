//! Writes each instruction with what it changed and touched, for readers that have no processor.

use super::address_records::write_varint;
use super::step_records::{EFLAGS, OtherRegisters, StepRecord};
use super::stored_elision::StoredElision;
use emulator::decode::{LONGEST_INSTRUCTION, PREFIXES};
use emulator::{Access, AccessKind, Cpu, Step};
use hypervisor_core::{Elision, Stamp};
use std::collections::HashMap;

/// How many instructions are found again without a search: a power of two.
const SLOTS: usize = 1 << 12;

/// Makes frames of instructions.
#[derive(Debug, Default)]
pub struct StepWriter {
    raw: Vec<u8>,
    numbers: HashMap<(u32, Box<[u8]>), u32>,
    slots: Vec<Option<Code>>,
    /// By the number of the partition.
    partitions: Vec<Option<Known>>,
    /// Registers that are not general, as a step or a record of registers has them.
    others: Vec<u8>,
    /// The partition of the last step, and the unit after it.
    last: Option<u16>,
    unit: u64,
}

#[derive(Clone, Copy, Debug)]
struct Code {
    eip: u32,
    length: usize,
    bytes: [u8; LONGEST_INSTRUCTION],
    number: u32,
    /// It may change other than general registers.
    changes_others: bool,
}

/// What the frame says of a partition so far.
#[derive(Debug)]
struct Known {
    /// The number of the instruction after its last one.
    instruction: u64,
    /// Whether the frame says what is in its registers.
    is_told: bool,
    general: [u32; 8],
    eflags: u32,
    others: Option<OtherRegisters>,
    /// Somebody else may have changed them since.
    is_stale: bool,
}

impl StepWriter {
    /// An instruction, or an iteration of a REP, retired.
    pub fn step(&mut self, stamp: Stamp, step: &Step<'_>) {
        let code = self.code(step.eip, step.bytes);
        self.place(stamp);
        let raw = &mut self.raw;
        let known = Known::of(&mut self.partitions, stamp);
        // Between two instructions the hypervisor may have changed registers, or instructions are missing that did.
        if !known.is_told || known.general != *step.registers_before || known.eflags != step.eflags_before {
            write_general(raw, step.registers_before, step.eflags_before);
            known.is_told = true;
        }
        let looks = (code.changes_others || known.is_stale)
            && !known.others.as_ref().is_some_and(|others| others.are_those_of(step.after));
        self.others.clear();
        let count = if looks { known.look(step.after, &mut self.others) } else { 0 };
        if known.is_stale {
            write_step(raw, code.number, step, (0, &[]));
            if count > 0 {
                raw.push(REGISTERS);
                write_varint(count, raw);
                raw.extend_from_slice(&self.others);
            }
        } else {
            write_step(raw, code.number, step, (count, &self.others));
        }
        known.is_stale = false;
        known.general = step.after.registers;
        known.eflags = step.after.eflags;
        known.instruction = stamp.instruction.wrapping_add(1);
        self.unit = stamp.unit.wrapping_add(1);
    }

    /// Something happened to a partition that is no instruction: any of its registers may have changed.
    pub fn event(&mut self, stamp: Stamp) {
        if let Some(Some(known)) = self.partitions.get_mut(stamp.partition.index()) {
            known.is_stale = true;
        }
    }

    /// Instructions are missing before this stamp.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let Some(elision) = StoredElision::of(stamp, elision) else { return };
        self.place(stamp);
        StepRecord::Elision(elision).write(&mut self.raw);
        let known = Known::of(&mut self.partitions, stamp);
        (known.instruction, known.is_stale) = (stamp.instruction, true);
        self.unit = stamp.unit;
    }

    /// How many bytes the frame has.
    #[must_use]
    pub fn length_bytes(&self) -> usize {
        self.raw.len()
    }

    /// Takes the frame and begins a new one.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self).raw
    }

    fn place(&mut self, stamp: Stamp) {
        let partition = stamp.partition.0;
        let known = self.partitions.get(stamp.partition.index()).and_then(Option::as_ref);
        let expected = known.map_or(0, |known| known.instruction);
        if self.last == Some(partition) && expected == stamp.instruction && self.unit == stamp.unit {
            return;
        }
        self.last = Some(partition);
        let instruction = stamp.instruction.wrapping_sub(expected) as i64;
        let unit = stamp.unit.wrapping_sub(self.unit) as i64;
        StepRecord::At { partition, instruction, unit }.write(&mut self.raw);
    }

    fn code(&mut self, eip: u32, bytes: &[u8]) -> Code {
        if self.slots.is_empty() {
            self.slots = vec![None; SLOTS];
        }
        let place = eip as usize & (SLOTS - 1);
        match self.slots[place] {
            Some(code) if code.eip == eip && code.bytes[..code.length] == *bytes => code,
            _ => {
                let code = self.searched(eip, bytes);
                self.slots[place] = Some(code);
                code
            }
        }
    }

    #[cold]
    fn searched(&mut self, eip: u32, bytes: &[u8]) -> Code {
        let next = self.numbers.len() as u32;
        let number = *self.numbers.entry((eip, bytes.into())).or_insert(next);
        if number == next {
            StepRecord::Code { eip, bytes }.write(&mut self.raw);
        }
        let mut kept = [0; LONGEST_INSTRUCTION];
        let length = bytes.len().min(LONGEST_INSTRUCTION);
        kept[..length].copy_from_slice(&bytes[..length]);
        Code { eip, length, bytes: kept, number, changes_others: changes_others(bytes) }
    }
}

impl Known {
    /// What the frame says of a partition, at first nothing.
    fn of(partitions: &mut Vec<Option<Self>>, stamp: Stamp) -> &mut Self {
        let partition = stamp.partition.index();
        if partitions.len() <= partition {
            partitions.resize_with(partition + 1, || None);
        }
        partitions[partition].get_or_insert(Self {
            instruction: 0,
            is_told: false,
            general: [0; 8],
            eflags: 0,
            others: None,
            is_stale: true,
        })
    }

    /// Writes the other registers that are not as they were known, which they are from now on; counts them.
    #[cold]
    fn look(&mut self, processor: &Cpu, raw: &mut Vec<u8>) -> u64 {
        let now = OtherRegisters::of(processor);
        let mut count = 0;
        now.tell_since(self.others.as_ref(), |number, value| {
            count += 1;
            raw.push(number);
            write_varint(value.len() as u64, raw);
            raw.extend_from_slice(value);
        });
        self.others = Some(now);
        count
    }
}

/// Whether an instruction may change segment registers, x87, MMX or SSE: by its opcode, and rather too often.
fn changes_others(bytes: &[u8]) -> bool {
    let opcode = bytes.iter().find(|byte| !PREFIXES.contains(byte)).copied().unwrap_or_default();
    matches!(
        opcode,
        0x07 | 0x0f | 0x17 | 0x1f | 0x8e | 0x9a | 0x9b | 0xc4 | 0xc5 | 0xca | 0xcb | 0xcd..=0xcf | 0xd8
            ..=0xdf | 0xea | 0xff
    )
}

/// The numbers of [`StepRecord::Registers`] and [`StepRecord::Step`], which are written without making lists first.
const REGISTERS: u8 = 2;
const STEP: u8 = 3;

#[cold]
fn write_general(raw: &mut Vec<u8>, general: &[u32; 8], eflags: u32) {
    raw.extend_from_slice(&[REGISTERS, 9]);
    for (number, value) in (0..).zip(general).chain([(EFLAGS, &eflags)]) {
        raw.extend_from_slice(&word(number, *value));
    }
}

/// An instruction; `others` are registers that it changed beside general ones and EFLAGS, and how many.
fn write_step(raw: &mut Vec<u8>, code: u32, step: &Step<'_>, others: (u64, &[u8])) {
    // Gathered first, so that the frame grows once.
    let mut words = [0; 9 * WORD_BYTES];
    let mut count = 0;
    let (before, after) = (step.registers_before, &step.after.registers);
    for (number, (before, after)) in (0..).zip(before.iter().zip(after)) {
        if before != after {
            words[count * WORD_BYTES..][..WORD_BYTES].copy_from_slice(&word(number, *after));
            count += 1;
        }
    }
    if step.eflags_before != step.after.eflags {
        words[count * WORD_BYTES..][..WORD_BYTES].copy_from_slice(&word(EFLAGS, step.after.eflags));
        count += 1;
    }
    raw.push(STEP);
    write_varint(code.into(), raw);
    write_varint(count as u64 + others.0, raw);
    raw.extend_from_slice(&words[..count * WORD_BYTES]);
    raw.extend_from_slice(others.1);
    write_varint(step.accesses.len() as u64, raw);
    for Access { kind, address, length_bytes, value } in step.accesses {
        raw.extend_from_slice(&[u8::from(*kind == AccessKind::Write), *length_bytes]);
        write_varint((*address).into(), raw);
        write_varint(*value, raw);
    }
}

const WORD_BYTES: usize = 6;

/// A register of four bytes.
fn word(number: u8, value: u32) -> [u8; WORD_BYTES] {
    let [a, b, c, d] = value.to_le_bytes();
    [number, 4, a, b, c, d]
}
