//! What happens while the guest waits: time skips to what wakes it, or the caller is asked, or it is deadlocked.

use super::{Limits, Machine, System};
use crate::outcome::{CrashReason, Progress};
use crate::record::{Event, Recorder};

impl Machine {
    /// Whether the guest waits in `block` and nothing has come.
    pub(super) fn is_waiting(&mut self) -> bool {
        let System::Paravane(partition) = &mut self.system else { return false };
        if partition.waits && partition.interrupts().upcall_pending(&mut self.guest) {
            partition.waits = false;
        }
        partition.waits
    }

    /// Passes idle time, or says why it cannot.
    pub(super) fn idle<R: Recorder>(&mut self, limits: &Limits, recorder: &mut R) -> Option<Progress> {
        let System::Paravane(partition) = &self.system else { return None };
        let wakes_at = partition.wakes_at(&mut self.guest, &self.clock);
        let awaits_input = partition.awaits_input(&mut self.guest);
        if wakes_at.is_none() && !awaits_input {
            self.crash(CrashReason::Deadlock);
            return None;
        }
        let rate = self.clock.rate();
        let limit = limits.time_ns.map(|most_ns| rate.first_unit_at(most_ns));
        let until = [wakes_at, limit].into_iter().flatten().min();
        let now = self.clock.units();
        let asks = self.config.interactive || wakes_at.is_none();
        let given = partition.console.coming().next().map_or(0, |input| input.unit);
        let allowed = if asks { self.may_idle_until.max(given) } else { u64::MAX };
        let target = until.unwrap_or(u64::MAX).min(allowed);
        if target <= now {
            return Some(Progress::Idle { until_units: until });
        }
        self.log.note(|| Event::Idle { until_ns: rate.nanoseconds(target) });
        // Told with the instant at which the guest begins to wait.
        self.flush(recorder);
        self.pass_idle(target - now);
        None
    }
}
