//! When upcalls are delivered, and what is on the stack then.

use super::{COUNT, DATA, MASK, SHARED, Tape, UPCALL_PENDING, ended_well, run_to, words};
use crate::abi::{Call, shared_page};
use crate::ledger::Source;
use crate::test_images::{BASE, Code, Register, finish};
use crate::{CrashReason, Event, Outcome, Unrecorded};
use emulator::{cpu, flags};

const HANDLER: u32 = BASE + 0x400;

/// A guest whose own port 5 is bound and raised, with upcalls masked.
fn raised() -> Code {
    Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindSelf, &[5, COUNT])
        .call(Call::EventSend, &[5])
}

/// A handler that notes how often [DATA] was incremented, takes the event and returns.
fn noting_handler(code: Code) -> Code {
    code.call(Call::Shutdown, &[0])
        .at(0x400)
        .raw(&[0x50])
        .load_eax(DATA)
        .store_eax(DATA + 4)
        .increment(DATA + 8)
        .store(UPCALL_PENDING, 0)
        .store(SHARED + shared_page::SELECTOR, 0)
        .store(SHARED + shared_page::EVENT_PENDING, 0)
        .raw(&[0x58])
        .iret()
}

#[test]
fn an_enabling_store_delivers_before_the_next_instruction() {
    let code = noting_handler(raised().increment(DATA).store(MASK, 0).increment(DATA));
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [2, 1, 1]);
    let account = machine.ledger().unwrap().account(Source::Own);
    assert_eq!((account.raised, account.delivered), (1, 1));
}

#[test]
fn an_enabling_exchange_or_byte_store_delivers_too() {
    let exchange = raised().increment(DATA).set(Register::Ecx, 0);
    let exchange = exchange.raw(&[0x87, 0x0d]).raw(&MASK.to_le_bytes()).increment(DATA);
    let byte = raised().increment(DATA).raw(&[0xc6, 0x05]).raw(&MASK.to_le_bytes()).raw(&[0]).increment(DATA);
    for code in [exchange, byte] {
        let mut machine = noting_handler(code).machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        assert_eq!(words(&machine, DATA), [2, 1, 1]);
    }
}

#[test]
fn a_masked_event_stays_pending_without_an_upcall() {
    let mut machine = noting_handler(raised().increment(DATA)).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [1, 0, 0]);
    assert_eq!(machine.ledger().unwrap().account(Source::Own).pending, 1);
    assert!(machine.ledger().unwrap().balances());
}

#[test]
fn the_frame_is_below_esp_and_nothing_else_changes() {
    let code = raised()
        .set(Register::Eax, 0x1111_1111)
        .set(Register::Edi, 0x7777_7777)
        .raw(&[0xf9, 0xfd]) // stc, std
        .store(MASK, 0);
    let after_store = code.here();
    let mut machine = noting_handler(code).machine();
    run_to(&mut machine, after_store);
    let before = machine.cpu().clone();
    let esp = before.registers[cpu::ESP];
    // The next turn delivers and runs one instruction of the handler: push eax.
    machine.run(&crate::Limits { slice_units: Some(1), ..Default::default() }, &mut Unrecorded);
    let after = machine.cpu();
    assert_eq!(after.eip, HANDLER + 1);
    assert_eq!(after.eflags, before.eflags);
    assert_eq!(words(&machine, esp - 16), [0x1111_1111, after_store, 0x23, before.eflags | flags::IF]);
    let mut registers = before.registers;
    registers[cpu::ESP] = esp - 16;
    assert_eq!(machine.cpu().registers, registers);
    assert_eq!(words(&machine, MASK), [1]);
}

#[test]
fn delivery_clears_tf_nt_and_rf_and_return_restores_them() {
    // NT set by POPF, then the enabling store.
    let code = raised().raw(&[0x68]).raw(&0x4202_u32.to_le_bytes()).raw(&[0x9d]).store(MASK, 0);
    let after_store = code.here();
    let mut machine = noting_handler(code.raw(&[0x90])).machine();
    run_to(&mut machine, after_store);
    assert_ne!(machine.cpu().eflags & flags::NT, 0);
    run_to(&mut machine, HANDLER + 1);
    assert_eq!(machine.cpu().eflags & (flags::NT | flags::TF | flags::RF), 0);
    run_to(&mut machine, after_store + 1);
    assert_ne!(machine.cpu().eflags & flags::NT, 0);
}

#[test]
fn one_instruction_retires_between_a_return_and_the_next_upcall() {
    let body = raised().store(MASK, 0).increment(DATA).increment(DATA).increment(DATA);
    let code = body.call(Call::Shutdown, &[0]).at(0x400);
    let noted = code.here() + 6;
    // The handler raises its own port again: an upcall is always pending.
    let code = code.raw(&[0x60]).load_eax(DATA).call(Call::EventSend, &[5]).raw(&[0x61]).iret();
    let mut tape = Tape::default();
    ended_well(&finish(&mut code.machine(), &mut tape).0);
    let noted = tape.eax_at(noted);
    assert_eq!(noted[..4], [0, 1, 2, 3], "{noted:?}");
}

#[test]
fn calls_that_enable_deliver_after_the_call() {
    let set_level = raised().increment(DATA).call(Call::InterruptsSetLevel, &[0x200]).increment(DATA);
    let block = raised().increment(DATA).call(Call::Block, &[]).increment(DATA);
    let entry = Code::default()
        .call(Call::EventBindSelf, &[5, COUNT])
        .call(Call::EventSend, &[5])
        .store(MASK, 0)
        .increment(DATA)
        .call(Call::UpcallSetEntry, &[HANDLER])
        .increment(DATA);
    let unmask = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindSelf, &[5, COUNT])
        .call(Call::EventMask, &[5])
        .call(Call::EventSend, &[5])
        .store(MASK, 0)
        .increment(DATA)
        .call(Call::EventUnmask, &[5])
        .increment(DATA);
    for code in [set_level, block, entry, unmask] {
        let mut machine = noting_handler(code).machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        assert_eq!(words(&machine, DATA), [2, 1, 1]);
        assert_eq!(words(&machine, MASK), [0]);
    }
}

#[test]
fn a_flash_lets_one_upcall_in_and_leaves_upcalls_masked() {
    for level in [0_u32, 0x200] {
        let code = raised().call(Call::InterruptsSetLevel, &[level]);
        let code = code.call(Call::InterruptsFlash, &[]).store_eax(DATA + 12).increment(DATA);
        let mut machine = noting_handler(code).machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        let [increments, _, handled, before] = words(&machine, DATA);
        assert_eq!((increments, before), (1, level));
        // Once in either case: with upcalls enabled the event came before the flash.
        assert_eq!(handled, 1);
        assert_eq!(words(&machine, MASK), [1]);
    }
}

#[test]
fn a_frame_that_the_guest_wrote_is_entered_with_iopl_ignored() {
    let target = BASE + 0x300;
    let code = Code::default()
        .raw(&[0x68])
        .raw(&0x3202_u32.to_le_bytes())
        .raw(&[0x6a, 0x23, 0x68])
        .raw(&target.to_le_bytes())
        .set(Register::Eax, 0xabcd)
        .iret()
        .at(0x300)
        .store_eax(DATA)
        .raw(&[0x9c, 0x58]) // pushf, pop eax
        .store_eax(DATA + 4)
        .call(Call::Shutdown, &[0]);
    let mut machine = code.machine();
    let esp = machine.cpu().registers[cpu::ESP];
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [0xabcd, 0x202]);
    assert_eq!(words(&machine, MASK), [0]);
    assert_eq!(machine.cpu().registers[cpu::ESP], esp);
}

#[test]
fn an_upcall_whose_frame_does_not_fit_is_a_crash_and_writes_nothing() {
    // The frame would begin one word below a page that exists.
    let code = raised().set(Register::Esp, 0x10_0008).store(BASE, 0x5555_5555).store(MASK, 0);
    let mut machine = code.machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    assert_eq!(crash.reason, CrashReason::UpcallFrame { address: 0xf_fffc });
    assert_eq!(crash.cpu.eip, code.here());
    assert_eq!(words(&machine, BASE), [0x5555_5555]);
}

#[test]
fn a_spurious_upcall_is_delivered() {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .store(UPCALL_PENDING, 1)
        .increment(DATA)
        .store(MASK, 0)
        .increment(DATA);
    let mut machine = noting_handler(code).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [2, 1, 1]);
}

#[test]
fn a_loaded_stack_segment_holds_off_an_upcall() {
    // Whatever unit the timer hits, the upcall does not come between MOV SS and the instruction after it.
    let mut hits = 0;
    for deadline in 200..208_u64 {
        let mut code = Code::default()
            .call(Call::UpcallSetEntry, &[HANDLER])
            .call(Call::EventBindInterrupt, &[0, 5, COUNT])
            .call(Call::TimerSetOneShot, &[deadline as u32, 0])
            .set(Register::Eax, 0x2b)
            .store(MASK, 0);
        let first = code.here();
        for _ in 0..40 {
            code = code.raw(&[0x8e, 0xd0, 0x90]); // mov ss, ax; nop
        }
        let mut tape = Tape::default();
        ended_well(&finish(&mut noting_handler(code).machine(), &mut tape).0);
        for (_, event) in &tape.events {
            let Event::Upcall { eip, .. } = event else { continue };
            assert_eq!((eip - first) % 3, 0, "delivered at {eip:x}h, after MOV SS");
            hits += 1;
        }
    }
    assert_eq!(hits, 8);
}
