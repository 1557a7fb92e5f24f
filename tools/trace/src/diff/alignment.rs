//! Where two sequences go on alike after a part that only one of them has, or both have differently.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many rows in a row have to be at the same places before two runs count as alike again.
pub(super) const CONFIRMED_ROWS: usize = 16;

/// The rest of a run as far as it is known, each row as the number of its place.
pub(super) struct Ahead<'a> {
    pub keys: &'a [u64],
    /// Whether nothing comes after `keys`.
    pub is_all: bool,
}

impl Ahead<'_> {
    /// The rows from `start`, as one number; None if not all of them are known.
    fn stretch(&self, start: usize) -> Option<u64> {
        let rest = self.keys.get(start..)?;
        if rest.len() < CONFIRMED_ROWS && !self.is_all {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        rest[..rest.len().min(CONFIRMED_ROWS)].hash(&mut hasher);
        Some(hasher.finish())
    }
}

/// How many rows to leave out of A and of B, at most `most` of each, so that both go on alike; the fewest in all. Both may end
/// there.
pub(super) fn align(a: &Ahead<'_>, b: &Ahead<'_>, most: usize) -> Option<(usize, usize)> {
    let mut first_in_b = HashMap::new();
    for place in 0..=most.min(b.keys.len()) {
        if let Some(stretch) = b.stretch(place) {
            first_in_b.entry(stretch).or_insert(place);
        }
    }
    let candidates =
        (0..=most.min(a.keys.len())).filter_map(|place| Some((place, *first_in_b.get(&a.stretch(place)?)?)));
    candidates.min_by_key(|(in_a, in_b)| (in_a + in_b, *in_a))
}

#[cfg(test)]
mod tests {
    use super::{Ahead, align};

    fn aligned(a: &[u64], b: &[u64], most: usize) -> Option<(usize, usize)> {
        align(&Ahead { keys: a, is_all: true }, &Ahead { keys: b, is_all: true }, most)
    }

    #[test]
    fn what_only_one_has_is_left_out() {
        let common: Vec<u64> = (100..200).collect();
        let with = |extra: &[u64]| [extra, &common].concat();
        assert_eq!(aligned(&with(&[1, 2, 3]), &common, 3), Some((3, 0)));
        assert_eq!(aligned(&common, &with(&[1, 2, 3]), 5), Some((0, 3)));
        assert_eq!(aligned(&with(&[1, 2, 3]), &with(&[4]), 5), Some((3, 1)));
        assert_eq!(aligned(&with(&[1, 2, 3]), &common, 2), None, "it is longer than is looked for");
    }

    #[test]
    fn an_end_is_met_by_an_end_alone() {
        assert_eq!(aligned(&[1, 2], &[], 2), Some((2, 0)));
        assert_eq!(aligned(&[1, 2, 7], &[3, 7], 4), Some((2, 1)), "few rows before both ends are enough");
        let part = Ahead { keys: &[1, 2], is_all: false };
        assert_eq!(align(&part, &Ahead { keys: &[], is_all: true }, 2), None);
    }

    #[test]
    fn of_several_ways_the_shortest_is_taken() {
        // A loop of three rows, once more in A.
        let turns = |count: usize| [1, 2, 3].repeat(count).into_iter().chain(50..80).collect::<Vec<u64>>();
        assert_eq!(aligned(&turns(9)[24..], &turns(8)[24..], 20), Some((3, 0)));
    }
}
