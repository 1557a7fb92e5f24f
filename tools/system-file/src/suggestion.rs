//! "Did you mean": the known name that is nearest to a wrong one.

/// Names longer than this are compared no further: they are no slip of the pen.
const LONGEST: usize = 64;

/// The nearest of `known` to `written`, if it is near enough to be what was meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = written.chars().count();
    if letters > LONGEST {
        return None;
    }
    let most = (letters / 3).max(1);
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(name) = known.iter().find(|name| name.eq_ignore_ascii_case(written)) {
        return Some(name);
    }
    let distances = known.into_iter().map(|name| (distance(written, name), name));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// So many names are listed at most.
const LISTED_MOST: usize = 24;

/// A list for people: `a`, `b` and `c`; cut when it gets long.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(LISTED_MOST).map(|name| format!("`{name}`")).collect();
    match (shown.as_slice(), names.count()) {
        ([], _) => "none".to_owned(),
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (names, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// How many letters have to be changed, added, taken out or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().take(2 * LONGEST).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let mut least = (last[j] + usize::from(letter != other)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == to[j - 1] && from[i - 1] == *other {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{distance, listed, nearest};

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["memory", "name", "image", "arguments"];
        for (written, meant) in
            [("memroy", "memory"), ("nmae", "name"), ("argument", "arguments"), ("Image", "image")]
        {
            assert_eq!(nearest(written, known), Some(meant), "{written}");
        }
        for written in ["", "processor", "xy", &"memory".repeat(100)] {
            assert_eq!(nearest(written, known), None, "{written}");
        }
    }

    #[test]
    fn distances_count_slips() {
        for (from, to, slips) in [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(from, to), slips, "{from} {to}");
        }
    }

    #[test]
    fn lists_read_as_text() {
        assert_eq!([listed([]), listed(["a"]), listed(["a", "b", "c"])], ["none", "`a`", "`a`, `b` and `c`"]);
    }
}
