//! What a system is made of, as plain data: partitions, plans, channels, ports, areas, lines, health.
//!
//! Not here: the system file, which `tools/system-file` reads and checks.

use crate::clock::Rate;
use crate::health::{HealthEvent, HealthTable};
use crate::loader::Image;
use crate::machine::Abi;
use crate::schedule::{Plan, PlanSwitch};
use emulator::{CpuProfile, Settings};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A partition's place in [`SystemConfig::partitions`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionId(pub u16);

/// A plan's place in [`SystemConfig::plans`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlanId(pub u16);

impl PartitionId {
    /// As a place in a list.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl PlanId {
    /// As a place in a list.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The most partitions of a system.
pub const PARTITIONS_MOST: usize = 1024;

/// How often a partition is started again unless its configuration says otherwise.
pub const RESTARTS_DEFAULT: u32 = 3;

/// A system: its parts refer to each other by place.
#[derive(Clone, Debug, Default)]
pub struct SystemConfig {
    /// How fast virtual time passes.
    pub rate: Rate,
    /// The partitions; at least one.
    pub partitions: Vec<PartitionConfig>,
    /// The schedule plans; the system starts with the first. None: the one partition always runs.
    pub plans: Vec<Plan>,
    /// When a plan that was asked for begins.
    pub plan_switch: PlanSwitch,
    /// Event channels between partitions.
    pub event_channels: Vec<EventChannel>,
    /// Sampling and queuing ports.
    pub message_channels: Vec<MessageChannel>,
    /// Memory that partitions share.
    pub shared_areas: Vec<SharedArea>,
    /// Interrupt lines of the board.
    pub lines: Vec<Line>,
    /// Interrupts that come by themselves.
    pub injections: Vec<Injection>,
    /// What is done about events that a partition's own table escalates.
    pub health: HealthTable,
    /// A person is at the console: idle time is not skipped but handed to the caller.
    pub interactive: bool,
    /// How the interpreter works; nothing that a guest can see. Its profile is that of the partitions.
    pub engine: Settings,
}

/// One partition.
#[derive(Clone, Debug)]
pub struct PartitionConfig {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: Arc<Image>,
    /// For which system the image was built.
    pub abi: Abi,
    /// How much memory it has, in bytes: a multiple of 4096.
    pub memory_bytes: u64,
    /// Whether memory that no segment of the image covers may be executed.
    pub memory_is_executable: bool,
    /// Its arguments; joined by blanks they are its command line.
    pub arguments: Vec<String>,
    /// A file that it finds in its start information.
    pub boot_module: Option<Arc<Vec<u8>>>,
    /// Its processor.
    pub profile: CpuProfile,
    /// What becomes of its privileged instructions.
    pub privileged: PrivilegedPolicy,
    /// CR4.UMIP: SGDT, SIDT, SLDT, STR and SMSW are privileged.
    pub umip: bool,
    /// I/O ports that it may use.
    pub io_ports: Vec<RangeInclusive<u16>>,
    /// What it may do to others.
    pub rights: PartitionRights,
    /// It reads the console's input.
    pub console_input: bool,
    /// What is done about its errors.
    pub health: HealthTable,
    /// How often it is started again at most before a restart becomes a halt.
    pub restarts_most: u32,
    /// How many calls may fail within a period before that is an event.
    pub illegal_calls: Option<CallRate>,
    /// Why it cannot be started. Its image is then not loaded, and the health monitor answers this whenever it is started.
    pub cannot_start: Option<HealthEvent>,
}

impl PartitionConfig {
    /// A partition of this image with everything else as it is by default.
    #[must_use]
    pub fn new(name: &str, image: Arc<Image>) -> Self {
        Self {
            name: name.to_owned(),
            image,
            abi: Abi::Paravane,
            memory_bytes: Abi::Paravane.default_memory_bytes(),
            memory_is_executable: false,
            arguments: Vec::new(),
            boot_module: None,
            profile: CpuProfile::default(),
            privileged: PrivilegedPolicy::default(),
            umip: false,
            io_ports: Vec::new(),
            rights: PartitionRights::default(),
            console_input: true,
            health: HealthTable::default(),
            restarts_most: RESTARTS_DEFAULT,
            illegal_calls: None,
            cannot_start: None,
        }
    }
}

/// A rate of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallRate {
    /// Calls.
    pub most: u32,
    /// Within this time, in nanoseconds.
    pub period_ns: u64,
}

/// What becomes of privileged instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash)]
pub enum PrivilegedPolicy {
    /// They are #GP for the guest, as on a processor.
    #[default]
    Reflect,
    /// The core does them on the fake registers, and warns once for each site.
    Settle,
}

/// What a partition may do to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PartitionRights {
    /// Read the status of other partitions.
    pub status: bool,
    /// Suspend, resume, restart and halt other partitions.
    pub control: bool,
    /// Ask for another plan.
    pub plans: bool,
    /// Read the health log.
    pub health_log: bool,
}

/// When what was sent is seen by its receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash)]
pub enum Flush {
    /// At once.
    #[default]
    Immediate,
    /// At the end of the sender's window.
    Window,
    /// At the end of the major frame.
    Frame,
}

/// An event channel: `from` sends, `to` is told on an event port. Both know it by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventChannel {
    /// Its name.
    pub name: String,
    /// Who sends.
    pub from: PartitionId,
    /// Who is told.
    pub to: PartitionId,
    /// When.
    pub flush: Flush,
}

/// A channel of messages: its ends are message ports of its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageChannel {
    /// Its name.
    pub name: String,
    /// What kind.
    pub kind: MessageKind,
    /// The longest message in bytes, at least 1.
    pub message_bytes: u32,
    /// Who writes.
    pub from: PartitionId,
    /// Who reads; exactly one for a queuing port.
    pub to: Vec<PartitionId>,
    /// When the readers see what was written.
    pub flush: Flush,
}

/// The kinds of message ports (ARINC 653 Part 1, 2.3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    /// The last message counts; it is valid for this time.
    Sampling {
        /// In nanoseconds.
        refresh_ns: u64,
    },
    /// Each message is received once.
    Queuing {
        /// How many messages wait at most.
        depth: u32,
        /// Which is received first.
        discipline: Discipline,
    },
}

/// Which message of a queue is received first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash)]
pub enum Discipline {
    /// The oldest.
    #[default]
    Fifo,
    /// The most urgent; of equals the oldest.
    Priority,
}

/// Memory that several partitions see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedArea {
    /// Its name.
    pub name: String,
    /// Its length in bytes: a multiple of 4096.
    pub bytes: u32,
    /// Who sees it, and whether they may write. It can never be executed.
    pub members: Vec<(PartitionId, bool)>,
}

/// An interrupt line of the board.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Whose interrupt it is; None: it is counted and reported.
    pub owner: Option<PartitionId>,
}

/// Interrupts of a line that come by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Injection {
    /// The line's number.
    pub line: u32,
    /// When the first comes, in nanoseconds.
    pub at_ns: u64,
    /// After what time each further one comes, in nanoseconds; at least 1 if there is more than one.
    pub every_ns: u64,
    /// How many come.
    pub count: u64,
}
