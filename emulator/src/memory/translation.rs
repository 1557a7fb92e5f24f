//! Translations: a software TLB, direct-mapped by page, that makes an allowed access one compare and one move.
//!
//! An entry exists only if the access needs nothing else: no rights check, no code mark, no watch, no log.

#![allow(unsafe_code)] // The fast path of every access: see docs/decisions/0001-unsafe.md.

use super::{FrameNumber, PAGE_OFFSET, PhysicalMemory};

const ENTRIES: usize = 512;
/// A tag that no access has: a page's address has its low bits clear.
const EMPTY: u32 = 1;

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Linear address of the page, or [`EMPTY`].
    tag: u32,
    /// What to add to a linear address to get the host address.
    addend: usize,
}

/// One table, for reads or for writes.
#[derive(Debug)]
pub(super) struct Translations {
    entries: Box<[Entry; ENTRIES]>,
}

/// An integer that memory holds: little-endian, any alignment.
pub(crate) trait Word: Copy + Into<u64> {
    const BYTES: u32;

    /// The low bits of `value`.
    fn truncate(value: u64) -> Self;
}

macro_rules! words {
    ($($word:ident)*) => {$(
        impl Word for $word {
            const BYTES: u32 = ($word::BITS / 8);

            #[inline(always)]
            fn truncate(value: u64) -> Self {
                value as Self
            }
        }
    )*};
}
words!(u8 u16 u32 u64);

impl Translations {
    pub(super) fn new() -> Self {
        Self { entries: Box::new([Entry { tag: EMPTY, addend: 0 }; ENTRIES]) }
    }

    pub(super) fn clear(&mut self) {
        self.entries.fill(Entry { tag: EMPTY, addend: 0 });
    }

    pub(super) fn insert(&mut self, page: u32, frame: FrameNumber, memory: &PhysicalMemory) {
        let addend = (memory.host_address(frame) as usize).wrapping_sub(page as usize);
        self.entries[index(page)] = Entry { tag: page, addend };
    }

    /// The host address of all bytes of an access, if there is a translation and it does not cross a page.
    #[inline(always)]
    fn host_address<W: Word>(&self, address: u32) -> Option<*mut W> {
        let entry = &self.entries[index(address)];
        // The last byte's page: an access that crosses into the next page finds another tag.
        if entry.tag == address.wrapping_add(W::BYTES - 1) & !PAGE_OFFSET {
            Some((address as usize).wrapping_add(entry.addend) as *mut W)
        } else {
            None
        }
    }

    #[inline(always)]
    pub(super) fn load<W: Word>(&self, address: u32) -> Option<W> {
        let host = self.host_address::<W>(address)?;
        // SAFETY: an entry points at a live frame of the memory that this run holds exclusively.
        Some(unsafe { host.read_unaligned() })
    }

    #[inline(always)]
    pub(super) fn store<W: Word>(&self, address: u32, value: W) -> Option<()> {
        let host = self.host_address::<W>(address)?;
        // SAFETY: as in `load`; no Rust reference to guest bytes exists.
        unsafe { host.write_unaligned(value) };
        Some(())
    }
}

#[inline(always)]
fn index(address: u32) -> usize {
    (address >> 12) as usize % ENTRIES
}
