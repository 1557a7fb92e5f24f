//! The state of the x87 floating-point unit, which MMX shares, and of SSE.

use serde::{Deserialize, Serialize};

/// An 80-bit extended-precision number as the processor stores it (SDM Vol. 1, 4.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, Serialize, Deserialize)]
pub struct F80 {
    /// Bit 15 the sign, bits 0 to 14 the biased exponent.
    pub sign_exponent: u16,
    /// The significand with its explicit integer bit, bit 63.
    pub significand: u64,
}

impl F80 {
    /// The ten bytes in memory order.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.significand.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sign_exponent.to_le_bytes());
        bytes
    }
}

/// The x87 state (SDM Vol. 1, 8.1).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Fpu {
    /// The control word: exception masks, precision and rounding control.
    pub control: u16,
    /// The status word; TOP is in bits 11 to 13.
    pub status: u16,
    /// One bit for each physical register: 1 = in use, as FXSAVE stores it.
    pub tags: u8,
    /// The physical registers R0 to R7. The MMX registers are their significands.
    pub registers: [F80; 8],
    /// Offset of the last instruction that was no control instruction.
    pub instruction_pointer: u32,
    /// Its code selector.
    pub instruction_selector: u16,
    /// Offset of its memory operand.
    pub data_pointer: u32,
    /// The selector of its memory operand.
    pub data_selector: u16,
    /// Its opcode: the low three bits of the first byte, then the second byte.
    pub opcode: u16,
}

impl Default for Fpu {
    /// The state after FNINIT, with zero in all registers.
    fn default() -> Self {
        Self {
            control: 0x37f,
            status: 0,
            tags: 0,
            registers: [F80::default(); 8],
            instruction_pointer: 0,
            instruction_selector: 0,
            data_pointer: 0,
            data_selector: 0,
            opcode: 0,
        }
    }
}

impl Fpu {
    /// The number of the physical register that is ST(0).
    #[must_use]
    pub fn top(&self) -> usize {
        usize::from(self.status >> 11 & 7)
    }

    /// The number of the physical register that is ST(`i`).
    #[must_use]
    pub fn physical(&self, i: usize) -> usize {
        (self.top() + i) % 8
    }
}

/// The SSE state (SDM Vol. 1, 10.2).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Sse {
    /// Control and status: exception flags, masks, rounding, FTZ and DAZ.
    pub mxcsr: u32,
    /// XMM0 to XMM7.
    pub xmm: [u128; 8],
}

impl Default for Sse {
    fn default() -> Self {
        Self { mxcsr: 0x1f80, xmm: [0; 8] }
    }
}
