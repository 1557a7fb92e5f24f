//! An input of the target: the frames of a trace file, not compressed and without digests, so that a change reaches what reads them.
//! Each is its kind (4 bytes), the length of its content (u32), unit and executed units (u64 each), and the content.

use trace::pvt::{FrameHead, MAGIC};
use xxhash_rust::xxh3::xxh3_64;

const HEAD_BYTES: usize = 24;
/// Where a head of the file has these.
const KIND: usize = 8;
const UNIT: usize = 24;
const CONTENT_DIGEST: usize = 40;
const HEAD_DIGEST: usize = 48;

/// The kind of the index. Without content it becomes one that is right.
pub const INDEX: [u8; 4] = *b"INDX";

/// A frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    pub kind: [u8; 4],
    pub unit: u64,
    pub executed: u64,
    pub content: Vec<u8>,
}

/// The frames of an input; the last one may be shorter than it says.
pub fn frames_of(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() {
        let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let length = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
        let (content, rest) = rest.split_at(rest.len().min(length as usize));
        let kind = head[..4].try_into().expect("four bytes");
        frames.push(Frame { kind, unit: long(8), executed: long(16), content: content.to_vec() });
        bytes = rest;
    }
    frames
}

/// The input with these frames.
pub fn input_of(frames: &[Frame]) -> Vec<u8> {
    let bytes = |frame: &Frame| {
        let length = (frame.content.len() as u32).to_le_bytes();
        [&frame.kind[..], &length, &frame.unit.to_le_bytes(), &frame.executed.to_le_bytes(), &frame.content]
            .concat()
    };
    frames.iter().flat_map(bytes).collect()
}

/// The trace file of the frames. Digests and lengths are right; with a frame of kind [`INDEX`] it has an index.
pub fn file_of(frames: &[Frame]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    let mut rows: Vec<(u64, Vec<u8>, Vec<u64>)> = Vec::new();
    for frame in frames {
        let place = file.len() as u64;
        if frame.kind == INDEX {
            let index = postcard::to_allocvec(&rows).expect("there is room");
            let content = if frame.content.is_empty() { index } else { frame.content.clone() };
            let (head, compressed) = head_and_compressed(&Frame { content, ..frame.clone() });
            file.extend(
                [&head[..], &compressed, b"\x52\x2a\x4d\x18\x10\0\0\0", &place.to_le_bytes(), b"PVTINDEX"]
                    .concat(),
            );
            continue;
        }
        let (head, compressed) = head_and_compressed(frame);
        let executed_by = if frame.kind == *b"KEYF" {
            postcard::take_from_bytes(&frame.content).map_or_else(|_| Vec::new(), |(list, _)| list)
        } else {
            Vec::new()
        };
        rows.push((place, head.to_vec(), executed_by));
        file.extend([&head[..], &compressed].concat());
    }
    file
}

fn head_and_compressed(frame: &Frame) -> ([u8; FrameHead::BYTES], Vec<u8>) {
    let compressed = zstd::bulk::compress(&frame.content, 1).expect("there is room");
    // By hand: the kind may be none.
    let mut head = [0; FrameHead::BYTES];
    head[..KIND].copy_from_slice(b"\x51\x2a\x4d\x18\x30\0\0\0");
    head[KIND..12].copy_from_slice(&frame.kind);
    head[12..16].copy_from_slice(&(compressed.len() as u32).to_le_bytes());
    head[16..20].copy_from_slice(&(frame.content.len() as u32).to_le_bytes());
    head[UNIT..32].copy_from_slice(&frame.unit.to_le_bytes());
    head[32..CONTENT_DIGEST].copy_from_slice(&frame.executed.to_le_bytes());
    head[CONTENT_DIGEST..HEAD_DIGEST].copy_from_slice(&xxh3_64(&compressed).to_le_bytes());
    let own = xxh3_64(&head[KIND..HEAD_DIGEST]);
    head[HEAD_DIGEST..].copy_from_slice(&own.to_le_bytes());
    (head, compressed)
}
