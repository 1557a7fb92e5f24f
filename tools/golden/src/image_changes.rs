//! How an image differs from the accepted one: by build id, and by the functions and data that it names.
//!
//! Bytes are compared, not instructions: a word that holds an address of the same thing in both is the same.

use crate::archive::Archive;
use crate::case::Case;
use crate::verdict::FileHash;
use hypervisor_core::Image;
use hypervisor_core::loader::{Symbol, SymbolKind};
use std::collections::BTreeMap;
use std::path::Path;

/// Symbols may overlap, so that a file can name more bytes than it has.
const COMPARED_MOST_BYTES: usize = 256 << 20;
/// What has no name is the same if so many bytes are.
const UNNAMED_BYTES: usize = 16;

/// An image that is not the accepted one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageChange {
    /// As the case or the system file names it.
    pub name: String,
    /// What tells the accepted one apart, in words; None if there was none of this name.
    pub accepted: Option<String>,
    /// And the one of now.
    pub now: String,
    /// What differs, or why that is not known.
    pub symbols: Result<SymbolChanges, String>,
}

/// Functions and data of an image that are not those of another, by their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SymbolChanges {
    /// Those that have other bytes.
    pub changed: Vec<String>,
    /// Those that only the newer one has.
    pub added: Vec<String>,
    /// Those that only the older one has.
    pub removed: Vec<String>,
    /// How many are the same at another address.
    pub moved: usize,
}

/// The images of these names of a case, each with how it differs from the accepted one.
pub fn image_changes(
    case: &Case,
    names: &[String],
    accepted: &[FileHash],
    archive: &Archive,
) -> Vec<ImageChange> {
    let (Ok(files), Ok(hashes)) = (case.files(), crate::execute::files_of(case)) else { return Vec::new() };
    let images = names
        .iter()
        .filter_map(|name| hashes.iter().find(|file| file.name == *name && file.build_id.is_some()));
    let change = |file: &FileHash| {
        let old = accepted.iter().find(|old| old.name == file.name);
        let symbols = old.ok_or_else(|| "it is new".to_owned()).and_then(|old| {
            let missing = || "the accepted file is not kept here, and not in git".to_owned();
            let old = archive.file(case, old).ok_or_else(missing)?;
            let new = files.get(Path::new(&file.name)).ok_or_else(missing)?;
            symbol_changes(&old, new)
        });
        ImageChange { name: file.name.clone(), accepted: old.map(identity), now: identity(file), symbols }
    };
    images.map(change).collect()
}

fn identity(file: &FileHash) -> String {
    match file.build_id.as_deref() {
        Some("") | None => format!("hash {} without a build id", file.hash),
        Some(build_id) => format!("build id {build_id}"),
    }
}

fn symbol_changes(old: &[u8], new: &[u8]) -> Result<SymbolChanges, String> {
    let read = |bytes| Image::read(bytes).map_err(|error| error.to_string());
    let (old, new) = (read(old)?, read(new)?);
    let (of_old, of_new) = (named(&old), named(&new));
    if of_old.is_empty() || of_new.is_empty() {
        return Err("it has no symbols".to_owned());
    }
    let (mut changes, mut compared) = (SymbolChanges::default(), 0_usize);
    for (name, symbol) in &of_old {
        let Some(other) = of_new.get(name) else {
            changes.removed.push(name.0.to_owned());
            continue;
        };
        let (a, b) = (
            bytes_at(&old, symbol.address, symbol.length_bytes),
            bytes_at(&new, other.address, other.length_bytes),
        );
        compared = compared.saturating_add(a.len());
        if compared > COMPARED_MOST_BYTES {
            return Err("its symbols overlap too much".to_owned());
        }
        let is_same = symbol.length_bytes == other.length_bytes
            && is_alike((&old, symbol.address, a), (&new, other.address, b));
        if !is_same {
            changes.changed.push(name.0.to_owned());
        } else if symbol.address != other.address {
            changes.moved += 1;
        }
    }
    let added = of_new.keys().filter(|name| !of_old.contains_key(*name));
    changes.added = added.map(|(name, _)| (*name).to_owned()).collect();
    Ok(changes)
}

/// Functions and data with a length, by their names; of several with one name also by their order.
fn named(image: &Image) -> BTreeMap<(&str, usize), &Symbol> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut named = BTreeMap::new();
    let is_one = |symbol: &&Symbol| symbol.kind != SymbolKind::Label && symbol.length_bytes > 0;
    for symbol in image.symbols.all().iter().filter(is_one) {
        let count = counts.entry(&symbol.name).or_default();
        named.insert((symbol.name.as_str(), *count), symbol);
        *count += 1;
    }
    named
}

/// What the file holds of some bytes in memory; zeros that it does not hold are left out.
fn bytes_at(image: &Image, address: u32, length_bytes: u32) -> &[u8] {
    let holds = |start: u32, end: u64| start <= address && u64::from(address) < end;
    let Some(segment) = image.segments.iter().find(|segment| holds(segment.address, segment.end())) else {
        return &[];
    };
    let rest = segment.bytes.get((address - segment.address) as usize..).unwrap_or_default();
    &rest[..rest.len().min(length_bytes as usize)]
}

type Place<'a> = (&'a Image, u32, &'a [u8]);

/// Whether bytes at two addresses are the same, but for words that hold addresses of the same.
fn is_alike(a: Place<'_>, b: Place<'_>) -> bool {
    let length = a.2.len();
    if length != b.2.len() {
        return false;
    }
    let word = |bytes: &[u8], place: usize| {
        let bytes = bytes.get(place..place + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let refers_alike = |place: usize| {
        let (Some(of_a), Some(of_b)) = (word(a.2, place), word(b.2, place)) else { return false };
        let after = (place as u32).wrapping_add(4);
        let relative = |start: u32, value: u32| start.wrapping_add(after).wrapping_add(value);
        is_same_thing((a.0, of_a), (b.0, of_b))
            || is_same_thing((a.0, relative(a.1, of_a)), (b.0, relative(b.1, of_b)))
    };
    let mut place = 0;
    while place < length {
        if a.2[place] == b.2[place] {
            place += 1;
            continue;
        }
        match (place.saturating_sub(3)..=place).rev().find(|start| refers_alike(*start)) {
            Some(start) => place = start + 4,
            None => return false,
        }
    }
    true
}

fn is_same_thing(a: (&Image, u32), b: (&Image, u32)) -> bool {
    let located = (a.0.symbols.locate(a.1), b.0.symbols.locate(b.1));
    if let (Some(of_a), Some(of_b)) = located {
        // A label without a length may only happen to lie before something that has no name.
        let has_length = of_a.symbol.length_bytes > 0 || of_b.symbol.length_bytes > 0;
        let is_same = (&of_a.symbol.name, of_a.offset) == (&of_b.symbol.name, of_b.offset);
        if is_same || has_length {
            return is_same;
        }
    }
    let unnamed = |(image, address): (&Image, u32)| -> Vec<u8> {
        bytes_at(image, address, UNNAMED_BYTES as u32).to_vec()
    };
    let (of_a, of_b) = (unnamed(a), unnamed(b));
    !of_a.is_empty() && of_a == of_b
}
