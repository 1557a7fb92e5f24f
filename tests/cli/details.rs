//! `--detail` of a recording: each is read by each command as if it held no instructions, and what it holds is verified.

use super::forged::{Frame, file_of, frames_of, place_of};
use super::paravane::{Finished, TemporaryFile, run, sample};
use super::recordings::record;
use std::ffi::OsStr;
use trace::pvt::FrameKind;

/// What is done to the content of a frame.
type Change = fn(&mut Vec<u8>);

const DETAILS: [&str; 3] = ["full", "addresses", "stored"];

/// A recording of each detail.
fn each(subject: &str) -> [TemporaryFile; 3] {
    DETAILS.map(|detail| {
        let words = ["--detail", detail, "--max-instructions", "30000", subject].map(OsStr::new);
        record(&format!("{detail}.pvt"), &words)
    })
}

/// The recordings whose frames hold instructions, and what those are.
fn with_instructions(subject: &str) -> [(TemporaryFile, FrameKind); 2] {
    let [_, addresses, stored] = each(subject);
    [(addresses, FrameKind::Addresses), (stored, FrameKind::Instructions)]
}

/// Runs `command FILE OPTIONS`.
fn ask(words: &[&str], file: &TemporaryFile) -> Finished {
    let (command, options) = words.split_first().expect("a command");
    let words = [OsStr::new(command), file.as_ref()];
    run(words.into_iter().chain(options.iter().map(OsStr::new)))
}

/// The first line on stderr of a recording that is refused.
fn refused(command: &str, file: &TemporaryFile) -> String {
    let finished = ask(&[command], file);
    assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{}", finished.stderr);
    finished.stderr
}

#[test]
fn each_detail_is_shown_queried_and_exported_the_same() {
    let lazy_fpu = sample("lazy_fpu");
    for subject in [lazy_fpu.to_str().expect("a path"), "builtin:irq", "builtin:flight"] {
        let [full, addresses, stored] = each(subject);
        let (at, partition): (&str, &[&str]) = match subject {
            "builtin:irq" => ("worker:#300", &["--partition", "worker"]),
            "builtin:flight" => ("nav:#300", &["--partition", "nav"]),
            _ => ("#300", &[]),
        };
        for words in [
            &["show"][..],
            &["show", "--calls"],
            &["show", "--at", at, "--window", "20"],
            &["show", "--only", "calls,events"],
            &[&["query", "first-visit", "_start"], partition].concat(),
            &["export", "--format", "csv"],
            &["export", "--format", "perfetto"],
            &["stats", "--functions", "3"],
        ] {
            let [full, addresses, stored] = [&full, &addresses, &stored].map(|file| ask(words, file));
            assert_eq!(full.status, Some(0), "{subject} {words:?}: {}", full.stderr);
            let told = if words[0] == "stats" { after_file } else { Finished::text };
            assert!(told(&full).len() > 20, "{subject} {words:?}: {}", full.text());
            for other in [addresses, stored] {
                assert_eq!(other.status, full.status, "{subject} {words:?}: {}", other.stderr);
                assert!(told(&other) == told(&full), "{subject} {words:?}");
            }
        }
        for (a, b) in [(&full, &addresses), (&addresses, &stored), (&stored, &full)] {
            let finished = run([OsStr::new("diff"), a.as_ref(), b.as_ref()]);
            assert_eq!(finished.status, Some(0), "{subject}: {}{}", finished.text(), finished.stderr);
        }
    }
}

/// The statistics of the run: those of the file differ.
fn after_file(finished: &Finished) -> String {
    let text = finished.text();
    text.split_once("\nRun\n").map(|(_, run)| run.to_owned()).expect("statistics of the run")
}

#[test]
fn each_detail_holds_more_and_is_verified_to_be_what_ran() {
    let files = each("builtin:irq");
    let lengths = files.each_ref().map(|file| file.contents().len());
    assert!(lengths.is_sorted() && lengths[0] < lengths[1] && lengths[1] < lengths[2], "{lengths:?}");
    // Most of its instructions run again and again: a tenth of a byte each, and less than two.
    assert!(lengths[1] - lengths[0] < 3_000 && lengths[2] - lengths[0] < 60_000, "{lengths:?}");
    for (file, stored) in
        files.iter().zip(["", "30_000 stored instructions, ", "30_000 stored instructions, "])
    {
        let finished = ask(&["verify"], file);
        assert_eq!(finished.status, Some(0), "{}", finished.stderr);
        let line = finished.text();
        assert!(line.contains(&format!("0 keyframes, {stored}30_000 instructions run again")), "{line}");
    }
    let [full, addresses, stored] = files.map(|file| ask(&["stats"], &file).text());
    let rows = |text: &str| {
        let named = |line: &&str| {
            ["addresses", "instructions"].contains(&line.split_whitespace().next().unwrap_or(""))
        };
        text.lines().take_while(|line| *line != "Run").filter(named).count()
    };
    assert_eq!([&full, &addresses, &stored].map(|text| rows(text)), [0, 1, 1]);
}

#[test]
fn a_detail_is_of_a_new_recording() {
    let recorded = record("hello.pvt", &["builtin:hello".as_ref()]);
    for subject in [OsStr::new("builtin:hello"), recorded.as_ref()] {
        let finished = run(["trace", "--detail", "addresses"].map(OsStr::new).into_iter().chain([subject]));
        assert_eq!(finished.status, Some(125));
        let says =
            "paravane: --detail says what a trace file holds: give --format pvt, too, or leave it out\n";
        assert_eq!((finished.stderr.as_str(), finished.stdout.len()), (says, 0));
    }
    let finished = run(["trace", "--format", "pvt", "--detail", "all", "-o", "x.pvt", "builtin:hello"]);
    assert_eq!(finished.status, Some(125));
    assert!(finished.stderr.contains("[possible values: full, addresses, stored]"), "{}", finished.stderr);
    let words = ["trace", "--format", "pvt", "--detail", "stored", "-o", "x.pvt"].map(OsStr::new);
    let finished = run(words.into_iter().chain([recorded.as_ref()]));
    assert_eq!(finished.status, Some(125));
    assert!(finished.stderr.contains("is a recorded run already: copy it"), "{}", finished.stderr);
}

#[test]
fn verify_finds_instructions_that_were_changed_however_right_the_digests_are() {
    let end = |raw: &mut Vec<u8>| raw.truncate(raw.len() - 1);
    let more = |raw: &mut Vec<u8>| raw.push(9);
    let nothing = |raw: &mut Vec<u8>| raw.clear();
    // XOR EBP, EBP, the first instruction of each guest, becomes another one.
    let other = |raw: &mut Vec<u8>| {
        let place = raw.windows(2).position(|bytes| bytes == [0x31, 0xed]).expect("the code of _start");
        raw[place] = 0x33;
    };
    let damaged = "cannot be understood";
    let differs = "instructions than were recorded, in partition 0 at instruction #0";
    for (file, kind) in with_instructions("builtin:irq") {
        let frames = frames_of(&file);
        let place = place_of(&frames, kind);
        let changes: [(Change, &str); 4] = [(end, damaged), (more, damaged), (nothing, ""), (other, differs)];
        for (change, says) in changes {
            let mut frames: Vec<Frame> = frames.clone();
            change(&mut frames[place].raw);
            let changed = TemporaryFile::new("changed.pvt", &file_of(&frames));
            let line = refused("verify", &changed);
            assert!(line.contains(says), "{kind:?}: {line}");
            // What is shown is made by running again.
            assert!(ask(&["show"], &changed).stdout == ask(&["show"], &file).stdout, "{kind:?}");
        }
        let mut missing = frames.clone();
        missing.remove(place);
        let line = refused("verify", &TemporaryFile::new("missing.pvt", &file_of(&missing)));
        assert!(line.contains("more instructions than were recorded"), "{kind:?}: {line}");
    }
}

#[test]
fn a_bit_that_is_flipped_in_stored_instructions_is_found_by_its_digest() {
    for (file, kind) in with_instructions("builtin:irq") {
        let mut bytes = file.contents();
        let tag: &[u8] = if kind == FrameKind::Addresses { b"ADDR" } else { b"INST" };
        let head = bytes.windows(4).position(|window| window == tag).expect("a frame");
        // Behind the head.
        bytes[head + 48 + 20] ^= 0x10;
        let line = refused("verify", &TemporaryFile::new("flipped.pvt", &bytes));
        assert!(line.contains("damaged"), "{kind:?}: {line}");
    }
}

#[test]
fn instructions_that_were_cut_off_are_verified_up_to_the_cut() {
    for (file, kind) in with_instructions("builtin:irq") {
        let bytes = file.contents();
        let tag: &[u8] = if kind == FrameKind::Addresses { b"ADDR" } else { b"INST" };
        let head = bytes.windows(4).position(|window| window == tag).expect("a frame") - 8;
        let length = u32::from_le_bytes(bytes[head + 12..head + 16].try_into().expect("four bytes")) as usize;
        for (end, stored) in
            [(head + 56 + length / 2, ""), (head + 56 + length, "30_000 stored instructions, ")]
        {
            let cut = TemporaryFile::new("cut.pvt", &bytes[..end]);
            let finished = ask(&["verify"], &cut);
            assert_eq!(finished.status, Some(1), "{kind:?}: {}", finished.stderr);
            let line = finished.text();
            assert!(line.contains("the end of the run is not in it"), "{kind:?}: {line}");
            let said = format!("0 keyframes, {stored}");
            assert!(
                line.contains(&said) && (!stored.is_empty() || !line.contains("stored")),
                "{kind:?}: {line}"
            );
        }
    }
}
