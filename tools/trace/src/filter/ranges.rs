//! Sets of addresses.

/// Addresses of each partition of a system, by its number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places(Vec<Ranges>);

/// Addresses of one partition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranges(Vec<(u32, u32)>);

impl Places {
    /// No address of any of so many partitions.
    #[must_use]
    pub fn none(partitions: usize) -> Self {
        Self(vec![Ranges::default(); partitions])
    }

    /// Adds the addresses from `first` to `last` of a partition.
    pub fn add(&mut self, partition: usize, first: u32, last: u32) {
        if let Some(ranges) = self.0.get_mut(partition) {
            ranges.0.push((first, last));
        }
    }

    /// The addresses of a partition.
    pub(super) fn of(&self, partition: usize) -> &Ranges {
        const NONE: &Ranges = &Ranges(Vec::new());
        self.0.get(partition).unwrap_or(NONE)
    }
}

impl Ranges {
    /// Whether one of the `length` bytes from `address` on is among them.
    pub(super) fn meet(&self, address: u32, length: u32) -> bool {
        let end = address.saturating_add(length.saturating_sub(1));
        self.0.iter().any(|(first, last)| address <= *last && end >= *first)
    }

    /// Whether `address` is among them.
    pub(super) fn hold(&self, address: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn an_access_meets_a_range_that_it_touches_with_any_byte() {
        let mut places = Places::none(2);
        places.add(1, 0x100, 0x103);
        places.add(1, u32::MAX, u32::MAX);
        let ranges = places.of(1);
        for (address, length, meets) in [
            (0xfc, 4, false),
            (0xfd, 4, true),
            (0x103, 1, true),
            (0x104, 4, false),
            (0xff, 8, true),
            (u32::MAX - 1, 4, true),
        ] {
            assert_eq!(ranges.meet(address, length), meets, "{address:x} {length}");
        }
        assert!(ranges.hold(0x103) && !ranges.hold(0x104));
        assert!(!places.of(0).hold(0x100) && !places.of(7).hold(0x100));
    }
}
