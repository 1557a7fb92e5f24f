//! Inside a function, with what it calls.
//!
//! The stack pointer tells: the function was entered with ESP at its return address, and is left once an instruction
//! outside of it begins above that. What interrupts the function on the same stack counts as called by it; a switch to
//! another stack above ends the stay, until the function's own code runs again.

use super::ranges::Ranges;
use emulator::Step;
use emulator::cpu::ESP;

/// Where a partition is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stay {
    /// ESP when the function was entered.
    entered_at: Option<u32>,
}

impl Stay {
    /// Whether this instruction belongs to the function or to what it called.
    pub fn holds(&mut self, function: &Ranges, step: &Step<'_>) -> bool {
        let esp = step.registers_before[ESP];
        if function.hold(step.eip) {
            self.entered_at.get_or_insert(esp);
            return true;
        }
        let is_inside = self.entered_at.is_some_and(|entered_at| esp <= entered_at);
        if !is_inside {
            self.entered_at = None;
        }
        is_inside
    }
}
