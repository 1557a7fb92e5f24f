//! Whoever waits at a terminal for longer than a second sees how far it is, and nobody else does.

use super::paravane::{TemporaryFile, paravane, run};
use super::terminal::on_terminal;
use std::ffi::OsStr;

/// A bar appears without waiting for a second.
const AT_ONCE: (&str, &str) = ("PARAVANE_SHOWS_PROGRESS_AT_ONCE", "1");

fn record(name: &str) -> TemporaryFile {
    let file = TemporaryFile::new("progress.pvt", b"");
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let finished = run(options.into_iter().chain([file.as_ref(), OsStr::new(name)]));
    assert!(finished.status.is_some_and(|status| status != 125), "{}", finished.stderr);
    file
}

/// The words of each command that can take long, and what it says meanwhile.
fn commands(recorded: &TemporaryFile) -> Vec<(Vec<&OsStr>, &'static str)> {
    let file: &OsStr = recorded.as_ref();
    let words = |first: &[&'static str], then: &[&'static str]| -> Vec<&OsStr> {
        let (first, then) = (first.iter().copied().map(OsStr::new), then.iter().copied().map(OsStr::new));
        first.chain([file]).chain(then).collect()
    };
    vec![
        (words(&["export", "--format", "folded", "-o", "/dev/null"], &[]), "running again"),
        (words(&["export", "--format", "csv", "-o", "/dev/null"], &[]), "running again"),
        (words(&["show", "--only", "instructions"], &[]), "running again"),
        (words(&["show", "--at", "#1000", "--window", "3"], &[]), "running again"),
        (words(&["verify"], &[]), "running again"),
        (words(&["query"], &["who-wrote", "ticks"]), "searching"),
        (words(&["stats"], &[]), "counting"),
        (words(&["stats", "--functions", "3"], &[]), "running again"),
        (words(&["diff"], &["builtin:ticker"]), "comparing"),
    ]
}

#[test]
fn a_terminal_shows_how_far_a_command_is() {
    let recorded = record("builtin:ticker");
    for (arguments, what) in commands(&recorded) {
        let Some(text) = on_terminal(&arguments, &[AT_ONCE]) else { return };
        let bar = text.split('\r').find(|line| line.contains(what));
        assert!(bar.is_some_and(|bar| bar.contains("% ")), "{arguments:?}: {text:?}");
    }
}

#[test]
fn a_pipe_gets_nothing_of_it() {
    let recorded = record("builtin:ticker");
    for (arguments, what) in commands(&recorded) {
        let output = paravane(&arguments).env(AT_ONCE.0, AT_ONCE.1).output().expect("it runs");
        let plain = paravane(&arguments).output().expect("it runs");
        assert!(output.stdout == plain.stdout && output.stderr == plain.stderr, "{arguments:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains(what), "{arguments:?}");
    }
}

#[test]
fn a_trace_into_a_file_shows_how_many_instructions_ran() {
    let file = TemporaryFile::new("traced", b"");
    let spins = TemporaryFile::new("spins.elf", &super::elf::ElfFile::guest(&[0xeb, 0xfe]).bytes());
    let by_number = ["trace", "--max-instructions", "1000000", "-o"];
    let by_time = ["trace", "--format", "pvt", "--max-time", "100ms", "-o"];
    for (words, sign) in [(&by_number[..], "% "), (&by_time, "instructions: ")] {
        let words = words.iter().map(OsStr::new);
        let arguments: Vec<&OsStr> = words.chain([file.as_ref(), spins.as_ref()]).collect();
        let Some(text) = on_terminal(&arguments, &[AT_ONCE]) else { return };
        let bar = text.split('\r').find(|line| line.contains("tracing"));
        assert!(bar.is_some_and(|bar| bar.contains(sign)), "{arguments:?}: {text:?}");
    }
    // The console is there to be seen itself.
    let arguments: [&OsStr; 4] = ["trace".as_ref(), "builtin:ticker".as_ref(), "-o".as_ref(), file.as_ref()];
    let Some(text) = on_terminal(&arguments, &[AT_ONCE]) else { return };
    let (_, after) = text.split_once("TEST ***").expect("its first line");
    assert!(!after.contains("tracing") && after.contains("TA1"), "{text:?}");
}

#[test]
fn golden_cases_show_how_many_are_done() {
    let suite = std::env::temp_dir().join(format!("paravane-progress-{}", std::process::id()));
    let case = suite.join("one");
    let new = ["golden", "new", "--image", "builtin:hello"].map(OsStr::new);
    // CI may not make one.
    let made =
        paravane(new.into_iter().chain([case.as_os_str()])).env_remove("CI").output().expect("it runs");
    assert_eq!(made.status.code(), Some(3), "{}", String::from_utf8_lossy(&made.stderr));
    let text = on_terminal(&["golden".as_ref(), "run".as_ref(), suite.as_os_str()], &[AT_ONCE]);
    std::fs::remove_dir_all(&suite).expect("it was made");
    let Some(text) = text else { return };
    assert!(text.contains("running cases") && text.contains("% "), "{text:?}");
}

#[test]
fn a_new_golden_case_shows_how_much_it_has_run() {
    let suite = std::env::temp_dir().join(format!("paravane-progress-new-{}", std::process::id()));
    let case = suite.join("spins");
    let guest = TemporaryFile::new("spins.elf", &super::elf::ElfFile::guest(&[0xeb, 0xfe]).bytes());
    let options = ["--max-instructions", "20000000", "--expect-limit", "--image"].map(OsStr::new);
    let new = ["golden", "new"].map(OsStr::new).into_iter().chain(options);
    let arguments: Vec<&OsStr> = new.chain([guest.as_ref(), case.as_os_str()]).collect();
    let Some(text) = on_terminal(&arguments, &[AT_ONCE, ("CI", "0")]) else { return };
    std::fs::remove_dir_all(&suite).expect("it was made");
    assert!(text.contains("instructions: "), "{text:?}");
}

#[test]
fn what_runs_again_for_a_crash_shows_how_far_it_is() {
    let file = TemporaryFile::new("flight.txt", b"");
    let arguments = ["run", "--flight-recorder"].map(OsStr::new).into_iter().chain([file.as_ref()]);
    let short = ["--flight-length", "5"].map(OsStr::new);
    let crash = super::elf::ElfFile::guest(&[&[0x90; 20][..], &[0x0f, 0x0b]].concat());
    let guest = TemporaryFile::new("crash.elf", &crash.bytes());
    let arguments: Vec<&OsStr> = arguments.chain(short).chain([guest.as_ref()]).collect();
    let Some(text) = on_terminal(&arguments, &[AT_ONCE]) else { return };
    assert!(text.contains("running again") && text.contains("% "), "{text:?}");
    assert!(String::from_utf8_lossy(&file.contents()).contains("== crash"), "the way to the crash is there");
}

#[test]
fn a_bar_leaves_before_the_lines_of_a_trace_come() {
    let recorded = record("builtin:hello");
    let arguments = [OsStr::new("show"), recorded.as_ref()];
    let Some(text) = on_terminal(&arguments, &[AT_ONCE]) else { return };
    let last_bar = text.rfind("running again").expect("there was one");
    let first_line = text.find("_start").expect("there are lines");
    assert!(last_bar < first_line, "{text:?}");
}
