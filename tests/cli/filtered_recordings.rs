//! Recordings that were made with filters: each command shows the view that is in force, says so, narrows it, or leaves it out.

use super::forged::{change_header, file_of, frames_of};
use super::paravane::{Finished, TemporaryFile, run, sample};
use super::recordings::record;
use hypervisor_core::clock::Rate;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use trace::pvt::{AddressesEnd, FrameKind, Stored, ToldAddress, tell_addresses_and_gaps, tell_steps};

/// Asks something of a file, which stands after the first word.
fn ask(file: &TemporaryFile, words: &[&str]) -> Finished {
    let first = [OsStr::new(words[0]), file.as_ref()];
    run(first.into_iter().chain(words[1..].iter().map(OsStr::new)))
}

/// What it shows; it shows something, and has nothing else to say.
fn show(file: &TemporaryFile, options: &[&str]) -> String {
    let words: Vec<&str> = ["show"].into_iter().chain(options.iter().copied()).collect();
    let finished = ask(file, &words);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""), "{options:?}");
    finished.text()
}

fn trace(guest: &OsStr, options: &[&str]) -> String {
    let first = [OsStr::new("trace"), guest];
    run(first.into_iter().chain(options.iter().map(OsStr::new))).text()
}

fn record_with(guest: &OsStr, options: &[&str]) -> TemporaryFile {
    let words: Vec<&OsStr> = [guest].into_iter().chain(options.iter().map(OsStr::new)).collect();
    record("filtered.pvt", &words)
}

/// Lines of a text that stand in another one, in that order.
fn is_part_of(part: &str, whole: &str) {
    let mut rest = whole.lines();
    for line in part.lines().filter(|line| line.starts_with('#') && !line.contains("== elided")) {
        assert!(rest.any(|other| other == line), "`{line}` is not there, or not in order");
    }
}

#[test]
fn a_recording_with_a_filter_shows_what_a_trace_with_it_would_have_shown() {
    let ticker = sample("ticker");
    let guest = ticker.as_os_str();
    for options in [
        &["--from", "main", "--to", "#400"][..],
        &["--from", "10ms", "--to", "300ms", "--only", "calls,console"],
        &["--at", "on_tick", "--around", "3"],
        &["--at", "#100", "--window", "20"],
        &["--only", "events,upcalls", "--gaps", "total"],
        &["--function", "on_tick", "--callees"],
        &["--address", "main..main+0x20"],
        &["--data", "ticks"],
        &["--class", "call,ret", "--last", "500"],
        &["--last", "300"],
        &["--collapse", "rep,loops", "--to", "#2000"],
    ] {
        let recorded = record_with(guest, options);
        let (shown, traced) = (show(&recorded, &[]), trace(guest, options));
        assert!(shown == traced, "{options:?}\n{shown}");
        assert!(shown.lines().nth(2).is_some_and(|line| line.starts_with("filter --")), "{options:?}");
        assert_eq!(run([OsStr::new("trace"), recorded.as_ref()]).text(), traced, "{options:?}");
        assert!(show(&recorded, &["--unfiltered"]) == trace(guest, &[]), "{options:?}");
        assert_eq!(ask(&recorded, &["verify"]).status, Some(0), "{options:?}");
    }
    let system = OsStr::new("builtin:irq");
    for options in [
        &["--partition", "worker", "--from", "worker:main", "--to", "worker:#130"][..],
        &["--partition", "worker", "--partition", "driver", "--only", "events"],
        &["--at", "worker:main"],
    ] {
        let recorded = record_with(system, options);
        assert!(show(&recorded, &[]) == trace(system, options), "{options:?}");
        assert!(show(&recorded, &["--unfiltered"]) == trace(system, &[]), "{options:?}");
    }
}

#[test]
fn a_tree_of_calls_is_of_the_filter_in_force_too() {
    let ticker = sample("ticker");
    let guest = ticker.as_os_str();
    for (stored, given) in [
        (&["--function", "on_tick"][..], &[][..]),
        (&["--last", "40"], &[]),
        (&["--from", "main"], &["--data", "ticks"]),
        (&["--from", "400ms"], &["--only", "functions,calls"]),
    ] {
        let recorded = record_with(guest, stored);
        let all: Vec<&str> = stored.iter().chain(given).copied().chain(["--calls"]).collect();
        let given: Vec<&str> = given.iter().copied().chain(["--calls"]).collect();
        assert!(show(&recorded, &given) == trace(guest, &all), "{stored:?} {given:?}");
    }
    for (stored, given, says) in [
        (["--only", "calls"], ["--only", "marks"], "--only: "),
        (["--last", "40"], ["--only", "marks"], "--calls: "),
    ] {
        let recorded = record_with(guest, &stored);
        let finished = ask(&recorded, &["show", "--calls", given[0], given[1]]);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains(says) && finished.stderr.contains("add --unfiltered"),
            "{finished:?}"
        );
    }
}

#[test]
fn filters_that_are_given_choose_of_what_those_of_the_recording_leave() {
    let ticker = sample("ticker");
    let guest = ticker.as_os_str();
    for (stored, given, lines) in [
        // The trigger is an instruction, which the recording does not show.
        (&["--only", "calls,console"][..], &["--from", "on_tick"][..], 300),
        (&["--from", "200ms"], &["--to", "500ms", "--only", "upcalls"], 6),
        (
            &["--from", "main", "--to", "600ms"],
            &["--from", "100ms", "--to", "900ms", "--only", "marks,upcalls"],
            10,
        ),
        (&["--function", "pv_dispatch_events", "--callees"], &["--data", "ticks"], 100),
        (&["--last", "100"], &["--only", "calls"], 1),
        (&["--last", "1000", "--class", "call"], &["--last", "5"], 5),
        (&["--at", "on_tick", "--around", "5"], &["--only", "writes"], 100),
        (&["--only", "calls"], &["--at", "#2000", "--window", "3000"], 3),
    ] {
        let recorded = record_with(guest, stored);
        let (view, part) = (show(&recorded, &[]), show(&recorded, given));
        is_part_of(&part, &view);
        let count = part.lines().filter(|line| line.starts_with('#') && !line.contains("== elided")).count();
        assert!(count >= lines, "{stored:?} {given:?}: {count} lines\n{part}");
        assert!(count < view.lines().count(), "{stored:?} {given:?}");
        let heads = part.lines().filter(|line| line.starts_with("filter ")).count();
        assert_eq!(heads, 2, "{stored:?} {given:?}");
        // And nothing is missing that both want.
        if !stored.contains(&"--last") && !given.contains(&"--window") && !stored.contains(&"--callees") {
            let both = show(&recorded, &[&["--unfiltered"], given].concat());
            let records = |text: &str| {
                let lines = text.lines().filter(|line| line.starts_with('#') && !line.contains("== elided"));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            let (of_view, of_given) = (records(&view), records(&both));
            let expected: Vec<&String> = of_view.iter().filter(|line| of_given.contains(line)).collect();
            assert_eq!(records(&part).iter().collect::<Vec<_>>(), expected, "{stored:?} {given:?}");
        }
    }
    let recorded = record_with(guest, &["--at", "on_tick"]);
    let finished = ask(&recorded, &["show", "--at", "main"]);
    assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{}", finished.stderr);
    assert!(finished.stderr.contains("was recorded with `--at on_tick`"), "{}", finished.stderr);
}

#[test]
fn a_view_in_which_nothing_is_says_which_filter_leaves_it_out() {
    let recorded = record_with(sample("ticker").as_os_str(), &["--only", "marks"]);
    for (given, says) in [
        (&[][..], "the filter matched nothing: --only marks"),
        (&["--only", "console"], "the filter matched nothing: --only console"),
        (&["--from", "mark:9"], "`--from mark:9` never happened"),
    ] {
        let words: Vec<&str> = ["show"].into_iter().chain(given.iter().copied()).collect();
        let finished = ask(&recorded, &words);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(0), 1), "{}", finished.stderr);
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
        assert!(finished.stderr.contains("--unfiltered leaves them out"), "{}", finished.stderr);
    }
}

#[test]
fn what_describes_a_recording_tells_its_filters() {
    let options = ["--only", "calls,console", "--from", "main"];
    let recorded = record_with(sample("ticker").as_os_str(), &options);
    let stats = ask(&recorded, &["stats"]);
    let line = "Filters in force when it is shown: --from=main --only=calls,console\n";
    assert!(stats.text().contains(line), "{}", stats.text());
    let json: serde_json::Value =
        serde_json::from_slice(&ask(&recorded, &["stats", "--json"]).stdout).unwrap();
    assert_eq!(json["filters"], serde_json::json!(["--from=main", "--only=calls,console"]));
    let report = ask(&recorded, &["report"]);
    assert!(report.text().contains("--only=calls,console"));
    // What is counted and asked is the run.
    let whole = record_with(sample("ticker").as_os_str(), &[]);
    assert!(!ask(&whole, &["stats"]).text().contains("Filters"));
    for words in [&["query", "who-wrote", "ticks"][..], &["query", "first-visit", "on_tick"]] {
        assert_eq!(ask(&recorded, words).text(), ask(&whole, words).text());
    }
    let of = |file: &TemporaryFile| {
        let text = ask(file, &["stats"]).text();
        text[text.find("\nPartition").unwrap()..].to_owned()
    };
    assert_eq!(of(&recorded), of(&whole));
}

#[test]
fn an_export_is_of_the_view() {
    let recorded = record_with(sample("ticker").as_os_str(), &["--only", "calls", "--last", "100"]);
    let rows = |options: &[&str], kind: &str| {
        let words = [&["export", "--format", "csv"], options].concat();
        let finished = ask(&recorded, &words);
        assert_eq!(finished.status, Some(0), "{}", finished.stderr);
        finished.text().lines().filter(|line| line.starts_with(kind)).count()
    };
    assert_eq!((rows(&[], "call,"), rows(&[], "instruction,")), (100, 0));
    assert!(rows(&["--to", "30s"], "call,") < 100);
    assert!(rows(&["--unfiltered"], "call,") > 800 && rows(&["--unfiltered"], "instruction,") > 40_000);
    assert_eq!(rows(&["--unfiltered", "--only", "calls", "--last", "7"], "call,"), 7);
}

#[test]
fn runs_are_compared_as_they_were_recorded_to_be_shown() {
    let guest = sample("hello");
    let guest = guest.as_os_str();
    let [all, world] = [&[][..], &["--arg", "world"]].map(|options| record_with(guest, options));
    let calls = record_with(guest, &["--only", "events"]);
    let early = record_with(guest, &["--to", "#100", "--arg", "world"]);
    let diff = |first: &TemporaryFile, second: &OsStr, options: &[&str]| {
        let words: Vec<&OsStr> = ["diff".as_ref(), first.as_ref(), second].to_vec();
        run(words.into_iter().chain(options.iter().map(OsStr::new)))
    };
    assert_eq!(diff(&all, world.as_ref(), &[]).status, Some(1));
    // They part after that.
    let alike = diff(&early, all.as_ref(), &[]);
    assert_eq!(alike.status, Some(0), "{}{}", alike.text(), alike.stderr);
    assert!(
        alike.text().contains("\nCompared is what was recorded to be shown: --to=#100\n"),
        "{}",
        alike.text()
    );
    assert_eq!(diff(&early, guest, &["--arg", "moon"]).status, Some(0));
    assert_eq!(diff(&early, all.as_ref(), &["--unfiltered"]).status, Some(1));
    for (second, says) in [
        (record_with(guest, &["--to", "#90"]), "with `--to=#100`, and "),
        (record_with(guest, &["--last", "90"]), "was recorded with `--last`"),
    ] {
        let finished = diff(&early, second.as_ref(), &[]);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains(says) && finished.stderr.contains("add --unfiltered"),
            "{finished:?}"
        );
        assert_eq!(diff(&early, second.as_ref(), &["--unfiltered"]).status, Some(1));
    }
    let nothing = diff(&calls, guest, &["--only", "marks"]);
    assert!(nothing.stderr.contains("nothing was compared"), "{}", nothing.stderr);
}

#[test]
fn what_no_recording_can_hold_is_refused_before_the_run() {
    for (options, says) in [
        (&["--from", "nowhere"][..], "--from: "),
        (&["--only", "cals"], "did you mean `calls`?"),
        (&["--last", "2M"], "a recording holds --last 1_000_000 at most"),
        (&["--calls"], "leave --calls out, and show the file with it"),
        (&["--source", "--only", "calls"], "leave --source out, and show the file with it"),
    ] {
        let file = TemporaryFile::new("never.pvt", b"");
        let words = ["trace", "--format", "pvt", "builtin:hello", "-o"].map(OsStr::new);
        let finished = run(words.into_iter().chain([file.as_ref()]).chain(options.iter().map(OsStr::new)));
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{}", finished.stderr);
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
        assert!(file.contents().is_empty(), "{options:?}: nothing was written");
    }
}

#[test]
fn filters_in_a_header_are_not_trusted() {
    let recorded = record_with(sample("hello").as_os_str(), &["--only", "calls"]);
    let long = "x".repeat(5000);
    let many = vec!["--only=calls"; 65];
    for (words, says) in [
        (&["--frobnicate=7"][..], "unexpected argument '--frobnicate' found"),
        (&["--only"], "a value is required for '--only"),
        (&["builtin:irq"], "unexpected argument 'builtin:irq' found"),
        (&["--only=calls\u{1b}[31m\n"], "calls?[31m?"),
        (&["--from=nowhere"], "nowhere"),
        (&["--partition=nav"], "--partition"),
        (&["--last=4000000"], "a recording holds --last 1_000_000 at most"),
        (&["--last=99999999999999999999999"], "--last"),
        (&["--at=main", "--around=4000000"], "--around"),
        (&["--from=main", "--from=main"], "cannot be used multiple times"),
        (&["--help"], "unexpected argument '--help' found"),
        (&["--unfiltered"], "unexpected argument '--unfiltered' found"),
        (&["@/etc/passwd"], "unexpected argument"),
        (&[&long], "more filters than a recording holds"),
        (&many, "more filters than a recording holds"),
    ] {
        let mut frames = frames_of(&recorded);
        change_header(&mut frames, |header| {
            header.filters = words.iter().map(|word| (*word).to_owned()).collect();
            header.writer = "paravane 9.9".to_owned();
        });
        let forged = TemporaryFile::new("forged.pvt", &file_of(&frames));
        let too_many = says.contains("more filters");
        for command in [&["show"][..], &["export", "--format", "csv"], &["diff", "builtin:hello"]] {
            let finished = ask(&forged, command);
            assert_eq!(
                (finished.status, finished.stderr.lines().count()),
                (Some(125), 1),
                "{words:?}: {finished:?}"
            );
            assert!(finished.stderr.contains(says), "{words:?}: {}", finished.stderr);
            assert!(!finished.stderr.contains('\u{1b}'), "{}", finished.stderr);
            assert!(too_many || finished.stderr.contains("--unfiltered"), "{words:?}: {}", finished.stderr);
            let whole = ask(&forged, &[command, &["--unfiltered"]].concat());
            assert_eq!(whole.status == Some(0), !too_many, "{words:?}: {}", whole.stderr);
        }
        let stats = ask(&forged, &["stats"]);
        assert_eq!(stats.status == Some(0), !too_many, "{words:?}: {}", stats.stderr);
        assert!(!stats.text().contains('\u{1b}'), "{}", stats.text());
    }
}

/// The record kinds of the frames that hold instructions: how many are told, and what is said to be missing.
fn stored_of(file: &TemporaryFile, kind: FrameKind) -> (u64, u64) {
    let (mut told, mut missing) = (0, 0);
    for frame in frames_of(file).iter().filter(|frame| frame.kind == kind) {
        if kind == FrameKind::Instructions {
            assert!(tell_steps(&frame.raw, Rate::default(), 3, |_, stored| {
                match stored {
                    Stored::Step(_) => told += 1,
                    Stored::Elision(elision) => missing += elision.instructions,
                    Stored::Registers(_) => {}
                }
                ControlFlow::Continue(())
            }));
        } else {
            let end = tell_addresses_and_gaps(&frame.raw, Rate::default(), 3, |_, address| {
                match address {
                    ToldAddress::Instruction(..) => told += 1,
                    ToldAddress::Elision(elision) => missing += elision.instructions,
                }
                ControlFlow::Continue(())
            });
            assert_eq!(end, AddressesEnd::Complete);
        }
    }
    (told, missing)
}

#[test]
fn a_filter_decides_which_instructions_are_stored_and_the_others_are_announced() {
    let ticker = sample("ticker");
    let guest = ticker.as_os_str();
    for (detail, kind) in [("stored", FrameKind::Instructions), ("addresses", FrameKind::Addresses)] {
        let all = stored_of(&record_with(guest, &["--detail", detail]), kind);
        assert!(all.0 > 40_000 && all.1 == 0, "{all:?}");
        for options in [
            &["--function", "on_tick"][..],
            &["--from", "10ms", "--to", "300ms"],
            &["--data", "ticks"],
            &["--class", "call", "--only", "instructions"],
            &["--collapse", "rep,loops"],
            &["--at", "#200", "--window", "30"],
        ] {
            let words = [&["--detail", detail], options].concat();
            let recorded = record_with(guest, &words);
            let (told, missing) = stored_of(&recorded, kind);
            assert!(told > 0 && told < all.0, "{words:?}: {told}");
            assert_eq!(told + missing, all.0, "{words:?}");
            let verified = ask(&recorded, &["verify"]);
            assert_eq!(verified.status, Some(0), "{words:?}: {}", verified.stderr);
            assert!(verified.text().contains(" stored instruction"), "{}", verified.text());
            assert!(show(&recorded, &[]) == trace(guest, options), "{words:?}");
            assert!(show(&recorded, &["--unfiltered"]) == trace(guest, &[]), "{words:?}");
        }
        // As many as are in the text.
        let recorded =
            record_with(guest, &["--detail", detail, "--function", "on_tick", "--only", "instructions"]);
        let lines = show(&recorded, &[]);
        let lines = lines.lines().filter(|line| line.starts_with('#') && !line.contains(" == ")).count();
        assert_eq!(stored_of(&recorded, kind).0, lines as u64);
    }
    let system = record_with("builtin:irq".as_ref(), &["--detail", "stored", "--partition", "worker"]);
    assert_eq!(ask(&system, &["verify"]).status, Some(0));
    assert_eq!(
        stored_of(&system, FrameKind::Instructions).1,
        0,
        "the header says that the other one is not there"
    );
}

#[test]
fn an_announcement_that_is_wrong_is_found() {
    let ticker = sample("ticker");
    for (detail, kind) in [("stored", FrameKind::Instructions), ("addresses", FrameKind::Addresses)] {
        let recorded = record_with(ticker.as_os_str(), &["--detail", detail, "--function", "on_tick"]);
        let good = frames_of(&recorded);
        let place = good.iter().position(|frame| frame.kind == kind).expect("such a frame");
        let mut wrong = 0;
        for byte in 0..good[place].raw.len().min(80) {
            let mut frames = good.clone();
            frames[place].raw[byte] ^= 1;
            let forged = TemporaryFile::new("forged.pvt", &file_of(&frames));
            let finished = ask(&forged, &["verify"]);
            assert_eq!(
                (finished.status, finished.stderr.lines().count()),
                (Some(125), 1),
                "{byte}: {finished:?}"
            );
            assert!(!finished.stderr.contains("this is a bug"), "{byte}: {finished:?}");
            wrong += 1;
        }
        assert!(wrong > 40, "{wrong}");
        // And another filter than the one with which it was stored.
        let mut frames = good;
        change_header(&mut frames, |header| header.filters = vec!["--function=main".to_owned()]);
        let forged = TemporaryFile::new("forged.pvt", &file_of(&frames));
        let finished = ask(&forged, &["verify"]);
        assert_eq!(finished.status, Some(125), "{finished:?}");
        assert!(finished.stderr.contains("running again makes "), "{}", finished.stderr);
    }
}

#[test]
fn a_filter_that_is_known_too_late_or_leaves_no_instructions_does_not_go_with_detail() {
    for (options, says) in [
        (["--last", "100"], "--last chooses what has run already"),
        (["--at", "main"], "--at chooses what has run already"),
        (["--only", "calls"], "--only leaves no instructions"),
    ] {
        for detail in ["stored", "addresses"] {
            let words = ["trace", "--format", "pvt", "-o", "/dev/null", "--detail", detail, "builtin:hello"];
            let finished = run(words.iter().chain(&options));
            assert_eq!(
                (finished.status, finished.stderr.lines().count()),
                (Some(125), 1),
                "{}",
                finished.stderr
            );
            assert!(finished.stderr.contains(says), "{}", finished.stderr);
        }
    }
}
