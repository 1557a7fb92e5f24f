//! The last records of a run, kept whole: a ring that forgets its oldest chunk when it has enough without it.
//!
//! Its memory is bounded twice: by the number of records asked for, and by [`BYTES_A_RECORD`] for each of them, so that
//! guests whose records are large make the ring shorter and not bigger.

mod chunk;

use chunk::Chunk;
use emulator::Step;
use hypervisor_core::{Elision, Event, Recorder, Stamp};
use std::collections::VecDeque;

/// Memory for each record that was asked for. Most take a fifth of it.
const BYTES_A_RECORD: usize = 1024;
/// The least memory, so that small rings may hold a few large records.
const BYTES_LEAST: usize = 1 << 20;

/// What the length of a ring counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Instructions and events.
    Records,
    /// Instructions; events between them come along.
    Instructions,
}

/// Something that the ring forgot.
#[derive(Debug)]
pub enum Forgotten<'a> {
    /// An instruction.
    Instruction,
    /// An event.
    Event(&'a Event),
    /// What had been left out already.
    Elision(&'a Elision),
}

/// Takes what leaves a ring.
pub trait Outlet: Recorder {
    /// A record is gone, and will not be handed on.
    fn forgotten(&mut self, stamp: Stamp, what: Forgotten<'_>);
}

/// The last records of a run.
#[derive(Debug)]
pub struct Ring {
    chunks: VecDeque<Chunk>,
    measure: Measure,
    most: usize,
    most_bytes: usize,
    /// What the chunks hold together.
    weight: usize,
    bytes: usize,
}

impl Ring {
    /// A ring of the last `most` of what `measure` counts.
    pub fn new(measure: Measure, most: usize) -> Self {
        let most_bytes = most.saturating_mul(BYTES_A_RECORD).max(BYTES_LEAST);
        Self { chunks: VecDeque::new(), measure, most, most_bytes, weight: 0, bytes: 0 }
    }

    /// Keeps an instruction; `out` is told of what is forgotten for it.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>, out: &mut dyn Outlet) {
        self.keep(out, |chunk| chunk.instruction(stamp, step));
    }

    /// Keeps an event; `out` is told of what is forgotten for it.
    pub fn event(&mut self, stamp: Stamp, event: &Event, out: &mut dyn Outlet) {
        let weight = usize::from(self.measure == Measure::Records);
        self.keep(out, |chunk| chunk.event(stamp, event, weight));
    }

    /// Keeps what was left out between two records.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision, out: &mut dyn Outlet) {
        self.keep(out, |chunk| chunk.elided(stamp, elision));
    }

    /// Hands on the oldest chunk and empties it; false if there is none. Records that are more than were asked for are
    /// forgotten.
    pub fn hand_on(&mut self, out: &mut dyn Outlet) -> bool {
        let surplus = self.weight.saturating_sub(self.most);
        self.take_oldest(surplus, out)
    }

    /// Forgets everything.
    pub fn forget_all(&mut self, out: &mut dyn Outlet) {
        while self.take_oldest(usize::MAX, out) {}
    }

    fn keep(&mut self, out: &mut dyn Outlet, keep: impl FnOnce(&mut Chunk)) {
        if self.chunks.back().is_none_or(|chunk| chunk.is_full(self.most_bytes / 4)) {
            self.chunks.push_back(Chunk::new());
        }
        if let Some(chunk) = self.chunks.back_mut() {
            let (weight, bytes) = (chunk.weight(), chunk.bytes());
            keep(chunk);
            self.weight += chunk.weight() - weight;
            self.bytes += chunk.bytes() - bytes;
        }
        while let Some(oldest) = self.chunks.front()
            && self.chunks.len() > 1
            && (self.weight - oldest.weight() >= self.most || self.bytes > self.most_bytes)
        {
            self.take_oldest(usize::MAX, out);
        }
    }

    fn take_oldest(&mut self, surplus: usize, out: &mut dyn Outlet) -> bool {
        let Some(chunk) = self.chunks.pop_front() else { return false };
        self.weight -= chunk.weight();
        self.bytes -= chunk.bytes();
        chunk.hand_on(surplus, self.measure, out);
        true
    }
}

#[cfg(test)]
mod tests;
