//! Generates cases, lets the host's processor answer them, and compares the emulator with it.

use super::SKIPPED;
use super::forms::extent;
use super::generate::{Draft, Generator, HEADER};
use super::native::{End, Native, Outcome, State, Task};
use emulator::decode::disassemble;
use emulator::{Vector, flags};
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use vectors::{
    Case, Change, EFLAGS, EIP, Ending, ExceptionRecord, Expected, Header, Layout, Lines, Piece, Registers,
    Report, Runner, Sense, compare, describe, parse_header,
};

/// Cases that are made, asked and judged together.
const BATCH: usize = 1024;
const BREAKPOINT: u8 = 3;
const DEBUG: u8 = 1;
const INT3: u8 = 0xcc;
/// Flags that say how the processor was stopped, not what the case did.
const STOP_FLAGS: u32 = flags::TF | flags::RF | flags::VM;

struct Options {
    count: u64,
    seed: u64,
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
    let native = match Native::new(&header.layout) {
        Ok(native) => native,
        Err(reason) => {
            eprintln!("xtask: the host's processor cannot be asked: {reason}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    let runner = Runner::new(&header)?;
    let mut session = Session {
        layout: header.layout,
        native,
        runner,
        report: Report::default(),
        writes: options.write.is_some(),
        text: String::new(),
    };
    if options.cases.is_some() {
        for batch in cases.chunks(BATCH) {
            session.ask(batch.to_vec())?;
        }
    } else {
        println!("seed {}", options.seed);
        let mut generator = Generator::new(options.seed);
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

/// The cases of a file that the host can be asked: those without x87 and SSE state.
fn read_cases(name: &str) -> Result<(Header, Vec<Case>), String> {
    let bytes = fs::read(name).map_err(|error| format!("cannot read {name}: {error}"))?;
    let mut lines = Lines::new(bytes.as_slice());
    let header = lines.header().map_err(|error| format!("{name}: {error}"))?;
    let mut cases = Vec::new();
    while let Some(case) = lines.next_case().map_err(|error| format!("{name}: {error}"))? {
        if case.initial.fpu.is_none() && case.initial.sse.is_none() {
            cases.push(case);
        }
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
}

impl Session {
    fn judged(&self) -> u64 {
        self.report.total().cases
    }

    /// Lets host and emulator answer cases, and prints where host, emulator and the cases' own answers differ.
    fn ask(&mut self, cases: Vec<Case>) -> Result<(), String> {
        let tasks: Vec<_> = cases.iter().map(|case| task(case, &self.layout)).collect();
        let outcomes = self.native.run(&tasks)?;
        for ((case, task), outcome) in cases.into_iter().zip(&tasks).zip(outcomes) {
            match outcome {
                Some(outcome) => self.judge(case, task, &outcome)?,
                None => println!("the host's process ended in {}", describe(&case, &[])),
            }
        }
        Ok(())
    }

    fn judge(&mut self, mut case: Case, task: &Task, outcome: &Outcome) -> Result<(), String> {
        let (answer, undefined) = self.runner.run_undefined(&case)?;
        let mut expected = expected(task, outcome, &self.layout);
        match case.expected.take() {
            Some(known) => {
                expected.undefined = known.undefined.clone();
                let host = Ending::Finished {
                    change: expected.change.clone().into(),
                    exception: expected.exception,
                };
                let differences = compare(&case, &known, &host, Sense::Defined);
                if !differences.is_empty() {
                    print!("the host gives another answer than the file: {}", describe(&case, &differences));
                }
            }
            // Two right processors may part ways there.
            None if undefined.used || faults_are_open(&case, expected.exception, &answer.ending) => {
                return Ok(());
            }
            None => {
                expected.undefined = undefined.bits;
                case.id = self.judged();
            }
        }
        let differences = self.report.add(&case, &expected, &answer.ending, Sense::Defined);
        case.expected = Some(expected);
        if !differences.is_empty() {
            let mut line = String::new();
            case.write_to(&mut line);
            print!("{}{line}", describe(&case, &differences));
        }
        if self.writes {
            case.write_to(&mut self.text);
        }
        Ok(())
    }
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self { count: 10_000, seed: 1, write: None, cases: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
            let number = || value.parse().map_err(|_| format!("{argument} needs a number, not {value}"));
            match *argument {
                "--count" => options.count = number()?,
                "--seed" => options.seed = number()?,
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

fn case(draft: &Draft) -> Case {
    let mut regs = Registers::default();
    let [fs, gs] = draft.fs_and_gs.map(u32::from);
    let segments = [0x2b, 0x23, 0x2b, 0x2b, fs, gs];
    let values = draft.general.into_iter().chain(segments).chain([draft.eip, draft.eflags]);
    for (register, value) in regs.0.iter_mut().zip(values) {
        *register = Some(value);
    }
    let mut case = Case { group: draft.group.to_owned(), steps: draft.steps, ..Case::default() };
    let code = Piece { address: draft.eip, bytes: draft.code.clone() };
    let data = draft.ram.iter().map(|(address, bytes)| Piece { address: *address, bytes: bytes.clone() });
    case.initial.regs = regs;
    case.initial.ram = std::iter::once(code).chain(data).collect();
    case.name = name(draft);
    case
}

fn name(draft: &Draft) -> String {
    let mut name = String::new();
    let mut code = draft.code.as_slice();
    let mut eip = draft.eip;
    for step in 0..draft.steps {
        let disassembly = disassemble(code, eip);
        let separator = if step == 0 { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(name, "{separator}{}", disassembly.text);
        let length = disassembly.length.min(code.len());
        eip += length as u32;
        code = &code[length..];
    }
    name
}

fn task(case: &Case, layout: &Layout) -> Task {
    let registers = case.initial.regs;
    let eip = registers.value(EIP);
    let mut image = layout.filled();
    for piece in &case.initial.ram {
        if let Some(position) = layout.position(piece.address) {
            image[position..position + piece.bytes.len()].copy_from_slice(&piece.bytes);
        }
    }
    let extent = extent(case.code(), case.steps);
    let end = if extent.branches { End::Trap } else { End::Int3(eip.wrapping_add(extent.length)) };
    if let End::Int3(end) = end
        && let Some(position) = layout.position(end)
    {
        image[position] = INT3;
    }
    let mut state = State { eip, eflags: registers.value(EFLAGS), ..State::default() };
    for (position, register) in state.general.iter_mut().enumerate() {
        *register = registers.value(position);
    }
    for (index, segment) in state.segments.iter_mut().enumerate() {
        *segment = registers.value(8 + index) as u16;
    }
    Task { state, image, end }
}

fn expected(task: &Task, outcome: &Outcome, layout: &Layout) -> Expected {
    let mut after = outcome.state;
    let finished = match task.end {
        // The INT3 that ended the case is one byte long.
        End::Int3(end) => outcome.vector == BREAKPOINT && after.eip == end.wrapping_add(1),
        End::Trap => outcome.vector == DEBUG,
    };
    let exception = if finished {
        None
    } else {
        Some(ExceptionRecord { number: outcome.vector, error: outcome.error, address: outcome.address })
    };
    if finished && let End::Int3(end) = task.end {
        after.eip = end;
    }
    after.eflags &= !STOP_FLAGS;
    let regs = changed_registers(&task.state, &after);
    let ram = changed_memory(&task.image, &outcome.image, layout);
    let change = Change { regs, ram, ..Change::default() };
    Expected { change, exception, ..Expected::default() }
}

fn changed_registers(before: &State, after: &State) -> Registers {
    let mut changed = Registers::default();
    let values = |state: &State| {
        let segments = state.segments.map(u32::from);
        let mut values = [0; 16];
        values[..8].copy_from_slice(&state.general);
        values[8..14].copy_from_slice(&segments);
        values[EIP] = state.eip;
        values[EFLAGS] = state.eflags;
        values
    };
    let pairs = values(before).into_iter().zip(values(after));
    for (register, (before, after)) in changed.0.iter_mut().zip(pairs) {
        *register = (before != after).then_some(after);
    }
    changed
}

fn changed_memory(before: &[u8], after: &[u8], layout: &Layout) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (position, (_, byte)) in
        before.iter().zip(after).enumerate().filter(|(_, (before, after))| before != after)
    {
        let Some(address) = layout.address(position) else { continue };
        match pieces.last_mut() {
            Some(last) if last.address + last.bytes.len() as u32 == address => last.bytes.push(*byte),
            _ => pieces.push(Piece { address, bytes: vec![*byte] }),
        }
    }
    pieces
}
