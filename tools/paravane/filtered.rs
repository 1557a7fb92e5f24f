//! A run on its way through a filter to the text of its trace.

use crate::beginning::Beginning;
use crate::call_filter::CallFilter;
use crate::filter_options::FilterOptions;
use crate::look::Shown;
use crate::output::Ended;
use crate::rest::Rest;
use crate::session::Listener;
use crate::text_sink::TextSink;
use crate::view::View;
use emulator::Step;
use hypervisor_core::{Elision, Event, Machine, Partition, PartitionId, Progress, Recorder, Stamp, Wanted};
use log::warn;
use trace::filter::{Choice, EventsOnly};
use trace::{Filter, RunEnd, TracedSystem};

/// A filter before the text, and the options that it was made of.
pub struct Filtered<'a, F> {
    filter: F,
    options: &'a FilterOptions,
    is_window: bool,
    view: &'a View,
}

/// A filter, whether it sees instructions or not.
pub trait TextFilter: Recorder {
    /// The filter.
    fn filter_mut(&mut self) -> &mut Filter<TextSink>;

    /// Whether nothing more will pass.
    fn is_done(&mut self) -> bool {
        self.filter_mut().is_over()
    }

    /// So many instructions and events of a partition are left out that are not told, after it is over.
    fn leave_rest(&mut self, partition: PartitionId, passed: (u64, u64)) {
        self.filter_mut().leave_out(partition, passed);
    }

    /// Nothing more comes but how the run ended.
    fn close(&mut self) {}

    /// Writes what was held back to the end. Each partition ended at one of `ends`.
    ///
    /// # Errors
    /// The output fails.
    fn hand_on_rest(&mut self, ends: Vec<Stamp>) -> Result<(), Ended> {
        self.filter_mut().finish(ends, TextSink::write)
    }

    /// Nothing more comes, and how the run ended is written, too.
    ///
    /// # Errors
    /// The output fails.
    fn finish(&mut self) -> Result<(), Ended> {
        Ok(())
    }
}

impl TextFilter for Filter<TextSink> {
    fn filter_mut(&mut self) -> &mut Filter<TextSink> {
        self
    }
}

impl TextFilter for EventsOnly<TextSink> {
    fn filter_mut(&mut self) -> &mut Filter<TextSink> {
        self.filter_mut()
    }
}

/// A filter of what another one leaves once the run is over.
pub struct OfLast(Filter<Filter<TextSink>>);

impl TextFilter for OfLast {
    fn filter_mut(&mut self) -> &mut Filter<TextSink> {
        self.0.inner_mut()
    }

    fn is_done(&mut self) -> bool {
        self.0.is_over()
    }

    fn leave_rest(&mut self, partition: PartitionId, passed: (u64, u64)) {
        self.0.leave_out(partition, passed);
    }

    fn hand_on_rest(&mut self, ends: Vec<Stamp>) -> Result<(), Ended> {
        self.0.finish(ends.clone(), |filter| filter.inner_mut().write())?;
        self.0.inner_mut().finish(ends, TextSink::write)
    }
}

impl Recorder for OfLast {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.instruction(stamp, step);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.elided(stamp, elision);
    }
}

impl<'a> Filtered<'a, OfLast> {
    /// A filter of what `before` leaves once the run is over.
    pub fn of_last(before: Choice, shown: &'a Shown<'a>, sink: TextSink) -> Self {
        let filter = OfLast(Filter::new(before, Filter::new(shown.choice.clone(), sink)));
        Self::before_text(shown, filter)
    }
}

impl<'a> Filtered<'a, Filter<TextSink>> {
    /// A filter that sees everything.
    pub fn new(shown: &'a Shown<'a>, sink: TextSink) -> Self {
        Self::before_text(shown, Filter::new(shown.choice.clone(), sink))
    }
}

impl<'a> Filtered<'a, EventsOnly<TextSink>> {
    /// A filter for what needs no instructions.
    pub fn of_events(shown: &'a Shown<'a>, sink: TextSink) -> Self {
        Self::before_text(shown, EventsOnly::new(shown.choice.clone(), sink))
    }
}

impl<'a> Filtered<'a, CallFilter> {
    /// A filter for a tree of calls.
    pub fn of_calls(shown: &'a Shown<'a>, system: &TracedSystem, sink: TextSink) -> Self {
        let filter = CallFilter::new(shown.choice.clone(), system, sink);
        Self::before_text(shown, filter)
    }
}

impl<'a, F: TextFilter> Filtered<'a, F> {
    fn before_text(shown: &'a Shown<'a>, mut filter: F) -> Self {
        if shown.is_window() {
            filter.filter_mut().tell_only_of_the_window();
        }
        Self { filter, options: &shown.filter, is_window: shown.is_window(), view: &shown.view }
    }

    /// Writes what is there so far.
    ///
    /// # Errors
    /// The output fails.
    pub fn write(&mut self) -> Result<(), Ended> {
        self.filter.filter_mut().inner_mut().write()
    }

    /// Whether there are records that were not written yet.
    pub fn has_more(&mut self) -> bool {
        self.filter.filter_mut().passed().records > 0 && self.filter.filter_mut().inner_mut().has_more()
    }

    /// Whether only the instructions after one point are wanted.
    pub fn is_window(&self) -> bool {
        self.is_window
    }

    /// Whether nothing more will be written but how much was left out.
    pub fn is_over(&mut self) -> bool {
        self.filter.is_done()
    }

    /// Nobody tells what comes after it is over.
    pub fn leave_out(&mut self, rest: &Rest) {
        rest.left().for_each(|(partition, left)| self.filter.leave_rest(partition, left));
    }

    /// The records begin with what this machine does next, if there were none before.
    pub fn begin_at(&mut self, machine: &Machine) {
        let filter = self.filter.filter_mut();
        if filter.passed().began {
            return;
        }
        for place in 0..machine.partitions().len() as u16 {
            filter.inner_mut().begin_at(PartitionId(place), machine.partition(PartitionId(place)).cpu());
        }
    }

    /// The records begin with what comes after a beginning.
    pub fn go_on(&mut self, beginning: &Beginning) {
        beginning.tell(self.filter.filter_mut());
    }

    /// Writes what was held back to the end, and how the run ended. Each partition ended at one of `ends`.
    ///
    /// # Errors
    /// The output fails.
    pub fn end(&mut self, ends: Vec<Stamp>, end: Option<&RunEnd>) -> Result<(), Ended> {
        self.filter.close();
        self.filter.hand_on_rest(ends)?;
        let filter = self.filter.filter_mut();
        // The end is not part of a window.
        if let Some(end) = end.filter(|_| !self.is_window) {
            filter.inner_mut().end(end);
        }
        if let Some(warning) = self.view.warning(self.options, &filter.passed()) {
            warn!("{warning}");
        }
        self.filter.finish()?;
        self.write()
    }
}

impl<F: TextFilter> Recorder for Filtered<'_, F> {
    fn wanted(&self) -> Wanted {
        self.filter.wanted()
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.filter.instruction(stamp, step);
        if self.is_window {
            // What the first instruction of a window loads is told as in the trace of the whole run.
            let filter = self.filter.filter_mut();
            if !filter.passed().began {
                filter.inner_mut().begin_at(stamp.partition, step.after);
            }
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.filter.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.filter.elided(stamp, elision);
    }
}

impl<F: TextFilter> Listener for Filtered<'_, F> {
    fn slice_units(&self, _: &Machine) -> Option<u64> {
        Some(crate::text_sink::SLICE_UNITS)
    }

    fn hand_on(&mut self, machine: &Machine, progress: &Progress) -> Result<(), Ended> {
        match progress {
            Progress::Finished(outcome) => self.end(ends(machine), Some(&RunEnd::of(machine, outcome))),
            _ => self.write(),
        }
    }
}

/// Where each partition ended, or is now.
pub fn ends(machine: &Machine) -> Vec<Stamp> {
    let end = |(place, partition): (usize, &Partition)| {
        let stamp = machine.stamp_of(PartitionId(place as u16));
        let now_ns = partition.ending().map_or(stamp.now_ns, |ending| ending.now_ns);
        Stamp { now_ns, ..stamp }
    };
    machine.partitions().iter().enumerate().map(end).collect()
}
