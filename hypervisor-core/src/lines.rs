//! Interrupt lines of the board: who owns them, and which interrupts come by themselves. Pure policy.

use crate::clock::Rate;
use crate::config::{Injection, Line, PartitionId};
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// The lines of a system.
#[derive(Clone, Debug)]
pub struct Lines {
    owners: BTreeMap<u32, Option<PartitionId>>,
    injections: Vec<Injection>,
    /// When each injection that is left comes next: unit, place in `injections`, how many came before.
    due: BinaryHeap<Reverse<(u64, usize, u64)>>,
    unowned: BTreeMap<u32, u64>,
    /// How many injections of each line have interrupts to come.
    series: BTreeMap<u32, u32>,
}

/// What of the lines changes in a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedLines {
    /// Each injection that is left, by its place, and how many interrupts of it came.
    came: BTreeMap<usize, u64>,
    unowned: BTreeMap<u32, u64>,
}

/// An interrupt of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interrupt {
    /// The line.
    pub line: u32,
    /// Whose it is.
    pub owner: Option<PartitionId>,
    /// How many came at once.
    pub count: u64,
}

impl Lines {
    /// The lines of a configuration.
    #[must_use]
    pub fn new(lines: &[Line], injections: &[Injection], rate: Rate) -> Self {
        let mut due = BinaryHeap::new();
        let mut series: BTreeMap<u32, u32> = BTreeMap::new();
        for (place, injection) in injections.iter().enumerate() {
            let unit = rate.first_unit_at(injection.at_ns);
            if injection.count > 0 && unit != u64::MAX {
                due.push(Reverse((unit, place, 0)));
                *series.entry(injection.line).or_default() += 1;
            }
        }
        Self {
            owners: lines.iter().map(|line| (line.number, line.owner)).collect(),
            due,
            series,
            injections: injections.to_vec(),
            unowned: BTreeMap::new(),
        }
    }

    /// Whose a line is.
    #[must_use]
    pub fn owner(&self, line: u32) -> Option<PartitionId> {
        self.owners.get(&line).copied().flatten()
    }

    /// The unit at which the next interrupt comes; never for [`u64::MAX`].
    #[must_use]
    pub fn next_unit(&self) -> u64 {
        self.due.peek().map_or(u64::MAX, |Reverse((unit, ..))| *unit)
    }

    /// Whether an interrupt of a line will come.
    #[must_use]
    pub fn comes_again(&self, line: u32) -> bool {
        self.series.get(&line).is_some_and(|series| *series > 0)
    }

    /// The next interrupt, if it has come by `now`. Those that come at the same unit are told together. One of a line without an owner
    /// is counted.
    pub fn take_due(&mut self, now: u64, rate: Rate) -> Option<Interrupt> {
        let Reverse((unit, place, came)) = *self.due.peek()?;
        if unit > now {
            return None;
        }
        self.due.pop();
        let injection = self.injections[place];
        let left = injection.count - came;
        let after = |came: u64| unit_after(&injection, came, rate);
        // Faster than the clock: all that have come by this unit.
        let mut count = 1;
        if left > 1 && after(came + 1) <= now {
            count = at_most(left, |count| after(came + count - 1) <= now);
        }
        let next = if count < left { after(came + count) } else { u64::MAX };
        if next != u64::MAX {
            self.due.push(Reverse((next, place, came + count)));
        } else if let Some(series) = self.series.get_mut(&injection.line) {
            *series -= 1;
        }
        let owner = self.owner(injection.line);
        if owner.is_none() {
            *self.unowned.entry(injection.line).or_default() += count;
        }
        Some(Interrupt { line: injection.line, owner, count })
    }

    /// What they are to be restored from.
    pub(crate) fn saved(&self) -> SavedLines {
        // How many series each line has left follows from what is due.
        let Self { owners: _, injections: _, due, unowned, series: _ } = self;
        let came = due.iter().map(|Reverse((_, place, came))| (*place, *came)).collect();
        SavedLines { came, unowned: unowned.clone() }
    }

    /// Go back to where they were saved.
    pub(crate) fn restore(&mut self, saved: SavedLines, fit: &Fit<'_>) -> Result<(), Damaged> {
        let SavedLines { came, unowned } = saved;
        fit.counts(unowned.values().copied())?;
        self.due.clear();
        self.series.clear();
        for (place, came) in came {
            let left = self.injections.get(place).filter(|injection| came < injection.count);
            let injection = left.ok_or(Damaged("it waits for an interrupt that does not come"))?;
            let unit = unit_after(injection, came, fit.clock.rate());
            holds(unit != u64::MAX, "it waits for an interrupt that never comes")?;
            *self.series.entry(injection.line).or_default() += 1;
            self.due.push(Reverse((unit, place, came)));
        }
        self.unowned = unowned;
        Ok(())
    }

    /// The numbers that decide which interrupts come, for a digest of state: unit, place, how many came before.
    #[must_use]
    pub fn encoded(&self) -> Vec<[u64; 3]> {
        let mut due: Vec<[u64; 3]> =
            self.due.iter().map(|Reverse((unit, place, came))| [*unit, *place as u64, *came]).collect();
        // A heap has no order of its own.
        due.sort_unstable();
        due
    }

    /// How often lines without an owner interrupted, by line.
    #[must_use]
    pub fn unowned(&self) -> &BTreeMap<u32, u64> {
        &self.unowned
    }
}

/// The unit of the next interrupt after `came` have come.
fn unit_after(injection: &Injection, came: u64, rate: Rate) -> u64 {
    let later_ns = u128::from(injection.every_ns) * u128::from(came) + u128::from(injection.at_ns);
    rate.first_unit_at(u64::try_from(later_ns).unwrap_or(u64::MAX))
}

/// The most in 1 to `most` for which `holds`, which holds for 1 and for all below one for which it holds.
fn at_most(most: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (1, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::{Interrupt, Lines};
    use crate::clock::Rate;
    use crate::config::{Injection, Line, PartitionId};

    fn line(number: u32, owner: Option<u16>) -> Line {
        Line { number, name: String::new(), owner: owner.map(PartitionId) }
    }

    fn all(lines: &mut Lines, rate: Rate) -> Vec<(u64, Interrupt)> {
        let mut came = Vec::new();
        while lines.next_unit() != u64::MAX {
            let now = lines.next_unit();
            came.extend(lines.take_due(now, rate).map(|interrupt| (now, interrupt)));
        }
        came
    }

    #[test]
    fn interrupts_come_at_their_units_in_order_and_none_is_lost() {
        let rate = Rate::new(1_000_000).unwrap();
        let injections = [
            Injection { line: 5, at_ns: 10_000, every_ns: 20_000, count: 3 },
            Injection { line: 6, at_ns: 30_000, every_ns: 1, count: 1 },
        ];
        let mut lines = Lines::new(&[line(5, Some(1)), line(6, None)], &injections, rate);
        let five = Interrupt { line: 5, owner: Some(PartitionId(1)), count: 1 };
        let six = Interrupt { line: 6, owner: None, count: 1 };
        assert!(lines.comes_again(5) && lines.comes_again(6) && !lines.comes_again(7));
        assert_eq!(all(&mut lines, rate), [(10, five), (30, five), (30, six), (50, five)]);
        assert!(!lines.comes_again(5) && !lines.comes_again(6));
        assert_eq!(lines.unowned().get(&6), Some(&1));
    }

    #[test]
    fn interrupts_faster_than_the_clock_come_together() {
        let rate = Rate::new(1_000_000).unwrap();
        let injections = [Injection { line: 5, at_ns: 1_000, every_ns: 300, count: 1_000_000 }];
        let mut lines = Lines::new(&[line(5, Some(0))], &injections, rate);
        let came = all(&mut lines, rate);
        assert_eq!(came.iter().map(|(_, interrupt)| interrupt.count).sum::<u64>(), 1_000_000);
        assert_eq!((came[0].0, came[0].1.count, came[1].1.count), (1, 1, 3));
    }

    #[test]
    fn what_never_comes_is_not_waited_for() {
        let injections = [Injection { line: 1, at_ns: u64::MAX, every_ns: u64::MAX, count: u64::MAX }];
        let mut lines = Lines::new(&[line(1, Some(0))], &injections, Rate::new(1_000_000_000_000).unwrap());
        assert_eq!((lines.next_unit(), lines.comes_again(1)), (u64::MAX, false));
        assert_eq!(lines.take_due(u64::MAX, Rate::default()), None);
    }
}
