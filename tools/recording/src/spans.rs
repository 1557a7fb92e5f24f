//! A recording cut at its keyframes, for whoever searches it backwards: each span is run again by itself.
//!
//! Not here: what is searched for.

use crate::error::RecordingError;
use crate::reader::{Position, Recording};
use crate::replay::Replay;
use trace::pvt::FrameKind;

/// Units of events that are kept of a span; further ones are left out.
const EVENT_UNITS_MOST: usize = 1 << 22;

/// What happened from a keyframe, or from the start, up to the next keyframe, or to the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Units of virtual time before it.
    pub unit: u64,
    /// Units executed by all partitions before it.
    pub executed: u64,
    /// Units that each partition has executed before it.
    pub executed_by: Vec<u64>,
    /// Units of virtual time at its end; None for the last one.
    pub end: Option<u64>,
    /// The frames of the file from its keyframe to the next one.
    frames: (usize, usize),
}

impl Recording {
    /// The spans of the recording, in order; at least one.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let partitions = self.traced().partitions.len();
        let reader = self.reader();
        let count = reader.frame_count();
        let start =
            Span { unit: 0, executed: 0, executed_by: vec![0; partitions], end: None, frames: (0, count) };
        let mut spans = vec![start];
        for frame in reader.frames_of(FrameKind::Keyframe) {
            let head = reader.head(frame);
            let Some(before) = spans.last_mut() else { break };
            // The file may claim anything.
            let mut executed_by = reader.executed_by(frame).to_vec();
            executed_by.resize(partitions, 0);
            before.end = Some(head.unit);
            before.frames.1 = frame;
            spans.push(Span {
                unit: head.unit,
                executed: head.executed,
                executed_by,
                end: None,
                frames: (frame, count),
            });
        }
        spans
    }

    /// The run at the beginning of a span.
    ///
    /// # Errors
    /// As for [`Recording::replay_before`].
    pub fn replay_span(&mut self, span: &Span) -> Result<Replay, RecordingError> {
        self.replay_before(Position::Unit(span.unit))
    }

    /// How many events each partition has before a span.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn events_before(&mut self, span: &Span) -> Result<Vec<u64>, RecordingError> {
        let mut counts = vec![0; self.traced().partitions.len()];
        let records = self.reader().frames_of(FrameKind::Records);
        for frame in records.filter(|frame| *frame < span.frames.0).collect::<Vec<_>>() {
            self.tell_frame(frame, &mut |stamp, _| {
                if let Some(count) = counts.get_mut(stamp.partition.index()) {
                    *count += 1;
                }
            })?;
        }
        Ok(counts)
    }

    /// The units at which events of a span happen, each once; of very many only the first ones.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn event_units(&mut self, span: &Span) -> Result<Vec<u64>, RecordingError> {
        let (first, end) = span.frames;
        let records: Vec<usize> = self
            .reader()
            .frames_of(FrameKind::Records)
            .filter(|frame| (first..end).contains(frame))
            .collect();
        let mut units: Vec<u64> = Vec::new();
        for frame in records {
            self.tell_frame(frame, &mut |stamp, _| {
                if units.last() != Some(&stamp.unit) && units.len() < EVENT_UNITS_MOST {
                    units.push(stamp.unit);
                }
            })?;
        }
        units.sort_unstable();
        units.dedup();
        Ok(units)
    }
}
