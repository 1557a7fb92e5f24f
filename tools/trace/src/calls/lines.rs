//! The columns of a tree of calls, and what is said of a function when it is entered and left.

use super::follower::Leaving;
use crate::call_stack::Entry;
use crate::columns::{decimal, hexadecimal, pad, seconds};
use crate::places::describe;
use hypervisor_core::Stamp;
use hypervisor_core::loader::Symbols;

const NUMBER_WIDTH: usize = 11;
const TIME_WIDTH: usize = 13;
const INSTRUCTIONS_WIDTH: usize = 12;
const TOOK_WIDTH: usize = 11;

/// The names of the columns, in a line of the head.
pub(super) const COLUMN_NAMES: &str = "number     time         instructions       took  function";

/// Number and time.
pub(super) fn stamp(out: &mut Vec<u8>, stamp: Stamp) {
    let start = out.len();
    out.push(b'#');
    decimal(out, stamp.instruction);
    pad(out, start, NUMBER_WIDTH);
    let start = out.len();
    seconds(out, stamp.now_ns);
    pad(out, start, TIME_WIDTH);
}

/// How many instructions and how much time, or nothing of it, and the spaces that show how deep it is.
pub(super) fn cost(out: &mut Vec<u8>, cost: Option<(u64, u64)>, depth: usize) {
    let (instructions, took) = match cost {
        Some((instructions, took_ns)) => (instructions.to_string(), duration(took_ns)),
        None => (String::new(), String::new()),
    };
    let columns = format!("{instructions:>INSTRUCTIONS_WIDTH$}{took:>TOOK_WIDTH$}  ");
    out.extend_from_slice(columns.as_bytes());
    out.resize(out.len() + 2 * depth, b' ');
}

/// Virtual time with three decimals at most, in the largest unit that is not below one.
fn duration(ns: u64) -> String {
    for (unit_ns, unit) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        if ns >= unit_ns {
            return format!("{}.{:03} {unit}", ns / unit_ns, ns % unit_ns / (unit_ns / 1000));
        }
    }
    format!("{ns} ns")
}

/// What there is to say when a function is entered in another way than by a call.
pub(super) fn entry_words(symbols: &Symbols, entry: Entry, from: u32) -> Option<String> {
    match entry {
        Entry::Call => None,
        Entry::Start => Some("starts here".to_owned()),
        Entry::Jump => Some("jumped to".to_owned()),
        Entry::Interrupt => Some(format!("interrupts {}", describe(symbols, from))),
        Entry::Resumed => Some("goes on".to_owned()),
    }
}

/// What a function leaves behind.
pub(super) fn leaving_words(out: &mut Vec<u8>, leaving: Leaving) {
    let words = match leaving {
        Leaving::Returned(eax) => {
            out.extend_from_slice(b" = ");
            return hexadecimal(out, eax.into(), 8);
        }
        Leaving::Resumes => "  resumes what it interrupted",
        Leaving::Jumped => "  jumps on",
        Leaving::Suspended => "  another stack goes on",
        Leaving::Unwound => "  left with others",
        Leaving::Restarted => "  its partition starts again",
        Leaving::Open => "  still open",
    };
    out.extend_from_slice(words.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_a_unit_in_which_they_are_at_least_one() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.000 us"),
            (1_234_567, "1.234 ms"),
            (35_000_002_410, "35.000 s"),
            (u64::MAX, "18446744073.709 s"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }
}
