//! Counts how often an instruction of a partition runs.

use super::hit::{Hit, Showing};
use super::scope::Range;
use super::search::Finder;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::clock::Rate;
use hypervisor_core::{Event, Machine, PartitionId, Recorder, Stamp, Wanted};
use trace::{Stretches, TracedSystem};

/// Looks for visits.
pub struct VisitFinder<'a> {
    showing: Showing<'a>,
    partition: PartitionId,
    address: u32,
    range: Range,
    /// How many there were.
    pub count: u64,
    /// When the last was.
    pub last: Stamp,
    hits: Vec<Hit>,
}

impl<'a> VisitFinder<'a> {
    /// Watches the instruction at an address of a partition.
    pub fn new(showing: Showing<'a>, partition: PartitionId, address: u32, range: Range) -> Self {
        let last = Stamp::default();
        Self { showing, partition, address, range, count: 0, last, hits: Vec::new() }
    }
}

/// Counts visits, of which only the numbers are wanted: it is told of blocks.
pub struct VisitCounter {
    partition: PartitionId,
    address: u32,
    range: Range,
    rate: Rate,
    stretches: Stretches,
    /// Of each block by its number the place of the instruction in it.
    places: Vec<Option<usize>>,
    /// How many there were.
    pub count: u64,
    /// When the first was.
    pub first: Option<Stamp>,
    /// When the last was.
    pub last: Stamp,
}

impl VisitCounter {
    /// Watches the instruction at an address of a partition.
    pub fn new(system: &TracedSystem, partition: PartitionId, address: u32, range: Range) -> Self {
        Self {
            partition,
            address,
            range,
            rate: system.rate,
            stretches: Stretches::new(system.partitions.len()),
            places: Vec::new(),
            count: 0,
            first: None,
            last: Stamp::default(),
        }
    }

    /// So many visits one after the other, the first of them at `stamp`, whose time counts only for ranges.
    fn visit(&mut self, mut stamp: Stamp, visits: u64) {
        if self.range == Range::default() {
            self.first.get_or_insert(stamp);
            self.count += visits;
            self.last = stamp;
            self.last.instruction += visits - 1;
            self.last.unit += visits - 1;
            return;
        }
        for _ in 0..visits {
            stamp.now_ns = self.rate.nanoseconds(stamp.unit);
            if self.range.holds_instruction(stamp) {
                self.first.get_or_insert(stamp);
                self.count += 1;
                self.last = stamp;
            }
            stamp.instruction += 1;
            stamp.unit += 1;
        }
    }
}

impl Recorder for VisitCounter {
    fn wanted(&self) -> Wanted {
        Wanted::BlocksAndStack
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if step.eip == self.address && stamp.partition == self.partition {
            self.visit(stamp, 1);
        }
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        if stamp.partition != self.partition {
            return;
        }
        let mut stretches = std::mem::replace(&mut self.stretches, Stretches::new(0));
        let mut places = std::mem::take(&mut self.places);
        stretches.refresh(stamp, blocks, |_| places.clear());
        let new = &stretches.codes(self.partition)[places.len()..];
        places.extend(new.iter().map(|code| code.place_of(self.address)));
        stretches.each(stamp, blocks, |stretch| {
            let place = places[stretch.block as usize].filter(|place| *place < stretch.instructions);
            let Some(place) = place else { return };
            let before = stretch.units_before + place as u64;
            let is_last = place + 1 == stretch.instructions;
            let at = Stamp { instruction: stamp.instruction + before, unit: stamp.unit + before, ..stamp };
            self.visit(at, 1 + if is_last { stretch.more } else { 0 });
        });
        (self.stretches, self.places) = (stretches, places);
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

impl Finder for VisitCounter {
    fn looks_at_events(&self) -> bool {
        false
    }

    fn begin(&mut self, _: &Machine) {}

    fn look(&mut self, _: &Machine) {}

    fn take(&mut self) -> Vec<Hit> {
        Vec::new()
    }

    fn keep_last(&mut self) {}
}

impl Recorder for VisitFinder<'_> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let is_visit = step.eip == self.address && stamp.partition == self.partition;
        if !is_visit || !self.range.holds_instruction(stamp) {
            return;
        }
        self.count += 1;
        self.last = stamp;
        let hit = self.showing.instruction(stamp, step, Vec::new());
        self.hits.push(hit);
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
