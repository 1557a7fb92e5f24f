//! A machine that is saved and restored goes on as if nothing had been, and no damage to what was saved makes one that
//! cannot be run.

use super::random::Random;
use super::subjects::{self, Subject};
use super::{ROUNDS, environment};
use hypervisor_core::snapshot::FrameId;
use hypervisor_core::{Limits, Machine, PartitionId, Progress, Unrecorded};
use trace::{Both, StreamDigest, SystemProjection};

const LIMITS: Limits =
    Limits { executed_units: Some(600_000), time_ns: Some(2_000_000_000), slice_units: None };
/// Instants of a run at which it is saved, beside its start and its end.
const INSTANTS: u32 = 6;

type Frames = Vec<(FrameId, Box<[u8; 4096]>)>;

fn frames(machine: &Machine) -> Frames {
    let read = |id| {
        let mut bytes = Box::new([0; 4096]);
        machine.read_frame(id, &mut bytes);
        (id, bytes)
    };
    machine.frames().map(read).collect()
}

/// The machine, made again out of what is saved of it.
fn again(machine: &Machine, name: &str) -> Machine {
    let (state, memory) = (machine.save(), frames(machine));
    assert_eq!(machine.save(), state, "{name}: two saved states of one machine");
    let restored =
        Machine::restore(machine.config().clone(), &state, memory.iter().map(|(id, b)| (*id, &**b)));
    let restored = restored.unwrap_or_else(|error| panic!("{name} at {}: {error}", machine.clock().units()));
    assert_eq!(restored.save(), state, "{name} at {}: saved again", machine.clock().units());
    assert_eq!(frames(&restored), memory, "{name} at {}: memory", machine.clock().units());
    assert_eq!(restored.digest(), machine.digest(), "{name} at {}", machine.clock().units());
    restored
}

/// What a run left and told.
#[derive(PartialEq, Eq)]
struct Left {
    console: Vec<u8>,
    units: u64,
    state: Vec<u8>,
    digest: u128,
    stream: u128,
    events: String,
}

/// Runs to the end, stopping at the instants; there, `hop` makes another machine of this one.
fn run(subject: &Subject, instants: &[u64], hop: impl Fn(Machine) -> Machine) -> Left {
    let mut machine = hop(subject.machine());
    let mut recorder = Both(SystemProjection::new(&machine), StreamDigest::new());
    let (mut instants, mut console) = (instants.iter().peekable(), Vec::new());
    loop {
        let now = machine.clock().units();
        while instants.next_if(|instant| **instant <= now).is_some() {
            machine = hop(machine);
        }
        let slice_units = instants.peek().map(|instant| **instant - now);
        let progress = machine.run(&Limits { slice_units, ..LIMITS }, &mut recorder);
        if !matches!(progress, Progress::Slice) {
            // Not at the end of a slice, so that there is output to be saved.
            for place in 0..machine.partitions().len() {
                console.extend(machine.take_output_of(PartitionId(place as u16)));
            }
        }
        match progress {
            Progress::Output | Progress::Slice | Progress::InputWanted => {}
            Progress::Idle { until_units } => machine.idle_until(until_units.unwrap_or(u64::MAX)),
            Progress::Finished(_) => break,
        }
    }
    let machine = hop(machine);
    let Both(projection, stream) = recorder;
    Left {
        console,
        units: machine.clock().units(),
        state: machine.save(),
        digest: machine.digest(),
        stream: stream.value(),
        events: projection.text(),
    }
}

fn instants(random: &mut Random, units: u64) -> Vec<u64> {
    let mut instants: Vec<u64> = (0..INSTANTS).map(|_| random.next() % units.max(1)).collect();
    // Where guests set themselves up, more happens.
    instants.extend((0..INSTANTS / 2).map(|_| random.next() % 2_000.min(units.max(1))));
    instants.sort_unstable();
    instants
}

#[test]
fn a_run_that_is_saved_and_restored_is_the_run() {
    let seed = environment("PARAVANE_SEED", 1);
    for subject in subjects::subjects() {
        let name = &subject.name;
        let units = run_to(&subject, u64::MAX).clock().units();
        let instants = instants(&mut Random::new(seed), units);
        let expected = run(&subject, &instants, |machine| machine);
        let hopped = run(&subject, &instants, |machine| again(&machine, name));
        assert_eq!(hopped.events, expected.events, "{name}, seed {seed}");
        assert!(hopped == expected, "{name}, seed {seed}, at {instants:?}");
    }
}

/// A saved state in which some byte, or some number, is another one.
fn damaged(state: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = state.to_vec();
    let at = 1 + random.below(state.len() as u32 - 1) as usize;
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.byte(),
        2 => bytes[at] = bytes[at].wrapping_add(random.choose(&[1, 255])),
        3 => bytes.truncate(at),
        4 => drop(bytes.remove(at)),
        5 => bytes.insert(at, random.byte()),
        _ => {
            // Numbers are written in groups of seven bits: one of them becomes as large as can be.
            let end = at + bytes[at..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
            let largest: &[u8] = [&[0x7f][..], &[0xff, 0xff, 3], &[0xff, 0xff, 0xff, 0xff, 0xf], &LARGEST]
                [random.below(4) as usize];
            bytes.splice(at..end.min(state.len()), largest.iter().copied());
        }
    }
    bytes
}

/// 2^64 - 1.
const LARGEST: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];

#[test]
fn whatever_is_restored_can_be_run() {
    let first_seed = environment("PARAVANE_SEED", 1);
    let rounds = environment("PARAVANE_ROUNDS", ROUNDS);
    let (mut restored, mut tried) = (0, 0);
    for subject in subjects::pairs().into_iter().chain([subjects::hostile(5)]) {
        let mut random = Random::new(first_seed);
        let stop = 2_000 + random.next() % 40_000;
        let machine = run_to(&subject, stop);
        let (state, memory) = (machine.save(), frames(&machine));
        for seed in first_seed..first_seed + rounds {
            let bytes = damaged(&state, &mut Random::new(seed));
            tried += 1;
            let name = format!("{} with seed {seed}", subject.name);
            let result = std::panic::catch_unwind(|| survives(&subject, &bytes, &memory));
            restored += u64::from(result.unwrap_or_else(|_| panic!("{name} panicked")));
        }
    }
    println!("{restored} of {tried} were restored");
    assert!(restored * 4 > tried && restored < tried, "{restored} of {tried} were restored");
}

/// The machine in the middle of its run, or at its end if that comes before.
fn run_to(subject: &Subject, unit: u64) -> Machine {
    let mut machine = subject.machine();
    while machine.clock().units() < unit {
        let slice_units = Some(unit - machine.clock().units());
        let progress = machine.run(&Limits { slice_units, ..LIMITS }, &mut Unrecorded);
        if matches!(progress, Progress::Finished(_)) {
            break;
        }
        drop_output(&mut machine);
    }
    machine
}

fn drop_output(machine: &mut Machine) {
    for place in 0..machine.partitions().len() {
        machine.take_output_of(PartitionId(place as u16));
    }
}

/// Restores a machine and runs it a little. Returns whether it could be restored.
fn survives(subject: &Subject, state: &[u8], memory: &Frames) -> bool {
    let frames = memory.iter().map(|(id, bytes)| (*id, &**bytes));
    let Ok(mut machine) = Machine::restore(subject.config.clone(), state, frames) else { return false };
    let limits = Limits {
        executed_units: Some(machine.executed().saturating_add(5_000)),
        time_ns: Some(machine.clock().now_ns().saturating_add(1_000_000)),
        slice_units: Some(1_000),
    };
    for _ in 0..40 {
        match machine.run(&limits, &mut StreamDigest::new()) {
            Progress::Idle { until_units } => machine.idle_until(until_units.unwrap_or(u64::MAX)),
            Progress::Finished(_) => break,
            Progress::Output | Progress::Slice | Progress::InputWanted => drop_output(&mut machine),
        }
    }
    assert!(machine.save().len() > 1 && machine.digest() != 0);
    true
}
