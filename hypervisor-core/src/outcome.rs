//! How a run ended, as data. Not here: text and exit statuses, which the command line makes.

use crate::config::PartitionId;
use crate::health::HealthEvent;
use emulator::{Cpu, Exception};
use serde::{Deserialize, Serialize};

/// Why the machine returned to its caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Console output, or errors of a Linux program, wait to be taken, or the health log grew. Run again.
    Output,
    /// The slice of [`crate::Limits::slice_units`] is over. Run again.
    Slice,
    /// The guest asks for console input, for the first time, and none was given. Give what there is, or nothing yet, and
    /// run again.
    InputWanted,
    /// The guest waits. Without `until_units` only console input, or its end, can wake it. Give input, or skip the
    /// time, and run again.
    Idle {
        /// The unit at which it wakes by itself.
        until_units: Option<u64>,
    },
    /// The run is over. Running again gives the same answer.
    Finished(Outcome),
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The guest shut down with this code.
    Shutdown {
        /// The code; 0 means success.
        code: u32,
    },
    /// `--max-instructions` or `--max-time` ran out.
    LimitReached(Limit),
    /// The guest crashed.
    Crashed(Box<Crash>),
    /// The partition stopped itself without a code, or another one stopped it.
    Halted,
    /// The health monitor stopped the partition for something that it could have survived.
    StoppedByHealth {
        /// What.
        event: HealthEvent,
    },
    /// The health monitor stopped the whole system.
    SystemHalted {
        /// The partition in which it happened.
        partition: PartitionId,
        /// What.
        event: HealthEvent,
    },
    /// The guest came to an instruction that the emulator does not have.
    Unimplemented {
        /// Its address.
        eip: u32,
        /// Its bytes.
        bytes: Vec<u8>,
        /// Its disassembly.
        text: String,
    },
}

/// Which limit ended a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Limit {
    /// Executed units.
    Instructions,
    /// Virtual time.
    Time,
}

/// A crash of the guest. EIP, ESP and everything else as they were.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Crash {
    /// What happened.
    pub reason: CrashReason,
    /// The processor at that point.
    pub cpu: Cpu,
    /// The bytes from EIP, as far as they are mapped; 15 at most.
    pub code: Vec<u8>,
    /// The words from ESP upwards, with their addresses, as far as they are mapped; 16 at most.
    pub stack: Vec<(u32, u32)>,
    /// Units executed before.
    pub instruction: u64,
}

/// What crashed a guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CrashReason {
    /// An exception for which the guest set no handler.
    Unhandled(Exception),
    /// The frame of an exception or an INT n could not be pushed on the guest's stack.
    TrapFrame {
        /// The vector.
        vector: u8,
        /// Its error code, 0 if it has none.
        error_code: u32,
        /// The first address of the frame that may not be written.
        address: u32,
    },
    /// The frame of an upcall could not be pushed on the guest's stack.
    UpcallFrame {
        /// The first address of the frame that may not be written.
        address: u32,
    },
    /// The guest waits and nothing can ever wake it.
    Deadlock,
}

/// One of the last instructions before a crash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrailEntry {
    /// Its number.
    pub instruction: u64,
    /// Its address.
    pub eip: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many iterations of a REP in a row it stands for; 1 for other instructions.
    pub iterations: u64,
}
