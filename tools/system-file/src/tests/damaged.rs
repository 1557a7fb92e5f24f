//! Files that somebody damaged: diagnostics or a system, and never a panic.

use super::{RICH, read_text};
use crate::{Severity, Style, render};
use hypervisor_core::config::SystemConfig;
use hypervisor_core::{Limits, Machine, Unrecorded};

/// Numbers that repeat with their seed.
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        // xorshift64*, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

const SCRAPS: [&str; 26] = [
    "\"",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\n",
    "#",
    ",",
    "'''",
    "é",
    "\u{202e}",
    "0",
    "-1",
    "18446744073709551615",
    "\"9999999999999999999ms\"",
    "\"0u\"",
    "\"1ns\"",
    "\"3GiB\"",
    "[[plan]]\n",
    "[[partition]]\n",
    "[health]\n",
    "true",
    "1979-05-27",
    "\"nav\"",
    "\"4611686018427387904u\"",
];

fn damaged(random: &mut Random) -> String {
    let mut text = RICH.to_owned();
    for _ in 0..=random.below(4) {
        let mut at = random.below(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let mut end = (at + random.below(12)).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let lines: Vec<&str> = RICH.lines().collect();
        match random.below(6) {
            0 => text.replace_range(at..end.max(at), ""),
            1 => text.insert_str(at, SCRAPS[random.below(SCRAPS.len())]),
            2 => text.truncate(at),
            3 => {
                let (from, to) = (lines[random.below(lines.len())], lines[random.below(lines.len())]);
                text = text.replacen(from, to, 1);
            }
            4 => text = text.replacen(lines[random.below(lines.len())], "", 1),
            _ => {
                // The value of a line becomes something else.
                let line = lines[random.below(lines.len())];
                if let Some((key, _)) = line.split_once('=') {
                    text = text.replacen(line, &format!("{key}= {}", SCRAPS[random.below(SCRAPS.len())]), 1);
                }
            }
        }
    }
    text
}

/// What the check lets pass starts, and runs a while without a panic.
fn starts(system: SystemConfig, text: &str) {
    let mut machine = Machine::of_system(system).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let limits = Limits { executed_units: Some(2_000), time_ns: Some(50_000_000), slice_units: None };
    machine.run(&limits, &mut Unrecorded);
}

#[test]
fn a_thousand_damaged_files_give_diagnostics_or_a_system() {
    let seed: u64 = std::env::var("PARAVANE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20);
    let rounds: u64 =
        std::env::var("PARAVANE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1000);
    let (mut systems, mut refused) = (0, 0);
    for round in 0..rounds {
        let round_seed = seed + round;
        println!("PARAVANE_SEED={round_seed} PARAVANE_ROUNDS=1");
        let text = damaged(&mut Random::new(round_seed));
        let reading = read_text(&text);
        let (errors, _) = reading.counts();
        assert_eq!(reading.config.is_none(), errors > 0, "{text}");
        let shown = render(&reading.diagnostics, &text, "system.toml", Style::Plain);
        for diagnostic in &reading.diagnostics {
            assert!(!diagnostic.title.contains('\n') && !diagnostic.advice.is_empty(), "{diagnostic:?}");
            if diagnostic.severity == Severity::Error && reading.diagnostics.len() < 100 {
                assert!(shown.contains("error: "), "{shown}");
            }
        }
        if let Some(system) = reading.config {
            starts(system, &text);
        }
        if errors > 0 { refused += 1 } else { systems += 1 }
    }
    println!("{systems} systems, {refused} refused");
    assert!(rounds < 1000 || (systems > 50 && refused > 500), "{systems} {refused}");
}
