//! So many instructions before and after each time that something happens.

use super::chosen::Chosen;
use super::trigger::Trigger;
use crate::ring::{Measure, Ring};
use emulator::Step;
use hypervisor_core::{Elision, Event, Recorder, Stamp};

/// Keeps the last instructions until they turn out to be before something.
pub struct Around {
    trigger: Trigger,
    units: u64,
    ring: Ring,
    /// So many more instructions are after the last time.
    left: u64,
    hits: u64,
}

impl Around {
    pub fn new(trigger: Trigger, units: usize) -> Self {
        Self { trigger, units: units as u64, ring: Ring::new(Measure::Instructions, units), left: 0, hits: 0 }
    }

    /// Whether it will not happen again, and everything around it was handed on.
    pub fn is_over(&self) -> bool {
        self.left == 0 && !self.may_hit()
    }

    /// How often it happened.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    pub fn instruction<R: Recorder>(&mut self, stamp: Stamp, step: &Step<'_>, out: &mut Chosen<R>) {
        if self.may_hit() && self.trigger.is_at_instruction(stamp, step) {
            // The instruction itself, and those after it.
            self.hit(self.units + 1, out);
        }
        if self.left > 0 {
            self.left -= 1;
            out.instruction(stamp, step);
        } else {
            self.ring.instruction(stamp, step, out);
        }
    }

    pub fn event<R: Recorder>(&mut self, stamp: Stamp, event: &Event, out: &mut Chosen<R>) {
        let is_at = self.may_hit() && self.trigger.is_at_event(stamp, event);
        if is_at {
            self.hit(self.units, out);
        }
        if is_at || self.left > 0 {
            out.event(stamp, event);
        } else {
            self.ring.event(stamp, event, out);
        }
    }

    pub fn elided<R: Recorder>(&mut self, stamp: Stamp, elision: &Elision, out: &mut Chosen<R>) {
        if self.left > 0 {
            self.left = self.left.saturating_sub(elision.instructions);
            out.elided(stamp, elision);
        } else {
            self.ring.elided(stamp, elision, out);
        }
    }

    /// Nothing more will come.
    pub fn finish<R: Recorder>(&mut self, out: &mut Chosen<R>) {
        self.ring.forget_all(out);
    }

    /// A number or a time comes only once.
    fn may_hit(&self) -> bool {
        self.hits == 0 || !self.trigger.is_instant_of_clock()
    }

    fn hit<R: Recorder>(&mut self, left: u64, out: &mut Chosen<R>) {
        self.hits += 1;
        self.left = left;
        while self.ring.hand_on(out) {}
    }
}
