//! `paravane show`: a recorded run as the text that `paravane trace` would have written.

use crate::arguments::Show;
use crate::filter_options::FilterOptions;
use crate::filtered::{Filtered, TextFilter, ends};
use crate::output::{Ended, Output};
use crate::status::Status;
use crate::text_sink::TextSink;
use recording::{Position, Recording, RecordingError, Replay};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use trace::TracedSystem;
use trace::filter::{Choice, Instant, Trigger};
use trace::pvt::MAGIC;

/// Shows the recording.
///
/// # Errors
/// It cannot be read, or stdout fails.
pub fn show(show: &Show) -> Result<Status, Ended> {
    shown(&show.recording, &show.filter, Output::stdout())
}

/// Writes what `filter` chooses of the recording at `path`.
///
/// # Errors
/// It cannot be read, or the output fails.
pub fn shown(path: &Path, filter: &FilterOptions, output: Output) -> Result<Status, Ended> {
    let mut recording = open(path)?;
    let traced = recording.traced().clone();
    let choice = filter.choice(&traced, &path.display().to_string()).map_err(Ended::Failed)?;
    let sink = TextSink::new(&traced, &choice.partitions, output);
    let start = start(&choice, &traced);
    let replayed = recording.replay_before(start).map_err(|error| failed(path, &error))?;
    if choice.needs_instructions() {
        filtered(replayed, start, &recording, Filtered::new(choice, filter, sink))
    } else {
        filtered(replayed, start, &recording, Filtered::of_events(choice, filter, sink))
    }
}

/// Where the run has to be run again from: of a window only from right before it.
fn start(choice: &Choice, traced: &TracedSystem) -> Position {
    match (&choice.length, &choice.from) {
        (Some(_), Some(Trigger { what: Instant::Time(ns), .. })) => {
            Position::Unit(traced.rate.first_unit_at(*ns))
        }
        (Some(_), Some(Trigger { what: Instant::Number(number), partition }))
            if partition.is_some() || !traced.is_system =>
        {
            Position::Instruction(partition.unwrap_or_default(), *number)
        }
        _ => Position::Unit(0),
    }
}

fn filtered<F: TextFilter>(
    mut replay: Replay,
    start: Position,
    recording: &Recording,
    mut text: Filtered<'_, F>,
) -> Result<Status, Ended> {
    let is_window = text.is_window();
    if is_window {
        replay.go_to(start);
        text.begin_at(replay.machine(), replay.stopped());
    }
    let mut result = Ok(());
    replay.run(&mut text, |text, _| {
        result = text.write();
        result.is_ok() && !text.is_over()
    });
    result?;
    // The ends are not part of a window.
    let end = recording.end().filter(|_| !is_window);
    text.end(if is_window { Vec::new() } else { ends(replay.machine()) }, end)?;
    Ok(Status::Success)
}

/// Whether the file at `path` is a recording.
pub fn is_recording(path: &Path) -> bool {
    let mut start = [0; 27];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && MAGIC.starts_with(&start)
}

/// Opens a recording.
///
/// # Errors
/// One line with the file's name.
pub fn open(path: &Path) -> Result<Recording, Ended> {
    Recording::open(path).map_err(|error| failed(path, &error))
}

/// One line with the file's name.
pub fn failed(path: &Path, error: &RecordingError) -> Ended {
    Ended::Failed(format!("{}: {error}", path.display()))
}
