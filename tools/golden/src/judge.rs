//! Runs a case and says whether it does what was accepted; if not, whose fault that is.

use crate::case::Case;
use crate::damage::damage;
use crate::execute::{Run, execute, files_of};
use crate::expectation::{Expectation, Found, remove_pending};
use crate::lines::first_difference;
use crate::tolerance::Tolerated;
use crate::tolerate::Tolerate;
use crate::verdict::{Verdict, changed_files};

/// What became of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It does what was accepted.
    Holds,
    /// Nothing was accepted, or not all of it is there: one line.
    Missing(String),
    /// The run lacks what the case requires.
    Lacks(Vec<String>),
    /// It ended at a limit.
    Limit(String),
    /// What runs is not what was accepted: the files that are others, an image among them.
    GuestChanged(Vec<String>),
    /// The same image does something else, and the case, its system file or its input is not what was accepted.
    CaseChanged(Vec<String>),
    /// The same guest does something else: Paravane changed.
    EmulatorChanged,
    /// It does not do the same twice.
    Nondeterministic,
    /// It cannot be run, or its files cannot be read.
    Failed(String),
}

/// A case with what became of it.
#[derive(Debug)]
pub struct Judged {
    /// What became of it.
    pub judgement: Judgement,
    /// What it did; None if it could not be run.
    pub run: Option<Run>,
    /// What was accepted.
    pub accepted: Option<Expectation>,
    /// What the case tolerates.
    pub tolerate: Tolerate,
    /// What else is wrong with the run of a case that changed: lines.
    pub besides: Vec<String>,
}

/// Runs a case and compares. Nothing is written.
#[must_use]
pub fn judge(case: &Case) -> Judged {
    let (accepted, damage) = match Expectation::accepted(&case.folder) {
        Found::Whole(accepted) => (Some(*accepted), None),
        Found::Nothing => (None, Some("nothing was accepted yet".to_owned())),
        Found::Damaged(why) => (None, Some(why)),
    };
    let run = match execute(case) {
        Ok(run) => run,
        Err(why) => return not_run(case, accepted, why),
    };
    let other_images =
        || accepted.as_ref().map_or(Vec::new(), |accepted| run.verdict.changed_files(&accepted.verdict).0);
    let judgement = match (&accepted, &run.limit) {
        (_, Some(why)) => match other_images() {
            images if images.is_empty() => Judgement::Limit(why.clone()),
            images => Judgement::GuestChanged(images),
        },
        (None, None) if !run.lacks.is_empty() => Judgement::Lacks(run.lacks.clone()),
        (None, None) => Judgement::Missing(damage.unwrap_or_default()),
        (Some(accepted), None) => compared(&run, accepted, &case.file.tolerate, || execute(case)),
    };
    let besides = match judgement {
        Judgement::GuestChanged(_) | Judgement::CaseChanged(_) | Judgement::EmulatorChanged => {
            run.limit.iter().chain(&run.lacks).cloned().collect()
        }
        _ => Vec::new(),
    };
    Judged { judgement, run: Some(run), accepted, tolerate: case.file.tolerate.clone(), besides }
}

/// A case that could not be run. If its image is not the accepted one, that is the news.
fn not_run(case: &Case, accepted: Option<Expectation>, why: String) -> Judged {
    let files = files_of(case).unwrap_or_default();
    let images = match &accepted {
        Some(accepted) => changed_files(&files, &accepted.verdict.files).0,
        None => Vec::new(),
    };
    if images.is_empty() {
        return Judged::failed(why);
    }
    let (judgement, besides) = (Judgement::GuestChanged(images), vec![why]);
    Judged { judgement, run: None, accepted, tolerate: case.file.tolerate.clone(), besides }
}

/// `again` runs the case once more: two runs of the same that differ are no news of the guest or of this version.
fn compared(
    run: &Run,
    accepted: &Expectation,
    tolerate: &Tolerate,
    again: impl FnOnce() -> Result<Run, String>,
) -> Judgement {
    let (images, others) = run.verdict.changed_files(&accepted.verdict);
    let actual = Expectation::of(run);
    let is_same = actual.compared(tolerate) == accepted.compared(tolerate);
    if is_same && images.is_empty() {
        return if run.lacks.is_empty() { Judgement::Holds } else { Judgement::Lacks(run.lacks.clone()) };
    }
    if is_same {
        return Judgement::GuestChanged(images);
    }
    match again() {
        Ok(again) if again == *run => {}
        Ok(_) => return Judgement::Nondeterministic,
        Err(why) => return Judgement::Failed(why),
    }
    if !images.is_empty() {
        return Judgement::GuestChanged([images, others].concat());
    }
    if !others.is_empty() {
        return Judgement::CaseChanged(others);
    }
    damage(accepted, &actual).map_or(Judgement::EmulatorChanged, Judgement::Missing)
}

/// Runs a case, compares, and leaves what it did as pending where somebody can accept it; what was pending before is gone.
#[must_use]
pub fn judge_and_note(case: &Case) -> Judged {
    let mut judged = judge(case);
    let is_acceptable = matches!(
        judged.judgement,
        Judgement::Missing(_)
            | Judgement::GuestChanged(_)
            | Judgement::CaseChanged(_)
            | Judgement::EmulatorChanged
    );
    let noted = match &judged.run {
        Some(run) if is_acceptable && judged.besides.is_empty() => {
            Expectation::of(run).write_pending(&case.folder)
        }
        _ => remove_pending(&case.folder),
    };
    if let Err(why) = noted {
        judged.judgement = Judgement::Failed(why);
    }
    judged
}

impl Judged {
    /// A case that cannot be run, or read.
    #[must_use]
    pub fn failed(why: String) -> Self {
        let judgement = Judgement::Failed(why);
        let (tolerate, besides) = (Tolerate::default(), Vec::new());
        Self { judgement, run: None, accepted: None, tolerate, besides }
    }

    /// The layers in which the run differs from what was accepted, each with the first line.
    #[must_use]
    pub fn differences(&self) -> Vec<(&'static str, crate::lines::LineDifference)> {
        let (Some(run), Some(accepted)) = (&self.run, &self.accepted) else { return Vec::new() };
        differences(accepted, &Expectation::of(run), &self.tolerate)
    }

    /// All that the case tolerates, and what each was good for in this run.
    #[must_use]
    pub fn tolerated(&self) -> Vec<Tolerated> {
        let Some(run) = &self.run else { return Vec::new() };
        let accepted = self.accepted.as_ref().map(|accepted| &accepted.verdict);
        let of = |verdict: &Verdict, key: &str| {
            let values = verdict.run.values().into_iter().find(|(known, _)| *known == key);
            values.map(|(_, value)| value).unwrap_or_default()
        };
        let of_verdict = self.tolerate.verdict.iter().map(|key| {
            let (actual, expected) = (of(&run.verdict, key), accepted.map(|verdict| of(verdict, key)));
            let what = expected.filter(|expected| *expected != actual);
            Tolerated {
                rule: format!("verdict {key}"),
                what: what.map(|expected| format!("{actual} in place of {expected}")),
            }
        });
        run.tolerated.iter().cloned().chain(of_verdict).collect()
    }
}

/// The layers in which two differ, each with the first line.
pub(crate) fn differences(
    old: &Expectation,
    new: &Expectation,
    tolerate: &Tolerate,
) -> Vec<(&'static str, crate::lines::LineDifference)> {
    let sides = old.compared(tolerate).into_iter().zip(new.compared(tolerate));
    let layers = crate::expectation::LAYERS.iter().zip(sides);
    layers.filter_map(|(layer, (old, new))| Some((layer.name, first_difference(&old, &new)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Judgement, compared};
    use crate::execute::Run;
    use crate::expectation::Expectation;
    use crate::tolerate::Tolerate;
    use crate::verdict::{Ended, FileHash, Verdict};
    use crate::watch::Counts;

    fn run(console: &str, image: &str) -> Run {
        let ended = Ended {
            outcome: "halted".to_owned(),
            executed: 1,
            recorded: 1,
            events: 0,
            virtual_ns: 10,
            state: String::new(),
        };
        let image =
            FileHash { name: "a.elf".to_owned(), hash: image.to_owned(), build_id: Some(String::new()) };
        Run {
            verdict: Verdict::pending(ended, Vec::new(), vec![image]),
            console: console.as_bytes().to_vec(),
            events: String::new(),
            stamps: Vec::new(),
            ladder: Vec::new(),
            left_out: Vec::new(),
            counts: Counts::default(),
            tolerated: Vec::new(),
            names: Vec::new(),
            limit: None,
            lacks: Vec::new(),
        }
    }

    fn judged(first: &Run, again: &Run) -> Judgement {
        let accepted = Expectation::of(&run("accepted", "1"));
        compared(first, &accepted, &Tolerate::default(), || Ok(again.clone()))
    }

    #[test]
    fn two_runs_that_differ_are_nobodys_change() {
        let (one, other) = (run("one", "1"), run("other", "1"));
        assert_eq!(judged(&one, &other), Judgement::Nondeterministic);
        assert_eq!(judged(&one, &one), Judgement::EmulatorChanged);
    }

    #[test]
    fn another_image_is_a_change_of_the_guest_even_if_it_does_the_same() {
        let changed = Judgement::GuestChanged(vec!["a.elf".to_owned()]);
        for console in ["one", "accepted"] {
            let run = run(console, "2");
            assert_eq!(judged(&run, &run), changed, "{console}");
        }
        assert_eq!(judged(&run("accepted", "1"), &run("accepted", "1")), Judgement::Holds);
    }
}
