//! How a run ended, for the last lines of a trace.

use hypervisor_core::{Machine, Outcome, PartitionId, Stamp};
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunEnd {
    /// How the run did.
    pub outcome: Outcome,
    /// Units executed by all partitions.
    pub executed: u64,
    /// Units of virtual time.
    pub unit: u64,
    /// Virtual time in nanoseconds.
    pub now_ns: u64,
    /// The partitions that ended, where and how.
    pub partitions: Vec<PartitionEnd>,
    /// The digest of the machine.
    pub digest: u128,
}

/// How a partition ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionEnd {
    /// Its number.
    pub partition: u16,
    /// Units that it executed.
    pub instruction: u64,
    /// Virtual time in nanoseconds.
    pub now_ns: u64,
    /// How.
    pub outcome: Outcome,
}

impl RunEnd {
    /// The end of a run that a machine made.
    #[must_use]
    pub fn of(machine: &Machine, outcome: &Outcome) -> Self {
        let partitions = machine.partitions().iter().enumerate().filter_map(|(place, partition)| {
            let stamp = machine.stamp_of(PartitionId(place as u16));
            Some(PartitionEnd {
                partition: place as u16,
                instruction: stamp.instruction,
                now_ns: partition.ending().map_or(stamp.now_ns, |ending| ending.now_ns),
                outcome: partition.outcome()?.clone(),
            })
        });
        Self {
            outcome: outcome.clone(),
            executed: machine.executed(),
            unit: machine.clock().units(),
            now_ns: machine.clock().now_ns(),
            partitions: partitions.collect(),
            digest: machine.digest(),
        }
    }

    /// Where the only partition of a run that is no system was.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let instruction = self.executed;
        Stamp { partition: PartitionId(0), instruction, unit: self.unit, now_ns: self.now_ns }
    }
}
