//! Opens a recording: what it is of, its events, and the machine at any instant of it.

use crate::configuration_digest::configuration_digest;
use crate::files::{Files, LARGEST_FILE_BYTES};
use crate::keyframe::{self, Keyframe, PAGE_BYTES};
use crate::replay::Replay;
use crate::subject::{GuestOptions, Subject};
use emulator::SEMANTICS;
use hypervisor_core::{Event, FrameId, Input, Limit, Limits, Machine, Outcome, PartitionId, Stamp};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trace::pvt::{FrameKind, Header, ReadError, Reader, tell_records};
use trace::{RunEnd, TracedSystem};

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    reader: Reader,
    subject: Subject,
    traced: TracedSystem,
    inputs: Vec<Input>,
    end: Option<RunEnd>,
}

/// Why a recording cannot be used.
#[derive(Debug)]
pub enum RecordingError {
    /// The file cannot be read.
    Read(ReadError),
    /// What was recorded cannot be run again: one line.
    Subject(String),
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            // It may have words of the file, which are not to reach a terminal as they are.
            Self::Subject(line) => line.chars().try_for_each(|letter| {
                if letter.is_control() {
                    write!(f, "{}", letter.escape_default())
                } else {
                    f.write_char(letter)
                }
            }),
        }
    }
}

impl std::error::Error for RecordingError {}

impl From<ReadError> for RecordingError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// A point of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    /// Before the instruction of this number of a partition starts, at the earliest.
    Instruction(PartitionId, u64),
    /// When so many units of virtual time have passed.
    Unit(u64),
}

impl Recording {
    /// Opens a recording.
    ///
    /// # Errors
    /// It is none, or damaged.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let mut reader = Reader::open(path)?;
        let files = read_files(&mut reader)?;
        let header = reader.header();
        let options: GuestOptions = postcard::from_bytes(&header.options)
            .map_err(|_| RecordingError::Subject("its header is damaged: record it again".to_owned()))?;
        let subject = Subject::open(Path::new(&header.path), options, files)
            .map_err(|error| RecordingError::Subject(format!("what was recorded cannot be read: {error}")))?;
        let machine = new_machine(&subject)?;
        let traced = TracedSystem::of(&machine, subject.is_system);
        if configuration_digest(machine.config()) != header.configuration_digest {
            return Err(RecordingError::Subject(
                "this version of paravane reads its configuration differently: record it again".to_owned(),
            ));
        }
        let mut inputs = Vec::new();
        for frame in reader.frames_of(FrameKind::Input).collect::<Vec<_>>() {
            let raw = reader.read(frame)?;
            let more: Vec<Input> = postcard::from_bytes(&raw)
                .map_err(|_| reader.damaged(frame, "console input cannot be understood"))?;
            inputs.extend(more);
        }
        let end_frame = reader.frames_of(FrameKind::End).next();
        let end = match end_frame {
            None => None,
            Some(frame) => {
                let raw = reader.read(frame)?;
                let end = postcard::from_bytes(&raw)
                    .map_err(|_| reader.damaged(frame, "the end of the run cannot be understood"))?;
                Some(end)
            }
        };
        Ok(Self { reader, subject, traced, inputs, end })
    }

    /// What the file says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The frames of the file.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What was recorded.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The partitions and their names.
    #[must_use]
    pub fn traced(&self) -> &TracedSystem {
        &self.traced
    }

    /// How the run ended; None if whoever recorded it was stopped.
    #[must_use]
    pub fn end(&self) -> Option<&RunEnd> {
        self.end.as_ref()
    }

    /// All console input, in order.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The limits with which a run ends as this one did; None if its recording was cut off.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        self.end.as_ref().map(limits_of)
    }

    /// The last unit of virtual time of which the recording knows.
    ///
    /// # Errors
    /// The last frame is damaged.
    pub fn last_unit(&mut self) -> Result<u64, RecordingError> {
        if let Some(end) = &self.end {
            return Ok(end.unit);
        }
        let mut last =
            (0..self.reader.frame_count()).map(|frame| self.reader.head(frame).unit).max().unwrap_or(0);
        let records = self.reader.frames_of(FrameKind::Records).next_back();
        if let Some(frame) = records {
            self.tell_frame(frame, &mut |stamp, _| last = last.max(stamp.unit))?;
        }
        Ok(last)
    }

    /// Tells all events in order.
    ///
    /// # Errors
    /// A frame is damaged; what came before it was told.
    pub fn tell_events(&mut self, mut tell: impl FnMut(Stamp, Event)) -> Result<(), RecordingError> {
        for frame in self.reader.frames_of(FrameKind::Records).collect::<Vec<_>>() {
            self.tell_frame(frame, &mut tell)?;
        }
        Ok(())
    }

    /// What a frame holds.
    pub(crate) fn frame(&mut self, frame: usize) -> Result<Vec<u8>, RecordingError> {
        Ok(self.reader.read(frame)?)
    }

    pub(crate) fn tell_frame(
        &mut self,
        frame: usize,
        tell: &mut impl FnMut(Stamp, Event),
    ) -> Result<(), RecordingError> {
        let raw = self.reader.read(frame)?;
        let count = self.traced.partitions.len();
        if tell_records(&raw, self.traced.rate, count, tell) {
            return Ok(());
        }
        Err(self.reader.damaged(frame, "records cannot be understood").into())
    }

    /// The run from its last keyframe before `position`; [`Replay::go_to`] goes on from there.
    ///
    /// # Errors
    /// A frame is damaged, or was recorded by another processor.
    pub fn replay_before(&mut self, position: Position) -> Result<Replay, RecordingError> {
        if self.header().semantics != SEMANTICS {
            return Err(RecordingError::Subject(format!(
                "it was recorded by {}, whose processor has semantics {}, and this one has {SEMANTICS}: show it with \
                 that version",
                self.header().writer,
                self.header().semantics
            )));
        }
        let is_before = |frame: &usize| match position {
            Position::Unit(unit) => self.reader.head(*frame).unit <= unit,
            Position::Instruction(partition, number) => self
                .reader
                .executed_by(*frame)
                .get(partition.index())
                .is_some_and(|executed| *executed <= number),
        };
        let keyframes: Vec<usize> = self.reader.frames_of(FrameKind::Keyframe).filter(is_before).collect();
        let last_unit = self.last_unit()?;
        let limits = self.limits();
        match self.restored(&keyframes)? {
            None => Ok(Replay::new(new_machine(&self.subject)?, &self.inputs, &[], last_unit, limits)),
            Some((machine, stopped)) => Ok(Replay::new(machine, &self.inputs, &stopped, last_unit, limits)),
        }
    }

    /// The machine of the last of these keyframes.
    fn restored(&mut self, frames: &[usize]) -> Result<Option<(Machine, Vec<u16>)>, RecordingError> {
        let Some(last) = frames.last() else { return Ok(None) };
        let latest = self.keyframe(*last)?;
        let mut memory: BTreeMap<FrameId, [u8; PAGE_BYTES]> = BTreeMap::new();
        for frame in frames.iter().rev() {
            let keyframe = self.keyframe(*frame)?;
            let first = frame.saturating_sub(keyframe.page_frames as usize);
            for pages_frame in first..*frame {
                if self.reader.head(pages_frame).kind != FrameKind::Pages {
                    return Err(self
                        .reader
                        .damaged(*frame, "a keyframe has other frames among its pages")
                        .into());
                }
                let raw = self.reader.read(pages_frame)?;
                let Some(pages) = keyframe::pages(&raw) else {
                    return Err(self.reader.damaged(pages_frame, "pages cannot be understood").into());
                };
                for (id, page) in pages {
                    memory.entry(id).or_insert(page);
                }
            }
            if keyframe.is_whole {
                break;
            }
        }
        let machine = Machine::restore(self.subject.config.clone(), &latest.state, memory)
            .map_err(|error| RecordingError::Subject(error.to_string()))?;
        if machine.digest() != latest.digest {
            let what = "a keyframe makes another machine than was recorded";
            return Err(self.reader.damaged(*last, what).into());
        }
        Ok(Some((machine, latest.stopped)))
    }

    pub(crate) fn keyframe(&mut self, frame: usize) -> Result<Keyframe, RecordingError> {
        let raw = self.reader.read(frame)?;
        postcard::from_bytes(&raw)
            .map_err(|_| self.reader.damaged(frame, "a keyframe cannot be understood").into())
    }
}

/// The limits with which a run ends as the recorded one did.
fn limits_of(end: &RunEnd) -> Limits {
    match end.outcome {
        Outcome::LimitReached(Limit::Instructions) => {
            Limits { executed_units: Some(end.executed), ..Limits::default() }
        }
        Outcome::LimitReached(Limit::Time) => Limits { time_ns: Some(end.now_ns), ..Limits::default() },
        _ => Limits::default(),
    }
}

fn new_machine(subject: &Subject) -> Result<Machine, RecordingError> {
    Machine::of_system(subject.config.clone())
        .map_err(|error| RecordingError::Subject(format!("what was recorded cannot be started: {error}")))
}

/// The files that the recording is of.
fn read_files(reader: &mut Reader) -> Result<Files, RecordingError> {
    let named = reader.header().files.clone();
    let mut frames = reader.frames_of(FrameKind::File).collect::<Vec<_>>().into_iter();
    let mut known = BTreeMap::new();
    if named.iter().any(|(_, length)| *length > LARGEST_FILE_BYTES) {
        return Err(RecordingError::Subject("it names a file of more than 1 GiB: it is damaged".to_owned()));
    }
    for (name, length) in named {
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
