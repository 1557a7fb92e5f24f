//! A partition's own memory: rights that change, second places, holes.

use super::{DATA, SHARED, Tape, ended_well, words};
use crate::abi::{Call, memory_map_entry};
use crate::config::{PartitionConfig, SystemConfig};
use crate::health::{HealthAction, HealthEvent};
use crate::machine::Machine;
use crate::test_images::{BASE, Code, Register, finish};
use crate::{CrashReason, Event, Outcome, Unrecorded};
use emulator::{Exception, Rights, Vector};

const ALIAS: u32 = 0x4000_0000;
/// RAM outside the image.
const PLAIN: u32 = BASE + 0x1_0000;
const PAGE: u32 = 0x1000;
const RIGHTS: [u32; 4] = [
    memory_map_entry::RIGHT_READ,
    memory_map_entry::RIGHT_WRITE,
    memory_map_entry::RIGHT_EXECUTE,
    memory_map_entry::RIGHT_READ | memory_map_entry::RIGHT_WRITE,
];
const READ: u32 = RIGHTS[0];
const READ_WRITE: u32 = RIGHTS[3];
const ALL: u32 = RIGHTS[0] | RIGHTS[1] | RIGHTS[2];

/// Makes a call that has to succeed: its result is added to the word at [`RESULTS`].
fn call(code: Code, call: Call, arguments: &[u32]) -> Code {
    // or [RESULTS], eax
    code.call(call, arguments).raw(&[0x09, 0x05]).raw(&RESULTS.to_le_bytes())
}

const RESULTS: u32 = DATA + 0xff0;

fn page_fault(code: &Code) -> (Exception, u32) {
    let mut machine = code.machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    let CrashReason::Unhandled(exception) = crash.reason else { panic!("{:?}", crash.reason) };
    (exception, crash.cpu.eip)
}

fn fault(error_code: u32, address: u32) -> Exception {
    Exception { vector: Vector::PageFault, error_code, address }
}

#[test]
fn a_page_that_is_protected_faults_from_the_next_instruction_on() {
    let code =
        Code::default().store(PLAIN, 5).call(Call::MemoryProtect, &[PLAIN, PAGE, READ]).load_eax(PLAIN);
    let place = code.here();
    assert_eq!(page_fault(&code.store(PLAIN, 6)), (fault(7, PLAIN), place));
    let code = Code::default().store(PLAIN, 5).call(Call::MemoryProtect, &[PLAIN, PAGE, 0]);
    let place = code.here();
    assert_eq!(page_fault(&code.load_eax(PLAIN)), (fault(4, PLAIN), place));
    // The call's own page, which can be executed no more.
    let code = Code::default().call(Call::MemoryProtect, &[BASE, PAGE, READ_WRITE]);
    let place = code.here();
    assert_eq!(page_fault(&code), (fault(0x15, place), place));
}

#[test]
fn contents_survive_rights_and_holes() {
    let code = call(Code::default().store(PLAIN, 5), Call::MemoryProtect, &[PLAIN, PAGE, 0]);
    let code = call(code, Call::MemoryProtect, &[PLAIN, PAGE, READ_WRITE]).load_eax(PLAIN).store_eax(DATA);
    let code = call(code, Call::MemoryUnmap, &[PLAIN, 2 * PAGE]);
    // The two pages come back in the other order.
    let code = call(code, Call::MemoryMap, &[PLAIN + PAGE, PAGE, PLAIN, READ_WRITE]);
    let code = call(code, Call::MemoryMap, &[PLAIN, PAGE, PLAIN + PAGE, READ]);
    let code = code.load_eax(PLAIN + PAGE).store_eax(DATA + 4).load_eax(PLAIN).store_eax(DATA + 8);
    let mut machine = code.call(Call::Shutdown, &[0]).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [5, 5, 0]);
    assert_eq!(words(&machine, RESULTS), [0]);
    assert_eq!(machine.rights(PLAIN), Some(Rights::READ));
}

#[test]
fn both_places_show_the_same_bytes() {
    let code = call(Code::default(), Call::MemoryMap, &[ALIAS, 2 * PAGE, PLAIN, READ_WRITE]);
    let code = code.store(ALIAS + PAGE + 8, 7).load_eax(PLAIN + PAGE + 8).store_eax(DATA);
    let code = code.store(PLAIN + 4, 9).load_eax(ALIAS + 4).store_eax(DATA + 4);
    // A word across both pages.
    let code = code.store(ALIAS + PAGE - 2, 0x1122_3344).load_eax(PLAIN + PAGE - 2).store_eax(DATA + 8);
    let mut machine = code.call(Call::Shutdown, &[0]).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [7, 9, 0x1122_3344]);
    assert_eq!(words(&machine, RESULTS), [0]);
}

#[test]
fn code_that_is_changed_at_its_second_place_is_changed_at_the_first() {
    // mov eax, 1; ret
    const FUNCTION: u32 = BASE + 0x600;
    let invoke = |code: Code, address: u32| {
        let distance = address.wrapping_sub(code.here() + 5);
        code.raw(&[0xe8]).raw(&distance.to_le_bytes())
    };
    let code = call(Code::default(), Call::MemoryMap, &[ALIAS, PAGE, BASE, ALL]);
    let code = invoke(code, FUNCTION).store_eax(DATA).store(ALIAS + 0x601, 2);
    let code = invoke(code, FUNCTION).store_eax(DATA + 4).store(FUNCTION + 1, 3);
    let code = invoke(code, ALIAS + 0x600).store_eax(DATA + 8);
    // The next instruction, by its second place: mov eax, 4 becomes mov eax, 5.
    let patched = code.here() + 10 + 1;
    let code = code.store(ALIAS + (patched - BASE), 5).set(Register::Eax, 4).store_eax(DATA + 12);
    let code = code.call(Call::Shutdown, &[0]).at(0x600).raw(&[0xb8, 1, 0, 0, 0, 0xc3]);
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [1, 2, 3, 5]);
    let mut traced = code.machine();
    ended_well(&finish(&mut traced, &mut Tape::default()).0);
    assert_eq!(traced.digest(), machine.digest());
}

#[test]
fn a_hole_faults_as_if_nothing_had_ever_been_there() {
    let code = Code::default().store(PLAIN, 5).call(Call::MemoryUnmap, &[PLAIN, PAGE]);
    let place = code.here();
    assert_eq!(page_fault(&code.store(PLAIN, 6)), (fault(6, PLAIN), place));
}

#[test]
fn a_query_tells_of_ram_of_second_places_of_the_core_and_of_nothing() {
    let code = call(Code::default(), Call::MemoryMap, &[ALIAS, PAGE, PLAIN, READ]);
    let places = [BASE, ALIAS + 5, PLAIN, SHARED, 0xf000_4fff, 0xf001_0000, 0, 0xffff_ffff, ALIAS + PAGE];
    let code = places
        .iter()
        .zip(0_u32..)
        .fold(code, |code, (place, index)| call(code, Call::MemoryQuery, &[*place, DATA + 12 * index]));
    let mut machine = code.call(Call::Shutdown, &[0]).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    let answers = places.iter().zip(0_u32..).map(|(_, index)| words::<3>(&machine, DATA + 12 * index));
    let (ram, shared, page, stack) = (
        memory_map_entry::KIND_RAM,
        memory_map_entry::KIND_SHARED_PAGE,
        memory_map_entry::KIND_HYPERCALL_PAGE,
        memory_map_entry::KIND_BOOT_STACK,
    );
    assert_eq!(
        answers.collect::<Vec<_>>(),
        [
            [ram, ALL, BASE],
            [ram, READ, PLAIN],
            [ram, READ_WRITE, PLAIN],
            [shared, READ_WRITE, 0],
            [page, READ | memory_map_entry::RIGHT_EXECUTE, 0],
            [stack, READ_WRITE, 0],
            [0; 3],
            [0; 3],
            [0; 3]
        ]
    );
    assert_eq!(words(&machine, RESULTS), [0]);
}

#[test]
fn a_mapping_belongs_to_the_state() {
    let ends = |code: Code| {
        let mut machine = code.set(Register::Eax, 0).call(Call::Shutdown, &[0]).machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        machine.digest()
    };
    let map = |rights| Code::default().call(Call::MemoryMap, &[ALIAS, PAGE, PLAIN, rights]);
    // The same registers and memory: the rights, in MOV ESI, are wiped out in both places.
    let clear = |code: Code| code.store(BASE + 16, 0).set(Register::Esi, 0);
    assert_ne!(ends(clear(map(READ))), ends(clear(map(READ_WRITE))));
    assert_eq!(ends(clear(map(READ))), ends(clear(map(READ))));
}

#[test]
fn a_warm_start_keeps_ram_that_was_mapped_elsewhere_and_none_of_the_mapping() {
    // Once where RAM starts, once at its second place; the start would fail to map that again.
    let code = Code::default().increment(PLAIN).call(Call::MemoryMap, &[ALIAS, PAGE, PLAIN, READ_WRITE]);
    let code = code.call(Call::MemoryUnmap, &[PLAIN, PAGE]).increment(ALIAS).raw(&[0x0f, 0x0b]);
    let mut partition =
        PartitionConfig { memory_bytes: 1 << 20, ..PartitionConfig::new("one", code.image()) };
    partition.health.set(HealthEvent::Exception(6), HealthAction::WarmRestart);
    partition.restarts_most = 2;
    let system = SystemConfig { partitions: vec![partition], ..SystemConfig::default() };
    let mut machine = Machine::of_system(system).unwrap();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    assert!(matches!(outcome, Outcome::Crashed(_)), "{outcome:?}");
    assert_eq!(words(&machine, ALIAS), [3 * 2]);
    assert_eq!(machine.rights(PLAIN), None);
}

#[test]
fn granted_ports_are_read_and_written_by_calls() {
    let code = call(Code::default(), Call::IoRead, &[0x3f8, 1, DATA]);
    let code = call(code, Call::IoRead, &[0x3f8, 2, DATA + 4]);
    let code = call(code, Call::IoRead, &[0x3f8, 4, DATA + 8]);
    let code = call(code, Call::IoWrite, &[0x3fb, 1, 0x41]).call(Call::Shutdown, &[0]);
    let partition = PartitionConfig {
        memory_bytes: 1 << 20,
        io_ports: vec![0x3f8..=0x3fb],
        ..PartitionConfig::new("one", code.image())
    };
    let system = SystemConfig { partitions: vec![partition], ..SystemConfig::default() };
    let mut machine = Machine::of_system(system).unwrap();
    let mut tape = Tape::default();
    ended_well(&finish(&mut machine, &mut tape).0);
    assert_eq!(words(&machine, DATA), [0xff, 0xffff, u32::MAX]);
    assert_eq!(words(&machine, RESULTS), [0]);
    assert_eq!(tape.count(|event| matches!(event, Event::Call { .. })), 5);
}
