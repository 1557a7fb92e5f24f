//! Event ports: bound, masked, raised, taken. The bits that a guest sees lie in pages that it can write; what the
//! core needs to know for sure lies here.
//!
//! Not here: upcalls, and when they are delivered.

use crate::abi::{
    CallError, EVENT_PORTS, EventPort, EventStatus, VirtualInterrupt, event_status, shared_page,
};
use crate::ledger::{DropReason, Ledger, Source};
use crate::record::{Event, EventLog, Fate};

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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Record {
    /// No event of a source waits.
    #[default]
    Idle,
    /// An event waits for an upcall.
    Pending,
    /// An upcall announced the event; the guest has not been seen to take it.
    Announced,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Port {
    source: Option<Source>,
    record: Record,
}

/// The event ports of one partition.
#[derive(Clone, Debug)]
pub struct EventPorts {
    ports: Vec<Port>,
    interrupts: [Option<EventPort>; VirtualInterrupt::ALL.len()],
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
            interrupts: [None; VirtualInterrupt::ALL.len()],
            waiting: [0; EVENT_PORTS as usize / 32],
            ledger: Ledger::default(),
        }
    }

    /// What became of the events so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The port that is bound to a virtual interrupt.
    #[must_use]
    pub fn bound_to(&self, interrupt: VirtualInterrupt) -> Option<EventPort> {
        self.interrupts[interrupt.number() as usize]
    }

    /// Binds `port` to a virtual interrupt.
    ///
    /// # Errors
    /// `AlreadyBound` if the port is bound, or another port is bound to the interrupt.
    pub fn bind_interrupt(&mut self, port: EventPort, interrupt: VirtualInterrupt) -> Result<(), CallError> {
        if self.bound_to(interrupt).is_some() {
            return Err(CallError::AlreadyBound);
        }
        self.bind(port, Source::Interrupt(interrupt))?;
        self.interrupts[interrupt.number() as usize] = Some(port);
        Ok(())
    }

    /// Binds `port` to the partition itself.
    ///
    /// # Errors
    /// `AlreadyBound` if the port is bound.
    pub fn bind_self(&mut self, port: EventPort) -> Result<(), CallError> {
        self.bind(port, Source::Own)
    }

    fn bind(&mut self, port: EventPort, source: Source) -> Result<(), CallError> {
        let bound = &mut self.ports[port.index()].source;
        if bound.is_some() {
            return Err(CallError::AlreadyBound);
        }
        *bound = Some(source);
        Ok(())
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
            let account = self.ledger.account_mut(source);
            account.pending -= 1;
            account.dropped += 1;
            log.note(|| Event::EventDropped { source, count: 1, reason: DropReason::Unbound });
        }
        clear_bit(shared, shared_page::EVENT_PENDING, port);
        clear_bit(shared, shared_page::EVENT_MASK, port);
        self.ports[port.index()] = Port::default();
        if let Source::Interrupt(interrupt) = source {
            self.interrupts[interrupt.number() as usize] = None;
        }
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
        if bit(shared, shared_page::EVENT_PENDING, port) {
            want_upcall(shared, port);
        }
        Ok(())
    }

    /// Raises an event on a port that is bound to the partition itself.
    ///
    /// # Errors
    /// `NotBound` if the port is not bound, `WrongBinding` if it is bound to something else.
    pub fn send(
        &mut self,
        port: EventPort,
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) -> Result<(), CallError> {
        match self.source(port)? {
            Source::Own => {
                self.raise_on(port, Source::Own, 1, shared, log);
                Ok(())
            }
            Source::Interrupt(_) => Err(CallError::WrongBinding),
        }
    }

    /// Raises `count` events of a virtual interrupt. Without a port they are dropped.
    pub fn raise(
        &mut self,
        interrupt: VirtualInterrupt,
        count: u64,
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) {
        let source = Source::Interrupt(interrupt);
        match self.bound_to(interrupt) {
            Some(port) => self.raise_on(port, source, count, shared, log),
            None => self.drop_raised(source, count, DropReason::NotBound, log),
        }
    }

    /// Notes `count` events of a source that its port will never see.
    pub fn drop_raised(&mut self, source: Source, count: u64, reason: DropReason, log: &mut EventLog) {
        let account = self.ledger.account_mut(source);
        account.raised += count;
        account.dropped += count;
        let port = match source {
            Source::Interrupt(interrupt) => self.bound_to(interrupt),
            Source::Own => None,
        };
        log.note(|| Event::EventRaised { source, port, count, fate: Fate::Dropped(reason) });
    }

    fn raise_on(
        &mut self,
        port: EventPort,
        source: Source,
        count: u64,
        shared: &mut impl SharedPages,
        log: &mut EventLog,
    ) {
        self.look(port, shared, log);
        let counter = COUNTS + 4 * port.index() as u32;
        // The guest's copy of the count wraps as this one does.
        shared.store(counter, shared.load(counter).wrapping_add(count as u32));
        let masked = bit(shared, shared_page::EVENT_MASK, port);
        let account = self.ledger.account_mut(source);
        account.raised += count;
        let fate = match self.ports[port.index()].record {
            Record::Idle => {
                account.pending += 1;
                account.coalesced += count.saturating_sub(1);
                self.set_record(port, Record::Pending);
                if masked { Fate::Masked } else { Fate::Pending }
            }
            Record::Pending | Record::Announced => {
                account.coalesced += count;
                Fate::Coalesced
            }
        };
        set_bit(shared, shared_page::EVENT_PENDING, port);
        if !masked {
            want_upcall(shared, port);
        }
        log.note(|| Event::EventRaised { source, port: Some(port), count, fate });
    }

    /// An upcall is delivered: every event that it announces counts as delivered.
    pub fn announce(&mut self, shared: &mut impl SharedPages, log: &mut EventLog) {
        let selector = shared.load(shared_page::SELECTOR);
        for port in self.waiting_ports() {
            self.look(port, shared, log);
            let selected = selector & 1 << (port.index() / 32) != 0;
            let Port { source: Some(source), record: Record::Pending } = self.ports[port.index()] else {
                continue;
            };
            if selected && !bit(shared, shared_page::EVENT_MASK, port) {
                self.set_record(port, Record::Announced);
                let account = self.ledger.account_mut(source);
                account.pending -= 1;
                account.delivered += 1;
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

    /// Whether the pending bit of the port of a virtual interrupt is set.
    #[must_use]
    pub fn is_pending(&self, interrupt: VirtualInterrupt, shared: &impl SharedPages) -> bool {
        self.bound_to(interrupt).is_some_and(|port| bit(shared, shared_page::EVENT_PENDING, port))
    }

    /// Whether raising a virtual interrupt asks for an upcall: a port is bound to it and not masked.
    #[must_use]
    pub fn can_wake(&self, interrupt: VirtualInterrupt, shared: &impl SharedPages) -> bool {
        self.bound_to(interrupt).is_some_and(|port| !bit(shared, shared_page::EVENT_MASK, port))
    }

    /// The answer of the call `event_status`.
    #[must_use]
    pub fn status(&self, port: EventPort, shared: &impl SharedPages) -> EventStatus {
        let (binding, interrupt) = match self.ports[port.index()].source {
            None => (event_status::BINDING_NONE, 0),
            Some(Source::Interrupt(interrupt)) => (event_status::BINDING_INTERRUPT, interrupt.number()),
            Some(Source::Own) => (event_status::BINDING_SELF, 0),
        };
        let mut state = 0;
        if bit(shared, shared_page::EVENT_PENDING, port) {
            state |= event_status::STATE_PENDING;
        }
        if bit(shared, shared_page::EVENT_MASK, port) {
            state |= event_status::STATE_MASKED;
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
        self.ports.iter().enumerate().filter_map(|(number, port)| {
            let source = port.source?.index() as u64;
            Some(number as u64 | source << 16 | (port.record as u64) << 32)
        })
    }

    fn source(&self, port: EventPort) -> Result<Source, CallError> {
        self.ports[port.index()].source.ok_or(CallError::NotBound)
    }

    /// Compares the private record of a port with its bit: a bit that is gone was taken by the guest.
    fn look(&mut self, port: EventPort, shared: &impl SharedPages, log: &mut EventLog) {
        let Port { source: Some(source), record } = self.ports[port.index()] else { return };
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
        let words = self.waiting.into_iter().enumerate().filter(|(_, word)| *word != 0);
        words.flat_map(|(index, word)| {
            let numbers = (0..32).filter(move |bit| word & 1 << bit != 0);
            numbers.filter_map(move |bit| EventPort::new(index as u32 * 32 + bit))
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
    let word = shared.load(shared_page::SELECTOR) | 1 << (port.index() / 32);
    shared.store(shared_page::SELECTOR, word);
    shared.store(shared_page::UPCALL_PENDING, 1);
}

#[cfg(test)]
mod tests;
