//! Names for addresses. A symbol table that is damaged costs the names, never the run.

use super::elf::CONTEXT;
use goblin::elf::header::Header;
use goblin::elf::section_header::{SHF_COMPRESSED, SHT_SYMTAB};
use goblin::elf::sym::{STT_FUNC, STT_NOTYPE, STT_OBJECT};
use goblin::elf::{SectionHeader, Sym};

/// More symbols than this are left out: a file must not make the host allocate without bound.
const SYMBOLS_MOST: usize = 1 << 17;
/// Longer names are cut.
const NAME_MOST_BYTES: usize = 255;
/// A label without a length is not taken to reach further.
const LABEL_MOST_BYTES: u32 = 4096;
const SYMBOL_BYTES: u64 = 16;
const SECTION_HEADER_BYTES: u16 = 40;

/// What a symbol names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum SymbolKind {
    /// A function.
    Function,
    /// A label without a type, as assembler code has them.
    Label,
    /// Data.
    Object,
}

/// A named address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Its address.
    pub address: u32,
    /// Its length; 0 if the file does not say, and the name is then good up to the next symbol.
    pub length_bytes: u32,
    /// What it names.
    pub kind: SymbolKind,
    /// Its name.
    pub name: String,
}

/// An address seen from the symbol before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Located<'a> {
    /// The symbol.
    pub symbol: &'a Symbol,
    /// How many bytes after its start.
    pub offset: u32,
}

/// The symbols of an image, by address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Symbols {
    sorted: Vec<Symbol>,
    /// For each symbol the highest end of all up to it: says when no earlier one can hold an address.
    reach: Vec<u64>,
}

impl Symbols {
    fn new(mut sorted: Vec<Symbol>) -> Self {
        // Functions before labels before objects at the same address; the rest of the order is for determinism.
        sorted.sort_by(|a, b| {
            (a.address, a.kind, b.length_bytes, &a.name).cmp(&(b.address, b.kind, a.length_bytes, &b.name))
        });
        let mut reach = Vec::with_capacity(sorted.len());
        let mut highest = 0_u64;
        for symbol in &sorted {
            let end = if symbol.length_bytes == 0 {
                u64::from(symbol.address) + u64::from(LABEL_MOST_BYTES)
            } else {
                u64::from(symbol.address) + u64::from(symbol.length_bytes)
            };
            highest = highest.max(end);
            reach.push(highest);
        }
        Self { sorted, reach }
    }

    /// These symbols and `more` of them.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = Symbol>) -> Self {
        Self::new(self.sorted.iter().cloned().chain(more).collect())
    }

    /// All of them, by address.
    #[must_use]
    pub fn all(&self) -> &[Symbol] {
        &self.sorted
    }

    /// The symbol with this name, the first by address.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Symbol> {
        self.sorted.iter().find(|symbol| symbol.name == name)
    }

    /// The innermost symbol that holds `address`.
    #[must_use]
    pub fn locate(&self, address: u32) -> Option<Located<'_>> {
        let after = self.sorted.partition_point(|symbol| symbol.address <= address);
        let mut best: Option<&Symbol> = None;
        for index in (0..after).rev() {
            let symbol = &self.sorted[index];
            if best.is_some_and(|best| best.address != symbol.address)
                || self.reach[index] <= u64::from(address)
            {
                break;
            }
            if self.holds(index, address) {
                best = Some(symbol);
            }
        }
        best.map(|symbol| Located { symbol, offset: address - symbol.address })
    }

    /// The innermost symbol that holds `address`, and an address up to which, at least, it is the innermost of all
    /// addresses from there: at least `address` itself.
    #[must_use]
    pub fn locate_up_to(&self, address: u32) -> (Option<Located<'_>>, u32) {
        let located = self.locate(address);
        // The symbols that begin up to here are the same up to the next one, and of these none comes to hold more.
        let after = self.sorted.partition_point(|symbol| symbol.address <= address);
        let next = self.sorted.get(after).map_or(u32::MAX, |symbol| symbol.address - 1);
        let last = located.map_or(u32::MAX, |Located { symbol, .. }| {
            let length = if symbol.length_bytes == 0 { LABEL_MOST_BYTES } else { symbol.length_bytes };
            symbol.address.saturating_add(length - 1)
        });
        (located, next.min(last).max(address))
    }

    fn holds(&self, index: usize, address: u32) -> bool {
        let symbol = &self.sorted[index];
        if symbol.length_bytes != 0 {
            return address - symbol.address < symbol.length_bytes;
        }
        // Without a length: good as long as no other symbol begins, and not for ever.
        let next = self.sorted.partition_point(|next| next.address <= symbol.address);
        let ends = self.sorted.get(next).is_some_and(|next| next.address <= address);
        address - symbol.address < LABEL_MOST_BYTES && !ends
    }
}

/// Reads the symbol table; whatever is damaged is left out.
pub(super) fn read_symbols(file: &[u8], header: &Header) -> Symbols {
    Symbols::new(symbols_of(file, header).unwrap_or_default())
}

/// The bytes of the section of this name, unless they are compressed.
pub(super) fn section_named<'a>(file: &'a [u8], header: &Header, name: &str) -> Option<&'a [u8]> {
    let sections = sections(file, header)?;
    let names = section_bytes(file, sections.get(usize::from(header.e_shstrndx))?)?;
    let is_named = |section: &&SectionHeader| {
        let found = names.get(section.sh_name..).and_then(|rest| rest.split(|byte| *byte == 0).next());
        found == Some(name.as_bytes())
    };
    let section = sections.iter().find(is_named)?;
    let is_compressed = section.sh_flags & u64::from(SHF_COMPRESSED) != 0;
    if is_compressed { None } else { section_bytes(file, section) }
}

fn sections(file: &[u8], header: &Header) -> Option<Vec<SectionHeader>> {
    if header.e_shnum == 0 || header.e_shentsize != SECTION_HEADER_BYTES {
        return None;
    }
    let offset = usize::try_from(header.e_shoff).ok()?;
    let end = offset.checked_add(usize::from(header.e_shnum) * usize::from(SECTION_HEADER_BYTES))?;
    if end > file.len() {
        return None;
    }
    SectionHeader::parse(file, offset, usize::from(header.e_shnum), CONTEXT).ok()
}

fn symbols_of(file: &[u8], header: &Header) -> Option<Vec<Symbol>> {
    let sections = sections(file, header)?;
    let table = sections.iter().find(|section| section.sh_type == SHT_SYMTAB)?;
    let strings = section_bytes(file, sections.get(table.sh_link as usize)?)?;
    let length = section_bytes(file, table)?.len() as u64;
    let count = usize::try_from(length / SYMBOL_BYTES).ok()?.min(SYMBOLS_MOST);
    let symbols = Sym::parse(file, table.sh_offset as usize, count, CONTEXT).ok()?;
    Some(symbols.iter().filter_map(|symbol| named_address(symbol, strings)).collect())
}

fn section_bytes<'a>(file: &'a [u8], section: &SectionHeader) -> Option<&'a [u8]> {
    let start = usize::try_from(section.sh_offset).ok()?;
    let length = usize::try_from(section.sh_size).ok()?;
    file.get(start..start.checked_add(length)?)
}

fn named_address(symbol: &Sym, strings: &[u8]) -> Option<Symbol> {
    let kind = match symbol.st_type() {
        STT_FUNC => SymbolKind::Function,
        STT_OBJECT => SymbolKind::Object,
        STT_NOTYPE => SymbolKind::Label,
        _ => return None,
    };
    // Section indexes 0 (undefined) and FFF1h (absolute) name no place in memory.
    if symbol.st_shndx == 0 || symbol.st_shndx >= 0xff00 {
        return None;
    }
    let text = strings.get(symbol.st_name..)?;
    let text = &text[..text.len().min(NAME_MOST_BYTES)];
    let text = text.split(|byte| *byte == 0).next().unwrap_or(text);
    if text.is_empty() {
        return None;
    }
    Some(Symbol {
        address: symbol.st_value as u32,
        length_bytes: symbol.st_size as u32,
        kind,
        name: String::from_utf8_lossy(text).escape_debug().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Symbol, SymbolKind, Symbols};

    fn symbol(address: u32, length_bytes: u32, name: &str) -> Symbol {
        Symbol { address, length_bytes, kind: SymbolKind::Function, name: name.to_owned() }
    }

    fn located(symbols: &Symbols, address: u32) -> Option<(String, u32)> {
        symbols.locate(address).map(|located| (located.symbol.name.clone(), located.offset))
    }

    #[test]
    fn an_address_is_found_in_the_innermost_symbol() {
        let symbols = Symbols::new(vec![symbol(0x100, 0x80, "outer"), symbol(0x110, 0x10, "inner")]);
        assert_eq!(located(&symbols, 0xff), None);
        assert_eq!(located(&symbols, 0x10f), Some(("outer".to_owned(), 0xf)));
        assert_eq!(located(&symbols, 0x118), Some(("inner".to_owned(), 8)));
        assert_eq!(located(&symbols, 0x120), Some(("outer".to_owned(), 0x20)));
        assert_eq!(located(&symbols, 0x180), None);
    }

    #[test]
    fn a_label_without_a_length_is_good_up_to_the_next_symbol() {
        let symbols = Symbols::new(vec![symbol(0x100, 0, "start"), symbol(0x140, 4, "next")]);
        assert_eq!(located(&symbols, 0x13f), Some(("start".to_owned(), 0x3f)));
        assert_eq!(located(&symbols, 0x144), None);
    }

    #[test]
    fn of_two_symbols_at_one_address_the_longer_function_wins() {
        let label = Symbol { kind: SymbolKind::Label, ..symbol(0x100, 0, "label") };
        let symbols = Symbols::new(vec![label, symbol(0x100, 8, "short"), symbol(0x100, 0x10, "whole")]);
        assert_eq!(located(&symbols, 0x104), Some(("whole".to_owned(), 4)));
    }
}
