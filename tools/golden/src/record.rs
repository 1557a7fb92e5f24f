//! Records a run of a case in a trace file, which holds all that is needed to look at any of its instructions.

use crate::case::Case;
use crate::execute::{discard_output, drive, start};
use recording::{Depth, RunWriter};
use std::io::{self, Write};

/// Records a run to its end, or until this many instructions are executed.
///
/// # Errors
/// The case cannot be run, or the file cannot be written.
pub fn record<D: Depth>(case: &Case, most: Option<u64>, out: Box<dyn Write + Send>) -> Result<(), String> {
    let mut case = case.clone();
    case.file.instructions = most.map_or(case.file.instructions, |most| most.min(case.file.instructions));
    let case = &case;
    let opened = case.opened()?;
    let mut machine = start(&opened.subject)?;
    let failed = |error: io::Error| format!("cannot write the recording: {error}");
    let mut writer = RunWriter::<D>::new(out, &opened.subject, &machine).map_err(failed)?;
    let mut written = Ok(());
    let outcome =
        drive(&mut machine, case, &opened.inputs, false, &mut writer, |machine, writer, progress| {
            discard_output(machine);
            written = writer.hand_on(machine, progress);
            written.is_ok()
        })?;
    written.map_err(failed)?;
    match outcome {
        Some(outcome) => writer.finish(&machine, &outcome).map_err(failed),
        None => Ok(()),
    }
}
