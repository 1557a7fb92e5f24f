//! Instants at which recording starts or stops.

use emulator::{Step, Vector};
use hypervisor_core::health::HealthEvent;
use hypervisor_core::{CrashReason, Event, PartitionId, Stamp};

/// An instant of a run that is known when it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// Only this partition's; any partition's without.
    pub partition: Option<PartitionId>,
    /// What happens there.
    pub what: Instant,
}

/// What happens at an instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Instant {
    /// The instruction with this number.
    Number(u64),
    /// So many nanoseconds of virtual time have passed.
    Time(u64),
    /// The instruction at this address, which each partition has at its own: by its number.
    Address(Vec<Option<u32>>),
    /// The guest marks this point with this number.
    Mark(u32),
    /// A trap of this vector, whether the guest handles it or nobody does.
    Trap(u8),
}

impl Trigger {
    /// Whether it is known from the number or the time alone. It is then there for ever after.
    pub(super) fn is_instant_of_clock(&self) -> bool {
        matches!(self.what, Instant::Number(_) | Instant::Time(_))
    }

    /// Whether it is known to be before `other`, whatever the run does.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        match (&self.what, &other.what) {
            (Instant::Number(own), Instant::Number(other_number)) => {
                self.partition == other.partition && own < other_number
            }
            (Instant::Time(own), Instant::Time(other)) => own <= other,
            _ => false,
        }
    }

    /// Whether instructions have to be seen for it.
    #[must_use]
    pub fn needs_instructions(&self) -> bool {
        matches!(self.what, Instant::Address(_))
    }

    /// Whether an instruction is at it.
    pub(super) fn is_at_instruction(&self, stamp: Stamp, step: &Step<'_>) -> bool {
        match &self.what {
            Instant::Address(addresses) => {
                addresses.get(stamp.partition.index()) == Some(&Some(step.eip)) && self.is_of(stamp)
            }
            Instant::Number(_) | Instant::Time(_) => self.is_reached(stamp),
            Instant::Mark(_) | Instant::Trap(_) => false,
        }
    }

    /// Whether an event is at it.
    pub(super) fn is_at_event(&self, stamp: Stamp, event: &Event) -> bool {
        match (&self.what, event) {
            (Instant::Number(_) | Instant::Time(_), _) => self.is_reached(stamp),
            (Instant::Mark(wanted), Event::Mark { id, .. }) => wanted == id && self.is_of(stamp),
            (Instant::Trap(wanted), event) => vector_of(event) == Some(*wanted) && self.is_of(stamp),
            _ => false,
        }
    }

    /// Whether its number or time has come.
    fn is_reached(&self, stamp: Stamp) -> bool {
        self.is_of(stamp)
            && match self.what {
                Instant::Number(number) => stamp.instruction >= number,
                Instant::Time(ns) => stamp.now_ns >= ns,
                _ => false,
            }
    }

    /// Whether a record at `stamp` comes after it: after the instruction with its number, or at its time.
    pub(super) fn is_over(&self, stamp: Stamp) -> bool {
        self.is_of(stamp)
            && match self.what {
                Instant::Number(number) => stamp.instruction > number,
                Instant::Time(ns) => stamp.now_ns >= ns,
                _ => false,
            }
    }

    /// Whether it is about the partition of a record.
    pub(super) fn is_of(&self, stamp: Stamp) -> bool {
        self.partition.is_none_or(|partition| partition == stamp.partition)
    }
}

/// The vector of a trap that the guest takes, or that nobody handles.
fn vector_of(event: &Event) -> Option<u8> {
    match event {
        Event::Trap { vector, .. } | Event::Crash { reason: CrashReason::TrapFrame { vector, .. }, .. } => {
            Some(*vector)
        }
        Event::Crash { reason: CrashReason::Unhandled(exception), .. } => Some(exception.vector as u8),
        Event::Health { event: HealthEvent::Exception(vector), .. } => Some(*vector),
        Event::Health { event: HealthEvent::MemoryViolation, .. } => Some(Vector::PageFault as u8),
        _ => None,
    }
}
