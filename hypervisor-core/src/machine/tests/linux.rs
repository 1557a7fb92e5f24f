//! System calls of Linux programs, and what a hostile program gets from them.

use super::programs::linux;
use super::{DATA, words};
use crate::linux::{Effect, system_call};
use crate::machine::Machine;
use crate::partition::{Partition, Personality};
use crate::record::EventLog;
use crate::test_images::{BASE, Code, Register, finish};
use crate::{Outcome, Unrecorded};
use emulator::{PAGE_BYTES, Rights};
use std::collections::BTreeMap;

const BAD_DESCRIPTOR: u32 = -9_i32 as u32;
const NO_MEMORY: u32 = -12_i32 as u32;
const BAD_ADDRESS: u32 = -14_i32 as u32;
const EXISTS: u32 = -17_i32 as u32;
const INVALID: u32 = -22_i32 as u32;
/// The end of the image: the start of the data that BRK moves.
const BREAK: u32 = BASE + 0x8000;
/// Memory of the tests' own, apart from results.
const BUFFER: u32 = DATA + 0x1000;
/// MAP_PRIVATE | MAP_ANONYMOUS
const PRIVATE: u32 = 0x22;
const FIXED: u32 = 0x10;
const FIXED_NO_REPLACE: u32 = 0x10_0000;
/// Half of a Linux program's memory by default.
const HALF: u32 = 32 << 20;

/// Makes a call as INT 80h does, without the instruction.
pub(super) fn call(machine: &mut Machine, number: u32, arguments: [u32; 5]) -> u32 {
    let Partition { guest, personality, .. } = &mut machine.partitions[0];
    let Personality::Linux(linux) = personality else { panic!("a Linux program") };
    let mut log = EventLog::default();
    let end = system_call((linux, guest, &machine.clock), number, arguments, &mut log);
    match end {
        crate::linux::SystemCallEnd::Return(value) => value,
        crate::linux::SystemCallEnd::Exit(code) => panic!("ended with {code}"),
    }
}

fn program() -> Machine {
    linux(&Code::default().raw(&[0x90]), &[])
}

fn map(machine: &mut Machine, address: u32, bytes: u32, flags: u32) -> u32 {
    call(machine, 192, [address, bytes, 3, flags, u32::MAX])
}

#[test]
fn the_break_moves_within_the_memory_and_no_further() {
    let mut machine = program();
    let mut set = |end| call(&mut machine, 45, [end, 0, 0, 0, 0]);
    assert_eq!(set(0), BREAK);
    assert_eq!(set(BREAK + 5000), BREAK + 5000);
    assert_eq!(set(BREAK + (64 << 20)), BREAK + 5000);
    assert_eq!(set(BREAK - 1), BREAK + 5000);
    assert_eq!(set(0xffff_ffff), BREAK + 5000);
    assert_eq!(set(BREAK + 1), BREAK + 1);
    assert_eq!(machine.rights(BREAK + 4095), Some(Rights::READ_WRITE));
    assert_eq!(machine.rights(BREAK + 4096), None);
}

#[test]
fn memory_that_comes_back_is_zero() {
    let mut machine = program();
    let first = map(&mut machine, 0, HALF, PRIVATE);
    machine.partitions[0].guest.set_bytes(first + 70_000, b"secret").unwrap();
    assert_eq!(call(&mut machine, 91, [first, HALF, 0, 0, 0]), 0);
    assert_eq!(machine.rights(first), None);
    for _ in 0..3 {
        let place = map(&mut machine, 0, HALF, PRIVATE);
        assert_eq!(machine.partitions[0].guest.bytes(place + 70_000, 6).unwrap(), [0; 6]);
        machine.partitions[0].guest.set_bytes(place + 70_000, b"secret").unwrap();
        assert_eq!(map(&mut machine, 0, HALF, PRIVATE), NO_MEMORY);
        assert_eq!(call(&mut machine, 91, [place, HALF, 0, 0, 0]), 0);
    }
}

#[test]
fn a_mapping_goes_where_it_must_and_may() {
    let mut machine = program();
    let high = map(&mut machine, 0, 1, PRIVATE);
    let below = map(&mut machine, 0, 0x2001, PRIVATE);
    assert_eq!(below, high - 0x3000);
    assert_eq!(map(&mut machine, 0x4000_0123, 1, PRIVATE), 0x4000_0000);
    assert_eq!(map(&mut machine, 0x4000_0000, 1, PRIVATE), below - 0x1000);
    machine.partitions[0].guest.set_bytes(high, b"x").unwrap();
    assert_eq!(map(&mut machine, high, 1, PRIVATE | FIXED_NO_REPLACE), EXISTS);
    assert_eq!(machine.partitions[0].guest.bytes(high, 1).unwrap(), b"x");
    assert_eq!(map(&mut machine, high, 1, PRIVATE | FIXED), high);
    assert_eq!(machine.partitions[0].guest.bytes(high, 1).unwrap(), [0]);
    assert_eq!(map(&mut machine, high + 1, 1, PRIVATE | FIXED), INVALID);
    assert_eq!(map(&mut machine, 0xbfff_f000, 0x2000, PRIVATE | FIXED), NO_MEMORY);
    assert_eq!(map(&mut machine, 0x1000, 1, PRIVATE | FIXED), -1_i32 as u32);
    assert_eq!(map(&mut machine, 0, 0, PRIVATE), INVALID);
    assert_eq!(map(&mut machine, 0, 1, 0x20), INVALID);
    assert_eq!(map(&mut machine, 0, 1, 2), BAD_DESCRIPTOR);
    assert_eq!(map(&mut machine, 0, u32::MAX, PRIVATE), NO_MEMORY);
    // mmap of old: the arguments lie in memory.
    let arguments = [0, 0x1000, 1, PRIVATE, u32::MAX, 0].map(u32::to_le_bytes).concat();
    machine.partitions[0].guest.set_bytes(BUFFER, &arguments).unwrap();
    let old = call(&mut machine, 90, [BUFFER, 0, 0, 0, 0]);
    assert_eq!(machine.rights(old), Some(Rights::READ));
    assert_eq!(call(&mut machine, 90, [0, 0, 0, 0, 0]), BAD_ADDRESS);
}

#[test]
fn a_refused_replacement_leaves_what_was_there() {
    let mut machine = program();
    let place = map(&mut machine, 0x2000_0000, 0x1000, PRIVATE);
    machine.partitions[0].guest.set_bytes(place, b"kept").unwrap();
    assert_eq!(map(&mut machine, place, 128 << 20, PRIVATE | FIXED), NO_MEMORY);
    assert_eq!(machine.partitions[0].guest.bytes(place, 4).unwrap(), b"kept");
}

#[test]
fn rights_change_for_pages_that_are_mapped() {
    let mut machine = program();
    let place = map(&mut machine, 0, 0x3000, PRIVATE);
    assert_eq!(call(&mut machine, 125, [place + 0x1000, 1, 5, 0, 0]), 0);
    let rights = [0, 0x1000, 0x2000].map(|offset| machine.rights(place + offset).unwrap());
    assert_eq!(rights, [Rights::READ_WRITE, Rights::READ_EXECUTE, Rights::READ_WRITE]);
    assert_eq!(call(&mut machine, 125, [place, 0x4001, 1, 0, 0]), NO_MEMORY);
    assert_eq!(call(&mut machine, 125, [place + 1, 1, 1, 0, 0]), INVALID);
    assert_eq!(call(&mut machine, 125, [place, 1, 8, 0, 0]), INVALID);
    assert_eq!(call(&mut machine, 91, [place + 0x1000, 0x1000, 0, 0, 0]), 0);
    assert_eq!(call(&mut machine, 125, [place, 0x3000, 1, 0, 0]), NO_MEMORY);
    assert_eq!(call(&mut machine, 91, [place + 1, 0x1000, 0, 0, 0]), INVALID);
    assert_eq!(call(&mut machine, 91, [place, 0, 0, 0, 0]), INVALID);
}

#[test]
fn a_mapping_that_moves_keeps_its_contents() {
    let mut machine = program();
    let place = map(&mut machine, 0, 0x2000, PRIVATE);
    machine.partitions[0].guest.set_bytes(place + 0x1ffc, b"tail").unwrap();
    let resize = |machine: &mut Machine, at, old, new, flags| call(machine, 163, [at, old, new, flags, 0]);
    assert_eq!(resize(&mut machine, place, 0x2000, 0x10_0000, 0), NO_MEMORY);
    let moved = resize(&mut machine, place, 0x2000, 0x10_0000, 1);
    assert_ne!(moved, place);
    assert_eq!(machine.partitions[0].guest.bytes(moved + 0x1ffc, 4).unwrap(), b"tail");
    assert_eq!((machine.rights(place), machine.rights(moved + 0xf_ffff)), (None, Some(Rights::READ_WRITE)));
    assert_eq!(resize(&mut machine, moved, 0x10_0000, 0x1000, 0), moved);
    assert_eq!(machine.rights(moved + 0x1000), None);
    assert_eq!(resize(&mut machine, moved, 0x1000, 0x2000, 0), moved);
    assert_eq!(machine.partitions[0].guest.bytes(moved + 0x1ffc, 4).unwrap(), [0; 4]);
    assert_eq!(resize(&mut machine, moved, 0x1000, u32::MAX, 1), NO_MEMORY);
    assert_eq!(resize(&mut machine, moved, 0x1000, 128 << 20, 1), NO_MEMORY);
    assert_eq!(resize(&mut machine, moved, 0x1000, 0, 1), INVALID);
    assert_eq!(resize(&mut machine, moved, 0x1000, 0x2000, 3), INVALID);
    assert_eq!(resize(&mut machine, 0x5000_0000, 0x1000, 0x2000, 1), BAD_ADDRESS);
}

#[test]
fn thread_local_storage_is_read_through_gs() {
    // mov ax, 63h; mov gs, ax; mov eax, gs:[4]
    let code = Code::default()
        .set(Register::Ebx, BUFFER)
        .set(Register::Eax, 243)
        .raw(&[0xcd, 0x80])
        .store_eax(DATA)
        .load_eax(BUFFER)
        .raw(&[0x8d, 0x04, 0xc5, 3, 0, 0, 0, 0x8e, 0xe8, 0x65, 0xa1, 4, 0, 0, 0])
        .store_eax(DATA + 4)
        .set(Register::Eax, 1)
        .raw(&[0xcd, 0x80]);
    let mut machine = linux(&code, &[]);
    let area = [u32::MAX, BUFFER + 0x100, 0xf_ffff, 0x51].map(u32::to_le_bytes).concat();
    machine.partitions[0].guest.set_bytes(BUFFER, &area).unwrap();
    machine.partitions[0].guest.set_bytes(BUFFER + 0x104, &77_u32.to_le_bytes()).unwrap();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    assert!(matches!(outcome, Outcome::Shutdown { .. }), "{outcome:?}");
    assert_eq!((words(&machine, DATA), words(&machine, BUFFER)), ([0, 77], [12]));
}

#[test]
fn thread_areas_are_three_and_can_be_emptied() {
    let mut machine = program();
    let mut set = |words: [u32; 4]| {
        machine.partitions[0].guest.set_bytes(BUFFER, &words.map(u32::to_le_bytes).concat()).unwrap();
        call(&mut machine, 243, [BUFFER, 0, 0, 0, 0])
    };
    let any = u32::MAX;
    assert_eq!([0; 4].map(|_: u32| set([any, 0x1000, 0xf_ffff, 0x51])), [0, 0, 0, -3_i32 as u32]);
    assert_eq!(set([13, 0, 0, 0x28]), 0);
    assert_eq!(set([any, 0x1000, 0xf_ffff, 0x51]), 0);
    assert_eq!([6, 11, 15].map(|entry| set([entry, 0, 1, 0x51])), [INVALID; 3]);
    // 16 bits, code, not present
    assert_eq!([0x50, 0x55, 0x71].map(|flags| set([12, 0, 1, flags])), [INVALID; 3]);
    assert_eq!(call(&mut machine, 243, [0, 0, 0, 0, 0]), BAD_ADDRESS);
}

#[test]
fn parts_are_written_in_order_up_to_the_first_that_cannot_be() {
    let mut machine = program();
    machine.partitions[0].guest.set_bytes(BUFFER, b"one two").unwrap();
    let parts = [BUFFER + 4, 3, BUFFER, 4, 0, 9].map(u32::to_le_bytes).concat();
    machine.partitions[0].guest.set_bytes(BUFFER + 0x100, &parts).unwrap();
    let mut write = |descriptor, count| call(&mut machine, 146, [descriptor, BUFFER + 0x100, count, 0, 0]);
    assert_eq!(write(1, 2), 7);
    assert_eq!(write(1, 3), 7);
    assert_eq!(write(7, 1), BAD_DESCRIPTOR);
    assert_eq!(write(1, 1025), INVALID);
    assert_eq!(write(1, 0), 0);
    assert_eq!(call(&mut machine, 146, [1, BUFFER + 0x110, 1, 0, 0]), BAD_ADDRESS);
    assert_eq!(call(&mut machine, 146, [1, 0xffff_fffc, 1, 0, 0]), BAD_ADDRESS);
    assert_eq!(machine.take_output(), b"twoone twoone ");
}

#[test]
fn many_parts_that_are_the_same_bytes_do_not_add_up_without_bound() {
    let mut machine = program();
    let place = map(&mut machine, 0, 1 << 20, PRIVATE);
    let parts = [place, 1 << 20].map(u32::to_le_bytes).concat().repeat(512);
    machine.partitions[0].guest.set_bytes(BUFFER, &parts).unwrap();
    assert_eq!(call(&mut machine, 146, [1, BUFFER, 512, 0, 0]), 16 << 20);
}

#[test]
fn a_closed_descriptor_is_gone_and_there_are_no_files() {
    let mut machine = program();
    machine.partitions[0].guest.set_bytes(BUFFER, b"/etc/passwd\0").unwrap();
    assert_eq!(call(&mut machine, 6, [1, 0, 0, 0, 0]), 0);
    assert_eq!(call(&mut machine, 6, [1, 0, 0, 0, 0]), BAD_DESCRIPTOR);
    assert_eq!(call(&mut machine, 4, [1, BUFFER, 1, 0, 0]), BAD_DESCRIPTOR);
    assert_eq!(call(&mut machine, 197, [1, BUFFER, 0, 0, 0]), BAD_DESCRIPTOR);
    assert_eq!(call(&mut machine, 54, [2, 0x5401, BUFFER, 0, 0]), -25_i32 as u32);
    assert_eq!(call(&mut machine, 19, [2, 0, 0, 0, 0]), -29_i32 as u32);
    assert_eq!(call(&mut machine, 85, [BUFFER, 0, 0, 0, 0]), -2_i32 as u32);
    assert_eq!(call(&mut machine, 85, [4, 0, 0, 0, 0]), BAD_ADDRESS);
    assert_eq!(call(&mut machine, 5, [BUFFER, 0, 0, 0, 0]), -38_i32 as u32);
    assert_eq!(call(&mut machine, 197, [2, BUFFER, 0, 0, 0]), 0);
    assert_eq!(words::<1>(&machine, BUFFER + 16), [0o010_600]);
    machine.partitions[0].guest.set_bytes(BUFFER, &[0]).unwrap();
    assert_eq!(call(&mut machine, 383, [2, BUFFER, 0x1000, 0x7ff, BUFFER + 0x200]), 0);
    assert_eq!(words::<1>(&machine, BUFFER + 0x200 + 28), [0o010_600]);
}

#[test]
fn facts_are_the_same_in_every_run() {
    let facts = || {
        let mut machine = program();
        machine.clock.advance(250_000_000);
        assert_eq!(call(&mut machine, 122, [BUFFER, 0, 0, 0, 0]), 0);
        assert_eq!(call(&mut machine, 355, [BUFFER + 0x200, 24, 0, 0, 0]), 24);
        assert_eq!(call(&mut machine, 355, [BUFFER + 0x218, 8, 0, 0, 0]), 8);
        assert_eq!(call(&mut machine, 265, [1, BUFFER + 0x220, 0, 0, 0]), 0);
        assert_eq!(call(&mut machine, 403, [0, BUFFER + 0x228, 0, 0, 0]), 0);
        assert_eq!(call(&mut machine, 78, [BUFFER + 0x238, 0, 0, 0, 0]), 0);
        assert_eq!(call(&mut machine, 13, [0; 5]), 2);
        assert_eq!(call(&mut machine, 116, [BUFFER + 0x240, 0, 0, 0, 0]), 0);
        assert_eq!(call(&mut machine, 191, [3, BUFFER + 0x280, 0, 0, 0]), 0);
        machine.partitions[0].guest.bytes(BUFFER, 0x288).unwrap()
    };
    let bytes = facts();
    assert_eq!(bytes, facts());
    assert_eq!(&bytes[..6], b"Linux\0");
    assert_eq!(&bytes[4 * 65..4 * 65 + 5], b"i686\0");
    assert_ne!(bytes[0x210..0x218], bytes[0x218..0x220]);
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let half = 500_000_000;
    assert_eq!([0x220, 0x224, 0x228, 0x22c, 0x230, 0x238].map(word), [2, half, 2, 0, half, 2]);
    assert_eq!([0x23c, 0x280, 0x284].map(word), [500_000, 8 << 20, u32::MAX]);
}

#[test]
fn a_signal_to_itself_ends_a_program_unless_it_is_blocked() {
    let kill = |number, arguments: [u32; 3]| {
        let code = Code::default()
            .set(Register::Ebx, arguments[0])
            .set(Register::Ecx, arguments[1])
            .set(Register::Edx, arguments[2])
            .set(Register::Eax, number)
            .raw(&[0xcd, 0x80])
            .set(Register::Ebx, 0)
            .set(Register::Eax, 1)
            .raw(&[0xcd, 0x80]);
        linux(&code, &[])
    };
    let code = |machine: &mut Machine| match finish(machine, &mut Unrecorded).0 {
        Outcome::Shutdown { code } => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(&mut kill(270, [1, 1, 6])), 134);
    assert_eq!(code(&mut kill(37, [1, 9, 0])), 137);
    assert_eq!(code(&mut kill(238, [1, 17, 0])), 0);
    assert_eq!(code(&mut kill(37, [2, 9, 0])), 0);
    let mut machine = kill(37, [1, 6, 0]);
    machine.partitions[0].guest.set_bytes(BUFFER, &[0xff; 8]).unwrap();
    assert_eq!(call(&mut machine, 175, [0, BUFFER, BUFFER + 8, 8, 0]), 0);
    assert_eq!(call(&mut machine, 175, [2, 0, BUFFER + 16, 8, 0]), 0);
    assert_eq!(words(&machine, BUFFER + 8), [0, 0, 0xfffb_feff, 0xffff_ffff]);
    assert_eq!(code(&mut machine), 0);
    assert_eq!(call(&mut machine, 175, [9, BUFFER, 0, 8, 0]), INVALID);
    assert_eq!(call(&mut machine, 175, [0, BUFFER, 0, 4, 0]), INVALID);
    assert_eq!(call(&mut machine, 37, [1, 65, 0, 0, 0]), INVALID);
    assert_eq!(call(&mut machine, 37, [9, 1, 0, 0, 0]), -3_i32 as u32);
}

/// Numbers that calls like and dislike.
fn claim(random: &mut u64) -> u32 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let bits = (*random >> 33) as u32;
    let page = BREAK + (bits >> 8 & 63) * PAGE_BYTES;
    let near = [0, 1, 3, 7, PRIVATE, PRIVATE | FIXED, 0x1000, 0x3000, HALF, BUFFER, page, page, 0x2000_0000];
    match bits & 15 {
        13 => u32::MAX - (bits >> 20),
        14 => bits << 1,
        15 => 0xbfff_e000,
        other => near[other as usize],
    }
}

#[test]
fn whatever_a_program_asks_for_nothing_panics_and_the_effects_tell_all() {
    let mut machine = program();
    let mut random = 20;
    let mut pages: BTreeMap<u32, Rights> = BTreeMap::new();
    let whole = || (0..0xc000_0000_u32).step_by(PAGE_BYTES as usize);
    pages.extend(whole().filter_map(|at| machine.rights(at).map(|rights| (at, rights))));
    let numbers =
        [45, 90, 91, 125, 163, 192, 192, 192, 163, 125, 91, 146, 4, 197, 243, 265, 355, 383, 116, 122];
    for round in 0..4000 {
        let number = if round % 8 == 0 { claim(&mut random) % 500 } else { numbers[round % numbers.len()] };
        if matches!(number, 1 | 37 | 238 | 252 | 270) {
            continue;
        }
        let arguments = [0; 5].map(|_: u32| claim(&mut random));
        call(&mut machine, number, arguments);
        machine.take_output();
        machine.take_errors();
        let steps = |address: u32, bytes: u32| (address..address + bytes).step_by(PAGE_BYTES as usize);
        for effect in machine.system_call_effects() {
            match *effect {
                Effect::Mapped { address, length_bytes, rights } => {
                    for at in steps(address, length_bytes) {
                        assert_eq!(pages.insert(at, rights), None, "{at:x} was there, {effect:?}");
                    }
                }
                Effect::Unmapped { address, length_bytes } => {
                    for at in steps(address, length_bytes) {
                        assert!(pages.remove(&at).is_some(), "{at:x} was not there, {effect:?}");
                    }
                }
                Effect::Protected { address, length_bytes, rights } => {
                    for at in steps(address, length_bytes) {
                        assert!(pages.insert(at, rights).is_some(), "{at:x} was not there, {effect:?}");
                    }
                }
                Effect::Wrote { .. } | Effect::ThreadArea { .. } => {}
            }
        }
    }
    assert!(pages.len() > 3, "the program has kept something");
    let now: BTreeMap<u32, Rights> =
        whole().filter_map(|at| machine.rights(at).map(|rights| (at, rights))).collect();
    assert_eq!(now, pages);
}
