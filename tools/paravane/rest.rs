//! What comes after the last record that a filter lets through of a recorded run: it is counted, and not looked at.
//!
//! Events are in the file, and the machine at the end, which knows how many instructions it executed, is made from the last keyframe. So
//! nothing in between is run again.

use crate::filtered::ends;
use crate::progress::Progress;
use hypervisor_core::{Machine, Partition, PartitionId, Recorder, Stamp, Unrecorded};
use recording::{Recording, Replay};
use trace::Filter;

/// The rest of a run.
pub struct Rest {
    /// Where each partition ended.
    pub ends: Vec<Stamp>,
    /// Of each partition how many instructions and events came in it.
    left: Vec<(u64, u64)>,
}

impl Rest {
    /// What comes after a run that was run again so far. It began with so many events of each partition before it.
    pub fn of(recording: &mut Recording, replay: Replay, events_before: &[u64]) -> Self {
        let end = recording.end().map_or(0, |end| end.unit);
        let retired_before = retired(replay.machine());
        let told = sums(events_before, replay.events());
        let (mut replay, before) =
            last_part(recording, &replay).unwrap_or_else(|| (replay, events_before.to_vec()));
        let mut progress = Progress::new("counting what is left out", end);
        replay.run(&mut Unrecorded, |_, machine| {
            progress.set(machine.clock().units());
            true
        });
        let instructions = differences(&retired(replay.machine()), &retired_before);
        let events = differences(&sums(&before, replay.events()), &told);
        Self { ends: ends(replay.machine()), left: instructions.into_iter().zip(events).collect() }
    }

    /// Of each partition how many instructions and events came in it.
    pub fn left(&self) -> impl Iterator<Item = (PartitionId, (u64, u64))> {
        self.left.iter().enumerate().map(|(place, left)| (PartitionId(place as u16), *left))
    }

    /// Tells a filter that it is left out.
    pub fn tell<R: Recorder>(&self, filter: &mut Filter<R>) {
        self.left().for_each(|(partition, left)| filter.leave_out(partition, left));
    }
}

/// The run from its last keyframe, and the events before that; None if the run is past it, or if it cannot be read: what is damaged there
/// is no part of what is shown.
fn last_part(recording: &mut Recording, replay: &Replay) -> Option<(Replay, Vec<u64>)> {
    let spans = recording.spans();
    let span = spans.last().filter(|span| span.unit > replay.machine().clock().units())?;
    let last = recording.replay_span(span).ok()?;
    // Keyframes that this program cannot read are none.
    (last.machine().clock().units() == span.unit).then_some(())?;
    Some((last, recording.events_before(span).ok()?))
}

fn retired(machine: &Machine) -> Vec<u64> {
    machine.partitions().iter().map(Partition::retired).collect()
}

fn sums(some: &[u64], others: &[u64]) -> Vec<u64> {
    some.iter().zip(others).map(|(some, others)| some.saturating_add(*others)).collect()
}

fn differences(all: &[u64], some: &[u64]) -> Vec<u64> {
    all.iter().zip(some).map(|(all, some)| all.saturating_sub(*some)).collect()
}
