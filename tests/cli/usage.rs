//! A wrong command line exits 125 and says what to do; help and version are answers.

use super::elf::exits_with;
use super::paravane::{TemporaryFile, run};

#[test]
fn without_a_command_the_help_appears() {
    let nothing: [&str; 0] = [];
    let finished = run(nothing);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    for part in ["run", "trace", "info", "kit", "vectors", "Exit status"] {
        assert!(finished.text().contains(part), "`{part}` is missing in {}", finished.text());
    }
}

#[test]
fn help_and_version_go_to_stdout_and_succeed() {
    for arguments in [
        vec!["--help"],
        vec!["run", "--help"],
        vec!["trace", "-h"],
        vec!["info", "--help"],
        vec!["--version"],
    ] {
        let finished = run(&arguments);
        assert_eq!(finished.status, Some(0), "{arguments:?}: {finished:?}");
        assert!(!finished.stdout.is_empty() && finished.stderr.is_empty(), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn a_wrong_command_line_exits_125() {
    for (arguments, says) in [
        (vec!["run", "--max-instruction", "5"], "--max-instructions"),
        (vec!["trac"], "trace"),
        (vec!["info"], "FILE"),
        (vec!["run", "--memory", "16MB"], "16MiB"),
        (vec!["run", "--max-time", "2"], "unit is missing"),
        (vec!["run", "--max-instructions", "lots"], "there is no number"),
        (vec!["run", "--max-instructions", "-1"], "-1"),
        (vec!["run", "--record", "a", "--replay", "b"], "cannot be used with"),
        (vec!["run", "--abi", "windows"], "linux"),
        (vec!["run", "a.elf", "b.elf"], "b.elf"),
    ] {
        let finished = run(&arguments);
        assert_eq!(finished.status, Some(125), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(says), "{arguments:?}: `{says}` is missing in {}", finished.stderr);
        assert!(finished.stdout.is_empty(), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn an_impossible_memory_size_is_refused_with_what_is_possible() {
    let file = TemporaryFile::new("exits.elf", &exits_with(0).bytes());
    for size in ["0", "4097", "1KiB", "4GiB", "1000000GiB"] {
        let finished = run(["run".as_ref(), "--memory".as_ref(), size.as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(125), "{size}: {finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{size}: {finished:?}");
        assert!(finished.stderr.contains("--memory"), "{size}: {finished:?}");
    }
}
