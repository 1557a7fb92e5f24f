//! Recordings that were made to harm who reads them: little memory, an end, and one clear line.

use super::forged::{Frame, change_header, end_with, file_of, frames_of, place_of, without_index};
use super::paravane::{Finished, TemporaryFile, paravane};
use super::recordings::record;
use std::ffi::OsStr;
use std::process::Command;
use trace::pvt::FrameKind;

/// The most that a frame holds.
const MEBIBYTE: usize = 1 << 20;
/// The address space of a command that reads a hostile file: 1 GiB.
const MEMORY_KIB: u32 = 1 << 20;

fn hello() -> Vec<Frame> {
    frames_of(&record("true.pvt", &["builtin:hello".as_ref()]))
}

/// A run with three keyframes.
fn long_run() -> Vec<Frame> {
    let load = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/systems/prebuilt/load.elf");
    frames_of(&record("true.pvt", &[load, "--max-instructions", "60M"].map(OsStr::new)))
}

/// The numbers of a list, and a zero byte (or a one) for each of its elements.
fn list(count: u32, element: &[u8]) -> Vec<u8> {
    [postcard::to_allocvec(&count).unwrap(), element.repeat(count as usize)].concat()
}

/// Runs the command with little memory.
fn run_in_little_memory(arguments: &[&OsStr]) -> Finished {
    let own = paravane(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"")]);
    command.arg(own.get_program()).args(own.get_args());
    let output = command.output().expect("there is a shell");
    Finished {
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// That reading the file takes little memory and ends with one line.
fn is_refused(name: &str, bytes: &[u8], commands: &[&[&str]], says: &str) {
    assert!(bytes.len() <= MEBIBYTE, "{name} has {} bytes", bytes.len());
    let file = TemporaryFile::new("hostile.pvt", bytes);
    for command in commands {
        let arguments = [OsStr::new(command[0]), file.as_ref()];
        let options = command[1..].iter().map(OsStr::new);
        let finished = run_in_little_memory(&arguments.into_iter().chain(options).collect::<Vec<_>>());
        let Finished { status, stderr, .. } = finished;
        assert_eq!((status, stderr.lines().count()), (Some(125), 1), "{name}: {command:?}: {stderr}");
        assert!(stderr.contains(says), "{name}: {command:?}: {stderr}");
    }
}

const ALL: &[&[&str]] = &[&["show"], &["verify"], &["stats"], &["export", "--format", "folded"]];

#[test]
fn console_input_of_a_small_file_fills_no_memory() {
    let mut frames = hello();
    let input = Frame::new(FrameKind::Input, list(32 << 20, &[0, 1])[..64 * MEBIBYTE].to_vec());
    frames.extend(std::iter::repeat_n(input, 3));
    is_refused("input", &file_of(&frames), ALL, "more console input than a recording holds");
}

#[test]
fn files_in_a_small_file_fill_no_memory() {
    let mut frames = hello();
    let place = place_of(&frames, FrameKind::File);
    let part = Frame::new(FrameKind::File, vec![0; 64 * MEBIBYTE]);
    frames.splice(place..place, std::iter::repeat_n(part, 20));
    change_header(&mut frames, |header| {
        for number in 0..3 {
            header.files.insert(number, (format!("empty{number}"), 1 << 30));
        }
    });
    is_refused("files", &file_of(&frames), ALL, "it names a file of 1073741824 bytes, more than it can hold");
}

#[test]
fn pages_that_no_memory_has_fill_none() {
    let mut frames = long_run();
    let place = place_of(&frames, FrameKind::Keyframe);
    let (count, each) = (16, 16_000);
    let pages = (0..count).map(|number| {
        let ids: Vec<(u32, u16, u32)> = (0..each).map(|page| (1, 0, (number << 20) + page)).collect();
        let raw = [postcard::to_allocvec(&ids).unwrap(), vec![0; each as usize * 4096]].concat();
        Frame { raw, ..frames[place - 1].clone() }
    });
    let pages: Vec<Frame> = pages.collect();
    let keyframe = &mut frames[place];
    let ((executed_by, page_frames), rest) =
        postcard::take_from_bytes::<(Vec<u64>, u32)>(&keyframe.raw).unwrap();
    let start = postcard::to_allocvec(&(executed_by, page_frames + count)).unwrap();
    keyframe.raw = [&start, rest].concat();
    let first = place - page_frames as usize;
    frames.splice(first..first, pages);
    let commands: &[&[&str]] = &[&["show", "--at", "#20000000", "--window", "1"], &["stats"]];
    is_refused("pages", &file_of(&frames), &commands[..1], "there is no frame");
}

#[test]
fn events_of_a_small_file_fill_no_memory() {
    let mut frames = hello();
    let place = place_of(&frames, FrameKind::Records);
    // A stamp, and then nothing but events of two bytes.
    let raw = [&[0, 0, 0, 0][..], &[1, 11].repeat(32 * MEBIBYTE - 2)].concat();
    frames.splice(place..=place, [Frame::new(FrameKind::Records, raw)]);
    is_refused("events", &file_of(&frames), &[&["verify"]], "running again makes another event");
}

#[test]
fn an_index_of_small_rows_fills_no_memory() {
    let (mut file, _) = without_index(&hello());
    end_with(&mut file, &list(21 << 20, &[30, 0, 0]));
    let damaged = TemporaryFile::new("index.pvt", &file);
    let finished = run_in_little_memory(&[OsStr::new("verify"), damaged.as_ref()]);
    // The frames are read without it.
    assert_eq!(finished.status, Some(1), "{}", finished.stderr);
    assert!(finished.text().contains("its index is not in it"), "{}", finished.text());
}

#[test]
fn lists_of_keyframes_without_an_index_fill_no_memory() {
    let mut frames = hello();
    let place = place_of(&frames, FrameKind::End);
    let raw = list(31 << 20, &[0]);
    frames.splice(place..place, std::iter::repeat_n(Frame::new(FrameKind::Keyframe, raw), 6));
    is_refused("keyframes", &without_index(&frames).0, ALL, "a keyframe cannot be understood");
}

#[test]
fn names_and_ends_of_a_small_file_fill_no_memory() {
    let mut frames = hello();
    let end = place_of(&frames, FrameKind::End);
    // As many partitions that end as there is room for.
    frames[end].raw = [&[1, 0, 0, 0, 0][..], &list(15 << 20, &[0, 0, 0, 0])].concat();
    let file = TemporaryFile::new("end.pvt", &file_of(&frames));
    let finished = run_in_little_memory(&[OsStr::new("stats"), file.as_ref()]);
    // No end is so long: the file is read up to there.
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("was cut off, or is damaged, at byte"), "{}", finished.stderr);
    let mut frames = hello();
    frames[0].raw = [&[0, 0, 0, 0, 0, 0][..], &list(20 << 20, &[0, 0, 0])].concat();
    is_refused("header", &file_of(&frames), ALL, "before it says what it is of");
}
