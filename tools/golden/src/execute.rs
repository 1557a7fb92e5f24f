//! Runs a case.

use crate::case::{Case, Opened};
use crate::ladder::Rung;
use crate::tolerance::Tolerated;
use crate::tolerate::Order;
use crate::verdict::{Ended, FileHash, PartitionEnded, Verdict};
use crate::watch::{Counts, EVENTS_MOST, Watch, Watched, addresses};
use hypervisor_core::{Input, Limit, Limits, Machine, Outcome, PartitionId, Progress, Recorder, Stamp};
use recording::Subject;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use trace::{TracedSystem, outcome_words};
use xxhash_rust::xxh3::xxh3_128;

/// The machine returns so often, to look whether what is kept of the run grows beyond measure.
pub(crate) const SLICE_UNITS: u64 = 1 << 16;
/// More console output than this is no test that a person reviews.
const CONSOLE_MOST_BYTES: usize = 64 << 20;

/// What a run of a case did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// How it ended; accepted by nobody.
    pub verdict: Verdict,
    /// What it printed.
    pub console: Vec<u8>,
    /// Its events, folded.
    pub events: String,
    /// Where each of them happened, unfolded.
    pub stamps: Vec<Stamp>,
    /// A digest up to each of some instructions.
    pub ladder: Vec<Rung>,
    /// What the ladder leaves out, in words.
    pub left_out: Vec<String>,
    /// How much ran, and how much of it is compared.
    pub counts: Counts,
    /// What was tolerated, or would be, but for values of the verdict.
    pub tolerated: Vec<Tolerated>,
    /// The names of the partitions.
    pub names: Vec<String>,
    /// The limit that ended it, unless that is expected: one line.
    pub limit: Option<String>,
    /// What it lacks of what the case requires.
    pub lacks: Vec<String>,
}

/// Why a case could not be run: one line, of a system file some more.
pub type Failure = String;

/// Runs a case once.
///
/// # Errors
/// It cannot be run.
pub fn execute(case: &Case) -> Result<Run, Failure> {
    let opened = case.opened()?;
    let mut machine = start(&opened.subject)?;
    let traced = TracedSystem::of(&machine, opened.subject.is_system);
    let required = addresses(&case.file.symbols, &traced)?;
    let awaited = required.iter().copied().collect();
    let part = case.file.part.of(&traced)?;
    let left_out = left_out(case, part.kinds.has_instructions());
    let mut watch = Watch::new(&traced, part, &case.file.tolerate, awaited);
    let mut console = Console::new(&traced);
    let mut too_much = None;
    let outcome = drive(&mut machine, case, &opened.inputs, false, &mut watch, |machine, watch, _| {
        console.take(machine);
        if watch.overflows() {
            too_much = Some(format!("it has more than {EVENTS_MOST} events"));
        } else if console.length_bytes > CONSOLE_MOST_BYTES {
            too_much = Some(format!("it prints more than {} MiB", CONSOLE_MOST_BYTES >> 20));
        }
        too_much.is_none()
    })?;
    let watched = watch.finish();
    let limit = match (&outcome, too_much) {
        (_, Some(what)) => Some(format!("{what}: give it a lower limit")),
        (Some(Outcome::LimitReached(limit)), None) if !case.file.limit_is_expected => {
            Some(limit_words(case, *limit))
        }
        _ => None,
    };
    let lacks = lacks(case, &watched, &required);
    let verdict = verdict(&machine, &traced, outcome.as_ref(), &watched, files(case, &opened));
    let console = console.finish(case.file.tolerate.order);
    let names = traced.partitions.iter().map(|partition| partition.name.clone()).collect();
    let Watched { events, stamps, ladder, counts, tolerated, .. } = watched;
    Ok(Run { verdict, console, events, stamps, ladder, left_out, counts, tolerated, names, limit, lacks })
}

/// The machine of a subject.
pub(crate) fn start(subject: &Subject) -> Result<Machine, Failure> {
    Machine::of_system(subject.config.clone()).map_err(|error| {
        let name = &subject.config.partitions[error.partition.index()].name;
        format!("{}: `{name}`: {}", subject.shown(), error.error)
    })
}

/// Runs the machine to its end, or as long as `goes_on`: None if that ended it before. `is_given` says whether the input was
/// given before.
pub(crate) fn drive<R: Recorder>(
    machine: &mut Machine,
    case: &Case,
    inputs: &[Input],
    mut is_given: bool,
    recorder: &mut R,
    mut goes_on: impl FnMut(&mut Machine, &mut R, &Progress) -> bool,
) -> Result<Option<Outcome>, Failure> {
    let limits = Limits {
        executed_units: Some(case.file.instructions),
        time_ns: Some(case.file.time_ns),
        slice_units: Some(SLICE_UNITS),
    };
    let mut executed = machine.executed();
    loop {
        let progress = machine.run(&limits, recorder);
        if let Some(meter) = &case.meter {
            meter.fetch_add(machine.executed().saturating_sub(executed), Ordering::Relaxed);
            executed = machine.executed();
        }
        if !goes_on(machine, recorder, &progress) {
            return Ok(match progress {
                Progress::Finished(outcome) => Some(outcome),
                _ => None,
            });
        }
        match progress {
            Progress::Output | Progress::Slice => {}
            Progress::Idle { until_units: Some(until) } => machine.idle_until(until),
            Progress::InputWanted | Progress::Idle { until_units: None } => {
                if is_given {
                    return Err(
                        "the recorded input is over and the guest waits for more: record it to its end"
                            .to_owned(),
                    );
                }
                is_given = true;
                inputs.iter().for_each(|input| machine.give_input(input.clone()));
            }
            Progress::Finished(outcome) => return Ok(Some(outcome)),
        }
    }
}

/// Nobody wants to see what a machine prints that runs once more. It goes on only when somebody takes it.
pub(crate) fn discard_output(machine: &mut Machine) {
    for place in 0..machine.partitions().len() {
        machine.take_output_of(PartitionId(place as u16));
    }
    machine.take_errors();
}

/// What the partitions print: of a system whole lines, each after the name of its partition.
struct Console {
    names: Option<Vec<String>>,
    /// What came, each with its partition; errors belong to the first.
    parts: Vec<(usize, Vec<u8>)>,
    length_bytes: usize,
}

impl Console {
    fn new(traced: &TracedSystem) -> Self {
        let names = traced.partitions.iter().map(|partition| partition.name.clone());
        Self { names: traced.is_system.then(|| names.collect()), parts: Vec::new(), length_bytes: 0 }
    }

    fn take(&mut self, machine: &mut Machine) {
        for place in 0..machine.partitions().len() {
            let output = machine.take_output_of(PartitionId(place as u16));
            let text = match &self.names {
                None => output,
                Some(names) => {
                    let mut text = Vec::new();
                    for line in output.split_inclusive(|byte| *byte == b'\n') {
                        text.extend_from_slice(format!("{}: ", names[place]).as_bytes());
                        text.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                        text.push(b'\n');
                    }
                    text
                }
            };
            self.add(place, text);
        }
        let errors = machine.take_errors();
        self.add(0, errors);
    }

    fn add(&mut self, place: usize, text: Vec<u8>) {
        if !text.is_empty() {
            self.length_bytes += text.len();
            self.parts.push((place, text));
        }
    }

    fn finish(mut self, order: Order) -> Vec<u8> {
        if order == Order::PerPartition {
            self.parts.sort_by_key(|(place, _)| *place);
        }
        self.parts.into_iter().flat_map(|(_, text)| text).collect()
    }
}

/// What the ladder leaves out, in words.
fn left_out(case: &Case, has_instructions: bool) -> Vec<String> {
    let mut left_out = Vec::new();
    if !has_instructions {
        left_out.push("no instructions: trace.only names none".to_owned());
    }
    left_out.extend(case.file.tolerate.elide.iter().map(|pattern| format!("elided: {pattern}")));
    left_out.extend(case.file.tolerate.registers.iter().map(|rule| format!("without {}", rule.text)));
    left_out
}

fn limit_words(case: &Case, limit: Limit) -> String {
    let (key, what) = match limit {
        Limit::Instructions => ("instructions", format!("{} instructions", case.file.instructions)),
        Limit::Time => ("time", format!("{} ns of virtual time", case.file.time_ns)),
    };
    format!(
        "it did not end within {what}: raise `limits.{key}`, or write `limits.expected = true` if it should not end"
    )
}

fn lacks(case: &Case, watched: &Watched, required: &[(u16, u32)]) -> Vec<String> {
    let mut lacks = Vec::new();
    let records = watched.counts.compared_instructions + watched.counts.compared_events;
    if !watched.began {
        let from = case.file.part.from.as_deref().unwrap_or_default();
        lacks.push(format!("`{from}`, from where the case compares, was never reached"));
    } else if records < case.file.least_records {
        lacks.push(format!("it has {records} records, and the case requires {}", case.file.least_records));
    }
    let unreached = case.file.symbols.iter().zip(required).filter(|(_, at)| watched.awaited.contains(at));
    lacks.extend(unreached.map(|(symbol, _)| format!("`{symbol}`, which the case requires, never ran")));
    lacks
}

/// The files that a case is made of, with their hashes.
///
/// # Errors
/// One cannot be read.
pub(crate) fn files_of(case: &Case) -> Result<Vec<FileHash>, Failure> {
    Ok(files(case, &case.opened()?))
}

fn files(case: &Case, opened: &Opened) -> Vec<FileHash> {
    let images: BTreeMap<u128, String> = opened
        .subject
        .config
        .partitions
        .iter()
        .map(|partition| (partition.image.hash, hexadecimal(partition.image.build_id())))
        .collect();
    let own: Arc<[u8]> = case.file.text().into_bytes().into();
    let subjects =
        opened.subject.files.known().iter().map(|(path, bytes)| (path.display().to_string(), bytes));
    let others = opened.others.iter().map(|(name, bytes)| (name.clone(), bytes));
    let files = subjects.chain(others).chain([(crate::case_file::NAME.to_owned(), &own)]);
    files
        .map(|(name, bytes)| {
            let hash = xxh3_128(bytes);
            FileHash { name, hash: format!("{hash:032x}"), build_id: images.get(&hash).cloned() }
        })
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn verdict(
    machine: &Machine,
    traced: &TracedSystem,
    outcome: Option<&Outcome>,
    watched: &Watched,
    files: Vec<FileHash>,
) -> Verdict {
    let words = |place: usize, outcome: &Outcome| {
        outcome_words(&traced.partitions[place].symbols, &traced.names, outcome)
    };
    let partitions = machine.partitions().iter().enumerate().map(|(place, partition)| PartitionEnded {
        name: traced.partitions[place].name.clone(),
        outcome: partition.outcome().map_or("runs".to_owned(), |outcome| words(place, outcome)),
        executed: partition.executed(),
    });
    let ended = Ended {
        outcome: outcome.map_or("stopped".to_owned(), |outcome| words(0, outcome)),
        executed: machine.executed(),
        recorded: watched.counts.instructions,
        events: watched.counts.events,
        virtual_ns: machine.clock().now_ns(),
        state: format!("{:032x}", machine.digest()),
    };
    Verdict::pending(ended, partitions.collect(), files)
}
