//! Checks a recording: every frame is whole, events follow each other, and running again makes the same events and the
//! same machines.

use crate::error::RecordingError;
use crate::reader::{Position, Recording};
use crate::replay::Replay;
use emulator::Step;
use hypervisor_core::{Event, Recorder, Stamp, Wanted};
use std::collections::VecDeque;
use trace::filter::Choice;
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
    /// Instructions that the recording holds, and that running again made in the same way.
    pub instructions: u64,
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
    pub fn verify(&mut self, goes_on: impl FnMut(u64) -> bool) -> Result<Verified, RecordingError> {
        self.verify_chosen(None, goes_on)
    }

    /// As [`Recording::verify`], if only the instructions of a choice were stored.
    ///
    /// # Errors
    /// As [`Recording::verify`].
    pub fn verify_chosen(
        &mut self,
        choice: Option<&Choice>,
        mut goes_on: impl FnMut(u64) -> bool,
    ) -> Result<Verified, RecordingError> {
        let mut verified = Verified { frames: self.check_frames()?, ..Verified::default() };
        let mut replay = self.replay_before(Position::Unit(0))?;
        let mut made = Made::default();
        for frame in 0..self.reader().frame_count() {
            match self.reader().head(frame).kind {
                FrameKind::Records => {
                    verified.events += self.check_events(frame, &mut replay, &mut made, &mut goes_on)?;
                }
                FrameKind::Keyframe => {
                    self.check_keyframe(frame, &mut replay, &mut made, &mut goes_on)?;
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
        verified.instructions = self.check_instructions(choice, &mut goes_on)?;
        Ok(verified)
    }

    /// Reads every frame; counts them.
    fn check_frames(&mut self) -> Result<usize, RecordingError> {
        // Of what is in the order of time: the last frame, and the last ones of each kind of instructions.
        let (mut unit, mut addresses, mut steps) = (0, 0, 0);
        for frame in 0..self.reader().frame_count() {
            let head = *self.reader().head(frame);
            self.reader.check_head(frame)?;
            let before = match head.kind {
                FrameKind::Records | FrameKind::Pages => &mut unit,
                FrameKind::Keyframe => {
                    // What leads to a keyframe stands before it.
                    (addresses, steps) = (addresses.max(head.unit), steps.max(head.unit));
                    &mut unit
                }
                FrameKind::Addresses => &mut addresses,
                FrameKind::Instructions => &mut steps,
                // Files and input are written when they come.
                _ => {
                    self.frame(frame)?;
                    continue;
                }
            };
            if head.unit < *before {
                let what = "a frame begins before the one that it follows";
                return Err(self.reader().damaged(frame, what).into());
            }
            *before = head.unit;
            self.frame(frame)?;
        }
        Ok(self.reader().frame_count())
    }

    /// Compares the events of a frame with what running again makes; counts them.
    fn check_events(
        &mut self,
        frame: usize,
        replay: &mut Replay,
        made: &mut Made,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<u64, RecordingError> {
        let (mut last, mut is_in_order) = (0, true);
        self.tell_frame(frame, &mut |stamp, _| {
            is_in_order &= stamp.unit >= last;
            last = last.max(stamp.unit);
        })?;
        if !is_in_order {
            return Err(self.reader().damaged(frame, "an event comes before the one that it follows").into());
        }
        let (mut count, mut result) = (0, Ok(()));
        // Records end where the machine returned: events of that very unit may come with the next ones.
        self.tell_frame(frame, &mut |stamp, event| {
            if result.is_ok() {
                result = made.is_next(replay, last, goes_on, &(stamp, event));
                count += 1;
            }
        })?;
        result.map(|()| count)
    }

    /// Compares a keyframe with the machine that running again makes.
    fn check_keyframe(
        &mut self,
        frame: usize,
        replay: &mut Replay,
        made: &mut Made,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<(), RecordingError> {
        let unit = self.reader().head(frame).unit;
        while !replay.has_ended() && replay.machine().clock().units() < unit {
            if let Some((stamp, _)) = made.0.front().filter(|(stamp, _)| stamp.unit < unit) {
                return Err(differs(*stamp, MORE_EVENTS));
            }
            let left = unit - replay.machine().clock().units();
            replay.run_slice(left.min(SLICE_UNITS), made);
            asked(replay, goes_on)?;
        }
        if replay.machine().digest() != self.keyframe(frame)?.digest {
            let what = "running again makes another machine than the keyframe";
            return Err(differs(replay.machine().stamp(), what));
        }
        Ok(())
    }
}

const MORE_EVENTS: &str = "running again makes more events than were recorded";

pub(crate) fn asked(replay: &Replay, goes_on: &mut impl FnMut(u64) -> bool) -> Result<(), RecordingError> {
    if goes_on(replay.machine().clock().units()) {
        return Ok(());
    }
    Err(RecordingError::Subject("it was not checked to its end".to_owned()))
}

pub(crate) fn differs(stamp: Stamp, what: &str) -> RecordingError {
    RecordingError::Subject(format!(
        "{what}, in partition {} at instruction #{}, {} ns of virtual time: the file was changed, or this program is not the \
         one that wrote it",
        stamp.partition.0, stamp.instruction, stamp.now_ns
    ))
}

/// Events that running again made and that were not compared yet.
#[derive(Default)]
struct Made(VecDeque<(Stamp, Event)>);

impl Made {
    /// Goes on until there is another event, up to unit `last`, and compares it with the one that was recorded.
    fn is_next(
        &mut self,
        replay: &mut Replay,
        last: u64,
        goes_on: &mut impl FnMut(u64) -> bool,
        recorded: &(Stamp, Event),
    ) -> Result<(), RecordingError> {
        while self.0.is_empty() && !replay.has_ended() && replay.machine().clock().units() <= last {
            let left = last.saturating_sub(replay.machine().clock().units());
            replay.run_slice(left.clamp(1, SLICE_UNITS), self);
            asked(replay, goes_on)?;
        }
        if self.0.pop_front().as_ref() == Some(recorded) {
            return Ok(());
        }
        Err(differs(recorded.0, "running again makes another event than was recorded"))
    }
}

impl Recorder for Made {
    fn wanted(&self) -> Wanted {
        Wanted::Events
    }

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.push_back((stamp, event.clone()));
    }
}
