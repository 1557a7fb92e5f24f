//! A stretch of records in the order in which they came, each kind in a table of its own.

use super::{Forgotten, Measure, Outlet};
use emulator::{Access, Cpu, Step};
use hypervisor_core::{Elision, Event, PartitionId, Stamp};

/// Records in a chunk at most.
const RECORDS: usize = 4096;
const LONGEST_INSTRUCTION: usize = 15;

/// Records that are forgotten together.
#[derive(Debug, Default)]
pub struct Chunk {
    records: Vec<(Stamp, Kind)>,
    units: Vec<Unit>,
    accesses: Vec<Access>,
    /// Processors, as far as they are not in the units: a new one where that part changed.
    processors: Vec<Cpu>,
    events: Vec<Event>,
    elisions: Vec<Elision>,
    /// Whose instruction was the last record.
    running: Option<PartitionId>,
    weight: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Instruction,
    Event,
    Elision,
}

/// An instruction without its accesses.
#[derive(Debug)]
struct Unit {
    eip: u32,
    eip_after: u32,
    eflags_before: u32,
    eflags_after: u32,
    registers_before: [u32; 8],
    registers_after: [u32; 8],
    accesses: u32,
    /// Place in the processors of the chunk.
    processor: u32,
    bytes: [u8; LONGEST_INSTRUCTION],
    length: u8,
}

impl Chunk {
    pub fn new() -> Self {
        Self::default()
    }

    /// What it holds of what the ring counts.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The memory of its records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_full(&self, most_bytes: usize) -> bool {
        self.records.len() >= RECORDS || self.bytes >= most_bytes
    }

    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.note(stamp, Kind::Instruction, 1);
        self.keep_processor(stamp.partition, step);
        let length = step.bytes.len().min(LONGEST_INSTRUCTION);
        let mut bytes = [0; LONGEST_INSTRUCTION];
        bytes[..length].copy_from_slice(&step.bytes[..length]);
        self.accesses.extend_from_slice(step.accesses);
        self.units.push(Unit {
            eip: step.eip,
            eip_after: step.after.eip,
            eflags_before: step.eflags_before,
            eflags_after: step.after.eflags,
            registers_before: *step.registers_before,
            registers_after: step.after.registers,
            accesses: step.accesses.len() as u32,
            processor: (self.processors.len() - 1) as u32,
            bytes,
            length: length as u8,
        });
        self.bytes += size_of::<Unit>() + size_of_val(step.accesses);
    }

    pub fn event(&mut self, stamp: Stamp, event: &Event, weight: usize) {
        self.note(stamp, Kind::Event, weight);
        self.running = None;
        self.bytes += size_of::<Event>() + own_bytes(event);
        self.events.push(event.clone());
    }

    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.note(stamp, Kind::Elision, 0);
        self.running = None;
        self.bytes += 2 * size_of::<Elision>();
        self.elisions.push(elision.clone());
    }

    /// Hands on all but the first `surplus` that count, and tells of those.
    pub fn hand_on(&self, mut surplus: usize, measure: Measure, out: &mut dyn Outlet) {
        let mut units = self.units.iter();
        let mut accesses = self.accesses.as_slice();
        let mut events = self.events.iter();
        let mut elisions = self.elisions.iter();
        let mut processor: Option<(u32, Cpu)> = None;
        for &(stamp, kind) in &self.records {
            let keep = surplus == 0;
            let counts = match kind {
                Kind::Instruction => true,
                Kind::Event => measure == Measure::Records,
                Kind::Elision => false,
            };
            surplus = surplus.saturating_sub(usize::from(counts));
            match kind {
                Kind::Instruction => {
                    let Some(unit) = units.next() else { return };
                    let (own, rest) = accesses.split_at(unit.accesses as usize);
                    accesses = rest;
                    if !keep {
                        out.forgotten(stamp, Forgotten::Instruction);
                        continue;
                    }
                    if processor.as_ref().is_none_or(|(place, _)| *place != unit.processor) {
                        processor = Some((unit.processor, self.processors[unit.processor as usize].clone()));
                    }
                    if let Some((_, after)) = &mut processor {
                        out.instruction(stamp, &unit.step(after, own));
                    }
                }
                Kind::Event => {
                    let Some(event) = events.next() else { return };
                    if keep {
                        out.event(stamp, event);
                    } else {
                        out.forgotten(stamp, Forgotten::Event(event));
                    }
                }
                Kind::Elision => {
                    let Some(elision) = elisions.next() else { return };
                    if keep {
                        out.elided(stamp, elision);
                    } else {
                        out.forgotten(stamp, Forgotten::Elision(elision));
                    }
                }
            }
        }
    }

    fn note(&mut self, stamp: Stamp, kind: Kind, weight: usize) {
        self.records.push((stamp, kind));
        self.bytes += size_of::<(Stamp, Kind)>();
        self.weight += weight;
    }

    /// Keeps the processor if it is another one than before in what no unit holds.
    fn keep_processor(&mut self, partition: PartitionId, step: &Step<'_>) {
        let goes_on = self.running.replace(partition) == Some(partition);
        if let Some(last) = self.processors.last() {
            let untouched = goes_on && !last.interrupt_shadow && leaves_rest_alone(step.bytes);
            if untouched || is_same_rest(last, step.after) {
                return;
            }
        }
        self.processors.push(step.after.clone());
        self.bytes += size_of::<Cpu>();
    }
}

impl Unit {
    fn step<'a>(&'a self, after: &'a mut Cpu, accesses: &'a [Access]) -> Step<'a> {
        after.registers = self.registers_after;
        after.eip = self.eip_after;
        after.eflags = self.eflags_after;
        Step {
            eip: self.eip,
            bytes: &self.bytes[..usize::from(self.length)],
            registers_before: &self.registers_before,
            eflags_before: self.eflags_before,
            after,
            accesses,
        }
    }
}

/// Whether an instruction that begins so changes only general registers, EIP, EFLAGS and memory. False if in doubt: it
/// saves a comparison, no more.
fn leaves_rest_alone(bytes: &[u8]) -> bool {
    matches!(
        bytes.first(),
        Some(
            // Arithmetic without the opcodes for segment registers and prefixes among it.
            0x00..=0x05
            | 0x08..=0x0d
            | 0x10..=0x15
            | 0x18..=0x1d
            | 0x20..=0x25
            | 0x28..=0x2d
            | 0x30..=0x35
            | 0x38..=0x3d
            | 0x40..=0x5f
            | 0x68..=0x6b
            | 0x70..=0x8b
            | 0x8d
            | 0x90..=0x97
            | 0xa0..=0xc3
            | 0xc6
            | 0xc7
            | 0xe8
            | 0xe9
            | 0xeb
            | 0xf6
            | 0xf7,
        )
    )
}

fn is_same_rest(one: &Cpu, other: &Cpu) -> bool {
    one.segments == other.segments
        && one.cpl == other.cpl
        && one.interrupt_shadow == other.interrupt_shadow
        && one.fpu == other.fpu
        && one.sse == other.sse
        && one.system == other.system
        && one.descriptors == other.descriptors
}

/// Memory of an event beside its own.
fn own_bytes(event: &Event) -> usize {
    match event {
        Event::ConsoleOutput(bytes) | Event::ConsoleInput(bytes) => bytes.len(),
        Event::Settled { text, .. } => text.len(),
        _ => 0,
    }
}
