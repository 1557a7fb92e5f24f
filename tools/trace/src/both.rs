//! Two recorders of one run.

use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, Recorder, Stamp, Wanted};

/// Tells two recorders, the first one first.
#[derive(Debug)]
pub struct Both<First, Second>(pub First, pub Second);

impl<First: Recorder, Second: Recorder> Recorder for Both<First, Second> {
    fn wanted(&self) -> Wanted {
        self.0.wanted().max(self.1.wanted())
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.instruction(stamp, step);
        self.1.instruction(stamp, step);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        self.0.blocks(stamp, blocks);
        self.1.blocks(stamp, blocks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.event(stamp, event);
        self.1.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.elided(stamp, elision);
        self.1.elided(stamp, elision);
    }
}
