//! Who may name whom: the rules of docs/ARCHITECTURE.md that can be read off the source.
//!
//! A rule that would match no file is itself a failure: it has been outrun by a renaming.

mod crates;
mod documents;
mod modules;
mod source;
mod text;
mod tree;

use std::fmt;

/// A file of the repository; the path is relative to its root and has forward slashes.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_under(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path == *folder || self.path.starts_with(&format!("{folder}/")))
    }
}

/// What a rule refuses and where.
#[derive(PartialEq, Eq, Debug)]
pub struct Violation {
    pub path: String,
    /// Counted from 1; 0 means the file as a whole.
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
}

impl Violation {
    fn new(file: &File, line: usize, rule: &'static str, what: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line, rule, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    the rule: {}", self.path, self.line.max(1), self.what, self.rule)
    }
}

type Rule = fn(&[File]) -> Vec<Violation>;

fn assert_holds(rules: &[Rule]) {
    let files = tree::tracked_files();
    let violations: Vec<_> =
        rules.iter().flat_map(|rule| rule(&files)).map(|violation| violation.to_string()).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn crates_depend_only_on_what_their_layer_may() {
    assert_holds(&[crates::dependencies]);
}

#[test]
fn modules_name_only_what_their_layer_may() {
    assert_holds(&[modules::names, modules::no_globs, modules::no_unsafe]);
}

#[test]
fn guests_are_diverted_in_one_place() {
    assert_holds(&[modules::diverts_in_one_place]);
}

#[test]
fn files_open_with_their_subject_and_stay_short() {
    assert_holds(&[text::opens_with_its_subject, text::stays_short]);
}

#[test]
fn the_emulator_has_no_word_for_a_hypervisor() {
    assert_holds(&[text::emulator_vocabulary]);
}

#[test]
fn documents_lead_where_they_say() {
    assert_holds(&[documents::links_lead_somewhere, documents::every_record_is_listed]);
}

#[test]
fn the_top_level_holds_nothing_new() {
    assert_holds(&[tree::top_level]);
}

/// Files made up for the tests of the rules.
fn files(files: &[(&str, &str)]) -> Vec<File> {
    files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

/// The places that a rule refuses in made-up files, as `path:line`.
fn refused(rule: Rule, made_up: &[(&str, &str)]) -> Vec<String> {
    rule(&files(made_up)).iter().map(|violation| format!("{}:{}", violation.path, violation.line)).collect()
}
