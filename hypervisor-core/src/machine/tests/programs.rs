//! Boot state, and Linux programs.

use super::{DATA, Tape, ended_well, words};
use crate::abi::{Call, CallError, MAGIC, start_info};
use crate::machine::{Abi, Config, Machine};
use crate::test_images::{BASE, Code, Elf, Register, finish};
use crate::{CrashReason, Event, Image, Outcome, Unrecorded};
use emulator::{Exception, Rights, SegmentRegister, Vector, cpu};
use std::sync::Arc;

pub(super) fn linux(code: &Code, arguments: &[&str]) -> Machine {
    let image = Image::read(&Elf::with_code(&code.bytes, 0x8000).bytes()).unwrap();
    let config = Config {
        abi: Abi::Linux,
        name: "program".to_owned(),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        ..Config::default()
    };
    Machine::new(Arc::new(image), config).unwrap()
}

fn system_call(code: Code, number: u32, arguments: [u32; 3]) -> Code {
    code.set(Register::Ebx, arguments[0])
        .set(Register::Ecx, arguments[1])
        .set(Register::Edx, arguments[2])
        .set(Register::Eax, number)
        .raw(&[0xcd, 0x80])
}

#[test]
fn a_partition_starts_as_the_abi_says() {
    let config = Config {
        name: "one".to_owned(),
        arguments: vec!["a".to_owned(), "b c".to_owned()],
        memory_bytes: Some(1 << 20),
        ..Config::default()
    };
    let machine = Machine::new(Code::default().raw(&[0x90]).image(), config).unwrap();
    let processor = machine.cpu();
    assert_eq!(processor.eip, BASE);
    assert_eq!(processor.registers[cpu::EAX], MAGIC);
    let selector = |register| processor.segment(register).selector;
    assert_eq!(SegmentRegister::ALL.map(selector), [0x2b, 0x23, 0x2b, 0x2b, 0, 0]);
    let info = processor.registers[cpu::EBX];
    let field = |offset| words::<1>(&machine, info + offset)[0];
    assert_eq!(field(start_info::MAGIC), MAGIC);
    assert_eq!(words(&machine, field(start_info::SHARED_PAGE)), [1]);
    assert_eq!(machine.rights(field(start_info::COUNT_PAGE)), Some(Rights::READ));
    assert_eq!(machine.rights(field(start_info::HYPERCALL_PAGE)), Some(Rights::READ_EXECUTE));
    assert_eq!(words(&machine, info + start_info::CLOCK_RATE), [100_000_000, 0]);
    let length = field(start_info::COMMAND_LINE_LENGTH);
    assert_eq!(
        machine.partitions[0].guest.bytes(field(start_info::COMMAND_LINE), length + 1).unwrap(),
        b"a b c\0"
    );
    let [base, bytes, kind, rights] = words(&machine, field(start_info::MEMORY_MAP));
    assert_eq!((base, bytes, kind, rights), (BASE, 1 << 20, 1, 3));
    assert_eq!(machine.rights(BASE + (1 << 20) - 1), Some(Rights::READ_WRITE));
    assert_eq!(machine.rights(BASE + (1 << 20)), None);
    assert_eq!(machine.rights(processor.registers[cpu::ESP]), None);
    assert_eq!(machine.rights(processor.registers[cpu::ESP] - 1), Some(Rights::READ_WRITE));
}

#[test]
fn the_hypercall_page_makes_calls_and_returns() {
    let stub = 0xf000_4000 + 32 * Call::ConsoleWrite.description().number;
    let code = Code::default()
        .set(Register::Ebx, BASE + 0x100)
        .set(Register::Ecx, 2)
        .set(Register::Eax, stub)
        .raw(&[0xff, 0xd0]);
    let returns = code.here();
    let code = code.store_eax(DATA).call(Call::Shutdown, &[0]).at(0x100).raw(b"ok");
    let mut machine = code.machine();
    let mut tape = Tape::default();
    let (outcome, output) = finish(&mut machine, &mut tape);
    ended_well(&outcome);
    assert_eq!((output.as_slice(), words(&machine, DATA)), (&b"ok"[..], [2]));
    let from_stub = |event: &Event| matches!(event, Event::Call { caller, .. } if *caller == returns);
    assert_eq!(tape.count(from_stub), 1);
}

#[test]
fn a_call_that_does_not_exist_is_an_error_and_changes_only_eax() {
    let code = Code::default().set(Register::Ecx, 5).set(Register::Eax, 0xffff_fff0).raw(&[0xcd, 0x82]);
    let code = code.store_eax(DATA).raw(&[0x89, 0x0d]).raw(&(DATA + 4).to_le_bytes());
    let mut machine = code.call(Call::Shutdown, &[0]).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [CallError::NoSuchCall.code(), 5]);
}

#[test]
fn a_segment_base_is_set_and_wraps() {
    let code = Code::default().call(Call::SegmentSetBase, &[1, DATA + 16]).store_eax(DATA);
    // mov eax, gs:[FFFFFFF4h], which is DATA + 4
    let code = code.store(DATA + 4, 0x4242).raw(&[0x65, 0xa1]).raw(&0xffff_fff4_u32.to_le_bytes());
    let mut machine = code.store_eax(DATA + 8).call(Call::Shutdown, &[0]).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert_eq!(words(&machine, DATA), [0x33, 0x4242, 0x4242]);
}

#[test]
fn a_linux_program_writes_and_exits() {
    let code = system_call(Code::default(), 4, [1, BASE + 0x200, 6]).store_eax(DATA);
    let code = system_call(code, 4, [2, BASE + 0x200, 1]);
    let code = system_call(code, 20, [0; 3]).store_eax(DATA + 4);
    let code = system_call(code, 252, [0x1_2a, 0, 0]).at(0x200).raw(b"linux\n");
    let mut machine = linux(&code, &[]);
    let (outcome, output) = finish(&mut machine, &mut Unrecorded);
    assert_eq!(outcome, Outcome::Shutdown { code: 0x2a });
    assert_eq!(output, b"linux\n");
    assert_eq!(machine.take_errors(), b"l");
    assert_eq!(words(&machine, DATA), [6, 1]);
}

#[test]
fn linux_errors_are_those_of_linux() {
    let mut code = Code::default();
    let cases = [
        (3, [0, DATA, 1], -38_i32),
        (4, [7, DATA, 1], -9),
        (4, [1, 0, 1], -14),
        (4, [1, 0xffff_fff0, 0x20], -14),
        (4, [1, DATA, 0xffff_ffff], -14),
        (4, [1, 0, 0], 0),
        (0xffff_ffff, [0; 3], -38),
    ];
    for (index, (number, arguments, _)) in cases.iter().enumerate() {
        code = system_call(code, *number, *arguments).store_eax(DATA + 4 * index as u32);
    }
    let mut machine = linux(&system_call(code, 1, [0; 3]), &[]);
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    let results: [u32; 7] = words(&machine, DATA);
    assert_eq!(results.map(u32::cast_signed).to_vec(), cases.map(|case| case.2).to_vec());
}

#[test]
fn a_linux_program_finds_its_arguments() {
    let machine = linux(&Code::default().raw(&[0x90]), &["first", "second"]);
    let esp = machine.cpu().registers[cpu::ESP];
    assert_eq!(esp % 16, 0);
    let [count, name, first, second, end, environment] = words(&machine, esp);
    assert_eq!((count, end, environment), (3, 0, 0));
    let text = |address, length| machine.partitions[0].guest.bytes(address, length).unwrap();
    assert_eq!(text(name, 8), b"program\0");
    assert_eq!(text(first, 6), b"first\0");
    assert_eq!(text(second, 7), b"second\0");
}

#[test]
fn a_linux_program_that_faults_crashes() {
    for (bytes, vector, error_code) in [
        (&[0x0f, 0x0b][..], Vector::InvalidOpcode, 0),
        (&[0xfa], Vector::GeneralProtection, 0),
        (&[0xcd, 0x82], Vector::GeneralProtection, 8 * 0x82 + 2),
    ] {
        let mut machine = linux(&Code::default().raw(bytes), &[]);
        let (outcome, _) = finish(&mut machine, &mut Unrecorded);
        let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
        let exception = Exception { vector, error_code, address: 0 };
        assert_eq!((crash.reason, crash.cpu.eip), (CrashReason::Unhandled(exception), BASE));
    }
}
