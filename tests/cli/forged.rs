//! Trace files as nobody would write them: the frames of a true one, changed, with lengths, digests and an index that are right.

use super::paravane::TemporaryFile;
use std::path::Path;
use trace::pvt::{FrameHead, FrameKind, Header, MAGIC, Reader};
use xxhash_rust::xxh3::xxh3_64;

/// A frame, not compressed.
#[derive(Clone)]
pub struct Frame {
    pub kind: FrameKind,
    pub unit: u64,
    pub executed: u64,
    pub raw: Vec<u8>,
    /// What the index says of it.
    pub executed_by: Vec<u64>,
}

impl Frame {
    /// A frame from the start of the run.
    pub fn new(kind: FrameKind, raw: Vec<u8>) -> Self {
        Self { kind, unit: 0, executed: 0, raw, executed_by: Vec::new() }
    }
}

/// The frames of a file.
pub fn frames_of(file: &TemporaryFile) -> Vec<Frame> {
    let path: &std::ffi::OsStr = file.as_ref();
    let mut reader = Reader::open(Path::new(path)).expect("a trace file");
    let count = reader.frame_count();
    let frame = |number| {
        let (head, executed_by) = (*reader.head(number), reader.executed_by(number).to_vec());
        let raw = reader.read(number).expect("a whole frame");
        Frame { kind: head.kind, unit: head.unit, executed: head.executed, raw, executed_by }
    };
    (0..count).map(frame).collect()
}

/// The place of the first frame of a kind.
pub fn place_of(frames: &[Frame], kind: FrameKind) -> usize {
    frames.iter().position(|frame| frame.kind == kind).expect("there is such a frame")
}

/// Changes the header.
pub fn change_header(frames: &mut [Frame], change: impl FnOnce(&mut Header)) {
    let mut header = postcard::from_bytes(&frames[0].raw).expect("a header");
    change(&mut header);
    frames[0].raw = postcard::to_allocvec(&header).expect("bytes");
}

/// A file of the frames, with an index.
pub fn file_of(frames: &[Frame]) -> Vec<u8> {
    let (mut file, rows) = without_index(frames);
    let index = postcard::to_allocvec(&rows).expect("bytes");
    end_with(&mut file, &index);
    file
}

/// Ends a file with these bytes as its index.
pub fn end_with(file: &mut Vec<u8>, index: &[u8]) {
    let place = file.len() as u64;
    file.extend(head_and_content(&Frame::new(FrameKind::Index, index.to_vec())).1);
    file.extend_from_slice(b"\x52\x2a\x4d\x18\x10\0\0\0");
    file.extend_from_slice(&place.to_le_bytes());
    file.extend_from_slice(b"PVTINDEX");
}

/// A row of the index.
type Row = (u64, Vec<u8>, Vec<u64>);

/// A file of the frames that was cut off, and the rows of an index.
pub fn without_index(frames: &[Frame]) -> (Vec<u8>, Vec<Row>) {
    let (mut file, mut rows) = (MAGIC.to_vec(), Vec::new());
    for frame in frames {
        let (head, bytes) = head_and_content(frame);
        rows.push((file.len() as u64, head, frame.executed_by.clone()));
        file.extend(bytes);
    }
    (file, rows)
}

fn head_and_content(frame: &Frame) -> (Vec<u8>, Vec<u8>) {
    let compressed = zstd::bulk::compress(&frame.raw, 1).expect("there is room");
    let head = FrameHead {
        kind: frame.kind,
        compressed_bytes: compressed.len() as u32,
        raw_bytes: frame.raw.len() as u32,
        unit: frame.unit,
        executed: frame.executed,
        digest: xxh3_64(&compressed),
    };
    let head = head.to_bytes().to_vec();
    let bytes = [head.clone(), compressed].concat();
    (head, bytes)
}
