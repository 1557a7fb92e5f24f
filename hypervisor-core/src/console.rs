//! A partition's console: bytes that wait to be read, bytes that wait to be printed. Does no I/O.

use crate::snapshot::{Damaged, holds};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Console input at a point of virtual time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Input {
    /// The unit at which it arrives, executed and idle units counted.
    pub unit: u64,
    /// What arrives.
    pub what: Arrival,
}

/// What arrives at a console.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Arrival {
    /// Bytes.
    Bytes(Vec<u8>),
    /// No more bytes will come.
    End,
}

/// A console.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Console {
    /// Not yet arrived, by unit.
    coming: VecDeque<Input>,
    waiting: VecDeque<u8>,
    ended: bool,
    /// An end is in `coming` or has arrived.
    closed: bool,
    output: Vec<u8>,
    arrived: Vec<Input>,
}

impl Console {
    /// A console of which the input has ended before the start.
    #[must_use]
    pub fn without_input() -> Self {
        Self { ended: true, closed: true, ..Self::default() }
    }

    /// Whether input arrives in its order.
    pub(crate) fn check(&self) -> Result<(), Damaged> {
        let mut pairs = self.coming.iter().zip(self.coming.iter().skip(1));
        holds(pairs.all(|(one, next)| one.unit <= next.unit), "its console input is out of order")
    }

    /// Adds input. A unit before that of an earlier input counts as that one's.
    pub fn give(&mut self, input: Input) {
        if self.closed {
            return;
        }
        let unit = self.coming.back().map_or(input.unit, |last| last.unit.max(input.unit));
        self.closed = input.what == Arrival::End;
        self.coming.push_back(Input { unit, ..input });
    }

    /// Whether an end was given: no more input can be.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The input to come, first the next.
    pub fn coming(&self) -> impl Iterator<Item = &Input> {
        self.coming.iter()
    }

    /// Moves the next input to the waiting bytes if its unit has come.
    pub fn arrive(&mut self, unit: u64) -> Option<Arrival> {
        if self.coming.front()?.unit > unit {
            return None;
        }
        let input = self.coming.pop_front()?;
        match &input.what {
            Arrival::Bytes(bytes) => self.waiting.extend(bytes),
            Arrival::End => self.ended = true,
        }
        self.arrived.push(input.clone());
        Some(input.what)
    }

    /// Everything that has arrived, with the units at which it came.
    #[must_use]
    pub fn arrived(&self) -> &[Input] {
        &self.arrived
    }

    /// How many bytes wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the end has arrived.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The first bytes that wait, `most` or fewer; they go on waiting.
    #[must_use]
    pub fn first(&self, most: u32) -> Vec<u8> {
        self.waiting.iter().take(most as usize).copied().collect()
    }

    /// The first `count` bytes were read.
    pub fn consume(&mut self, count: usize) {
        self.waiting.drain(..count.min(self.waiting.len()));
    }

    /// Adds output.
    pub fn write(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Output that was not taken yet.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Removes all output.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Console, Input};

    fn bytes(unit: u64, bytes: &[u8]) -> Input {
        Input { unit, what: Arrival::Bytes(bytes.to_vec()) }
    }

    #[test]
    fn input_arrives_at_its_unit_and_not_before() {
        let mut console = Console::default();
        console.give(bytes(10, b"ab"));
        assert_eq!(console.arrive(9), None);
        assert_eq!(console.waiting(), 0);
        assert!(console.arrive(10).is_some());
        assert_eq!(console.first(8), b"ab");
        console.consume(1);
        assert_eq!(console.first(8), b"b");
    }

    #[test]
    fn nothing_comes_after_the_end() {
        let mut console = Console::default();
        console.give(Input { unit: 5, what: Arrival::End });
        console.give(bytes(6, b"late"));
        assert!(console.is_closed() && !console.has_ended());
        assert_eq!(console.arrive(100), Some(Arrival::End));
        assert!(console.has_ended());
        assert_eq!(console.arrive(100), None);
    }

    #[test]
    fn input_never_overtakes_earlier_input() {
        let mut console = Console::default();
        console.give(bytes(10, b"a"));
        console.give(bytes(3, b"b"));
        assert_eq!(console.arrive(9), None);
        console.arrive(10);
        console.arrive(10);
        assert_eq!(console.first(8), b"ab");
        let units: Vec<u64> = console.arrived().iter().map(|input| input.unit).collect();
        assert_eq!(units, [10, 10]);
    }
}
