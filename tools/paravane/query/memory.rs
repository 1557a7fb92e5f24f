//! Finds who reads and writes memory of a partition: instructions by what they tell, the hypervisor by what has changed though
//! no instruction wrote it.
//!
//! Memory is compared at each event, because the hypervisor writes when something happens; what it writes at no event is seen only
//! some thousand instructions later, and what it writes over before an instruction does is not seen at all.

use super::hit::{Change, Doer, Hit, Showing};
use super::scope::Range;
use super::search::Finder;
use emulator::{Access, AccessKind, Step};
use hypervisor_core::shared_areas::addresses;
use hypervisor_core::{Event, Machine, PartitionId, Recorder, Stamp, SystemConfig};
use std::ops::RangeInclusive;

/// An access that touches watched memory begins or ends at most so many bytes away.
const MARGIN: u32 = 7;
/// A number holds so many bytes.
const NUMBER_BYTES: u32 = 8;
/// So many events are named as what changed memory.
const EVENTS_MOST: usize = 4;
const PAGE_BYTES: u32 = 4096;

/// Looks for accesses to memory.
pub struct MemoryFinder<'a> {
    showing: Showing<'a>,
    partition: PartitionId,
    watched: RangeInclusive<u32>,
    range: Range,
    /// Whether reads are wanted, too.
    reads: bool,
    /// Whether other partitions have this memory at the same address.
    shared: bool,
    /// The first address of `bytes`.
    start: u32,
    /// Memory around what is watched as the instructions left it; None where there is none.
    bytes: Vec<Option<u8>>,
    fresh: Vec<Option<u8>>,
    /// The next instruction of the partition.
    own: Stamp,
    /// What happened since memory was compared.
    events: Vec<(Stamp, Event)>,
    hits: Vec<Hit>,
    keeps_last: bool,
}

impl<'a> MemoryFinder<'a> {
    /// Watches the addresses from `first` to `last` of a partition.
    pub fn new(
        showing: Showing<'a>,
        partition: PartitionId,
        (first, last): (u32, u32),
        range: Range,
        reads: bool,
    ) -> Self {
        let start = first.saturating_sub(MARGIN);
        let length = (last.saturating_add(MARGIN) - start) as usize + 1;
        Self {
            showing,
            partition,
            watched: first..=last,
            range,
            reads,
            shared: false,
            start,
            bytes: vec![None; length],
            fresh: vec![None; length],
            own: Stamp { partition, ..Stamp::default() },
            events: Vec::new(),
            hits: Vec::new(),
            keeps_last: false,
        }
    }

    fn push(&mut self, hit: Hit) {
        if self.keeps_last {
            self.hits.clear();
        }
        self.hits.push(hit);
    }

    fn is_watched(&self, access: &Access) -> bool {
        let last = access.address.saturating_add(u32::from(access.length_bytes).saturating_sub(1));
        access.address <= *self.watched.end() && last >= *self.watched.start()
    }

    /// What was where an access goes.
    fn before(&self, access: &Access) -> Option<u64> {
        let from = access.address.checked_sub(self.start)? as usize;
        let bytes = self.bytes.get(from..from + usize::from(access.length_bytes))?;
        number(bytes)
    }

    fn write(&mut self, access: &Access) {
        for (place, byte) in access.value.to_le_bytes().into_iter().enumerate() {
            if place >= usize::from(access.length_bytes) {
                break;
            }
            let address = access.address.wrapping_add(place as u32);
            let known = address.checked_sub(self.start).and_then(|at| self.bytes.get_mut(at as usize));
            if let Some(known) = known {
                *known = Some(byte);
            }
        }
    }

    fn read_memory(&mut self, machine: &Machine) {
        let partition = machine.partition(self.partition);
        let (mut at, mut page) = (0, [0; PAGE_BYTES as usize]);
        while at < self.fresh.len() {
            let address = self.start.wrapping_add(at as u32);
            let length = (PAGE_BYTES - address % PAGE_BYTES).min((self.fresh.len() - at) as u32) as usize;
            let is_there = partition.peek(address, &mut page[..length]).is_ok();
            for (fresh, byte) in self.fresh[at..at + length].iter_mut().zip(page) {
                *fresh = is_there.then_some(byte);
            }
            at += length;
        }
    }

    /// The first and the last watched byte that is not what instructions left there.
    fn changed(&self) -> Option<(usize, usize)> {
        let (first, last) =
            ((self.watched.start() - self.start) as usize, (self.watched.end() - self.start) as usize);
        let differs = |at: &usize| matches!((self.bytes[*at], self.fresh[*at]), (Some(before), Some(after)) if before != after);
        Some(((first..=last).find(differs)?, (first..=last).rev().find(differs)?))
    }

    fn core_hit(&self, (first, last): (usize, usize)) -> Hit {
        let (address, length) = (self.start + first as u32, (last - first) as u32 + 1);
        let change = match number(&self.fresh[first..=last]) {
            Some(value) if length <= NUMBER_BYTES => {
                let access = Access { kind: AccessKind::Write, address, length_bytes: length as u8, value };
                Change::Access(access, number(&self.bytes[first..=last]))
            }
            _ => Change::Bytes(address, self.start + last as u32),
        };
        let stamp = self.events.last().map_or(self.own, |(stamp, _)| *stamp);
        let by = Doer::Core(self.showing.events(self.partition, &self.events));
        Hit { stamp, by, changes: vec![change], line: Vec::new() }
    }
}

impl Recorder for MemoryFinder<'_> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let is_own = stamp.partition == self.partition;
        if is_own {
            self.own = Stamp { instruction: stamp.instruction.saturating_add(1), ..stamp };
        } else if !self.shared {
            return;
        }
        if !step.accesses.iter().any(|access| self.is_watched(access)) {
            // It may still write beside what is watched, where the next access begins.
            step.accesses.iter().filter(|access| access.kind == AccessKind::Write).for_each(|access| {
                self.write(access);
            });
            return;
        }
        let mut changes = Vec::new();
        for access in step.accesses {
            let is_write = access.kind == AccessKind::Write;
            if self.is_watched(access) && (is_write || self.reads) {
                changes.push(Change::Access(*access, is_write.then(|| self.before(access)).flatten()));
            }
            if is_write {
                self.write(access);
            }
        }
        let now = if is_own { stamp } else { Stamp { now_ns: stamp.now_ns, unit: stamp.unit, ..self.own } };
        if !changes.is_empty() && self.range.holds_instruction(now) {
            let hit = self.showing.instruction(stamp, step, changes);
            self.push(hit);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if stamp.partition == self.partition && self.events.len() < EVENTS_MOST {
            self.events.push((stamp, event.clone()));
        }
    }
}

impl Finder for MemoryFinder<'_> {
    fn looks_at_events(&self) -> bool {
        true
    }

    fn begin(&mut self, machine: &Machine) {
        self.shared = is_shared(machine.config(), self.partition, *self.watched.start());
        self.read_memory(machine);
        self.bytes.copy_from_slice(&self.fresh);
        self.own = machine.stamp_of(self.partition);
        self.events.clear();
    }

    fn look(&mut self, machine: &Machine) {
        self.own = machine.stamp_of(self.partition);
        self.read_memory(machine);
        if let Some(changed) = self.changed() {
            let hit = self.core_hit(changed);
            if self.range.holds_event(hit.stamp) {
                self.push(hit);
            }
        }
        self.bytes.copy_from_slice(&self.fresh);
        self.events.clear();
    }

    fn take(&mut self) -> Vec<Hit> {
        std::mem::take(&mut self.hits)
    }

    fn keep_last(&mut self) {
        self.keeps_last = true;
    }
}

/// Little-endian bytes, if they are known.
fn number(bytes: &[Option<u8>]) -> Option<u64> {
    let fold = |number: u64, byte: &Option<u8>| byte.map(|byte| number << 8 | u64::from(byte));
    (bytes.len() <= NUMBER_BYTES as usize).then(|| bytes.iter().rev().try_fold(0, fold)).flatten()
}

/// Whether an address is in a shared area that the partition has: all that have it have it at this address.
fn is_shared(config: &SystemConfig, partition: PartitionId, address: u32) -> bool {
    config.shared_areas.iter().zip(addresses(&config.shared_areas)).any(|(area, start)| {
        area.members.iter().any(|(member, _)| *member == partition)
            && address.checked_sub(start).is_some_and(|offset| offset < area.bytes)
    })
}
