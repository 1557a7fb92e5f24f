//! Any frames are a recording or are refused with one line; a recording is shown, reported and verified, whatever it claims.

pub mod frames;
pub mod mutation;

mod keyframes;

use emulator::Step;
use emulator::decode::LONGEST_INSTRUCTION;
use frames::{Frame, file_of, frames_of};
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use recording::{Position, Recording, RecordingError};
use report::{About, Functions, Report};
use std::path::{Path, PathBuf};
use std::ops::ControlFlow;
use std::{env, fs, io, process};
use trace::pvt::{FrameKind, Reader, tell_addresses, tell_steps};
use trace::{SystemTrace, TextTrace};

/// Units that are run again at most.
const UNITS: u64 = 200_000;
/// A guest that waits lets no unit pass in a slice.
const SLICES: u32 = 1_000;
/// Bytes of text after which no more is looked at.
const TEXT_MOST: usize = 1 << 20;

/// Makes a trace file of the frames, opens, shows, reports and verifies it. Then it does so again with keyframes whose digests are right.
pub fn check(input: &[u8]) {
    let mut frames = frames_of(input);
    let Some(recording) = checked(&frames) else { return };
    let Ok(subject) = recording.subject() else { return };
    let config = subject.config.clone();
    if keyframes::make_right(&mut frames, &config) {
        checked(&frames);
    }
}

fn checked(frames: &[Frame]) -> Option<Recording> {
    let folder =
        if fs::exists("/dev/shm").unwrap_or(false) { PathBuf::from("/dev/shm") } else { env::temp_dir() };
    let path = folder.join(format!("paravane-fuzz-{}.pvt", process::id()));
    fs::write(&path, file_of(frames)).expect("the folder for temporary files can be written");
    let recording = look(&path);
    // The file of a finding is in the way of nobody.
    let _ = fs::remove_file(&path);
    recording
}

fn look(path: &Path) -> Option<Recording> {
    let mut recording = match Recording::open(path) {
        Ok(recording) => recording,
        Err(error) => {
            check_line(&error);
            return None;
        }
    };
    recording.last_unit().map_or_else(|error| check_line(&error), |_| ());
    tell(&mut recording);
    report(&mut recording).unwrap_or_else(|error| check_line(&error));
    tell_instructions(path, &recording);
    let last = recording.reader().head(recording.reader().frame_count() - 1).unit;
    for position in
        [Position::Unit(last), Position::Instruction(PartitionId(0), 3000), Position::Unit(u64::MAX)]
    {
        show(&mut recording, position);
    }
    for span in recording.spans() {
        recording.event_units(&span).map_or_else(|error| check_line(&error), |_| ());
    }
    let mut slices = 0;
    let verified = recording.verify(|units| {
        slices += 1;
        slices < SLICES && units < UNITS
    });
    verified.map_or_else(|error| check_line(&error), |_| ());
    Some(recording)
}

/// The events as text.
fn tell(recording: &mut Recording) {
    let traced = recording.traced().clone();
    let mut text = TextTrace::new(&traced);
    let mut lines = SystemTrace::new(&traced, |_| true);
    let told = recording.tell_events(|stamp, event| {
        if text.text().len() < TEXT_MOST {
            text.event(stamp, &event);
            lines.event(stamp, &event);
        }
    });
    told.unwrap_or_else(|error| check_line(&error));
    if let Some(end) = recording.end() {
        text.end(end);
        lines.end(end);
    }
    for bytes in [text.text(), lines.text()] {
        let is_plain = |byte: &u8| *byte == b'\n' || !byte.is_ascii_control();
        assert!(bytes.iter().all(is_plain), "control characters reach a terminal");
    }
}

/// The page of all its events.
fn report(recording: &mut Recording) -> Result<(), RecordingError> {
    let last_unit = recording.last_unit()?;
    let config = recording.subject()?.config.clone();
    let mut report = Report::new(recording.traced(), &config, last_unit, (0, u64::MAX));
    recording.tell_events(|stamp, event| report.event(stamp, &event))?;
    let about = About {
        file: String::new(),
        header: recording.header(),
        end: recording.end(),
        last_unit,
        bytes: 0,
        totals: None,
    };
    let written = report.write(&about, &config, Functions::default(), io::sink());
    written.expect("a sink takes everything");
    Ok(())
}

/// The instructions that the frames hold, without running again.
fn tell_instructions(path: &Path, recording: &Recording) {
    let Ok(mut reader) = Reader::open(path) else { return };
    let (rate, partitions) = (recording.traced().rate, recording.traced().partitions.len());
    for frame in 0..reader.frame_count() {
        let kind = reader.head(frame).kind;
        if !matches!(kind, FrameKind::Addresses | FrameKind::Instructions) {
            continue;
        }
        let Ok(raw) = reader.read(frame) else { continue };
        let mut told = 0;
        let mut count = |stamp: Stamp| {
            assert!(stamp.partition.index() < partitions);
            told += 1;
            if told < UNITS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        if kind == FrameKind::Addresses {
            tell_addresses(&raw, rate, partitions, |stamp, _, bytes| {
                assert!((1..=LONGEST_INSTRUCTION).contains(&bytes.len()));
                count(stamp)
            });
        } else {
            tell_steps(&raw, rate, partitions, |stamp, _| count(stamp));
        }
    }
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

fn check_line(error: &RecordingError) {
    let line = error.to_string();
    assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?} is not one line");
}

/// Looks at all that there is to be shown.
struct Shown(u64);

impl Recorder for Shown {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0 ^= stamp.instruction ^ u64::from(step.eip);
    }

    fn event(&mut self, stamp: Stamp, _: &Event) {
        self.0 ^= stamp.unit;
    }
}
