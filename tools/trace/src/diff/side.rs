//! One of the two runs, as far as it waits to be compared.

use super::endings::Ending;
use super::extended::Extended;
use super::row::{Row, What};
use crate::names::Names;
use hypervisor_core::loader::Symbols;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// What is needed to show a partition's rows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Its symbols.
    pub symbols: Symbols,
    /// The names of its system.
    pub names: Arc<Names>,
}

/// The processor after the last instruction before a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct State {
    pub registers: [u32; 8],
    pub eflags: u32,
    pub selectors: [u16; 6],
}

/// One of the two runs.
pub(super) struct Side {
    pub view: View,
    pub rows: VecDeque<Row>,
    pub ending: Option<Ending>,
    /// The state before the first of `rows`.
    pub state: Option<State>,
    pub extended: Option<Rc<Extended>>,
    /// When the row before the first of `rows` was.
    pub before_ns: Option<u64>,
    /// Rows that were compared.
    pub instructions: u64,
    pub events: u64,
}

impl Side {
    pub fn new(view: View) -> Self {
        Self {
            view,
            rows: VecDeque::new(),
            ending: None,
            state: None,
            extended: None,
            before_ns: None,
            instructions: 0,
            events: 0,
        }
    }

    /// Whether all of the next `count` rows are here that will ever come.
    pub fn has(&self, count: usize) -> bool {
        self.ending.is_some() || self.rows.len() >= count
    }

    /// Takes the next row, which there is.
    pub fn take(&mut self) -> Option<Row> {
        let row = self.rows.pop_front()?;
        self.before_ns = Some(row.now_ns);
        self.state = state_after(&row, self.state);
        match &row.what {
            What::Event(_) => self.events += 1,
            What::Logged(_) => self.instructions += 1,
            What::Instruction(instruction) => {
                self.instructions += 1;
                if !self.has_still(&instruction.extended) {
                    self.extended = Some(Rc::clone(&instruction.extended));
                }
            }
        }
        Some(row)
    }

    /// Whether nothing of these registers has changed since the row before.
    pub fn has_still(&self, extended: &Rc<Extended>) -> bool {
        self.extended.as_ref().is_some_and(|before| Rc::ptr_eq(before, extended))
    }

    /// Virtual time between the next row and the one before it.
    pub fn elapsed_ns(&self, row: &Row) -> Option<u64> {
        Some(row.now_ns.saturating_sub(self.before_ns?))
    }
}

/// The state after a row.
pub(super) fn state_after(row: &Row, before: Option<State>) -> Option<State> {
    match &row.what {
        What::Instruction(instruction) => Some(State {
            registers: instruction.registers,
            eflags: instruction.eflags,
            selectors: instruction.extended.selectors,
        }),
        What::Event(_) | What::Logged(_) => before,
    }
}
