//! What the machine's caller gives, takes and asks between two runs.

use super::{Counters, InputState, Machine, System};
use crate::clock::Clock;
use crate::console::{Arrival, Input};
use crate::ledger::Ledger;
use crate::linux::Effect;
use crate::loader::{Image, Symbols};
use crate::own_symbols::own_symbols;
use crate::record::Stamp;
use emulator::{Cpu, MemoryError, Rights, StateDigest, Statistics};

impl Machine {
    /// Gives console input. A unit that has passed counts as now.
    pub fn give_input(&mut self, input: Input) {
        self.input = InputState::Known;
        let unit = input.unit.max(self.clock.units());
        self.console_mut().give(Input { unit, ..input });
    }

    /// Gives all console input at the start of time, and its end.
    pub fn give_whole_input(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.give_input(Input { unit: 0, what: Arrival::Bytes(bytes) });
        }
        self.give_input(Input { unit: 0, what: Arrival::End });
    }

    /// Lets idle time pass up to this unit; for a machine whose configuration is interactive.
    pub fn idle_until(&mut self, unit: u64) {
        self.may_idle_until = self.may_idle_until.max(unit);
    }

    /// Removes the console output so far.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.output_since = None;
        self.console_mut().take_output()
    }

    /// Removes what a Linux program wrote to its standard error so far.
    pub fn take_errors(&mut self) -> Vec<u8> {
        match &mut self.system {
            System::Paravane(_) => Vec::new(),
            System::Linux(linux) => std::mem::take(&mut linux.errors),
        }
    }

    /// What the last system call of a Linux program changed beside EAX.
    #[must_use]
    pub fn system_call_effects(&self) -> &[Effect] {
        match &self.system {
            System::Paravane(_) => &[],
            System::Linux(linux) => &linux.effects,
        }
    }

    /// The console input that has arrived, with the units at which it came: given again, it makes the same run.
    #[must_use]
    pub fn arrived_input(&self) -> &[Input] {
        self.console().arrived()
    }

    /// Where the run is.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { instruction: self.executed, now_ns: self.clock.now_ns() }
    }

    /// Virtual time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The processor between two instructions.
    #[must_use]
    pub fn cpu(&self) -> &Cpu {
        &self.guest.cpu
    }

    /// What the guest may do with the page that holds `address`.
    #[must_use]
    pub fn rights(&self, address: u32) -> Option<Rights> {
        self.guest.space.page(address).map(|(_, rights)| rights)
    }

    /// Reads the guest's memory, whatever the rights of its pages.
    ///
    /// # Errors
    /// The first address that is not mapped; `bytes` is then filled up to it.
    pub fn peek(&self, address: u32, bytes: &mut [u8]) -> Result<(), MemoryError> {
        self.guest.space.peek(&self.guest.memory, address, bytes)
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The names of the image and of the core's own pages.
    #[must_use]
    pub fn symbols(&self) -> Symbols {
        match &self.system {
            System::Paravane(_) => self.image.symbols.with(own_symbols()),
            System::Linux(_) => self.image.symbols.clone(),
        }
    }

    /// Counters of what the guest did.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counters of how the interpreter worked.
    #[must_use]
    pub fn engine_statistics(&self) -> Statistics {
        self.engine.statistics()
    }

    /// What became of the events; None for a Linux program, which has none.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        match &self.system {
            System::Paravane(partition) => Some(partition.ports.ledger()),
            System::Linux(_) => None,
        }
    }

    /// A digest of everything that decides how the run goes on.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut digest = StateDigest::new();
        digest.cpu(&self.guest.cpu);
        digest.memory(&self.guest.memory);
        digest.number(self.clock.units());
        digest.number(self.executed);
        if let System::Paravane(partition) = &self.system {
            partition.digest(&mut digest);
        }
        digest.value()
    }
}
