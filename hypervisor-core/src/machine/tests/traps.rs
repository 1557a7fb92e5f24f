//! Exceptions and INT n: what the guest's handler finds, and what happens without one.

use super::{DATA, MASK, SHARED, Tape, ended_well, run_to, words};
use crate::abi::{Call, shared_page, trap_entry};
use crate::config::PartitionId;
use crate::test_images::{BASE, Code, Register, finish};
use crate::{CrashReason, Event, Limits, Outcome, Unrecorded};
use emulator::{Exception, Vector, cpu, flags};

const HANDLER: u32 = BASE + 0x400;
const TABLE: u32 = BASE + 0x800;

/// A guest that sets one handler and goes on.
fn handles() -> Code {
    Code::default().call(Call::TrapSetTable, &[TABLE, 1])
}

/// Adds the table with its one entry, behind everything else.
fn with_table(code: Code, vector: u8, trap_flags: u32) -> Code {
    code.at(0x800).raw(&[vector, trap_flags as u8, 0x23, 0]).raw(&HANDLER.to_le_bytes())
}

fn crash_reason(outcome: Outcome) -> CrashReason {
    match outcome {
        Outcome::Crashed(crash) => crash.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_division_by_zero_is_corrected_by_the_handler_and_resumed() {
    let code = handles().set(Register::Ecx, 0).set(Register::Edx, 0).set(Register::Eax, 84);
    let division = code.here();
    let code = code.raw(&[0xf7, 0xf1]).store_eax(DATA).call(Call::Shutdown, &[0]).at(0x400);
    let code = code.set(Register::Ecx, 2).iret();
    let mut machine = with_table(code, 0, 0).machine();
    run_to(&mut machine, division);
    let esp = machine.cpu().registers[cpu::ESP];
    run_to(&mut machine, HANDLER + 5);
    let [eip, selector, image] = words(&machine, esp - 12);
    assert_eq!((eip, selector), (division, 0x23));
    // The virtual IF was 0, and the fault did not happen yet for instruction breakpoints.
    assert_eq!(image & (flags::IF | flags::RF), flags::RF);
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [42]);
}

#[test]
fn a_page_fault_has_its_error_code_and_cr2_without_a_call() {
    let code = handles();
    let load = code.here();
    let code = code.load_eax(0x1234).store_eax(DATA).call(Call::Shutdown, &[0]).at(0x400);
    // pop eax (the error code); add dword [esp], 5 to go past the load
    let code = code.raw(&[0x58]).store_eax(DATA + 4).raw(&[0x83, 0x04, 0x24, 5]);
    let code = code.load_eax(SHARED + shared_page::CR2).iret();
    let mut tape = Tape::default();
    let mut machine = with_table(code, 14, 0).machine();
    ended_well(&finish(&mut machine, &mut tape).0);
    assert_eq!(words(&machine, DATA), [0x1234, 4]);
    assert_eq!(machine.cpu().system.cr2, 0x1234);
    let trap =
        Event::Trap { vector: 14, error_code: Some(4), address: Some(0x1234), eip: load, handler: HANDLER };
    assert_eq!(tape.count(|event| *event == trap), 1);
}

#[test]
fn the_shared_page_tells_of_the_last_trap_that_entered_a_handler() {
    // INT 20h without a handler of its own is #GP(102h); then a trap without an error code.
    let code = handles();
    let fault = code.here();
    let code = code.raw(&[0xcd, 0x20]);
    let after = code.here();
    let code = code.call(Call::Shutdown, &[0]).at(0x400);
    // The frame is left behind: the handler goes on after the INT by itself.
    let mut machine = with_table(code.jump(after), 13, 0).machine();
    run_to(&mut machine, fault);
    assert_eq!(words(&machine, SHARED + shared_page::TRAP_ENTERED), [0; 4]);
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, SHARED + shared_page::TRAP_ENTERED), [1, 13, 0x102, fault]);

    let code = handles().raw(&[0xcc]);
    let next = code.here();
    let code = with_table(code.call(Call::Shutdown, &[0]).at(0x400).iret(), 3, 0);
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, SHARED + shared_page::TRAP_ENTERED), [1, 3, 0, next]);
}

#[test]
fn a_trap_whose_frame_cannot_be_pushed_is_not_told_of() {
    let code = handles().set(Register::Esp, 0x10_0008).store(BASE, 0x5555_5555).raw(&[0x0f, 0x0b]);
    let mut machine = with_table(code.at(0x400).iret(), 6, 0).machine();
    finish(&mut machine, &mut Unrecorded);
    assert_eq!(words(&machine, SHARED + shared_page::TRAP_ENTERED), [0; 4]);
}

#[test]
fn a_trap_masks_upcalls_unless_its_entry_keeps_the_mask() {
    for (trap_flags, masked) in [(0, 1), (trap_entry::FLAG_KEEP_MASK, 0)] {
        let code = handles().store(MASK, 0).raw(&[0xcc]).call(Call::Shutdown, &[0]).at(0x400);
        let code = code.load_eax(MASK).store_eax(DATA).iret();
        let mut machine = with_table(code, 3, trap_flags).machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        assert_eq!(words(&machine, DATA), [masked]);
        assert_eq!(words(&machine, MASK), [0]);
    }
}

#[test]
fn int_n_reaches_a_user_handler_with_the_next_eip() {
    let code = handles();
    let gate = code.here();
    let code = code.raw(&[0xcd, 0x20]).increment(DATA).call(Call::Shutdown, &[0]).at(0x400);
    let code = code.raw(&[0x8b, 0x04, 0x24]).store_eax(DATA + 4).iret();
    let mut machine = with_table(code, 0x20, trap_entry::FLAG_USER).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [1, gate + 2]);
}

#[test]
fn int_n_without_a_user_handler_is_a_general_protection_fault() {
    let code = handles();
    let gate = code.here();
    let code = with_table(code.raw(&[0xcd, 0x20]).at(0x400).iret(), 0x20, 0);
    let (outcome, _) = finish(&mut code.machine(), &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    let exception = Exception { vector: Vector::GeneralProtection, error_code: 0x102, address: 0 };
    assert_eq!((crash.reason, crash.cpu.eip), (CrashReason::Unhandled(exception), gate));
}

#[test]
fn a_privileged_instruction_is_reflected() {
    let code = handles();
    let halt = code.here();
    let code = code.raw(&[0xf4]).call(Call::Shutdown, &[0]).at(0x400);
    // pop eax (the error code); inc dword [esp]
    let code = code.raw(&[0x58]).store_eax(DATA).raw(&[0x8b, 0x04, 0x24]).store_eax(DATA + 4);
    let code = code.raw(&[0xff, 0x04, 0x24]).iret();
    let mut machine = with_table(code, 13, 0).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [0, halt]);
}

#[test]
fn a_fault_without_a_handler_is_a_crash_with_its_last_instructions() {
    let code = Code::default().set(Register::Ecx, 100);
    let again = code.here();
    let code = code.raw(&[0x49, 0x75, 0xfd]); // dec ecx; jnz
    let fault = code.here();
    let mut machine = code.raw(&[0x0f, 0x0b]).machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    let exception = Exception { vector: Vector::InvalidOpcode, error_code: 0, address: 0 };
    assert_eq!((crash.reason, crash.cpu.eip), (CrashReason::Unhandled(exception), fault));
    assert_eq!(crash.instruction, 201);
    let last = machine.last_instructions(PartitionId(0), 16);
    assert_eq!(last.len(), 16);
    let told: Vec<(u64, u32)> = last.iter().map(|entry| (entry.instruction, entry.eip)).collect();
    assert_eq!(told[15], (200, again + 1));
    assert_eq!(told[14], (199, again));
    assert_eq!(last[14].bytes, [0x49]);
}

#[test]
fn a_frame_that_cannot_be_pushed_is_a_crash_and_writes_nothing() {
    let code = handles().set(Register::Esp, 0x10_0008).store(BASE, 0x5555_5555).raw(&[0x0f, 0x0b]);
    let mut machine = with_table(code.at(0x400).iret(), 6, 0).machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    assert_eq!(crash_reason(outcome), CrashReason::TrapFrame { vector: 6, error_code: 0, address: 0xf_fffc });
    assert_eq!(words(&machine, BASE), [0x5555_5555]);
}

#[test]
fn a_handler_that_faults_itself_ends_when_the_stack_does() {
    let code = with_table(handles().raw(&[0x0f, 0x0b]).at(0x400).raw(&[0x0f, 0x0b]), 6, 0);
    let (outcome, _) = finish(&mut code.machine(), &mut Unrecorded);
    assert!(matches!(crash_reason(outcome), CrashReason::TrapFrame { vector: 6, .. }));
}

#[test]
fn a_guest_that_faults_for_ever_uses_up_its_budget() {
    let code = with_table(handles().raw(&[0x0f, 0x0b]).at(0x400).iret(), 6, 0);
    let mut machine = code.machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    assert!(matches!(outcome, Outcome::LimitReached(_)), "{outcome:?}");
    assert_eq!(machine.stamp().instruction, 1_000_000);
}

#[test]
fn a_bad_frame_is_a_fault_at_the_gate_with_esp_as_it_was() {
    // CS of the frame is 1Bh; then a stack that cannot be read.
    let bad_selector = handles().raw(&[0x68, 2, 2, 0, 0, 0x6a, 0x1b, 0x6a, 0]).iret();
    let gate = bad_selector.here() - 2;
    let code = with_table(bad_selector.at(0x400).raw(&[0x90]), 13, 0);
    let mut machine = code.machine();
    run_to(&mut machine, gate);
    let (esp, eax) = (machine.cpu().registers[cpu::ESP], machine.cpu().registers[cpu::EAX]);
    run_to(&mut machine, HANDLER + 1);
    assert_eq!(machine.cpu().registers[cpu::EAX], eax);
    let [error_code, eip, _, image] = words(&machine, esp - 16);
    assert_eq!((error_code, eip, image & flags::RF), (0x18, gate, flags::RF));

    let code = Code::default().set(Register::Esp, 0xf001_8000 - 4).iret();
    let (outcome, _) = finish(&mut code.machine(), &mut Unrecorded);
    let exception = Exception { vector: Vector::PageFault, error_code: 4, address: 0xf001_8000 };
    assert_eq!(crash_reason(outcome), CrashReason::Unhandled(exception));
}

#[test]
fn a_raised_trap_enters_the_handler_after_the_call() {
    let code = handles().call(Call::TrapRaise, &[14, 0x55]);
    let after = code.here();
    let code = code.store_eax(DATA).call(Call::Shutdown, &[0]).at(0x400);
    let code = code.raw(&[0x50, 0x8b, 0x44, 0x24, 4]).store_eax(DATA + 4);
    let code = code.raw(&[0x8b, 0x44, 0x24, 8]).store_eax(DATA + 8).raw(&[0x58, 0x83, 0xc4, 4]).iret();
    let mut machine = with_table(code, 14, 0).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [0, 0x55, after]);
}

#[test]
fn single_steps_reach_the_handler_after_each_instruction() {
    // TF by POPF: #DB after the instruction that follows it, and the handler runs without it.
    let code = handles().raw(&[0x68, 2, 3, 0, 0, 0x9d]);
    let code = code.increment(DATA).increment(DATA).raw(&[0x68, 2, 2, 0, 0, 0x9d]).call(Call::Shutdown, &[0]);
    let code = with_table(code.at(0x400).increment(DATA + 4).iret(), 1, 0);
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    // inc, inc, push, and the popf that ends it.
    assert_eq!(words(&machine, DATA), [2, 4]);
}

#[test]
fn a_crash_is_told_and_repeats() {
    let mut machine = Code::default().raw(&[0x0f, 0x0b]).machine();
    let mut tape = Tape::default();
    let (first, _) = finish(&mut machine, &mut tape);
    assert_eq!(tape.count(|event| matches!(event, Event::Crash { .. })), 1);
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), crate::Progress::Finished(first));
}
