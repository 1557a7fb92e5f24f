//! A partition: a guest, what serves it, its own interpreter, and how far it came.

use crate::boot::{self, BootPlan, Start};
use crate::clock::Clock;
use crate::config::{PartitionConfig, PartitionId, SystemConfig};
use crate::console::{Arrival, Console, Input};
use crate::guest::Guest;
use crate::linux::{self, Linux};
use crate::loader::LoadError;
use crate::machine::{Abi, Counters};
use crate::outcome::Outcome;
use crate::paravirtual::Paravirtual;
use emulator::cpu::control;
use emulator::{CpuProfile, Interpreter, Settings, StateDigest};

/// A partition.
#[derive(Debug)]
pub struct Partition {
    /// Its number.
    pub(crate) id: PartitionId,
    /// Its processor and memory.
    pub(crate) guest: Guest,
    /// What serves it.
    pub(crate) personality: Personality,
    /// Runs it.
    pub(crate) engine: Interpreter,
    /// Units that it executed. Idling adds none.
    pub(crate) executed: u64,
    /// Instructions that retired.
    pub(crate) retired: u64,
    /// What it did.
    pub(crate) counters: Counters,
    /// How it ended.
    pub(crate) outcome: Option<Outcome>,
    /// When the oldest console output that was not handed out was written.
    pub(crate) output_since: Option<u64>,
    /// Whether the caller knows that it reads the console.
    pub(crate) input: InputState,
}

/// Whether the caller knows that a guest reads its console.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputState {
    /// The guest has not asked for input.
    Unasked,
    /// It is about to ask: the call was not performed.
    Wanted,
    /// The caller was told, or gave input by itself, or there is none for this guest.
    Known,
}

/// What serves a guest.
#[derive(Debug)]
pub enum Personality {
    /// Hypercalls and upcalls.
    Paravane(Box<Paravirtual>),
    /// Linux system calls.
    Linux(Box<Linux>),
}

impl Partition {
    /// A partition whose guest is about to start.
    ///
    /// # Errors
    /// The image does not fit the configuration.
    pub fn new(id: PartitionId, system: &SystemConfig, clock: &Clock) -> Result<Self, LoadError> {
        let config = &system.partitions[id.index()];
        let (guest, personality) = start(id, config, clock, Start::default())?;
        let mut partition = Self {
            id,
            guest,
            personality,
            engine: Interpreter::new(Settings { profile: config.profile, ..system.engine }),
            executed: 0,
            retired: 0,
            counters: Counters::default(),
            outcome: None,
            output_since: None,
            input: InputState::Unasked,
        };
        if !config.console_input {
            partition.input = InputState::Known;
            partition.console_mut().give(Input { unit: 0, what: Arrival::End });
        }
        Ok(partition)
    }

    /// Its console.
    #[must_use]
    pub fn console(&self) -> &Console {
        match &self.personality {
            Personality::Paravane(paravirtual) => &paravirtual.console,
            Personality::Linux(linux) => &linux.console,
        }
    }

    /// Its console.
    pub fn console_mut(&mut self) -> &mut Console {
        match &mut self.personality {
            Personality::Paravane(paravirtual) => &mut paravirtual.console,
            Personality::Linux(linux) => &mut linux.console,
        }
    }

    /// What the core knows of it, unless it is a Linux program.
    #[must_use]
    pub fn paravirtual(&self) -> Option<&Paravirtual> {
        match &self.personality {
            Personality::Paravane(paravirtual) => Some(paravirtual),
            Personality::Linux(_) => None,
        }
    }

    /// What the core knows of it, unless it is a Linux program, and its guest.
    pub fn paravirtual_mut(&mut self) -> Option<(&mut Paravirtual, &mut Guest)> {
        match &mut self.personality {
            Personality::Paravane(paravirtual) => Some((paravirtual, &mut self.guest)),
            Personality::Linux(_) => None,
        }
    }

    /// Adds everything that decides how it goes on.
    pub fn digest(&self, digest: &mut StateDigest) {
        digest.cpu(&self.guest.cpu);
        digest.memory(&self.guest.memory);
        digest.number(self.executed);
        if let Personality::Paravane(paravirtual) = &self.personality {
            paravirtual.digest(digest);
        }
    }
}

/// Loads a partition's image.
fn start(
    id: PartitionId,
    config: &PartitionConfig,
    clock: &Clock,
    start: Start,
) -> Result<(Guest, Personality), LoadError> {
    let (mut guest, personality) = match config.abi {
        Abi::Paravane => {
            let command_line = config.arguments.join(" ");
            let plan = BootPlan { id, command_line: &command_line, config, start };
            let (guest, paravirtual) = boot::boot(&plan, clock)?;
            (guest, Personality::Paravane(Box::new(paravirtual)))
        }
        Abi::Linux => {
            let (guest, linux) =
                linux::start(&config.image, config.memory_bytes, &config.name, &config.arguments)?;
            (guest, Personality::Linux(Box::new(linux)))
        }
    };
    if config.profile > CpuProfile::I686 {
        guest.cpu.system.cr4 |= control::CR4_OSFXSR | control::CR4_OSXMMEXCPT;
    }
    if config.umip {
        guest.cpu.system.cr4 |= control::CR4_UMIP;
    }
    Ok((guest, personality))
}
