//! The Tenet trace holds the state before every instruction and what it read and wrote. There is no reader to ask outside of a
//! disassembler: the lines are read by the rules that its documentation gives.

use super::run::{Everything, GUESTS, Ran, flight, guest, run, traced};
use emulator::AccessKind;
use emulator::cpu::REGISTER_NAMES;
use export::{Export, Tenet};
use hypervisor_core::{Machine, PartitionId};
use trace::Both;

/// The state that a line leads to, and its accesses as (is a write, address, bytes).
#[derive(Clone, Default)]
struct Line {
    registers: [Option<u32>; 8],
    eip: u32,
    accesses: Vec<(bool, u32, Vec<u8>)>,
}

fn hexadecimal(text: &str) -> u32 {
    u32::from_str_radix(text.strip_prefix("0x").expect("values are hexadecimal"), 16).unwrap()
}

fn read(line: &str, before: &Line) -> Line {
    let mut after = Line { accesses: Vec::new(), ..before.clone() };
    for item in line.split(',') {
        let (name, value) = item.split_once('=').expect("an item is NAME=VALUE");
        match name {
            "eip" => after.eip = hexadecimal(value),
            "mr" | "mw" => {
                let (address, bytes) = value.split_once(':').unwrap();
                let byte = |at| u8::from_str_radix(&bytes[at..at + 2], 16).unwrap();
                let bytes = (0..bytes.len()).step_by(2).map(byte).collect();
                after.accesses.push((name == "mw", hexadecimal(address), bytes));
            }
            _ => {
                let number = REGISTER_NAMES.iter().position(|known| *known == name).expect(name);
                after.registers[number] = Some(hexadecimal(value));
            }
        }
    }
    after
}

fn accesses(ran: &Ran) -> Vec<(bool, u32, Vec<u8>)> {
    let bytes = |value: u64, length: u8| value.to_le_bytes()[..usize::from(length)].to_vec();
    let accesses = ran.accesses.iter();
    accesses
        .map(|access| {
            let is_write = access.kind == AccessKind::Write;
            (is_write, access.address, bytes(access.value, access.length_bytes))
        })
        .collect()
}

fn check(machine: Machine, chosen: Option<PartitionId>, name: &str) {
    let mut text = Vec::new();
    let tenet = Tenet::new(&traced(&machine), chosen, &mut text).unwrap();
    let mut recorder = Both(tenet, Everything::default());
    run(machine, &mut recorder);
    recorder.0.finish().unwrap();
    let Both(_, everything) = recorder;
    let partition = chosen.unwrap_or_default();
    let ran: Vec<&Ran> = everything.instructions().filter(|ran| ran.stamp.partition == partition).collect();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().count(), ran.len() + 1, "{name}: a line for each state");

    let mut state = Line::default();
    for (number, line) in text.lines().enumerate() {
        state = read(line, &state);
        if let Some(next) = ran.get(number) {
            assert_eq!(state.registers, next.before.map(Some), "{name}: before #{number}");
            assert_eq!(state.eip, next.eip, "{name}: before #{number}");
        }
        let done = number.checked_sub(1).map(|done| accesses(ran[done]));
        assert_eq!(
            state.accesses,
            done.unwrap_or_default(),
            "{name}: after the instruction before #{number}"
        );
    }
    assert_eq!(state.registers, ran.last().unwrap().after.map(Some), "{name}: at the end");
}

#[test]
fn a_line_is_the_state_before_each_instruction_and_what_the_last_one_touched() {
    for name in GUESTS {
        check(guest(name), None, name);
    }
}

#[test]
fn a_partition_of_a_system_can_be_chosen_and_has_to_be() {
    check(flight(), Some(PartitionId(1)), "nav");
    let machine = flight();
    let refused = Tenet::new(&traced(&machine), None, Vec::new()).err().unwrap();
    assert_eq!(refused.to_string(), "a Tenet trace holds one partition: choose one of imu, nav, display");
}
