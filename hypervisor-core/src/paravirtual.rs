//! What the core knows of a paravirtualized guest, beside its processor and memory.

use crate::abi::{VirtualInterrupt, shared_page};
use crate::clock::{Clock, PublishedTime};
use crate::console::{Arrival, Console};
use crate::delivery::{TrapTable, VirtualInterrupts};
use crate::event_channel::{EventPorts, SharedPages};
use crate::guest::{Guest, SharedFrames};
use crate::ledger::{DropReason, Source};
use crate::record::{Event, EventLog};
use crate::timer::{LastEvent, Timer};
use emulator::{Attention, FrameNumber, StateDigest};

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
    /// `block`: it waits for an upcall.
    pub waits: bool,
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
}

impl Paravirtual {
    /// A partition at its start; its shared pages lie in `shared` and the frame after it.
    #[must_use]
    pub fn new(shared: FrameNumber, shared_address: u32) -> Self {
        Self {
            ports: EventPorts::new(),
            timer: Timer::default(),
            console: Console::default(),
            traps: TrapTable::default(),
            upcall_entry: None,
            waits: false,
            holds_upcall: false,
            shared_address,
            shared,
            published: PublishedTime::default(),
            ticked_at: None,
            may_have_taken: false,
        }
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
        self.upcall_entry.map(|_| Attention { address: self.shared_address })
    }

    /// Raises what has come due: console input and the timer. `retired` counts the guest's retired instructions.
    pub fn raise_due(&mut self, guest: &mut Guest, clock: &Clock, retired: u64, log: &mut EventLog) {
        let mut shared = SharedFrames::new(&mut guest.memory, self.shared);
        while let Some(arrival) = self.console.arrive(clock.units()) {
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
            self.ports.raise(interrupt, 1, &mut shared, log);
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
        let pending = !self.waits && self.ports.is_pending(VirtualInterrupt::Timer, shared);
        let last = if pending { LastEvent::Pending } else { LastEvent::Taken };
        let Some(expiry) = self.timer.expire(now_ns, last) else { return };
        if expiry.lost > 0 {
            let source = Source::Interrupt(VirtualInterrupt::Timer);
            self.ports.drop_raised(source, expiry.lost, DropReason::TimerPolicy, log);
        }
        if expiry.raise > 0 {
            self.ticked_at = Some(retired);
            self.ports.raise(VirtualInterrupt::Timer, expiry.raise, shared, log);
        }
    }

    /// Whether the guest has retired nothing since the last tick, though it could.
    fn tick_has_to_wait(&self, retired: u64) -> bool {
        !self.waits && self.ticked_at == Some(retired)
    }

    /// How many units the guest may run until something is due; at least 1.
    #[must_use]
    pub fn units_until_due(&self, clock: &Clock) -> u64 {
        let rate = clock.rate();
        let timer = self.timer.deadline_ns().map(|deadline_ns| rate.first_unit_at(deadline_ns));
        let input = self.console.coming().next().map(|input| input.unit);
        let publication = Some(self.published.stale_at);
        let next = [timer, input, publication].into_iter().flatten().min();
        next.map_or(u64::MAX, |unit| unit.saturating_sub(clock.units()).max(1))
    }

    /// The first unit at which something wakes the waiting partition by itself.
    #[must_use]
    pub fn wakes_at(&self, guest: &mut Guest, clock: &Clock) -> Option<u64> {
        let shared = self.shared(guest);
        let timer =
            self.timer.deadline_ns().filter(|_| self.ports.can_wake(VirtualInterrupt::Timer, &shared));
        let timer = timer.map(|deadline_ns| clock.rate().first_unit_at(deadline_ns));
        let wakes = |what: &Arrival| match what {
            Arrival::Bytes(_) => VirtualInterrupt::ConsoleInput,
            Arrival::End => VirtualInterrupt::ConsoleEnd,
        };
        let mut coming = self.console.coming();
        let input =
            coming.find(|input| self.ports.can_wake(wakes(&input.what), &shared)).map(|input| input.unit);
        // The last unit stands for instants that are never reached.
        [timer, input].into_iter().flatten().min().filter(|unit| *unit != u64::MAX)
    }

    /// Whether input that nobody has given yet could wake the partition.
    #[must_use]
    pub fn awaits_input(&self, guest: &mut Guest) -> bool {
        let shared = self.shared(guest);
        let interrupts = [VirtualInterrupt::ConsoleInput, VirtualInterrupt::ConsoleEnd];
        !self.console.is_closed()
            && interrupts.iter().any(|interrupt| self.ports.can_wake(*interrupt, &shared))
    }

    /// Writes the time page.
    pub fn publish_time(&mut self, guest: &mut Guest, clock: &Clock) {
        self.published = self.published.next(clock);
        write_time(&self.published, &mut self.shared(guest));
    }

    /// Adds everything that decides what the partition does next.
    pub fn digest(&self, digest: &mut StateDigest) {
        for number in self.ports.encoded().chain(self.timer.encoded()).chain(self.traps.encoded()) {
            digest.number(number);
        }
        digest.number(self.upcall_entry.map_or(0, |entry| 1 << 32 | u64::from(entry)));
        digest.bytes(&[self.waits, self.holds_upcall, self.console.has_ended()].map(u8::from));
        digest.number(self.console.waiting() as u64);
        digest.bytes(&self.console.first(u32::MAX));
    }
}

/// The guest does not run meanwhile, so that no version of an unfinished write can be seen.
fn write_time(time: &PublishedTime, shared: &mut impl SharedPages) {
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    for (offset, [low, high]) in [
        (shared_page::TIME_STAMP, halves(time.time_stamp)),
        (shared_page::SYSTEM_TIME, halves(time.system_time_ns)),
    ] {
        shared.store(offset, low);
        shared.store(offset + 4, high);
    }
    shared.store(shared_page::TIME_MULTIPLIER, time.multiplier);
    shared.store(shared_page::TIME_SHIFT, i32::from(time.shift).cast_unsigned());
    shared.store(shared_page::TIME_VERSION, time.version);
}
