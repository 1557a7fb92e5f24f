//! Counts how often an instruction of a partition runs.

use super::hit::{Hit, Showing};
use super::scope::Range;
use super::search::Finder;
use emulator::Step;
use hypervisor_core::{Event, Machine, PartitionId, Recorder, Stamp};

/// Looks for visits.
pub struct VisitFinder<'a> {
    showing: Showing<'a>,
    partition: PartitionId,
    address: u32,
    range: Range,
    /// Whether each visit is a hit, or only the first.
    all: bool,
    /// How many there were.
    pub count: u64,
    /// When the last was.
    pub last: Stamp,
    hits: Vec<Hit>,
}

impl<'a> VisitFinder<'a> {
    /// Watches the instruction at an address of a partition.
    pub fn new(showing: Showing<'a>, partition: PartitionId, address: u32, range: Range, all: bool) -> Self {
        let last = Stamp::default();
        Self { showing, partition, address, range, all, count: 0, last, hits: Vec::new() }
    }
}

impl Recorder for VisitFinder<'_> {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let is_visit = step.eip == self.address && stamp.partition == self.partition;
        if !is_visit || !self.range.holds_instruction(stamp) {
            return;
        }
        self.count += 1;
        self.last = stamp;
        if self.all || self.count == 1 {
            let hit = self.showing.instruction(stamp, step, Vec::new());
            self.hits.push(hit);
        }
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

impl Finder for VisitFinder<'_> {
    fn looks_at_events(&self) -> bool {
        false
    }

    fn begin(&mut self, _: &Machine) {}

    fn look(&mut self, _: &Machine) {}

    fn take(&mut self) -> Vec<Hit> {
        std::mem::take(&mut self.hits)
    }

    fn keep_last(&mut self) {}
}
