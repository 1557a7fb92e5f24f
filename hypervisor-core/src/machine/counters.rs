//! Counts of what a guest did, for `--stats`. They decide nothing.

use crate::abi::CALLS;
use crate::snapshot::{Damaged, Fit, counts};
use emulator::Exit;
use serde::{Deserialize, Serialize};

/// The counters of one machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counters {
    /// Runs that ended with their units used up.
    pub exits_budget: u64,
    /// Runs that an exception ended.
    pub exits_exception: u64,
    /// Runs that INT n ended.
    pub exits_software_interrupt: u64,
    /// Runs that a privileged instruction ended.
    pub exits_privileged: u64,
    /// Runs that a store ended which made an upcall deliverable.
    pub exits_attention: u64,
    /// Runs that ended for another reason.
    pub exits_other: u64,
    /// Times that its image was loaded again.
    pub loads: u64,
    /// Windows that began.
    pub windows: u64,
    /// Upcalls delivered.
    pub upcalls: u64,
    /// Traps delivered, by vector.
    #[serde(with = "counts")]
    pub traps: [u64; 256],
    /// Hypercalls, by number; the last for all numbers that do not exist.
    #[serde(with = "counts")]
    pub calls: [u64; 257],
    /// Linux system calls, by number; the last for all numbers from 256 on.
    #[serde(with = "counts")]
    pub system_calls: [u64; 257],
    /// Units of idle time that were skipped.
    pub idle_units: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            exits_budget: 0,
            exits_exception: 0,
            exits_software_interrupt: 0,
            exits_privileged: 0,
            exits_attention: 0,
            exits_other: 0,
            loads: 0,
            windows: 0,
            upcalls: 0,
            traps: [0; 256],
            calls: [0; 257],
            system_calls: [0; 257],
            idle_units: 0,
        }
    }
}

impl Counters {
    pub(super) fn count_exit(&mut self, exit: Exit) {
        let counter = match exit {
            Exit::Budget => &mut self.exits_budget,
            Exit::Exception(_) => &mut self.exits_exception,
            Exit::SoftwareInterrupt { .. } | Exit::Int1 { .. } => &mut self.exits_software_interrupt,
            Exit::Privileged(_) => &mut self.exits_privileged,
            Exit::Attention => &mut self.exits_attention,
            Exit::Breakpoint | Exit::Watch(_) | Exit::Unimplemented => &mut self.exits_other,
        };
        *counter += 1;
    }

    pub(super) fn count_call(&mut self, number: u32) {
        let last = self.calls.len() - 1;
        self.calls[(number as usize).min(last)] += 1;
    }

    pub(super) fn count_system_call(&mut self, number: u32) {
        let last = self.system_calls.len() - 1;
        self.system_calls[(number as usize).min(last)] += 1;
    }

    /// Whether these can be the counters of a run.
    pub(crate) fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        let Self {
            exits_budget,
            exits_exception,
            exits_software_interrupt,
            exits_privileged,
            exits_attention,
            exits_other,
            windows,
            upcalls,
            traps,
            calls,
            system_calls,
            idle_units,
            loads,
        } = self;
        let exits = [exits_budget, exits_exception, exits_software_interrupt, exits_privileged];
        let others = [exits_attention, exits_other, windows, upcalls, loads];
        let all = exits.into_iter().chain(others).chain(traps).chain(calls).chain(system_calls);
        fit.counts(all.copied())?;
        fit.past(*idle_units)
    }

    /// The counters that are not 0, with their names, in a fixed order.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, u64)> {
        let mut rows = vec![
            ("exits: budget".to_owned(), self.exits_budget),
            ("exits: exception".to_owned(), self.exits_exception),
            ("exits: software interrupt".to_owned(), self.exits_software_interrupt),
            ("exits: privileged".to_owned(), self.exits_privileged),
            ("exits: attention".to_owned(), self.exits_attention),
            ("exits: other".to_owned(), self.exits_other),
            ("loads after restarts".to_owned(), self.loads),
            ("windows".to_owned(), self.windows),
            ("upcalls".to_owned(), self.upcalls),
            ("idle units".to_owned(), self.idle_units),
        ];
        for (vector, count) in self.traps.iter().enumerate() {
            rows.push((format!("trap {vector}"), *count));
        }
        for (number, count) in self.calls.iter().enumerate() {
            let name = CALLS.iter().find(|call| call.number as usize == number);
            let name = name.map_or_else(|| format!("{number:x}h"), |call| call.name.to_owned());
            rows.push((format!("call {name}"), *count));
        }
        for (number, count) in self.system_calls.iter().enumerate() {
            rows.push((format!("system call {number}"), *count));
        }
        rows.retain(|(_, count)| *count > 0);
        rows
    }
}
