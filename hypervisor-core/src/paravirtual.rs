//! What the core knows of a paravirtualized guest, beside its processor and memory.

use crate::abi::{EventPort, FakeRegister, VirtualInterrupt, shared_page};
use crate::clock::{Clock, PublishedTime, Rate};
use crate::config::CallRate;
use crate::console::{Arrival, Console};
use crate::delivery::{Handler, TrapTable, VirtualInterrupts};
use crate::event_channel::{EventPorts, Injection, SharedPages};
use crate::fake_registers::{self, Refused};
use crate::guest::{Guest, SharedFrames};
use crate::ledger::{DropReason, Source};
use crate::machine::add_option;
use crate::message_port::{ChannelPlace, MessageChannels, MessagePort};
use crate::privileges::Privileges;
use crate::record::{Event, EventLog};
use crate::schedule::Slot;
use crate::seeded_faults::{Fault, seeded};
use crate::timer::{LastEvent, Timer};
use emulator::{Attention, FrameNumber, StateDigest};

pub(crate) use saved::SavedParavirtual;
use serde::{Deserialize, Serialize};

/// What a partition waits for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Wait {
    /// Until an upcall is pending.
    Upcall,
    /// Until its next window begins, or an upcall can be delivered.
    NextWindow,
    /// Until the call that waits is worth another try, or an upcall can be delivered, or the deadline has passed.
    Call {
        /// The deadline; all bits set: never.
        deadline_ns: u64,
        /// What makes it worth a try.
        until: Until,
    },
}

/// What makes a call that waits worth another try.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Until {
    /// One of these ports is pending.
    Ports(Vec<EventPort>),
    /// There is a message on this channel.
    Message(ChannelPlace),
    /// There is space on this channel.
    Space(ChannelPlace),
}

impl Wait {
    fn digest(&self, digest: &mut StateDigest) {
        let (kind, deadline_ns) = match self {
            Self::Upcall => (1, 0),
            Self::NextWindow => (2, 0),
            Self::Call { deadline_ns, .. } => (3, *deadline_ns),
        };
        digest.number(kind);
        digest.number(deadline_ns);
        match self {
            Self::Call { until: Until::Ports(ports), .. } => {
                ports.iter().for_each(|port| digest.number(port.index() as u64));
            }
            Self::Call { until: Until::Message(channel), .. } => digest.number(1 << 16 | u64::from(*channel)),
            Self::Call { until: Until::Space(channel), .. } => digest.number(2 << 16 | u64::from(*channel)),
            Self::Upcall | Self::NextWindow => {}
        }
    }
}

const TIMER: Source = Source::Interrupt(VirtualInterrupt::Timer);

/// The state of a paravirtualized guest.
#[derive(Debug)]
pub struct Paravirtual {
    /// Its event ports.
    pub ports: EventPorts,
    /// Its timer.
    pub timer: Timer,
    /// Its console.
    pub console: Console,
    /// Its trap table.
    pub traps: TrapTable,
    /// Where upcalls enter it.
    pub upcall_entry: Option<u32>,
    /// What it waits for.
    pub waits: Option<Wait>,
    /// The timer or the watchdog was set since the machine last asked what is due.
    pub deadlines_changed: bool,
    /// When the health monitor is told unless the watchdog is set again.
    pub watchdog_ns: Option<u64>,
    /// Calls that failed since [`Self::illegal_since_ns`].
    pub illegal_calls: u32,
    /// When counting them began.
    pub illegal_since_ns: u64,
    /// `iret`: no upcall before an instruction has retired.
    pub holds_upcall: bool,
    /// The linear address of its shared page.
    pub shared_address: u32,
    shared: FrameNumber,
    published: PublishedTime,
    /// Instructions retired when the timer last raised an event.
    ticked_at: Option<u64>,
    /// The guest did something since the timer last waited for it.
    pub may_have_taken: bool,
    /// What of the processor it may use.
    pub privileges: Privileges,
    /// The message ports that it opened, by their numbers.
    pub message_ports: Vec<MessagePort>,
}

impl Paravirtual {
    /// A partition at its start; its shared pages lie in `shared` and the frame after it.
    #[must_use]
    pub fn new(shared: FrameNumber, shared_address: u32, privileges: Privileges) -> Self {
        Self {
            ports: EventPorts::new(),
            timer: Timer::default(),
            console: Console::default(),
            traps: TrapTable::default(),
            upcall_entry: None,
            waits: None,
            deadlines_changed: false,
            watchdog_ns: None,
            illegal_calls: 0,
            illegal_since_ns: 0,
            holds_upcall: false,
            shared_address,
            shared,
            published: PublishedTime::default(),
            ticked_at: None,
            may_have_taken: false,
            privileges,
            message_ports: Vec::new(),
        }
    }

    /// Sets a register that the core keeps for the guest.
    ///
    /// # Errors
    /// The register cannot hold the value; nothing has changed.
    pub fn set_register(&self, guest: &mut Guest, register: FakeRegister, value: u32) -> Result<(), Refused> {
        fake_registers::write(&mut guest.cpu, register, value, self.privileges.cr4_changeable())?;
        if !seeded(Fault::KeepsOldRegisterCopies) {
            self.publish_registers(guest);
        }
        Ok(())
    }

    /// Writes the copies of the fake registers into the shared page.
    pub fn publish_registers(&self, guest: &mut Guest) {
        let Guest { cpu, memory, .. } = guest;
        fake_registers::publish(cpu, &mut SharedFrames::new(memory, self.shared));
    }

    /// Its virtual interrupt flag.
    #[must_use]
    pub fn interrupts(&self) -> VirtualInterrupts {
        VirtualInterrupts::new(self.shared)
    }

    /// Its shared pages.
    #[must_use]
    pub fn shared<'a>(&self, guest: &'a mut Guest) -> SharedFrames<'a> {
        SharedFrames::new(&mut guest.memory, self.shared)
    }

    /// What ends a run of the guest because an upcall can be delivered.
    #[must_use]
    pub fn attention(&self) -> Option<Attention> {
        let can_deliver = self.upcall_entry.is_some() || self.ports.has_vectors();
        let can_deliver = can_deliver && !seeded(Fault::IgnoresStores);
        can_deliver.then_some(Attention { address: self.shared_address })
    }

    /// Whether an upcall, or an event by a vector, can be delivered now or after a shadow.
    #[must_use]
    pub fn can_deliver(&self, guest: &mut Guest) -> bool {
        let flag = self.interrupts();
        if !(flag.enabled(guest) && flag.upcall_pending(guest)) {
            return false;
        }
        self.upcall_entry.is_some() || self.next_injection(guest).is_some()
    }

    /// The event that would enter by a vector now, and its handler.
    #[must_use]
    pub fn next_injection(&self, guest: &mut Guest) -> Option<(Injection, Handler)> {
        if !self.ports.has_vectors() {
            return None;
        }
        let injection = self.ports.injectable(&self.shared(guest))?;
        Some((injection, self.traps.handler(injection.vector)?))
    }

    /// Whether it goes on waiting.
    #[must_use]
    pub fn still_waits(&self, guest: &mut Guest, clock: &Clock, messages: &MessageChannels) -> bool {
        match &self.waits {
            None => false,
            Some(Wait::Upcall) => !self.interrupts().upcall_pending(guest),
            Some(Wait::NextWindow) => !self.can_deliver(guest),
            Some(Wait::Call { deadline_ns, until }) => {
                let has_come = match until {
                    Until::Ports(ports) => {
                        let pending =
                            |port: &EventPort| self.ports.port_is_pending(*port, &self.shared(guest));
                        ports.iter().any(pending)
                    }
                    Until::Message(channel) => messages.has_message(*channel),
                    Until::Space(channel) => messages.has_space(*channel),
                };
                !has_come && *deadline_ns > clock.now_ns() && !self.can_deliver(guest)
            }
        }
    }

    /// The deadline of the call that waits, of the watchdog, or both: in nanoseconds.
    fn own_deadline_ns(&self) -> Option<u64> {
        let call = match &self.waits {
            Some(Wait::Call { deadline_ns, .. }) => Some(*deadline_ns),
            _ => None,
        };
        [call, self.watchdog_ns].into_iter().flatten().filter(|ns| *ns != u64::MAX).min()
    }

    /// Raises what has come due: console input and the timer. `retired` counts the guest's retired instructions.
    pub fn raise_due(&mut self, guest: &mut Guest, clock: &Clock, retired: u64, log: &mut EventLog) {
        let mut shared = SharedFrames::new(&mut guest.memory, self.shared);
        while let Some(arrival) = self.console.arrive(clock.units()) {
            let since = self.console.arrived().last().map_or(log.now(), |input| input.unit);
            let interrupt = match arrival {
                Arrival::Bytes(bytes) => {
                    log.note(|| Event::ConsoleInput(bytes));
                    VirtualInterrupt::ConsoleInput
                }
                Arrival::End => {
                    log.note(|| Event::ConsoleEnd);
                    VirtualInterrupt::ConsoleEnd
                }
            };
            self.ports.raise_since(Source::Interrupt(interrupt), (1, since), &mut shared, log);
        }
        if self.timer.is_set() {
            self.expire_timer(&mut shared, clock.now_ns(), retired, log);
        }
        if clock.units() >= self.published.stale_at {
            self.publish_time(guest, clock);
        }
    }

    fn expire_timer(&mut self, shared: &mut SharedFrames<'_>, now_ns: u64, retired: u64, log: &mut EventLog) {
        let due = self.timer.deadline_ns().is_some_and(|deadline_ns| deadline_ns <= now_ns);
        let catches_up = self.may_have_taken && self.timer.waits_for_guest();
        self.may_have_taken = false;
        // Between two ticks at least one instruction of the guest retires.
        if !(due || catches_up) || self.tick_has_to_wait(retired) {
            return;
        }
        // A guest that waits takes nothing: every tick has to reach it.
        let pending = self.waits.is_none() && self.ports.is_pending(TIMER, shared);
        let last = if pending { LastEvent::Pending } else { LastEvent::Taken };
        // It was due at this instant, and is raised only now if the partition was away.
        let since = self.timer.deadline_ns().map_or(log.now(), |deadline_ns| log.past_unit(deadline_ns));
        let Some(expiry) = self.timer.expire(now_ns, last) else { return };
        if expiry.lost > 0 {
            self.ports.drop_raised(TIMER, expiry.lost, DropReason::TimerPolicy, log);
        }
        if expiry.raise > 0 {
            self.ticked_at = Some(retired);
            self.ports.raise_since(TIMER, (expiry.raise, since), shared, log);
        }
    }

    /// Whether the guest has retired nothing since the last tick, though it could.
    fn tick_has_to_wait(&self, retired: u64) -> bool {
        self.waits.is_none() && self.ticked_at == Some(retired) && !seeded(Fault::TicksWithoutProgress)
    }

    /// How many units the guest may run until something is due; at least 1.
    #[must_use]
    pub fn units_until_due(&self, clock: &Clock) -> u64 {
        let rate = clock.rate();
        let timer = self.timer.deadline_ns().map(|deadline_ns| rate.first_unit_at(deadline_ns));
        let input = self.console.coming().next().map(|input| input.unit);
        let publication = Some(self.published.stale_at);
        let own = self.own_deadline_ns().map(|deadline_ns| rate.first_unit_at(deadline_ns));
        let next = [timer, input, publication, own].into_iter().flatten().min();
        next.map_or(u64::MAX, |unit| unit.saturating_sub(clock.units()).max(1))
    }

    /// The first unit at which something wakes the waiting partition by itself.
    #[must_use]
    pub fn wakes_at(&self, guest: &mut Guest, clock: &Clock) -> Option<u64> {
        let shared = self.shared(guest);
        let timer = self.timer.deadline_ns().filter(|_| self.can_wake(TIMER, &shared));
        let timer = timer.map(|deadline_ns| clock.rate().first_unit_at(deadline_ns));
        let wakes = |what: &Arrival| match what {
            Arrival::Bytes(_) => VirtualInterrupt::ConsoleInput,
            Arrival::End => VirtualInterrupt::ConsoleEnd,
        };
        let mut coming = self.console.coming();
        let input = coming
            .find(|input| self.can_wake(Source::Interrupt(wakes(&input.what)), &shared))
            .map(|input| input.unit);
        let own = self.own_deadline_ns().map(|deadline_ns| clock.rate().first_unit_at(deadline_ns));
        // The last unit stands for instants that are never reached.
        [timer, input, own].into_iter().flatten().min().filter(|unit| *unit != u64::MAX)
    }

    /// Whether input that nobody has given yet could wake the partition.
    #[must_use]
    pub fn awaits_input(&self, guest: &mut Guest) -> bool {
        let shared = self.shared(guest);
        let interrupts = [VirtualInterrupt::ConsoleInput, VirtualInterrupt::ConsoleEnd];
        !self.console.is_closed()
            && interrupts.iter().any(|interrupt| self.can_wake(Source::Interrupt(*interrupt), &shared))
    }

    /// The sources of which an event would end the wait.
    #[must_use]
    pub fn waking_sources(&self, guest: &mut Guest) -> Vec<Source> {
        let shared = self.shared(guest);
        self.ports.sources().filter(|source| self.can_wake(*source, &shared)).collect()
    }

    /// Whether raising a source would end the wait.
    fn can_wake(&self, source: Source, shared: &impl SharedPages) -> bool {
        let Some(port) = self.ports.bound_to(source) else { return false };
        let asks = self.ports.can_wake(source, shared);
        match &self.waits {
            None | Some(Wait::Upcall) => asks,
            // Only an upcall that is delivered ends these.
            Some(Wait::NextWindow) => asks && self.takes_upcalls(shared),
            Some(Wait::Call { until, .. }) => {
                let polled = matches!(until, Until::Ports(ports) if ports.contains(&port));
                polled || asks && self.takes_upcalls(shared)
            }
        }
    }

    fn takes_upcalls(&self, shared: &impl SharedPages) -> bool {
        shared.load(shared_page::MASK) == 0 && (self.upcall_entry.is_some() || self.ports.has_vectors())
    }

    /// A call failed: whether that is one too many for the rate.
    pub fn counts_illegal_call(&mut self, rate: Option<CallRate>, clock: &Clock) -> bool {
        let Some(rate) = rate.filter(|_| !seeded(Fault::CountsNoIllegalCalls)) else { return false };
        let now_ns = clock.now_ns();
        if now_ns - self.illegal_since_ns >= rate.period_ns {
            self.illegal_since_ns = now_ns;
            self.illegal_calls = 0;
        }
        self.illegal_calls += 1;
        let too_many = self.illegal_calls > rate.most;
        if too_many {
            self.illegal_since_ns = now_ns;
            self.illegal_calls = 0;
        }
        too_many
    }

    /// Writes the window and its place in its plan into the shared page.
    pub fn publish_window(&self, guest: &mut Guest, slot: &Slot, (plan, window): (u32, u32), rate: Rate) {
        let mut shared = self.shared(guest);
        store_time(&mut shared, shared_page::WINDOW_START, rate.nanoseconds(slot.start));
        store_time(&mut shared, shared_page::WINDOW_END, rate.nanoseconds(slot.end));
        shared.store(shared_page::WINDOW_INDEX, window);
        shared.store(shared_page::WINDOW_PLAN, plan);
    }

    /// Writes how long the partition ran and waited, in units, into the shared page.
    pub fn publish_run_state(&self, guest: &mut Guest, clock: &Clock, running: u64, waiting: u64) {
        let [running_ns, waiting_ns] = [running, waiting].map(|units| clock.rate().nanoseconds(units));
        let mut shared = self.shared(guest);
        store_time(&mut shared, shared_page::RUNNING, running_ns);
        store_time(&mut shared, shared_page::WAITING, waiting_ns);
        let away_ns = clock.now_ns().saturating_sub(running_ns).saturating_sub(waiting_ns);
        store_time(&mut shared, shared_page::AWAY, away_ns);
    }

    /// Writes the time page.
    pub fn publish_time(&mut self, guest: &mut Guest, clock: &Clock) {
        self.published = self.published.next(clock);
        write_time(&self.published, &mut self.shared(guest));
    }

    #[cfg(test)]
    pub(crate) fn forget_tick(&mut self) {
        self.ticked_at = None;
    }

    /// Adds everything that decides what the partition does next.
    pub fn digest(&self, digest: &mut StateDigest) {
        for number in self.ports.encoded().chain(self.timer.encoded()).chain(self.traps.encoded()) {
            digest.number(number);
        }
        for port in &self.message_ports {
            digest.number(port.code());
        }
        digest.number(self.upcall_entry.map_or(0, |entry| 1 << 32 | u64::from(entry)));
        digest.bytes(&[self.holds_upcall, self.console.has_ended()].map(u8::from));
        self.waits.iter().for_each(|wait| wait.digest(digest));
        digest.number(u64::from(self.waits.is_some()));
        add_option(digest, self.watchdog_ns);
        add_option(digest, self.ticked_at);
        digest.number(self.illegal_calls.into());
        digest.number(self.illegal_since_ns);
        digest.number(self.published.version.into());
        digest.number(self.published.stale_at);
        digest.number(self.console.waiting() as u64);
        digest.bytes(&self.console.first(u32::MAX));
    }
}

fn store_time(shared: &mut impl SharedPages, offset: u32, value: u64) {
    shared.store(offset, value as u32);
    shared.store(offset + 4, (value >> 32) as u32);
}

/// The guest does not run meanwhile, so that no version of an unfinished write can be seen.
fn write_time(time: &PublishedTime, shared: &mut impl SharedPages) {
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    let ahead_ns = if seeded(Fault::TimePageAhead) { 2_000 } else { 0 };
    for (offset, [low, high]) in [
        (shared_page::TIME_STAMP, halves(time.time_stamp)),
        (shared_page::SYSTEM_TIME, halves(time.system_time_ns + ahead_ns)),
    ] {
        shared.store(offset, low);
        shared.store(offset + 4, high);
    }
    shared.store(shared_page::TIME_MULTIPLIER, time.multiplier);
    shared.store(shared_page::TIME_SHIFT, i32::from(time.shift).cast_unsigned());
    shared.store(shared_page::TIME_VERSION, time.version);
}

mod saved;
