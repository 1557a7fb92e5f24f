//! Instruction cases in the v32 format: read, run, compare.
//!
//! A case is a state of a ring-3 processor, some bytes of code, and optionally the state that follows. Cases run
//! through [`emulator::Interpreter::run`], on the same decoder, memory and handlers as a guest. Not here: where cases
//! come from.

mod answer;
mod compare;
mod encode;
mod engine;
mod floating_point;
mod format;
mod layout;
mod lines;
mod registers;
mod report;
mod runner;
mod undefined;

pub use answer::{Answer, Change, Ending, ExceptionRecord, parse_answer};
pub use compare::{Difference, Sense, compare};
pub use format::{Case, Expected, Fpu, Header, Hex, Piece, Sse, State, Undefined, parse_case, parse_header};
pub use layout::{Layout, Region};
pub use lines::{Lines, Problem};
pub use registers::{EFLAGS, EIP, NAMES as REGISTER_NAMES, Registers};
pub use report::{Report, describe};
pub use runner::Runner;
pub use undefined::UndefinedBits;

use std::io::{BufRead, Write};

/// Reads a header and cases, runs each case, and writes one answer a line, in the order of the cases.
///
/// Returns how many cases were answered.
///
/// # Errors
/// The first line that is no header or no case of the format, by number, or a failure to read or write. The answers to
/// the cases before it have been written.
pub fn answer(reader: impl BufRead, mut writer: impl Write) -> Result<u64, Problem> {
    let mut lines = Lines::new(reader);
    let header = lines.header()?;
    let mut runner = Runner::new(&header).map_err(|what| lines.problem(what))?;
    let mut text = String::new();
    let mut answered = 0;
    while let Some(case) = lines.next_case()? {
        let answer = runner.run(&case).map_err(|what| lines.problem(what))?;
        text.clear();
        answer.write_to(&mut text);
        writer.write_all(text.as_bytes()).map_err(Problem::Write)?;
        answered += 1;
    }
    writer.flush().map_err(Problem::Write)?;
    Ok(answered)
}

#[cfg(test)]
mod tests;
