//! Who wrote last what differs: registers, flags and memory, before an instruction of a partition.

use crate::case::Case;
use crate::execute::{discard_output, drive, start};
use emulator::cpu::REGISTER_NAMES;
use emulator::{AccessKind, Step};
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use trace::{FLAGS, TracedSystem, describe, instruction_text};

/// What differs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sought(Vec<What>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    Register(usize),
    Flag(u32, &'static str),
    /// Address, and how many bytes.
    Memory(u32, u32),
}

impl Sought {
    /// What notes of a comparison name: `edx: ...`, `ZF: ...`, `[00103000]->...`.
    pub fn of<'a>(notes: impl Iterator<Item = &'a str>) -> Self {
        let of = |note: &str| {
            if let Some(memory) = note.strip_prefix('[').or_else(|| note.strip_prefix("access: [")) {
                let (address, value) = memory.split_once(']')?;
                let digits = value.trim_start_matches(['-', '<', '>']).split([' ', ',']).next()?.len() as u32;
                return Some(What::Memory(u32::from_str_radix(address, 16).ok()?, digits.div_ceil(2).max(1)));
            }
            let (name, _) = note.split_once(':')?;
            let register = REGISTER_NAMES.iter().position(|known| *known == name).map(What::Register);
            let flag =
                || FLAGS.iter().find(|(_, known)| *known == name).map(|(bit, name)| What::Flag(*bit, name));
            register.or_else(flag)
        };
        Self(notes.filter_map(of).collect())
    }
}

/// What differs, each with the line of its last writer before instruction `number` of a partition; None if nothing in this
/// run had written it.
///
/// # Errors
/// The case cannot be run.
pub fn writers(
    case: &Case,
    partition: PartitionId,
    number: u64,
    sought: Sought,
) -> Result<Vec<(String, Option<String>)>, String> {
    if sought.0.is_empty() {
        return Ok(Vec::new());
    }
    let opened = case.opened()?;
    let mut machine = start(&opened.subject)?;
    let traced = TracedSystem::of(&machine, opened.subject.is_system);
    let found = vec![None; sought.0.len()];
    let mut search = Search { partition, number, sought: sought.0, found };
    drive(&mut machine, case, &opened.inputs, false, &mut search, |machine, _, _| {
        discard_output(machine);
        machine.partition(partition).executed() <= number
    })?;
    let symbols = &traced.partition(partition).symbols;
    let line = |writer: Writer| {
        let (place, text) =
            (describe(symbols, writer.eip), instruction_text(symbols, writer.eip, &writer.bytes));
        format!("#{} {place}  {text}  ({} instructions before)", writer.number, number - writer.number)
    };
    let named = search.sought.iter().map(|what| match what {
        What::Register(place) => REGISTER_NAMES[*place].to_owned(),
        What::Flag(_, name) => (*name).to_owned(),
        What::Memory(address, _) => format!("[{}]", describe(symbols, *address)),
    });
    Ok(named.zip(search.found.into_iter().map(|writer| writer.map(line))).collect())
}

#[derive(Clone, Debug)]
struct Writer {
    number: u64,
    eip: u32,
    bytes: Vec<u8>,
}

struct Search {
    partition: PartitionId,
    number: u64,
    sought: Vec<What>,
    found: Vec<Option<Writer>>,
}

impl Recorder for Search {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if stamp.partition != self.partition || stamp.instruction >= self.number {
            return;
        }
        for (what, found) in self.sought.iter().zip(&mut self.found) {
            let writes = match *what {
                What::Register(place) => step.registers_before[place] != step.after.registers[place],
                What::Flag(bit, _) => (step.eflags_before ^ step.after.eflags) & bit != 0,
                What::Memory(address, length_bytes) => step.accesses.iter().any(|access| {
                    access.kind == AccessKind::Write
                        && u64::from(access.address) < u64::from(address) + u64::from(length_bytes)
                        && u64::from(address) < u64::from(access.address) + u64::from(access.length_bytes)
                }),
            };
            if writes {
                *found =
                    Some(Writer { number: stamp.instruction, eip: step.eip, bytes: step.bytes.to_vec() });
            }
        }
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

#[cfg(test)]
mod tests {
    use super::{Sought, What};

    #[test]
    fn what_differs_is_read_from_the_notes() {
        let notes = [
            "bytes: b805 accepted, b806 now",
            "edx: 00000001 accepted, 00000002 now",
            "ZF: 0 accepted, 1 now",
            "[00103000]->00000005 accepted, [00103000]->00000006 now",
        ];
        let expected = [What::Register(2), What::Flag(1 << 6, "ZF"), What::Memory(0x10_3000, 4)];
        assert_eq!(Sought::of(notes.into_iter()).0, expected);
    }
}
