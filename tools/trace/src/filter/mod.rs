//! What of a run is recorded. Whatever is left out is told of: see [`Elision`].
//!
//! Records pass, in this order, the partitions, the window between two triggers, the surroundings of another one, the
//! selection and the guest's own wishes, and then the ring of the last ones and the collapsing of repetitions.
//! Not here: words and options; a filter is plain data.

mod around;
mod chosen;
mod classes;
mod gaps;
mod kinds;
mod ranges;
mod selection;
mod stay;
mod trigger;
mod window;

pub use gaps::Gaps;
pub use kinds::Kinds;
pub use ranges::{Places, Ranges};
pub use selection::{READS_MEMORY, Selection, WRITES_MEMORY};
pub use trigger::{Instant, Trigger};
pub use window::Window;

use crate::collapse::{Collapse, Loops, Repeats};
use crate::last::Last;
use around::Around;
use chosen::Chosen;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp, Wanted};
use selection::Selector;

/// What is to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Of each partition, by its number, whether it is recorded at all. Those that are not leave no gaps.
    pub partitions: Vec<bool>,
    /// Where it begins; at once without.
    pub from: Option<Trigger>,
    /// Where it ends.
    pub to: Option<Trigger>,
    /// It ends after so many instructions, of the partition of `from` if that names one.
    pub length: Option<u64>,
    /// Only so many instructions before and after each time of this.
    pub around: Option<(Trigger, usize)>,
    /// Which records.
    pub selection: Selection,
    /// Only so many of the records that are chosen: the last ones, at the end of the run.
    pub last: Option<usize>,
    /// Repetitions that become one line.
    pub collapse: Collapse,
    /// How gaps are told of.
    pub gaps: Gaps,
    /// It is a choice of what this one leaves. See [`Choice::within`].
    pub within: Option<Box<Choice>>,
}

impl Choice {
    /// Everything that so many partitions do.
    #[must_use]
    pub fn everything(partitions: usize) -> Self {
        Self {
            partitions: vec![true; partitions],
            from: None,
            to: None,
            length: None,
            around: None,
            selection: Selection::everything(),
            last: None,
            collapse: Collapse::default(),
            gaps: Gaps::Each,
            within: None,
        }
    }

    /// This choice of what `outer` leaves: a record has to pass both. The windows of both open and close with the whole run, so that
    /// a trigger may be a record that the other one leaves out. Gaps are told as this one says.
    ///
    /// Not for an `outer` with `last`, which chooses once the run is over, nor for two with `around`: of these the outer one is lost.
    #[must_use]
    pub fn within(mut self, mut outer: Self) -> Self {
        for (shown, is_outer) in self.partitions.iter_mut().zip(&outer.partitions) {
            *shown &= is_outer;
        }
        self.around = self.around.or(outer.around.take());
        self.collapse.repeats |= outer.collapse.repeats;
        self.collapse.loops |= outer.collapse.loops;
        self.within = Some(Box::new(outer));
        self
    }

    /// Whether what passes at an instant depends on what came before, and not on that instant alone.
    #[must_use]
    pub fn depends_on_the_past(&self) -> bool {
        let Self { from, to, length, around, selection, last, within, .. } = self;
        let has_window = from.is_some() || to.is_some() || length.is_some();
        has_window
            || around.is_some()
            || last.is_some()
            || selection.callees
            || within.as_ref().is_some_and(|outer| outer.depends_on_the_past())
    }

    /// Whether it lets everything of its partitions through as it comes, so that a filter may be told of blocks in place of instructions.
    #[must_use]
    pub fn sees_blocks(&self) -> bool {
        let (partitions, gaps) = (self.partitions.clone(), self.gaps);
        *self == Self { partitions, gaps, ..Self::everything(0) }
    }

    /// Whether instructions have to be seen for it. Otherwise an [`EventsOnly`] filter does the same in less time.
    #[must_use]
    pub fn needs_instructions(&self) -> bool {
        let triggers = [&self.from, &self.to];
        self.length.is_some()
            || self.selection.needs_instructions()
            || self.around.is_some()
            || triggers.into_iter().flatten().any(Trigger::needs_instructions)
            || self.within.as_ref().is_some_and(|outer| outer.needs_instructions())
    }
}

/// Hands on to another recorder what is chosen, and tells it what is missing.
pub struct Filter<R> {
    partitions: Vec<bool>,
    window: Window,
    /// What is not in the window is no gap.
    is_silent: bool,
    /// Those of the choices within which this one is.
    outer_windows: Vec<Window>,
    around: Option<Around>,
    chosen: Chosen<R>,
}

/// How much of a run a filter let through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passed {
    /// Instructions and events.
    pub records: u64,
    /// Whether recording ever began.
    pub began: bool,
    /// Whether it ever began for the choice within which this one is.
    pub outer_began: bool,
    /// How often there was something to record the surroundings of, if that was asked for.
    pub hits: Option<u64>,
}

impl<R: Recorder> Filter<R> {
    /// A filter before `inner`.
    #[must_use]
    pub fn new(choice: Choice, inner: R) -> Self {
        let Choice { partitions, from, to, length, around, selection, last, collapse, gaps, mut within } =
            choice;
        let count = partitions.len();
        let next = Last::new(last, Repeats::new(collapse.repeats, Loops::new(collapse.loops, inner)));
        let (mut outer_windows, mut outer_selectors) = (Vec::new(), Vec::new());
        while let Some(outer) = within {
            outer_windows.push(Window::new(outer.from, outer.to, outer.length));
            outer_selectors.push(Selector::new(outer.selection, count));
            within = outer.within;
        }
        Self {
            partitions,
            window: Window::new(from, to, length),
            is_silent: false,
            outer_windows,
            around: around.map(|(trigger, units)| Around::new(trigger, units)),
            chosen: Chosen::new(Selector::new(selection, count), outer_selectors, gaps, next),
        }
    }

    /// What is outside of its window is no gap: nobody is told that it is missing. It is to be said before the first record.
    pub fn tell_only_of_the_window(&mut self) {
        self.is_silent = true;
    }

    /// The recorder behind it.
    #[must_use]
    pub fn inner(&self) -> &R {
        self.chosen.inner()
    }

    /// The recorder behind it.
    pub fn inner_mut(&mut self) -> &mut R {
        self.chosen.inner_mut()
    }

    /// The recorder behind it, once nothing more comes.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.chosen.into_inner()
    }

    /// The guest of a partition has asked, before its first record, for its instructions to be left out.
    pub fn stop(&mut self, partition: PartitionId) {
        if self.shows(partition) {
            self.chosen.stop(partition, true);
        }
    }

    /// So many instructions and events of a partition are left out that are not told: before its first record, or after it
    /// [is over](Filter::is_over).
    pub fn leave_out(&mut self, partition: PartitionId, passed: (u64, u64)) {
        if self.shows(partition) && !self.is_silent {
            self.chosen.leave_out(partition, passed);
        }
    }

    /// Whether nothing more will pass.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.has_closed() || self.around.as_ref().is_some_and(Around::is_over)
    }

    /// Whether the time of records is over.
    #[must_use]
    pub fn has_closed(&self) -> bool {
        self.window.is_closed() || self.outer_windows.iter().any(Window::is_closed)
    }

    /// How much passed it so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        Passed {
            records: self.chosen.passed(),
            began: self.window.was_open(),
            outer_began: self.outer_windows.iter().all(Window::was_open),
            hits: self.around.as_ref().map(Around::hits),
        }
    }

    /// Nothing more comes: each partition has ended, or stopped, at one of `ends`. Hands on what was held back, some of
    /// it at a time; after each time `hand_on` can take it from the inner recorder.
    ///
    /// # Errors
    /// That of `hand_on`.
    pub fn finish<E>(
        &mut self,
        ends: impl IntoIterator<Item = Stamp>,
        mut hand_on: impl FnMut(&mut R) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(around) = &mut self.around {
            around.finish(&mut self.chosen);
        }
        for end in ends {
            if self.shows(end.partition) && !self.is_silent {
                self.chosen.end(end);
            }
        }
        while self.chosen.hand_on() {
            hand_on(self.chosen.inner_mut())?;
        }
        hand_on(self.chosen.inner_mut())
    }

    fn shows(&self, partition: PartitionId) -> bool {
        self.partitions.get(partition.index()) == Some(&true)
    }
}

impl<R: Recorder> Recorder for Filter<R> {
    fn wanted(&self) -> Wanted {
        self.inner().wanted().max(Wanted::Events)
    }

    /// Only for a choice that [sees blocks](Choice::sees_blocks).
    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        if self.shows(stamp.partition) {
            self.chosen.blocks(stamp, blocks);
        }
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if !self.shows(stamp.partition) {
            return;
        }
        // Each window sees the whole run.
        let is_own = self.window.holds_instruction(stamp, step);
        let is_outer = hold(&mut self.outer_windows, |window| window.holds_instruction(stamp, step));
        if is_own && self.is_silent {
            self.chosen.begin(stamp);
        }
        if !is_own || !is_outer {
            if is_outer {
                self.chosen.pass_by(stamp, step);
            }
            if is_own || !self.is_silent {
                self.chosen.leave_out_instruction(stamp.partition);
            }
            return;
        }
        match &mut self.around {
            None => self.chosen.instruction(stamp, step),
            Some(around) => around.instruction(stamp, step, &mut self.chosen),
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if !self.shows(stamp.partition) {
            return;
        }
        let is_own = self.window.holds_event(stamp, event);
        let is_outer = hold(&mut self.outer_windows, |window| window.holds_event(stamp, event));
        if self.is_silent {
            if !is_own {
                return self.chosen.note_wish(stamp.partition, event);
            }
            self.chosen.begin(stamp);
        }
        if !is_own || !is_outer {
            return self.chosen.leave_out_event(stamp.partition, event);
        }
        match &mut self.around {
            None => self.chosen.event(stamp, event),
            Some(around) => around.event(stamp, event, &mut self.chosen),
        }
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        if !self.shows(stamp.partition) {
            return;
        }
        if self.is_silent && !self.window.is_open() {
            return;
        }
        if !self.window.is_open() || !self.outer_windows.iter().all(Window::is_open) {
            return self.chosen.leave_out_elision(stamp.partition, elision);
        }
        match &mut self.around {
            None => self.chosen.elided(stamp, elision),
            Some(around) => around.elided(stamp, elision, &mut self.chosen),
        }
    }
}

/// Whether all windows hold a record; each of them is asked.
fn hold(windows: &mut [Window], mut holds: impl FnMut(&mut Window) -> bool) -> bool {
    let mut all = true;
    for window in windows {
        all &= holds(window);
    }
    all
}

/// A filter that needs no instructions: the processor runs as if nobody watched. Those that are missing are counted by
/// their numbers, of which a fault takes one, too.
pub struct EventsOnly<R>(Filter<R>);

impl<R: Recorder> EventsOnly<R> {
    /// A filter before `inner`, for what does not [need instructions](Choice::needs_instructions).
    #[must_use]
    pub fn new(choice: Choice, inner: R) -> Self {
        let mut filter = Filter::new(choice, inner);
        filter.chosen.count_by_numbers();
        Self(filter)
    }

    /// The filter.
    pub fn filter_mut(&mut self) -> &mut Filter<R> {
        &mut self.0
    }
}

impl<R: Recorder> Recorder for EventsOnly<R> {
    fn wanted(&self) -> Wanted {
        Wanted::Events
    }

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

#[cfg(test)]
mod tests;
