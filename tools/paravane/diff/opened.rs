//! The two sides as the command line names them, opened.

use super::log::{ExecLog, begins_log};
use super::options::Diff;
use super::source::{Live, Source, limits};
use crate::arguments::{Abi, CpuName};
use crate::filter_options::FilterOptions;
use crate::output::Ended;
use crate::subject;
use crate::view::{View, without_controls};
use hypervisor_core::{Arrival, Input, Limits, Machine};
use recording::{Files, GuestOptions, Recording, Subject};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// More bytes of input are a mistake.
const INPUT_MOST_BYTES: u64 = 1 << 30;
/// Enough to know what a file is.
const START_BYTES: u64 = 4096;

/// A side that was opened.
pub struct Opened {
    /// Its file as the user named it.
    pub shown: String,
    /// `recorded`, `run now`, `an execlog`.
    pub how: &'static str,
    /// Where its rows come from.
    pub source: Source,
}

enum What {
    Recorded(Box<Recording>),
    ToRun,
    Log,
}

/// Opens both sides, with the filter that is in force on both.
///
/// # Errors
/// One line with the file that cannot be used.
pub fn open(diff: &Diff) -> Result<([Opened; 2], Option<FilterOptions>), Ended> {
    let (a, b) = (look_at(&diff.a)?, look_at(&diff.b)?);
    if matches!(a, What::Log) {
        return Err(Ended::Failed(format!(
            "{}: this is an execlog of QEMU: name it second, and the guest or its recording first",
            diff.a.display()
        )));
    }
    let input = input(diff)?;
    let (of_a, of_b) = (Known::of(&diff.a, &a)?, Known::of(&diff.b, &b)?);
    let name = name_of(diff, &of_a, &of_b)?;
    let filter = filter(diff, [(&diff.a, &a), (&diff.b, &b)])?;
    let opened = [
        opened(diff, "A", &diff.a, a, &of_b, &input, name.as_deref())?,
        opened(diff, "B", &diff.b, b, &of_a, &input, name.as_deref())?,
    ];
    Ok((opened, filter))
}

/// The filter that a recording was made with: it is in force on both sides.
fn filter(diff: &Diff, sides: [(&Path, &What); 2]) -> Result<Option<FilterOptions>, Ended> {
    let mut in_force: Option<(&Path, FilterOptions)> = None;
    for (path, what) in sides {
        let What::Recorded(recording) = what else { continue };
        let view = View::of(path, recording.header(), diff.unfiltered)?;
        let Some(stored) = view.into_stored() else { continue };
        if stored.last.is_some() || stored.window.is_some() {
            let option = if stored.last.is_some() { "--last" } else { "--window" };
            return Err(Ended::Failed(format!(
                "{} was recorded with `{option}`: what is shown of the two runs is not comparable with that: add --unfiltered",
                path.display()
            )));
        }
        match &in_force {
            Some((other, filter)) if filter.header_words() != stored.header_words() => {
                return Err(Ended::Failed(format!(
                    "{} was recorded with `{}`, and {} with `{}`: add --unfiltered, and compare with --only and --partition",
                    other.display(),
                    without_controls(&filter.header_words().join(" ")),
                    path.display(),
                    without_controls(&stored.header_words().join(" "))
                )));
            }
            _ => in_force = Some((path, stored)),
        }
    }
    if in_force.is_some() && sides.iter().any(|(_, what)| matches!(what, What::Log)) {
        let why = "a log of QEMU is of a whole run, and the recording has filters in force: add --unfiltered";
        return Err(Ended::Failed(why.to_owned()));
    }
    Ok(in_force.map(|(_, filter)| filter))
}

/// What a recording says of how it was run.
#[derive(Default)]
struct Known {
    options: Option<GuestOptions>,
    name: Option<String>,
    inputs: Option<Vec<Input>>,
    limits: Limits,
}

impl Known {
    fn of(path: &Path, what: &What) -> Result<Self, Ended> {
        let What::Recorded(recording) = what else { return Ok(Self::default()) };
        let subject = recording.subject().map_err(|error| crate::show_command::failed(path, &error))?;
        let is_guest = !subject.is_system;
        Ok(Self {
            options: is_guest.then(|| subject.options.clone()),
            name: is_guest.then(|| subject.config.partitions[0].name.clone()),
            inputs: Some(recording.inputs().to_vec()),
            limits: recording.limits().unwrap_or_default(),
        })
    }
}

/// What a single guest is called on both sides: a program sees the name that it was called by.
fn name_of(diff: &Diff, a: &Known, b: &Known) -> Result<Option<String>, Ended> {
    let recorded = a.name.clone().or_else(|| b.name.clone());
    if recorded.is_some() || a.inputs.is_some() || b.inputs.is_some() {
        return Ok(recorded);
    }
    let subject = subject_of(&diff.a, options(diff, &Known::default()))?;
    Ok((!subject.is_system).then(|| subject.config.partitions[0].name.clone()))
}

fn look_at(path: &Path) -> Result<What, Ended> {
    let failed = |why: String| Ended::Failed(format!("{}: {why}", path.display()));
    let mut start = Vec::new();
    if path.to_str().is_some_and(|path| path.starts_with("builtin:")) {
        return Ok(What::ToRun);
    }
    // What cannot be read is told of by whoever opens it as a guest.
    if let Some(file) = File::open(path).ok().filter(|_| !path.is_dir()) {
        let read = file.take(START_BYTES).read_to_end(&mut start);
        read.map_err(|error| failed(format!("cannot be read: {error}")))?;
    }
    if recording::is_recording(&start) {
        return Ok(What::Recorded(Box::new(crate::show_command::open(path)?)));
    }
    Ok(if begins_log(&start) { What::Log } else { What::ToRun })
}

fn opened(
    diff: &Diff,
    side: &'static str,
    path: &Path,
    what: What,
    other: &Known,
    input: &Option<Vec<Input>>,
    name: Option<&str>,
) -> Result<Opened, Ended> {
    let shown = path.display().to_string();
    match what {
        What::Recorded(mut recording) => {
            let source = Source::recorded(path, &mut recording)?;
            Ok(Opened { shown, how: "recorded", source })
        }
        What::Log => {
            let log = ExecLog::open(path).map_err(Ended::Failed)?;
            Ok(Opened { shown, how: "an execlog", source: Source::Log { log, rows: Vec::new() } })
        }
        What::ToRun => {
            let mut subject = subject_of(path, options(diff, &Known::default()))?;
            if !subject.is_system && other.options.is_some() {
                subject = subject_of(path, options(diff, other))?;
            }
            if let Some(name) = name.filter(|_| !subject.is_system) {
                subject.config.partitions[0].name = name.to_owned();
            }
            let machine = Machine::of_system(subject.config)
                .map_err(|error| Ended::Failed(format!("{shown}: {}", error.error)))?;
            let limits = Limits {
                executed_units: diff.max_instructions.or(other.limits.executed_units),
                time_ns: limits(diff).time_ns.or(other.limits.time_ns),
                slice_units: None,
            };
            let input = input.clone().or_else(|| other.inputs.clone());
            let live = Live::new(machine, subject.is_system, limits, input, side);
            Ok(Opened { shown, how: "run now", source: Source::Live(Box::new(live)) })
        }
    }
}

fn subject_of(path: &Path, options: GuestOptions) -> Result<Subject, Ended> {
    subject::told(Subject::open(path, options, Files::default()))
}

/// How a guest is run: as the options say, else as the other side was.
fn options(diff: &Diff, other: &Known) -> GuestOptions {
    let other = other.options.clone().unwrap_or_default();
    let abi = diff.abi.map(|abi| match abi {
        Abi::Paravane => hypervisor_core::Abi::Paravane,
        Abi::Linux => hypervisor_core::Abi::Linux,
    });
    GuestOptions {
        abi: abi.or(other.abi),
        memory_bytes: diff.memory.or(other.memory_bytes),
        arguments: if diff.arguments.is_empty() { other.arguments } else { diff.arguments.clone() },
        profile: diff.cpu.map(CpuName::profile).or(other.profile),
    }
}

/// The console input that was named.
fn input(diff: &Diff) -> Result<Option<Vec<Input>>, Ended> {
    let Some(path) = &diff.input else { return Ok(None) };
    let failed = |error| Ended::Failed(format!("{}: cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(INPUT_MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(INPUT_MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > INPUT_MOST_BYTES {
        return Err(Ended::Failed(format!("{}: console input has at most 1 GiB", path.display())));
    }
    let given = (!bytes.is_empty()).then_some(Arrival::Bytes(bytes));
    let whole = given.into_iter().chain([Arrival::End]);
    Ok(Some(whole.map(|what| Input { unit: 0, what }).collect()))
}
