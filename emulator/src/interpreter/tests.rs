//! Where a run ends, and in which state: the promises of the seam, by small programs.

mod simd;

use super::{Dispatch, Interpreter, Settings};
use crate::cpu::{DescriptorTable, EAX, ECX, EDI, ESI, ESP, SegmentRegister, Tls, control, flags};
use crate::{
    AddressSpace, Attention, Cpu, Exit, PhysicalMemory, Privileged, Ran, Rights, RunInputs, Unobserved,
    Vector, Watch,
};

const CODE: u32 = 0x1000;
const DATA: u32 = 0x3000;
const STACK_TOP: u32 = 0x6000;

struct Bench {
    cpu: Cpu,
    space: AddressSpace,
    memory: PhysicalMemory,
    engine: Interpreter,
}

impl Bench {
    /// Code on two pages (all rights), data on one, a page that is not there, and a stack.
    fn new(code: &[u8]) -> Self {
        let mut memory = PhysicalMemory::new();
        let first = memory.allocate(4).expect("the host has four frames");
        let frame = |i| crate::FrameNumber(first.0 + i);
        let mut space = AddressSpace::new();
        space.map(CODE, 2, frame(0), Rights::ALL);
        space.map(DATA, 1, frame(2), Rights::READ_WRITE);
        space.map(STACK_TOP - 0x1000, 1, frame(3), Rights::READ_WRITE);
        space.poke(&mut memory, CODE, code).expect("code is mapped");
        let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        cpu.eip = CODE;
        cpu.registers[ESP] = STACK_TOP;
        Self { cpu, space, memory, engine: Interpreter::default() }
    }

    fn run_with(&mut self, inputs: &RunInputs<'_>) -> Ran {
        self.engine.run(&mut self.cpu, &mut self.space, &mut self.memory, inputs, &mut Unobserved)
    }

    fn run(&mut self, units: u64) -> Ran {
        self.run_with(&RunInputs { units, ..RunInputs::default() })
    }

    fn word(&self, address: u32) -> u32 {
        let mut bytes = [0; 4];
        self.space.peek(&self.memory, address, &mut bytes).expect("the address is mapped");
        u32::from_le_bytes(bytes)
    }

    fn set_word(&mut self, address: u32, value: u32) {
        self.space.poke(&mut self.memory, address, &value.to_le_bytes()).expect("the address is mapped");
    }
}

fn faults(exit: Exit, vector: Vector, error_code: u32) -> bool {
    matches!(exit, Exit::Exception(e) if e.vector == vector && e.error_code == error_code)
}

#[test]
fn a_budget_is_exact_within_a_block() {
    // inc eax, ten times
    let mut bench = Bench::new(&[0x40; 10]);
    assert_eq!(bench.run(3), Ran { units: 3, exit: Exit::Budget });
    assert_eq!((bench.cpu.registers[EAX], bench.cpu.eip), (3, CODE + 3));
    assert_eq!(bench.run(0), Ran { units: 0, exit: Exit::Budget });
}

#[test]
fn a_rep_stops_between_two_elements_and_goes_on() {
    // rep stosb; hlt
    let mut bench = Bench::new(&[0xf3, 0xaa, 0xf4]);
    (bench.cpu.registers[ECX], bench.cpu.registers[EDI]) = (10, DATA);
    assert_eq!(bench.run(4), Ran { units: 4, exit: Exit::Budget });
    assert_eq!((bench.cpu.registers[ECX], bench.cpu.eip), (6, CODE));
    assert_eq!(bench.run(100), Ran { units: 6, exit: Exit::Privileged(Privileged::Hlt) });
    assert_eq!((bench.cpu.registers[EDI], bench.cpu.eip), (DATA + 10, CODE + 2));
}

#[test]
fn a_rep_that_repeats_nothing_is_one_unit() {
    let mut bench = Bench::new(&[0xf3, 0xaa, 0xf4]);
    assert_eq!(bench.run(100).units, 1);
}

#[test]
fn a_fault_inside_a_rep_keeps_the_elements_before() {
    // rep movsd from the data page into the page that is not there
    let mut bench = Bench::new(&[0xf3, 0xa5]);
    (bench.cpu.registers[ECX], bench.cpu.registers[ESI]) = (9, DATA);
    bench.cpu.registers[EDI] = DATA + 0x1000 - 8;
    let ran = bench.run(100);
    assert!(faults(ran.exit, Vector::PageFault, 6) && ran.units == 2, "{ran:?}");
    assert_eq!((bench.cpu.registers[ECX], bench.cpu.eip), (7, CODE));
}

#[test]
fn a_store_into_the_next_instruction_is_seen_by_it() {
    // mov byte [CODE + 7], 0x48 ; inc eax, which becomes dec eax ; hlt
    let mut bench = Bench::new(&[0xc6, 0x05, 0x07, 0x10, 0, 0, 0x48, 0x40, 0xf4]);
    assert_eq!(bench.run(100).units, 2);
    assert_eq!(bench.cpu.registers[EAX], u32::MAX);
}

#[test]
fn code_that_somebody_else_wrote_is_seen() {
    let mut bench = Bench::new(&[0x40, 0xeb, 0xfd]);
    bench.run(20);
    bench.space.poke(&mut bench.memory, CODE, &[0xf4]).expect("code is mapped");
    assert_eq!(bench.run(20).exit, Exit::Privileged(Privileged::Hlt));
}

#[test]
fn an_instruction_across_pages_needs_both() {
    let mut bench = Bench::new(&[]);
    // mov eax, imm32, its last two bytes in the data page, which is not executable
    bench.space.poke(&mut bench.memory, DATA - 3, &[0xb8, 1, 2]).expect("code is mapped");
    bench.cpu.eip = DATA - 3;
    let ran = bench.run(1);
    assert!(faults(ran.exit, Vector::PageFault, 0x15) && ran.units == 0, "{ran:?}");
    let Exit::Exception(exception) = ran.exit else { unreachable!() };
    assert_eq!((exception.address, bench.cpu.eip), (DATA, DATA - 3));
}

#[test]
fn a_store_across_pages_writes_all_or_nothing() {
    // mov [DATA + 0xffe], eax
    let mut bench = Bench::new(&[0xa3, 0xfe, 0x3f, 0, 0]);
    bench.cpu.registers[EAX] = 0x1234_5678;
    let ran = bench.run(1);
    assert!(matches!(ran.exit, Exit::Exception(e) if e.address == DATA + 0x1000), "{ran:?}");
    assert_eq!(bench.word(DATA + 0xffc), 0);
}

#[test]
fn attention_ends_the_run_after_the_store_that_makes_it_true() {
    // mov dword [DATA], 0 ; inc eax ; hlt
    let code = [0xc7, 0x05, 0, 0x30, 0, 0, 0, 0, 0, 0, 0x40, 0xf4];
    for (pending, exit) in [(1, Exit::Attention), (0, Exit::Privileged(Privileged::Hlt))] {
        let mut bench = Bench::new(&code);
        bench.set_word(DATA, 1);
        bench.set_word(DATA + 4, pending);
        let attention = Some(Attention { address: DATA });
        let ran = bench.run_with(&RunInputs { units: 100, attention, ..RunInputs::default() });
        assert_eq!(ran.exit, exit);
        assert_eq!(ran.units, if pending != 0 { 1 } else { 2 });
    }
}

#[test]
fn a_breakpoint_stops_before_its_instruction_but_not_at_the_start() {
    let mut bench = Bench::new(&[0x40, 0x40, 0x40, 0xf4]);
    let inputs = RunInputs { units: 100, breakpoints: &[CODE, CODE + 2], ..RunInputs::default() };
    assert_eq!(bench.run_with(&inputs), Ran { units: 2, exit: Exit::Breakpoint });
    assert_eq!(bench.run_with(&inputs).exit, Exit::Privileged(Privileged::Hlt));
}

#[test]
fn a_watch_tells_old_and_new() {
    // mov byte [DATA + 1], 7
    let mut bench = Bench::new(&[0xc6, 0x05, 1, 0x30, 0, 0, 7, 0x40]);
    bench.set_word(DATA, 0x0500);
    let watches = [Watch { address: DATA, length_bytes: 4, reads: false }];
    let ran = bench.run_with(&RunInputs { units: 9, watches: &watches, ..RunInputs::default() });
    let Exit::Watch(hit) = ran.exit else { panic!("{ran:?}") };
    assert_eq!((hit.address, hit.old, hit.new, ran.units), (DATA + 1, 5, 7, 1));
}

#[test]
fn a_single_step_traps_after_one_instruction() {
    let mut bench = Bench::new(&[0x40, 0x40]);
    bench.cpu.eflags |= flags::TF;
    let ran = bench.run(10);
    assert!(faults(ran.exit, Vector::Debug, 0) && ran.units == 1, "{ran:?}");
    assert_eq!(bench.cpu.system.dr[6] & 1 << 14, 1 << 14);
}

#[test]
fn loading_ss_shadows_one_instruction() {
    // mov ss, eax ; nop
    let mut bench = Bench::new(&[0x8e, 0xd0, 0x90]);
    bench.cpu.registers[EAX] = 0x2b;
    bench.run(1);
    assert!(bench.cpu.interrupt_shadow);
    bench.run(1);
    assert!(!bench.cpu.interrupt_shadow);
}

#[test]
fn a_base_and_a_negative_offset_wrap() {
    // mov eax, gs:[0xfffffffc]
    let mut bench = Bench::new(&[0x65, 0xa1, 0xfc, 0xff, 0xff, 0xff]);
    bench.set_word(DATA, 77);
    let gs = &mut bench.cpu.segments[SegmentRegister::Gs as usize];
    *gs = crate::Segment { base: DATA + 4, ..crate::Segment::flat_data(0x33) };
    assert_eq!(bench.run(1).exit, Exit::Budget);
    assert_eq!(bench.cpu.registers[EAX], 77);
}

#[test]
fn a_segment_limit_holds_for_every_byte() {
    // mov eax, fs:[0x3ff1], limit 0x3ff3
    let mut bench = Bench::new(&[0x64, 0xa1, 0xf1, 0x3f, 0, 0]);
    let fs = &mut bench.cpu.segments[SegmentRegister::Fs as usize];
    *fs = crate::Segment { limit: 0x3ff3, ..crate::Segment::flat_data(0x3b) };
    assert!(faults(bench.run(1).exit, Vector::GeneralProtection, 0));
    bench.cpu.segments[SegmentRegister::Fs as usize].limit = 0x3ff4;
    assert_eq!(bench.run(1).exit, Exit::Budget);
}

#[test]
fn x87_is_not_available_after_a_task_switch() {
    let mut bench = Bench::new(&[0xd9, 0xe8]);
    bench.cpu.system.cr0 |= control::CR0_TS;
    assert!(faults(bench.run(1).exit, Vector::DeviceNotAvailable, 0));
    bench.cpu.system.cr0 &= !control::CR0_TS;
    assert_eq!(bench.run(1).exit, Exit::Budget);
}

#[test]
fn the_time_stamp_counts_units() {
    // nop ; nop ; rdtsc
    for dispatch in [Dispatch::Loop, Dispatch::Tail] {
        let mut bench = Bench::new(&[0x90, 0x90, 0x0f, 0x31]);
        bench.engine = Interpreter::new(Settings { dispatch, ..Settings::default() });
        bench.run_with(&RunInputs { units: 3, time_stamp: 1000, ..RunInputs::default() });
        assert_eq!(bench.cpu.registers[EAX], 1002);
    }
}

#[test]
fn an_endless_stream_of_new_code_does_not_grow_the_cache_without_bound() {
    // inc byte [CODE + 6] ; jmp CODE: the displacement 0 of the first changes at every turn
    let mut bench = Bench::new(&[0xfe, 0x05, 0x08, 0x10, 0, 0, 0xeb, 0xf8, 0]);
    assert_eq!(bench.run(3_000_000).exit, Exit::Budget);
    // mov byte [CODE + 12], al ; inc eax ; jmp CODE, and the overwritten instruction on the way
    let mut bench = Bench::new(&[0xa2, 0x06, 0x10, 0, 0, 0xb1, 0, 0x40, 0xeb, 0xf6]);
    assert_eq!(bench.run(3_000_000).exit, Exit::Budget);
    assert!(bench.engine.statistics().flushes > 0);
}

#[test]
fn exits_stay_small() {
    assert!(size_of::<Exit>() <= 24 && size_of::<Ran>() <= 32, "{} {}", size_of::<Exit>(), size_of::<Ran>());
}

#[test]
fn nothing_is_written_through_a_code_segment() {
    // mov ds, eax ; mov [DATA], ecx ; and with eax = 23h
    let mut bench = Bench::new(&[0x8e, 0xd8, 0x89, 0x0d, 0, 0x30, 0, 0]);
    (bench.cpu.registers[EAX], bench.cpu.registers[ECX]) = (0x23, 7);
    let ran = bench.run(2);
    assert!(faults(ran.exit, Vector::GeneralProtection, 0) && ran.units == 1, "{ran:?}");
    assert_eq!(bench.word(DATA), 0);
}

#[test]
fn code_ends_where_its_segment_does() {
    // inc eax, three times, of which the limit leaves two ; a mov with one byte too much
    for (code, limit, retired) in
        [(&[0x40, 0x40, 0x40][..], CODE + 1, 2), (&[0x40, 0xb8, 1, 0, 0, 0], CODE + 4, 1)]
    {
        let mut bench = Bench::new(code);
        bench.cpu.segments[SegmentRegister::Cs as usize].limit = limit;
        let ran = bench.run(3);
        assert!(faults(ran.exit, Vector::GeneralProtection, 0), "{ran:?}");
        assert_eq!((ran.units, bench.cpu.eip), (retired, CODE + retired as u32));
    }
}

#[test]
fn another_base_of_the_code_segment_is_other_code() {
    // inc eax, and a page further dec eax
    let mut bench = Bench::new(&[0x40]);
    bench.set_word(CODE + 0x1000, 0x48);
    for (base, eax) in [(CODE, 1), (CODE + 0x1000, 0), (CODE, 1)] {
        bench.cpu.eip = 0;
        bench.cpu.segments[SegmentRegister::Cs as usize].base = base;
        assert_eq!(bench.run(1).exit, Exit::Budget);
        assert_eq!(bench.cpu.registers[EAX], eax, "base {base:x}");
    }
}

#[test]
fn an_address_space_can_be_used_with_another_memory() {
    // mov eax, [DATA]
    let mut bench = Bench::new(&[0xa1, 0, 0x30, 0, 0]);
    bench.set_word(DATA, 1);
    assert_eq!(bench.run(1).exit, Exit::Budget);
    let mut other = Bench::new(&[0xa1, 0, 0x30, 0, 0]);
    other.set_word(DATA, 2);
    // The memory that the translations of the space point into is gone.
    bench.memory = other.memory;
    bench.cpu.eip = CODE;
    assert_eq!(bench.run(1).exit, Exit::Budget);
    assert_eq!(bench.cpu.registers[EAX], 2);
}

#[test]
fn mov_to_cs_is_no_instruction() {
    let mut bench = Bench::new(&[0x8e, 0xc8]);
    bench.cpu.registers[EAX] = 0x2b;
    assert!(faults(bench.run(1).exit, Vector::InvalidOpcode, 0));
}

#[test]
fn an_iret_loads_rf_whatever_it_was() {
    // iretd, to the hlt after it
    for before in [0, flags::RF] {
        let mut bench = Bench::new(&[0xcf, 0xf4]);
        bench.cpu.eflags |= before;
        bench.cpu.registers[ESP] = STACK_TOP - 12;
        bench.set_word(STACK_TOP - 12, CODE + 1);
        bench.set_word(STACK_TOP - 8, 0x23);
        bench.set_word(STACK_TOP - 4, flags::RF | flags::ONE);
        assert_eq!(bench.run(1).exit, Exit::Budget);
        assert_ne!(bench.cpu.eflags & flags::RF, 0, "{before:x}");
    }
}

#[test]
fn a_store_across_two_granules_drops_a_block_once() {
    // mov [CODE + 62], eax, with four nops in EAX ; nops ; hlt
    let mut code = vec![0xa3, 62, 0x10, 0, 0];
    code.resize(70, 0x90);
    code.push(0xf4);
    let mut bench = Bench::new(&code);
    bench.cpu.registers[EAX] = 0x9090_9090;
    assert_eq!(bench.run(2), Ran { units: 2, exit: Exit::Budget });
    assert_eq!(bench.engine.statistics().blocks_overwritten, 1);
    assert_eq!(bench.run(100), Ran { units: 64, exit: Exit::Privileged(Privileged::Hlt) });
}
