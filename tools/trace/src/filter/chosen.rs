//! Records that are in time, on their way to who wants them: those that are not wanted become gaps.

use super::gaps::{Gap, Gaps};
use super::selection::Selector;
use crate::collapse::{Loops, Repeats};
use crate::last::Last;
use crate::ring::{Forgotten, Outlet};
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, Omission, PartitionId, Recorder, Stamp};
use std::iter;

/// Hands on what is wanted, after what is missing before it.
pub struct Chosen<R> {
    selector: Selector,
    /// Those of the choices within which this one is.
    outer_selectors: Vec<Selector>,
    partitions: Vec<Partition>,
    gaps: Gaps,
    /// How many records were handed on.
    passed: u64,
    counts_by_numbers: bool,
    next: Last<Repeats<Loops<R>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    gap: Gap,
    /// A record of it was in time.
    has_begun: bool,
    /// The guest asked for its instructions to be left out.
    is_stopped: bool,
}

impl<R: Recorder> Chosen<R> {
    pub fn new(
        selector: Selector,
        outer_selectors: Vec<Selector>,
        gaps: Gaps,
        next: Last<Repeats<Loops<R>>>,
    ) -> Self {
        let partitions = vec![Partition::default(); selector.partitions()];
        Self { selector, outer_selectors, partitions, gaps, passed: 0, counts_by_numbers: false, next }
    }

    pub fn inner(&self) -> &R {
        self.next.inner().inner().inner()
    }

    pub fn inner_mut(&mut self) -> &mut R {
        self.next.inner_mut().inner_mut().inner_mut()
    }

    pub fn into_inner(self) -> R {
        self.next.into_inner().into_inner().into_inner()
    }

    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Instructions will not be seen: those that are missing are counted by their numbers.
    pub fn count_by_numbers(&mut self) {
        self.counts_by_numbers = true;
    }

    /// A record is in time; what was before the first one of its partition is no gap.
    pub fn begin(&mut self, stamp: Stamp) {
        let partition = &mut self.partitions[stamp.partition.index()];
        if !std::mem::replace(&mut partition.has_begun, true) {
            partition.gap.start(stamp.instruction);
        }
    }

    /// An instruction is not in time.
    pub fn leave_out_instruction(&mut self, partition: PartitionId) {
        self.partitions[partition.index()].gap.by_filter(1, 0);
    }

    /// So many instructions and events are not in time.
    pub fn leave_out(&mut self, partition: PartitionId, (instructions, events): (u64, u64)) {
        if instructions > 0 || events > 0 {
            self.partitions[partition.index()].gap.by_filter(instructions, events);
        }
    }

    /// Whether the guest of a partition has asked for its instructions to be left out.
    pub fn stop(&mut self, partition: PartitionId, is_stopped: bool) {
        self.partitions[partition.index()].is_stopped = is_stopped;
    }

    /// What the guest asks for by an event that is not in time holds all the same.
    pub fn note_wish(&mut self, partition: PartitionId, event: &Event) {
        self.partitions[partition.index()].note_wish(event);
    }

    /// An instruction is in time for the outer choices alone: they follow where the partition is.
    pub fn pass_by(&mut self, stamp: Stamp, step: &Step<'_>) {
        for selector in &mut self.outer_selectors {
            selector.wants_instruction(stamp, step);
        }
    }

    /// An event is not in time. What the guest asks for by it holds all the same.
    pub fn leave_out_event(&mut self, partition: PartitionId, event: &Event) {
        let partition = &mut self.partitions[partition.index()];
        partition.note_wish(event);
        partition.gap.by_filter(0, 1);
    }

    /// Somebody left something out before, and that is not in time.
    pub fn leave_out_elision(&mut self, partition: PartitionId, elision: &Elision) {
        self.partitions[partition.index()].gap.by_filter(elision.instructions, elision.events);
    }

    /// Tells what is missing at the end of a partition.
    pub fn end(&mut self, stamp: Stamp) {
        self.close_gap(stamp, stamp.instruction);
        if let Some(total) = self.partitions[stamp.partition.index()].gap.total() {
            self.next.elided(stamp, &total);
        }
    }

    /// Hands on some of what was held back to the end; false if that was all.
    pub fn hand_on(&mut self) -> bool {
        let more = self.next.hand_on();
        if !more {
            self.next.inner_mut().finish();
            self.next.inner_mut().inner_mut().finish();
        }
        more
    }

    fn close_gap(&mut self, stamp: Stamp, next: u64) {
        let gap = &mut self.partitions[stamp.partition.index()].gap;
        if self.counts_by_numbers {
            gap.by_number(stamp.instruction);
        }
        if let Some(elision) = gap.end(next, self.gaps) {
            self.next.elided(stamp, &elision);
        }
    }
}

impl Partition {
    fn note_wish(&mut self, event: &Event) {
        match event {
            Event::TraceStart => self.is_stopped = false,
            Event::TraceStop => self.is_stopped = true,
            _ => {}
        }
    }
}

impl<R: Recorder> Recorder for Chosen<R> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let mut is_wanted = self.selector.wants_instruction(stamp, step);
        // Each of them follows where the partition is.
        for selector in &mut self.outer_selectors {
            is_wanted &= selector.wants_instruction(stamp, step);
        }
        let partition = &mut self.partitions[stamp.partition.index()];
        if !is_wanted {
            return partition.gap.by_filter(1, 0);
        }
        if partition.is_stopped {
            return partition.gap.by_guest(1);
        }
        self.close_gap(stamp, stamp.instruction.saturating_add(1));
        self.passed += 1;
        self.next.instruction(stamp, step);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let partition = &mut self.partitions[stamp.partition.index()];
        if partition.is_stopped {
            return partition.gap.by_guest(blocks.units);
        }
        self.close_gap(stamp, stamp.instruction.saturating_add(blocks.units));
        self.passed = self.passed.saturating_add(blocks.units);
        self.inner_mut().blocks(stamp, blocks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let mut selectors = iter::once(&self.selector).chain(&self.outer_selectors);
        if !selectors.all(|selector| selector.wants_event(stamp, event)) {
            return self.leave_out_event(stamp.partition, event);
        }
        self.partitions[stamp.partition.index()].note_wish(event);
        self.close_gap(stamp, stamp.instruction);
        self.passed += 1;
        self.next.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        // What another filter left out is missing as what this one leaves out.
        if elision.omission == Omission::Filter {
            return self.leave_out_elision(stamp.partition, elision);
        }
        let begin = Stamp { instruction: elision.since, ..stamp };
        self.close_gap(begin, stamp.instruction);
        self.next.elided(stamp, elision);
    }
}

impl<R: Recorder> Outlet for Chosen<R> {
    fn forgotten(&mut self, stamp: Stamp, what: Forgotten<'_>) {
        match what {
            Forgotten::Instruction => self.leave_out_instruction(stamp.partition),
            Forgotten::Event(event) => self.leave_out_event(stamp.partition, event),
            Forgotten::Elision(elision) => self.leave_out_elision(stamp.partition, elision),
        }
    }
}
