//! Generates cases, lets the host's processor answer them, and compares the emulator with it.

use super::SKIPPED;
use super::exchange::{BREAKPOINT, case, expected, name, nop, task};
use super::generate::{Generator, HEADER, Subject};
use super::native::{Native, Outcome};
use super::shrink::smallest;
use emulator::Vector;
use std::fs;
use std::process::ExitCode;
use vectors::{
    Case, Difference, Ending, ExceptionRecord, Expected, Header, Layout, Lines, Report, Runner, Sense,
    compare, describe, parse_header,
};

/// Cases that are made, asked and judged together.
const BATCH: usize = 1024;
struct Options {
    count: u64,
    seed: u64,
    subject: Subject,
    failures: u64,
    write: Option<String>,
    cases: Option<String>,
}

/// Runs the command. The status is 1 if an answer is wrong and 77 if this host cannot be asked.
///
/// # Errors
/// Wrong arguments, or a file that cannot be read or written.
pub fn run(arguments: &[&str]) -> Result<ExitCode, String> {
    let options = Options::parse(arguments)?;
    let (header, cases) = match &options.cases {
        Some(file) => read_cases(file)?,
        None => (parse_header(HEADER)?, Vec::new()),
    };
    let runner = Runner::new(&header)?;
    let native = match able(&header.layout) {
        Ok(native) => native,
        Err(reason) => {
            eprintln!("xtask: the host's processor cannot be asked: {reason}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    let mut session = Session {
        layout: header.layout,
        native,
        runner,
        report: Report::default(),
        writes: options.write.is_some(),
        text: String::new(),
        shown: 0,
        failures: options.failures,
    };
    if options.cases.is_some() {
        for batch in cases.chunks(BATCH) {
            session.ask(batch.to_vec())?;
        }
    } else {
        println!("seed {}", options.seed);
        let mut generator = Generator::new(options.seed, options.subject);
        while session.judged() < options.count {
            let missing = (options.count - session.judged()).min(BATCH as u64);
            session.ask((0..missing).map(|_| case(&generator.draft())).collect())?;
        }
    }
    print!("{}", session.report);
    if let Some(file) = options.write {
        fs::write(&file, format!("{HEADER}\n{}", session.text))
            .map_err(|error| format!("cannot write {file}: {error}"))?;
    }
    let total = session.report.total();
    Ok(ExitCode::from(u8::from(total.defined != total.cases)))
}

/// The host's processor, once it has run a NOP.
fn able(layout: &Layout) -> Result<Native, String> {
    let mut native = Native::new(layout)?;
    let Some(nop) = nop(layout) else { return Ok(native) };
    match native.run(&[nop])?.first() {
        Some(Some(Outcome { vector: BREAKPOINT, .. })) => Ok(native),
        Some(Some(other)) => Err(format!("a NOP in 32-bit mode raised exception {}", other.vector)),
        _ => Err("a NOP in 32-bit mode ended its process".to_owned()),
    }
}

/// The cases of a file.
fn read_cases(name: &str) -> Result<(Header, Vec<Case>), String> {
    let bytes = fs::read(name).map_err(|error| format!("cannot read {name}: {error}"))?;
    let mut lines = Lines::new(bytes.as_slice());
    let header = lines.header().map_err(|error| format!("{name}: {error}"))?;
    let mut cases = Vec::new();
    while let Some(case) = lines.next_case().map_err(|error| format!("{name}: {error}"))? {
        cases.push(case);
    }
    Ok((header, cases))
}

struct Session {
    layout: Layout,
    native: Native,
    runner: Runner,
    report: Report,
    writes: bool,
    /// Cases with the host's answer, as lines, if they are to be written.
    text: String,
    /// Mismatches so far.
    shown: u64,
    /// So many of them are made as small as can be and printed; the others are only counted.
    failures: u64,
}

impl Session {
    fn judged(&self) -> u64 {
        self.report.total().cases
    }

    /// Lets host and emulator answer cases, and prints where host, emulator and the cases' own answers differ.
    fn ask(&mut self, cases: Vec<Case>) -> Result<(), String> {
        for (case, expected) in self.host_answers(cases)? {
            match expected {
                Some(expected) => self.judge(case, expected)?,
                None => println!("the host's process ended in {}", describe(&case, &[])),
            }
        }
        Ok(())
    }

    /// Cases with the answers of the host; None if its process did not survive one.
    fn host_answers(&mut self, cases: Vec<Case>) -> Result<Vec<(Case, Option<Expected>)>, String> {
        let tasks: Vec<_> = cases.iter().map(|case| task(case, &self.layout)).collect();
        let outcomes = self.native.run(&tasks)?;
        let answers = tasks
            .iter()
            .zip(outcomes)
            .map(|(task, outcome)| outcome.map(|outcome| expected(task, &outcome, &self.layout)));
        Ok(cases.into_iter().zip(answers).collect())
    }

    fn judge(&mut self, mut case: Case, mut expected: Expected) -> Result<(), String> {
        let fresh = case.expected.is_none();
        let answer = match case.expected.take() {
            Some(known) => {
                let host = Ending::Finished {
                    change: expected.change.clone().into(),
                    exception: expected.exception,
                };
                let differences = compare(&case, &known, &host, Sense::Defined);
                if !differences.is_empty() {
                    print!("the host gives another answer than the file: {}", describe(&case, &differences));
                }
                expected.undefined = known.undefined;
                self.runner.run(&case)?.ending
            }
            None => {
                case.id = self.judged();
                // Two right processors may part ways there.
                let Some(answer) = self.emulator_answer(&case, &mut expected)? else { return Ok(()) };
                answer
            }
        };
        let differences = self.report.add(&case, &expected, &answer, Sense::Defined);
        case.expected = Some(expected);
        if self.writes {
            case.write_to(&mut self.text);
        }
        if !differences.is_empty() {
            self.shown += 1;
            if self.shown <= self.failures {
                self.show(case, differences, fresh)?;
            }
        }
        Ok(())
    }

    /// The emulator's answer, and what is undefined in it; None if a right processor may give another.
    fn emulator_answer(&mut self, case: &Case, expected: &mut Expected) -> Result<Option<Ending>, String> {
        let (answer, undefined) = self.runner.run_undefined(case)?;
        expected.undefined = undefined.bits;
        let open = undefined.used || faults_are_open(case, expected.exception, &answer.ending);
        Ok((!open).then_some(answer.ending))
    }

    /// Prints a mismatch, a fresh one as small as it can be made.
    fn show(&mut self, case: Case, differences: Vec<Difference>, fresh: bool) -> Result<(), String> {
        let (mut case, mut differences) = (case, differences);
        if fresh {
            let id = case.id;
            case = smallest(case, |candidates| self.first_mismatch(candidates))?;
            (case.id, case.name) = (id, name(&case));
            let expected = case.expected.clone().unwrap_or_default();
            let ending = self.runner.run(&case)?.ending;
            differences = compare(&case, &expected, &ending, Sense::Defined);
        }
        let mut line = String::new();
        case.write_to(&mut line);
        print!("{}{line}", describe(&case, &differences));
        Ok(())
    }

    /// The first of the cases that host and emulator answer otherwise, with the host's answer.
    fn first_mismatch(&mut self, candidates: Vec<Case>) -> Result<Option<Case>, String> {
        for (mut case, expected) in self.host_answers(candidates)? {
            let Some(mut expected) = expected else { continue };
            let Some(ending) = self.emulator_answer(&case, &mut expected)? else { continue };
            if !compare(&case, &expected, &ending, Sense::Defined).is_empty() {
                case.expected = Some(expected);
                return Ok(Some(case));
            }
        }
        Ok(None)
    }
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options =
            Self { count: 10_000, seed: 1, subject: Subject::All, failures: 20, write: None, cases: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
            let number = || value.parse().map_err(|_| format!("{argument} needs a number, not {value}"));
            match *argument {
                "--count" => options.count = number()?,
                "--seed" => options.seed = number()?,
                "--failures" => options.failures = number()?,
                "--only" => {
                    options.subject = match *value {
                        "integer" => Subject::Integer,
                        "x87" => Subject::X87,
                        "vectors" => Subject::Vectors,
                        other => return Err(format!("--only takes integer, x87 or vectors, not {other}")),
                    }
                }
                "--write" => options.write = Some((*value).to_owned()),
                "--cases" => options.cases = Some((*value).to_owned()),
                other => return Err(format!("oracle has no option {other}")),
            }
        }
        if options.cases.is_some() && options.write.is_some() {
            return Err("oracle writes fresh cases only: leave out --cases or --write".to_owned());
        }
        Ok(options)
    }
}

/// Whether host and emulator report different faults of one instruction, and may.
fn faults_are_open(case: &Case, host: Option<ExceptionRecord>, ours: &Ending) -> bool {
    const LONGEST: u32 = 8;
    let Ending::Finished { exception: Some(ours), .. } = ours else { return false };
    let Some(host) = host else { return false };
    let alignment = Vector::AlignmentCheck as u8;
    // An access began below 4 GiB and would have ended above: the processor may check the limit and raise #GP or #SS, or
    // wrap and find no page (SDM Vol. 3, 5.3).
    let runs_across_the_end = ours.number == Vector::PageFault as u8 && ours.address > u32::MAX - LONGEST;
    // Nothing says which of several accesses is made first: one may be misaligned and another not allowed, and CMPS has
    // one operand in a segment that can be null. One processor does it both ways, by the prefix.
    let order_is_open = (host.number == alignment) != (ours.number == alignment) || case.group == "string";
    runs_across_the_end || order_is_open
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Native, SKIPPED, able, parse_header, run};
    use std::process::ExitCode;

    #[test]
    fn a_host_whose_addresses_are_taken_is_skipped_and_says_why() {
        let layout = parse_header(HEADER).unwrap().layout;
        // Where it cannot even be made once, the reason is the same kind of line.
        let first = Native::new(&layout);
        let reason = able(&layout).unwrap_err();
        assert!(reason.starts_with("the host does not map 0x") && !reason.contains('\n'), "{reason}");
        assert_eq!(run(&["--count", "1"]), Ok(ExitCode::from(SKIPPED)));
        drop(first);
    }
}
