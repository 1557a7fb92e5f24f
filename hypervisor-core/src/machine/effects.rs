//! What reaches beyond one partition: windows that begin and end, interrupts of lines, events for others, restarts.

use super::Machine;
use crate::abi::{ControlAction, PartitionMode, VirtualInterrupt, start_info};
use crate::boot::Start;
use crate::config::{Flush, PartitionId};
use crate::ledger::{DropReason, Source};
use crate::message_port::{Emptied, Flushed};
use crate::outcome::Outcome;
use crate::paravirtual::Wait;
use crate::record::{Event, Recorder};
use crate::schedule::PlanAction;
use crate::seeded_faults::{Fault, seeded};
use crate::services::{Effect, Status};

/// Who started a partition again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Restarter {
    /// The partition, another one, or a plan.
    Request,
    /// The health monitor.
    Health,
}

impl Machine {
    /// Follows the schedule to now: ends windows, frames and plans, and begins those that follow.
    pub(super) fn follow_schedule(&mut self, recorder: &mut dyn Recorder) {
        let now = self.clock.units();
        let before = self.services.slot.partition;
        if let Some(id) = before {
            self.note_window_end(id, recorder);
        }
        let passed = self.services.schedule.advance(now);
        self.services.slot = self.services.schedule.slot(now);
        if let Some(id) = before {
            self.flush_channels(Flush::Window, Some(id), recorder);
            self.flush_messages(Flush::Window, Some(id), recorder);
        }
        // A plan that begins at once cuts the frame short.
        if passed.frame_ended || passed.plan_began.is_some() {
            self.flush_channels(Flush::Frame, None, recorder);
            self.flush_messages(Flush::Frame, None, recorder);
        }
        // What a new plan starts again is no deadlock.
        if passed.frame_ended && passed.plan_began.is_none() {
            self.note_frame(recorder);
        }
        if let Some(plan) = passed.plan_began {
            log::info!("plan {} begins", self.config.plans[plan.index()].name);
            let mut actions = self.config.plans[plan.index()].actions.clone();
            if seeded(Fault::IgnoresPlanActions) {
                actions.clear();
            }
            for (id, action) in actions {
                let action = match action {
                    PlanAction::ColdRestart => ControlAction::ColdRestart,
                    PlanAction::WarmRestart => ControlAction::WarmRestart,
                };
                self.restart(id, action, Restarter::Request, recorder);
            }
        }
        if let Some(id) = self.services.slot.partition {
            self.begin_window(id, recorder);
        }
    }

    /// Tells a partition that its window has begun.
    pub(super) fn begin_window(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        if self.partitions[id.index()].outcome.is_some() || self.services.slot.end == u64::MAX {
            return;
        }
        let (plan, window) = self.services.place();
        self.show_window(id);
        let mut turn = self.turn_of(id);
        turn.partition.counters.windows += 1;
        turn.log.note(|| Event::WindowStart { plan, window });
        if let Some((paravirtual, guest)) = turn.partition.paravirtual_mut() {
            if paravirtual.waits == Some(Wait::NextWindow) {
                paravirtual.waits = None;
            }
            let source = Source::Interrupt(VirtualInterrupt::WindowStart);
            if paravirtual.ports.bound_to(source).is_some() && !seeded(Fault::WindowsStartSilently) {
                let mut shared = paravirtual.shared(guest);
                paravirtual.ports.raise(source, 1, &mut shared, turn.log);
            }
        }
        turn.flush(recorder);
    }

    fn note_window_end(&mut self, id: PartitionId, recorder: &mut dyn Recorder) {
        if self.partitions[id.index()].outcome.is_some() {
            return;
        }
        let (plan, window) = self.services.place();
        let mut turn = self.turn_of(id);
        turn.log.note(|| Event::WindowEnd { plan, window });
        turn.flush(recorder);
    }

    /// Raises the interrupts of lines that have come.
    pub(super) fn raise_lines(&mut self, recorder: &mut dyn Recorder) {
        while let Some(interrupt) = self.lines.take_due(self.clock.units(), self.config.rate) {
            let source = Source::Line(interrupt.line);
            match interrupt.owner {
                Some(owner)
                    if seeded(Fault::LosesLinesWhileAway) && self.services.slot.partition != Some(owner) => {}
                Some(owner) => self.raise(owner, source, interrupt.count, recorder),
                None => {
                    let before = self.unowned_interrupts().get(&interrupt.line).copied().unwrap_or(0);
                    if before == interrupt.count {
                        let number = interrupt.line;
                        let line = self.config.lines.iter().find(|line| line.number == number);
                        let name = line.map_or("", |line| &line.name);
                        log::warn!("line {number} {name} interrupts and nobody owns it");
                    }
                }
            }
        }
    }

    /// Raises events for a partition, whoever runs.
    pub(super) fn raise(&mut self, to: PartitionId, source: Source, count: u64, recorder: &mut dyn Recorder) {
        let mut turn = self.turn_of(to);
        let ended = turn.partition.outcome.is_some();
        if let Some((paravirtual, guest)) = turn.partition.paravirtual_mut() {
            if ended {
                paravirtual.ports.drop_raised(source, count, DropReason::Ended, turn.log);
            } else {
                let mut shared = paravirtual.shared(guest);
                paravirtual.ports.raise(source, count, &mut shared, turn.log);
            }
        }
        turn.flush(recorder);
    }

    /// Does what calls asked for.
    pub(super) fn perform_effects(&mut self, recorder: &mut dyn Recorder) {
        while let Some(effect) = self.services.effects.pop_front() {
            match effect {
                Effect::Raise { to, source: Source::Channel(place), count } => {
                    let flush = match self.config.event_channels[usize::from(place)].flush {
                        Flush::Immediate if seeded(Fault::HoldsImmediateEvents) => Flush::Frame,
                        Flush::Frame if seeded(Fault::HoldsNoEvents) => Flush::Immediate,
                        flush => flush,
                    };
                    if flush == Flush::Immediate {
                        self.raise(to, Source::Channel(place), count, recorder);
                    } else {
                        *self.held_back.entry(place).or_default() += count;
                    }
                }
                Effect::Raise { to, source: source @ Source::MessagePort(_), count } => {
                    self.raise_if_bound(to, source, count, recorder);
                }
                Effect::Raise { to, source, count } => self.raise(to, source, count, recorder),
                Effect::Control { partition, action } => self.control(partition, action, recorder),
                Effect::Health { partition, event, detail, message } => {
                    self.survivable(partition, event, detail, message, recorder);
                }
            }
        }
    }

    /// Raises what the flush policy held back, of one sender or of all.
    fn flush_channels(&mut self, policy: Flush, from: Option<PartitionId>, recorder: &mut dyn Recorder) {
        if self.held_back.is_empty() {
            return;
        }
        if seeded(Fault::LosesWindowFlush) && policy == Flush::Window {
            return self.held_back.clear();
        }
        let due = |place: &u16| {
            let channel = &self.config.event_channels[usize::from(*place)];
            let is_due =
                channel.flush == policy || seeded(Fault::HoldsImmediateEvents) && policy == Flush::Frame;
            is_due && from.is_none_or(|from| channel.from == from)
        };
        let places: Vec<u16> = self.held_back.keys().copied().filter(due).collect();
        for place in places {
            let to = self.config.event_channels[usize::from(place)].to;
            let count = self.held_back.remove(&place).unwrap_or(0);
            self.raise(to, Source::Channel(place), count, recorder);
        }
    }

    /// Lets readers see the messages that the flush policy held back, of one writer or of all.
    fn flush_messages(&mut self, policy: Flush, from: Option<PartitionId>, recorder: &mut dyn Recorder) {
        let now_ns = self.clock.now_ns();
        for Flushed { channel, count } in self.services.messages.flush(policy, from, now_ns) {
            let writer = self.services.messages.writer(channel);
            self.log.note(|| Event::MessagesFlushed { channel, count });
            self.turn_of(writer).flush(recorder);
            for reader in self.services.messages.readers(channel).to_vec() {
                self.raise_if_bound(reader, Source::MessagePort(channel), count, recorder);
            }
        }
    }

    /// Raises events for a partition that asked for them. Without a port they mean nothing: what they tell of can be seen
    /// without them.
    fn raise_if_bound(&mut self, to: PartitionId, source: Source, count: u64, recorder: &mut dyn Recorder) {
        let paravirtual = self.partitions[to.index()].paravirtual();
        if paravirtual.is_some_and(|paravirtual| paravirtual.ports.bound_to(source).is_some()) {
            self.raise(to, source, count, recorder);
        }
    }

    fn control(&mut self, id: PartitionId, action: ControlAction, recorder: &mut dyn Recorder) {
        match action {
            ControlAction::Suspend => {
                self.services.statuses[id.index()].suspended = !seeded(Fault::SuspendsNobody);
            }
            ControlAction::Resume => self.services.statuses[id.index()].suspended = false,
            ControlAction::ColdRestart | ControlAction::WarmRestart => {
                self.restart(id, action, Restarter::Request, recorder);
            }
            ControlAction::Halt => {
                if self.partitions[id.index()].outcome.is_none() {
                    self.partitions[id.index()].outcome = Some(Outcome::Halted);
                    self.note_ends(id);
                }
            }
            ControlAction::RequestShutdown => {
                let source = Source::Interrupt(VirtualInterrupt::ShutdownRequest);
                self.raise(id, source, 1, recorder);
            }
        }
    }

    /// Starts a partition again from its image.
    pub(super) fn restart(
        &mut self,
        id: PartitionId,
        action: ControlAction,
        restarter: Restarter,
        recorder: &mut dyn Recorder,
    ) {
        let warm = action == ControlAction::WarmRestart;
        let condition = match (warm, restarter) {
            (false, Restarter::Request) => start_info::START_COLD,
            (true, Restarter::Request) => start_info::START_WARM,
            (false, Restarter::Health) => start_info::START_COLD_AFTER_HEALTH,
            (true, Restarter::Health) => start_info::START_WARM_AFTER_HEALTH,
        };
        let condition = if seeded(Fault::HidesWhyItRestarts) { start_info::START_COLD } else { condition };
        let restart_count = self.services.statuses[id.index()].restart_count.saturating_add(1);
        let mode = if warm { PartitionMode::WarmStart } else { PartitionMode::ColdStart };
        let executed = self.partitions[id.index()].executed;
        self.services.statuses[id.index()] =
            Status { mode, start_condition: condition, restart_count, executed, ..Status::default() };
        let start = Start { condition, restart_count };
        let channels = &self.config.event_channels;
        self.held_back.retain(|place, _| channels[usize::from(*place)].from != id);
        self.log.note(|| Event::Restart { condition, restart_count });
        let emptied = self.services.messages.restart(id);
        for Emptied { channel, dropped: count, .. } in &emptied {
            let (channel, count) = (*channel, *count);
            self.log.note(|| Event::MessagesDropped { channel, count });
        }
        let partition = &mut self.partitions[id.index()];
        // The image was loaded before: only the host's memory can be missing.
        if let Err(error) = partition.restart(&self.config, &self.clock, &self.shared, start, &mut self.log) {
            log::error!("{}: {error}", self.config.partitions[id.index()].name);
            partition.outcome = Some(Outcome::Halted);
            self.note_ends(id);
        }
        self.turn_of(id).flush(recorder);
        self.show_window(id);
        for Emptied { channel, .. } in emptied.into_iter().filter(|emptied| emptied.made_space) {
            let writer = self.services.messages.writer(channel);
            self.raise_if_bound(writer, Source::MessagePort(channel), 1, recorder);
        }
        self.refuse_start(id, recorder);
    }

    /// A partition that starts again in its window finds it in its new shared page.
    fn show_window(&mut self, id: PartitionId) {
        if self.services.slot.partition != Some(id) || self.services.slot.end == u64::MAX {
            return;
        }
        let (slot, place) = (self.services.slot, self.services.place());
        let partition = &mut self.partitions[id.index()];
        let (executed, waited) = (partition.executed, partition.counters.idle_units);
        if let Some((paravirtual, guest)) = partition.paravirtual_mut() {
            paravirtual.publish_window(guest, &slot, place, self.clock.rate());
            paravirtual.publish_run_state(guest, &self.clock, executed, waited);
        }
    }
}
