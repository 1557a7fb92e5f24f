//! `paravane golden` with folders that are damaged, or were made by an enemy: one line about each, and nothing is lost.

use super::golden_suite::{Suite, one_line};
use super::paravane::Finished;
use std::fs;

fn run(suite: &Suite) -> Finished {
    suite.golden(&["run", "."])
}

/// Its report has this line about the case, and it fails with this status.
fn fails(suite: &Suite, status: i32, says: &str) {
    let finished = run(suite);
    assert_eq!(finished.status, Some(status), "{says}: {finished:?}");
    let text = finished.text();
    let line = text.lines().find(|line| line.starts_with("FAIL hello: ")).unwrap_or_default();
    assert!(line.contains(says), "{says}\n{text}");
}

#[test]
fn a_case_file_with_a_wrong_value_is_refused_with_its_place() {
    let suite = Suite::with_hello();
    let refused = |text: &str, says: &str| {
        fs::write(suite.file("hello/case.toml"), text).unwrap();
        fails(&suite, 125, says);
    };
    for (text, says) in [
        ("", "missing field `schema`"),
        ("schema = 1\n", "missing field `run`"),
        ("schema = 2\nrun = \"../hello.elf\"\n", "`schema` is 2: this version reads schema 1"),
        ("schema = \"1\"\nrun = \"../hello.elf\"\n", "line 1, `schema = \"1\"`: invalid type"),
        ("schema = 1\nrun = 5\n", "line 2, `run = 5`: invalid type"),
        ("schema = 1\nrun = \"\"\n", "this is a folder: name a file"),
        ("schema = 1\nrun = \"../no.elf\"\n", "there is no such file"),
        ("schema = 1\nrun = \"builtin:x\"\n", "there is no such sample"),
        ("schema = 1\nrun = \"case.toml\"\n", "case.toml: 3 errors"),
        ("schema = 1\nrun = \"../hello.elf\nx = 1\n", "line 2, `run = \"../hello.elf`: invalid basic string"),
    ] {
        refused(text, says);
    }
    for (line, says) in [
        ("arguments = \"x\"", "line 3, `arguments = \"x\"`: invalid type"),
        ("memory = 5", "line 3, `memory = 5`"),
        ("memory = \"0\"", "a memory of 0 bytes is not possible"),
        ("memory = \"99999999999999GiB\"", "`memory`: more than 2^64 bytes"),
        ("abi = \"dos\"", "`abi` is `dos`: write one of"),
        ("cpu = \"z80\"", "`cpu` is `z80`: write one of"),
        ("input = \"no\"", "there is no such file"),
        ("replay = \"no\"", "there is no such file"),
        ("input = \"a\"\nreplay = \"b\"", "exclude each other"),
        ("limits = 5", "expected a table"),
        ("[limits]\ninstructions = -1", "line 4, `instructions = -1`"),
        ("[limits]\ninstructions = 99999999999999999999", "line 4, `instructions = 9"),
        ("[limits]\ntime = \"5parsecs\"", "`limits.time`: `parsecs` is no unit of time"),
        ("[limits]\nexpected = \"yes\"", "expected a boolean"),
        ("require = 5", "expected a table"),
        ("[require]\nrecords = -1", "line 4, `records = -1`"),
        ("[require]\nsymbols = \"main\"", "line 4, `symbols = \"main\"`"),
        ("[require]\nsymbols = [\"mian\"]", "the image has no such symbol"),
        ("trace = 5", "expected a table"),
        ("[trace]\nonly = [\"nothing\"]", "`trace.only` names `nothing`: write some of"),
        ("[trace]\nfrom = \"#x\"", "`trace.from`: `#x`: there is no number"),
        ("[trace]\nto = \"trap:999\"", "`trace.to`: `trap:999`: a trap is a vector"),
        ("[trace]\npartitions = [\"x\"]", "`trace.partitions` names `x`: write some of"),
        ("tolerate = 5", "expected a table"),
        ("[tolerate]\nregisters = [\"xyz\"]", "`tolerate.registers` names `xyz`: write some of"),
        ("[tolerate]\nvalues = [{}]", "missing field `call`"),
        ("[tolerate]\nelide = [\"\"]", "`tolerate.elide` names nothing"),
        ("[tolerate]\norder = \"none\"", "`tolerate.order` is `none`: write one of"),
        ("[tolerate]\nverdict = [\"outcome\"]", "`tolerate.verdict` names `outcome`: write some of"),
        ("schema = 1", "line 3, `schema = 1`: duplicate key"),
        ("[other]", "unknown field `other`"),
    ] {
        refused(&format!("schema = 1\nrun = \"../hello.elf\"\n{line}\n"), says);
    }
}

#[test]
fn damage_of_what_was_accepted_is_no_change_of_anybody() {
    let accepted = Suite::with_hello();
    let original = |name: &str| accepted.text(&format!("hello/expect.{name}"));
    let (ladder, events, console) = (original("ladder"), original("events"), original("console"));
    let lines = |text: &str, count: usize| text.split_inclusive('\n').take(count).collect::<String>();
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let conflict = |text: &str| text.replacen('\n', "\n<<<<<<< HEAD\n", 1);
    let damages = [
        ("ladder", ladder[..150].to_owned(), "its last line is cut off: restore it"),
        ("ladder", lines(&ladder, 3), "it was cut off after "),
        ("ladder", lines(&ladder, 1), "it was cut off after "),
        ("ladder", String::new(), "this is no ladder, or its first line is missing"),
        ("ladder", ladder.replacen("ladder 2:", "ladder 9:", 1), "another version of Paravane wrote it"),
        ("ladder", ladder.replacen("\nhello 64 ", "\nhello x ", 1), "line 2 is no line of a ladder"),
        ("ladder", crlf(&ladder), "its lines end in CR LF: write `expect.* -text` into .gitattributes"),
        ("ladder", conflict(&ladder), "line 2 is the mark of a merge conflict"),
        ("events", lines(&events, 3), "it was cut off after "),
        ("events", String::new(), "it was cut off after 0 of "),
        ("events", crlf(&events), "its lines end in CR LF"),
        ("events", conflict(&events), "line 2 is the mark of a merge conflict"),
        ("console", crlf(&console), "its lines end in CR LF"),
    ];
    for (name, text, says) in damages {
        let suite = Suite::with_hello();
        fs::write(suite.file(&format!("hello/expect.{name}")), text).unwrap();
        fails(&suite, 3, says);
        // Whoever has no other copy accepts it anew, and is told in place of what.
        let again = suite.golden(&["accept", "hello", "--reason", "x", "--allow-shrink"]);
        assert_eq!(again.status, Some(0), "{says}: {again:?}");
        assert_eq!(run(&suite).status, Some(0), "{says}");
    }
    let suite = Suite::with_hello();
    fs::write(suite.file("hello/expect.events"), b"\xff\xfe\n").unwrap();
    fails(&suite, 3, "expect.events: this is no UTF-8 text");
    // Less than before is refused although nobody can read what was before.
    fs::write(suite.file("hello/expect.events"), [&b"\xff\n"[..], "x\n".repeat(500).as_bytes()].concat())
        .unwrap();
    let shrunk = suite.golden(&["accept", "hello", "--reason", "x"]);
    assert_eq!(shrunk.status, Some(3), "{shrunk:?}");
    one_line(&shrunk, "events shrinks from 501 lines to ");
    assert!(
        shrunk.text().starts_with("hello: in place of what was accepted, which is damaged: "),
        "{shrunk:?}"
    );
}

#[test]
fn a_file_of_any_length_is_refused_at_once() {
    for (name, status, most) in [
        ("case.toml", 125, "1 MiB"),
        ("expect.verdict.toml", 3, "16 MiB"),
        ("expect.events", 3, "512 MiB"),
        ("expect.ladder", 3, "512 MiB"),
    ] {
        let suite = Suite::with_hello();
        let file = fs::File::create(suite.file(&format!("hello/{name}"))).unwrap();
        file.set_len(1 << 30).unwrap();
        fails(
            &suite,
            status,
            &format!("{name}: it has 1073741824 bytes, and no such file has more than {most}"),
        );
    }
}

#[cfg(unix)]
mod unix {
    use super::{fails, run};
    use crate::cli::golden_suite::{Suite, one_line};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn a_pipe_in_place_of_a_file_is_never_waited_for() {
        let make = |suite: &Suite, name: &str| {
            let _ = fs::remove_file(suite.file(name));
            assert!(Command::new("mkfifo").arg(suite.file(name)).status().unwrap().success());
        };
        for (name, status) in [
            ("hello/case.toml", 125),
            ("hello/expect.verdict.toml", 3),
            ("hello/expect.console", 3),
            ("hello/expect.events", 3),
            ("hello/expect.ladder", 3),
            ("hello.elf", 125),
        ] {
            let suite = Suite::with_hello();
            make(&suite, name);
            fails(&suite, status, "this is a pipe or a device: put a plain file there");
            if status == 3 {
                let accepted = suite.golden(&["accept", "hello", "--reason", "x"]);
                assert_eq!(accepted.status, Some(125), "{accepted:?}");
                one_line(&accepted, "this is a pipe or a device where a file should be: remove it");
            }
            let pruned = suite.golden(&["prune", "."]);
            assert_eq!(pruned.status, Some(0), "{pruned:?}");
        }
        let suite = Suite::with_hello();
        make(&suite, "pipe");
        for line in ["input = \"../pipe\"", "replay = \"../pipe\"", "input = \"/dev/zero\""] {
            fs::write(suite.file("hello/case.toml"), format!("schema = 1\nrun = \"../hello.elf\"\n{line}\n"))
                .unwrap();
            fails(&suite, 125, "this is a pipe or a device");
        }
    }

    #[test]
    fn nothing_is_written_through_a_link_or_into_a_file_that_may_not_be_written() {
        for name in ["expect.console", "expect.ladder.new", "expect.verdict.toml.new"] {
            let suite = Suite::with_hello();
            suite.change("hello/expect.console", "16 MiB", "17 MiB");
            fs::write(suite.file("precious"), suite.text("hello/expect.console")).unwrap();
            let _ = fs::remove_file(suite.file(&format!("hello/{name}")));
            symlink("../precious", suite.file(&format!("hello/{name}"))).unwrap();
            let finished = suite.golden(&["accept", "hello", "--run", "--reason", "x"]);
            assert_eq!(finished.status, Some(125), "{name}: {finished:?}");
            one_line(&finished, "this is a symbolic link, and what it names is not written: remove the link");
            assert!(suite.text("precious").contains("17 MiB"), "{name}");
            assert!(suite.text("hello/expect.verdict.toml").contains("reason = \"a test\""), "{name}");
        }
        let suite = Suite::with_hello();
        suite.change("hello/expect.console", "16 MiB", "17 MiB");
        let ladder = suite.file("hello/expect.ladder");
        let mut rights = fs::metadata(&ladder).unwrap().permissions();
        rights.set_readonly(true);
        fs::set_permissions(&ladder, rights).unwrap();
        let finished = suite.golden(&["accept", ".", "--run", "--reason", "x"]);
        assert_eq!((finished.status, suite.pending("hello")), (Some(125), 4), "{finished:?}");
        one_line(&finished, "expect.ladder: this file is read-only: make it writable");
        assert!(suite.text("hello/expect.console").contains("17 MiB"), "nothing of it is accepted");
        assert_eq!(run(&suite).status, Some(1));
    }

    #[test]
    fn a_case_that_cannot_be_accepted_is_in_the_way_of_no_other() {
        let suite = Suite::with_hello();
        suite.accepted("last", &["--image", "builtin:hello"]);
        for case in ["hello", "last"] {
            suite.change(&format!("{case}/expect.console"), "16 MiB", "17 MiB");
        }
        fs::create_dir(suite.file("hello/expect.ladder.new")).unwrap();
        let finished = suite.golden(&["accept", ".", "--run", "--reason", "x"]);
        assert_eq!(finished.status, Some(125), "{finished:?}");
        one_line(&finished, "hello/expect.ladder.new: this is a folder where a file should be: remove it");
        assert!(finished.text().ends_with("last: accepted\n"), "{finished:?}");
    }

    #[test]
    fn two_names_of_one_folder_are_two_cases() {
        let suite = Suite::with_hello();
        symlink("hello", suite.file("alias")).unwrap();
        suite.change("hello/expect.console", "16 MiB", "17 MiB");
        let text = run(&suite).text();
        assert!(text.contains("FAIL alias: ") && text.contains("FAIL hello: "), "{text}");
        for case in ["alias", "hello"] {
            assert!(suite.file(&format!("target/golden/{case}/actual.pvt")).exists(), "{case}");
        }
    }
}
