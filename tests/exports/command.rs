//! `paravane export` writes from a recording, to the byte, what the readers of the other tests here accept of the run itself.

use super::run::{flight, guest, lines, root, run, traced};
use export::{Callgrind, Covoar, Csv, Drcov, Export, FlameGraph, Folded, Lcov, Perfetto, Tenet};
use hypervisor_core::{Machine, PartitionId};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A recorded run, in a folder of its own.
struct Recorded {
    folder: super::python::TemporaryFolder,
    file: PathBuf,
}

fn paravane(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_paravane")).args(arguments).output().expect("it runs");
    // A run has the status of its guests.
    let status = output.status.code();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(status.is_some_and(|status| status != 125), "{arguments:?}: {errors}");
}

fn record(subject: &Path, name: &str) -> Recorded {
    let folder = super::python::TemporaryFolder::new(&format!("command-{name}"));
    let file = folder.path().join("run.pvt");
    let (subject, output) = (subject.to_str().expect("a path"), file.to_str().expect("a path"));
    paravane(&["trace", "--format", "pvt", "-o", output, subject]);
    Recorded { folder, file }
}

impl Recorded {
    fn exported(&self, format: &str, options: &[&str]) -> Vec<u8> {
        let output = self.folder.path().join(format);
        let (file, to) = (self.file.to_str().expect("a path"), output.to_str().expect("a path"));
        paravane(&[&["export", file, "--format", format, "-o", to], options].concat());
        fs::read(&output).expect("it was written")
    }
}

fn written<E: Export>(machine: Machine, mut export: E) {
    run(machine, &mut export);
    export.finish().expect("a vector takes all");
}

/// Compares all formats of one file, the last four of this partition.
fn check(
    recorded: &Recorded,
    machine: impl Fn() -> Machine,
    (chosen, options): (Option<PartitionId>, &[&str]),
) {
    let system = traced(&machine());
    let same = |format: &str, options: &[&str], expected: Vec<u8>| {
        assert!(recorded.exported(format, options) == expected && !expected.is_empty(), "{format}");
    };
    let mut out = Vec::new();
    written(machine(), Perfetto::new(&system, &mut out));
    same("perfetto", &[], std::mem::take(&mut out));
    written(machine(), Folded::new(&system, &mut out));
    same("folded", &[], std::mem::take(&mut out));
    written(machine(), FlameGraph::new(&system, &mut out));
    same("flamegraph", &[], std::mem::take(&mut out));
    written(machine(), Callgrind::new(&system, &mut out));
    same("callgrind", &[], std::mem::take(&mut out));
    written(machine(), Csv::new(&system, &mut out));
    same("csv", &[], std::mem::take(&mut out));
    written(machine(), Drcov::new(&system, &mut out));
    same("drcov", &[], std::mem::take(&mut out));
    if chosen.is_none() {
        written(machine(), Covoar::new(&system, None, &mut out).expect("one partition"));
        same("covoar", &[], std::mem::take(&mut out));
        written(machine(), Tenet::new(&system, None, &mut out).expect("one partition"));
        same("tenet", &[], std::mem::take(&mut out));
    } else {
        // Without the other partitions, whose records do not pass.
        let tenet = String::from_utf8(recorded.exported("tenet", options)).expect("text");
        written(machine(), Tenet::new(&system, chosen, &mut out).expect("one partition"));
        assert!(tenet.into_bytes() == std::mem::take(&mut out));
        written(machine(), Covoar::new(&system, chosen, &mut out).expect("one partition"));
        same("covoar", options, std::mem::take(&mut out));
    }
}

#[test]
fn the_command_writes_what_the_readers_accept() {
    let path = |name: &str| root().join(name);
    check(&record(&path("guest-images/prebuilt/ticker.elf"), "ticker"), || guest("ticker"), (None, &[]));
    check(
        &record(&path("guest-images/systems/flight.toml"), "flight"),
        flight,
        (Some(PartitionId(1)), &["--partition", "nav"]),
    );
}

#[test]
fn the_command_writes_the_lines_that_genhtml_and_callgrind_annotate_read() {
    let recorded = record(&root().join("guest-images/lines/prebuilt/lines.elf"), "lines");
    let system = traced(&lines());
    let mut out = Vec::new();
    written(lines(), Lcov::new(&system, &mut out));
    assert!(recorded.exported("lcov", &[]) == out && !out.is_empty());
    out.clear();
    written(lines(), Callgrind::new(&system, &mut out));
    assert!(recorded.exported("callgrind", &[]) == out);
}

#[cfg(feature = "parquet")]
#[test]
fn the_command_writes_the_tables_that_duckdb_reads() {
    let recorded = record(&root().join("guest-images/systems/flight.toml"), "parquet");
    let (folder, other) = (recorded.folder.path().join("tables"), recorded.folder.path().join("others"));
    let file = recorded.file.to_str().expect("a path");
    paravane(&["export", file, "--format", "parquet", "-o", folder.to_str().expect("a path")]);
    fs::create_dir(&other).expect("a folder");
    let files = export::PARQUET_FILES.map(|name| fs::File::create(other.join(name)).expect("a file"));
    written(flight(), export::Parquet::new(&traced(&flight()), files));
    for name in export::PARQUET_FILES {
        let read = |folder: &Path| fs::read(folder.join(name)).expect("a table");
        assert!(read(&folder) == read(&other), "{name}");
    }
}
