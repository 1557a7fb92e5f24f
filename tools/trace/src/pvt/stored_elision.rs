//! What a frame of addresses or of instructions says of those that are not in it. docs/TRACE-FILE.md has the form.

use super::is_instruction;
use hypervisor_core::{Elision, Omission, Stamp};
use serde::{Deserialize, Serialize};

/// Instructions that were left out, right before the place at which it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredElision {
    /// How many numbers of instructions it reaches back; a fault takes one, too.
    pub numbers: u64,
    /// How many instructions.
    pub instructions: u64,
    /// Why.
    pub why: StoredOmission,
}

/// Why instructions were left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StoredOmission {
    /// They are not what the filter in the header asks for.
    Filter,
    /// The guest asked for it: `trace_stop`.
    Guest,
    /// The iterations of a REP, for all of which this stands.
    Repeat {
        /// Where it stands.
        eip: u32,
        /// Its bytes.
        bytes: Vec<u8>,
        /// The lowest and the highest address that were read.
        read: Option<(u32, u32)>,
        /// The lowest and the highest address that were written.
        written: Option<(u32, u32)>,
    },
    /// Turns of a loop that went the same way as those before.
    Loop {
        /// Its first instruction.
        head: u32,
        /// How many whole turns.
        turns: u64,
    },
}

impl StoredElision {
    /// Whether a machine can have made it.
    pub(super) fn is_possible(&self) -> bool {
        match &self.why {
            StoredOmission::Repeat { bytes, .. } => is_instruction(bytes),
            StoredOmission::Filter | StoredOmission::Guest | StoredOmission::Loop { .. } => true,
        }
    }

    /// That of an elision that is told of at `stamp`; None if no instruction is missing, for all events are in the file.
    #[must_use]
    pub fn of(stamp: Stamp, elision: &Elision) -> Option<Self> {
        let why = match &elision.omission {
            // Only the last ones are asked for of what was recorded, and not while it is.
            Omission::Filter | Omission::Ring => StoredOmission::Filter,
            Omission::Guest => StoredOmission::Guest,
            Omission::Repeat(repeat) => StoredOmission::Repeat {
                eip: repeat.eip,
                bytes: repeat.bytes.clone(),
                read: repeat.read,
                written: repeat.written,
            },
            Omission::Loop { head, turns } => StoredOmission::Loop { head: *head, turns: *turns },
        };
        let numbers = stamp.instruction.saturating_sub(elision.since);
        (elision.instructions > 0).then_some(Self { numbers, instructions: elision.instructions, why })
    }
}
