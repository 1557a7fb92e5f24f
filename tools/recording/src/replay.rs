//! A recorded run, run again: from a keyframe, with the recorded input, as far as the recording goes.

use crate::bounds::Bounds;
use crate::reader::Position;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{
    Elision, Event, Input, Limits, Machine, Progress, Recorder, Stamp, Unrecorded, Wanted,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// So often a partition that does not run is waited for with small steps, so that its instruction is not passed.
const WAITS_MOST: u32 = 100_000;
/// Who waits for a position is told so often, in units, how far it is.
const GLANCE_UNITS: u64 = 1 << 22;
/// A recorder is asked so often, in units, whether it wants more.
const ASK_UNITS: u64 = 1 << 15;

/// A recorded run that is run again.
#[derive(Debug)]
pub struct Replay {
    machine: Machine,
    stretch: Stretch,
    /// Inputs that were given.
    given: usize,
    stopped: BTreeSet<u16>,
    /// Events of each partition that running again made.
    events: Vec<u64>,
    ended: bool,
}

/// What of a recording is run again.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    /// All console input.
    pub inputs: Arc<[Input]>,
    /// The last unit of virtual time.
    pub last_unit: u64,
    /// The limits of the run that was recorded; None if its recording was cut off.
    pub limits: Option<Limits>,
    /// What it does not go beyond.
    pub bounds: Bounds,
}

impl Replay {
    pub(crate) fn new(machine: Machine, stopped: &[u16], stretch: Stretch) -> Self {
        let given = machine.given_inputs();
        let stopped = stopped.iter().copied().collect();
        let events = vec![0; machine.partitions().len()];
        let mut replay = Self { machine, stretch, given, stopped, events, ended: false };
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

    /// How many events of each partition running again has made since it began.
    #[must_use]
    pub fn events(&self) -> &[u64] {
        &self.events
    }

    /// Whether the recording goes no further.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Goes to a position that was not passed yet; to the end of the recording if it does not go so far. Shortly before a
    /// partition's instruction it stops if that partition does not run for long.
    pub fn go_to(&mut self, position: Position) {
        self.go_to_telling(position, &mut Unrecorded, |_| {});
    }

    /// As [`Replay::go_to`], and tells `recorder` the events on its way, and shows the machine now and then. Where all partitions wait it
    /// goes on to what they wait for, so an event can be later than the position.
    pub fn go_to_telling<R: Recorder>(
        &mut self,
        position: Position,
        recorder: &mut R,
        mut tell: impl FnMut(&Machine),
    ) {
        let mut stops = Stops { stopped: std::mem::take(&mut self.stopped), recorder };
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
            self.run_slice(left.min(GLANCE_UNITS), &mut stops);
            tell(&self.machine);
        }
        self.stopped = stops.stopped;
    }

    /// Runs to the end of the recording, and tells `recorder`, as long as `wants_more`.
    pub fn run<R: Recorder>(
        &mut self,
        recorder: &mut R,
        mut wants_more: impl FnMut(&mut R, &Machine) -> bool,
    ) {
        while !self.ended && wants_more(recorder, &self.machine) {
            // At the same units, wherever it began.
            self.run_slice(ASK_UNITS - self.machine.clock().units() % ASK_UNITS, recorder);
        }
    }

    /// Runs for `units` of virtual time at most, and tells `recorder`.
    pub fn run_slice<R: Recorder>(&mut self, units: u64, recorder: &mut R) {
        // What happens in the last unit belongs to it.
        let last_unit = self.stretch.last_unit;
        let left = last_unit.saturating_sub(self.machine.clock().units()).saturating_add(1);
        let limits = Limits { slice_units: Some(units.min(left)), ..self.stretch.limits.unwrap_or_default() };
        let mut recorder = Counted { recorder, events: &mut self.events };
        let progress = self.machine.run(&limits, &mut recorder);
        match progress {
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
                if until <= last_unit && until > self.machine.clock().units() =>
            {
                self.machine.idle_until(until);
            }
            Progress::Idle { .. } => {
                if self.given >= self.stretch.inputs.len() {
                    self.ended = true;
                }
                self.give_inputs();
            }
            Progress::Finished(_) => self.ended = true,
        }
        self.ended |= self.stretch.limits.is_none() && self.is_past_the_end();
        let bounds = self.stretch.bounds;
        let events = self.events.iter().fold(0, |sum: u64, events| sum.saturating_add(*events));
        self.ended |= self.machine.executed() > bounds.executed || events > bounds.events;
    }

    /// Whether more units have passed than the recording has, whatever its end claims.
    fn is_past_the_end(&self) -> bool {
        let unit = self.machine.clock().units();
        unit > self.stretch.last_unit || unit == u64::MAX
    }

    fn give_inputs(&mut self) {
        let inputs = Arc::clone(&self.stretch.inputs);
        for input in inputs.get(self.given..).unwrap_or_default() {
            self.machine.give_input(input.clone());
        }
        self.given = inputs.len();
    }
}

/// Counts the events that it tells: each of them takes room in the file.
struct Counted<'a, R> {
    recorder: &'a mut R,
    events: &'a mut [u64],
}

impl<R: Recorder> Recorder for Counted<'_, R> {
    fn wanted(&self) -> Wanted {
        self.recorder.wanted().max(Wanted::Events)
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.recorder.instruction(stamp, step);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        self.recorder.blocks(stamp, blocks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if let Some(count) = self.events.get_mut(stamp.partition.index()) {
            *count = count.saturating_add(1);
        }
        self.recorder.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.recorder.elided(stamp, elision);
    }
}

/// Follows who wants to be left out, and tells all events.
struct Stops<'a, R> {
    stopped: BTreeSet<u16>,
    recorder: &'a mut R,
}

impl<R: Recorder> Recorder for Stops<'_, R> {
    fn wanted(&self) -> Wanted {
        Wanted::Events
    }

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        match event {
            Event::TraceStop => _ = self.stopped.insert(stamp.partition.0),
            Event::TraceStart => _ = self.stopped.remove(&stamp.partition.0),
            _ => {}
        }
        self.recorder.event(stamp, event);
    }
}
