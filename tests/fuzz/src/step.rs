//! Any bytes in any state come to the same end in every way of running them.
//!
//! An input is the code, then the state; what is missing of the state is as usual, so that a seed can be code alone.

use crate::floats;
use crate::input::Input;
use crate::ways::{State, ways};
use emulator::cpu::{Tls, control};
use emulator::{
    AddressSpace, Cpu, CpuProfile, DescriptorTable, FrameNumber, PhysicalMemory, Rights, Segment, flags,
};

const CODE: u32 = 0x10_0000;
const DATA: u32 = 0x20_0000;
const READ_ONLY: u32 = 0x20_2000;
const STACK: u32 = 0x30_0000;
/// Where 16-bit addresses lead; the same bytes as `DATA`.
const LOW: u32 = 0x8000;
const LAST_PAGE: u32 = 0xffff_f000;
const FRAMES: u32 = 8;
const UNITS_AT_MOST: u8 = 8;
/// The one with all instructions first: it is what code alone runs on.
const PROFILES: [CpuProfile; 3] = [CpuProfile::Prescott, CpuProfile::Pentium4, CpuProfile::I686];

/// Edges of what is mapped, and numbers that arithmetic turns on.
const MARKS: [u32; 14] = [
    CODE,
    DATA + 0x100,
    DATA + 0x1000,
    READ_ONLY,
    READ_ONLY + 0x1000,
    STACK + 0x1000,
    STACK + 0x2000,
    LOW + 0x800,
    LOW + 0x2000,
    LAST_PAGE + 0x800,
    0,
    1,
    0x7fff_ffff,
    0x8000_0000,
];
const REGISTERS: [u32; 8] =
    [1, 3, 0x8000_0001, DATA + 0x40, STACK + 0x1800, STACK + 0x1900, DATA + 0x200, DATA + 0x400];

/// Runs the input's code in all ways.
pub fn check(bytes: &[u8]) {
    let first = Input::new(bytes).byte().unwrap_or(0);
    let units = u64::from(first % UNITS_AT_MOST) + 1;
    let profile = PROFILES[usize::from(first / UNITS_AT_MOST) % PROFILES.len()];
    let mut endings = ways(profile).map(|way| (way, way.run(state(bytes), units))).into_iter();
    let Some((first_way, first)) = endings.next() else { return };
    for (way, ending) in endings {
        assert_eq!(first, ending, "{first_way:?} and {way:?} part");
    }
}

/// The input: a byte for the units and the profile, a byte for the length of the code, the code, the state.
fn state(bytes: &[u8]) -> State {
    let mut input = Input::new(bytes);
    input.byte();
    let length = usize::from(input.byte().unwrap_or(0));
    let code = input.bytes(length);
    let at = if input.byte().is_some_and(|byte| byte & 1 == 1) { 0x1000 - length as u32 / 2 } else { 0x100 };
    let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
    cpu.eip = CODE + at;
    cpu.registers = REGISTERS;
    cpu.system.cr4 = control::CR4_OSFXSR | control::CR4_OSXMMEXCPT;
    general(&mut cpu, &mut input);
    system(&mut cpu, &mut input);
    segments(&mut cpu, &mut input);
    floats::fill(&mut cpu, &mut input);
    let (space, mut memory) = mapped();
    space.poke(&mut memory, CODE + at, code).expect("the code fits into two pages");
    space.poke(&mut memory, DATA, &[0x5a; 0x600]).expect("data is mapped");
    for address in [DATA + 0x40, DATA + 0x200, DATA + 0x400, STACK + 0x1800] {
        space.poke(&mut memory, address, input.bytes(64)).expect("data is mapped");
    }
    State { cpu, space, memory }
}

fn mapped() -> (AddressSpace, PhysicalMemory) {
    let mut memory = PhysicalMemory::new();
    let mut space = AddressSpace::new();
    let first = memory.allocate(FRAMES).expect("the host has eight frames");
    let frame = |index| FrameNumber(first.0 + index);
    space.map(CODE, 2, frame(0), Rights::ALL);
    space.map(DATA, 2, frame(2), Rights::READ_WRITE);
    space.map(LOW, 2, frame(2), Rights::READ_WRITE);
    space.map(READ_ONLY, 1, frame(4), Rights::READ);
    space.map(STACK, 2, frame(5), Rights::READ_WRITE);
    space.map(LAST_PAGE, 1, frame(7), Rights::ALL);
    (space, memory)
}

fn general(cpu: &mut Cpu, input: &mut Input<'_>) {
    for register in &mut cpu.registers {
        if let Some(value) = input.near(&MARKS) {
            *register = value;
        }
    }
    // IOPL and VM are the machine's to set.
    let settable = flags::ARITHMETIC | flags::TF | flags::DF | flags::NT | flags::RF | flags::AC | flags::ID;
    cpu.eflags |= input.word() & settable;
}

fn system(cpu: &mut Cpu, input: &mut Input<'_>) {
    let Some(bits) = input.byte() else { return };
    let set = |bit: u8, flag: u32| if bits & 1 << bit != 0 { flag } else { 0 };
    cpu.system.cr0 ^= set(0, control::CR0_TS)
        | set(1, control::CR0_EM)
        | set(2, control::CR0_MP)
        | set(3, control::CR0_AM)
        | set(4, 1 << 5);
    cpu.system.cr4 ^= set(5, control::CR4_OSFXSR)
        | set(6, control::CR4_OSXMMEXCPT)
        | set(7, control::CR4_TSD | control::CR4_UMIP);
    cpu.interrupt_shadow = input.byte().is_some_and(|byte| byte & 1 == 1);
}

fn segments(cpu: &mut Cpu, input: &mut Input<'_>) {
    for entry in [6, 7] {
        if input.byte().is_some_and(|byte| byte & 1 == 1) {
            cpu.descriptors.entries[entry] = input.number(8) as u64;
        }
    }
    let [es, cs, ss, ds, fs, gs] = &mut cpu.segments;
    for segment in [es, ds, fs, gs] {
        match input.byte().unwrap_or(0) % 8 {
            1 => *segment = Segment::NULL,
            2 => *segment = Segment::flat_data(0x33),
            3 => *segment = Segment { attributes: 0xc0f1, ..Segment::flat_data(0x33) },
            4 => *segment = Segment::flat_code(0x23),
            5 => *segment = Segment { base: DATA, limit: input.word() & 0xffff, ..Segment::flat_data(0x3b) },
            // Expand-down.
            6 => *segment = Segment { limit: DATA + 0x80, attributes: 0xc0f7, ..Segment::flat_data(0x3b) },
            7 => *segment = Segment { base: input.word(), ..Segment::flat_data(0x33) },
            _ => {}
        }
    }
    match input.byte().unwrap_or(0) % 8 {
        1 => *ss = Segment { base: STACK, limit: 0x1fff, ..Segment::flat_data(0x33) },
        2 => *ss = Segment { base: 0x1000, ..Segment::flat_data(0x33) },
        // With B clear, SP is what counts.
        3 => *ss = Segment { base: STACK, limit: 0x1fff, attributes: 0x00f3, ..Segment::flat_data(0x33) },
        _ => {}
    }
    match input.byte().unwrap_or(0) % 8 {
        1 => *cs = Segment { limit: CODE + 0x101, ..Segment::flat_code(0x33) },
        2 => {
            *cs = Segment { base: CODE, limit: 0x1fff, ..Segment::flat_code(0x33) };
            cpu.eip -= CODE;
        }
        _ => {}
    }
}
