//! Where the rows of a side come from: a recording that is run again, a guest or a system that is run now, or a log.

use super::log::ExecLog;
use super::options::Diff;
use crate::output::Ended;
use hypervisor_core::{
    Arrival, Elision, Event, Input, Limits, Machine, Outcome, PartitionId, Progress, Recorder, Stamp, Wanted,
};
use log::warn;
use recording::{Position, Recording, Replay};
use std::path::Path;
use trace::diff::{Collector, Ending, Row};
use trace::{Filter, TracedSystem, outcome_words};

/// Units that are run at once.
const SLICE_UNITS: u64 = 4096;
/// The same if no instructions are looked at.
const EVENTS_SLICE_UNITS: u64 = 1 << 20;
/// Lines of a log that are read at once.
const LINES: usize = 4096;

/// Where the rows of a side come from.
pub enum Source {
    /// A recording.
    Recorded { replay: Box<Replay>, traced: TracedSystem, end: Option<Outcome>, last_unit: u64 },
    /// A run of now.
    Live(Box<Live>),
    /// A log.
    Log { log: ExecLog, rows: Vec<Row> },
}

/// A run of now.
pub struct Live {
    machine: Machine,
    traced: TracedSystem,
    limits: Limits,
    /// What is given when the guest asks for it; None: it was given.
    input: Option<Vec<Input>>,
    /// Whether somebody said which input there is.
    input_is_chosen: bool,
    name: &'static str,
    ended: Option<Option<Outcome>>,
}

impl Source {
    /// A recording from its start.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn recorded(path: &Path, recording: &mut Recording) -> Result<Self, Ended> {
        let replay = recording.replay_before(Position::Unit(0));
        let replay = replay.map_err(|error| crate::show_command::failed(path, &error))?;
        let last_unit = recording.last_unit();
        let last_unit = last_unit.map_err(|error| crate::show_command::failed(path, &error))?;
        let end = recording.end().map(|end| end.outcome.clone());
        Ok(Self::Recorded { replay: Box::new(replay), traced: recording.traced().clone(), end, last_unit })
    }

    /// The partitions; None of a log.
    pub fn traced(&self) -> Option<&TracedSystem> {
        match self {
            Self::Recorded { traced, .. } => Some(traced),
            Self::Live(live) => Some(&live.traced),
            Self::Log { .. } => None,
        }
    }

    /// The last unit of virtual time; None if it is not known.
    pub fn last_unit(&self) -> Option<u64> {
        match self {
            Self::Recorded { last_unit, .. } => Some(*last_unit),
            Self::Live(_) | Self::Log { .. } => None,
        }
    }

    /// Units of virtual time that have passed; None of a log.
    pub fn unit(&self) -> Option<u64> {
        self.machine().map(|machine| machine.clock().units())
    }

    /// Whether nothing more comes.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Recorded { replay, .. } => replay.has_ended(),
            Self::Live(live) => live.ended.is_some(),
            Self::Log { log, .. } => log.has_ended(),
        }
    }

    /// Runs or reads a little further. The rows of a log stay here.
    ///
    /// # Errors
    /// The log is none.
    pub fn pull(&mut self, taker: &mut Taker) -> Result<(), Ended> {
        match &mut taker.rows {
            Rows::All(collector) => self.pull_to(collector, taker.instructions),
            Rows::Filtered(filter) => self.pull_to(&mut **filter, taker.instructions),
        }
    }

    fn pull_to<R: Recorder>(&mut self, recorder: &mut R, instructions: bool) -> Result<(), Ended> {
        let units = if instructions { SLICE_UNITS } else { EVENTS_SLICE_UNITS };
        match self {
            Self::Recorded { replay, .. } if instructions => replay.run_slice(units, recorder),
            Self::Recorded { replay, .. } => replay.run_slice(units, &mut OfEvents(recorder)),
            Self::Live(live) if instructions => live.run_slice(units, recorder),
            Self::Live(live) => live.run_slice(units, &mut OfEvents(recorder)),
            Self::Log { log, rows } => log.read(LINES, rows).map_err(Ended::Failed)?,
        }
        Ok(())
    }

    /// The rows that came of a partition since the last time.
    pub fn rows_of<'a>(
        &'a mut self,
        collector: &'a mut Collector,
        partition: usize,
    ) -> Option<&'a mut Vec<Row>> {
        match self {
            Self::Log { rows, .. } => Some(rows),
            _ => collector.rows_of(partition),
        }
    }

    /// Whether a partition has ended, whatever the others do.
    pub fn partition_has_ended(&self, partition: usize) -> bool {
        self.has_ended()
            || self.machine().is_some_and(|machine| machine.partitions()[partition].outcome().is_some())
    }

    /// Why no more rows of a partition come.
    pub fn ending(&self, partition: usize) -> Ending {
        let (Some(machine), Some(traced)) = (self.machine(), self.traced()) else {
            return Ending { words: "the end of the log".to_owned(), is_limit: true, is_cut: false };
        };
        let id = PartitionId(partition as u16);
        let run = match self {
            Self::Recorded { end, .. } => end.as_ref(),
            Self::Live(live) => live.ended.as_ref().and_then(Option::as_ref),
            Self::Log { .. } => None,
        };
        let Some(outcome) = machine.partition(id).outcome().or(run) else {
            let words = match self {
                Self::Live(_) => "it waits for input that the recording does not have",
                _ => "the recording was cut off",
            };
            return Ending { words: words.to_owned(), is_limit: true, is_cut: true };
        };
        let words = outcome_words(&traced.partition(id).symbols, &traced.names, outcome);
        Ending { words, is_limit: matches!(outcome, Outcome::LimitReached(_)), is_cut: false }
    }

    fn machine(&self) -> Option<&Machine> {
        match self {
            Self::Recorded { replay, .. } => Some(replay.machine()),
            Self::Live(live) => Some(&live.machine),
            Self::Log { .. } => None,
        }
    }
}

impl Live {
    /// A machine that has not run. `name` is what the user calls this side.
    pub fn new(
        machine: Machine,
        is_system: bool,
        limits: Limits,
        input: Option<Vec<Input>>,
        name: &'static str,
    ) -> Self {
        let traced = TracedSystem::of(&machine, is_system);
        let input_is_chosen = input.is_some();
        let none = || vec![Input { unit: 0, what: Arrival::End }];
        let input = Some(input.unwrap_or_else(none));
        Self { machine, traced, limits, input, input_is_chosen, name, ended: None }
    }

    fn run_slice<R: Recorder>(&mut self, units: u64, recorder: &mut R) {
        let limits = Limits { slice_units: Some(units), ..self.limits };
        match self.machine.run(&limits, recorder) {
            Progress::Output => {
                for place in 0..self.machine.partitions().len() {
                    self.machine.take_output_of(PartitionId(place as u16));
                }
                self.machine.take_errors();
            }
            Progress::Slice => {}
            Progress::InputWanted => self.give_input(),
            Progress::Idle { until_units: Some(until) } => self.machine.idle_until(until),
            Progress::Idle { until_units: None } => {
                if self.input.is_none() {
                    self.ended = Some(None);
                }
                self.give_input();
            }
            Progress::Finished(outcome) => self.ended = Some(Some(outcome)),
        }
    }

    fn give_input(&mut self) {
        let Some(inputs) = self.input.take() else { return };
        if !self.input_is_chosen {
            warn!("{} asks for console input and gets none: name it with --input FILE", self.name);
        }
        for input in inputs {
            self.machine.give_input(input);
        }
    }
}

/// The limits of the options.
pub fn limits(diff: &Diff) -> Limits {
    let time_ns = diff.max_time.map(|most| u64::try_from(most.as_nanos()).unwrap_or(u64::MAX));
    Limits { executed_units: diff.max_instructions, time_ns, slice_units: None }
}

/// Who takes down the rows of a side.
pub struct Taker {
    /// How.
    pub rows: Rows,
    /// Whether it has to see instructions.
    pub instructions: bool,
}

/// The rows of a side on their way to the comparison.
pub enum Rows {
    /// All that are wanted.
    All(Collector),
    /// Those of them that pass the filters of the recordings.
    Filtered(Box<Filter<Collector>>),
}

impl Taker {
    /// Where the rows are.
    pub fn collector_mut(&mut self) -> &mut Collector {
        match &mut self.rows {
            Rows::All(collector) => collector,
            Rows::Filtered(filter) => filter.inner_mut(),
        }
    }
}

/// A recorder that is told of events alone, so that the processor runs as if nobody watched.
struct OfEvents<'a, R>(&'a mut R);

impl<R: Recorder> Recorder for OfEvents<'_, R> {
    fn wanted(&self) -> Wanted {
        Wanted::Events
    }

    fn instruction(&mut self, _: Stamp, _: &emulator::Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.event(stamp, event);
    }

    fn elided(&mut self, _: Stamp, _: &Elision) {}
}
