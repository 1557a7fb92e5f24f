//! `paravane show`: a recorded run as the text that `paravane trace` would have written.

use crate::arguments::Show;
use crate::output::{Ended, Output};
use crate::partitions::shown_partitions;
use crate::status::Status;
use crate::text_sink::TextSink;
use recording::{Position, Recording, RecordingError};
use std::path::Path;

/// Shows the recording.
///
/// # Errors
/// It cannot be read, or stdout fails.
pub fn show(show: &Show) -> Result<Status, Ended> {
    let mut recording = open(&show.recording)?;
    let traced = recording.traced().clone();
    let names: Vec<String> = traced.partitions.iter().map(|partition| partition.name.clone()).collect();
    let file = show.recording.display().to_string();
    let shown = shown_partitions(&show.partitions, &names, traced.is_system, &file)?;
    let mut sink = TextSink::new(&traced, &shown, Output::stdout());
    let replay = recording.replay_before(Position::Unit(0));
    let mut replay = replay.map_err(|error| failed(&show.recording, &error))?;
    let mut result = Ok(());
    replay.run(&mut sink, |sink, _| {
        result = sink.write();
        result.is_ok()
    });
    result?;
    if let Some(end) = recording.end() {
        sink.end(end);
    }
    sink.write()?;
    Ok(Status::Success)
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
