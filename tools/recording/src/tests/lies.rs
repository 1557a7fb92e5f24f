//! Recordings that are damaged, and recordings that lie: each is read to an end, or refused with one line.

use super::{Frame, LOAD, TemporaryFile, ending, error_of, forged, open, record, run_again};
use crate::{Position, Recording, RecordingError};
use hypervisor_core::{Event, Outcome, Stamp};
use std::fs;
use trace::pvt::{FrameKind, RecordWriter};

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
