//! Hostile and ordinary files, made byte by byte.

use super::{Image, LoadError};
use crate::abi::{ABI_MAJOR, NOTE_ABI, NOTE_MEMORY, own_note};
use crate::machine::{Abi, Config, Machine};
use crate::test_images::{BASE, CONTENTS, Elf, Header, LOAD};
use emulator::Rights;
use std::sync::Arc;

fn elf() -> Elf {
    Elf::with_code(&[0x90; 64], 0x2000).own_note()
}

fn refused(file: &[u8]) -> String {
    let error = match Image::read(file) {
        Err(error) => error,
        Ok(image) => Machine::new(Arc::new(image), Config::default()).expect_err("the image must be refused"),
    };
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains(": "), "one line that says what to do: {text}");
    text
}

fn refused_elf(change: impl FnOnce(&mut Elf)) -> String {
    let mut elf = elf();
    change(&mut elf);
    refused(&elf.bytes())
}

fn second_segment(address: u32, memory_bytes: u32) -> Header {
    Header { kind: LOAD, offset: CONTENTS, address, file_bytes: 0, memory_bytes, flags: 6 }
}

#[test]
fn an_ordinary_image_is_taken_apart() {
    let image = Image::read(&elf().bytes()).unwrap();
    assert_eq!((image.entry, image.segments.len(), image.notes.len()), (BASE, 1, 1));
    let segment = &image.segments[0];
    assert_eq!((segment.address, segment.length_bytes, segment.bytes.len()), (BASE, 0x2000, 64));
    assert_eq!(segment.rights, Rights::ALL);
    assert!(Machine::new(Arc::new(image), Config::default()).is_ok());
}

#[test]
fn every_truncation_is_refused_and_none_panics() {
    let file = elf().bytes();
    for length in 0..file.len() {
        let text = refused(&file[..length]);
        assert!(length < 4 || text.contains("truncated"), "{length}: {text}");
    }
}

#[test]
fn files_for_other_machines_are_refused() {
    assert!(refused_elf(|elf| elf.class = 2).contains("a 64-bit ELF file"));
    assert!(refused_elf(|elf| elf.class = 9).contains("its class is 9"));
    assert!(refused_elf(|elf| elf.machine = 40).contains("ARM"));
    let mut big_endian = elf().bytes();
    big_endian[5] = 2;
    assert!(refused(&big_endian).contains("big-endian"));
}

#[test]
fn files_that_are_no_static_executable_are_refused() {
    assert!(refused_elf(|elf| elf.kind = 3).contains("position-independent"));
    assert!(refused_elf(|elf| elf.kind = 1).contains("link it first"));
    assert!(refused_elf(|elf| elf.kind = 4).contains("core dump"));
    assert!(refused_elf(|elf| elf.kind = 77).contains("type 77"));
    for kind in [2, 3] {
        let text = refused_elf(|elf| elf.headers.push(Header { kind, ..second_segment(0, 0) }));
        assert!(text.contains("dynamically linked"), "{text}");
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut seed = 7_u32;
    for length in [0, 1, 4, 16, 52, 100, 5000] {
        let random = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let bytes: Vec<u8> = (0..length).map(random).collect();
        assert!(refused(&bytes).contains("not an ELF file"));
    }
}

#[test]
fn any_damaged_byte_gives_an_image_or_one_line() {
    let file = elf().bytes();
    let small = Config { memory_bytes: Some(64 << 10), ..Config::default() };
    let mut refusals = 0;
    for place in 0..file.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[place] = value;
            if let Err(error) = Image::read(&damaged)
                .and_then(|image| Machine::new(Arc::new(image), small.clone()).map(|_| ()))
            {
                refusals += 1;
                assert!(!error.to_string().contains('\n'));
            }
        }
    }
    assert!(refusals > 100, "{refusals}");
}

#[test]
fn overlapping_segments_are_refused_and_shared_pages_are_not() {
    let text = refused_elf(|elf| elf.headers.push(second_segment(BASE + 0x1fff, 16)));
    assert!(text.contains("overlap"), "{text}");
    let mut shared = elf();
    shared.headers[0].flags = 5;
    shared.headers[0].memory_bytes = 0x1800;
    shared.headers.push(second_segment(BASE + 0x1800, 0x1800));
    let image = Image::read(&shared.bytes()).unwrap();
    let machine = Machine::new(Arc::new(image), Config::default()).unwrap();
    let rights = |address| machine.rights(address);
    assert_eq!(rights(BASE), Some(Rights::READ_EXECUTE));
    assert_eq!(rights(BASE + 0x1000), Some(Rights::ALL));
    assert_eq!(rights(BASE + 0x2000), Some(Rights::READ_WRITE));
    assert_eq!(rights(0), None);
}

#[test]
fn a_segment_that_wraps_is_refused() {
    let text = refused_elf(|elf| elf.headers.push(second_segment(0xffff_f000, 0x1001)));
    assert!(text.contains("past 4 GiB"), "{text}");
}

#[test]
fn an_entry_outside_executable_memory_is_refused() {
    assert!(refused_elf(|elf| elf.entry = BASE - 1).contains("entry"));
    assert!(refused_elf(|elf| elf.entry = BASE + 0x2000).contains("entry"));
    assert!(refused_elf(|elf| elf.headers[0].flags = 6).contains("entry"));
}

#[test]
fn too_much_bss_names_the_shortfall() {
    let text = refused_elf(|elf| elf.headers.push(second_segment(BASE + 0x2000, 1 << 30)));
    // 1 GiB + 2000h bytes and 16 MiB: 1,056,972,800 too few; 1,048,584 KiB are needed.
    assert!(text.contains("1056972800 too few") && text.contains("--memory 1048584KiB"), "{text}");
}

#[test]
fn bss_that_no_partition_can_hold_is_not_to_be_helped_with_memory() {
    let text = refused_elf(|elf| elf.headers.push(second_segment(BASE + 0x2000, 3 << 30)));
    assert!(text.contains("no partition can have more than 3072MiB"), "{text}");
    assert!(!text.contains("--memory"), "{text}");
}

#[test]
fn a_section_header_table_past_the_end_of_the_file_is_a_truncation() {
    let mut file = elf().bytes();
    let sections = 2_u16;
    let (offset, header_bytes) = (file.len() as u32, 40_u16);
    file[32..36].copy_from_slice(&offset.to_le_bytes());
    file[46..48].copy_from_slice(&header_bytes.to_le_bytes());
    file[48..50].copy_from_slice(&sections.to_le_bytes());
    file.resize(file.len() + usize::from(sections * header_bytes), 0);
    assert!(Image::read(&file).is_ok());
    assert!(refused(&file[..file.len() - 1]).contains("truncated: the section header table"));
}

#[test]
fn a_declared_stack_and_work_area_count() {
    let declared = [8_u32 << 20, 12 << 20].map(u32::to_le_bytes).concat();
    let text = refused(&elf().note(NOTE_MEMORY, &declared).bytes());
    assert!(text.contains("stack 8388608, work area 12582912"), "{text}");
    let text = refused(&elf().note(NOTE_MEMORY, &declared[..7]).bytes());
    assert!(text.contains("memory note"), "{text}");
}

#[test]
fn a_segment_below_memory_is_refused() {
    let text = refused_elf(|elf| elf.headers.push(second_segment(0x8000, 16)));
    assert!(text.contains("below the memory at 00100000h"), "{text}");
}

#[test]
fn headers_that_lie_are_refused() {
    assert!(refused_elf(|elf| elf.headers[0].file_bytes = u32::MAX).contains("damaged"));
    assert!(refused_elf(|elf| elf.headers[0].memory_bytes = 0).contains("damaged"));
    assert!(refused_elf(|elf| elf.headers[0].offset = u32::MAX).contains("truncated"));
    assert!(refused_elf(|elf| elf.headers[1].file_bytes = 9).contains("a note is longer"));
    assert!(refused_elf(|elf| elf.headers.clear()).contains("no segment"));
    assert!(refused_elf(|elf| elf.headers[0].kind = 0).contains("no segment"));
    let mut file = elf().bytes();
    file[42] = 31;
    assert!(refused(&file).contains("31 bytes"));
    let mut file = elf().bytes();
    file[44..46].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(refused(&file).contains("program header table"));
}

#[test]
fn an_image_without_a_note_or_for_another_abi_is_refused() {
    let plain = Elf::with_code(&[0x90], 1);
    assert!(refused(&plain.bytes()).contains("--abi linux"));
    let mut note = own_note();
    note.version = (ABI_MAJOR + 1) << 16;
    let other = plain.clone().note(NOTE_ABI, &note.to_bytes());
    assert!(refused(&other.bytes()).contains("2.0"));
    let mut note = own_note();
    note.calls[3].1 ^= 1;
    let changed = plain.clone().note(NOTE_ABI, &note.to_bytes());
    assert!(refused(&changed.bytes()).contains("another signature"));
    assert!(refused(&plain.note(NOTE_ABI, &[1, 2, 3]).bytes()).contains("malformed"));
}

#[test]
fn a_guest_of_this_abi_is_no_linux_program() {
    let image = Arc::new(Image::read(&elf().bytes()).unwrap());
    let error = Machine::new(image, Config { abi: Abi::Linux, ..Config::default() }).unwrap_err();
    assert!(error.to_string().contains("without --abi linux"), "{error}");
}

#[test]
fn impossible_memory_sizes_are_refused() {
    let image = Arc::new(Image::read(&elf().bytes()).unwrap());
    for memory_bytes in [0, 4096, (64 << 10) + 1, (3 << 30) + 4096, u64::MAX] {
        let config = Config { memory_bytes: Some(memory_bytes), ..Config::default() };
        let error = Machine::new(Arc::clone(&image), config).unwrap_err();
        assert!(matches!(error, LoadError::BadMemorySize { .. }), "{memory_bytes}: {error}");
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let plain = Elf::with_code(&[0x90; 64], 0x2000);
    for (abi, elf) in [(Abi::Paravane, elf()), (Abi::Linux, plain)] {
        let image = Arc::new(Image::read(&elf.bytes()).unwrap());
        let arguments = vec!["x".repeat(3 << 20)];
        let error = Machine::new(image, Config { abi, arguments, ..Config::default() }).unwrap_err();
        assert!(matches!(error, LoadError::ArgumentsTooLong { .. }), "{error}");
    }
}

#[test]
fn a_linux_program_must_leave_room_for_the_stack() {
    let config = || Config { abi: Abi::Linux, ..Config::default() };
    for (address, bytes, why) in [
        (0xbfff_0000, 0x1000, "where the stack lies"),
        (0x1000, 0x1000, "below the memory"),
        (0x2000_0000, 128 << 20, "too few"),
    ] {
        let mut elf = Elf::with_code(&[0x90; 64], 0x2000);
        elf.headers.push(second_segment(address, bytes));
        let image = Arc::new(Image::read(&elf.bytes()).unwrap());
        let text = Machine::new(image, config()).unwrap_err().to_string();
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn a_real_image_may_be_cut_or_damaged_anywhere() {
    let file = include_bytes!("../../../guest-images/prebuilt/hello.elf");
    let config = Config { memory_bytes: Some(64 << 10), ..Config::default() };
    let load = |bytes: &[u8]| {
        let text = match Image::read(bytes).and_then(|image| Machine::new(Arc::new(image), config.clone())) {
            Ok(machine) => {
                // Whatever the symbols say, an address can be looked up.
                let located = machine.image().symbols.locate(machine.image().entry);
                return located.is_none_or(|located| located.offset <= machine.image().entry);
            }
            Err(error) => error.to_string(),
        };
        assert!(!text.contains('\n'), "{text}");
        false
    };
    assert!(load(file));
    for length in (0..file.len()).step_by(11) {
        load(&file[..length]);
    }
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as usize % below
    };
    let mut loaded = 0;
    for _ in 0..3_000 {
        let mut damaged = file.to_vec();
        for _ in 0..=random(4) {
            // Half of the damage goes into the headers at the front and the section headers at the end.
            let place = match random(4) {
                0 => random(256),
                1 => file.len() - 1 - random(400),
                _ => random(file.len()),
            };
            damaged[place] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
        }
        loaded += u32::from(load(&damaged));
    }
    assert!((500..2_900).contains(&loaded), "{loaded} of 3000 damaged images load");
}
