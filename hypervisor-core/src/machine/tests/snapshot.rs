//! What a restored machine has, and what becomes of states that are of another version, another system, or damaged.
//!
//! That it goes on as the one that was saved, `tests/equivalences` shows over whole guests.

use super::linux::call;
use super::programs::linux;
use super::system::{busy, idle, run, system};
use super::{DATA, words};
use crate::config::PartitionId;
use crate::machine::Machine;
use crate::partition::Personality;
use crate::snapshot::{FrameId, MemoryId, RestoreError, SNAPSHOT_VERSION};
use crate::test_images::Code;
use crate::{SystemConfig, Unrecorded};
use emulator::{Cpu, PAGE_BYTES};

type Frame = [u8; PAGE_BYTES as usize];

/// A small generator of numbers: xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }
}

fn frames(machine: &Machine) -> Vec<(FrameId, Frame)> {
    let read = |id| {
        let mut bytes = [0; PAGE_BYTES as usize];
        machine.read_frame(id, &mut bytes);
        (id, bytes)
    };
    machine.frames().map(read).collect()
}

fn restored(
    config: &SystemConfig,
    state: &[u8],
    frames: &[(FrameId, Frame)],
) -> Result<Machine, RestoreError> {
    Machine::restore(config.clone(), state, frames.iter().map(|(id, bytes)| (*id, bytes)))
}

fn again(machine: &Machine) -> Machine {
    restored(&machine.config, &machine.save(), &frames(machine)).unwrap()
}

fn error(config: &SystemConfig, state: &[u8]) -> RestoreError {
    restored(config, state, &[]).expect_err("the state is not one of this system")
}

/// Memory calls of a Linux program, some of them impossible: brk, munmap, mprotect, mremap, mmap2, set_thread_area.
fn memory_call(random: &mut Random, machine: &mut Machine) -> u32 {
    let number = [45, 91, 125, 163, 192, 192][random.below(6)];
    let pages = |random: &mut Random| (random.below(40) as u32) << 12;
    let place = [0x4000_0000, 0x0010_8000, 0][random.below(3)];
    let address = if place == 0 { 0 } else { place + pages(random) };
    let length = pages(random) + [0, 1, 77][random.below(3)];
    let arguments = match number {
        45 => [0x0010_8000 + pages(random) + 5, 0, 0, 0, 0],
        125 => [address, length, [0, 1, 3, 7][random.below(4)], 0, 0],
        163 => [address, length, pages(random), random.below(2) as u32, 0],
        192 => [address, length, 3, [0x22, 0x32][random.below(2)], u32::MAX],
        _ => [address, length, 0, 0, 0],
    };
    call(machine, number, arguments)
}

#[test]
fn a_restored_linux_program_gets_the_memory_that_it_would_have_got() {
    let mut random = Random(7);
    let mut machine = linux(&Code::default().raw(&[0x90]), &["argument"]);
    let mut other = again(&machine);
    let mut succeeded = 0;
    for step in 0..600 {
        let seed = random.next();
        let results =
            [&mut machine, &mut other].map(|machine| memory_call(&mut Random(seed), machine) as i32);
        assert_eq!(results[0], results[1], "step {step}, seed {seed}");
        succeeded += i32::from(!(-200..0).contains(&results[0]));
        if step % 5 == 0 {
            assert_eq!(other.save(), machine.save(), "step {step}");
            assert_eq!(other.digest(), machine.digest(), "step {step}");
            other = again(&machine);
        }
    }
    assert!(succeeded > 200, "{succeeded} calls succeeded");
}

#[test]
fn what_a_linux_program_said_is_still_to_be_taken() {
    let mut machine = linux(&Code::default().raw(&[0x90]), &[]);
    machine.partitions[0].guest.set_bytes(DATA, b"output").unwrap();
    assert_eq!(call(&mut machine, 4, [1, DATA, 6, 0, 0]), 6);
    assert_eq!(call(&mut machine, 4, [2, DATA, 3, 0, 0]), 3);
    let mut other = again(&machine);
    assert_eq!((other.take_output(), other.take_errors()), (b"output".to_vec(), b"out".to_vec()));
    assert_eq!(other.system_call_effects(), machine.system_call_effects());
}

#[test]
fn every_register_is_restored() {
    let mut random = Random(99);
    let mut machine = busy().machine();
    for _ in 0..50 {
        let processor = &mut machine.partitions[0].guest.cpu;
        processor.registers = std::array::from_fn(|_| random.next() as u32);
        *processor = Cpu { eip: random.next() as u32, ..processor.clone() };
        processor.eflags = random.next() as u32 & 0x25_4dd5 | 0x202;
        processor.interrupt_shadow = random.below(2) == 0;
        for segment in &mut processor.segments {
            (segment.base, segment.limit) = (random.next() as u32, random.next() as u32);
            (segment.selector, segment.attributes) = (random.next() as u16, random.next() as u16);
        }
        let system = &mut processor.system;
        (system.cr2, system.cr3, system.ldtr) = (random.next() as u32, random.next() as u32, 8);
        (system.gdtr, system.idtr, system.iopl) = ((random.next() as u32, 7), (random.next() as u32, 9), 3);
        system.dr = std::array::from_fn(|_| random.next() as u32);
        processor.descriptors.entries = std::array::from_fn(|_| random.next());
        for register in &mut processor.fpu.registers {
            (register.significand, register.sign_exponent) = (random.next(), random.next() as u16);
        }
        let fpu = &mut processor.fpu;
        (fpu.control, fpu.status, fpu.tags) = (random.next() as u16, random.next() as u16, 0x5a);
        (fpu.instruction_pointer, fpu.data_pointer, fpu.opcode) = (random.next() as u32, 5, 0x7ff);
        processor.sse.xmm =
            std::array::from_fn(|_| u128::from(random.next()) << 64 | u128::from(random.next()));
        processor.sse.mxcsr = random.next() as u32 & 0xffff;
        assert_eq!(again(&machine).cpu(), machine.cpu());
    }
}

#[test]
fn frames_that_are_not_given_are_zero() {
    let mut machine = busy().machine();
    run(&mut machine, 30, &mut Unrecorded);
    assert_eq!(words(&machine, DATA), [15]);
    let other = restored(&machine.config, &machine.save(), &[]).unwrap();
    assert_eq!(words(&other, DATA), [0]);
    assert_eq!(other.frames().next(), None);
    assert_eq!(words(&again(&machine), DATA), [15]);
}

#[test]
fn a_state_of_another_version_or_system_is_refused_with_one_line() {
    let machine = Machine::of_system(system(&busy(), &idle())).unwrap();
    let state = machine.save();
    let mut newer = state.clone();
    newer[0] = SNAPSHOT_VERSION + 1;
    let mut longer = state.clone();
    longer.push(0);
    let mut larger = machine.config.clone();
    larger.partitions[1].memory_bytes *= 2;
    let alone = busy().machine();
    let linux = linux(&Code::default().raw(&[0x90]), &[]);
    for (config, state, says) in [
        (&machine.config, &newer[..], "use the version that saved it"),
        (&machine.config, &[], "it is empty"),
        (&machine.config, &longer[..], "goes on after its end"),
        (&machine.config, &state[..state.len() - 1], "its bytes are not those of a machine"),
        (&alone.config, &state[..], "the numbers of partitions differ"),
        (&larger, &state[..], "the memories of the partitions differ"),
        (&linux.config, &alone.save()[..], "the ABIs of the partitions differ"),
    ] {
        let text = error(config, state).to_string();
        assert!(text.contains(says) && !text.contains('\n'), "{text}");
    }
}

#[test]
fn a_frame_that_a_machine_has_not_is_refused() {
    let machine = Machine::of_system(system(&busy(), &idle())).unwrap();
    let count = machine.partitions[0].guest.memory.frame_count();
    let partition = |place| MemoryId::Partition(PartitionId(place));
    for id in [
        FrameId { memory: partition(0), frame: count },
        FrameId { memory: partition(2), frame: 0 },
        FrameId { memory: MemoryId::Shared, frame: 0 },
    ] {
        let result = restored(&machine.config, &machine.save(), &[(id, [0; 4096])]);
        assert_eq!(result.err(), Some(RestoreError::NoFrame(id)));
    }
}

#[test]
fn a_damaged_linux_program_is_refused_or_can_be_run() {
    let mut random = Random(0x5eed);
    let mut machine = linux(&Code::default().raw(&[0x90]), &[]);
    for _ in 0..40 {
        memory_call(&mut random, &mut machine);
    }
    // The pages are at the end of a state: some damage is for them alone.
    let (state, mut taken) = (machine.save(), 0);
    for round in 0..3_000 {
        let mut bytes = state.clone();
        let at = 1 + random.below(state.len() - 1);
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at] = bytes[at].wrapping_add(1),
            _ => drop(bytes.splice(at..=at, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        }
        let Ok(mut other) = restored(&machine.config, &bytes, &[]) else { continue };
        taken += 1;
        // Whatever it ended with, its memory can be asked for more.
        assert!(matches!(other.partitions[0].personality, Personality::Linux(_)), "round {round}");
        for _ in 0..20 {
            memory_call(&mut random, &mut other);
        }
        run(&mut other, 200, &mut Unrecorded);
        assert_eq!(other.save(), other.save());
    }
    assert!((300..2_700).contains(&taken), "{taken} of 3000 were restored");
}
