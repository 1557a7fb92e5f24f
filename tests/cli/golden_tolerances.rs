//! `[trace]` and `[tolerate]` of a case: what is not compared, and that every report says so.

use super::elf::{ElfFile, call};
use super::golden_suite::{Suite, one_line};
use super::paravane::Finished;
use hypervisor_core::abi::Call;
use std::fs;

/// A suite with one accepted case whose `case.toml` ends in this.
fn suite(image: &str, more: &str) -> Suite {
    let suite = Suite::new();
    add(&suite, "case", image, more);
    suite
}

fn add(suite: &Suite, name: &str, image: &str, more: &str) {
    fs::create_dir_all(suite.file(name)).unwrap();
    fs::write(suite.file(&format!("{name}/case.toml")), format!("schema = 1\nrun = \"{image}\"\n{more}"))
        .unwrap();
    let accepted = suite.golden(&["accept", name, "--run", "--reason", "a test"]);
    assert_eq!(accepted.status, Some(0), "{accepted:?}");
}

fn run(suite: &Suite) -> Finished {
    suite.golden(&["run", "."])
}

/// The only line of the report between the case's and the last one.
fn remark(suite: &Suite) -> String {
    let finished = run(suite);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    let text = finished.text();
    let remarks: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(remarks.len(), 1, "{text}");
    remarks[0].to_owned()
}

/// Reads the time stamp counter at the third byte, after `before`, and ends.
fn reads_time(before: [u8; 2]) -> Vec<u8> {
    // rdtsc; xor edx, edx
    let mut code = [&before[..], &[0x0f, 0x31, 0x31, 0xd2]].concat();
    code.extend(call(Call::Shutdown, 0, 0));
    ElfFile::guest(&code).bytes()
}

#[test]
fn a_tolerated_register_is_not_compared_and_told_of() {
    // Two instructions of one byte, or one of two: it is another time.
    let (two, one) = (reads_time([0x90, 0x90]), reads_time([0x89, 0xc9]));
    let part = "[trace]\nfrom = \"0x101002\"\n";
    let verdict = "verdict = [\"executed\", \"recorded\", \"virtual_ns\", \"state\"]\n";
    for (registers, differs) in
        [("", true), ("registers = [\"eax\"]\n", false), ("registers = [\"ecx\"]\n", true)]
    {
        let suite = Suite::new();
        fs::write(suite.file("time.elf"), &two).unwrap();
        add(&suite, "case", "../time.elf", &format!("{part}\n[tolerate]\n{registers}{verdict}"));
        fs::write(suite.file("time.elf"), &one).unwrap();
        let changed = run(&suite);
        let text = changed.text();
        assert_eq!(changed.status, Some(4), "{changed:?}");
        assert_eq!(text.contains("ladder differs in line"), differs, "{registers}: {text}");
        assert_eq!(text.contains("tolerated: registers eax: 2 changes\n"), !differs, "{registers}: {text}");
        let unused = "unused tolerance: registers ecx: there was nothing to tolerate: remove it\n";
        assert_eq!(text.contains(unused), registers.contains("ecx"), "{registers}: {text}");
        for part in ["compared: ", "tolerated: verdict virtual_ns: ", " in place of "] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("verdict differs"), "{text}");
    }
}

#[test]
fn a_flag_after_an_instruction_is_told_of_by_how_often_it_ran() {
    // shl eax, 4; shl eax, 4
    let mut code = vec![0xc1, 0xe0, 4, 0xc1, 0xe0, 4];
    code.extend(call(Call::Shutdown, 0, 0));
    let suite = Suite::new();
    fs::write(suite.file("shifts.elf"), ElfFile::guest(&code).bytes()).unwrap();
    add(&suite, "case", "../shifts.elf", "[tolerate]\nregisters = [\"AF@after:shl\"]\n");
    assert_eq!(remark(&suite), "tolerated: registers AF@after:shl: 2 such instructions");
    assert!(suite.text("case/expect.ladder").contains("\n# without AF@after:shl\n"));
    let json = suite.golden(&["run", ".", "--format", "json"]).text();
    assert!(
        json.contains("{\"rule\": \"registers AF@after:shl\", \"what\": \"2 such instructions\"}"),
        "{json}"
    );
    let junit = suite.golden(&["run", ".", "--format", "junit"]).text();
    assert!(
        junit.contains("<system-out>tolerated: registers AF@after:shl: 2 such instructions\n</system-out>")
    );
}

#[test]
fn a_tolerated_value_of_a_call_stands_under_its_other_name() {
    let rule = "[tolerate]\nvalues = [{ call = \"console_write\", field = \"bytes\", as = \"<n>\" }]\n";
    let suite = suite("builtin:hello", rule);
    let events = suite.text("case/expect.events");
    assert!(events.contains("console_write(bytes=<n>) = ") && !events.contains("bytes=5"), "{events}");
    let remark = remark(&suite);
    assert!(
        remark.starts_with("tolerated: values console_write.bytes as <n>: ") && remark.ends_with(" values")
    );
}

#[test]
fn an_elided_function_is_left_out_of_the_ladder_and_announced() {
    let whole = suite("builtin:hello", "");
    let elided = suite("builtin:hello", "[tolerate]\nelide = [\"pv_print*\"]\n");
    assert!(elided.text("case/expect.ladder").contains("\n# elided: pv_print*\n"));
    let last = |suite: &Suite| -> u64 {
        let ladder = suite.text("case/expect.ladder");
        ladder.trim_end().rsplit(' ').nth(1).unwrap().parse().unwrap()
    };
    let remark = remark(&elided);
    let count = remark.strip_prefix("tolerated: elide pv_print*: elided n=").expect(&remark);
    assert_eq!(last(&whole) - last(&elided), count.parse::<u64>().unwrap());
    assert_eq!(whole.text("case/expect.events"), elided.text("case/expect.events"));
}

#[test]
fn events_of_partitions_may_come_in_any_order() {
    let total = suite("builtin:flight", "");
    let grouped = suite("builtin:flight", "[tolerate]\norder = \"per-partition\"\n");
    assert_eq!(remark(&grouped), "tolerated: order per-partition: each partition is compared by itself");
    let switches = |suite: &Suite| {
        let console = suite.text("case/expect.console");
        let names: Vec<&str> =
            console.lines().filter_map(|line| line.split_once(": ").map(|(name, _)| name)).collect();
        names.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    assert!(switches(&total) > switches(&grouped) && switches(&grouped) <= 3);
    let alone = suite("builtin:hello", "[tolerate]\norder = \"per-partition\"\n");
    assert!(remark(&alone).starts_with("unused tolerance: order per-partition: "));
}

#[test]
fn only_a_part_of_a_run_can_be_compared() {
    let calls = suite("builtin:flight", "[trace]\nonly = [\"calls\"]\npartitions = [\"nav\"]\n");
    let events = calls.text("case/expect.events");
    let is_call = |line: &&str| !line.trim_start().starts_with("nav: call ") && !line.ends_with(" times:");
    assert!(events.lines().count() > 3 && events.lines().filter(is_call).count() == 0, "{events}");
    assert!(calls.text("case/expect.ladder").ends_with("# no instructions: trace.only names none\n"));
    assert!(remark(&calls).starts_with("compared: 0 of "));

    let from_to = suite("builtin:hello", "[trace]\nfrom = \"main\"\nto = \"pv_shutdown\"\n");
    let events = from_to.text("case/expect.events");
    assert!(events.contains("console_write") && !events.contains("shutdown("), "{events}");
    let remark = remark(&from_to);
    assert!(remark.starts_with("compared: ") && remark.ends_with(" events, as [trace] says"), "{remark}");
}

#[test]
fn what_is_never_reached_or_not_known_fails() {
    let suite = Suite::new();
    fs::create_dir_all(suite.file("case")).unwrap();
    let run_with = |more: &str| {
        fs::write(suite.file("case/case.toml"), format!("schema = 1\nrun = \"builtin:flight\"\n{more}"))
            .unwrap();
        let finished = suite.golden(&["accept", "case", "--run", "--reason", "a test"]);
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        finished
    };
    for (more, status, says) in [
        (
            "[trace]\nfrom = \"nav:mark:99\"\n",
            3,
            "`nav:mark:99`, from where the case compares, was never reached",
        ),
        (
            "[trace]\nonly = [\"marks\"]\npartitions = [\"nav\"]\n[require]\nrecords = 9999\n",
            3,
            "requires 9999",
        ),
        ("[trace]\npartitions = [\"nva\"]\n", 125, "`trace.partitions` names `nva`: write some of "),
        ("[trace]\nfrom = \"nav:mian\"\n", 125, "did you mean `main`?"),
        ("[trace]\nform = \"main\"\n", 125, "line 4, `form = \"main\"`: unknown field `form`, expected"),
        ("[tolerates]\n", 125, "unknown field `tolerates`"),
    ] {
        let finished = run_with(more);
        assert_eq!(finished.status, Some(status), "{more}: {finished:?}");
        one_line(&finished, says);
    }
}

#[test]
fn the_first_difference_is_none_that_is_left_out() {
    let first = |more: &str| {
        let case =
            |word: &str| format!("schema = 1\nrun = \"builtin:hello\"\narguments = [\"{word}\"]\n{more}");
        let suite = Suite::new();
        fs::create_dir_all(suite.file("case")).unwrap();
        fs::write(suite.file("case/case.toml"), case("world")).unwrap();
        let accepted = suite.golden(&["accept", "case", "--run", "--reason", "a test"]);
        assert_eq!(accepted.status, Some(0), "{accepted:?}");
        fs::write(suite.file("case/case.toml"), case("moon!")).unwrap();
        let finished = run(&suite);
        assert_eq!(finished.status, Some(4), "{finished:?}");
        let text = finished.text();
        let head = text.split_once("first differing ").expect(&text).1;
        head.lines().nth(1).expect(&text).to_owned()
    };
    let all = first("");
    assert!(all.contains(" pv_print+"), "{all}");
    let elided = first("[tolerate]\nelide = [\"pv_print*\"]\n");
    assert!(elided.contains("accepted #") && !elided.contains(" pv_print"), "{elided}");
}
