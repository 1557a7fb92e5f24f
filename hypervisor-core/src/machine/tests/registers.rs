//! The registers that the core keeps for a guest: what they hold, where they are read, and what they do.

use super::{DATA, SHARED, ended_well, words};
use crate::abi::{Call, FakeRegister, shared_page};
use crate::machine::{Config, Machine};
use crate::test_images::{BASE, Code, finish};
use crate::{CrashReason, Outcome, Unrecorded};
use emulator::cpu::control;
use emulator::{CpuProfile, Exception, Settings, Vector};

const CR0: u32 = 0x8005_0033;
const CR4_SSE: u32 = control::CR4_OSFXSR | control::CR4_OSXMMEXCPT;

const FLD1: &[u8] = &[0xd9, 0xe8];
const FNSTSW: &[u8] = &[0xdf, 0xe0];
const FWAIT: &[u8] = &[0x9b];
const PADDB: &[u8] = &[0x0f, 0xfc, 0xc0];
const ADDPS: &[u8] = &[0x0f, 0x58, 0xc0];
const RDTSC: &[u8] = &[0x0f, 0x31];

fn set(code: Code, register: FakeRegister, value: u32) -> Code {
    code.call(Call::RegisterSet, &[register as u32, value]).store_eax(DATA)
}

fn machine(code: &Code, profile: CpuProfile) -> Machine {
    let engine = Settings { profile, ..Settings::default() };
    let config = Config { memory_bytes: Some(1 << 20), engine, ..Config::default() };
    Machine::new(code.image(), config).unwrap()
}

/// FXSAVE and FXRSTOR at an aligned place.
fn fxsave(extension: u8) -> Vec<u8> {
    [&[0x0f, 0xae, 0x05 | extension << 3][..], &DATA.next_multiple_of(16).to_le_bytes()].concat()
}

/// The vector that `instruction` raises with these registers, if it raises one.
fn raises(cr0: u32, cr4: u32, instruction: &[u8], profile: CpuProfile) -> Option<Vector> {
    let code = set(set(Code::default(), FakeRegister::Cr4, cr4), FakeRegister::Cr0, cr0);
    let code = code.raw(instruction).call(Call::Shutdown, &[0]);
    let mut machine = machine(&code, profile);
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    match outcome {
        Outcome::Shutdown { code: 0 } => None,
        Outcome::Crashed(crash) => match crash.reason {
            CrashReason::Unhandled(Exception { vector, .. }) => Some(vector),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn ts_em_and_mp_act_on_the_next_instruction() {
    use CpuProfile::{I686, Pentium4};
    let (ts, em, mp) = (control::CR0_TS, control::CR0_EM, control::CR0_MP);
    let absent = Some(Vector::DeviceNotAvailable);
    let undefined = Some(Vector::InvalidOpcode);
    for (cr0, instruction, vector) in [
        (CR0, FLD1, None),
        (CR0 | ts, FLD1, absent),
        (CR0 | em, FLD1, absent),
        (CR0 | ts, FNSTSW, absent),
        (CR0 | ts, FWAIT, absent),
        (CR0 & !mp | ts, FWAIT, None),
        (CR0 | em, FWAIT, None),
        (CR0 | ts, PADDB, absent),
        (CR0 | em, PADDB, undefined),
        (CR0 | em | ts, PADDB, undefined),
    ] {
        assert_eq!(raises(cr0, 0, instruction, I686), vector, "{cr0:x} {instruction:x?}");
        assert_eq!(raises(cr0, CR4_SSE, instruction, Pentium4), vector, "{cr0:x} {instruction:x?}");
    }
}

#[test]
fn osfxsr_ts_and_em_decide_over_sse_and_fxsave() {
    let (ts, em, saved) = (control::CR0_TS, control::CR0_EM, control::CR4_OSFXSR);
    let absent = Some(Vector::DeviceNotAvailable);
    let undefined = Some(Vector::InvalidOpcode);
    let (save, restore) = (fxsave(0), fxsave(1));
    for (cr0, cr4, instruction, vector) in [
        (CR0, saved, ADDPS, None),
        (CR0, 0, ADDPS, undefined),
        (CR0 | em, saved, ADDPS, undefined),
        (CR0 | ts, saved, ADDPS, absent),
        (CR0 | ts, 0, ADDPS, undefined),
        // FXSAVE works without OSFXSR, on what is x87's (SDM Vol. 1, 10.5.1).
        (CR0, 0, &save[..], None),
        (CR0, saved, &save[..], None),
        (CR0 | ts, saved, &save[..], absent),
        (CR0 | em, saved, &save[..], absent),
        (CR0 | ts, saved, &restore[..], absent),
    ] {
        assert_eq!(
            raises(cr0, cr4, instruction, CpuProfile::Pentium4),
            vector,
            "{cr0:x} {cr4:x} {instruction:x?}"
        );
    }
}

#[test]
fn tsd_refuses_rdtsc() {
    let refused = Some(Vector::GeneralProtection);
    assert_eq!(raises(CR0, control::CR4_TSD, RDTSC, CpuProfile::I686), refused);
    assert_eq!(raises(CR0, 0, RDTSC, CpuProfile::I686), None);
}

#[test]
fn the_lazy_switch_sets_and_clears_ts_alone() {
    let code = Code::default().call(Call::FpuSetSwitched, &[1]).load_eax(SHARED + shared_page::CR0);
    let code = code.store_eax(DATA).call(Call::FpuSetSwitched, &[0]).load_eax(SHARED + shared_page::CR0);
    let code = code.store_eax(DATA + 4).raw(FLD1).call(Call::Shutdown, &[0]);
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [CR0 | control::CR0_TS, CR0]);
}

#[test]
fn registers_read_back_by_call_and_in_the_shared_page() {
    for (register, offset, value) in [
        (FakeRegister::Cr0, Some(shared_page::CR0), CR0 & !control::CR0_WP),
        (FakeRegister::Cr2, Some(shared_page::CR2), 0x1234_5678),
        (FakeRegister::Cr3, Some(shared_page::CR3), 0x20_0000),
        (FakeRegister::Cr4, Some(shared_page::CR4), control::CR4_TSD),
        (FakeRegister::Dr0, None, 1),
        (FakeRegister::Dr3, None, u32::MAX),
        (FakeRegister::GdtrBase, Some(shared_page::GDTR_BASE), 0x10_2000),
        (FakeRegister::GdtrLimit, Some(shared_page::GDTR_LIMIT), 0xffff),
        (FakeRegister::IdtrBase, Some(shared_page::IDTR_BASE), 0x10_3000),
        (FakeRegister::IdtrLimit, Some(shared_page::IDTR_LIMIT), 0x7ff),
        (FakeRegister::Ldtr, Some(shared_page::LDTR), 0x48),
        (FakeRegister::Tr, Some(shared_page::TR), 0x50),
        (FakeRegister::Iopl, Some(shared_page::IOPL), 3),
    ] {
        let code = set(Code::default(), register, value);
        let code = code.call(Call::RegisterGet, &[register as u32, DATA + 4]).call(Call::Shutdown, &[0]);
        let mut machine = code.machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        assert_eq!(words(&machine, DATA), [0, value], "{register:?}");
        if let Some(offset) = offset {
            assert_eq!(words(&machine, SHARED + offset), [value], "{register:?}");
        }
    }
}

#[test]
fn reserved_bits_of_the_debug_registers_keep_their_values() {
    let code = set(set(Code::default(), FakeRegister::Dr6, 0), FakeRegister::Dr7, 0);
    let code = code.call(Call::RegisterGet, &[FakeRegister::Dr6 as u32, DATA + 4]);
    let code = code.call(Call::RegisterGet, &[FakeRegister::Dr7 as u32, DATA + 8]);
    let code = set(code, FakeRegister::Dr6, u32::MAX);
    let code = code.call(Call::RegisterGet, &[FakeRegister::Dr6 as u32, DATA + 12]);
    let mut machine = code.call(Call::Shutdown, &[0]).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [0, 0xffff_0ff0, 0x400, 0xffff_efff]);
}

#[test]
fn iopl_is_kept_and_never_honoured() {
    let code = set(Code::default(), FakeRegister::Iopl, 3);
    // pushf; pop eax
    let code = code.raw(&[0x9c, 0x58]).store_eax(DATA + 4);
    let cli = code.here();
    let mut machine = code.raw(&[0xfa]).machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    assert_eq!(crash.cpu.eip, cli);
    assert_eq!(words::<1>(&machine, DATA + 4)[0] & emulator::flags::IOPL, 0);
}

#[test]
fn the_shared_page_shows_the_registers_from_the_start() {
    let code = Code::default().call(Call::Shutdown, &[0]);
    let sse = machine(&code, CpuProfile::Pentium4);
    assert_eq!(words(&sse, SHARED + shared_page::CR0), [CR0, 0, CR4_SSE]);
    let plain = machine(&code, CpuProfile::I686);
    assert_eq!(words(&plain, SHARED + shared_page::CR0), [CR0, 0, 0]);
    assert_eq!(plain.cpu().eip, BASE);
}
