//! The memory map that all cases of a file share.

use emulator::{PAGE_BYTES, Rights};

/// More than any file needs; what a header asks for is allocated at once.
const BYTES_AT_MOST: u64 = 16 << 20;

/// A range of pages with the same rights, filled with one byte before each case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// Linear address, a multiple of 4096.
    pub base: u32,
    /// Length in pages, at least 1.
    pub pages: u32,
    /// What a guest may do there.
    pub rights: Rights,
    /// The byte that fills it.
    pub fill: u8,
}

/// Regions that do not overlap, sorted by address. Everything else is not present.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    regions: Vec<Region>,
}

impl Layout {
    /// Checks regions given as base, length in bytes, letters out of `rwx`, and fill byte.
    pub(crate) fn new<'a>(regions: impl Iterator<Item = (u64, u64, &'a str, u8)>) -> Result<Self, String> {
        let mut checked = Vec::new();
        let mut total = 0u64;
        for (base, length, letters, fill) in regions {
            let at = format!("the region at {base:#x}");
            let page = u64::from(PAGE_BYTES);
            if base % page != 0 || length % page != 0 || length == 0 {
                return Err(format!("{at} with length {length:#x} does not consist of pages of 4096 bytes"));
            }
            if base.checked_add(length).is_none_or(|end| end > 1 << 32) {
                return Err(format!("{at} with length {length:#x} ends beyond 4 GiB"));
            }
            total += length;
            if total > BYTES_AT_MOST {
                return Err(format!("the regions have more than {} MiB", BYTES_AT_MOST >> 20));
            }
            let rights = rights(letters)
                .ok_or_else(|| format!("{at} has rights {letters:?}; r, w and x are known"))?;
            checked.push(Region { base: base as u32, pages: (length / page) as u32, rights, fill });
        }
        checked.sort_by_key(|region| region.base);
        for pair in checked.windows(2) {
            // The end is up to 4 GiB.
            let end = u64::from(pair[0].base) + u64::from(pair[0].pages) * u64::from(PAGE_BYTES);
            if end > u64::from(pair[1].base) {
                return Err(format!("the regions at {:#x} and {:#x} overlap", pair[0].base, pair[1].base));
            }
        }
        Ok(Self { regions: checked })
    }

    /// The regions by address.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The bytes of all regions before a case, one region after the other.
    #[must_use]
    pub fn filled(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for region in &self.regions {
            bytes.resize(bytes.len() + region.pages as usize * PAGE_BYTES as usize, region.fill);
        }
        bytes
    }

    /// Where `address` lies in [`Layout::filled`].
    #[must_use]
    pub fn position(&self, address: u32) -> Option<usize> {
        let mut before = 0;
        for region in &self.regions {
            let bytes = region.pages as usize * PAGE_BYTES as usize;
            let offset = address.wrapping_sub(region.base) as usize;
            if address >= region.base && offset < bytes {
                return Some(before + offset);
            }
            before += bytes;
        }
        None
    }

    /// The address of a position in [`Layout::filled`].
    #[must_use]
    pub fn address(&self, position: usize) -> Option<u32> {
        let mut before = 0;
        for region in &self.regions {
            let bytes = region.pages as usize * PAGE_BYTES as usize;
            if position - before < bytes {
                return Some(region.base + (position - before) as u32);
            }
            before += bytes;
        }
        None
    }

    /// The fill byte at a position in [`Layout::filled`].
    pub(crate) fn fill_at(&self, position: usize) -> u8 {
        let mut before = 0;
        for region in &self.regions {
            before += region.pages as usize * PAGE_BYTES as usize;
            if position < before {
                return region.fill;
            }
        }
        0
    }

    /// Whether a guest could write code and run it.
    pub(crate) fn has_writable_code(&self) -> bool {
        self.regions.iter().any(|region| region.rights.contains(Rights::WRITE.union(Rights::EXECUTE)))
    }
}

fn rights(letters: &str) -> Option<Rights> {
    letters.chars().try_fold(Rights::NONE, |rights, letter| {
        Some(rights.union(match letter {
            'r' => Rights::READ,
            'w' => Rights::WRITE,
            'x' => Rights::EXECUTE,
            _ => return None,
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn two_regions_that_both_end_at_4_gib_overlap() {
        let region = (0xffff_f000, 0x1000, "rw", 0);
        let refused = Layout::new([region, region].into_iter()).unwrap_err();
        assert_eq!(refused, "the regions at 0xfffff000 and 0xfffff000 overlap");
    }
}
