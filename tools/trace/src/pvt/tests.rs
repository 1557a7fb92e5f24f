//! Trace files that are whole, cut, flipped and foreign.

use super::{
    AddressesEnd, Detail, FRAME_MOST_BYTES, FrameHead, FrameKind, Header, MAGIC, PartitionHeader, ReadError,
    Reader, Writer, tell_addresses, tell_steps,
};
use hypervisor_core::clock::Rate;
use std::fs;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use xxhash_rust::xxh3::xxh3_64;

fn header() -> Header {
    Header {
        writer: "paravane test".to_owned(),
        semantics: 1,
        detail: Detail::Full,
        is_system: true,
        units_per_second: 100_000_000,
        configuration_digest: 5,
        partitions: vec![PartitionHeader { name: "nav".to_owned(), image_hash: 7, build_id: vec![1, 2] }],
        filters: Vec::new(),
        path: "flight.toml".to_owned(),
        options: Vec::new(),
        files: vec![("nav.elf".to_owned(), 3)],
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A small file, and the place at which its index begins.
fn sample() -> Vec<u8> {
    let out = Shared::default();
    let mut writer = Writer::new(Box::new(out.clone()), &header());
    writer.frame(FrameKind::File, 0, 0, b"elf".to_vec()).unwrap();
    writer.frame(FrameKind::Records, 0, 0, vec![7; 1000]).unwrap();
    let executed_by = vec![60, 40];
    let mut raw = postcard::to_allocvec(&executed_by).unwrap();
    raw.extend_from_slice(b"state");
    writer.keyframe(100, executed_by, raw).unwrap();
    writer.frame(FrameKind::Records, 100, 100, (0..=255).collect()).unwrap();
    writer.finish().unwrap();
    out.0.lock().unwrap().clone()
}

struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("paravane-pvt-{}-{name}", std::process::id())))
    }

    fn open(&self, bytes: &[u8]) -> Result<Reader, ReadError> {
        fs::write(&self.0, bytes).unwrap();
        Reader::open(&self.0)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn contents(reader: &mut Reader) -> Result<Vec<(FrameKind, u64, Vec<u8>)>, ReadError> {
    (0..reader.frame_count())
        .map(|frame| Ok((reader.head(frame).kind, reader.head(frame).unit, reader.read(frame)?)))
        .collect()
}

#[test]
fn what_was_written_is_read() {
    let file = TemporaryFile::new("whole");
    let mut reader = file.open(&sample()).unwrap();
    assert_eq!(reader.header(), &header());
    assert_eq!(reader.cut_at(), None);
    let frames = contents(&mut reader).unwrap();
    let kinds: Vec<FrameKind> = frames.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(
        kinds,
        [FrameKind::Header, FrameKind::File, FrameKind::Records, FrameKind::Keyframe, FrameKind::Records]
    );
    assert_eq!((frames[2].1, frames[2].2.len(), frames[4].1), (0, 1000, 100));
    assert_eq!(reader.executed_by(3), [60, 40]);
    assert_eq!(reader.head(3).executed, 100);
}

#[test]
fn a_file_that_was_cut_off_is_read_up_to_its_last_whole_frame() {
    let (file, bytes) = (TemporaryFile::new("cut"), sample());
    let whole = contents(&mut file.open(&bytes).unwrap()).unwrap();
    let mut most = 0;
    for length in 0..bytes.len() {
        match file.open(&bytes[..length]) {
            Ok(mut reader) => {
                assert!(reader.cut_at().is_some_and(|at| at <= length as u64), "{length}");
                let read = contents(&mut reader).unwrap();
                assert_eq!(read, whole[..read.len()], "{length}");
                assert!(read.len() >= most, "a longer file holds fewer frames: {length}");
                most = read.len();
                let keyframes: Vec<usize> = reader.frames_of(FrameKind::Keyframe).collect();
                assert!(keyframes.iter().all(|frame| reader.executed_by(*frame) == [60, 40]));
            }
            Err(error) => assert!(!error.to_string().contains('\n') && most == 0, "{length}: {error}"),
        }
    }
    assert_eq!(most, whole.len());
}

#[test]
fn what_was_handed_on_is_in_the_file_before_it_is_finished() {
    let out = Shared::default();
    let buffered = io::BufWriter::with_capacity(1 << 20, out.clone());
    let mut writer = Writer::new(Box::new(buffered), &header());
    // More than wait for the thread: the first ones were written.
    for number in 0..8 {
        writer.frame(FrameKind::Records, number, number, vec![7; 100]).unwrap();
    }
    let file = TemporaryFile::new("stopped");
    let mut reader = file.open(&out.0.lock().unwrap().clone()).unwrap();
    assert!(reader.cut_at().is_some() && contents(&mut reader).unwrap().len() >= 2);
}

#[test]
fn a_flipped_bit_is_found_or_changes_nothing() {
    let (file, bytes) = (TemporaryFile::new("flipped"), sample());
    let whole = contents(&mut file.open(&bytes).unwrap()).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let read = file.open(&damaged).and_then(|mut reader| {
            let cut = reader.cut_at().is_some();
            contents(&mut reader).map(|read| (cut, read))
        });
        match read {
            Ok((false, read)) => assert_eq!(read, whole, "{at}"),
            Ok((true, read)) => assert_eq!(read, whole[..read.len()], "{at}"),
            Err(error) => assert!(!error.to_string().contains('\n'), "{at}: {error}"),
        }
    }
}

#[test]
fn other_files_and_versions_are_told_apart() {
    let file = TemporaryFile::new("foreign");
    let says = |bytes: &[u8]| file.open(bytes).unwrap_err().to_string();
    assert!(says(b"").contains("no trace file"));
    assert!(says(&[0; 100]).contains("no trace file"));
    for (bytes, what) in [
        (&b"\x7fELF and so on, for more than thirty bytes"[..], "it is an ELF file; record its run"),
        (b"paravane-trace text 1\nand so on, for more than thirty bytes", "it is the text of a trace"),
        (b"\x1f\x8b", "it is compressed by gzip"),
        (b"\x28\xb5\x2f\xfd and so on", "it is compressed by zstd"),
        (b"", "it is empty"),
        (&sample()[..7], "name one that"),
    ] {
        assert!(says(bytes).starts_with(&format!("this is no trace file: {what}")), "{}", says(bytes));
    }
    for length in [8, 29, 30, 90] {
        assert!(says(&sample()[..length]).contains("before it says what it is of"), "{length}");
    }
    let mut newer = sample();
    newer[27] = b'7';
    assert!(says(&newer).contains("version 7"), "{}", says(&newer));
}

#[test]
fn a_frame_that_is_too_long_is_an_error_and_no_panic() {
    let mut writer = Writer::new(Box::new(io::sink()), &header());
    let error = writer.frame(FrameKind::Records, 0, 0, vec![0; FRAME_MOST_BYTES + 1]).unwrap_err();
    assert!(error.to_string().contains("more than 64 MiB"), "{error}");
}

#[test]
fn a_way_to_hold_a_run_that_is_not_known_is_named() {
    let file = TemporaryFile::new("detail");
    let says = |number: u32, rest: &[u8]| {
        let raw = [&postcard::to_allocvec(&("paravane\x1b 9", 1_u32, number)).unwrap(), rest].concat();
        let compressed = zstd::bulk::compress(&raw, 1).unwrap();
        let head = FrameHead {
            kind: FrameKind::Header,
            compressed_bytes: compressed.len() as u32,
            raw_bytes: raw.len() as u32,
            unit: 0,
            executed: 0,
            digest: xxh3_64(&compressed),
        };
        file.open(&[&MAGIC[..], &head.to_bytes(), &compressed].concat()).unwrap_err().to_string()
    };
    assert_eq!(
        says(7, b"and more"),
        "paravane 9 wrote this trace with detail 7, which this program does not know: read it with the program that wrote it"
    );
    assert!(says(0, b"\xff").contains("the header cannot be understood"), "{}", says(0, b"\xff"));
}

#[test]
fn instructions_that_no_processor_has_are_refused() {
    let block = |length: u8| [&[0, 5, 1, length][..], &vec![0x90; length.into()]].concat();
    // Its steps: a block that was not guessed, and its number.
    let path = [1, 0, 0, 0, 1, 2, 3, 2];
    let told = |raw: &[u8]| {
        let mut count = 0;
        let end = tell_addresses(raw, Rate::default(), 1, |_, _, _| {
            count += 1;
            ControlFlow::Continue(())
        });
        (end, count)
    };
    assert_eq!(told(&[&block(15)[..], &path].concat()), (AddressesEnd::Complete, 1));
    assert_eq!(told(&[&block(16)[..], &path].concat()), (AddressesEnd::Damaged, 0));
    assert_eq!(told(&[&block(0)[..], &path].concat()), (AddressesEnd::Damaged, 0));
    let code = |length: u8| [&[0, 5, length][..], &vec![0x90; length.into()]].concat();
    // A place, and a step with so many registers of no bytes and accesses of one byte that is 0.
    let step = |registers: u8, accesses: [u8; 2]| {
        let count = usize::from(accesses[0] & 0x7f) | usize::from(accesses[1]) << 7;
        let registers = [&[registers][..], &[0, 0].repeat(registers.into())].concat();
        [&[1, 0, 0, 0, 3, 0][..], &registers, &accesses, &[0, 1, 0, 0].repeat(count)].concat()
    };
    let told = |raw: &[u8]| tell_steps(raw, Rate::default(), 1, |_, _| ControlFlow::Continue(()));
    assert!(told(&[&code(15)[..], &step(64, [0x80, 2])].concat()));
    assert!(!told(&[&code(16)[..], &step(64, [0x80, 2])].concat()));
    assert!(!told(&[&code(0)[..], &step(64, [0x80, 2])].concat()));
    assert!(!told(&[&code(15)[..], &step(65, [0x80, 2])].concat()));
    assert!(!told(&[&code(15)[..], &step(64, [0x81, 2])].concat()));
}
