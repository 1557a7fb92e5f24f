//! A partition's timer: one-shot or periodic, with what to do about missed periods. Knows no port and no event.

use crate::abi::{PERIOD_MINIMUM_NS, TickPolicy};
use crate::seeded_faults::{Fault, seeded};
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};

/// How many missed periods [`TickPolicy::Spread`] makes up for, one in the middle of each period to come; more are
/// lost.
pub const SPREAD_MOST: u64 = 64;

/// A period that is too short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeriodTooShort;

/// What to tell the guest now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expiry {
    /// How many events to raise, at once; can be 0.
    pub raise: u64,
    /// How many periods are lost by the policy.
    pub lost: u64,
}

/// Whether the guest has taken the timer's last event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastEvent {
    /// It is still pending.
    Pending,
    /// It is not pending.
    Taken,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Periodic {
    next_ns: u64,
    period_ns: u64,
    policy: TickPolicy,
    /// Missed periods that are still to be raised: `Burst` and `Spread` only.
    backlog: u64,
    /// When `Spread` raises one of them.
    extra_ns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Mode {
    #[default]
    Off,
    OneShot {
        deadline_ns: u64,
    },
    Periodic(Periodic),
}

/// One timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Timer {
    mode: Mode,
}

impl Timer {
    /// Whether it was set as a timer can be.
    pub(crate) fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        let Mode::Periodic(periodic) = self.mode else { return Ok(()) };
        fit.count(periodic.backlog)?;
        holds(periodic.period_ns >= PERIOD_MINIMUM_NS, "the period of a timer is too short")
    }

    /// Expires once, at `deadline_ns` or as soon as possible. Replaces what was set.
    pub fn set_one_shot(&mut self, deadline_ns: u64) {
        self.mode = Mode::OneShot { deadline_ns };
    }

    /// Expires every `period_ns`, for the first time one period after `now_ns`. Replaces what was set.
    ///
    /// # Errors
    /// If the period is under [`PERIOD_MINIMUM_NS`]; nothing changes then.
    pub fn set_periodic(
        &mut self,
        now_ns: u64,
        period_ns: u64,
        policy: TickPolicy,
    ) -> Result<(), PeriodTooShort> {
        if period_ns < PERIOD_MINIMUM_NS {
            return Err(PeriodTooShort);
        }
        let next_ns = now_ns.saturating_add(period_ns);
        self.mode = Mode::Periodic(Periodic { next_ns, period_ns, policy, backlog: 0, extra_ns: next_ns });
        Ok(())
    }

    /// Expires no more.
    pub fn cancel(&mut self) {
        self.mode = Mode::Off;
    }

    /// Whether a period or a deadline is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.mode != Mode::Off
    }

    /// The next instant at which [`Timer::expire`] has something to do; None: never. An instant that cannot be
    /// reached within 584 years is never, too.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        let deadline_ns = match self.mode {
            Mode::Off => return None,
            Mode::OneShot { deadline_ns } => deadline_ns,
            Mode::Periodic(periodic) => periodic.deadline_ns(),
        };
        (deadline_ns != u64::MAX).then_some(deadline_ns)
    }

    /// Whether missed periods wait for the guest to take the last event.
    #[must_use]
    pub fn waits_for_guest(&self) -> bool {
        matches!(self.mode, Mode::Periodic(Periodic { policy: TickPolicy::Burst, backlog: 1.., .. }))
    }

    /// What is due at `now_ns`. Division, no loop: it takes as long for a million missed periods as for one.
    pub fn expire(&mut self, now_ns: u64, last: LastEvent) -> Option<Expiry> {
        match &mut self.mode {
            Mode::Off => None,
            Mode::OneShot { deadline_ns } => {
                let due = *deadline_ns <= now_ns;
                if due && !seeded(Fault::OneShotStays) {
                    self.mode = Mode::Off;
                }
                due.then_some(Expiry { raise: 1, lost: 0 })
            }
            Mode::Periodic(periodic) => periodic.expire(now_ns, last),
        }
    }

    /// The numbers that describe the timer, for a digest of state.
    #[must_use]
    pub fn encoded(&self) -> [u64; 6] {
        match self.mode {
            Mode::Off => [0; 6],
            Mode::OneShot { deadline_ns } => [1, deadline_ns, 0, 0, 0, 0],
            Mode::Periodic(Periodic { next_ns, period_ns, policy, backlog, extra_ns }) => {
                [2, next_ns, period_ns, policy as u64, backlog, extra_ns]
            }
        }
    }
}

impl Periodic {
    fn deadline_ns(&self) -> u64 {
        match self.policy {
            TickPolicy::Spread if self.backlog > 0 => self.next_ns.min(self.extra_ns),
            _ => self.next_ns,
        }
    }

    fn expire(&mut self, now_ns: u64, last: LastEvent) -> Option<Expiry> {
        let passed = match now_ns.checked_sub(self.next_ns) {
            Some(late_ns) => late_ns / self.period_ns + 1,
            None => 0,
        };
        // No overflow but by saturation: `passed` periods lie between the last deadline and `now_ns`.
        self.next_ns = if passed > 0 && seeded(Fault::TicksDrift) {
            now_ns.saturating_add(self.period_ns)
        } else {
            self.next_ns.saturating_add(passed.saturating_mul(self.period_ns))
        };
        let expiry = match self.policy {
            TickPolicy::One if seeded(Fault::OneCountsOne) => Expiry { raise: passed.min(1), lost: 0 },
            TickPolicy::One if passed > 8 && seeded(Fault::ForgetsLongAbsence) => {
                Expiry { raise: 1, lost: passed - 1 }
            }
            TickPolicy::Lose if seeded(Fault::LoseActsAsOne) => Expiry { raise: passed, lost: 0 },
            TickPolicy::One => Expiry { raise: passed, lost: 0 },
            TickPolicy::Lose => Expiry { raise: passed.min(1), lost: passed.saturating_sub(1) },
            TickPolicy::Burst => self.burst(passed, last),
            TickPolicy::Spread => self.spread(now_ns, passed),
        };
        (expiry.raise > 0 || expiry.lost > 0).then_some(expiry)
    }

    fn burst(&mut self, passed: u64, last: LastEvent) -> Expiry {
        self.backlog = self.backlog.saturating_add(passed);
        let raise = match last {
            LastEvent::Pending => 0,
            LastEvent::Taken if seeded(Fault::BurstTellsAll) => self.backlog,
            LastEvent::Taken => self.backlog.min(1),
        };
        self.backlog -= raise;
        Expiry { raise, lost: 0 }
    }

    fn spread(&mut self, now_ns: u64, passed: u64) -> Expiry {
        let mut expiry = Expiry { raise: 0, lost: 0 };
        if passed > 0 {
            let missed = self.backlog.saturating_add(passed - 1);
            self.backlog = if seeded(Fault::SpreadForgets) { 0 } else { missed.min(SPREAD_MOST) };
            expiry = Expiry { raise: 1, lost: missed - self.backlog };
        } else if self.backlog > 0 && self.extra_ns <= now_ns {
            self.backlog -= 1;
            self.extra_ns = self.next_ns;
            return Expiry { raise: 1, lost: 0 };
        }
        if passed > 0 {
            self.extra_ns = now_ns + (self.next_ns - now_ns) / 2;
        }
        expiry
    }
}

#[cfg(test)]
mod tests {
    use super::{Expiry, LastEvent, PeriodTooShort, SPREAD_MOST, Timer};
    use crate::abi::TickPolicy;

    fn periodic(period_ns: u64, policy: TickPolicy) -> Timer {
        let mut timer = Timer::default();
        timer.set_periodic(0, period_ns, policy).unwrap();
        timer
    }

    fn raise(raise: u64) -> Option<Expiry> {
        Some(Expiry { raise, lost: 0 })
    }

    #[test]
    fn a_one_shot_expires_once() {
        let mut timer = Timer::default();
        timer.set_one_shot(500);
        assert_eq!(timer.deadline_ns(), Some(500));
        assert_eq!(timer.expire(499, LastEvent::Taken), None);
        assert_eq!(timer.expire(500, LastEvent::Taken), raise(1));
        assert!(!timer.is_set());
        assert_eq!(timer.expire(u64::MAX, LastEvent::Taken), None);
    }

    #[test]
    fn a_period_under_a_microsecond_is_an_error_and_changes_nothing() {
        let mut timer = periodic(5_000, TickPolicy::One);
        assert_eq!(timer.set_periodic(0, 999, TickPolicy::One), Err(PeriodTooShort));
        assert_eq!(timer.deadline_ns(), Some(5_000));
        assert_eq!(timer.set_periodic(0, 1_000, TickPolicy::One), Ok(()));
    }

    #[test]
    fn one_event_counts_all_missed_periods() {
        let mut timer = periodic(1_000, TickPolicy::One);
        assert_eq!(timer.expire(1_000_000_500, LastEvent::Pending), raise(1_000_000));
        assert_eq!(timer.deadline_ns(), Some(1_000_001_000));
        assert_eq!(timer.expire(1_000_000_999, LastEvent::Taken), None);
    }

    #[test]
    fn lose_loses_all_but_one() {
        let mut timer = periodic(1_000, TickPolicy::Lose);
        assert_eq!(timer.expire(5_000, LastEvent::Taken), Some(Expiry { raise: 1, lost: 4 }));
        assert_eq!(timer.expire(6_000, LastEvent::Taken), raise(1));
    }

    #[test]
    fn burst_raises_one_each_time_the_guest_has_taken_the_last() {
        let mut timer = periodic(1_000, TickPolicy::Burst);
        assert_eq!(timer.expire(3_000, LastEvent::Taken), raise(1));
        assert!(timer.waits_for_guest());
        assert_eq!(timer.expire(3_100, LastEvent::Pending), None);
        assert_eq!(timer.expire(3_100, LastEvent::Taken), raise(1));
        assert_eq!(timer.expire(3_200, LastEvent::Taken), raise(1));
        assert!(!timer.waits_for_guest());
        assert_eq!(timer.expire(3_300, LastEvent::Taken), None);
    }

    #[test]
    fn spread_makes_up_for_one_period_in_the_middle_of_each() {
        let mut timer = periodic(1_000, TickPolicy::Spread);
        assert_eq!(timer.expire(3_000, LastEvent::Taken), raise(1));
        let mut raised_at = Vec::new();
        while raised_at.len() < 5 {
            let now = timer.deadline_ns().unwrap();
            assert_eq!(timer.expire(now, LastEvent::Taken), raise(1));
            raised_at.push(now);
        }
        assert_eq!(raised_at, [3_500, 4_000, 4_500, 5_000, 6_000]);
    }

    #[test]
    fn spread_bounds_what_it_makes_up_for() {
        let mut timer = periodic(1_000, TickPolicy::Spread);
        let expiry = timer.expire(1_000_000, LastEvent::Taken).unwrap();
        assert_eq!(expiry, Expiry { raise: 1, lost: 999 - SPREAD_MOST });
    }

    #[test]
    fn a_timer_at_the_end_of_time_never_expires_and_never_wraps() {
        let mut timer = Timer::default();
        timer.set_periodic(u64::MAX - 10, u64::MAX, TickPolicy::One).unwrap();
        assert_eq!(timer.deadline_ns(), None);
        let mut timer = periodic(1_000, TickPolicy::Spread);
        assert!(timer.expire(u64::MAX, LastEvent::Taken).is_some());
        timer.set_one_shot(u64::MAX);
        assert_eq!(timer.deadline_ns(), None);
    }
}
