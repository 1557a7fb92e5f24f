//! Memory: frames, the pages that map them, and translations that make access fast.

mod address_space;
mod physical;
mod translation;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use address_space::Intent;
pub use address_space::{AddressSpace, MemoryError, PageFault, Rights};
pub(crate) use physical::GRANULE_BYTES;
pub use physical::{FrameNumber, PhysicalMemory, SharedMemory};
pub(crate) use translation::Word;

/// Bytes in a page and in a frame.
pub const PAGE_BYTES: u32 = 4096;

/// A number that no other value of this process has: it tells memories and mappings apart, and nothing depends on
/// which one it is.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub(crate) struct Identity(u64);

impl Identity {
    /// The identity of no memory and no mapping.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl Default for Identity {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The bits of an address that lie within a page.
pub(crate) const PAGE_OFFSET: u32 = PAGE_BYTES - 1;
