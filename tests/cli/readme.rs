//! The README shows what the command prints, not what it printed once.

use super::paravane::run;

const README: &str = include_str!("../../README.md");

/// The lines of the indented blocks.
fn shown() -> impl Iterator<Item = &'static str> {
    README.lines().filter_map(|line| line.strip_prefix("    "))
}

#[test]
fn the_readme_shows_the_lines_of_a_run_in_their_order() {
    let output = run(["run"]).text();
    let shown: Vec<_> = shown().filter(|line| line.starts_with("display | ")).collect();
    let mut rest = output.lines();
    assert!(shown.len() > 5, "the README shows {} lines of the run", shown.len());
    for line in shown {
        assert!(rest.any(|printed| printed == line), "the run does not print this next: {line}");
    }
}

#[test]
fn the_readme_shows_lines_of_the_real_trace() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/prebuilt/divide_by_zero.elf");
    let output = run(["trace", path]).text();
    let shown: Vec<_> = shown().filter(|line| line.starts_with('#')).collect();
    let events: Vec<_> = output.lines().filter(|line| line.contains("==")).collect();
    assert!(shown.ends_with(&events), "the README shows other events than these:\n{}", events.join("\n"));
    for line in shown {
        assert!(output.lines().any(|printed| printed == line), "the trace has no such line: {line}");
    }
}
