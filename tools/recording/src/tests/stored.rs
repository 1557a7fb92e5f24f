//! Recordings that hold their instructions: what they hold is right, and found where it is not.

use super::{LOAD, TemporaryFile, error_of, forged, open, record_with};
use crate::{Addresses, Stored};
use std::ops::ControlFlow;
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
