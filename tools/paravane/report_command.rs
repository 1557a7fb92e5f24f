//! `paravane report`: a recorded run as an HTML page. The events are read from the file; for the hot functions the run is run again.

use crate::arguments::Report as Options;
use crate::output::{Bytes, Ended, Output, named_file};
use crate::progress::Progress;
use crate::recording_stats::{last_machine, run_again};
use crate::show_command::{failed, open};
use crate::status::Status;
use crate::written::Written;
use emulator::SEMANTICS;
use recording::{Recording, RecordingError, Replay};
use report::{About, Functions, LineCounts, PartitionTotals, Report, function_rows};
use std::time::Duration;
use trace::{Both, FunctionCounts, InBlocks};

/// Asking for the time with each event would take longer than the event.
const PROGRESS_STEPS: u64 = 1000;

/// Writes the page.
///
/// # Errors
/// The recording cannot be read, or the page not be written.
pub fn report(options: &Options) -> Result<Status, Ended> {
    let path = &options.recording;
    let mut recording = open(path)?;
    let failed = |error: RecordingError| failed(path, &error);
    let output = named_file(&options.output);
    Written::default().by("-o", output).reading(Some(path)).check().map_err(Ended::Failed)?;
    let last_unit = recording.last_unit().map_err(failed)?;
    let config = recording.subject().map_err(failed)?.config.clone();
    let rate = recording.traced().rate;
    let unit_at = |time: Duration| rate.first_unit_at(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let asked = (options.from.map_or(0, unit_at), options.to.map_or(u64::MAX, unit_at));
    if asked.0 > asked.1.min(last_unit) {
        let why = "--from is after --to, or after the end of the run: nothing would be held of it";
        return Err(Ended::Failed(why.to_owned()));
    }
    let mut report = Report::new(recording.traced(), &config, last_unit, asked);
    let mut progress = Progress::new("reading the events", last_unit);
    let (step, mut next) = (last_unit / PROGRESS_STEPS, 0);
    let read = recording.tell_events(|stamp, event| {
        report.event(stamp, &event);
        if stamp.unit >= next {
            progress.set(stamp.unit);
            next = stamp.unit.saturating_add(step);
        }
    });
    read.map_err(failed)?;
    drop(progress);
    let can_run = recording.header().semantics == SEMANTICS;
    let totals =
        if can_run { Some(last_machine(&mut recording).map_err(failed)?).as_ref().map(totals) } else { None };
    let functions = hot_functions(&mut recording, options, can_run).map_err(failed)?;
    let about = About {
        file: path.display().to_string(),
        header: recording.header(),
        end: recording.end(),
        last_unit,
        bytes: recording.reader().length_bytes(),
        totals,
    };
    let mut out = Output::to(output).map_err(Ended::Failed)?;
    report.write(&about, &config, functions, Bytes(&mut out))?;
    out.flush()?;
    Ok(Status::Success)
}

fn hot_functions(
    recording: &mut Recording,
    options: &Options,
    can_run: bool,
) -> Result<Functions, RecordingError> {
    if options.no_functions {
        return Ok(Functions::not_counted("The report was made with --no-functions."));
    }
    if !can_run {
        return Ok(Functions::not_counted(
            "The run was recorded by another version of the processor, and cannot be run again by this one.",
        ));
    }
    let traced = recording.traced().clone();
    let mut in_blocks = InBlocks(Both(FunctionCounts::new(&traced), LineCounts::new(&traced)));
    run_again(recording, &mut in_blocks, |InBlocks(Both(functions, _))| !functions.is_unsure())?;
    let InBlocks(mut counts) = in_blocks;
    counts.1.settle();
    if counts.0.is_unsure() || counts.1.is_unsure() {
        counts = Both(FunctionCounts::new(&traced), LineCounts::new(&traced));
        run_again(recording, &mut counts, |_| true)?;
    }
    Ok(function_rows(&traced, &counts.0, &counts.1))
}

/// What the machine at the end counted of each partition.
fn totals(end: &Replay) -> Vec<PartitionTotals> {
    let partitions = end.machine().partitions().iter();
    let totals = partitions.map(|partition| PartitionTotals {
        executed: partition.executed(),
        idle: partition.counters().idle_units,
        ledger: partition.ledger().cloned(),
    });
    totals.collect()
}
