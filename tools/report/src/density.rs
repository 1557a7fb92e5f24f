//! How busy partitions were, in bins of equal length: what is drawn where single windows and events are too many.

use crate::bounds::{BINS_MOST, PARTITION_BINS_MOST};
use serde::Serialize;

/// The bins of all partitions.
#[derive(Debug)]
pub struct Density {
    /// Units of virtual time in a bin.
    bin_units: u64,
    /// By partition.
    bins: Vec<Vec<Bin>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Bin {
    executed: u64,
    windows: u64,
    events: u64,
}

/// The bins as the page has them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Units of virtual time in a bin.
    pub bin_units: u64,
    /// Of each partition, in base64, four bytes a bin: the part of it in which the partition executed (in 65535ths, the higher byte
    /// first), the part that was its windows (in 255ths), and how many events it has: 0, or 1 + 4 log2 of their number. A part is
    /// rounded, but to 0 only if it is 0.
    pub partitions: Vec<String>,
}

impl Density {
    /// Nothing happened in a run of so many units.
    pub fn new(partitions: usize, units: u64) -> Self {
        let count = (BINS_MOST / partitions.max(1)).clamp(1, PARTITION_BINS_MOST);
        let bin_units = (units / count as u64).saturating_add(1);
        let count = (units / bin_units).saturating_add(1).min(count as u64) as usize;
        Self { bin_units, bins: vec![vec![Bin::default(); count]; partitions] }
    }

    /// A partition executed from one unit up to another.
    pub fn add_executed(&mut self, partition: usize, from: u64, to: u64) {
        self.spread(partition, from, to, |bin, units| bin.executed = bin.executed.saturating_add(units));
    }

    /// A partition had a window.
    pub fn add_window(&mut self, partition: usize, from: u64, to: u64) {
        self.spread(partition, from, to, |bin, units| bin.windows = bin.windows.saturating_add(units));
    }

    /// A partition had an event.
    pub fn add_event(&mut self, partition: usize, unit: u64) {
        let place = usize::try_from(unit / self.bin_units).unwrap_or(usize::MAX);
        if let Some(bins) = self.bins.get_mut(partition)
            && let Some(last) = bins.len().checked_sub(1)
        {
            bins[place.min(last)].events += 1;
        }
    }

    fn spread(&mut self, partition: usize, from: u64, to: u64, add: impl Fn(&mut Bin, u64)) {
        let Some(bins) = self.bins.get_mut(partition) else { return };
        let mut at = from;
        while at < to {
            let number = at / self.bin_units;
            let Some(bin) = usize::try_from(number).ok().and_then(|place| bins.get_mut(place)) else {
                return;
            };
            let end = (number + 1).saturating_mul(self.bin_units).min(to);
            add(bin, end - at);
            at = end;
        }
    }

    /// As the page has them.
    pub fn shown(&self) -> Shown {
        let part = |units: u64, whole: u16| {
            let (units, bin) = (u128::from(units), u128::from(self.bin_units));
            let part = (units * u128::from(whole) + bin / 2) / bin;
            u16::try_from(part).unwrap_or(whole).min(whole).max(u16::from(units > 0))
        };
        let bytes = |bin: &Bin| {
            let [high, low] = part(bin.executed, u16::MAX).to_be_bytes();
            [high, low, part(bin.windows, 255) as u8, logarithm(bin.events)]
        };
        let partitions =
            self.bins.iter().map(|bins| base64(&bins.iter().flat_map(bytes).collect::<Vec<u8>>()));
        Shown { bin_units: self.bin_units, partitions: partitions.collect() }
    }
}

/// 0, or 1 + 4 log2.
fn logarithm(count: u64) -> u8 {
    let Some(whole) = count.checked_ilog2() else { return 0 };
    // The two bits after the first one.
    let rest = ((u128::from(count) * 4) >> whole) & 3;
    u8::try_from(1 + 4 * u128::from(whole) + rest).unwrap_or(u8::MAX)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| three.get(place).copied().unwrap_or(0);
        let word = u32::from_be_bytes([0, byte(0), byte(1), byte(2)]);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let is_left_over = place > three.len();
            text.push(if is_left_over { '=' } else { char::from(DIGITS[(word >> shift & 63) as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Density, base64, logarithm};

    #[test]
    fn what_spans_bins_is_divided_among_them() {
        let mut density = Density::new(2, 4095 * 10);
        assert_eq!(density.bin_units, 10);
        density.add_executed(1, 5, 32);
        density.add_window(1, 0, 40);
        density.add_event(1, 39);
        let executed: Vec<u64> = density.bins[1].iter().take(5).map(|bin| bin.executed).collect();
        assert_eq!(executed, [5, 10, 10, 2, 0]);
        assert_eq!(density.bins[1][3].events, 1);
        assert!(density.bins[0].iter().all(|bin| bin.windows == 0));
        let expected = [128, 0, 255, 0, 255, 255, 255, 0, 255, 255, 255, 0, 51, 51, 255, 1];
        let shown = density.shown();
        // Sixteen bytes and the two bits of the next: 21 digits are theirs alone.
        assert_eq!(shown.partitions[1][..21], base64(&expected)[..21]);
    }

    #[test]
    fn little_is_not_nothing() {
        let mut density = Density::new(1, u64::MAX);
        density.add_executed(0, 0, 1);
        assert!(density.shown().partitions[0].starts_with(&base64(&[0, 1, 0])));
    }

    #[test]
    fn the_end_of_time_does_no_harm() {
        let mut density = Density::new(3, u64::MAX);
        density.add_executed(2, 0, u64::MAX);
        density.add_event(2, u64::MAX);
        density.add_event(9, 0);
        let mut density = Density::new(1, 0);
        density.add_window(0, u64::MAX - 1, u64::MAX);
        density.add_event(0, 7);
        assert_eq!(density.shown().partitions, [base64(&[0, 0, 0, 1])]);
    }

    #[test]
    fn the_number_of_events_is_told_to_a_quarter_of_a_power_of_two() {
        let counts = [0, 1, 2, 3, 4, 5, 7, 8, 1000, u64::MAX];
        assert_eq!(counts.map(logarithm), [0, 1, 5, 7, 9, 10, 12, 13, 40, 255]);
    }

    #[test]
    fn base64_is_the_usual_one() {
        let bytes: [&[u8]; 4] = [b"", b"Man", b"Ma", b"ManM"];
        assert_eq!(bytes.map(base64), ["", "TWFu", "TWE=", "TWFuTQ=="]);
    }
}
