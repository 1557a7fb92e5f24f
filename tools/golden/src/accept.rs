//! Accepts what is pending: only what was looked at, only what happens again, and no less than before by mistake.

use crate::case::Case;
use crate::execute::execute;
use crate::expectation::{Expectation, Found, LAYERS};
use crate::judge::differences;
use crate::lines::LineDifference;
use crate::tolerate::Tolerate;
use crate::verdict::Provenance;

/// A layer that loses more than one line in so many has shrunk.
const SHRINK_ONE_IN: usize = 10;

/// What is about to be accepted.
#[derive(Debug)]
pub struct Acceptance<'a> {
    case: &'a Case,
    /// What was accepted before.
    pub old: Option<Expectation>,
    /// What is to be accepted.
    pub new: Expectation,
    /// Why nobody can read what was accepted before: one line.
    pub damage: Option<String>,
}

/// Why nothing can be accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Nothing is pending.
    NothingPending,
    /// What is pending is not what the case does now.
    Outdated,
    /// Two runs differ.
    Nondeterministic,
    /// The run ended at a limit: one line.
    Limit(String),
    /// The run lacks what the case requires: one line.
    Lacks(String),
    /// It cannot be run, or a file cannot be read.
    Failed(String),
}

impl<'a> Acceptance<'a> {
    /// Runs the case twice: what is pending must be what both do.
    ///
    /// # Errors
    /// Why it cannot be accepted.
    pub fn of(case: &'a Case) -> Result<Self, Refusal> {
        let pending = match Expectation::pending(&case.folder) {
            Found::Whole(pending) => *pending,
            Found::Nothing => return Err(Refusal::NothingPending),
            Found::Damaged(why) => return Err(Refusal::Failed(why)),
        };
        let run = execute(case).map_err(Refusal::Failed)?;
        if execute(case).map_err(Refusal::Failed)? != run {
            return Err(Refusal::Nondeterministic);
        }
        if let Some(why) = &run.limit {
            return Err(Refusal::Limit(why.clone()));
        }
        if !run.lacks.is_empty() {
            return Err(Refusal::Lacks(run.lacks.join("; ")));
        }
        if Expectation::of(&run) != pending {
            return Err(Refusal::Outdated);
        }
        let (old, damage) = match Expectation::accepted(&case.folder) {
            Found::Whole(old) => (Some(*old), None),
            Found::Nothing => (None, None),
            Found::Damaged(why) => (None, Some(why)),
        };
        Ok(Self { case, old, new: pending, damage })
    }

    /// The layers that change, each with the first line; nothing if nothing was accepted before.
    #[must_use]
    pub fn differences(&self) -> Vec<(&'static str, LineDifference)> {
        self.old.as_ref().map_or(Vec::new(), |old| differences(old, &self.new, &Tolerate::default()))
    }

    /// The names of the files that are not those that were accepted before: images first.
    #[must_use]
    pub fn changed_files(&self) -> Vec<String> {
        let Some(old) = &self.old else { return Vec::new() };
        let (images, others) = self.new.verdict.changed_files(&old.verdict);
        images.into_iter().chain(others).collect()
    }

    /// The layers that lose much of what they hold, in words.
    #[must_use]
    pub fn shrinkage(&self) -> Vec<String> {
        let layers = LAYERS.iter().zip(self.new.layers()).enumerate();
        let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').count();
        layers
            .filter_map(|(place, (layer, new))| {
                // What is damaged has lines, too; of a verdict only those count that say what a run did.
                let old = match &self.old {
                    Some(old) => lines(&old.layers()[place]),
                    None if place == 0 => return None,
                    None => lines(&layer.read(&self.case.folder).ok()?),
                };
                let new = lines(&new);
                let shrinks = new < old && (old - new) * SHRINK_ONE_IN > old;
                shrinks.then(|| format!("{} shrinks from {old} lines to {new}", layer.name))
            })
            .collect()
    }

    /// Writes it.
    ///
    /// # Errors
    /// One line: a file cannot be written.
    pub fn write(self, by: Provenance) -> Result<(), String> {
        self.new.write_accepted(&self.case.folder, by)
    }
}
