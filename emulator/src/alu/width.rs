//! The three operand widths. Values travel zero-extended in a `u32`.

use crate::memory::Word;

/// An operand width; values are zero-extended in a `u32`.
pub(crate) trait Width: Word {
    const BITS: u32;
    const MASK: u32;
    const SIGN: u32;

    /// The value sign-extended to 32 bits.
    #[inline(always)]
    fn sign_extend(value: u32) -> u32 {
        let unused = 32 - Self::BITS;
        ((value << unused) as i32 >> unused) as u32
    }
}

impl Width for u8 {
    const BITS: u32 = 8;
    const MASK: u32 = 0xff;
    const SIGN: u32 = 0x80;
}

impl Width for u16 {
    const BITS: u32 = 16;
    const MASK: u32 = 0xffff;
    const SIGN: u32 = 0x8000;
}

impl Width for u32 {
    const BITS: u32 = 32;
    const MASK: u32 = u32::MAX;
    const SIGN: u32 = 0x8000_0000;
}
