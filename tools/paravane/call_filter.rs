//! A run on its way to a tree of calls: the calls of the whole run are followed before the filter, so that each record that passes it
//! stands in the functions that are open.

use crate::filtered::TextFilter;
use crate::output::Ended;
use crate::text_sink::TextSink;
use emulator::Step;
use hypervisor_core::{Elision, Event, Recorder, Stamp};
use trace::filter::Choice;
use trace::{CallFollower, CallText, Filter, TracedSystem};

/// A filter before a tree of calls.
pub struct CallFilter {
    follower: CallFollower,
    filter: Filter<TextSink>,
}

impl CallFilter {
    /// Nothing has run yet.
    pub fn new(choice: Choice, system: &TracedSystem, sink: TextSink) -> Self {
        Self { follower: CallFollower::new(system), filter: Filter::new(choice, sink) }
    }

    fn settle(&mut self, stamp: Stamp) {
        if let Some(tree) = self.filter.inner_mut().calls_mut() {
            tree.settle(stamp);
        }
    }
}

impl TextFilter for CallFilter {
    fn filter_mut(&mut self) -> &mut Filter<TextSink> {
        &mut self.filter
    }

    /// Functions that are left later than what is chosen around an instant end there.
    fn is_done(&mut self) -> bool {
        self.filter.has_closed()
    }

    fn close(&mut self) {
        if let Some(tree) = self.filter.inner_mut().calls_mut() {
            tree.close(self.follower.open());
        }
    }

    fn finish(&mut self) -> Result<(), Ended> {
        let sink = self.filter.inner_mut();
        while sink.calls_mut().is_some_and(CallText::hand_on) {
            sink.write()?;
        }
        Ok(())
    }
}

impl Recorder for CallFilter {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        // What is open stays open where the lines end.
        if self.filter.has_closed() {
            return self.filter.instruction(stamp, step);
        }
        let notes = self.follower.instruction(stamp, step);
        if let Some(tree) = self.filter.inner_mut().calls_mut() {
            tree.note(stamp.partition, notes);
        }
        self.filter.instruction(stamp, step);
        self.settle(stamp);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if self.filter.has_closed() {
            return self.filter.event(stamp, event);
        }
        let notes = self.follower.event(stamp, event);
        if let Some(tree) = self.filter.inner_mut().calls_mut() {
            tree.note(stamp.partition, notes);
        }
        self.filter.event(stamp, event);
        self.settle(stamp);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.filter.elided(stamp, elision);
        self.settle(stamp);
    }
}
