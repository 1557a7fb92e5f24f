//! What a system call did beside its result, for those who follow the program elsewhere.

use emulator::Rights;
use serde::{Deserialize, Serialize};

/// A change that a system call made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// It wrote into the program's memory.
    Wrote {
        /// The first byte.
        address: u32,
        /// How many.
        length_bytes: u32,
    },
    /// Pages are there that were not.
    Mapped {
        /// The first byte.
        address: u32,
        /// A multiple of the page size.
        length_bytes: u32,
        /// What the program may do there.
        rights: Rights,
    },
    /// Pages are gone.
    Unmapped {
        /// The first byte.
        address: u32,
        /// A multiple of the page size.
        length_bytes: u32,
    },
    /// Pages have other rights.
    Protected {
        /// The first byte.
        address: u32,
        /// A multiple of the page size.
        length_bytes: u32,
        /// What the program may do there.
        rights: Rights,
    },
    /// A segment for thread-local storage was set.
    ThreadArea {
        /// Its number in the descriptor table.
        entry: u32,
        /// What Linux calls `user_desc`: entry, base, limit, flags.
        words: [u32; 4],
    },
}
