//! `paravane trace`: a run, written down as text or as a trace file.

use crate::arguments::{Trace, TraceDetail, TraceFormat};
use crate::filtered::Filtered;
use crate::look::Way;
use crate::output::{Ended, Output, named_file};
use crate::pvt_sink::PvtSink;
use crate::session::{Session, outputs};
use crate::show_command::{is_recording, shown};
use crate::status::Status;
use crate::subject;
use crate::view::{View, choice_to_store, words_to_store};
use recording::{Addresses, ChosenAddresses, Depth, Filters, Full, Stored, Subject};
use std::path::Path;
use trace::TracedSystem;

/// What is done, for who waits for it.
const TRACING: &str = "tracing, instructions";

/// Runs the guest or the system to its end and writes its trace.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn trace(trace: &Trace) -> Result<Status, Ended> {
    if trace.detail.is_some() && trace.format != TraceFormat::Pvt {
        let why = "--detail says what a trace file holds: give --format pvt, too, or leave it out";
        return Err(Ended::Failed(why.to_owned()));
    }
    if let Some(path) = trace.image.as_deref().filter(|path| is_recording(path)) {
        return recorded(path, trace);
    }
    let subject = subject::open(trace.image.as_deref(), &trace.options)?;
    let written = outputs(&trace.options, &subject).by("-o", named_file(&trace.output));
    written.check().map_err(Ended::Failed)?;
    // The files are created only when everything is known to load.
    let console = if named_file(&trace.output).is_some() { Output::stdout() } else { Output::nowhere() };
    let recorded = (trace.format == TraceFormat::Pvt).then(|| subject.clone());
    let session = Session::new(subject, &trace.options, console)?;
    let session =
        if named_file(&trace.output).is_some() { session.that_shows_progress(TRACING) } else { session };
    let traced = TracedSystem::of(session.machine(), session.roster().is_system);
    let view = View::default();
    let shown = trace.look.choose(&trace.filter, &view, &traced, &session.roster().shown);
    let shown = shown.map_err(Ended::Failed)?;
    if let Some(subject) = recorded {
        if let Some(option) = trace.look.given() {
            return Err(Ended::Failed(format!(
                "--format pvt records what is shown later: leave {option} out, and show the file with it"
            )));
        }
        let detail = trace.detail.unwrap_or(TraceDetail::Full);
        let words = words_to_store(&trace.filter).map_err(Ended::Failed)?;
        let stores_some = detail != TraceDetail::Full && !words.is_empty();
        let choice =
            stores_some.then(|| choice_to_store(&shown.choice)).transpose().map_err(Ended::Failed)?;
        let record = match detail {
            TraceDetail::Full => record::<Full>,
            TraceDetail::Addresses if choice.is_some() => record::<ChosenAddresses>,
            TraceDetail::Addresses => record::<Addresses>,
            TraceDetail::Stored => record::<Stored>,
        };
        let filters = Filters { words, choice };
        return record(session, named_file(&trace.output), &subject, filters);
    }
    let output = Output::to(named_file(&trace.output)).map_err(Ended::Failed)?;
    let sink = shown.sink(&traced, output);
    match shown.way() {
        Way::Calls => session.run(&mut Filtered::of_calls(&shown, &traced, sink)),
        Way::Instructions | Way::OfLast => session.run(&mut Filtered::new(&shown, sink)),
        Way::Events => session.run(&mut Filtered::of_events(&shown, sink)),
    }
}

/// Records the run in a trace file.
fn record<D: Depth>(
    session: Session<'_>,
    path: Option<&Path>,
    subject: &Subject,
    filters: Filters,
) -> Result<Status, Ended> {
    let mut sink = PvtSink::<D>::new(path, subject, session.machine(), filters)?;
    session.run(&mut sink)
}

/// Traces a recorded run: it is run again.
fn recorded(path: &Path, trace: &Trace) -> Result<Status, Ended> {
    if trace.format == TraceFormat::Pvt {
        let why = format!("{} is a recorded run already: copy it, or leave out --format pvt", path.display());
        return Err(Ended::Failed(why));
    }
    if let Some(option) = trace.options.given() {
        let why =
            format!("{option} is about a run of now, and {} is a recorded one: leave it out", path.display());
        return Err(Ended::Failed(why));
    }
    shown(path, &trace.filter, &trace.look, false, named_file(&trace.output))
}
