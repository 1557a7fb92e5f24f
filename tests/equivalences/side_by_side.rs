//! Runs one program in two ways and, if they part, says at which instruction and how the states differ.

use super::machine::{Machine, Outcome, Surroundings, Way};
use super::program::Program;
use emulator::cpu::REGISTER_NAMES;
use emulator::decode::disassemble;
use std::fmt::Write;

/// None if both ways come to the same state by the same exits; otherwise the report for a person.
pub fn difference(
    program: &Program,
    surroundings: Surroundings,
    ways: [&Way; 2],
    units: u64,
) -> Option<String> {
    let run = |way: &Way, units| Machine::new(program, surroundings).run(way, units);
    let whole = ways.map(|way| run(way, units));
    if same(&whole) {
        return None;
    }
    for unit in 1..=units {
        let after = ways.map(|way| run(way, unit));
        if !same(&after) {
            let before = run(ways[0], unit - 1);
            return Some(report(program, surroundings, ways, unit, &before, &after));
        }
    }
    // Both ways agree wherever they stop, so that only the stop itself makes the difference.
    Some(report(program, surroundings, ways, units, &run(ways[0], units - 1), &whole))
}

fn same([a, b]: &[Outcome; 2]) -> bool {
    a.digest == b.digest && a.noted == b.noted
}

fn report(
    program: &Program,
    surroundings: Surroundings,
    ways: [&Way; 2],
    unit: u64,
    before: &Outcome,
    after: &[Outcome; 2],
) -> String {
    let mut text = String::new();
    let instruction = disassemble(&before.next, before.cpu.eip);
    let bytes: Vec<_> =
        before.next.iter().take(instruction.length).map(|byte| format!("{byte:02x}")).collect();
    let _ = writeln!(text, "seed {}, {surroundings:?}: the ways part at unit {unit}", program.seed);
    let _ =
        writeln!(text, "  instruction  {:08x}  {}  {}", before.cpu.eip, bytes.join(" "), instruction.text);
    let _ = writeln!(text, "  before       {}", state(before));
    for (way, outcome) in ways.iter().zip(after) {
        let _ = writeln!(text, "  {way:?}");
        let _ = writeln!(text, "    state      {}", state(outcome));
        let _ = writeln!(text, "    last exit  {:x?}", outcome.noted.last());
    }
    let [a, b] = after;
    if let Some(at) = (0..a.frames.len()).find(|at| a.frames[*at] != b.frames[*at]) {
        let (frame, offset) = (at / 4096, at % 4096);
        let _ = writeln!(
            text,
            "  memory       frame {frame} + {offset:03x}: {:02x} and {:02x}",
            a.frames[at], b.frames[at]
        );
    }
    let _ =
        writeln!(text, "  again: PARAVANE_SEED={} PARAVANE_ROUNDS=1 cargo test equivalences", program.seed);
    text
}

fn state(outcome: &Outcome) -> String {
    let cpu = &outcome.cpu;
    let mut text = String::new();
    for (name, value) in REGISTER_NAMES.iter().zip(cpu.registers) {
        let _ = write!(text, "{name}={value:08x} ");
    }
    let _ = write!(text, "eip={:08x} eflags={:08x} shadow={}", cpu.eip, cpu.eflags, cpu.interrupt_shadow);
    text
}
