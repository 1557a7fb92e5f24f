//! Where a recorded run is run again from when a filter lets nothing through before an instant: from the last keyframe that is early
//! enough, and what was before is counted, so that the output is that of a whole run.
//!
//! Not here: windows, which begin exactly at their instant and count nothing.

use hypervisor_core::{Machine, Partition, PartitionId, Recorder};
use recording::{Recording, RecordingError, Replay, Span};
use trace::filter::{Choice, Instant, Trigger};
use trace::{Filter, TracedSystem};

/// A run that goes on, and what it is past.
pub struct Beginning {
    /// The run.
    pub replay: Replay,
    /// Of each partition how many instructions and events came before.
    passed: Vec<(u64, u64)>,
}

impl Beginning {
    /// The latest from which everything is seen that a choice lets through.
    ///
    /// # Errors
    /// A frame is damaged, or another processor recorded it.
    pub fn of(recording: &mut Recording, choice: &Choice) -> Result<Self, RecordingError> {
        let spans = recording.spans();
        let needs_start = choice.within.as_ref().is_some_and(|outer| outer.depends_on_the_past());
        let place = match (&choice.from, &choice.around) {
            _ if needs_start => 0,
            (Some(from), _) => last_before(&spans, from, choice, recording.traced()),
            (None, Some((at, units))) => {
                let last = last_before(&spans, at, choice, recording.traced());
                with_room(recording, &spans[..=last], choice, *units as u64)?
            }
            (None, None) => 0,
        };
        let replay = recording.replay_span(&spans[place])?;
        // Keyframes that this program cannot read are none.
        let is_there = replay.machine().clock().units() == spans[place].unit;
        let events = recording.events_before(if is_there { &spans[place] } else { &spans[0] })?;
        let instructions = replay.machine().partitions().iter().map(Partition::retired);
        let passed = instructions.zip(events).collect();
        Ok(Self { replay, passed })
    }

    /// Tells a filter what was before.
    pub fn tell<R: Recorder>(&self, filter: &mut Filter<R>) {
        for (place, passed) in self.passed.iter().enumerate() {
            let id = PartitionId(place as u16);
            let is_stopped = self.replay.stopped().contains(&id.0);
            filter.resume(self.replay.machine().stamp_of(id), *passed, is_stopped);
        }
    }
}

/// The last span before which a trigger has not come.
fn last_before(spans: &[Span], trigger: &Trigger, choice: &Choice, traced: &TracedSystem) -> usize {
    let is_before = |span: &Span| match trigger.what {
        Instant::Time(ns) => span.unit < traced.rate.first_unit_at(ns),
        Instant::Number(number) => {
            let executed = span.executed_by.iter().zip(&choice.partitions).enumerate();
            let mut of_trigger = executed.filter(|(place, (_, is_shown))| {
                **is_shown && trigger.partition.is_none_or(|partition| partition.index() == *place)
            });
            of_trigger.all(|(_, (executed, _))| *executed < number)
        }
        _ => false,
    };
    spans.iter().rposition(is_before).unwrap_or(0)
}

/// The last span after whose beginning so many instructions of shown partitions come before that of the last one: those before
/// the trigger that are shown, too.
fn with_room(
    recording: &mut Recording,
    spans: &[Span],
    choice: &Choice,
    units: u64,
) -> Result<usize, RecordingError> {
    let retired = |machine: &Machine| -> u64 {
        let shown = machine.partitions().iter().zip(&choice.partitions).filter(|(_, is_shown)| **is_shown);
        shown.map(|(partition, _)| partition.retired()).sum()
    };
    let Some(last) = spans.last().filter(|_| spans.len() > 2) else { return Ok(0) };
    let end = retired(recording.replay_span(last)?.machine());
    for (place, span) in spans.iter().enumerate().rev().skip(1) {
        if end.saturating_sub(retired(recording.replay_span(span)?.machine())) >= units {
            return Ok(place);
        }
    }
    Ok(0)
}
