//! Conversions between floating-point formats and integers, and the approximations.

use super::arithmetic::{divide, square_root};
use super::format::{Environment, F32, Format, Rounding, mxcsr, operand, round, round_and_pack};

/// The result of a conversion to an integer that has no such value.
const INDEFINITE_INTEGER: u32 = 0x8000_0000;

/// A signed integer as a floating-point number.
pub(crate) fn from_integer<F: Format>(e: &mut Environment, value: i32) -> F {
    if value == 0 {
        return F::from_bits(0);
    }
    round_and_pack(e, value < 0, 0, value.unsigned_abs().into())
}

/// A floating-point number as a signed integer, by the rounding mode.
pub(crate) fn to_integer<F: Format>(e: &mut Environment, value: F) -> u32 {
    let rounding = e.rounding();
    integer(e, value, rounding)
}

/// A floating-point number as a signed integer, cut off.
pub(crate) fn truncate<F: Format>(e: &mut Environment, value: F) -> u32 {
    integer(e, value, Rounding::Zero)
}

fn integer<F: Format>(e: &mut Environment, value: F, rounding: Rounding) -> u32 {
    let value = operand(e, value);
    let (exponent, significand) = value.parts();
    let negative = value.is_negative();
    // A significand of at most 53 bits; beyond 2^32 no value fits, and infinities and NaNs stand there too.
    let (magnitude, inexact) = match exponent {
        1.. => (u128::from(significand) << exponent.min(33), false),
        _ => round(rounding, negative, significand.into(), exponent.unsigned_abs()),
    };
    let special = value.is_nan() || value.is_infinite();
    if special || magnitude > 0x7fff_ffff + u128::from(negative) {
        e.raise(mxcsr::INVALID);
        return INDEFINITE_INTEGER;
    }
    if inexact {
        e.raise(mxcsr::PRECISION);
    }
    let magnitude = magnitude as u32;
    if negative { magnitude.wrapping_neg() } else { magnitude }
}

/// CVTSS2SD and CVTSD2SS: the same number in another format.
pub(crate) fn convert<A: Format, B: Format>(e: &mut Environment, value: A) -> B {
    let value = operand(e, value);
    let negative = value.is_negative();
    if value.is_nan() {
        if value.is_signaling() {
            e.raise(mxcsr::INVALID);
        }
        let fraction = value.bits() & (A::HIDDEN - 1);
        let payload = u128::from(fraction) << B::FRACTION >> A::FRACTION;
        return B::signed(negative, B::INFINITY | B::QUIET | payload as u64);
    }
    if value.is_infinite() {
        return B::signed(negative, B::INFINITY);
    }
    if value.is_zero() {
        return B::signed(negative, 0);
    }
    if value.is_denormal() {
        e.raise(mxcsr::DENORMAL);
    }
    let (exponent, significand) = value.parts();
    round_and_pack(e, negative, exponent, significand.into())
}

const ONE: F32 = F32(0x3f80_0000);
/// RCP and RSQRT look neither at MXCSR nor raise exceptions; denormals are zeros on both sides.
const APPROXIMATE: u32 = 0x1f80 | mxcsr::DENORMALS_ARE_ZERO | mxcsr::FLUSH_TO_ZERO;

/// RCP: to the last bit, where 12 bits are asked for. From 2^126 on the result is a zero: at 2^126 itself, whose
/// reciprocal is no denormal yet, the manual allows that and processors do it.
pub(crate) fn reciprocal(_: &mut Environment, _: F32, b: F32) -> F32 {
    const LARGE: u64 = 0x7e80_0000;
    if !b.is_nan() && b.bits() & !F32::SIGN >= LARGE {
        return F32::signed(b.is_negative(), 0);
    }
    divide(&mut Environment::new(APPROXIMATE), ONE, b)
}

/// RSQRT: rounded twice, where 12 bits are asked for.
pub(crate) fn reciprocal_root(_: &mut Environment, _: F32, b: F32) -> F32 {
    let mut e = Environment::new(APPROXIMATE);
    let root = square_root(&mut e, b, b);
    divide(&mut e, ONE, root)
}
