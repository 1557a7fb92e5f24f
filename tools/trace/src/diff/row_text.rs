//! A row as a line: number, place, text, and what it changed and touched.

use super::row::{Instruction, Row, What};
use super::side::{State, View, state_after};
use crate::columns::{decimal, hexadecimal, pad};
use crate::event_text::{event_words, kind};
use crate::listing::instruction_text;
use crate::places::describe;
use crate::text::FLAGS;
use emulator::cpu::REGISTER_NAMES;
use emulator::{AccessKind, SegmentRegister};

const NUMBER_WIDTH: usize = 11;
const PLACE_WIDTH: usize = 28;
const TEXT_WIDTH: usize = 36;

/// The line of a row; `before` is the state that it found. Goes on to the state that it leaves.
pub(super) fn row_text(row: &Row, before: &mut Option<State>, view: &View) -> String {
    let mut out = Vec::with_capacity(128);
    out.push(b'#');
    decimal(&mut out, row.number);
    pad(&mut out, 0, NUMBER_WIDTH);
    match &row.what {
        What::Instruction(instruction) => {
            let text = instruction_text(&view.symbols, instruction.eip, instruction.bytes());
            place_and_text(&mut out, &describe(&view.symbols, instruction.eip), &text);
            effects(&mut out, instruction, before.as_ref(), view);
        }
        What::Logged(logged) => {
            place_and_text(&mut out, &describe(&view.symbols, logged.eip), &logged.text);
        }
        What::Event(event) => {
            let words = event_words(&view.symbols, &view.names, event);
            out.extend_from_slice(format!("== {:8} {words}", kind(event)).as_bytes());
        }
    }
    *before = state_after(row, *before);
    String::from_utf8_lossy(out.trim_ascii_end()).into_owned()
}

fn place_and_text(out: &mut Vec<u8>, place: &str, text: &str) {
    let start = out.len();
    out.extend_from_slice(place.as_bytes());
    pad(out, start, PLACE_WIDTH);
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    pad(out, start, TEXT_WIDTH);
}

/// Without a state before, only what it touched.
fn effects(out: &mut Vec<u8>, instruction: &Instruction, before: Option<&State>, view: &View) {
    if let Some(before) = before {
        for (number, name) in REGISTER_NAMES.iter().enumerate() {
            if instruction.registers[number] != before.registers[number] {
                out.extend_from_slice(format!(" {name}={:08x}", instruction.registers[number]).as_bytes());
            }
        }
        for (bit, name) in FLAGS.iter().filter(|(bit, _)| (instruction.eflags ^ before.eflags) & bit != 0) {
            let value = u8::from(instruction.eflags & bit != 0);
            out.extend_from_slice(format!(" {name}={value}").as_bytes());
        }
        for register in SegmentRegister::ALL {
            let selector = instruction.extended.selectors[register as usize];
            if selector != before.selectors[register as usize] {
                out.extend_from_slice(format!(" {}={selector:04x}", register.name()).as_bytes());
            }
        }
    }
    for access in instruction.accesses() {
        out.extend_from_slice(format!(" [{:08x}", access.address).as_bytes());
        if view.symbols.locate(access.address).is_some() {
            out.push(b' ');
            out.extend_from_slice(describe(&view.symbols, access.address).as_bytes());
        }
        out.extend_from_slice(match access.kind {
            AccessKind::Read => b"]->",
            AccessKind::Write => b"]<-",
        });
        hexadecimal(out, access.value, 2 * u32::from(access.length_bytes));
    }
}
