//! How long events wait: virtual time from raise to delivery, in buckets of powers of two.

use crate::snapshot::{Damaged, Fit, counts, holds};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Buckets: one for 0 ns, and one for each power of two that a time can begin with.
pub const LATENCY_BUCKETS: usize = 65;

/// The times that the delivered events of one source waited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latencies {
    /// Bucket 0 counts times of 0 ns, bucket n those from 2^(n-1) ns to below 2^n ns.
    #[serde(with = "counts")]
    buckets: [u64; LATENCY_BUCKETS],
    count: u64,
    least_ns: u64,
    most_ns: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: [0; LATENCY_BUCKETS], count: 0, least_ns: u64::MAX, most_ns: 0 }
    }
}

impl Latencies {
    /// Adds a time.
    pub fn add(&mut self, ns: u64) {
        self.buckets[(u64::BITS - ns.leading_zeros()) as usize] += 1;
        self.count += 1;
        self.least_ns = self.least_ns.min(ns);
        self.most_ns = self.most_ns.max(ns);
    }

    /// Whether every time is in a bucket.
    pub(crate) fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        fit.counts(self.buckets)?;
        let all: u128 = self.buckets.iter().map(|count| u128::from(*count)).sum();
        holds(all == u128::from(self.count), "the latencies are not as many as their count")
    }

    /// How many times there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest and the longest time, if there is any.
    #[must_use]
    pub fn range_ns(&self) -> Option<(u64, u64)> {
        (self.count > 0).then_some((self.least_ns, self.most_ns))
    }

    /// A time that at least half of them do not exceed: the end of the median's bucket, or the longest time.
    #[must_use]
    pub fn median_most_ns(&self) -> Option<u64> {
        let half = self.count.div_ceil(2);
        let mut below = 0;
        let holds_median = |(_, count): &(usize, &u64)| {
            below += **count;
            below.cmp(&half) != Ordering::Less
        };
        let bucket = self.buckets.iter().enumerate().find(holds_median).map(|(bucket, _)| bucket)?;
        (self.count > 0).then(|| last_ns(bucket).min(self.most_ns))
    }

    /// The buckets with times in them: the longest time that would be in it, and how many are.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let counted = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(bucket, count)| (last_ns(bucket), *count))
    }
}

fn last_ns(bucket: usize) -> u64 {
    u64::MAX.checked_shr(u64::BITS - bucket as u32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Latencies;

    fn of(times: &[u64]) -> Latencies {
        let mut latencies = Latencies::default();
        times.iter().for_each(|ns| latencies.add(*ns));
        latencies
    }

    #[test]
    fn a_time_is_in_the_bucket_of_its_highest_bit() {
        let buckets: Vec<_> = of(&[0, 1, 2, 3, 4, 7, 8, u64::MAX]).buckets().collect();
        assert_eq!(buckets, [(0, 1), (1, 1), (3, 2), (7, 2), (15, 1), (u64::MAX, 1)]);
    }

    #[test]
    fn least_and_most_are_exact_and_the_median_is_not_exceeded_by_half() {
        let latencies = of(&[100, 10, 20, 1000, 30]);
        assert_eq!((latencies.count(), latencies.range_ns()), (5, Some((10, 1000))));
        assert_eq!(latencies.median_most_ns(), Some(31));
        assert_eq!(of(&[10, 10]).median_most_ns(), Some(10));
        assert_eq!((of(&[]).range_ns(), of(&[]).median_most_ns()), (None, None));
    }
}
