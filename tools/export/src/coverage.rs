//! Which code of each partition ran, told of by blocks or by instructions.
//!
//! Not here: the formats that list it.

use crate::executed::Executed;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, PartitionId, Stamp};
use trace::{Stretches, TracedSystem};

/// What ran of all partitions.
#[derive(Debug)]
pub struct Coverage {
    executed: Vec<Executed>,
    stretches: Stretches,
}

impl Coverage {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem) -> Self {
        let count = system.partitions.len();
        let executed = std::iter::repeat_with(Executed::default).take(count).collect();
        Self { executed, stretches: Stretches::new(count) }
    }

    /// Counts an instruction.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.executed[stamp.partition.index()].note(step);
    }

    /// Counts blocks.
    pub fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let executed = &mut self.executed[stamp.partition.index()];
        self.stretches.refresh(stamp, blocks, |codes| executed.settle(codes));
        executed.expect(blocks.codes.count());
        self.stretches.each(stamp, blocks, |stretch| executed.stretch(stretch));
    }

    /// Counts what is known of what was left out.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.executed[stamp.partition.index()].elided(elision);
    }

    /// What ran of a partition, once nothing more comes.
    pub fn of(&mut self, partition: PartitionId) -> &Executed {
        let executed = &mut self.executed[partition.index()];
        executed.settle(self.stretches.codes(partition));
        executed
    }
}
