//! Runs a system: windows begin and end, events come due, upcalls are delivered, instructions run, and every exit is
//! decided.
//!
//! What one partition does in its turn is in `turn`, on an exit in `exits`, while it waits in `idle`; what it does to
//! others in `effects`; what the machine's caller gives, takes and asks in `caller`.

mod caller;
mod counters;
mod deadlock;
mod digest;
mod effects;
mod exits;
mod health;
mod idle;
mod privileged;
mod snapshot;
mod trail;
mod turn;

pub use counters::Counters;
pub(crate) use digest::add_option;

use crate::clock::{Clock, Rate};
use crate::config::{PartitionConfig, PartitionId, SystemConfig};
use crate::lines::Lines;
use crate::loader::{Image, LoadError};
use crate::outcome::{Limit, Outcome, Progress};
use crate::partition::{Ending, InputState, Partition};
use crate::record::{EventLog, Recorder, Stamp};
use crate::schedule::{Plan, PlanSwitch};
use crate::seeded_faults::{Fault, seeded};
use crate::services::Services;
use crate::shared_areas::SharedAreas;
use deadlock::Reach;
use emulator::{ExecutedBlocks, Observer, Settings, Step, Told};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use turn::Turn;

/// Console output is handed out at the latest when it has waited so long, in units.
const OUTPUT_PATIENCE_UNITS: u64 = 1_000_000;
/// Console output is handed out at the latest when there is so much of it.
const OUTPUT_CHUNK_BYTES: usize = 4096;

/// For which system an image was built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Abi {
    /// Hypercalls and upcalls.
    #[default]
    Paravane,
    /// A few Linux system calls, for programs that need no more.
    Linux,
}

impl Abi {
    /// The memory that a guest has unless it is told otherwise.
    #[must_use]
    pub fn default_memory_bytes(self) -> u64 {
        match self {
            Self::Paravane => 16 << 20,
            Self::Linux => 64 << 20,
        }
    }
}

/// What a machine is made of, beside the image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// For which system the image was built.
    pub abi: Abi,
    /// How much memory the guest has; None: [`Abi::default_memory_bytes`].
    pub memory_bytes: Option<u64>,
    /// How fast virtual time passes.
    pub rate: Rate,
    /// The name of the partition, or of the Linux program.
    pub name: String,
    /// The arguments: joined by blanks they are the command line of a partition.
    pub arguments: Vec<String>,
    /// A person is at the console: idle time is not skipped but handed to the caller.
    pub interactive: bool,
    /// How the interpreter works; nothing that a guest can see.
    pub engine: Settings,
}

impl Config {
    /// The system in which a guest of this image is the only partition.
    #[must_use]
    pub fn system(self, image: Arc<Image>) -> SystemConfig {
        let partition = PartitionConfig {
            abi: self.abi,
            memory_bytes: self.memory_bytes.unwrap_or(self.abi.default_memory_bytes()),
            arguments: self.arguments,
            profile: self.engine.profile,
            ..PartitionConfig::new(&self.name, image)
        };
        SystemConfig {
            rate: self.rate,
            partitions: vec![partition],
            interactive: self.interactive,
            engine: self.engine,
            ..SystemConfig::default()
        }
    }
}

/// How far a run may go, counted from the start of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Units to execute at most. Idling adds none.
    pub executed_units: Option<u64>,
    /// Virtual time to run at most.
    pub time_ns: Option<u64>,
    /// Units after which the machine returns to its caller for a moment, counted from the call.
    pub slice_units: Option<u64>,
}

/// A partition that cannot be started as it is configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartError {
    /// Which.
    pub partition: PartitionId,
    /// Why.
    pub error: LoadError,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for StartError {}

/// A system and its virtual time.
#[derive(Debug)]
pub struct Machine {
    config: SystemConfig,
    partitions: Vec<Partition>,
    shared: SharedAreas,
    services: Services,
    lines: Lines,
    /// Events of channels that wait for the end of a window or frame, by the channel's place.
    held_back: BTreeMap<u16, u64>,
    clock: Clock,
    log: EventLog,
    /// Units executed by all partitions.
    executed: u64,
    outcome: Option<Outcome>,
    /// Up to this unit the caller lets idle time pass.
    may_idle_until: u64,
    /// Units executed when the major frame began.
    executed_at_frame: u64,
    /// The first window has begun.
    begun: bool,
    /// The health log has entries of which the caller does not know.
    health_is_new: bool,
    reach: Reach,
}

impl Machine {
    /// A machine with one guest, which is about to start and always runs.
    ///
    /// # Errors
    /// The image does not fit the configuration.
    pub fn new(image: Arc<Image>, config: Config) -> Result<Self, LoadError> {
        Self::of_system(config.system(image)).map_err(|error| error.error)
    }

    /// A machine whose partitions are about to start.
    ///
    /// # Errors
    /// An image does not fit its partition.
    ///
    /// # Panics
    /// If there is no partition, or there are several and no plan.
    pub fn of_system(mut config: SystemConfig) -> Result<Self, StartError> {
        if config.plans.is_empty() {
            assert!(config.partitions.len() == 1, "several partitions need a plan");
            config.plans.push(Plan::always(PartitionId(0)));
        }
        let clock = Clock::new(config.rate);
        let shared = SharedAreas::new(&config.shared_areas)
            .map_err(|error| StartError { partition: PartitionId(0), error })?;
        let partitions = (0..config.partitions.len() as u16).map(PartitionId);
        let partitions: Result<Vec<_>, _> = partitions
            .map(|id| {
                Partition::new(id, &config, &clock, &shared)
                    .map_err(|error| StartError { partition: id, error })
            })
            .collect();
        Ok(Self {
            partitions: partitions?,
            shared,
            services: Services::new(&config),
            lines: Lines::new(&config.lines, &config.injections, config.rate),
            held_back: BTreeMap::new(),
            reach: Reach::of(&config),
            config,
            clock,
            log: EventLog::at_rate(clock.rate()),
            executed: 0,
            outcome: None,
            may_idle_until: 0,
            executed_at_frame: 0,
            begun: false,
            health_is_new: false,
        })
    }

    /// Runs until the system ends, a limit is reached, or the caller is needed.
    pub fn run(&mut self, limits: &Limits, recorder: &mut dyn Recorder) -> Progress {
        self.log.set_wanted(recorder.wanted());
        let slice_end = limits.slice_units.map(|units| self.clock.units().saturating_add(units.max(1)));
        loop {
            let progress = self.turn(limits, slice_end, recorder);
            if let Some(progress) = progress {
                if matches!(progress, Progress::Finished(_)) {
                    self.settle_events(recorder);
                }
                return progress;
            }
        }
    }

    /// One decision: whose window it is, what is due, whether to stop, whether to deliver, and then the guest runs.
    fn turn(
        &mut self,
        limits: &Limits,
        slice_end: Option<u64>,
        recorder: &mut dyn Recorder,
    ) -> Option<Progress> {
        if let Some(outcome) = &self.outcome {
            return Some(Progress::Finished(outcome.clone()));
        }
        self.follow_time(recorder);
        if let Some(outcome) = &self.outcome {
            return Some(Progress::Finished(outcome.clone()));
        }
        let current = self.owner_of_now();
        if let Some(id) = current {
            let mut turn = self.turn_of(id);
            turn.raise_due();
            turn.flush(recorder);
            if turn.has_output_to_show() {
                return Some(Progress::Output);
            }
            self.perform_effects(recorder);
        }
        if std::mem::take(&mut self.health_is_new) {
            return Some(Progress::Output);
        }
        if let Some(limit) = self.limit_reached(limits) {
            return Some(Progress::Finished(Outcome::LimitReached(limit)));
        }
        if slice_end.is_some_and(|end| self.clock.units() >= end) {
            return Some(Progress::Slice);
        }
        let Some(id) = current.filter(|id| self.can_run(*id)) else { return self.idle_gap(limits) };
        let partition = &mut self.partitions[id.index()];
        if partition.input == InputState::Wanted {
            partition.input = InputState::Known;
            return Some(Progress::InputWanted);
        }
        if partition.loading > 0 {
            self.load(id, limits, slice_end);
            return None;
        }
        if partition.is_waiting(&self.clock, &self.services.messages) {
            return self.idle(id, limits, recorder);
        }
        let units = self.units_to_run(id, limits, slice_end);
        let mut turn = self.turn_of(id);
        turn.run(units, recorder);
        let executed = turn.executed_now;
        self.executed = self.executed.saturating_add(executed);
        self.settle_turn(id, recorder);
        // Now, because its window may be over: lines of several partitions are handed out in the order of time.
        self.turn_of(id).has_output_to_show().then_some(Progress::Output)
    }

    /// Passes units in which a partition that starts again is loaded.
    fn load(&mut self, id: PartitionId, limits: &Limits, slice_end: Option<u64>) {
        let units = self.units_to_run(id, limits, slice_end).min(self.partitions[id.index()].loading);
        self.partitions[id.index()].loading -= units;
        self.turn_of(id).pass(units);
        self.executed = self.executed.saturating_add(units);
        self.services.statuses[id.index()].executed = self.partitions[id.index()].executed;
    }

    /// Brings windows and lines to now.
    fn follow_time(&mut self, recorder: &mut dyn Recorder) {
        if !self.begun {
            self.begun = true;
            for place in 0..self.partitions.len() {
                self.refuse_start(PartitionId(place as u16), recorder);
            }
            if let Some(id) = self.services.slot.partition {
                self.begin_window(id, recorder);
            }
        }
        let now = self.clock.units();
        let at_once =
            self.services.schedule.next().is_some() && self.config.plan_switch == PlanSwitch::AtOnce;
        if now >= self.services.slot.end || at_once {
            self.follow_schedule(recorder);
        }
        if now >= self.lines.next_unit() {
            self.raise_lines(recorder);
        }
    }

    /// What follows from a turn beyond the partition.
    fn settle_turn(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        let partition = &self.partitions[id.index()];
        let status = &mut self.services.statuses[id.index()];
        status.executed = partition.executed;
        status.waits = partition.paravirtual().is_some_and(|paravirtual| paravirtual.waits.is_some());
        if partition.outcome.is_some() {
            self.note_ends(id);
        } else if partition.incident.is_some() {
            self.settle_incident(id, recorder);
        }
        self.perform_effects(recorder);
    }

    /// Whose window it is, if it can run. A window that it does not use is not lent.
    fn owner_of_now(&mut self) -> Option<PartitionId> {
        let owner = self.services.slot.partition.filter(|id| self.can_run(*id));
        if seeded(Fault::LendsWindows) {
            let all = (0..self.partitions.len()).map(|place| PartitionId(place as u16));
            for id in owner.into_iter().chain(all) {
                let waits = self.partitions[id.index()].is_waiting(&self.clock, &self.services.messages);
                if self.can_run(id) && !waits {
                    return Some(id);
                }
            }
        }
        owner
    }

    fn can_run(&self, id: PartitionId) -> bool {
        self.partitions[id.index()].outcome.is_none() && !self.services.statuses[id.index()].suspended
    }

    /// What a partition needs for its turn.
    fn turn_of(&mut self, id: PartitionId) -> Turn<'_> {
        Turn {
            partition: &mut self.partitions[id.index()],
            clock: &mut self.clock,
            log: &mut self.log,
            config: &self.config,
            services: &mut self.services,
            executed_now: 0,
        }
    }

    /// The run is over when every partition is.
    fn note_ends(&mut self, id: PartitionId) {
        let ending = Ending { executed_by_all: self.executed, now_ns: self.clock.now_ns() };
        self.partitions[id.index()].ending = Some(ending);
        self.services.statuses[id.index()].ended =
            self.partitions[id.index()].outcome.as_ref().map(|outcome| match outcome {
                Outcome::Shutdown { code } => Some(*code),
                _ => None,
            });
        if self.outcome.is_none() && self.partitions.iter().all(|partition| partition.outcome.is_some()) {
            self.outcome = self.outcome_of_all();
        }
    }

    /// The first outcome, in the order of the configuration, that is not a good one.
    fn outcome_of_all(&self) -> Option<Outcome> {
        let mut outcomes = self.partitions.iter().filter_map(|partition| partition.outcome.as_ref());
        let good = Outcome::Shutdown { code: 0 };
        Some(
            outcomes
                .find(|outcome| **outcome != good && **outcome != Outcome::Halted)
                .cloned()
                .unwrap_or(good),
        )
    }

    fn limit_reached(&self, limits: &Limits) -> Option<Limit> {
        if limits.executed_units.is_some_and(|most| self.executed >= most) {
            return Some(Limit::Instructions);
        }
        // The clock cannot count further: nothing more could happen, whatever the caller allows.
        let time_is_over = self.clock.units() == u64::MAX;
        let is_reached = limits.time_ns.is_some_and(|most_ns| self.clock.now_ns() >= most_ns);
        (time_is_over || is_reached).then_some(Limit::Time)
    }

    /// At least 1, and never past a limit, the end of the window, or something that comes due.
    fn units_to_run(&self, id: PartitionId, limits: &Limits, slice_end: Option<u64>) -> u64 {
        let now = self.clock.units();
        let partition = &self.partitions[id.index()];
        let until_due =
            partition.paravirtual().map_or(u64::MAX, |paravirtual| paravirtual.units_until_due(&self.clock));
        let time_end = limits.time_ns.map(|most_ns| self.clock.rate().first_unit_at(most_ns));
        let output_end = partition.output_since.map(|since| since.saturating_add(OUTPUT_PATIENCE_UNITS));
        let lines = Some(self.lines.next_unit());
        let ends =
            [Some(self.services.slot.end), lines, time_end, slice_end, output_end].into_iter().flatten();
        let ends = ends.map(|end| end.saturating_sub(now));
        let executed = limits.executed_units.map(|most| most - self.executed);
        ends.chain(executed).fold(until_due, u64::min).max(1)
    }

    fn settle_events(&mut self, recorder: &mut dyn Recorder) {
        for index in 0..self.partitions.len() {
            let mut turn = self.turn_of(PartitionId(index as u16));
            turn.settle_events();
            turn.flush(recorder);
        }
    }
}

/// Gives each observed unit its number and its time.
struct Numbered<'a> {
    recorder: &'a mut dyn Recorder,
    told: Told,
    partition: PartitionId,
    executed: u64,
    units: u64,
    rate: Rate,
}

impl Observer for Numbered<'_> {
    fn told(&self) -> Told {
        self.told
    }

    fn step(&mut self, step: &Step<'_>) {
        self.recorder.instruction(self.stamp(), step);
        self.executed += 1;
        self.units += 1;
    }

    fn blocks(&mut self, blocks: &ExecutedBlocks<'_>) {
        self.recorder.blocks(self.stamp(), blocks);
        self.executed += blocks.units;
        self.units += blocks.units;
    }
}

impl Numbered<'_> {
    fn stamp(&self) -> Stamp {
        let now_ns = self.rate.nanoseconds(self.units);
        Stamp { partition: self.partition, instruction: self.executed, unit: self.units, now_ns }
    }
}

#[cfg(test)]
mod tests;
