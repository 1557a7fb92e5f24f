//! DuckDB reads the Parquet tables, finds in them what happened, and answers the questions of the manual.

use super::python::{TemporaryFolder, ask};
use super::run::{Everything, GUESTS, Happened, flight, guest, root, run, traced};
use emulator::AccessKind;
use export::{Export, PARQUET_FILES, Parquet};
use hypervisor_core::Machine;
use std::fmt::Write;
use std::fs::{self, File};
use trace::{Both, TracedSystem, event_kind, event_words};

/// Writes the tables of a run into the folder; returns what ran and what happened.
fn export(machine: Machine, folder: &TemporaryFolder) -> (TracedSystem, Everything) {
    let system = traced(&machine);
    let files = PARQUET_FILES.map(|name| File::create(folder.path().join(name)).unwrap());
    let mut recorder = Both(Parquet::new(&system, files), Everything::default());
    run(machine, &mut recorder);
    recorder.0.finish().unwrap();
    (system, recorder.1)
}

/// Prints each table row by row.
const PRINT_ALL: &str = "
import duckdb, sys
for table in ('instructions', 'accesses', 'events'):
    rows = duckdb.sql(f\"from '{sys.argv[1]}/{table}.parquet' order by seq\").fetchall()
    for row in rows:
        print(table, *[v.hex() if isinstance(v, bytes) else v for v in row], sep='|')
";

/// What `PRINT_ALL` has to print.
fn expected(system: &TracedSystem, everything: &Everything) -> String {
    let [mut instructions, mut accesses, mut events] = [String::new(), String::new(), String::new()];
    for (seq, happened) in everything.0.iter().enumerate() {
        let stamp = match happened {
            Happened::Instruction(ran) => ran.stamp,
            Happened::Event(stamp, _) => *stamp,
        };
        let partition = system.partition(stamp.partition);
        let start = format!("{seq}|{}|{}|{}", partition.name, stamp.instruction, stamp.now_ns);
        match happened {
            Happened::Instruction(ran) => {
                let located = partition.symbols.locate(ran.eip);
                let function = located.map_or("None", |located| &located.symbol.name);
                let text = trace::instruction_text(&partition.symbols, ran.eip, &ran.bytes);
                let bytes: String = ran.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let registers: String = ran.after.iter().map(|value| format!("|{value}")).collect();
                let (eip, eflags) = (ran.eip, ran.eflags);
                writeln!(
                    instructions,
                    "instructions|{start}|{eip}|{function}|{text}|{bytes}{registers}|{eflags}"
                )
                .unwrap();
                for access in &ran.accesses {
                    let kind = if access.kind == AccessKind::Read { "read" } else { "write" };
                    let (address, length, value) = (access.address, access.length_bytes, access.value);
                    writeln!(accesses, "accesses|{start}|{eip}|{kind}|{address}|{length}|{value}").unwrap();
                }
            }
            Happened::Event(_, event) => {
                let (kind, words) =
                    (event_kind(event), event_words(&partition.symbols, &system.names, event));
                writeln!(events, "events|{start}|{kind}|{words}").unwrap();
            }
        }
    }
    instructions + &accesses + &events
}

/// Leaves out of a printed event the columns that the test does not know: subject, value and eip.
fn known(line: &str) -> String {
    match line.strip_prefix("events|") {
        None => line.to_owned(),
        Some(event) => {
            let fields: Vec<&str> = event.splitn(9, '|').collect();
            format!("events|{}|{}", fields[..5].join("|"), fields[8])
        }
    }
}

fn check(machine: Machine, name: &str) {
    let folder = TemporaryFolder::new(name);
    let (system, everything) = export(machine, &folder);
    let Some(printed) = ask("duckdb", PRINT_ALL, &[folder.path().to_str().unwrap()]) else { return };
    let expected = expected(&system, &everything);
    assert_eq!(printed.lines().count(), expected.lines().count(), "{name}: rows");
    for (printed, expected) in printed.lines().zip(expected.lines()) {
        assert_eq!(known(printed), expected, "{name}");
    }
}

#[test]
fn duckdb_finds_in_the_tables_what_happened() {
    for name in GUESTS {
        check(guest(name), name);
    }
    check(flight(), "flight");
}

#[test]
fn the_queries_of_the_manual_have_answers() {
    let manual = fs::read_to_string(root().join("docs/EXPORTS.md")).unwrap();
    let queries: Vec<&str> =
        manual.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 3, "the manual has {} queries", queries.len());
    let folder = TemporaryFolder::new("queries");
    export(flight(), &folder);
    for query in queries {
        let script =
            "import duckdb, os, sys\nos.chdir(sys.argv[1])\nprint(len(duckdb.sql(sys.argv[2]).fetchall()))";
        let Some(rows) = ask("duckdb", script, &[folder.path().to_str().unwrap(), query]) else { return };
        assert_ne!(rows.trim(), "0", "no row answers\n{query}");
    }
}
