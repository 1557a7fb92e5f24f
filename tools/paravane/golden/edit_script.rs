//! Which lines of two texts are the same: an edit script, for the page that shows a difference.
//!
//! Not here: long texts. What would take too long to compare is shown as wholly different.

/// More pairs of lines than this are not compared.
const PAIRS_MOST: usize = 4 << 20;

/// A line of an edit script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edit<'a> {
    /// Both have it.
    Both(&'a str),
    /// Only the old text has it.
    Old(&'a str),
    /// Only the new text has it.
    New(&'a str),
}

/// What turns the old text into the new one.
pub fn edits<'a>(old: &'a str, new: &'a str) -> Vec<Edit<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = rest.take_while(|(old, new)| old == new).count();
    let mut edits: Vec<Edit> = old[..start].iter().copied().map(Edit::Both).collect();
    middle(&old[start..old.len() - end], &new[start..new.len() - end], &mut edits);
    edits.extend(old[old.len() - end..].iter().copied().map(Edit::Both));
    edits
}

fn middle<'a>(old: &[&'a str], new: &[&'a str], edits: &mut Vec<Edit<'a>>) {
    if old.len().saturating_mul(new.len()) > PAIRS_MOST {
        edits.extend(old.iter().copied().map(Edit::Old));
        edits.extend(new.iter().copied().map(Edit::New));
        return;
    }
    // The length of the longest common part of what is left of both.
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            common[a * width + b] = if old[a] == new[b] {
                common[(a + 1) * width + b + 1] + 1
            } else {
                common[(a + 1) * width + b].max(common[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    while a < old.len() && b < new.len() {
        if old[a] == new[b] {
            edits.push(Edit::Both(old[a]));
            (a, b) = (a + 1, b + 1);
        } else if common[(a + 1) * width + b] >= common[a * width + b + 1] {
            edits.push(Edit::Old(old[a]));
            a += 1;
        } else {
            edits.push(Edit::New(new[b]));
            b += 1;
        }
    }
    edits.extend(old[a..].iter().copied().map(Edit::Old));
    edits.extend(new[b..].iter().copied().map(Edit::New));
}

#[cfg(test)]
mod tests {
    use super::{Edit, edits};

    fn shown(old: &str, new: &str) -> String {
        let sign = |edit: &Edit| match edit {
            Edit::Both(line) => format!(" {line}"),
            Edit::Old(line) => format!("-{line}"),
            Edit::New(line) => format!("+{line}"),
        };
        edits(old, new).iter().map(sign).collect()
    }

    #[test]
    fn lines_that_both_have_stand_once() {
        assert_eq!(shown("a\nb\nc\nd\n", "a\nx\nc\nd\n"), " a-b+x c d");
        assert_eq!(shown("a\nb\n", "a\nb\n"), " a b");
        assert_eq!(shown("", "a\n"), "+a");
        assert_eq!(shown("a\nb\nc\n", "b\n"), "-a b-c");
    }

    #[test]
    fn long_texts_that_differ_everywhere_are_not_compared() {
        let text = |word: &str| format!("{word}\n").repeat(3000);
        assert_eq!(edits(&text("a"), &text("b")).len(), 6000);
    }
}
