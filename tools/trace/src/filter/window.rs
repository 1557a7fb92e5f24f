//! The part of a run between two triggers.

use super::trigger::Trigger;
use emulator::Step;
use hypervisor_core::{Event, Stamp};

/// Open from the first record at one trigger to the first record at another, both of them included.
#[derive(Debug)]
pub struct Window {
    from: Option<Trigger>,
    to: Option<Trigger>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Before,
    Open,
    After,
}

impl Window {
    pub fn new(from: Option<Trigger>, to: Option<Trigger>) -> Self {
        let state = if from.is_some() { State::Before } else { State::Open };
        Self { from, to, state }
    }

    /// Whether it was ever open.
    pub fn was_open(&self) -> bool {
        self.state != State::Before
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether an instruction is in it.
    pub fn holds_instruction(&mut self, stamp: Stamp, step: &Step<'_>) -> bool {
        match self.state {
            State::Open if self.to.is_none() => true,
            _ => self.holds(stamp, |trigger| trigger.is_at_instruction(stamp, step)),
        }
    }

    /// Whether an event is in it.
    pub fn holds_event(&mut self, stamp: Stamp, event: &Event) -> bool {
        match self.state {
            State::Open if self.to.is_none() => true,
            _ => self.holds(stamp, |trigger| trigger.is_at_event(stamp, event)),
        }
    }

    /// Whether the record at `stamp`, of which `is_at` says whether it is at a trigger, is in it.
    fn holds(&mut self, stamp: Stamp, is_at: impl Fn(&Trigger) -> bool) -> bool {
        match self.state {
            State::Before => {
                let opens = self.from.as_ref().is_some_and(is_at);
                if opens {
                    self.state = State::Open;
                }
                opens && !self.is_over(stamp)
            }
            State::Open => {
                if self.is_over(stamp) {
                    return false;
                }
                // A number or a time is over only after its last record.
                if self.to.as_ref().is_some_and(|to| !to.is_instant_of_clock() && is_at(to)) {
                    self.state = State::After;
                }
                true
            }
            State::After => false,
        }
    }

    fn is_over(&mut self, stamp: Stamp) -> bool {
        let is_over = self.to.as_ref().is_some_and(|to| to.is_over(stamp));
        if is_over {
            self.state = State::After;
        }
        is_over
    }
}
