//! A trace file on its way to the disk.

use crate::output::Ended;
use crate::session::Listener;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Event, Machine, Progress, Recorder, Stamp, Wanted};
use recording::{Depth, Filters, RunWriter, Subject};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

/// Writes a trace file.
pub struct PvtSink<D>(Option<RunWriter<D>>);

impl<D: Depth> PvtSink<D> {
    /// A file that begins, at `path` or on stdout, of a run of which `filters` are in force.
    ///
    /// # Errors
    /// The file cannot be created, or stdout is a terminal.
    pub fn new(
        path: Option<&Path>,
        subject: &Subject,
        machine: &Machine,
        filters: Filters,
    ) -> Result<Self, Ended> {
        let out: Box<dyn Write + Send> = match path {
            Some(path) => {
                let file = File::create(path);
                Box::new(BufWriter::new(
                    file.map_err(|error| {
                        Ended::Failed(format!("cannot create {}: {error}", path.display()))
                    })?,
                ))
            }
            None if io::stdout().is_terminal() => {
                let why = "--format pvt writes no text: name a file with -o FILE, and show it with `paravane show FILE`";
                return Err(Ended::Failed(why.to_owned()));
            }
            None => Box::new(io::stdout()),
        };
        Ok(Self(Some(RunWriter::with_filters(out, subject, machine, filters)?)))
    }
}

impl<D: Depth> Recorder for PvtSink<D> {
    fn wanted(&self) -> Wanted {
        self.0.as_ref().map_or(Wanted::Nothing, RunWriter::wanted)
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if let Some(writer) = &mut self.0 {
            writer.instruction(stamp, step);
        }
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        if let Some(writer) = &mut self.0 {
            writer.blocks(stamp, blocks);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if let Some(writer) = &mut self.0 {
            writer.event(stamp, event);
        }
    }
}

impl<D: Depth> Listener for PvtSink<D> {
    fn slice_units(&self, machine: &Machine) -> Option<u64> {
        self.0.as_ref().map(|writer| writer.slice_units(machine))
    }

    fn hand_on(&mut self, machine: &Machine, progress: &Progress) -> Result<(), Ended> {
        if let Some(writer) = &mut self.0 {
            writer.hand_on(machine, progress)?;
        }
        if let Progress::Finished(outcome) = progress
            && let Some(writer) = self.0.take()
        {
            writer.finish(machine, outcome)?;
        }
        Ok(())
    }
}
