//! Opens a recording: what it is of, its files and input, and whether it can be run again.
//!
//! A file claims what it likes. What it makes us allocate is bounded, whatever that is: docs/TRACE-FILE.md has the numbers.

use crate::bounds::Bounds;
use crate::configuration_digest::configuration_digest;
use crate::error::RecordingError;
use crate::files::{Files, LARGEST_FILE_BYTES};
use crate::reader::Recording;
use crate::subject::{GuestOptions, Subject};
use emulator::SEMANTICS;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::PARTITIONS_MOST;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Arrival, Image, Input, Machine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trace::pvt::{FILTER_MOST_BYTES, FILTERS_MOST, FrameKind, Header, Reader, files_most_bytes};
use trace::{RunEnd, TracedPartition, TracedSystem};

/// What console input of a recording takes in memory at most: [`input_cost`].
pub const INPUT_MOST_BYTES: u64 = 128 << 20;
/// Of names that are in no image and in no system file, so many letters are shown.
const NAME_MOST: usize = 64;

/// What an input takes in memory.
pub fn input_cost(input: &Input) -> u64 {
    match &input.what {
        Arrival::Bytes(bytes) => 64 + bytes.len() as u64,
        Arrival::End => 64,
    }
}

impl Recording {
    /// Opens a recording. Of one that this program cannot run again, the events can be told all the same.
    ///
    /// # Errors
    /// It is none, or damaged.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let mut reader = Reader::open(path)?;
        let files = read_files(&mut reader)?;
        let header = reader.header();
        if header.filters.len() > FILTERS_MOST
            || header.filters.iter().any(|word| word.len() > FILTER_MOST_BYTES)
        {
            let what = "its header has more filters than a recording holds: it is damaged; record it again";
            return Err(RecordingError::Subject(what.to_owned()));
        }
        let rebuilt = rebuilt(header, files.clone());
        let traced = match &rebuilt {
            Ok((subject, machine)) => TracedSystem::of(machine, subject.is_system),
            Err(_) => traced_of(header, &files)?,
        };
        if traced.partitions.len() != header.partitions.len() {
            return Err(RecordingError::Subject(
                "its header names other partitions than what was recorded: it is damaged; record it again"
                    .to_owned(),
            ));
        }
        let rebuilt = rebuilt
            .and_then(|(subject, machine)| why_not(header, &machine).map_or(Ok((subject, machine)), Err));
        let inputs = read_inputs(&mut reader)?;
        let end = read_end(&mut reader)?;
        let bounds =
            Bounds::of(&mut reader, rebuilt.as_ref().ok().map(|(_, machine)| machine), end.as_ref())?;
        let subject = rebuilt.map(|(subject, _)| subject);
        Ok(Self { reader, subject, traced, inputs, end, bounds })
    }
}

/// What was recorded, and its machine at the start; else one line that says why there is none.
fn rebuilt(header: &Header, files: Files) -> Result<(Subject, Machine), String> {
    let options: GuestOptions = postcard::from_bytes(&header.options)
        .map_err(|_| advice(header, "its options cannot be understood"))?;
    let subject = Subject::open(Path::new(&header.path), options, files)
        .map_err(|error| advice(header, &format!("what was recorded cannot be read: {error}")))?;
    let machine = Machine::of_system(subject.config.clone())
        .map_err(|error| advice(header, &format!("what was recorded cannot be started: {error}")))?;
    Ok((subject, machine))
}

/// Why this program does not run again what was recorded, as far as it is known before.
fn why_not(header: &Header, machine: &Machine) -> Option<String> {
    if header.semantics != SEMANTICS {
        let processors =
            format!("its processor has semantics {}, and this one has {SEMANTICS}", header.semantics);
        return Some(advice(header, &processors));
    }
    (configuration_digest(machine.config()) != header.configuration_digest)
        .then(|| advice(header, "this version of paravane reads its configuration differently"))
}

fn advice(header: &Header, why: &str) -> String {
    let writer: String = header.writer.chars().take(NAME_MOST).collect();
    format!(
        "it was recorded by {writer}, and cannot be run again by this program: {why}; use {writer} for instructions and values, \
         or ask for events alone, as in `paravane show --only calls,events,console`"
    )
}

/// The partitions as the header alone has them, and the images that are among the files.
fn traced_of(header: &Header, files: &Files) -> Result<TracedSystem, RecordingError> {
    let damaged = |what: &str| RecordingError::Subject(format!("{what}: it is damaged; record it again"));
    let count = header.partitions.len();
    if count == 0 || count > PARTITIONS_MOST || (count > 1 && !header.is_system) {
        return Err(damaged(&format!("its header names {count} partitions")));
    }
    let rate = Rate::new(header.units_per_second).map_err(|error| damaged(&error.to_string()))?;
    let images = files.known().values().filter_map(|bytes| Image::read(bytes).ok());
    let images: BTreeMap<u128, Arc<Image>> = images.map(|image| (image.hash, Arc::new(image))).collect();
    let partition = |partition: &trace::pvt::PartitionHeader| {
        let image = images.get(&partition.image_hash).cloned().unwrap_or_else(|| Arc::new(no_image()));
        let is_shown = |letter: &char| letter.is_ascii_graphic();
        let name = partition.name.chars().filter(is_shown).take(NAME_MOST).collect();
        TracedPartition { name, symbols: image.symbols.clone(), image }
    };
    let partitions = header.partitions.iter().map(partition).collect();
    Ok(TracedSystem { is_system: header.is_system, rate, names: Arc::default(), partitions })
}

fn no_image() -> Image {
    Image {
        segments: Vec::new(),
        entry: 0,
        notes: Vec::new(),
        symbols: Symbols::default(),
        file: Arc::from([]),
        hash: 0,
        program_headers: None,
    }
}

/// The files that the recording is of.
fn read_files(reader: &mut Reader) -> Result<Files, RecordingError> {
    let named = reader.header().files.clone();
    let frames: Vec<usize> = reader.frames_of(FrameKind::File).collect();
    let compressed_bytes = frames.iter().map(|frame| u64::from(reader.head(*frame).compressed_bytes)).sum();
    let mut left = files_most_bytes(compressed_bytes);
    let mut frames = frames.into_iter();
    let mut known = BTreeMap::new();
    for (name, length) in named {
        if length > LARGEST_FILE_BYTES || length > left {
            return Err(RecordingError::Subject(format!(
                "it names a file of {length} bytes, more than it can hold: it is damaged"
            )));
        }
        left -= length;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let Some(frame) = frames.next() else {
                return Err(RecordingError::Subject(format!(
                    "it was cut off before `{name}` was stored: record it again"
                )));
            };
            bytes.extend(reader.read(frame)?);
            if bytes.len() as u64 > length {
                return Err(reader.damaged(frame, "a file is longer than the header says").into());
            }
        }
        known.insert(PathBuf::from(name), Arc::from(bytes));
    }
    Ok(Files::kept(known))
}

/// All console input, in order.
fn read_inputs(reader: &mut Reader) -> Result<Arc<[Input]>, RecordingError> {
    let (mut inputs, mut cost) = (Vec::new(), 0);
    for frame in reader.frames_of(FrameKind::Input).collect::<Vec<_>>() {
        let raw = reader.read(frame)?;
        let damaged = |_| reader.damaged(frame, "console input cannot be understood");
        let (count, mut rest) = postcard::take_from_bytes::<u64>(&raw).map_err(damaged)?;
        for _ in 0..count {
            let (input, after) = postcard::take_from_bytes::<Input>(rest).map_err(damaged)?;
            cost += input_cost(&input);
            if cost > INPUT_MOST_BYTES {
                return Err(reader
                    .damaged(frame, "there is more console input than a recording holds")
                    .into());
            }
            inputs.push(input);
            rest = after;
        }
    }
    Ok(inputs.into())
}

/// How the run ended.
fn read_end(reader: &mut Reader) -> Result<Option<RunEnd>, RecordingError> {
    let Some(frame) = reader.frames_of(FrameKind::End).next() else { return Ok(None) };
    let raw = reader.read(frame)?;
    let end: RunEnd = postcard::from_bytes(&raw)
        .map_err(|_| reader.damaged(frame, "the end of the run cannot be understood"))?;
    let partitions = reader.header().partitions.len();
    if end.partitions.iter().any(|ended| usize::from(ended.partition) >= partitions) {
        return Err(reader.damaged(frame, "a partition ends that there is not").into());
    }
    Ok(Some(end))
}
