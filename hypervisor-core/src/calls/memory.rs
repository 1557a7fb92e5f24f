//! Calls about a partition's own memory: rights, second places, holes.
//!
//! Only RAM moves. The core's own pages stay where they are, whatever a guest asks for.

use super::Caller;
use crate::abi::{
    BytesFromGuest, CallError, MemoryMapEntry, MemoryPage, PAGE_BYTES, PageAddress, Pages, RAM_BASE, ToGuest,
    memory_map_entry,
};
use crate::boot;
use crate::seeded_faults::{Fault, seeded};
use crate::shared_areas;
use emulator::{FrameNumber, Rights};

impl Caller<'_> {
    pub(super) fn memory_protect(&mut self, pages: Pages, rights: u32) -> Result<u32, CallError> {
        self.check_own(pages)?;
        let rights = rights_of(rights)?;
        if !seeded(Fault::ProtectsNothing) {
            self.guest.space.protect(pages.address, pages.count, rights);
        }
        Ok(0)
    }

    pub(super) fn memory_map(
        &mut self,
        pages: Pages,
        source: PageAddress,
        rights: u32,
    ) -> Result<u32, CallError> {
        let length_bytes = pages.count * PAGE_BYTES;
        let last = pages.address + (length_bytes - 1);
        if pages.address == 0 || last >= boot::START_INFO {
            return Err(CallError::BadAddress);
        }
        if self.addresses(pages).any(|page| self.guest.space.page(page).is_some()) {
            return Err(CallError::AlreadyMapped);
        }
        let offset = source.0.checked_sub(RAM_BASE).ok_or(CallError::BadAddress)?;
        if u64::from(offset) + u64::from(length_bytes) > self.ram_bytes() {
            return Err(CallError::BadAddress);
        }
        let rights = rights_of(rights)?;
        self.guest.space.map(pages.address, pages.count, boot::ram_frame(offset), rights);
        Ok(0)
    }

    pub(super) fn memory_unmap(&mut self, pages: Pages) -> Result<u32, CallError> {
        self.check_own(pages)?;
        self.guest.space.unmap(pages.address, pages.count);
        Ok(0)
    }

    pub(super) fn memory_query(&mut self, address: u32, page: ToGuest<MemoryPage>) -> Result<u32, CallError> {
        let answer = self.guest.space.page(address).map_or(MemoryPage::default(), |(frame, rights)| {
            let source = self.ram_address(frame);
            MemoryPage {
                kind: source.map_or_else(|| boot::kind_of(address), |_| memory_map_entry::KIND_RAM),
                rights: boot::rights_bits(rights),
                source: source.unwrap_or(0),
            }
        });
        self.guest.set_bytes(page.address, &answer.to_bytes())?;
        Ok(0)
    }

    pub(super) fn shared_area_find(
        &mut self,
        name: BytesFromGuest,
        to: ToGuest<MemoryMapEntry>,
    ) -> Result<u32, CallError> {
        let name = self.name(name)?;
        let areas = &self.config.shared_areas;
        let found = areas.iter().zip(shared_areas::addresses(areas)).find_map(|(area, base)| {
            let (_, writes) = area.members.iter().find(|(member, _)| *member == self.id)?;
            let write = if *writes { memory_map_entry::RIGHT_WRITE } else { 0 };
            (area.name.as_bytes() == name).then_some(MemoryMapEntry {
                base,
                length_bytes: area.bytes,
                kind: memory_map_entry::KIND_SHARED_AREA,
                rights: memory_map_entry::RIGHT_READ | write,
            })
        });
        self.guest.set_bytes(to.address, &found.ok_or(CallError::NoSuchObject)?.to_bytes())?;
        Ok(0)
    }

    /// All of the pages are RAM.
    fn check_own(&self, pages: Pages) -> Result<(), CallError> {
        let is_own = |page: u32| {
            let page = self.guest.space.page(page);
            page.is_some_and(|(frame, _)| self.ram_address(frame).is_some())
        };
        if self.addresses(pages).all(is_own) { Ok(()) } else { Err(CallError::BadAddress) }
    }

    fn addresses(&self, pages: Pages) -> impl Iterator<Item = u32> + use<> {
        (0..pages.count).map(move |index| pages.address + index * PAGE_BYTES)
    }

    /// The address that a frame has in RAM at the start.
    fn ram_address(&self, frame: FrameNumber) -> Option<u32> {
        let offset = boot::ram_offset(frame);
        (offset < self.ram_bytes()).then(|| RAM_BASE + offset as u32)
    }

    fn ram_bytes(&self) -> u64 {
        self.config.partitions[self.id.index()].memory_bytes
    }
}

/// What can be written or executed can be read, as on a processor.
fn rights_of(bits: u32) -> Result<Rights, CallError> {
    const READ: u32 = memory_map_entry::RIGHT_READ;
    const WRITE: u32 = memory_map_entry::RIGHT_WRITE;
    const EXECUTE: u32 = memory_map_entry::RIGHT_EXECUTE;
    const READ_WRITE: u32 = READ | WRITE;
    const READ_EXECUTE: u32 = READ | EXECUTE;
    const ALL: u32 = READ | WRITE | EXECUTE;
    match bits {
        0 => Ok(Rights::NONE),
        READ => Ok(Rights::READ),
        READ_WRITE => Ok(Rights::READ_WRITE),
        READ_EXECUTE => Ok(Rights::READ_EXECUTE),
        ALL => Ok(Rights::ALL),
        _ => Err(CallError::InvalidArgument),
    }
}
