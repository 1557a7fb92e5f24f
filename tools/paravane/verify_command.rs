//! `paravane verify`: whether a recording is whole and right.

use crate::arguments::Verify;
use crate::output::{Ended, Output};
use crate::progress::Progress;
use crate::quantities::grouped;
use crate::show_command::{failed, open_quietly};
use crate::status::Status;
use crate::view::stored_choice;

/// Checks the recording and tells what was checked.
///
/// # Errors
/// It is not right, or stdout fails.
pub fn verify(verify: &Verify) -> Result<Status, Ended> {
    let mut recording = open_quietly(&verify.recording)?;
    let choice = stored_choice(&verify.recording, recording.header(), recording.traced())?;
    // Units of virtual time.
    let mut progress = Progress::new("running again", recording.end().map_or(0, |end| end.unit));
    let verified = recording.verify_chosen(choice.as_ref(), |unit| {
        progress.set(unit);
        true
    });
    let verified = verified.map_err(|error| failed(&verify.recording, &error))?;
    drop(progress);
    let counted =
        |count: u64, what: &str| format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" });
    let mut text = format!(
        "{}: {}, {}, {}, {}{} run again: all as recorded\n",
        verify.recording.display(),
        counted(verified.frames as u64, "frame"),
        counted(verified.events, "event"),
        counted(verified.keyframes as u64, "keyframe"),
        match verified.instructions {
            0 => String::new(),
            count => format!("{}, ", counted(count, "stored instruction")),
        },
        counted(verified.executed, "instruction"),
    );
    let cut_at = recording.reader().cut_at();
    if let Some(at) = cut_at {
        let what = if recording.end().is_some() { "its index" } else { "the end of the run" };
        let at = grouped(at);
        text += &format!("The file was cut off, or is damaged, at byte {at}: {what} is not in it\n");
    }
    let mut output = Output::stdout();
    output.write(text.as_bytes())?;
    output.flush()?;
    Ok(if verified.ends_alike && cut_at.is_none() { Status::Success } else { Status::Different })
}
