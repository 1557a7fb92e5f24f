//! Records a whole run at once: of a guest or a system at which nobody sits.
//!
//! Not here: what is in the file, which `writer` decides, and runs with a console, which the command line has.

use crate::subject::Subject;
use crate::writer::{Depth, Filters, RunWriter};
use hypervisor_core::{Arrival, Input, Limits, Machine, PartitionId, Progress};
use std::io::{self, Write};

/// How a run goes that nobody sits at.
#[derive(Clone, Debug, Default)]
pub struct Unattended {
    /// What the guest reads from its console as soon as it asks for it; None: it does not ask.
    pub input: Option<Vec<u8>>,
    /// It ends after so many executed units at the latest.
    pub executed_units: Option<u64>,
    /// A keyframe comes after so many executed units; None: as seldom as in the recording of a long run.
    pub keyframe_units: Option<u64>,
    /// Those that are in force.
    pub filters: Filters,
}

/// Runs what a subject describes to its end, and writes a recording of it.
///
/// # Errors
/// The machine cannot be made, the file not be written, or the guest waits for ever.
pub fn record<D: Depth>(out: Box<dyn Write + Send>, subject: &Subject, run: &Unattended) -> io::Result<()> {
    let mut machine = Machine::of_system(subject.config.clone()).map_err(io::Error::other)?;
    let mut writer = RunWriter::<D>::with_filters(out, subject, &machine, run.filters.clone())?;
    if let Some(units) = run.keyframe_units {
        writer = writer.with_keyframes_every(units);
    }
    let mut input = run.input.clone();
    loop {
        let slice_units = Some(writer.slice_units(&machine));
        let limits = Limits { executed_units: run.executed_units, slice_units, time_ns: None };
        let progress = machine.run(&limits, &mut writer);
        writer.hand_on(&machine, &progress)?;
        match progress {
            Progress::Finished(outcome) => return writer.finish(&machine, &outcome),
            Progress::Output => {
                let partitions = machine.partitions().len() as u16;
                (0..partitions).for_each(|place| drop(machine.take_output_of(PartitionId(place))));
                machine.take_errors();
            }
            Progress::Slice => {}
            Progress::Idle { until_units: Some(until) } => machine.idle_until(until),
            // It asks again, and got all that there is.
            Progress::InputWanted if input.is_none() && run.input.is_some() => {}
            Progress::InputWanted | Progress::Idle { until_units: None } => {
                let Some(bytes) = input.take() else {
                    let what = format!("{} waits for input, and there is none", subject.shown());
                    return Err(io::Error::other(what));
                };
                for what in [Arrival::Bytes(bytes), Arrival::End] {
                    machine.give_input(Input { unit: machine.clock().units(), what });
                }
            }
        }
    }
}
