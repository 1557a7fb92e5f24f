//! Recordings that are damaged, cut off, of other versions, or none at all, given to each command: one clear line.

use super::forged::{change_header, file_of, frames_of};
use super::paravane::{Finished, TemporaryFile, paravane, run, sample};
use super::recordings::record;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is asked of a recording.
const COMMANDS: [&[&str]; 8] = [
    &["show"],
    &["show", "--only", "calls,events"],
    &["trace"],
    &["verify"],
    &["stats", "--functions", "3"],
    &["query", "first-visit", "_start"],
    &["export", "--format", "csv"],
    &["diff"],
];

/// Asks it of a file; a comparison is with `other`.
fn ask(command: &[&str], file: &OsStr, other: &OsStr) -> Finished {
    let words = command.iter().map(OsStr::new);
    let arguments: Vec<&OsStr> = match command[0] {
        "query" => vec![command[0].as_ref(), file, command[1].as_ref(), command[2].as_ref()],
        "diff" => vec![command[0].as_ref(), other, file],
        _ => words.chain([file]).collect(),
    };
    run(arguments)
}

/// Checks that it is refused with one line that says this.
fn is_refused(command: &[&str], finished: &Finished, says: &str) {
    let Finished { status, stderr, .. } = finished;
    assert_eq!((*status, stderr.lines().count()), (Some(125), 1), "{command:?}: {stderr}");
    assert!(stderr.contains(says) && !stderr.contains("this is a bug"), "{command:?}: {stderr}");
}

fn ticker() -> TemporaryFile {
    record("ticker.pvt", &["builtin:ticker".as_ref()])
}

#[test]
fn what_is_no_recording_is_named_with_what_to_do() {
    let good = ticker();
    let bytes = good.contents();
    let of_version = |version: &str| {
        let mut other = bytes.clone();
        other[27..27 + version.len()].copy_from_slice(version.as_bytes());
        other
    };
    let guest = "this is not an ELF file, and no system file either";
    let header = "before it says what it is of: nothing of it can be read";
    for (name, bytes, says, of_run) in [
        ("empty", Vec::new(), "it is empty; record it again", guest),
        ("short", b"few".to_vec(), "name one that `paravane trace --format pvt -o FILE` wrote", guest),
        ("zeros", vec![0; 5000], "name one that `paravane trace --format pvt -o FILE` wrote", guest),
        ("text", b"paravane-trace text 1\n".to_vec(), "it is the text of a trace; record the run", guest),
        ("gzip", b"\x1f\x8b\x08\0 and so on".to_vec(), "unpack it with `gzip -d`", guest),
        ("zstd", b"\x28\xb5\x2f\xfd and so on".to_vec(), "unpack it with `zstd -d`", guest),
        ("old", of_version("0"), "this trace has version 0, and this program reads version 1", ""),
        ("new", of_version("27\n"), "this trace has version 27, and this program reads version 1", ""),
        ("start", bytes[..20].to_vec(), header, ""),
        ("cut", bytes[..100].to_vec(), header, ""),
    ] {
        let file = TemporaryFile::new(name, &bytes);
        for command in COMMANDS {
            // These two take guests, too.
            let takes_guests = matches!(command[0], "trace" | "diff") && !of_run.is_empty();
            is_refused(
                command,
                &ask(command, file.as_ref(), good.as_ref()),
                if takes_guests { of_run } else { says },
            );
        }
    }
    let folder = std::env::temp_dir();
    let guest = sample("hello");
    for command in COMMANDS {
        let of = |path: &OsStr| ask(command, path, good.as_ref());
        is_refused(command, &of(folder.as_ref()), "this is a folder");
        is_refused(command, &of("/nowhere/at.pvt".as_ref()), "there is no such file");
        is_refused(command, &of("-".as_ref()), "write");
        if !matches!(command[0], "trace" | "diff") {
            is_refused(
                command,
                &of(guest.as_ref()),
                "it is an ELF file; record its run with `paravane trace --format pvt",
            );
        }
    }
}

#[test]
fn a_recording_is_none_of_what_other_commands_take() {
    let good = ticker();
    for command in ["run", "check", "info"] {
        let finished = run([OsStr::new(command), good.as_ref()]);
        is_refused(&[command], &finished, "this is a recorded run: show it with `paravane show`");
    }
    let folder = std::env::temp_dir();
    for (input, says) in [
        (good.as_ref(), "this is a whole run, which `paravane show` shows: name a file that --record wrote"),
        (folder.as_os_str(), "this is a folder"),
        (OsStr::new("-"), "only a file can be named here"),
    ] {
        is_refused(
            &["run"],
            &run(["run".as_ref(), "--replay".as_ref(), input, "builtin:echo".as_ref()]),
            says,
        );
    }
    let again = ["trace", "--format", "pvt"].map(OsStr::new).into_iter().chain([good.as_ref()]);
    is_refused(&["trace"], &run(again), "is a recorded run already");
}

#[test]
fn a_recording_does_not_come_through_a_pipe() {
    let good = ticker();
    let mut command = paravane(["show", "/dev/stdin"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It is not read, and so the pipe may be closed.
    let _ = std::io::Write::write_all(&mut stdin, &good.contents());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("write it into a file, and name that"), "{stderr}");
}

#[test]
fn events_of_a_recording_of_another_version_are_told() {
    let good = ticker();
    let mut frames = frames_of(&good);
    change_header(&mut frames, |header| {
        header.semantics += 1;
        header.writer = "paravane 0.0.7".to_owned();
    });
    let foreign = TemporaryFile::new("foreign.pvt", &file_of(&frames));
    for command in COMMANDS {
        let finished = ask(command, foreign.as_ref(), good.as_ref());
        if command.contains(&"--only") {
            assert_eq!(finished.status, Some(0), "{}", finished.stderr);
            assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
            assert!(finished.stderr.starts_with("warning: "), "{}", finished.stderr);
            assert!(finished.stderr.contains("recorded by paravane 0.0.7, and cannot be run again"));
            let own = ask(command, good.as_ref(), good.as_ref());
            assert_eq!(finished.text(), own.text());
        } else {
            is_refused_or_warned(command, &finished);
        }
    }
    let stats = run([OsStr::new("stats"), foreign.as_ref()]);
    assert_eq!((stats.status, stats.stderr.lines().count()), (Some(0), 1), "{}", stats.stderr);
    assert!(stats.text().contains("It cannot be run again by this program"), "{}", stats.text());
    assert!(stats.text().contains("upcall"), "{}", stats.text());
    let words = ["between", "mark:1", "mark:2"].map(OsStr::new);
    let between = run([OsStr::new("query"), foreign.as_ref()].into_iter().chain(words));
    assert_ne!(between.status, Some(125), "{}", between.stderr);
}

/// What needs instructions says whose program makes them.
fn is_refused_or_warned(command: &[&str], finished: &Finished) {
    assert_eq!(finished.status, Some(125), "{command:?}: {}", finished.stderr);
    let says =
        "recorded by paravane 0.0.7, and cannot be run again by this program: its processor has semantics";
    assert!(finished.stderr.lines().all(|line| line.contains(says)), "{command:?}: {}", finished.stderr);
}

#[test]
fn events_in_the_file_are_those_of_the_trace() {
    for name in ["ticker", "hello", "page_fault", "switch_in_upcall", "masked_event"] {
        let guest = sample(name);
        let recorded = record("events.pvt", &[guest.as_os_str()]);
        for kinds in
            ["calls", "events,upcalls", "console,traps", "calls,events,upcalls,traps,console,marks,idle"]
        {
            let shown = run(["show".as_ref(), "--only".as_ref(), kinds.as_ref(), recorded.as_ref()]);
            let traced = run(["trace".as_ref(), "--only".as_ref(), kinds.as_ref(), guest.as_os_str()]);
            assert!(shown.stdout == traced.stdout, "{name}, {kinds}: {}", shown.text());
        }
    }
    // The second ends before its partitions do.
    for (name, limit) in [
        ("builtin:flight", "60min"),
        ("builtin:flight", "7ms"),
        ("builtin:irq", "60min"),
        ("builtin:guard", "60min"),
    ] {
        let run_words = [name, "--max-time", limit].map(OsStr::new);
        let recorded = record("events.pvt", &run_words);
        for options in [
            &["--only", "windows,health,events,calls"][..],
            &["--only", "calls", "--last", "50"],
            &["--only", "calls,console", "--from", "1ms", "--to", "5ms"],
        ] {
            let options = options.iter().map(OsStr::new);
            let shown = run([OsStr::new("show"), recorded.as_ref()].into_iter().chain(options.clone()));
            let traced = run([OsStr::new("trace")].into_iter().chain(run_words).chain(options));
            assert!(shown.stdout == traced.stdout, "{name}");
        }
    }
}

#[test]
fn each_command_ends_with_one_line_whatever_bit_is_flipped_and_wherever_a_file_ends() {
    let good = record("good.pvt", &["builtin:hello".as_ref()]);
    let bytes = good.contents();
    let file = TemporaryFile::new("damaged.pvt", b"");
    for step in 0..12 {
        let place = 31 + (bytes.len() - 32) * step / 11;
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (step % 8);
        for damaged in [&flipped[..], &bytes[..place]] {
            fs::write(AsRef::<OsStr>::as_ref(&file), damaged).unwrap();
            for command in COMMANDS {
                let Finished { status, stderr, .. } = ask(command, file.as_ref(), good.as_ref());
                let lines = stderr.lines().count();
                let says = format!("byte {place}, {command:?}: {status:?}, {stderr}");
                assert!(!stderr.contains("this is a bug"), "{says}");
                match status {
                    Some(125) => assert_eq!(lines, 1, "{says}"),
                    // A file whose index is damaged still holds the whole run, but not as it was written.
                    Some(0) => {
                        assert!(stderr.lines().all(|line| line.starts_with("warning: ")), "{says}");
                        assert_ne!(command[0], "verify", "{says}");
                    }
                    // Not to the end.
                    Some(1) => assert!(matches!(command[0], "verify" | "diff" | "query"), "{says}"),
                    // Alike as far as a recording goes that was cut off.
                    Some(3) => assert_eq!(command[0], "diff", "{says}"),
                    _ => panic!("{says}"),
                }
            }
        }
    }
}

#[test]
fn what_there_is_of_a_recording_that_was_cut_off_is_exported_and_said_to_be_cut_off() {
    let good = ticker();
    let bytes = good.contents();
    // The index, the end and some more are not there.
    let file = TemporaryFile::new("cut.pvt", &bytes[..bytes.len() - 300]);
    let export = |file: &OsStr| run(["export".as_ref(), "--format".as_ref(), "csv".as_ref(), file]);
    let (whole, part) = (export(good.as_ref()), export(file.as_ref()));
    assert_eq!((part.status, part.stderr.lines().count()), (Some(0), 1), "{}", part.stderr);
    assert!(part.stderr.contains("the recording was cut off, or is damaged, at byte"), "{}", part.stderr);
    assert!(part.text().lines().count() > 100 && whole.text().starts_with(part.text().trim_end()));
}

#[test]
fn a_command_that_reads_a_recording_ends_when_it_is_interrupted() {
    let recorded = record("long.pvt", &["builtin:flight".as_ref()]);
    let mut command = paravane([OsStr::new("show"), recorded.as_ref()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    // The rest waits in the pipe.
    // Not SIGINT, which a shell that runs the tests in the background has switched off.
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn nothing_is_written_over_what_is_read_or_before_it_is_known_to_be_read() {
    let recorded = ticker();
    let bytes = recorded.contents();
    let guest = TemporaryFile::new("guest.elf", &fs::read(sample("hello")).unwrap());
    let whole = guest.contents();
    for (command, file) in [
        (&["trace"][..], &recorded),
        (&["export", "--format", "csv"], &recorded),
        (&["trace"], &guest),
        (&["trace", "--format", "pvt"], &guest),
    ] {
        let words = command.iter().map(OsStr::new);
        let finished = run(words.chain([file.as_ref(), OsStr::new("-o"), file.as_ref()]));
        is_refused(command, &finished, "this is the file that is read: name another one");
    }
    assert!(recorded.contents() == bytes && guest.contents() == whole);
    // Of all outputs, and of all that is read: an image that a system file names, recorded input, stdin, another output.
    let image = guest.as_ref().to_str().unwrap();
    let system = format!("[[partition]]\nname = \"only\"\nimage = \"{image}\"\n");
    let system = TemporaryFile::new("system.toml", system.as_bytes());
    let text = system.contents();
    let new = std::env::temp_dir().join(format!("paravane-new-{}", std::process::id()));
    let new = new.as_os_str();
    let (guest_file, system_file): (&OsStr, &OsStr) = (guest.as_ref(), system.as_ref());
    let read = "read";
    let twice = "writes to this file, too: name another one";
    for (words, output, says) in [
        (&["run", "--record"][..], guest_file, read),
        (&["run", "--stats", "--stats-output"], guest_file, read),
        (&["run", "--flight-recorder"], guest_file, read),
        (&["run", "--flight-recorder"], system_file, read),
        (&["trace", "--record"], guest_file, read),
        (&["trace", "--stats", "--stats-output"], system_file, read),
        (&["trace", "--format", "pvt", "-o"], guest_file, read),
        (&["run", "--replay", image, "--flight-recorder"], guest_file, read),
        (&["run", "--stats", "--stats-output", new.to_str().unwrap(), "--record"], new, twice),
        (&["trace", "--record", new.to_str().unwrap(), "-o"], new, twice),
    ] {
        let words_before = words.iter().map(OsStr::new);
        let finished = run(words_before.chain([output, system_file]));
        is_refused(words, &finished, says);
        assert!(
            guest.contents() == whole && system.contents() == text && !Path::new(new).exists(),
            "{words:?}"
        );
    }
    let input = TemporaryFile::new("input", b"typed\n");
    let mut command = paravane([OsStr::new("run"), OsStr::new("--record"), input.as_ref(), guest.as_ref()]);
    command.stdin(fs::File::open(AsRef::<OsStr>::as_ref(&input)).unwrap());
    if cfg!(target_os = "linux") {
        is_refused(&["run"], &Finished::of(&command.output().unwrap()), "this file is read as stdin");
        assert_eq!(input.contents(), b"typed\n");
    }
    let recorded_run = recorded.as_ref();
    let finished = run([OsStr::new("trace"), OsStr::new("--record"), input.as_ref(), recorded_run]);
    is_refused(&["trace"], &finished, "--record is about a run of now");
    let (damaged, kept) =
        (TemporaryFile::new("damaged.pvt", &bytes[..90]), TemporaryFile::new("kept", b"kept"));
    for command in [&["trace"][..], &["export", "--format", "csv"]] {
        let words = command.iter().map(OsStr::new);
        let finished = run(words.chain([damaged.as_ref(), OsStr::new("-o"), kept.as_ref()]));
        is_refused(command, &finished, "nothing of it can be read");
        assert_eq!(kept.contents(), b"kept");
    }
}

#[test]
fn a_recording_that_is_killed_shows_what_came_before_its_last_keyframe() {
    let guest = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/systems/prebuilt/load.elf");
    let file = TemporaryFile::new("killed.pvt", b"");
    let mut child = paravane(["trace", "--format", "pvt"].map(OsStr::new).into_iter().chain([
        OsStr::new("-o"),
        file.as_ref(),
        guest.as_ref(),
    ]))
    .spawn()
    .unwrap();
    let length = || fs::metadata(AsRef::<OsStr>::as_ref(&file)).unwrap().len();
    let start = length();
    // The guest runs for ever; its first keyframes come in less than a second.
    while length() < 3500 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(start < 3500);
    let shown = run(["show", "--at", "#16700000", "--window", "5"]
        .map(OsStr::new)
        .into_iter()
        .chain([file.as_ref()]));
    assert_eq!(shown.status, Some(0), "{}", shown.stderr);
    assert!(shown.stderr.contains("the recording was cut off"), "{}", shown.stderr);
    assert!(shown.text().lines().any(|line| line.starts_with("#16700004 ")), "{}", shown.text());
}
