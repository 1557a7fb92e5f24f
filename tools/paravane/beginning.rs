//! Where a recorded run is run again from when a filter lets nothing through before an instant: from the last keyframe that is early
//! enough, and what was before is counted, so that the output is that of a whole run.
//!
//! Not here: windows, which begin exactly at their instant and count nothing.

use hypervisor_core::{Machine, Partition, PartitionId, Recorder};
use recording::{Recording, RecordingError, Replay, Span};
use std::iter;
use trace::filter::{Choice, Instant, Trigger};
use trace::{Filter, TracedSystem};

/// A run that goes on, and what it is past.
pub struct Beginning {
    /// The run.
    pub replay: Replay,
    /// Of each partition how many instructions and events came before.
    passed: Vec<(u64, u64)>,
}

impl Beginning {
    /// The latest from which everything is seen that a choice lets through.
    ///
    /// # Errors
    /// A frame is damaged, or another processor recorded it.
    pub fn of(recording: &mut Recording, choice: &Choice) -> Result<Self, RecordingError> {
        let spans = recording.spans();
        let place = latest(recording, &spans, choice)?;
        let replay = recording.replay_span(&spans[place])?;
        // Keyframes that this program cannot read are none.
        let is_there = replay.machine().clock().units() == spans[place].unit;
        let events = recording.events_before(if is_there { &spans[place] } else { &spans[0] })?;
        let instructions = replay.machine().partitions().iter().map(Partition::retired);
        let passed = instructions.zip(events).collect();
        Ok(Self { replay, passed })
    }

    /// How many events of each partition came before.
    pub fn events(&self) -> Vec<u64> {
        self.passed.iter().map(|(_, events)| *events).collect()
    }

    /// A run that begins where nobody counts what came before, or with nothing before it.
    pub fn at(replay: Replay) -> Self {
        let passed = vec![(0, 0); replay.machine().partitions().len()];
        Self { replay, passed }
    }

    /// Tells a filter what was before.
    pub fn tell<R: Recorder>(&self, filter: &mut Filter<R>) {
        for (place, passed) in self.passed.iter().enumerate() {
            let id = PartitionId(place as u16);
            filter.leave_out(id, *passed);
            if self.replay.stopped().contains(&id.0) {
                filter.stop(id);
            }
        }
    }
}

/// The last span from whose beginning on a filter does what it would have done, had it seen the whole run.
fn latest(recording: &mut Recording, spans: &[Span], choice: &Choice) -> Result<usize, RecordingError> {
    let traced = recording.traced();
    let choices: Vec<&Choice> = iter::successors(Some(choice), |choice| choice.within.as_deref()).collect();
    // The last one at which its window has not opened: none if it is open from the start.
    let unopened = |of: &&Choice| of.from.as_ref().map(|from| last_before(spans, from, choice, traced));
    let unopened: Vec<Option<usize>> = choices.iter().map(unopened).collect();
    // Nothing passes while any window has not opened.
    let mut place = unopened.iter().flatten().copied().max().unwrap_or(0);
    // One that has may open late, or again, unless it is known from each record that it is open.
    let goes_on = |of: &Choice| {
        of.length.is_none() && [&of.from, &of.to].into_iter().flatten().all(|at| is_for_all(at, traced))
    };
    let mut most = spans.len();
    for (of, unopened) in choices.iter().zip(&unopened) {
        if !goes_on(of) {
            most = most.min(unopened.unwrap_or(0));
        }
    }
    // The calls of the outer ones are followed from when all of these are open.
    let (_, outer) = unopened.split_at(1);
    if choices.iter().skip(1).any(|outer| outer.selection.callees) {
        most = most.min(outer.iter().flatten().copied().max().unwrap_or(0));
    }
    if let Some((at, units)) = &choice.around {
        let last = last_before(spans, at, choice, traced).min(most);
        if last > place {
            place = place.max(with_room(recording, &spans[..=last], choice, *units as u64)?);
        }
    }
    Ok(place.min(most))
}

/// Whether it is known from each record of each partition that it has come.
fn is_for_all(trigger: &Trigger, traced: &TracedSystem) -> bool {
    match trigger.what {
        Instant::Time(_) => trigger.partition.is_none() || traced.partitions.len() == 1,
        Instant::Number(_) => traced.partitions.len() == 1,
        _ => false,
    }
}

/// The last span before which a trigger has not come.
fn last_before(spans: &[Span], trigger: &Trigger, choice: &Choice, traced: &TracedSystem) -> usize {
    let is_before = |span: &Span| match trigger.what {
        Instant::Time(ns) => span.unit < traced.rate.first_unit_at(ns),
        Instant::Number(number) => {
            let executed = span.executed_by.iter().zip(&choice.partitions).enumerate();
            let mut of_trigger = executed.filter(|(place, (_, is_shown))| {
                **is_shown && trigger.partition.is_none_or(|partition| partition.index() == *place)
            });
            of_trigger.all(|(_, (executed, _))| *executed < number)
        }
        _ => false,
    };
    spans.iter().rposition(is_before).unwrap_or(0)
}

/// The last span after whose beginning so many instructions of shown partitions come before that of the last one: those before
/// the trigger that are shown, too.
fn with_room(
    recording: &mut Recording,
    spans: &[Span],
    choice: &Choice,
    units: u64,
) -> Result<usize, RecordingError> {
    let retired = |machine: &Machine| -> u64 {
        let shown = machine.partitions().iter().zip(&choice.partitions).filter(|(_, is_shown)| **is_shown);
        shown.map(|(partition, _)| partition.retired()).sum()
    };
    let Some(last) = spans.last().filter(|_| spans.len() > 2) else { return Ok(0) };
    let end = retired(recording.replay_span(last)?.machine());
    for (place, span) in spans.iter().enumerate().rev().skip(1) {
        if end.saturating_sub(retired(recording.replay_span(span)?.machine())) >= units {
            return Ok(place);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::Beginning;
    use crate::filter_options::FilterOptions;
    use crate::view::View;
    use clap::Parser;
    use recording::{Files, Filters, Full, GuestOptions, Recording, Subject, Unattended, record};
    use std::fs::{self, File};
    use std::path::Path;

    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Words {
        #[command(flatten)]
        filter: FilterOptions,
    }

    /// How many units before what is shown the run is run again from; there is a keyframe after each 500.
    fn units_before(number: u64, stored: &[&str], given: &[&str]) -> u64 {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let file = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("paravane-beginning-{}-{file}", std::process::id()));
        let subject = Subject::open(Path::new("builtin:ticker"), GuestOptions::default(), Files::default());
        let words = stored.iter().map(ToString::to_string).collect();
        let filters = Filters { words, choice: None };
        let run = Unattended { keyframe_units: Some(500), filters, ..Unattended::default() };
        record::<Full>(Box::new(File::create(&path).unwrap()), &subject.unwrap(), &run).unwrap();
        let mut recording = Recording::open(&path).unwrap();
        let view = View::of(&path, recording.header(), false).unwrap();
        let given = Words::try_parse_from(given).unwrap().filter;
        let in_force = view.choose(&given, recording.traced(), "ticker").unwrap();
        let beginning = Beginning::of(&mut recording, &in_force.choice).unwrap();
        fs::remove_file(&path).unwrap();
        number.checked_sub(beginning.replay.machine().executed()).expect("it begins before that")
    }

    #[test]
    fn what_is_shown_begins_at_the_nearest_keyframe_whatever_was_recorded() {
        for (stored, given) in [
            (&[][..], &["--from=#9000"][..]),
            (&["--only=calls"], &["--from=#9000"]),
            (&["--from=#2000"], &["--from=#9000"]),
            (&["--from=#9000"], &["--only=calls"]),
            (&["--from=#9000", "--function=main", "--callees"], &["--data=ticks"]),
            (&["--to=#20000"], &["--from=#9000", "--to=main"]),
            (&["--from=10ms", "--to=30s"], &["--at=#9016"]),
            (&["--at=#9003", "--around=3"], &["--only=calls"]),
        ] {
            let units = units_before(9000, stored, given);
            assert!(units < 1500, "{stored:?} {given:?}: {units} units before");
        }
        // The window of the one may have closed, or its function been entered, before the other one's opens.
        for (stored, given) in [
            (&["--to=on_tick"][..], &["--from=#9000"][..]),
            (&["--from=on_tick"], &["--from=#9000"]),
            (&["--function=main", "--callees"], &["--from=#9000"]),
            (&["--from=#400", "--to=mark:7"], &["--from=#9000"]),
        ] {
            assert!(units_before(9000, stored, given) > 8000, "{stored:?} {given:?}");
        }
    }
}
