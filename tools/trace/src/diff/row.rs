//! One step of a run as it is compared: an instruction with what it left behind, or an event.

use super::extended::Extended;
use emulator::{Access, AccessKind, Step};
use hypervisor_core::Event;
use std::rc::Rc;

/// No instruction is longer.
const LONGEST_BYTES: usize = 15;
/// So many accesses need no memory of their own.
const FEW: usize = 2;

/// One step of a partition.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The number of the instruction, or of the one that comes next.
    pub number: u64,
    /// Virtual time.
    pub now_ns: u64,
    /// What happened.
    pub what: What,
}

/// What happened in a row.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// An instruction retired.
    Instruction(Instruction),
    /// Something that is no instruction.
    Event(Box<Event>),
    /// An instruction of which only a log is known.
    Logged(Logged),
}

/// An instruction with what it left behind.
#[derive(Clone, PartialEq, Debug)]
pub struct Instruction {
    /// Its address.
    pub eip: u32,
    length: u8,
    bytes: [u8; LONGEST_BYTES],
    /// The general registers after it.
    pub registers: [u32; 8],
    /// EFLAGS after it.
    pub eflags: u32,
    /// The other registers after it.
    pub extended: Rc<Extended>,
    accesses: Accesses,
}

/// An instruction in the log of another emulator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logged {
    /// Its address.
    pub eip: u32,
    /// Its first four bytes, the first one lowest; a shorter instruction may be followed by anything.
    pub opcode: u32,
    /// Its text as the log has it.
    pub text: Box<str>,
}

#[derive(Clone, PartialEq, Debug)]
enum Accesses {
    Few([Access; FEW], u8),
    Many(Box<[Access]>),
}

impl Row {
    /// Its address, if it is an instruction.
    #[must_use]
    pub fn eip(&self) -> Option<u32> {
        match &self.what {
            What::Instruction(instruction) => Some(instruction.eip),
            What::Logged(logged) => Some(logged.eip),
            What::Event(_) => None,
        }
    }
}

impl Instruction {
    /// What a step did that left these other registers behind.
    #[must_use]
    pub fn of(step: &Step<'_>, extended: Rc<Extended>) -> Self {
        let mut bytes = [0; LONGEST_BYTES];
        let length = step.bytes.len().min(LONGEST_BYTES);
        bytes[..length].copy_from_slice(&step.bytes[..length]);
        Self {
            eip: step.eip,
            length: length as u8,
            bytes,
            registers: step.after.registers,
            eflags: step.after.eflags,
            extended,
            accesses: Accesses::of(step.accesses),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// What it read and wrote, in order.
    #[must_use]
    pub fn accesses(&self) -> &[Access] {
        match &self.accesses {
            Accesses::Few(few, count) => &few[..usize::from(*count)],
            Accesses::Many(many) => many,
        }
    }
}

impl Accesses {
    fn of(accesses: &[Access]) -> Self {
        if accesses.len() > FEW {
            return Self::Many(accesses.into());
        }
        let mut few = [Access { kind: AccessKind::Read, address: 0, length_bytes: 1, value: 0 }; FEW];
        few[..accesses.len()].copy_from_slice(accesses);
        Self::Few(few, accesses.len() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::Row;

    /// More is copied by a call, which a comparison feels.
    #[test]
    fn a_row_is_copied_in_line() {
        assert!(size_of::<Row>() <= 128, "{}", size_of::<Row>());
    }
}
