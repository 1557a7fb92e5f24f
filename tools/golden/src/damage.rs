//! Files of what was accepted that are no change of a guest or of Paravane: cut off, with other line ends, half merged.

use crate::expectation::{Expectation, LAYERS};

const LINE_ENDS: &str =
    "its lines end in CR LF: write `expect.* -text` into .gitattributes, and check it out again";

/// What is wrong with a text of which no line can end in a carriage return.
///
/// # Errors
/// In words.
pub fn of_text(text: &str) -> Result<(), String> {
    if text.contains('\r') {
        return Err(LINE_ENDS.to_owned());
    }
    let is_conflict = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    match text.lines().position(is_conflict) {
        Some(place) => Err(format!(
            "line {} is the mark of a merge conflict: take one side, or accept the case anew",
            place + 1
        )),
        None => Ok(()),
    }
}

/// The first file that is damaged, if damage is all that differs. A run with the same verdict, which counts its events and
/// digests its memory, cannot have more or other lines.
pub fn damage(accepted: &Expectation, actual: &Expectation) -> Option<String> {
    if accepted.verdict.behaviour() != actual.verdict.behaviour() {
        return None;
    }
    let sides = accepted.layers().into_iter().zip(actual.layers());
    let mut damaged = None;
    for (layer, (old, new)) in LAYERS.iter().zip(sides).filter(|(_, (old, new))| old != new) {
        let is_cut = layer.name != "console" && new.starts_with(&old);
        let why = if without_carriage_returns(&old) == new {
            LINE_ENDS.to_owned()
        } else if is_cut {
            format!(
                "it was cut off after {} of {} bytes: restore it, or accept the case anew",
                old.len(),
                new.len()
            )
        } else {
            return None;
        };
        damaged = damaged.or_else(|| Some(format!("{}: {why}", layer.file_name())));
    }
    damaged
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for (place, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(place + 1) != Some(&b'\n') {
            kept.push(*byte);
        }
    }
    kept
}
