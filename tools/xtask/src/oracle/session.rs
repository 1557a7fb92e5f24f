//! Generates cases, lets the host's processor answer them, and compares the emulator with it.

use super::SKIPPED;
use super::generate::{Draft, Generator, HEADER};
use super::native::{End, Native, Outcome, State, Task};
use emulator::decode::disassemble;
use emulator::{Vector, flags};
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use vectors::{
    Case, Change, EFLAGS, EIP, Ending, ExceptionRecord, Expected, Layout, Piece, Registers, Report, Runner,
    Sense, describe, parse_header,
};

/// Cases between two reports to the child.
const BATCH: u64 = 1024;
const BREAKPOINT: u8 = 3;
const DEBUG: u8 = 1;
/// Flags that say how the processor was stopped, not what the case did.
const STOP_FLAGS: u32 = flags::TF | flags::RF | flags::VM;

struct Options {
    count: u64,
    seed: u64,
    file: Option<String>,
}

/// Runs the command. The status is 1 if an answer is wrong and 77 if this host cannot be asked.
///
/// # Errors
/// Wrong arguments, or a file that cannot be written.
pub fn run(arguments: &[&str]) -> Result<ExitCode, String> {
    let options = Options::parse(arguments)?;
    let header = parse_header(HEADER)?;
    let mut native = match Native::new(&header.layout) {
        Ok(native) => native,
        Err(reason) => {
            eprintln!("xtask: the host's processor cannot be asked: {reason}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    println!("seed {}", options.seed);
    let mut runner = Runner::new(&header)?;
    let mut generator = Generator::new(options.seed);
    let mut report = Report::default();
    let mut text = format!("{HEADER}\n");
    let mut next = 0;
    while next < options.count {
        let drafts: Vec<_> = (0..BATCH.min(options.count - next)).map(|_| generator.draft()).collect();
        let cases: Vec<_> = drafts.iter().zip(next..).map(|(draft, id)| case(draft, id)).collect();
        let tasks: Vec<_> =
            cases.iter().zip(&drafts).map(|(case, draft)| task(case, draft, &header.layout)).collect();
        let outcomes = native.run(&tasks)?;
        for (((mut case, draft), task), outcome) in cases.into_iter().zip(&drafts).zip(&tasks).zip(outcomes) {
            let Some(outcome) = outcome else {
                println!("the host's process ended in {}", describe(&case, &[]));
                continue;
            };
            let (answer, undefined) = runner.run_undefined(&case)?;
            let mut expected = expected(draft, task, &outcome, &header.layout);
            // Two right processors may part ways there.
            if undefined.used || runs_across_the_end(&answer.ending) {
                continue;
            }
            case.id = next;
            next += 1;
            expected.undefined = undefined.bits;
            let differences = report.add(&case, &expected, &answer.ending, Sense::Defined);
            case.expected = Some(expected);
            if !differences.is_empty() {
                print!("{}", describe(&case, &differences));
                let mut line = String::new();
                case.write_to(&mut line);
                print!("{line}");
            }
            case.write_to(&mut text);
        }
    }
    print!("{report}");
    if let Some(file) = options.file {
        fs::write(&file, text).map_err(|error| format!("cannot write {file}: {error}"))?;
    }
    let total = report.total();
    Ok(ExitCode::from(u8::from(total.defined != total.cases)))
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut options = Self { count: 10_000, seed: 1, file: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
            let number =
                || value.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {value}"));
            match *argument {
                "--count" => options.count = number()?,
                "--seed" => options.seed = number()?,
                "--write" => options.file = Some((*value).to_owned()),
                other => return Err(format!("oracle has no option {other}")),
            }
        }
        Ok(options)
    }
}

/// Whether an access began below 4 GiB and would have ended above: the processor may check the limit and raise #GP or
/// #SS, or wrap and find no page (SDM Vol. 3, 5.3).
fn runs_across_the_end(ending: &Ending) -> bool {
    const LONGEST: u32 = 8;
    let Ending::Finished { exception: Some(exception), .. } = ending else { return false };
    exception.number == Vector::PageFault as u8 && exception.address > u32::MAX - LONGEST
}

fn case(draft: &Draft, id: u64) -> Case {
    let mut regs = Registers::default();
    let [fs, gs] = draft.fs_and_gs.map(u32::from);
    let segments = [0x2b, 0x23, 0x2b, 0x2b, fs, gs];
    let values = draft.general.into_iter().chain(segments).chain([draft.eip, draft.eflags]);
    for (register, value) in regs.0.iter_mut().zip(values) {
        *register = Some(value);
    }
    let mut case = Case { id, group: draft.group.to_owned(), steps: draft.steps, ..Case::default() };
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

fn task(case: &Case, draft: &Draft, layout: &Layout) -> Task {
    let registers = case.initial.regs;
    let mut image = layout.filled();
    for piece in &case.initial.ram {
        if let Some(position) = layout.position(piece.address) {
            image[position..position + piece.bytes.len()].copy_from_slice(&piece.bytes);
        }
    }
    let mut segments = [0; 6];
    for (index, segment) in segments.iter_mut().enumerate() {
        *segment = registers.value(8 + index) as u16;
    }
    let state = State { general: draft.general, segments, eip: draft.eip, eflags: draft.eflags };
    Task { state, image, end: if draft.branches { End::Trap } else { End::Int3 } }
}

fn expected(draft: &Draft, task: &Task, outcome: &Outcome, layout: &Layout) -> Expected {
    let mut after = outcome.state;
    let end = draft.eip + draft.code.len() as u32;
    let finished = match task.end {
        // The INT3 that ended the case is one byte long.
        End::Int3 => outcome.vector == BREAKPOINT && after.eip == end + 1,
        End::Trap => outcome.vector == DEBUG,
    };
    let exception = if finished {
        None
    } else {
        Some(ExceptionRecord { number: outcome.vector, error: outcome.error, address: outcome.address })
    };
    if finished && task.end == End::Int3 {
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
