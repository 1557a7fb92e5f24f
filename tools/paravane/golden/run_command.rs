//! `paravane golden run`: cases on several threads, and their results in order.

use super::artifacts::Artifacts;
use super::meters::{GLANCE, Meters};
use super::options::{ReportFormat, RunCases};
use super::outcome::{MISSING, gravest, status};
use super::report::{self, Entry};
use super::{is_in_ci, no_case, suite};
use crate::output::{Ended, Output, complain, named_file};
use crate::progress::Progress;
use crate::status::Status;
use crate::written::Written;
use ::golden::words;
use ::golden::{Case, Divergence, Judged, Judgement, judge, judge_and_note};
use log::warn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

/// Runs the cases.
///
/// # Errors
/// The suite cannot be read, or the output fails.
pub fn run(options: &RunCases) -> Result<Status, Ended> {
    let mut suite = suite(&options.chosen)?;
    if suite.cases.is_empty() {
        complain(format_args!("paravane: {}", no_case(&options.chosen)));
        return Ok(MISSING);
    }
    if let Some((number, of)) = options.shard {
        let all = suite.cases.len();
        suite.keep_shard(number, of);
        if suite.cases.is_empty() {
            complain(format_args!(
                "paravane: shard {number}/{of} of {all} cases is empty: take {all} at most"
            ));
            return Ok(MISSING);
        }
    }
    let cases = suite.cases.iter().filter_map(|(_, case)| case.as_ref().ok());
    let written = Written::default().by("-o", named_file(&options.output));
    if named_file(&options.output).is_some() {
        written.reading_all(cases.flat_map(Case::paths)).check().map_err(Ended::Failed)?;
    }
    let mut output = Output::to(named_file(&options.output)).map_err(Ended::Failed)?;
    let is_human = options.format == ReportFormat::Human;
    let mut entries = Vec::new();
    let artifacts = Artifacts::new(&options.chosen.artifacts);
    let meters = Meters::of(&mut suite.cases);
    in_order(&suite.cases, options.jobs, &artifacts, &meters, |entry| {
        if is_human {
            output.write(report::human(&entry).as_bytes())?;
            output.flush()?;
        }
        entries.push(entry);
        Ok(())
    })?;
    let text = match options.format {
        ReportFormat::Human => report::summary(&entries),
        ReportFormat::Json => report::json(&entries),
        ReportFormat::Junit => report::junit(&options.chosen.folder.display().to_string(), &entries),
        ReportFormat::Tap => report::tap(&entries),
    };
    output.write(text.as_bytes())?;
    output.flush()?;
    let statuses: Vec<Status> = entries.iter().map(|entry| status(&entry.judged.judgement)).collect();
    Ok(gravest(&statuses))
}

type Named = (String, Result<Case, String>);

/// Runs cases at once, and tells of each when all before it were told of.
fn in_order(
    cases: &[Named],
    jobs: Option<u32>,
    artifacts: &Artifacts,
    meters: &Meters,
    mut tell: impl FnMut(Entry) -> Result<(), Ended>,
) -> Result<(), Ended> {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.map_or_else(processors, |jobs| jobs as usize).min(cases.len());
    let next = AtomicUsize::new(0);
    let writes = !is_in_ci();
    thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((place, case)) = taken(cases, next) {
                    if sender.send((place, entry(case, writes, artifacts))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: Vec<Option<Entry>> = cases.iter().map(|_| None).collect();
        let mut told = 0;
        let mut progress = Progress::new("running cases", meters.total());
        let mut done = vec![false; cases.len()];
        loop {
            progress.set(meters.sum(&done));
            let (place, entry) = match receiver.recv_timeout(GLANCE) {
                Ok(result) => result,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            done[place] = true;
            waiting[place] = Some(entry);
            while let Some(entry) = waiting.get_mut(told).and_then(Option::take) {
                progress.aside(|| tell(entry))?;
                told += 1;
            }
        }
        if told < cases.len() {
            return Err(Ended::Failed("a case ended in a panic: its line above says where".to_owned()));
        }
        Ok(())
    })
}

fn taken<'a>(cases: &'a [Named], next: &AtomicUsize) -> Option<(usize, &'a Named)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    cases.get(place).map(|case| (place, case))
}

fn entry((name, case): &Named, writes: bool, artifacts: &Artifacts) -> Entry {
    let start = Instant::now();
    let took = || start.elapsed();
    let case = match case {
        Ok(case) => case,
        Err(why) => return Entry::of(name, Judged::failed(why.clone()), took()),
    };
    let mut judged = if writes { judge_and_note(case) } else { judge(case) };
    let archive = artifacts.archive();
    let divergence = Divergence::of(case, &judged, &archive).unwrap_or_else(|why| {
        judged.judgement = Judgement::Failed(why);
        Divergence::default()
    });
    let details = words::details(&judged, &divergence);
    let tolerated = words::tolerated(case, &judged);
    let mut entry = Entry { divergence, details, tolerated, ..Entry::of(name, judged, took()) };
    let left = match entry.judged.judgement {
        // A case that cannot be looked into later is no failure of it.
        Judgement::Holds if writes => {
            archive.keep(case).map_err(|error| format!("cannot keep its files: {error}"))
        }
        _ => Ok(()),
    };
    let left = left.and_then(|()| artifacts.clear(name));
    let is_worth_a_look = match entry.judged.judgement {
        Judgement::GuestChanged(_) | Judgement::CaseChanged(_) | Judgement::EmulatorChanged => {
            !entry.judged.differences().is_empty()
        }
        Judgement::Limit(_) | Judgement::Lacks(_) | Judgement::Nondeterministic => true,
        Judgement::Holds | Judgement::Missing(_) | Judgement::Failed(_) => false,
    };
    let left = left.and_then(|()| match is_worth_a_look {
        true => artifacts.write(case, &entry),
        false => Ok(String::new()),
    });
    match left {
        Ok(commands) => entry.details += &commands,
        Err(why) => warn!("{name}: {why}"),
    }
    Entry { took: took(), ..entry }
}
