//! A machine at an instant: what a saved state is made of, what it has to fit, and what is wrong with one that does not.
//!
//! [`crate::Machine::save`] and [`crate::Machine::restore`] are in `machine::snapshot`; what of each part is saved stands
//! with the part. Not here: files, and which instants are worth saving.

use crate::clock::Clock;
use crate::config::{PartitionId, PlanId, SystemConfig};
use crate::ledger::Source;
use crate::machine::StartError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format of a saved state, its first byte. Counted up when the state of any part changes its form.
pub const SNAPSHOT_VERSION: u8 = 1;

/// More than a run ever counts of anything: it leaves room to count on without an overflow.
const COUNT_MOST: u64 = 1 << 60;

/// A frame of a machine's memory, in the order in which [`crate::Machine::frames`] tells of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FrameId {
    /// The memory.
    pub memory: MemoryId,
    /// Its number there.
    pub frame: u32,
}

/// A memory of a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum MemoryId {
    /// All shared areas, one after the other in the order of the configuration.
    Shared,
    /// What a partition has for itself.
    Partition(PartitionId),
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.memory {
            MemoryId::Shared => write!(f, "frame {} of the shared areas", self.frame),
            MemoryId::Partition(id) => write!(f, "frame {} of partition {}", self.frame, id.0),
        }
    }
}

/// Why a machine cannot be restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RestoreError {
    /// The state was saved by another version.
    Version(u8),
    /// The state cannot be that of any run.
    Damaged(&'static str),
    /// The state was saved from a system with another configuration.
    OtherSystem(&'static str),
    /// The system of the configuration cannot be started.
    Start(StartError),
    /// The host has not enough memory.
    HostMemory,
    /// The system has no such frame of its own.
    NoFrame(FrameId),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "the saved machine has format {version} and this version reads format {SNAPSHOT_VERSION}: use the version that saved it"
            ),
            Self::Damaged(what) => write!(f, "the saved machine is damaged: {what}"),
            Self::OtherSystem(what) => write!(
                f,
                "the saved machine is of another system than the configuration: {what} differ; give the configuration and the images it was saved with"
            ),
            Self::Start(error) => error.fmt(f),
            Self::HostMemory => f.write_str("the host has not enough memory for the saved machine"),
            Self::NoFrame(frame) => write!(f, "the saved machine is damaged: there is no {frame}"),
        }
    }
}

impl std::error::Error for RestoreError {}

/// A part of a saved state cannot be that of any run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Damaged(pub &'static str);

impl From<Damaged> for RestoreError {
    fn from(Damaged(what): Damaged) -> Self {
        Self::Damaged(what)
    }
}

/// An invariant of a part.
pub(crate) fn holds(condition: bool, otherwise: &'static str) -> Result<(), Damaged> {
    if condition { Ok(()) } else { Err(Damaged(otherwise)) }
}

/// What every part of a saved state has to fit: the configuration, and the instant at which it was saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit<'a> {
    pub config: &'a SystemConfig,
    pub clock: &'a Clock,
}

impl Fit<'_> {
    /// The partition exists.
    pub fn partition(&self, id: PartitionId) -> Result<(), Damaged> {
        holds(id.index() < self.config.partitions.len(), "it names a partition that does not exist")
    }

    /// The plan exists.
    pub fn plan(&self, id: PlanId) -> Result<(), Damaged> {
        holds(id.index() < self.config.plans.len(), "it names a plan that does not exist")
    }

    /// The event channel exists.
    pub fn event_channel(&self, place: u16) -> Result<(), Damaged> {
        let exists = usize::from(place) < self.config.event_channels.len();
        holds(exists, "it names an event channel that does not exist")
    }

    /// The message channel exists.
    pub fn message_channel(&self, place: u16) -> Result<(), Damaged> {
        let exists = usize::from(place) < self.config.message_channels.len();
        holds(exists, "it names a message channel that does not exist")
    }

    /// What the source names exists.
    pub fn source(&self, source: Source) -> Result<(), Damaged> {
        match source {
            Source::Interrupt(_) | Source::Own | Source::Line(_) => Ok(()),
            Source::Channel(place) | Source::ChannelSender(place) => self.event_channel(place),
            Source::MessagePort(place) => self.message_channel(place),
        }
    }

    /// Something that was counted in a run.
    pub fn count(&self, count: u64) -> Result<(), Damaged> {
        holds(count <= COUNT_MOST, "it counts more than any run does")
    }

    /// All of them are something that was counted in a run.
    pub fn counts(&self, counts: impl IntoIterator<Item = u64>) -> Result<(), Damaged> {
        counts.into_iter().try_for_each(|count| self.count(count))
    }

    /// A unit that is not to come, or units of which so many can have passed.
    pub fn past(&self, unit: u64) -> Result<(), Damaged> {
        holds(unit <= self.clock.units(), "something that is over lies in the future")
    }
}

mod guest;
mod partition;

pub(crate) use guest::SavedGuest;
pub(crate) use partition::SavedPartition;

/// Counters in a long array, of which most are 0: those that are not, with their places.
pub(crate) mod counts {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer, const COUNT: usize>(
        counts: &[u64; COUNT],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let places = (0_u32..).zip(counts).filter(|(_, count)| **count != 0);
        to.collect_seq(places.collect::<Vec<_>>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const COUNT: usize>(
        from: D,
    ) -> Result<[u64; COUNT], D::Error> {
        let mut counts = [0; COUNT];
        for (place, count) in Vec::<(u32, u64)>::deserialize(from)? {
            let counter = counts.get_mut(place as usize);
            *counter.ok_or_else(|| D::Error::custom("there is no such counter"))? = count;
        }
        Ok(counts)
    }
}
