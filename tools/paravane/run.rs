//! `paravane run`: nothing but the guest's console.

use crate::arguments::Run;
use crate::guest_file::GuestFile;
use crate::output::{Ended, Output};
use crate::session::Session;
use crate::status::Status;
use hypervisor_core::Unrecorded;

/// Runs the guest to its end.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn run(run: &Run) -> Result<Status, Ended> {
    let file = GuestFile::open(run.image.as_deref())?;
    Session::new(file, &run.options, Output::stdout())?.run(&mut Unrecorded, None, |_, _, _| Ok(()))
}
