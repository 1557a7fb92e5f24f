//! One run of a guest: the machine, its console and its limits, up to the exit status.
//!
//! Not here: what is recorded of the run. `run` records nothing, `trace` everything.

use crate::arguments::{Abi, Dispatch, RunOptions};
use crate::crash_report::CrashReport;
use crate::guest_file::GuestFile;
use crate::input::ConsoleInput;
use crate::output::{Ended, Output, complain};
use crate::quantities::{grouped, time};
use crate::statistics::statistics;
use crate::status::{LAST_GUEST_CODE, Status};
use emulator::Settings;
use hypervisor_core::{
    Config, Limit, Limits, LoadError, Machine, Outcome, PartitionId, Progress, Recorder, Stamp,
};
use log::{debug, info};
use std::sync::Arc;
use trace::Place;

/// So many instructions are shown before a crash.
const TRAIL_LENGTH: usize = 16;

/// A guest that is about to run.
pub struct Session<'a> {
    machine: Machine,
    input: ConsoleInput,
    console: Output,
    options: &'a RunOptions,
    shown: String,
}

impl<'a> Session<'a> {
    /// Loads the guest. Its console output goes to `console`.
    ///
    /// # Errors
    /// The image does not fit, or a file of the options cannot be used.
    pub fn new(file: GuestFile, options: &'a RunOptions, console: Output) -> Result<Self, Ended> {
        let GuestFile { image, name, shown } = file;
        let config = Config {
            abi: match options.abi {
                Abi::Paravane => hypervisor_core::Abi::Paravane,
                Abi::Linux => hypervisor_core::Abi::Linux,
            },
            memory_bytes: options.memory,
            // A program's first argument is the name that it was called by.
            name: if options.abi == Abi::Linux { shown.clone() } else { name },
            arguments: options.arguments.clone(),
            interactive: ConsoleInput::is_interactive(options),
            engine: Settings {
                dispatch: match options.dispatch {
                    Dispatch::Loop => emulator::Dispatch::Loop,
                    Dispatch::Tail => emulator::Dispatch::Tail,
                },
                profile: options.cpu.profile(),
                ..Settings::default()
            },
            ..Config::default()
        };
        let machine = Machine::new(Arc::new(image), config)
            .map_err(|error| Ended::Failed(format!("{}: {error}", to_blame(&error, &shown))))?;
        info!("{shown}: image {:032x}, entry 0x{:08x}", machine.image().hash, machine.image().entry);
        for segment in &machine.image().segments {
            let (start, end, in_file) = (segment.address, segment.end(), segment.bytes.len());
            debug!(
                "segment 0x{start:08x} to 0x{end:08x}, {} bytes of it from the file",
                grouped(in_file as u64)
            );
        }
        debug!("{} symbols, arguments {:?}", machine.image().symbols.all().len(), options.arguments);
        let input = ConsoleInput::open(options, machine.image().hash)?;
        Ok(Self { machine, input, console, options, shown })
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Runs the guest to its end. Whenever the machine returns, `hand_on` takes what `recorder` has; it is told why the
    /// machine returned, and where.
    ///
    /// # Errors
    /// Input or output failed.
    pub fn run<R: Recorder>(
        mut self,
        recorder: &mut R,
        slice_units: Option<u64>,
        mut hand_on: impl FnMut(&mut R, Stamp, &Progress) -> Result<(), Ended>,
    ) -> Result<Status, Ended> {
        let rate = self.machine.clock().rate();
        let time_ns = self.options.max_time.map(|most| u64::try_from(most.as_nanos()).unwrap_or(u64::MAX));
        let outcome = loop {
            let slice_units = [slice_units, self.input.slice_units(rate)].into_iter().flatten().min();
            let limits = Limits { executed_units: self.options.max_instructions, time_ns, slice_units };
            let progress = self.machine.run(&limits, recorder);
            hand_on(recorder, self.machine.stamp(), &progress)?;
            let output = self.machine.take_output();
            if !output.is_empty() {
                // The machine hands out lines: who waits for one must not wait for the next.
                self.console.write(&output)?;
                self.console.flush()?;
            }
            let errors = self.machine.take_errors();
            if !errors.is_empty() {
                self.console.write_errors(&errors);
            }
            self.input.record(&self.machine)?;
            match progress {
                Progress::Output => {}
                Progress::Slice => self.input.poll(&mut self.machine),
                Progress::InputWanted => {
                    debug!("the guest asks for input for the first time, {}", self.now());
                    self.input.wanted(&mut self.machine)?;
                }
                Progress::Idle { until_units } => self.input.wait(until_units, &mut self.machine)?,
                Progress::Finished(outcome) => break outcome,
            }
        };
        info!("ended {}", self.now());
        let status = self.conclude(&outcome);
        if self.options.stats {
            complain(statistics(&self.machine));
        }
        Ok(status)
    }

    fn now(&self) -> String {
        let stamp = self.machine.stamp();
        format!("after {} instructions, {} of virtual time", grouped(stamp.instruction), time(stamp.now_ns))
    }

    /// Says on stderr how it ended, unless the exit status says it all.
    fn conclude(&self, outcome: &Outcome) -> Status {
        match outcome {
            Outcome::Shutdown { code } => {
                if *code > LAST_GUEST_CODE {
                    complain(format_args!(
                        "paravane: the guest ended with code {} (0x{code:x})",
                        code.cast_signed()
                    ));
                }
                Status::Guest(*code)
            }
            Outcome::LimitReached(limit) => {
                complain(format_args!("paravane: {}", self.limit_words(*limit)));
                Status::Limit
            }
            Outcome::Unimplemented { eip, bytes, text } => {
                let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                complain(format_args!(
                    "paravane: {}: `{text}` ({}) at 0x{eip:08x}{} is not implemented yet: build the guest without it",
                    self.shown,
                    bytes.join(" "),
                    self.name(*eip)
                ));
                Status::Failure
            }
            Outcome::Halted => Status::Success,
            Outcome::StoppedByHealth { event } | Outcome::SystemHalted { event, .. } => {
                complain(format_args!("paravane: stopped by the health monitor: {}", event.name()));
                Status::Crash
            }
            Outcome::Crashed(crash) => {
                let trail = self.machine.last_instructions(PartitionId(0), TRAIL_LENGTH);
                let symbols = self.machine.symbols();
                let now_ns = self.machine.stamp().now_ns;
                complain(CrashReport { crash, trail: &trail, symbols: &symbols, now_ns });
                Status::Crash
            }
        }
    }

    fn limit_words(&self, limit: Limit) -> String {
        let option = match limit {
            Limit::Instructions => "--max-instructions",
            Limit::Time => "--max-time",
        };
        let stamp = self.machine.stamp();
        let eip = self.machine.cpu().eip;
        format!(
            "{option} ran out after {} instructions, {} of virtual time, at 0x{eip:08x}{}",
            grouped(stamp.instruction),
            time(stamp.now_ns),
            self.name(eip)
        )
    }

    /// ` <main+0x4>`, or nothing.
    fn name(&self, address: u32) -> String {
        let symbols = self.machine.symbols();
        Place::of(&symbols, address).map(|place| format!(" <{place}>")).unwrap_or_default()
    }
}

/// The option, or else the file, that cannot be as it is.
fn to_blame<'a>(error: &LoadError, file: &'a str) -> &'a str {
    match error {
        LoadError::BadMemorySize { .. } | LoadError::HostMemory { .. } => "--memory",
        LoadError::ArgumentsTooLong { .. } => "--arg",
        _ => file,
    }
}
