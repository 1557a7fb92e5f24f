//! Breakpoints of a guest's own, by its debug registers.

use super::{DATA, ended_well, words};
use crate::abi::{Call, FakeRegister};
use crate::config::{PartitionConfig, PrivilegedPolicy, SystemConfig};
use crate::machine::Machine;
use crate::test_images::{BASE, Code, Register, finish};
use crate::{Limits, Progress, Unrecorded};
use emulator::cpu;

const HANDLER: u32 = BASE + 0x400;
const TABLE: u32 = BASE + 0x800;
/// What is watched.
const WATCHED: u32 = DATA + 0x100;
/// How often the handler ran, EIP of the last frame, DR6 then.
const HITS: u32 = DATA;
const EIP: u32 = DATA + 4;
const DR6: u32 = DATA + 8;

const ENABLE_0: u32 = 1;
const ENABLE_1: u32 = 1 << 2;
const WRITE_4_BYTES_0: u32 = 0xd << 16;
const ACCESS_4_BYTES_1: u32 = 0xf << 20;

fn set(code: Code, register: FakeRegister, value: u32) -> Code {
    code.call(Call::RegisterSet, &[register as u32, value])
}

/// A guest whose handler of #DB notes what it finds, and breakpoints 0 and 1.
fn debugs(places: [u32; 2], dr7: u32) -> Code {
    let code = Code::default().call(Call::TrapSetTable, &[TABLE, 1]);
    let code = set(set(code, FakeRegister::Dr0, places[0]), FakeRegister::Dr1, places[1]);
    set(code, FakeRegister::Dr7, dr7)
}

/// Length of what [`debugs`] makes.
fn length() -> u32 {
    debugs([0, 0], 0).here()
}

/// The end of the guest, and its handler: `last` is what it does at its end.
fn handled(code: Code, last: &[u8]) -> Code {
    // pushad; mov eax, [esp + 32]
    let handler = code.call(Call::Shutdown, &[0]).at(0x400).raw(&[0x60, 0x8b, 0x44, 0x24, 0x20]);
    let handler =
        handler.store_eax(EIP).increment(HITS).call(Call::RegisterGet, &[FakeRegister::Dr6 as u32, DR6]);
    let handler = set(handler, FakeRegister::Dr6, 0).raw(&[0x61]).raw(last).iret();
    handler.at(0x800).raw(&[1, 0, 0x23, 0]).raw(&HANDLER.to_le_bytes())
}

/// or dword [esp + 8], 10000h: RF in the frame
const RESUME: &[u8] = &[0x81, 0x4c, 0x24, 8, 0, 0, 1, 0];

/// Runs it at one go and unit by unit, which is the same.
fn run(code: &Code) -> Machine {
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    let mut sliced = code.machine();
    let limits = Limits { slice_units: Some(1), ..Limits::default() };
    for _ in 0..100_000 {
        if let Progress::Finished(outcome) = sliced.run(&limits, &mut Unrecorded) {
            ended_well(&outcome);
            break;
        }
    }
    assert_eq!(sliced.digest(), machine.digest());
    machine
}

const NOTHING: u32 = 0xffff_0ff0;

#[test]
fn an_instruction_breakpoint_comes_before_its_instruction_and_rf_lets_it_go_on() {
    let start = length();
    // mov ecx, 3; inc dword [WATCHED]; loop
    let place = start + 5;
    let code = debugs([place, place], ENABLE_0 | ENABLE_1).set(Register::Ecx, 3);
    let code = handled(code.increment(WATCHED).raw(&[0xe2, 0xf8]), RESUME);
    let machine = run(&code);
    assert_eq!(words(&machine, HITS), [3, place, NOTHING | 3]);
    assert_eq!(words(&machine, WATCHED), [3]);
}

#[test]
fn an_instruction_breakpoint_without_rf_comes_again() {
    let place = length();
    // Twice, then the handler switches it off.
    let off = set(Code::default().raw(&[0x60]), FakeRegister::Dr7, 0).raw(&[0x61]).bytes;
    // cmp dword [HITS], 3; jne over
    let mut last = vec![0x83, 0x3d];
    last.extend(HITS.to_le_bytes());
    last.extend([3, 0x75, off.len() as u8]);
    last.extend(&off);
    let machine = run(&handled(debugs([place, 0], ENABLE_0).increment(WATCHED), &last));
    assert_eq!(words(&machine, HITS), [3, place, NOTHING | 1]);
    assert_eq!(words(&machine, WATCHED), [1]);
}

#[test]
fn a_breakpoint_on_a_repeated_instruction_comes_once() {
    let start = length();
    let place = start + 10;
    let code =
        debugs([place, 0], ENABLE_0).set(Register::Ecx, 5).set(Register::Edi, WATCHED).raw(&[0xf3, 0xaa]);
    let machine = run(&handled(code, RESUME));
    assert_eq!(words(&machine, HITS), [1, place, NOTHING | 1]);
    assert_eq!(machine.cpu().registers[cpu::EDI], WATCHED + 5);
}

#[test]
fn a_breakpoint_on_a_jump_to_itself_comes_each_time() {
    let start = length();
    // mov ecx, 4; loop to itself
    let place = start + 5;
    let code = debugs([place, 0], ENABLE_0).set(Register::Ecx, 4).raw(&[0xe2, 0xfe]);
    let machine = run(&handled(code, RESUME));
    assert_eq!(words(&machine, HITS), [4, place, NOTHING | 1]);
}

#[test]
fn a_write_watch_traps_after_writes_alone() {
    let code = debugs([WATCHED, 0], ENABLE_0 | WRITE_4_BYTES_0).load_eax(WATCHED).store_eax(WATCHED + 4);
    let code = code.store_eax(WATCHED + 3);
    let after = code.here();
    let machine = run(&handled(code, &[]));
    assert_eq!(words(&machine, HITS), [1, after, NOTHING | 1]);
}

#[test]
fn an_access_watch_traps_after_reads_and_writes() {
    let code = debugs([0, WATCHED + 2], ENABLE_1 | ACCESS_4_BYTES_1).load_eax(WATCHED + 4).load_eax(WATCHED);
    let code = code.store_eax(WATCHED);
    let after = code.here();
    let machine = run(&handled(code, &[]));
    assert_eq!(words(&machine, HITS), [2, after, NOTHING | 2]);
}

#[test]
fn a_watched_repeated_store_traps_after_its_iteration() {
    let code = debugs([WATCHED + 4, 0], ENABLE_0 | WRITE_4_BYTES_0).set(Register::Ecx, 4);
    let code = code.set(Register::Edi, WATCHED);
    let place = code.here();
    let machine = run(&handled(code.raw(&[0xf3, 0xab]), &[]));
    assert_eq!(words(&machine, HITS), [1, place, NOTHING | 1]);
    assert_eq!(machine.cpu().registers[cpu::EDI], WATCHED + 16);
}

#[test]
fn a_single_step_and_a_watch_are_one_exception_with_both_bits() {
    // push 302h; popf; inc dword [WATCHED], and the handler ends the stepping: and dword [esp + 8], ~100h
    let code = debugs([WATCHED, 0], ENABLE_0 | WRITE_4_BYTES_0).raw(&[0x68, 2, 3, 0, 0, 0x9d]);
    let code = code.increment(WATCHED);
    let after = code.here();
    let machine = run(&handled(code, &[0x81, 0x64, 0x24, 8, 0xff, 0xfe, 0xff, 0xff]));
    assert_eq!(words(&machine, HITS), [1, after, NOTHING | 1 | 1 << 14]);
}

#[test]
fn what_is_not_enabled_does_nothing_and_calls_are_no_accesses() {
    let place = length();
    let code = debugs([place, WATCHED], 0xdd_0000).increment(WATCHED);
    let code = set(code, FakeRegister::Dr7, ENABLE_1 | 0xd0_0000).call(Call::RegisterGet, &[0, WATCHED]);
    let machine = run(&handled(code, &[]));
    assert_eq!(words(&machine, HITS), [0]);
}

fn settling(code: &Code) -> Machine {
    let partition = PartitionConfig {
        memory_bytes: 1 << 20,
        privileged: PrivilegedPolicy::Settle,
        umip: true,
        ..PartitionConfig::new("one", code.image())
    };
    Machine::of_system(SystemConfig { partitions: vec![partition], ..SystemConfig::default() }).unwrap()
}

#[test]
fn debug_registers_are_set_by_settled_moves_and_watch_settled_stores() {
    let code = Code::default().call(Call::TrapSetTable, &[TABLE, 1]).set(Register::Eax, WATCHED);
    // mov dr0, eax; mov dr7, eax; sidt [WATCHED]
    let code = code.raw(&[0x0f, 0x23, 0xc0]).set(Register::Eax, ENABLE_0 | WRITE_4_BYTES_0);
    let code = code.raw(&[0x0f, 0x23, 0xf8, 0x0f, 0x01, 0x0d]).raw(&WATCHED.to_le_bytes());
    let after = code.here();
    let mut machine = settling(&handled(code, &[]));
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, HITS), [1, after, NOTHING | 1]);
}
