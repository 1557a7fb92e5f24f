//! What became of the events of each source, and how long they waited from their raise to their delivery.

use crate::about::PartitionTotals;
use crate::bounds::SOURCES_MOST;
use crate::distribution::{Distribution, Shown as Waits};
use crate::words::label;
use hypervisor_core::abi::{Call, EventPort};
use hypervisor_core::clock::Rate;
use hypervisor_core::ledger::{DropReason, Source};
use hypervisor_core::record::Fate;
use hypervisor_core::{Abi, Event, PartitionId, Stamp};
use serde::Serialize;
use std::collections::BTreeMap;
use trace::Names;

/// The sources of all partitions.
#[derive(Debug, Default)]
pub struct Interrupts {
    sources: BTreeMap<(PartitionId, Source), Account>,
    left_out: u64,
    /// The port that was last freed: what is dropped then waited there.
    freed: Option<u32>,
}

#[derive(Debug, Default)]
struct Account {
    port: Option<usize>,
    raised: u64,
    delivered: u64,
    coalesced: u64,
    taken: u64,
    dropped: BTreeMap<&'static str, u64>,
    /// Since when one waits on which port.
    since: BTreeMap<Option<u32>, u64>,
    waits: Distribution,
}

/// A source as the page has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Whose event it is.
    pub partition: u16,
    /// The source.
    pub source: String,
    /// The port that it is bound to, the last one if there were several.
    pub port: Option<usize>,
    /// How many were raised.
    pub raised: u64,
    /// How many were delivered, by an upcall or a vector.
    pub delivered: u64,
    /// How many were raised while one was pending.
    pub coalesced: u64,
    /// How many the guest took without being told.
    pub taken: u64,
    /// How many will never be seen, and why.
    pub dropped: Vec<(&'static str, u64)>,
    /// How many wait at the end.
    pub pending: u64,
    /// Nanoseconds from raise to delivery.
    pub waits: Option<Waits>,
}

impl Interrupts {
    /// Follows an event.
    pub fn follow(&mut self, stamp: Stamp, event: &Event, rate: Rate) {
        if let Event::Call { abi: Abi::Paravane, number, arguments: [port, ..], .. } = *event
            && Call::from_number(number) == Some(Call::EventUnbind)
        {
            self.freed = Some(port);
        }
        let (Event::EventRaised { source, .. }
        | Event::EventDelivered { source, .. }
        | Event::EventTaken { source, .. }
        | Event::EventDropped { source, .. }) = *event
        else {
            return;
        };
        let key = (stamp.partition, source);
        if self.sources.len() >= SOURCES_MOST && !self.sources.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let account = self.sources.entry(key).or_default();
        match *event {
            Event::EventRaised { port, count, fate, .. } => {
                account.port = port.map(EventPort::index).or(account.port);
                account.raise(stamp.unit, port.map(u32::from), count, fate);
            }
            Event::EventDelivered { port, .. } => {
                account.delivered += 1;
                if let Some(since) = account.since.remove(&Some(port.into())) {
                    account.waits.add(rate.nanoseconds(stamp.unit.saturating_sub(since)), stamp.unit);
                }
            }
            Event::EventTaken { port, .. } => {
                account.taken += 1;
                account.since.remove(&Some(port.into()));
            }
            Event::EventDropped { count, reason, .. } => {
                account.drop(reason.name(), count);
                let freed = self.freed.filter(|_| reason == DropReason::Unbound);
                if account.since.remove(&freed).is_none() {
                    account.since.pop_first();
                }
            }
            _ => {}
        }
    }

    /// The sources, and how many events are of others, for which there was no room. A machine knows also of events that came while
    /// their partition was away, and were raised when it could be told.
    pub fn shown(self, names: &Names, totals: Option<&[PartitionTotals]>) -> (Vec<Row>, u64) {
        let of_ledger = |partition: PartitionId, source| {
            let ledger = totals?.get(partition.index())?.ledger.as_ref()?;
            Waits::of_ledger(ledger.latencies(source)?)
        };
        let waits = |partition, source, told: Option<Waits>| match of_ledger(partition, source) {
            Some(counted) if !told.as_ref().is_some_and(|told| told.agrees_with(&counted)) => Some(counted),
            _ => told,
        };
        let row = |((partition, source), account): ((PartitionId, Source), Account)| Row {
            partition: partition.0,
            source: label(&names.source(source)),
            port: account.port,
            raised: account.raised,
            delivered: account.delivered,
            coalesced: account.coalesced,
            taken: account.taken,
            dropped: account.dropped.into_iter().collect(),
            pending: account.since.len() as u64,
            waits: waits(partition, source, account.waits.shown()),
        };
        (self.sources.into_iter().map(row).collect(), self.left_out)
    }
}

impl Account {
    fn raise(&mut self, unit: u64, port: Option<u32>, count: u64, fate: Fate) {
        self.raised = self.raised.saturating_add(count);
        match fate {
            Fate::Pending | Fate::Masked => {
                self.since.insert(port, unit);
                self.coalesced = self.coalesced.saturating_add(count.saturating_sub(1));
            }
            Fate::Coalesced => self.coalesced = self.coalesced.saturating_add(count),
            Fate::Dropped(reason) => self.drop(reason.name(), count),
        }
    }

    fn drop(&mut self, reason: &'static str, count: u64) {
        let dropped = self.dropped.entry(reason).or_default();
        *dropped = dropped.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::Interrupts;
    use crate::bounds::SOURCES_MOST;
    use hypervisor_core::abi::EventPort;
    use hypervisor_core::clock::Rate;
    use hypervisor_core::ledger::{DropReason, Source};
    use hypervisor_core::record::Fate;
    use hypervisor_core::{Event, Stamp};
    use trace::Names;

    fn at(unit: u64) -> Stamp {
        Stamp { unit, ..Stamp::default() }
    }

    fn raised(source: Source, count: u64, fate: Fate) -> Event {
        Event::EventRaised { source, port: EventPort::new(3), count, fate }
    }

    #[test]
    fn an_event_waits_from_its_first_raise_to_its_delivery() {
        let mut interrupts = Interrupts::default();
        let (source, port) = (Source::Line(4), EventPort::new(3).unwrap());
        let rate = Rate::default();
        for (unit, event) in [
            (10, raised(source, 3, Fate::Pending)),
            (20, raised(source, 1, Fate::Coalesced)),
            (40, Event::EventDelivered { source, port }),
            (50, raised(source, 1, Fate::Masked)),
            (60, Event::EventTaken { source, port }),
            (70, raised(source, 2, Fate::Dropped(DropReason::NotBound))),
            (80, raised(source, 1, Fate::Pending)),
        ] {
            interrupts.follow(at(unit), &event, rate);
        }
        let (rows, left_out) = interrupts.shown(&Names::default(), None);
        let row = &rows[0];
        assert_eq!((rows.len(), left_out, row.source.as_str(), row.port), (1, 0, "line:4", Some(3)));
        assert_eq!((row.raised, row.delivered, row.coalesced, row.taken, row.pending), (8, 1, 3, 1, 1));
        assert_eq!(row.dropped, [("not_bound", 2)]);
        let waits = row.waits.as_ref().unwrap();
        assert_eq!((waits.count, waits.min, waits.max), (1, 300, 300));
    }

    #[test]
    fn sources_without_end_are_counted_together() {
        let mut interrupts = Interrupts::default();
        for line in 0..SOURCES_MOST as u32 + 10 {
            interrupts.follow(at(1), &raised(Source::Line(line), u64::MAX, Fate::Coalesced), Rate::default());
        }
        let (rows, left_out) = interrupts.shown(&Names::default(), None);
        assert_eq!((rows.len(), left_out), (SOURCES_MOST, 10));
    }
}
