//! What is done about what goes wrong in a partition, by the tables of the configuration.

use super::Machine;
use super::effects::Restarter;
use crate::abi::{ControlAction, VirtualInterrupt};
use crate::config::PartitionId;
use crate::health::{HealthAction, HealthEvent};
use crate::ledger::Source;
use crate::message_port::MessageChannels;
use crate::outcome::{Crash, CrashReason, Outcome};
use crate::partition::{Partition, Personality};
use crate::record::{Event, Recorder};
use crate::seeded_faults::{Fault, seeded};
use crate::services::HealthEntry;
use emulator::Vector;

/// The event that a crash is for the health monitor, and its detail.
fn event_of(reason: CrashReason) -> (HealthEvent, u32) {
    match reason {
        CrashReason::Unhandled(exception) if exception.vector == Vector::PageFault => {
            (HealthEvent::MemoryViolation, exception.address)
        }
        CrashReason::Unhandled(exception) => {
            let vector = exception.vector as u8;
            (HealthEvent::Exception(vector), u32::from(vector))
        }
        CrashReason::TrapFrame { address, .. } | CrashReason::UpcallFrame { address } => {
            (HealthEvent::FrameFault, address)
        }
        CrashReason::Deadlock => (HealthEvent::Deadlock, 0),
    }
}

impl Machine {
    /// Answers what the running guest cannot go on after.
    pub(super) fn settle_incident(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        let goes_on = self.answer_incident(id, recorder);
        if goes_on {
            // A fault ends a shadow. What the guest is told of it could never reach it else.
            let Partition { guest, personality, .. } = &mut self.partitions[id.index()];
            guest.cpu.interrupt_shadow = false;
            if let Personality::Paravane(paravirtual) = personality {
                paravirtual.holds_upcall = false;
            }
        }
        // It will happen again unless the guest does something about it, and must not do so for nothing. After a trap of
        // the last unit of its window the guest has paid already.
        if goes_on && self.clock.units() < self.services.slot.end {
            self.turn_of(id).pass(1);
            self.executed = self.executed.saturating_add(1);
            self.services.statuses[id.index()].executed = self.partitions[id.index()].executed;
        }
    }

    /// Returns whether the guest goes on as if nothing had happened.
    pub(super) fn answer_incident(&mut self, id: PartitionId, recorder: &mut dyn Recorder) -> bool {
        let Some(crash) = self.partitions[id.index()].incident.take() else { return false };
        let (event, detail) = event_of(crash.reason);
        let action = self.action(id, event);
        self.log_health(id, event, action, detail, Vec::new());
        match action {
            HealthAction::Ignore | HealthAction::Log | HealthAction::Propagate => {
                self.note_health(id, event, action, recorder);
                if action == HealthAction::Propagate {
                    self.raise(id, Source::Interrupt(VirtualInterrupt::Health), 1, recorder);
                }
                return true;
            }
            HealthAction::SwitchPlan(_) => {
                self.stop(id, crash, recorder);
                self.act(id, event, action, recorder);
            }
            HealthAction::HaltPartition | HealthAction::Escalate => self.stop(id, crash, recorder),
            HealthAction::HaltSystem => {
                self.stop(id, crash, recorder);
                self.act(id, event, action, recorder);
            }
            HealthAction::ColdRestart | HealthAction::WarmRestart | HealthAction::RestartSystem => {
                self.act(id, event, action, recorder);
            }
        }
        false
    }

    /// Answers what the guest can go on after.
    pub(super) fn survivable(
        &mut self,
        id: PartitionId,
        event: HealthEvent,
        detail: u32,
        message: Vec<u8>,
        recorder: &mut dyn Recorder,
    ) {
        let action = self.action(id, event);
        self.log_health(id, event, action, detail, message);
        self.act(id, event, action, recorder);
    }

    /// A partition that cannot be started stops, whatever else is done.
    pub(super) fn refuse_start(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        let Some(event) = self.config.partitions[id.index()].cannot_start else { return };
        self.partitions[id.index()].outcome = Some(Outcome::StoppedByHealth { event });
        self.survivable(id, event, 0, Vec::new(), recorder);
        self.note_ends(id);
    }

    fn act(
        &mut self,
        id: PartitionId,
        event: HealthEvent,
        action: HealthAction,
        recorder: &mut dyn Recorder,
    ) {
        self.note_health(id, event, action, recorder);
        match action {
            HealthAction::Ignore | HealthAction::Log => {}
            HealthAction::Propagate if seeded(Fault::PropagatesNothing) => {}
            HealthAction::Propagate => {
                self.raise(id, Source::Interrupt(VirtualInterrupt::Health), 1, recorder);
            }
            HealthAction::ColdRestart => {
                self.restart(id, ControlAction::ColdRestart, Restarter::Health, recorder);
            }
            HealthAction::WarmRestart => {
                self.restart(id, ControlAction::WarmRestart, Restarter::Health, recorder);
            }
            HealthAction::SwitchPlan(plan) => {
                self.services.schedule.request(plan);
            }
            HealthAction::RestartSystem => {
                for place in 0..self.partitions.len() {
                    let id = PartitionId(place as u16);
                    self.restart(id, ControlAction::ColdRestart, Restarter::Health, recorder);
                }
                // No message outlives a restart of all, that of a sampling channel neither.
                self.services.messages = MessageChannels::new(&self.config.message_channels);
            }
            HealthAction::HaltSystem => {
                self.outcome = Some(Outcome::SystemHalted { partition: id, event });
            }
            HealthAction::HaltPartition | HealthAction::Escalate => {
                self.partitions[id.index()].outcome = Some(Outcome::StoppedByHealth { event });
                self.note_ends(id);
            }
        }
    }

    pub(super) fn stop(&mut self, id: PartitionId, crash: Box<Crash>, recorder: &mut dyn Recorder) {
        let (reason, eip) = (crash.reason, crash.cpu.eip);
        self.partitions[id.index()].outcome = Some(Outcome::Crashed(crash));
        let mut turn = self.turn_of(id);
        turn.log.note(|| Event::Crash { reason, eip });
        turn.flush(recorder);
        self.note_ends(id);
    }

    /// What the tables say: that of the partition first, then that of the system. A restart too many is a halt.
    fn action(&self, id: PartitionId, event: HealthEvent) -> HealthAction {
        let config = &self.config.partitions[id.index()];
        let mut action = config.health.action(event);
        if action == HealthAction::Escalate {
            action = self.config.health.action(event);
        }
        let restarts = matches!(
            action,
            HealthAction::ColdRestart | HealthAction::WarmRestart | HealthAction::RestartSystem
        );
        // The cause of what is found at the start is there again.
        let is_in_vain =
            event.is_at_start() || self.services.statuses[id.index()].restart_count >= config.restarts_most;
        if restarts && is_in_vain {
            return HealthAction::HaltPartition;
        }
        action
    }

    fn log_health(
        &mut self,
        id: PartitionId,
        event: HealthEvent,
        action: HealthAction,
        detail: u32,
        message: Vec<u8>,
    ) {
        if action == HealthAction::Ignore || seeded(Fault::LogsNothing) {
            return;
        }
        self.health_is_new = true;
        let address = self.partitions[id.index()].guest.cpu.eip;
        let time_ns = self.clock.now_ns();
        self.services.health_log.add(HealthEntry {
            sequence: 0,
            time_ns,
            partition: id,
            event,
            action,
            detail,
            address,
            message,
            acknowledged: false,
        });
    }

    fn note_health(
        &mut self,
        id: PartitionId,
        event: HealthEvent,
        action: HealthAction,
        recorder: &mut dyn Recorder,
    ) {
        let mut turn = self.turn_of(id);
        turn.log.note(|| Event::Health { event, action });
        turn.flush(recorder);
    }
}
