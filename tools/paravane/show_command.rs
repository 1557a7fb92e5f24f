//! `paravane show`: a recorded run as the text that `paravane trace` would have written.

use crate::arguments::Show;
use crate::filtered::{Filtered, TextFilter, ends};
use crate::output::{Ended, Output};
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
    let choice = show.filter.choice(&traced, &show.recording.display().to_string()).map_err(Ended::Failed)?;
    let sink = TextSink::new(&traced, &choice.partitions, Output::stdout());
    if choice.needs_instructions() {
        filtered(show, &mut recording, Filtered::new(choice, &show.filter, sink))
    } else {
        filtered(show, &mut recording, Filtered::of_events(choice, &show.filter, sink))
    }
}

fn filtered<F: TextFilter>(
    show: &Show,
    recording: &mut Recording,
    mut text: Filtered<'_, F>,
) -> Result<Status, Ended> {
    let replay = recording.replay_before(Position::Unit(0));
    let mut replay = replay.map_err(|error| failed(&show.recording, &error))?;
    let mut result = Ok(());
    replay.run(&mut text, |text, _| {
        result = text.write();
        result.is_ok()
    });
    result?;
    text.end(ends(replay.machine()), recording.end())?;
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
