//! The index of frames, and the last bytes of a file, which say where it is.

use super::FrameHead;
use serde::{Deserialize, Serialize};

/// The last bytes of a complete file: a skippable frame with the place of the index.
const SKIPPABLE: [u8; 8] = *b"\x52\x2a\x4d\x18\x10\0\0\0";
const TAG: [u8; 8] = *b"PVTINDEX";
/// The length of these bytes.
pub const FOOTER_BYTES: usize = 24;

/// A frame, and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The place of its head in the file.
    pub offset: u64,
    /// Its head.
    pub head: FrameHead,
    /// Of a keyframe, how many units each partition has executed.
    pub executed_by: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    offset: u64,
    head: Vec<u8>,
    executed_by: Vec<u64>,
}

/// The index, to be compressed.
pub fn encoded(entries: &[Entry]) -> Vec<u8> {
    let rows: Vec<Row> = entries
        .iter()
        .map(|entry| Row {
            offset: entry.offset,
            head: entry.head.to_bytes().to_vec(),
            executed_by: entry.executed_by.clone(),
        })
        .collect();
    postcard::to_allocvec(&rows).unwrap_or_default()
}

/// The index from its bytes; None if it is damaged.
pub fn decoded(bytes: &[u8]) -> Option<Vec<Entry>> {
    let rows: Vec<Row> = postcard::from_bytes(bytes).ok()?;
    rows.into_iter()
        .map(|row| {
            let head = FrameHead::from_bytes(row.head.as_slice().try_into().ok()?)?;
            Some(Entry { offset: row.offset, head, executed_by: row.executed_by })
        })
        .collect()
}

/// The last bytes of a file whose index is at `offset`.
pub fn footer(offset: u64) -> [u8; FOOTER_BYTES] {
    let mut bytes = [0; FOOTER_BYTES];
    bytes[..8].copy_from_slice(&SKIPPABLE);
    bytes[8..16].copy_from_slice(&offset.to_le_bytes());
    bytes[16..].copy_from_slice(&TAG);
    bytes
}

/// Where the index is, from the last bytes of a file.
pub fn index_offset(footer: &[u8; FOOTER_BYTES]) -> Option<u64> {
    let is_one = footer[..8] == SKIPPABLE && footer[16..] == TAG;
    is_one.then(|| u64::from_le_bytes(footer[8..16].try_into().expect("eight bytes")))
}
