//! `paravane golden explain`: where cases leave what was accepted.

use super::against::against;
use super::artifacts::Artifacts;
use super::meters::watched;
use super::options::Explain;
use super::outcome::{gravest, status};
use super::{no_case, suite};
use crate::output::{Ended, Output, complain};
use crate::status::Status;
use ::golden::{Divergence, judge, words};

/// Explains the chosen cases. Nothing is written.
///
/// # Errors
/// The suite cannot be read, or stdout fails.
pub fn explain(options: &Explain) -> Result<Status, Ended> {
    let suite = suite(&options.chosen)?;
    if suite.cases.is_empty() {
        complain(format_args!("paravane: {}", no_case(&options.chosen)));
    }
    let archive = Artifacts::new(&options.chosen.artifacts).archive();
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
        let (judged, divergence) = watched(&mut case, |case| {
            let judged = judge(case);
            let divergence = Divergence::of(case, &judged, &archive);
            (judged, divergence)
        });
        let divergence = match divergence {
            Ok(divergence) => divergence,
            Err(why) => {
                complain(format_args!("paravane: {name}: {why}"));
                statuses.push(Status::Failure);
                continue;
            }
        };
        let line = words::line(&judged.judgement);
        let mut text = format!("{name}: {line}\n");
        if let Some(by) = judged.accepted.as_ref().and_then(|accepted| accepted.verdict.accepted.as_ref()) {
            text += &format!("    accepted by {} with {}: {}\n", by.by, by.version, by.reason);
        }
        text += &words::indented(&words::tolerated(&case, &judged));
        text += &words::indented(&words::details(&judged, &divergence));
        if let Some(program) = &options.against
            && let Some(inspection) = &divergence.inspection
        {
            let told = against(&case, inspection, program).map_err(Ended::Failed)?;
            text += &words::indented(&told);
        }
        output.write(text.as_bytes())?;
        output.flush()?;
        statuses.push(status(&judged.judgement));
    }
    Ok(gravest(&statuses))
}
