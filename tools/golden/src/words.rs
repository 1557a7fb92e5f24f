//! What became of a case, in words for people.

use crate::case::Case;
use crate::inspect::{Inspection, inspect};
use crate::judge::{Judged, Judgement};
use crate::lines::LineDifference;
use crate::tolerance::Tolerated;
use std::fmt::Write;
use system_file::quantities::grouped;

/// One line.
#[must_use]
pub fn line(judgement: &Judgement) -> String {
    match judgement {
        Judgement::Holds => "does what was accepted".to_owned(),
        Judgement::Missing(why) => why.clone(),
        Judgement::Lacks(what) => what.join("; "),
        Judgement::Limit(why) => why.clone(),
        Judgement::GuestChanged(files) => format!("the guest changed: {} not what was accepted", are(files)),
        Judgement::EmulatorChanged => "Paravane changed: the same guest does something else".to_owned(),
        Judgement::Nondeterministic => {
            "it does not do the same twice: this is a bug in Paravane, please report it".to_owned()
        }
        Judgement::Failed(why) => why.clone(),
    }
}

fn are(files: &[String]) -> String {
    format!("{} {}", files.join(", "), if files.len() == 1 { "is" } else { "are" })
}

/// What the case leaves out and tolerates, a line each; empty if it compares everything.
#[must_use]
pub fn tolerated(case: &Case, judged: &Judged) -> String {
    let Some(run) = &judged.run else { return String::new() };
    let mut text = String::new();
    if !case.file.part.is_everything() {
        let counts = &run.counts;
        let _ = writeln!(
            text,
            "compared: {} of {} instructions, {} of {} events, as [trace] says",
            grouped(counts.compared_instructions),
            grouped(counts.instructions),
            grouped(counts.compared_events),
            grouped(counts.events)
        );
    }
    for Tolerated { rule, what } in judged.tolerated() {
        let _ = match what {
            Some(what) => writeln!(text, "tolerated: {rule}: {what}"),
            None => writeln!(text, "unused tolerance: {rule}: there was nothing to tolerate: remove it"),
        };
    }
    text
}

/// All layers that differ, and where the run left the accepted path. Empty if nothing differs.
#[must_use]
pub fn details(case: &Case, judged: &Judged) -> String {
    let mut text: String =
        judged.differences().iter().map(|(layer, difference)| layer_text(layer, difference)).collect();
    match inspection(case, judged) {
        Ok(Some(inspection)) => text += &stretch(&inspection),
        Ok(None) => {}
        Err(why) => _ = writeln!(text, "it cannot be traced: {why}"),
    }
    text
}

/// Where the run left the accepted path; None if it did not, or nothing was accepted.
///
/// # Errors
/// The case cannot be run again.
pub fn inspection(case: &Case, judged: &Judged) -> Result<Option<Inspection>, String> {
    match (&judged.run, &judged.accepted) {
        (Some(run), Some(accepted)) => inspect(case, run, accepted),
        _ => Ok(None),
    }
}

/// A layer that differs: `-` is what was accepted, `+` is the run.
#[must_use]
pub fn layer_text(layer: &str, difference: &LineDifference) -> String {
    let mut text = format!("{layer} differs in line {}:\n", difference.number);
    let lines = [("  ", &difference.before), ("- ", &difference.expected), ("+ ", &difference.actual)];
    for (sign, lines) in lines {
        for line in lines {
            let _ = writeln!(text, "  {sign}{line}");
        }
    }
    for (sign, lines) in [("-", &difference.expected), ("+", &difference.actual)] {
        if lines.is_empty() {
            let _ = writeln!(text, "  {sign} (the end)");
        }
    }
    text
}

fn stretch(inspection: &Inspection) -> String {
    let Inspection { partition, first, last, event, trace, command, arguments: _ } = inspection;
    let mut text =
        format!("first difference between #{} and #{} of {partition}", grouped(*first), grouped(*last));
    if let Some((number, stamp)) = event {
        let _ = write!(text, "; event {} is another one, at #{}", grouped(*number as u64), stamp.instruction);
    }
    text += "\nthis run there:\n";
    for line in trace {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "all of it:\n    {command}");
    text
}

/// Each line indented.
#[must_use]
pub fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "    {line}");
        out
    })
}
