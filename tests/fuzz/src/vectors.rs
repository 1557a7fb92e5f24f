//! Any text is a v32 file or is refused with one line; its cases run and give the same answer twice.

use vectors::{Answer, Case, Ending, Header, Lines, Runner, parse_answer};

/// Clearing the memory between two cases is what takes time: a file with more is read and not run.
const MEMORY_BYTES: u64 = 64 << 10;
const CASES: usize = 8;
const STEPS: u32 = 8;

/// Reads the bytes as a file of cases and as a file of answers.
pub fn check(bytes: &[u8]) {
    let mut answers = Lines::new(bytes);
    while let Ok(Some(answer)) = answers.next_answer() {
        check_text(&answer);
    }
    let mut lines = Lines::new(bytes);
    let header = match lines.header() {
        Ok(header) => header,
        Err(problem) => return check_line(&problem.to_string()),
    };
    let mut runner = runner(&header);
    for _ in 0..CASES {
        match lines.next_case() {
            Ok(Some(case)) => {
                if let Some(runner) = &mut runner {
                    run(runner, case);
                }
            }
            Ok(None) => return,
            Err(problem) => return check_line(&problem.to_string()),
        }
    }
}

fn check_line(line: &str) {
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?} is not one line");
}

fn runner(header: &Header) -> Option<Runner> {
    let mut pages = 0;
    let mut end = 0;
    for region in header.layout.regions() {
        assert!(u64::from(region.base) >= end, "the region at {:x} overlaps", region.base);
        end = u64::from(region.base) + 4096 * u64::from(region.pages);
        pages += u64::from(region.pages);
    }
    assert!(end <= 1 << 32);
    (pages * 4096 <= MEMORY_BYTES).then(|| Runner::new(header).expect("the host has 64 KiB"))
}

fn run(runner: &mut Runner, case: Case) {
    let case = Case { steps: case.steps.min(STEPS), ..case };
    match runner.run(&case) {
        Ok(answer) => {
            check_text(&answer);
            assert_eq!(runner.run(&case), Ok(answer), "the second answer differs");
            let (undefined, _) = runner.run_undefined(&case).expect("it ran before");
            assert!(!matches!(undefined.ending, Ending::Panic(_)), "{undefined:?}");
        }
        Err(what) => check_line(&what),
    }
}

/// What is written is read as the same.
fn check_text(answer: &Answer) {
    let mut text = String::new();
    answer.write_to(&mut text);
    let line = text.strip_suffix('\n').expect("an answer is one line");
    assert_eq!(parse_answer(line).as_ref(), Ok(answer), "{line}");
}
