//! Which pages of the address space are in use, as ranges. What lies in them is not here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ranges of addresses that do not touch: start, and the first address after.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Areas(BTreeMap<u32, u32>);

impl Areas {
    /// Adds a range that overlaps none.
    pub fn add(&mut self, mut start: u32, mut end: u32) {
        if let Some((&before, &touches)) = self.0.range(..start).next_back()
            && touches == start
        {
            start = before;
        }
        if let Some(after) = self.0.remove(&end) {
            end = after;
        }
        self.0.insert(start, end);
    }

    /// All ranges by address.
    pub fn ranges(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }

    /// Removes what is in a range, and returns it.
    pub fn remove(&mut self, start: u32, end: u32) -> Vec<(u32, u32)> {
        let touched = self.within(start, end);
        for &(from, to) in &touched {
            // The range around this piece: it starts at it or before it.
            let Some((&whole_start, &whole_end)) = self.0.range(..=from).next_back() else { continue };
            self.0.remove(&whole_start);
            if whole_start < from {
                self.0.insert(whole_start, from);
            }
            if to < whole_end {
                self.0.insert(to, whole_end);
            }
        }
        touched
    }

    /// What of a range is in use.
    #[must_use]
    pub fn within(&self, start: u32, end: u32) -> Vec<(u32, u32)> {
        let first = self.0.range(..start).next_back().filter(|(_, reach)| **reach > start);
        let first = first.map_or(start, |(at, _)| *at);
        if first >= end {
            return Vec::new();
        }
        self.0.range(first..end).map(|(&from, &to)| (from.max(start), to.min(end))).collect()
    }

    /// Whether nothing of a range is in use.
    #[must_use]
    pub fn is_free(&self, start: u32, end: u32) -> bool {
        let before = self.0.range(..end).next_back();
        before.is_none_or(|(_, reach)| *reach <= start)
    }

    /// Whether all of a range is in use.
    #[must_use]
    pub fn covers(&self, start: u32, end: u32) -> bool {
        self.0.range(..=start).next_back().is_some_and(|(_, reach)| *reach >= end)
    }

    /// The highest place below `top` and not below `bottom` with room for `length` bytes.
    #[must_use]
    pub fn gap_below(&self, top: u32, bottom: u32, length: u32) -> Option<u32> {
        let mut end = top;
        for (&start, &reach) in self.0.range(..top).rev() {
            if reach < end && end - reach >= length {
                break;
            }
            end = end.min(start);
        }
        let place = end.checked_sub(length)?;
        (place >= bottom && self.is_free(place, end)).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::Areas;

    fn areas(ranges: &[(u32, u32)]) -> Areas {
        let mut areas = Areas::default();
        for &(start, end) in ranges {
            areas.add(start, end);
        }
        areas
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let areas = areas(&[(10, 20), (30, 40), (20, 30)]);
        assert!(areas.covers(10, 40));
        assert_eq!(areas.within(0, 100), [(10, 40)]);
        assert!(!areas.covers(9, 11) && !areas.covers(39, 41) && !areas.covers(50, 51));
    }

    #[test]
    fn a_hole_leaves_both_sides() {
        let mut areas = areas(&[(10, 40), (50, 60)]);
        assert_eq!(areas.remove(20, 55), [(20, 40), (50, 55)]);
        assert_eq!(areas.within(0, 100), [(10, 20), (55, 60)]);
        assert_eq!(areas.remove(20, 55), []);
        assert!(areas.is_free(20, 55) && !areas.is_free(19, 21) && !areas.is_free(54, 56));
        assert!(areas.is_free(60, 70) && areas.is_free(0, 10));
    }

    #[test]
    fn the_highest_gap_is_found() {
        let areas = areas(&[(10, 20), (30, 40), (90, 120)]);
        assert_eq!(areas.gap_below(100, 0, 50), Some(40));
        assert_eq!(areas.gap_below(100, 0, 10), Some(80));
        assert_eq!(areas.gap_below(45, 0, 6), Some(24));
        assert_eq!(areas.gap_below(45, 25, 6), None);
        assert_eq!(areas.gap_below(45, 0, 11), None);
        assert_eq!(areas.gap_below(9, 0, 8), Some(1));
        assert_eq!(areas.gap_below(9, 0, 10), None);
    }
}
