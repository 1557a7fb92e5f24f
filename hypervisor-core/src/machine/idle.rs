//! What happens while nobody runs: time skips to what comes next, or the caller is asked, or a partition is deadlocked.

use super::{Limits, Machine};
use crate::clock::Clock;
use crate::config::PartitionId;
use crate::message_port::MessageChannels;
use crate::outcome::Progress;
use crate::partition::Partition;
use crate::record::{Event, Recorder};

impl Partition {
    /// Whether the guest waits and what it waits for has not come.
    pub(super) fn is_waiting(&mut self, clock: &Clock, messages: &MessageChannels) -> bool {
        let Some((paravirtual, guest)) = self.paravirtual_mut() else { return false };
        if paravirtual.waits.is_some() && !paravirtual.still_waits(guest, clock, messages) {
            paravirtual.waits = None;
        }
        paravirtual.waits.is_some()
    }
}

impl Machine {
    /// Passes time in which the waiting partition could run, or says why it cannot.
    pub(super) fn idle(
        &mut self,
        id: PartitionId,
        limits: &Limits,
        recorder: &mut dyn Recorder,
    ) -> Option<Progress> {
        let clock = self.clock;
        let (paravirtual, guest) = self.partitions[id.index()].paravirtual_mut()?;
        let wakes_at = paravirtual.wakes_at(guest, &clock);
        let awaits_input = paravirtual.awaits_input(guest);
        let given = paravirtual.console.coming().next().map_or(0, |input| input.unit);
        let others_may_run = self.services.slot.end != u64::MAX;
        if wakes_at.is_none() && !awaits_input && !self.can_be_woken(id) {
            if !self.partitions[id.index()].is_told_of_deadlock() {
                self.answer_deadlock(id, recorder);
                return None;
            }
            if !others_may_run {
                self.give_up(id, recorder);
                return None;
            }
        }
        let nothing_else = !others_may_run && self.lines.next_unit() == u64::MAX;
        let asks = self.config.interactive || (wakes_at.is_none() && nothing_else);
        let allowed = if asks { self.may_idle_until.max(given) } else { u64::MAX };
        let until = self.idle_end(wakes_at, limits);
        let target = until.unwrap_or(u64::MAX).min(allowed);
        if target <= clock.units() {
            return Some(Progress::Idle { until_units: until });
        }
        let until_ns = clock.rate().nanoseconds(target);
        let mut turn = self.turn_of(id);
        turn.log.note(|| Event::Idle { until_ns });
        // Told with the instant at which the guest begins to wait.
        turn.flush(recorder);
        self.partitions[id.index()].counters.idle_units += target - clock.units();
        self.clock.skip_to(target);
        self.log.set_now(self.clock.units());
        let partition = &mut self.partitions[id.index()];
        let (executed, waited) = (partition.executed, partition.counters.idle_units);
        let clock = self.clock;
        if let Some((paravirtual, guest)) = partition.paravirtual_mut() {
            paravirtual.publish_run_state(guest, &clock, executed, waited);
        }
        None
    }

    /// Passes time in which no partition could run.
    pub(super) fn idle_gap(&mut self, limits: &Limits) -> Option<Progress> {
        let until = self.idle_end(None, limits);
        let allowed = if self.config.interactive { self.may_idle_until } else { u64::MAX };
        let target = until.unwrap_or(u64::MAX).min(allowed);
        if target <= self.clock.units() {
            return Some(Progress::Idle { until_units: until });
        }
        self.clock.skip_to(target);
        self.log.set_now(self.clock.units());
        None
    }

    /// The unit at which idling ends at the latest; None: never.
    fn idle_end(&self, wakes_at: Option<u64>, limits: &Limits) -> Option<u64> {
        let limit = limits.time_ns.map(|most_ns| self.clock.rate().first_unit_at(most_ns));
        let ends = [self.services.slot.end, self.lines.next_unit()]
            .map(|end| Some(end).filter(|end| *end != u64::MAX));
        [wakes_at, limit, ends[0], ends[1]].into_iter().flatten().min()
    }
}
