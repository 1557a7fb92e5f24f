//! The functions that are open in a partition, and the lines that they become.
//!
//! Not here: which records are shown, and lines of events.

use super::follower::CallNote;
use super::follower::Leaving;
use super::kept_lines::KeptLines;
use super::lines::{cost, leaving_words, stamp};
use crate::text::TextTrace;
use emulator::Step;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Recorder, Stamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// The open functions of a partition.
pub(super) struct Tree {
    pub prefix: Vec<u8>,
    pub symbols: Symbols,
    pub notes: VecDeque<CallNote>,
    pub frames: Vec<Open>,
    pub depth: usize,
    /// Makes the lines of instructions.
    pub lines: TextTrace,
    pub next_instruction: u64,
}

/// A function that is open.
pub(super) struct Open {
    pub stamp: Stamp,
    pub name: Arc<str>,
    /// What stands behind its name.
    pub remark: String,
    /// It is to be shown, even if nothing is shown in it.
    pub is_chosen: bool,
    pub is_shown: bool,
}

impl Tree {
    /// Shows that so many functions, the outermost ones, were entered.
    pub fn open(&mut self, out: &mut KeptLines, count: usize) {
        let count = count.min(self.depth);
        let first = self.frames.iter().take(count).position(|frame| !frame.is_shown).unwrap_or(count);
        for depth in first..count {
            let mut line = self.entered(depth, None);
            line.extend_from_slice(b" {");
            line.extend_from_slice(self.frames[depth].remark.as_bytes());
            out.push(line);
            self.frames[depth].is_shown = true;
        }
    }

    /// The line of a function up to its name.
    fn entered(&self, depth: usize, spent: Option<(u64, u64)>) -> Vec<u8> {
        let frame = &self.frames[depth];
        let mut line = self.prefix.clone();
        stamp(&mut line, frame.stamp);
        cost(&mut line, spent, depth);
        line.extend_from_slice(frame.name.as_bytes());
        line
    }

    pub fn leave(&mut self, out: &mut KeptLines, at: Stamp, leaving: Leaving, spent: (u64, u64)) {
        let Some(depth) = self.frames.len().checked_sub(1) else { return };
        let (is_shown, is_chosen) = (self.frames[depth].is_shown, self.frames[depth].is_chosen);
        if depth >= self.depth
            && is_chosen
            && let Some(caller) = self.frames.get_mut(self.depth - 1)
        {
            caller.is_chosen = true;
        }
        if is_shown {
            let mut line = self.prefix.clone();
            stamp(&mut line, at);
            cost(&mut line, Some(spent), depth);
            line.extend_from_slice(b"} ");
            line.extend_from_slice(self.frames[depth].name.as_bytes());
            leaving_words(&mut line, leaving);
            out.push(line);
        } else if is_chosen && depth < self.depth {
            self.open(out, depth);
            let mut line = self.entered(depth, Some(spent));
            let remark = self.frames[depth].remark.as_bytes();
            // What it returns belongs to its name.
            let (first, then) = match leaving {
                Leaving::Returned(_) => (&b""[..], remark),
                _ => (remark, &b""[..]),
            };
            line.extend_from_slice(first);
            leaving_words(&mut line, leaving);
            line.extend_from_slice(then);
            out.push(line);
        }
        self.frames.pop();
    }

    /// The line of an instruction without number and time.
    pub fn instruction_words(&mut self, stamp: Stamp, step: &Step<'_>) -> Vec<u8> {
        if self.next_instruction != stamp.instruction {
            self.lines.skip();
        }
        self.lines.clear();
        self.lines.instruction(stamp, step);
        let mut rest = self.lines.text().trim_ascii_end();
        for _ in 0..2 {
            let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
            rest = rest[end..].trim_ascii_start();
        }
        rest.to_vec()
    }
}
