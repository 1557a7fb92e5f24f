//! The coverage of code: every byte that ran, and no other, whichever way branches went.
//!
//! The readers here follow the published formats and have nothing from the writers: that of QEMU's traces as covoar reads them, and
//! drcov version 2 as Lighthouse reads it.

use super::run::{Everything, GUESTS, Ran, flight, guest, lines, run, traced};
use export::{Covoar, Drcov, Export};
use hypervisor_core::loader::Segment;
use hypervisor_core::{Machine, PartitionId};
use std::collections::BTreeSet;
use trace::{Both, TracedSystem};

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// What a reader knows of a run.
#[derive(Default, PartialEq, Eq, Debug)]
struct Known {
    bytes: BTreeSet<u32>,
    taken: BTreeSet<u32>,
    not_taken: BTreeSet<u32>,
}

/// As covoar does it: a block's bytes ran; its last instruction took the one way or the other. `starts` are the instructions of the image.
fn read_qemu_trace(file: &[u8], starts: &BTreeSet<u32>) -> Known {
    let (header, entries) = file.split_at(20);
    assert_eq!(&header[..12], b"#QEMU-Traces");
    // Version, kind raw, bytes of an address, little-endian, machine 3, two bytes of nothing.
    assert_eq!(header[12..], [1, 0, 4, 0, 0, 3, 0, 0]);
    assert_eq!(entries.len() % 8, 0);
    let mut known = Known::default();
    for entry in entries.chunks(8) {
        let (address, length, what) = (u32_at(entry, 0), u32::from(u16_at(entry, 4)), entry[6]);
        assert!(length > 0 && entry[7] == 0);
        assert_eq!(what & !3, 0x10, "a block that ran");
        known.bytes.extend(address..address + length);
        let last =
            *starts.range(address..address + length).next_back().expect("a block begins with an instruction");
        match what & 3 {
            0 => false,
            1 => known.not_taken.insert(last),
            2 => known.taken.insert(last),
            _ => panic!("covoar sees only one of two ways"),
        };
    }
    known
}

/// The same from the instructions that ran.
fn known(instructions: &[&Ran]) -> Known {
    let mut known = Known::default();
    for ran in instructions {
        let after = ran.eip + ran.bytes.len() as u32;
        known.bytes.extend(ran.eip..after);
        let opcode = (ran.bytes[0], ran.bytes.get(1).copied().unwrap_or(0));
        let is_branch = matches!(opcode, (0x70..=0x7f | 0xe0..=0xe3, _) | (0x0f, 0x80..=0x8f));
        if is_branch {
            let way = if ran.next_eip == after { &mut known.not_taken } else { &mut known.taken };
            way.insert(ran.eip);
        }
    }
    known
}

fn covoar(machine: Machine, chosen: Option<PartitionId>) -> (Vec<u8>, Everything) {
    let mut file = Vec::new();
    let export = Covoar::new(&traced(&machine), chosen, &mut file).expect("one partition");
    let mut recorder = Both(Everything::default(), export);
    run(machine, &mut recorder);
    let Both(everything, mut export) = recorder;
    export.finish().expect("a vector takes all");
    drop(export);
    (file, everything)
}

#[test]
fn a_reader_of_qemu_traces_finds_what_ran_and_the_ways_of_branches() {
    let check = |machine: Machine, chosen: Option<PartitionId>, name: &str| {
        let (file, everything) = covoar(machine, chosen);
        let partition = chosen.unwrap_or_default();
        let own: Vec<&Ran> =
            everything.instructions().filter(|ran| ran.stamp.partition == partition).collect();
        let starts: BTreeSet<u32> = own.iter().map(|ran| ran.eip).collect();
        let expected = known(&own);
        assert_eq!(read_qemu_trace(&file, &starts), expected, "{name}");
        assert!(!expected.taken.is_empty() && !expected.not_taken.is_empty(), "{name}");
    };
    for name in GUESTS {
        // It writes its own code, so that bytes of two instructions lie over each other.
        if name != "self_modify" {
            check(guest(name), None, name);
        }
    }
    check(lines(), None, "lines");
    for place in 0..3 {
        check(flight(), Some(PartitionId(place)), "flight");
    }
}

#[test]
fn a_qemu_trace_holds_one_partition() {
    let error = Covoar::new(&traced(&flight()), None, Vec::new()).expect_err("there are several").to_string();
    assert!(error.starts_with("a trace for covoar holds one partition: choose one of "), "{error}");
}

/// The bytes of each module, from its base on.
fn read_drcov(file: &[u8], system: &TracedSystem) -> Vec<BTreeSet<u32>> {
    let mut rest = file;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n').expect("a line");
        let line = std::str::from_utf8(&rest[..end]).expect("text").to_owned();
        rest = &rest[end + 1..];
        line
    };
    assert_eq!(line(), "DRCOV VERSION: 2");
    assert_eq!(line(), "DRCOV FLAVOR: drcov");
    assert_eq!(line(), format!("Module Table: version 2, count {}", system.partitions.len()));
    assert_eq!(line(), "Columns: id, base, end, entry, checksum, timestamp, path");
    for (place, partition) in system.partitions.iter().enumerate() {
        let line = line();
        let words: Vec<&str> = line.split(',').map(str::trim).collect();
        assert_eq!((words[0], words[6]), (place.to_string().as_str(), partition.name.as_str()));
        let number = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).expect("a number");
        assert_eq!(number(words[1]), u64::from(base(system, place)));
        assert_eq!(number(words[3]), u64::from(partition.image.entry));
        assert!(number(words[2]) > number(words[1]));
    }
    let count = line();
    let count: usize = count
        .strip_prefix("BB Table: ")
        .and_then(|line| line.strip_suffix(" bbs"))
        .and_then(|count| count.parse().ok())
        .expect("a count");
    assert_eq!(rest.len(), 8 * count);
    let mut modules = vec![BTreeSet::new(); system.partitions.len()];
    for entry in rest.chunks(8) {
        let (start, length, module) = (u32_at(entry, 0), u16_at(entry, 4), u16_at(entry, 6));
        modules[usize::from(module)].extend(start..start + u32::from(length));
    }
    modules
}

fn base(system: &TracedSystem, place: usize) -> u32 {
    system.partitions[place].image.segments[0].address
}

#[test]
fn a_reader_of_drcov_finds_what_ran_of_each_module() {
    for (machine, name) in [(guest("ticker"), "ticker"), (flight(), "flight")] {
        let system = traced(&machine);
        let mut file = Vec::new();
        let mut recorder = Both(Everything::default(), Drcov::new(&system, &mut file));
        run(machine, &mut recorder);
        let Both(everything, mut export) = recorder;
        export.finish().expect("a vector takes all");
        drop(export);
        for (place, covered) in read_drcov(&file, &system).into_iter().enumerate() {
            let end = system.partitions[place].image.segments.iter().map(Segment::end).max();
            let own = everything.instructions().filter(|ran| ran.stamp.partition.index() == place);
            let bytes = own.flat_map(|ran| ran.eip..ran.eip + ran.bytes.len() as u32);
            let in_image = bytes.filter(|address| u64::from(*address) < end.expect("a segment"));
            let expected: BTreeSet<u32> = in_image.map(|address| address - base(&system, place)).collect();
            assert_eq!(covered, expected, "{name} {place}");
            assert!(!covered.is_empty());
        }
    }
}
