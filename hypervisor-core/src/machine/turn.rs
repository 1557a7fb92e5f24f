//! What one partition does in its turn: what is due is raised, an upcall delivered, instructions run.

use super::{Numbered, OUTPUT_CHUNK_BYTES, OUTPUT_PATIENCE_UNITS};
use crate::clock::Clock;
use crate::config::SystemConfig;
use crate::debug_registers::DebugRegisters;
use crate::delivery::{self, Trap};
use crate::guest::Guest;
use crate::health::HealthEvent;
use crate::outcome::{Crash, CrashReason};
use crate::partition::{InputState, Partition, Personality};
use crate::record::{Event, EventLog, Recorder, Stamp, Wanted};
use crate::seeded_faults::{Fault, seeded};
use crate::services::{Effect, Services};
use emulator::{Ran, RunInputs, Unobserved};

const CRASH_STACK_WORDS: u32 = 16;

/// The partition that runs, with what it needs of the machine.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub partition: &'a mut Partition,
    pub clock: &'a mut Clock,
    pub log: &'a mut EventLog,
    pub config: &'a SystemConfig,
    pub services: &'a mut Services,
    /// Units executed in this turn.
    pub executed_now: u64,
}

impl Turn<'_> {
    /// Runs the guest for `units` at most. It ends before that when something concerns more than the guest: the machine's
    /// other duties need not be asked after each exit.
    pub fn run(&mut self, units: u64, recorder: &mut dyn Recorder) {
        self.partition.has_run = true;
        let end = self.clock.units().saturating_add(units);
        loop {
            self.run_to_exit(end - self.clock.units(), recorder);
            if self.clock.units() >= end || !self.may_go_on() {
                return;
            }
        }
    }

    /// Whether nothing happened that the machine has to see before the guest goes on.
    fn may_go_on(&mut self) -> bool {
        let partition = &mut *self.partition;
        let is_settled = partition.incident.is_none()
            && partition.outcome.is_none()
            && partition.input != InputState::Wanted
            && partition.console().output().is_empty()
            && self.services.effects.is_empty()
            && self.services.schedule.next().is_none();
        is_settled
            && match &mut partition.personality {
                Personality::Paravane(paravirtual) => {
                    paravirtual.waits.is_none()
                        && !paravirtual.timer.waits_for_guest()
                        && !std::mem::take(&mut paravirtual.deadlines_changed)
                }
                Personality::Linux(linux) => !linux.errors_are_new,
            }
    }

    /// Delivers what is deliverable and runs the guest for `units` at most, to its next exit.
    fn run_to_exit(&mut self, mut units: u64, recorder: &mut dyn Recorder) {
        if self.can_deliver() {
            if self.upcall_is_held() {
                units = 1;
            } else {
                self.deliver();
                self.flush(recorder);
                if self.partition.incident.is_some() {
                    return;
                }
            }
        }
        let debug = self.debug_registers();
        let debug = debug.as_ref();
        let bits = debug.map_or(0, |debug| debug.at_eip(&self.partition.guest.cpu));
        if bits != 0 {
            self.debug_fault(bits, recorder);
            return self.flush(recorder);
        }
        let ran = self.run_engine(units, debug, recorder);
        self.note_ran(ran.units);
        self.decide(ran.exit, debug, recorder);
        self.flush(recorder);
    }

    pub fn raise_due(&mut self) {
        let retired = self.partition.retired;
        let id = self.partition.id;
        if let Some((paravirtual, guest)) = self.partition.paravirtual_mut() {
            paravirtual.raise_due(guest, self.clock, retired, self.log);
            if paravirtual.watchdog_ns.is_some_and(|deadline_ns| deadline_ns <= self.clock.now_ns()) {
                paravirtual.watchdog_ns = seeded(Fault::WatchdogStays).then(|| self.clock.now_ns() + 5_000);
                self.services.effects.push_back(Effect::survivable(id, HealthEvent::Watchdog));
            }
        }
    }

    /// What the guest's debug registers ask for, if any is enabled.
    #[inline]
    pub fn debug_registers(&self) -> Option<DebugRegisters> {
        match self.partition.personality {
            Personality::Paravane(_) => DebugRegisters::of(&self.partition.guest.cpu),
            Personality::Linux(_) => None,
        }
    }

    fn run_engine(&mut self, units: u64, debug: Option<&DebugRegisters>, recorder: &mut dyn Recorder) -> Ran {
        let Partition { id, guest, personality, engine, executed, .. } = &mut *self.partition;
        let attention = match personality {
            Personality::Paravane(paravirtual) => paravirtual.attention(),
            Personality::Linux(_) => None,
        };
        let inputs = RunInputs {
            units,
            time_stamp: self.clock.units(),
            breakpoints: debug.map_or(&[], DebugRegisters::breakpoints),
            watches: debug.map_or(&[], DebugRegisters::watches),
            attention,
        };
        let Guest { cpu, space, memory } = guest;
        if let Some(told) = self.log.wanted().told() {
            let mut numbered = Numbered {
                recorder,
                told,
                partition: *id,
                executed: *executed,
                units: self.clock.units(),
                rate: self.clock.rate(),
            };
            engine.run(cpu, space, memory, &inputs, &mut numbered)
        } else {
            engine.run(cpu, space, memory, &inputs, &mut Unobserved)
        }
    }

    fn note_ran(&mut self, units: u64) {
        self.pass(units);
        self.partition.retired += units;
        if units > 0
            && let Personality::Paravane(paravirtual) = &mut self.partition.personality
        {
            paravirtual.holds_upcall = false;
        }
    }

    /// Units pass that the guest executes.
    pub fn pass(&mut self, units: u64) {
        self.partition.executed = self.partition.executed.saturating_add(units);
        self.executed_now += units;
        self.clock.advance(units);
        self.log.set_now(self.clock.units());
    }

    #[inline]
    fn can_deliver(&mut self) -> bool {
        let delivery = self.partition.paravirtual_mut();
        delivery.is_some_and(|(paravirtual, guest)| paravirtual.can_deliver(guest))
    }

    fn upcall_is_held(&self) -> bool {
        let held = self.partition.paravirtual().is_some_and(|paravirtual| paravirtual.holds_upcall);
        held || self.partition.guest.cpu.interrupt_shadow && !seeded(Fault::DeliversInShadow)
    }

    /// Delivers what is pending: the most urgent event that enters by a vector, else an upcall.
    pub fn deliver(&mut self) {
        let Some((paravirtual, guest)) = self.partition.paravirtual_mut() else { return };
        if let Some((injection, handler)) = paravirtual.next_injection(guest) {
            let mut shared = paravirtual.shared(guest);
            paravirtual.ports.inject(injection, &mut shared, self.log);
            self.deliver_trap(handler, Trap::software(injection.vector, None));
        } else if let Some(entry) = paravirtual.upcall_entry {
            self.deliver_upcall(entry);
        }
    }

    fn deliver_upcall(&mut self, entry: u32) {
        let Some((paravirtual, guest)) = self.partition.paravirtual_mut() else { return };
        let flag = paravirtual.interrupts();
        let interrupts = flag.enabled(guest);
        let eip = guest.cpu.eip;
        match delivery::deliver_upcall(guest, flag, entry, interrupts) {
            Ok(()) => {
                let mut shared = paravirtual.shared(guest);
                paravirtual.ports.announce(&mut shared, self.log);
                self.partition.counters.upcalls += 1;
                self.log.note(|| Event::Upcall { eip, handler: entry });
            }
            Err(reason) => self.crash(reason),
        }
    }

    /// The guest cannot go on: what becomes of that, the health monitor's table says.
    pub fn crash(&mut self, reason: CrashReason) {
        let guest = &self.partition.guest;
        self.partition.incident = Some(Box::new(Crash {
            reason,
            cpu: guest.cpu.clone(),
            code: guest.code(),
            stack: guest.stack(CRASH_STACK_WORDS),
            instruction: self.partition.executed,
        }));
    }

    pub fn has_output_to_show(&mut self) -> bool {
        if let Personality::Linux(linux) = &mut self.partition.personality
            && std::mem::take(&mut linux.errors_are_new)
        {
            return true;
        }
        let units = self.clock.units();
        let output = self.partition.console().output();
        if output.is_empty() {
            return false;
        }
        let shows = output.ends_with(b"\n") || output.len() >= OUTPUT_CHUNK_BYTES;
        let since = *self.partition.output_since.get_or_insert(units);
        shows || units - since >= OUTPUT_PATIENCE_UNITS
    }

    pub fn settle_events(&mut self) {
        if let Some((paravirtual, guest)) = self.partition.paravirtual_mut() {
            let mut shared = paravirtual.shared(guest);
            paravirtual.ports.settle(&mut shared, self.log);
        }
    }

    /// Where the partition is.
    pub fn stamp(&self) -> Stamp {
        let Partition { id, executed, .. } = *self.partition;
        Stamp { partition: id, instruction: executed, unit: self.clock.units(), now_ns: self.clock.now_ns() }
    }

    /// Tells the recorder of the events so far.
    pub fn flush(&mut self, recorder: &mut dyn Recorder) {
        if self.log.wanted() >= Wanted::Events {
            let stamp = self.stamp();
            for event in self.log.drain() {
                recorder.event(stamp, &event);
            }
        }
    }
}
