//! Event ports: bound, masked, raised, taken. The bits that a guest sees lie in pages that it can write; what the
//! core needs to know for sure lies here.
//!
//! Not here: upcalls, and when they are delivered.

use crate::abi::{CallError, EVENT_PORTS, EventPort, EventStatus, PRIORITIES, event_status, shared_page};
use crate::ledger::{DropReason, Ledger, Source};
use crate::record::{Event, EventLog, Fate};
use crate::seeded_faults::{Fault, seeded};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) use saved::SavedPorts;

/// The two pages that core and guest share. Offsets are multiples of 4; the page of counts follows the first.
pub trait SharedPages {
    /// The word at `offset`. It is whatever the guest left there.
    fn load(&self, offset: u32) -> u32;

    /// Changes the word at `offset`.
    fn store(&mut self, offset: u32, value: u32);
}

/// Where the page of counts begins in [`SharedPages`].
pub const COUNTS: u32 = shared_page::SIZE_BYTES;

/// What the core knows of a port's pending bit, whatever the guest writes there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Record {
    /// No event of a source waits.
    #[default]
    Idle,
    /// An event waits for an upcall.
    Pending,
    /// An upcall announced the event; the guest has not been seen to take it.
    Announced,
}

/// The most urgent priority is 0.
const PRIORITY_LEAST_URGENT: u8 = PRIORITIES as u8 - 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Port {
    source: Option<Source>,
    record: Record,
    /// The trap vector that its events enter by, instead of an upcall.
    vector: Option<u8>,
    /// Its event was injected by its vector and not acknowledged yet.
    in_service: bool,
    priority: u8,
    /// The unit at which its event was raised that waits.
    since: u64,
}

impl Default for Port {
    fn default() -> Self {
        Self {
            source: None,
            record: Record::Idle,
            vector: None,
            in_service: false,
            priority: PRIORITY_LEAST_URGENT,
            since: 0,
        }
    }
}

/// An event that enters the guest by a trap vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Injection {
    /// The port.
    pub port: EventPort,
    /// The vector.
    pub vector: u8,
}

/// The event ports of one partition.
#[derive(Clone, Debug)]
pub struct EventPorts {
    ports: Vec<Port>,
    bound: BTreeMap<Source, EventPort>,
    /// The ports that are bound to a vector; few.
    vectored: Vec<EventPort>,
    /// The ports whose record is `Pending`.
    waiting: [u32; EVENT_PORTS as usize / 32],
    ledger: Ledger,
}

impl Default for EventPorts {
    fn default() -> Self {
        Self::new()
    }
}

impl EventPorts {
    /// Ports of which none is bound.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ports: vec![Port::default(); EVENT_PORTS as usize],
            bound: BTreeMap::new(),
            vectored: Vec::new(),
            waiting: [0; EVENT_PORTS as usize / 32],
            ledger: Ledger::default(),
        }
    }

    /// What became of the events so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The port that is bound to a source; several can be bound to the partition itself.
    #[must_use]
    pub fn bound_to(&self, source: Source) -> Option<EventPort> {
        self.bound.get(&source).copied()
    }

    /// Binds `port` to a source. Any number of ports can be bound to the partition itself, one to every other source.
    ///
    /// # Errors
    /// `AlreadyBound` if the port is bound, or another port is bound to the source.
    pub fn bind(&mut self, port: EventPort, source: Source) -> Result<(), CallError> {
        if self.ports[port.index()].source.is_some() || self.bound.contains_key(&source) {
            return Err(CallError::AlreadyBound);
        }
        self.ports[port.index()].source = Some(source);
        if source != Source::Own {
            self.bound.insert(source, port);
        }
        Ok(())
    }

    /// Lets the events of `port` enter by a trap vector instead of an upcall, or no longer so.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound.
    pub fn bind_vector(
        &mut self,
        port: EventPort,
        vector: Option<u8>,
        shared: &mut impl SharedPages,
    ) -> Result<(), CallError> {
        self.source(port)?;
        self.vectored.retain(|vectored| *vectored != port);
        if vector.is_some() {
            self.vectored.push(port);
        }
        let state = &mut self.ports[port.index()];
        state.vector = vector;
        state.in_service = false;
        self.ask_if_pending(port, shared);
        Ok(())
    }

    /// How urgent the events of `port` are among those that enter by vectors: 0 first, 15 last.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound.
    pub fn set_priority(&mut self, port: EventPort, priority: u8) -> Result<(), CallError> {
        self.source(port)?;
        self.ports[port.index()].priority = priority.min(PRIORITY_LEAST_URGENT);
        Ok(())
    }

    /// The guest is done with the event that entered by the vector of `port`: what waited for that can come.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound, `WrongBinding` if it has no vector.
    pub fn acknowledge(&mut self, port: EventPort, shared: &mut impl SharedPages) -> Result<(), CallError> {
        self.source(port)?;
        if self.ports[port.index()].vector.is_none() {
            return Err(CallError::WrongBinding);
        }
        self.ports[port.index()].in_service = false;
        if self.injectable(shared).is_some() {
            shared.store(shared_page::UPCALL_PENDING, 1);
        }
        Ok(())
    }

    /// Whether a port is bound to a vector: events can then reach a guest without an upcall entry.
    #[must_use]
    pub fn has_vectors(&self) -> bool {
        !self.vectored.is_empty()
    }

    /// The event that would enter by a vector now: the most urgent; of equals the one of the lowest port. Ports in service
    /// hold back those that are not more urgent.
    #[must_use]
    pub fn injectable(&self, shared: &impl SharedPages) -> Option<Injection> {
        let in_service = self.vectored.iter().map(|port| &self.ports[port.index()]);
        let in_service = in_service.filter(|port| port.in_service).map(|port| port.priority).min();
        let can = |port: &&EventPort| {
            let state = &self.ports[port.index()];
            let urgent_enough = in_service.is_none_or(|level| state.priority < level);
            urgent_enough
                && bit(shared, shared_page::EVENT_PENDING, **port)
                && !bit(shared, shared_page::EVENT_MASK, **port)
        };
        let ports = self.vectored.iter().filter(can);
        let port = *ports.min_by_key(|port| (self.ports[port.index()].priority, port.index()))?;
        Some(Injection { port, vector: self.ports[port.index()].vector? })
    }

    /// An event enters by its vector: it counts as delivered and its bit is cleared.
    pub fn inject(&mut self, injection: Injection, shared: &mut impl SharedPages, log: &mut EventLog) {
        let port = injection.port;
        clear_bit(shared, shared_page::EVENT_PENDING, port);
        let state = &mut self.ports[port.index()];
        state.in_service = !seeded(Fault::VectorsNeedNoAck);
        if let Port { source: Some(source), record: Record::Pending, since, .. } = *state {
            self.ledger.count_delivered(source, log.nanoseconds_since(since));
            log.note(|| Event::EventDelivered { source, port });
        }
        self.set_record(port, Record::Idle);
        if shared.load(shared_page::SELECTOR) == 0 && self.injectable(shared).is_none() {
            shared.store(shared_page::UPCALL_PENDING, 0);
        }
    }

    /// Frees `port`. A pending event is dropped, the pending and mask bits are cleared; the count stays.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound.
    pub fn unbind(
        &mut self,
        port: EventPort,
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) -> Result<(), CallError> {
        let source = self.source(port)?;
        self.look(port, shared, log);
        if self.ports[port.index()].record == Record::Pending {
            self.set_record(port, Record::Idle);
            self.ledger.account_mut(source).pending -= 1;
            self.ledger.count_dropped(source, 1, DropReason::Unbound);
            log.note(|| Event::EventDropped { source, count: 1, reason: DropReason::Unbound });
        }
        if !seeded(Fault::UnbindKeepsPending) {
            clear_bit(shared, shared_page::EVENT_PENDING, port);
        }
        clear_bit(shared, shared_page::EVENT_MASK, port);
        self.ports[port.index()] = Port::default();
        self.vectored.retain(|vectored| *vectored != port);
        self.bound.remove(&source);
        Ok(())
    }

    /// Masks `port`: its events stay pending.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound.
    pub fn mask(&mut self, port: EventPort, shared: &mut impl SharedPages) -> Result<(), CallError> {
        self.source(port)?;
        set_bit(shared, shared_page::EVENT_MASK, port);
        Ok(())
    }

    /// Unmasks `port`, and asks for an upcall if it is pending.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound.
    pub fn unmask(
        &mut self,
        port: EventPort,
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) -> Result<(), CallError> {
        self.source(port)?;
        self.look(port, shared, log);
        clear_bit(shared, shared_page::EVENT_MASK, port);
        if !seeded(Fault::UnmaskForgetsPending) {
            self.ask_if_pending(port, shared);
        }
        Ok(())
    }

    fn ask_if_pending(&self, port: EventPort, shared: &mut impl SharedPages) {
        if bit(shared, shared_page::EVENT_PENDING, port) && !bit(shared, shared_page::EVENT_MASK, port) {
            self.ask(port, shared);
        }
    }

    /// Asks for the attention of the guest: by its vector as soon as that can be injected, else by an upcall.
    fn ask(&self, port: EventPort, shared: &mut impl SharedPages) {
        if self.ports[port.index()].vector.is_none() {
            want_upcall(shared, port);
        } else if self.injectable(shared).is_some() {
            shared.store(shared_page::UPCALL_PENDING, 1);
        }
    }

    /// Raises an event on a port that is bound to the partition itself. For a port that is bound to the sending end of an
    /// event channel, returns the channel's place.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound, `WrongBinding` if it is bound to something else.
    pub fn send(
        &mut self,
        port: EventPort,
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) -> Result<Option<u16>, CallError> {
        match self.source(port)? {
            Source::Own => {
                self.raise_on(port, Source::Own, (1, log.now()), shared, log);
                Ok(None)
            }
            Source::ChannelSender(channel) => Ok(Some(channel)),
            _ => Err(CallError::WrongBinding),
        }
    }

    /// Raises `count` events of a source. Without a port they are dropped.
    pub fn raise(&mut self, source: Source, count: u64, shared: &mut impl SharedPages, log: &mut EventLog) {
        let now = log.now();
        self.raise_since(source, (count, now), shared, log);
    }

    /// The same for `count` events that came at the unit `since`, when the partition was not there to be told.
    pub fn raise_since(
        &mut self,
        source: Source,
        (count, since): (u64, u64),
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) {
        match self.bound_to(source) {
            Some(port) => self.raise_on(port, source, (count, since), shared, log),
            None => self.drop_raised(source, count, DropReason::NotBound, log),
        }
    }

    /// Drops everything that is pending, because the partition starts again. The accounts stay.
    pub fn restart(&mut self, shared: &mut impl SharedPages, log: &mut EventLog) {
        for port in self.waiting_ports() {
            self.look(port, shared, log);
            if let Port { source: Some(source), record: Record::Pending, .. } = self.ports[port.index()] {
                self.ledger.account_mut(source).pending -= 1;
                self.ledger.count_dropped(source, 1, DropReason::Restart);
                log.note(|| Event::EventDropped { source, count: 1, reason: DropReason::Restart });
            }
        }
        let ledger = std::mem::take(&mut self.ledger);
        *self = Self { ledger, ..Self::new() };
    }

    /// Notes `count` events of a source that its port will never see.
    pub fn drop_raised(&mut self, source: Source, count: u64, reason: DropReason, log: &mut EventLog) {
        self.ledger.account_mut(source).raised += count;
        self.ledger.count_dropped(source, count, reason);
        let port = self.bound_to(source);
        log.note(|| Event::EventRaised { source, port, count, fate: Fate::Dropped(reason) });
    }

    fn raise_on(
        &mut self,
        port: EventPort,
        source: Source,
        (count, since): (u64, u64),
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) {
        self.look(port, shared, log);
        let counter = COUNTS + 4 * port.index() as u32;
        // The guest's copy of the count wraps as this one does.
        let record = self.ports[port.index()].record;
        if record == Record::Idle || !seeded(Fault::DropsCoalesced) {
            shared.store(counter, shared.load(counter).wrapping_add(count as u32));
        }
        let masked = bit(shared, shared_page::EVENT_MASK, port);
        let account = self.ledger.account_mut(source);
        account.raised += count;
        let fate = match record {
            Record::Idle => {
                account.pending += 1;
                account.coalesced += count.saturating_sub(1);
                self.set_record(port, Record::Pending);
                self.ports[port.index()].since = since;
                if masked { Fate::Masked } else { Fate::Pending }
            }
            Record::Pending | Record::Announced => {
                account.coalesced += count;
                Fate::Coalesced
            }
        };
        set_bit(shared, shared_page::EVENT_PENDING, port);
        if !masked || seeded(Fault::TellsOfMaskedPorts) {
            self.ask(port, shared);
        }
        log.note(|| Event::EventRaised { source, port: Some(port), count, fate });
    }

    /// An upcall is delivered: every event that it announces counts as delivered.
    pub fn announce(&mut self, shared: &mut impl SharedPages, log: &mut EventLog) {
        let selector = shared.load(shared_page::SELECTOR);
        for port in self.waiting_ports() {
            self.look(port, shared, log);
            let selected = selector & 1 << (port.index() / 32) != 0;
            let Port { source: Some(source), record: Record::Pending, vector: None, since, .. } =
                self.ports[port.index()]
            else {
                continue;
            };
            if selected && !bit(shared, shared_page::EVENT_MASK, port) {
                self.set_record(port, Record::Announced);
                self.ledger.count_delivered(source, log.nanoseconds_since(since));
                log.note(|| Event::EventDelivered { source, port });
            }
        }
    }

    /// Looks at every port for events that the guest took, before the ledger is read for the last time.
    pub fn settle(&mut self, shared: &mut impl SharedPages, log: &mut EventLog) {
        for port in self.waiting_ports() {
            self.look(port, shared, log);
        }
    }

    /// Whether the pending bit of the port of a source is set.
    #[must_use]
    pub fn is_pending(&self, source: Source, shared: &impl SharedPages) -> bool {
        self.bound_to(source).is_some_and(|port| self.port_is_pending(port, shared))
    }

    /// Whether the pending bit of a port is set.
    #[must_use]
    pub fn port_is_pending(&self, port: EventPort, shared: &impl SharedPages) -> bool {
        bit(shared, shared_page::EVENT_PENDING, port)
    }

    /// Whether raising a source asks for an upcall: a port is bound to it and not masked.
    #[must_use]
    pub fn can_wake(&self, source: Source, shared: &impl SharedPages) -> bool {
        self.bound_to(source).is_some_and(|port| !bit(shared, shared_page::EVENT_MASK, port))
    }

    /// The sources that ports are bound to, the partition itself left out.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.bound.keys().copied()
    }

    /// The answer of the call `event_status`.
    #[must_use]
    pub fn status(&self, port: EventPort, shared: &impl SharedPages) -> EventStatus {
        let (binding, interrupt) = match self.ports[port.index()].source {
            None => (event_status::BINDING_NONE, 0),
            Some(Source::Interrupt(interrupt)) => (event_status::BINDING_INTERRUPT, interrupt.number()),
            Some(Source::Own) => (event_status::BINDING_SELF, 0),
            Some(Source::Line(number)) => (event_status::BINDING_LINE, number),
            Some(Source::Channel(_)) => (event_status::BINDING_CHANNEL, 0),
            Some(Source::ChannelSender(_)) => (event_status::BINDING_CHANNEL_SENDER, 0),
            Some(Source::MessagePort(place)) => (event_status::BINDING_MESSAGE_PORT, u32::from(place)),
        };
        let mut state = 0;
        if bit(shared, shared_page::EVENT_PENDING, port) {
            state |= event_status::STATE_PENDING;
        }
        if bit(shared, shared_page::EVENT_MASK, port) {
            state |= event_status::STATE_MASKED;
        }
        if self.ports[port.index()].in_service {
            state |= event_status::STATE_IN_SERVICE;
        }
        EventStatus { binding, interrupt, state, count: self.count(port, shared) }
    }

    /// How often a port was raised, modulo 2^32.
    #[must_use]
    pub fn count(&self, port: EventPort, shared: &impl SharedPages) -> u32 {
        shared.load(COUNTS + 4 * port.index() as u32)
    }

    /// The numbers that describe the ports in use, for a digest of state.
    pub fn encoded(&self) -> impl Iterator<Item = u64> {
        self.ports.iter().enumerate().flat_map(|(number, port)| {
            let state = u64::from(port.priority) | u64::from(port.in_service) << 4;
            let vector = port.vector.map_or(0, |vector| 1 << 8 | u64::from(vector));
            let record = (port.record as u64) << 16 | state << 24 | vector << 32;
            port.source.map(|source| [source.code(), number as u64 | record << 16]).into_iter().flatten()
        })
    }

    /// What a port is bound to.
    ///
    /// # Errors
    /// `NotBound` if it is not bound.
    pub fn source(&self, port: EventPort) -> Result<Source, CallError> {
        self.ports[port.index()].source.ok_or(CallError::NotBound)
    }

    /// Compares the private record of a port with its bit: a bit that is gone was taken by the guest.
    fn look(&mut self, port: EventPort, shared: &impl SharedPages, log: &mut EventLog) {
        let Port { source: Some(source), record, .. } = self.ports[port.index()] else { return };
        if record == Record::Idle || bit(shared, shared_page::EVENT_PENDING, port) {
            return;
        }
        if record == Record::Pending {
            let account = self.ledger.account_mut(source);
            account.pending -= 1;
            account.taken += 1;
            log.note(|| Event::EventTaken { source, port });
        }
        self.set_record(port, Record::Idle);
    }

    fn set_record(&mut self, port: EventPort, record: Record) {
        let (word, mask) = (port.index() / 32, 1 << (port.index() % 32));
        if record == Record::Pending {
            self.waiting[word] |= mask;
        } else {
            self.waiting[word] &= !mask;
        }
        self.ports[port.index()].record = record;
    }

    /// The ports whose record is `Pending`, lowest first.
    fn waiting_ports(&self) -> impl Iterator<Item = EventPort> + use<> {
        let words = (0_u32..).zip(self.waiting).filter(|(_, word)| *word != 0);
        words.flat_map(|(index, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                // Removes the lowest bit.
                word &= word.checked_sub(1)?;
                EventPort::new(index * 32 + bit)
            })
        })
    }
}

fn place(port: EventPort) -> (u32, u32) {
    ((port.index() / 32 * 4) as u32, 1 << (port.index() % 32))
}

fn bit(shared: &impl SharedPages, bitmap: u32, port: EventPort) -> bool {
    let (offset, mask) = place(port);
    shared.load(bitmap + offset) & mask != 0
}

fn set_bit(shared: &mut impl SharedPages, bitmap: u32, port: EventPort) {
    let (offset, mask) = place(port);
    shared.store(bitmap + offset, shared.load(bitmap + offset) | mask);
}

fn clear_bit(shared: &mut impl SharedPages, bitmap: u32, port: EventPort) {
    let (offset, mask) = place(port);
    shared.store(bitmap + offset, shared.load(bitmap + offset) & !mask);
}

fn want_upcall(shared: &mut impl SharedPages, port: EventPort) {
    let word_number = if seeded(Fault::SelectsFirstWord) { 0 } else { port.index() / 32 };
    let word = shared.load(shared_page::SELECTOR) | 1 << word_number;
    shared.store(shared_page::SELECTOR, word);
    shared.store(shared_page::UPCALL_PENDING, 1);
}

mod saved;
#[cfg(test)]
mod tests;
