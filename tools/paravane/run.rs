//! `paravane run`: nothing but the guests' consoles.

use crate::again::Again;
use crate::arguments::Run;
use crate::flight_recorder::{self, FlightRecorder};
use crate::output::{Ended, Output};
use crate::session::{Session, outputs};
use crate::status::Status;
use crate::subject;
use hypervisor_core::Unrecorded;

/// Runs the guest or the system to its end.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn run(run: &Run) -> Result<Status, Ended> {
    let subject = subject::open(run.image.as_deref(), &run.options)?;
    let written = outputs(&run.options, &subject);
    written.by("--flight-recorder", run.flight_recorder.as_deref()).check().map_err(Ended::Failed)?;
    let session = Session::new(subject, &run.options, Output::stdout())?;
    let Some(path) = &run.flight_recorder else {
        return session.that_tells(Again::of(run)).run(&mut Unrecorded);
    };
    let length = run.flight_length.unwrap_or(flight_recorder::LENGTH);
    let mut recorder = FlightRecorder::create(path, length, session.roster().is_system)?;
    session.run(&mut recorder)
}
