//! `paravane export`: a recorded run in the format of another tool.

use crate::arguments::{Export, ExportFormat};
use crate::beginning::Beginning;
use crate::filtered::ends;
use crate::output::{Bytes, Ended, Output, named_file};
use crate::progress::Progress;
use crate::rest::Rest;
use crate::show_command::{failed, open};
use crate::status::Status;
use crate::view::{InForce, View};
use crate::written::Written;
use export::{Callgrind, Covoar, Csv, Drcov, FlameGraph, Folded, Lcov, Perfetto, Tenet};
use hypervisor_core::{PartitionId, Recorder, Stamp};
use recording::{Position, Recording, Replay};
use std::cell::RefCell;
use std::convert::Infallible;
use std::io::{self, Write};
use std::path::Path;
use trace::filter::Choice;
use trace::{Filter, InBlocks};

/// Runs the recording again and writes what the format holds of it.
///
/// # Errors
/// The recording cannot be read, the format cannot hold it, or the output fails.
pub fn export(options: &Export) -> Result<Status, Ended> {
    let mut recording = open(&options.recording)?;
    let written = Written::default().by("-o", named_file(&options.output)).reading(Some(&options.recording));
    written.check().map_err(Ended::Failed)?;
    let traced = recording.traced().clone();
    let view = View::of(&options.recording, recording.header(), options.unfiltered)?;
    let shown = options.recording.display().to_string();
    let in_force = view.choose(&options.filter, &traced, &shown).map_err(Ended::Failed)?;
    let mut run = Run { options, recording: &mut recording, view, in_force };
    if options.format == ExportFormat::Parquet {
        return parquet(&mut run);
    }
    let chosen = only_one(&run.in_force.choice);
    let out = Output::to(named_file(&options.output));
    let out = RefCell::new(out.map_err(Ended::Failed)?);
    let several = |error: export::SeveralPartitions| Ended::Failed(error.to_string());
    match options.format {
        ExportFormat::Perfetto => run.write(Perfetto::new(&traced, Shared(&out))),
        ExportFormat::Folded => run.count(|| Ok(Folded::new(&traced, Shared(&out)))),
        ExportFormat::Flamegraph => run.count(|| Ok(FlameGraph::new(&traced, Shared(&out)))),
        ExportFormat::Callgrind => run.count(|| Ok(Callgrind::new(&traced, Shared(&out)))),
        ExportFormat::Lcov => run.count(|| Ok(Lcov::new(&traced, Shared(&out)))),
        ExportFormat::Covoar => run.count(|| Covoar::new(&traced, chosen, Shared(&out)).map_err(several)),
        ExportFormat::Drcov => run.count(|| Ok(Drcov::new(&traced, Shared(&out)))),
        ExportFormat::Tenet => run.write(Tenet::new(&traced, chosen, Shared(&out)).map_err(several)?),
        ExportFormat::Csv | ExportFormat::Parquet => run.write(Csv::new(&traced, Shared(&out))),
    }?;
    out.borrow_mut().flush()?;
    Ok(Status::Success)
}

/// The only partition that is chosen, if it is one.
fn only_one(choice: &Choice) -> Option<PartitionId> {
    let mut chosen = choice.partitions.iter().enumerate().filter(|(_, chosen)| **chosen);
    let first = chosen.next().map(|(place, _)| PartitionId(place as u16));
    first.filter(|_| chosen.next().is_none())
}

/// The output of exports of which at most one writes.
struct Shared<'a>(&'a RefCell<Output>);

impl Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Bytes(&mut self.0.borrow_mut()).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Bytes(&mut self.0.borrow_mut()).flush()
    }
}

/// A recording that is exported.
struct Run<'a> {
    options: &'a Export,
    recording: &'a mut Recording,
    view: View,
    in_force: InForce,
}

impl Run<'_> {
    /// Writes what `export` makes, which only counts before its end: of blocks where they tell enough, which takes a fraction of the time.
    fn count<E: export::Export>(&mut self, export: impl Fn() -> Result<E, Ended>) -> Result<(), Ended> {
        if self.in_force.before.is_none() && self.in_force.choice.sees_blocks() {
            let InBlocks(mut counted) =
                self.pass(InBlocks(export()?), |InBlocks(export)| export.is_unsure())?;
            if !counted.is_unsure() {
                return Ok(counted.finish()?);
            }
        }
        self.write(export()?)
    }

    fn write(&mut self, export: impl export::Export) -> Result<(), Ended> {
        Ok(self.pass(export, |_| false)?.finish()?)
    }

    /// Runs the recording again past what is in force and a recorder, unless that has enough.
    fn pass<R: Recorder>(&mut self, recorder: R, has_enough: impl Fn(&R) -> bool) -> Result<R, Ended> {
        let mut filter = Filter::new(self.in_force.choice.clone(), recorder);
        let ends = if let Some(before) = self.in_force.before.clone() {
            let count = self.recording.traced().partitions.len();
            let replay = self.recording.replay_before(Position::Unit(0));
            let replay = replay.map_err(|error| failed(&self.options.recording, &error))?;
            let mut before = Filter::new(before, filter);
            let none = vec![0; count];
            let ends = self.run_again(replay, &none, &mut before, |_| false);
            let Ok(()) = before.finish(ends.clone(), |_| Ok::<(), Infallible>(()));
            filter = before.into_inner();
            ends
        } else {
            let beginning = Beginning::of(self.recording, &self.in_force.choice);
            let beginning = beginning.map_err(|error| failed(&self.options.recording, &error))?;
            beginning.tell(&mut filter);
            let events = beginning.events();
            self.run_again(beginning.replay, &events, &mut filter, has_enough)
        };
        let Ok(()) = filter.finish(ends, |_| Ok::<(), Infallible>(()));
        if let Some(warning) = self.view.warning(&self.options.filter, &filter.passed()) {
            log::warn!("{warning}");
        }
        Ok(filter.into_inner())
    }

    /// Runs on to the end, or as long as something may pass, and says where each partition ended; so many events of each were before.
    fn run_again<R: Recorder>(
        &mut self,
        mut replay: Replay,
        events_before: &[u64],
        filter: &mut Filter<R>,
        has_enough: impl Fn(&R) -> bool,
    ) -> Vec<Stamp> {
        let mut progress = Progress::new("running again", self.recording.end().map_or(0, |end| end.unit));
        replay.run(filter, |filter, machine| {
            progress.set(machine.clock().units());
            !filter.is_over() && !has_enough(filter.inner())
        });
        drop(progress);
        if !filter.is_over() {
            return ends(replay.machine());
        }
        let rest = Rest::of(self.recording, replay, events_before);
        rest.tell(filter);
        rest.ends
    }
}

#[cfg(feature = "parquet")]
fn parquet(run: &mut Run<'_>) -> Result<Status, Ended> {
    use export::{PARQUET_FILES, Parquet};
    use std::fs::{self, File};
    use std::io::BufWriter;
    let Some(folder) = named_file(&run.options.output) else {
        return Err(Ended::Failed(
            "--format parquet writes three files: name a folder with -o FOLDER".to_owned(),
        ));
    };
    let cannot = |path: &Path, error| Ended::Failed(format!("cannot create {}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let paths = PARQUET_FILES.map(|name| folder.join(name));
    let written = Written::default().reading(Some(&run.options.recording));
    let written = paths.iter().fold(written, |written, path| written.by("-o", Some(path)));
    written.check().map_err(Ended::Failed)?;
    let mut files = Vec::new();
    for path in paths {
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
