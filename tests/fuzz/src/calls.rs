//! Calls with any arguments over any memory: what returns is what is documented, an error has no effect, the core's
//! pages stay as they were, every event is accounted for, and neither slices nor a recorder change anything.

use crate::guest::{self, Guest, MEMORY_BYTES};
use crate::input::Input;
use emulator::{Step, cpu, flags};
use hypervisor_core::abi::{Call, CallError, INTERRUPT_FLAG, ResultKind};
use hypervisor_core::abi::{SELECTOR_FS, SELECTOR_GS};
use hypervisor_core::{Config, Event, Limits, Machine, Outcome, Progress, Recorder, Stamp, Unrecorded};

const UNITS: u64 = 3000;
/// Idle time is skipped: without a limit a timer could go on for ever.
const TIME_NS: u64 = 1_000_000_000;

/// Runs the input's guest.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let slice_units = u64::from(input.byte().unwrap_or(0)) + 1;
    let console = usize::from(input.byte().unwrap_or(0) % 32);
    let console = input.bytes(console);
    let guest = Guest::new(&mut input);
    let mut calls = Calls { tame: true, ..Calls::default() };
    let whole = run(&guest, &[], console, None, &mut calls);
    let sliced = run(&guest, &[], console, Some(slice_units), &mut Unrecorded);
    assert_eq!(whole, sliced, "slices of {slice_units} units or the recorder change the run");
    let Outcome::Shutdown { code } = whole.outcome else { return };
    if !calls.is_tame(&guest) {
        return;
    }
    assert_ne!(code, guest::DAMAGED, "a page of the core has changed");
    if code == guest::ENDED {
        let failed = calls.failed(&guest);
        let without = run(&guest, &failed, console, None, &mut Unrecorded);
        assert_eq!(whole, without, "the calls {failed:?} returned an error and had an effect");
    }
}

/// What is left of a run.
#[derive(PartialEq, Eq, Debug)]
struct Ending {
    outcome: Outcome,
    output: Vec<u8>,
    digest: u128,
}

fn run<R: Recorder>(
    guest: &Guest,
    replaced: &[usize],
    console: &[u8],
    slice_units: Option<u64>,
    recorder: &mut R,
) -> Ending {
    let config = Config { memory_bytes: Some(MEMORY_BYTES.into()), ..Config::default() };
    let mut machine = Machine::new(guest.image(replaced), config).expect("the guest fits");
    machine.give_whole_input(console.to_vec());
    let limits = Limits { executed_units: Some(UNITS), time_ns: Some(TIME_NS), slice_units };
    let mut output = Vec::new();
    loop {
        let progress = machine.run(&limits, recorder);
        let ledger = machine.ledger().expect("a partition has one");
        assert!(ledger.balances(), "{ledger:?}");
        output.extend(machine.take_output());
        if let Progress::Finished(outcome) = progress {
            return Ending { outcome, output, digest: machine.digest() };
        }
    }
}

/// Looks at every call, and remembers which failed.
#[derive(Default)]
struct Calls {
    /// The registers, EIP and EFLAGS around the last gate.
    gate: Option<([u32; 8], [u32; 8], u32, u32)>,
    /// Where a call returned an error: the address after its gate.
    failed_at: Vec<u32>,
    iret_at: Vec<u32>,
    /// No handler but the guest's own was entered.
    tame: bool,
}

impl Calls {
    /// Whether the guest did nothing but its operations, in their order.
    fn is_tame(&self, guest: &Guest) -> bool {
        self.tame && self.iret_at.iter().all(|at| !guest.returns.contains(at))
    }

    fn failed(&self, guest: &Guest) -> Vec<usize> {
        let place = |at: &u32| guest.returns.iter().position(|returns| returns == at);
        self.failed_at.iter().filter_map(place).collect()
    }

    fn call(&mut self, number: u32, result: Option<u32>) {
        let Some((before, after, eflags_before, eflags)) = self.gate.take() else {
            panic!("call {number:x} without an instruction")
        };
        let Some(result) = result else { return };
        let expected = {
            let mut expected = before;
            expected[cpu::EAX] = result;
            expected
        };
        assert_eq!(expected, after, "call {number:x} changed a register");
        assert_eq!((eflags_before ^ eflags) & !flags::RF, 0, "call {number:x} changed a flag");
        let error = CallError::from_code(result);
        let Some(description) = Call::from_number(number).map(Call::description) else {
            return assert_eq!(error, Some(CallError::NoSuchCall), "number {number:x}");
        };
        match error {
            Some(error) => {
                let documented = description.errors.contains(&error);
                assert!(documented, "{} returned {}", description.name, error.name());
            }
            None => assert!(promised(description.result, result), "{} returned {result:x}", description.name),
        }
    }
}

fn promised(kind: ResultKind, value: u32) -> bool {
    match kind {
        ResultKind::Zero => value == 0,
        ResultKind::Bytes | ResultKind::Number => value <= i32::MAX.cast_unsigned(),
        ResultKind::Level => value == 0 || value == INTERRUPT_FLAG,
        ResultKind::Selector => value == u32::from(SELECTOR_FS) || value == u32::from(SELECTOR_GS),
        ResultKind::Never => false,
    }
}

impl Recorder for Calls {
    fn instruction(&mut self, _: Stamp, step: &Step<'_>) {
        let after = step.after;
        self.gate = Some((*step.registers_before, after.registers, step.eflags_before, after.eflags));
        if step.registers_before[cpu::EAX] == Call::Iret.description().number {
            self.iret_at.push(step.eip.wrapping_add(step.bytes.len() as u32));
        }
    }

    fn event(&mut self, _: Stamp, event: &Event) {
        match event {
            Event::Call { number, result, caller, .. } => {
                self.call(*number, *result);
                if result.is_some_and(|result| CallError::from_code(result).is_some()) {
                    self.failed_at.push(caller.wrapping_add(2));
                }
            }
            Event::Upcall { handler, .. } => self.tame &= *handler == guest::UPCALL,
            Event::Trap { handler, .. } => self.tame &= *handler == guest::TRAP,
            _ => {}
        }
    }
}
