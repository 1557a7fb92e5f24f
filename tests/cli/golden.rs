//! `paravane golden`: what holds, what does not and whose fault that is, and what it takes to accept something.

use super::elf::{ElfFile, call, exits_with};
use super::golden_suite::{Suite, one_line};
use super::paravane::{Finished, paravane, sample};
use hypervisor_core::abi::Call;
use std::ffi::OsStr;
use std::path::Path;
use std::{fs, process};

#[test]
fn a_new_case_is_pending_and_holds_once_it_is_accepted() {
    let suite = Suite::new();
    let image = sample("hello");
    let made = suite.golden(&["new", "hello", "--image", image.to_str().unwrap()]);
    assert_eq!((made.status, suite.pending("hello")), (Some(3), 4), "{made:?}");
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert!(run.text().contains("FAIL hello: nothing was accepted yet"), "{run:?}");
    let accepted = suite.golden(&["accept", ".", "--reason", "it says hello"]);
    assert_eq!(accepted.status, Some(0), "{accepted:?}");
    assert!(accepted.text().contains("Hello from partition hello"), "{accepted:?}");
    assert_eq!(suite.pending("hello"), 0);
    let verdict = suite.text("hello/expect.verdict.toml");
    for part in ["by = \"ann\"", "reason = \"it says hello\"", "version = \"paravane ", "build_id = "] {
        assert!(verdict.contains(part), "{part}\n{verdict}");
    }
    let run = suite.golden(&["run", "."]);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert!(run.text().starts_with("PASS hello (") && run.text().ends_with("1 case: all hold.\n"), "{run:?}");
}

#[test]
fn a_suite_can_lie_anywhere_and_a_linux_program_sees_the_same_name() {
    let suite = Suite::with_hello();
    let moved = Suite::new();
    fs::rename(suite.file("hello"), moved.file("hello")).unwrap();
    fs::rename(suite.file("hello.elf"), moved.file("hello.elf")).unwrap();
    let path = moved.file("hello");
    let run = suite.golden(&["run", path.to_str().unwrap()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let mut linux = exits_with(0);
    linux.note = None;
    fs::write(suite.file("linux.elf"), linux.bytes()).unwrap();
    let made = suite.golden(&["new", "linux", "--image", "linux.elf", "--abi", "linux", "--arg=-x"]);
    assert_eq!(made.status, Some(3), "{made:?}");
    let case = suite.text("linux/case.toml");
    for part in ["run = \"../linux.elf\"", "abi = \"linux\"", "arguments = [\"-x\"]"] {
        assert!(case.contains(part), "{part}\n{case}");
    }
}

#[test]
fn an_emulator_that_changed_is_told_with_each_layer_and_the_command_that_traces_it() {
    let suite = Suite::with_hello();
    suite.change("hello/expect.events", "bytes=5 ", "bytes=6 ");
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    suite.spoil_ladder("hello", 150);
    let run = suite.golden(&["run", "."]);
    assert_eq!((run.status, suite.pending("hello")), (Some(1), 4), "{run:?}");
    let text = run.text();
    for part in [
        "FAIL hello: Paravane changed: the same guest does something else\n",
        "console differs in line 1:\n",
        "- Hello from partition hello, which has 17 MiB of memory.\n",
        "+ Hello from partition hello, which has 16 MiB of memory.\n",
        "events differs in line 4:\n",
        "first difference between #128 and #146 of hello",
        "event 4 is another one, at #",
        "paravane trace ../hello.elf --max-instructions=100000000 --max-time=60000000000ns --from '#128' --to '#146' ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The trace ends with that event.
    assert!(text.contains("== call    console_write(bytes=5 "), "{text}");
    let explained = suite.golden(&["explain", "hello"]);
    assert_eq!(explained.status, Some(1), "{explained:?}");
    assert!(explained.text().contains("accepted by ann with paravane "), "{explained:?}");
    // The command does what it says.
    let command = text.lines().find(|line| line.contains("paravane trace")).unwrap().trim();
    let command = command.replace("paravane trace", &format!("'{}' trace", env!("CARGO_BIN_EXE_paravane")));
    let traced = process::Command::new("sh").arg("-c").arg(&command).current_dir(&suite.0).output().unwrap();
    let traced = String::from_utf8_lossy(&traced.stdout).into_owned();
    assert!(traced.contains("#128 ") && traced.contains("console_write(bytes=5 "), "{command}\n{traced}");
}

#[test]
fn another_program_shows_the_first_differing_instruction_and_who_wrote_what_differs() {
    let suite = Suite::with_hello();
    suite.spoil_ladder("hello", 0);
    let own = env!("CARGO_BIN_EXE_paravane");
    let same = suite.golden(&["explain", "hello", "--against", own]);
    for part in [" does not do what was accepted either (exit status 1)", "both programs do the same there"] {
        assert!(same.text().contains(part), "{part}: {same:?}");
    }
    let missing = suite.golden(&["explain", "hello", "--against", "./older"]);
    assert_eq!(missing.status, Some(125), "{missing:?}");
    one_line(&missing, "cannot run this program");
    // An older program that computes one bit differently.
    let older = format!(
        "#!/bin/sh\n'{own}' \"$@\" | sed '/^#9 /s/eax=\\|ebx=\\|edx=\\|ZF=/edi=/; /^#9 /s/$/ esp=00000001/'\n"
    );
    fs::write(suite.file("older"), older).unwrap();
    process::Command::new("chmod").arg("+x").arg(suite.file("older")).status().unwrap();
    let told = suite.golden(&["explain", "hello", "--against", "./older"]);
    let text = told.text();
    for part in [
        "./older does what was accepted\n",
        "first differing record (- the other program, + this one):",
        "- #9 ",
        "+ #9 ",
        "last writer of esp:\n",
    ] {
        assert!(text.contains(part), "{part}\n{told:?}");
    }
}

#[test]
fn a_guest_that_changed_is_told_apart() {
    let suite = Suite::with_hello();
    fs::write(suite.file("hello.elf"), exits_with(7).bytes()).unwrap();
    let image = suite.golden(&["run", "."]);
    // The symbol that the case requires is gone, too.
    assert_eq!(image.status, Some(4), "{image:?}");
    let text = image.text();
    assert!(text.contains("besides: `require.symbols` names `main`: the image has no such symbol"), "{text}");
    assert_eq!(suite.pending("hello"), 0, "what lacks a symbol cannot be accepted");
    suite.change("hello/case.toml", "symbols = [\"main\"]", "");
    let image = suite.golden(&["run", "."]);
    assert_eq!(image.status, Some(4), "{image:?}");
    assert!(
        image.text().contains("the guest changed: ../hello.elf, case.toml are not what was accepted"),
        "{image:?}"
    );

    let suite = Suite::with_hello();
    suite.change("hello/case.toml", "records = 1", "records = 2");
    assert_eq!(suite.golden(&["run", "."]).status, Some(0));
    suite.change("hello/case.toml", "run = ", "memory = \"8MiB\"\nrun = ");
    let case = suite.golden(&["run", "."]);
    assert_eq!(case.status, Some(4), "{case:?}");
    assert!(
        case.text().contains("FAIL hello: the case changed: case.toml is not what was accepted"),
        "{case:?}"
    );
}

#[test]
fn whatever_is_empty_or_missing_fails() {
    let suite = Suite::with_hello();
    let empty = Suite::new();
    let nothing = suite.golden(&["run", empty.0.to_str().unwrap()]);
    assert_eq!(nothing.status, Some(3), "{nothing:?}");
    one_line(&nothing, "has no case: make one with `paravane golden new");
    let unmatched = suite.golden(&["run", ".", "zzz"]);
    assert_eq!(unmatched.status, Some(3), "{unmatched:?}");
    one_line(&unmatched, "no case of . has a name with `zzz` in it");
    let shard = suite.golden(&["run", ".", "--shard", "2/2"]);
    assert_eq!(shard.status, Some(3), "{shard:?}");
    one_line(&shard, "shard 2/2 of 1 cases is empty");
    let no_folder = suite.golden(&["run", "zzz"]);
    assert_eq!(no_folder.status, Some(125), "{no_folder:?}");
    one_line(&no_folder, "there is no such folder");

    suite.change("hello/case.toml", "records = 1", "records = 1000000");
    let short = suite.golden(&["run", "."]);
    assert_eq!(short.status, Some(3), "{short:?}");
    assert!(short.text().contains("and the case requires 1000000"), "{short:?}");
    suite.change("hello/case.toml", "records = 1000000", "records = 1");
    suite.change("hello/case.toml", "\"main\"", "\"pv_upcall\"");
    fs::remove_file(suite.file("hello/expect.events")).unwrap();
    suite.change("hello/case.toml", "\"pv_upcall\"", "\"main\"");
    let missing = suite.golden(&["run", "."]);
    assert_eq!(missing.status, Some(3), "{missing:?}");
    assert!(
        missing.text().contains("expect.events: there is no such file: restore it, or accept the case anew"),
        "{missing:?}"
    );
    fs::remove_file(suite.file("hello/case.toml")).unwrap();
    let no_case = suite.golden(&["run", "."]);
    assert_eq!(no_case.status, Some(125), "{no_case:?}");
    assert!(no_case.text().contains("case.toml: there is no such file"), "{no_case:?}");
}

#[test]
fn a_symbol_that_must_run_and_does_not_is_missed() {
    let suite = Suite::new();
    let image = sample("hello");
    let image = image.to_str().unwrap();
    let symbol = "pv_upcall_entry";
    let never = suite.golden(&["new", "hello", "--image", image, "--require-symbol", symbol]);
    assert_eq!((never.status, suite.pending("hello")), (Some(3), 0), "{never:?}");
    one_line(&never, "`pv_upcall_entry`, which the case requires, never ran");
    let refused = suite.golden(&["accept", "hello", "--reason", "x"]);
    assert_eq!(refused.status, Some(3), "{refused:?}");
    let unknown = suite.golden(&["new", "other", "--image", image, "--require-symbol", "mian"]);
    assert_eq!((unknown.status, suite.file("other").exists()), (Some(125), false), "{unknown:?}");
    one_line(&unknown, "the image has no such symbol");
}

#[test]
fn a_limit_is_a_failure_unless_it_is_expected() {
    let suite = Suite::new();
    fs::write(suite.file("loops.elf"), ElfFile::guest(&[0xeb, 0xfe]).bytes()).unwrap();
    let limited = ["--image", "loops.elf", "--max-instructions", "1000"];
    let made = suite.golden(&[&["new", "loops"], &limited[..]].concat());
    assert_eq!(made.status, Some(6), "{made:?}");
    one_line(&made, "it did not end within 1000 instructions: raise `limits.instructions`");
    let run = suite.golden(&["run", "loops"]);
    assert_eq!(run.status, Some(6), "{run:?}");
    suite.accepted("expected", &[&limited[..], &["--expect-limit"]].concat());
    assert_eq!(suite.golden(&["run", "expected"]).status, Some(0));
    let time = suite.golden(&["new", "time", "--image", "loops.elf", "--max-time", "10us"]);
    assert_eq!(time.status, Some(6), "{time:?}");
    one_line(&time, "raise `limits.time`");
}

#[test]
fn nothing_is_accepted_blindly() {
    let suite = Suite::with_hello();
    let nothing = suite.golden(&["accept", "hello", "--reason", "x"]);
    assert_eq!(nothing.status, Some(3), "{nothing:?}");
    one_line(&nothing, "nothing is pending");
    let whole = suite.golden(&["accept", ".", "--reason", "x"]);
    assert_eq!(whole.status, Some(3), "{whole:?}");
    for arguments in [&["accept", "hello"][..], &["accept", "hello", "--reason", ""]] {
        let unreasoned = suite.golden(arguments);
        assert_eq!(unreasoned.status, Some(125), "{unreasoned:?}");
        assert!(unreasoned.stderr.contains("--reason"), "{unreasoned:?}");
    }
    // What is pending was changed by somebody.
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    assert_eq!(suite.golden(&["run", "."]).status, Some(1));
    suite.change("hello/expect.console.new", "16 MiB", "18 MiB");
    let outdated = suite.golden(&["accept", "hello", "--reason", "x"]);
    assert_eq!(outdated.status, Some(3), "{outdated:?}");
    one_line(&outdated, "what is pending is not what it does now");
    assert_eq!(suite.golden(&["run", "."]).status, Some(1));
    let accepted = suite.golden(&["accept", "hello", "--reason", "x", "--by", "ben"]);
    assert_eq!(accepted.status, Some(0), "{accepted:?}");
    assert!(accepted.text().contains("- Hello from partition hello, which has 17 MiB"), "{accepted:?}");
    assert!(suite.text("hello/expect.verdict.toml").contains("by = \"ben\""));
    let nobody = suite.golden_with(
        &["accept", "hello", "--reason", "x"],
        &[("USER", ""), ("LOGNAME", ""), ("USERNAME", "")],
    );
    assert_eq!(nobody.status, Some(125), "{nobody:?}");
    one_line(&nobody, "give --by NAME");
}

#[test]
fn one_command_runs_and_accepts_what_differs_and_shows_it() {
    let suite = Suite::with_hello();
    suite.accepted("holds", &["--image", "builtin:ticker"]);
    let verdict = suite.text("holds/expect.verdict.toml");
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    let all = ["accept", ".", "--run", "--reason", "less memory"];
    let accepted = suite.golden(&all);
    assert_eq!((accepted.status, suite.pending("hello")), (Some(0), 0), "{accepted:?}");
    let text = accepted.text();
    assert!(text.contains("- Hello from partition hello, which has 17 MiB"), "{text}");
    assert!(text.ends_with("hello: accepted\n") && !text.contains("holds"), "{text}");
    assert!(suite.text("hello/expect.verdict.toml").contains("reason = \"less memory\""));
    assert_eq!(suite.text("holds/expect.verdict.toml"), verdict, "what holds keeps its reason");
    suite.change("hello/case.toml", "records = 1", "records = 1000000");
    let refused = suite.golden(&all);
    assert_eq!(refused.status, Some(3), "{refused:?}");
    one_line(&refused, "and the case requires 1000000");
}

#[test]
fn ci_writes_and_accepts_nothing() {
    let suite = Suite::with_hello();
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    for value in ["true", "1"] {
        let run = suite.golden_with(&["run", "."], &[("CI", value)]);
        assert_eq!((run.status, suite.pending("hello")), (Some(1), 0), "{run:?}");
    }
    assert_eq!(suite.golden_with(&["run", "."], &[("CI", "false")]).status, Some(1));
    assert_eq!(suite.pending("hello"), 4);
    for arguments in [
        &["accept", "hello", "--reason", "x"][..],
        &["review", "hello"],
        &["new", "other", "--image", "hello.elf"],
    ] {
        let refused = suite.golden_with(arguments, &[("CI", "true")]);
        assert_eq!(refused.status, Some(125), "{refused:?}");
        one_line(&refused, "is refused where CI is set");
    }
}

#[test]
fn less_than_before_is_accepted_only_on_purpose() {
    let suite = Suite::with_hello();
    let more: String = (0..5).map(|number| format!("line {number}\n")).collect();
    let console = suite.text("hello/expect.console");
    fs::write(suite.file("hello/expect.console"), console + &more).unwrap();
    assert_eq!(suite.golden(&["run", "."]).status, Some(1));
    let refused = suite.golden(&["accept", "hello", "--reason", "x"]);
    assert_eq!(refused.status, Some(3), "{refused:?}");
    one_line(&refused, "console shrinks from 6 lines to 1: give --allow-shrink if that is meant");
    assert_eq!(suite.golden(&["run", "."]).status, Some(1));
    let accepted = suite.golden(&["accept", "hello", "--reason", "x", "--allow-shrink"]);
    assert_eq!(accepted.status, Some(0), "{accepted:?}");
    assert_eq!(suite.golden(&["run", "."]).status, Some(0));
}

#[test]
fn reports_are_junit_and_json() {
    let suite = Suite::with_hello();
    suite.accepted("another", &["--image", "builtin:ticker"]);
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    suite.change("hello/expect.events", "bytes=5 ", "bytes=6 ");
    let json = suite.golden(&["run", ".", "--format", "json"]);
    assert_eq!(json.status, Some(1), "{json:?}");
    let text = json.text();
    for part in [
        "{\"name\": \"another\", \"result\": \"holds\", \"status\": 0, ",
        "{\"name\": \"hello\", \"result\": \"emulator_changed\", \"status\": 1, ",
        "\"command\": \"cd ./hello && paravane trace ../hello.elf ",
        "\"held\": 1,",
        "\"failed\": 1\n}",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let tap = suite.golden(&["run", ".", "--format", "tap"]);
    assert_eq!(tap.status, Some(1), "{tap:?}");
    let text = tap.text();
    for part in [
        "TAP version 14\n1..2\nok 1 - another\nnot ok 2 - hello\n",
        "  ---\n  result: emulator_changed\n  status: 1\n  message: |\n    Paravane changed",
        "\n    console differs in line 1:\n",
        "\n  ...\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let junit = suite.golden(&["run", ".", "--format", "junit", "-o", "report.xml", "--jobs", "2"]);
    assert_eq!((junit.status, junit.text().as_str()), (Some(1), ""), "{junit:?}");
    let text = suite.text("report.xml");
    for part in [
        "<testsuite name=\".\" tests=\"2\" failures=\"1\" errors=\"0\"",
        "<testcase classname=\".\" name=\"another\" time=",
        "<failure type=\"emulator_changed\" message=\"Paravane changed",
        "console differs in line 1",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn shards_share_the_cases_and_results_stand_in_order() {
    let suite = Suite::new();
    for name in ["a", "b", "c", "d", "e"] {
        suite.accepted(name, &["--image", "builtin:hello"]);
    }
    let names = |finished: &Finished| -> String {
        finished.text().lines().filter_map(|line| line.strip_prefix("PASS ")?.chars().next()).collect()
    };
    for (shard, expected) in [("1/2", "ace"), ("2/2", "bd"), ("5/5", "e")] {
        assert_eq!(names(&suite.golden(&["run", ".", "--shard", shard, "--jobs", "3"])), expected);
    }
    assert_eq!(names(&suite.golden(&["run", ".", "--jobs", "1"])), "abcde");
    for count in 1..=5 {
        let shards =
            (1..=count).map(|number| suite.golden(&["run", ".", "--shard", &format!("{number}/{count}")]));
        let mut all: Vec<char> = shards.flat_map(|shard| names(&shard).chars().collect::<Vec<_>>()).collect();
        all.sort_unstable();
        assert_eq!(all.iter().collect::<String>(), "abcde", "each once in {count} shards");
    }
    assert_eq!(names(&suite.golden(&["run", ".", "b", "d"])), "bd");
    for shard in ["0/2", "3/2", "1", "1/0", "a/b"] {
        let wrong = suite.golden(&["run", ".", "--shard", shard]);
        assert_eq!(wrong.status, Some(125), "{shard}: {wrong:?}");
        assert!(wrong.stderr.contains("write it as I/N"), "{wrong:?}");
    }
}

#[test]
fn a_case_has_input_and_systems_have_cases() {
    let suite = Suite::new();
    fs::write(suite.file("words"), "one\ntwo\n").unwrap();
    suite.accepted("echo", &["--image", "builtin:echo", "--input", "words"]);
    assert!(suite.text("echo/expect.console").contains("two"));
    suite.accepted("flight", &["--image", "builtin:flight", "--require-symbol", "nav:main"]);
    assert!(suite.text("flight/expect.ladder").contains("\nnav 64 "));
    assert!(suite.text("flight/expect.console").contains("display: "));
    assert_eq!(suite.golden(&["run", "."]).status, Some(0));
    fs::write(suite.file("words"), "one\nthree\n").unwrap();
    let changed = suite.golden(&["run", "echo"]);
    assert_eq!(changed.status, Some(4), "{changed:?}");
    assert!(changed.text().contains("../words is not what was accepted"), "{changed:?}");
    suite.change("flight/expect.events", "nav: call    yield", "nav: call    yeild");
    let system = suite.golden(&["run", "flight"]);
    assert_eq!(system.status, Some(1), "{system:?}");
    assert!(system.text().contains("--from 'nav:#0' --to 'nav:#"), "{system:?}");
}

#[test]
fn recorded_input_is_given_again() {
    let suite = Suite::new();
    let image = sample("echo");
    let mut recording =
        paravane(["run".as_ref(), "--record".as_ref(), "input.rec".as_ref(), image.as_os_str()]);
    assert!(recording.current_dir(&suite.0).output().unwrap().status.success());
    suite.accepted("echo", &["--image", image.to_str().unwrap(), "--replay", "input.rec"]);
    assert_eq!(suite.golden(&["run", "echo"]).status, Some(0));
    suite.change("input.rec", "paravane-input 1", "paravane-input 9");
    let damaged = suite.golden(&["run", "echo"]);
    assert_eq!(damaged.status, Some(125), "{damaged:?}");
    assert!(damaged.text().contains("this is no recording"), "{damaged:?}");
}

#[test]
fn bad_files_are_refused_with_their_names() {
    let suite = Suite::with_hello();
    for (path, text, says) in [
        ("hello/case.toml", "schema = 1\nrun = \"../hello.elf\"\nmemroy = 1\n", "memroy"),
        ("hello/case.toml", "\u{0}", "case.toml"),
        ("hello/case.toml", "schema = 1\nrun = \"../no.elf\"\n", "there is no such file"),
        ("hello/case.toml", "schema = 1\nrun = \"../hello.elf\"\nmemory = \"1KiB\"\n", "memory"),
    ] {
        fs::write(suite.file(path), text).unwrap();
        let finished = suite.golden(&["run", "."]);
        assert_eq!(finished.status, Some(125), "{text}: {finished:?}");
        assert!(finished.text().contains(says), "{says}: {finished:?}");
    }
    let suite = Suite::with_hello();
    for damage in ["", "schema = 9", "\u{1}", "[run]\noutcome = 5"] {
        fs::write(suite.file("hello/expect.verdict.toml"), damage).unwrap();
        let finished = suite.golden(&["run", "."]);
        assert_eq!(finished.status, Some(3), "{damage}: {finished:?}");
        assert!(finished.text().contains("expect.verdict.toml"), "{finished:?}");
    }
    let again = suite.golden(&["new", "hello", "--image", "hello.elf"]);
    assert_eq!(again.status, Some(125), "{again:?}");
    one_line(&again, "this is a case already");
}

#[test]
fn what_nobody_needs_is_pruned() {
    let suite = Suite::with_hello();
    let nothing = suite.golden(&["prune", "."]);
    assert_eq!((nothing.status, nothing.text().as_str()), (Some(0), "nothing to remove\n"));
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    suite.golden(&["run", "."]);
    let listed = suite.golden(&["prune", ".", "--dry-run"]);
    // Beside what is pending a recording, a page, an object and a script.
    assert_eq!((listed.text().lines().count(), suite.pending("hello")), (8, 4), "{listed:?}");
    assert!(suite.file("target/golden/hello/actual.pvt").exists());
    let pruned = suite.golden(&["prune", "."]);
    assert_eq!((pruned.status, suite.pending("hello")), (Some(0), 0), "{pruned:?}");
    let again = suite.golden(&["prune", "."]);
    assert_eq!((again.status, again.text().as_str()), (Some(0), "nothing to remove\n"));
    fs::remove_file(suite.file("hello/case.toml")).unwrap();
    let orphans = suite.golden(&["prune", "."]);
    assert_eq!(orphans.text().matches("its case.toml is gone").count(), 4, "{orphans:?}");
    assert_eq!(fs::read_dir(suite.file("hello")).unwrap().count(), 0);
    // Nobody needs its image any more.
    let kept = suite.golden(&["prune", "."]);
    assert_eq!(kept.text().matches("no accepted case needs it").count(), 4, "{kept:?}");
    assert!(!suite.file("target/golden").exists());
}

#[test]
fn what_cases_of_another_suite_need_is_not_pruned() {
    let suite = Suite::with_hello();
    fs::create_dir_all(suite.file("other")).unwrap();
    suite.accepted("other/boot", &["--image", "hello.elf", "--memory", "8MiB"]);
    let kept = || fs::read_dir(suite.file("target/golden/.accepted")).unwrap().count();
    // One image, two case files, the steps of two runs, and the list of cases.
    assert_eq!(kept(), 6);
    let pruned = suite.golden(&["prune", "other"]);
    assert_eq!((pruned.text().as_str(), kept()), ("nothing to remove\n", 6));
    fs::remove_dir_all(suite.file("other/boot")).unwrap();
    let pruned = suite.golden(&["prune", "."]);
    assert_eq!((pruned.text().matches("no accepted case needs it").count(), kept()), (3, 4), "{pruned:?}");
}

#[test]
fn what_is_no_suite_is_told_what_it_is() {
    let suite = Suite::with_hello();
    let recorded = suite.file("run.pvt");
    let words = ["trace", "builtin:hello", "--format", "pvt", "-o"].map(OsStr::new);
    assert!(paravane(words.into_iter().chain([recorded.as_os_str()])).output().unwrap().status.success());
    fs::write(suite.file("notes"), "x").unwrap();
    fs::write(suite.file("system.toml"), "x").unwrap();
    for (path, says) in [
        (
            "hello.elf",
            "this is a guest's ELF file, and no suite: make a case of it with `paravane golden new",
        ),
        ("run.pvt", "this is a recorded run, and no suite: open it with `paravane show`; a case is made"),
        ("hello/case.toml", "this is the file of a case: name its folder, hello"),
        ("system.toml", "if it is a system file, make a case of it with `paravane golden new"),
        ("notes", "this is a file: name a suite, or the folder of a case"),
    ] {
        let finished = suite.golden(&["run", path]);
        assert_eq!(finished.status, Some(125), "{path}: {finished:?}");
        one_line(&finished, says);
    }
    let bare = suite.golden(&[]);
    assert_eq!(bare.status, Some(125), "{bare:?}");
    assert!(bare.stderr.contains("Usage: paravane golden"), "{bare:?}");
}

/// Reads a report as CI systems do; the names of its cases, each with what it has for a failure.
const READ_JUNIT: &str = "
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == 'testsuites', root.tag
for suite in root:
    assert suite.tag == 'testsuite' and {'name', 'tests', 'failures', 'errors', 'time'} <= set(suite.attrib), suite.attrib
    cases = list(suite)
    count = lambda tag: sum(1 for case in cases if case.find(tag) is not None)
    assert int(suite.get('tests')) == len(cases)
    assert int(suite.get('failures')) == count('failure') and int(suite.get('errors')) == count('error')
    for case in cases:
        assert case.tag == 'testcase' and {'name', 'classname', 'time'} <= set(case.attrib), case.attrib
        float(case.get('time'))
        tags = [child.tag for child in case]
        # In this order, and no other, by the schema that CI systems share.
        assert tags in ([], ['failure'], ['error'], ['system-out'], ['failure', 'system-out']), tags
        for child in case:
            assert child.tag == 'system-out' or {'type', 'message'} <= set(child.attrib), child.attrib
        print(case.get('name'), *[child.get('type') for child in case if child.tag != 'system-out'])
";

#[test]
fn other_programs_read_the_reports() {
    let suite = Suite::with_hello();
    suite.accepted("<a>&\"b\"", &["--image", "builtin:echo"]);
    suite.change("hello/expect.console", "16 MiB", "17 <MiB>");
    fs::create_dir_all(suite.file("bad")).unwrap();
    fs::write(suite.file("bad/case.toml"), "schema = 1\nrun = \"system.toml\"\n").unwrap();
    fs::write(suite.file("bad/system.toml"), "[[partition]]\nname = \"a\"\nx = 5\n").unwrap();
    suite.golden(&["run", ".", "--format", "junit", "-o", "report.xml"]);
    suite.golden(&["run", ".", "--format", "json", "-o", "report.json"]);
    for file in ["report.xml", "report.json"] {
        assert!(!suite.text(file).contains('\u{1b}'), "no colours: {}", suite.text(file));
    }
    let Ok(python) = process::Command::new("python3").arg("--version").output() else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(python.status.success());
    let read_json = "import json, sys\nfor case in json.load(open(sys.argv[1]))['cases']:\n    \
                     print(case['name'], *[case['result']][:case['status']])";
    for (script, file) in [(READ_JUNIT, "report.xml"), (read_json, "report.json")] {
        let mut command = process::Command::new("python3");
        let output = command.args(["-c", script]).arg(suite.file(file)).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "<a>&\"b\"\nbad failed\nhello emulator_changed\n",
            "{output:?}"
        );
    }
}

#[test]
fn a_guest_with_events_without_end_hits_a_limit() {
    let suite = Suite::new();
    // An endless row of calls.
    let mut code = call(Call::Yield, 0, 0);
    let length = code.len() as u8;
    code.extend([0xeb, (-(i16::from(length)) - 2) as u8]);
    fs::write(suite.file("calls.elf"), ElfFile::guest(&code).bytes()).unwrap();
    let made = suite.golden(&["new", "calls", "--image", "calls.elf", "--max-instructions", "1G"]);
    assert_eq!(made.status, Some(6), "{made:?}");
    one_line(&made, "it has more than 1000000 events");
    assert!(Path::new(&suite.file("calls/case.toml")).exists());
}

/// A file that has another content whenever somebody reads it.
#[cfg(target_os = "linux")]
const RANDOM: &str = "/proc/sys/kernel/random/uuid";

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_another_one_each_time_is_nobodys_change() {
    let suite = Suite::new();
    fs::write(suite.file("words"), "one\n").unwrap();
    suite.accepted("echo", &["--image", "builtin:echo", "--input", "words"]);
    suite.change("echo/case.toml", "../words", RANDOM);
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(5), "{run:?}");
    assert!(run.text().contains("FAIL echo: it does not do the same twice"), "{run:?}");
    // Both are there to look into.
    let command = run
        .text()
        .lines()
        .find_map(|line| line.trim().strip_prefix("compare: paravane "))
        .unwrap()
        .to_owned();
    let words = command.split(' ').map(OsStr::new);
    let compared = Finished::of(&paravane(words).current_dir(&suite.0).output().unwrap());
    assert_eq!(compared.status, Some(1), "{compared:?}");
    let accepted = suite.golden(&["accept", ".", "--run", "--reason", "x"]);
    assert_eq!(accepted.status, Some(5), "{accepted:?}");
    one_line(&accepted, "it does not do the same twice");
}

#[cfg(target_os = "linux")]
#[test]
fn of_several_failures_the_gravest_decides() {
    let suite = Suite::with_hello();
    let status = |suite: &Suite| suite.golden(&["run", "."]).status;
    assert_eq!(status(&suite), Some(0));
    assert_eq!(suite.golden(&["new", "a_pending", "--image", "builtin:hello"]).status, Some(3));
    assert_eq!(status(&suite), Some(3));
    suite.accepted("b_guest", &["--image", "builtin:hello"]);
    suite.change("b_guest/case.toml", "run = ", "memory = \"8MiB\"\nrun = ");
    assert_eq!(status(&suite), Some(4));
    suite.accepted("c_limit", &["--image", "builtin:hello"]);
    suite.change("c_limit/case.toml", "instructions = 100000000", "instructions = 10");
    assert_eq!(status(&suite), Some(6));
    suite.accepted("d_emulator", &["--image", "builtin:hello"]);
    suite.change("d_emulator/expect.console", "16 MiB", "17 MiB");
    assert_eq!(status(&suite), Some(1));
    fs::write(suite.file("words"), "one\n").unwrap();
    suite.accepted("e_random", &["--image", "builtin:echo", "--input", "words"]);
    suite.change("e_random/case.toml", "../words", RANDOM);
    assert_eq!(status(&suite), Some(5));
    suite.change("d_emulator/case.toml", "run = ", "rum = ");
    assert_eq!(status(&suite), Some(125));
}
