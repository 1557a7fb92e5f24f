//! The sample guests and systems: each has a golden test, and does the same whether somebody watches or not.

use hypervisor_core::ledger::Ledger;
use hypervisor_core::{Limits, Machine, Outcome, PartitionId, Progress, Recorder, SystemConfig, Unrecorded};
use recording::{Files, GuestOptions, Subject};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use trace::StreamDigest;

/// A sample ends long before this; one that does not is broken.
const LIMITS: Limits =
    Limits { executed_units: Some(1_000_000_000), time_ns: Some(60_000_000_000), slice_units: None };

/// The folders of the samples, each with what their files end in.
const SAMPLES: [(&str, &str); 2] = [("guest-images/prebuilt", "elf"), ("guest-images/systems", "toml")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn samples() -> Vec<PathBuf> {
    let files = SAMPLES.iter().flat_map(|(folder, extension)| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder of the samples");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|found| found == *extension))
    });
    files.collect()
}

fn config_of(path: &Path) -> SystemConfig {
    let subject = Subject::open(path, GuestOptions::default(), Files::default());
    subject.unwrap_or_else(|error| panic!("{error}")).config
}

/// The configuration of a sample system.
pub fn system(name: &str) -> SystemConfig {
    config_of(&root().join("guest-images/systems").join(format!("{name}.toml")))
}

#[test]
fn each_has_a_golden_test() {
    let suite = golden::Suite::open(&root().join("tests/golden")).unwrap();
    let run = suite.cases.into_iter().map(|(name, case)| {
        let case = case.unwrap_or_else(|why| panic!("{why}"));
        let path = case.folder.join(&case.file.run);
        path.canonicalize().unwrap_or_else(|error| panic!("{name}: {error}"))
    });
    let run: BTreeSet<PathBuf> = run.collect();
    let samples = samples();
    assert!(samples.len() > 10, "{samples:?}");
    for path in samples {
        assert!(run.contains(&path.canonicalize().unwrap()), "{} has no golden test", path.display());
    }
}

#[test]
fn a_recorded_run_is_the_unrecorded_one_and_its_ledgers_balance() {
    for path in samples() {
        let config = config_of(&path);
        let mut recorder = StreamDigest::new();
        let recorded = ended(&config, &mut recorder);
        assert!(recorder.instructions() > 100, "{}", path.display());
        assert_eq!(recorded, ended(&config, &mut Unrecorded), "{}", path.display());
    }
}

/// What the partitions printed, and the machine at the end.
fn ended<R: Recorder>(config: &SystemConfig, recorder: &mut R) -> (Vec<Vec<u8>>, u64, u128) {
    let mut machine = Machine::of_system(config.clone()).unwrap_or_else(|error| panic!("{}", error.error));
    let mut output = vec![Vec::new(); config.partitions.len()];
    loop {
        let progress = machine.run(&LIMITS, recorder);
        for (place, output) in output.iter_mut().enumerate() {
            output.extend(machine.take_output_of(PartitionId(place as u16)));
        }
        match progress {
            Progress::Output | Progress::Slice => {}
            Progress::InputWanted => machine.give_whole_input(b"a line\n".to_vec()),
            Progress::Idle { .. } => panic!("a sample waits for input after its end"),
            Progress::Finished(outcome) => {
                assert!(!matches!(outcome, Outcome::LimitReached(_)), "it does not end: {outcome:?}");
                let balances =
                    machine.partitions().iter().all(|one| one.ledger().is_some_and(Ledger::balances));
                assert!(balances, "the ledger does not balance: {outcome:?}");
                return (output, machine.clock().now_ns(), machine.digest());
            }
        }
    }
}
