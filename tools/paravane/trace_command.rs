//! `paravane trace`: a run, written down.

use crate::arguments::{Trace, TraceFormat};
use crate::guest_file::GuestFile;
use crate::output::{Ended, Output};
use crate::session::Session;
use crate::status::Status;
use hypervisor_core::Progress;
use trace::TextTrace;

/// Units between two writes of the trace: some megabytes of text.
const SLICE_UNITS: u64 = 1 << 15;

/// Runs the guest to its end and writes its trace.
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
    let file = GuestFile::open(trace.image.as_deref())?;
    // The files are created only when the guest is known to load.
    let console = if trace.output.is_some() { Output::stdout() } else { Output::nowhere() };
    let session = Session::new(file, &trace.options, console)?;
    let mut output = match &trace.output {
        Some(path) => Output::file(path).map_err(Ended::Failed)?,
        None => Output::stdout(),
    };
    let mut text = TextTrace::new(session.machine());
    session.run(&mut text, Some(SLICE_UNITS), |text, stamp, progress| {
        if let Progress::Finished(outcome) = progress {
            text.end(stamp, outcome);
        }
        output.write(text.text())?;
        text.clear();
        output.flush()
    })
}
