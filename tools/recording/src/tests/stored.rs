//! Recordings that hold their instructions: what they hold is right, and found where it is not.

use super::{LOAD, TemporaryFile, error_of, forged, open, record_with};
use crate::{Addresses, Files, GuestOptions, Recording, RunWriter, Stored, Subject};
use hypervisor_core::{Limits, Machine, Progress};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use trace::pvt::{FrameKind, Reader, tell_addresses, tell_steps};

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
fn a_guest_that_writes_line_by_line_fills_no_frame_without_end() {
    let file = TemporaryFile::new();
    let subject = Subject::open(Path::new(LOAD), GuestOptions::default(), Files::default()).unwrap();
    let mut machine = Machine::of_system(subject.config.clone()).unwrap();
    let out = Box::new(File::create(&file.0).unwrap());
    let mut writer = RunWriter::<Stored>::new(out, &subject, &machine).unwrap();
    let outcome = loop {
        let slice_units = writer.slice_units(&machine);
        // Lines come before the end of each slice that is longer than one unit.
        let limits = Limits {
            executed_units: Some(500_000),
            slice_units: Some(slice_units.min(5_000)),
            ..Limits::default()
        };
        let mut progress = machine.run(&limits, &mut writer);
        if progress == Progress::Slice && slice_units > 1 {
            progress = Progress::Output;
        }
        writer.hand_on(&machine, &progress).unwrap();
        if let Progress::Finished(outcome) = progress {
            break outcome;
        }
    };
    writer.finish(&machine, &outcome).unwrap();
    let mut recording = open(&file);
    let reader = recording.reader();
    let lengths: Vec<u32> =
        reader.frames_of(FrameKind::Instructions).map(|frame| reader.head(frame).raw_bytes).collect();
    assert!(lengths.len() > 2 && lengths.iter().all(|length| *length < 2 << 20), "{lengths:?}");
    assert!(recording.verify(|_| true).unwrap().instructions > 400_000);
}

#[test]
fn instructions_that_are_missing_are_found_where_they_are_missing() {
    // For ever it would fill the memory with what is compared with nothing.
    let file = record_with::<Stored>(LOAD, 300_000, 70_000);
    let mut reader = Reader::open(&file.0).unwrap();
    let frames: Vec<usize> = reader.frames_of(FrameKind::Instructions).collect();
    let (second, third) = (reader.head(frames[1]).unit, reader.head(frames[2]).unit);
    assert!(frames.len() > 4 && reader.read(frames[1]).is_ok());
    for kept in [0..0, 0..1, 0..2] {
        let mut number = 0;
        let missing = forged(
            &file,
            |_| (),
            |frames| {
                frames.retain(|(kind, ..)| {
                    number += usize::from(*kind == FrameKind::Instructions);
                    *kind != FrameKind::Instructions || kept.contains(&(number - 1))
                });
            },
        );
        // Once to the end for events and machines, and then for the instructions.
        let (mut units, mut again) = (0, Vec::new());
        let error = open(&missing).verify(|unit| {
            if unit < units || !again.is_empty() {
                again.push(unit);
            }
            units = unit;
            true
        });
        let line = error.unwrap_err().to_string();
        assert!(line.contains("instructions than were recorded"), "{line}");
        let most = [second, third, reader.head(frames[3]).unit][kept.end];
        assert!(again.iter().all(|unit| *unit <= most), "{kept:?}: {again:?}, not over {most}");
    }
}

#[test]
fn frames_of_instructions_stand_before_the_next_keyframe_and_in_order() {
    for (file, kind) in [
        (record_with::<Addresses>("builtin:ticker", 100_000, 30_000), FrameKind::Addresses),
        (record_with::<Stored>("builtin:ticker", 100_000, 30_000), FrameKind::Instructions),
    ] {
        let late = forged(
            &file,
            |_| (),
            |frames| {
                let place = frames.iter().position(|(frame, ..)| *frame == kind).unwrap();
                let moved = frames.remove(place);
                let end = frames.iter().position(|(frame, ..)| *frame == FrameKind::Keyframe).unwrap();
                frames.insert(end + 1, moved);
            },
        );
        let line = error_of(&late);
        assert!(line.contains("begins before the one that it follows"), "{kind:?}: {line}");
        let early = forged(
            &file,
            |_| (),
            |frames| {
                let (_, unit, ..) = frames.iter_mut().filter(|(frame, ..)| *frame == kind).nth(1).unwrap();
                *unit += 1;
            },
        );
        let line = error_of(&early);
        let named = line.contains("before its frame") || line.contains("instructions than were recorded");
        assert!(named, "{kind:?}: {line}");
    }
}

#[test]
fn a_recording_that_was_cut_off_behind_any_frame_is_right_so_far() {
    for (file, kind) in [
        (record_with::<Addresses>("builtin:irq", 60_000, 20_000), FrameKind::Addresses),
        (record_with::<Stored>("builtin:irq", 60_000, 20_000), FrameKind::Instructions),
    ] {
        let count = Reader::open(&file.0).unwrap().frame_count() - 1;
        let mut most = 0;
        for kept in 0..count {
            let cut = forged(&file, |_| (), |frames| frames.truncate(kept));
            // Without its files it is none.
            let Ok(mut recording) = Recording::open(&cut.0) else { continue };
            let verified =
                recording.verify(|_| true).unwrap_or_else(|error| panic!("{kind:?} {kept}: {error}"));
            assert!(verified.instructions >= most && !verified.ends_alike, "{kind:?} {kept}: {verified:?}");
            most = verified.instructions;
        }
        assert!(most > 50_000, "{kind:?}: {most}");
    }
}
