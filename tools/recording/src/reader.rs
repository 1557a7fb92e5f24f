//! A recording: what it is of, its input, its events.
//!
//! Not here: opening one, which `opening` does, and the machine at an instant of it, which `restoring` makes.

use crate::bounds::Bounds;
use crate::error::RecordingError;
use crate::subject::Subject;
use hypervisor_core::{Event, Input, Limit, Limits, Outcome, PartitionId, Stamp};
use std::ops::ControlFlow;
use std::sync::Arc;
use trace::pvt::{FrameKind, Header, Reader, last_unit_of_addresses, tell_records, tell_steps};
use trace::{RunEnd, TracedSystem};

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    pub(crate) reader: Reader,
    /// What was recorded; else one line that says why it cannot be run again.
    pub(crate) subject: Result<Subject, String>,
    pub(crate) traced: TracedSystem,
    pub(crate) inputs: Arc<[Input]>,
    pub(crate) end: Option<RunEnd>,
    pub(crate) bounds: Bounds,
}

/// A point of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    /// Before the instruction of this number of a partition starts, at the earliest.
    Instruction(PartitionId, u64),
    /// When so many units of virtual time have passed.
    Unit(u64),
}

impl Recording {
    /// What the file says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The frames of the file.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What was recorded.
    ///
    /// # Errors
    /// One line that says why this program cannot run it again; the events can be told all the same.
    pub fn subject(&self) -> Result<&Subject, RecordingError> {
        self.subject.as_ref().map_err(|why| RecordingError::Subject(why.clone()))
    }

    /// The partitions and their names.
    #[must_use]
    pub fn traced(&self) -> &TracedSystem {
        &self.traced
    }

    /// How the run ended; None if whoever recorded it was stopped.
    #[must_use]
    pub fn end(&self) -> Option<&RunEnd> {
        self.end.as_ref()
    }

    /// All console input, in order.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The limits with which a run ends as this one did; None if its recording was cut off.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        self.end.as_ref().map(limits_of)
    }

    /// The last unit of virtual time of which the recording knows.
    ///
    /// # Errors
    /// The last frame is damaged.
    pub fn last_unit(&mut self) -> Result<u64, RecordingError> {
        if let Some(end) = &self.end {
            return Ok(end.unit);
        }
        let mut last =
            (0..self.reader.frame_count()).map(|frame| self.reader.head(frame).unit).max().unwrap_or(0);
        let records = self.reader.frames_of(FrameKind::Records).next_back();
        if let Some(frame) = records {
            self.tell_frame(frame, &mut |stamp, _| last = last.max(stamp.unit))?;
        }
        // Instructions may have been written when the events beside them were not.
        let last_of = |kind| self.reader.frames_of(kind).next_back();
        let (addresses, steps) = (last_of(FrameKind::Addresses), last_of(FrameKind::Instructions));
        if let Some(frame) = addresses {
            last = last.max(last_unit_of_addresses(&self.frame(frame)?).unwrap_or_default());
        }
        if let Some(frame) = steps {
            let (rate, partitions) = (self.traced.rate, self.traced.partitions.len());
            tell_steps(&self.frame(frame)?, rate, partitions, |stamp, _| {
                last = last.max(stamp.unit);
                ControlFlow::Continue(())
            });
        }
        Ok(last)
    }

    /// Tells all events in order.
    ///
    /// # Errors
    /// A frame is damaged; what came before it was told.
    pub fn tell_events(&mut self, mut tell: impl FnMut(Stamp, Event)) -> Result<(), RecordingError> {
        for frame in self.reader.frames_of(FrameKind::Records).collect::<Vec<_>>() {
            self.tell_frame(frame, &mut tell)?;
        }
        Ok(())
    }

    /// What a frame holds.
    pub(crate) fn frame(&mut self, frame: usize) -> Result<Vec<u8>, RecordingError> {
        Ok(self.reader.read(frame)?)
    }

    pub(crate) fn tell_frame(
        &mut self,
        frame: usize,
        tell: &mut impl FnMut(Stamp, Event),
    ) -> Result<(), RecordingError> {
        let raw = self.reader.read(frame)?;
        let count = self.traced.partitions.len();
        if tell_records(&raw, self.traced.rate, count, tell) {
            return Ok(());
        }
        Err(self.reader.damaged(frame, "records cannot be understood").into())
    }
}

/// The limits with which a run ends as the recorded one did.
fn limits_of(end: &RunEnd) -> Limits {
    match end.outcome {
        Outcome::LimitReached(Limit::Instructions) => {
            Limits { executed_units: Some(end.executed), ..Limits::default() }
        }
        Outcome::LimitReached(Limit::Time) => Limits { time_ns: Some(end.now_ns), ..Limits::default() },
        _ => Limits::default(),
    }
}
