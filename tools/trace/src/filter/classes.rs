//! The classes of instructions, decoded once for each address and encoding.

use emulator::decode::instruction_classes;

/// How many instructions are remembered: a power of two.
const SLOTS: usize = 1 << 12;
const LONGEST_INSTRUCTION: usize = 15;

/// Classes, remembered by address.
pub struct Classes {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    eip: u32,
    length: u8,
    bytes: [u8; LONGEST_INSTRUCTION],
    classes: u32,
}

impl Classes {
    pub fn new() -> Self {
        Self { slots: vec![Slot::default(); SLOTS] }
    }

    /// The bits of the classes of an instruction.
    pub fn of(&mut self, eip: u32, bytes: &[u8]) -> u32 {
        let slot = &mut self.slots[eip.wrapping_mul(0x9e37_79b1) as usize >> 8 & (SLOTS - 1)];
        let length = bytes.len().min(LONGEST_INSTRUCTION);
        if slot.eip != eip || slot.bytes[..usize::from(slot.length)] != bytes[..length] || length == 0 {
            *slot =
                Slot { eip, length: length as u8, classes: instruction_classes(bytes), ..Slot::default() };
            slot.bytes[..length].copy_from_slice(&bytes[..length]);
        }
        slot.classes
    }
}

#[cfg(test)]
mod tests {
    use super::Classes;
    use emulator::decode::InstructionClass;

    #[test]
    fn code_that_changed_has_the_classes_of_the_new_code() {
        let mut classes = Classes::new();
        assert_eq!(classes.of(0, &[]), 0);
        for _ in 0..2 {
            assert!(classes.of(0x100, &[0xc3]) & InstructionClass::Return.bit() != 0);
            assert!(classes.of(0x100, &[0xeb, 0xfe]) & InstructionClass::Jump.bit() != 0);
        }
    }
}
