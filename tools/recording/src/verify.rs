//! Checks a recording: every frame is whole, events follow each other, and running again makes the same events and the
//! same machines.

use crate::reader::{Position, Recording, RecordingError};
use emulator::Step;
use hypervisor_core::{Event, Recorder, Stamp};
use std::collections::VecDeque;
use trace::pvt::FrameKind;

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
    /// Checks everything. It runs the whole recording again, and tells `progress` how many units are done.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&mut self, mut progress: impl FnMut(u64)) -> Result<Verified, RecordingError> {
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
                            replay.run_slice(
                                last.saturating_sub(replay.machine().clock().units()).max(1),
                                &mut made,
                            );
                            progress(replay.machine().executed());
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
                        replay.run_slice(head.unit - replay.machine().clock().units(), &mut made);
                        progress(replay.machine().executed());
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
        replay.run(&mut made, |_, machine| {
            progress(machine.executed());
            true
        });
        verified.executed = replay.machine().executed();
        if let Some(end) = self.end() {
            if let Some((stamp, _)) = made.0.front() {
                return Err(differs(*stamp, "running again makes more events than were recorded"));
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
