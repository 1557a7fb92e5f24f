//! How values are distributed: exact while few are different, as latencies in virtual time mostly are; else rounded up to one part in 32.
//!
//! Least and greatest are always exact.

use crate::bounds::{BARS_MOST, VALUES_MOST};
use hypervisor_core::latency::Latencies;
use serde::Serialize;
use std::collections::BTreeMap;

/// Significant bits that rounding keeps: at most 32 values between a power of two and the next.
const KEPT_BITS: u32 = 6;

/// Values and how often they came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Distribution {
    values: BTreeMap<u64, u64>,
    count: u64,
    most: u64,
    /// When the greatest one came first.
    most_at: u64,
    least: u64,
    is_rounded: bool,
}

/// How exact the median and its like are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Precision {
    /// As they are.
    #[default]
    Exact,
    /// Rounded up by at most one part in 32.
    Rounded,
    /// Known is only between which powers of two they are: at most this.
    PowerOfTwo,
}

/// A distribution as the page shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// How many values there are.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// Half of them are at most this.
    pub median: u64,
    /// All but one in a hundred are at most this.
    pub p99: u64,
    /// The greatest.
    pub max: u64,
    /// When that came first, in units of virtual time, if it is known.
    pub max_at: Option<u64>,
    /// How exact median and p99 are.
    pub precision: Precision,
    /// The bars of a histogram: 0, then up to 1, 3, 7 and so on; the numbers of the bars that are not empty, and how many values each has.
    pub bars: Vec<(u32, u64)>,
}

impl Distribution {
    /// One more value, which came at this unit of virtual time.
    pub fn add(&mut self, value: u64, unit: u64) {
        if value > self.most || self.count == 0 {
            self.most_at = unit;
        }
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.count += 1;
        let value = if self.is_rounded { rounded(value) } else { value };
        *self.values.entry(value).or_default() += 1;
        if self.values.len() > VALUES_MOST && !self.is_rounded {
            self.is_rounded = true;
            for (value, count) in std::mem::take(&mut self.values) {
                *self.values.entry(rounded(value)).or_default() += count;
            }
        }
    }

    /// At most this are `part` of `whole` of all values.
    fn quantile(&self, part: u64, whole: u64) -> u64 {
        let rank = (u128::from(self.count) * u128::from(part)).div_ceil(u128::from(whole)).max(1);
        let mut seen = 0_u128;
        for (value, count) in &self.values {
            seen += u128::from(*count);
            if seen >= rank {
                return (*value).clamp(self.least, self.most);
            }
        }
        self.most
    }

    /// What the page shows; None without a value.
    pub fn shown(&self) -> Option<Shown> {
        let mut bars: BTreeMap<u32, u64> = BTreeMap::new();
        for (value, count) in &self.values {
            let bar = u64::BITS - (*value).min(self.most).leading_zeros();
            *bars.entry(bar.min(BARS_MOST as u32)).or_default() += count;
        }
        (self.count > 0).then(|| Shown {
            count: self.count,
            min: self.least,
            median: self.quantile(1, 2),
            p99: self.quantile(99, 100),
            max: self.most,
            max_at: Some(self.most_at),
            precision: if self.is_rounded { Precision::Rounded } else { Precision::Exact },
            bars: bars.into_iter().collect(),
        })
    }
}

impl Shown {
    /// What the ledger of a machine counted: the least and greatest are exact, and so are the bars.
    pub fn of_ledger(latencies: &Latencies) -> Option<Self> {
        let (min, max) = latencies.range_ns()?;
        let at_most = |part: u64| {
            let rank = (u128::from(latencies.count()) * u128::from(part)).div_ceil(100);
            let mut seen = 0;
            let reached = latencies.buckets().find(|(_, count)| {
                seen += u128::from(*count);
                seen >= rank
            });
            reached.map_or(max, |(to, _)| to.min(max))
        };
        let bars = latencies.buckets().map(|(to, count)| (u64::BITS - to.leading_zeros(), count)).collect();
        let (median, p99) = (at_most(50), at_most(99));
        Some(Self {
            count: latencies.count(),
            min,
            median,
            p99,
            max,
            max_at: None,
            precision: Precision::PowerOfTwo,
            bars,
        })
    }

    /// Whether both are of the same values, as far as can be told.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.count, self.min, self.max, &self.bars) == (other.count, other.min, other.max, &other.bars)
    }
}

/// Up to the next value with so few significant bits.
fn rounded(value: u64) -> u64 {
    let dropped = (u64::BITS - value.leading_zeros()).saturating_sub(KEPT_BITS);
    let unit = 1_u64 << dropped;
    match value % unit {
        0 => value,
        rest => value.saturating_add(unit - rest),
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, Precision, rounded};
    use crate::bounds::VALUES_MOST;

    #[test]
    fn few_different_values_are_exact() {
        let mut distribution = Distribution::default();
        assert_eq!(distribution.shown(), None);
        for value in 1..=1000 {
            distribution.add(value * 1_000_003, value);
        }
        let shown = distribution.shown().unwrap();
        let values = [shown.min, shown.median, shown.p99, shown.max];
        assert_eq!(values.map(|value| value / 1_000_003), [1, 500, 990, 1000]);
        assert!(shown.precision == Precision::Exact && values.iter().all(|value| value % 1_000_003 == 0));
        distribution.add(1_000_003_000, 2000);
        assert_eq!(shown.max_at, Some(1000));
        assert_eq!(shown.bars.iter().map(|(_, count)| count).sum::<u64>(), 1000);
    }

    #[test]
    fn many_different_values_are_rounded_by_one_part_in_32_at_most() {
        let mut distribution = Distribution::default();
        for value in 0..1_000_000_u64 {
            distribution.add(value * 12_345, 0);
        }
        let shown = distribution.shown().unwrap();
        assert!(shown.precision == Precision::Rounded && distribution.values.len() <= VALUES_MOST);
        assert_eq!((shown.min, shown.max), (0, 999_999 * 12_345));
        for (value, exact) in [(shown.median, 499_999 * 12_345), (shown.p99, 989_999 * 12_345)] {
            assert!(value >= exact && value - exact <= exact / 32, "{value} for {exact}");
        }
    }

    #[test]
    fn a_single_value_is_all_there_is_to_say() {
        let mut distribution = Distribution::default();
        distribution.add(0, 7);
        let shown = distribution.shown().unwrap();
        assert_eq!((shown.min, shown.median, shown.p99, shown.max), (0, 0, 0, 0));
        assert_eq!((shown.bars, shown.max_at), (vec![(0, 1)], Some(7)));
    }

    #[test]
    fn rounding_goes_up_and_keeps_what_is_exact() {
        for (value, expected) in
            [(0, 0), (63, 63), (64, 64), (65, 66), (1 << 40, 1 << 40), (u64::MAX, u64::MAX)]
        {
            assert_eq!(rounded(value), expected);
        }
    }
}
