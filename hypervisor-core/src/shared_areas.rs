//! Memory that several partitions see: made once, mapped at the same address in each of them, for data only.

use crate::config::{PartitionId, SharedArea};
use crate::loader::LoadError;
use crate::seeded_faults::{Fault, seeded};
use emulator::{PAGE_BYTES, PhysicalMemory, Rights, SharedMemory};

/// Shared areas lie from here.
pub const SHARED_BASE: u32 = 0xd000_0000;
/// Shared areas lie below.
pub const SHARED_END: u32 = 0xf000_0000;
/// So many shared areas has a system at most: the memory map of a partition has room for them.
pub const SHARED_AREAS_MOST: usize = 64;

/// The shared areas of a system.
#[derive(Debug, Default)]
pub struct SharedAreas {
    areas: Vec<SharedMemory>,
    /// All areas one after the other.
    memory: PhysicalMemory,
}

/// A shared area as one partition sees it.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// What is there.
    pub memory: SharedMemory,
    /// Where.
    pub address: u32,
    /// How long it is, in bytes.
    pub bytes: u32,
    /// What the partition may do.
    pub rights: Rights,
}

impl SharedAreas {
    /// Makes the areas, all zero.
    ///
    /// # Errors
    /// There are too many, they are too long together, or the host has not enough memory.
    pub fn new(areas: &[SharedArea]) -> Result<Self, LoadError> {
        if areas.len() > SHARED_AREAS_MOST {
            return Err(LoadError::TooManySharedAreas { count: areas.len(), most: SHARED_AREAS_MOST });
        }
        let most_bytes = u64::from(SHARED_END - SHARED_BASE);
        let bytes: u64 = areas.iter().map(room).sum();
        if bytes > most_bytes {
            return Err(LoadError::SharedAreasTooLong { bytes, most_bytes });
        }
        let make = |area: &SharedArea| {
            let host = LoadError::HostMemory { bytes: u64::from(area.bytes) };
            SharedMemory::new(area.bytes.div_ceil(PAGE_BYTES)).ok_or(host)
        };
        let areas: Vec<SharedMemory> = areas.iter().map(make).collect::<Result<_, _>>()?;
        let mut memory = PhysicalMemory::new();
        for area in &areas {
            memory.attach(area).ok_or(LoadError::HostMemory { bytes })?;
        }
        Ok(Self { areas, memory })
    }

    /// All areas one after the other.
    #[must_use]
    pub fn memory(&self) -> &PhysicalMemory {
        &self.memory
    }

    /// All areas one after the other.
    pub(crate) fn memory_mut(&mut self) -> &mut PhysicalMemory {
        &mut self.memory
    }

    /// What a partition sees of them, in the order of the configuration.
    #[must_use]
    pub fn mappings(&self, areas: &[SharedArea], partition: PartitionId) -> Vec<Mapping> {
        let mut mappings = Vec::new();
        for ((area, memory), address) in areas.iter().zip(&self.areas).zip(addresses(areas)) {
            if let Some((_, writes)) = area.members.iter().find(|(member, _)| *member == partition) {
                let rights =
                    if *writes || seeded(Fault::ReadersMayWrite) { Rights::READ_WRITE } else { Rights::READ };
                mappings.push(Mapping { memory: memory.clone(), address, bytes: area.bytes, rights });
            }
        }
        mappings
    }
}

/// Where each area lies.
pub fn addresses(areas: &[SharedArea]) -> impl Iterator<Item = u32> {
    areas.iter().scan(u64::from(SHARED_BASE), |next, area| {
        let address = *next;
        *next += room(area);
        Some(address as u32)
    })
}

/// An area and a page behind it that nobody has, so that who runs over its end faults.
fn room(area: &SharedArea) -> u64 {
    u64::from(area.bytes).next_multiple_of(u64::from(PAGE_BYTES)) + u64::from(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::{SHARED_BASE, SharedAreas};
    use crate::config::{PartitionId, SharedArea};
    use crate::loader::LoadError;
    use emulator::Rights;

    fn area(bytes: u32, members: &[(u16, bool)]) -> SharedArea {
        let members = members.iter().map(|(id, writes)| (PartitionId(*id), *writes)).collect();
        SharedArea { name: String::new(), bytes, members }
    }

    #[test]
    fn an_area_has_one_address_for_all_and_rights_for_each() {
        let config = [area(4096, &[(1, true)]), area(8192, &[(0, false), (1, true)])];
        let areas = SharedAreas::new(&config).unwrap();
        let first = areas.mappings(&config, PartitionId(0));
        let second = areas.mappings(&config, PartitionId(1));
        assert_eq!((first.len(), first[0].address, first[0].rights), (1, SHARED_BASE + 0x2000, Rights::READ));
        assert_eq!((second[1].address, second[1].rights), (SHARED_BASE + 0x2000, Rights::READ_WRITE));
        assert!(areas.mappings(&config, PartitionId(2)).is_empty());
    }

    #[test]
    fn areas_that_do_not_fit_are_refused() {
        let long = [area(0x1000_0000, &[]), area(0x1000_0000, &[])];
        assert!(matches!(SharedAreas::new(&long), Err(LoadError::SharedAreasTooLong { .. })));
        let many = vec![area(4096, &[]); 65];
        assert!(matches!(SharedAreas::new(&many), Err(LoadError::TooManySharedAreas { .. })));
    }
}
