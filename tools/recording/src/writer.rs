//! Records a run in a trace file as it happens: its files, input, events, and keyframes.
//!
//! Not here: running. Who runs asks how far to go, and hands the machine on whenever it returns.

use crate::configuration_digest::configuration_digest;
use crate::keyframe::KeyframeMaker;
use crate::opening::{INPUT_MOST_BYTES, input_cost};
use crate::subject::Subject;
use crate::taking::{Blocks, Steps, Taking};
use emulator::{ExecutedBlocks, SEMANTICS, Step};
use hypervisor_core::{Event, Input, Machine, Outcome, Progress, Recorder, Stamp, Wanted};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::marker::PhantomData;
use trace::RunEnd;
use trace::filter::Choice;
use trace::pvt::{Detail, FrameKind, Header, PartitionHeader, RecordWriter, Writer};

/// A keyframe comes after so many executed units at the earliest.
pub const KEYFRAME_UNITS: u64 = 16 << 20;
/// And after so many for each page that it has to look at, so that it costs little beside the run.
pub const KEYFRAME_UNITS_FOR_A_PAGE: u64 = 4096;
/// The machine returns after so many units at the latest: what happens in them is to fit a frame of records.
const SLICE_UNITS_MOST: u64 = 1 << 20;
/// A frame of records is full with so many bytes.
const RECORDS_BYTES: usize = 1 << 20;
/// A frame of instructions is full with so many bytes.
const INSTRUCTIONS_BYTES: usize = 1 << 20;
/// A file is stored in parts of this length.
const FILE_PART_BYTES: usize = 16 << 20;

/// The machine returns after so many units at the latest if blocks are recorded: what happens in them is to fit a cache.
const BLOCK_SLICE_UNITS: u64 = 1 << 18;

/// As before, if steps are: what happens in them is to fit a frame of instructions, whatever each of them does.
const STEP_SLICE_UNITS: u64 = 1 << 14;

/// How much of a run is recorded.
pub trait Depth {
    /// As the header says it.
    const DETAIL: Detail;
    /// Whether blocks suffice, each of which is executed as a whole.
    const BY_BLOCKS: bool = false;
}

/// What running again does not yield.
#[derive(Clone, Copy, Debug)]
pub struct Full;

/// That, and which instructions ran.
#[derive(Clone, Copy, Debug)]
pub struct Addresses;

/// What running again does not yield, and which of the chosen instructions ran: each is looked at by itself.
#[derive(Clone, Copy, Debug)]
pub struct ChosenAddresses;

/// What running again does not yield, and all instructions, or the chosen ones, with what they changed and touched.
#[derive(Clone, Copy, Debug)]
pub struct Stored;

impl Depth for Stored {
    const DETAIL: Detail = Detail::Stored;
}

impl Depth for Full {
    const DETAIL: Detail = Detail::Full;
}

impl Depth for Addresses {
    const DETAIL: Detail = Detail::Addresses;
    const BY_BLOCKS: bool = true;
}

impl Depth for ChosenAddresses {
    const DETAIL: Detail = Detail::Addresses;
}

/// The filters that are in force.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// As words of the command line, for the header.
    pub words: Vec<String>,
    /// Which instructions are stored, of a depth that stores some; None: all.
    pub choice: Option<Choice>,
}

/// A run that is being recorded.
pub struct RunWriter<D> {
    depth: PhantomData<D>,
    blocks: Taking<Blocks>,
    steps: Taking<Steps>,
    /// Units of virtual time, and executed by all, before the blocks, or the steps, that were collected.
    instructions_start: (u64, u64),
    writer: Writer,
    records: RecordWriter,
    /// The first stamp of the records: units, and units executed by all.
    records_start: (u64, u64),
    keyframes: KeyframeMaker,
    keyframe_units: Option<u64>,
    /// Units executed by all partitions at the last keyframe.
    keyframe_at: u64,
    inputs_written: usize,
    inputs_cost: u64,
    stopped: BTreeSet<u16>,
}

impl<D: Depth> RunWriter<D> {
    /// Begins a recording of a machine that was just made of this subject.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(out: Box<dyn Write + Send>, subject: &Subject, machine: &Machine) -> io::Result<Self> {
        Self::with_filters(out, subject, machine, Filters::default())
    }

    /// As [`RunWriter::new`]; `filters` are in force when it is shown, and say which instructions are stored.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn with_filters(
        out: Box<dyn Write + Send>,
        subject: &Subject,
        machine: &Machine,
        filters: Filters,
    ) -> io::Result<Self> {
        let Filters { words, choice } = filters;
        let mut writer = Writer::new(out, &Header { filters: words, ..header(subject, machine, D::DETAIL) });
        for bytes in subject.files.known().values() {
            for part in bytes.chunks(FILE_PART_BYTES) {
                writer.frame(FrameKind::File, 0, 0, part.to_vec())?;
            }
        }
        Ok(Self {
            depth: PhantomData,
            blocks: Taking::new(choice.as_ref(), Blocks::default()),
            steps: Taking::new(choice.as_ref(), Steps::default()),
            instructions_start: (0, 0),
            writer,
            records: RecordWriter::default(),
            records_start: (0, 0),
            keyframes: KeyframeMaker::default(),
            keyframe_units: None,
            keyframe_at: 0,
            inputs_written: 0,
            inputs_cost: 0,
            stopped: BTreeSet::new(),
        })
    }

    /// Keyframes come after so many executed units, whatever memory there is: for tests, whose runs are short.
    #[must_use]
    pub fn with_keyframes_every(mut self, units: u64) -> Self {
        self.keyframe_units = Some(units);
        self
    }

    /// How far the machine may run before it is handed on.
    #[must_use]
    pub fn slice_units(&self, machine: &Machine) -> u64 {
        if self.steps.taken().0.length_bytes() > INSTRUCTIONS_BYTES {
            // The frame ends where a slice does, which one whose guest writes line by line might never come to.
            return 1;
        }
        let left = (self.keyframe_at + self.interval()).saturating_sub(machine.executed());
        left.clamp(
            1,
            match D::DETAIL {
                Detail::Full => SLICE_UNITS_MOST,
                Detail::Addresses => BLOCK_SLICE_UNITS,
                Detail::Stored => STEP_SLICE_UNITS,
            },
        )
    }

    fn interval(&self) -> u64 {
        let usual = KEYFRAME_UNITS.max(KEYFRAME_UNITS_FOR_A_PAGE * self.keyframes.pages_seen());
        self.keyframe_units.unwrap_or(usual)
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
            self.inputs_cost += new.iter().map(input_cost).sum::<u64>();
            if self.inputs_cost > INPUT_MOST_BYTES {
                let why =
                    "there is more console input than a recording holds: give less input, or record text";
                return Err(io::Error::other(why));
            }
            let raw = postcard::to_allocvec(new).unwrap_or_default();
            self.writer.frame(FrameKind::Input, unit, executed, raw)?;
            self.inputs_written = inputs.len();
        }
        // Nowhere else: who runs again up to this unit has made the same instructions.
        let is_full = if *progress == Progress::Slice { INSTRUCTIONS_BYTES } else { usize::MAX };
        self.end_instructions(machine, is_full)?;
        let is_due = machine.executed() - self.keyframe_at >= self.interval();
        // Nowhere else: who runs again up to this unit gets to the same point of what happens in it.
        if is_due && *progress == Progress::Slice {
            self.end_instructions(machine, 0)?;
            self.end_records(machine)?;
            self.keyframe_at = machine.executed();
            let stopped: Vec<u16> = self.stopped.iter().copied().collect();
            let unit = machine.clock().units();
            let write = |raw| self.writer.frame(FrameKind::Pages, unit, machine.executed(), raw);
            let keyframe = self.keyframes.make(machine, &stopped, write)?;
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
        match D::DETAIL {
            Detail::Full => {}
            Detail::Addresses => self.blocks.finish(machine),
            Detail::Stored => self.steps.finish(machine),
        }
        self.end_instructions(machine, 0)?;
        self.end_records(machine)?;
        let raw = postcard::to_allocvec(&RunEnd::of(machine, outcome)).unwrap_or_default();
        self.writer.frame(FrameKind::End, machine.clock().units(), machine.executed(), raw)?;
        self.writer.finish()
    }

    /// Hands on the blocks so far, and the steps if they have more than so many bytes.
    fn end_instructions(&mut self, machine: &Machine, bytes: usize) -> io::Result<()> {
        let (unit, executed) = self.instructions_start;
        let steps = &mut self.steps.taker().0;
        let steps_wait = (1..=bytes).contains(&steps.length_bytes());
        if let Some(batch) = self.blocks.taker().0.take() {
            self.writer.blocks(unit, executed, batch)?;
        } else if steps.length_bytes() > bytes {
            self.writer.frame(FrameKind::Instructions, unit, executed, steps.take())?;
        }
        if !steps_wait {
            self.instructions_start = (machine.clock().units(), machine.executed());
        }
        Ok(())
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

impl<D: Depth> Recorder for RunWriter<D> {
    fn wanted(&self) -> Wanted {
        match D::DETAIL {
            Detail::Full => Wanted::Events,
            _ if D::BY_BLOCKS => Wanted::Blocks,
            Detail::Addresses | Detail::Stored => Wanted::Instructions,
        }
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        match D::DETAIL {
            Detail::Full => {}
            Detail::Addresses => self.blocks.instruction(stamp, step),
            Detail::Stored => self.steps.instruction(stamp, step),
        }
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        self.blocks.taker().0.blocks(stamp, blocks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        match event {
            Event::TraceStop => _ = self.stopped.insert(stamp.partition.0),
            Event::TraceStart => _ = self.stopped.remove(&stamp.partition.0),
            _ => {}
        }
        match D::DETAIL {
            Detail::Full => {}
            Detail::Addresses => self.blocks.event(stamp, event),
            Detail::Stored => self.steps.event(stamp, event),
        }
        self.records.event(stamp, event);
    }
}

fn header(subject: &Subject, machine: &Machine, detail: Detail) -> Header {
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
        detail,
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
