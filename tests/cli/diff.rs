//! `paravane diff` finds where two runs part, says how, and goes on.

use super::elf::{CODE, ElfFile, call};
use super::paravane::{Finished, TemporaryFile, run, run_with_input, sample};
use hypervisor_core::abi::Call;
use std::ffi::OsStr;
use std::path::Path;

/// A recording of a guest that gets this input.
fn recorded(name: &str, guest: &Path, options: &[&str], input: &[u8]) -> TemporaryFile {
    let file = TemporaryFile::new(name, b"");
    let mut arguments: Vec<&OsStr> = ["trace", "--format", "pvt", "-o"].map(OsStr::new).to_vec();
    arguments.extend([file.as_ref(), guest.as_os_str()]);
    arguments.extend(options.iter().map(OsStr::new));
    let finished = run_with_input(arguments, input);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    file
}

fn diff(a: &(impl AsRef<OsStr> + ?Sized), b: &(impl AsRef<OsStr> + ?Sized), options: &[&str]) -> Finished {
    let mut arguments = vec![OsStr::new("diff"), a.as_ref(), b.as_ref()];
    arguments.extend(options.iter().map(OsStr::new));
    run(arguments)
}

/// Asserts the exit status and that stdout has these parts in this order.
fn assert_says(finished: &Finished, status: i32, parts: &[&str]) {
    let text = finished.text();
    assert_eq!(finished.status, Some(status), "{}\n{text}", finished.stderr);
    let mut rest = text.as_str();
    for part in parts {
        let Some(at) = rest.find(part) else {
            panic!("`{part}` is missing, or in another order, in:\n{text}")
        };
        rest = &rest[at + part.len()..];
    }
}

/// One line on stderr, status 125.
fn assert_refused(finished: &Finished, parts: &[&str]) {
    assert_eq!(finished.status, Some(125), "{}", finished.text());
    assert_eq!(finished.stderr.trim_end().lines().count(), 1, "{}", finished.stderr);
    for part in parts {
        assert!(finished.stderr.contains(part), "`{part}` is missing: {}", finished.stderr);
    }
}

/// mov ecx, 3; mov edi, data; mov al, VALUE; rep stosb; mov ebx, [data]; mov ebx, 0; NOPs; shutdown(0).
fn fills(value: u8, name: &str) -> TemporaryFile {
    let data = CODE + 0x1000;
    let mut code = vec![0xb9, 3, 0, 0, 0, 0xbf];
    code.extend(data.to_le_bytes());
    code.extend([0xb0, value, 0xf3, 0xaa, 0x8b, 0x1d]);
    code.extend(data.to_le_bytes());
    code.extend([0xbb, 0, 0, 0, 0]);
    code.extend([0x90; 20]);
    code.extend(call(Call::Shutdown, 0, 0));
    TemporaryFile::new(name, &ElfFile::guest(&code).bytes())
}

/// mov eax, VALUE; mov [data], eax; fild dword [data]; movd xmm0, eax; then the base of GS becomes VALUE; NOPs; shutdown(0).
fn computes(value: u8, name: &str) -> TemporaryFile {
    let data = CODE + 0x1000;
    let mut code = vec![0xb8, value, 0, 0, 0, 0xa3];
    code.extend(data.to_le_bytes());
    code.extend([0xdb, 0x05]);
    code.extend(data.to_le_bytes());
    code.extend([0x66, 0x0f, 0x6e, 0xc0]);
    code.extend(call(Call::SegmentSetBase, 1, value.into()));
    code.extend([0x90; 4]);
    code.extend(call(Call::Shutdown, 0, 0));
    TemporaryFile::new(name, &ElfFile::guest(&code).bytes())
}

#[test]
fn registers_of_x87_and_sse_and_bases_of_segments_are_compared() {
    let (a, b) = (computes(5, "a.elf"), computes(6, "b.elf"));
    // What makes them different may differ: their code and their general registers.
    let rest = ["--cpu", "pentium4", "--resync", "10", "--ignore"];
    let ignoring = |what: &str| {
        let fields = format!("bytes,registers,flags,values,calls{what}");
        diff(&a, &b, &[&rest[..], &[&fields]].concat())
    };
    let parts = [
        "fild dword [0x102000]",
        "^ st0: 4001a000000000000000 in A, 4001c000000000000000 in B",
        "movd xmm0, eax",
        "^ xmm0: 00000000000000000000000000000005 in A, 00000000000000000000000000000006 in B",
        "^ gs.base: 00000005 in A, 00000006 in B",
        "different: 2 differences (3 rows changed)",
    ];
    assert_says(&ignoring(""), 1, &parts);
    for (what, count) in [(",x87", "2 differences (2 rows"), (",x87,sse", "1 difference (1 row")] {
        assert_says(&ignoring(what), 1, &["Not compared: ", "different: ", count]);
    }
    assert_says(&ignoring(",x87,sse,segments"), 0, &["alike: "]);
}

#[test]
fn a_recording_that_was_cut_off_is_not_taken_for_alike() {
    let guest = sample("ticker");
    let whole = recorded("whole.pvt", &guest, &[], b"");
    let cut = TemporaryFile::new("cut.pvt", &whole.contents()[..whole.contents().len() * 3 / 4]);
    let words = ["alike: ", "known up to there: the recording was cut off"];
    assert_says(&diff(&cut, &whole, &[]), 3, &words);
    assert_says(&diff(&guest, &cut, &[]), 3, &words);
    assert_says(&diff(&cut, &cut, &[]), 3, &["alike: ", "both end there: the recording was cut off"]);
    // A limit is what somebody wanted.
    assert_says(
        &diff(&whole, &guest, &["--max-instructions", "1000"]),
        0,
        &["alike: ", "limit of instructions"],
    );
}

#[test]
fn a_recording_is_like_itself_and_like_a_run_of_the_same_guest() {
    let guest = sample("ticker");
    let recording = recorded("same.pvt", &guest, &[], b"");
    assert_says(
        &diff(&recording, &recording, &[]),
        0,
        &["(recorded)", ": the same image\n", "alike: ", "shutdown with code 0"],
    );
    assert_says(&diff(&recording, &guest, &[]), 0, &["(run now)", "alike: ", "both end there"]);
    assert_says(&diff(&guest, &recording, &["--resync", "100"]), 0, &["alike: "]);
}

#[test]
fn a_run_of_now_takes_the_arguments_and_the_input_of_the_recorded_one() {
    let guest = sample("hello");
    let recording = recorded("arguments.pvt", &guest, &["--arg", "one", "--arg", "two"], b"");
    assert_says(&diff(&recording, &guest, &[]), 0, &["alike: "]);
    let other = diff(&recording, &guest, &["--arg", "one", "--arg", "three"]);
    assert_says(&other, 1, &[": the same image", "\n@@ A #", ", B #", "\n- #", "\n+ #", "different after "]);
    let echo = sample("echo");
    let recording = recorded("input.pvt", &echo, &[], b"one\ntwo\n");
    let same = diff(&recording, &echo, &[]);
    assert_says(&same, 0, &["alike: "]);
    assert!(same.stderr.is_empty(), "{}", same.stderr);
}

#[test]
fn another_input_is_found_where_it_comes_in() {
    let echo = sample("echo");
    let recording = recorded("input.pvt", &echo, &[], b"one\ntwo\n");
    let input = TemporaryFile::new("input.txt", b"one\ntwx\n");
    let path = AsRef::<OsStr>::as_ref(&input).to_str().unwrap().to_owned();
    let finished = diff(&recording, &echo, &["--input", &path]);
    assert_says(
        &finished,
        1,
        &["- #", "one\\ntwo", "+ #", "one\\ntwx", "^ the input differs", "different after "],
    );
    let finished = diff(&recording, &echo, &["--input", &path, "--resync", "200", "--only", "console"]);
    assert_says(&finished, 1, &["Compared are only: console\n", "different: ", "changed"]);
    let none = diff(&echo, &echo, &[]);
    assert_says(&none, 0, &["alike: "]);
    assert!(none.stderr.contains("A asks for console input and gets none"), "{}", none.stderr);
}

#[test]
fn a_changed_value_is_shown_with_what_differs_and_what_does_not_is_passed_over() {
    let (a, b) = (fills(5, "a.elf"), fills(6, "b.elf"));
    let finished = diff(&a, &b, &["--resync", "10", "--context", "2"]);
    let parts = [
        ": different images\n",
        "match them with --by symbol",
        "\n@@ A #2 0.000000020 0x0010100a, B #2 0.000000020 0x0010100a\n  #0 ",
        "\n  #1 ",
        "\n- #2         0x0010100a                  mov al, 5",
        "eax=6e617605",
        "\n+ #2         0x0010100a                  mov al, 6",
        "^ bytes: b005 in A, b006 in B",
        "^ eax: 6e617605 in A, 6e617606 in B",
        "^ [00102000]<-05 in A, [00102000]<-06 in B",
        "^ ebx: 00050505 in A, 00060606 in B",
        "different: 1 difference (5 rows changed) in ",
        "; both end there: shutdown with code 0\n",
    ];
    assert_says(&finished, 1, &parts);
    let ignored = diff(&a, &b, &["--ignore", "bytes,registers,values"]);
    assert_says(&ignored, 0, &["Not compared: bytes, registers, values\n", "alike: "]);
    let ignored = diff(&a, &b, &["--ignore", "bytes,eax,values"]);
    assert_says(&ignored, 1, &["^ ebx: "]);
}

#[test]
fn by_symbol_code_that_moved_is_matched() {
    let (a, b) = (sample("hello"), sample("ticker"));
    let alike = |finished: &Finished| {
        let text = finished.text();
        let after = text.split("different after ").nth(1).unwrap_or_else(|| panic!("{text}"));
        after.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let by_address = diff(&a, &b, &[]);
    let by_symbol = diff(&a, &b, &["--by", "symbol"]);
    assert_eq!((by_address.status, by_symbol.status), (Some(1), Some(1)));
    let (by_address, by_symbol) = (alike(&by_address), alike(&by_symbol));
    assert!(by_address < by_symbol, "{by_address} by address, {by_symbol} by symbol");
}

#[test]
fn partitions_are_compared_by_their_names() {
    let options = ["--max-time", "60ms"];
    let finished = diff("builtin:irq", "builtin:irq", &options);
    assert_says(&finished, 0, &[": the same images\n", ": alike: ", ": alike: "]);
    let first =
        finished.text().lines().find_map(|line| Some(line.split_once(": alike")?.0.to_owned())).unwrap();
    let second =
        finished.text().lines().rev().find_map(|line| Some(line.split_once(": alike")?.0.to_owned()));
    let names = ["--partition", &first, "--partition", &second.unwrap(), "--partition", &first];
    let both = diff("builtin:irq", "builtin:irq", &[&options[..], &names].concat());
    assert_eq!(both.text(), finished.text(), "a name that is given twice counts once");
    let one = diff("builtin:irq", "builtin:irq", &["--max-time", "60ms", "--partition", &first]);
    assert_says(&one, 0, &[&first, ": alike: "]);
    assert_eq!(one.text().matches(": alike: ").count(), 1);
    assert_refused(&diff("builtin:irq", "builtin:irq", &["--partition", "nobody"]), &["nobody", &first]);
    assert_refused(&diff("builtin:irq", &sample("hello"), &[]), &["--partition", &first]);
    assert_refused(&diff(&sample("hello"), &sample("hello"), &["--partition", "x"]), &["single guests"]);
}

#[test]
fn a_limit_ends_the_comparison_and_is_no_difference() {
    let guest = sample("ticker");
    let finished = diff(&guest, &guest, &["--max-instructions", "1000"]);
    assert_says(&finished, 0, &["alike: 1_000 instructions", "limit of instructions"]);
    let recording = recorded("whole.pvt", &guest, &[], b"");
    let finished = diff(&recording, &guest, &["--max-instructions", "1000"]);
    assert_says(&finished, 0, &["B is known up to there: limit of instructions"]);
    // A wait that the limit ended would have gone on; one that ends before it is a difference none the less.
    for sides in [[recording.as_ref(), guest.as_os_str()], [guest.as_os_str(), recording.as_ref()]] {
        let finished = diff(sides[0], sides[1], &["--max-time", "150ms"]);
        assert_says(&finished, 0, &["alike: ", " is known up to there: limit of time"]);
        let finished = diff(sides[0], sides[1], &["--max-time", "150ms", "--only", "idle", "--resync", "9"]);
        assert_says(&finished, 0, &["alike: 1 event; ", " is known up to there: limit of time"]);
    }
}

#[test]
fn a_mark_that_only_one_run_sets_is_one_difference_of_the_marks() {
    let marks = |ids: &[u32], name: &str| {
        let mut code = Vec::new();
        ids.iter().for_each(|id| code.extend(call(Call::TraceMark, *id, 0)));
        code.extend(call(Call::Shutdown, 0, 0));
        TemporaryFile::new(name, &ElfFile::guest(&code).bytes())
    };
    let (a, b) = (marks(&[1, 2, 3, 4], "four"), marks(&[1, 9, 2, 3, 4], "five"));
    let finished = diff(&a, &b, &["--only", "marks", "--ignore", "time", "--resync", "20"]);
    assert_says(&finished, 1, &["different: 1 difference (1 row only in B) in 4 events of A, 5 events of B"]);
}

/// The log that QEMU's plugin would write of [`fills`], with `turns` lines for the REP.
fn log_of(value: u8, turns: usize) -> String {
    let mut lines = vec![
        "0, 0x101000, 0x3b9, \"movl $3, %ecx\"".to_owned(),
        "0, 0x101005, 0x102000bf, \"movl $0x102000, %edi\"".to_owned(),
        format!("0, 0x10100a, 0x{value:02x}b0, \"movb ${value}, %al\""),
    ];
    lines.extend(vec![
        "0, 0x10100c, 0xaaf3, \"rep stosb %al, %es:(%edi)\", store, 0x00102000".to_owned();
        turns
    ]);
    lines.push("0, 0x10100e, 0x20001d8b, \"movl 0x102000, %ebx\", load, 0x00102000".to_owned());
    lines.push("0, 0x101014, 0xbb, \"movl $0, %ebx\"".to_owned());
    lines.extend((0..20).map(|place| format!("0, 0x{:x}, 0x90909090, \"nop\"", 0x10_1019 + place)));
    lines.join("\n") + "\n"
}

#[test]
fn a_log_of_qemu_is_compared_by_what_it_has() {
    let guest = fills(5, "logged.elf");
    for turns in [1, 3, 4] {
        let log = TemporaryFile::new("exec.log", log_of(5, turns).as_bytes());
        let finished = diff(&guest, &log, &[]);
        let parts = ["(an execlog)\n", "the log has no more", "alike: 26 instructions", "the end of the log"];
        assert_says(&finished, 0, &parts);
    }
    let log = TemporaryFile::new("exec.log", log_of(6, 3).as_bytes());
    let parts = [
        "mov al, 5",
        "movb $6, %al",
        "^ bytes: b005 here, b006 in the log",
        "different after 2 instructions",
    ];
    assert_says(&diff(&guest, &log, &[]), 1, &parts);
    let shorter: Vec<String> =
        log_of(5, 3).lines().filter(|line| !line.contains("0x101014")).map(str::to_owned).collect();
    let log = TemporaryFile::new("exec.log", shorter.join("\n").as_bytes());
    let parts = ["- #7 ", "mov ebx, 0", "^ only A has 1 row", "different: 1 difference (1 row only in A)"];
    assert_says(&diff(&guest, &log, &["--resync", "5"]), 1, &parts);
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    let guest = sample("hello");
    let with = |options: &[&str]| diff(&guest, &guest, options);
    assert_refused(
        &with(&["--ignore", "eflags.AX"]),
        &["--ignore", "`eflags.AX`", "eflags.AF", "registers", "time"],
    );
    assert_refused(&with(&["--ignore", "instructions"]), &["--ignore", "`instructions`"]);
    assert_refused(&with(&["--only", "call"]), &["--only", "did you mean `calls`?"]);
    assert_refused(&with(&["--only", "marks"]), &["nothing was compared"]);
    assert_refused(&with(&["--context", "1000000"]), &["--context", "10000"]);
    assert_refused(&with(&["--resync", "1000000000"]), &["--resync", "100000"]);
    assert_refused(&diff(&guest, "no-such-file", &[]), &["no-such-file", "no such file"]);
    let log = TemporaryFile::new("exec.log", b"0, 0x101000, 0x90, \"nop\"\nwords\n");
    assert_refused(&diff(&guest, &log, &["--ignore", "bytes", "--resync", "9"]), &["line 2", "execlog"]);
    assert_refused(&diff(&log, &guest, &[]), &["name it second"]);
    assert_refused(&diff(&guest, &log, &["--by", "symbol"]), &["--by symbol"]);
    assert_refused(&diff(&guest, &log, &["--only", "calls"]), &["--only", "only instructions"]);
    let threads = TemporaryFile::new("exec.log", b"0, 0x1, 0x90, \"nop\"\n1, 0x1, 0x90, \"nop\"\n");
    assert_refused(&diff(&guest, &threads, &["--resync", "9"]), &["line 2", "another processor"]);
    let foreign = TemporaryFile::new("foreign.pvt", b"\x50\x2a\x4d\x18\x16\0\0\0paravane-trace pvt 9\n\0");
    assert_refused(&diff(&guest, &foreign, &[]), &["foreign.pvt"]);
}
