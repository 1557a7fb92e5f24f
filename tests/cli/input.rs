//! Console input: read when the guest asks, recorded with its units, replayed to the same run.

use super::elf::{CODE, ElfFile, call, exits_with};
use super::paravane::{TemporaryFile, paravane, run, run_with_input};
use hypervisor_core::abi::Call;
use std::process::Stdio;

const BUFFER: u32 = CODE + 0x1000;

/// A guest that writes what it reads, and ends with its input.
fn echoes() -> ElfFile {
    let mut code = call(Call::ConsoleRead, BUFFER, 64);
    code.extend([0x85, 0xc0]); // test eax, eax
    code.extend([0x78, 16]); // js to the end
    code.extend([0x89, 0xc1]); // mov ecx, eax
    code.push(0xb8); // mov eax, console_write
    code.extend(Call::ConsoleWrite.description().number.to_le_bytes());
    code.push(0xbb); // mov ebx, BUFFER
    code.extend(BUFFER.to_le_bytes());
    code.extend([0xcd, 0x82]); // int 82h
    code.extend([0xeb, 0xdb]); // jmp to the start
    code.extend(call(Call::Shutdown, 0, 0));
    ElfFile::guest(&code)
}

#[test]
fn input_and_output_are_8_bit_clean() {
    let file = TemporaryFile::new("echoes.elf", &echoes().bytes());
    let input: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let finished = run_with_input(["run".as_ref(), file.as_ref()], &input);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    assert!(finished.stdout == input, "the console changed some of the bytes");
}

#[test]
fn a_guest_that_wants_no_input_does_not_wait_for_it() {
    let file = TemporaryFile::new("exits.elf", &exits_with(3).bytes());
    let mut command = paravane(["run".as_ref(), file.as_ref()]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the command starts");
    // The pipe stays open and silent.
    let stdin = child.stdin.take();
    let status = child.wait().expect("the command ends");
    drop(stdin);
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_replayed_recording_gives_the_same_output_and_the_same_trace() {
    let file = TemporaryFile::new("echoes.elf", &echoes().bytes());
    let recording = TemporaryFile::new("input.txt", b"");
    let arguments = ["trace".as_ref(), "--record".as_ref(), recording.as_ref(), file.as_ref()];
    let recorded = run_with_input(arguments, b"one\ntwo\x1b\xff");
    assert_eq!(recorded.status, Some(0), "{}", recorded.stderr);
    let text = String::from_utf8(recording.contents()).unwrap();
    assert!(text.starts_with("paravane-input 1\nimage "), "{text}");
    assert!(text.ends_with("\n0 \"one\\ntwo\\x1b\\xff\"\n0 end\n"), "{text}");

    let replayed = run(["trace".as_ref(), "--replay".as_ref(), recording.as_ref(), file.as_ref()]);
    assert_eq!(replayed.status, Some(0), "{}", replayed.stderr);
    assert!(replayed.stdout == recorded.stdout, "the traces differ");
    let run_again = run(["run".as_ref(), "--replay".as_ref(), recording.as_ref(), file.as_ref()]);
    assert_eq!(run_again.stdout, b"one\ntwo\x1b\xff");
}

#[test]
fn a_recording_of_another_image_or_none_at_all_is_refused() {
    let guest = TemporaryFile::new("echoes.elf", &echoes().bytes());
    let other = format!("paravane-input 1\nimage {:032x}\n0 end\n", 1);
    for (contents, says) in [(other.as_str(), "another image"), ("hello\n", "no recording")] {
        let recording = TemporaryFile::new("input.txt", contents.as_bytes());
        let finished = run(["run".as_ref(), "--replay".as_ref(), recording.as_ref(), guest.as_ref()]);
        assert_eq!(finished.status, Some(125), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert!(finished.stderr.contains(says), "{finished:?}");
    }
    let missing = run(["run".as_ref(), "--replay".as_ref(), "/nowhere/input.txt".as_ref(), guest.as_ref()]);
    assert_eq!(missing.status, Some(125), "{missing:?}");
}

#[test]
fn a_recording_without_end_is_refused() {
    let guest = TemporaryFile::new("echoes.elf", &echoes().bytes());
    let finished = run(["run".as_ref(), "--replay".as_ref(), "/dev/zero".as_ref(), guest.as_ref()]);
    assert_eq!(finished.status, Some(125), "{finished:?}");
    assert!(finished.stderr.contains("larger than 1 GiB"), "{finished:?}");
}
