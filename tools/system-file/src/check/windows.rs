//! The windows of each partition in each plan, for proofs; and a bound on how long proofs may take.

use crate::model::System;
use hypervisor_core::config::PartitionId;
use std::collections::BTreeMap;
use std::ops::Range;

/// All proofs together look at so many windows at most.
const LOOKS_MOST: u64 = 20_000_000;

/// The windows of a plan that proofs can go by.
pub struct PlanWindows<'s> {
    /// Its place among the plans.
    pub place: usize,
    /// What it is called.
    pub name: &'s str,
    /// The length of the frame, at least 1.
    pub frame: u64,
    of: BTreeMap<PartitionId, Vec<Range<u64>>>,
}

impl PlanWindows<'_> {
    /// The windows of a partition by start; they do not overlap and lie in the frame.
    pub fn of(&self, partition: PartitionId) -> &[Range<u64>] {
        self.of.get(&partition).map_or(&[], Vec::as_slice)
    }
}

/// The plans without an error in their windows.
pub fn of_plans(system: &System) -> Vec<PlanWindows<'_>> {
    let mut plans = Vec::new();
    for (place, plan) in system.plans.iter().enumerate().filter(|(_, plan)| plan.is_complete) {
        let mut all: Vec<_> = plan.windows.iter().collect();
        all.sort_by_key(|window| window.start);
        let overlap = all.windows(2).any(|pair| pair[1].start < pair[0].end());
        let frame = plan.frame_units();
        if overlap || frame == 0 || all.last().is_some_and(|last| last.end() > frame) {
            continue;
        }
        let mut of: BTreeMap<PartitionId, Vec<Range<u64>>> = BTreeMap::new();
        for window in all {
            if let Some(partition) = window.partition {
                of.entry(partition).or_default().push(window.start..window.end());
            }
        }
        plans.push(PlanWindows { place, name: &plan.name.value, frame, of });
    }
    plans
}

/// How long proofs may still take.
pub struct Effort {
    left: u64,
    /// Something was not proved for want of effort.
    pub is_spent: bool,
}

impl Effort {
    /// That of one check.
    pub fn new() -> Self {
        Self { left: LOOKS_MOST, is_spent: false }
    }

    /// Looks at so many windows; false if that is too much.
    pub fn spend(&mut self, looks: u64) -> bool {
        self.is_spent |= looks > self.left;
        self.left = self.left.saturating_sub(looks);
        !self.is_spent
    }
}
