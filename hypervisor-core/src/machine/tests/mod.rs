//! Small guests in machine code, run to their end or step by step.

mod console;
mod deadlocks;
mod debug_registers;
mod digest;
mod hostile;
mod linux;
mod memory;
mod message_ports;
mod privileged;
mod programs;
mod registers;
mod restarts;
mod snapshot;
mod system;
mod system_edges;
mod time;
mod traps;
mod upcalls;

use super::Machine;
use crate::abi::shared_page;
use crate::record::{Event, Recorder, Stamp};
use crate::test_images::BASE;
use crate::{Limits, Outcome, Progress, Unrecorded};
use emulator::{Step, cpu};

const SHARED: u32 = 0xf000_2000;
const MASK: u32 = SHARED + shared_page::MASK;
const UPCALL_PENDING: u32 = SHARED + shared_page::UPCALL_PENDING;
/// Data of a test, in the image's own memory.
const DATA: u32 = BASE + 0x4000;
/// Where a bind call leaves its first count.
const COUNT: u32 = BASE + 0x5000;

/// Everything that a machine told.
#[derive(Debug, Default, PartialEq)]
struct Tape {
    steps: Vec<(Stamp, u32, [u32; 8], u32)>,
    events: Vec<(Stamp, Event)>,
}

impl Recorder for Tape {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.steps.push((stamp, step.eip, *step.registers_before, step.eflags_before));
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.events.push((stamp, event.clone()));
    }
}

impl Tape {
    /// EAX before each execution of the instruction at `eip`.
    fn eax_at(&self, eip: u32) -> Vec<u32> {
        self.steps.iter().filter(|step| step.1 == eip).map(|step| step.2[cpu::EAX]).collect()
    }

    fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| matches(event)).count()
    }
}

fn words<const COUNT: usize>(machine: &Machine, address: u32) -> [u32; COUNT] {
    std::array::from_fn(|index| {
        let bytes = machine.partitions[0].guest.bytes(address + 4 * index as u32, 4).unwrap();
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    })
}

/// Runs unit by unit until EIP is `eip`.
fn run_to(machine: &mut Machine, eip: u32) {
    let limits = Limits { slice_units: Some(1), ..Limits::default() };
    for _ in 0..100_000 {
        if machine.cpu().eip == eip {
            return;
        }
        let progress = machine.run(&limits, &mut Unrecorded);
        assert!(matches!(progress, Progress::Slice | Progress::Output), "{progress:x?}");
    }
    panic!("the guest never came to {eip:08x}h");
}

fn ended_well(outcome: &Outcome) {
    assert_eq!(*outcome, Outcome::Shutdown { code: 0 });
}
