//! The index of frames, and the last bytes of a file, which say where it is.

use super::FrameHead;
use hypervisor_core::config::PARTITIONS_MOST;
use postcard::take_from_bytes;
use serde::Serialize;

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

impl Entry {
    /// The place after its frame.
    pub fn end(&self) -> Option<u64> {
        let start = self.offset.checked_add(FrameHead::BYTES as u64)?;
        start.checked_add(u64::from(self.head.compressed_bytes))
    }
}

/// Numbers of units by partition that are kept at most. Keyframes beyond have none, and are found by their units alone.
const EXECUTED_BY_MOST: usize = 8 << 20;

/// Numbers of units by partition, as long as there is room for them.
#[derive(Debug, Default)]
pub struct ExecutedBy {
    kept: usize,
}

impl ExecutedBy {
    /// A list at the beginning of these bytes, and the bytes after it. None if it is damaged.
    pub fn take<'a>(&mut self, raw: &'a [u8]) -> Option<(Vec<u64>, &'a [u8])> {
        let (count, mut rest) = take_from_bytes::<usize>(raw).ok()?;
        // Each takes a byte at least.
        if count > rest.len().min(PARTITIONS_MOST) {
            return None;
        }
        let is_kept = self.kept + count <= EXECUTED_BY_MOST;
        let mut list = Vec::new();
        for _ in 0..count {
            let (executed, after) = take_from_bytes(rest).ok()?;
            rest = after;
            if is_kept {
                list.push(executed);
            }
        }
        self.kept += list.len();
        list.shrink_to_fit();
        Some((list, rest))
    }
}

#[derive(Serialize)]
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

/// The index from its bytes, of frames that follow each other from `first` on up to `end`; None if it is damaged.
pub fn decoded(bytes: &[u8], first: u64, end: u64) -> Option<Vec<Entry>> {
    let (count, mut rest) = take_from_bytes::<u64>(bytes).ok()?;
    let (mut entries, mut executed_by) = (Vec::new(), ExecutedBy::default());
    let mut expected = first;
    for _ in 0..count {
        let (offset, after) = take_from_bytes::<u64>(rest).ok()?;
        let (head, after) = take_from_bytes::<&[u8]>(after).ok()?;
        let head = FrameHead::from_bytes(head.try_into().ok()?)?;
        let (executed_by, after) = executed_by.take(after)?;
        let entry = Entry { offset, head, executed_by };
        if offset != expected || offset >= end {
            return None;
        }
        expected = entry.end()?;
        entries.push(entry);
        rest = after;
    }
    (expected == end && rest.is_empty()).then_some(entries)
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
