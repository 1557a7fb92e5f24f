//! Cases that a real processor answered: `own.jsonl`, `x87.jsonl` and `vectors.jsonl`, written by `cargo xtask oracle`, and
//! `corners.jsonl`, which it answered and random cases do not reach.

use emulator::{CpuProfile, Dispatch, Settings};
use std::path::Path;
use vectors::{Case, Header, Lines, Report, Runner, Sense, describe};

const FILES: [&str; 4] = ["own.jsonl", "x87.jsonl", "vectors.jsonl", "corners.jsonl"];

fn bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    std::fs::read(path).expect("the cases are part of the repository")
}

fn cases(name: &str) -> (Header, Vec<Case>) {
    let bytes = bytes(name);
    let mut lines = Lines::new(bytes.as_slice());
    let header = lines.header().expect("the first line is a header");
    let mut cases = Vec::new();
    while let Some(case) = lines.next_case().expect("every line is a case") {
        cases.push(case);
    }
    (header, cases)
}

/// The cases of all files, which have the same header.
fn own_cases() -> (Header, Vec<Case>) {
    let files: Vec<_> = FILES.into_iter().map(cases).collect();
    let header = files[0].0.clone();
    (header, files.into_iter().flat_map(|(_, cases)| cases).collect())
}

fn assert_right(settings: Settings) {
    let settings = Settings { profile: CpuProfile::Prescott, ..settings };
    let (header, cases) = own_cases();
    let mut runner = Runner::with_settings(&header, settings).unwrap();
    let mut report = Report::default();
    let mut wrong = String::new();
    for case in &cases {
        let expected = case.expected.as_ref().expect("every case has its answer");
        let answer = runner.run(case).unwrap();
        let differences = report.add(case, expected, &answer.ending, Sense::Defined);
        if !differences.is_empty() {
            wrong += &describe(case, &differences);
        }
    }
    assert!(wrong.is_empty(), "{wrong}\n{report}");
    assert!(report.total().cases >= 6800, "{report}");
}

#[test]
fn a_real_processor_comes_to_the_same_end() {
    assert_right(Settings::default());
}

#[test]
fn a_real_processor_comes_to_the_same_end_with_a_loop_and_without_kept_blocks() {
    let settings = Settings { dispatch: Dispatch::Loop, forget_blocks: true, ..Settings::default() };
    assert_right(settings);
}

#[test]
fn a_real_processor_comes_to_the_same_end_with_flags_settled_at_once() {
    assert_right(Settings { settle_flags: true, ..Settings::default() });
}

#[test]
fn the_cases_are_answered_as_lines() {
    for file in FILES {
        let (header, cases) = cases(file);
        let mut output = Vec::new();
        let answered = vectors::answer(bytes(file).as_slice(), &mut output).unwrap();
        let mut answers = Lines::new(output.as_slice());
        let mut runner = Runner::new(&header).unwrap();
        for case in &cases {
            assert_eq!(answers.next_answer().unwrap().as_ref(), Some(&runner.run(case).unwrap()));
        }
        assert_eq!(answered, cases.len() as u64);
    }
}

#[test]
fn the_table_of_undefined_bits_says_what_the_cases_leave_open() {
    let (header, cases) = own_cases();
    let mut runner = Runner::new(&header).unwrap();
    let mut open = 0;
    for case in &cases {
        let (_, undefined) = runner.run_undefined(case).unwrap();
        let expected = &case.expected.as_ref().expect("every case has its answer").undefined;
        assert_eq!(undefined.bits, *expected, "{}", describe(case, &[]));
        assert!(!undefined.used, "{}", describe(case, &[]));
        open += u32::from(undefined.bits.registers[vectors::EFLAGS] != 0);
    }
    assert!(open > 500, "{open} cases leave flags undefined");
}
