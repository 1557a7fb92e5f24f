//! `paravane golden`: golden tests of the user's own guests. What they are is in docs/GOLDEN.md.

pub mod options;

mod accept_command;
mod against;
mod artifacts;
mod edit_script;
mod explain_command;
mod meters;
mod new_command;
mod outcome;
mod page;
mod prune_command;
mod report;
mod review_command;
mod run_command;

use crate::output::Ended;
use crate::status::Status;
use ::golden::Suite;
use options::{Chosen, Golden};
use std::env;

/// Does what the subcommand says.
///
/// # Errors
/// A folder or file cannot be used, or stdout fails.
pub fn golden(golden: &Golden) -> Result<Status, Ended> {
    match golden {
        Golden::Run(options) => run_command::run(options),
        Golden::New(options) => new_command::new(options),
        Golden::Review(options) => review_command::review(options),
        Golden::Accept(options) => accept_command::accept(options),
        Golden::Explain(options) => explain_command::explain(options),
        Golden::Prune(options) => prune_command::prune(options),
    }
}

/// The cases that were chosen; whoever looks at none has made a mistake.
fn suite(chosen: &Chosen) -> Result<Suite, Ended> {
    let mut suite = Suite::open(&chosen.folder).map_err(Ended::Failed)?;
    suite.keep_named(&chosen.names);
    Ok(suite)
}

/// What to say where no case was chosen.
fn no_case(chosen: &Chosen) -> String {
    let folder = chosen.folder.display();
    if chosen.names.is_empty() {
        format!("{folder} has no case: make one with `paravane golden new {folder}/NAME --image FILE`")
    } else {
        format!("no case of {folder} has a name with `{}` in it", chosen.names.join("` or `"))
    }
}

/// Whether a CI system runs us: nothing is written or accepted there.
fn is_in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Refuses where nobody looks at what is accepted.
fn refuse_in_ci(command: &str) -> Result<(), Ended> {
    if is_in_ci() {
        return Err(Ended::Failed(format!(
            "golden {command} is refused where CI is set: accept on your own machine, and commit the files"
        )));
    }
    Ok(())
}

/// Who accepts.
fn accepter(given: Option<&str>) -> Result<String, Ended> {
    let from = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let user =
        given.map(str::to_owned).or_else(|| ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(from));
    user.ok_or_else(|| Ended::Failed("nobody knows who accepts this: give --by NAME".to_owned()))
}
