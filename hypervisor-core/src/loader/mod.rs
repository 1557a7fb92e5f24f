//! Reads an image: an ELF file becomes segments, an entry, notes and symbols, or one line that says why not.
//!
//! Only this folder names goblin. Not here: memory, and where an image is placed in it.

mod elf;
mod error;
mod notes;
mod symbols;

pub use elf::{Image, ProgramHeaders, Segment};
pub use error::LoadError;
pub use notes::Note;
pub use symbols::{Located, Symbol, SymbolKind, Symbols};

#[cfg(test)]
mod tests;
