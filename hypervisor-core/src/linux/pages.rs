//! The memory that a Linux program asks for: brk, mmap, munmap, mprotect, mremap.
//!
//! Frames come from a pool as large as the run's memory and go back to it, zeroed. Not modelled: files, shared memory
//! of several processes, pages that cost nothing before they are touched.

use super::Failure;
use super::areas::Areas;
use super::effect::Effect;
use super::start::STACK_BYTES;
use crate::guest::Guest;
use emulator::{FrameNumber, PAGE_BYTES, Rights};

pub(super) use saved::SavedPages;

/// The first address that no program has.
pub const ADDRESS_END: u32 = 0xc000_0000;
/// As `vm.mmap_min_addr` of most systems.
pub const LOWEST_ADDRESS: u32 = 0x1_0000;
/// New mappings lie below this, so that a stack that overflows meets nothing.
const MAPPINGS_END: u32 = ADDRESS_END - STACK_BYTES - (1 << 20);

/// Protection and flags of mappings (Linux include/uapi/asm-generic/mman-common.h).
mod bits {
    pub const READ: u32 = 1;
    pub const WRITE: u32 = 2;
    pub const EXECUTE: u32 = 4;
    pub const TYPE: u32 = 15;
    pub const TYPES: std::ops::RangeInclusive<u32> = 1..=3;
    pub const FIXED: u32 = 0x10;
    pub const ANONYMOUS: u32 = 0x20;
    pub const FIXED_NO_REPLACE: u32 = 0x10_0000;
    pub const MAY_MOVE: u32 = 1;
}

/// What the program has, and what it can still get.
#[derive(Debug)]
pub struct Pages {
    areas: Areas,
    /// The first frame of the pool, once there is one.
    pool: Option<FrameNumber>,
    pool_pages: u32,
    /// So many frames of the pool were handed out at least once.
    taken: u32,
    /// Frames that came back: zero.
    free: Vec<FrameNumber>,
    break_start: u32,
    break_end: u32,
}

/// Where a mapping goes.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// A wish, or the place.
    pub address: u32,
    /// Not rounded.
    pub length_bytes: u32,
    /// As the program gave it.
    pub protection: u32,
    /// As the program gave it.
    pub flags: u32,
}

impl Pages {
    /// For a program with these pages, address and length, out of so much memory.
    #[must_use]
    pub fn new(memory_bytes: u64, ranges: &[(u32, u32)]) -> Self {
        let mut areas = Areas::default();
        for (address, bytes) in ranges {
            areas.add(*address, address + bytes);
        }
        let image_bytes: u64 = ranges.iter().map(|(_, bytes)| u64::from(*bytes)).sum();
        let pages = memory_bytes.saturating_sub(image_bytes) / u64::from(PAGE_BYTES);
        let end = ranges.last().map_or(LOWEST_ADDRESS, |(address, bytes)| address + bytes);
        Self {
            areas,
            pool: None,
            pool_pages: pages.min(u64::from(ADDRESS_END / PAGE_BYTES)) as u32,
            taken: 0,
            free: Vec::new(),
            break_start: end,
            break_end: end,
        }
    }

    /// Notes a range that was mapped by others.
    pub fn occupy(&mut self, start: u32, end: u32) {
        self.areas.add(start, end);
    }

    /// How much memory there is still, in pages.
    #[must_use]
    pub fn free_pages(&self) -> u32 {
        self.pool_pages - self.taken + self.free.len() as u32
    }

    /// How much memory it may have beside its image, in pages.
    #[must_use]
    pub fn all_pages(&self) -> u32 {
        self.pool_pages
    }

    /// brk: moves the end of the data. The answer is the end, also if it did not move.
    pub fn set_break(&mut self, guest: &mut Guest, wanted: u32, effects: &mut Vec<Effect>) -> u32 {
        if wanted < self.break_start || wanted > MAPPINGS_END {
            return self.break_end;
        }
        let (old, new) = (page_up(self.break_end), page_up(wanted));
        if new > old {
            let is_free = self.areas.is_free(old, new);
            if !is_free || self.map(guest, (old, new), Rights::READ_WRITE, effects).is_err() {
                return self.break_end;
            }
        } else if new < old {
            self.unmap(guest, (new, old), effects);
        }
        self.break_end = wanted;
        wanted
    }

    /// mmap of memory without a file. The answer is its address.
    ///
    /// # Errors
    /// As on Linux; a mapping of a file is `BadDescriptor`: there are none.
    pub fn new_mapping(
        &mut self,
        guest: &mut Guest,
        wanted: Wanted,
        effects: &mut Vec<Effect>,
    ) -> Result<u32, Failure> {
        let Wanted { address, length_bytes, protection, flags } = wanted;
        if length_bytes == 0 || !bits::TYPES.contains(&(flags & bits::TYPE)) {
            return Err(Failure::Invalid);
        }
        if flags & bits::ANONYMOUS == 0 {
            return Err(Failure::BadDescriptor);
        }
        if length_bytes > ADDRESS_END {
            return Err(Failure::NoMemory);
        }
        let length = page_up(length_bytes);
        let start = if flags & (bits::FIXED | bits::FIXED_NO_REPLACE) != 0 {
            let range = fixed_range(address, length)?;
            if flags & bits::FIXED_NO_REPLACE != 0 && !self.areas.is_free(range.0, range.1) {
                return Err(Failure::Exists);
            }
            let replaced: u32 = self.areas.within(range.0, range.1).iter().map(|(from, to)| to - from).sum();
            if length / PAGE_BYTES > self.free_pages() + replaced / PAGE_BYTES {
                return Err(Failure::NoMemory);
            }
            self.unmap(guest, range, effects);
            address
        } else {
            self.place_for(address, length).ok_or(Failure::NoMemory)?
        };
        self.map(guest, (start, start + length), rights(protection), effects)?;
        Ok(start)
    }

    /// munmap.
    ///
    /// # Errors
    /// The range is none.
    pub fn remove_mapping(
        &mut self,
        guest: &mut Guest,
        (address, length_bytes): (u32, u32),
        effects: &mut Vec<Effect>,
    ) -> Result<u32, Failure> {
        let range = page_range(address, length_bytes).filter(|(start, end)| start < end);
        self.unmap(guest, range.ok_or(Failure::Invalid)?, effects);
        Ok(0)
    }

    /// mprotect.
    ///
    /// # Errors
    /// The range is none, or not all of it is mapped.
    pub fn protect(
        &mut self,
        guest: &mut Guest,
        (address, length_bytes, protection): (u32, u32, u32),
        effects: &mut Vec<Effect>,
    ) -> Result<u32, Failure> {
        if protection & !(bits::READ | bits::WRITE | bits::EXECUTE) != 0
            || !address.is_multiple_of(PAGE_BYTES)
        {
            return Err(Failure::Invalid);
        }
        let (start, end) = page_range(address, length_bytes).ok_or(Failure::NoMemory)?;
        if start == end {
            return Ok(0);
        }
        if !self.areas.covers(start, end) {
            return Err(Failure::NoMemory);
        }
        let frames = frames(guest, start, end);
        place(guest, start, &frames, rights(protection));
        effects.push(Effect::Protected {
            address: start,
            length_bytes: end - start,
            rights: rights(protection),
        });
        Ok(0)
    }

    /// mremap: makes a mapping longer or shorter, elsewhere if it has to and may.
    ///
    /// # Errors
    /// As on Linux. A place of the caller's choice (`MREMAP_FIXED`) is not modelled: `Invalid`.
    pub fn resize(
        &mut self,
        guest: &mut Guest,
        (address, old_bytes, new_bytes, flags): (u32, u32, u32, u32),
        effects: &mut Vec<Effect>,
    ) -> Result<u32, Failure> {
        let old = page_range(address, old_bytes).filter(|(start, end)| start < end);
        let (start, old_end) = old.ok_or(Failure::Invalid)?;
        if flags & !bits::MAY_MOVE != 0 || new_bytes == 0 {
            return Err(Failure::Invalid);
        }
        if new_bytes > ADDRESS_END {
            return Err(Failure::NoMemory);
        }
        if !self.areas.covers(start, old_end) {
            return Err(Failure::BadAddress);
        }
        let (length, old_length) = (page_up(new_bytes), old_end - start);
        if length <= old_length {
            if length < old_length {
                self.unmap(guest, (start + length, old_end), effects);
            }
            return Ok(start);
        }
        let same = |at: u32| guest.space.page(at).map(|(_, rights)| rights);
        let kept = same(start).ok_or(Failure::BadAddress)?;
        if (start..old_end).step_by(PAGE_BYTES as usize).any(|at| same(at) != Some(kept)) {
            return Err(Failure::BadAddress);
        }
        let grown = start.checked_add(length).filter(|end| *end <= MAPPINGS_END);
        if let Some(end) = grown.filter(|end| self.areas.is_free(old_end, *end)) {
            self.map(guest, (old_end, end), kept, effects)?;
            return Ok(start);
        }
        if flags & bits::MAY_MOVE == 0 || (length - old_length) / PAGE_BYTES > self.free_pages() {
            return Err(Failure::NoMemory);
        }
        let target = self.place_for(0, length).ok_or(Failure::NoMemory)?;
        let moved = frames(guest, start, old_end);
        place(guest, target, &moved, kept);
        self.areas.add(target, target + old_length);
        effects.push(Effect::Mapped { address: target, length_bytes: old_length, rights: kept });
        self.areas.remove(start, old_end);
        guest.space.unmap(start, old_length / PAGE_BYTES);
        effects.push(Effect::Unmapped { address: start, length_bytes: old_length });
        self.map(guest, (target + old_length, target + length), kept, effects)?;
        Ok(target)
    }

    /// Where a mapping of `length` bytes, a multiple of the page, fits: at the hint if it can.
    fn place_for(&self, hint: u32, length: u32) -> Option<u32> {
        let hint = hint & !(PAGE_BYTES - 1);
        let at_hint = fixed_range(hint, length).ok().filter(|(start, end)| self.areas.is_free(*start, *end));
        match at_hint {
            Some((start, _)) => Some(start),
            None => self.areas.gap_below(MAPPINGS_END, LOWEST_ADDRESS, length),
        }
    }

    /// Maps zeroed memory in a range of pages that is free.
    fn map(
        &mut self,
        guest: &mut Guest,
        (start, end): (u32, u32),
        rights: Rights,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        let frames = self.take(guest, (end - start) / PAGE_BYTES).ok_or(Failure::NoMemory)?;
        place(guest, start, &frames, rights);
        self.areas.add(start, end);
        effects.push(Effect::Mapped { address: start, length_bytes: end - start, rights });
        Ok(())
    }

    fn unmap(&mut self, guest: &mut Guest, (start, end): (u32, u32), effects: &mut Vec<Effect>) {
        for (from, to) in self.areas.remove(start, end) {
            for frame in frames(guest, from, to) {
                if guest.memory.was_written(frame) {
                    guest.memory.write(frame, 0, &[0; PAGE_BYTES as usize]);
                }
                self.free.push(frame);
            }
            guest.space.unmap(from, (to - from) / PAGE_BYTES);
            effects.push(Effect::Unmapped { address: from, length_bytes: to - from });
        }
    }

    /// Zeroed frames, all or none.
    fn take(&mut self, guest: &mut Guest, count: u32) -> Option<Vec<FrameNumber>> {
        if count > self.free_pages() {
            return None;
        }
        if self.pool.is_none() && self.pool_pages > 0 {
            self.pool = Some(guest.memory.allocate(self.pool_pages)?);
        }
        let fresh = count.min(self.pool_pages - self.taken);
        let first = self.pool.map_or(0, |frame| frame.0) + self.taken;
        self.taken += fresh;
        let used = self.free.split_off(self.free.len() - (count - fresh) as usize);
        Some((first..first + fresh).map(FrameNumber).chain(used).collect())
    }
}

fn rights(protection: u32) -> Rights {
    let pairs = [
        (bits::READ, Rights::READ),
        (bits::WRITE, Rights::READ_WRITE),
        (bits::EXECUTE, Rights::READ_EXECUTE),
    ];
    let given = pairs.into_iter().filter(|(bit, _)| protection & bit != 0);
    given.fold(Rights::NONE, |all, (_, right)| all.union(right))
}

fn page_up(address: u32) -> u32 {
    address.next_multiple_of(PAGE_BYTES)
}

/// The pages of a range that starts at a page and lies where programs are.
fn page_range(address: u32, length_bytes: u32) -> Option<(u32, u32)> {
    if !address.is_multiple_of(PAGE_BYTES) || length_bytes > ADDRESS_END {
        return None;
    }
    let end = address.checked_add(page_up(length_bytes))?;
    (end <= ADDRESS_END).then_some((address, end))
}

fn fixed_range(address: u32, length: u32) -> Result<(u32, u32), Failure> {
    if !address.is_multiple_of(PAGE_BYTES) {
        return Err(Failure::Invalid);
    }
    if address < LOWEST_ADDRESS {
        return Err(Failure::NotPermitted);
    }
    page_range(address, length).ok_or(Failure::NoMemory)
}

fn frames(guest: &Guest, start: u32, end: u32) -> Vec<FrameNumber> {
    let pages = (start..end).step_by(PAGE_BYTES as usize);
    pages.filter_map(|at| guest.space.page(at).map(|(frame, _)| frame)).collect()
}

/// Maps frames one after the other, those that follow each other together.
fn place(guest: &mut Guest, start: u32, frames: &[FrameNumber], rights: Rights) {
    let mut address = start;
    for run in frames.chunk_by(|one, next| one.0 + 1 == next.0) {
        let pages = run.len() as u32;
        guest.space.map(address, pages, run[0], rights);
        address += pages * PAGE_BYTES;
    }
}

mod saved;
