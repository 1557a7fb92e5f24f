//! The virtual clock: units counted, nanoseconds derived. Reads no host clock; knows no timer.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Units a second unless the configuration says otherwise.
pub const DEFAULT_UNITS_PER_SECOND: u64 = 100_000_000;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// After how many nanoseconds at most the time page is published anew. Its multiplier is exact to one part in 2^31,
/// so that it lags 47 ns then.
const PUBLISH_INTERVAL_NS: u64 = 100_000_000_000;

/// How fast virtual time passes, in units a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate(u64);

/// A rate that the clock cannot keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateError(pub u64);

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (Rate::LEAST, Rate::MOST);
        write!(f, "a clock rate of {} units a second is not possible: give {least} to {most}", self.0)
    }
}

impl std::error::Error for RateError {}

impl Rate {
    /// The slowest clock.
    pub const LEAST: u64 = 1_000;
    /// The fastest clock.
    pub const MOST: u64 = 1_000_000_000_000;

    /// A rate of `units_per_second`.
    ///
    /// # Errors
    /// If it is not in [`Rate::LEAST`] to [`Rate::MOST`].
    pub fn new(units_per_second: u64) -> Result<Self, RateError> {
        if (Self::LEAST..=Self::MOST).contains(&units_per_second) {
            Ok(Self(units_per_second))
        } else {
            Err(RateError(units_per_second))
        }
    }

    /// Units a second.
    #[must_use]
    pub fn units_per_second(self) -> u64 {
        self.0
    }

    /// The nanosecond in which the unit with this number starts, rounded down. Saturates after 584 years.
    #[must_use]
    pub fn nanoseconds(self, units: u64) -> u64 {
        // Asked for each traced instruction: a division in 64 bits as long as they suffice.
        if let Some(scaled) = units.checked_mul(NANOSECONDS_PER_SECOND) {
            return scaled / self.0;
        }
        let ns = u128::from(units) * u128::from(NANOSECONDS_PER_SECOND) / u128::from(self.0);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// The first unit at which `instant_ns` has passed: the least `u` with `nanoseconds(u) >= instant_ns`.
    #[must_use]
    pub fn first_unit_at(self, instant_ns: u64) -> u64 {
        if let Some(scaled) = instant_ns.checked_mul(self.0) {
            return scaled.div_ceil(NANOSECONDS_PER_SECOND);
        }
        let units =
            (u128::from(instant_ns) * u128::from(self.0)).div_ceil(u128::from(NANOSECONDS_PER_SECOND));
        u64::try_from(units).unwrap_or(u64::MAX)
    }

    /// Multiplier and shift of the time page: `nanoseconds = ((units << shift) * multiplier) >> 32`, rounded down,
    /// where a negative shift goes right.
    #[must_use]
    pub fn scale(self) -> (u32, i8) {
        let mut shift = 0_i8;
        let scaled = |shift: i8| {
            let bits = u32::try_from(32 - i32::from(shift)).unwrap_or(0);
            (u128::from(NANOSECONDS_PER_SECOND) << bits) / u128::from(self.0)
        };
        while scaled(shift) > u128::from(u32::MAX) {
            shift += 1;
        }
        while scaled(shift) < 1 << 31 {
            shift -= 1;
        }
        (scaled(shift) as u32, shift)
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self(DEFAULT_UNITS_PER_SECOND)
    }
}

/// Virtual time so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clock {
    rate: Rate,
    units: u64,
}

impl Clock {
    /// A clock at unit 0.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, units: 0 }
    }

    /// Units so far, executed and idle.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units
    }

    /// Nanoseconds so far.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.rate.nanoseconds(self.units)
    }

    /// How fast it runs.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// `units` have passed.
    pub fn advance(&mut self, units: u64) {
        self.units = self.units.saturating_add(units);
    }

    /// Skips to a unit; one that has passed changes nothing.
    pub fn skip_to(&mut self, unit: u64) {
        self.units = self.units.max(unit);
    }
}

/// What the time page of a partition holds (Xen public/xen.h, `vcpu_time_info`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PublishedTime {
    /// Goes up by two with each publication; odd would mean that the fields are being written.
    pub version: u32,
    /// The time stamp counter, which counts units, at `system_time_ns`.
    pub time_stamp: u64,
    /// Virtual time at `time_stamp`, rounded down.
    pub system_time_ns: u64,
    /// See [`Rate::scale`].
    pub multiplier: u32,
    /// See [`Rate::scale`].
    pub shift: i8,
    /// The unit at which the fields have to be published anew to stay exact.
    pub stale_at: u64,
}

impl PublishedTime {
    /// The fields for this instant, to follow `self`.
    #[must_use]
    pub fn next(&self, clock: &Clock) -> Self {
        let (multiplier, shift) = clock.rate.scale();
        let system_time_ns = clock.now_ns();
        Self {
            version: self.version.wrapping_add(2),
            time_stamp: clock.units,
            system_time_ns,
            multiplier,
            shift,
            stale_at: clock.rate.first_unit_at(system_time_ns.saturating_add(PUBLISH_INTERVAL_NS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, PublishedTime, Rate};

    const RATES: [u64; 8] =
        [1_000, 999_983, 100_000_000, 1_000_000_000, 3_333_333_333, 4_294_967_297, 7, 1_000_000_000_000];

    fn rates() -> impl Iterator<Item = Rate> {
        RATES.into_iter().filter_map(|rate| Rate::new(rate).ok())
    }

    /// What a guest computes from the time page (Xen public/xen.h).
    fn guest_now(page: &PublishedTime, time_stamp: u64) -> u64 {
        let delta = time_stamp - page.time_stamp;
        let shifted = if page.shift < 0 { delta >> -page.shift } else { delta << page.shift };
        page.system_time_ns + ((u128::from(shifted) * u128::from(page.multiplier)) >> 32) as u64
    }

    #[test]
    fn a_deadline_passes_at_the_first_unit_whose_time_reached_it() {
        for rate in rates() {
            for deadline in [0, 1, 9, 10, 11, 999, 1_000_000_007, 123_456_789_012_345] {
                let unit = rate.first_unit_at(deadline);
                assert!(rate.nanoseconds(unit) >= deadline);
                assert!(unit == 0 || rate.nanoseconds(unit - 1) < deadline);
            }
        }
    }

    #[test]
    fn far_instants_saturate_and_do_not_wrap() {
        let slow = Rate::new(1_000).unwrap();
        assert_eq!(slow.nanoseconds(u64::MAX), u64::MAX);
        assert_eq!(Rate::new(Rate::MOST).unwrap().first_unit_at(u64::MAX), u64::MAX);
        let mut clock = Clock::new(slow);
        clock.skip_to(u64::MAX);
        clock.advance(5);
        assert_eq!(clock.units(), u64::MAX);
    }

    #[test]
    fn time_is_the_same_whether_64_bits_suffice_or_not() {
        for rate in rates() {
            for units in [0, 1, 18_446_744_072, 18_446_744_073, 18_446_744_074, 1 << 50] {
                let exact = u128::from(units) * 1_000_000_000 / u128::from(rate.units_per_second());
                assert_eq!(u128::from(rate.nanoseconds(units)), exact.min(u128::from(u64::MAX)));
                let exact = (u128::from(units) * u128::from(rate.units_per_second())).div_ceil(1_000_000_000);
                assert_eq!(u128::from(rate.first_unit_at(units)), exact.min(u128::from(u64::MAX)));
            }
        }
    }

    #[test]
    fn impossible_rates_are_refused() {
        for rate in [0, 999, Rate::MOST + 1, u64::MAX] {
            assert!(Rate::new(rate).unwrap_err().to_string().contains("units a second"));
        }
    }

    #[test]
    fn the_time_page_is_exact_to_a_microsecond_and_never_ahead() {
        for rate in rates() {
            let mut clock = Clock::new(rate);
            clock.skip_to(12_345_678_901);
            let page = PublishedTime::default().next(&clock);
            let last = page.stale_at;
            for step in 0..=1_000_u64 {
                let unit = clock.units() + ((last - clock.units()) as u128 * u128::from(step) / 1_000) as u64;
                let (guest, exact) = (guest_now(&page, unit), rate.nanoseconds(unit));
                assert!(guest <= exact, "{rate:?} at {unit}: {guest} is ahead of {exact}");
                assert!(exact - guest < 1_000, "{rate:?} at {unit}: {guest} lags {exact}");
            }
        }
    }

    #[test]
    fn publications_count_up_by_two() {
        let clock = Clock::default();
        let first = PublishedTime::default().next(&clock);
        assert_eq!((first.version, first.next(&clock).version), (2, 4));
    }
}
