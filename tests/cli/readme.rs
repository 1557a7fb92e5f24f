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

#[test]
fn the_page_about_tracing_shows_lines_of_real_traces() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/");
    let page = include_str!("../../docs/TRACING.md");
    let mut commands = 0;
    for block in page.split("\n    $ paravane trace ").skip(1) {
        let mut lines = block.lines();
        let words = lines.next().unwrap_or_default();
        // What is written into a file is shown by other commands, and lines of the source are found from the folder.
        if [" -o ", "--source"].iter().any(|option| words.contains(option)) {
            continue;
        }
        let guest = |word: &str| match word.strip_suffix(".elf") {
            Some(_) => format!("{folder}prebuilt/{word}"),
            None => word.to_owned(),
        };
        let output = run(std::iter::once("trace".to_owned()).chain(words.split(' ').map(guest))).text();
        let shown =
            lines.map_while(|line| line.strip_prefix("    ")).take_while(|line| !line.starts_with('$'));
        let mut printed = output.lines().map(str::trim_end);
        for line in shown.map(str::trim_end).filter(|line| *line != "...") {
            assert!(printed.any(|printed| printed == line), "{words} does not print this next: {line}");
        }
        commands += 1;
    }
    assert!(commands >= 6, "{commands} commands");
}
