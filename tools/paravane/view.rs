//! The filters in force of a recording: those that it was recorded with, which are in its header as words of the command line, and
//! those that the command was given, which choose of what these leave.
//!
//! Not here: what the options mean, which `filter_options` says for both.

use crate::filter_options::FilterOptions;
use crate::output::Ended;
use crate::quantities::grouped;
use clap::Parser;
use std::path::Path;
use trace::TracedSystem;
use trace::filter::{Choice, Passed};
use trace::pvt::{Detail, FILTER_MOST_BYTES, FILTERS_MOST, Header};

/// More records are not kept for a `--last` that is in a file: each takes up to 1 KiB.
const LAST_MOST: u64 = 1_000_000;
/// So much of what cannot be understood is shown.
const SHOWN_LETTERS: usize = 120;

/// What a recording shows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The options that it was recorded with, if there were any and they are in force.
    stored: Option<FilterOptions>,
}

/// What passes the filters in force.
pub struct InForce {
    /// What is chosen at last.
    pub choice: Choice,
    /// What is chosen before, where both cannot be chosen at once: only the last records are known once the run is over.
    pub before: Option<Choice>,
}

/// The words of a header.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true)]
struct Words {
    #[command(flatten)]
    filter: FilterOptions,
}

impl View {
    /// What the recording at `path` shows; everything if it is `unfiltered`.
    ///
    /// # Errors
    /// One line that says which filter of the file cannot be understood.
    pub fn of(path: &Path, header: &Header, unfiltered: bool) -> Result<Self, Ended> {
        if unfiltered || header.filters.is_empty() {
            return Ok(Self::default());
        }
        let stored = parsed(&header.filters).map_err(|why| {
            let writer = printable(&header.writer);
            Ended::Failed(format!(
                "{}: the filters that it was recorded with cannot be understood: {why}; it was recorded by {writer}: use that, or \
                 show everything with `paravane show --unfiltered`",
                path.display()
            ))
        })?;
        Ok(Self { stored: Some(stored) })
    }

    /// The options that it was recorded with, if they are in force.
    pub fn into_stored(self) -> Option<FilterOptions> {
        self.stored
    }

    /// The words of the filter that it was recorded with, for a head.
    pub fn words(&self) -> Option<String> {
        self.stored.as_ref().and_then(FilterOptions::words)
    }

    /// What passes it and `given`; `shown` is the file as the user named it.
    ///
    /// # Errors
    /// One line with the option and what to write in its place.
    pub fn choose(
        &self,
        given: &FilterOptions,
        traced: &TracedSystem,
        shown: &str,
    ) -> Result<InForce, String> {
        let choice = given.choice(traced, shown)?;
        let Some(stored) = &self.stored else { return Ok(InForce { choice, before: None }) };
        let outer = stored.choice(traced, shown);
        let mut outer = outer.map_err(|why| {
            let why = without_controls(&why);
            format!(
                "{shown}: a filter that it was recorded with chooses nothing of it: {why}; leave it out with --unfiltered"
            )
        })?;
        if given.is_empty() {
            return Ok(InForce { choice: outer, before: None });
        }
        if outer.last.is_some() {
            let mut choice = choice;
            choice.collapse.repeats |= std::mem::take(&mut outer.collapse.repeats);
            choice.collapse.loops |= std::mem::take(&mut outer.collapse.loops);
            return Ok(InForce { choice, before: Some(outer) });
        }
        if choice.around.is_some() && outer.around.is_some() {
            return Err(format!(
                "--at: {shown} was recorded with `--at {}`, and shows only what is around that: add --unfiltered, and what you want \
                 to see",
                stored.at.as_deref().unwrap_or_default()
            ));
        }
        let gaps = if given.gaps.is_some() { choice.gaps } else { outer.gaps };
        Ok(InForce { choice: Choice { gaps, ..choice.within(outer) }, before: None })
    }

    /// The options that it was recorded with and those that are `given`, as if all were given at once.
    ///
    /// # Errors
    /// One line with an option that is in both.
    pub fn joined(&self, given: &FilterOptions, shown: &str) -> Result<FilterOptions, String> {
        let Some(stored) = &self.stored else { return Ok(given.clone()) };
        if stored.last.is_some() && !given.is_empty() {
            return Err(format!(
                "--calls: {shown} was recorded with `--last`, and a tree of calls needs what comes before: add --unfiltered, and \
                 what you want to see"
            ));
        }
        stored.joined(given).map_err(|option| {
            format!(
                "{option}: {shown} was recorded with that option, too, and a tree of calls has one filter: add --unfiltered, and what \
                 you want to see"
            )
        })
    }

    /// What to tell a user who gets nothing, and why that is so.
    pub fn warning(&self, given: &FilterOptions, passed: &Passed) -> Option<String> {
        let Some(stored) = &self.stored else { return given.warning(passed) };
        let what = if given.is_empty() {
            stored.warning(passed)
        } else if !passed.outer_began {
            stored.warning(&Passed { began: false, ..*passed })
        } else {
            given.warning(passed).or_else(|| stored.warning(passed))
        };
        what.map(|what| {
            format!("{what}. The recording has filters of its own in force: --unfiltered leaves them out")
        })
    }
}

/// The words for the header of a recording with these options.
///
/// # Errors
/// One line: a recording does not hold so much.
pub fn words_to_store(filter: &FilterOptions) -> Result<Vec<String>, String> {
    let words = filter.header_words();
    check(&words, filter)?;
    Ok(words)
}

/// Which instructions a recording stores that is made with this choice, and with more detail than `full`.
///
/// # Errors
/// One line: that is not known while they run, or there are none.
pub fn choice_to_store(choice: &Choice) -> Result<Choice, String> {
    let late = [("--last", choice.last.is_some()), ("--at", choice.around.is_some())];
    if let Some((option, _)) = late.iter().find(|(_, given)| *given) {
        return Err(format!(
            "{option} chooses what has run already, and --detail stores instructions as they run: leave --detail out, or give {option} \
             to `paravane show`"
        ));
    }
    if !choice.selection.kinds.has_instructions() {
        return Err("--only leaves no instructions, which --detail is to store: leave --detail out, or add `instructions`".to_owned());
    }
    Ok(choice.clone())
}

/// Which instructions the recording at `path` stores, if not all of those that its detail says.
///
/// # Errors
/// One line that says which filter of the file cannot be understood.
pub fn stored_choice(path: &Path, header: &Header, traced: &TracedSystem) -> Result<Option<Choice>, Ended> {
    let view = View::of(path, header, header.detail == Detail::Full)?;
    let Some(stored) = view.stored else { return Ok(None) };
    let choice =
        stored.choice(traced, &path.display().to_string()).and_then(|choice| choice_to_store(&choice));
    let damaged = |why: String| {
        let why = without_controls(&why);
        Ended::Failed(format!("{}: its filters choose no instructions: {why}: it is damaged", path.display()))
    };
    choice.map(Some).map_err(damaged)
}

fn parsed(words: &[String]) -> Result<FilterOptions, String> {
    let filter = Words::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        printable(line.strip_prefix("error: ").unwrap_or(line))
    })?;
    check(words, &filter.filter)?;
    Ok(filter.filter)
}

fn check(words: &[String], filter: &FilterOptions) -> Result<(), String> {
    if words.len() > FILTERS_MOST || words.iter().any(|word| word.len() > FILTER_MOST_BYTES) {
        return Err(format!(
            "a recording holds at most {FILTERS_MOST} options of a filter, of {FILTER_MOST_BYTES} bytes each: give fewer"
        ));
    }
    if filter.last.is_some_and(|last| last > LAST_MOST) {
        return Err(format!(
            "a recording holds --last {} at most: give it to `paravane show` later",
            grouped(LAST_MOST)
        ));
    }
    Ok(())
}

/// Some words of a file, as a terminal can take them.
fn printable(text: &str) -> String {
    without_controls(text).chars().take(SHOWN_LETTERS).collect()
}

/// As a terminal can take it.
pub fn without_controls(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
