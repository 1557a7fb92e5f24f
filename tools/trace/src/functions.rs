//! Which function an address belongs to, for whoever follows calls. Other than `Symbols::locate` it prefers the function to a label
//! inside it, counts the part of a function that a compiler moved away (`name.cold`) to the function, and gives code without a symbol
//! a function for each address at which it is entered.
//!
//! Not here: lines, and how functions call each other.

use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// More functions without a symbol are not told apart: a guest must not make the host allocate without bound.
const UNNAMED_MOST: usize = 1 << 18;
/// A symbol without a length is not taken to reach further.
const UNSIZED_MOST_BYTES: u32 = 4096;

/// A function of a partition; the number is that of a trace, and means nothing in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

impl FunctionId {
    /// Its place in a list of all.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Its name, or its address where there is no symbol.
    pub name: String,
    /// The address at which it is entered.
    pub entry: u32,
    /// Whether a symbol names it.
    pub is_named: bool,
}

/// Addresses that belong together: to a function, or to none that has a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chunk {
    pub first: u32,
    pub last: u32,
    pub owner: Option<FunctionId>,
}

impl Chunk {
    pub fn contains(&self, address: u32) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// The functions of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    all: Vec<Function>,
    /// By address, without gaps and overlaps.
    chunks: Vec<Chunk>,
    unnamed: HashMap<u32, FunctionId>,
}

impl Functions {
    pub fn new(symbols: &Symbols) -> Self {
        let code: Vec<&Symbol> =
            symbols.all().iter().filter(|symbol| symbol.kind != SymbolKind::Object).collect();
        let ends = ends(symbols, &code);
        let mut all = Vec::new();
        let mut by_name: HashMap<&str, FunctionId> = HashMap::new();
        for symbol in &code {
            by_name.entry(&symbol.name).or_insert(FunctionId(all.len() as u32));
            all.push(Function { name: symbol.name.clone(), entry: symbol.address, is_named: true });
        }
        let owners = code.iter().enumerate().map(|(index, symbol)| {
            let moved = symbol.name.split_once(".cold").and_then(|(name, _)| by_name.get(name));
            moved.copied().unwrap_or(FunctionId(index as u32))
        });
        let chunks = chunks(&code, &ends, &owners.collect::<Vec<_>>());
        Self { all, chunks, unnamed: HashMap::new() }
    }

    pub fn get(&self, id: FunctionId) -> &Function {
        &self.all[id.index()]
    }

    /// What an address belongs to.
    pub fn chunk(&self, address: u32) -> Chunk {
        self.chunks[self.chunks.partition_point(|chunk| chunk.last < address)]
    }

    /// Whether an address is part of a function; all code without a symbol up to the next symbol is part of each of its functions.
    pub fn contains(&self, id: FunctionId, address: u32) -> bool {
        match self.chunk(address).owner {
            Some(owner) => owner == id,
            None => !self.get(id).is_named && self.chunk(address) == self.chunk(self.get(id).entry),
        }
    }

    /// The function that is entered at an address.
    pub fn entered(&mut self, address: u32) -> FunctionId {
        if let Some(owner) = self.chunk(address).owner {
            return owner;
        }
        // The last one stands for all that are too many.
        let (id, is_last) = (FunctionId(self.all.len() as u32), self.unnamed.len() == UNNAMED_MOST - 1);
        if self.unnamed.len() == UNNAMED_MOST && !self.unnamed.contains_key(&address) {
            return FunctionId(self.all.len() as u32 - 1);
        }
        *self.unnamed.entry(address).or_insert_with(|| {
            let name = if is_last { "(more)".to_owned() } else { format!("0x{address:08x}") };
            self.all.push(Function { name, entry: address, is_named: false });
            id
        })
    }
}

/// The last address of each symbol.
fn ends(symbols: &Symbols, code: &[&Symbol]) -> Vec<u32> {
    let starts = symbols.all();
    let last = |symbol: &&Symbol| {
        let longest = symbol.address.saturating_add(match symbol.length_bytes {
            0 => UNSIZED_MOST_BYTES - 1,
            length => length - 1,
        });
        let next = starts.partition_point(|next| next.address <= symbol.address);
        match starts.get(next) {
            Some(next) if symbol.length_bytes == 0 => longest.min(next.address - 1),
            _ => longest,
        }
    };
    code.iter().map(last).collect()
}

/// Cuts the address space: each address belongs to the innermost function, else to the innermost label, else to nobody.
fn chunks(code: &[&Symbol], ends: &[u32], owners: &[FunctionId]) -> Vec<Chunk> {
    let mut cuts: Vec<u32> = code.iter().map(|symbol| symbol.address).collect();
    cuts.extend(ends.iter().filter_map(|last| last.checked_add(1)));
    cuts.push(0);
    cuts.sort_unstable();
    cuts.dedup();
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut open = BinaryHeap::new();
    let mut next = 0;
    for (place, &first) in cuts.iter().enumerate() {
        while let Some(symbol) = code.get(next).filter(|symbol| symbol.address <= first) {
            open.push((symbol.kind == SymbolKind::Function, symbol.address, Reverse(next)));
            next += 1;
        }
        while open.peek().is_some_and(|(_, _, Reverse(index))| ends[*index] < first) {
            open.pop();
        }
        let last = cuts.get(place + 1).map_or(u32::MAX, |next| next - 1);
        let owner = open.peek().map(|(_, _, Reverse(index))| owners[*index]);
        match chunks.last_mut() {
            Some(before) if before.owner == owner => before.last = last,
            _ => chunks.push(Chunk { first, last, owner }),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::{Functions, UNNAMED_MOST};
    use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};

    fn functions(symbols: &[(u32, u32, SymbolKind, &str)]) -> Functions {
        let symbols = symbols.iter().map(|&(address, length_bytes, kind, name)| Symbol {
            address,
            length_bytes,
            kind,
            name: name.to_owned(),
        });
        Functions::new(&Symbols::default().with(symbols))
    }

    fn name(functions: &mut Functions, address: u32) -> String {
        let id = functions.entered(address);
        functions.get(id).name.clone()
    }

    #[test]
    fn a_label_in_a_function_is_part_of_the_function() {
        let mut functions = functions(&[
            (0x100, 0x40, SymbolKind::Function, "outer"),
            (0x110, 0, SymbolKind::Label, "label"),
            (0x120, 0x10, SymbolKind::Function, "inner"),
            (0x140, 0, SymbolKind::Label, "behind"),
            (0x150, 0x10, SymbolKind::Object, "data"),
        ]);
        for (address, expected) in [
            (0xff, "0x000000ff"),
            (0x100, "outer"),
            (0x118, "outer"),
            (0x12f, "inner"),
            (0x130, "outer"),
            (0x14f, "behind"),
            (0x150, "0x00000150"),
            (u32::MAX, "0xffffffff"),
        ] {
            assert_eq!(name(&mut functions, address), expected, "{address:x}");
        }
    }

    #[test]
    fn a_part_that_was_moved_away_belongs_to_its_function() {
        let mut functions = functions(&[
            (0x100, 0x10, SymbolKind::Function, "parse.cold"),
            (0x200, 0x40, SymbolKind::Function, "parse"),
        ]);
        assert_eq!(name(&mut functions, 0x104), "parse");
        let id = functions.entered(0x200);
        assert!(functions.contains(id, 0x10f) && !functions.contains(id, 0x110));
    }

    #[test]
    fn functions_without_a_symbol_are_told_apart_up_to_a_bound() {
        let mut functions = functions(&[(0x1000, 0, SymbolKind::Function, "one")]);
        for address in 0..UNNAMED_MOST as u32 + 100 {
            functions.entered(0x10_0000 + address);
        }
        assert_eq!(functions.all.len(), UNNAMED_MOST + 1);
        assert_eq!(name(&mut functions, 0x10_0000), "0x00100000");
        assert_eq!(name(&mut functions, 0x2000_0000), "(more)");
    }

    #[test]
    fn symbols_at_the_ends_of_the_address_space_do_no_harm() {
        let mut functions = functions(&[
            (0, u32::MAX, SymbolKind::Function, "all"),
            (0xffff_fff0, 0xffff_fff0, SymbolKind::Function, "end"),
            (0xffff_ffff, 0, SymbolKind::Label, "last"),
        ]);
        assert_eq!(name(&mut functions, 0), "all");
        assert_eq!(name(&mut functions, u32::MAX), "end");
    }
}
