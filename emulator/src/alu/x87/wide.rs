//! Numbers with 128 bits of significand: room enough to compute a function and round once.
//!
//! Results are cut, not rounded: each operation is off by less than 2^-125 of its result.

use super::round::round_to_register;
use super::{Control, Outcome, Unpacked};

/// A number that is not zero: `significand` x 2^(`exponent` - 127) with bit 127 set. Zero has significand 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    pub(super) negative: bool,
    pub(super) exponent: i32,
    pub(super) significand: u128,
}

impl Wide {
    pub(super) const ZERO: Self = Self { negative: false, exponent: 0, significand: 0 };
    pub(super) const ONE: Self = Self { negative: false, exponent: 0, significand: 1 << 127 };
    /// ln 2
    pub(super) const LN_2: Self = Self::positive(-1, 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af);
    /// 1 / ln 2
    pub(super) const LOG2_E: Self = Self::positive(0, 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88);
    /// pi, as precise as it is
    pub(super) const PI: Self = Self::positive(1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1);

    const fn positive(exponent: i32, significand: u128) -> Self {
        Self { negative: false, exponent, significand }
    }

    /// `magnitude` x 2^`scale`.
    pub(super) fn of_integer(negative: bool, magnitude: u128, scale: i32) -> Self {
        if magnitude == 0 {
            return Self::ZERO;
        }
        let shift = magnitude.leading_zeros();
        Self { negative, exponent: scale + 127 - shift as i32, significand: magnitude << shift }
    }

    /// A finite operand.
    pub(super) fn of(operand: &Unpacked) -> Self {
        let significand = u128::from(operand.significand) << 64;
        Self { negative: operand.negative, exponent: operand.exponent, significand }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.significand == 0
    }

    pub(super) fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    pub(super) fn magnitude(self) -> Self {
        Self { negative: false, ..self }
    }

    /// Times 2^`steps`.
    pub(super) fn scaled(self, steps: i32) -> Self {
        Self { exponent: self.exponent + steps, ..self }
    }

    pub(super) fn times(self, other: Self) -> Self {
        if self.is_zero() || other.is_zero() {
            return Self::ZERO;
        }
        let (high, low) = full_product(self.significand, other.significand);
        let negative = self.negative != other.negative;
        let exponent = self.exponent + other.exponent;
        if high >> 127 != 0 {
            Self { negative, exponent: exponent + 1, significand: high }
        } else {
            Self { negative, exponent, significand: high << 1 | low >> 127 }
        }
    }

    /// Divided by a small integer.
    pub(super) fn over(self, divisor: u32) -> Self {
        if self.is_zero() {
            return self;
        }
        let divisor = u128::from(divisor);
        let (quotient, rest) = (self.significand / divisor, self.significand % divisor);
        let shift = quotient.leading_zeros();
        let filled = quotient << shift | ((rest << shift) / divisor);
        Self { exponent: self.exponent - shift as i32, significand: filled, ..self }
    }

    pub(super) fn divided_by(self, divisor: Self) -> Self {
        if self.is_zero() {
            return self;
        }
        // Newton's iteration for 1 / divisor, from 64 good bits to 128.
        let top = (divisor.significand >> 64) as u64;
        let start = u128::MAX / u128::from(top);
        let mut inverse = Self::of_integer(false, start, -65 - divisor.exponent);
        for _ in 0..2 {
            let product = inverse.times(divisor.magnitude());
            inverse = inverse.plus(inverse.times(Self::ONE.plus(product.negated())));
        }
        let quotient = self.times(inverse);
        Self { negative: self.negative != divisor.negative, ..quotient }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        if self.is_zero() {
            return other;
        }
        if other.is_zero() {
            return self;
        }
        let swap = (self.exponent, self.significand) < (other.exponent, other.significand);
        let (large, small) = if swap { (other, self) } else { (self, other) };
        let distance = (large.exponent - small.exponent) as u32;
        let addend = if distance > 127 { 0 } else { small.significand >> distance };
        if large.negative == small.negative {
            let (sum, carry) = large.significand.overflowing_add(addend);
            if carry {
                return Self { exponent: large.exponent + 1, significand: sum >> 1 | 1 << 127, ..large };
            }
            return Self { significand: sum, ..large };
        }
        let difference = large.significand - addend;
        if difference == 0 {
            return Self::ZERO;
        }
        let shift = difference.leading_zeros();
        Self { exponent: large.exponent - shift as i32, significand: difference << shift, ..large }
    }

    /// A number just below in magnitude, by more than an operation is off: what a series gives whose second term is
    /// negative and beyond all bits.
    pub(super) fn slightly_less(self) -> Self {
        const LESS: u128 = 8;
        match self.significand {
            0 => self,
            significand if (significand - LESS) >> 127 != 0 => {
                Self { significand: significand - LESS, ..self }
            }
            significand => {
                Self { exponent: self.exponent - 1, significand: (significand - LESS) << 1, ..self }
            }
        }
    }

    /// Rounds a value that is not exact into a register.
    pub(super) fn rounded(self, control: Control) -> Outcome {
        round_to_register(self.negative, self.exponent, self.significand | 1, control.full())
    }
}

/// Both halves of a product.
fn full_product(left: u128, right: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a, b, c, d) = (left >> 64, left & LOW, right >> 64, right & LOW);
    let (ac, ad, bc, bd) = (a * c, a * d, b * c, b * d);
    let middle = (bd >> 64) + (ad & LOW) + (bc & LOW);
    (ac + (ad >> 64) + (bc >> 64) + (middle >> 64), middle << 64 | bd & LOW)
}
