//! Recordings that are right, and recordings that lie: each is read to an end, or refused with one line.

use crate::keyframe;
use crate::{
    Addresses, Depth, Files, Full, GuestOptions, Position, Recording, RecordingError, RunWriter, Stored,
    Subject,
};
use emulator::SEMANTICS;
use hypervisor_core::{
    Arrival, Event, Input, Limits, Machine, Outcome, PartitionId, Progress, Stamp, Unrecorded,
};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use trace::RunEnd;
use trace::pvt::{FrameKind, Header, Reader, RecordWriter, Writer, tell_addresses, tell_steps};

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
    let mut machine = Machine::of_system(subject.config.clone()).unwrap();
    let out = Box::new(File::create(&file.0).unwrap());
    let mut writer = RunWriter::<D>::new(out, &subject, &machine).unwrap().with_keyframes_every(every);
    let mut given = false;
    loop {
        let slice_units = Some(writer.slice_units(&machine));
        let limits = Limits { executed_units: Some(units), slice_units, time_ns: None };
        let progress = machine.run(&limits, &mut writer);
        writer.hand_on(&machine, &progress).unwrap();
        match progress {
            Progress::Finished(outcome) => {
                writer.finish(&machine, &outcome).unwrap();
                return file;
            }
            Progress::Output => {
                let partitions = machine.partitions().len() as u16;
                (0..partitions).for_each(|place| drop(machine.take_output_of(PartitionId(place))));
            }
            Progress::Slice => {}
            Progress::Idle { until_units: Some(until) } => machine.idle_until(until),
            Progress::InputWanted | Progress::Idle { until_units: None } => {
                assert!(!std::mem::replace(&mut given, true), "{path} waits for ever");
                for what in [Arrival::Bytes(b"one\ntwo\n".to_vec()), Arrival::End] {
                    machine.give_input(Input { unit: machine.clock().units(), what });
                }
            }
        }
    }
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
fn an_end_that_no_run_reaches_is_refused_at_once() {
    let file = record(LOAD, 50_000, 20_000);
    for (executed, unit) in [(1 << 62, 1 << 63), (u64::MAX, u64::MAX), (60_000, 50_000), (30_000, 50_000)] {
        let line = error_of(&ending(&file, |end| (end.executed, end.unit) = (executed, unit)));
        assert!(line.contains("the run goes on for longer after its last keyframe"), "{executed}: {line}");
    }
}

#[test]
fn keyframes_that_no_run_makes_are_refused_at_once() {
    let file = record(LOAD, 50_000, 20_000);
    let keyframe = |change: fn(&mut Frame)| {
        forged(
            &file,
            |_| (),
            |frames| {
                change(frames.iter_mut().rfind(|(kind, ..)| *kind == FrameKind::Keyframe).unwrap());
            },
        )
    };
    let line = error_of(&keyframe(|frame| frame.3 = vec![1 << 60]));
    assert!(line.contains("no keyframe comes for longer"), "{line}");
    let line = error_of(&keyframe(|frame| frame.3 = vec![3]));
    assert!(line.contains("a keyframe comes before the one that it follows"), "{line}");
    // The machine never gets so far.
    let line = error_of(&keyframe(|frame| frame.1 = 1 << 62));
    assert!(line.contains("another machine than the keyframe"), "{line}");
}

#[test]
fn running_again_ends_where_the_end_is_whatever_it_claims() {
    let file = record(LOAD, 50_000, 1_000_000);
    // An end that is no limit, and of which the guest knows nothing.
    for (executed, unit) in [(0, 0), (1_000, 1_000), (1_000, u64::MAX), (1_000, u64::MAX - 1)] {
        let forged = ending(&file, |end| {
            end.outcome = Outcome::Shutdown { code: 0 };
            (end.executed, end.unit) = (executed, unit);
        });
        let again = run_again(&mut open(&forged));
        assert!(again <= 50_000, "{executed}, {unit}: {again} units");
        assert!(error_of(&forged).contains("running again"));
    }
}

#[test]
fn guests_that_wait_wait_no_longer_than_the_recording_has_events() {
    for path in ["builtin:ticker", "builtin:echo", "builtin:flight", "builtin:irq"] {
        let file = record(path, 1_000_000, 1_000_000);
        let claims = [u64::MAX, 1 << 62];
        for unit in claims {
            let forged = ending(&file, |end| end.unit = unit);
            run_again(&mut open(&forged));
        }
        let no_input = forged(&file, |_| (), |frames| frames.retain(|(kind, ..)| *kind != FrameKind::Input));
        run_again(&mut open(&no_input));
    }
    // An end that is earlier than the guest's own.
    let file = record("builtin:ticker", 1_000_000, 1_000_000);
    let executed = run_again(&mut open(&file));
    let early = ending(&file, |end| {
        assert!(end.unit > 2_000_000, "{end:?}");
        (end.executed, end.unit) = (executed, 1_000_000);
    });
    assert!(run_again(&mut open(&early)) < executed / 2);
    // A timer goes on for ever; each time it makes an event, and events take room in the file.
    let file = record("builtin:ticker", 1_000_000, 1_000_000);
    let mut recording = open(&file);
    let whole = run_again(&mut recording);
    recording.bounds.events = 100;
    assert!(run_again(&mut recording) < whole);
}

#[test]
fn a_recording_that_was_cut_off_is_not_run_longer_than_it_can_be() {
    let file = record(LOAD, 50_000, 20_000);
    let late = forged(
        &file,
        |_| (),
        |frames| {
            frames.retain(|(kind, ..)| *kind != FrameKind::End);
            let mut records = RecordWriter::default();
            records.event(Stamp { unit: 1 << 62, ..Stamp::default() }, &Event::TraceStart);
            frames.push((FrameKind::Records, 40_000, records.take(), Vec::new()));
        },
    );
    let mut recording = open(&late);
    assert_eq!(recording.last_unit().unwrap(), 1 << 62);
    // Sixteen times what lies between two keyframes.
    let most = recording.bounds.executed;
    assert!((1 << 28..1 << 30).contains(&most), "{most}");
    recording.bounds.executed = 100_000;
    assert!((100_000..200_000).contains(&run_again(&mut recording)));
}

#[test]
fn pages_have_to_stand_before_their_keyframe() {
    let file = record(LOAD, 50_000, 20_000);
    let count = |frames: &mut [Frame], change: fn(u32) -> u32| {
        let frame = frames.iter_mut().find(|(kind, ..)| *kind == FrameKind::Keyframe).unwrap();
        let ((executed_by, pages), rest) = postcard::take_from_bytes::<(Vec<u64>, u32)>(&frame.2).unwrap();
        frame.2 = [&postcard::to_allocvec(&(executed_by, change(pages))).unwrap(), rest].concat();
    };
    for (change, says) in [
        ((|pages| pages + 1) as fn(u32) -> u32, "other frames among its pages"),
        (|_| u32::MAX, "other frames among its pages"),
        (|_| 0, "another machine than was recorded"),
    ] {
        let forged = forged(&file, |_| (), |frames| count(frames, change));
        let mut recording = open(&forged);
        let line = recording.replay_before(Position::Unit(30_000)).unwrap_err().to_string();
        assert!(line.contains(says), "{line}");
    }
}

#[test]
fn a_chain_of_keyframes_has_to_begin() {
    let file = record(LOAD, 100_000, 3_000);
    let forged = forged(
        &file,
        |_| (),
        |frames| {
            for frame in frames.iter_mut().filter(|(kind, ..)| *kind == FrameKind::Keyframe) {
                let ((executed_by, pages, _), rest) =
                    postcard::take_from_bytes::<(Vec<u64>, u32, bool)>(&frame.2).unwrap();
                frame.2 = [&postcard::to_allocvec(&(executed_by, pages, false)).unwrap(), rest].concat();
            }
        },
    );
    let line = open(&forged).replay_before(Position::Unit(90_000)).unwrap_err().to_string();
    assert!(line.contains("no keyframe before it is whole"), "{line}");
}

#[test]
fn files_are_as_long_as_the_header_says() {
    let file = record("builtin:hello", 50_000, 50_000);
    for (change, says) in [
        ((|length| length - 1) as fn(u64) -> u64, "a file is longer than the header says"),
        (|length| length + 1, "it was cut off before `builtin:hello` was stored"),
        (|_| 1 << 40, "it names a file of 1099511627776 bytes, more than it can hold"),
        (|_| 1 << 29, "it names a file of 536870912 bytes, more than it can hold"),
    ] {
        let line = error_of(&forged(&file, |header| header.files[0].1 = change(header.files[0].1), |_| ()));
        assert!(line.contains(says), "{line}");
    }
}

#[test]
fn words_of_a_file_reach_no_terminal_as_they_are() {
    let file = record("builtin:hello", 50_000, 50_000);
    let line = error_of(&forged(
        &file,
        |header| {
            header.writer = "x\x1b[31m\n".to_owned();
            header.path = "\x1b]0;title\x07".to_owned();
        },
        |_| (),
    ));
    assert!(line.contains("\\u{1b}"), "{line}");
}

#[test]
fn events_are_compared_with_those_of_running_again() {
    let file = record("builtin:ticker", 1_000_000, 20_000);
    let records =
        |frames: &mut Vec<Frame>| frames.iter().position(|(kind, ..)| *kind == FrameKind::Records).unwrap();
    let fewer = forged(
        &file,
        |_| (),
        |frames| {
            let place = records(frames);
            frames.remove(place);
        },
    );
    assert!(error_of(&fewer).contains("more events than were recorded"), "{}", error_of(&fewer));
    let twice = forged(
        &file,
        |_| (),
        |frames| {
            let place = records(frames);
            frames.insert(place, frames[place].clone());
        },
    );
    assert!(error_of(&twice).contains("another event than was recorded"), "{}", error_of(&twice));
    let backwards = forged(
        &file,
        |_| (),
        |frames| {
            let mut records = RecordWriter::default();
            for unit in [5, 4] {
                records.event(Stamp { unit, ..Stamp::default() }, &Event::TraceStart);
            }
            frames.insert(1, (FrameKind::Records, 0, records.take(), Vec::new()));
        },
    );
    assert!(error_of(&backwards).contains("an event comes before the one that it follows"));
    assert!(matches!(
        open(&file).verify(|_| false),
        Err(RecordingError::Subject(line)) if line == "it was not checked to its end"
    ));
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

/// Guests and systems that wait, take interrupts, fault, use REP, and start again.
const SUBJECTS: [&str; 5] = ["builtin:hello", "builtin:ticker", "builtin:irq", "builtin:flight", LOAD];

#[test]
fn instructions_that_are_stored_are_those_that_running_again_makes() {
    for path in SUBJECTS {
        let addresses = open(&record_with::<Addresses>(path, 300_000, 70_000)).verify(|_| true).unwrap();
        let stored = open(&record_with::<Stored>(path, 300_000, 70_000)).verify(|_| true).unwrap();
        assert!(addresses.instructions > 300, "{path}: {addresses:?}");
        assert_eq!(addresses.instructions, stored.instructions, "{path}");
        assert!(addresses.instructions <= addresses.executed, "{path}: {addresses:?}");
    }
}

/// The recording with one instruction in the middle of a frame's content changed.
fn with_another(file: &TemporaryFile, kind: FrameKind) -> TemporaryFile {
    forged(
        file,
        |_| (),
        |frames| {
            let (_, _, raw, _) = frames.iter_mut().find(|(frame, ..)| *frame == kind).unwrap();
            // A PUSH EBP becomes a NOP, where it is code: after its length.
            let place = raw.windows(2).position(|bytes| bytes == [1, 0x55]).unwrap();
            raw[place + 1] = 0x90;
        },
    )
}

#[test]
fn an_instruction_that_was_not_executed_is_found() {
    for (file, kind) in [
        (record_with::<Addresses>("builtin:ticker", 100_000, 50_000), FrameKind::Addresses),
        (record_with::<Stored>("builtin:ticker", 100_000, 50_000), FrameKind::Instructions),
    ] {
        let line = error_of(&with_another(&file, kind));
        assert!(line.contains("other instructions than were recorded"), "{kind:?}: {line}");
        let missing = forged(
            &file,
            |_| (),
            |frames| {
                let place = frames.iter().rposition(|(frame, ..)| *frame == kind).unwrap();
                frames.remove(place);
            },
        );
        let line = error_of(&missing);
        assert!(line.contains("instructions than were recorded"), "{kind:?}: {line}");
    }
}

#[test]
fn damaged_instructions_are_told_up_to_the_damage() {
    let most = 100_000;
    for (file, kind) in [
        (record_with::<Addresses>("builtin:irq", 20_000, 50_000), FrameKind::Addresses),
        (record_with::<Stored>("builtin:irq", 400, 50_000), FrameKind::Instructions),
    ] {
        let mut reader = Reader::open(&file.0).unwrap();
        let frame = reader.frames_of(kind).next().unwrap();
        let raw = reader.read(frame).unwrap();
        let tell = |raw: &[u8]| {
            let mut left = most;
            let mut count = || {
                left -= 1;
                if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            if kind == FrameKind::Addresses {
                tell_addresses(raw, Default::default(), 2, |_, _, _| count());
            } else {
                tell_steps(raw, Default::default(), 2, |_, _| count());
            }
            most - left
        };
        assert!(tell(&raw) > 100);
        for at in 0..raw.len().min(3_000) {
            for bits in [0x01, 0x81, 0xff] {
                let mut damaged = raw.clone();
                damaged[at] ^= bits;
                tell(&damaged);
            }
            tell(&raw[..at]);
        }
    }
}

#[test]
fn any_flipped_bit_and_any_end_of_a_file_is_found() {
    let file = record("builtin:echo", 100_000, 200);
    let whole = open(&file).verify(|_| true).unwrap();
    let digest = open(&file).end().map(|end| end.digest);
    let bytes = fs::read(&file.0).unwrap();
    let damaged = TemporaryFile::new();
    // All of them take minutes: a part that is another one in each place of a byte.
    for place in (0..bytes.len()).step_by(17) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place / 17 % 8);
        for bytes in [&flipped[..], &bytes[..place]] {
            fs::write(&damaged.0, bytes).unwrap();
            let verified = Recording::open(&damaged.0).and_then(|mut recording| {
                let cut = recording.reader().cut_at().is_some();
                recording.tell_events(|_, _| {})?;
                let verified = recording.verify(|_| true)?;
                Ok((cut, verified, recording.end().map(|end| end.digest)))
            });
            match verified {
                Ok((cut, verified, ended)) => {
                    assert!(cut, "nothing is found at {place}");
                    assert!(
                        verified.events <= whole.events && verified.keyframes <= whole.keyframes,
                        "{place}"
                    );
                    assert!(ended.is_none() || (verified == whole && ended == digest), "{place}");
                }
                Err(error) => {
                    let line = error.to_string();
                    assert!(!line.is_empty() && !line.contains(char::is_control), "{place}: {line:?}");
                }
            }
        }
    }
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
