//! The command line that runs a crashed guest again and writes down the way to its crash.
//!
//! A run is a function of its options, its files and its input, so the same ones lead there again. Not here: the way itself, which
//! `flight_recorder` writes.

use crate::arguments::{Abi, CpuName, Run, RunOptions};
use crate::flight_recorder;
use crate::quantities::grouped;
use clap::ValueEnum;
use golden::words::for_shell;
use hypervisor_core::{Machine, Outcome};
use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

/// Where the way to a crash is written to.
const FILE: &str = "crash.trace";
/// What stdin is, on Linux.
const STDIN: &str = "/proc/self/fd/0";

/// The words of the command, as the user gave them.
pub struct Again {
    words: Vec<String>,
    /// Whether the input that stdin gave is lost unless it is given again.
    is_read_from_stdin: bool,
}

impl Again {
    /// That of a run of `paravane run`, of which nobody writes down the way to its crash so far.
    pub fn of(run: &Run) -> Self {
        let program = std::env::args().next().unwrap_or_else(|| "paravane".to_owned());
        let mut words: Vec<String> = [&program, "run", "--flight-recorder", FILE].map(str::to_owned).into();
        let options = &run.options;
        words.extend(options_of(options));
        if let Some(image) = &run.image {
            let image = image.display().to_string();
            words.extend(image.starts_with('-').then(|| "--".to_owned()));
            words.push(image);
        }
        Self { words, is_read_from_stdin: options.replay.is_none() && options.record.is_none() }
    }

    /// What to tell of it, now that the run is over; nothing if nobody crashed.
    pub fn told(&self, machine: &Machine) -> Option<String> {
        let crashed = machine.partitions().iter().any(|partition| {
            matches!(partition.outcome(), Some(Outcome::Crashed(_) | Outcome::StoppedByHealth { .. }))
        });
        if !crashed {
            return None;
        }
        let words: Vec<String> = self.words.iter().map(|word| shell_word(word)).collect();
        let mut command = words.join(" ");
        let mut text = String::new();
        if self.is_read_from_stdin && !machine.arrived_input().is_empty() {
            match stdin_path() {
                Some(path) => command += &format!(" < {}", shell_word(&path)),
                None => {
                    let what = if io::stdin().is_terminal() { "was typed" } else { "came through a pipe" };
                    text += &format!(
                        "The console input {what} and was not recorded: give the same again, and --record FILE for a run that --replay \
                         FILE repeats.\n"
                    );
                }
            }
        }
        let most = grouped(flight_recorder::LENGTH.min(machine.executed()));
        Some(format!(
            "{text}The last {most} instructions before the first crash, with all values and events, are written to {FILE} by\n  {command}"
        ))
    }
}

/// The options that make the run what it is.
fn options_of(options: &RunOptions) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    if let Some(bytes) = options.memory {
        add("--memory", in_units(bytes, &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")], ""));
    }
    for argument in &options.arguments {
        add("--arg", argument.clone());
    }
    if let Some(abi) = options.abi.as_ref().map(Abi::to_possible_value).and_then(name) {
        add("--abi", abi);
    }
    if let Some(cpu) = options.cpu.as_ref().map(CpuName::to_possible_value).and_then(name) {
        add("--cpu", cpu);
    }
    if let Some(most) = options.max_instructions {
        add("--max-instructions", most.to_string());
    }
    if let Some(most) = options.max_time {
        let ns = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        add("--max-time", in_units(ns, &[(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")], "ns"));
    }
    // What was recorded meanwhile is what is given now.
    if let Some(path) = options.replay.as_ref().or(options.record.as_ref()) {
        add("--replay", path.display().to_string());
    }
    words
}

/// In the largest unit of which it is a whole number.
fn in_units(number: u64, units: &[(u64, &str)], smallest: &str) -> String {
    let unit = units.iter().find(|(size, _)| number >= *size && number.is_multiple_of(*size));
    unit.map_or_else(|| format!("{number}{smallest}"), |(size, unit)| format!("{}{unit}", number / size))
}

/// The file that stdin is, if it is one that can be opened again.
fn stdin_path() -> Option<String> {
    let path = fs::read_link(STDIN).ok()?;
    let can_be_read_again =
        path == Path::new("/dev/null") || fs::metadata(&path).is_ok_and(|file| file.is_file());
    can_be_read_again.then(|| path.to_str().map(str::to_owned)).flatten()
}

/// A word as a shell takes it unchanged, and a terminal too.
fn shell_word(word: &str) -> String {
    if !word.chars().any(char::is_control) {
        return for_shell(word);
    }
    let letters = word.bytes().map(|byte| match byte {
        b'\\' | b'\'' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    format!("$'{}'", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{in_units, shell_word};

    #[test]
    fn a_word_reaches_the_command_again_and_no_terminal_as_it_is() {
        for (word, shown) in [
            ("a.elf", "a.elf"),
            ("two words", "'two words'"),
            ("it's", "'it'\\''s'"),
            ("a\nb", "$'a\\x0ab'"),
            ("\u{1b}'\\", "$'\\x1b\\'\\\\'"),
            ("\u{85}", "$'\\xc2\\x85'"),
        ] {
            assert_eq!(shell_word(word), shown);
        }
    }

    #[test]
    fn quantities_are_written_as_short_as_they_are_read() {
        let memory = [(1 << 20, "MiB"), (1 << 10, "KiB")];
        for (number, text) in [(16 << 20, "16MiB"), (513 << 10, "513KiB"), (7, "7"), (0, "0")] {
            assert_eq!(in_units(number, &memory, ""), text);
        }
    }
}
