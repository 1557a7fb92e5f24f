//! One guest of the kit, run to its verdict.
//!
//! Whatever a guest does, its trial ends: instructions, virtual time and kept output are bounded.

use crate::crash_report::CrashReport;
use crate::quantities::grouped;
use hypervisor_core::conformance::{SUBJECT, system};
use hypervisor_core::{Image, Limit, Limits, Machine, Outcome, Progress, Unrecorded};
use std::sync::Arc;

/// What the guest that reads its console expects there.
const INPUT: &[u8] = b"conformance\n";
/// The longest guest of the kit takes a hundredth of it.
const MOST_INSTRUCTIONS: u64 = 50_000_000;
const MOST_NS: u64 = 60_000_000_000;
/// So often the trial looks whether the guest has ended beside others that go on.
const SLICE_UNITS: u64 = 100_000;
/// Of a guest that prints without end the rest is dropped.
const KEPT_OUTPUT_BYTES: usize = 1 << 20;
/// The longest reason that is shown.
const REASON_MOST_CHARACTERS: usize = 200;

/// Runs the ELF file of the guest with this name, which holds this clause; the error says why it does not.
pub fn try_guest(file: &[u8], clause: &str, name: &str) -> Result<(), String> {
    let image = Arc::new(Image::read(file).map_err(|error| error.to_string())?);
    let mut machine =
        Machine::of_system(system(clause, name, &image)).map_err(|error| error.error.to_string())?;
    machine.give_whole_input(INPUT.to_vec());
    let limits = Limits {
        executed_units: Some(MOST_INSTRUCTIONS),
        time_ns: Some(MOST_NS),
        slice_units: Some(SLICE_UNITS),
    };
    let mut output = Vec::new();
    loop {
        let progress = machine.run(&limits, &mut Unrecorded);
        let room = KEPT_OUTPUT_BYTES - output.len();
        output.extend(machine.take_output().into_iter().take(room));
        // The others may go on for ever.
        if let Some(outcome) = machine.partition(SUBJECT).outcome() {
            return judge(&machine, outcome, &output, clause, name);
        }
        match progress {
            Progress::Output | Progress::Slice | Progress::InputWanted => {}
            Progress::Idle { until_units } => machine.idle_until(until_units.unwrap_or(u64::MAX)),
            Progress::Finished(outcome) => return judge(&machine, &outcome, &output, clause, name),
        }
    }
}

fn judge(
    machine: &Machine,
    outcome: &Outcome,
    output: &[u8],
    clause: &str,
    name: &str,
) -> Result<(), String> {
    let label = format!("{clause} {name}");
    let said = verdict_line(output);
    if let Some(why) = said.as_deref().and_then(|line| line.strip_prefix("FAIL ")) {
        return Err(printable(why.strip_prefix(&label).unwrap_or(why).trim()));
    }
    match outcome {
        Outcome::Shutdown { code: 0 } => {}
        Outcome::Shutdown { code } => return Err(format!("it ended with code {code}")),
        Outcome::LimitReached(Limit::Instructions) => {
            return Err(format!("it did not end within {} instructions", grouped(MOST_INSTRUCTIONS)));
        }
        Outcome::LimitReached(Limit::Time) => {
            return Err(format!("it did not end within {} s of virtual time", MOST_NS / 1_000_000_000));
        }
        Outcome::Crashed(crash) => {
            let symbols = machine.symbols();
            let now_ns = machine.stamp().now_ns;
            let report = CrashReport { who: "the guest", crash, trail: &[], symbols: &symbols, now_ns };
            return Err(format!("it crashed: {}", report.headline()));
        }
        Outcome::Halted => return Err("it halted without a verdict".to_owned()),
        Outcome::StoppedByHealth { event } | Outcome::SystemHalted { event, .. } => {
            return Err(format!("the health monitor stopped it: {}", event.name()));
        }
        Outcome::Unimplemented { text, .. } => {
            return Err(format!("`{text}` is not implemented yet"));
        }
    }
    match said.as_deref().and_then(|line| line.strip_prefix("PASS ")) {
        Some(said) if said == label => Ok(()),
        Some(other) => Err(printable(&format!("it says that it is {other}"))),
        None => Err("it ended without a verdict".to_owned()),
    }
}

/// The last line that is a verdict.
fn verdict_line(output: &[u8]) -> Option<String> {
    let lines = output.split(|byte| *byte == b'\n').rev();
    let is_verdict = |line: &&[u8]| line.starts_with(b"PASS ") || line.starts_with(b"FAIL ");
    lines.filter(is_verdict).map(|line| String::from_utf8_lossy(line).into_owned()).next()
}

/// A guest's words on a line of ours: no control characters, and not too many.
fn printable(words: &str) -> String {
    let one_line = words.chars().map(|character| if character.is_control() { '?' } else { character });
    one_line.take(REASON_MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::{printable, verdict_line};

    #[test]
    fn the_last_verdict_counts_whatever_is_around_it() {
        let output = b"\x00\xff\nPASS B1 a\nx FAIL B1 a\nFAIL B1 a why\n\n";
        assert_eq!(verdict_line(output).as_deref(), Some("FAIL B1 a why"));
        assert_eq!(verdict_line(b"PASSED\n"), None);
    }

    #[test]
    fn a_guests_words_cannot_disturb_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\rc"), "a?[2Jb?c");
        assert_eq!(printable(&"x".repeat(5000)).len(), 200);
    }
}
