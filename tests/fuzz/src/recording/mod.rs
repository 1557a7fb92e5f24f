//! Any frames are a recording or are refused with one line; a recording is shown and verified, whatever it claims.
//!
//! An input is a sequence of frames that are not compressed, so that what is changed in one is what the program reads:
//! the kind (4 bytes), the length (u32), unit and executed units (u64 each), and the content. Digests and lengths are
//! made right.

use emulator::Step;
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use recording::{Position, Recording, RecordingError};
use std::path::PathBuf;
use std::{env, fs, process};
use trace::pvt::{FrameHead, MAGIC};
use xxhash_rust::xxh3::xxh3_64;

const FRAME_HEAD_BYTES: usize = 24;
/// Where a head has these.
const KIND: usize = 8;
const UNIT: usize = 24;
const CONTENT_DIGEST: usize = 40;
const HEAD_DIGEST: usize = 48;

/// Units that are run again at most.
const UNITS: u64 = 200_000;
/// A guest that waits lets no unit pass in a slice.
const SLICES: u32 = 1_000;

/// Makes a trace file of the frames, opens, shows and verifies it.
pub fn check(frames: &[u8]) {
    let folder = if fs::exists("/dev/shm").unwrap_or(false) { PathBuf::from("/dev/shm") } else { env::temp_dir() };
    let path = folder.join(format!("paravane-fuzz-{}.pvt", process::id()));
    fs::write(&path, file_of(frames)).expect("the folder for temporary files can be written");
    let mut recording = match Recording::open(&path) {
        Ok(recording) => recording,
        Err(error) => return check_line(&error),
    };
    let told = recording.tell_events(|_, _| {});
    told.unwrap_or_else(|error| check_line(&error));
    let first = recording.reader().head(recording.reader().frame_count() - 1);
    for position in
        [Position::Unit(first.unit), Position::Instruction(PartitionId(0), 100), Position::Unit(u64::MAX)]
    {
        show(&mut recording, position);
    }
    let mut slices = 0;
    let verified = recording.verify(|units| {
        slices += 1;
        slices < SLICES && units < UNITS
    });
    verified.map_or_else(|error| check_line(&error), |_| ());
}

/// A window, from the last keyframe before it.
fn show(recording: &mut Recording, position: Position) {
    let mut replay = match recording.replay_before(position) {
        Ok(replay) => replay,
        Err(error) => return check_line(&error),
    };
    let (start, mut slices) = (replay.machine().clock().units(), 0);
    let mut shown = Shown(0);
    replay.run(&mut shown, |_, machine| {
        slices += 1;
        slices < SLICES && machine.clock().units() < start.saturating_add(UNITS)
    });
}

/// The file whose heads are right for what they are about.
fn file_of(mut frames: &[u8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    while let Some((head, rest)) = frames.split_first_chunk::<FRAME_HEAD_BYTES>() {
        let length = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
        let (raw, rest) = rest.split_at(rest.len().min(length as usize));
        frames = rest;
        let compressed = zstd::bulk::compress(raw, 1).expect("there is room");
        file.extend_from_slice(&head_of(head, raw.len(), &compressed));
        file.extend_from_slice(&compressed);
    }
    file
}

fn head_of(frame: &[u8; FRAME_HEAD_BYTES], raw_bytes: usize, compressed: &[u8]) -> [u8; FrameHead::BYTES] {
    let mut head = [0; FrameHead::BYTES];
    head[..KIND].copy_from_slice(b"\x51\x2a\x4d\x18\x30\0\0\0");
    head[KIND..12].copy_from_slice(&frame[..4]);
    head[12..16].copy_from_slice(&(compressed.len() as u32).to_le_bytes());
    head[16..20].copy_from_slice(&(raw_bytes as u32).to_le_bytes());
    head[UNIT..CONTENT_DIGEST].copy_from_slice(&frame[8..]);
    head[CONTENT_DIGEST..HEAD_DIGEST].copy_from_slice(&xxh3_64(compressed).to_le_bytes());
    let own = xxh3_64(&head[KIND..HEAD_DIGEST]);
    head[HEAD_DIGEST..].copy_from_slice(&own.to_le_bytes());
    head
}

fn check_line(error: &RecordingError) {
    let line = error.to_string();
    assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?} is not one line");
}

/// Looks at all that there is to be shown.
struct Shown(u64);

impl Recorder for Shown {
    const ACTIVE: bool = true;
    const INSTRUCTIONS: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0 ^= stamp.instruction ^ u64::from(step.eip);
    }

    fn event(&mut self, stamp: Stamp, _: &Event) {
        self.0 ^= stamp.unit;
    }
}
