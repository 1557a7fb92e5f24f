//! `paravane trace`: a run, written down.

use crate::arguments::{Trace, TraceFormat};
use crate::output::{Ended, Output};
use crate::roster::Roster;
use crate::session::Session;
use crate::status::Status;
use crate::subject;
use hypervisor_core::Progress;
use trace::{SystemTrace, TextTrace};

/// Units between two writes of the trace: some megabytes of text.
const SLICE_UNITS: u64 = 1 << 15;

/// Runs the guest or the system to its end and writes its trace.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn trace(trace: &Trace) -> Result<Status, Ended> {
    if trace.format == TraceFormat::Pvt {
        return Err(Ended::Failed(
            "the trace format pvt is not there yet: it comes with the trace tools; use --format text"
                .to_owned(),
        ));
    }
    let subject = subject::open(trace.image.as_deref(), &trace.options)?;
    // The files are created only when everything is known to load.
    let console = if trace.output.is_some() { Output::stdout() } else { Output::nowhere() };
    let session = Session::new(subject, &trace.options, console)?;
    let shown = shown_partitions(&trace.partitions, session.roster())?;
    let mut output = match &trace.output {
        Some(path) => Output::file(path).map_err(Ended::Failed)?,
        None => Output::stdout(),
    };
    if session.roster().is_system {
        let mut text = SystemTrace::new(session.machine(), |place| shown[place]);
        return session.run(&mut text, Some(SLICE_UNITS), |text, machine, progress| {
            if let Progress::Finished(outcome) = progress {
                text.end(machine, outcome);
            }
            output.write(text.text())?;
            text.clear();
            output.flush()
        });
    }
    let mut text = TextTrace::new(session.machine());
    session.run(&mut text, Some(SLICE_UNITS), |text, machine, progress| {
        if let Progress::Finished(outcome) = progress {
            text.end(machine.stamp(), outcome);
        }
        output.write(text.text())?;
        text.clear();
        output.flush()
    })
}

/// Of each partition, whether it is written down: all of them, unless some are named.
fn shown_partitions(chosen: &[String], roster: &Roster) -> Result<Vec<bool>, Ended> {
    if !chosen.is_empty() && !roster.is_system {
        return Err(Ended::Failed(format!(
            "--partition chooses partitions of a system file, and {} is a single guest: leave it out",
            roster.shown
        )));
    }
    if let Some(unknown) = chosen.iter().find(|name| !roster.names.contains(name)) {
        return Err(Ended::Failed(format!(
            "--partition: {} has no partition `{unknown}`; it has {}",
            roster.shown,
            roster.names.join(", ")
        )));
    }
    Ok(roster.names.iter().map(|name| chosen.is_empty() || chosen.contains(name)).collect())
}
