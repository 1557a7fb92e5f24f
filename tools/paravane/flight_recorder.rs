//! The way to a crash, written to a file: everything that all partitions did last.
//!
//! It costs nothing while the guest runs. A run is deterministic: when the guest has crashed it runs a second time, unseen
//! up to where the recording begins.

use crate::output::{Ended, Output, complain};
use crate::progress;
use crate::quantities::grouped;
use crate::session::Listener;
use crate::text_sink::TextSink;
use emulator::Step;
use hypervisor_core::{
    Elision, Event, Machine, Omission, Outcome, Partition, PartitionId, Progress, Recorder, Stamp,
    Unrecorded, Wanted,
};
use log::LevelFilter;
use std::path::{Path, PathBuf};
use trace::{RunEnd, TracedSystem};

/// Instructions that are written unless the user says otherwise.
pub const LENGTH: u64 = 100_000;

/// Units between two looks at how far it is.
const GLANCE_UNITS: u64 = 1 << 22;

/// Units between two writes of the text: some megabytes.
const SLICE_UNITS: u64 = 1 << 15;

/// A file for the way to a crash.
pub struct FlightRecorder {
    path: PathBuf,
    /// Until something is written to it.
    file: Option<Output>,
    is_system: bool,
    length: u64,
}

impl FlightRecorder {
    /// Creates the file, so that nobody runs a guest for long to learn that it cannot be written.
    ///
    /// # Errors
    /// One line for the user.
    pub fn create(path: &Path, length: u64, is_system: bool) -> Result<Self, Ended> {
        let file = Output::file(path).map_err(Ended::Failed)?;
        Ok(Self { path: path.to_owned(), file: Some(file), is_system, length })
    }

    /// The run has ended: writes the last instructions before its first crash, if there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    fn write(&mut self, machine: &Machine, outcome: &Outcome) -> Result<(), Ended> {
        let Some(end) = first_crash(machine) else { return Ok(()) };
        let level = log::max_level();
        // What is told of the second run was told before.
        log::set_max_level(LevelFilter::Off);
        let written = self.run_again(machine, outcome, end);
        log::set_max_level(level);
        let count = grouped(written?);
        complain(format_args!(
            "paravane: the last {count} instructions before the crash are in {}",
            self.path.display()
        ));
        Ok(())
    }

    /// Returns how many instructions were written.
    fn run_again(&mut self, machine: &Machine, outcome: &Outcome, end: u64) -> Result<u64, Ended> {
        let Some(mut again) = machine.again() else {
            return Err(Ended::Failed(
                "the flight recorder has no memory to run the guest again: free some, or run it smaller"
                    .to_owned(),
            ));
        };
        let begin = end.saturating_sub(self.length);
        let mut progress = progress::Progress::new("running again", begin);
        while again.executed() < begin {
            let to = again.executed().saturating_add(GLANCE_UNITS).min(begin);
            if !again.run_to(to, &mut Unrecorded) {
                break;
            }
            progress.set(again.executed());
        }
        drop(progress);
        let Some(file) = self.file.take() else { return Ok(0) };
        let traced = TracedSystem::of(&again, self.is_system);
        let mut sink = TextSink::new(&traced, &vec![true; traced.partitions.len()], file);
        let goes_on = record(&mut again, &mut sink, end)?;
        if !goes_on {
            sink.end(&RunEnd::of(machine, outcome));
        }
        sink.write()?;
        Ok(end - begin)
    }
}

/// Writes what happens up to the crash. Returns whether the run goes on after it.
fn record(again: &mut Machine, sink: &mut TextSink, end: u64) -> Result<bool, Ended> {
    for place in 0..again.partitions().len() {
        let stamp = again.stamp_of(PartitionId(place as u16));
        let instructions = stamp.instruction;
        if instructions > 0 {
            let elision = Elision { since: 0, instructions, events: 0, omission: Omission::Ring };
            sink.elided(stamp, &elision);
        }
    }
    // The crash is told of after the last instruction, where the next one would be.
    let end = end.saturating_add(1);
    loop {
        let to = again.executed().saturating_add(SLICE_UNITS).min(end);
        let goes_on = again.run_to(to, sink);
        sink.write()?;
        if !goes_on || to == end {
            return Ok(goes_on);
        }
    }
}

/// What all partitions together had executed when the first one crashed.
fn first_crash(machine: &Machine) -> Option<u64> {
    let crashed = machine.partitions().iter().filter(|partition| {
        matches!(
            partition.outcome(),
            Some(Outcome::Crashed(_) | Outcome::StoppedByHealth { .. } | Outcome::Unimplemented { .. })
        )
    });
    crashed.filter_map(Partition::ending).map(|ending| ending.executed_by_all).min()
}

impl Recorder for FlightRecorder {
    fn wanted(&self) -> Wanted {
        Wanted::Nothing
    }

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, _: Stamp, _: &Event) {}
}

impl Listener for FlightRecorder {
    fn slice_units(&self, _: &Machine) -> Option<u64> {
        None
    }

    fn hand_on(&mut self, machine: &Machine, progress: &Progress) -> Result<(), Ended> {
        match progress {
            Progress::Finished(outcome) => self.write(machine, outcome),
            _ => Ok(()),
        }
    }
}
