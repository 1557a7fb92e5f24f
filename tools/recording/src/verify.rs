//! Checks a recording: every frame is whole, events follow each other, and running again makes the same events and the
//! same machines.

use crate::reader::{Position, Recording, RecordingError};
use crate::replay::Replay;
use emulator::Step;
use hypervisor_core::{Event, Recorder, Stamp};
use std::collections::VecDeque;
use trace::pvt::FrameKind;

/// So many units are run again at once: the events of one guest in them fit the host's memory.
const SLICE_UNITS: u64 = 1 << 20;

/// What was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Frames whose digests are right.
    pub frames: usize,
    /// Events that follow each other, and that running again made in the same way.
    pub events: u64,
    /// Keyframes whose machines running again made.
    pub keyframes: usize,
    /// Units that were executed again.
    pub executed: u64,
    /// The machine at the end is that of the recording; false if it was cut off.
    pub ends_alike: bool,
}

impl Recording {
    /// Checks everything. It runs the whole recording again, and asks `goes_on` now and then, with the units of virtual
    /// time that are done, whether to go on.
    ///
    /// # Errors
    /// The first thing that is wrong, or that it was told not to go on.
    pub fn verify(&mut self, mut goes_on: impl FnMut(u64) -> bool) -> Result<Verified, RecordingError> {
        let mut verified = Verified { frames: self.check_frames()?, ..Verified::default() };
        let mut replay = self.replay_before(Position::Unit(0))?;
        let mut made = Made::default();
        let frames = 0..self.reader().frame_count();
        for frame in frames {
            let head = *self.reader().head(frame);
            match head.kind {
                FrameKind::Records => {
                    // Records end where the machine returned: events of that very unit may come with the next ones.
                    let events = self.events_of(frame)?;
                    let last = events.last().map_or(0, |(stamp, _)| stamp.unit);
                    for (stamp, event) in events {
                        while made.0.is_empty()
                            && !replay.has_ended()
                            && replay.machine().clock().units() <= last
                        {
                            let left = last.saturating_sub(replay.machine().clock().units());
                            replay.run_slice(left.clamp(1, SLICE_UNITS), &mut made);
                            asked(&replay, &mut goes_on)?;
                        }
                        let again = made.0.pop_front();
                        if again.as_ref() != Some(&(stamp, event)) {
                            return Err(differs(
                                stamp,
                                "running again makes another event than was recorded",
                            ));
                        }
                        verified.events += 1;
                    }
                }
                FrameKind::Keyframe => {
                    while !replay.has_ended() && replay.machine().clock().units() < head.unit {
                        if let Some((stamp, _)) = made.0.front().filter(|(stamp, _)| stamp.unit < head.unit) {
                            return Err(differs(*stamp, MORE_EVENTS));
                        }
                        let left = head.unit - replay.machine().clock().units();
                        replay.run_slice(left.min(SLICE_UNITS), &mut made);
                        asked(&replay, &mut goes_on)?;
                    }
                    if replay.machine().digest() != self.keyframe(frame)?.digest {
                        let what = "running again makes another machine than the keyframe";
                        return Err(differs(replay.machine().stamp(), what));
                    }
                    verified.keyframes += 1;
                }
                _ => {}
            }
        }
        while !replay.has_ended() {
            match (self.end(), made.0.front()) {
                (Some(_), Some((stamp, _))) => return Err(differs(*stamp, MORE_EVENTS)),
                // What was not written any more before it was cut off.
                _ => made.0.clear(),
            }
            replay.run_slice(SLICE_UNITS, &mut made);
            asked(&replay, &mut goes_on)?;
        }
        verified.executed = replay.machine().executed();
        if let Some(end) = self.end() {
            if let Some((stamp, _)) = made.0.front() {
                return Err(differs(*stamp, MORE_EVENTS));
            }
            if replay.machine().digest() != end.digest || replay.machine().executed() != end.executed {
                let what = "running again ends with another machine than was recorded";
                return Err(differs(replay.machine().stamp(), what));
            }
            verified.ends_alike = true;
        }
        Ok(verified)
    }

    /// Reads every frame; counts them.
    fn check_frames(&mut self) -> Result<usize, RecordingError> {
        let mut unit = 0;
        for frame in 0..self.reader().frame_count() {
            let head = *self.reader().head(frame);
            // Files and input are written when they come, records when there are enough of them.
            let is_in_order =
                matches!(head.kind, FrameKind::Records | FrameKind::Pages | FrameKind::Keyframe);
            if !is_in_order {
                self.frame(frame)?;
                continue;
            }
            if head.unit < unit {
                return Err(self
                    .reader()
                    .damaged(frame, "a frame begins before the one that it follows")
                    .into());
            }
            unit = head.unit;
            self.frame(frame)?;
        }
        Ok(self.reader().frame_count())
    }

    /// The events of a frame, whose units never go down.
    fn events_of(&mut self, frame: usize) -> Result<Vec<(Stamp, Event)>, RecordingError> {
        let mut events: Vec<(Stamp, Event)> = Vec::new();
        self.tell_frame(frame, &mut |stamp, event| events.push((stamp, event)))?;
        if !events.is_sorted_by_key(|(stamp, _)| stamp.unit) {
            return Err(self.reader().damaged(frame, "an event comes before the one that it follows").into());
        }
        Ok(events)
    }
}

const MORE_EVENTS: &str = "running again makes more events than were recorded";

fn asked(replay: &Replay, goes_on: &mut impl FnMut(u64) -> bool) -> Result<(), RecordingError> {
    if goes_on(replay.machine().clock().units()) {
        return Ok(());
    }
    Err(RecordingError::Subject("it was not checked to its end".to_owned()))
}

fn differs(stamp: Stamp, what: &str) -> RecordingError {
    RecordingError::Subject(format!(
        "{what}, in partition {} at instruction #{}, {} ns of virtual time: the file was changed, or this program is not the \
         one that wrote it",
        stamp.partition.0, stamp.instruction, stamp.now_ns
    ))
}

/// Events that running again made and that were not compared yet.
#[derive(Default)]
struct Made(VecDeque<(Stamp, Event)>);

impl Recorder for Made {
    const ACTIVE: bool = true;
    const INSTRUCTIONS: bool = false;

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.push_back((stamp, event.clone()));
    }
}
