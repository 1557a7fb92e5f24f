//! Whole files: what becomes of them.

mod damaged;
mod diagnostics;
mod documents;
mod proofs;
mod systems;

use crate::{Reading, Style, read, render};
use std::path::Path;

/// Everything that a system file can say.
pub const RICH: &str = include_str!("rich.toml");

/// Opens what the files of the tests name.
pub fn open(path: &Path) -> Result<Vec<u8>, String> {
    const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-images/prebuilt");
    let path = path.to_str().ok_or("no text")?;
    match (path, path.strip_prefix("builtin:")) {
        ("table.bin", _) => Ok(vec![1, 2, 3]),
        ("no.elf", _) => Ok(b"#!/bin/sh".to_vec()),
        ("large.elf", _) => Ok(changed_ticker(&[0, 0x10, 0x10, 0].repeat(2), 12, 1 << 20)),
        ("later.elf", _) => Ok(changed_ticker(b"Paravane\0\0\0\0", 12, 9 << 16)),
        (_, Some(name)) if name.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            std::fs::read(format!("{IMAGES}/{name}.elf")).map_err(|_| "there is no such sample".to_owned())
        }
        _ => Err("there is no such file: check the path".to_owned()),
    }
}

/// The sample with another word so many bytes behind the first of the given ones.
fn changed_ticker(found: &[u8], behind: usize, word: u32) -> Vec<u8> {
    let mut bytes = include_bytes!("../../../../guest-images/prebuilt/ticker.elf").to_vec();
    let place = bytes.windows(found.len()).position(|window| window == found).expect("it is there") + behind;
    bytes[place..place + 4].copy_from_slice(&word.to_le_bytes());
    bytes
}

/// What a file says.
pub fn read_text(text: &str) -> Reading {
    read(text, &mut open)
}

/// The diagnostics of a file as a person sees them.
pub fn shown(text: &str) -> String {
    render(&read_text(text).diagnostics, text, "system.toml", Style::Plain)
}

/// The first line of each diagnostic, with its place.
pub fn titles(text: &str) -> Vec<String> {
    let titles = read_text(text).diagnostics.into_iter().map(|diagnostic| {
        let line = 1 + text[..diagnostic.primary.span.start.min(text.len())].matches('\n').count();
        let kind = if diagnostic.severity == crate::Severity::Error { "error" } else { "warning" };
        format!("{line} {kind}: {}", diagnostic.title)
    });
    titles.collect()
}
