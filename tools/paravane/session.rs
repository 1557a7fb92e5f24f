//! One run: the machine, its consoles and its limits, up to the exit status.
//!
//! Not here: what is recorded of the run. `run` records nothing, `trace` everything.

use crate::again::Again;
use crate::arguments::{Dispatch, RunOptions, StatisticsFormat};
use crate::conclusion::Conclusion;
use crate::console::Console;
use crate::health_lines::HealthLines;
use crate::input::ConsoleInput;
use crate::output::{Ended, Output, complain};
use crate::progress;
use crate::quantities::{grouped, time};
use crate::roster::Roster;
use crate::statistics::statistics;
use crate::statistics_json::statistics_json;
use crate::status::Status;
use crate::written::Written;
use emulator::Settings;
use hypervisor_core::{
    Image, Limits, LoadError, Machine, PartitionId, Progress, Recorder, SystemConfig, Unrecorded,
};
use log::{debug, info};
use recording::Subject;
use recording::recorded_input::Identity;
use std::io::{self, IsTerminal};

/// A guest or a system that is about to run.
pub struct Session<'a> {
    machine: Machine,
    roster: Roster,
    input: ConsoleInput,
    console: Console,
    health: HealthLines,
    options: &'a RunOptions,
    again: Option<Again>,
    /// What it is doing, for who waits for it and sees nothing of it.
    deed: Option<&'static str>,
}

/// A recorder that is served whenever the machine returns.
pub trait Listener: Recorder {
    /// After how many units the machine is to return at the latest; None: it does not matter.
    fn slice_units(&self, machine: &Machine) -> Option<u64>;

    /// The machine returned, and why.
    ///
    /// # Errors
    /// What was recorded cannot be written.
    fn hand_on(&mut self, machine: &Machine, progress: &Progress) -> Result<(), Ended>;
}

impl Listener for Unrecorded {
    fn slice_units(&self, _: &Machine) -> Option<u64> {
        None
    }

    fn hand_on(&mut self, _: &Machine, _: &Progress) -> Result<(), Ended> {
        Ok(())
    }
}

impl<'a> Session<'a> {
    /// Loads the images. Console output goes to `console`.
    ///
    /// # Errors
    /// An image does not fit, or a file of the options cannot be used.
    pub fn new(subject: Subject, options: &'a RunOptions, console: Output) -> Result<Self, Ended> {
        let (machine, roster, identity) = start(subject, options)?;
        for partition in &machine.config().partitions {
            let name = if roster.is_system { &partition.name } else { &roster.shown };
            describe(name, &partition.image, &partition.arguments);
        }
        let input = ConsoleInput::open(options, &identity)?;
        let console = Console::new(console, &roster.names);
        Ok(Self {
            machine,
            roster,
            input,
            console,
            health: HealthLines::default(),
            options,
            again: None,
            deed: None,
        })
    }

    /// If somebody crashes the user is told how to see the way there.
    #[must_use]
    pub fn that_tells(self, again: Again) -> Self {
        Self { again: Some(again), ..self }
    }

    /// What is recorded goes to a file: who waits sees how many instructions ran.
    #[must_use]
    pub fn that_shows_progress(self, deed: &'static str) -> Self {
        Self { deed: Some(deed), ..self }
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The partitions' names.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// Input or output failed.
    pub fn run(mut self, listener: &mut impl Listener) -> Result<Status, Ended> {
        // Before the run, so that nobody waits for counters that cannot be written.
        let statistics_file = self.options.stats_output.as_deref().map(Output::file).transpose();
        let statistics_file = statistics_file.map_err(Ended::Failed)?;
        let rate = self.machine.clock().rate();
        let time_ns = self.options.max_time.map(|most| u64::try_from(most.as_nanos()).unwrap_or(u64::MAX));
        let total = self.options.max_instructions.unwrap_or(0);
        let mut bar = self.deed.map(|deed| progress::Progress::new(deed, total));
        let outcome = loop {
            let slices = [listener.slice_units(&self.machine), self.input.slice_units(rate)];
            let slice_units = slices.into_iter().flatten().min();
            let limits = Limits { executed_units: self.options.max_instructions, time_ns, slice_units };
            let progress = self.machine.run(&limits, listener);
            listener.hand_on(&self.machine, &progress)?;
            bar = bar.filter(|_| !self.shows_itself());
            match &mut bar {
                Some(bar) => {
                    bar.set(self.machine.executed());
                    bar.aside(|| self.show())?;
                }
                None => self.show()?,
            }
            self.input.record(&self.machine)?;
            match progress {
                Progress::Output => {}
                Progress::Slice => self.input.poll(&mut self.machine),
                Progress::InputWanted => {
                    // The guest talks with whoever sits there.
                    bar = None;
                    debug!("the guest asks for input for the first time, {}", self.now());
                    self.input.wanted(&mut self.machine)?;
                }
                Progress::Idle { until_units } => {
                    self.show_question()?;
                    self.input.wait(until_units, &mut self.machine)?;
                }
                Progress::Finished(outcome) => break outcome,
            }
        };
        drop(bar);
        self.console.finish()?;
        info!("ended {}", self.now());
        let status = Conclusion { machine: &self.machine, roster: &self.roster }.tell(&outcome);
        if let Some(text) = self.again.as_ref().and_then(|again| again.told(&self.machine)) {
            complain(text);
        }
        self.tell_statistics(statistics_file)?;
        Ok(status)
    }

    fn tell_statistics(&self, file: Option<Output>) -> Result<(), Ended> {
        let text = match self.options.stats {
            None => return Ok(()),
            Some(StatisticsFormat::Text) => statistics(&self.machine, &self.roster),
            Some(StatisticsFormat::Json) => statistics_json(&self.machine).to_string(),
        };
        match file {
            None => complain(text),
            Some(mut file) => {
                file.write(text.as_bytes())?;
                file.write(b"\n")?;
                file.flush()?;
            }
        }
        Ok(())
    }

    /// Whether a guest wrote something for the terminal: a line that is not over must not be drawn over.
    fn shows_itself(&self) -> bool {
        let mut partitions = self.machine.partitions().iter();
        partitions.any(|partition| !partition.console().output().is_empty()) && io::stdout().is_terminal()
    }

    /// Brings what the guests wrote to the user, and what the health monitor did.
    fn show(&mut self) -> Result<(), Ended> {
        let mut wrote = false;
        for place in 0..self.machine.partitions().len() {
            let id = PartitionId(place as u16);
            if self.machine.partition(id).console().output().is_empty() {
                continue;
            }
            self.console.write(place, &self.machine.take_output_of(id))?;
            wrote = true;
        }
        if wrote {
            // The machine hands out lines: who waits for one must not wait for the next.
            self.console.flush()?;
        }
        let errors = self.machine.take_errors();
        if !errors.is_empty() {
            self.console.write_errors(&errors);
        }
        if self.roster.is_system {
            self.health.tell(&self.machine, &self.roster);
        }
        Ok(())
    }

    /// Shows a person at the terminal what the guest asks before it waits.
    fn show_question(&mut self) -> Result<(), Ended> {
        let config = self.machine.config();
        let reader = config.partitions.iter().position(|partition| partition.console_input);
        match reader.filter(|_| config.interactive) {
            Some(reader) => self.console.show_partial(reader),
            None => Ok(()),
        }
    }

    fn now(&self) -> String {
        let (executed, now_ns) = (self.machine.executed(), self.machine.clock().now_ns());
        format!("after {} instructions, {} of virtual time", grouped(executed), time(now_ns))
    }
}

/// The files that the options of a run name, beside what is run: those that it writes, and those that it reads.
pub fn outputs<'a>(options: &'a RunOptions, subject: &Subject) -> Written<'a> {
    let written = Written::default()
        .by("--record", options.record.as_deref())
        .by("--stats-output", options.stats_output.as_deref())
        .reading_all(subject.paths())
        .reading(options.replay.as_deref());
    if options.replay.is_some() { written } else { written.reading_stdin() }
}

/// The machine of a subject, what to call its partitions, and what recorded input for it names.
fn start(subject: Subject, options: &RunOptions) -> Result<(Machine, Roster, Identity), Ended> {
    let (shown, is_system) = (subject.shown(), subject.is_system);
    let is_read = subject.config.partitions.iter().any(|partition| partition.console_input);
    let config = SystemConfig {
        interactive: is_read && ConsoleInput::is_interactive(options),
        engine: Settings { dispatch: dispatch(options), ..subject.config.engine },
        ..subject.config
    };
    let identity = if is_system {
        Identity::of_system(&config)
    } else {
        Identity::of_guest(config.partitions[0].image.hash)
    };
    let names: Vec<String> = config.partitions.iter().map(|partition| partition.name.clone()).collect();
    let machine = Machine::of_system(config).map_err(|error| {
        Ended::Failed(if is_system {
            format!("{shown}: `{}`: {}", names[error.partition.index()], error.error)
        } else {
            format!("{}: {}", to_blame(&error.error, &shown), error.error)
        })
    })?;
    let roster = Roster::new(&machine, shown, is_system);
    Ok((machine, roster, identity))
}

fn dispatch(options: &RunOptions) -> emulator::Dispatch {
    match options.dispatch {
        Dispatch::Loop => emulator::Dispatch::Loop,
        Dispatch::Tail => emulator::Dispatch::Tail,
    }
}

fn describe(name: &str, image: &Image, arguments: &[String]) {
    info!("{name}: image {:032x}, entry 0x{:08x}", image.hash, image.entry);
    for segment in &image.segments {
        let (start, end, in_file) = (segment.address, segment.end(), segment.bytes.len());
        debug!("segment 0x{start:08x} to 0x{end:08x}, {} bytes of it from the file", grouped(in_file as u64));
    }
    debug!("{} symbols, arguments {arguments:?}", image.symbols.all().len());
}

/// The option, or else the file, that cannot be as it is.
fn to_blame<'a>(error: &LoadError, file: &'a str) -> &'a str {
    match error {
        LoadError::BadMemorySize { .. } | LoadError::HostMemory { .. } => "--memory",
        LoadError::ArgumentsTooLong { .. } => "--arg",
        _ => file,
    }
}
