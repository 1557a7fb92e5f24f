//! What is kept of a sequence without end: its beginning, its end, and what is around the places that matter. In between it has gaps.

use crate::bounds::{AROUND_EACH, AROUND_MOST, FIRST_MOST, LAST_MOST};
use std::collections::VecDeque;

/// A sequence with gaps.
#[derive(Debug)]
pub struct Kept<T> {
    /// The first ones, and those around places that matter.
    early: Vec<(u64, T)>,
    last: VecDeque<(u64, T)>,
    seen: u64,
    /// Those from this number on are around a place that matters.
    around: VecDeque<(u64, u64)>,
    around_count: usize,
}

impl<T> Kept<T> {
    /// Nothing was seen.
    pub fn new() -> Self {
        Self { early: Vec::new(), last: VecDeque::new(), seen: 0, around: VecDeque::new(), around_count: 0 }
    }

    /// The next one.
    pub fn add(&mut self, item: T) {
        let number = self.seen;
        self.seen += 1;
        if self.early.len() < FIRST_MOST && self.last.is_empty() {
            self.early.push((number, item));
            return;
        }
        self.last.push_back((number, item));
        if self.last.len() > LAST_MOST
            && let Some((number, item)) = self.last.pop_front()
            && self.is_around(number)
        {
            self.early.push((number, item));
            self.around_count += 1;
        }
    }

    /// The next one is not kept.
    pub fn skip(&mut self) {
        self.seen += 1;
    }

    /// What comes now matters: what is around it is kept.
    pub fn matters(&mut self) {
        let first = self.seen.saturating_sub(AROUND_EACH as u64);
        let last = self.seen + AROUND_EACH as u64;
        let has_room = self.around.len() * AROUND_EACH < AROUND_MOST;
        match self.around.back_mut() {
            Some((_, end)) if *end >= first => *end = last,
            // Whoever makes places that matter without end has only the first ones.
            _ if has_room => self.around.push_back((first, last)),
            _ => {}
        }
    }

    fn is_around(&mut self, number: u64) -> bool {
        while self.around.front().is_some_and(|(_, last)| *last < number) {
            self.around.pop_front();
        }
        self.around_count < AROUND_MOST && self.around.front().is_some_and(|(first, _)| *first <= number)
    }

    /// How many there were, and how many are not kept.
    pub fn counts(&self) -> (u64, u64) {
        (self.seen, self.seen - (self.early.len() + self.last.len()) as u64)
    }

    /// All that are kept, with their numbers, in order.
    pub fn into_all(self) -> impl Iterator<Item = (u64, T)> {
        self.early.into_iter().chain(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use crate::bounds::{AROUND_EACH, AROUND_MOST, FIRST_MOST, LAST_MOST};

    #[test]
    fn few_are_all_kept() {
        let mut kept = Kept::new();
        for number in 0..(FIRST_MOST + LAST_MOST) as u64 {
            kept.add(number);
        }
        assert_eq!(kept.counts(), ((FIRST_MOST + LAST_MOST) as u64, 0));
        assert!(
            kept.into_all()
                .enumerate()
                .all(|(place, (number, item))| place as u64 == number && number == item)
        );
    }

    #[test]
    fn of_many_the_first_and_last_ones_are_kept_and_those_around_what_matters() {
        let (mut kept, many) = (Kept::new(), 1_000_000_u64);
        for number in 0..many {
            if number == many / 2 {
                kept.matters();
            }
            kept.add(number);
        }
        let all: Vec<u64> = kept.into_all().map(|(number, _)| number).collect();
        assert!(all.is_sorted());
        assert_eq!(all.len(), FIRST_MOST + LAST_MOST + 2 * AROUND_EACH + 1);
        assert_eq!(all[FIRST_MOST], many / 2 - AROUND_EACH as u64);
        assert_eq!(all.last(), Some(&(many - 1)));
    }

    #[test]
    fn what_matters_without_end_is_bounded() {
        let mut kept = Kept::new();
        for number in 0..1_000_000_u64 {
            kept.matters();
            kept.add(number);
        }
        assert!(kept.into_all().count() <= FIRST_MOST + LAST_MOST + AROUND_MOST);
    }
}
