//! Writes each instruction with what it changed and touched, for readers that have no processor.

use super::address_records::write_varint;
use super::step_records::{AtMost, EFLAGS, OtherRegisters, Register, StepRecord};
use super::stored_elision::StoredElision;
use emulator::decode::{LONGEST_INSTRUCTION, PREFIXES};
use emulator::{Access, AccessKind, Cpu, Step};
use hypervisor_core::{Elision, Stamp};
use std::collections::{BTreeMap, HashMap};

/// How many instructions are found again without a search: a power of two.
const SLOTS: usize = 1 << 12;

/// Makes frames of instructions.
#[derive(Debug, Default)]
pub struct StepWriter {
    raw: Vec<u8>,
    numbers: HashMap<(u32, Box<[u8]>), u32>,
    slots: Vec<Option<Code>>,
    partitions: BTreeMap<u16, Known>,
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
        let known = self.partitions.entry(stamp.partition.0).or_insert(Known::NOTHING);
        // Between two instructions the hypervisor may have changed registers, or instructions are missing that did.
        if !known.is_told || known.general != *step.registers_before || known.eflags != step.eflags_before {
            write_registers(raw, &all_of(step.registers_before, step.eflags_before));
            known.is_told = true;
        }
        let looks = (code.changes_others || known.is_stale)
            && !known.others.as_ref().is_some_and(|others| others.are_those_of(step.after));
        let others = if looks { known.look(step.after) } else { Vec::new() };
        let (changed, now) = if known.is_stale { (Vec::new(), others) } else { (others, Vec::new()) };
        write_step(raw, code.number, step, &changed);
        if !now.is_empty() {
            write_registers(raw, &now);
        }
        known.is_stale = false;
        known.general = step.after.registers;
        known.eflags = step.after.eflags;
        known.instruction = stamp.instruction.wrapping_add(1);
        self.unit = stamp.unit.wrapping_add(1);
    }

    /// Something happened to a partition that is no instruction: any of its registers may have changed.
    pub fn event(&mut self, stamp: Stamp) {
        if let Some(known) = self.partitions.get_mut(&stamp.partition.0) {
            known.is_stale = true;
        }
    }

    /// Instructions are missing before this stamp.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let Some(elision) = StoredElision::of(stamp, elision) else { return };
        self.place(stamp);
        StepRecord::Elision(elision).write(&mut self.raw);
        let known = self.partitions.entry(stamp.partition.0).or_insert(Known::NOTHING);
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
        let expected = self.partitions.get(&partition).map_or(0, |known| known.instruction);
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
    /// The frame says nothing of it.
    const NOTHING: Self =
        Self { instruction: 0, is_told: false, general: [0; 8], eflags: 0, others: None, is_stale: true };

    /// The other registers that are not as they were known, which they are from now on.
    #[cold]
    fn look(&mut self, processor: &Cpu) -> Vec<Register> {
        let now = OtherRegisters::of(processor);
        let changed = now.since(self.others.as_ref());
        self.others = Some(now);
        changed
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

fn all_of(general: &[u32; 8], eflags: u32) -> Vec<Register> {
    let general = (0..).zip(general).map(|(number, value)| (number, value.to_le_bytes().to_vec()));
    general.chain([(EFLAGS, eflags.to_le_bytes().to_vec())]).collect()
}

fn write_registers(raw: &mut Vec<u8>, registers: &[Register]) {
    let registers = registers.iter().map(|(number, value)| (*number, &value[..]));
    StepRecord::Registers(AtMost(registers.collect())).write(raw);
}

/// The number of [`StepRecord::Step`].
const STEP: u8 = 3;

/// Writes what [`StepRecord::write`] would write, without making lists first: once for each instruction.
fn write_step(raw: &mut Vec<u8>, code: u32, step: &Step<'_>, others: &[Register]) {
    raw.push(STEP);
    write_varint(code.into(), raw);
    let (before, after) = (step.registers_before, &step.after.registers);
    let flags_changed = step.eflags_before != step.after.eflags;
    let changed = before.iter().zip(after).filter(|(before, after)| before != after).count();
    write_varint((changed + usize::from(flags_changed) + others.len()) as u64, raw);
    for (number, (before, after)) in (0..).zip(before.iter().zip(after)) {
        if before != after {
            write_word(raw, number, *after);
        }
    }
    if flags_changed {
        write_word(raw, EFLAGS, step.after.eflags);
    }
    for (number, value) in others {
        raw.push(*number);
        write_varint(value.len() as u64, raw);
        raw.extend_from_slice(value);
    }
    write_varint(step.accesses.len() as u64, raw);
    for Access { kind, address, length_bytes, value } in step.accesses {
        raw.push(u8::from(*kind == AccessKind::Write));
        raw.push(*length_bytes);
        write_varint((*address).into(), raw);
        write_varint(*value, raw);
    }
}

fn write_word(raw: &mut Vec<u8>, number: u8, value: u32) {
    let [a, b, c, d] = value.to_le_bytes();
    raw.extend_from_slice(&[number, 4, a, b, c, d]);
}
