//! docs/TRACE-FILE.md is enough to read the instructions of a trace file: `read_trace.py`, which was written from it alone,
//! lists what `paravane show` makes by running again.

use super::python::{TemporaryFolder, ask_one_of};
use super::run::{guest, root, run};
use emulator::{Cpu, Step};
use hypervisor_core::{Event, Recorder, Stamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What each has is in its name, but for these: `transparent_integer` has REP, `lazy_fpu` x87, `flight` several partitions.
const SUBJECTS: [&str; 7] = [
    "guest-images/conformance/prebuilt/transparent_integer.elf",
    "guest-images/prebuilt/lazy_fpu.elf",
    "guest-images/prebuilt/self_modify.elf",
    "guest-images/prebuilt/page_fault.elf",
    "guest-images/prebuilt/divide_by_zero.elf",
    "guest-images/prebuilt/ticker.elf",
    "guest-images/systems/flight.toml",
];

/// So much has all of it.
const SHORT: [&str; 2] = ["--max-instructions", "20k"];

/// Registers that lines of `paravane show` and of the reader name in the same way, if they changed.
const NAMED: [&str; 15] =
    ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "CF", "PF", "AF", "ZF", "SF", "DF", "OF"];

/// An instruction, or that some are missing.
#[derive(PartialEq, Eq, Debug)]
struct Listed {
    partition: usize,
    /// Its number, time, address and bytes; or `elided` and how many.
    place: [String; 4],
    /// Registers that changed, and accesses, sorted; or why they are missing.
    did: Vec<String>,
}

fn paravane(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_paravane")).args(arguments).output().expect("it runs");
    // A run has the status of its guests.
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|status| status != 125), "{arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The instructions of a file in the lines of `paravane show`.
fn shown(file: &str) -> Vec<Listed> {
    let text = paravane(&["show", file]);
    let mut names = Vec::new();
    let mut listed = Vec::new();
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("partition ").and_then(|rest| rest.split_once(':')) {
            names.push(name);
        }
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let partition = names.iter().position(|name| words.first() == Some(name));
        if partition.is_some() {
            words.remove(0);
        }
        let number = words.first().and_then(|word| word.strip_prefix('#'));
        let (Some(number), [_, time, eip, rest @ ..]) = (number, &words[..]) else { continue };
        let seconds = time.replace('.', "").parse::<u64>().expect(line);
        if let [
            "elided",
            count,
            "instruction" | "instructions" | "instruction," | "instructions," | "iterations",
            ..,
        ] = rest
        {
            let why = line.rsplit(": ").next().and_then(|why| why.split(' ').next()).expect(line);
            let why = if why.starts_with("rep") { "repeat" } else { why };
            let place = [number, &seconds.to_string(), "elided", count].map(str::to_owned);
            let did = vec![why.to_owned()];
            listed.push(Listed { partition: partition.unwrap_or_default(), place, did });
        }
        if *eip == "==" {
            continue;
        }
        // A symbol may stand before the bytes.
        let is_hexadecimal =
            |word: &&&str| word.len().is_multiple_of(2) && u128::from_str_radix(word, 16).is_ok();
        let bytes = rest[1..].iter().take(1).chain(&rest[..1]).find(is_hexadecimal).expect(line);
        let place = [number.to_owned(), seconds.to_string(), (*eip).to_owned(), (*bytes).to_owned()];
        listed.push(Listed { partition: partition.unwrap_or_default(), place, did: did(rest) });
    }
    listed
}

/// The registers and accesses among the words of a line of `paravane show`.
fn did(words: &[&str]) -> Vec<String> {
    let (mut did, mut address) = (Vec::new(), "");
    for word in words {
        if word.split_once('=').is_some_and(|(name, _)| NAMED.contains(&name)) {
            did.push((*word).to_owned());
        }
        if let Some(begun) = word.strip_prefix('[').and_then(|begun| begun.get(..8)) {
            address = begun;
        }
        if let Some((_, value)) = word.split_once("]<-").or_else(|| word.split_once("]->")) {
            let arrow = if word.contains("]<-") { "<-" } else { "->" };
            did.push(format!("[{address}]{arrow}{value}"));
        }
    }
    did.sort();
    did
}

/// A line of the reader.
fn listed(line: &str) -> Listed {
    let words: Vec<&str> = line.split(' ').collect();
    let [partition, number, time, eip, bytes, rest @ ..] = &words[..] else { panic!("{line}") };
    let is_elision = *eip == "elided";
    // Registers beyond those that text shows have names such as r16.
    let did = rest.iter().filter(|word| is_elision || !word.starts_with('r')).map(|word| (*word).to_owned());
    let mut did: Vec<String> = did.collect();
    did.sort();
    let place = [number, time, eip, bytes].map(|word| (*word).to_owned());
    Listed { partition: partition.parse().expect(line), place, did }
}

/// What the reader says of a recording of this detail and with these options, and what `paravane show` does; None if it cannot be asked.
fn read(test: &str, subject: &str, detail: &str, options: &[&str]) -> Option<(String, Vec<Listed>)> {
    let name = Path::new(subject).file_stem().and_then(|name| name.to_str()).expect("a name");
    let folder = TemporaryFolder::new(&format!("trace-reader-{name}-{detail}-{test}"));
    let file = folder.path().join("run.pvt");
    let file = file.to_str().expect("a path");
    let subject = root().join(subject);
    let subject = subject.to_str().expect("a path");
    paravane(&[&["trace", "--format", "pvt", "--detail", detail, "-o", file, subject], options].concat());
    let said = ask_one_of(&["compression.zstd", "zstandard"], SCRIPT, &[file, "--state"])?;
    Some((said, shown(file)))
}

const SCRIPT: &str = include_str!("read_trace.py");

#[test]
fn a_reader_that_was_written_from_the_document_lists_the_instructions_that_ran() {
    for subject in SUBJECTS {
        let Some((said, mut shown)) = read("addresses", subject, "addresses", &SHORT) else { return };
        shown.iter_mut().for_each(|listed| listed.did.clear());
        check(subject, &said, shown);
    }
}

#[test]
fn a_reader_that_was_written_from_the_document_lists_all_that_instructions_did() {
    for subject in SUBJECTS {
        let Some((said, shown)) = read("steps", subject, "stored", &SHORT) else { return };
        check(subject, &said, shown);
    }
}

#[test]
fn a_reader_that_was_written_from_the_document_knows_what_is_missing() {
    let ticker = "guest-images/prebuilt/ticker.elf";
    let rep = "guest-images/conformance/prebuilt/transparent_integer.elf";
    for (subject, filter) in [
        (ticker, &["--function", "pv_dispatch_events,on_tick"][..]),
        (ticker, &["--collapse", "loops", "--from", "main"]),
        (rep, &["--collapse", "rep"]),
        (
            "guest-images/systems/flight.toml",
            &["--from", "display:main", "--to", "200ms", "--class", "stack,branch"],
        ),
    ] {
        for detail in ["addresses", "stored"] {
            let options = [filter, &SHORT].concat();
            let Some((said, mut shown)) = read("missing", subject, detail, &options) else { return };
            if detail == "addresses" {
                let instructions = shown.iter_mut().filter(|listed| listed.place[2] != "elided");
                instructions.for_each(|listed| listed.did.clear());
            }
            assert!(said.contains(" elided "), "{subject} {filter:?}");
            check(&format!("{subject} {filter:?}"), &said, shown);
        }
    }
}

/// The file has what is missing at the end of the run, and text at that of the partition.
fn without_time_of_end(listed: &mut [Listed]) {
    let mut known = BTreeSet::new();
    for last in listed.iter_mut().rev().filter(|listed| known.insert(listed.partition)) {
        if last.place[2] == "elided" {
            last.place[1].clear();
        }
    }
}

fn check(subject: &str, said: &str, mut shown: Vec<Listed>) {
    let lines = said.lines().filter(|line| !line.starts_with("state "));
    let mut said: Vec<Listed> = lines.map(listed).collect();
    without_time_of_end(&mut said);
    without_time_of_end(&mut shown);
    assert!(said.len() > 300 && said.len() == shown.len(), "{subject}: {} {}", said.len(), shown.len());
    for (said, shown) in said.iter().zip(&shown) {
        assert_eq!(said, shown, "{subject}");
    }
}

/// The processor after the last instruction.
#[derive(Default)]
struct Last(Option<Cpu>);

impl Recorder for Last {
    fn instruction(&mut self, _: Stamp, step: &Step<'_>) {
        self.0 = Some(step.after.clone());
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

#[test]
fn a_reader_that_was_written_from_the_document_knows_all_registers() {
    let Some((said, _)) = read("registers", "guest-images/prebuilt/lazy_fpu.elf", "stored", &[]) else {
        return;
    };
    let state = said.lines().last().and_then(|line| line.strip_prefix("state 0 ")).expect("a state");
    let state: BTreeMap<u8, &str> = state
        .split(' ')
        .map(|word| word.split_once('=').map(|(number, value)| (number.parse().unwrap(), value)).unwrap())
        .collect();
    let mut last = Last::default();
    run(guest("lazy_fpu"), &mut last);
    let cpu = last.0.expect("it executed something");
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut expected: Vec<(u8, String)> = Vec::new();
    let mut put = |number: usize, bytes: &[u8]| expected.push((number as u8, hexadecimal(bytes)));
    cpu.registers.iter().enumerate().for_each(|(number, value)| put(number, &value.to_le_bytes()));
    put(9, &cpu.eflags.to_le_bytes());
    cpu.fpu.registers.iter().enumerate().for_each(|(number, value)| put(16 + number, &value.to_bytes()));
    put(24, &cpu.fpu.control.to_le_bytes());
    put(25, &cpu.fpu.status.to_le_bytes());
    put(26, &[cpu.fpu.tags]);
    put(28, &cpu.fpu.instruction_pointer.to_le_bytes());
    put(30, &cpu.fpu.data_pointer.to_le_bytes());
    put(40, &cpu.sse.mxcsr.to_le_bytes());
    for (number, value) in &expected {
        assert_eq!(state.get(number).copied(), Some(&value[..]), "register {number}");
    }
    assert!(cpu.fpu.registers.iter().any(|value| value.to_bytes() != [0; 10]), "x87 was used");
    let expected: Vec<u8> = (0..=46).filter(|number| *number != 8).collect();
    assert!(state.keys().eq(&expected), "{state:?}");
}
