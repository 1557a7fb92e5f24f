//! Recordings that are right, and those of other versions.

use crate::keyframe;
use crate::{Depth, Files, Full, GuestOptions, Position, Recording, RunWriter, Subject, Unattended};
use emulator::SEMANTICS;
use hypervisor_core::{Machine, Unrecorded};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use trace::RunEnd;
use trace::pvt::{FrameKind, Header, Reader, Writer};

mod lies;
mod stored;

/// A guest that never ends.
const LOAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-images/systems/prebuilt/load.elf");

/// A file that goes at the end of the test.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("paravane-recording-{}-{number}.pvt", std::process::id())))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A recorded run of so many units, with a keyframe every so often.
fn record(path: &str, units: u64, every: u64) -> TemporaryFile {
    record_with::<Full>(path, units, every)
}

/// The same, with more than running again needs.
fn record_with<D: Depth>(path: &str, units: u64, every: u64) -> TemporaryFile {
    let file = TemporaryFile::new();
    let subject = Subject::open(Path::new(path), GuestOptions::default(), Files::default()).unwrap();
    let out = Box::new(File::create(&file.0).unwrap());
    let run = Unattended {
        input: Some(b"one\ntwo\n".to_vec()),
        executed_units: Some(units),
        keyframe_units: Some(every),
        ..Unattended::default()
    };
    crate::record::<D>(out, &subject, &run).unwrap();
    file
}

/// A frame: kind, units of virtual time, content, and of a keyframe what each partition has executed.
type Frame = (FrameKind, u64, Vec<u8>, Vec<u64>);

/// The file with other frames, and another header.
fn forged(
    file: &TemporaryFile,
    change_header: impl FnOnce(&mut Header),
    change: impl FnOnce(&mut Vec<Frame>),
) -> TemporaryFile {
    let mut reader = Reader::open(&file.0).unwrap();
    let mut header = reader.header().clone();
    change_header(&mut header);
    let mut frames = Vec::new();
    for number in 1..reader.frame_count() {
        let (head, executed_by) = (*reader.head(number), reader.executed_by(number).to_vec());
        frames.push((head.kind, head.unit, reader.read(number).unwrap(), executed_by));
    }
    change(&mut frames);
    let forged = TemporaryFile::new();
    let mut writer = Writer::new(Box::new(File::create(&forged.0).unwrap()), &header);
    for (kind, unit, raw, executed_by) in frames {
        match kind {
            FrameKind::Keyframe => writer.keyframe(unit, executed_by, raw).unwrap(),
            kind => writer.frame(kind, unit, 0, raw).unwrap(),
        }
    }
    writer.finish().unwrap();
    forged
}

/// The file with another end.
fn ending(file: &TemporaryFile, change: impl FnOnce(&mut RunEnd)) -> TemporaryFile {
    let change_end = |frames: &mut Vec<Frame>| {
        let frame = frames.iter_mut().find(|(kind, ..)| *kind == FrameKind::End).unwrap();
        let mut end: RunEnd = postcard::from_bytes(&frame.2).unwrap();
        change(&mut end);
        frame.2 = postcard::to_allocvec(&end).unwrap();
    };
    forged(file, |_| (), change_end)
}

fn open(file: &TemporaryFile) -> Recording {
    Recording::open(&file.0).unwrap()
}

/// What is wrong with it, from opening to running all of it again.
fn error_of(file: &TemporaryFile) -> String {
    let verified = Recording::open(&file.0).and_then(|mut recording| recording.verify(|_| true));
    let line = verified.expect_err("it is not right").to_string();
    assert!(!line.contains(char::is_control), "{line:?}");
    line
}

/// Runs all of it again; the units that were executed.
fn run_again(recording: &mut Recording) -> u64 {
    let mut replay = recording.replay_before(Position::Unit(0)).unwrap();
    replay.run(&mut Unrecorded, |_, _| true);
    replay.machine().executed()
}

#[test]
fn a_recording_with_many_keyframes_is_right() {
    for (path, units, every) in
        [(LOAD, 100_000, 3_000), ("builtin:echo", 100_000, 100), ("builtin:flight", 1_000_000, 2_000)]
    {
        let verified = open(&record(path, units, every)).verify(|_| true).unwrap();
        assert!(verified.ends_alike && verified.keyframes >= 3, "{path}: {verified:?}");
    }
}

#[test]
fn each_instant_is_reached_from_each_keyframe_before_it() {
    let file = record("builtin:echo", 100_000, 100);
    let (whole, none) = (
        open(&file),
        forged(
            &file,
            |_| (),
            |frames| {
                frames.retain(|(kind, ..)| !matches!(kind, FrameKind::Keyframe | FrameKind::Pages));
            },
        ),
    );
    let (mut whole, mut none) = (whole, open(&none));
    let last = whole.last_unit().unwrap();
    for unit in (0..=last).step_by(37) {
        let digests = [&mut whole, &mut none].map(|recording| {
            let mut replay = recording.replay_before(Position::Unit(unit)).unwrap();
            replay.go_to(Position::Unit(unit));
            (replay.machine().clock().units(), replay.machine().digest())
        });
        assert_eq!(digests[0], digests[1], "unit {unit}");
    }
}

#[test]
fn what_another_processor_ran_is_not_run_again_but_its_events_are_told() {
    let file = record("builtin:ticker", 1_000_000, 20_000);
    let mut told = Vec::new();
    open(&file).tell_events(|stamp, event| told.push((stamp, event))).unwrap();
    let others: [fn(&mut Header); 4] = [
        |header| header.semantics = SEMANTICS + 1,
        |header| header.configuration_digest ^= 1,
        |header| header.options = vec![0xff; 3],
        |header| header.path = "elsewhere".to_owned(),
    ];
    for other in others {
        let foreign = forged(
            &file,
            |header| {
                other(header);
                header.writer = "paravane 0.0.7".to_owned();
            },
            |_| (),
        );
        let mut recording = open(&foreign);
        let mut events = Vec::new();
        recording.tell_events(|stamp, event| events.push((stamp, event))).unwrap();
        assert_eq!(events, told);
        assert_eq!(recording.traced().partitions[0].name, "ticker");
        // The image is in the file, whoever can run it.
        assert!(recording.traced().partitions[0].symbols.all().iter().any(|symbol| symbol.name == "ticks"));
        let line = recording.replay_before(Position::Unit(0)).unwrap_err().to_string();
        assert!(line.contains("recorded by paravane 0.0.7, and cannot be run again"), "{line}");
    }
}

#[test]
fn keyframes_of_another_form_are_passed_over() {
    let file = record(LOAD, 50_000, 20_000);
    let older = forged(
        &file,
        |_| (),
        |frames| {
            for frame in frames.iter_mut().filter(|(kind, ..)| *kind == FrameKind::Keyframe) {
                let ((executed_by, pages, is_whole, stopped, digest, mut state), _) =
                    postcard::take_from_bytes::<(Vec<u64>, u32, bool, Vec<u16>, u128, Vec<u8>)>(&frame.2)
                        .unwrap();
                state[0] = 0;
                let fields = (executed_by, pages, is_whole, stopped, digest, state);
                frame.2 = postcard::to_allocvec(&fields).unwrap();
            }
        },
    );
    let digests = [file, older].map(|file| {
        let mut replay = open(&file).replay_before(Position::Unit(45_000)).unwrap();
        replay.go_to(Position::Unit(45_000));
        replay.machine().digest()
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_machine_that_is_recorded_returns_often() {
    let subject = Subject::open(Path::new(LOAD), GuestOptions::default(), Files::default()).unwrap();
    let machine = Machine::of_system(subject.config.clone()).unwrap();
    let writer = RunWriter::<Full>::new(Box::new(std::io::sink()), &subject, &machine).unwrap();
    // What happens in between has to fit a frame.
    assert_eq!(writer.slice_units(&machine), 1 << 20);
}

#[test]
fn a_machine_is_read_from_less_than_twice_its_memory() {
    for (path, every) in [(LOAD, 3_000), ("builtin:ticker", 2_000), ("builtin:flight", 500)] {
        let mut recording = open(&record(path, 300_000, every));
        let keyframes: Vec<usize> = recording.reader().frames_of(FrameKind::Keyframe).collect();
        assert!(keyframes.len() > 7, "{path}: {}", keyframes.len());
        for end in 1..=keyframes.len() {
            let (mut read, mut memory) = (0, BTreeSet::new());
            for frame in recording.chain(&keyframes[..end]).unwrap() {
                let pages = keyframe::pages(&recording.reader.read(frame).unwrap()).unwrap();
                read += pages.len();
                memory.extend(pages.into_iter().map(|(id, _)| id));
            }
            assert!(read < 2 * memory.len(), "{path}, keyframe {end}: {read} pages of {}", memory.len());
        }
    }
}
