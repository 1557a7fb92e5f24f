//! What the machine's caller gives, takes and asks between two runs.

use super::{Counters, Machine};
use crate::clock::Clock;
use crate::config::{PartitionId, PlanId, SystemConfig};
use crate::console::{Arrival, Input};
use crate::ledger::Ledger;
use crate::linux::Effect;
use crate::loader::{Image, Symbols};
use crate::outcome::Outcome;
use crate::own_symbols::own_symbols;
use crate::partition::{Ending, InputState, Partition, Personality};
use crate::record::Stamp;
use crate::services::HealthLog;
use emulator::{Cpu, MemoryError, Rights, Statistics};
use std::collections::BTreeMap;

impl Machine {
    /// Gives console input to the partition that reads it. A unit that has passed counts as now.
    pub fn give_input(&mut self, input: Input) {
        let reader = self.config.partitions.iter().position(|partition| partition.console_input);
        let Some(reader) = reader else { return };
        let unit = input.unit.max(self.clock.units());
        let partition = &mut self.partitions[reader];
        partition.input = InputState::Known;
        partition.console_mut().give(Input { unit, ..input });
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

    /// Removes the console output of the first partition so far.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.take_output_of(PartitionId(0))
    }

    /// Removes the console output of a partition so far.
    pub fn take_output_of(&mut self, id: PartitionId) -> Vec<u8> {
        let partition = &mut self.partitions[id.index()];
        partition.output_since = None;
        partition.console_mut().take_output()
    }

    /// Removes what a Linux program wrote to its standard error so far.
    pub fn take_errors(&mut self) -> Vec<u8> {
        match &mut self.partitions[0].personality {
            Personality::Paravane(_) => Vec::new(),
            Personality::Linux(linux) => std::mem::take(&mut linux.errors),
        }
    }

    /// What the last system call of a Linux program changed beside EAX.
    #[must_use]
    pub fn system_call_effects(&self) -> &[Effect] {
        match &self.partitions[0].personality {
            Personality::Paravane(_) => &[],
            Personality::Linux(linux) => &linux.effects,
        }
    }

    /// The console input that has arrived, with the units at which it came: given again, it makes the same run.
    #[must_use]
    pub fn arrived_input(&self) -> &[Input] {
        let reader = self.config.partitions.iter().position(|partition| partition.console_input);
        reader.map_or(&[], |reader| self.partitions[reader].console().arrived())
    }

    /// How many console inputs were given, arrived or still to come.
    #[must_use]
    pub fn given_inputs(&self) -> usize {
        let reader = self.config.partitions.iter().position(|partition| partition.console_input);
        reader.map_or(0, |reader| {
            let console = self.partitions[reader].console();
            console.arrived().len() + console.coming().count()
        })
    }

    /// What the machine is made of.
    #[must_use]
    pub fn config(&self) -> &SystemConfig {
        &self.config
    }

    /// Instructions and iterations of REPs of all partitions that retired: those units of [`Machine::executed`] that a recorder is told
    /// of.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.partitions.iter().map(Partition::retired).fold(0, u64::saturating_add)
    }

    /// The partitions, in the order of the configuration.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// A partition.
    ///
    /// # Panics
    /// If there is none of this number.
    #[must_use]
    pub fn partition(&self, id: PartitionId) -> &Partition {
        &self.partitions[id.index()]
    }

    fn first(&self) -> &Partition {
        &self.partitions[0]
    }

    /// Where the run of the first partition is.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp_of(PartitionId(0))
    }

    /// Where the run of a partition is.
    #[must_use]
    pub fn stamp_of(&self, id: PartitionId) -> Stamp {
        let instruction = self.partitions[id.index()].executed;
        Stamp { partition: id, instruction, unit: self.clock.units(), now_ns: self.clock.now_ns() }
    }

    /// Units executed by all partitions.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// The schedule plan that runs.
    #[must_use]
    pub fn plan(&self) -> PlanId {
        self.services.schedule.current()
    }

    /// How often a partition was started again.
    #[must_use]
    pub fn restarts(&self, id: PartitionId) -> u32 {
        self.services.statuses[id.index()].restart_count
    }

    /// How often lines without an owner interrupted, by line.
    #[must_use]
    pub fn unowned_interrupts(&self) -> &BTreeMap<u32, u64> {
        self.lines.unowned()
    }

    /// The health log.
    #[must_use]
    pub fn health_log(&self) -> &HealthLog {
        &self.services.health_log
    }

    /// Virtual time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The first partition's processor between two instructions.
    #[must_use]
    pub fn cpu(&self) -> &Cpu {
        self.first().cpu()
    }

    /// What the first partition's guest may do with the page that holds `address`.
    #[must_use]
    pub fn rights(&self, address: u32) -> Option<Rights> {
        self.first().rights(address)
    }

    /// Reads the first partition's memory, whatever the rights of its pages.
    ///
    /// # Errors
    /// The first address that is not mapped; `bytes` is then filled up to it.
    pub fn peek(&self, address: u32, bytes: &mut [u8]) -> Result<(), MemoryError> {
        self.first().peek(address, bytes)
    }

    /// The first partition's image.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.config.partitions[0].image
    }

    /// The names of the first partition's image and of the core's own pages.
    #[must_use]
    pub fn symbols(&self) -> Symbols {
        self.symbols_of(PartitionId(0))
    }

    /// The names of a partition's image and of the core's own pages.
    #[must_use]
    pub fn symbols_of(&self, id: PartitionId) -> Symbols {
        let symbols = &self.config.partitions[id.index()].image.symbols;
        match &self.partitions[id.index()].personality {
            Personality::Paravane(_) => symbols.with(own_symbols()),
            Personality::Linux(_) => symbols.clone(),
        }
    }

    /// Counters of what the first partition's guest did.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.first().counters()
    }

    /// Counters of how the first partition's interpreter worked.
    #[must_use]
    pub fn engine_statistics(&self) -> Statistics {
        self.first().engine_statistics()
    }

    /// What became of the first partition's events; None for a Linux program, which has none.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.first().ledger()
    }
}

impl Partition {
    /// Its processor between two instructions.
    #[must_use]
    pub fn cpu(&self) -> &Cpu {
        &self.guest.cpu
    }

    /// What its guest may do with the page that holds `address`.
    #[must_use]
    pub fn rights(&self, address: u32) -> Option<Rights> {
        self.guest.space.page(address).map(|(_, rights)| rights)
    }

    /// Reads its memory, whatever the rights of the pages.
    ///
    /// # Errors
    /// The first address that is not mapped; `bytes` is then filled up to it.
    pub fn peek(&self, address: u32, bytes: &mut [u8]) -> Result<(), MemoryError> {
        self.guest.space.peek(&self.guest.memory, address, bytes)
    }

    /// Counters of what its guest did.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counters of how its interpreter worked, restarts included.
    #[must_use]
    pub fn engine_statistics(&self) -> Statistics {
        self.engines_before + self.engine.statistics()
    }

    /// What became of its events; None for a Linux program, which has none.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.paravirtual().map(|paravirtual| paravirtual.ports.ledger())
    }

    /// Units that it executed. Idling adds none.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// Instructions and iterations of REPs that retired: those units of [`Partition::executed`] that a recorder is told of.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.retired
    }

    /// Where the run was when it ended; None while it has not.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }
}
