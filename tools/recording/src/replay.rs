//! A recorded run, run again: from a keyframe, with the recorded input, as far as the recording goes.

use crate::reader::Position;
use emulator::Step;
use hypervisor_core::{Event, Input, Limits, Machine, Progress, Recorder, Stamp};
use std::collections::BTreeSet;

/// So often a partition that does not run is waited for with small steps, so that its instruction is not passed.
const WAITS_MOST: u32 = 100_000;
/// A recorder is asked so often, in units, whether it wants more.
const ASK_UNITS: u64 = 1 << 15;

/// A recorded run that is run again.
#[derive(Debug)]
pub struct Replay {
    machine: Machine,
    /// Input that is still to be given, first the next.
    inputs: Vec<Input>,
    stopped: BTreeSet<u16>,
    last_unit: u64,
    /// The limits of the run that was recorded; None if its recording was cut off.
    limits: Option<Limits>,
    ended: bool,
}

impl Replay {
    pub(crate) fn new(
        machine: Machine,
        inputs: &[Input],
        stopped: &[u16],
        last_unit: u64,
        limits: Option<Limits>,
    ) -> Self {
        let given = machine.given_inputs();
        let inputs = inputs.get(given..).unwrap_or_default().to_vec();
        let stopped = stopped.iter().copied().collect();
        let mut replay = Self { machine, inputs, stopped, last_unit, limits, ended: false };
        if given > 0 {
            replay.give_inputs();
        }
        replay
    }

    /// The machine as it is now.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Partitions whose guests asked for their instructions to be left out.
    #[must_use]
    pub fn stopped(&self) -> &BTreeSet<u16> {
        &self.stopped
    }

    /// Whether the recording goes no further.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Goes to a position that was not passed yet; to the end of the recording if it does not go so far. Shortly before a
    /// partition's instruction it stops if that partition does not run for long.
    pub fn go_to(&mut self, position: Position) {
        let mut stops = Stops(std::mem::take(&mut self.stopped));
        let (mut waits, mut left_before) = (0, u64::MAX);
        while !self.ended && waits < WAITS_MOST {
            // A partition executes no more than the time that passes.
            let left = match position {
                Position::Unit(unit) => unit.saturating_sub(self.machine.clock().units()),
                Position::Instruction(partition, number) => {
                    number.saturating_sub(self.machine.partition(partition).executed())
                }
            };
            if left == 0 {
                break;
            }
            waits = if left == left_before { waits + 1 } else { 0 };
            left_before = left;
            self.run_slice(left, &mut stops);
        }
        self.stopped = stops.0;
    }

    /// Runs to the end of the recording, and tells `recorder`, as long as `wants_more`.
    pub fn run<R: Recorder>(
        &mut self,
        recorder: &mut R,
        mut wants_more: impl FnMut(&mut R, &Machine) -> bool,
    ) {
        while !self.ended && wants_more(recorder, &self.machine) {
            self.run_slice(ASK_UNITS, recorder);
        }
    }

    /// Runs for `units` of virtual time at most, and tells `recorder`.
    pub fn run_slice<R: Recorder>(&mut self, units: u64, recorder: &mut R) {
        // What happens in the last unit belongs to it.
        let left = self.last_unit.saturating_sub(self.machine.clock().units()).saturating_add(1);
        let limits = Limits { slice_units: Some(units.min(left)), ..self.limits.unwrap_or_default() };
        match self.machine.run(&limits, recorder) {
            Progress::Output => {
                for place in 0..self.machine.partitions().len() {
                    let id = hypervisor_core::PartitionId(place as u16);
                    self.machine.take_output_of(id);
                }
                self.machine.take_errors();
            }
            Progress::Slice | Progress::InputWanted if self.is_past_the_end() => self.ended = true,
            Progress::Slice => {}
            Progress::InputWanted => self.give_inputs(),
            Progress::Idle { until_units: Some(until) }
                if until <= self.last_unit && until > self.machine.clock().units() =>
            {
                self.machine.idle_until(until);
            }
            Progress::Idle { .. } => {
                if self.inputs.is_empty() {
                    self.ended = true;
                }
                self.give_inputs();
            }
            Progress::Finished(_) => self.ended = true,
        }
        self.ended |= self.limits.is_none() && self.is_past_the_end();
    }

    /// Whether more units have passed than the recording has, whatever its end claims.
    fn is_past_the_end(&self) -> bool {
        let unit = self.machine.clock().units();
        unit > self.last_unit || unit == u64::MAX
    }

    fn give_inputs(&mut self) {
        for input in self.inputs.drain(..) {
            self.machine.give_input(input);
        }
    }
}

/// Follows who wants to be left out.
struct Stops(BTreeSet<u16>);

impl Recorder for Stops {
    const ACTIVE: bool = true;
    const INSTRUCTIONS: bool = false;

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        match event {
            Event::TraceStop => _ = self.0.insert(stamp.partition.0),
            Event::TraceStart => _ = self.0.remove(&stamp.partition.0),
            _ => {}
        }
    }
}
