//! A partition: a guest, what serves it, its own interpreter, and how far it came.

use crate::abi::RAM_BASE;
use crate::boot::{self, BootPlan, Start};
use crate::clock::Clock;
use crate::config::{PartitionConfig, PartitionId, SystemConfig};
use crate::console::Console;
use crate::guest::Guest;
use crate::linux::{self, Linux};
use crate::loader::{LoadError, Segment};
use crate::machine::{Abi, Counters};
use crate::outcome::{Crash, Outcome};
use crate::paravirtual::Paravirtual;
use crate::record::EventLog;
use crate::seeded_faults::{Fault, seeded};
use crate::shared_areas::{Mapping, SharedAreas};
use emulator::cpu::control;
use emulator::{CpuProfile, FrameNumber, Interpreter, PAGE_BYTES, PhysicalMemory, Settings, Statistics};
use serde::{Deserialize, Serialize};

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
    /// How its interpreters before the last restart worked.
    pub(crate) engines_before: Statistics,
    /// Units that it executed. Idling adds none.
    pub(crate) executed: u64,
    /// Instructions that retired.
    pub(crate) retired: u64,
    /// Units that loading its image still takes, after a restart.
    pub(crate) loading: u64,
    /// It has run since it was started.
    pub(crate) has_run: bool,
    /// Its last start kept memory.
    pub(crate) kept_memory: bool,
    /// What it did.
    pub(crate) counters: Counters,
    /// How it ended.
    pub(crate) outcome: Option<Outcome>,
    /// Where the run was then.
    pub(crate) ending: Option<Ending>,
    /// What it cannot go on after, until the health monitor has answered.
    pub(crate) incident: Option<Box<Crash>>,
    /// How many units it had executed when its deadlock was answered and it went on waiting.
    pub(crate) told_of_deadlock: Option<u64>,
    /// When the oldest console output that was not handed out was written.
    pub(crate) output_since: Option<u64>,
    /// Whether the caller knows that it reads the console.
    pub(crate) input: InputState,
}

/// Where a run was when one of its partitions ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ending {
    /// Units that all partitions had executed.
    pub executed_by_all: u64,
    /// Virtual time in nanoseconds.
    pub now_ns: u64,
}

/// Whether the caller knows that a guest reads its console.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    pub fn new(
        id: PartitionId,
        system: &SystemConfig,
        clock: &Clock,
        shared: &SharedAreas,
    ) -> Result<Self, LoadError> {
        let config = &system.partitions[id.index()];
        let plan = Loading { id, config, clock, shared: &shared.mappings(&system.shared_areas, id) };
        let (guest, personality) = plan.start(Start::default(), PhysicalMemory::new())?;
        let mut partition = Self {
            id,
            guest,
            personality,
            engine: Interpreter::new(Settings { profile: config.profile, ..system.engine }),
            engines_before: Statistics::default(),
            executed: 0,
            retired: 0,
            loading: 0,
            has_run: false,
            kept_memory: false,
            counters: Counters::default(),
            outcome: None,
            ending: None,
            incident: None,
            told_of_deadlock: None,
            output_since: None,
            input: InputState::Unasked,
        };
        if !config.console_input {
            partition.input = InputState::Known;
            *partition.console_mut() = Console::without_input();
        }
        Ok(partition)
    }

    /// Starts it again. Its console, its counters and its accounts of events stay. It costs the partition a unit for each
    /// page of its memory, before its first instruction: restarts in a loop use up limits.
    ///
    /// # Errors
    /// The host has not enough memory; the partition has then lost what it had.
    pub(crate) fn restart(
        &mut self,
        system: &SystemConfig,
        clock: &Clock,
        shared: &SharedAreas,
        start_as: Start,
        log: &mut EventLog,
    ) -> Result<(), LoadError> {
        let config = &system.partitions[self.id.index()];
        // What it would find is there already: whoever starts others again in a loop does not load them each time.
        if !self.has_run
            && (start_as.keeps_memory() || !self.kept_memory)
            && let Personality::Paravane(paravirtual) = &mut self.personality
        {
            boot::tell_start(&mut self.guest, start_as);
            paravirtual.publish_time(&mut self.guest, clock);
            self.begin(config);
            return Ok(());
        }
        let keeps = match start_as.keeps_memory() {
            true => !seeded(Fault::WarmRestartClears),
            false => seeded(Fault::ColdRestartKeeps),
        };
        let memory =
            PhysicalMemory::again(&mut self.guest.memory, |frame| keeps && is_outside_image(config, frame));
        let plan =
            Loading { id: self.id, config, clock, shared: &shared.mappings(&system.shared_areas, self.id) };
        let (guest, mut personality) = plan.start(start_as, memory)?;
        if let (Personality::Paravane(old), Personality::Paravane(new)) =
            (&mut self.personality, &mut personality)
        {
            let mut shared = old.shared(&mut self.guest);
            old.ports.restart(&mut shared, log);
            std::mem::swap(&mut old.ports, &mut new.ports);
            std::mem::swap(&mut old.console, &mut new.console);
            if seeded(Fault::RestartKeepsPorts) {
                std::mem::swap(&mut old.message_ports, &mut new.message_ports);
            }
        }
        self.guest = guest;
        self.personality = personality;
        self.engines_before = self.engine_statistics();
        self.engine = Interpreter::new(Settings { profile: config.profile, ..system.engine });
        self.kept_memory = start_as.keeps_memory();
        self.counters.loads += 1;
        self.begin(config);
        Ok(())
    }

    fn begin(&mut self, config: &PartitionConfig) {
        self.loading = config.memory_bytes / u64::from(PAGE_BYTES);
        self.has_run = false;
        self.outcome = None;
        self.ending = None;
        self.incident = None;
        self.told_of_deadlock = None;
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
}

/// What a partition's image is loaded with.
struct Loading<'a> {
    id: PartitionId,
    config: &'a PartitionConfig,
    clock: &'a Clock,
    shared: &'a [Mapping],
}

impl Loading<'_> {
    /// Loads the image into memory that has no frame yet.
    fn start(&self, start: Start, memory: PhysicalMemory) -> Result<(Guest, Personality), LoadError> {
        let Self { id, config, clock, shared } = *self;
        let (mut guest, personality) = match config.abi {
            Abi::Paravane => {
                let command_line = config.arguments.join(" ");
                let plan = BootPlan { id, command_line: &command_line, config, shared, start };
                let (guest, paravirtual) = boot::boot(&plan, clock, memory)?;
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
        if config.umip && !seeded(Fault::IgnoresUmip) {
            guest.cpu.system.cr4 |= control::CR4_UMIP;
        }
        if let Personality::Paravane(paravirtual) = &personality {
            paravirtual.publish_registers(&mut guest);
        }
        Ok((guest, personality))
    }
}

/// Whether a frame is of RAM that no segment covers: a warm start keeps it. By its frame: the guest may have mapped RAM
/// elsewhere.
fn is_outside_image(config: &PartitionConfig, frame: FrameNumber) -> bool {
    let offset = boot::ram_offset(frame);
    let (start, end) = (u64::from(RAM_BASE) + offset, u64::from(RAM_BASE) + offset + u64::from(PAGE_BYTES));
    let covers = |segment: &Segment| u64::from(segment.address) < end && start < segment.end();
    offset < config.memory_bytes && !config.image.segments.iter().any(covers)
}
