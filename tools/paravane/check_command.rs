//! `paravane check`: whether a system file describes a system that can work.

use crate::arguments::Check;
use crate::output::{Ended, Output};
use crate::status::Status;
use crate::subject;
use system_file::{Summary, json_schema};

/// Checks the file, or prints the schema.
///
/// # Errors
/// The file has errors, or stdout fails.
pub fn check(check: &Check) -> Result<Status, Ended> {
    let text = match &check.system {
        Some(path) => {
            let source = subject::open_system(path)?;
            format!("{}: {}\n", source.shown(), Summary(&source.config))
        }
        None => json_schema(),
    };
    let mut output = Output::stdout();
    output.write(text.as_bytes())?;
    output.flush()?;
    Ok(Status::Success)
}
