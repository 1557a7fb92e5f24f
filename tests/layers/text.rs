//! Rules about a file's text, comments included.

use super::{File, Violation};

const LINES: usize = 800;

pub fn opens_with_its_subject(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "a file starts with `//!`: what it is, then what is deliberately not here";
    let rust = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//! "));
    rust.map(|file| Violation::new(file, 1, RULE, "the first line is no `//! ` comment")).collect()
}

pub fn stays_short(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "a file has at most 800 lines; long before that, ask whether two subjects live in it";
    let long = files.iter().filter(|file| file.is_rust() && file.text.lines().count() > LINES);
    long.map(|file| Violation::new(file, LINES, RULE, format!("{} lines", file.text.lines().count())))
        .collect()
}

/// Words of the software that runs on the processor.
const SOFTWARE: [&str; 10] = [
    "hypercall",
    "hypervisor",
    "paravirtual",
    "partition",
    "upcall",
    "event channel",
    "event port",
    "message port",
    "health monitor",
    "start info",
];
/// Words that only look like one of those.
const HARMLESS: [&str; 1] = ["partition_point"];

pub fn emulator_vocabulary(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "the emulator has no word for a hypervisor, not in comments either";
    let mut refused = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && file.is_under(&["emulator"])) {
        // The crate's own first comment says what is not in it, and so has to name it.
        let header = if file.path == "emulator/src/lib.rs" { "//!" } else { "no such line" };
        for (index, line) in file.text.lines().enumerate().filter(|(_, line)| !line.starts_with(header)) {
            let mut lower = line.to_lowercase();
            for word in HARMLESS {
                lower = lower.replace(word, "");
            }
            for word in SOFTWARE.iter().filter(|word| lower.contains(**word)) {
                refused.push(Violation::new(file, index + 1, RULE, format!("says `{word}`")));
            }
        }
    }
    refused
}

#[test]
fn a_file_without_a_header_and_a_long_one_are_found() {
    let long = "//! Long.\n".repeat(LINES + 1);
    let files =
        [("a.rs", "use std::fmt;\n"), ("b.rs", "//! Good.\n"), ("c.rs", long.as_str()), ("d.toml", "")];
    assert_eq!(super::refused(opens_with_its_subject, &files), ["a.rs:1"]);
    assert_eq!(super::refused(stays_short, &files), ["c.rs:800"]);
}

#[test]
fn a_word_of_the_software_is_found_in_code_and_in_comments() {
    let files = [
        ("emulator/src/lib.rs", "//! Not here: hypercalls.\n\npub struct Hypercall;\n"),
        ("emulator/src/cpu.rs", "//! Cpu.\n// Wakes the Partition.\nlet at = list.partition_point(f);\n"),
        ("hypervisor-core/src/lib.rs", "//! Hypercalls.\n"),
    ];
    assert_eq!(
        super::refused(emulator_vocabulary, &files),
        ["emulator/src/lib.rs:3", "emulator/src/cpu.rs:2"]
    );
}
