//! Records a run in a trace file as it happens: its files, input, events, and keyframes.
//!
//! Not here: running. Who runs asks how far to go, and hands the machine on whenever it returns.

use crate::configuration_digest::configuration_digest;
use crate::keyframe::KeyframeMaker;
use crate::subject::Subject;
use emulator::SEMANTICS;
use emulator::Step;
use hypervisor_core::{Event, Input, Machine, Outcome, Progress, Recorder, Stamp};
use std::collections::BTreeSet;
use std::io::{self, Write};
use trace::RunEnd;
use trace::pvt::{Detail, FrameKind, Header, PartitionHeader, RecordWriter, Writer};

/// A keyframe comes after so many executed units at the earliest.
const KEYFRAME_UNITS: u64 = 16 << 20;
/// And after so many for each page that it has to look at, so that it costs little beside the run.
const KEYFRAME_UNITS_FOR_A_PAGE: u64 = 8192;
/// The machine returns after so many units at the latest: what happens in them is to fit a frame of records.
const SLICE_UNITS_MOST: u64 = 1 << 20;
/// A frame of records is full with so many bytes.
const RECORDS_BYTES: usize = 1 << 20;
/// A file is stored in parts of this length.
const FILE_PART_BYTES: usize = 16 << 20;

/// A run that is being recorded.
#[derive(Debug)]
pub struct RunWriter {
    writer: Writer,
    records: RecordWriter,
    /// The first stamp of the records: units, and units executed by all.
    records_start: (u64, u64),
    keyframes: KeyframeMaker,
    /// Units executed by all partitions at the last keyframe.
    keyframe_at: u64,
    inputs_written: usize,
    stopped: BTreeSet<u16>,
}

impl RunWriter {
    /// Begins a recording of a machine that was just made of this subject.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(out: Box<dyn Write + Send>, subject: &Subject, machine: &Machine) -> io::Result<Self> {
        let mut writer = Writer::new(out, &header(subject, machine));
        for bytes in subject.files.known().values() {
            for part in bytes.chunks(FILE_PART_BYTES) {
                writer.frame(FrameKind::File, 0, 0, part.to_vec())?;
            }
        }
        Ok(Self {
            writer,
            records: RecordWriter::default(),
            records_start: (0, 0),
            keyframes: KeyframeMaker::default(),
            keyframe_at: 0,
            inputs_written: 0,
            stopped: BTreeSet::new(),
        })
    }

    /// How far the machine may run before it is handed on.
    #[must_use]
    pub fn slice_units(&self, machine: &Machine) -> u64 {
        let left = (self.keyframe_at + self.interval()).saturating_sub(machine.executed());
        left.clamp(1, SLICE_UNITS_MOST)
    }

    fn interval(&self) -> u64 {
        KEYFRAME_UNITS.max(KEYFRAME_UNITS_FOR_A_PAGE * self.keyframes.pages_seen())
    }

    /// Takes what is new; called whenever the machine returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn hand_on(&mut self, machine: &Machine, progress: &Progress) -> io::Result<()> {
        let inputs = machine.arrived_input();
        if inputs.len() > self.inputs_written {
            let (unit, executed) = (machine.clock().units(), machine.executed());
            let new: &[Input] = &inputs[self.inputs_written..];
            let raw = postcard::to_allocvec(new).unwrap_or_default();
            self.writer.frame(FrameKind::Input, unit, executed, raw)?;
            self.inputs_written = inputs.len();
        }
        let is_due = machine.executed() - self.keyframe_at >= self.interval();
        // Nowhere else: who runs again up to this unit gets to the same point of what happens in it.
        if is_due && *progress == Progress::Slice {
            self.end_records(machine)?;
            self.keyframe_at = machine.executed();
            let stopped: Vec<u16> = self.stopped.iter().copied().collect();
            let (pages, keyframe) = self.keyframes.make(machine, &stopped);
            let unit = machine.clock().units();
            for raw in pages {
                self.writer.frame(FrameKind::Pages, unit, machine.executed(), raw)?;
            }
            let raw = postcard::to_allocvec(&keyframe).unwrap_or_default();
            self.writer.keyframe(unit, keyframe.executed_by, raw)?;
        } else if self.records.length_bytes() >= RECORDS_BYTES {
            self.end_records(machine)?;
        }
        Ok(())
    }

    /// Ends the recording with how the run ended.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self, machine: &Machine, outcome: &Outcome) -> io::Result<()> {
        self.end_records(machine)?;
        let raw = postcard::to_allocvec(&RunEnd::of(machine, outcome)).unwrap_or_default();
        self.writer.frame(FrameKind::End, machine.clock().units(), machine.executed(), raw)?;
        self.writer.finish()
    }

    /// Writes the records so far; the next ones begin with what the machine does next.
    fn end_records(&mut self, machine: &Machine) -> io::Result<()> {
        let (unit, executed) = self.records_start;
        if self.records.length_bytes() > 0 {
            self.writer.frame(FrameKind::Records, unit, executed, self.records.take())?;
        }
        self.records_start = (machine.clock().units(), machine.executed());
        Ok(())
    }
}

impl Recorder for RunWriter {
    const ACTIVE: bool = true;
    const INSTRUCTIONS: bool = false;

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        match event {
            Event::TraceStop => _ = self.stopped.insert(stamp.partition.0),
            Event::TraceStart => _ = self.stopped.remove(&stamp.partition.0),
            _ => {}
        }
        self.records.event(stamp, event);
    }
}

fn header(subject: &Subject, machine: &Machine) -> Header {
    let config = machine.config();
    let partitions = config.partitions.iter().map(|partition| PartitionHeader {
        name: partition.name.clone(),
        image_hash: partition.image.hash,
        build_id: partition.image.build_id().to_vec(),
    });
    let files = subject.files.known().iter();
    Header {
        writer: concat!("paravane ", env!("CARGO_PKG_VERSION")).to_owned(),
        semantics: SEMANTICS,
        detail: Detail::Full,
        is_system: subject.is_system,
        units_per_second: config.rate.units_per_second(),
        configuration_digest: configuration_digest(config),
        partitions: partitions.collect(),
        filters: Vec::new(),
        path: subject.shown(),
        options: postcard::to_allocvec(&subject.options).unwrap_or_default(),
        files: files.map(|(path, bytes)| (path.display().to_string(), bytes.len() as u64)).collect(),
    }
}
