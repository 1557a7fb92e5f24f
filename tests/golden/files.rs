//! Golden files: compared line by line, or written when somebody says so in words that cannot be meant otherwise.

use std::io::{self, Write};
use std::path::Path;
use std::{env, fs};

/// How many lines of context stand before a difference.
const CONTEXT: usize = 3;

/// What to do with golden files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Fail where they differ.
    Compare,
    /// Write them.
    Accept,
}

impl Mode {
    /// What `PARAVANE_GOLDEN` says.
    pub fn from_environment() -> Self {
        let variable = |name| env::var(name).ok();
        Self::of(variable("PARAVANE_GOLDEN").as_deref(), variable("CI").as_deref())
            .unwrap_or_else(|why| panic!("{why}"))
    }

    fn of(golden: Option<&str>, ci: Option<&str>) -> Result<Self, String> {
        match (golden, ci) {
            (None, _) => Ok(Self::Compare),
            (Some("accept"), Some("true")) => {
                Err("PARAVANE_GOLDEN=accept is refused where CI=true: accept on your own machine".to_owned())
            }
            (Some("accept"), _) => Ok(Self::Accept),
            (Some(other), _) => Err(format!(
                "PARAVANE_GOLDEN is `{other}`: unset it to compare, or set it to `accept` to write"
            )),
        }
    }
}

/// Compares or writes the files of one guest: names with what they should hold. `hint` helps to find out why.
///
/// # Panics
/// In `Compare`, at the first difference; in both modes, if there is nothing to compare.
pub fn compare(mode: Mode, folder: &Path, files: &[(&str, &[u8])], hint: &str) {
    for (name, actual) in files {
        let path = folder.join(name);
        assert!(!actual.is_empty(), "{}: the run gave nothing to compare", path.display());
        let expected = fs::read(&path).unwrap_or_default();
        let Some(difference) = difference(&expected, actual) else { continue };
        let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&path).display().to_string();
        match mode {
            Mode::Compare => panic!(
                "{shown} {difference}\n\n{hint}\nIf this is what the guest should do now:\n    \
                 PARAVANE_GOLDEN=accept cargo test golden\nand read the change in {shown} before you commit it."
            ),
            Mode::Accept => {
                fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
                fs::write(&path, actual).unwrap_or_else(|error| panic!("{shown}: {error}"));
                // Past the test harness, which would keep it to itself.
                let _ = writeln!(io::stderr(), "accepted {shown}, which {difference}\n");
            }
        }
    }
}

/// The first line that differs, with the lines before it; None if there is no difference.
fn difference(expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected.is_empty() {
        return Some(format!("was missing or empty; the run gives {} lines", lines(actual).len()));
    }
    if expected == actual {
        return None;
    }
    let (expected, actual) = (lines(expected), lines(actual));
    let same = expected.iter().zip(&actual).take_while(|(expected, actual)| expected == actual).count();
    let show = |lines: &[&[u8]]| {
        lines
            .get(same)
            .map_or_else(|| "(the end)".to_owned(), |line| String::from_utf8_lossy(line).into_owned())
    };
    let mut text = format!("differs in line {}:", same + 1);
    for line in &actual[same.saturating_sub(CONTEXT)..same] {
        text += &format!("\n      {}", shown(line));
    }
    text += &format!("\n    - {}\n    + {}", show(&expected), show(&actual));
    Some(text + "\n    (- is the golden file, + is this run)")
}

/// Lines with what ends them, so that a missing end of the last line is a difference.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// A line for people: what ends it is not shown, unless it is missing.
fn shown(line: &[u8]) -> String {
    match line.strip_suffix(b"\n") {
        Some(line) => String::from_utf8_lossy(line).into_owned(),
        None => format!("{} (without a newline)", String::from_utf8_lossy(line)),
    }
}

mod tests {
    use super::{Mode, compare, difference};
    use std::path::PathBuf;
    use std::{env, fs, process};

    /// A folder that does not exist yet and is removed at the end of the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(env::temp_dir().join(format!("paravane-golden-{}-{name}", process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_accepted_passes_and_nothing_else_does() {
        let folder = Folder::new("accepted");
        compare(Mode::Accept, &folder.0, &[("console", b"a\n")], "");
        compare(Mode::Compare, &folder.0, &[("console", b"a\n")], "");
        let other =
            std::panic::catch_unwind(|| compare(Mode::Compare, &folder.0, &[("console", b"b\n")], ""));
        assert!(other.is_err());
    }

    #[test]
    #[should_panic(expected = "missing or empty")]
    fn a_missing_golden_fails() {
        compare(Mode::Compare, &Folder::new("missing").0, &[("console", b"a\n")], "");
    }

    #[test]
    #[should_panic(expected = "nothing to compare")]
    fn a_run_that_gives_nothing_cannot_be_accepted() {
        compare(Mode::Accept, &Folder::new("nothing").0, &[("console", b"")], "");
    }

    #[test]
    fn only_the_word_accept_writes_and_never_in_ci() {
        assert_eq!(Mode::of(None, Some("true")), Ok(Mode::Compare));
        assert_eq!(Mode::of(Some("accept"), None), Ok(Mode::Accept));
        assert_eq!(Mode::of(Some("accept"), Some("false")), Ok(Mode::Accept));
        assert!(Mode::of(Some("accept"), Some("true")).is_err());
        for other in ["", "0", "1", "yes", "ACCEPT"] {
            assert!(Mode::of(Some(other), None).is_err(), "{other}");
        }
    }

    #[test]
    fn a_difference_shows_the_first_line_that_differs_and_the_lines_before() {
        let text = difference(b"a\nb\nc\nd\ne\n", b"a\nb\nc\nd\nx\n").unwrap();
        assert!(text.starts_with("differs in line 5:"), "{text}");
        assert!(
            !text.contains("      a")
                && text.contains("      b")
                && text.contains("- e")
                && text.contains("+ x"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_or_shorter_golden_is_a_difference_and_the_same_is_none() {
        assert!(difference(b"", b"a\n").unwrap().contains("missing or empty"));
        assert!(difference(b"a\n", b"a\nb\n").unwrap().contains("(the end)"));
        assert!(difference(b"a\n", b"a").is_some());
        assert_eq!(difference(b"a\n", b"a\n"), None);
    }
}
