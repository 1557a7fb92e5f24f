//! Finds when a register of a partition changes: by an instruction, or by the hypervisor between two of them.
//!
//! Not here: which registers there are.

use super::hit::{Change, Doer, Hit, Showing};
use super::registers::Register;
use super::scope::Range;
use super::search::Finder;
use emulator::Step;
use hypervisor_core::{Event, Machine, PartitionId, Recorder, Stamp};

/// So many events are named as what changed a register.
const EVENTS_MOST: usize = 4;

/// Looks for changes of a register.
pub struct RegisterFinder<'a> {
    showing: Showing<'a>,
    partition: PartitionId,
    register: Register,
    /// Only changes to this.
    value: Option<u128>,
    range: Range,
    /// What it holds, as far as was seen; None before the first machine.
    known: Option<u128>,
    /// What happened since the last instruction.
    events: Vec<(Stamp, Event)>,
    hits: Vec<Hit>,
    keeps_last: bool,
}

impl<'a> RegisterFinder<'a> {
    /// Watches a register of a partition.
    pub fn new(
        showing: Showing<'a>,
        partition: PartitionId,
        (register, value): (Register, Option<u128>),
        range: Range,
    ) -> Self {
        let (known, events, hits) = (None, Vec::new(), Vec::new());
        Self { showing, partition, register, value, range, known, events, hits, keeps_last: false }
    }

    fn is_wanted(&self, value: u128) -> bool {
        self.value.is_none_or(|wanted| wanted == value)
    }

    fn push(&mut self, hit: Hit) {
        if self.keeps_last {
            self.hits.clear();
        }
        self.hits.push(hit);
    }

    fn change(&self, before: u128, after: u128) -> Vec<Change> {
        vec![Change::Register(self.register.name, before, after, self.register.digits())]
    }

    /// Between instructions it became `now`.
    fn settle(&mut self, next: Stamp, now: u128) {
        let before = self.known.replace(now).unwrap_or(now);
        let stamp = self.events.last().map_or(next, |(stamp, _)| *stamp);
        if before != now && self.is_wanted(now) && self.range.holds_event(stamp) {
            let by = Doer::Core(self.showing.events(self.partition, &self.events));
            self.push(Hit { stamp, by, changes: self.change(before, now), line: Vec::new() });
        }
        self.events.clear();
    }
}

impl Recorder for RegisterFinder<'_> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if stamp.partition != self.partition {
            return;
        }
        let after = self.register.of_processor(step.after);
        if let Some(before) = self.register.before(step)
            && (self.known != Some(before) || !self.events.is_empty())
        {
            self.settle(stamp, before);
        }
        let before = self.known.replace(after).unwrap_or(after);
        self.events.clear();
        if before != after && self.is_wanted(after) && self.range.holds_instruction(stamp) {
            let changes = self.change(before, after);
            let hit = self.showing.instruction(stamp, step, changes);
            self.push(hit);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if stamp.partition == self.partition {
            if self.events.len() == EVENTS_MOST {
                self.events.remove(0);
            }
            self.events.push((stamp, event.clone()));
        }
    }
}

impl Finder for RegisterFinder<'_> {
    fn looks_at_events(&self) -> bool {
        false
    }

    fn begin(&mut self, machine: &Machine) {
        self.known = Some(self.register.of_partition(machine, self.partition));
        self.events.clear();
    }

    fn look(&mut self, machine: &Machine) {
        let now = self.register.of_partition(machine, self.partition);
        if self.known != Some(now) {
            self.settle(machine.stamp_of(self.partition), now);
        }
    }

    fn take(&mut self) -> Vec<Hit> {
        std::mem::take(&mut self.hits)
    }

    fn keep_last(&mut self) {
        self.keeps_last = true;
    }
}
