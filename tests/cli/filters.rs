//! What of a run is traced: each option that chooses, what is told of the rest, and what a wrong word is answered with.

use super::elf::{CODE, ElfFile, call};
use super::paravane::{Finished, TemporaryFile, run, sample};
use hypervisor_core::abi::Call;
use std::ffi::OsStr;

const DATA: u32 = CODE + 0x1000;

/// A REP of 20 iterations from #3 on, a loop of 10 turns from #24 on, mark 7 by #47, a trace that is stopped by #51 and
/// started by #57, a load and an increment of `DATA` as #58 and #59, and the end with code 9 by #63.
fn guest() -> TemporaryFile {
    let mut code = vec![0xb9, 20, 0, 0, 0, 0xbf]; // mov ecx, 20; mov edi, DATA
    code.extend(DATA.to_le_bytes());
    code.extend([0x31, 0xc0, 0xf3, 0xaa]); // xor eax, eax; rep stosb
    code.extend([0xb9, 10, 0, 0, 0, 0x49, 0x75, 0xfd]); // mov ecx, 10; dec ecx; jnz
    code.extend(call(Call::TraceMark, 7, 1));
    code.extend(call(Call::TraceStop, 0, 0));
    code.extend([0x90, 0x90]);
    code.extend(call(Call::TraceStart, 0, 0));
    for opcode in [&[0xa1][..], &[0xff, 0x05]] {
        code.extend(opcode); // mov eax, [DATA]; inc dword [DATA]
        code.extend(DATA.to_le_bytes());
    }
    code.extend(call(Call::Shutdown, 9, 0));
    TemporaryFile::new("filtered.elf", &ElfFile::guest(&code).bytes())
}

fn trace(file: &OsStr, options: &[&str]) -> Finished {
    let options = options.iter().map(AsRef::as_ref);
    run([OsStr::new("trace")].into_iter().chain(options).chain([file]).collect::<Vec<_>>())
}

/// Number and third column of each line after the head, and of a gap its words: `#3 00101000`, `#4 == mark`,
/// `#4 elided 3 instructions since #0: filter`.
fn shown(finished: &Finished) -> Vec<String> {
    let text = finished.text();
    let lines = text.lines().filter(|line| line.starts_with('#'));
    let short = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[2..] {
            ["==", "elided", ..] => format!("{} {}", words[0], words[3..].join(" ")),
            ["==", kind, ..] => format!("{} == {kind}", words[0]),
            [address, ..] => format!("{} {address}", words[0]),
            [] => line.to_owned(),
        }
    };
    lines.map(short).collect()
}

/// What is shown of [`guest`] up to its end, which has a line of its own.
fn of_guest(options: &[&str]) -> Vec<String> {
    let finished = trace(guest().as_ref(), options);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(9), ""), "{options:?}");
    let mut lines = shown(&finished);
    assert_eq!(lines.pop().as_deref(), Some("#64 == end"), "{options:?}");
    lines
}

#[test]
fn a_window_begins_and_ends_where_it_is_told() {
    for (options, first, last) in [
        (&["--from", "0x10100e"][..], "#23 elided 23 instructions since #0: filter", "#63 == call"),
        (&["--from", "#60"], "#60 elided 60 instructions, 6 events since #0: filter", "#63 == call"),
        (&["--from", "mark:7"], "#47 elided 48 instructions, 1 event since #0: filter", "#63 == call"),
        (&["--from", "mark:0x7"], "#47 elided 48 instructions, 1 event since #0: filter", "#63 == call"),
        (&["--from", "590ns"], "#59 elided 59 instructions, 6 events since #0: filter", "#63 == call"),
        (&["--to", "0x101013"], "#0 00101000", "#64 elided 39 instructions, 7 events since #25: filter"),
        (&["--to", "#2"], "#0 00101000", "#64 elided 61 instructions, 7 events since #3: filter"),
        (&["--to", "20ns"], "#0 00101000", "#64 elided 62 instructions, 7 events since #2: filter"),
    ] {
        let lines = of_guest(options);
        let ends = (lines.first().map(String::as_str), lines.last().map(String::as_str));
        assert_eq!(ends, (Some(first), Some(last)), "{options:?}\n{lines:#?}");
    }
    assert_eq!(
        of_guest(&["--from", "#1", "--to", "#2"]),
        [
            "#1 elided 1 instruction since #0: filter",
            "#1 00101005",
            "#2 0010100a",
            "#64 elided 61 instructions, 7 events since #3: filter"
        ]
    );
}

#[test]
fn a_number_needs_no_sign_and_a_guest_alone_has_a_name_too() {
    let signed = of_guest(&["--from", "#10", "--to", "#12"]);
    assert_eq!(signed.len(), 5, "{signed:#?}");
    assert_eq!(of_guest(&["--from", "10", "--to", "12"]), signed);
    let of_ticker =
        |options: &[&str]| trace("builtin:ticker".as_ref(), options).text().replace("ticker:", "");
    let of_one = of_ticker(&["--from", "#1k", "--to", "#1003"]);
    assert_eq!(of_ticker(&["--from", "ticker:#1k", "--to", "ticker:#1003"]), of_one);
}

#[test]
fn a_trap_opens_a_window() {
    let finished = trace(sample("page_fault").as_ref(), &["--from", "trap:#PF"]);
    let lines = shown(&finished);
    assert!(lines[0].contains("elided") && lines[1].ends_with("== trap"), "{lines:#?}");
    for same in ["trap:14", "trap:0xe", "trap:pf"] {
        let again = shown(&trace(sample("page_fault").as_ref(), &["--from", same]));
        assert!(again == lines, "{same}");
    }
}

#[test]
fn surroundings_have_so_many_instructions_on_both_sides() {
    let expected = [
        "#46 elided 46 instructions since #0: filter",
        "#46 00101020",
        "#47 00101025",
        "#47 == call",
        "#47 == mark",
        "#48 00101027",
        "#49 0010102c",
        "#64 elided 14 instructions, 5 events since #50: filter",
    ];
    assert_eq!(of_guest(&["--at", "mark:7", "--around", "2"]), expected);
    // Each time: all turns of the loop but the first and the last instruction around it.
    let loops = of_guest(&["--at", "0x101013", "--around", "1", "--gaps", "total"]);
    assert_eq!(
        (loops.len(), loops[0].as_str(), loops[21].as_str()),
        (23 - 1, "#23 0010100e", "#64 elided 43 instructions, 7 events since #0: filter"),
        "{loops:#?}"
    );
    assert_eq!(of_guest(&["--at", "#58"]).len(), 25, "16 on both sides, 6 of them not shown");
}

#[test]
fn kinds_are_chosen_by_their_words() {
    assert_eq!(
        of_guest(&["--only", "marks,tracing"]),
        [
            "#47 elided 47 instructions, 1 event since #0: filter",
            "#47 == mark",
            "#51 elided 4 instructions, 1 event since #47: filter",
            "#51 == tracing",
            "#57 elided 6 instructions, 1 event since #51: filter",
            "#57 == tracing",
            "#64 elided 7 instructions, 1 event since #57: filter",
        ]
    );
    let addresses = |options| -> Vec<String> {
        let lines = of_guest(options).into_iter().filter(|line| !line.contains("elided"));
        lines.map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    };
    let mut written = vec!["0010100c"; 20];
    written.push("00101050");
    assert_eq!(addresses(&["--only", "writes"]), written);
    assert_eq!(addresses(&["--only", "reads"]), ["0010104b", "00101050"]);
    assert_eq!(addresses(&["--only", "reads,calls"])[..3], ["== call", "== call", "== call"]);
    // What needs no instructions is found without looking at them, and is the same.
    assert_eq!(
        addresses(&["--only", "calls,marks"]),
        addresses(&["--only", "calls,marks", "--from", "0x101000"])
    );
}

#[test]
fn classes_data_and_addresses_choose_instructions() {
    for (options, chosen) in [
        (&["--class", "rep"][..], vec![("0010100c", 20)]),
        (&["--class", "string"], vec![("0010100c", 20)]),
        (&["--class", "branch,memory-read"], vec![("00101014", 10), ("0010104b", 1), ("00101050", 1)]),
        (&["--class", "memory-write"], vec![("0010100c", 20), ("00101050", 1)]),
        (&["--data", "0x102000"], vec![("0010100c", 1), ("0010104b", 1), ("00101050", 1)]),
        (&["--data", "0x102010..0x102014"], vec![("0010100c", 4)]),
        (&["--data", "0x102000", "--class", "string"], vec![("0010100c", 1)]),
        (&["--address", "0x101013,0x101050"], vec![("00101013", 10), ("00101050", 1)]),
        (&["--address", "0x101000..0x10100c"], vec![("00101000", 1), ("00101005", 1), ("0010100a", 1)]),
    ] {
        let mut found: Vec<(String, usize)> = Vec::new();
        for line in of_guest(options).into_iter().filter(|line| !line.contains("elided")) {
            let address = line.split_once(' ').unwrap().1.to_owned();
            match found.iter_mut().find(|(known, _)| *known == address) {
                Some((_, count)) => *count += 1,
                None => found.push((address, 1)),
            }
        }
        let chosen: Vec<_> = chosen.into_iter().map(|(address, count)| (address.to_owned(), count)).collect();
        assert_eq!(found, chosen, "{options:?}");
    }
    // An event belongs to the instruction before it.
    assert_eq!(
        of_guest(&["--address", "0x101025", "--gaps", "total"])[..3],
        ["#47 00101025", "#47 == call", "#47 == mark"]
    );
}

#[test]
fn a_function_is_traced_with_what_it_calls_if_that_is_wanted() {
    let places = |options: &[&str]| -> Vec<String> {
        let finished = trace(sample("ticker").as_ref(), options);
        assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""), "{options:?}");
        let text = finished.text();
        let lines = text.lines().filter(|line| line.starts_with('#') && !line.contains(" == "));
        let mut places: Vec<String> = lines
            .map(|line| line.split_whitespace().nth(3).unwrap().split('+').next().unwrap().to_owned())
            .collect();
        places.sort();
        places.dedup();
        places
    };
    assert_eq!(places(&["--function", "pv_print"]), ["pv_print"]);
    assert_eq!(places(&["--function", "pv_print,pv_shutdown"]), ["pv_print", "pv_shutdown"]);
    assert_eq!(places(&["--address", "pv_print"]), ["pv_print"]);
    assert_eq!(places(&["--function", "pv_print", "--callees"]), ["hypercall.console_write", "pv_print"]);
    let of_main = places(&["--function", "main", "--callees"]);
    assert!(of_main.iter().any(|place| place == "pv_print"), "{of_main:?}");
    assert!(!of_main.iter().any(|place| place == "pv_begin" || place == "_start"), "{of_main:?}");
}

#[test]
fn the_last_records_are_written_when_the_run_is_over() {
    assert_eq!(
        of_guest(&["--last", "4"]),
        [
            "#61 elided 61 instructions, 6 events since #0: ring",
            "#61 0010105b",
            "#62 00101060",
            "#63 00101065",
            "#63 == call",
        ]
    );
    let calls = of_guest(&["--only", "calls", "--last", "2", "--gaps", "total"]);
    assert_eq!(calls[1..3], ["#57 == call", "#63 == call"], "{calls:#?}");
    // More than one chunk of the ring, and the same text as without it.
    let ticker = sample("ticker");
    let whole = trace(ticker.as_ref(), &[]).text();
    let last = trace(ticker.as_ref(), &["--last", "10k"]).text();
    let tail: Vec<&str> = whole.lines().rev().take(10_001).collect();
    let kept: Vec<&str> = last.lines().rev().take(10_001).collect();
    assert!(tail == kept && last.lines().count() == 10_001 + 4, "{}", &last[..500]);
}

#[test]
fn the_way_to_a_crash_is_the_last_of_a_trace() {
    let file = TemporaryFile::new("crashes.elf", &ElfFile::guest(&[0x90, 0x90, 0x90, 0x0f, 0x0b]).bytes());
    let finished = trace(file.as_ref(), &["--last", "3"]);
    assert_eq!(finished.status, Some(126));
    assert_eq!(
        shown(&finished),
        ["#1 elided 1 instruction since #0: ring", "#1 00101001", "#2 00101002", "#3 == crash", "#3 == end"]
    );
}

#[test]
fn repetitions_are_collapsed_on_request() {
    let rep = "#23 elided 20 iterations since #3: rep stosb in 0x0010100c, wrote 00102000 to 00102013 ecx=00000000 edi=00102014";
    let turns = "#44 elided 14 instructions since #30: loop at 0x00101013, 7 turns";
    let has = |options: &[&str], line: &str| of_guest(options).iter().any(|shown| shown == line);
    for (options, collapsed) in [
        (&["--collapse", "rep,loops"][..], [true, true]),
        (&["--collapse", "rep"], [true, false]),
        (&["--collapse", "loops"], [false, true]),
        (&[], [false, false]),
    ] {
        assert_eq!([has(options, rep), has(options, turns)], collapsed, "{options:?}");
    }
    assert_eq!(of_guest(&["--collapse", "rep,loops"]).len(), of_guest(&[]).len() - 19 - 13);
}

#[test]
fn what_the_guest_leaves_out_is_told_of() {
    let told = "#57 elided 6 instructions since #52: trace_stop";
    let of = |options: &[&str]| of_guest(options).iter().any(|line| line == told);
    assert!(of(&[]) && of(&["--from", "mark:7"]) && of(&["--last", "20"]));
    // Stopped before the window, and not started again in it.
    let finished = trace(guest().as_ref(), &["--from", "#53", "--to", "#55"]);
    assert_eq!((finished.status, shown(&finished).len()), (Some(9), 2), "{finished:?}");
}

#[test]
fn the_head_names_the_filter_and_a_total_can_stand_for_all_gaps() {
    let finished = trace(guest().as_ref(), &["--only", "calls,marks", "--from", "#3", "--gaps", "total"]);
    let text = finished.text();
    assert_eq!(text.lines().nth(2), Some("filter --from #3 --only calls,marks --gaps total"), "{text}");
    assert_eq!(text.matches(" == elided ").count(), 1, "{text}");
    assert!(!trace(guest().as_ref(), &[]).text().contains("filter"));
}

#[test]
fn a_filter_that_matches_nothing_is_told_of_and_the_status_is_that_of_the_run() {
    for (options, says) in [
        (&["--from", "mark:8"][..], "warning: the filter matched nothing: `--from mark:8` never happened\n"),
        (&["--at", "trap:3"], "warning: the filter matched nothing: `--at trap:3` never happened\n"),
        (&["--class", "x87"], "warning: the filter matched nothing: --class x87\n"),
        (&["--only", "ports"], "warning: the filter matched nothing: --only ports\n"),
    ] {
        let finished = trace(guest().as_ref(), options);
        assert_eq!((finished.status, finished.stderr.as_str()), (Some(9), says), "{options:?}");
        assert_eq!(shown(&finished).len(), 2, "{options:?}: a gap and the end");
        let quiet = trace(guest().as_ref(), &[options, &["-q"]].concat());
        assert_eq!((quiet.status, quiet.stderr.as_str()), (Some(9), ""), "{options:?}");
    }
}

#[test]
fn a_wrong_word_gets_one_line_with_what_to_write() {
    let ticker = sample("ticker");
    for (options, says) in [
        (&["--only", "call"][..], "did you mean `calls`? There are `instructions`, `reads`"),
        (&["--class", "returns"], "`returns` is no class of instructions. There are `call`, `ret`"),
        (&["--from", "mian"], "--from: there is no symbol `mian`: did you mean `main`?"),
        (&["--to", "zzzzzzzz+4"], "--to: there is no symbol `zzzzzzzz`: `paravane info --symbols`"),
        (&["--at", "main+x"], "--at: `x` is no offset: write main+0x10"),
        (&["--at", "main+"], "--at: `main+` has no offset: write main+0x10"),
        (&["--from", "MAIN"], "--from: there is no symbol `MAIN`: did you mean `main`?"),
        (&["--from", "nav:main"], "the only partition is `ticker`: leave `nav:` out if that is one"),
        (&["--from", "10ms", "--to", "5ms"], "--to 5ms comes before --from 10ms: nothing is between them"),
        (&["--from", "#50", "--to", "#40"], "--to #40 comes before --from #50: nothing is between them"),
        (
            &["--from", "10mm"],
            "write 10ms for a time, 3000 for an instruction's number, 0x3000 for an address",
        ),
        (&["--from", "0xfffffffff"], "`0xfffffffff` is no address of 32 bits"),
        (&["--from", "#"], "--from: `#`: there is no number"),
        (&["--from", "mark:x"], "a mark has a number, as in mark:7"),
        (&["--from", "trap:256"], "a trap is a vector from 0 to 255 or a name"),
        (&["--function", "main,mian"], "--function: there is no symbol `mian`"),
        (&["--data", "0x10..0x10"], "--data: the range `0x10..0x10` is empty"),
        (&["--address", "main..zz"], "--address: there is no symbol `zz`"),
        (&["--last", "5M"], "--last 5_000_000 is more than fits in memory: give at most 4_000_000 records"),
        (&["--last", "0"], "--last 0 records nothing"),
        (&["--at", "main", "--around", "2M"], "--around 2_000_000 is more than fits in memory"),
        (
            &["--only", "calls", "--class", "ret"],
            "--class is about instructions, and `--only calls` has none",
        ),
        (&["--partition", "nav"], "--partition chooses partitions of a system file"),
    ] {
        let finished = trace(ticker.as_ref(), options);
        assert_eq!(finished.status, Some(125), "{options:?}: {finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{options:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(says), "{options:?}: `{says}` is missing in {}", finished.stderr);
        assert!(finished.stdout.is_empty(), "{options:?}");
    }
    for options in [&["--around", "3"][..], &["--callees"], &["--collapse", "rpe"], &["--gaps", "none"]] {
        assert_eq!(trace(ticker.as_ref(), options).status, Some(125), "{options:?}");
    }
}

#[test]
fn the_help_has_every_word() {
    let help = run(["trace", "--help"]).text().split_whitespace().collect::<Vec<_>>().join(" ");
    for option in ["--only", "--class"] {
        // The answer to a wrong word lists all, between backquotes.
        let answer = trace(sample("ticker").as_ref(), &[option, "x"]).stderr;
        let words: Vec<&str> = answer.split('`').skip(3).step_by(2).collect();
        assert!(words.len() >= 16, "{answer}");
        for word in words {
            assert!(help.contains(word), "`{word}` is missing in {help}");
        }
    }
}

#[test]
fn partitions_of_a_system_are_named_before_a_colon() {
    let of = |options: &[&str]| {
        let options = [options, &["--max-time", "20ms"]].concat();
        trace("builtin:irq".as_ref(), &options)
    };
    let begins = |finished: &Finished, name: &str| -> Vec<u64> {
        let text = finished.text();
        let lines = text.lines().filter(|line| line.starts_with(name) && !line.contains(" == "));
        lines.map(|line| line.split_whitespace().nth(1).unwrap()[1..].parse().unwrap()).collect()
    };
    let from = of(&["--from", "worker:#100", "--to", "worker:#120"]);
    assert_eq!(begins(&from, "worker "), (100..=120).collect::<Vec<_>>(), "{from:?}");
    // The window is one of time: the other partition is shown in it, too, and its gaps are its own.
    let text = of(&["--from", "driver:main", "--partition", "driver"]).text();
    assert!(text.contains("partition worker: image") && text.contains(", left out"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("worker ")), "{text}");
    let first = text.lines().nth(5).unwrap();
    assert!(first.starts_with("driver #") && first.contains("== elided"), "{first}");

    for (options, says) in [
        (&["--from", "#5"][..], "write `driver:#5` for one of `driver` and `worker`"),
        (&["--from", "drivr:main"], "`drivr` is no partition, and there is no symbol `drivr:main`"),
        (&["--from", "drivr:main"], ": did you mean `driver:main`?"),
        (
            &["--partition", "drivr"],
            "has no partition `drivr` (did you mean `driver`?); it has driver, worker",
        ),
        (
            &["--from", "worker:main", "--partition", "driver"],
            "`worker:main` is in a partition that --partition leaves out",
        ),
    ] {
        let finished = of(options);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
    }
}

#[test]
fn a_flight_recorder_writes_the_way_to_a_crash_and_nothing_else() {
    let crashes = TemporaryFile::new("crashes.elf", &ElfFile::guest(&[0x90, 0x90, 0x90, 0x0f, 0x0b]).bytes());
    let file = TemporaryFile::new("flight.txt", b"old");
    let options = |guest: &TemporaryFile, more: &[&str]| {
        let mut arguments: Vec<&OsStr> = vec!["run".as_ref(), "--flight-recorder".as_ref(), file.as_ref()];
        arguments.extend(more.iter().map(OsStr::new));
        arguments.push(guest.as_ref());
        run(arguments)
    };
    let finished = options(&crashes, &["--flight-length", "2"]);
    assert_eq!(finished.status, Some(126));
    assert!(
        finished.stderr.starts_with("paravane: the last 2 instructions before the crash are in "),
        "{finished:?}"
    );
    let recorded = Finished { stdout: file.contents(), ..options(&crashes, &["--flight-length", "2"]) };
    assert_eq!(
        shown(&recorded),
        ["#1 elided 1 instruction since #0: ring", "#1 00101001", "#2 00101002", "#3 == crash", "#3 == end"]
    );
    options(&crashes, &[]);
    let whole = run(["trace".as_ref(), crashes.as_ref()]);
    assert_eq!(String::from_utf8_lossy(&file.contents()), whole.text());
    assert_eq!(options(&guest(), &[]).status, Some(9));
    assert!(file.contents().is_empty());
    let nowhere =
        run(["run".as_ref(), "--flight-recorder".as_ref(), "/no/such/folder".as_ref(), crashes.as_ref()]);
    assert_eq!((nowhere.status, nowhere.stderr.lines().count()), (Some(125), 1), "{nowhere:?}");
}

#[test]
fn a_recording_is_shown_through_the_same_filters() {
    let (guest, file) = (guest(), TemporaryFile::new("run.pvt", b""));
    let arguments: [&OsStr; 6] =
        ["trace".as_ref(), "--format".as_ref(), "pvt".as_ref(), "-o".as_ref(), file.as_ref(), guest.as_ref()];
    assert_eq!(run(arguments).status, Some(9));
    for options in [&[][..], &["--at", "mark:7", "--around", "2"], &["--only", "calls"], &["--last", "4"]] {
        let words = options.iter().map(AsRef::as_ref);
        let shown =
            run([OsStr::new("show")].into_iter().chain(words).chain([file.as_ref()]).collect::<Vec<_>>());
        assert_eq!(shown.status, Some(0), "{options:?}: {}", shown.stderr);
        assert_eq!(shown.text(), trace(guest.as_ref(), options).text(), "{options:?}");
    }
}

#[test]
fn a_trap_that_nobody_handles_is_one_all_the_same() {
    // Two NOPs and an instruction that no processor has: it ends the guest.
    let crashes = TemporaryFile::new("crashes.elf", &ElfFile::guest(&[0x90, 0x90, 0x0f, 0x0b]).bytes());
    for what in ["trap:#UD", "trap:6"] {
        let finished = trace(crashes.as_ref(), &["--at", what, "--around", "1"]);
        assert_eq!(finished.status, Some(126), "{finished:?}");
        let lines = shown(&finished);
        assert!(lines.iter().any(|line| line.ends_with("== crash")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("#1 0")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.starts_with("#0 0")), "{lines:?}");
    }
    assert!(trace(crashes.as_ref(), &["--at", "trap:#PF"]).stderr.contains("`--at trap:#PF` never happened"));
    // The health monitor starts the navigation again.
    let flight = OsStr::new("builtin:flight");
    let health = trace(flight, &["--at", "trap:#DE", "--around", "2"]);
    assert!(health.text().contains("== health"), "{}", health.text());
}
