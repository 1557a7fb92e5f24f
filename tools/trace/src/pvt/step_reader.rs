//! Reads instructions with what they changed and touched. Every number is a claim.

use super::is_instruction;
use super::step_records::{StepRecord, StoredRegister};
use super::stored_elision::StoredElision;
use emulator::Access;
use hypervisor_core::clock::Rate;
use hypervisor_core::{PartitionId, Stamp};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// One instruction, or one iteration of a REP, as a frame has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredStep {
    /// Where it stands.
    pub eip: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The registers that it changed: their numbers as docs/TRACE-FILE.md has them, and the values in little-endian order.
    pub changed: Vec<(u8, Vec<u8>)>,
    /// What it read and wrote, in order.
    pub accesses: Vec<Access>,
}

/// What a frame of instructions tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stored {
    /// What registers of the partition hold now, without any instruction of the frame having said it.
    Registers(Vec<(u8, Vec<u8>)>),
    /// An instruction.
    Step(StoredStep),
    /// Instructions that are not in the frame, right before this place.
    Elision(StoredElision),
}

/// Tells what a frame of instructions holds, in order. False if it cannot be understood from some point on.
pub fn tell_steps(
    raw: &[u8],
    rate: Rate,
    partitions: usize,
    mut tell: impl FnMut(Stamp, Stored) -> ControlFlow<()>,
) -> bool {
    let mut codes: Vec<(u32, &[u8])> = Vec::new();
    let mut instructions: BTreeMap<u16, u64> = BTreeMap::new();
    let (mut here, mut at_unit): (Option<u16>, u64) = (None, 0);
    let mut rest = raw;
    while !rest.is_empty() {
        let Ok((record, after)) = postcard::take_from_bytes::<StepRecord>(rest) else { return false };
        rest = after;
        let told = match record {
            StepRecord::Code { eip, bytes } => {
                if !is_instruction(bytes) {
                    return false;
                }
                codes.push((eip, bytes));
                continue;
            }
            StepRecord::At { partition, instruction, unit } => {
                if usize::from(partition) >= partitions {
                    return false;
                }
                here = Some(partition);
                let number = instructions.entry(partition).or_default();
                *number = number.wrapping_add(instruction as u64);
                at_unit = at_unit.wrapping_add(unit as u64);
                continue;
            }
            StepRecord::Elision(elision) if !elision.is_possible() => return false,
            StepRecord::Elision(elision) => Stored::Elision(elision),
            StepRecord::Registers(registers) => Stored::Registers(owned(&registers.0)),
            StepRecord::Step { code, changed, accesses } => {
                let Some((eip, bytes)) = codes.get(code as usize).copied() else { return false };
                let accesses = accesses.0.into_iter().map(Into::into).collect();
                Stored::Step(StoredStep { eip, bytes: bytes.to_vec(), changed: owned(&changed.0), accesses })
            }
        };
        let Some(partition) = here else { return false };
        let number = instructions.entry(partition).or_default();
        let stamp = Stamp {
            partition: PartitionId(partition),
            instruction: *number,
            unit: at_unit,
            now_ns: rate.nanoseconds(at_unit),
        };
        if matches!(told, Stored::Step(_)) {
            *number = number.wrapping_add(1);
            at_unit = at_unit.wrapping_add(1);
        }
        if tell(stamp, told).is_break() {
            return true;
        }
    }
    true
}

fn owned(registers: &[StoredRegister<'_>]) -> Vec<(u8, Vec<u8>)> {
    registers.iter().map(|(number, value)| (*number, value.to_vec())).collect()
}
