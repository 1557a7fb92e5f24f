//! `paravane stats`: what is in a recorded run, in numbers. The file and its events are read; what the machine counts is that of the
//! machine at the end, which is made from the last keyframe.
//!
//! Not here: counters of the interpreter, which are those of who runs again.

mod report;

use crate::arguments::Stats;
use crate::output::{Ended, Output};
use crate::progress::Progress;
use crate::show_command::{failed, open};
use crate::status::Status;
use hypervisor_core::{Abi, Event, Machine, PartitionId, Recorder, Unrecorded};
use log::warn;
use recording::{Position, Recording, RecordingError};
use report::Report;
use std::collections::BTreeMap;
use trace::pvt::FrameKind;
use trace::{FunctionCounts, InBlocks, TracedSystem, event_kind, event_words};

/// So many numbers of calls are told apart: a guest may call any.
const CALLS_MOST: usize = 1024;

/// What the frames of one kind take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Frames {
    count: u64,
    compressed_bytes: u64,
    raw_bytes: u64,
}

/// The events of a partition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Events {
    /// By kind.
    kinds: BTreeMap<&'static str, u64>,
    /// By name.
    calls: BTreeMap<String, u64>,
    /// By number; its name is made once.
    names: BTreeMap<(bool, u32), String>,
}

/// Counts and tells.
///
/// # Errors
/// The recording cannot be read, or stdout fails.
pub fn stats(stats: &Stats) -> Result<Status, Ended> {
    let mut recording = open(&stats.recording)?;
    let failed = |error: RecordingError| failed(&stats.recording, &error);
    let traced = recording.traced().clone();
    let events = events(&mut recording, &traced).map_err(failed)?;
    // What is in the file can be told of a run that cannot be run again.
    let runs_again = recording.subject().map(|_| ());
    let machine = match runs_again {
        Ok(()) => Some(last_machine(&mut recording).map_err(failed)?),
        Err(error) => {
            warn!("{}: {error}", stats.recording.display());
            None
        }
    };
    let functions = match stats.functions {
        Some(most) => {
            let mut in_blocks = InBlocks(FunctionCounts::new(&traced));
            run_again(&mut recording, &mut in_blocks, |InBlocks(counts)| !counts.is_unsure())
                .map_err(failed)?;
            let InBlocks(mut counts) = in_blocks;
            if counts.is_unsure() {
                counts = FunctionCounts::new(&traced);
                run_again(&mut recording, &mut counts, |_| true).map_err(failed)?;
            }
            Some((counts, most))
        }
        None => None,
    };
    let report = Report {
        shown: stats.recording.display().to_string(),
        recording: &recording,
        traced: &traced,
        frames: frames(&recording),
        events,
        machine: machine.as_ref().map(recording::Replay::machine),
        functions,
    };
    let mut text = if stats.json { report.json().to_string() } else { report.text() };
    text.push('\n');
    let mut output = Output::stdout();
    output.write(text.as_bytes())?;
    output.flush()?;
    Ok(Status::Success)
}

fn frames(recording: &Recording) -> BTreeMap<FrameKind, Frames> {
    let reader = recording.reader();
    let mut frames: BTreeMap<FrameKind, Frames> = BTreeMap::new();
    for frame in 0..reader.frame_count() {
        let head = reader.head(frame);
        let sum = frames.entry(head.kind).or_default();
        sum.count += 1;
        sum.compressed_bytes += u64::from(head.compressed_bytes);
        sum.raw_bytes += u64::from(head.raw_bytes);
    }
    frames
}

fn events(recording: &mut Recording, traced: &TracedSystem) -> Result<Vec<Events>, RecordingError> {
    let mut events = vec![Events::default(); traced.partitions.len()];
    let mut progress = Progress::new("counting", recording.last_unit()?);
    recording.tell_events(|stamp, event| {
        progress.set(stamp.unit);
        let Some(sums) = events.get_mut(stamp.partition.index()) else { return };
        *sums.kinds.entry(event_kind(&event)).or_default() += 1;
        if let Event::Call { abi, number, .. } = event {
            sums.count_call(traced, stamp.partition, (abi == Abi::Linux, number), &event);
        }
    })?;
    Ok(events)
}

impl Events {
    fn count_call(&mut self, traced: &TracedSystem, of: PartitionId, key: (bool, u32), event: &Event) {
        if !self.names.contains_key(&key) {
            let words = event_words(&traced.partition(of).symbols, &traced.names, event);
            let name = words.split('(').next().unwrap_or_default();
            let name = if self.names.len() < CALLS_MOST { name } else { "others" };
            if self.names.len() < CALLS_MOST {
                self.names.insert(key, name.to_owned());
            }
            *self.calls.entry(name.to_owned()).or_default() += 1;
        } else if let Some(count) = self.names.get(&key).and_then(|name| self.calls.get_mut(name)) {
            *count += 1;
        }
    }
}

/// The run at its end, from the last keyframe on.
pub fn last_machine(recording: &mut Recording) -> Result<recording::Replay, RecordingError> {
    let mut replay = recording.replay_before(Position::Unit(u64::MAX))?;
    replay.run(&mut Unrecorded, |_, _| true);
    Ok(replay)
}

/// Runs everything again, and tells `recorder`, as long as `wants_more`.
pub fn run_again<R: Recorder>(
    recording: &mut Recording,
    recorder: &mut R,
    wants_more: impl Fn(&R) -> bool,
) -> Result<(), RecordingError> {
    let mut progress = Progress::new("running again", recording.last_unit()?);
    let mut replay = recording.replay_before(Position::Unit(0))?;
    replay.run(recorder, |recorder, machine: &Machine| {
        progress.set(machine.clock().units());
        wants_more(recorder)
    });
    Ok(())
}
