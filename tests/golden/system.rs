//! Runs a sample system, recorded and unrecorded, and puts what it did into words.

use super::case::root;
use super::files::{Mode, compare};
use hypervisor_core::ledger::Ledger;
use hypervisor_core::{Limits, Machine, Outcome, PartitionId, Progress, Recorder, SystemConfig, Unrecorded};
use std::fmt::Write;
use std::fs;
use trace::{Both, StreamDigest, SystemProjection};

/// A sample system ends long before this; one that does not is broken.
const LIMITS: Limits =
    Limits { executed_units: Some(1_000_000_000), time_ns: Some(60_000_000_000), slice_units: None };

/// Compares what the system does with its golden files, or writes them.
pub fn check(name: &str) {
    let mode = Mode::from_environment();
    let folder = root().join("tests/golden").join(name);
    let config = config(name);
    let machine = || Machine::of_system(config.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut recorder = Both(SystemProjection::new(&machine()), StreamDigest::new());
    let recorded = Run::of(machine(), &mut recorder);
    let plain = Run::of(machine(), &mut Unrecorded);
    assert_eq!(recorded, plain, "{name}: a recorded run differs from an unrecorded one");

    let Both(projection, stream) = recorder;
    let verdict = verdict(&config, &recorded, &stream);
    compare(
        mode,
        &folder,
        &[
            ("console", recorded.console.as_bytes()),
            ("events", projection.text().as_bytes()),
            ("verdict", verdict.as_bytes()),
        ],
        "If the images are the accepted ones, Paravane changed: `paravane trace` of the system shows where.",
    );
}

/// The configuration of a sample system.
pub fn config(name: &str) -> SystemConfig {
    let folder = root().join("guest-images/systems");
    let path = folder.join(format!("{name}.toml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut open = |path: &std::path::Path| fs::read(folder.join(path)).map_err(|error| error.to_string());
    let reading = system_file::read(&text, &mut open);
    assert!(reading.diagnostics.is_empty(), "{name}: {:?}", reading.diagnostics);
    reading.config.unwrap_or_else(|| panic!("{name} has no configuration"))
}

/// How a run ended.
#[derive(PartialEq, Eq, Debug)]
struct Run {
    /// Whole lines, each after the name of its partition.
    console: String,
    outcomes: Vec<Option<Outcome>>,
    executed: Vec<u64>,
    now_ns: u64,
    digest: u128,
}

impl Run {
    fn of<R: Recorder>(mut machine: Machine, recorder: &mut R) -> Self {
        let names: Vec<String> =
            machine.config().partitions.iter().map(|partition| partition.name.clone()).collect();
        let mut console = String::new();
        loop {
            let progress = machine.run(&LIMITS, recorder);
            for (place, name) in names.iter().enumerate() {
                let output = machine.take_output_of(PartitionId(place as u16));
                for line in String::from_utf8_lossy(&output).lines() {
                    let _ = writeln!(console, "{name}: {line}");
                }
            }
            match progress {
                Progress::Output | Progress::Slice => {}
                Progress::InputWanted | Progress::Idle { .. } => panic!("a sample system reads no input"),
                Progress::Finished(outcome) => {
                    let partitions = machine.partitions();
                    assert!(
                        partitions.iter().all(|partition| partition.ledger().is_some_and(Ledger::balances)),
                        "the ledger does not balance: {outcome:?}"
                    );
                    return Self {
                        console,
                        outcomes: partitions.iter().map(|partition| partition.outcome().cloned()).collect(),
                        executed: partitions.iter().map(hypervisor_core::Partition::executed).collect(),
                        now_ns: machine.clock().now_ns(),
                        digest: machine.digest(),
                    };
                }
            }
        }
    }
}

fn verdict(config: &SystemConfig, run: &Run, stream: &StreamDigest) -> String {
    let mut text = String::new();
    for (place, partition) in config.partitions.iter().enumerate() {
        let ended = match &run.outcomes[place] {
            Some(Outcome::Shutdown { code }) => format!("shutdown with code {code}"),
            other => format!("{other:?}"),
        };
        let _ = writeln!(text, "{:<13}{ended} after {} instructions", partition.name, run.executed[place]);
    }
    for (name, value) in [
        ("recorded", stream.instructions().to_string()),
        ("virtual ns", run.now_ns.to_string()),
        ("state", format!("{:032x}", run.digest)),
        ("stream", format!("{:032x}", stream.value())),
    ] {
        let _ = writeln!(text, "{name:<13}{value}");
    }
    for partition in &config.partitions {
        let _ = writeln!(text, "image        {:032x} {}", partition.image.hash, partition.name);
    }
    text
}
