//! Memory: frames, the pages that map them, and translations that make access fast.

mod address_space;
mod physical;
mod translation;

pub use address_space::{AddressSpace, MemoryError, PageFault, Rights};
pub(crate) use address_space::{Intent, Withheld};
pub use physical::{FrameNumber, PhysicalMemory};
pub(crate) use translation::Word;

/// Bytes in a page and in a frame.
pub const PAGE_BYTES: u32 = 4096;

/// The bits of an address that lie within a page.
pub(crate) const PAGE_OFFSET: u32 = PAGE_BYTES - 1;
