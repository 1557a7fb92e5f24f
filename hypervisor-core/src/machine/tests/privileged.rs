//! Privileged instructions under both policies, and what settled ones do.

use super::{DATA, MASK, SHARED, Tape, UPCALL_PENDING, ended_well, words};
use crate::abi::{Call, EventPort, FakeRegister, sensitive, shared_page};
use crate::config::{PartitionConfig, PrivilegedPolicy, SystemConfig};
use crate::machine::Machine;
use crate::test_images::{BASE, Code, Register, finish};
use crate::{Crash, CrashReason, Event, Outcome, Unrecorded};
use emulator::cpu::{self, control};
use emulator::{CpuProfile, Exception, Vector, decode, flags};

const CR0: u32 = 0x8005_0033;
const HANDLER: u32 = BASE + 0x400;
const TABLE: u32 = BASE + 0x800;

fn configured(code: &Code, change: impl FnOnce(&mut PartitionConfig)) -> Machine {
    let mut partition =
        PartitionConfig { memory_bytes: 1 << 20, ..PartitionConfig::new("one", code.image()) };
    change(&mut partition);
    Machine::of_system(SystemConfig { partitions: vec![partition], ..SystemConfig::default() }).unwrap()
}

fn settling(code: &Code) -> Machine {
    configured(code, |config| config.privileged = PrivilegedPolicy::Settle)
}

fn with_umip(code: &Code) -> Machine {
    configured(code, |config| {
        config.privileged = PrivilegedPolicy::Settle;
        config.umip = true;
    })
}

/// With port 60h, and 3F8h to 3FBh.
fn with_ports(code: &Code, policy: PrivilegedPolicy) -> Machine {
    configured(code, |config| {
        config.privileged = policy;
        config.io_ports = vec![0x60..=0x60, 0x3f8..=0x3fb];
    })
}

fn runs_well(mut machine: Machine) -> Machine {
    machine.give_whole_input(Vec::new());
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    machine
}

fn crashes(mut machine: Machine) -> Box<Crash> {
    machine.give_whole_input(Vec::new());
    match finish(&mut machine, &mut Unrecorded).0 {
        Outcome::Crashed(crash) => crash,
        other => panic!("{other:?}"),
    }
}

fn unhandled(vector: Vector) -> CrashReason {
    CrashReason::Unhandled(Exception { vector, error_code: 0, address: 0 })
}

/// EAX and EDX hold 0, ECX 10h, and DATA is a table's limit and base.
fn before(code: Code) -> Code {
    code.set(Register::Edx, 0).set(Register::Ecx, 0x10).set(Register::Eax, 0)
}

const AT_DATA: [u8; 4] = DATA.to_le_bytes();

fn at_data(opcode: [u8; 3]) -> Vec<u8> {
    [&opcode[..], &AT_DATA].concat()
}

/// Every privileged instruction, and whether there is a way to settle it.
fn privileged() -> Vec<(Vec<u8>, bool)> {
    let mut list: Vec<(Vec<u8>, bool)> = [
        (&[0xfa][..], true),          // cli
        (&[0xfb], true),              // sti
        (&[0x0f, 0x20, 0xc0], true),  // mov eax, cr0
        (&[0x0f, 0x20, 0xd3], true),  // mov ebx, cr2
        (&[0x0f, 0x22, 0xd0], true),  // mov cr2, eax
        (&[0x0f, 0x22, 0xd8], true),  // mov cr3, eax
        (&[0x0f, 0x22, 0xe0], true),  // mov cr4, eax
        (&[0x0f, 0x22, 0xc0], false), // mov cr0, eax: PE cannot be cleared
        (&[0x0f, 0x21, 0xf8], true),  // mov eax, dr7
        (&[0x0f, 0x23, 0xc0], true),  // mov dr0, eax
        (&[0x0f, 0x23, 0xf8], true),  // mov dr7, eax
        (&[0x0f, 0x06], true),        // clts
        (&[0x0f, 0x01, 0xf0], true),  // lmsw ax
        (&[0x0f, 0x00, 0xd0], true),  // lldt ax
        (&[0x0f, 0x00, 0xd8], true),  // ltr ax
        (&[0x0f, 0x32], true),        // rdmsr
        (&[0x0f, 0x30], false),       // wrmsr
        (&[0x0f, 0x33], false),       // rdpmc
        (&[0x0f, 0x08], true),        // invd
        (&[0x0f, 0x09], true),        // wbinvd
        (&[0x0f, 0x35], false),       // sysexit
        (&[0xe4, 0x21], false),       // in al, 21h: a port that is not granted
        (&[0xef], false),             // out dx, eax
        (&[0x6c], false),             // insb
        (&[0xf3, 0x6f], false),       // rep outsd
    ]
    .into_iter()
    .map(|(bytes, settles)| (bytes.to_vec(), settles))
    .collect();
    list.push((at_data([0x0f, 0x01, 0x15]), true)); // lgdt
    list.push((at_data([0x0f, 0x01, 0x1d]), true)); // lidt
    list.push((at_data([0x0f, 0x01, 0x3d]), true)); // invlpg
    list
}

#[test]
fn every_privileged_instruction_is_reflected_or_settled() {
    for (bytes, settles) in privileged() {
        let code = before(Code::default());
        let eip = code.here();
        let code = code.raw(&bytes).call(Call::Shutdown, &[0]);
        let crash = crashes(code.machine());
        assert_eq!((crash.reason, crash.cpu.eip), (unhandled(Vector::GeneralProtection), eip), "{bytes:x?}");
        if settles {
            let machine = runs_well(settling(&code));
            // The setup, the instruction itself, and the call.
            assert_eq!(machine.stamp().instruction, 3 + 1 + 3, "{bytes:x?}");
        } else {
            let crash = crashes(settling(&code));
            assert_eq!(
                (crash.reason, crash.cpu.eip),
                (unhandled(Vector::GeneralProtection), eip),
                "{bytes:x?}"
            );
        }
    }
}

#[test]
fn every_privileged_instruction_has_its_row_in_the_document() {
    let others: [&[u8]; 6] = [&[0xf4], &[0x9c], &[0x9d], &[0xcf], &[0xcd, 0x20], &[0x0f, 0x31]];
    for bytes in privileged().into_iter().map(|(bytes, _)| bytes).chain(others.map(<[u8]>::to_vec)) {
        let text = decode::disassemble(&bytes, 0).text;
        let instruction = sensitive(&text).unwrap_or_else(|| panic!("no row for `{text}`"));
        let name = text.split(' ').find(|word| !word.starts_with("rep")).unwrap().to_uppercase();
        let begins = name[..2].to_owned();
        assert!(instruction.name.contains(&begins), "`{text}` is taken for {}", instruction.name);
    }
    for text in ["mov eax, ebx", "mov eax, [0xc8]", "add eax, 1", "int3", "nop", ""] {
        assert!(sensitive(text).is_none(), "{text}");
    }
}

#[test]
fn cli_and_sti_are_the_mask_word() {
    let code = Code::default().raw(&[0xfb]).load_eax(MASK).store_eax(DATA).raw(&[0xfa]).load_eax(MASK);
    let machine = runs_well(settling(&code.store_eax(DATA + 4).call(Call::Shutdown, &[0])));
    assert_eq!(words(&machine, DATA), [0, 1]);
}

#[test]
fn one_instruction_retires_between_a_settled_sti_and_the_upcall() {
    let code = Code::default().call(Call::UpcallSetEntry, &[HANDLER]).store(UPCALL_PENDING, 1);
    let code = code.raw(&[0xfb]).increment(DATA).increment(DATA).call(Call::Shutdown, &[0]).at(0x400);
    let code = code.load_eax(DATA).store_eax(DATA + 4).call(Call::Shutdown, &[0]);
    let machine = runs_well(settling(&code));
    assert_eq!(words(&machine, DATA), [1, 1]);
}

fn with_timer(deadline_ns: u32) -> Code {
    Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 3, DATA])
        .call(Call::TimerSetOneShot, &[deadline_ns, 0])
}

#[test]
fn a_settled_hlt_waits_without_unmasking() {
    let code = with_timer(5_000_000).raw(&[0xf4]).load_eax(MASK).store_eax(DATA).increment(DATA + 4);
    // An upcall would end with another code.
    let code = code.call(Call::Shutdown, &[0]).at(0x400).call(Call::Shutdown, &[9]);
    let machine = runs_well(settling(&code));
    assert_eq!(words(&machine, DATA), [1, 1]);
    assert!(machine.stamp().now_ns >= 5_000_000);
    let port = EventPort::new(3).unwrap();
    let [pending] = words(&machine, SHARED + shared_page::EVENT_PENDING);
    assert_eq!(pending, 1 << port.index());
}

#[test]
fn a_settled_hlt_after_sti_ends_with_the_upcall() {
    let code = with_timer(5_000_000).raw(&[0xfb, 0xf4]).increment(DATA).call(Call::Shutdown, &[0]);
    let code =
        code.at(0x400).load_eax(DATA).store_eax(DATA + 4).store(UPCALL_PENDING, 0).increment(DATA + 8).iret();
    let machine = runs_well(settling(&code));
    // The bind call stored 0 to DATA.
    assert_eq!(words(&machine, DATA), [1, 0, 1]);
}

#[test]
fn a_settled_hlt_that_nothing_ends_is_a_deadlock() {
    let crash = crashes(settling(&Code::default().raw(&[0xf4])));
    assert_eq!(crash.reason, CrashReason::Deadlock);
}

#[test]
fn settled_moves_and_their_like_act_on_the_fake_registers() {
    let code = Code::default().set(Register::Eax, CR0 | control::CR0_EM);
    let code = code.raw(&[0x0f, 0x22, 0xc0]).load_eax(SHARED + shared_page::CR0).store_eax(DATA);
    // lmsw ax with TS alone: PE stays
    let code = code.set(Register::Eax, control::CR0_TS).raw(&[0x0f, 0x01, 0xf0, 0x0f, 0x20, 0xc0]);
    let code = code.store_eax(DATA + 4).raw(&[0x0f, 0x06, 0x0f, 0x20, 0xc0]).store_eax(DATA + 8);
    let code =
        code.set(Register::Eax, 0xabcd_e000).raw(&[0x0f, 0x22, 0xd0]).load_eax(SHARED + shared_page::CR2);
    let code = code.store_eax(DATA + 12).set(Register::Eax, 0).raw(&[0x0f, 0x23, 0xe0, 0x0f, 0x21, 0xf0]);
    let machine = runs_well(settling(&code.store_eax(DATA + 16).call(Call::Shutdown, &[0])));
    let cleared = CR0 & !control::CR0_MP;
    assert_eq!(
        words(&machine, DATA),
        [CR0 | control::CR0_EM, cleared | control::CR0_TS, cleared, 0xabcd_e000, 0xffff_0ff0]
    );
}

#[test]
fn a_control_register_that_does_not_exist_is_undefined() {
    let crash = crashes(settling(&Code::default().raw(&[0x0f, 0x20, 0xc8])));
    assert_eq!((crash.reason, crash.cpu.eip), (unhandled(Vector::InvalidOpcode), BASE));
}

#[test]
fn with_umip_stores_are_settled_with_what_was_loaded() {
    let code = Code::default().store(DATA, 0x2000_07ff).store(DATA + 4, 0x10);
    // lgdt, lldt ax, ltr ax
    let code = code.raw(&at_data([0x0f, 0x01, 0x15])).set(Register::Eax, 0x48).raw(&[0x0f, 0x00, 0xd0]);
    let code = code.set(Register::Eax, 0x50).raw(&[0x0f, 0x00, 0xd8]).store(DATA, 0).store(DATA + 4, 0);
    // sgdt; sldt ebx; str cx; smsw eax
    let code = code.raw(&at_data([0x0f, 0x01, 0x05])).set(Register::Ecx, u32::MAX);
    let code = code.raw(&[0x0f, 0x00, 0xc3, 0x66, 0x0f, 0x00, 0xc9, 0x0f, 0x01, 0xe0]);
    let machine = runs_well(with_umip(
        &code
            .raw(&[0x89, 0x1d])
            .raw(&(DATA + 8).to_le_bytes())
            .raw(&[0x89, 0x0d])
            .raw(&(DATA + 12).to_le_bytes())
            .store_eax(DATA + 16)
            .call(Call::Shutdown, &[0]),
    ));
    assert_eq!(words(&machine, DATA), [0x2000_07ff, 0x10, 0x48, 0xffff_0050, CR0]);
    assert_eq!(words(&machine, SHARED + shared_page::GDTR_BASE), [0x10_2000, 0x7ff]);
}

#[test]
fn a_table_that_cannot_be_read_faults_and_changes_nothing() {
    let code = Code::default().raw(&[0x0f, 0x01, 0x15]).raw(&0x1ffffe_u32.to_le_bytes());
    let crash = crashes(settling(&code));
    let fault = Exception { vector: Vector::PageFault, error_code: 4, address: 0x20_0000 };
    assert_eq!((crash.reason, crash.cpu.eip), (CrashReason::Unhandled(fault), BASE));
    assert_eq!(crash.cpu.system.gdtr, (0, 0));
}

#[test]
fn two_model_specific_registers_are_there() {
    let code = Code::default().set(Register::Ecx, 0x1b).raw(&[0x0f, 0x32]).store_eax(DATA);
    let code = code.set(Register::Ecx, 0x10).raw(&[0x0f, 0x32]).store_eax(DATA + 4).set(Register::Ecx, 0x11);
    let unknown = code.here();
    let mut machine = settling(&code.raw(&[0x0f, 0x32]));
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    assert_eq!((crash.reason, crash.cpu.eip), (unhandled(Vector::GeneralProtection), unknown));
    // Four instructions retired before the second RDMSR.
    assert_eq!(words(&machine, DATA), [0xfee0_0100, 4]);
}

#[test]
fn rdtsc_with_tsd_is_settled_with_the_same_time() {
    let code = Code::default().call(Call::RegisterSet, &[FakeRegister::Cr4 as u32, control::CR4_TSD]);
    let code = code.raw(&[0x0f, 0x31]).store_eax(DATA).call(Call::Shutdown, &[0]);
    assert_eq!(words(&runs_well(settling(&code)), DATA), [4]);
}

#[test]
fn granted_ports_read_as_ones_under_both_policies() {
    for policy in [PrivilegedPolicy::Reflect, PrivilegedPolicy::Settle] {
        let code = Code::default().set(Register::Eax, 0).raw(&[0xe4, 0x60]).store_eax(DATA);
        let code =
            code.set(Register::Edx, 0x3f8).set(Register::Eax, 0).raw(&[0x66, 0xed]).store_eax(DATA + 4);
        let code = code.raw(&[0xed]).store_eax(DATA + 8).raw(&[0xef, 0xe6, 0x60]).set(Register::Edx, 0x3fa);
        let refused = code.here();
        let mut machine = with_ports(&code.raw(&[0xed]), policy);
        let mut tape = Tape::default();
        let (outcome, _) = finish(&mut machine, &mut tape);
        let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
        assert_eq!((crash.reason, crash.cpu.eip), (unhandled(Vector::GeneralProtection), refused));
        assert_eq!(words(&machine, DATA), [0xff, 0xffff, u32::MAX]);
        assert_eq!(tape.count(|event| matches!(event, Event::Settled { .. })), 0);
    }
}

#[test]
fn repeated_string_input_goes_one_iteration_at_a_time_and_restarts_at_a_fault() {
    const END: u32 = 0x20_0000;
    let code = Code::default().set(Register::Edx, 0x60).set(Register::Edi, END - 3).set(Register::Ecx, 5);
    let repeat = code.here();
    let mut machine = with_ports(&code.raw(&[0xf3, 0x6c]), PrivilegedPolicy::Reflect);
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    let fault = Exception { vector: Vector::PageFault, error_code: 6, address: END };
    assert_eq!((crash.reason, crash.cpu.eip), (CrashReason::Unhandled(fault), repeat));
    assert_eq!((crash.cpu.registers[cpu::ECX], crash.cpu.registers[cpu::EDI]), (2, END));
    assert_eq!(crash.instruction, 3 + 3);
    assert_eq!(words(&machine, END - 4), [0xffff_ff00]);
}

#[test]
fn string_output_counts_down_backwards_and_by_16_bits() {
    // std; rep outsw with 16-bit index and counter
    let code = Code::default().set(Register::Edx, 0x3f8).set(Register::Esi, 0x1_0002);
    let code = code.set(Register::Ecx, 0x7_0000).raw(&[0xfd, 0xf3, 0x66, 0x67, 0x6f]);
    // No iteration: the counter's 16 bits are 0.
    let machine = runs_well(with_ports(&code.call(Call::Shutdown, &[0]), PrivilegedPolicy::Reflect));
    assert_eq!(machine.cpu().registers[cpu::ESI], 0x1_0002);
    let code = Code::default().set(Register::Edx, 0x3f8).set(Register::Esi, BASE + 4).set(Register::Ecx, 3);
    let code = code.raw(&[0xfd, 0xf3, 0x66, 0x6f]).call(Call::Shutdown, &[0]);
    let machine = runs_well(with_ports(&code, PrivilegedPolicy::Reflect));
    assert_eq!((machine.cpu().registers[cpu::ESI], machine.cpu().registers[cpu::ECX]), (BASE - 2, 0));
}

#[test]
fn each_place_is_told_once() {
    let code = Code::default().set(Register::Ecx, 10);
    let again = code.here();
    // cli; loop
    let code = code.raw(&[0xfa, 0xe2, 0xfd, 0xfb]).call(Call::Shutdown, &[0]);
    let mut machine = settling(&code);
    let mut tape = Tape::default();
    ended_well(&finish(&mut machine, &mut tape).0);
    let told = |eip: u32, text: &str| Event::Settled { eip, text: text.to_owned() };
    assert_eq!(tape.count(|event| *event == told(again, "cli")), 1);
    assert_eq!(tape.count(|event| *event == told(again + 3, "sti")), 1);
    assert_eq!(tape.count(|event| matches!(event, Event::Settled { .. })), 2);
    // Settled instructions are in the trace like all others.
    assert_eq!(tape.eax_at(again).len(), 10);
}

#[test]
fn a_settled_instruction_can_be_stepped_over() {
    let code = Code::default().call(Call::TrapSetTable, &[TABLE, 1]);
    // push 302h; popf; cli; push 202h; popf
    let code = code.raw(&[0x68, 2, 3, 0, 0, 0x9d, 0xfa, 0x68, 2, 2, 0, 0, 0x9d]).call(Call::Shutdown, &[0]);
    let code = code.at(0x400).increment(DATA).iret();
    let code = code.at(0x800).raw(&[1, 0, 0x23, 0]).raw(&HANDLER.to_le_bytes());
    let machine = runs_well(settling(&code));
    // cli, push, popf
    assert_eq!(words(&machine, DATA), [3]);
    assert_eq!(machine.cpu().system.dr[6] & 1 << 14, 1 << 14);
    assert_eq!(machine.cpu().eflags & flags::TF, 0);
}

#[test]
fn the_processor_decides_which_bits_of_cr4_there_are() {
    let code = Code::default().set(Register::Eax, control::CR4_OSFXSR).raw(&[0x0f, 0x22, 0xe0]);
    let code = code.call(Call::Shutdown, &[0]);
    assert_eq!(crashes(settling(&code)).reason, unhandled(Vector::GeneralProtection));
    let machine = runs_well(configured(&code, |config| {
        config.privileged = PrivilegedPolicy::Settle;
        config.profile = CpuProfile::Pentium4;
    }));
    assert_eq!(machine.cpu().system.cr4, control::CR4_OSFXSR);
}

#[test]
fn a_refused_port_is_a_fault_even_if_there_is_nothing_to_repeat() {
    for policy in [PrivilegedPolicy::Reflect, PrivilegedPolicy::Settle] {
        for bytes in [[0xf3, 0x6c], [0xf3, 0x6e]] {
            let code = Code::default().set(Register::Ecx, 0).set(Register::Edx, 0x61);
            let eip = code.here();
            let crash = crashes(with_ports(&code.raw(&bytes), policy));
            assert_eq!((crash.reason, crash.cpu.eip), (unhandled(Vector::GeneralProtection), eip));
        }
    }
}

#[test]
fn a_control_register_that_does_not_exist_is_undefined_under_both_policies() {
    for code in [[0x0f, 0x20, 0xc8], [0x0f, 0x22, 0xe8]] {
        let code = Code::default().raw(&code);
        assert_eq!(crashes(code.machine()).reason, unhandled(Vector::InvalidOpcode));
        assert_eq!(crashes(settling(&code)).reason, unhandled(Vector::InvalidOpcode));
    }
}

#[test]
fn a_settled_store_of_a_table_register_faults_at_its_first_byte_and_stores_nothing() {
    // On pages that are not there, and from the last page of memory into one that is not there.
    for (at, fault_at) in [(0x1000_u32, 0x1000_u32), (0x1ffffe, 0x20_0000), (0x1ffffd, 0x20_0000)] {
        for opcode in [[0x0f, 0x01, 0x05], [0x0f, 0x01, 0x0d]] {
            let mut machine = with_umip(&Code::default().raw(&opcode).raw(&at.to_le_bytes()));
            let Outcome::Crashed(crash) = finish(&mut machine, &mut Unrecorded).0 else { panic!("{at:x}") };
            let fault = Exception { vector: Vector::PageFault, error_code: 6, address: fault_at };
            assert_eq!(crash.reason, CrashReason::Unhandled(fault), "{at:x}");
            let mut byte = [0];
            machine.peek(0x1fffff, &mut byte).unwrap();
            assert_eq!(byte, [0], "{at:x}");
        }
    }
}

#[test]
fn reserved_bits_of_cr0_are_ignored_and_impossible_ones_refused() {
    const CD: u32 = 1 << 30;
    const NW: u32 = 1 << 29;
    let written = |value: u32| {
        let code = Code::default().set(Register::Eax, value).raw(&[0x0f, 0x22, 0xc0, 0x0f, 0x20, 0xc3]);
        let code = code.call(Call::Shutdown, &[0]);
        let mut machine = settling(&code);
        let ended = finish(&mut machine, &mut Unrecorded).0;
        matches!(ended, Outcome::Shutdown { .. }).then_some(machine.cpu().system.cr0)
    };
    assert_eq!(written(CR0 | 1 << 6 | 1 << 17 | 1 << 28), Some(CR0));
    assert_eq!(written(CR0 | CD), Some(CR0 | CD));
    assert_eq!(written(CR0 | CD | NW), Some(CR0 | CD | NW));
    // SDM Vol. 2B, "MOV - Move to/from Control Registers"
    for refused in [CR0 | NW, CR0 & !1, CR0 & !(1 << 31)] {
        assert_eq!(written(refused), None, "{refused:x}");
    }
}

/// What a row of the reference says: the instruction, and what it leaves in EAX with UMIP off; none if it faults.
#[test]
fn silent_instructions_are_silent_and_with_umip_the_five_of_it_are_not() {
    let rows: [(&[u8], Option<u32>, bool); 9] = [
        (&[0x0f, 0x01, 0xe0], Some(0x8005_0033), true),     // smsw eax
        (&[0x0f, 0x00, 0xc0], Some(0), true),               // sldt eax
        (&[0x0f, 0x00, 0xc8], Some(0x40), true),            // str eax
        (&[0x9c, 0x58], Some(0x202), false),                // pushf; pop eax
        (&[0x6a, 0, 0x9d, 0x9c, 0x58], Some(0x202), false), // push 0; popf; pushf; pop eax
        (&[0x8c, 0xc8], Some(0x23), false),                 // mov eax, cs
        (&[0x16, 0x58], Some(0x2b), false),                 // push ss; pop eax
        (&[0x0f, 0x00, 0xe0], Some(0x10), false),           // verr ax
        (&[0x0f, 0x02, 0xc0], Some(0x10), false),           // lar eax, ax
    ];
    for (bytes, without, is_umip) in rows {
        let code = Code::default().set(Register::Eax, 0x10).raw(bytes).store_eax(DATA);
        let code = code.call(Call::Shutdown, &[0]);
        for policy in [PrivilegedPolicy::Reflect, PrivilegedPolicy::Settle] {
            for umip in [false, true] {
                let mut machine = configured(&code, |config| {
                    config.privileged = policy;
                    config.umip = umip;
                });
                machine.give_whole_input(Vec::new());
                let outcome = finish(&mut machine, &mut Unrecorded).0;
                let trapped = is_umip && umip && policy == PrivilegedPolicy::Reflect;
                let settled = is_umip && umip && policy == PrivilegedPolicy::Settle;
                let told = format!("{bytes:x?} {policy:?} umip {umip}: {outcome:x?}");
                if trapped {
                    let Outcome::Crashed(crash) = outcome else { panic!("{told}") };
                    assert_eq!(crash.reason, unhandled(Vector::GeneralProtection), "{bytes:x?}");
                } else {
                    ended_well(&outcome);
                    // The fake TR is 0 until LTR.
                    let expected = if settled && bytes[2] == 0xc8 { Some(0) } else { without };
                    assert_eq!(Some(words::<1>(&machine, DATA)[0]), expected, "{told}");
                }
            }
        }
    }
}

#[test]
fn the_shadow_of_a_settled_sti_holds_off_upcalls_and_no_breakpoint() {
    let code = Code::default().call(Call::TrapSetTable, &[TABLE, 1]);
    // DR0 is the INC behind the STI, enabled.
    let at = code.here() + 2 * 17 + 1;
    let code = code.call(Call::RegisterSet, &[FakeRegister::Dr0 as u32, at]);
    let code = code.call(Call::RegisterSet, &[FakeRegister::Dr7 as u32, 1]).raw(&[0xfb]);
    assert_eq!(code.here(), at);
    let code = code.increment(DATA).increment(DATA).call(Call::Shutdown, &[0]);
    // The handler sets RF in its frame: or dword [esp + 8], 10000h
    let code = code.at(0x400).load_eax(DATA).store_eax(DATA + 4).increment(DATA + 8);
    let code = code.raw(&[0x81, 0x4c, 0x24, 8, 0, 0, 1, 0]).iret();
    let code = code.at(0x800).raw(&[1, 0, 0x23, 0]).raw(&HANDLER.to_le_bytes());
    let machine = runs_well(settling(&code));
    assert_eq!(words(&machine, DATA), [2, 0, 1]);
}
