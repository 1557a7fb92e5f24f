//! The part of a run between two triggers.

use super::trigger::Trigger;
use emulator::Step;
use hypervisor_core::{Event, Stamp};

/// Open from the first record at one trigger to the first record at another, both of them included.
#[derive(Debug)]
pub struct Window {
    from: Option<Trigger>,
    to: Option<Trigger>,
    /// So many instructions more, of the partition of `from` if it names one.
    left: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Before,
    Open,
    After,
}

impl Window {
    /// Before its first record; without `from` open at once.
    #[must_use]
    pub fn new(from: Option<Trigger>, to: Option<Trigger>, left: Option<u64>) -> Self {
        let state = if from.is_some() { State::Before } else { State::Open };
        Self { from, to, left, state }
    }

    /// Whether every record is in it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.from.is_none() && self.to.is_none() && self.left.is_none()
    }

    /// Whether it was ever open.
    #[must_use]
    pub fn was_open(&self) -> bool {
        self.state != State::Before
    }

    /// Whether it will never be open again.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::After
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether an instruction is in it.
    pub fn holds_instruction(&mut self, stamp: Stamp, step: &Step<'_>) -> bool {
        let holds = match self.state {
            State::Open if self.to.is_none() => true,
            _ => self.holds(stamp, |trigger| trigger.is_at_instruction(stamp, step)),
        };
        let counts = holds && self.from.as_ref().is_none_or(|from| from.is_of(stamp));
        match &mut self.left {
            // What the last instruction caused comes before the next one.
            Some(0) if counts => {
                self.state = State::After;
                false
            }
            Some(left) if counts => {
                *left -= 1;
                true
            }
            _ => holds,
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
