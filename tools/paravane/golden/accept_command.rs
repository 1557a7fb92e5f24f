//! `paravane golden accept`: shows what is accepted, and accepts it.

use super::artifacts::Artifacts;
use super::meters::watched;
use super::options::{AcceptCases, Chosen};
use super::outcome::{LIMIT, MISSING, NONDETERMINISTIC, gravest, status};
use super::{accepter, no_case, refuse_in_ci, suite};
use crate::output::{Ended, Output, complain};
use crate::status::Status;
use ::golden::words;
use ::golden::{Acceptance, Case, Expectation, Found, Judgement, Provenance, Refusal, judge_and_note};
use log::warn;

/// Accepts what is pending of the chosen cases.
///
/// # Errors
/// The suite cannot be read, nobody may accept here, or a file cannot be written.
pub fn accept(options: &AcceptCases) -> Result<Status, Ended> {
    refuse_in_ci("accept")?;
    let by = accepter(options.by.as_deref())?;
    let suite = suite(&options.chosen)?;
    let mut output = Output::stdout();
    let mut statuses = Vec::new();
    let count = suite.cases.len();
    for (name, case) in suite.cases {
        let mut case = match case {
            Ok(case) => case,
            Err(why) => {
                complain(format_args!("paravane: {name}: {why}"));
                statuses.push(Status::Failure);
                continue;
            }
        };
        if options.run
            && let Some(status) = watched(&mut case, first_run)
        {
            statuses.push(status);
            continue;
        }
        // Of a whole suite only what is pending is meant.
        if count > 1 && matches!(Expectation::pending(&case.folder), Found::Nothing) {
            continue;
        }
        let by = provenance(by.clone(), options.reason.clone());
        let status = accept_case(&mut case, by, options.allow_shrink, &mut output)?;
        if status == Status::Success {
            keep(&case, &options.chosen);
        }
        statuses.push(status);
    }
    output.flush()?;
    if count == 0 {
        complain(format_args!("paravane: {}", no_case(&options.chosen)));
    } else if statuses.is_empty() {
        complain("paravane: nothing is pending: `paravane golden run` records what differs");
    }
    Ok(gravest(&statuses))
}

/// Keeps the files of a case that was accepted, so that its run can be made again when they have changed.
pub fn keep(case: &Case, chosen: &Chosen) {
    if let Err(error) = Artifacts::new(&chosen.artifacts).archive().keep(case) {
        warn!("{}: cannot keep its files: {error}", case.name);
    }
}

/// Runs a case so that what it does is pending; the status, if it has nothing that can be accepted.
fn first_run(case: &Case) -> Option<Status> {
    let judgement = judge_and_note(case).judgement;
    match judgement {
        Judgement::Missing(_)
        | Judgement::GuestChanged(_)
        | Judgement::CaseChanged(_)
        | Judgement::EmulatorChanged => None,
        Judgement::Holds => Some(Status::Success),
        judgement => {
            complain(format_args!("paravane: {}: {}", case.name, words::line(&judgement)));
            Some(status(&judgement))
        }
    }
}

/// Who accepts with this program, and why.
pub fn provenance(by: String, reason: String) -> Provenance {
    let version = concat!("paravane ", env!("CARGO_PKG_VERSION")).to_owned();
    Provenance { by, reason, version, semantics: emulator::SEMANTICS }
}

/// Accepts one case, or says why not.
///
/// # Errors
/// The output fails.
pub fn accept_case(
    case: &mut Case,
    by: Provenance,
    allows_shrink: bool,
    output: &mut Output,
) -> Result<Status, Ended> {
    let name = case.name.clone();
    let acceptance = match watched(case, Acceptance::of) {
        Ok(acceptance) => acceptance,
        Err(refusal) => {
            let (why, status) = refused(refusal);
            complain(format_args!("paravane: {name}: {why}"));
            return Ok(status);
        }
    };
    output.write(shown(&name, &acceptance).as_bytes())?;
    output.flush()?;
    let shrinkage = acceptance.shrinkage();
    if !shrinkage.is_empty() && !allows_shrink {
        complain(format_args!(
            "paravane: {name}: {}: give --allow-shrink if that is meant",
            shrinkage.join(", ")
        ));
        return Ok(MISSING);
    }
    if let Err(why) = acceptance.write(by) {
        complain(format_args!("paravane: {name}: {why}"));
        return Ok(Status::Failure);
    }
    output.write(format!("{name}: accepted\n").as_bytes())?;
    Ok(Status::Success)
}

/// What would be accepted: how it differs from before, or all of the verdict and the beginning of the rest.
pub fn shown(name: &str, acceptance: &Acceptance<'_>) -> String {
    const LINES: usize = 20;
    let differences = acceptance.differences();
    if acceptance.old.is_some() {
        let text: String =
            differences.iter().map(|(layer, difference)| words::layer_text(layer, difference)).collect();
        let files = match acceptance.changed_files() {
            files if files.is_empty() => String::new(),
            files => format!("made of other files: {}\n", files.join(", ")),
        };
        let text = if text.is_empty() { "it does the same as before\n".to_owned() } else { text };
        return format!("{name}:\n{}", words::indented(&(files + &text)));
    }
    let new = &acceptance.new;
    let console = String::from_utf8_lossy(&new.console).into_owned();
    let mut text = match &acceptance.damage {
        Some(why) => format!("{name}: in place of what was accepted, which is damaged: {why}\n"),
        None => format!("{name}: new\n"),
    };
    for (name, layer) in
        [("verdict", new.verdict.text()), ("console", console), ("events", new.events.clone())]
    {
        text += &format!("  {name}:\n");
        let printable = |line: &str| {
            let shown: String = line.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            format!("    {shown}\n")
        };
        let count = layer.lines().count();
        text.extend(layer.lines().filter(|line| !line.is_empty()).take(LINES).map(printable));
        if count > LINES {
            text += &format!("    ... {count} lines in all\n");
        }
    }
    text
}

/// Why nothing can be accepted, in words.
pub fn refused(refusal: Refusal) -> (String, Status) {
    match refusal {
        Refusal::NothingPending => {
            (
                "nothing is pending: `paravane golden run` records what differs, or says why it cannot be accepted"
                    .to_owned(),
                MISSING,
            )
        }
        Refusal::Outdated => (
            "what is pending is not what it does now: `paravane golden run` it again, and look at it"
                .to_owned(),
            MISSING,
        ),
        Refusal::Nondeterministic => (
            "it does not do the same twice: this is a bug in Paravane, please report it".to_owned(),
            NONDETERMINISTIC,
        ),
        Refusal::Limit(why) => (why, LIMIT),
        Refusal::Lacks(why) => (why, MISSING),
        Refusal::Failed(why) => (why, Status::Failure),
    }
}
