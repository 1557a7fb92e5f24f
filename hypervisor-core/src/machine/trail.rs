//! The last instructions before a crash. A run is deterministic: instead of keeping them, the machine runs it again.

use super::{Limits, Machine};
use crate::config::{PartitionId, SystemConfig};
use crate::outcome::{Outcome, Progress, TrailEntry};
use crate::record::{Event, Recorder, Stamp, Unrecorded};
use emulator::Step;
use std::collections::VecDeque;

/// So many units are watched: enough for the instructions before a REP of usual length.
const WATCHED_UNITS: u64 = 4096;

impl Machine {
    /// The last `most` instructions of a partition that retired before it ended, or up to now, oldest first. Takes as
    /// long as the run took.
    #[must_use]
    pub fn last_instructions(&self, of: PartitionId, most: usize) -> Vec<TrailEntry> {
        let partition = &self.partitions[of.index()];
        let end = partition.ending.map_or(self.executed, |ending| ending.executed_by_all);
        let watched_from = partition.executed.saturating_sub(2 * WATCHED_UNITS);
        let Some(mut again) = self.again() else { return Vec::new() };
        // Of the units of all partitions only some are this one's: a step never takes it too far.
        loop {
            let missing = watched_from.saturating_sub(again.partitions[of.index()].executed);
            let step = missing.max(WATCHED_UNITS);
            let to = again.executed.saturating_add(step);
            if missing == 0 || to >= end || !again.run_to(to, &mut Unrecorded) {
                break;
            }
        }
        let mut trail = Trail { of, most, entries: VecDeque::new() };
        again.run_to(end, &mut trail);
        trail.entries.into()
    }

    /// The same run at its beginning, with the console input that has arrived here: it does the same, only as fast as it
    /// can. None if the host has no memory for it.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        let config = SystemConfig { interactive: false, ..self.config.clone() };
        let mut again = Self::of_system(config).ok()?;
        for input in self.arrived_input() {
            again.give_input(input.clone());
        }
        Some(again)
    }

    /// Runs until all partitions together have executed so many units, for nobody to see; false if the run ended before.
    pub fn run_to(&mut self, executed_units: u64, recorder: &mut dyn Recorder) -> bool {
        let limits = Limits { executed_units: Some(executed_units), ..Limits::default() };
        loop {
            match self.run(&limits, recorder) {
                Progress::Output => {
                    for partition in &mut self.partitions {
                        partition.output_since = None;
                        partition.console_mut().take_output();
                    }
                    self.take_errors();
                }
                Progress::Slice | Progress::InputWanted => {}
                Progress::Finished(Outcome::LimitReached(_)) => return true,
                Progress::Idle { .. } | Progress::Finished(_) => return false,
            }
        }
    }
}

struct Trail {
    of: PartitionId,
    most: usize,
    entries: VecDeque<TrailEntry>,
}

impl Recorder for Trail {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if stamp.partition != self.of {
            return;
        }
        let repeats = step.bytes.iter().any(|byte| matches!(byte, 0xf2 | 0xf3));
        if let Some(last) = self.entries.back_mut()
            && repeats
            && last.eip == step.eip
        {
            last.iterations += 1;
            return;
        }
        if self.entries.len() == self.most {
            self.entries.pop_front();
        }
        self.entries.push_back(TrailEntry {
            instruction: stamp.instruction,
            eip: step.eip,
            bytes: step.bytes.to_vec(),
            iterations: 1,
        });
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}
