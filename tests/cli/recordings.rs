//! A recorded run shows what a trace would have shown, anywhere, and a damaged one says so.

use super::paravane::{Finished, TemporaryFile, run, run_with_input, sample};
use std::ffi::OsStr;
use std::fs;

/// Records a run and returns the file.
pub fn record(name: &str, arguments: &[&OsStr]) -> TemporaryFile {
    let file = TemporaryFile::new(name, b"");
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let finished = run(options.into_iter().chain([file.as_ref()]).chain(arguments.iter().copied()));
    assert!(finished.status.is_some_and(|status| status != 125), "{}", finished.stderr);
    file
}

fn show(file: &TemporaryFile, options: &[&str]) -> String {
    let arguments = [OsStr::new("show"), file.as_ref()];
    let finished = run(arguments.into_iter().chain(options.iter().map(OsStr::new)));
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished.text()
}

/// Long enough for some keyframes.
fn long_run() -> TemporaryFile {
    let load = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/systems/prebuilt/load.elf");
    let most = ["--max-instructions", "60M"].map(OsStr::new);
    record("long.pvt", &[load.as_ref(), most[0], most[1]])
}

#[test]
fn a_recording_shows_the_same_bytes_as_a_trace() {
    for name in ["ticker", "hello", "page_fault", "self_modify", "switch_in_upcall", "lazy_fpu"] {
        let guest = sample(name);
        let recorded = record("same.pvt", &[guest.as_os_str()]);
        assert!(
            show(&recorded, &[]).into_bytes() == run([OsStr::new("trace"), guest.as_os_str()]).stdout,
            "{name}"
        );
    }
    for name in ["builtin:flight", "builtin:irq", "builtin:guard"] {
        let recorded = record("same.pvt", &[name.as_ref()]);
        assert!(show(&recorded, &[]).into_bytes() == run(["trace", name]).stdout, "{name}");
    }
}

#[test]
fn two_recordings_of_a_guest_are_the_same_bytes() {
    let guest = "builtin:flight";
    let [first, second] = ["first.pvt", "second.pvt"].map(|name| record(name, &[guest.as_ref()]).contents());
    assert!(first == second && !first.is_empty());
}

#[test]
fn console_input_is_in_a_recording() {
    let guest = sample("echo");
    let recorded = TemporaryFile::new("echo.pvt", b"");
    let arguments = [
        "trace".as_ref(),
        "--format".as_ref(),
        "pvt".as_ref(),
        "-o".as_ref(),
        recorded.as_ref(),
        guest.as_os_str(),
    ];
    let finished = run_with_input(arguments, b"one\ntwo\n");
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    let traced = run_with_input(["trace".as_ref(), guest.as_os_str()], b"one\ntwo\n");
    assert!(show(&recorded, &[]).into_bytes() == traced.stdout);
    assert_eq!(run([OsStr::new("verify"), recorded.as_ref()]).status, Some(0));
}

#[test]
fn a_recording_holds_all_that_it_needs() {
    let copy = TemporaryFile::new("copy.elf", &fs::read(sample("ticker")).unwrap());
    let recorded = record("alone.pvt", &[copy.as_ref()]);
    let expected = show(&recorded, &[]);
    drop(copy);
    assert_eq!(show(&recorded, &[]), expected);
}

#[test]
fn a_recording_is_verified_by_running_it_again() {
    for name in ["builtin:flight", "builtin:ticker"] {
        let recorded = record("verified.pvt", &[name.as_ref()]);
        let finished = run([OsStr::new("verify"), recorded.as_ref()]);
        assert_eq!(finished.status, Some(0), "{}", finished.stderr);
        assert!(finished.text().contains("run again: all as recorded"), "{}", finished.text());
    }
}

#[test]
fn a_window_of_a_long_run_is_what_the_whole_trace_has_there() {
    let recorded = long_run();
    let verified = run([OsStr::new("verify"), recorded.as_ref()]).text();
    assert!(verified.contains(" 3 keyframes"), "{verified}");
    let around = show(&recorded, &["--from", "#50000000", "--to", "#50000199"]);
    let lines: Vec<&str> =
        around.lines().filter(|line| line.starts_with("#5") && !line.contains(" == ")).collect();
    for (command, at, length) in [
        ("show", "#50000000", 200),
        ("trace", "#50000000", 200),
        ("show", "#50000150", 50),
        ("show", "#50000199", 1),
    ] {
        let length_text = length.to_string();
        let options = ["--at", at, "--window", &length_text].map(OsStr::new);
        let finished = run([command.as_ref(), recorded.as_ref()].into_iter().chain(options));
        assert_eq!(finished.status, Some(0), "{}", finished.stderr);
        let text = finished.text();
        let window: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert!(window.len() >= length, "{at}: {text}");
        let start = lines.iter().position(|line| line.starts_with(at)).unwrap();
        let count = window.len().min(lines.len() - start);
        assert_eq!(window[..count], lines[start..start + count], "{at}");
    }
}

#[test]
fn a_window_of_a_partition_has_so_many_of_its_instructions() {
    let recorded = record("flight.pvt", &["builtin:flight".as_ref()]);
    let whole = show(&recorded, &[]);
    let text = show(&recorded, &["--at", "nav:#2000", "--window", "30"]);
    let of_nav = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("nav ") && !line.contains(" == "))
            .map(str::to_owned)
            .collect()
    };
    let (window, whole) = (of_nav(&text), of_nav(&whole));
    let start = whole.iter().position(|line| line.starts_with("nav     #2000 ")).unwrap();
    assert_eq!(window[..], whole[start..start + 30]);
}

#[test]
fn a_window_that_never_comes_is_told_of() {
    let recorded = record("never.pvt", &["builtin:ticker".as_ref()]);
    let finished = run([
        "show".as_ref(),
        recorded.as_ref(),
        "--at".as_ref(),
        "#9000000".as_ref(),
        "--window".as_ref(),
        "5".as_ref(),
    ]);
    assert_eq!(finished.status, Some(0));
    assert!(finished.stderr.contains("`--at #9000000` never happened"), "{}", finished.stderr);
}

#[test]
fn what_is_no_recording_gets_one_line() {
    let recorded = record("good.pvt", &["builtin:hello".as_ref()]);
    let good = recorded.contents();
    let mut newer = good.clone();
    newer[27] = b'2';
    for (name, bytes, says) in [
        ("empty.pvt", Vec::new(), "this is no trace file"),
        ("text.pvt", b"paravane-trace text 1\n and more than thirty bytes".to_vec(), "this is no trace file"),
        ("newer.pvt", newer, "this trace has version 2, and this program reads version 1"),
        ("cut.pvt", good[..100].to_vec(), "before it says what it is of"),
    ] {
        let file = TemporaryFile::new(name, &bytes);
        for command in ["show", "verify"] {
            let finished = run([OsStr::new(command), file.as_ref()]);
            assert_eq!(
                (finished.status, finished.stderr.lines().count()),
                (Some(125), 1),
                "{}",
                finished.stderr
            );
            assert!(finished.stderr.contains(says), "{name}: {}", finished.stderr);
        }
    }
    let missing = run(["show", "/nowhere/at.pvt"]);
    assert!(missing.stderr.contains("there is no such file"), "{}", missing.stderr);
    let not_run = run([OsStr::new("run"), recorded.as_ref()]);
    assert!(not_run.stderr.contains("show it with `paravane show`"), "{}", not_run.stderr);
}

#[test]
fn a_recording_that_was_cut_off_shows_what_is_there() {
    let whole = long_run();
    let bytes = whole.contents();
    for (end, keyframes) in [(bytes.len() - 1, " 3 keyframes"), (bytes.len() / 2, " 0 keyframes")] {
        let file = TemporaryFile::new("cut.pvt", &bytes[..end]);
        let finished = run([OsStr::new("verify"), file.as_ref()]);
        assert_eq!(finished.status, Some(1), "{}", finished.stderr);
        assert!(finished.text().contains("was cut off, or is damaged, at byte"), "{}", finished.text());
        assert!(finished.text().contains(keyframes), "{}", finished.text());
        let text = show(&file, &["--at", "#20", "--window", "5"]);
        assert!(text.contains("\n#24 "), "{text}");
    }
}

#[test]
fn instructions_that_retired_are_counted_beside_those_that_took_a_number() {
    // Its navigation faults and is started again.
    let recorded = record("counted.pvt", &["builtin:flight".as_ref()]);
    let json: serde_json::Value =
        serde_json::from_slice(&read(&recorded, &["stats", "--json"]).stdout).unwrap();
    let rows = read(&recorded, &["export", "--format", "csv"]).text();
    for partition in json["partitions"].as_array().unwrap() {
        let name = format!("instruction,{},", partition["name"].as_str().unwrap());
        let shown = rows.lines().filter(|row| row.starts_with(&name)).count();
        assert_eq!(partition["retired"], shown, "{name}");
    }
    assert!(json["retired"].as_u64() < json["instructions"].as_u64(), "{json}");
}

/// The commands that read a recording; the file comes after the first word.
fn reading() -> [&'static [&'static str]; 9] {
    [
        &["show"],
        &["show", "--calls", "--source"],
        &["show", "--at", "#20", "--window", "5"],
        &["verify"],
        &["query", "who-wrote", "pv_start_info"],
        &["query", "register", "xmm0"],
        &["stats", "--functions", "3"],
        &["diff", "builtin:hello"],
        &["export", "--format", "csv"],
    ]
}

fn read(file: &TemporaryFile, words: &[&str]) -> Finished {
    let arguments = [OsStr::new(words[0]), file.as_ref()];
    run(arguments.into_iter().chain(words[1..].iter().map(OsStr::new)))
}

#[test]
fn damage_is_found_and_never_a_panic() {
    let recorded = record("whole.pvt", &["builtin:hello".as_ref()]);
    let good = recorded.contents();
    let check = |bytes: &[u8], what: &str, words: &[&str]| {
        let file = TemporaryFile::new("damaged.pvt", bytes);
        let finished = read(&file, words);
        let stderr = &finished.stderr;
        assert!(
            !stderr.contains("panicked") && !stderr.contains("this is a bug"),
            "{what} {words:?}: {stderr}"
        );
        assert!(
            finished.status.is_some_and(|code| matches!(code, 0 | 1 | 3 | 125)),
            "{what} {words:?}: {stderr}"
        );
        if finished.status == Some(125) {
            assert_eq!(
                stderr.lines().filter(|line| line.starts_with("paravane: ")).count(),
                1,
                "{what}: {stderr}"
            );
        }
    };
    for place in (0..good.len()).step_by(41) {
        let mut flipped = good.clone();
        flipped[place] ^= 0x10;
        check(&flipped, &format!("byte {place} flipped"), reading()[place % reading().len()]);
        check(&flipped, &format!("byte {place} flipped"), &["verify"]);
        check(&good[..place], &format!("cut at {place}"), reading()[place % reading().len()]);
    }
}

#[test]
fn what_is_read_of_a_recording_that_was_cut_off_is_told_as_such() {
    let recorded = record("whole.pvt", &["builtin:ticker".as_ref()]);
    let good = recorded.contents();
    let cut = TemporaryFile::new("cut.pvt", &good[..good.len() * 3 / 4]);
    for words in
        [&["show"][..], &["show", "--calls"], &["query", "register", "eax"], &["export", "--format", "csv"]]
    {
        let finished = read(&cut, words);
        assert!(finished.stderr.starts_with("warning: "), "{words:?}: {}", finished.stderr);
        let says = "the recording was cut off, or is damaged, at byte";
        assert!(finished.stderr.contains(says), "{words:?}: {}", finished.stderr);
        let whole = read(&recorded, words);
        assert!(whole.stderr.is_empty(), "{words:?}: {}", whole.stderr);
    }
    assert!(!read(&cut, &["show"]).text().contains(" == end "), "the end is not known");
    assert!(read(&cut, &["stats"]).text().contains("cut off"));
}

#[test]
fn a_recording_is_exported_to_each_format() {
    let recorded = record("exported.pvt", &["builtin:flight".as_ref()]);
    let export = |arguments: &[&str]| {
        let file = [OsStr::new("export"), recorded.as_ref()];
        run(file.into_iter().chain(arguments.iter().map(OsStr::new)))
    };
    for (format, begins) in [
        ("perfetto", &[0x0a][..]),
        ("folded", b"imu;_start"),
        ("flamegraph", b"<?xml"),
        ("callgrind", b"# callgrind format"),
        ("drcov", b"DRCOV VERSION"),
        ("csv", b"kind,"),
    ] {
        let finished = export(&["--format", format]);
        assert_eq!(finished.status, Some(0), "{format}: {}", finished.stderr);
        assert!(finished.stdout.starts_with(begins), "{format}: {:?}", &finished.stdout[..20]);
    }
    for (format, begins) in [("covoar", &b"#QEMU-Traces"[..]), ("tenet", b"eax=")] {
        let finished = export(&["--format", format]);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{}", finished.stderr);
        assert!(finished.stderr.contains("choose one of imu, nav, display"), "{}", finished.stderr);
        let finished = export(&["--format", format, "--partition", "nav"]);
        assert_eq!(finished.status, Some(0), "{format}: {}", finished.stderr);
        assert!(finished.stdout.starts_with(begins), "{format}");
    }
    let lines = export(&["--format", "lcov"]);
    assert!(lines.stderr.contains("compile and link the guest with -g"), "{}", lines.stderr);
    let folder = std::env::temp_dir().join(format!("paravane-tables-{}", std::process::id()));
    let finished = export(&["--format", "parquet", "-o", folder.to_str().unwrap()]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    for name in ["instructions.parquet", "accesses.parquet", "events.parquet"] {
        assert!(fs::read(folder.join(name)).unwrap().starts_with(b"PAR1"), "{name}");
    }
    fs::remove_dir_all(&folder).unwrap();
    assert!(export(&["--format", "parquet"]).stderr.contains("name a folder with -o FOLDER"));
    assert!(export(&["--format", "parquet", "-o", "-"]).stderr.contains("name a folder with -o FOLDER"));
    assert_eq!(export(&["--format", "csv", "-o", "-"]).stdout, export(&["--format", "csv"]).stdout);
    let traced = |to: &[&str]| run(["trace", "builtin:hello"].iter().chain(to)).stdout;
    assert_eq!(traced(&["-o", "-"]), traced(&[]));
    assert!(!std::path::Path::new("-").exists());
}

#[test]
fn an_export_of_a_part_says_what_is_missing() {
    let recorded = record("part.pvt", &["builtin:ticker".as_ref()]);
    let arguments = ["--format", "csv", "--only", "calls"].map(OsStr::new);
    let finished = run([OsStr::new("export"), recorded.as_ref()].into_iter().chain(arguments));
    let text = finished.text();
    assert!(text.contains("\ncall,") && text.contains("\nelided,"), "{text}");
    assert!(!text.contains("\ninstruction,"), "{text}");
}
