//! Folded stacks count every instruction once, and the flame graph shows what they say.

use super::python;
use super::run::{Everything, GUESTS, flight, guest, lines, run, traced};
use export::{Callgrind, Covoar, Drcov, Export, FlameGraph, Folded, Lcov};
use hypervisor_core::Machine;
use std::collections::BTreeMap;
use std::io::{self, Write};
use trace::Both;

/// The count of each path, and how many instructions each partition ran.
fn folded(machine: Machine) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let system = traced(&machine);
    let mut text = Vec::new();
    let mut recorder = Both(Everything::default(), Folded::new(&system, &mut text));
    run(machine, &mut recorder);
    let Both(everything, mut export) = recorder;
    export.finish().expect("a vector takes all");
    drop(export);
    let text = String::from_utf8(text).expect("text");
    let lines: Vec<_> = text.lines().map(|line| line.rsplit_once(' ').expect("a path and a count")).collect();
    let paths: BTreeMap<_, _> =
        lines.iter().map(|(path, count)| ((*path).to_owned(), count.parse().expect("a number"))).collect();
    assert_eq!(paths.len(), lines.len(), "a path is told twice");
    let mut ran = BTreeMap::new();
    for instruction in everything.instructions() {
        let name = system.partition(instruction.stamp.partition).name.clone();
        *ran.entry(name).or_insert(0) += 1;
    }
    (paths, ran)
}

#[test]
fn every_instruction_counts_once_in_the_partition_that_ran_it() {
    let check = |machine, name: &str| {
        let (paths, ran) = folded(machine);
        let mut counted = BTreeMap::new();
        for (path, count) in &paths {
            let partition = path.split(';').next().expect("a partition");
            *counted.entry(partition.to_owned()).or_insert(0) += count;
        }
        assert_eq!(counted, ran, "{name}");
    };
    for name in GUESTS {
        check(guest(name), name);
    }
    check(flight(), "flight");
}

#[test]
fn a_path_shows_who_called_and_what_an_upcall_interrupted() {
    let (paths, _) = folded(guest("ticker"));
    let waits = "ticker;_start;pv_begin;main;pv_block;hypercall.block";
    assert_eq!(paths[waits], 3 * 350);
    assert_eq!(paths[&format!("{waits};pv_upcall_entry;pv_dispatch_events;on_tick")], 5 * 350);
}

#[test]
fn a_partition_of_a_system_starts_from_its_own_root_and_nowhere_else() {
    let (paths, ran) = folded(flight());
    assert!(ran.len() >= 3, "{ran:?}");
    for path in paths.keys() {
        let mut frames = path.split(';').skip(1);
        // Windows, upcalls and messages interrupt partitions again and again; nothing of that loses the way back to the start.
        assert_eq!(frames.next(), Some("_start"), "{path}");
        assert!(frames.all(|frame| frame != "_start"), "{path}");
    }
}

fn flame_graph(machine: Machine) -> String {
    let mut picture = Vec::new();
    let mut export = FlameGraph::new(&traced(&machine), &mut picture);
    run(machine, &mut export);
    export.finish().expect("a vector takes all");
    drop(export);
    String::from_utf8(picture).expect("text")
}

#[test]
fn a_flame_graph_shows_the_counts_of_the_paths_and_is_the_same_twice() {
    let picture = flame_graph(guest("ticker"));
    assert!(picture.contains("<title>on_tick (1,750 instructions, "), "{}", &picture[..2000]);
    assert_eq!(picture, flame_graph(guest("ticker")));
}

#[test]
fn a_reader_of_xml_reads_the_flame_graph() {
    let file = python::TemporaryFolder::new("flame");
    let path = file.path().join("flame.svg");
    std::fs::write(&path, flame_graph(flight())).expect("the file can be written");
    let script = "import sys, xml.etree.ElementTree as tree\n\
                  root = tree.parse(sys.argv[1]).getroot()\n\
                  print(root.tag, len([e for e in root.iter() if e.tag.endswith('}title')]))";
    let Some(said) = python::ask("xml.etree.ElementTree", script, &[path.to_str().expect("a path")]) else {
        return;
    };
    let (tag, frames) = said.trim().rsplit_once(' ').expect("two words");
    assert_eq!(tag, "{http://www.w3.org/2000/svg}svg");
    assert!(frames.parse::<usize>().expect("a number") > 20, "{said}");
}

/// A disk without room.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is full"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_full(mut export: impl Export) {
    run(guest("ticker"), &mut export);
    assert_eq!(export.finish().expect_err("it is full").to_string(), "the disk is full");
}

#[test]
fn a_full_disk_is_told_at_the_end() {
    let system = traced(&guest("ticker"));
    check_full(Folded::new(&system, Full));
    check_full(FlameGraph::new(&system, Full));
    check_full(Callgrind::new(&system, Full));
    check_full(Covoar::new(&system, None, Full).expect("one partition"));
    check_full(Drcov::new(&system, Full));
    check_full(Lcov::new(&traced(&lines()), Full));
}

#[test]
fn a_run_without_instructions_is_no_picture() {
    let error = FlameGraph::new(&traced(&guest("hello")), Vec::new()).finish().expect_err("nothing ran");
    assert!(error.to_string().contains("trace the run with instructions"), "{error}");
}
