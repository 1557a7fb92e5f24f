//! A file that cannot run exits 125 with one line that names the file; none panics or hangs.

use super::elf::{CODE, ElfFile, Segment, exits_with};
use super::paravane::{Finished, TemporaryFile, run, sample};
use hypervisor_core::abi::{ABI_MAJOR, ABI_MINOR};

/// Runs the file by `run`, `trace` and `info`; the first two must refuse it.
fn refused(name: &str, bytes: &[u8], says: &str) {
    let file = TemporaryFile::new(name, bytes);
    for command in ["run", "trace"] {
        let finished = run([command.as_ref(), file.as_ref()]);
        assert_refused(&finished, name, says);
        assert_eq!(finished.text(), "", "{name}: {command} wrote to stdout");
    }
    let shown = run(["info".as_ref(), file.as_ref()]);
    assert!(matches!(shown.status, Some(0 | 125)), "{name}: {shown:?}");
}

fn assert_refused(finished: &Finished, name: &str, says: &str) {
    assert_eq!(finished.status, Some(125), "{name}: {finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{name}: {finished:?}");
    assert!(finished.stderr.contains(name), "the file's name is missing: {finished:?}");
    assert!(finished.stderr.contains(says), "`{says}` is missing: {finished:?}");
    assert!(!finished.stderr.contains("bug"), "{finished:?}");
}

#[test]
fn a_truncated_file_is_refused_wherever_it_is_cut() {
    let whole = exits_with(0).bytes();
    for length in [0, 1, 3, 4, 15, 16, 51, 52, 60, 100, 150, whole.len() - 1] {
        let says = if length < 4 { "not an ELF file" } else { "truncated" };
        refused("truncated.elf", &whole[..length], says);
    }
}

#[test]
fn a_linked_file_is_refused_wherever_it_is_cut() {
    let whole = std::fs::read(sample("hello")).unwrap();
    for length in (60..whole.len()).step_by(1009).chain([whole.len() - 1]) {
        refused("cut.elf", &whole[..length], "truncated");
    }
}

#[test]
fn a_64_bit_file_is_refused() {
    let mut bytes = exits_with(0).bytes();
    bytes[4] = 2;
    refused("wide.elf", &bytes, "64-bit");
}

#[test]
fn a_position_independent_file_is_refused() {
    refused("pie.elf", &ElfFile { kind: 3, ..exits_with(0) }.bytes(), "-no-pie");
}

#[test]
fn a_file_for_another_machine_is_refused() {
    refused("arm.elf", &ElfFile { machine: 40, ..exits_with(0) }.bytes(), "machine 40");
}

#[test]
fn segments_that_overlap_are_refused() {
    let mut file = exits_with(0);
    file.segments[1].address = CODE + 2;
    refused("overlap.elf", &file.bytes(), "overlap");
}

#[test]
fn a_segment_that_wraps_is_refused() {
    let mut file = exits_with(0);
    file.segments[1] = Segment { address: 0xffff_f000, memory_bytes: 0x2000, ..file.segments[1].clone() };
    refused("wraps.elf", &file.bytes(), "4 GiB");
}

#[test]
fn a_segment_below_the_memory_is_refused() {
    let mut file = exits_with(0);
    file.segments[1].address = 0x1000;
    refused("low.elf", &file.bytes(), "below the memory");
}

#[test]
fn an_entry_outside_the_code_is_refused() {
    for entry in [0, CODE - 1, CODE + 0x1000, u32::MAX] {
        refused("entry.elf", &ElfFile { entry, ..exits_with(0) }.bytes(), "entry");
    }
}

#[test]
fn a_bss_that_does_not_fit_is_refused_with_what_can_be_done() {
    let mut file = exits_with(0);
    file.segments[1].memory_bytes = 1 << 30;
    refused("bss.elf", &file.bytes(), "give --memory 1048584KiB or more");
    // No --memory could help this one.
    file.segments[1].memory_bytes = 3 << 30;
    refused("bss.elf", &file.bytes(), "more than 3072MiB: make the image smaller");
}

#[test]
fn an_image_of_another_abi_version_is_refused() {
    for version in [(ABI_MAJOR + 1) << 16, ABI_MAJOR << 16 | (ABI_MINOR + 1), 0] {
        let mut file = exits_with(0);
        file.note.as_mut().unwrap().version = version;
        refused("version.elf", &file.bytes(), "ABI");
    }
}

#[test]
fn an_image_that_was_built_with_another_call_is_refused() {
    let mut file = exits_with(0);
    file.note.as_mut().unwrap().calls[0].1 ^= 1;
    refused("changed.elf", &file.bytes(), "another signature");
}

#[test]
fn an_image_without_an_abi_note_is_refused() {
    refused("bare.elf", &ElfFile { note: None, ..exits_with(0) }.bytes(), "--abi linux");
}

#[test]
fn random_bytes_are_refused() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    for length in [1, 64, 4096, 100_000] {
        let bytes: Vec<u8> = std::iter::repeat_with(&mut random).take(length).collect();
        refused("random.bin", &bytes, "not an ELF file");
    }
}

#[test]
fn a_file_with_random_damage_never_panics() {
    let whole = exits_with(0).bytes();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let length = bytes.len();
            bytes[(state >> 33) as usize % length] = (state >> 16) as u8;
        }
        let file = TemporaryFile::new("damaged.elf", &bytes);
        let finished = run(["run".as_ref(), "--max-instructions".as_ref(), "10000".as_ref(), file.as_ref()]);
        assert!(finished.status.is_some(), "round {round}: {finished:?}");
        assert!(!finished.stderr.contains("this is a bug"), "round {round}: {finished:?}");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_refused() {
    for (path, says) in [("/nowhere/guest.elf", "no such file"), ("/", "folder")] {
        assert_refused(&run(["run", path]), path, says);
        assert_refused(&run(["info", path]), path, says);
    }
}
