//! Two texts, line by line: the first difference, and the lines of a projection as they happened.
//!
//! Not here: an edit script. Texts of a million lines are compared in one pass.

/// The first line in which two texts differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineDifference {
    /// Its number, from 1.
    pub number: usize,
    /// Lines before it, which are the same.
    pub before: Vec<String>,
    /// The lines of what was accepted from there on, as far as they differ.
    pub expected: Vec<String>,
    /// The lines of the run from there on, as far as they differ.
    pub actual: Vec<String>,
}

/// So many lines stand before a difference, and so many from there on.
const CONTEXT: usize = 3;

/// The first difference; None if the texts are the same.
#[must_use]
pub fn first_difference(expected: &[u8], actual: &[u8]) -> Option<LineDifference> {
    if expected == actual {
        return None;
    }
    let lines = |bytes| <[u8]>::split_inclusive(bytes, |byte| *byte == b'\n').collect::<Vec<&[u8]>>();
    let (expected, actual) = (lines(expected), lines(actual));
    let same = expected.iter().zip(&actual).take_while(|(expected, actual)| expected == actual).count();
    let some = |lines: &[&[u8]], from: usize, to: usize| {
        lines.get(from..to.min(lines.len())).unwrap_or_default().iter().map(|line| shown(line)).collect()
    };
    let mut difference = LineDifference {
        number: same + 1,
        before: some(&actual, same.saturating_sub(CONTEXT), same),
        expected: some(&expected, same, same + CONTEXT),
        actual: some(&actual, same, same + CONTEXT),
    };
    // What is the same again says nothing, unless one side would be empty.
    let LineDifference { expected, actual, .. } = &mut difference;
    while expected.len() > 1 && actual.len() > 1 && expected.last() == actual.last() {
        expected.pop();
        actual.pop();
    }
    Some(difference)
}

/// A line for people: no control characters but its end, whose absence is told.
fn shown(line: &[u8]) -> String {
    let (text, ends) = line.strip_suffix(b"\n").map_or((line, false), |line| (line, true));
    let mut shown: String = String::from_utf8_lossy(text)
        .chars()
        .map(|character| if character.is_control() && character != '\t' { '?' } else { character })
        .collect();
    if !ends {
        shown += " (without a newline)";
    }
    shown
}

/// The lines of a projection as they happened: what stands once under `48 times:` stands 48 times. At most `most` of them.
pub fn unfolded(text: &str, most: usize) -> Vec<&str> {
    let mut lines = text.lines().peekable();
    let mut out = Vec::new();
    while let Some(line) = lines.next() {
        if out.len() >= most {
            break;
        }
        let times = line.strip_suffix(" times:").and_then(|times| times.parse::<usize>().ok());
        let Some(times) = times else {
            out.push(line);
            continue;
        };
        let mut block = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
            block.push(&line[4..]);
        }
        let room = most.saturating_sub(out.len());
        out.extend(block.iter().copied().cycle().take(block.len().saturating_mul(times).min(room)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{first_difference, unfolded};

    #[test]
    fn the_first_line_that_differs_is_shown_with_what_is_around_it() {
        let difference = first_difference(b"a\nb\nc\nd\ne\nf\n", b"a\nb\nc\nd\nx\x1b\n").unwrap();
        assert_eq!(difference.number, 5);
        assert_eq!(difference.before, ["b", "c", "d"]);
        assert_eq!(difference.expected, ["e", "f"]);
        assert_eq!(difference.actual, ["x?"]);
        let difference = first_difference(b"a\nb\nc\nd\n", b"x\nb\ny\nd\n").unwrap();
        assert_eq!(
            (difference.expected, difference.actual),
            (vec!["a".into(), "b".into(), "c".into()], vec!["x".into(), "b".into(), "y".into()])
        );
        assert_eq!(first_difference(b"a\nb\n", b"x\nb\n").unwrap().actual, ["x"]);
        assert_eq!(first_difference(b"a\n", b"a\n"), None);
        assert_eq!(first_difference(b"a\n", b"a").unwrap().actual, ["a (without a newline)"]);
        assert_eq!(first_difference(b"", b"a\n").unwrap().expected, [""; 0]);
    }

    #[test]
    fn repeated_lines_are_unfolded_up_to_a_bound() {
        assert_eq!(unfolded("x\n2 times:\n    a\n    b\ny\n", 9), ["x", "a", "b", "a", "b", "y"]);
        assert_eq!(unfolded("99999999999 times:\n    a\n", 3), ["a", "a", "a"]);
        assert_eq!(unfolded("5 times:\n", 3), [""; 0]);
    }
}
