//! A suite as tests of `cargo test` and nextest: each case is a test under its own name.
//!
//! In a package of one's own, with `harness = false` in the `[[test]]` section of its Cargo.toml:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     golden::harness::main(std::path::Path::new("tests/suite"))
//! }
//! ```

use crate::archive::Archive;
use crate::case::Case;
use crate::divergence::Divergence;
use crate::judge::{Judgement, judge};
use crate::suite::Suite;
use crate::words;
use libtest_mimic::{Arguments, Failed, Trial};
use std::env;
use std::path::Path;
use std::process::ExitCode;

/// The status of a test program that failed; libtest has the same.
const FAILED: u8 = 101;

/// The main function of a test program: runs or lists the cases of a suite, as the arguments of the process say.
#[must_use]
pub fn main(suite: &Path) -> ExitCode {
    let (arguments, words) = without_words(env::args());
    match tests(suite) {
        Ok(mut tests) => {
            let arguments = Arguments::from_iter(arguments);
            let is_meant =
                |name: &str, word: &String| if arguments.exact { name == word } else { name.contains(word) };
            tests.retain(|test| words.is_empty() || words.iter().any(|word| is_meant(test.name(), word)));
            libtest_mimic::run(&arguments, tests).exit_code()
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(FAILED)
        }
    }
}

/// The arguments without the words that choose tests, of which `cargo test` takes several; and those words.
fn without_words(arguments: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    const WITH_VALUE: [&str; 6] = ["-Z", "--test-threads", "--logfile", "--skip", "--color", "--format"];
    let (mut others, mut words) = (Vec::new(), Vec::new());
    let mut is_value = true;
    for argument in arguments {
        let is_word = !is_value && !argument.starts_with('-');
        is_value = WITH_VALUE.contains(&argument.as_str());
        if is_word { words.push(argument) } else { others.push(argument) }
    }
    (others, words)
}

/// A test for each case of a suite. Nothing is written: `paravane golden run` leaves what differs for review.
///
/// # Errors
/// The suite cannot be read, or has no case.
pub fn tests(suite: &Path) -> Result<Vec<Trial>, String> {
    let cases = Suite::open(suite)?.cases;
    if cases.is_empty() {
        let shown = suite.display();
        return Err(format!(
            "{shown} has no case: make one with `paravane golden new {shown}/NAME --image FILE`"
        ));
    }
    let test = |(name, case): (String, Result<Case, String>)| {
        Trial::test(name, move || {
            let case = case.map_err(Failed::from)?;
            let judged = judge(&case);
            let tolerated = words::tolerated(&case, &judged);
            if judged.judgement == Judgement::Holds {
                tolerated.lines().for_each(|line| eprintln!("{}: {line}", case.name));
                return Ok(());
            }
            let line = words::line(&judged.judgement);
            let divergence = Divergence::of(&case, &judged, &Archive::default()).map_err(Failed::from)?;
            let details = words::details(&judged, &divergence);
            let folder = case.folder.display();
            Err(Failed::from(format!("{line}\n{tolerated}{details}more: paravane golden explain {folder}")))
        })
    };
    Ok(cases.into_iter().map(test).collect())
}

#[cfg(test)]
mod tests {
    use super::{tests, without_words};
    use crate::accept::Acceptance;
    use crate::case::Case;
    use crate::case_file::{CaseFile, NAME};
    use crate::judge::{Judgement, judge_and_note};
    use crate::verdict::Provenance;
    use libtest_mimic::Arguments;
    use std::path::Path;
    use std::{env, fs, process};

    #[test]
    fn several_words_choose_tests_and_values_of_options_are_none() {
        let arguments =
            ["program", "--skip", "a", "one", "--exact", "two", "--format=terse", "--test-threads", "2"];
        let (others, words) = without_words(arguments.into_iter().map(str::to_owned));
        assert_eq!(words, ["one", "two"]);
        assert_eq!(others, ["program", "--skip", "a", "--exact", "--format=terse", "--test-threads", "2"]);
    }

    fn make(folder: &Path) -> Case {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(NAME), CaseFile::new("builtin:hello".to_owned()).text()).unwrap();
        let case = Case::open(folder).unwrap();
        assert!(matches!(judge_and_note(&case).judgement, Judgement::Missing(_)));
        case
    }

    #[test]
    fn each_case_is_a_test_and_what_nobody_accepted_fails() {
        let suite = env::temp_dir().join(format!("paravane-harness-{}", process::id()));
        let (one, _) = (make(&suite.join("one")), make(&suite.join("two")));
        let by = Provenance {
            by: "ann".to_owned(),
            reason: "a test".to_owned(),
            version: String::new(),
            semantics: 1,
        };
        Acceptance::of(&one).unwrap().write(by).unwrap();
        // Not on stdout, where it would pass for results of this program.
        let log = env::temp_dir().join(format!("paravane-harness-{}.log", process::id()));
        let logfile = Some(log.to_str().unwrap().to_owned());
        let all = Arguments { logfile: logfile.clone(), ..Arguments::default() };
        let conclusion = libtest_mimic::run(&all, tests(&suite).unwrap());
        assert_eq!((conclusion.num_passed, conclusion.num_failed), (1, 1));
        let filter = Arguments { filter: Some("one".to_owned()), logfile, ..Arguments::default() };
        let conclusion = libtest_mimic::run(&filter, tests(&suite).unwrap());
        assert_eq!((conclusion.num_passed, conclusion.num_failed, conclusion.num_filtered_out), (1, 0, 1));
        fs::remove_file(&log).unwrap();
        fs::remove_dir_all(&suite).unwrap();
        assert!(tests(&suite).is_err());
        fs::create_dir_all(&suite).unwrap();
        assert!(tests(&suite).unwrap_err().contains("has no case"));
        fs::remove_dir_all(&suite).unwrap();
    }
}
