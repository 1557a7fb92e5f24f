//! stdout and stderr: closed pipes end quietly, colours stay where they belong.

use super::elf::{CODE, ElfFile, call};
use super::paravane::{TemporaryFile, paravane, run};
use hypervisor_core::abi::Call;
use std::io::Read;
use std::process::{Command, Stdio};

/// A guest that writes its own code to the console, again and again.
fn talks_for_ever() -> ElfFile {
    let mut code = call(Call::ConsoleWrite, CODE, 16);
    code.extend([0xeb, (-(code.len() as i8) - 2) as u8]); // jmp to the start
    ElfFile::guest(&code)
}

fn faults() -> TemporaryFile {
    TemporaryFile::new("faults.elf", &ElfFile::guest(&[0x0f, 0x0b]).bytes())
}

/// Reads a little of stdout, closes it, and expects a quiet end.
fn closes_early(command: &mut Command) {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    let mut some = [0; 64];
    child.stdout.take().expect("stdout is a pipe").read_exact(&mut some).expect("there is output");
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_closed_pipe_ends_run_and_trace_quietly() {
    let file = TemporaryFile::new("talks.elf", &talks_for_ever().bytes());
    closes_early(&mut paravane(["run".as_ref(), file.as_ref()]));
    closes_early(&mut paravane(["trace".as_ref(), file.as_ref()]));
}

#[test]
fn a_judgement_that_nobody_reads_to_its_end_is_not_a_good_one() {
    let artifacts = std::env::temp_dir().join(format!("paravane-unread-{}", std::process::id()));
    let golden = ["golden", "run", "tests/golden", "hello", "--artifacts", artifacts.to_str().unwrap()];
    for arguments in [&["diff", "builtin:flight", "builtin:flight"][..], &["kit"], &golden] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = paravane(arguments).env_remove("CI").stdout(writer).output().expect("it runs");
        assert_eq!(output.status.code(), Some(125), "{arguments:?}");
        let line = "paravane: stdout was closed before everything was judged: the rest is not known\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), line, "{arguments:?}");
    }
}

#[test]
fn colours_appear_only_when_forced_off_a_terminal_and_never_with_no_color() {
    let file = faults();
    let arguments = ["run".as_ref(), file.as_ref()];
    let stderr = |command: &mut Command| {
        let output = command.output().expect("the command starts");
        assert_eq!(output.status.code(), Some(126));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(!stderr(&mut paravane(arguments)).contains('\x1b'));
    assert!(stderr(paravane(arguments).env("CLICOLOR_FORCE", "1")).contains('\x1b'));
    assert!(!stderr(paravane(arguments).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")).contains('\x1b'));
}

#[test]
fn statistics_go_to_stderr_and_change_nothing_else() {
    let file = faults();
    let plain = run(["run".as_ref(), file.as_ref()]);
    let counted = run(["run".as_ref(), "--stats".as_ref(), file.as_ref()]);
    assert_eq!((plain.status, &plain.stdout), (counted.status, &counted.stdout));
    assert!(counted.stderr.starts_with(&plain.stderr), "{}", counted.stderr);
    for part in ["Statistics", "exits: exception", "engine: blocks made", "raised = delivered"] {
        assert!(counted.stderr.contains(part), "`{part}` is missing in {}", counted.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_written_exits_125() {
    let file = faults();
    for option in ["--record", "-o"] {
        let finished = run(["trace".as_ref(), option.as_ref(), "/nowhere/file".as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(125), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert!(finished.stderr.contains("/nowhere/file"), "{finished:?}");
    }
}
