//! Every call of the ABI with good, odd and hostile arguments, made from its description: a call that is added later is
//! tried too. What the document promises must hold for each.

mod neighbours;

use std::collections::BTreeSet;

use crate::abi::{
    ArgumentKind, CALLS, Call, CallDescription, CallError, EVENT_PORTS, INTERRUPT_FLAG, PERIOD_MAXIMUM_NS,
    ResultKind, SELECTOR_FS, SELECTOR_GS, show_call,
};
use crate::test_images::{BASE, Code, Register, finish};
use crate::{Config, Event, Machine, Recorder, Stamp};
use emulator::{Cpu, cpu};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const CASES_PER_CALL: usize = 250;
const MEMORY_BYTES: u32 = 0x1_0000;
const NO_CALL: u32 = 0xff;
const DATA: u32 = BASE + 0x4000;
const NOT_MAPPED: u32 = BASE + MEMORY_BYTES;
/// In the core's own pages: start info is readable only, the hypercall page executable too.
const START_INFO: u32 = 0xf000_0000;
const HYPERCALL_PAGE: u32 = 0xf000_4000;

const ADDRESSES: [u32; 14] = [
    0,
    4,
    BASE,
    DATA,
    DATA + 8,
    DATA + 1,
    NOT_MAPPED - 4,
    NOT_MAPPED - 2,
    NOT_MAPPED,
    START_INFO,
    HYPERCALL_PAGE,
    0x8000_0000,
    0xffff_fffc,
    0xffff_ffff,
];
const NUMBERS: [u32; 16] = [
    0,
    1,
    2,
    3,
    8,
    14,
    0x82,
    255,
    256,
    999,
    1000,
    1_000_000,
    INTERRUPT_FLAG,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];
const LENGTHS: [u32; 6] = [0, 1, 0x1000, 0x2000, 0x1_0000, 0xffff_f000];
const PORTS: [u32; 8] = [0, 1, 2, 3, 4, EVENT_PORTS - 1, EVENT_PORTS, 0xffff_ffff];

/// A small generator of numbers: xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of(&mut self, values: &[u32]) -> u32 {
        values[(self.next() % values.len() as u64) as usize]
    }
}

/// What the partition has done before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Ports 1 to 3 are bound: to itself, to console input, to the timer.
    PortsBound,
}

impl Before {
    const CALLS: [(Call, [u32; 3]); 3] = [
        (Call::EventBindSelf, [1, DATA, 0]),
        (Call::EventBindInterrupt, [1, 2, DATA]),
        (Call::EventBindInterrupt, [0, 3, DATA]),
    ];

    fn calls(self) -> &'static [(Call, [u32; 3])] {
        match self {
            Self::Nothing => &[],
            Self::PortsBound => &Self::CALLS,
        }
    }
}

/// The results of the calls of a run.
#[derive(Default)]
struct Results(Vec<Option<u32>>);

impl Recorder for Results {
    fn instruction(&mut self, _: Stamp, _: &emulator::Step<'_>) {}

    fn event(&mut self, _: Stamp, event: &Event) {
        if let Event::Call { result, .. } = event {
            self.0.push(*result);
        }
    }
}

/// How the case's call ended, and the state after it.
struct Ending {
    /// None: the call was not made. `Some(None)`: it does not return here.
    result: Option<Option<u32>>,
    digest: u128,
    cpu: Cpu,
}

/// Makes one call without a stack, wipes out which it was, and stops at HLT.
fn make(number: u32, registers: [u32; 5], before: Before) -> Ending {
    let mut code = Code::default();
    for (call, arguments) in before.calls() {
        code = code.call(*call, arguments);
    }
    let names = [Register::Ebx, Register::Ecx, Register::Edx, Register::Esi, Register::Edi];
    for (register, value) in names.into_iter().zip(registers) {
        code = code.set(register, value);
    }
    code = code.set(Register::Esp, 0).set(Register::Eax, number);
    let wiped = code.here() - 4;
    let code = code.raw(&[0xcd, 0x82]).store(wiped, 0).set(Register::Eax, 0).raw(&[0xf4]);
    let config = Config { memory_bytes: Some(MEMORY_BYTES.into()), ..Config::default() };
    let mut machine = Machine::new(code.image(), config).unwrap();
    machine.give_whole_input(Vec::new());
    let mut results = Results::default();
    finish(&mut machine, &mut results);
    Ending {
        result: results.0.get(before.calls().len()).copied(),
        digest: machine.digest(),
        cpu: machine.cpu().clone(),
    }
}

fn arguments(description: &CallDescription, random: &mut Random) -> [u32; 5] {
    let mut registers = [0; 5].map(|_: u32| random.one_of(&NUMBERS));
    let mut place = 0;
    for argument in description.arguments {
        registers[place] = match argument.kind {
            ArgumentKind::Port => random.one_of(&PORTS),
            ArgumentKind::Enumeration(enumeration) => {
                (random.next() % (enumeration.values.len() as u64 + 1)) as u32
            }
            ArgumentKind::Integer
            | ArgumentKind::Integer64
            | ArgumentKind::Hexadecimal
            | ArgumentKind::Level => random.one_of(&NUMBERS),
            ArgumentKind::Pages => {
                registers[place + 1] = random.one_of(&LENGTHS);
                random.one_of(&ADDRESSES)
            }
            ArgumentKind::Code
            | ArgumentKind::PageAddress
            | ArgumentKind::BytesFromGuest
            | ArgumentKind::BytesToGuest
            | ArgumentKind::ArrayFromGuest(_)
            | ArgumentKind::StructToGuest(_)
            | ArgumentKind::IntegerToGuest(_) => random.one_of(&ADDRESSES),
        };
        place += argument.kind.registers();
    }
    registers
}

/// Whether a value that is no error is what the call promises.
fn is_promised(kind: ResultKind, value: u32) -> bool {
    match kind {
        ResultKind::Zero => value == 0,
        ResultKind::Bytes | ResultKind::Number => value <= i32::MAX.cast_unsigned(),
        ResultKind::Level => value == 0 || value == INTERRUPT_FLAG,
        ResultKind::Selector => value == u32::from(SELECTOR_FS) || value == u32::from(SELECTOR_GS),
        ResultKind::Never => false,
    }
}

/// The registers at HLT: those of the call, EAX as the guest wiped it.
fn registers_after([ebx, ecx, edx, esi, edi]: [u32; 5]) -> [u32; 8] {
    let mut registers = [0; 8];
    let places = [cpu::EBX, cpu::ECX, cpu::EDX, cpu::ESI, cpu::EDI];
    for (place, value) in places.into_iter().zip([ebx, ecx, edx, esi, edi]) {
        registers[place] = value;
    }
    registers
}

/// Tries one call; returns the error, if there was one.
fn try_case(description: &CallDescription, registers: [u32; 5], before: Before) -> Option<CallError> {
    let name = format!(
        "{} after {before:?}, seed {SEED:x}",
        show_call(description.number, registers, |address| format!("{address:x}h"))
    );
    if description.call == Call::PartitionSetMode && (1..3).contains(&registers[0]) {
        // The guest would start again, and call again, without an end.
        return None;
    }
    let ending = make(description.number, registers, before);
    let waits = description.call == Call::Poll && ending.result.is_none();
    let stops = description.call == Call::PartitionSetMode && registers[0] == 0;
    if waits || stops {
        return None;
    }
    let Some(Some(value)) = ending.result else {
        assert_eq!(description.result, ResultKind::Never, "{name} did not return");
        return None;
    };
    assert_eq!(ending.cpu.registers, registers_after(registers), "{name} changed a register");
    assert_eq!(ending.cpu.eflags, make(NO_CALL, registers, before).cpu.eflags, "{name} changed a flag");
    let Some(error) = CallError::from_code(value) else {
        assert!(is_promised(description.result, value), "{name} returned {value:x}");
        return None;
    };
    assert!(description.errors.contains(&error), "{name} returned {}, which is not documented", error.name());
    let untouched = make(NO_CALL, registers, before);
    assert_eq!(ending.digest, untouched.digest, "{name} returned {} and had an effect", error.name());
    Some(error)
}

#[test]
fn calls_return_documented_errors_and_no_other_and_change_no_more_than_they_say() {
    let mut random = Random(SEED);
    for description in CALLS {
        let mut seen = BTreeSet::new();
        for case in 0..CASES_PER_CALL {
            let before = if case % 2 == 0 { Before::Nothing } else { Before::PortsBound };
            let registers = arguments(description, &mut random);
            seen.extend(try_case(description, registers, before).map(CallError::name));
        }
        // Which errors each call has, and what leads to them, `calls/tests.rs` holds.
        assert_eq!(seen.is_empty(), description.errors.is_empty(), "{}, seed {SEED:x}", description.name);
    }
}

#[test]
fn a_number_without_a_call_is_refused_whatever_the_arguments() {
    let mut random = Random(SEED);
    let numbers =
        (0..256).filter(|number| Call::from_number(*number).is_none()).chain([256, 0x8000_0001, u32::MAX]);
    for number in numbers {
        let registers = [0; 5].map(|_: u32| random.one_of(&ADDRESSES));
        let ending = make(number, registers, Before::PortsBound);
        assert_eq!(ending.result, Some(Some(CallError::NoSuchCall.code())), "number {number:x}");
    }
}

#[test]
fn a_period_that_is_too_long_is_refused() {
    let period = PERIOD_MAXIMUM_NS + 1;
    let registers = [period as u32, (period >> 32) as u32, 0, 0, 0];
    let description = Call::TimerSetPeriodic.description();
    assert_eq!(try_case(description, registers, Before::PortsBound), Some(CallError::InvalidArgument));
}
