//! `paravane golden review`: what is pending, case by case, with a person at the terminal.

use super::accept_command::{accept_case, keep, provenance, refused, shown};
use super::artifacts::Artifacts;
use super::meters::watched;
use super::options::{Chosen, Review};
use super::outcome::{MISSING, gravest};
use super::{accepter, no_case, refuse_in_ci, suite};
use crate::output::{Ended, Output, complain};
use crate::status::Status;
use ::golden::words;
use ::golden::{Acceptance, Case, Divergence, Expectation, Found, LAYERS, judge};
use std::fs;
use std::io::{self, IsTerminal};

const QUESTION: &str =
    "[a]ccept, [r]eject, [s]kip, show [o]ld, show [n]ew, show the first [d]ifference, [q]uit? ";

/// Goes through what is pending of the chosen cases.
///
/// # Errors
/// There is no terminal, the suite cannot be read, or a file cannot be written.
pub fn review(options: &Review) -> Result<Status, Ended> {
    refuse_in_ci("review")?;
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Ended::Failed(
            "golden review asks questions and needs a terminal: use `paravane golden explain` and `paravane golden accept` here"
                .to_owned(),
        ));
    }
    let by = accepter(options.by.as_deref())?;
    let suite = suite(&options.chosen)?;
    if suite.cases.is_empty() {
        complain(format_args!("paravane: {}", no_case(&options.chosen)));
        return Ok(MISSING);
    }
    let mut output = Output::stdout();
    let mut statuses = Vec::new();
    for (name, case) in suite.cases {
        let mut case = match case {
            Ok(case) => case,
            Err(why) => {
                complain(format_args!("paravane: {name}: {why}"));
                statuses.push(Status::Failure);
                continue;
            }
        };
        if matches!(Expectation::pending(&case.folder), Found::Nothing) {
            continue;
        }
        match review_case(&mut case, &by, &options.chosen, &mut output)? {
            Reviewed::Done(status) => {
                if status == Status::Success {
                    keep(&case, &options.chosen);
                }
                statuses.push(status);
            }
            Reviewed::Quit => {
                statuses.push(MISSING);
                break;
            }
        }
    }
    if statuses.is_empty() {
        output.write(b"nothing is pending\n")?;
        statuses.push(Status::Success);
    }
    output.flush()?;
    Ok(gravest(&statuses))
}

enum Reviewed {
    Done(Status),
    Quit,
}

fn review_case(case: &mut Case, by: &str, chosen: &Chosen, output: &mut Output) -> Result<Reviewed, Ended> {
    let name = case.name.clone();
    match watched(case, Acceptance::of) {
        Ok(acceptance) => {
            output.write(shown(&name, &acceptance).as_bytes())?;
            for what in acceptance.shrinkage() {
                output.write(format!("    {what}\n").as_bytes())?;
            }
        }
        Err(refusal) => {
            let (why, status) = refused(refusal);
            complain(format_args!("paravane: {name}: {why}"));
            return Ok(Reviewed::Done(status));
        }
    }
    loop {
        let Some(answer) = ask(output, QUESTION)? else { return Ok(Reviewed::Quit) };
        match answer.as_str() {
            "a" => {
                let reason = ask(output, "why is this right? ")?.unwrap_or_default();
                if reason.is_empty() {
                    output.write(b"a reason is needed\n")?;
                    continue;
                }
                let by = provenance(by.to_owned(), reason);
                return Ok(Reviewed::Done(accept_case(case, by, true, output)?));
            }
            "r" => {
                let failed =
                    |error| Ended::Failed(format!("{}: cannot remove: {error}", case.folder.display()));
                for layer in LAYERS {
                    fs::remove_file(layer.pending().path(&case.folder)).map_err(failed)?;
                }
                output.write(format!("{}: rejected\n", case.name).as_bytes())?;
                return Ok(Reviewed::Done(MISSING));
            }
            "s" => return Ok(Reviewed::Done(MISSING)),
            "o" => show(case, Expectation::accepted(&case.folder), output)?,
            "n" => show(case, Expectation::pending(&case.folder), output)?,
            "d" => {
                let archive = Artifacts::new(&chosen.artifacts).archive();
                let (judged, told) = watched(case, |case| {
                    let judged = judge(case);
                    let told = Divergence::of(case, &judged, &archive);
                    (judged, told)
                });
                let details =
                    told.map(|divergence| words::details(&judged, &divergence)).map_err(Ended::Failed)?;
                let details =
                    if details.is_empty() { "nothing differs from what was accepted\n" } else { &details };
                output.write(words::indented(details).as_bytes())?;
            }
            "q" => return Ok(Reviewed::Quit),
            _ => output.write(b"answer with one of the letters\n")?,
        }
    }
}

/// A line that a person typed; None at the end of the input.
fn ask(output: &mut Output, question: &str) -> Result<Option<String>, Ended> {
    output.write(question.as_bytes())?;
    output.flush()?;
    let mut answer = String::new();
    let failed = |error| Ended::Failed(format!("cannot read the answer: {error}"));
    let length = io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok((length > 0).then(|| answer.trim().to_owned()))
}

fn show(case: &Case, found: Found, output: &mut Output) -> Result<(), Ended> {
    let text = match found {
        Found::Whole(whole) => {
            let layers = LAYERS.iter().zip(whole.layers());
            let texts =
                layers.map(|(layer, bytes)| format!("{}:\n{}", layer.name, String::from_utf8_lossy(&bytes)));
            texts.collect()
        }
        Found::Nothing => format!("{}: nothing\n", case.name),
        Found::Damaged(why) => format!("{why}\n"),
    };
    let printable: String = text.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect();
    output.write(words::indented(&printable).as_bytes())
}
