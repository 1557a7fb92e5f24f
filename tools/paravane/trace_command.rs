//! `paravane trace`: a run, written down as text or as a trace file.

use crate::arguments::{Trace, TraceFormat};
use crate::output::{Ended, Output};
use crate::partitions::shown_partitions;
use crate::pvt_sink::PvtSink;
use crate::roster::Roster;
use crate::session::Session;
use crate::status::Status;
use crate::subject;
use crate::text_sink::TextSink;
use trace::TracedSystem;

/// Runs the guest or the system to its end and writes its trace.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn trace(trace: &Trace) -> Result<Status, Ended> {
    let subject = subject::open(trace.image.as_deref(), &trace.options)?;
    // The files are created only when everything is known to load.
    let console = if trace.output.is_some() { Output::stdout() } else { Output::nowhere() };
    let recorded = (trace.format == TraceFormat::Pvt).then(|| subject.clone());
    let session = Session::new(subject, &trace.options, console)?;
    let Roster { names, is_system, shown, .. } = session.roster();
    let shown = shown_partitions(&trace.partitions, names, *is_system, shown)?;
    if let Some(subject) = recorded {
        let mut sink = PvtSink::new(trace.output.as_deref(), &subject, session.machine())?;
        return session.run(&mut sink);
    }
    let output = match &trace.output {
        Some(path) => Output::file(path).map_err(Ended::Failed)?,
        None => Output::stdout(),
    };
    let traced = TracedSystem::of(session.machine(), session.roster().is_system);
    session.run(&mut TextSink::new(&traced, &shown, output))
}
