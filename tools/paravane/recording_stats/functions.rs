//! In which functions instructions run, and how often they are entered.

use emulator::Step;
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use trace::{CallStacks, Change, Entry, FunctionId, TracedSystem};

/// Counts by function.
pub struct FunctionCounts {
    stacks: CallStacks,
    /// By partition, and by the number of the function.
    counts: Vec<Vec<Count>>,
}

/// What one function did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Instructions of its own, without those of functions that it called.
    pub instructions: u64,
    /// How often it was called, jumped to, or entered by an upcall or a trap.
    pub entries: u64,
}

impl FunctionCounts {
    /// Nothing ran yet.
    pub fn new(traced: &TracedSystem) -> Self {
        Self { stacks: CallStacks::new(traced), counts: vec![Vec::new(); traced.partitions.len()] }
    }

    /// The functions of a partition with the most instructions, those first.
    pub fn most(&self, partition: PartitionId, most: u64) -> Vec<(&str, Count)> {
        let Some(counts) = self.counts.get(partition.index()) else { return Vec::new() };
        let ran = counts.iter().enumerate().filter(|(_, count)| count.instructions > 0);
        let mut ran: Vec<(&str, Count)> = ran
            .map(|(number, count)| {
                let function = self.stacks.function(partition, FunctionId(number as u32));
                (function.name.as_str(), *count)
            })
            .collect();
        ran.sort_by(|(name, count), (other, than)| {
            than.instructions.cmp(&count.instructions).then_with(|| name.cmp(other))
        });
        ran.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        ran
    }
}

fn count(counts: &mut Vec<Count>, function: FunctionId) -> &mut Count {
    if counts.len() <= function.index() {
        counts.resize(function.index() + 1, Count::default());
    }
    &mut counts[function.index()]
}

fn enter(counts: &mut Vec<Count>, changes: &[Change]) {
    for change in changes {
        if let Change::Entered { function, entry, .. } = change
            && *entry != Entry::Resumed
        {
            count(counts, *function).entries += 1;
        }
    }
}

impl Recorder for FunctionCounts {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let Some(counts) = self.counts.get_mut(stamp.partition.index()) else { return };
        enter(counts, self.stacks.instruction(stamp, step));
        if let Some(frame) = self.stacks.frames(stamp.partition).last() {
            count(counts, frame.function).instructions += 1;
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let Some(counts) = self.counts.get_mut(stamp.partition.index()) else { return };
        enter(counts, self.stacks.event(stamp, event));
    }
}
