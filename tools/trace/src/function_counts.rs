//! In which functions instructions run, and how often they are entered.

use crate::call_stack::{CallStacks, Change, Entry};
use crate::functions::{Function, FunctionId};
use crate::stretches::Stretches;
use crate::traced_system::TracedSystem;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};

/// Counts by function.
#[derive(Debug)]
pub struct FunctionCounts {
    stacks: CallStacks,
    stretches: Stretches,
    /// By partition, and by the number of the function.
    counts: Vec<Vec<FunctionCount>>,
}

/// What one function did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FunctionCount {
    /// Instructions of its own, without those of functions that it called.
    pub instructions: u64,
    /// How often it was called, jumped to, or entered by an upcall or a trap.
    pub entries: u64,
}

impl FunctionCounts {
    /// Nothing ran yet.
    #[must_use]
    pub fn new(traced: &TracedSystem) -> Self {
        let count = traced.partitions.len();
        Self {
            stacks: CallStacks::new(traced),
            stretches: Stretches::new(count),
            counts: vec![Vec::new(); count],
        }
    }

    /// Whether blocks did not tell enough: as [`CallStacks::is_unsure`].
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.stacks.is_unsure()
    }

    /// The functions of a partition with the most instructions, those first.
    #[must_use]
    pub fn most(&self, partition: PartitionId, most: u64) -> Vec<(&Function, FunctionCount)> {
        let Some(counts) = self.counts.get(partition.index()) else { return Vec::new() };
        let ran = counts.iter().enumerate().filter(|(_, count)| count.instructions > 0);
        let mut ran: Vec<(&Function, FunctionCount)> = ran
            .map(|(number, count)| (self.stacks.function(partition, FunctionId(number as u32)), *count))
            .collect();
        ran.sort_by(|(function, count), (other, than)| {
            than.instructions.cmp(&count.instructions).then_with(|| function.name.cmp(&other.name))
        });
        ran.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        ran
    }
}

fn count(counts: &mut Vec<FunctionCount>, function: FunctionId) -> &mut FunctionCount {
    if counts.len() <= function.index() {
        counts.resize(function.index() + 1, FunctionCount::default());
    }
    &mut counts[function.index()]
}

fn enter(counts: &mut Vec<FunctionCount>, changes: &[Change]) {
    for change in changes {
        if let Change::Entered { function, entry, .. } = change
            && *entry != Entry::Resumed
        {
            count(counts, *function).entries += 1;
        }
    }
}

impl Recorder for FunctionCounts {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let Some(counts) = self.counts.get_mut(stamp.partition.index()) else { return };
        enter(counts, self.stacks.instruction(stamp, step));
        if let Some(frame) = self.stacks.frames(stamp.partition).last() {
            count(counts, frame.function).instructions += 1;
        }
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let Self { stacks, stretches, counts } = self;
        let Some(counts) = counts.get_mut(stamp.partition.index()) else { return };
        stretches.refresh(stamp, blocks, |_| ());
        stretches.each(stamp, blocks, |stretch| {
            let mut innermost = None;
            stacks.stretch(stretch, |changes, frames, (since, until)| {
                enter(counts, changes);
                innermost = frames.last().map(|frame| frame.function);
                if let Some(function) = innermost {
                    count(counts, function).instructions += (until - since) as u64;
                }
            });
            if let Some(function) = innermost.filter(|_| stretch.more > 0) {
                count(counts, function).instructions += stretch.more;
            }
        });
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let Some(counts) = self.counts.get_mut(stamp.partition.index()) else { return };
        enter(counts, self.stacks.event(stamp, event));
    }
}
