//! What only counts is told of blocks, and makes of them what it makes of instructions.

use super::run::{GUESTS, flight, guest, lines, root, traced};
use export::{Callgrind, Covoar, Drcov, Export, FlameGraph, Folded, Lcov};
use hypervisor_core::{Config, Image, Limits, Machine, PartitionId, Progress, Recorder};
use report::{LineCounts, function_rows};
use std::fs;
use std::sync::Arc;
use trace::filter::Choice;
use trace::{Both, Filter, FunctionCounts, InBlocks, TracedSystem};

/// Runs for so many units at a time, of which each end cuts a block.
fn run_in_slices<R: Recorder>(mut machine: Machine, recorder: &mut R, slice_units: u64) {
    let limits = Limits { executed_units: Some(400_000), slice_units: Some(slice_units), time_ns: None };
    loop {
        match machine.run(&limits, recorder) {
            Progress::Output => {
                let partitions = machine.partitions().len() as u16;
                (0..partitions).for_each(|place| drop(machine.take_output_of(PartitionId(place))));
            }
            Progress::Slice => {}
            Progress::Idle { until_units: Some(until) } => machine.idle_until(until),
            Progress::InputWanted | Progress::Idle { until_units: None } | Progress::Finished(_) => return,
        }
    }
}

fn of_file(path: &str) -> Machine {
    let file = fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let image = Arc::new(Image::read(&file).unwrap_or_else(|error| panic!("{path}: {error}")));
    let config = Config { name: "guest".to_owned(), ..Config::default() };
    Machine::new(image, config).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The guests, each as often as it is asked for.
fn machines() -> Vec<(String, Box<dyn Fn() -> Machine>)> {
    let mut machines: Vec<(String, Box<dyn Fn() -> Machine>)> =
        vec![("lines".to_owned(), Box::new(lines)), ("flight".to_owned(), Box::new(flight))];
    for name in GUESTS {
        machines.push((name.to_owned(), Box::new(move || guest(name))));
    }
    for folder in ["guest-images/conformance/prebuilt", "guest-images/proofs/prebuilt"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
            if name.ends_with(".elf") {
                let path = format!("{folder}/{name}");
                machines.push((path.clone(), Box::new(move || of_file(&path))));
            }
        }
    }
    machines
}

/// The output of an export that is told of instructions, and that of one that is told of blocks; None if blocks do not tell enough.
fn both_ways<'a, E: Export>(
    machine: &dyn Fn() -> Machine,
    slice_units: u64,
    outputs: [&'a mut Vec<u8>; 2],
    make: impl Fn(&TracedSystem, &'a mut Vec<u8>) -> E,
) -> bool {
    let system = traced(&machine());
    let choice = Choice::everything(system.partitions.len());
    assert!(choice.sees_blocks());
    let [first, second] = outputs;
    let mut filter = Filter::new(choice.clone(), make(&system, first));
    run_in_slices(machine(), &mut filter, slice_units);
    let _ = filter.into_inner().finish();
    let mut filter = Filter::new(choice, InBlocks(make(&system, second)));
    run_in_slices(machine(), &mut filter, slice_units);
    let InBlocks(mut export) = filter.into_inner();
    let is_unsure = export.is_unsure();
    let _ = export.finish();
    !is_unsure
}

#[test]
fn exports_of_blocks_are_those_of_instructions() {
    let (mut sure, mut unsure) = (0, Vec::new());
    for (place, (name, machine)) in machines().into_iter().enumerate() {
        let slice_units = [1 << 15, 997, 61][place % 3];
        let mut compare = |format: &str, run: &dyn Fn([&mut Vec<u8>; 2]) -> bool| {
            let (mut instructions, mut blocks) = (Vec::new(), Vec::new());
            if run([&mut instructions, &mut blocks]) {
                sure += 1;
                assert!(
                    instructions == blocks,
                    "{format} of {name}\n{}\n\n{}",
                    String::from_utf8_lossy(&instructions),
                    String::from_utf8_lossy(&blocks)
                );
            } else {
                unsure.push(format!("{format} of {name}"));
            }
        };
        let machine = &*machine;
        compare("callgrind", &|outputs| both_ways(machine, slice_units, outputs, Callgrind::new));
        compare("folded", &|outputs| both_ways(machine, slice_units, outputs, Folded::new));
        compare("flamegraph", &|outputs| both_ways(machine, slice_units, outputs, FlameGraph::new));
        compare("lcov", &|outputs| both_ways(machine, slice_units, outputs, Lcov::new));
        compare("drcov", &|outputs| both_ways(machine, slice_units, outputs, Drcov::new));
        compare("covoar", &|outputs| {
            both_ways(machine, slice_units, outputs, |system, out| {
                Covoar::new(system, Some(PartitionId(0)), out).expect("it is there")
            })
        });
    }
    // Coverage is never unsure, and call stacks hardly ever.
    assert!(unsure.len() * 50 < sure, "{unsure:?}");
}

#[test]
fn functions_and_lines_of_blocks_are_those_of_instructions() {
    let (mut sure, mut unsure) = (0, Vec::new());
    for (name, machine) in machines() {
        let system = traced(&machine());
        let counts = || Both(FunctionCounts::new(&system), LineCounts::new(&system));
        let mut instructions = counts();
        run_in_slices(machine(), &mut instructions, 1 << 15);
        let mut blocks = InBlocks(counts());
        run_in_slices(machine(), &mut blocks, 1 << 15);
        let InBlocks(mut blocks) = blocks;
        blocks.1.settle();
        if blocks.0.is_unsure() || blocks.1.is_unsure() {
            unsure.push(name);
            continue;
        }
        sure += 1;
        let rows = |counts: &Both<FunctionCounts, LineCounts>| function_rows(&system, &counts.0, &counts.1);
        assert_eq!(rows(&instructions), rows(&blocks), "{name}");
    }
    assert!(unsure.len() * 50 < sure, "{unsure:?}");
}
