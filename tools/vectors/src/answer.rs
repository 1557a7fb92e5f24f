//! What came out of a case, and how that is written.

use crate::format::{Fpu, Hex, Piece, Sse};
use crate::registers::{NAMES, Registers};
use serde::Deserialize;
use std::fmt::Write;

/// What changed. What is left out did not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The registers.
    pub regs: Registers,
    /// The bytes of memory.
    pub ram: Vec<Piece>,
    /// The x87 state.
    pub fpu: Option<Fpu>,
    /// The SSE state.
    pub sse: Option<Sse>,
}

/// An exception as an answer reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct ExceptionRecord {
    /// The vector.
    pub number: u8,
    /// The error code; 0 where the vector has none.
    #[serde(default)]
    pub error: u32,
    /// CR2 for a page fault; 0 otherwise.
    #[serde(default)]
    pub address: u32,
}

/// The answer to one case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The case's id.
    pub id: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How a case ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// All steps were done, or an exception stopped them.
    Finished {
        /// What changed.
        change: Box<Change>,
        /// The exception, if there was one.
        exception: Option<ExceptionRecord>,
    },
    /// An instruction of this mnemonic is missing.
    Unimplemented(String),
    /// The emulator failed, with this message.
    Panic(String),
}

#[derive(Deserialize)]
struct AnswerLine {
    id: u64,
    #[serde(rename = "final")]
    change: Option<Box<Change>>,
    exception: Option<ExceptionRecord>,
    unimplemented: Option<String>,
    panic: Option<String>,
}

/// Reads a line that [`Answer::write_to`] wrote, or another program.
///
/// # Errors
/// What is wrong with the line.
pub fn parse_answer(line: &str) -> Result<Answer, String> {
    let line: AnswerLine = serde_json::from_str(line).map_err(|error| format!("no answer: {error}"))?;
    let ending = match line {
        AnswerLine { panic: Some(message), .. } => Ending::Panic(message),
        AnswerLine { unimplemented: Some(mnemonic), .. } => Ending::Unimplemented(mnemonic),
        AnswerLine { change: Some(change), exception, .. } => Ending::Finished { change, exception },
        AnswerLine { id, .. } => return Err(format!("the answer to case {id} has no final")),
    };
    Ok(Answer { id: line.id, ending })
}

impl Answer {
    /// Appends the answer as one line.
    pub fn write_to(&self, text: &mut String) {
        // Writing to a string does not fail.
        let _ = write!(text, "{{\"id\":{},", self.id);
        match &self.ending {
            Ending::Finished { change, exception } => {
                text.push_str("\"final\":{");
                write_change(text, change);
                text.push('}');
                if let Some(exception) = exception {
                    exception.write_to(text);
                }
            }
            Ending::Unimplemented(mnemonic) => write_text(text, "unimplemented", mnemonic),
            Ending::Panic(message) => write_text(text, "panic", message),
        }
        text.push_str("}\n");
    }
}

impl ExceptionRecord {
    /// Appends the member of a line that tells of it.
    pub(crate) fn write_to(&self, text: &mut String) {
        let Self { number, error, address } = self;
        let _ =
            write!(text, ",\"exception\":{{\"number\":{number},\"error\":{error},\"address\":{address}}}");
    }
}

fn write_text(text: &mut String, key: &str, value: &str) {
    let _ = write!(text, "\"{key}\":{}", serde_json::Value::from(value));
}

/// Appends the members of a change, without the braces.
pub(crate) fn write_change(text: &mut String, change: &Change) {
    text.push_str("\"regs\":{");
    write_registers(text, &change.regs);
    text.push_str("},\"ram\":[");
    write_ram(text, &change.ram);
    text.push(']');
    if let Some(fpu) = &change.fpu {
        write_fpu(text, fpu);
    }
    if let Some(sse) = &change.sse {
        write_sse(text, sse);
    }
}

pub(crate) fn write_registers(text: &mut String, registers: &Registers) {
    let mut separator = "";
    for (name, value) in NAMES.iter().zip(registers.0) {
        if let Some(value) = value {
            let _ = write!(text, "{separator}\"{name}\":{value}");
            separator = ",";
        }
    }
}

pub(crate) fn write_ram(text: &mut String, pieces: &[Piece]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut separator = "";
    for Piece { address, bytes } in pieces {
        let _ = write!(text, "{separator}[{address},\"");
        for byte in bytes {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text.push_str("\"]");
        separator = ",";
    }
}

pub(crate) fn write_fpu(text: &mut String, fpu: &Fpu) {
    text.push_str(",\"fpu\":{");
    let mut separator = "";
    let words = [("cw", fpu.cw), ("sw", fpu.sw), ("tag", fpu.tag.map(u16::from))];
    for (name, value) in words {
        if let Some(value) = value {
            let _ = write!(text, "{separator}\"{name}\":{value}");
            separator = ",";
        }
    }
    if let Some(st) = &fpu.st {
        let _ = write!(text, "{separator}\"st\":");
        write_numbers(text, st);
    }
    text.push('}');
}

pub(crate) fn write_sse(text: &mut String, sse: &Sse) {
    text.push_str(",\"sse\":{");
    let mut separator = "";
    if let Some(mxcsr) = sse.mxcsr {
        let _ = write!(text, "\"mxcsr\":{mxcsr}");
        separator = ",";
    }
    if let Some(xmm) = &sse.xmm {
        let _ = write!(text, "{separator}\"xmm\":");
        write_numbers(text, xmm);
    }
    text.push('}');
}

fn write_numbers<const DIGITS: usize>(text: &mut String, numbers: &[Hex<DIGITS>; 8]) {
    let mut separator = '[';
    for number in numbers {
        let _ = write!(text, "{separator}\"{:0DIGITS$x}\"", number.0);
        separator = ',';
    }
    text.push(']');
}
