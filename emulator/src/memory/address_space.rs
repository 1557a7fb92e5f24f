//! Maps linear pages to frames with rights.

use super::translation::{Translations, Word};
use super::{FrameNumber, Identity, PAGE_BYTES, PAGE_OFFSET, PhysicalMemory};
use crate::{Attention, RunInputs, Watch};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What may be done with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Rights(u8);

impl Rights {
    /// Nothing: the page is not present.
    pub const NONE: Self = Self(0);
    /// Read.
    pub const READ: Self = Self(1);
    /// Write.
    pub const WRITE: Self = Self(2);
    /// Execute.
    pub const EXECUTE: Self = Self(4);
    /// Read and write.
    pub const READ_WRITE: Self = Self(3);
    /// Read and execute.
    pub const READ_EXECUTE: Self = Self(5);
    /// All three.
    pub const ALL: Self = Self(7);

    /// Bit 0 read, 1 write, 2 execute.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The rights of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `self` has all rights of `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl From<Rights> for u8 {
    fn from(rights: Rights) -> Self {
        rights.0
    }
}

impl TryFrom<u8> for Rights {
    type Error = &'static str;

    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        if bits <= Self::ALL.0 { Ok(Self(bits)) } else { Err("rights have three bits") }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (right, letter) in [(Self::READ, 'r'), (Self::WRITE, 'w'), (Self::EXECUTE, 'x')] {
            write!(f, "{}", if self.contains(right) { letter } else { '-' })?;
        }
        Ok(())
    }
}

/// What an access wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Intent {
    Read,
    Write,
    Fetch,
}

impl Intent {
    fn needs(self) -> Rights {
        match self {
            Self::Read => Rights::READ,
            Self::Write => Rights::WRITE,
            Self::Fetch => Rights::EXECUTE,
        }
    }
}

/// An access that a page refuses, as #PF reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageFault {
    /// The first refused linear address: CR2.
    pub address: u32,
    /// Bit 0 present, 1 write, 2 user (always set), 4 fetch (SDM Vol. 3, 4.7).
    pub error_code: u32,
}

/// Why the caller of [`AddressSpace::read`] or [`AddressSpace::write`] did not get at all bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryError {
    /// The first linear address without the right that was needed.
    pub address: u32,
}

/// Which translations may not be handed out, so that the slow path sees the access.
#[derive(Debug, Default)]
struct Withheld {
    /// All of them: alignment is checked.
    everything: bool,
    /// None, but those that are handed out are for the path that logs.
    logged: bool,
    /// Those for stores to its page.
    attention: Option<Attention>,
    /// Those for their pages.
    watches: Vec<Watch>,
}

impl Withheld {
    fn holds(&self, page: u32, intent: Intent) -> bool {
        let is_watched = |watch: &Watch| {
            let last = watch.address.saturating_add(watch.length_bytes.saturating_sub(1));
            (watch.address & !PAGE_OFFSET..=last).contains(&page)
        };
        let waits =
            |attention: Attention| intent == Intent::Write && attention.address & !PAGE_OFFSET == page;
        self.everything || self.attention.is_some_and(waits) || self.watches.iter().any(is_watched)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Page {
    frame: FrameNumber,
    rights: Rights,
}

type Leaf = Box<[Option<Page>; 1024]>;

/// The 4 GiB that one guest sees.
#[derive(Debug)]
pub struct AddressSpace {
    leaves: Box<[Option<Leaf>; 1024]>,
    mapping: Identity,
    /// The memory that the translations point into.
    translated: Identity,
    reads: Translations,
    writes: Translations,
    withheld: Withheld,
    code_marks_seen: u64,
}

impl Default for AddressSpace {
    fn default() -> Self {
        Self::new()
    }
}

impl AddressSpace {
    /// An address space in which every access faults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            leaves: Box::new([const { None }; 1024]),
            mapping: Identity::default(),
            translated: Identity::NONE,
            reads: Translations::new(),
            writes: Translations::new(),
            withheld: Withheld::default(),
            code_marks_seen: 0,
        }
    }

    /// Maps `count` pages from `address` to consecutive frames from `first`. Pages that were mapped are mapped anew.
    ///
    /// # Panics
    /// If `address` is no multiple of 4096, or the range wraps.
    pub fn map(&mut self, address: u32, count: u32, first: FrameNumber, rights: Rights) {
        for i in 0..count {
            let frame = FrameNumber(first.0 + i);
            self.set_page(page_address(address, i), Some(Page { frame, rights }));
        }
        self.note_change();
    }

    /// Removes `count` pages from `address`.
    ///
    /// # Panics
    /// If `address` is no multiple of 4096, or the range wraps.
    pub fn unmap(&mut self, address: u32, count: u32) {
        for i in 0..count {
            self.set_page(page_address(address, i), None);
        }
        self.note_change();
    }

    /// Gives those of `count` pages from `address` that are mapped other rights.
    ///
    /// # Panics
    /// If `address` is no multiple of 4096, or the range wraps.
    pub fn protect(&mut self, address: u32, count: u32, rights: Rights) {
        for i in 0..count {
            let address = page_address(address, i);
            if let Some((frame, _)) = self.page(address) {
                self.set_page(address, Some(Page { frame, rights }));
            }
        }
        self.note_change();
    }

    /// The mapped pages by address, each with its frame and rights.
    pub fn pages(&self) -> impl Iterator<Item = (u32, FrameNumber, Rights)> {
        let leaves = (0_u32..).zip(self.leaves.iter());
        let pages = leaves.filter_map(|(number, leaf)| Some((number << 22, leaf.as_ref()?)));
        pages.flat_map(|(base, leaf)| {
            let pages = (0_u32..).zip(leaf.iter());
            pages.filter_map(move |(number, page)| {
                page.map(|page| (base | number << 12, page.frame, page.rights))
            })
        })
    }

    /// The frame and the rights of the page that holds `address`.
    #[must_use]
    pub fn page(&self, address: u32) -> Option<(FrameNumber, Rights)> {
        let leaf = self.leaves[(address >> 22) as usize].as_ref()?;
        leaf[(address >> 12) as usize % 1024].map(|page| (page.frame, page.rights))
    }

    /// Reads bytes that the guest may read. Wraps at 4 GiB as the processor does.
    ///
    /// # Errors
    /// The first address that may not be read; `bytes` is then filled up to it.
    pub fn read(&self, memory: &PhysicalMemory, address: u32, bytes: &mut [u8]) -> Result<(), MemoryError> {
        self.read_with(memory, address, bytes, Rights::READ)
    }

    /// Reads mapped bytes, whatever their rights: for debuggers, traces and the core's own pages.
    ///
    /// # Errors
    /// The first address that is not mapped; `bytes` is then filled up to it.
    pub fn peek(&self, memory: &PhysicalMemory, address: u32, bytes: &mut [u8]) -> Result<(), MemoryError> {
        self.read_with(memory, address, bytes, Rights::NONE)
    }

    fn read_with(
        &self,
        memory: &PhysicalMemory,
        address: u32,
        bytes: &mut [u8],
        needs: Rights,
    ) -> Result<(), MemoryError> {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u32);
            let frame = self.frame_with(at, needs)?;
            let offset = at & PAGE_OFFSET;
            let length = (bytes.len() - done).min((PAGE_BYTES - offset) as usize);
            memory.read(frame, offset, &mut bytes[done..done + length]);
            done += length;
        }
        Ok(())
    }

    /// Writes bytes that the guest may write: all or none.
    ///
    /// # Errors
    /// The first address that may not be written; nothing was.
    pub fn write(&self, memory: &mut PhysicalMemory, address: u32, bytes: &[u8]) -> Result<(), MemoryError> {
        self.write_with(memory, address, bytes, Rights::WRITE)
    }

    /// Writes mapped bytes, whatever their rights: for the loader, debuggers and the core's own pages. All or none.
    ///
    /// # Errors
    /// The first address that is not mapped; nothing was written.
    pub fn poke(&self, memory: &mut PhysicalMemory, address: u32, bytes: &[u8]) -> Result<(), MemoryError> {
        self.write_with(memory, address, bytes, Rights::NONE)
    }

    fn write_with(
        &self,
        memory: &mut PhysicalMemory,
        address: u32,
        bytes: &[u8],
        needs: Rights,
    ) -> Result<(), MemoryError> {
        self.check(address, bytes.len(), needs)?;
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u32);
            let frame = self.frame_with(at, needs)?;
            let offset = at & PAGE_OFFSET;
            let length = (bytes.len() - done).min((PAGE_BYTES - offset) as usize);
            memory.write(frame, offset, &bytes[done..done + length]);
            done += length;
        }
        Ok(())
    }

    /// Whether `length` bytes from `address` are mapped with the rights `needs`.
    ///
    /// # Errors
    /// The first address that is not.
    pub fn check(&self, address: u32, length: usize, needs: Rights) -> Result<(), MemoryError> {
        let mut done = 0;
        while done < length {
            let at = address.wrapping_add(done as u32);
            self.frame_with(at, needs)?;
            done += (PAGE_BYTES - (at & PAGE_OFFSET)) as usize;
        }
        Ok(())
    }

    fn frame_with(&self, address: u32, needs: Rights) -> Result<FrameNumber, MemoryError> {
        match self.page(address) {
            Some((frame, rights)) if rights.contains(needs) => Ok(frame),
            _ => Err(MemoryError { address }),
        }
    }

    fn set_page(&mut self, address: u32, page: Option<Page>) {
        assert_eq!(address & PAGE_OFFSET, 0, "a page starts at a multiple of 4096");
        let leaf = self.leaves[(address >> 22) as usize].get_or_insert_with(|| Box::new([None; 1024]));
        leaf[(address >> 12) as usize % 1024] = page;
    }

    /// Once for a whole range: dropping translations clears whole tables.
    fn note_change(&mut self) {
        self.mapping = Identity::default();
        self.drop_translations();
    }

    /// Changes with every change of a mapping, and no other address space has it: decoded blocks and links are then
    /// stale.
    pub(crate) fn mapping(&self) -> Identity {
        self.mapping
    }

    pub(crate) fn drop_translations(&mut self) {
        self.reads.clear();
        self.writes.clear();
    }

    /// Prepares a run: drops translations that this run may not use. With `everything` it makes none.
    #[inline]
    pub(crate) fn prepare(
        &mut self,
        memory: &PhysicalMemory,
        inputs: &RunInputs<'_>,
        everything: bool,
        logged: bool,
    ) {
        let Withheld { everything: all, logged: noted, attention, watches } = &self.withheld;
        let agrees =
            (*all, *noted, *attention, &**watches) == (everything, logged, inputs.attention, inputs.watches);
        if !agrees || self.translated != memory.identity() {
            let (attention, watches) = (inputs.attention, inputs.watches.to_vec());
            self.withhold(memory, Withheld { everything, logged, attention, watches });
        }
        self.drop_stale_stores(memory);
    }

    #[cold]
    fn withhold(&mut self, memory: &PhysicalMemory, withheld: Withheld) {
        self.withheld = withheld;
        self.translated = memory.identity();
        self.drop_translations();
    }

    /// Drops store translations if a frame has come to hold code since the last call.
    #[inline]
    pub(crate) fn drop_stale_stores(&mut self, memory: &PhysicalMemory) {
        if self.code_marks_seen != memory.code_marks_made() {
            self.code_marks_seen = memory.code_marks_made();
            self.writes.clear();
        }
    }

    /// Loads by a translation; None says nothing but that there is none.
    #[inline(always)]
    pub(crate) fn load<W: Word>(&self, address: u32) -> Option<W> {
        self.reads.load(address)
    }

    /// Loads by a store translation, for an instruction that is going to write there.
    #[inline(always)]
    pub(crate) fn load_stored<W: Word>(&self, address: u32) -> Option<W> {
        self.writes.load(address)
    }

    /// Stores by a translation; None says nothing but that there is none.
    #[inline(always)]
    pub(crate) fn store<W: Word>(&self, address: u32, value: W) -> Option<()> {
        self.writes.store(address, value)
    }

    /// Loads `length` bytes by a translation of a logged run.
    #[inline]
    pub(crate) fn load_logged(&self, address: u32, length: u32, intent: Intent) -> Option<u64> {
        let translations = if intent == Intent::Write { &self.writes } else { &self.reads };
        translations.load_logged(address, length)
    }

    /// Stores `length` bytes by a translation of a logged run.
    #[inline]
    pub(crate) fn store_logged(&self, address: u32, length: u32, value: u64) -> Option<()> {
        self.writes.store_logged(address, length, value)
    }

    /// The frame that holds `address`, if the page grants the intent.
    pub(crate) fn translate(&self, address: u32, intent: Intent) -> Result<FrameNumber, PageFault> {
        let page = self.page(address);
        match page {
            Some((frame, rights)) if rights.contains(intent.needs()) => Ok(frame),
            _ => {
                let present = u32::from(page.is_some_and(|(_, rights)| rights != Rights::NONE));
                let what = match intent {
                    Intent::Read => 0,
                    Intent::Write => 2,
                    Intent::Fetch => 16,
                };
                Err(PageFault { address, error_code: present | what | 4 })
            }
        }
    }

    /// Makes a translation for `address` if nothing withholds it. The caller has checked the rights.
    pub(crate) fn fill(
        &mut self,
        memory: &mut PhysicalMemory,
        address: u32,
        frame: FrameNumber,
        intent: Intent,
    ) {
        let page = address & !PAGE_OFFSET;
        if self.withheld.holds(page, intent) {
            return;
        }
        match intent {
            Intent::Read => self.reads.insert(page, frame, memory, self.withheld.logged),
            Intent::Write if !memory.holds_code(frame) => {
                memory.mark_written(frame);
                self.writes.insert(page, frame, memory, self.withheld.logged);
            }
            Intent::Write | Intent::Fetch => {}
        }
    }
}

fn page_address(address: u32, index: u32) -> u32 {
    index
        .checked_mul(PAGE_BYTES)
        .and_then(|bytes| address.checked_add(bytes))
        .expect("a mapping does not wrap")
}
