//! `paravane run`: nothing but the guests' consoles.

use crate::arguments::Run;
use crate::output::{Ended, Output};
use crate::session::Session;
use crate::status::Status;
use crate::subject;
use hypervisor_core::Unrecorded;

/// Runs the guest or the system to its end.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn run(run: &Run) -> Result<Status, Ended> {
    let subject = subject::open(run.image.as_deref(), &run.options)?;
    Session::new(subject, &run.options, Output::stdout())?.run(&mut Unrecorded)
}
