//! The ways of running the same state, and what comes of each.

use emulator::cpu::control;
use emulator::{
    AddressSpace, Cpu, CpuProfile, Dispatch, Exit, Interpreter, Observer, PhysicalMemory, Ran, RunInputs,
    SegmentRegister, Settings, StateDigest, Step, Unobserved, Vector, flags,
};

/// A processor and its memory.
pub struct State {
    pub cpu: Cpu,
    pub space: AddressSpace,
    pub memory: PhysicalMemory,
}

/// How often the state is handed back within a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Split {
    Whole,
    /// After every unit.
    Single,
    /// After every unit, and the next one gets another interpreter.
    Fresh,
}

/// A way of running; none of it may change what the guest does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    settings: Settings,
    split: Split,
    observed: bool,
}

/// All ways of running on a modelled processor. The first is the one that the others are compared with.
pub fn ways(profile: CpuProfile) -> [Way; 7] {
    let dispatch = |dispatch| Settings { dispatch, profile, ..Settings::default() };
    let (looped, tail) = (dispatch(Dispatch::Loop), dispatch(Dispatch::Tail));
    let way = |settings, split, observed| Way { settings, split, observed };
    [
        way(tail, Split::Whole, false),
        way(looped, Split::Whole, false),
        way(Settings { forget_blocks: true, ..tail }, Split::Whole, false),
        way(Settings { settle_flags: true, ..looped }, Split::Whole, false),
        way(tail, Split::Whole, true),
        way(tail, Split::Single, false),
        way(looped, Split::Fresh, true),
    ]
}

/// What came of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    pub units: u64,
    pub exit: Exit,
    pub digest: u128,
    pub cpu: Cpu,
}

impl Way {
    /// Runs at most `units`.
    pub fn run(&self, mut state: State, units: u64) -> Ending {
        let mut engine = Interpreter::new(self.settings);
        let mut told = Told { state: None, steps: 0 };
        let mut done = 0;
        loop {
            let budget = if self.split == Split::Whole { units } else { 1 };
            if self.split == Split::Fresh {
                engine = Interpreter::new(self.settings);
            }
            let inputs = RunInputs { units: budget, time_stamp: done, ..RunInputs::default() };
            let before = (self.split == Split::Single).then(|| (state.cpu.clone(), digest_of(&state)));
            let State { cpu, space, memory } = &mut state;
            let ran = if self.observed {
                engine.run(cpu, space, memory, &inputs, &mut told)
            } else {
                engine.run(cpu, space, memory, &inputs, &mut Unobserved)
            };
            assert!(ran.units <= budget, "{} units of {budget}", ran.units);
            assert!(ran.exit != Exit::Budget || ran.units == budget, "a budget is exact");
            if let Some((cpu, memory)) = before {
                check_exit(&cpu, memory, &state, ran);
            }
            done += ran.units;
            if ran.exit != Exit::Budget || done == units {
                assert!(!self.observed || told.steps == done, "{} steps of {done} units", told.steps);
                return Ending { units: done, exit: ran.exit, digest: digest_of(&state), cpu: state.cpu };
            }
        }
    }
}

/// What retires nothing leaves nothing behind, apart from what the exception itself reports.
fn check_exit(cpu: &Cpu, memory: u128, after: &State, ran: Ran) {
    if ran.units != 0 || ran.exit == Exit::Budget {
        return;
    }
    let mut expected = cpu.clone();
    if let Exit::Exception(exception) = ran.exit {
        // Without OSXMMEXCPT an unmasked one of SSE is #UD.
        let enabled = cpu.system.cr4 & control::CR4_OSXMMEXCPT != 0;
        let reported = if enabled { Vector::SimdFloatingPoint } else { Vector::InvalidOpcode };
        if exception.vector == reported {
            expected.sse.mxcsr |= after.cpu.sse.mxcsr & 0x3f;
        }
        assert!(exception.vector != Vector::PageFault || exception.error_code & !0x17 == 0, "{exception:x?}");
    }
    match opcode(after) {
        // POPA loads one register after the other: docs/decisions/0003-popa.md.
        [0x61, _] => expected.registers = after.cpu.registers,
        // MASKMOVQ, and a conversion to an MMX register that raises #XM, have taken the stack of x87 by then.
        [0x0f, 0x2c | 0x2d | 0xf7] if after.cpu.fpu.tags == 0xff && after.cpu.fpu.top() == 0 => {
            expected.fpu.tags = 0xff;
            expected.fpu.status &= !(7 << 11);
        }
        _ => {}
    }
    // Bits that do not exist are taken out on entry.
    expected.eflags = after.cpu.eflags;
    assert_eq!(cpu.eflags & flags::ARITHMETIC, after.cpu.eflags & flags::ARITHMETIC, "{:x?}", ran.exit);
    assert_eq!(expected, after.cpu, "{:x?} changed the processor", ran.exit);
    assert_eq!(memory, digest_of(after), "{:x?} changed the memory", ran.exit);
}

/// The first two bytes behind the prefixes, zero where nothing is mapped.
fn opcode(state: &State) -> [u8; 2] {
    const PREFIXES: [u8; 11] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
    let start = state.cpu.segment(SegmentRegister::Cs).base.wrapping_add(state.cpu.eip);
    let mut bytes = [0; 17];
    // Filled up to the first byte that is not mapped.
    let _ = state.space.peek(&state.memory, start, &mut bytes[..15]);
    let first = bytes.iter().position(|byte| !PREFIXES.contains(byte)).unwrap_or(0);
    [bytes[first], bytes[first + 1]]
}

fn digest_of(state: &State) -> u128 {
    let mut digest = StateDigest::new();
    digest.memory(&state.memory);
    digest.value()
}

/// Counts the steps and checks that they join.
struct Told {
    state: Option<(u32, [u32; 8], u32)>,
    steps: u64,
}

impl Observer for Told {
    fn step(&mut self, step: &Step<'_>) {
        let before = (step.eip, *step.registers_before, step.eflags_before);
        assert!(self.state.is_none_or(|state| state == before), "the steps do not join at {:x}", step.eip);
        assert!(step.bytes.len() <= 15 && !step.bytes.is_empty());
        self.state = Some((step.after.eip, step.after.registers, step.after.eflags));
        self.steps += 1;
    }
}
