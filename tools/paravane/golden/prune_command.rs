//! `paravane golden prune`: removes what no test needs.

use super::options::Prune;
use crate::output::{Ended, Output};
use crate::status::Status;
use ::golden::Suite;
use std::fs;

/// Removes what is pending, and what was accepted of cases that are no more.
///
/// # Errors
/// The suite cannot be read, a file cannot be removed, or stdout fails.
pub fn prune(options: &Prune) -> Result<Status, Ended> {
    let leftovers = Suite::open(&options.folder).map_err(Ended::Failed)?.leftovers();
    let mut output = Output::stdout();
    for leftover in &leftovers {
        let path = leftover.path.display();
        if !options.dry_run {
            fs::remove_file(&leftover.path)
                .map_err(|error| Ended::Failed(format!("{path}: cannot remove this file: {error}")))?;
        }
        let what = if options.dry_run { "would remove" } else { "removed" };
        output.write(format!("{what} {path}: {}\n", leftover.why).as_bytes())?;
    }
    if leftovers.is_empty() {
        output.write(b"nothing to remove\n")?;
    }
    output.flush()?;
    Ok(Status::Success)
}
