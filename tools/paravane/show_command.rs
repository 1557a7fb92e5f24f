//! `paravane show`: a recorded run as the text that `paravane trace` would have written.

use crate::arguments::Show;
use crate::beginning::Beginning;
use crate::filter_options::FilterOptions;
use crate::filtered::{Filtered, TextFilter, ends};
use crate::look::{Look, Way};
use crate::output::{Ended, Output};
use crate::progress::Progress;
use crate::quantities::grouped;
use crate::rest::Rest;
use crate::status::Status;
use crate::view::View;
use crate::written::Written;
use hypervisor_core::{Machine, PartitionId, Recorder, Stamp, Unrecorded};
use log::warn;
use recording::{Position, Recording, RecordingError, Replay};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use trace::TracedSystem;
use trace::filter::{Choice, Instant, Trigger};
use trace::pvt::ReadError;

/// So many events wait to be written.
const EVENTS_WAITING_MOST: u32 = 1024;

/// Shows the recording.
///
/// # Errors
/// It cannot be read, or stdout fails.
pub fn show(show: &Show) -> Result<Status, Ended> {
    shown(&show.recording, &show.filter, &show.look, show.unfiltered, None)
}

/// Writes what `filter` chooses of what the recording at `path` shows, or of all of it if it is `unfiltered`, to a file if one is named.
///
/// # Errors
/// It cannot be read, or the output fails.
pub fn shown(
    path: &Path,
    filter: &FilterOptions,
    look: &Look,
    unfiltered: bool,
    output: Option<&Path>,
) -> Result<Status, Ended> {
    Written::default().by("-o", output).reading(Some(path)).check().map_err(Ended::Failed)?;
    let mut recording = open(path)?;
    let view = View::of(path, recording.header(), unfiltered)?;
    let traced = recording.traced().clone();
    let shown = look.choose(filter, &view, &traced, &path.display().to_string()).map_err(Ended::Failed)?;
    // Only now that it is known to be read.
    let output = Output::to(output).map_err(Ended::Failed)?;
    let sink = shown.sink(&traced, output);
    let way = shown.way();
    let depends_on_the_past = |outer: &Choice| outer.depends_on_the_past();
    // Of a window nobody has to know what came before, unless what is chosen there depends on it.
    let is_window = shown.is_window()
        && shown.before.is_none()
        && !shown.choice.within.as_deref().is_some_and(depends_on_the_past);
    if matches!(way, Way::Events) && !is_window {
        return events(path, &mut recording, Filtered::of_events(&shown, sink));
    }
    let window = is_window.then(|| start(&shown.choice, &traced));
    let beginning = match window {
        Some(start) => recording.replay_before(start).map(Beginning::at),
        None if way == Way::Instructions => Beginning::of(&mut recording, &shown.choice),
        // The calls, and the last records, are of the whole run.
        None => recording.replay_before(Position::Unit(0)).map(Beginning::at),
    };
    let beginning = beginning.map_err(|error| failed(path, &error))?;
    let (recording, of_last) = (&mut recording, shown.before.clone());
    match (way, of_last) {
        (Way::OfLast, Some(before)) => {
            filtered(beginning, window, recording, Filtered::of_last(before, &shown, sink))
        }
        (Way::Calls, _) => filtered(beginning, window, recording, Filtered::of_calls(&shown, &traced, sink)),
        (Way::Events, _) => filtered(beginning, window, recording, Filtered::of_events(&shown, sink)),
        (Way::Instructions | Way::OfLast, _) => {
            filtered(beginning, window, recording, Filtered::new(&shown, sink))
        }
    }
}

/// Where a window has to be run again from: a little before it, because what is raised at that very instant belongs to it.
fn start(choice: &Choice, traced: &TracedSystem) -> Position {
    match &choice.from {
        Some(Trigger { what: Instant::Time(ns), .. }) => {
            Position::Unit(traced.rate.first_unit_at(*ns).saturating_sub(1))
        }
        Some(Trigger { what: Instant::Number(number), partition })
            if partition.is_some() || !traced.is_system =>
        {
            Position::Instruction(partition.unwrap_or_default(), number.saturating_sub(1))
        }
        _ => Position::Unit(0),
    }
}

/// Shows events, which are in the file: of the run only what follows the last keyframe is run again, to know where it ended.
fn events<F: TextFilter>(
    path: &Path,
    recording: &mut Recording,
    mut text: Filtered<'_, F>,
) -> Result<Status, Ended> {
    let mut stamps: Vec<Stamp> = (0..recording.traced().partitions.len())
        .map(|place| Stamp { partition: PartitionId(place as u16), ..Stamp::default() })
        .collect();
    let runs_again = recording.subject().map(|_| ());
    if let Err(error) = &runs_again {
        warn!("{}: {error}", path.display());
    }
    let (mut result, mut waiting) = (Ok(()), 0);
    let told = recording.tell_events(|stamp, event| {
        stamps[stamp.partition.index()] = stamp;
        if result.is_err() {
            return;
        }
        text.event(stamp, &event);
        waiting += 1;
        if waiting == EVENTS_WAITING_MOST {
            (result, waiting) = (text.write(), 0);
        }
    });
    result?;
    if let Err(error) = told {
        text.write()?;
        return Err(failed(path, &error));
    }
    if runs_again.is_ok() {
        let replay = recording.replay_before(Position::Unit(u64::MAX));
        let mut replay = replay.map_err(|error| failed(path, &error))?;
        replay.run(&mut Unrecorded, |_, _| true);
        stamps = ends(replay.machine());
    } else if let Some(end) = recording.end() {
        for ended in &end.partitions {
            let stamp = &mut stamps[usize::from(ended.partition)];
            (stamp.instruction, stamp.now_ns) = (ended.instruction, ended.now_ns);
        }
        if let ([only], []) = (&mut stamps[..], &end.partitions[..]) {
            *only = end.stamp();
        }
    }
    text.end(stamps, recording.end())?;
    Ok(Status::Success)
}

/// Shows what the filter lets through of a run that goes on, or of a window of it.
fn filtered<F: TextFilter>(
    beginning: Beginning,
    window: Option<Position>,
    recording: &mut Recording,
    mut text: Filtered<'_, F>,
) -> Result<Status, Ended> {
    text.go_on(&beginning);
    let events_before = beginning.events();
    let mut replay = beginning.replay;
    if let Some(start) = window {
        go_to(&mut replay, start, &mut text);
    }
    if text.is_window() {
        text.begin_at(replay.machine());
    }
    let mut result = Ok(());
    let mut progress = Progress::new("running again", recording.end().map_or(0, |end| end.unit));
    let is_read = io::stdout().is_terminal();
    replay.run(&mut text, |text, machine| {
        if is_read && text.has_more() {
            progress.leave();
        }
        progress.set(machine.clock().units());
        result = text.write();
        result.is_ok() && !text.is_over()
    });
    drop(progress);
    result?;
    let ends = if text.is_over() && !text.is_window() {
        let rest = Rest::of(recording, replay, &events_before);
        text.leave_out(&rest);
        rest.ends
    } else {
        ends(replay.machine())
    };
    text.end(ends, recording.end())?;
    Ok(Status::Success)
}

/// Goes to where a window begins.
fn go_to(replay: &mut Replay, start: Position, recorder: &mut impl Recorder) {
    let passed = |machine: &Machine| match start {
        Position::Unit(_) => machine.clock().units(),
        Position::Instruction(partition, _) => machine.partition(partition).executed(),
    };
    let (Position::Unit(target) | Position::Instruction(_, target)) = start;
    let begun = passed(replay.machine());
    let mut progress = Progress::new("running again", target.saturating_sub(begun));
    replay.go_to_telling(start, recorder, |machine| progress.set(passed(machine).saturating_sub(begun)));
}

/// Whether the file at `path` is a recording, of this version or another.
pub fn is_recording(path: &Path) -> bool {
    let mut start = [0; 8];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && recording::is_recording(&start)
}

/// Opens a recording; one that was cut off is told of.
///
/// # Errors
/// One line with the file's name.
pub fn open(path: &Path) -> Result<Recording, Ended> {
    let recording = open_quietly(path)?;
    tell_if_cut(path, &recording);
    Ok(recording)
}

/// Opens a recording, and does not say if it was cut off.
///
/// # Errors
/// One line with the file's name.
pub fn open_quietly(path: &Path) -> Result<Recording, Ended> {
    if path.as_os_str() == "-" {
        return Err(failed(path, &RecordingError::Read(ReadError::Pipe)));
    }
    Recording::open(path).map_err(|error| failed(path, &error))
}

/// Says on stderr that a recording is not whole, if it is not: there is only what comes before.
fn tell_if_cut(path: &Path, recording: &Recording) {
    let (cut_at, length) = (recording.reader().cut_at(), recording.reader().length_bytes());
    if let (Some(at), None) = (cut_at, recording.end()) {
        warn!(
            "{}: the recording was cut off, or is damaged, at byte {} of {}: this is what comes before",
            path.display(),
            grouped(at),
            grouped(length)
        );
    }
}

/// One line with the file's name.
pub fn failed(path: &Path, error: &RecordingError) -> Ended {
    Ended::Failed(format!("{}: {error}", path.display()))
}
