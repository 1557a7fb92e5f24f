//! What became of a case, in words for people.

use crate::case::Case;
use crate::divergence::Divergence;
use crate::image_changes::ImageChange;
use crate::inspect::Inspection;
use crate::judge::{Judged, Judgement};
use crate::lines::LineDifference;
use crate::parting::Parting;
use crate::tolerance::Tolerated;
use std::fmt::Write;
use system_file::quantities::grouped;
use trace::diff::{Line, Mark};

/// The layer that is for programs.
const LADDER: &str = "ladder";

/// One line.
#[must_use]
pub fn line(judgement: &Judgement) -> String {
    match judgement {
        Judgement::Holds => "does what was accepted".to_owned(),
        Judgement::Missing(why) => why.clone(),
        Judgement::Lacks(what) => what.join("; "),
        Judgement::Limit(why) => why.clone(),
        Judgement::GuestChanged(files) => format!("the guest changed: {} not what was accepted", are(files)),
        Judgement::CaseChanged(files) => format!("the case changed: {} not what was accepted", are(files)),
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
pub fn details(judged: &Judged, divergence: &Divergence) -> String {
    let mut text = String::new();
    let Divergence { inspection, parting, unknown, images, .. } = divergence;
    text += &images_text(images);
    for why in &judged.besides {
        let _ = writeln!(text, "besides: {why}");
    }
    let is_changed = matches!(judged.judgement, Judgement::GuestChanged(_));
    if is_changed && judged.run.is_some() && judged.besides.is_empty() && judged.differences().is_empty() {
        text += "it does all that was accepted: accept the new image with a reason\n";
    }
    if let Some(parting) = parting {
        text += &parting_text(parting);
    }
    if divergence.has_same_steps {
        text +=
            "instruction by instruction this run does what was accepted: only what is told of it differs\n";
    } else if divergence.is_alike() {
        text += "instruction by instruction both runs do the same, apart from addresses where code or data moved\n";
    }
    if let Some(why) = unknown {
        let _ = writeln!(text, "expected values are not known: {why}");
    }
    for (layer, difference) in judged.differences() {
        text += &layer_text(layer, &difference);
    }
    // Where code or data moved, no instruction is the first that differs.
    let is_worth_a_look = |inspection: &&Inspection| !divergence.is_alike() || inspection.event.is_some();
    if let Some(inspection) = inspection.as_ref().filter(is_worth_a_look) {
        text += &stretch(inspection, parting.is_some());
    }
    text
}

/// How images differ from the accepted ones: what tells their builds apart, and what of them is another.
#[must_use]
pub fn images_text(images: &[ImageChange]) -> String {
    let mut text = String::new();
    for ImageChange { name, accepted, now, symbols } in images {
        let accepted = accepted.as_deref().unwrap_or("nothing of this name");
        let _ = writeln!(text, "{name}: {accepted} accepted, {now} now");
        let symbols = match symbols {
            Ok(symbols) => symbols,
            Err(why) => {
                let _ = writeln!(text, "    which functions changed is not known: {why}");
                continue;
            }
        };
        let lists = [("changed", &symbols.changed), ("new", &symbols.added), ("gone", &symbols.removed)];
        let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
        let mut parts: Vec<String> =
            lists.map(|(what, names)| format!("{what}: {}", some_of(names))).collect();
        match (symbols.moved, parts.is_empty()) {
            (0, true) => parts.push("no function and no named data changed".to_owned()),
            (0, false) => {}
            (moved, _) => parts.push(format!("{moved} only moved")),
        }
        let _ = writeln!(text, "    {}", parts.join("; "));
    }
    text
}

/// The first of some names, and how many more there are.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A layer that differs: `-` is what was accepted, `+` is the run.
#[must_use]
pub fn layer_text(layer: &str, difference: &LineDifference) -> String {
    if layer == LADDER {
        // Nobody reads digests.
        return format!("{layer} differs in line {}\n", difference.number);
    }
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

fn stretch(inspection: &Inspection, is_brief: bool) -> String {
    let Inspection { partition, first, last, event, trace, command, .. } = inspection;
    let mut text =
        format!("first difference between #{} and #{} of {partition}", grouped(*first), grouped(*last));
    if let Some((number, stamp)) = event {
        let _ = write!(text, "; event {} is another one, at #{}", grouped(*number as u64), stamp.instruction);
    }
    if !is_brief {
        text += "\nthis run there:\n";
        for line in trace {
            let _ = writeln!(text, "    {line}");
        }
        text += "all of it:";
    }
    let _ = writeln!(text, "\n    {command}");
    text
}

/// The first difference: what both did before, what was accepted, what this run does, and who wrote what differs.
#[must_use]
pub fn parting_text(parting: &Parting) -> String {
    let of = if parting.is_system { format!(" of {}", parting.partition) } else { String::new() };
    let is_event =
        parting.lines.iter().find(|line| line.mark == Mark::A).is_some_and(|line| line.text.contains(" == "));
    let what = if is_event { "event" } else { "instruction" };
    let mut text = format!("first differing {what}{of} (- accepted, + this run):\n");
    for Line { mark, text: line } in &parting.lines {
        let _ = match mark {
            Mark::Head => writeln!(text, "  {line}"),
            Mark::Both => writeln!(text, "      {line}"),
            Mark::A => writeln!(text, "    - {line}"),
            Mark::B => writeln!(text, "    + {line}"),
            Mark::Note => writeln!(text, "        {line}"),
        };
    }
    for (what, writer) in &parting.writers {
        let _ = match writer {
            Some(line) => writeln!(text, "last writer of {what}: {line}"),
            None => writeln!(text, "last writer of {what}: nothing in this run"),
        };
    }
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

/// A word as a shell takes it unchanged.
#[must_use]
pub fn for_shell(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,+".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::for_shell;

    #[test]
    fn a_word_reaches_its_command_unchanged() {
        for (word, shown) in
            [("a/b.elf", "a/b.elf"), ("#5", "'#5'"), ("it's", "'it'\\''s'"), ("", "''"), ("a b", "'a b'")]
        {
            assert_eq!(for_shell(word), shown);
        }
    }
}
