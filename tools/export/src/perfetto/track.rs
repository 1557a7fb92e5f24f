//! The tracks: each partition is a process with four of them.
//!
//! Not here: what stands on them.

use super::messages::{COUNT, CounterDescriptor, ORDERED_BY_RANK, ProcessDescriptor, TrackDescriptor};
use hypervisor_core::PartitionId;
use trace::TracedSystem;

/// Numbers of tracks that are set aside for each partition.
const STRIDE: u64 = 8;

/// A track of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Track {
    /// Windows, and in them the time that the partition waits.
    Schedule = 1,
    /// Functions, and in them calls, traps and upcalls.
    Functions,
    /// Everything else that happens.
    Events,
    /// How many instructions the partition has executed.
    Instructions,
}

impl Track {
    const ALL: [(Self, &str); 4] = [
        (Self::Schedule, "schedule"),
        (Self::Functions, "functions"),
        (Self::Events, "events"),
        (Self::Instructions, "instructions"),
    ];

    /// The number of this track of a partition.
    pub fn of(self, partition: PartitionId) -> u64 {
        process(partition) + self as u64
    }
}

/// The number of a partition's own track; 0 means none.
fn process(partition: PartitionId) -> u64 {
    (u64::from(partition.0) + 1) * STRIDE
}

/// What tells of all tracks.
pub fn descriptors(system: &TracedSystem) -> impl Iterator<Item = TrackDescriptor> {
    system.partitions.iter().enumerate().flat_map(|(place, partition)| {
        let id = PartitionId(place as u16);
        let name = if partition.name.is_empty() { "guest" } else { &partition.name };
        let process = TrackDescriptor {
            uuid: Some(process(id)),
            process: Some(ProcessDescriptor {
                pid: Some(i32::from(id.0) + 1),
                process_name: Some(name.to_owned()),
            }),
            child_ordering: Some(ORDERED_BY_RANK),
            ..TrackDescriptor::default()
        };
        std::iter::once(process).chain(Track::ALL.map(|(track, name)| child(id, track, name)))
    })
}

fn child(partition: PartitionId, track: Track, name: &str) -> TrackDescriptor {
    let is_counter = track == Track::Instructions;
    TrackDescriptor {
        uuid: Some(track.of(partition)),
        parent_uuid: Some(process(partition)),
        name: Some(name.to_owned()),
        counter: is_counter.then_some(CounterDescriptor { unit: Some(COUNT) }),
        sibling_order_rank: Some(track as i32),
        ..TrackDescriptor::default()
    }
}
