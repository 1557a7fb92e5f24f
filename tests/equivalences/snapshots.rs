//! A machine that is saved and restored goes on as if nothing had been, and no damage to what was saved makes one that
//! cannot be run.

use super::environment;
use super::random::Random;
use super::subjects::{self, Subject};
use hypervisor_core::snapshot::FrameId;
use hypervisor_core::{Limits, Machine, PartitionId, Progress};
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
        let units = run(&subject, &[], |machine| machine).units;
        let instants = instants(&mut Random::new(seed), units);
        let expected = run(&subject, &instants, |machine| machine);
        let hopped = run(&subject, &instants, |machine| again(&machine, name));
        assert_eq!(hopped.events, expected.events, "{name}, seed {seed}");
        assert!(hopped == expected, "{name}, seed {seed}, at {instants:?}");
    }
}
