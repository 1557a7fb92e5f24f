//! The undefined bits of a whole case, from the emulator's table for single instructions.

use crate::format::Undefined;
use crate::registers::EFLAGS;
use emulator::Cpu;
use emulator::decode::{Outcome, UndefinedResult, flag_use, status_use, undefined};

/// Adds up what the instructions of a case leave undefined, one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UndefinedBits {
    /// What is undefined after the instructions so far.
    pub bits: Undefined,
    /// Whether an instruction used what one before it had left undefined, so that everything after it may differ
    /// between two right processors.
    pub used: bool,
}

impl UndefinedBits {
    /// Adds the instruction `code` that was run on `before`.
    pub(crate) fn add(&mut self, code: &[u8], before: &Cpu, outcome: Outcome) {
        let uses = flag_use(code, before);
        // Results have no place in the use of flags: whatever comes after an undefined one is not trusted.
        let undefined_result =
            self.bits.registers[..EFLAGS].iter().any(|mask| *mask != 0) || !self.bits.ram.is_empty();
        self.used |= uses.read & self.bits.registers[EFLAGS] != 0 || undefined_result;
        let status = status_use(code, before.eip);
        self.used |= u32::from(status.read) & self.bits.sw != 0;
        let added = undefined(code, before, outcome);
        let flags = &mut self.bits.registers[EFLAGS];
        if outcome.raised.is_none() {
            *flags &= !uses.written;
            self.bits.sw &= !u32::from(status.written);
        }
        *flags |= added.flags;
        self.bits.sw |= u32::from(added.status);
        if let Some(image) = added.image {
            let ranges = image.ranges.iter();
            self.bits.ram.extend(ranges.map(|(at, length)| (image.address.wrapping_add(*at), *length)));
        }
        match added.result {
            Some(UndefinedResult::Register { number, mask }) => self.bits.registers[number] |= mask,
            Some(UndefinedResult::Memory { address, length_bytes }) => {
                self.bits.ram.push((address, length_bytes));
            }
            None => {}
        }
    }
}
