//! What stands after an address in a trace: ` ticks+0x2`. Neighbours are found again without a search.

use crate::columns::shortest_hexadecimal;
use hypervisor_core::loader::Symbols;

/// How many lines of memory are remembered: a power of two.
const SLOTS: usize = 1 << 10;
/// Bytes of memory that share a slot.
const LINE_BITS: u32 = 6;

/// Symbols of data, remembered by address.
pub struct Locations {
    slots: Vec<Slot>,
}

/// From `first` to `last` one symbol holds all addresses, or none does.
#[derive(Clone)]
struct Slot {
    first: u32,
    last: u32,
    /// Where the symbol begins, and its name after a space.
    symbol: Option<(u32, Box<[u8]>)>,
}

impl Locations {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { slots: vec![Slot { first: 1, last: 0, symbol: None }; SLOTS] }
    }

    /// Appends the symbol that holds `address`, after a space; nothing if none does.
    #[inline]
    pub fn append(&mut self, out: &mut Vec<u8>, symbols: &Symbols, address: u32) {
        let slot = &mut self.slots[(address >> LINE_BITS) as usize & (SLOTS - 1)];
        if !(slot.first..=slot.last).contains(&address) {
            *slot = Slot::of(symbols, address);
        }
        let Some((start, name)) = &slot.symbol else { return };
        out.extend_from_slice(name);
        if address != *start {
            out.extend_from_slice(b"+0x");
            shortest_hexadecimal(out, address.wrapping_sub(*start));
        }
    }
}

impl Slot {
    #[cold]
    fn of(symbols: &Symbols, address: u32) -> Self {
        let (located, last) = symbols.locate_up_to(address);
        let symbol = located.map(|located| {
            let name = format!(" {}", located.symbol.name).into_bytes();
            (located.symbol.address, name.into())
        });
        Self { first: address, last, symbol }
    }
}

#[cfg(test)]
mod tests {
    use super::Locations;
    use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};

    #[test]
    fn a_remembered_place_is_the_place_that_a_search_finds() {
        let symbol = |address, length_bytes, name: &str| Symbol {
            address,
            length_bytes,
            kind: SymbolKind::Object,
            name: name.to_owned(),
        };
        let symbols = Symbols::default().with([
            symbol(0x100, 0x40, "outer"),
            symbol(0x110, 8, "inner"),
            symbol(0x150, 0, "label"),
            symbol(0x170, 4, "next"),
            symbol(u32::MAX - 3, 4, "top"),
        ]);
        let mut locations = Locations::new();
        let near_the_top = u32::MAX - 0x40..=u32::MAX;
        let addresses = (0x80..0x2000).chain(near_the_top);
        // Downwards, upwards, and in leaps.
        let leaps = addresses.clone().step_by(7);
        for address in addresses.clone().rev().chain(addresses).chain(leaps) {
            let mut found = Vec::new();
            locations.append(&mut found, &symbols, address);
            let expected = crate::places::Place::of(&symbols, address);
            let expected = expected.map(|place| format!(" {place}")).unwrap_or_default();
            assert_eq!(String::from_utf8(found).unwrap(), expected, "{address:08x}");
        }
    }
}
