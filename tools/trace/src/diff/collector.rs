//! Takes down the rows of a run, as a recorder.

use super::extended::{Extended, may_change};
use super::row::{Instruction, Row, What};
use crate::filter::Kinds;
use emulator::Step;
use hypervisor_core::{Event, Recorder, Stamp};
use std::rc::Rc;

/// Which rows are compared.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// These kinds.
    pub only: Kinds,
    /// But not events of these.
    pub ignored: Kinds,
    /// Whether the iterations of a REP are one row, as in a log that has them so.
    pub folds_repeats: bool,
}

/// The rows of a run since they were taken, by partition.
pub struct Collector {
    wanted: Wanted,
    /// Of each partition its rows; None for one that is not compared.
    rows: Vec<Option<Vec<Row>>>,
    /// Of each partition where its last instruction was.
    last_eip: Vec<Option<u32>>,
    /// Of each partition the registers that few instructions change, if none can have changed since.
    extended: Vec<Option<Rc<Extended>>>,
}

impl Collector {
    /// Takes down the partitions that are `chosen`.
    #[must_use]
    pub fn new(wanted: Wanted, chosen: &[bool]) -> Self {
        let rows = chosen.iter().map(|is_chosen| is_chosen.then(Vec::new)).collect();
        Self { wanted, rows, last_eip: vec![None; chosen.len()], extended: vec![None; chosen.len()] }
    }

    /// The rows of a partition that came since the last time.
    pub fn rows_of(&mut self, partition: usize) -> Option<&mut Vec<Row>> {
        self.rows.get_mut(partition)?.as_mut()
    }

    /// Takes note of an instruction that is no row: what it may have changed is looked at anew in the next one.
    pub fn pass_over(&mut self, stamp: Stamp, step: &Step<'_>) {
        if may_change(step.bytes) {
            self.forget_extended(stamp);
        }
    }

    fn forget_extended(&mut self, stamp: Stamp) {
        if let Some(extended) = self.extended.get_mut(stamp.partition.index()) {
            *extended = None;
        }
    }

    /// The registers that few instructions change, after an instruction.
    fn extended(&mut self, stamp: Stamp, step: &Step<'_>) -> Rc<Extended> {
        let place = stamp.partition.index();
        match self.extended.get(place).and_then(Option::as_ref) {
            Some(extended) if extended.has_segments_of(step.after) => Rc::clone(extended),
            _ => {
                let extended = Rc::new(Extended::of(step.after));
                if let Some(known) = self.extended.get_mut(place) {
                    *known = Some(Rc::clone(&extended));
                }
                extended
            }
        }
    }

    fn add(&mut self, stamp: Stamp, what: impl FnOnce() -> What) {
        if let Some(rows) = self.rows_of(stamp.partition.index()) {
            rows.push(Row { number: stamp.instruction, now_ns: stamp.now_ns, what: what() });
        }
    }
}

impl Recorder for Collector {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.pass_over(stamp, step);
        if !self.wanted.only.holds_instruction(step) {
            return;
        }
        if self.wanted.folds_repeats
            && let Some(last) = self.last_eip.get_mut(stamp.partition.index())
            && last.replace(step.eip) == Some(step.eip)
            && is_repeat(step.bytes)
        {
            // The row shows what all iterations left behind, if it was not taken yet.
            let extended = self.extended(stamp, step);
            let rows = self.rows_of(stamp.partition.index());
            if let Some(Row { what: What::Instruction(repeat), .. }) = rows.and_then(|rows| rows.last_mut()) {
                *repeat = Instruction::of(step, extended);
            }
            return;
        }
        if matches!(self.rows.get(stamp.partition.index()), Some(Some(_))) {
            let extended = self.extended(stamp, step);
            self.add(stamp, || What::Instruction(Instruction::of(step, extended)));
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        // A call or a restart may change any register.
        self.forget_extended(stamp);
        if self.wanted.only.holds_event(event) && !self.wanted.ignored.holds_event(event) {
            self.add(stamp, || What::Event(Box::new(event.clone())));
        }
    }
}

/// Whether an instruction is a string instruction with REP.
fn is_repeat(bytes: &[u8]) -> bool {
    let is_prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let prefixes = bytes.iter().take_while(|byte| is_prefix(byte)).count();
    let repeats = bytes[..prefixes].iter().any(|byte| matches!(byte, 0xf2 | 0xf3));
    repeats && matches!(bytes.get(prefixes), Some(0x6c..=0x6f | 0xa4..=0xa7 | 0xaa..=0xaf))
}
