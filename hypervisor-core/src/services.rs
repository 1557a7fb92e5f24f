//! What partitions share: the schedule, what each may see of the others, and what their calls cause elsewhere.

use crate::abi::{ControlAction, HEALTH_MESSAGE_BYTES, HealthEntryLayout, PartitionMode, WindowInfo};
use crate::clock::Clock;
use crate::config::{PartitionId, SystemConfig};
use crate::health::{HealthAction, HealthEvent};
use crate::ledger::Source;
use crate::message_port::{MessageChannels, SavedChannels};
use crate::schedule::{SavedSchedule, Schedule, Slot};
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Entries that the health log keeps.
pub const HEALTH_LOG_ENTRIES: usize = 256;

/// What the partitions of a system share.
#[derive(Debug)]
pub struct Services {
    /// Who runs when.
    pub schedule: Schedule,
    /// What the schedule says about now.
    pub slot: Slot,
    /// Each partition, as others see it.
    pub statuses: Vec<Status>,
    /// What calls caused that concerns more than the caller; the machine does it after the call.
    pub effects: VecDeque<Effect>,
    /// The health log.
    pub health_log: HealthLog,
    /// The message channels.
    pub messages: MessageChannels,
}

/// A partition, as others see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Its mode.
    pub mode: PartitionMode,
    /// Its windows stay idle.
    pub suspended: bool,
    /// It waits in a call.
    pub waits: bool,
    /// It stopped: with the code of `shutdown`, or without one.
    pub ended: Option<Option<u32>>,
    /// One of `start_info::START_...`.
    pub start_condition: u32,
    /// How often it was started again.
    pub restart_count: u32,
    /// Units that it executed.
    pub executed: u64,
}

/// Something that a call causes beyond its caller.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// Events for a partition.
    Raise {
        /// Who is told.
        to: PartitionId,
        /// By what.
        source: Source,
        /// How many.
        count: u64,
    },
    /// Something is done to a partition.
    Control {
        /// To whom.
        partition: PartitionId,
        /// What.
        action: ControlAction,
    },
    /// Something went wrong that the guest survives.
    Health {
        /// In whom.
        partition: PartitionId,
        /// What.
        event: HealthEvent,
        /// The guest's code for it.
        detail: u32,
        /// The guest's words for it.
        message: Vec<u8>,
    },
}

impl Effect {
    fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        match self {
            Self::Raise { to, source, count } => {
                fit.partition(*to)?;
                fit.source(*source)?;
                fit.count(*count)
            }
            Self::Control { partition, action: _ } => fit.partition(*partition),
            Self::Health { partition, event: _, detail: _, message: _ } => fit.partition(*partition),
        }
    }

    /// An event for the health monitor that says all by itself.
    #[must_use]
    pub fn survivable(partition: PartitionId, event: HealthEvent) -> Self {
        Self::Health { partition, event, detail: 0, message: Vec::new() }
    }
}

impl Services {
    /// The services of a system that is about to start.
    #[must_use]
    pub fn new(config: &SystemConfig) -> Self {
        let mut schedule = Schedule::new(config.plans.clone(), config.plan_switch);
        schedule.advance(0);
        Self {
            slot: schedule.slot(0),
            schedule,
            statuses: vec![Status::default(); config.partitions.len()],
            effects: VecDeque::new(),
            health_log: HealthLog::default(),
            messages: MessageChannels::new(&config.message_channels),
        }
    }

    /// The plan that runs, and the place in it of the window that runs.
    #[must_use]
    pub fn place(&self) -> (u32, u32) {
        (u32::from(self.schedule.current().0), self.slot.window.unwrap_or(0) as u32)
    }

    /// Where the running partition is in the schedule.
    #[must_use]
    pub fn window_info(&self, clock: &Clock) -> WindowInfo {
        let ns = |units: u64| if units == u64::MAX { u64::MAX } else { clock.rate().nanoseconds(units) };
        let (plan, window) = self.place();
        WindowInfo {
            now_ns: clock.now_ns(),
            window_start_ns: ns(self.slot.start),
            window_end_ns: ns(self.slot.end),
            frame_start_ns: ns(self.schedule.frame_start()),
            frame_ns: ns(self.schedule.plan().frame),
            frames: self.schedule.frames(),
            window,
            plan,
            next_plan: self.schedule.next().map_or(plan, |next| u32::from(next.0)),
            plans: self.schedule.plans().len() as u32,
        }
    }
}

/// What of the services changes in a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedServices {
    schedule: SavedSchedule,
    statuses: Vec<Status>,
    effects: VecDeque<Effect>,
    health_log: HealthLog,
    messages: SavedChannels,
}

impl Services {
    /// What they are to be restored from.
    pub(crate) fn saved(&self) -> SavedServices {
        let Self { schedule, slot, statuses, effects, health_log, messages } = self;
        SavedServices {
            schedule: schedule.saved(*slot),
            statuses: statuses.clone(),
            effects: effects.clone(),
            health_log: health_log.clone(),
            messages: messages.saved(),
        }
    }

    /// Goes back to where they were saved.
    pub(crate) fn restore(&mut self, saved: SavedServices, fit: &Fit<'_>) -> Result<(), Damaged> {
        let SavedServices { schedule, statuses, effects, health_log, messages } = saved;
        self.slot = self.schedule.restore(&schedule, fit)?;
        holds(statuses.len() == self.statuses.len(), "it has not one status for each partition")?;
        fit.counts(statuses.iter().map(|status| status.executed))?;
        effects.iter().try_for_each(|effect| effect.check(fit))?;
        health_log.check(fit)?;
        self.messages.restore(messages, fit)?;
        (self.statuses, self.effects, self.health_log) = (statuses, effects, health_log);
        Ok(())
    }
}

/// An entry of the health log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HealthEntry {
    /// Its number, from 0.
    pub sequence: u32,
    /// When it happened.
    pub time_ns: u64,
    /// In which partition.
    pub partition: PartitionId,
    /// What.
    pub event: HealthEvent,
    /// What was done about it.
    pub action: HealthAction,
    /// The vector of an exception, the code of an application error, the address of a memory violation or a frame fault, else 0.
    pub detail: u32,
    /// EIP then.
    pub address: u32,
    /// What the guest said about it; at most [`HEALTH_MESSAGE_BYTES`].
    pub message: Vec<u8>,
    /// Somebody dealt with it.
    pub acknowledged: bool,
}

impl HealthEntry {
    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HealthEntryLayout::SIZE_BYTES as usize);
        bytes.extend(self.time_ns.to_le_bytes());
        let length = self.message.len().min(HEALTH_MESSAGE_BYTES as usize);
        for word in [
            self.sequence,
            u32::from(self.partition.0),
            self.event.number(),
            self.action.number(),
            self.detail,
            self.address,
            length as u32,
        ] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&self.message[..length]);
        bytes.resize(HealthEntryLayout::SIZE_BYTES as usize, 0);
        bytes
    }
}

/// The last events of the health monitor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HealthLog {
    entries: VecDeque<HealthEntry>,
    next: u32,
}

impl HealthLog {
    fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        let Self { entries, next: _ } = self;
        holds(entries.len() <= HEALTH_LOG_ENTRIES, "its health log is too long")?;
        entries.iter().try_for_each(|entry| {
            fit.partition(entry.partition)?;
            match entry.action {
                HealthAction::SwitchPlan(plan) => fit.plan(plan),
                _ => Ok(()),
            }
        })
    }

    /// Adds an entry and forgets the oldest of too many. Its number is given here.
    pub fn add(&mut self, entry: HealthEntry) {
        if self.entries.len() == HEALTH_LOG_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(HealthEntry { sequence: self.next, ..entry });
        self.next = self.next.wrapping_add(1);
    }

    /// The entries that are kept, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &HealthEntry> {
        self.entries.iter()
    }

    /// The entry of a number, if it is still kept.
    #[must_use]
    pub fn entry(&self, sequence: u32) -> Option<&HealthEntry> {
        self.entries.iter().find(|entry| entry.sequence == sequence)
    }

    /// Notes that an entry was dealt with.
    pub fn acknowledge(&mut self, sequence: u32) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.sequence == sequence) {
            entry.acknowledged = true;
        }
    }

    /// The number of the next entry.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::{HEALTH_LOG_ENTRIES, HealthEntry, HealthLog};
    use crate::abi::HealthEntryLayout;
    use crate::config::PartitionId;
    use crate::health::{HealthAction, HealthEvent};

    fn entry(detail: u32) -> HealthEntry {
        HealthEntry {
            sequence: 0,
            time_ns: 7,
            partition: PartitionId(1),
            event: HealthEvent::ApplicationError,
            action: HealthAction::Log,
            detail,
            address: 0x10_0000,
            message: vec![b'x'; 100],
            acknowledged: false,
        }
    }

    #[test]
    fn the_log_keeps_the_last_entries_by_their_numbers() {
        let mut log = HealthLog::default();
        for detail in 0..HEALTH_LOG_ENTRIES as u32 + 3 {
            log.add(entry(detail));
        }
        assert_eq!(log.entry(2), None);
        assert_eq!(log.entry(3).map(|entry| entry.detail), Some(3));
        assert_eq!(log.next(), HEALTH_LOG_ENTRIES as u32 + 3);
    }

    #[test]
    fn an_entry_has_its_length_whatever_the_message() {
        let bytes = entry(1).to_bytes();
        assert_eq!(bytes.len(), HealthEntryLayout::SIZE_BYTES as usize);
        assert_eq!(bytes[32], 64);
    }
}
