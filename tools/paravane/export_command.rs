//! `paravane export`: a recorded run in the format of another tool.

use crate::arguments::{Export, ExportFormat};
use crate::filtered::ends;
use crate::output::{Bytes, Ended, Output};
use crate::progress::Progress;
use crate::show_command::{failed, open};
use crate::status::Status;
use crate::view::{InForce, View};
use export::{Callgrind, Covoar, Csv, Drcov, FlameGraph, Folded, Lcov, Perfetto, Tenet};
use hypervisor_core::{PartitionId, Recorder, Stamp};
use recording::{Position, Recording};
use std::convert::Infallible;
use std::path::Path;
use trace::Filter;
use trace::filter::Choice;

/// Runs the recording again and writes what the format holds of it.
///
/// # Errors
/// The recording cannot be read, the format cannot hold it, or the output fails.
pub fn export(options: &Export) -> Result<Status, Ended> {
    let mut recording = open(&options.recording)?;
    let traced = recording.traced().clone();
    let view = View::of(&options.recording, recording.header(), options.unfiltered)?;
    let shown = options.recording.display().to_string();
    let in_force = view.choose(&options.filter, &traced, &shown).map_err(Ended::Failed)?;
    let mut run = Run { options, recording: &mut recording, view, in_force };
    if options.format == ExportFormat::Parquet {
        return parquet(&mut run);
    }
    let chosen = only_one(&run.in_force.choice);
    let out = Output::beside(&options.recording, options.output.as_deref());
    let mut out = out.map_err(Ended::Failed)?;
    let several = |error: export::SeveralPartitions| Ended::Failed(error.to_string());
    match options.format {
        ExportFormat::Perfetto => run.write(Perfetto::new(&traced, Bytes(&mut out))),
        ExportFormat::Folded => run.write(Folded::new(&traced, Bytes(&mut out))),
        ExportFormat::Flamegraph => run.write(FlameGraph::new(&traced, Bytes(&mut out))),
        ExportFormat::Callgrind => run.write(Callgrind::new(&traced, Bytes(&mut out))),
        ExportFormat::Lcov => run.write(Lcov::new(&traced, Bytes(&mut out))),
        ExportFormat::Covoar => run.write(Covoar::new(&traced, chosen, Bytes(&mut out)).map_err(several)?),
        ExportFormat::Drcov => run.write(Drcov::new(&traced, Bytes(&mut out))),
        ExportFormat::Tenet => run.write(Tenet::new(&traced, chosen, Bytes(&mut out)).map_err(several)?),
        ExportFormat::Csv | ExportFormat::Parquet => run.write(Csv::new(&traced, Bytes(&mut out))),
    }?;
    out.flush()?;
    Ok(Status::Success)
}

/// The only partition that is chosen, if it is one.
fn only_one(choice: &Choice) -> Option<PartitionId> {
    let mut chosen = choice.partitions.iter().enumerate().filter(|(_, chosen)| **chosen);
    let first = chosen.next().map(|(place, _)| PartitionId(place as u16));
    first.filter(|_| chosen.next().is_none())
}

/// A recording that is exported.
struct Run<'a> {
    options: &'a Export,
    recording: &'a mut Recording,
    view: View,
    in_force: InForce,
}

impl Run<'_> {
    fn write(&mut self, export: impl export::Export) -> Result<(), Ended> {
        let mut filter = Filter::new(self.in_force.choice.clone(), export);
        if let Some(before) = self.in_force.before.clone() {
            let mut before = Filter::new(before, filter);
            let ends = self.run_again(&mut before)?;
            let Ok(()) = before.finish(ends.clone(), |_| Ok::<(), Infallible>(()));
            return self.end(before.inner_mut(), ends);
        }
        let ends = self.run_again(&mut filter)?;
        self.end(&mut filter, ends)
    }

    /// Runs the recording again, and says where each partition ended.
    fn run_again<R: Recorder>(&mut self, filter: &mut Filter<R>) -> Result<Vec<Stamp>, Ended> {
        let replay = self.recording.replay_before(Position::Unit(0));
        let mut replay = replay.map_err(|error| failed(&self.options.recording, &error))?;
        let mut progress = Progress::new("running again", self.recording.end().map_or(0, |end| end.unit));
        replay.run(filter, |filter, machine| {
            progress.set(machine.clock().units());
            !filter.is_over()
        });
        Ok(ends(replay.machine()))
    }

    fn end<E: export::Export>(&self, filter: &mut Filter<E>, ends: Vec<Stamp>) -> Result<(), Ended> {
        let Ok(()) = filter.finish(ends, |_| Ok::<(), Infallible>(()));
        if let Some(warning) = self.view.warning(&self.options.filter, &filter.passed()) {
            log::warn!("{warning}");
        }
        Ok(filter.inner_mut().finish()?)
    }
}

#[cfg(feature = "parquet")]
fn parquet(run: &mut Run<'_>) -> Result<Status, Ended> {
    use export::{PARQUET_FILES, Parquet};
    use std::fs::{self, File};
    use std::io::BufWriter;
    let Some(folder) = &run.options.output else {
        return Err(Ended::Failed(
            "--format parquet writes three files: name a folder with -o FOLDER".to_owned(),
        ));
    };
    let cannot = |path: &Path, error| Ended::Failed(format!("cannot create {}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let mut files = Vec::new();
    for name in PARQUET_FILES {
        let path = folder.join(name);
        files.push(BufWriter::new(File::create(&path).map_err(|error| cannot(&path, error))?));
    }
    let files: [BufWriter<File>; 3] =
        files.try_into().map_err(|_| Ended::Failed("not all tables have a file".to_owned()))?;
    let traced = run.recording.traced().clone();
    run.write(Parquet::new(&traced, files))?;
    Ok(Status::Success)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &mut Run<'_>) -> Result<Status, Ended> {
    let why =
        "this paravane was built without Parquet: build it with `cargo build --release --features parquet`";
    Err(Ended::Failed(why.to_owned()))
}
