//! A crash report ends with the command that writes down the way to the crash: run as it stands it does that.

use super::elf::{CODE, ElfFile, call};
use super::paravane::{Finished, TemporaryFile, paravane, run, run_with_input};
use hypervisor_core::abi::Call;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

/// Three NOPs and an instruction that no processor has.
fn crashing() -> TemporaryFile {
    TemporaryFile::new("it's crashing.elf", &ElfFile::guest(&[0x90, 0x90, 0x90, 0x0f, 0x0b]).bytes())
}

/// Reads its console, and then crashes at an address that the first byte makes.
fn reading() -> TemporaryFile {
    let data = CODE + 0x1000;
    let code = [
        call(Call::ConsoleRead, data, 1),
        [&[0xa1][..], &data.to_le_bytes()].concat(), // mov eax, [data]
        vec![0x0f, 0x0b],
    ];
    TemporaryFile::new("reading.elf", &ElfFile::guest(&code.concat()).bytes())
}

/// The command in the last line of a report.
fn command_of(finished: &Finished) -> String {
    assert_eq!(finished.status, Some(126), "{finished:?}");
    let mut lines = finished.stderr.lines().rev();
    let command = lines.next().and_then(|line| line.strip_prefix("  ")).expect("a command").to_owned();
    assert!(lines.next().unwrap().ends_with("are written to crash.trace by"), "{}", finished.stderr);
    command
}

/// What the command writes, in a folder of its own.
fn way_of(command: &str) -> String {
    let folder: PathBuf =
        env::temp_dir().join(format!("paravane-crash-{}-{}", std::process::id(), command.len()));
    fs::create_dir_all(&folder).unwrap();
    let shell = Command::new("bash").args(["-c", command]).current_dir(&folder).stdin(Stdio::null()).output();
    let shell = shell.expect("bash runs");
    assert_eq!(shell.status.code(), Some(126), "{command}: {}", String::from_utf8_lossy(&shell.stderr));
    let way = fs::read_to_string(folder.join("crash.trace")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    way
}

#[test]
fn a_crash_report_ends_with_the_command_that_writes_the_way_there() {
    let guest = crashing();
    let options =
        ["--memory", "2MiB", "--arg", "two words", "--arg=-x", "--cpu", "prescott", "--max-time", "1500ms"];
    let finished = run(["run"].iter().chain(&options).map(OsStr::new).chain([guest.as_ref()]));
    let command = command_of(&finished);
    for words in [
        "run --flight-recorder crash.trace --memory 2MiB --arg 'two words' --arg -x --cpu prescott --max-time 1500ms '",
        "it'\\''s crashing.elf'",
    ] {
        assert!(command.contains(words), "{command}");
    }
    let way = way_of(&command);
    assert!(way.contains(" nop") && way.contains("== crash"), "{way}");
    assert!(
        finished.stderr.contains("The last 3 instructions before the first crash"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_command_gives_the_input_again() {
    let guest = reading();
    let input = TemporaryFile::new("input.txt", b"Z");
    let record = TemporaryFile::new("input.rec", b"");
    let record_path = AsRef::<OsStr>::as_ref(&record);
    let from_file = paravane([OsStr::new("run"), guest.as_ref()])
        .stdin(fs::File::open(AsRef::<OsStr>::as_ref(&input)).unwrap())
        .output()
        .unwrap();
    let from_file = Finished::of(&from_file);
    assert!(command_of(&from_file).contains("input.txt"), "{}", from_file.stderr);
    let recorded =
        run_with_input([OsStr::new("run"), OsStr::new("--record"), record_path, guest.as_ref()], b"Z");
    assert!(command_of(&recorded).contains(" --replay "), "{}", recorded.stderr);
    for finished in [&from_file, &recorded] {
        let way = way_of(&command_of(finished));
        assert!(way.contains("eax=0000005a"), "{way}");
    }
    let piped = run_with_input([OsStr::new("run"), guest.as_ref()], b"Z");
    assert!(
        piped.stderr.contains("The console input came through a pipe and was not recorded"),
        "{}",
        piped.stderr
    );
    assert!(!command_of(&piped).contains('<'), "{}", piped.stderr);
}

#[test]
fn nothing_is_said_where_the_way_is_written_already_or_nobody_crashed() {
    let guest = crashing();
    let file = TemporaryFile::new("flight.txt", b"");
    let written =
        run(["run".as_ref(), "--flight-recorder".as_ref(), file.as_ref(), guest.as_ref()] as [&OsStr; 4]);
    assert!(!written.stderr.contains("crash.trace"), "{}", written.stderr);
    assert!(!run(["trace".as_ref(), guest.as_ref()] as [&OsStr; 2]).stderr.contains("crash.trace"));
    assert!(!run(["run", "builtin:hello"]).stderr.contains("crash.trace"));
}
