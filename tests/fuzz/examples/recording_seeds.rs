//! Writes the seeds of the target `recording`: short runs with a keyframe every so often, console input, several partitions.
//!
//! `cargo run --release --manifest-path tests/fuzz/Cargo.toml --example recording_seeds` in the repository.

use fuzz::recording::frames::{Frame, INDEX, input_of};
use recording::{Addresses, Depth, Files, Full, GuestOptions, Stored, Subject, Unattended};
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};
use trace::pvt::{Detail, FrameKind, Reader};

/// A run: name, what is run, console input, units, units between keyframes, and what of it is recorded.
const RUNS: [(&str, &str, &[u8], u64, u64, Detail); 12] = [
    ("hello", "guest-images/prebuilt/hello.elf", b"", 20_000, 1_000_000, Detail::Full),
    ("echo", "guest-images/prebuilt/echo.elf", b"one\ntwo\n", 20_000, 200, Detail::Full),
    ("ticker", "guest-images/prebuilt/ticker.elf", b"", 600_000, 15_000, Detail::Full),
    ("page_fault", "guest-images/prebuilt/page_fault.elf", b"", 20_000, 500, Detail::Full),
    ("flight", "guest-images/systems/flight.toml", b"", 3_000_000, 8_000, Detail::Full),
    ("guard", "guest-images/systems/guard.toml", b"", 400_000, 130_000, Detail::Full),
    ("irq", "guest-images/systems/irq.toml", b"", 400_000, 130_000, Detail::Full),
    ("hello_addresses", "guest-images/prebuilt/hello.elf", b"", 20_000, 200, Detail::Addresses),
    ("irq_addresses", "guest-images/systems/irq.toml", b"", 400_000, 130_000, Detail::Addresses),
    ("hello_stored", "guest-images/prebuilt/hello.elf", b"", 20_000, 200, Detail::Stored),
    ("page_fault_stored", "guest-images/prebuilt/page_fault.elf", b"", 20_000, 500, Detail::Stored),
    ("irq_stored", "guest-images/systems/irq.toml", b"", 3_000, 1_000, Detail::Stored),
];

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/recording");
    for (name, path, input, units, every, detail) in RUNS {
        let file = env::temp_dir().join(format!("paravane-seed-{}.pvt", process::id()));
        let record = match detail {
            Detail::Full => record::<Full>,
            Detail::Addresses => record::<Addresses>,
            Detail::Stored => record::<Stored>,
        };
        record(&file, path, input, units, every)?;
        let mut reader = Reader::open(&file).map_err(io::Error::other)?;
        let mut frames = Vec::new();
        for number in 0..reader.frame_count() {
            let head = *reader.head(number);
            let content = reader.read(number).map_err(io::Error::other)?;
            frames.push(Frame { kind: tag(head.kind), unit: head.unit, executed: head.executed, content });
        }
        if name != "hello" {
            frames.push(Frame { kind: INDEX, unit: 0, executed: 0, content: Vec::new() });
        }
        let keyframes = frames.iter().filter(|frame| frame.kind == *b"KEYF").count();
        let bytes = input_of(&frames);
        println!("{name}: {} frames, {keyframes} keyframes, {} bytes", frames.len(), bytes.len());
        fs::write(folder.join(name), bytes)?;
        fs::remove_file(file)?;
    }
    Ok(())
}

fn record<D: Depth>(file: &Path, path: &str, input: &[u8], units: u64, every: u64) -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    env::set_current_dir(root)?;
    let subject = Subject::open(&PathBuf::from(path), GuestOptions::default(), Files::default());
    let subject = subject.map_err(io::Error::other)?;
    let run = Unattended {
        input: Some(input.to_vec()),
        executed_units: Some(units),
        keyframe_units: Some(every),
        ..Unattended::default()
    };
    recording::record::<D>(Box::new(fs::File::create(file)?), &subject, &run)
}

fn tag(kind: FrameKind) -> [u8; 4] {
    match kind {
        FrameKind::Header => *b"HEAD",
        FrameKind::File => *b"FILE",
        FrameKind::Input => *b"INPT",
        FrameKind::Pages => *b"PAGE",
        FrameKind::Keyframe => *b"KEYF",
        FrameKind::Records => *b"RECS",
        FrameKind::Addresses => *b"ADDR",
        FrameKind::Instructions => *b"INST",
        FrameKind::End => *b"ENDS",
        FrameKind::Index => INDEX,
    }
}
