//! The code that ran as blocks: addresses without a gap, cut behind conditional branches and where a symbol begins.
//!
//! Not here: the formats that list them.

use crate::executed::Place;
use hypervisor_core::loader::Symbols;

/// A block is at most so long: formats have 16 bits for it.
const LONGEST_BYTES: u32 = 0x8000;

/// Code that ran from its first instruction to its last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its address.
    pub address: u32,
    /// Its length.
    pub length_bytes: u16,
    /// Its last instruction is a conditional branch that was taken.
    pub taken: bool,
    /// Its last instruction is a conditional branch that was not taken.
    pub not_taken: bool,
}

/// The blocks of what ran, by address.
pub fn blocks(executed: &[(u32, Place)], symbols: &Symbols) -> Vec<Block> {
    let begins_symbol = |address: u32| {
        let place = symbols.all().partition_point(|symbol| symbol.address < address);
        symbols.all().get(place).is_some_and(|symbol| symbol.address == address)
    };
    let mut blocks: Vec<Block> = Vec::new();
    for &(address, Place { length_bytes, taken, not_taken, .. }) in executed {
        let length = u16::from(length_bytes);
        let grows = blocks.last_mut().filter(|block| {
            block.address.checked_add(block.length_bytes.into()) == Some(address)
                && !block.taken
                && !block.not_taken
                && u32::from(block.length_bytes) + u32::from(length) <= LONGEST_BYTES
                && !begins_symbol(address)
        });
        match grows {
            Some(block) => {
                block.length_bytes += length;
                (block.taken, block.not_taken) = (taken, not_taken);
            }
            None => blocks.push(Block { address, length_bytes: length, taken, not_taken }),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::{Block, LONGEST_BYTES, blocks};
    use crate::executed::Place;
    use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};

    #[test]
    fn blocks_end_at_gaps_branches_and_symbols() {
        let plain = |address, length_bytes| (address, Place { times: 1, length_bytes, ..Place::default() });
        let mut branch = plain(0x108, 2);
        branch.1.taken = true;
        let executed =
            [plain(0x100, 5), plain(0x105, 3), branch, plain(0x10a, 1), plain(0x10b, 1), plain(0x110, 4)];
        let symbol =
            Symbol { address: 0x10b, length_bytes: 0, kind: SymbolKind::Function, name: "f".to_owned() };
        let block = |address, length_bytes, taken| Block { address, length_bytes, taken, not_taken: false };
        assert_eq!(
            blocks(&executed, &Symbols::default().with([symbol])),
            [block(0x100, 10, true), block(0x10a, 1, false), block(0x10b, 1, false), block(0x110, 4, false)]
        );
    }

    #[test]
    fn a_block_is_never_longer_than_formats_can_say() {
        let executed: Vec<_> = (0..0x1_8000_u32)
            .map(|address| (address, Place { times: 1, length_bytes: 1, ..Place::default() }))
            .collect();
        let blocks = blocks(&executed, &Symbols::default());
        assert_eq!(blocks.len(), 3);
        assert!(blocks.iter().all(|block| u32::from(block.length_bytes) == LONGEST_BYTES));
    }
}
