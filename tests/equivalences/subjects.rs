//! Systems that show all that a machine can be in the middle of: waits, pending events, queues, restarts, shared memory.

use super::guests;
use crate::samples;
use hypervisor_core::abi::{CLAUSES, ShownBy};
use hypervisor_core::config::{PartitionConfig, PartitionId, SystemConfig};
use hypervisor_core::conformance;
use hypervisor_core::health::{HealthAction, HealthTable};
use hypervisor_core::schedule::{Plan, Window};
use hypervisor_core::{Image, Machine};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// What is run.
#[derive(Clone, Debug)]
pub struct Subject {
    pub name: String,
    pub config: SystemConfig,
}

impl Subject {
    pub fn machine(&self) -> Machine {
        let mut machine = Machine::of_system(self.config.clone()).unwrap();
        machine.give_whole_input(b"conformance\nlines\n".to_vec());
        machine
    }
}

/// All of them.
pub fn subjects() -> Vec<Subject> {
    let mut subjects: Vec<_> = guests::images()
        .into_iter()
        .map(|(name, image)| {
            let config = conformance::system("", &name, &image);
            Subject { name, config }
        })
        .collect();
    subjects.extend(pairs());
    subjects.extend(["flight", "irq"].map(|name| Subject {
        name: name.to_owned(),
        config: SystemConfig { interactive: false, ..samples::system(name) },
    }));
    subjects.extend((1..=4).map(hostile));
    subjects
}

/// The guests of the kit that run in two partitions with all that can connect them.
pub fn pairs() -> Vec<Subject> {
    let clause = CLAUSES.iter().find(|clause| clause.shown_by == ShownBy::TwoPartitions);
    let clause = clause.expect("a clause needs two partitions").id;
    let images = guests::images_for_two();
    assert!(images.len() > 10, "the kit has guests for two partitions");
    let subject = |(name, image): (String, Arc<Image>)| Subject {
        config: conformance::system(clause, &name, &image),
        name,
    };
    images.into_iter().map(subject).collect()
}

/// A guest that makes whatever calls a seed says, started again whatever it did, beside one that works.
pub fn hostile(seed: u32) -> Subject {
    let partition = |name: &str, image: &str| PartitionConfig {
        memory_bytes: 1 << 18,
        console_input: false,
        ..PartitionConfig::new(name, read(image))
    };
    let first = PartitionConfig {
        arguments: vec![seed.to_string()],
        health: HealthTable::all(HealthAction::ColdRestart),
        restarts_most: u32::MAX,
        ..partition("hostile", "proofs/prebuilt/hostile")
    };
    let windows = [(0, 0, 1_200), (1, 1_500, 2_000)];
    let windows =
        windows.map(|(id, start, length)| Window { partition: PartitionId(id), start, length }).to_vec();
    let plan = Plan { name: "plan".to_owned(), frame: 4_000, windows, actions: Vec::new() };
    let partitions = vec![first, partition("ticker", "prebuilt/ticker")];
    let config = SystemConfig { partitions, plans: vec![plan], ..SystemConfig::default() };
    Subject { name: format!("hostile {seed}"), config }
}

fn read(name: &str) -> Arc<Image> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("guest-images/{name}.elf"));
    let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Arc::new(Image::read(&file).unwrap())
}
