//! Translations: a software TLB, direct-mapped by page, that makes an allowed access one compare and one move.
//!
//! An entry exists only if the access needs nothing else: no rights check, no code mark, no watch. In a logged run
//! entries have another tag, which only the path that logs the access looks for.

#![allow(unsafe_code)] // The fast path of every access: see docs/decisions/0001-unsafe.md.

use super::{FrameNumber, PAGE_OFFSET, PhysicalMemory};

const ENTRIES: usize = 512;
/// A tag that no access has: a page's address has its low bits clear.
const EMPTY: u32 = 1;
/// In the tag of an entry of a logged run.
const LOGGED: u32 = 2;

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

    pub(super) fn insert(&mut self, page: u32, frame: FrameNumber, memory: &PhysicalMemory, is_logged: bool) {
        let addend = (memory.host_address(frame) as usize).wrapping_sub(page as usize);
        let tag = if is_logged { page | LOGGED } else { page };
        self.entries[index(page)] = Entry { tag, addend };
    }

    /// The host address of all bytes of an access, if there is a translation and it does not cross a page.
    #[inline(always)]
    fn host_address<W: Word, const TAG: u32>(&self, address: u32) -> Option<*mut W> {
        let entry = &self.entries[index(address)];
        // The last byte's page: an access that crosses into the next page finds another tag.
        if entry.tag == address.wrapping_add(W::BYTES - 1) & !PAGE_OFFSET | TAG {
            Some((address as usize).wrapping_add(entry.addend) as *mut W)
        } else {
            None
        }
    }

    #[inline(always)]
    pub(super) fn load<W: Word>(&self, address: u32) -> Option<W> {
        let host = self.host_address::<W, 0>(address)?;
        // SAFETY: an entry points at a live frame of the memory that this run holds exclusively.
        Some(unsafe { host.read_unaligned() })
    }

    #[inline(always)]
    pub(super) fn store<W: Word>(&self, address: u32, value: W) -> Option<()> {
        let host = self.host_address::<W, 0>(address)?;
        // SAFETY: as in `load`; no Rust reference to guest bytes exists.
        unsafe { host.write_unaligned(value) };
        Some(())
    }
}

impl Translations {
    /// The host address of `length` bytes that a logged run may access.
    #[inline]
    fn logged_address(&self, address: u32, length: u32) -> Option<*mut u8> {
        match length {
            1 => self.host_address::<u8, LOGGED>(address),
            2 => self.host_address::<u16, LOGGED>(address).map(<*mut u16>::cast),
            4 => self.host_address::<u32, LOGGED>(address).map(<*mut u32>::cast),
            8 => self.host_address::<u64, LOGGED>(address).map(<*mut u64>::cast),
            _ => None,
        }
    }

    /// As [`Translations::load`], in a logged run: `length` bytes, zero-extended.
    #[inline]
    pub(super) fn load_logged(&self, address: u32, length: u32) -> Option<u64> {
        let host = self.logged_address(address, length)?;
        let mut bytes = [0; 8];
        // SAFETY: as in `load`; the entry covers `length` bytes, at most 8.
        unsafe { host.copy_to_nonoverlapping(bytes.as_mut_ptr(), length as usize) };
        Some(u64::from_le_bytes(bytes))
    }

    /// As [`Translations::store`], in a logged run: the low `length` bytes of `value`.
    #[inline]
    pub(super) fn store_logged(&self, address: u32, length: u32, value: u64) -> Option<()> {
        let host = self.logged_address(address, length)?;
        // SAFETY: as in `store`; the entry covers `length` bytes, at most 8.
        unsafe { host.copy_from_nonoverlapping(value.to_le_bytes().as_ptr(), length as usize) };
        Some(())
    }
}

#[inline(always)]
fn index(address: u32) -> usize {
    (address >> 12) as usize % ENTRIES
}
