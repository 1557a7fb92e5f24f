//! `paravane golden prune`: removes what no test needs.

use super::artifacts::Artifacts;
use super::options::Prune;
use crate::output::{Ended, Output};
use crate::status::Status;
use ::golden::{Leftover, Suite};
use std::fs;

/// Removes what is pending, what was accepted of cases that are no more, what is left of cases that differed, and kept files
/// that no accepted case needs.
///
/// # Errors
/// The suite cannot be read, a file cannot be removed, or stdout fails.
pub fn prune(options: &Prune) -> Result<Status, Ended> {
    let suite = Suite::open(&options.folder).map_err(Ended::Failed)?;
    let artifacts = Artifacts::new(&options.artifacts);
    let (unneeded, gone) = artifacts.archive().unneeded();
    let gone = gone.iter().filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    let names: Vec<String> = suite.cases.iter().map(|(name, _)| name.clone()).chain(gone).collect();
    let left = names.iter().flat_map(|name| artifacts.left_of(name));
    let left = left.map(|path| Leftover { path, why: "left of a case that differed" });
    let kept = unneeded.into_iter().map(|path| Leftover { path, why: "no accepted case needs it" });
    let leftovers: Vec<Leftover> = suite.leftovers().into_iter().chain(left).chain(kept).collect();
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
    if !options.dry_run {
        artifacts.remove_empty(names.into_iter());
    }
    output.flush()?;
    Ok(Status::Success)
}
