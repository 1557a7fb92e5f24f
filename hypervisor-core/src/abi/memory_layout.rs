//! The structure of the calls about memory.

use super::{FieldDescription, FieldKind, StructDescription};

pub(super) static MEMORY_PAGE: StructDescription = StructDescription {
    name: "memory_page",
    documentation: "The answer of memory_query: what one page of the address space is.",
    size_bytes: MemoryPage::SIZE_BYTES,
    fields: &[
        FieldDescription {
            offset: 0,
            name: "kind",
            kind: FieldKind::U32,
            documentation: "One of PV_MEMORY_...; 0 where nothing is mapped.",
        },
        FieldDescription {
            offset: 4,
            name: "rights",
            kind: FieldKind::U32,
            documentation: "Bits of PV_RIGHT_...",
        },
        FieldDescription {
            offset: 8,
            name: "source",
            kind: FieldKind::U32,
            documentation: "With PV_MEMORY_RAM the address that the page has in RAM at the start, else 0.",
        },
    ],
};

/// The answer of `memory_query`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryPage {
    /// One of `memory_map_entry::KIND_...`, or 0.
    pub kind: u32,
    /// Bits of `memory_map_entry::RIGHT_...`.
    pub rights: u32,
    /// Where in RAM the page was at the start.
    pub source: u32,
}

impl MemoryPage {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = 12;

    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        [self.kind, self.rights, self.source].into_iter().flat_map(u32::to_le_bytes).collect()
    }
}

/// An entry of the memory map, as `shared_area_find` writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryMapEntry {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub length_bytes: u32,
    /// One of `memory_map_entry::KIND_...`.
    pub kind: u32,
    /// Bits of `memory_map_entry::RIGHT_...`.
    pub rights: u32,
}

impl MemoryMapEntry {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = super::memory_map_entry::SIZE_BYTES;

    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        [self.base, self.length_bytes, self.kind, self.rights]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect()
    }
}
