//! The x87 and SSE state as FXSAVE lays it out: what the kernel keeps of a process (SDM Vol. 1, 10.5.1).
//!
//! Not here: the instruction and operand that the x87 unit ran last, which stay 0, and what 64-bit code has in addition.

use vectors::{Fpu, Hex, Sse, State};

const STATUS: usize = 2;
const TAGS: usize = 4;
const MXCSR: usize = 24;
const NUMBERS: usize = 32;
const XMM: usize = 160;
const CONTROL_WORD: u16 = 0x37f;
const MXCSR_AFTER_RESET: u32 = 0x1f80;
/// Bytes up to XMM7.
pub const IMAGE_BYTES: usize = XMM + 128;

/// An image without the parts that mean nothing to 32-bit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct FxImage([u8; IMAGE_BYTES]);

impl FxImage {
    /// The image of a case's initial state; what the case leaves out is as after FNINIT.
    pub fn of(state: &State) -> Self {
        let (fpu, sse) = (state.fpu.unwrap_or_default(), state.sse.unwrap_or_default());
        let mut image = Self([0; IMAGE_BYTES]);
        image.put(0, &fpu.cw.unwrap_or(CONTROL_WORD).to_le_bytes());
        image.put(STATUS, &fpu.sw.unwrap_or(0).to_le_bytes());
        image.put(TAGS, &[fpu.tag.unwrap_or(0)]);
        image.put(MXCSR, &sse.mxcsr.unwrap_or(MXCSR_AFTER_RESET).to_le_bytes());
        for (index, Hex(number)) in fpu.st.unwrap_or_default().iter().enumerate() {
            image.put(NUMBERS + 16 * index, &number.to_le_bytes()[..10]);
        }
        for (index, Hex(number)) in sse.xmm.unwrap_or_default().iter().enumerate() {
            image.put(XMM + 16 * index, &number.to_le_bytes());
        }
        image
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn number(&self, at: usize, bytes: usize) -> u128 {
        let digits = self.0[at..at + bytes].iter().rev();
        digits.fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// The x87 state.
    pub fn fpu(&self) -> Fpu {
        Fpu {
            cw: Some(self.word(0)),
            sw: Some(self.word(STATUS)),
            tag: Some(self.0[TAGS]),
            st: Some(std::array::from_fn(|index| Hex(self.number(NUMBERS + 16 * index, 10)))),
        }
    }

    /// The SSE state.
    pub fn sse(&self) -> Sse {
        Sse {
            mxcsr: Some(self.number(MXCSR, 4) as u32),
            xmm: Some(std::array::from_fn(|index| Hex(self.number(XMM + 16 * index, 16)))),
        }
    }

    /// The bytes as FXSAVE lays them out.
    pub fn bytes(&self) -> &[u8; IMAGE_BYTES] {
        &self.0
    }

    /// The bytes, to be filled as FXSAVE lays them out.
    pub fn bytes_mut(&mut self) -> &mut [u8; IMAGE_BYTES] {
        &mut self.0
    }
}
