//! Writes which instructions ran: each block's code once in a frame, and then only what the blocks before do not predict.

use super::address_records::{AddressRecord, Guess, Guesses, Step};
use super::block_batch::{BlockBatch, BlockPart};
use super::stored_elision::StoredElision;
use emulator::decode::instruction_length;
use emulator::{BlockEntry, Executed};
use hypervisor_core::{PartitionId, Stamp};
use std::collections::{BTreeMap, HashMap};

/// In place of a block's number in a frame, as long as it has none.
const NO_NUMBER: u32 = u32::MAX;

/// Makes frames of addresses out of batches of blocks.
#[derive(Debug, Default)]
pub struct AddressWriter {
    partitions: BTreeMap<u16, Partition>,
    frame: Frame,
}

#[derive(Debug, Default)]
struct Partition {
    codes: Vec<Code>,
    /// Of each block its number in the frame, or [`NO_NUMBER`].
    numbers: Vec<u32>,
}

#[derive(Debug)]
struct Code {
    eip: u32,
    bytes: Box<[u8]>,
}

/// The frame that is being made.
#[derive(Debug, Default)]
struct Frame {
    raw: Vec<u8>,
    numbers: HashMap<(u32, Box<[u8]>), u32>,
    guesses: Guesses,
    /// The number of the instruction after each partition's last path.
    instructions: BTreeMap<u16, u64>,
    unit: u64,
    steps: Vec<u8>,
}

impl AddressWriter {
    /// Adds a batch.
    pub fn add(&mut self, batch: &BlockBatch) {
        let (mut bytes, mut log) = (&batch.bytes[..], &batch.log[..]);
        for part in &batch.parts {
            match part {
                BlockPart::Forget(partition) => {
                    self.partitions.insert(partition.0, Partition::default());
                }
                BlockPart::Code { partition, eip, length_bytes } => {
                    let code = take(&mut bytes, *length_bytes as usize);
                    let partition = self.partitions.entry(partition.0).or_default();
                    partition.codes.push(Code { eip: *eip, bytes: code.into() });
                    partition.numbers.push(NO_NUMBER);
                }
                BlockPart::Run { stamp, units, entries } => {
                    let partition = self.partitions.entry(stamp.partition.0).or_default();
                    self.frame.path(*stamp, *units, take(&mut log, *entries), partition);
                }
                BlockPart::One { stamp, eip, length_bytes } => {
                    let code = take(&mut bytes, *length_bytes as usize);
                    let number = self.frame.number(*eip, code);
                    let mut run = 0;
                    self.frame.enter(stamp.partition, number, &mut run);
                    self.frame.end_path(*stamp, 1, run);
                }
                BlockPart::Elision { stamp, elision } => self.frame.elision(*stamp, elision),
            }
        }
    }

    /// How many bytes the frame has.
    #[must_use]
    pub fn length_bytes(&self) -> usize {
        self.frame.raw.len()
    }

    /// Takes the frame and begins a new one.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        for partition in self.partitions.values_mut() {
            partition.numbers.fill(NO_NUMBER);
        }
        std::mem::take(&mut self.frame).raw
    }
}

impl Frame {
    fn path(&mut self, stamp: Stamp, units: u64, log: &[BlockEntry], partition: &mut Partition) {
        // Blocks that came as guessed since the last step that was written.
        let mut run = 0;
        for entry in log {
            match entry.executed() {
                Executed::Block(block) => {
                    let mut number = partition.numbers[block as usize];
                    if number == NO_NUMBER {
                        let code = &partition.codes[block as usize];
                        number = self.number(code.eip, &code.bytes);
                        partition.numbers[block as usize] = number;
                    }
                    self.enter(stamp.partition, number, &mut run);
                }
                Executed::Cut(units) => {
                    Step::Cut(units).write(std::mem::take(&mut run), &mut self.steps);
                }
                Executed::More(units) => {
                    Step::More(units).write(std::mem::take(&mut run), &mut self.steps);
                }
            }
        }
        self.end_path(stamp, units, run);
    }

    #[inline]
    fn enter(&mut self, partition: PartitionId, number: u32, run: &mut u64) {
        let step = match self.guesses.enter(partition, number) {
            Guess::First => return *run += 1,
            Guess::Second => Step::Second,
            Guess::Third => Step::Third,
            Guess::None => Step::Block(number),
        };
        step.write(std::mem::take(run), &mut self.steps);
    }

    fn end_path(&mut self, stamp: Stamp, units: u64, run: u64) {
        if run > 0 {
            Step::End.write(run, &mut self.steps);
        }
        let expected = self.instructions.entry(stamp.partition.0).or_default();
        let record = AddressRecord::Path {
            partition: stamp.partition.0,
            instruction: stamp.instruction.wrapping_sub(*expected) as i64,
            unit: stamp.unit.wrapping_sub(self.unit) as i64,
            units,
            steps: &self.steps,
        };
        *expected = stamp.instruction.wrapping_add(units);
        self.unit = stamp.unit.wrapping_add(units);
        record.write(&mut self.raw);
        self.steps.clear();
    }

    fn elision(&mut self, stamp: Stamp, elision: &StoredElision) {
        let expected = self.instructions.entry(stamp.partition.0).or_default();
        let record = AddressRecord::Elision {
            partition: stamp.partition.0,
            instruction: stamp.instruction.wrapping_sub(*expected) as i64,
            unit: stamp.unit.wrapping_sub(self.unit) as i64,
            elision: elision.clone(),
        };
        (*expected, self.unit) = (stamp.instruction, stamp.unit);
        record.write(&mut self.raw);
    }

    /// The number of a block in this frame; its code is written when it gets one.
    fn number(&mut self, eip: u32, code: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(&(eip, code.into())) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert((eip, code.into()), number);
        let mut instructions = Vec::new();
        let mut rest = code;
        while !rest.is_empty() {
            let (instruction, after) = rest.split_at(instruction_length(rest).clamp(1, rest.len()));
            instructions.push(instruction);
            rest = after;
        }
        AddressRecord::Block { eip, instructions }.write(&mut self.raw);
        number
    }
}

fn take<'a, T>(rest: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, after) = rest.split_at(count);
    *rest = after;
    taken
}
