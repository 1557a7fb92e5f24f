//! The last instructions before a crash. A run is deterministic: instead of keeping them, the machine runs it again.

use super::{Limits, Machine};
use crate::config::{PartitionId, SystemConfig};
use crate::outcome::{Progress, TrailEntry};
use crate::record::{Event, Recorder, Stamp, Unrecorded};
use emulator::Step;
use std::collections::VecDeque;

/// So many units are watched: enough for the instructions before a REP of usual length.
const WATCHED_UNITS: u64 = 4096;

impl Machine {
    /// The last `most` instructions of a partition that retired, oldest first. Takes as long as the run took.
    #[must_use]
    pub fn last_instructions(&self, of: PartitionId, most: usize) -> Vec<TrailEntry> {
        let config = SystemConfig { interactive: false, ..self.config.clone() };
        let Ok(mut again) = Self::of_system(config) else { return Vec::new() };
        for input in self.arrived_input() {
            again.give_input(input.clone());
        }
        again.run_to(self.executed.saturating_sub(WATCHED_UNITS), &mut Unrecorded);
        let mut trail = Trail { of, most, entries: VecDeque::new() };
        again.run_to(self.executed, &mut trail);
        trail.entries.into()
    }

    fn run_to<R: Recorder>(&mut self, executed_units: u64, recorder: &mut R) {
        let limits = Limits { executed_units: Some(executed_units), ..Limits::default() };
        loop {
            match self.run(&limits, recorder) {
                Progress::Output => {
                    self.take_output();
                    self.take_errors();
                }
                Progress::Slice | Progress::InputWanted => {}
                Progress::Idle { .. } | Progress::Finished(_) => return,
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
    const ACTIVE: bool = true;

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
