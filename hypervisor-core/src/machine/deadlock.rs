//! Which partitions can ever run again, and what is done when one cannot.
//!
//! A wait is a deadlock if nothing that could end it can ever happen: nothing of the partition's own, no line, and no
//! partition that could act. Who waits for another asks that one the same question, so that a circle of partitions is
//! found beside others that run. What a partition does while it runs is not looked at: one that is busy could send at any time.

use super::Machine;
use crate::abi::VirtualInterrupt;
use crate::config::{PartitionConfig, PartitionId, SystemConfig};
use crate::health::{HealthAction, HealthEvent, HealthTable};
use crate::ledger::Source;
use crate::message_port::ChannelPlace;
use crate::outcome::CrashReason;
use crate::paravirtual::{Until, Wait};
use crate::partition::Partition;
use crate::record::Recorder;

/// What a configuration lets partitions do to each other, beside channels.
#[derive(Debug)]
pub(super) struct Reach {
    /// Those that can start, resume or schedule others.
    supervisors: Vec<PartitionId>,
    /// For each plan the partitions that have a window.
    scheduled: Vec<Vec<bool>>,
}

impl Reach {
    /// As the configuration says.
    pub fn of(config: &SystemConfig) -> Self {
        let ids = (0..config.partitions.len() as u16).map(PartitionId);
        let supervises = |id: &PartitionId| supervises(&config.partitions[id.index()], &config.health);
        let scheduled = config.plans.iter().map(|plan| {
            let mut scheduled = vec![false; config.partitions.len()];
            for window in &plan.windows {
                scheduled[window.partition.index()] = true;
            }
            scheduled
        });
        Self { supervisors: ids.filter(supervises).collect(), scheduled: scheduled.collect() }
    }
}

fn supervises(config: &PartitionConfig, above: &HealthTable) -> bool {
    let mut actions = HealthEvent::all().map(|event| match config.health.action(event) {
        HealthAction::Escalate => above.action(event),
        action => action,
    });
    let reaches_others = |action| matches!(action, HealthAction::SwitchPlan(_) | HealthAction::RestartSystem);
    config.rights.control || config.rights.plans || actions.any(reaches_others)
}

/// Who could end a wait.
enum Wakers {
    /// Something that comes without any partition.
    Nobody,
    /// One of these, if it can act; there may be none.
    These(Vec<PartitionId>),
}

impl Machine {
    /// Whether something outside the partition that waits in its window can end its wait.
    pub(super) fn can_be_woken(&mut self, id: PartitionId) -> bool {
        let Wakers::These(mut asked) = self.wakers(id) else { return true };
        // A window without an end is the only one.
        if asked.is_empty() || self.services.slot.end == u64::MAX {
            return false;
        }
        let mut seen = vec![false; self.partitions.len()];
        seen[id.index()] = true;
        // Whoever could start the others again, resume them or give them windows.
        asked.extend(&self.reach.supervisors);
        while let Some(other) = asked.pop() {
            if std::mem::replace(&mut seen[other.index()], true) {
                continue;
            }
            if self.acts_by_itself(other) {
                return true;
            }
            if self.partitions[other.index()].outcome.is_none() {
                match self.wakers(other) {
                    Wakers::Nobody => return true,
                    Wakers::These(more) => asked.extend(more),
                }
            }
        }
        false
    }

    /// Whether a partition will run without anybody's doing.
    fn acts_by_itself(&mut self, id: PartitionId) -> bool {
        if !self.can_run(id) || !self.is_scheduled(id) {
            return false;
        }
        let clock = self.clock;
        let Some((paravirtual, guest)) = self.partitions[id.index()].paravirtual_mut() else { return true };
        paravirtual.waits.is_none()
            || !paravirtual.still_waits(guest, &clock, &self.services.messages)
            || paravirtual.wakes_at(guest, &clock).is_some()
            || paravirtual.awaits_input(guest)
    }

    /// Whether a partition has a window now, or may have one in the plan that comes.
    fn is_scheduled(&self, id: PartitionId) -> bool {
        let schedule = &self.services.schedule;
        let has_window = |plan: crate::config::PlanId| self.reach.scheduled[plan.index()][id.index()];
        has_window(schedule.current()) || schedule.next().is_some_and(has_window)
    }

    /// Who could end the wait of a partition that waits.
    fn wakers(&mut self, id: PartitionId) -> Wakers {
        let mut wakers = Vec::new();
        let has_windows = self.services.slot.end != u64::MAX && self.is_scheduled(id);
        let Some((paravirtual, guest)) = self.partitions[id.index()].paravirtual_mut() else {
            return Wakers::Nobody;
        };
        let sources = paravirtual.waking_sources(guest);
        match &paravirtual.waits {
            Some(Wait::NextWindow) if has_windows => return Wakers::Nobody,
            Some(Wait::Call { until: Until::Message(channel) | Until::Space(channel), .. }) => {
                let channel = *channel;
                if !self.add_ends(id, channel, &mut wakers) {
                    return Wakers::Nobody;
                }
            }
            Some(Wait::Upcall | Wait::NextWindow | Wait::Call { until: Until::Ports(_), .. }) | None => {}
        }
        for source in sources {
            match source {
                Source::Interrupt(VirtualInterrupt::WindowStart) if has_windows => return Wakers::Nobody,
                Source::Interrupt(VirtualInterrupt::ShutdownRequest) => {
                    let others = self.reach.supervisors.iter().filter(|supervisor| **supervisor != id);
                    wakers.extend(others);
                }
                Source::Line(line) if self.lines.comes_again(line) => return Wakers::Nobody,
                Source::Channel(place) if self.held_back.contains_key(&place) => return Wakers::Nobody,
                Source::Channel(place) => wakers.push(self.config.event_channels[usize::from(place)].from),
                Source::MessagePort(channel) => {
                    if !self.add_ends(id, channel, &mut wakers) {
                        return Wakers::Nobody;
                    }
                }
                // What the partition does itself, what is over, and what raises nothing.
                Source::Interrupt(_) | Source::Line(_) | Source::Own | Source::ChannelSender(_) => {}
            }
        }
        Wakers::These(wakers)
    }

    /// Adds those at the other end of a message channel; false if something on it comes by itself.
    fn add_ends(&self, id: PartitionId, channel: ChannelPlace, wakers: &mut Vec<PartitionId>) -> bool {
        let messages = &self.services.messages;
        if messages.holds_back(channel) {
            return false;
        }
        let writer = messages.writer(channel);
        if writer == id {
            wakers.extend(messages.readers(channel));
        } else {
            wakers.push(writer);
        }
        true
    }

    /// The end of a major frame in which nothing ran: if nobody can ever run, every partition that is left is deadlocked.
    pub(super) fn note_frame(&mut self, recorder: &mut dyn Recorder) {
        let ran = self.executed != self.executed_at_frame;
        self.executed_at_frame = self.executed;
        if ran || self.lines.next_unit() != u64::MAX || self.services.schedule.next().is_some() {
            return;
        }
        let ids = (0..self.partitions.len() as u16).map(PartitionId);
        let left: Vec<PartitionId> = ids.filter(|id| self.partitions[id.index()].outcome.is_none()).collect();
        // The start of a window wakes nobody whom it did not wake in the frame before.
        if left.iter().any(|id| self.acts_by_itself(*id)) {
            return;
        }
        if left.iter().all(|id| self.partitions[id.index()].is_told_of_deadlock()) {
            left.into_iter().for_each(|id| self.give_up(id, recorder));
        } else {
            self.answer_deadlocks(&left, recorder);
        }
    }

    /// Every partition that has not ended is deadlocked, unless the answer for one before started it again.
    fn answer_deadlocks(&mut self, left: &[PartitionId], recorder: &mut dyn Recorder) {
        let restarts: Vec<u32> = self.services.statuses.iter().map(|status| status.restart_count).collect();
        for id in left.iter().copied() {
            let was_restarted = self.services.statuses[id.index()].restart_count != restarts[id.index()];
            let partition = &self.partitions[id.index()];
            if self.outcome.is_none()
                && partition.outcome.is_none()
                && !was_restarted
                && !partition.is_told_of_deadlock()
            {
                self.answer_deadlock(id, recorder);
            }
        }
    }

    /// Answers a deadlock. If the partition goes on waiting, that is told once for this wait.
    pub(super) fn answer_deadlock(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        self.turn_of(id).crash(CrashReason::Deadlock);
        let goes_on = self.answer_incident(id, recorder);
        let partition = &mut self.partitions[id.index()];
        if goes_on {
            partition.told_of_deadlock = Some(partition.executed);
        }
    }

    /// Stops a partition that was left waiting, because nothing can ever happen again.
    pub(super) fn give_up(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        self.turn_of(id).crash(CrashReason::Deadlock);
        if let Some(crash) = self.partitions[id.index()].incident.take() {
            self.stop(id, crash, recorder);
        }
    }
}

impl Partition {
    /// Whether the health monitor has answered the deadlock of this wait, and left it at that.
    pub(super) fn is_told_of_deadlock(&self) -> bool {
        self.told_of_deadlock == Some(self.executed)
    }
}
