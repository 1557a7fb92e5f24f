//! What a person needs to see of the first difference: the way there, and both states side by side.

use super::state::{State, WrittenByte};
use crate::crash_report::FLAGS;
use crate::quantities::grouped;
use anstyle::{AnsiColor, Style};
use emulator::SegmentRegister;
use emulator::cpu::REGISTER_NAMES;
use hypervisor_core::{Machine, PartitionId};
use std::fmt::Write;
use trace::{Place, instruction_text};

const HEADING: Style = Style::new().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();

/// So many instructions are shown.
const TRAIL_LENGTH: usize = 16;

/// The first difference.
#[derive(Debug)]
pub struct Difference {
    /// What is wrong, in a sentence.
    pub what: String,
    /// The emulator's registers.
    pub ours: State,
    /// The host's registers.
    pub theirs: State,
    /// The bytes that were written.
    pub bytes: Vec<WrittenByte>,
}

/// A line of the comparison: name, emulator, host.
struct Row {
    name: String,
    emulator: String,
    host: String,
}

impl Difference {
    /// The report, with colours; who prints it strips them where they do not belong.
    pub fn report(&self, machine: &Machine) -> String {
        let mut text = String::new();
        let number = grouped(machine.stamp().instruction);
        // Writing to a String does not fail.
        let _ = writeln!(text, "{WRONG}Not in step{WRONG:#}: {}, after {number} instructions", self.what);
        way(&mut text, machine);
        let _ = write!(text, "{}", self.table());
        text
    }

    /// Both states, with a mark at each line that differs.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "\n{HEADING}{:<10} {:<28} this processor{HEADING:#}", "", "emulator");
        for row in self.rows() {
            let mark = if row.emulator == row.host { "" } else { "  <" };
            let line = format!("{:<10} {:<28} {:<28}{mark}", row.name, row.emulator, row.host);
            let line = line.trim_end();
            let _ = if mark.is_empty() {
                writeln!(text, "  {line}")
            } else {
                writeln!(text, "  {WRONG}{line}{WRONG:#}")
            };
        }
        text
    }

    fn rows(&self) -> Vec<Row> {
        let (ours, theirs) = (self.ours.compared(), self.theirs.compared());
        let row = |name: &str, emulator: String, host: String| Row { name: name.to_owned(), emulator, host };
        let word = |value: u32| format!("{value:08x}");
        let mut rows: Vec<Row> = (0..8)
            .map(|i| row(REGISTER_NAMES[i], word(ours.registers[i]), word(theirs.registers[i])))
            .collect();
        rows.push(row("eip", word(ours.eip), word(theirs.eip)));
        rows.push(row("eflags", flags_text(ours.eflags), flags_text(theirs.eflags)));
        for (i, register) in SegmentRegister::ALL.iter().enumerate() {
            let selector = |state: &State| format!("{:04x}", state.selectors[i]);
            rows.push(row(register.name(), selector(&ours), selector(&theirs)));
        }
        if uses_x87(&ours) || uses_x87(&theirs) {
            let half = |value: u16| format!("{value:04x}");
            rows.push(row("x87 cw", half(ours.control), half(theirs.control)));
            rows.push(row("x87 sw", half(ours.status), half(theirs.status)));
            rows.push(row("x87 tags", format!("{:02x}", ours.tags), format!("{:02x}", theirs.tags)));
            for i in 0..8 {
                let value =
                    |state: &State| format!("{:04x} {:016x}", state.stack[i] >> 64, state.stack[i] as u64);
                rows.push(row(&format!("st{i}"), value(&ours), value(&theirs)));
            }
        }
        if uses_sse(&ours) || uses_sse(&theirs) {
            rows.push(row("mxcsr", word(ours.mxcsr), word(theirs.mxcsr)));
            for i in 0..8 {
                let value = |state: &State| format!("{:032x}", state.xmm[i]);
                rows.push(row(&format!("xmm{i}"), value(&ours), value(&theirs)));
            }
        }
        for byte in &self.bytes {
            let name = format!("[{:08x}]", byte.address);
            rows.push(row(&name, format!("{:02x}", byte.emulator), format!("{:02x}", byte.host)));
        }
        rows
    }
}

/// The last instructions, the one that differs at the end.
fn way(text: &mut String, machine: &Machine) {
    let symbols = machine.symbols();
    let _ = writeln!(text, "\n{HEADING}Last instructions{HEADING:#}");
    let trail = machine.last_instructions(PartitionId(0), TRAIL_LENGTH);
    for (i, entry) in trail.iter().enumerate() {
        let place = Place::of(&symbols, entry.eip).map(|place| place.to_string()).unwrap_or_default();
        let listed = instruction_text(&symbols, entry.eip, &entry.bytes);
        let times =
            if entry.iterations > 1 { format!("  x{}", grouped(entry.iterations)) } else { String::new() };
        let mark = if i + 1 == trail.len() { ">" } else { " " };
        let line = format!("{mark} #{:<10} {:08x} {place:<24} {listed}", entry.instruction, entry.eip);
        let _ = writeln!(text, "{}{times}", line.trim_end());
    }
}

fn flags_text(eflags: u32) -> String {
    let set: Vec<_> = FLAGS.iter().filter(|(bit, _)| eflags & bit != 0).map(|(_, name)| *name).collect();
    format!("{eflags:08x} {}", set.join(" "))
}

fn uses_x87(state: &State) -> bool {
    (state.control, state.status, state.tags) != (0x37f, 0, 0)
}

fn uses_sse(state: &State) -> bool {
    state.mxcsr != 0x1f80 || state.xmm != [0; 8]
}

#[cfg(test)]
mod tests {
    use super::Difference;
    use crate::lockstep::state::{State, WrittenByte};
    use emulator::flags;

    #[test]
    fn every_line_that_differs_is_marked_and_no_other() {
        let ours = State { control: 0x37f, mxcsr: 0x1f80, eflags: 0x202, ..State::default() };
        let mut theirs = ours.clone();
        theirs.registers[2] = 0x10;
        theirs.eflags |= flags::ZF;
        (theirs.tags, theirs.stack[0]) = (0x01, 7);
        theirs.xmm[3] = 1;
        let bytes = vec![WrittenByte { address: 0x8000, emulator: 1, host: 2 }];
        let difference = Difference { what: String::new(), ours, theirs, bytes };
        let table = anstream::adapter::strip_str(&difference.table()).to_string();
        let marked: Vec<_> = table
            .lines()
            .filter(|line| line.ends_with('<'))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(marked, ["edx", "eflags", "x87", "st0", "xmm3", "[00008000]"], "{table}");
        assert!(table.contains("00000242 IF ZF"), "{table}");
    }
}
