//! The six arithmetic flags, kept as two words that an operation writes without deciding anything.
//!
//! ZF, SF and PF are read off the last result; CF, OF and AF off its carries. Deltas in `carries` make every
//! combination of flags possible, also those that no result has (ZF with SF, for instance).

use super::Width;
use crate::cpu::flags;

const CARRY: u32 = 1 << 31;
/// The carry out of the bit below the sign: OF is this one differing from [`CARRY`].
const CARRY_BELOW: u32 = 1 << 30;
const ADJUST: u32 = 1 << 3;
/// Bits 8 to 15 are exclusive-ored into the low byte of the result before its parity is taken.
const PARITY_SHIFT: u32 = 8;
/// Exclusive-ored into the sign of the result.
const SIGN_DELTA: u32 = 1;

/// The arithmetic flags in their lazy form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LazyFlags {
    /// The last result, sign-extended.
    result: u32,
    carries: u32,
}

impl LazyFlags {
    /// Takes the arithmetic flags out of `eflags`.
    pub(crate) fn from_eflags(eflags: u32) -> Self {
        let has = |flag: u32| eflags & flag != 0;
        let word = |set: bool, mask: u32| if set { mask } else { 0 };
        let zero = has(flags::ZF);
        let carries = word(has(flags::CF), CARRY)
            | word(has(flags::CF) != has(flags::OF), CARRY_BELOW)
            | word(has(flags::AF), ADJUST)
            | word(has(flags::SF), SIGN_DELTA)
            // A result of 0 or 1 is not negative, and only that of 0 has an even parity.
            | word(zero != has(flags::PF), 1 << PARITY_SHIFT);
        Self { result: u32::from(!zero), carries }
    }

    /// The arithmetic flags as bits of EFLAGS.
    pub(crate) fn to_eflags(self) -> u32 {
        u32::from(self.carry())
            | u32::from(self.parity()) << 2
            | u32::from(self.adjust()) << 4
            | u32::from(self.zero()) << 6
            | u32::from(self.sign()) << 7
            | u32::from(self.overflow()) << 11
    }

    /// Flags of a result with its vector of carries (bit n: carry or borrow out of bit n), in width `W`.
    #[inline(always)]
    pub(crate) fn of_carries<W: Width>(result: u32, carries: u32) -> Self {
        Self {
            result: W::sign_extend(result),
            carries: (carries << (32 - W::BITS)) & (CARRY | CARRY_BELOW) | carries & ADJUST,
        }
    }

    /// Flags of AND, OR, XOR and TEST: CF, OF and AF are 0.
    #[inline(always)]
    pub(crate) fn of_logic<W: Width>(result: u32) -> Self {
        Self { result: W::sign_extend(result), carries: 0 }
    }

    /// ZF, SF and PF of a result; CF, OF and AF as given.
    #[inline(always)]
    pub(crate) fn of_result<W: Width>(result: u32, carry: bool, overflow: bool, adjust: bool) -> Self {
        let mut lazy = Self::of_logic::<W>(result);
        lazy.carries = u32::from(adjust) * ADJUST;
        lazy.set_carry_overflow(carry, overflow);
        lazy
    }

    #[inline(always)]
    pub(crate) fn carry(self) -> bool {
        self.carries & CARRY != 0
    }

    #[inline(always)]
    pub(crate) fn parity(self) -> bool {
        ((self.result ^ self.carries >> PARITY_SHIFT) as u8).count_ones() & 1 == 0
    }

    #[inline(always)]
    pub(crate) fn adjust(self) -> bool {
        self.carries & ADJUST != 0
    }

    #[inline(always)]
    pub(crate) fn zero(self) -> bool {
        self.result == 0
    }

    #[inline(always)]
    pub(crate) fn sign(self) -> bool {
        (self.result >> 31 ^ self.carries) & 1 != 0
    }

    #[inline(always)]
    pub(crate) fn overflow(self) -> bool {
        (self.carries ^ self.carries << 1) & CARRY != 0
    }

    /// Sets CF and OF, keeps the rest.
    #[inline(always)]
    pub(crate) fn set_carry_overflow(&mut self, carry: bool, overflow: bool) {
        self.carries = self.carries & !(CARRY | CARRY_BELOW)
            | u32::from(carry) << 31
            | u32::from(carry != overflow) << 30;
    }

    /// Sets CF, keeps the rest.
    #[inline(always)]
    pub(crate) fn set_carry(&mut self, carry: bool) {
        self.set_carry_overflow(carry, self.overflow());
    }

    /// Sets ZF, keeps the rest.
    pub(crate) fn set_zero(&mut self, zero: bool) {
        let eflags = self.to_eflags() & !flags::ZF | u32::from(zero) << 6;
        *self = Self::from_eflags(eflags);
    }

    /// The condition of Jcc, SETcc and CMOVcc with number `CODE` (SDM Vol. 2, appendix B.1.4.7).
    #[inline(always)]
    pub(crate) fn condition<const CODE: u8>(self) -> bool {
        let holds = match CODE >> 1 {
            0 => self.overflow(),
            1 => self.carry(),
            2 => self.zero(),
            3 => self.carry() || self.zero(),
            4 => self.sign(),
            5 => self.parity(),
            6 => self.sign() != self.overflow(),
            _ => self.zero() || self.sign() != self.overflow(),
        };
        holds != (CODE & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::LazyFlags;
    use crate::cpu::flags;

    #[test]
    fn every_combination_of_flags_survives_the_lazy_form() {
        for bits in 0..64 {
            let mut eflags = 0;
            for (i, flag) in
                [flags::CF, flags::PF, flags::AF, flags::ZF, flags::SF, flags::OF].iter().enumerate()
            {
                eflags |= if bits >> i & 1 != 0 { *flag } else { 0 };
            }
            let mut lazy = LazyFlags::from_eflags(eflags);
            assert_eq!(lazy.to_eflags(), eflags);
            lazy.set_carry(!lazy.carry());
            assert_eq!(lazy.to_eflags(), eflags ^ flags::CF);
            lazy.set_zero(!lazy.zero());
            assert_eq!(lazy.to_eflags(), eflags ^ flags::CF ^ flags::ZF);
        }
    }
}
