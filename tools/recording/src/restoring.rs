//! The machine of a recording at a keyframe, and the run from there on.

use crate::error::RecordingError;
use crate::keyframe::{self, Keyframe, PAGE_BYTES, WHOLE_EVERY};
use crate::reader::{Position, Recording};
use crate::replay::{Replay, Stretch};
use hypervisor_core::snapshot::RestoreError;
use hypervisor_core::{FrameId, Machine, Partition};
use std::collections::HashSet;
use std::sync::Arc;
use trace::pvt::{FrameKind, Reader};

impl Recording {
    /// The run from its last keyframe before `position`; [`Replay::go_to`] goes on from there.
    ///
    /// # Errors
    /// A frame is damaged, or another processor recorded it.
    pub fn replay_before(&mut self, position: Position) -> Result<Replay, RecordingError> {
        let config = match &self.subject {
            Ok(subject) => subject.config.clone(),
            Err(why) => return Err(RecordingError::Subject(why.clone())),
        };
        let is_before = |frame: &usize| match position {
            Position::Unit(unit) => self.reader.head(*frame).unit <= unit,
            Position::Instruction(partition, number) => self
                .reader
                .executed_by(*frame)
                .get(partition.index())
                .is_some_and(|executed| *executed <= number),
        };
        let keyframes: Vec<usize> = self.reader.frames_of(FrameKind::Keyframe).filter(is_before).collect();
        let stretch = Stretch {
            inputs: Arc::clone(&self.inputs),
            last_unit: self.last_unit()?,
            limits: self.limits(),
            bounds: self.bounds,
        };
        let from_start = || {
            Machine::of_system(config.clone()).map_err(|error| {
                RecordingError::Subject(format!("what was recorded cannot be started: {error}"))
            })
        };
        let Some(last) = keyframes.last() else { return Ok(Replay::new(from_start()?, &[], stretch)) };
        let latest = self.keyframe(*last)?;
        let chain = self.chain(&keyframes)?;
        let mut pages = Pages::new(&mut self.reader, chain);
        let restored = Machine::restore(config.clone(), &latest.state, &mut pages);
        if let Some(error) = pages.error {
            return Err(error);
        }
        let machine = match restored {
            Ok(machine) => machine,
            // The program that wrote it saves machines in another form, but its runs are the same.
            Err(RestoreError::Version(_)) => return Ok(Replay::new(from_start()?, &[], stretch)),
            Err(error) => return Err(RecordingError::Subject(error.to_string())),
        };
        if !is_of(&machine, &latest) || machine.clock().units() != self.reader.head(*last).unit {
            let what = "a keyframe makes another machine than was recorded";
            return Err(self.reader.damaged(*last, what).into());
        }
        Ok(Replay::new(machine, &latest.stopped, stretch))
    }

    /// The frames of pages that make the memory of the last of these keyframes, the last first.
    pub(crate) fn chain(&mut self, keyframes: &[usize]) -> Result<Vec<usize>, RecordingError> {
        let mut chain: Vec<usize> = Vec::new();
        let mut is_whole = false;
        for frame in keyframes.iter().rev().take(WHOLE_EVERY as usize) {
            let keyframe = self.keyframe(*frame)?;
            let first = frame.saturating_sub(keyframe.page_frames as usize);
            let are_pages = |frame: usize| self.reader.head(frame).kind == FrameKind::Pages;
            if !(first..*frame).all(are_pages) {
                let what = "a keyframe has other frames among its pages";
                return Err(self.reader.damaged(*frame, what).into());
            }
            chain.extend((first..*frame).rev());
            if keyframe.is_whole {
                is_whole = true;
                break;
            }
        }
        if let (false, Some(last)) = (is_whole, keyframes.last()) {
            return Err(self.reader.damaged(*last, "no keyframe before it is whole").into());
        }
        Ok(chain)
    }

    /// A keyframe.
    pub(crate) fn keyframe(&mut self, frame: usize) -> Result<Keyframe, RecordingError> {
        let raw = self.reader.read(frame)?;
        let partitions = self.traced().partitions.len();
        keyframe::of_bytes(&raw, partitions)
            .ok_or_else(|| self.reader.damaged(frame, "a keyframe cannot be understood").into())
    }
}

fn is_of(machine: &Machine, keyframe: &Keyframe) -> bool {
    machine.digest() == keyframe.digest
        && machine.partitions().iter().map(Partition::executed).eq(keyframe.executed_by.iter().copied())
}

/// The pages of frames, each once: of those that are there several times the first. One frame at a time is in memory.
struct Pages<'a> {
    reader: &'a mut Reader,
    frames: std::vec::IntoIter<usize>,
    raw: Vec<u8>,
    /// The pages of `raw` that were not handed out, and where they lie.
    left: std::vec::IntoIter<(FrameId, usize)>,
    seen: HashSet<FrameId>,
    error: Option<RecordingError>,
}

impl<'a> Pages<'a> {
    fn new(reader: &'a mut Reader, frames: Vec<usize>) -> Self {
        let (frames, left) = (frames.into_iter(), Vec::new().into_iter());
        Self { reader, frames, raw: Vec::new(), left, seen: HashSet::new(), error: None }
    }

    fn read(&mut self, frame: usize) -> Result<(), RecordingError> {
        self.raw = self.reader.read(frame)?;
        let pages = keyframe::pages(&self.raw);
        let pages = pages.ok_or_else(|| self.reader.damaged(frame, "pages cannot be understood"))?;
        self.left = pages.into_iter();
        Ok(())
    }
}

impl Iterator for Pages<'_> {
    type Item = (FrameId, [u8; PAGE_BYTES]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            for (id, place) in self.left.by_ref() {
                if self.seen.insert(id) {
                    let page = self.raw.get(place..place + PAGE_BYTES)?;
                    return Some((id, page.try_into().ok()?));
                }
            }
            let frame = self.frames.next()?;
            if let Err(error) = self.read(frame) {
                self.error = Some(error);
                return None;
            }
        }
    }
}
