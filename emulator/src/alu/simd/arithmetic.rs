//! Floating-point arithmetic in integers, bit for bit as SSE defines it in every rounding mode.
//!
//! Not here: conversions, in `convert.rs`, and the extended precision of x87.

use super::format::{Environment, Format, Rounding, mxcsr, operand, round_and_pack, shift_right_sticky};
use std::cmp::Ordering;

/// The result of an invalid operation.
fn invalid<F: Format>(e: &mut Environment) -> F {
    e.raise(mxcsr::INVALID);
    F::from_bits(F::INDEFINITE)
}

/// The NaN that two operands give, the first before the second, if one is a NaN.
fn nan_of<F: Format>(e: &mut Environment, a: F, b: F) -> Option<F> {
    if a.is_signaling() || b.is_signaling() {
        e.raise(mxcsr::INVALID);
    }
    [a, b].into_iter().find(|value| value.is_nan()).map(F::quieted)
}

fn note_denormal<F: Format>(e: &mut Environment, a: F, b: F) {
    if a.is_denormal() || b.is_denormal() {
        e.raise(mxcsr::DENORMAL);
    }
}

/// ADD
pub(crate) fn add<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    let (a, b) = (operand(e, a), operand(e, b));
    nan_of(e, a, b).unwrap_or_else(|| sum(e, a, b))
}

/// SUB
pub(crate) fn subtract<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    let (a, b) = (operand(e, a), operand(e, b));
    nan_of(e, a, b).unwrap_or_else(|| sum(e, a, F::from_bits(b.bits() ^ F::SIGN)))
}

/// The sum of two operands that are no NaNs.
fn sum<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    if a.is_infinite() && b.is_infinite() && a.bits() != b.bits() {
        return invalid(e);
    }
    note_denormal(e, a, b);
    if a.is_infinite() || b.is_infinite() {
        return if a.is_infinite() { a } else { b };
    }
    let (a, b) = if a.parts().0 < b.parts().0 { (b, a) } else { (a, b) };
    let ((high, left), (low, right)) = (a.parts(), b.parts());
    let left = u128::from(left) << 64;
    let right = shift_right_sticky(u128::from(right) << 64, high.abs_diff(low));
    let (negative, significand) = if a.is_negative() == b.is_negative() {
        (a.is_negative(), left + right)
    } else if left >= right {
        (a.is_negative(), left - right)
    } else {
        (b.is_negative(), right - left)
    };
    if significand == 0 {
        // x - x is +0, or -0 when rounding down; zeros of one sign keep it.
        let same = a.is_negative() == b.is_negative();
        return F::signed(if same { negative } else { e.rounding() == Rounding::Down }, 0);
    }
    round_and_pack(e, negative, high - 64, significand)
}

/// MUL
pub(crate) fn multiply<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    let (a, b) = (operand(e, a), operand(e, b));
    if let Some(nan) = nan_of(e, a, b) {
        return nan;
    }
    if a.is_infinite() && b.is_zero() || a.is_zero() && b.is_infinite() {
        return invalid(e);
    }
    note_denormal(e, a, b);
    let negative = a.is_negative() != b.is_negative();
    if a.is_infinite() || b.is_infinite() {
        return F::signed(negative, F::INFINITY);
    }
    if a.is_zero() || b.is_zero() {
        return F::signed(negative, 0);
    }
    let ((i, left), (j, right)) = (a.parts(), b.parts());
    round_and_pack(e, negative, i + j, u128::from(left) * u128::from(right))
}

/// DIV
pub(crate) fn divide<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    let (a, b) = (operand(e, a), operand(e, b));
    if let Some(nan) = nan_of(e, a, b) {
        return nan;
    }
    if a.is_infinite() && b.is_infinite() || a.is_zero() && b.is_zero() {
        return invalid(e);
    }
    let negative = a.is_negative() != b.is_negative();
    if b.is_zero() && !a.is_infinite() {
        e.raise(mxcsr::DIVIDE_BY_ZERO);
        return F::signed(negative, F::INFINITY);
    }
    note_denormal(e, a, b);
    if a.is_infinite() {
        return F::signed(negative, F::INFINITY);
    }
    if a.is_zero() || b.is_infinite() {
        return F::signed(negative, 0);
    }
    let ((i, left), (j, right)) = (a.parts(), b.parts());
    let (left, right) = (u128::from(left), u128::from(right));
    let shift = left.leading_zeros();
    let (quotient, rest) = ((left << shift) / right, (left << shift) % right);
    round_and_pack(e, negative, i - j - shift as i32, quotient | u128::from(rest != 0))
}

/// SQRT of `b`; the first operand is not looked at.
pub(crate) fn square_root<F: Format>(e: &mut Environment, _: F, b: F) -> F {
    let b = operand(e, b);
    if let Some(nan) = nan_of(e, b, b) {
        return nan;
    }
    if b.is_zero() {
        return b;
    }
    if b.is_negative() {
        return invalid(e);
    }
    note_denormal(e, b, b);
    if b.is_infinite() {
        return b;
    }
    let (exponent, significand) = b.parts();
    let significand = u128::from(significand);
    // The exponent has to be even; the highest bit may then be bit 126 or 127.
    let zeros = significand.leading_zeros();
    let shift = if (exponent - zeros as i32) % 2 == 0 { zeros } else { zeros - 1 };
    let significand = significand << shift;
    let root = significand.isqrt();
    let sticky = u128::from(root * root != significand);
    // A root has 64 bits: one more makes room for the sticky bit.
    round_and_pack(e, false, (exponent - shift as i32) / 2 - 1, root << 1 | sticky)
}

/// MIN: the second operand if they are equal or one is a NaN.
pub(crate) fn minimum<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    let less = compare::<F>(e, a, b, Nan::Invalid) == Some(Ordering::Less);
    operand(e, if less { a } else { b })
}

/// MAX: the second operand if they are equal or one is a NaN.
pub(crate) fn maximum<F: Format>(e: &mut Environment, a: F, b: F) -> F {
    let greater = compare::<F>(e, a, b, Nan::Invalid) == Some(Ordering::Greater);
    operand(e, if greater { a } else { b })
}

/// What a quiet NaN in a comparison means; a signaling one is always invalid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nan {
    Quiet,
    Invalid,
}

/// The order of two operands; none: one is a NaN.
pub(crate) fn compare<F: Format>(e: &mut Environment, a: F, b: F, nan: Nan) -> Option<Ordering> {
    let (a, b) = (operand(e, a), operand(e, b));
    if nan_of(e, a, b).is_some() {
        if nan == Nan::Invalid {
            e.raise(mxcsr::INVALID);
        }
        return None;
    }
    note_denormal(e, a, b);
    let key = |value: F| {
        let magnitude = i128::from(value.bits() & !F::SIGN);
        if value.is_negative() { -magnitude } else { magnitude }
    };
    Some(key(a).cmp(&key(b)))
}

/// CMPccPS and its kin: whether predicate `number` holds (SDM Vol. 2A, "CMPPS", the eight of SSE).
pub(crate) fn holds<F: Format>(e: &mut Environment, a: F, b: F, number: u8) -> bool {
    let nan = if matches!(number & 3, 1 | 2) { Nan::Invalid } else { Nan::Quiet };
    let order = compare(e, a, b, nan);
    let plain = match number & 3 {
        0 => order == Some(Ordering::Equal),
        1 => order == Some(Ordering::Less),
        2 => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => order.is_none(),
    };
    plain != (number & 4 != 0)
}

#[cfg(test)]
mod tests {
    use super::super::convert::{convert, from_integer, to_integer, truncate};
    use super::super::format::{Environment, F32, F64, Format, mxcsr};
    use super::{add, divide, holds, maximum, minimum, multiply, square_root, subtract};

    const MASKED: u32 = 0x1f80;
    const DOWN: u32 = MASKED | 1 << 13;
    const UP: u32 = MASKED | 2 << 13;
    const CHOP: u32 = MASKED | 3 << 13;
    const FTZ: u32 = MASKED | mxcsr::FLUSH_TO_ZERO;
    const DAZ: u32 = MASKED | mxcsr::DENORMALS_ARE_ZERO;
    const NO_UNDERFLOW_MASK: u32 = MASKED & !(mxcsr::UNDERFLOW << 7);

    const I: u32 = mxcsr::INVALID;
    const D: u32 = mxcsr::DENORMAL;
    const Z: u32 = mxcsr::DIVIDE_BY_ZERO;
    const O: u32 = mxcsr::OVERFLOW;
    const U: u32 = mxcsr::UNDERFLOW;
    const P: u32 = mxcsr::PRECISION;

    const ONE: u32 = 0x3f80_0000;
    const THREE: u32 = 0x4040_0000;
    const MAX: u32 = 0x7f7f_ffff;
    const INF: u32 = 0x7f80_0000;
    const MIN: u32 = 0x0080_0000;
    const MINUS: u32 = 0x8000_0000;
    const SNAN: u32 = 0x7f80_0001;
    const QNAN: u32 = 0xffc0_1234;
    const INDEFINITE: u32 = 0xffc0_0000;

    type Binary = fn(&mut Environment, F32, F32) -> F32;

    #[test]
    fn single_precision_is_right_to_the_bit() {
        let table: &[(Binary, u32, u32, u32, u32, u32)] = &[
            // Rounding.
            (divide, MASKED, ONE, THREE, 0x3eaa_aaab, P),
            (divide, DOWN, ONE, THREE, 0x3eaa_aaaa, P),
            (divide, UP, ONE, THREE | MINUS, 0xbeaa_aaaa, P),
            (divide, CHOP, ONE, THREE | MINUS, 0xbeaa_aaaa, P),
            (add, MASKED, ONE, 0x3380_0000, ONE, P),
            (add, UP, ONE, 1, 0x3f80_0001, D | P),
            (subtract, DOWN, ONE, ONE, MINUS, 0),
            (subtract, UP, ONE, ONE, 0, 0),
            // Overflow.
            (multiply, MASKED, MAX, MAX, INF, O | P),
            (multiply, DOWN, MAX, MAX, MAX, O | P),
            (multiply, UP, MAX, MAX | MINUS, MAX | MINUS, O | P),
            // Underflow: tiny after rounding, and inexact unless it is unmasked.
            (multiply, MASKED, MIN, 0x3f00_0000, 0x0040_0000, 0),
            (multiply, NO_UNDERFLOW_MASK, MIN, 0x3f00_0000, 0, U),
            (multiply, MASKED, 0x0080_0001, 0x3f00_0000, 0x0040_0000, U | P),
            (multiply, MASKED, 0x3f7f_ffff, 0x0080_0001, MIN, P),
            (multiply, FTZ, MIN | MINUS, 0x3f00_0000, MINUS, U | P),
            (add, FTZ | DAZ, 1, MIN, MIN, 0),
            // Denormals.
            (add, MASKED, 1, 1, 2, D),
            (add, DAZ, 1, 1 | MINUS, 0, 0),
            (divide, MASKED, 1, 0, INF, Z),
            (divide, DAZ, 1, 0, INDEFINITE, I),
            (divide, MASKED, INF, 1, INF, D),
            // Invalid operations and NaNs: the first operand before the second.
            (subtract, MASKED, INF, INF, INDEFINITE, I),
            (multiply, MASKED, 0, INF, INDEFINITE, I),
            (add, MASKED, SNAN, QNAN, SNAN | 0x40_0000, I),
            (add, MASKED, QNAN, SNAN, QNAN, I),
            (subtract, MASKED, 1, QNAN, QNAN, 0),
            (square_root, MASKED, 0, ONE | MINUS, INDEFINITE, I),
            (square_root, MASKED, 0, MINUS, MINUS, 0),
            (square_root, MASKED, 0, 0x4000_0000, 0x3fb5_04f3, P),
            // MIN and MAX give the second operand as it is.
            (minimum, MASKED, 0, MINUS, MINUS, 0),
            (maximum, MASKED, MINUS, 0, 0, 0),
            (minimum, MASKED, ONE, SNAN, SNAN, I),
            (maximum, MASKED, QNAN, 1, 1, I),
            (maximum, DAZ, 1, MINUS, MINUS, 0),
        ];
        for (i, (f, control, a, b, result, raised)) in table.iter().enumerate() {
            let mut e = Environment::new(*control);
            let actual = f(&mut e, F32(*a), F32(*b));
            assert_eq!((actual, e.raised), (F32(*result), *raised), "row {i}");
        }
    }

    #[test]
    fn predicates_tell_quiet_nans_from_invalid_operands() {
        // For each predicate whether it holds for less, equal, greater and unordered, and what a quiet NaN raises.
        let table = [
            ([false, true, false, false], 0),
            ([true, false, false, false], I),
            ([true, true, false, false], I),
            ([false, false, false, true], 0),
            ([true, false, true, true], 0),
            ([false, true, true, true], I),
            ([false, false, true, true], I),
            ([true, true, true, false], 0),
        ];
        let operands = [(F64(0), F64(1)), (F64(0), F64(F64::SIGN)), (F64(1), F64(0))];
        for (number, (expected, raised)) in (0..).zip(table) {
            let mut e = Environment::new(DAZ & !mxcsr::DENORMALS_ARE_ZERO);
            for ((a, b), holds_here) in operands.into_iter().zip(expected) {
                assert_eq!(holds(&mut e, a, b, number), holds_here, "predicate {number}");
            }
            let mut e = Environment::new(MASKED);
            assert_eq!(holds(&mut e, F64(0), F64(F64::INDEFINITE), number), expected[3]);
            assert_eq!(e.raised, raised, "predicate {number}");
        }
    }

    #[test]
    fn conversions_say_what_they_lost() {
        let mut e = Environment::new(MASKED);
        assert_eq!(to_integer(&mut e, F64(0x41df_ffff_ffc0_0000)), 0x7fff_ffff);
        assert_eq!(to_integer(&mut e, F64(0xc1e0_0000_0000_0000)), 0x8000_0000);
        assert_eq!(e.raised, 0);
        // 2.5 goes to the even number.
        assert_eq!((to_integer(&mut e, F32(0x4020_0000)), e.raised), (2, P));
        let mut e = Environment::new(UP);
        assert_eq!((truncate(&mut e, F32(0xc020_0000)), e.raised), (-2i32 as u32, P));
        for value in [0x4f00_0000, INF, QNAN, 0xff7f_ffff] {
            let mut e = Environment::new(MASKED);
            assert_eq!((to_integer(&mut e, F32(value)), e.raised), (0x8000_0000, I), "{value:x}");
        }
        let mut e = Environment::new(MASKED);
        assert_eq!((from_integer::<F32>(&mut e, i32::MAX), e.raised), (F32(0x4f00_0000), P));
        let mut e = Environment::new(MASKED);
        assert_eq!(convert::<F32, F64>(&mut e, F32(1)), F64(0x36a0_0000_0000_0000));
        assert_eq!(e.raised, D);
        let mut e = Environment::new(MASKED);
        assert_eq!(convert::<F64, F32>(&mut e, F64(0x7ff0_0000_2000_0000)), F32(0x7fc0_0001));
        assert_eq!(e.raised, I);
    }
}
