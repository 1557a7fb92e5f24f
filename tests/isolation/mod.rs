//! What a partition does changes no byte and no timestamp of what the others do, unless the configuration connects them.
//!
//! Its neighbours are sample guests, with their images as they are; it is replaced by others and by guest-images/proofs/hostile.c.

use emulator::StateDigest;
use hypervisor_core::clock::Rate;
use hypervisor_core::health::{HealthAction, HealthTable};
use hypervisor_core::schedule::{Plan, Window};
use hypervisor_core::{
    Event, Image, Limits, Machine, PartitionConfig, PartitionId, Progress, Recorder, Stamp, SystemConfig,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use trace::{SystemTrace, TracedSystem};

const NEIGHBOURS: [PartitionId; 2] = [PartitionId(0), PartitionId(2)];
/// Between them, so that it runs before the one and after the other.
const REPLACED: PartitionId = PartitionId(1);
const HOSTILE_CALLS: u64 = 10_000;

fn image(name: &str) -> Arc<Image> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("guest-images/{name}.elf"));
    let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Arc::new(Image::read(&file).unwrap())
}

/// The partition that is replaced: its image and its arguments.
#[derive(Clone, Debug)]
struct Replaced {
    image: &'static str,
    arguments: String,
}

impl Replaced {
    fn sample(image: &'static str) -> Self {
        Self { image, arguments: String::new() }
    }

    fn hostile(arguments: &str) -> Self {
        Self { image: "proofs/prebuilt/hostile", arguments: arguments.to_owned() }
    }
}

fn system(neighbours: [&str; 2], replaced: &Replaced) -> SystemConfig {
    let partition = |name: &str, guest: &str| PartitionConfig {
        memory_bytes: 1 << 18,
        console_input: false,
        ..PartitionConfig::new(name, image(guest))
    };
    let third = PartitionConfig {
        arguments: vec![replaced.arguments.clone()],
        // Whatever it does, it is there again.
        health: HealthTable::all(HealthAction::ColdRestart),
        restarts_most: u32::MAX,
        ..partition("replaced", replaced.image)
    };
    let window = |partition, start, length| Window { partition, start, length };
    // At 10 MHz: 1 ms, and 120 us for the one that is replaced: time for the calls that are asked for, with room.
    let windows = vec![
        window(NEIGHBOURS[0], 0, 10_000),
        window(REPLACED, 10_000, 1_200),
        window(NEIGHBOURS[1], 20_000, 10_000),
    ];
    SystemConfig {
        rate: Rate::new(10_000_000).unwrap(),
        partitions: vec![partition("first", neighbours[0]), third, partition("last", neighbours[1])],
        plans: vec![Plan { name: "plan".to_owned(), frame: 100_000, windows, actions: Vec::new() }],
        ..SystemConfig::default()
    }
}

/// The trace of the neighbours, and how many calls the other made.
struct Watched {
    trace: SystemTrace,
    calls: u64,
    restarts: u64,
}

impl Recorder for Watched {
    fn instruction(&mut self, stamp: Stamp, step: &emulator::Step<'_>) {
        if stamp.partition != REPLACED {
            self.trace.instruction(stamp, step);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if stamp.partition != REPLACED {
            return self.trace.event(stamp, event);
        }
        self.calls += u64::from(matches!(event, Event::Call { .. }));
        self.restarts += u64::from(matches!(event, Event::Restart { .. }));
    }
}

/// What the neighbours did and what is left of them.
#[derive(PartialEq, Eq)]
struct Seen {
    trace: String,
    consoles: [Vec<u8>; 2],
    digests: [u128; 2],
}

/// Runs a system for 36 s; returns what is seen of the neighbours, and the calls and restarts of the other.
fn run(neighbours: [&str; 2], replaced: &Replaced) -> (Seen, u64, u64) {
    let mut machine = Machine::of_system(system(neighbours, replaced)).unwrap();
    let trace = SystemTrace::new(&TracedSystem::of(&machine, true), |place| place != REPLACED.index());
    let mut watched = Watched { trace, calls: 0, restarts: 0 };
    watched.trace.clear();
    let limits = Limits { time_ns: Some(36_000_000_000), ..Limits::default() };
    let mut consoles = [Vec::new(), Vec::new()];
    loop {
        let progress = machine.run(&limits, &mut watched);
        for (console, id) in consoles.iter_mut().zip(NEIGHBOURS) {
            console.extend(machine.take_output_of(id));
        }
        machine.take_output_of(REPLACED);
        match progress {
            Progress::Output => {}
            Progress::Finished(_) => break,
            other => panic!("{other:?}"),
        }
    }
    for partition in machine.partitions() {
        assert!(partition.ledger().unwrap().balances(), "{:?}", partition.ledger());
    }
    let digests = NEIGHBOURS.map(|id| {
        let mut digest = StateDigest::new();
        machine.partition(id).digest(&mut digest);
        digest.value()
    });
    let trace = String::from_utf8(watched.trace.text().to_vec()).unwrap();
    (Seen { trace, consoles, digests }, watched.calls, watched.restarts)
}

fn assert_same(expected: &Seen, seen: &Seen, replaced: &Replaced) {
    for (line, (expected, seen)) in expected.trace.lines().zip(seen.trace.lines()).enumerate() {
        assert_eq!(seen, expected, "line {line} beside {replaced:?}");
    }
    assert_eq!(seen.trace.len(), expected.trace.len(), "beside {replaced:?}");
    assert_eq!(seen.consoles, expected.consoles, "beside {replaced:?}");
    assert_eq!(seen.digests, expected.digests, "beside {replaced:?}");
}

fn assert_unmoved(neighbours: [&str; 2], samples: [&'static str; 2], seeds: [u32; 2], least_lines: usize) {
    let (expected, ..) = run(neighbours, &Replaced::hostile("idle"));
    assert!(expected.trace.lines().count() > least_lines, "{} lines", expected.trace.lines().count());
    assert!(expected.consoles.iter().all(|console| !console.is_empty()));
    for replaced in samples.map(Replaced::sample).into_iter().chain([Replaced::hostile("busy")]) {
        assert_same(&expected, &run(neighbours, &replaced).0, &replaced);
    }
    let mut all_calls = 0;
    for seed in seeds {
        let replaced = Replaced::hostile(&seed.to_string());
        let (seen, calls, restarts) = run(neighbours, &replaced);
        println!("seed {seed}: {calls} calls, {restarts} restarts, {} lines", seen.trace.lines().count());
        all_calls += calls;
        assert_same(&expected, &seen, &replaced);
    }
    // Some wait for long in one of their calls.
    assert!(all_calls >= HOSTILE_CALLS * seeds.len() as u64, "{all_calls} calls");
}

#[test]
fn tasks_and_threads_are_the_same_beside_whatever_partition() {
    assert_unmoved(
        ["prebuilt/ticker", "prebuilt/switch_in_upcall"],
        ["prebuilt/hello", "prebuilt/page_fault"],
        [1, 20],
        20_000,
    );
}

#[test]
fn floating_point_and_masked_events_are_the_same_beside_whatever_partition() {
    assert_unmoved(
        ["prebuilt/lazy_fpu", "prebuilt/masked_event"],
        ["prebuilt/echo", "prebuilt/ticker"],
        [300, 4_000],
        1_000,
    );
}
