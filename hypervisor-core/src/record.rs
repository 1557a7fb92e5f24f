//! What a machine tells about a run, as plain data: each instruction, and each event between instructions.
//!
//! Not here: text, files, formats. A recorder of `tools/trace` makes them.

use crate::abi::EventPort;
use crate::clock::Rate;
use crate::config::PartitionId;
use crate::health::{HealthAction, HealthEvent};
use crate::ledger::{DropReason, Source};
use crate::machine::Abi;
use crate::outcome::CrashReason;
use emulator::{ExecutedBlocks, Step, Told};
use serde::{Deserialize, Serialize};

/// A point of a run: the instruction with this number is the next to start, or starts here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Whose run this is.
    pub partition: PartitionId,
    /// Units that the partition has executed before; the first instruction is number 0. Idling adds none.
    pub instruction: u64,
    /// Units of virtual time since the machine started.
    pub unit: u64,
    /// Virtual time in nanoseconds since the machine started: that of `unit`.
    pub now_ns: u64,
}

/// Is told of everything that happens in a run. It changes nothing: a recorded run ends in the same state as an
/// unrecorded one.
pub trait Recorder {
    /// What it is to be told: asked each time that the machine is run.
    fn wanted(&self) -> Wanted {
        Wanted::Instructions
    }

    /// One instruction, or one iteration of a REP, retired. INT n that became a call or a trap is reported too.
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>);

    /// Instructions of blocks retired, the first of them at `stamp`; told in place of [`Recorder::instruction`]. What the
    /// processor did not do by itself, as a call, is told as an instruction all the same.
    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let _ = (stamp, blocks);
    }

    /// Something happened that is no instruction. What an instruction caused follows the instruction.
    fn event(&mut self, stamp: Stamp, event: &Event);

    /// Somebody before this recorder left out what this partition did up to here. A run has no such gaps; filters make
    /// them, and none of them keeps quiet about it.
    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let _ = (stamp, elision);
    }
}

/// What a recorder is to be told of a run; each includes what stands before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Wanted {
    /// Nothing, which costs nothing.
    #[default]
    Nothing,
    /// Events. They cost next to nothing: the processor runs as if nobody watched.
    Events,
    /// And blocks of instructions: which ran, and nothing of what they did.
    Blocks,
    /// And ESP at the beginning of each block.
    BlocksAndStack,
    /// And each instruction, in place of blocks.
    Instructions,
}

impl Wanted {
    /// What the processor is to tell for it, if anything.
    pub(crate) fn told(self) -> Option<Told> {
        match self {
            Self::Nothing | Self::Events => None,
            Self::Blocks => Some(Told::Blocks),
            Self::BlocksAndStack => Some(Told::BlocksAndStack),
            Self::Instructions => Some(Told::Units),
        }
    }
}

/// Instructions and events of one partition that followed each other and were left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elision {
    /// The number of the first instruction that can be missing.
    pub since: u64,
    /// How many instructions are missing; each iteration of a REP is one.
    pub instructions: u64,
    /// How many events are missing.
    pub events: u64,
    /// Why.
    pub omission: Omission,
}

/// Why something was left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Omission {
    /// It is not what was asked for.
    Filter,
    /// The guest asked for it: `trace_stop`.
    Guest,
    /// Only the last records were asked for, and it came before them.
    Ring,
    /// The iterations of a REP: this stands for all of them.
    Repeat(Box<Repeat>),
    /// A loop went round in the same way as before.
    Loop {
        /// Address of the loop's first instruction.
        head: u32,
        /// How many whole turns are missing; the last one may have been left in its middle.
        turns: u64,
    },
}

/// What the iterations of one REP did together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeat {
    /// EIP of the instruction.
    pub eip: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The lowest and the highest address that were read.
    pub read: Option<(u32, u32)>,
    /// The lowest and the highest address that were written.
    pub written: Option<(u32, u32)>,
    /// The general registers before the first iteration.
    pub registers_before: [u32; 8],
    /// The general registers after the last one.
    pub registers_after: [u32; 8],
    /// EFLAGS before the first iteration.
    pub eflags_before: u32,
    /// EFLAGS after the last one.
    pub eflags_after: u32,
}

/// Records nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unrecorded;

impl Recorder for Unrecorded {
    fn wanted(&self) -> Wanted {
        Wanted::Nothing
    }

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, _: Stamp, _: &Event) {}
}

/// Something that is no instruction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A hypercall, or a Linux system call. What it caused follows.
    Call {
        /// Whose numbers these are.
        abi: Abi,
        /// EAX at the gate.
        number: u32,
        /// EBX, ECX, EDX, ESI, EDI at the gate.
        arguments: [u32; 5],
        /// EAX afterwards; None if the call does not return to the instruction after it.
        result: Option<u32>,
        /// Where the guest called: the return address if the gate is in the hypercall page, else the gate's address.
        caller: u32,
    },
    /// A source raised an event.
    EventRaised {
        /// The source.
        source: Source,
        /// The port that is bound to it.
        port: Option<EventPort>,
        /// How many at once, at least 1.
        count: u64,
        /// What became of them.
        fate: Fate,
    },
    /// An event that was pending was announced by the upcall that follows.
    EventDelivered {
        /// Its source.
        source: Source,
        /// Its port.
        port: EventPort,
    },
    /// The guest took a pending event without an upcall; seen here, it happened before.
    EventTaken {
        /// Its source.
        source: Source,
        /// Its port.
        port: EventPort,
    },
    /// A pending event will never be delivered.
    EventDropped {
        /// Its source.
        source: Source,
        /// How many.
        count: u64,
        /// Why.
        reason: DropReason,
    },
    /// An upcall was pushed on the guest's stack.
    Upcall {
        /// The interrupted EIP, in the frame.
        eip: u32,
        /// The upcall entry.
        handler: u32,
    },
    /// An exception or an INT n was pushed on the guest's stack.
    Trap {
        /// The vector.
        vector: u8,
        /// The error code, if the frame has one.
        error_code: Option<u32>,
        /// CR2, for #PF.
        address: Option<u32>,
        /// EIP in the frame.
        eip: u32,
        /// The handler.
        handler: u32,
    },
    /// The `iret` call restored a frame.
    InterruptReturn {
        /// The EIP that the guest continues at.
        eip: u32,
        /// Whether upcalls are enabled now.
        interrupts: bool,
    },
    /// A privileged instruction was done in the guest's place: told once for each place.
    Settled {
        /// Where it stands.
        eip: u32,
        /// Its disassembly.
        text: String,
    },
    /// The guest waits and time skips to this instant.
    Idle {
        /// Virtual time in nanoseconds at which it goes on.
        until_ns: u64,
    },
    /// The guest marked this point.
    Mark {
        /// Its number for it.
        id: u32,
        /// Its value.
        payload: u32,
    },
    /// The guest wants its instructions shown again.
    TraceStart,
    /// The guest wants its instructions left out.
    TraceStop,
    /// The guest wrote to its console.
    ConsoleOutput(Vec<u8>),
    /// Input arrived for the guest's console.
    ConsoleInput(Vec<u8>),
    /// The guest's console input has ended.
    ConsoleEnd,
    /// A window of the partition begins.
    WindowStart {
        /// The schedule plan.
        plan: u32,
        /// The window's place in it.
        window: u32,
    },
    /// A window of the partition ends.
    WindowEnd {
        /// The schedule plan.
        plan: u32,
        /// The window's place in it.
        window: u32,
    },
    /// The partition starts again.
    Restart {
        /// One of `start_info::START_...`.
        condition: u32,
        /// How often it was started again.
        restart_count: u32,
    },
    /// The health monitor answers an event.
    Health {
        /// What happened.
        event: HealthEvent,
        /// What is done.
        action: HealthAction,
    },
    /// The guest wrote a message: on a sampling channel the last one is gone, on a queue it takes up a place.
    MessageWritten {
        /// The channel, by its place in the configuration.
        channel: u16,
        /// Its length in bytes.
        length: u32,
        /// Readers can see it now; else after a flush.
        visible: bool,
    },
    /// Readers can see what the guest wrote before.
    MessagesFlushed {
        /// The channel.
        channel: u16,
        /// How many messages.
        count: u64,
    },
    /// The guest received a message, or read a sample.
    MessageReceived {
        /// The channel.
        channel: u16,
        /// Its length in bytes.
        length: u32,
    },
    /// Messages that nobody will receive: an end started again, or the receiver cleared its queue.
    MessagesDropped {
        /// The channel.
        channel: u16,
        /// How many.
        count: u64,
    },
    /// The guest crashed and its partition stops.
    Crash {
        /// What happened.
        reason: CrashReason,
        /// EIP at which it happened.
        eip: u32,
    },
}

/// What became of a raised event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fate {
    /// The port is pending now and was not before; of several at once, all but one were coalesced.
    Pending,
    /// As `Pending`, but the port is masked: no upcall comes of it before it is unmasked.
    Masked,
    /// The port was pending already.
    Coalesced,
    /// Nobody will see it.
    Dropped(DropReason),
}

/// Events that a part of the machine noted and that were not yet handed to the recorder, and the instant at which they
/// happen.
#[derive(Debug, Default)]
pub struct EventLog {
    wanted: Wanted,
    events: Vec<Event>,
    rate: Rate,
    now: u64,
}

impl EventLog {
    /// A log for a recorder that wants this.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// A log of nothing, for a clock of this rate.
    #[must_use]
    pub fn at_rate(rate: Rate) -> Self {
        Self { rate, ..Self::default() }
    }

    /// Virtual time passed to this unit.
    pub fn set_now(&mut self, unit: u64) {
        self.now = unit;
    }

    /// The unit at which things happen now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The unit of an instant, or now if it is to come.
    #[must_use]
    pub fn past_unit(&self, instant_ns: u64) -> u64 {
        self.rate.first_unit_at(instant_ns).min(self.now)
    }

    /// Nanoseconds from a unit to now.
    #[must_use]
    pub fn nanoseconds_since(&self, unit: u64) -> u64 {
        self.rate.nanoseconds(self.now.saturating_sub(unit))
    }

    /// Notes an event; `event` is not called when nobody listens.
    #[inline]
    pub fn note(&mut self, event: impl FnOnce() -> Event) {
        if self.wanted >= Wanted::Events {
            self.events.push(event());
        }
    }

    /// Notes an event before all that are held: the cause of what it caused.
    #[inline]
    pub fn note_cause(&mut self, event: impl FnOnce() -> Event) {
        if self.wanted >= Wanted::Events {
            self.events.insert(0, event());
        }
    }

    /// What the recorder wants.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Another recorder listens; what the log holds stays.
    pub fn set_wanted(&mut self, wanted: Wanted) {
        self.wanted = wanted;
    }

    /// Removes the events in the order in which they were noted.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }
}
