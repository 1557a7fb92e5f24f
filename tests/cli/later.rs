//! A recording that is shown from an instant on is run again from a keyframe, and shows what a trace of the whole run shows.

use super::elf::{ElfFile, call};
use super::paravane::{TemporaryFile, run, sample};
use hypervisor_core::abi::Call;
use recording::{Files, Filters, Full, GuestOptions, Subject, Unattended, record};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Records a run with a keyframe after so many units.
fn record_with_keyframes(path: &Path, every: u64) -> TemporaryFile {
    record_with_filters(path, every, &[])
}

/// The same, with filters in its header.
fn record_with_filters(path: &Path, every: u64, words: &[&str]) -> TemporaryFile {
    let file = TemporaryFile::new("close.pvt", b"");
    let subject = Subject::open(path, GuestOptions::default(), Files::default());
    let subject = subject.unwrap_or_else(|error| panic!("{error}"));
    let out = Box::new(File::create(AsRef::<OsStr>::as_ref(&file)).unwrap());
    // As they stand in a header: a word for each option.
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        match joined.last_mut().filter(|_| !word.starts_with("--")) {
            Some(option) => *option += &format!("={word}"),
            None => joined.push((*word).to_owned()),
        }
    }
    let words = joined;
    let filters = Filters { words, choice: None };
    let run = Unattended { keyframe_units: Some(every), filters, ..Unattended::default() };
    record::<Full>(out, &subject, &run).unwrap_or_else(|error| panic!("{error}"));
    file
}

fn system(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/systems").join(format!("{name}.toml"))
}

fn guests() -> Vec<PathBuf> {
    let guests = ["page_fault", "ticker"].map(sample);
    guests.into_iter().chain(["flight", "guard"].map(system)).collect()
}

/// What a command says with these options.
fn text(command: &str, file: &OsStr, options: &[&str]) -> String {
    let arguments = [OsStr::new(command), file];
    let finished = run(arguments.into_iter().chain(options.iter().map(OsStr::new)));
    assert!(finished.status.is_some_and(|status| status != 125), "{options:?}: {}", finished.stderr);
    finished.text()
}

/// Numbers, with their partition, and times of instructions here and there in a run.
fn instants(whole: &str) -> Vec<String> {
    let lines: Vec<&str> =
        whole.lines().filter(|line| line.contains('#') && !line.contains(" == ")).collect();
    let mut instants = Vec::new();
    for tenth in [5, 9] {
        let mut words = lines[lines.len() * tenth / 10].split_whitespace().peekable();
        let partition = words.next_if(|word| !word.starts_with('#'));
        let number = words.next().unwrap();
        let seconds = words.next().unwrap();
        instants
            .push(partition.map_or_else(|| number.to_owned(), |partition| format!("{partition}:{number}")));
        let nanoseconds: u64 = seconds.replace('.', "").parse().unwrap();
        instants.push(format!("{nanoseconds}ns"));
    }
    instants
}

#[test]
fn what_is_shown_from_an_instant_on_is_what_a_trace_of_the_whole_run_shows() {
    for guest in guests() {
        let file = record_with_keyframes(&guest, 700);
        let whole = text("show", file.as_ref(), &[]);
        assert!(whole == text("trace", guest.as_ref(), &[]), "{}", guest.display());
        for instant in instants(&whole) {
            for options in [
                &["--from", &instant][..],
                &["--from", &instant, "--gaps", "total", "--only", "writes,calls,upcalls"],
                &["--from", &instant, "--last", "50"],
                &["--from", &instant, "--at", "trap:14", "--around", "3"],
                &["--at", &instant],
                &["--at", &instant, "--around", "900"],
                &["--calls", "--from", &instant],
            ] {
                let shown = text("show", file.as_ref(), options);
                let traced = text("trace", guest.as_ref(), options);
                assert!(shown == traced, "{} {options:?}\n{shown}\n\n{traced}", guest.display());
            }
        }
    }
}

/// A guest that stops its own trace and starts it again, and what it does meanwhile. It has 64 instructions.
fn stops_its_trace() -> TemporaryFile {
    let mut code = vec![0x90; 20];
    code.extend(call(Call::TraceMark, 7, 1));
    code.extend(call(Call::TraceStop, 0, 0));
    code.extend(vec![0x90; 20]);
    code.extend(call(Call::TraceStart, 0, 0));
    code.extend(vec![0x90; 8]);
    code.extend(call(Call::Shutdown, 9, 0));
    TemporaryFile::new("stops.elf", &ElfFile::guest(&code).bytes())
}

/// Every way to choose a part of a run by its instants, with some that choose by kind.
fn parts(instants: &[String], partition: Option<&str>) -> Vec<Vec<String>> {
    let words = |words: &[&str]| -> Vec<String> { words.iter().map(ToString::to_string).collect() };
    let mut ends = vec![Vec::new()];
    for instant in instants.iter().map(String::as_str).chain(["mark:7", "trap:14"]) {
        ends.push(words(&["--from", instant]));
        ends.push(words(&["--to", instant]));
        for around in ["0", "3", "900"] {
            ends.push(words(&["--at", instant, "--around", around]));
        }
        for length in ["1", "40"] {
            ends.push(words(&["--at", instant, "--window", length]));
        }
    }
    for (place, from) in instants.iter().enumerate() {
        for to in &instants[place + 1..] {
            ends.push(words(&["--from", from, "--to", to]));
            ends.push(words(&["--from", from, "--at", to, "--around", "3"]));
            ends.push(words(&["--to", to, "--at", from]));
        }
    }
    let kinds: [&[&str]; 5] = [
        &[],
        &["--only", "calls,upcalls"],
        &["--only", "writes,tracing"],
        &["--gaps", "total"],
        &["--last", "9"],
    ];
    let mut parts = Vec::new();
    for (number, end) in ends.iter().enumerate() {
        // With each of them some kinds, in turn.
        for kinds in [kinds[0], kinds[1 + number % 4]] {
            let is_window = end.iter().any(|word| word == "--window");
            if !(is_window && kinds.contains(&"--last")) {
                let mut part = [end.clone(), words(kinds)].concat();
                part.extend(
                    partition
                        .filter(|_| number % 3 == 1)
                        .iter()
                        .flat_map(|name| words(&["--partition", name])),
                );
                parts.push(part);
            }
        }
    }
    parts
}

fn as_words(part: &[String]) -> Vec<&str> {
    part.iter().map(String::as_str).collect()
}

#[test]
fn a_part_of_a_recorded_run_is_shown_as_a_trace_of_it_to_the_last_line() {
    let stops = stops_its_trace();
    let stops_path = Path::new(AsRef::<OsStr>::as_ref(&stops)).to_path_buf();
    for (number, guest) in guests().into_iter().chain([stops_path]).enumerate() {
        let every = if guest.to_string_lossy().contains("stops") { 10 } else { 700 };
        let file = record_with_keyframes(&guest, every);
        let whole = text("show", file.as_ref(), &[]);
        let mut instants = instants(&whole);
        instants.sort_by_key(|instant| !instant.contains('#'));
        let partition = instants[0].split_once(':').map(|(partition, _)| partition.to_owned());
        // Each guest has other ones, so that all have them together.
        for part in parts(&instants, partition.as_deref()).iter().skip(number).step_by(5) {
            let options = as_words(part);
            let of = |command, file: &OsStr| {
                let arguments = [OsStr::new(command), file];
                run(arguments.into_iter().chain(options.iter().map(OsStr::new)))
            };
            let (shown, traced) = (of("show", file.as_ref()), of("trace", guest.as_ref()));
            assert!(
                shown.stdout == traced.stdout,
                "{} {options:?}\n{}{}\n\n{}",
                guest.display(),
                shown.stderr,
                shown.text(),
                traced.text()
            );
        }
    }
}

#[test]
fn a_recording_with_filters_is_shown_from_a_keyframe_as_from_its_start() {
    for (guest, numbers, names) in [
        (sample("ticker"), ["#9000", "#20000", "#30000"], ["main", "on_tick"]),
        (system("flight"), ["nav:#1300", "nav:#1500", "display:#1500"], ["nav:main", "nav:main"]),
    ] {
        let [first, second, third] = numbers;
        let stored: [&[&str]; 9] = [
            &["--only", "calls,upcalls,console"],
            &["--from", first],
            &["--from", "5ms", "--to", third],
            &["--from", "5ms", "--to", "60ms"],
            &["--to", second, "--only", "writes"],
            &["--from", names[1], "--class", "call,ret"],
            &["--function", "main", "--callees"],
            &["--from", first, "--function", "main", "--callees"],
            &["--at", second, "--window", "900"],
        ];
        let given: [&[&str]; 8] = [
            &[],
            &["--from", second],
            &["--from", "7ms", "--to", third],
            &["--to", second],
            &["--at", second, "--around", "30"],
            &["--at", third, "--window", "50"],
            &["--from", names[0], "--at", second],
            &["--only", "calls"],
        ];
        for stored in stored {
            let words: Vec<&OsStr> =
                [guest.as_os_str()].into_iter().chain(stored.iter().map(OsStr::new)).collect();
            let whole = super::recordings::record("stored.pvt", &words);
            let parted = record_with_filters(&guest, 700, stored);
            for given in given {
                let of = |file: &TemporaryFile| {
                    let first = [OsStr::new("show"), file.as_ref()];
                    run(first.into_iter().chain(given.iter().map(OsStr::new)))
                };
                let (from_start, from_keyframe) = (of(&whole), of(&parted));
                assert!(
                    from_start.stdout == from_keyframe.stdout,
                    "{} {stored:?} {given:?}\n{}{}\n\n{}",
                    guest.display(),
                    from_keyframe.stderr,
                    from_keyframe.text(),
                    from_start.text()
                );
            }
        }
    }
}

#[test]
fn what_is_damaged_behind_a_part_does_not_keep_it_from_being_shown() {
    let ticker = sample("ticker");
    let file = record_with_keyframes(&ticker, 700);
    let options = ["--to", "#30"];
    let whole = text("show", file.as_ref(), &options);
    let bytes = file.contents();
    let mut refused = 0;
    for part in 4..8 {
        let mut damaged = bytes.clone();
        damaged[bytes.len() * part / 8] ^= 0x55;
        let damaged = TemporaryFile::new("damaged.pvt", &damaged);
        assert!(text("show", damaged.as_ref(), &options) == whole, "{part}/8");
        refused += usize::from(run([OsStr::new("verify"), damaged.as_ref()]).status == Some(125));
    }
    assert!(refused > 0, "nothing was damaged that anybody reads");
}
