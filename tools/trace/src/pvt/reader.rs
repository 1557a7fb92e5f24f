//! Reads a trace file. Every number in it is a claim until it was compared with the file's length or a digest.

use super::index::{self, Entry, ExecutedBy, FOOTER_BYTES};
use super::{Detail, FrameHead, FrameKind, Header, MAGIC};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// The part of [`MAGIC`] before the version.
const MAGIC_NAME: &[u8] = b"\x50\x2a\x4d\x18\x16\0\0\0paravane-trace pvt ";
/// So many of its bytes are in no other file.
const MAGIC_LEAST: usize = 8;
/// So many letters of the name of who wrote a file are shown.
const WRITER_MOST: usize = 60;

/// Why a trace cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The host refused.
    Io(io::Error),
    /// It is no trace file: what it is instead, and what to do.
    NotATrace(&'static str),
    /// It ends, or is damaged, before it says what it is of.
    NoHeader,
    /// It is a folder.
    Folder,
    /// It cannot be read here and there, as what comes through a pipe.
    Pipe,
    /// It has another version.
    Version(String),
    /// It holds a run in a way that this program does not know.
    Detail {
        /// Who wrote it.
        writer: String,
        /// The number of the way.
        number: u32,
    },
    /// A frame is not what was written: where, and in which way.
    Damaged {
        /// The place of the frame in the file, in bytes.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == ErrorKind::NotFound => {
                f.write_str("there is no such file: check the path")
            }
            Self::Io(error) => write!(f, "cannot read this file: {error}"),
            Self::NotATrace(what) => write!(f, "this is no trace file: {what}"),
            Self::NoHeader => f.write_str(
                "the recording was cut off, or is damaged, before it says what it is of: nothing of it can be read; record it again",
            ),
            Self::Folder => f.write_str("this is a folder: name a trace file"),
            Self::Pipe => f.write_str(
                "a trace file is read from its end, which a pipe does not have: write it into a file, and name that",
            ),
            Self::Detail { writer, number } => write!(
                f,
                "{writer} wrote this trace with detail {number}, which this program does not know: read it with the \
                 program that wrote it"
            ),
            Self::Version(version) => write!(
                f,
                "this trace has version {version}, and this program reads version 1: read it with the program that \
                 wrote it, or record it again"
            ),
            Self::Damaged { offset, what } => write!(
                f,
                "the file is damaged: {what} at byte {offset}; record it again, or show only what does not need that place"
            ),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A trace file that is open.
#[derive(Debug)]
pub struct Reader {
    file: File,
    length: u64,
    header: Header,
    entries: Vec<Entry>,
    /// Where the file stops to make sense, if it has no index.
    cut_at: Option<u64>,
}

impl Reader {
    /// Opens a trace. One without an index, because whoever wrote it was stopped, is read up to its last whole frame.
    ///
    /// # Errors
    /// It is no trace, or its first frame is damaged.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let mut file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(ReadError::Folder);
        }
        let length = file.seek(SeekFrom::End(0)).map_err(|error| match error.kind() {
            ErrorKind::NotSeekable => ReadError::Pipe,
            _ => ReadError::Io(error),
        })?;
        check_magic(&mut file)?;
        let (entries, cut_at) = match indexed(&mut file, length) {
            Some(entries) => (entries, None),
            None => scanned(&mut file, length)?,
        };
        let first = entries.first().filter(|entry| entry.head.kind == FrameKind::Header);
        let Some(first) = first else { return Err(ReadError::NoHeader) };
        let raw = read_frame(&mut file, length, first)?;
        let header = header_of(&raw, first.offset)?;
        let mut reader = Self { file, length, header, entries, cut_at };
        reader.complete_keyframes()?;
        Ok(reader)
    }

    /// What the trace is of.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many frames there are, the index apart.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.entries.len()
    }

    /// The head of a frame.
    ///
    /// # Panics
    /// If there is no such frame.
    #[must_use]
    pub fn head(&self, frame: usize) -> &FrameHead {
        &self.entries[frame].head
    }

    /// Of a keyframe, how many units each partition has executed; of other frames nothing.
    ///
    /// # Panics
    /// If there is no such frame.
    #[must_use]
    pub fn executed_by(&self, frame: usize) -> &[u64] {
        &self.entries[frame].executed_by
    }

    /// The numbers of all frames of a kind.
    pub fn frames_of(&self, kind: FrameKind) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let entries = self.entries.iter().enumerate();
        entries.filter(move |(_, entry)| entry.head.kind == kind).map(|(number, _)| number)
    }

    /// Where the file stops to make sense, if whoever wrote it was stopped.
    #[must_use]
    pub fn cut_at(&self) -> Option<u64> {
        self.cut_at
    }

    /// The length of the file in bytes.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        self.length
    }

    /// What a frame holds.
    ///
    /// # Errors
    /// It is damaged.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn read(&mut self, frame: usize) -> Result<Vec<u8>, ReadError> {
        read_frame(&mut self.file, self.length, &self.entries[frame])
    }

    /// Checks that the head in the file is the one that the index has. Without an index, somebody who reads frame by frame stops
    /// at one that is damaged.
    ///
    /// # Errors
    /// It is another one.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn check_head(&mut self, frame: usize) -> Result<(), ReadError> {
        let (offset, head) = (self.entries[frame].offset, self.entries[frame].head);
        let own = read_head(&mut self.file, offset, self.length);
        if own == Some(head) {
            return Ok(());
        }
        Err(ReadError::Damaged { offset, what: "a frame has another head than the index says" })
    }

    /// The error for a frame whose content makes no sense.
    ///
    /// # Panics
    /// If there is no such frame.
    #[must_use]
    pub fn damaged(&self, frame: usize, what: &'static str) -> ReadError {
        ReadError::Damaged { offset: self.entries[frame].offset, what }
    }

    /// Without an index, what it would say of keyframes is read from them.
    fn complete_keyframes(&mut self) -> Result<(), ReadError> {
        if self.cut_at.is_none() {
            return Ok(());
        }
        let mut lists = ExecutedBy::default();
        for frame in self.frames_of(FrameKind::Keyframe).collect::<Vec<_>>() {
            let raw = self.read(frame)?;
            let Some((executed_by, _)) = lists.take(&raw) else {
                return Err(self.damaged(frame, "a keyframe cannot be understood"));
            };
            self.entries[frame].executed_by = executed_by;
        }
        Ok(())
    }
}

fn check_magic(file: &mut File) -> Result<(), ReadError> {
    file.rewind()?;
    let mut start = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start == MAGIC {
        return Ok(());
    }
    if MAGIC.starts_with(&start) && start.len() >= MAGIC_LEAST {
        return Err(ReadError::NoHeader);
    }
    let Some(rest) = start.strip_prefix(MAGIC_NAME) else {
        return Err(ReadError::NotATrace(what_it_is(&start)));
    };
    let version: String =
        rest.iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    Err(if version.is_empty() {
        ReadError::NotATrace(what_it_is(&start))
    } else {
        ReadError::Version(version)
    })
}

/// What a file that begins so is, and what to do with it.
fn what_it_is(start: &[u8]) -> &'static str {
    const BEGINNINGS: [(&[u8], &str); 5] = [
        (
            b"\x7fELF",
            "it is an ELF file; record its run with `paravane trace --format pvt -o FILE`, and name that",
        ),
        (
            b"paravane-trace text",
            "it is the text of a trace; record the run with `paravane trace --format pvt -o FILE`, and name that",
        ),
        (b"\x1f\x8b", "it is compressed by gzip; unpack it with `gzip -d`, and name what comes of it"),
        (
            b"\x28\xb5\x2f\xfd",
            "it is compressed by zstd; unpack it with `zstd -d`, and name what comes of it",
        ),
        (b"\xfd7zXZ", "it is compressed by xz; unpack it with `xz -d`, and name what comes of it"),
    ];
    if start.is_empty() {
        return "it is empty; record it again, with enough room on the disk";
    }
    let found = BEGINNINGS.iter().find(|(beginning, _)| start.starts_with(beginning));
    found.map_or("name one that `paravane trace --format pvt -o FILE` wrote", |(_, what)| what)
}

/// The frames as the index at the end names them; None if there is none, or if it is not about this file.
fn indexed(file: &mut File, length: u64) -> Option<Vec<Entry>> {
    let mut footer = [0; FOOTER_BYTES];
    file.seek(SeekFrom::Start(length.checked_sub(FOOTER_BYTES as u64)?)).ok()?;
    file.read_exact(&mut footer).ok()?;
    let offset = index::index_offset(&footer)?;
    let head = read_head(file, offset, length).filter(|head| head.kind == FrameKind::Index)?;
    let raw = read_frame(file, length, &Entry { offset, head, executed_by: Vec::new() }).ok()?;
    index::decoded(&raw, MAGIC.len() as u64, offset)
}

/// The header from its frame.
fn header_of(raw: &[u8], offset: u64) -> Result<Header, ReadError> {
    if let Ok(header) = postcard::from_bytes(raw) {
        return Ok(header);
    }
    // What this program does not know may follow the first fields.
    match postcard::take_from_bytes::<(String, u32, u32)>(raw) {
        Ok(((writer, _, number), _)) if !Detail::NUMBERS.contains(&number) => {
            // These words reach a terminal.
            let writer = writer.chars().filter(|letter| !letter.is_control()).take(WRITER_MOST).collect();
            Err(ReadError::Detail { writer, number })
        }
        _ => Err(ReadError::Damaged { offset, what: "the header cannot be understood" }),
    }
}

/// The frames up to the first that is not whole, and where that is.
fn scanned(file: &mut File, length: u64) -> Result<(Vec<Entry>, Option<u64>), ReadError> {
    let mut entries = Vec::new();
    let mut offset = MAGIC.len() as u64;
    while let Some(head) = read_head(file, offset, length) {
        let entry = Entry { offset, head, executed_by: Vec::new() };
        let Some(end) = entry.end().filter(|end| *end <= length) else { break };
        // Whether the last one is whole shows only its digest.
        if head.kind == FrameKind::Index || read_compressed(file, &entry).is_err() {
            break;
        }
        entries.push(entry);
        offset = end;
    }
    Ok((entries, Some(offset)))
}

fn read_head(file: &mut File, offset: u64, length: u64) -> Option<FrameHead> {
    if offset.checked_add(FrameHead::BYTES as u64)? > length {
        return None;
    }
    let mut bytes = [0; FrameHead::BYTES];
    file.seek(SeekFrom::Start(offset)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    FrameHead::from_bytes(&bytes)
}

fn read_compressed(file: &mut File, entry: &Entry) -> Result<Vec<u8>, ReadError> {
    file.seek(SeekFrom::Start(entry.offset + FrameHead::BYTES as u64))?;
    let mut compressed = vec![0; entry.head.compressed_bytes as usize];
    file.read_exact(&mut compressed)?;
    if xxh3_64(&compressed) != entry.head.digest {
        return Err(ReadError::Damaged { offset: entry.offset, what: "a frame has the wrong digest" });
    }
    Ok(compressed)
}

fn read_frame(file: &mut File, length: u64, entry: &Entry) -> Result<Vec<u8>, ReadError> {
    let damaged = |what| ReadError::Damaged { offset: entry.offset, what };
    if entry.end().is_none_or(|end| end > length) {
        return Err(damaged("a frame is longer than the file"));
    }
    let compressed = read_compressed(file, entry)?;
    let raw = zstd::bulk::decompress(&compressed, entry.head.raw_bytes as usize)
        .map_err(|_| damaged("a frame cannot be decompressed"))?;
    if raw.len() != entry.head.raw_bytes as usize {
        return Err(damaged("a frame has another length than its head says"));
    }
    Ok(raw)
}
