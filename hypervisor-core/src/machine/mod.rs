//! Runs a guest: time passes, events come due, upcalls are delivered, instructions run, and every exit is decided.
//!
//! One partition for now. What happens on an exit is in `exits`, what idling means in `idle`, what the machine's caller
//! gives, takes and asks in `caller`.

mod caller;
mod counters;
mod exits;
mod idle;
mod trail;

pub use counters::Counters;

use crate::boot::{self, BootPlan};
use crate::clock::{Clock, Rate};
use crate::console::Console;
use crate::delivery;
use crate::guest::Guest;
use crate::linux::{self, Linux};
use crate::loader::{Image, LoadError};
use crate::outcome::{Crash, CrashReason, Limit, Outcome, Progress};
use crate::partition::Partition;
use crate::record::{Event, EventLog, Recorder, Stamp};
use emulator::cpu::control;
use emulator::{CpuProfile, Interpreter, Observer, Ran, RunInputs, Settings, Step, Unobserved};
use std::sync::Arc;

/// Console output is handed out at the latest when it has waited so long, in units.
const OUTPUT_PATIENCE_UNITS: u64 = 1_000_000;
/// Console output is handed out at the latest when there is so much of it.
const OUTPUT_CHUNK_BYTES: usize = 4096;
const CRASH_STACK_WORDS: u32 = 16;

/// For which system an image was built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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

/// A machine with its guest.
#[derive(Debug)]
pub struct Machine {
    image: Arc<Image>,
    config: Config,
    guest: Guest,
    system: System,
    engine: Interpreter,
    clock: Clock,
    executed: u64,
    retired: u64,
    log: EventLog,
    counters: Counters,
    outcome: Option<Outcome>,
    /// Up to this unit the caller lets idle time pass.
    may_idle_until: u64,
    /// When the oldest output that was not handed out was written.
    output_since: Option<u64>,
    input: InputState,
}

/// Whether the caller knows that the guest reads its console.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum InputState {
    /// The guest has not asked for input.
    Unasked,
    /// It is about to ask: the call was not performed.
    Wanted,
    /// The caller was told, or gave input by itself.
    Known,
}

/// What serves the guest.
#[derive(Debug)]
enum System {
    Paravane(Box<Partition>),
    Linux(Box<Linux>),
}

impl Machine {
    /// A machine whose guest is about to start.
    ///
    /// # Errors
    /// The image does not fit the configuration.
    pub fn new(image: Arc<Image>, config: Config) -> Result<Self, LoadError> {
        let clock = Clock::new(config.rate);
        let memory_bytes = config.memory_bytes.unwrap_or(config.abi.default_memory_bytes());
        let (mut guest, system) = match config.abi {
            Abi::Paravane => {
                let command_line = config.arguments.join(" ");
                let plan = BootPlan { memory_bytes, name: &config.name, command_line: &command_line };
                let (guest, partition) = boot::boot(&image, &plan, &clock)?;
                (guest, System::Paravane(Box::new(partition)))
            }
            Abi::Linux => {
                let (guest, linux) = linux::start(&image, memory_bytes, &config.name, &config.arguments)?;
                (guest, System::Linux(Box::new(linux)))
            }
        };
        if config.engine.profile > CpuProfile::I686 {
            // A guest with SSE finds it enabled; the fake CR4 is not its to write yet.
            guest.cpu.system.cr4 |= control::CR4_OSFXSR | control::CR4_OSXMMEXCPT;
        }
        Ok(Self {
            engine: Interpreter::new(config.engine),
            image,
            config,
            guest,
            system,
            clock,
            executed: 0,
            retired: 0,
            log: EventLog::default(),
            counters: Counters::default(),
            outcome: None,
            may_idle_until: 0,
            output_since: None,
            input: InputState::Unasked,
        })
    }

    /// Runs until the guest ends, a limit is reached, or the caller is needed.
    pub fn run<R: Recorder>(&mut self, limits: &Limits, recorder: &mut R) -> Progress {
        self.log.set_active(R::ACTIVE);
        let slice_end = limits.slice_units.map(|units| self.clock.units().saturating_add(units.max(1)));
        loop {
            let progress = self.turn(limits, slice_end, recorder);
            if matches!(progress, Some(Progress::Finished(_))) {
                self.settle_events();
            }
            self.flush(recorder);
            if let Some(progress) = progress {
                return progress;
            }
        }
    }

    /// One decision: what is due, whether to stop, whether to deliver, and then the guest runs.
    fn turn<R: Recorder>(
        &mut self,
        limits: &Limits,
        slice_end: Option<u64>,
        recorder: &mut R,
    ) -> Option<Progress> {
        if let Some(outcome) = &self.outcome {
            return Some(Progress::Finished(outcome.clone()));
        }
        self.raise_due();
        self.flush(recorder);
        if self.has_output_to_show() {
            return Some(Progress::Output);
        }
        if let Some(limit) = self.limit_reached(limits) {
            return Some(Progress::Finished(Outcome::LimitReached(limit)));
        }
        if slice_end.is_some_and(|end| self.clock.units() >= end) {
            return Some(Progress::Slice);
        }
        if self.input == InputState::Wanted {
            self.input = InputState::Known;
            return Some(Progress::InputWanted);
        }
        if self.is_waiting() {
            return self.idle(limits, recorder);
        }
        let mut units = self.units_to_run(limits, slice_end);
        if let Some(entry) = self.deliverable_upcall() {
            if self.upcall_is_held() {
                units = 1;
            } else {
                self.deliver_upcall(entry);
                self.flush(recorder);
                if self.outcome.is_some() {
                    return None;
                }
            }
        }
        let ran = self.run_engine(units, recorder);
        self.note_ran(ran.units);
        self.decide(ran.exit, recorder);
        None
    }

    fn raise_due(&mut self) {
        match &mut self.system {
            System::Paravane(partition) => {
                partition.raise_due(&mut self.guest, &self.clock, self.retired, &mut self.log);
            }
            System::Linux(_) => {}
        }
    }

    fn limit_reached(&self, limits: &Limits) -> Option<Limit> {
        if limits.executed_units.is_some_and(|most| self.executed >= most) {
            return Some(Limit::Instructions);
        }
        limits.time_ns.is_some_and(|most_ns| self.clock.now_ns() >= most_ns).then_some(Limit::Time)
    }

    /// At least 1, and never past a limit or something that comes due.
    fn units_to_run(&self, limits: &Limits, slice_end: Option<u64>) -> u64 {
        let now = self.clock.units();
        let until_due = match &self.system {
            System::Paravane(partition) => partition.units_until_due(&self.clock),
            System::Linux(_) => u64::MAX,
        };
        let time_end = limits.time_ns.map(|most_ns| self.clock.rate().first_unit_at(most_ns));
        let output_end = self.output_since.map(|since| since.saturating_add(OUTPUT_PATIENCE_UNITS));
        let ends = [time_end, slice_end, output_end].into_iter().flatten().map(|end| end.saturating_sub(now));
        let executed = limits.executed_units.map(|most| most - self.executed);
        ends.chain(executed).fold(until_due, u64::min).max(1)
    }

    fn run_engine<R: Recorder>(&mut self, units: u64, recorder: &mut R) -> Ran {
        let attention = match &self.system {
            System::Paravane(partition) => partition.attention(),
            System::Linux(_) => None,
        };
        let inputs = RunInputs { units, time_stamp: self.clock.units(), attention, ..RunInputs::default() };
        let Guest { cpu, space, memory } = &mut self.guest;
        if R::ACTIVE {
            let mut numbered = Numbered {
                recorder,
                executed: self.executed,
                units: self.clock.units(),
                rate: self.config.rate,
            };
            self.engine.run(cpu, space, memory, &inputs, &mut numbered)
        } else {
            self.engine.run(cpu, space, memory, &inputs, &mut Unobserved)
        }
    }

    fn note_ran(&mut self, units: u64) {
        self.pass(units);
        self.retired += units;
        if units > 0
            && let System::Paravane(partition) = &mut self.system
        {
            partition.holds_upcall = false;
        }
    }

    /// Units pass that the guest executes.
    fn pass(&mut self, units: u64) {
        self.executed = self.executed.saturating_add(units);
        self.clock.advance(units);
    }

    /// Units pass that nobody executes.
    fn pass_idle(&mut self, units: u64) {
        self.counters.idle_units += units;
        self.clock.advance(units);
    }

    /// The upcall entry, if an upcall is pending and enabled.
    fn deliverable_upcall(&mut self) -> Option<u32> {
        let System::Paravane(partition) = &self.system else { return None };
        let entry = partition.upcall_entry?;
        let flag = partition.interrupts();
        (flag.enabled(&mut self.guest) && flag.upcall_pending(&mut self.guest)).then_some(entry)
    }

    fn upcall_is_held(&self) -> bool {
        let held = matches!(&self.system, System::Paravane(partition) if partition.holds_upcall);
        held || self.guest.cpu.interrupt_shadow
    }

    fn deliver_upcall(&mut self, entry: u32) {
        let System::Paravane(partition) = &mut self.system else { return };
        let flag = partition.interrupts();
        let interrupts = flag.enabled(&mut self.guest);
        let eip = self.guest.cpu.eip;
        match delivery::deliver_upcall(&mut self.guest, flag, entry, interrupts) {
            Ok(()) => {
                self.counters.upcalls += 1;
                let mut shared = partition.shared(&mut self.guest);
                partition.ports.announce(&mut shared, &mut self.log);
                self.log.note(|| Event::Upcall { eip, handler: entry });
            }
            Err(reason) => self.crash(reason),
        }
    }

    fn crash(&mut self, reason: CrashReason) {
        let cpu = self.guest.cpu.clone();
        let eip = cpu.eip;
        let stack = self.guest.stack(CRASH_STACK_WORDS);
        self.log.note(|| Event::Crash { reason, eip });
        let crash = Crash { reason, cpu, code: self.guest.code(), stack, instruction: self.executed };
        self.outcome = Some(Outcome::Crashed(Box::new(crash)));
    }

    fn has_output_to_show(&mut self) -> bool {
        if let System::Linux(linux) = &mut self.system
            && std::mem::take(&mut linux.errors_are_new)
        {
            return true;
        }
        let units = self.clock.units();
        let output = self.console().output();
        if output.is_empty() {
            return false;
        }
        let shows = output.ends_with(b"\n") || output.len() >= OUTPUT_CHUNK_BYTES;
        let since = *self.output_since.get_or_insert(units);
        shows || units - since >= OUTPUT_PATIENCE_UNITS
    }

    fn settle_events(&mut self) {
        if let System::Paravane(partition) = &mut self.system {
            let mut shared = partition.shared(&mut self.guest);
            partition.ports.settle(&mut shared, &mut self.log);
        }
    }

    fn flush<R: Recorder>(&mut self, recorder: &mut R) {
        if R::ACTIVE {
            let stamp = self.stamp();
            for event in self.log.drain() {
                recorder.event(stamp, &event);
            }
        }
    }

    fn console(&self) -> &Console {
        match &self.system {
            System::Paravane(partition) => &partition.console,
            System::Linux(linux) => &linux.console,
        }
    }

    fn console_mut(&mut self) -> &mut Console {
        match &mut self.system {
            System::Paravane(partition) => &mut partition.console,
            System::Linux(linux) => &mut linux.console,
        }
    }
}

/// Gives each observed unit its number and its time.
struct Numbered<'a, R> {
    recorder: &'a mut R,
    executed: u64,
    units: u64,
    rate: Rate,
}

impl<R: Recorder> Observer for Numbered<'_, R> {
    const ACTIVE: bool = R::ACTIVE;

    fn step(&mut self, step: &Step<'_>) {
        let stamp = Stamp { instruction: self.executed, now_ns: self.rate.nanoseconds(self.units) };
        self.recorder.instruction(stamp, step);
        self.executed += 1;
        self.units += 1;
    }
}

#[cfg(test)]
mod tests;
