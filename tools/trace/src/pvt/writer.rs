//! Writes a trace file: frames are compressed and written by a thread of their own, in the order in which they come.

use super::address_writer::AddressWriter;
use super::block_batch::BlockBatch;
use super::index::{self, Entry};
use super::{FrameHead, FrameKind, Header, MAGIC, files_most_bytes};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use xxhash_rust::xxh3::xxh3_64;

/// How hard frames are compressed: this level is the one whose speed and sizes are measured.
const COMPRESSION_LEVEL: i32 = 1;
/// A frame of addresses is full with so many bytes.
const ADDRESSES_BYTES: usize = 1 << 20;
/// Frames and batches that wait for the thread at most.
const WAITING_MOST: usize = 4;

/// A trace file that is being written.
#[derive(Debug)]
pub struct Writer {
    work: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What the thread is given.
#[derive(Debug)]
enum Work {
    Frame(Frame),
    /// Blocks that were executed after so many units of virtual time, and so many executed by all partitions.
    Blocks {
        unit: u64,
        executed: u64,
        batch: BlockBatch,
    },
}

#[derive(Debug)]
struct Frame {
    kind: FrameKind,
    unit: u64,
    executed: u64,
    executed_by: Vec<u64>,
    raw: Vec<u8>,
}

impl Writer {
    /// Begins a file.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, header: &Header) -> Self {
        let (sender, receiver) = sync_channel(WAITING_MOST);
        let thread = thread::spawn(move || Disk::new(out).write_all(&receiver));
        let mut writer = Self { work: Some(sender), thread: Some(thread) };
        let raw = postcard::to_allocvec(header).unwrap_or_default();
        let kind = FrameKind::Header;
        writer.send(Work::Frame(Frame { kind, unit: 0, executed: 0, executed_by: Vec::new(), raw }));
        writer
    }

    /// Adds a frame with what begins after so many units of virtual time, and so many executed by all partitions.
    ///
    /// # Errors
    /// The file cannot be written, or the frame holds more than [`FrameKind::most_bytes`]; it is whole up to some earlier frame.
    pub fn frame(&mut self, kind: FrameKind, unit: u64, executed: u64, raw: Vec<u8>) -> io::Result<()> {
        self.checked(Frame { kind, unit, executed, executed_by: Vec::new(), raw })
    }

    /// Adds a keyframe; `executed_by` has the units that each partition has executed.
    ///
    /// # Errors
    /// As [`Writer::frame`].
    pub fn keyframe(&mut self, unit: u64, executed_by: Vec<u64>, raw: Vec<u8>) -> io::Result<()> {
        let executed = executed_by.iter().sum();
        self.checked(Frame { kind: FrameKind::Keyframe, unit, executed, executed_by, raw })
    }

    /// Adds blocks that were executed after so many units of virtual time, and so many executed by all partitions.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn blocks(&mut self, unit: u64, executed: u64, batch: BlockBatch) -> io::Result<()> {
        if self.send(Work::Blocks { unit, executed, batch }) { Ok(()) } else { self.join() }
    }

    fn checked(&mut self, frame: Frame) -> io::Result<()> {
        let most = frame.kind.most_bytes();
        if frame.raw.len() > most {
            return Err(io::Error::other(format!(
                "more than {} MiB came at one instant, which a trace file does not hold: give less input, or record text",
                most >> 20
            )));
        }
        if self.send(Work::Frame(frame)) { Ok(()) } else { self.join() }
    }

    /// Whether the thread still takes work.
    fn send(&mut self, work: Work) -> bool {
        self.work.as_ref().is_some_and(|sender| sender.send(work).is_ok())
    }

    /// Writes the index and ends the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        self.work = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the thread that writes the trace failed")),
            None => Err(io::Error::other("the trace was not written after an earlier error")),
        }
    }
}

/// What the thread has.
struct Disk {
    out: Box<dyn Write + Send>,
    offset: u64,
    entries: Vec<Entry>,
    addresses: AddressWriter,
    /// Units of virtual time, and executed, before the frame of addresses that is being made.
    addresses_start: (u64, u64),
    /// The length of all files, and compressed.
    files: (u64, u64),
}

impl Disk {
    fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            offset: 0,
            entries: Vec::new(),
            addresses: AddressWriter::default(),
            addresses_start: (0, 0),
            files: (0, 0),
        }
    }

    fn write_all(mut self, work: &Receiver<Work>) -> io::Result<()> {
        let mut compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL)?;
        self.put(&MAGIC)?;
        for work in work {
            match work {
                Work::Blocks { unit, executed, batch } => {
                    if self.addresses.length_bytes() == 0 {
                        self.addresses_start = (unit, executed);
                    }
                    self.addresses.add(&batch);
                    if self.addresses.length_bytes() >= ADDRESSES_BYTES {
                        self.end_addresses(&mut compressor)?;
                    }
                }
                Work::Frame(frame) => {
                    // What leads to a keyframe, or to the end, stands before it.
                    if matches!(frame.kind, FrameKind::Pages | FrameKind::Keyframe | FrameKind::End) {
                        self.end_addresses(&mut compressor)?;
                    }
                    self.write(&mut compressor, frame)?;
                }
            }
        }
        self.end_addresses(&mut compressor)?;
        let offset = self.offset;
        let (unit, executed) =
            self.entries.last().map_or((0, 0), |entry| (entry.head.unit, entry.head.executed));
        let raw = index::encoded(&self.entries);
        if raw.len() > FrameKind::Index.most_bytes() {
            // Without it, whoever reads the file goes from frame to frame.
            return self.out.flush();
        }
        let index = Frame { kind: FrameKind::Index, unit, executed, executed_by: Vec::new(), raw };
        self.write(&mut compressor, index)?;
        self.put(&index::footer(offset))?;
        self.out.flush()
    }

    fn end_addresses(&mut self, compressor: &mut zstd::bulk::Compressor<'_>) -> io::Result<()> {
        if self.addresses.length_bytes() == 0 {
            return Ok(());
        }
        let ((unit, executed), raw) = (self.addresses_start, self.addresses.take());
        let kind = FrameKind::Addresses;
        self.write(compressor, Frame { kind, unit, executed, executed_by: Vec::new(), raw })
    }

    fn write(&mut self, compressor: &mut zstd::bulk::Compressor<'_>, frame: Frame) -> io::Result<()> {
        let compressed = compressor.compress(&frame.raw)?;
        let too_long = |_| io::Error::other("a frame of the trace is too long");
        let head = FrameHead {
            kind: frame.kind,
            compressed_bytes: u32::try_from(compressed.len()).map_err(too_long)?,
            raw_bytes: u32::try_from(frame.raw.len()).map_err(too_long)?,
            unit: frame.unit,
            executed: frame.executed,
            digest: xxh3_64(&compressed),
        };
        if head.raw_bytes as usize > head.kind.most_bytes() {
            return Err(io::Error::other("its names and options are too long for a trace file: record text"));
        }
        if head.kind == FrameKind::File {
            self.files.0 += u64::from(head.raw_bytes);
            self.files.1 += u64::from(head.compressed_bytes);
            if self.files.0 > files_most_bytes(self.files.1) {
                let why = "the files that are run are so long and so empty that a trace file does not hold them: record text";
                return Err(io::Error::other(why));
            }
        }
        self.entries.push(Entry { offset: self.offset, head, executed_by: frame.executed_by });
        self.put(&head.to_bytes())?;
        self.put(&compressed)?;
        // Whoever is stopped leaves all frames that were handed on.
        self.out.flush()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}
