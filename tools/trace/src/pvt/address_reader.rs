//! Reads which instructions ran. Every number is a claim: nothing is made longer than the frame because it says so.

use super::address_records::{AddressRecord, Guesses, Step};
use super::is_instruction;
use super::stored_elision::StoredElision;
use hypervisor_core::clock::Rate;
use hypervisor_core::{PartitionId, Stamp};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A block: where it stands, and the bytes of each of its instructions, which are those of the frame.
struct Block<'a> {
    eip: u32,
    instructions: Vec<&'a [u8]>,
}

/// Why no more was told of a frame of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressesEnd {
    /// That was all.
    Complete,
    /// Whoever was told wanted no more.
    Stopped,
    /// The rest cannot be understood.
    Damaged,
}

/// What a frame of addresses tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToldAddress<'a> {
    /// An instruction, or an iteration of a REP: its EIP and bytes.
    Instruction(u32, &'a [u8]),
    /// Instructions that are not in the frame, right before this place.
    Elision(&'a StoredElision),
}

/// Tells the instructions of a frame of addresses in order, each iteration of a REP by itself: its stamp, EIP and bytes.
pub fn tell_addresses(
    raw: &[u8],
    rate: Rate,
    partitions: usize,
    mut tell: impl FnMut(Stamp, u32, &[u8]) -> ControlFlow<()>,
) -> AddressesEnd {
    tell_addresses_and_gaps(raw, rate, partitions, |stamp, told| match told {
        ToldAddress::Instruction(eip, bytes) => tell(stamp, eip, bytes),
        ToldAddress::Elision(_) => ControlFlow::Continue(()),
    })
}

/// Tells the instructions of a frame of addresses in order, and which are missing.
pub fn tell_addresses_and_gaps(
    raw: &[u8],
    rate: Rate,
    partitions: usize,
    mut tell: impl FnMut(Stamp, ToldAddress<'_>) -> ControlFlow<()>,
) -> AddressesEnd {
    let mut reader = AddressReader { rate, partitions, ..AddressReader::default() };
    let mut rest = raw;
    while !rest.is_empty() {
        let Ok((record, after)) = postcard::take_from_bytes::<AddressRecord>(rest) else {
            return AddressesEnd::Damaged;
        };
        rest = after;
        match reader.take(record, &mut tell) {
            AddressesEnd::Complete => {}
            end => return end,
        }
    }
    AddressesEnd::Complete
}

/// The unit of the last instruction of a frame of addresses, as its paths claim it; None if there is none, or if they cannot be
/// understood.
#[must_use]
pub fn last_unit_of_addresses(raw: &[u8]) -> Option<u64> {
    let (mut rest, mut after) = (raw, 0_u64);
    while !rest.is_empty() {
        let (record, left) = postcard::take_from_bytes::<AddressRecord<'_>>(rest).ok()?;
        rest = left;
        after = match record {
            AddressRecord::Block { .. } => after,
            AddressRecord::Path { unit, units, .. } => after.wrapping_add(unit as u64).checked_add(units)?,
            AddressRecord::Elision { unit, .. } => after.wrapping_add(unit as u64),
        };
    }
    after.checked_sub(1)
}

#[derive(Default)]
struct AddressReader<'a> {
    rate: Rate,
    partitions: usize,
    blocks: Vec<Block<'a>>,
    guesses: Guesses,
    instructions: BTreeMap<u16, u64>,
    unit: u64,
}

impl<'a> AddressReader<'a> {
    fn take(
        &mut self,
        record: AddressRecord<'a>,
        tell: &mut impl FnMut(Stamp, ToldAddress<'_>) -> ControlFlow<()>,
    ) -> AddressesEnd {
        match record {
            AddressRecord::Block { eip, instructions } => {
                // Or a path of nothing could go on for ever.
                if instructions.is_empty() || !instructions.iter().all(|bytes| is_instruction(bytes)) {
                    return AddressesEnd::Damaged;
                }
                self.blocks.push(Block { eip, instructions });
                AddressesEnd::Complete
            }
            AddressRecord::Path { partition, instruction, unit, units, steps } => {
                if usize::from(partition) >= self.partitions {
                    return AddressesEnd::Damaged;
                }
                let expected = self.instructions.entry(partition).or_default();
                let instruction = expected.wrapping_add(instruction as u64);
                let unit = self.unit.wrapping_add(unit as u64);
                let (Some(instruction_end), Some(unit_end)) =
                    (instruction.checked_add(units), unit.checked_add(units))
                else {
                    return AddressesEnd::Damaged;
                };
                (*expected, self.unit) = (instruction_end, unit_end);
                let partition = PartitionId(partition);
                let at = Stamp { partition, instruction, unit, now_ns: 0 };
                self.walk(at, units, steps, tell)
            }
            AddressRecord::Elision { partition, instruction, unit, elision } => {
                if usize::from(partition) >= self.partitions || !elision.is_possible() {
                    return AddressesEnd::Damaged;
                }
                let expected = self.instructions.entry(partition).or_default();
                *expected = expected.wrapping_add(instruction as u64);
                self.unit = self.unit.wrapping_add(unit as u64);
                let (instruction, unit) = (*expected, self.unit);
                let now_ns = self.rate.nanoseconds(unit);
                let stamp = Stamp { partition: PartitionId(partition), instruction, unit, now_ns };
                match tell(stamp, ToldAddress::Elision(&elision)) {
                    ControlFlow::Continue(()) => AddressesEnd::Complete,
                    ControlFlow::Break(()) => AddressesEnd::Stopped,
                }
            }
        }
    }

    /// Walks one path. What may still be cut off is held back: the instructions of the last block.
    fn walk(
        &mut self,
        mut at: Stamp,
        units: u64,
        mut steps: &[u8],
        tell: &mut impl FnMut(Stamp, ToldAddress<'_>) -> ControlFlow<()>,
    ) -> AddressesEnd {
        let partition = at.partition;
        let mut held = Held::default();
        let mut left = units;
        while !steps.is_empty() {
            let Some((run, step)) = Step::read(&mut steps) else { return AddressesEnd::Damaged };
            let blocks = (0..run).map(|_| Next::Guess(0)).chain(match step {
                Step::Second => Some(Next::Guess(1)),
                Step::Third => Some(Next::Guess(2)),
                Step::Block(number) => Some(Next::Number(number)),
                Step::End | Step::Cut(_) | Step::More(_) => None,
            });
            for next in blocks {
                let number = match next {
                    Next::Guess(rank) => self.guesses.expected(partition, rank),
                    Next::Number(number) => Some(number),
                };
                let Some(number) = number.filter(|number| (*number as usize) < self.blocks.len()) else {
                    return AddressesEnd::Damaged;
                };
                match held.tell(&self.blocks, self.rate, &mut at, &mut left, tell) {
                    AddressesEnd::Complete => {}
                    end => return end,
                }
                self.guesses.enter(partition, number);
                held = Held { block: Some(number), ..Held::default() };
            }
            match step {
                Step::Cut(units) => held.cut = u64::from(units),
                Step::More(units) => held.more = u64::from(units),
                _ => {}
            }
        }
        match held.tell(&self.blocks, self.rate, &mut at, &mut left, tell) {
            AddressesEnd::Complete if left != 0 => AddressesEnd::Damaged,
            end => end,
        }
    }
}

enum Next {
    Guess(usize),
    Number(u32),
}

/// A block that was entered, and what was said of it since.
#[derive(Default)]
struct Held {
    block: Option<u32>,
    cut: u64,
    more: u64,
}

impl Held {
    fn tell(
        &self,
        blocks: &[Block<'_>],
        rate: Rate,
        at: &mut Stamp,
        left: &mut u64,
        tell: &mut impl FnMut(Stamp, ToldAddress<'_>) -> ControlFlow<()>,
    ) -> AddressesEnd {
        let Some(block) = self.block.map(|number| &blocks[number as usize]) else {
            return AddressesEnd::Complete;
        };
        let codes = &block.instructions;
        let total = codes.len() as u64 + self.more;
        let Some(done) = total.checked_sub(self.cut).filter(|done| done <= left) else {
            return AddressesEnd::Damaged;
        };
        *left -= done;
        let last = codes.len().saturating_sub(1);
        let mut eip = block.eip;
        for number in 0..done {
            let place = usize::try_from(number).unwrap_or(last).min(last);
            at.now_ns = rate.nanoseconds(at.unit);
            if tell(*at, ToldAddress::Instruction(eip, codes[place])).is_break() {
                return AddressesEnd::Stopped;
            }
            at.instruction += 1;
            at.unit += 1;
            if place < last {
                eip = eip.wrapping_add(codes[place].len() as u32);
            }
        }
        AddressesEnd::Complete
    }
}
