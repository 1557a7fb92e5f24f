//! Conversions to and from the formats of memory, and rounding to an integer. SDM Vol. 1, 8.3.3 and 4.2.

use super::round::{Format, Rounded, round, round_to_register};
use super::{BIAS, Class, Control, INTEGER_BIT, Mode, Outcome, QUIET_BIT, Unpacked, exception, unpack, zero};
use crate::F80;

/// A single-precision number, extended. A denormal raises DE; a signaling NaN stays one.
pub(crate) fn from_single(bits: u32) -> Outcome {
    extend(bits >> 31 != 0, (bits >> 23 & 0xff) as i32, u64::from(bits & 0x7f_ffff) << 40, Format::SINGLE)
}

/// A double-precision number, extended.
pub(crate) fn from_double(bits: u64) -> Outcome {
    extend(bits >> 63 != 0, (bits >> 52 & 0x7ff) as i32, (bits & 0xf_ffff_ffff_ffff) << 11, Format::DOUBLE)
}

/// `fraction` stands below the integer bit.
fn extend(negative: bool, biased: i32, fraction: u64, format: Format) -> Outcome {
    let sign = u16::from(negative) << 15;
    if biased == 2 * format.max_exponent + 1 {
        return Outcome::exact(F80 { sign_exponent: sign | 0x7fff, significand: INTEGER_BIT | fraction });
    }
    if biased == 0 {
        if fraction == 0 {
            return Outcome::exact(zero(negative));
        }
        let shift = fraction.leading_zeros();
        let exponent = format.min_exponent - shift as i32;
        let value = F80 { sign_exponent: sign | (exponent + BIAS) as u16, significand: fraction << shift };
        return Outcome::exact(value).with(exception::DENORMAL);
    }
    let exponent = biased - format.max_exponent;
    Outcome::exact(F80 {
        sign_exponent: sign | (exponent + BIAS) as u16,
        significand: INTEGER_BIT | fraction,
    })
}

/// A signed integer; every one of 64 bits is exact.
pub(crate) fn from_integer(value: i64) -> F80 {
    if value == 0 {
        return zero(false);
    }
    let magnitude = value.unsigned_abs();
    let shift = magnitude.leading_zeros();
    let sign = u16::from(value < 0) << 15;
    F80 { sign_exponent: sign | (BIAS + 63 - shift as i32) as u16, significand: magnitude << shift }
}

/// A value in a format of memory, with exceptions and C1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stored {
    pub(crate) bits: u64,
    pub(crate) flags: u16,
    pub(crate) up: bool,
}

/// Single precision.
pub(crate) fn to_single(value: F80, control: Control) -> Stored {
    narrow(value, Format::SINGLE, control)
}

/// Double precision.
pub(crate) fn to_double(value: F80, control: Control) -> Stored {
    narrow(value, Format::DOUBLE, control)
}

fn narrow(value: F80, format: Format, control: Control) -> Stored {
    let fraction_bits = format.precision - 1;
    let top = if format == Format::SINGLE { 31 } else { 63 };
    let special = (2 * format.max_exponent + 1) as u64;
    let operand = unpack(value);
    let sign = u64::from(operand.negative) << top;
    let exact = |bits, flags| Stored { bits, flags, up: false };
    let fraction = |significand: u64| (significand & !INTEGER_BIT) >> (63 - fraction_bits);
    match operand.class {
        Class::Zero => exact(sign, 0),
        Class::Infinity => exact(sign | special << fraction_bits, 0),
        Class::QuietNan | Class::SignalingNan => {
            let flags = if operand.class == Class::SignalingNan { exception::INVALID } else { 0 };
            exact(sign | special << fraction_bits | fraction(value.significand | QUIET_BIT), flags)
        }
        Class::Unsupported => {
            exact(1 << top | special << fraction_bits | fraction(QUIET_BIT), exception::INVALID)
        }
        Class::Finite => {
            let wide = u128::from(operand.significand) << 64;
            let Rounded { exponent, significand, flags, up } =
                round(operand.negative, operand.exponent, wide, format, control);
            // A denormal stores exponent 0 and no integer bit; infinity has the exponent after the largest.
            let biased =
                if significand & INTEGER_BIT == 0 { 0 } else { (exponent + format.max_exponent) as u64 };
            Stored { bits: sign | biased << fraction_bits | fraction(significand), flags, up }
        }
    }
}

/// The magnitude of a finite operand rounded to an integer: None if it needs more than 64 bits.
fn magnitude(operand: &Unpacked, mode: Mode) -> Option<(u64, bool, bool)> {
    if operand.exponent > 63 {
        return None;
    }
    // 64 bits of integer, 64 of fraction with a sticky end.
    let wide = u128::from(operand.significand) << 64;
    let aligned = super::round::shift_right_sticky(wide, (63 - operand.exponent) as u32);
    let (whole, rest) = ((aligned >> 64) as u64, aligned as u64);
    let up = match mode {
        Mode::Nearest => rest > INTEGER_BIT || rest == INTEGER_BIT && whole & 1 != 0,
        Mode::Down => rest != 0 && operand.negative,
        Mode::Up => rest != 0 && !operand.negative,
        Mode::Truncate => false,
    };
    Some((whole.checked_add(u64::from(up))?, rest != 0, up))
}

/// A signed integer of `bits` bits; what does not fit is IE and the integer indefinite.
pub(crate) fn to_integer(value: F80, bits: u32, mode: Mode) -> Stored {
    let operand = unpack(value);
    let indefinite = Stored { bits: 1 << (bits - 1), flags: exception::INVALID, up: false };
    match operand.class {
        Class::Zero => Stored { bits: 0, flags: 0, up: false },
        Class::Finite => {
            let limit = 1u64 << (bits - 1);
            match magnitude(&operand, mode) {
                Some((whole, inexact, up)) if whole < limit || whole == limit && operand.negative => Stored {
                    bits: if operand.negative { whole.wrapping_neg() } else { whole },
                    flags: if inexact { exception::PRECISION } else { 0 },
                    up,
                },
                _ => indefinite,
            }
        }
        _ => indefinite,
    }
}

/// FRNDINT
pub(crate) fn round_to_integer(value: F80, control: Control) -> Outcome {
    let operand = unpack(value);
    match operand.class {
        Class::Zero | Class::Infinity => Outcome::exact(value),
        Class::Finite => {
            let flags = super::denormal_flag(&[&operand]);
            let Some((whole, inexact, up)) =
                (operand.exponent < 63).then(|| magnitude(&operand, control.mode())).flatten()
            else {
                return Outcome::exact(value).with(flags);
            };
            let rounded = if whole == 0 {
                zero(operand.negative)
            } else {
                let shift = whole.leading_zeros();
                let exponent = BIAS + 63 - shift as i32;
                F80 {
                    sign_exponent: value.sign_exponent & 0x8000 | exponent as u16,
                    significand: whole << shift,
                }
            };
            let inexact = if inexact { exception::PRECISION } else { 0 };
            Outcome { value: rounded, flags: flags | inexact, up }
        }
        _ => super::nan_result(value, value).unwrap_or(Outcome::invalid()),
    }
}

/// Eighteen packed decimal digits and a sign; digits above 9 count as they are.
pub(crate) fn from_decimal(bytes: [u8; 10]) -> F80 {
    let mut magnitude: u64 = 0;
    for byte in bytes[..9].iter().rev() {
        magnitude = magnitude
            .wrapping_mul(100)
            .wrapping_add(u64::from(byte >> 4) * 10)
            .wrapping_add(u64::from(byte & 15));
    }
    let negative = bytes[9] & 0x80 != 0;
    if magnitude == 0 {
        return zero(negative);
    }
    let shift = magnitude.leading_zeros();
    let sign = u16::from(negative) << 15;
    F80 { sign_exponent: sign | (BIAS + 63 - shift as i32) as u16, significand: magnitude << shift }
}

/// Packed decimal; what has more than eighteen digits is IE and the decimal indefinite.
pub(crate) fn to_decimal(value: F80, mode: Mode) -> ([u8; 10], u16, bool) {
    const LIMIT: u64 = 1_000_000_000_000_000_000;
    let operand = unpack(value);
    let rounded = match operand.class {
        Class::Zero => Some((0, false, false)),
        Class::Finite => magnitude(&operand, mode).filter(|(whole, ..)| *whole < LIMIT),
        _ => None,
    };
    let Some((mut whole, inexact, up)) = rounded else {
        return ([0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff], exception::INVALID, false);
    };
    let mut bytes = [0; 10];
    for byte in &mut bytes[..9] {
        *byte = (whole % 10) as u8 | ((whole / 10 % 10) as u8) << 4;
        whole /= 100;
    }
    bytes[9] = u8::from(operand.negative) << 7;
    (bytes, if inexact { exception::PRECISION } else { 0 }, up)
}

/// FSCALE: `value` x 2^trunc(`scale`).
pub(crate) fn scale(value: F80, scale: F80, control: Control) -> Outcome {
    let (a, b) = (unpack(value), unpack(scale));
    let flags = super::denormal_flag(&[&a, &b]);
    match (a.class, b.class) {
        (Class::Zero | Class::Finite, Class::Zero) => match a.class {
            Class::Zero => Outcome::exact(value),
            _ => scaled(&a, 0, control).with(flags),
        },
        (Class::Finite, Class::Finite) => scaled(&a, steps(&b), control).with(flags),
        (Class::Zero, Class::Finite) => Outcome::exact(value).with(flags),
        (Class::Infinity, Class::Zero | Class::Finite) => Outcome::exact(value).with(flags),
        (Class::Zero, Class::Infinity) if !b.negative => Outcome::invalid(),
        (Class::Infinity, Class::Infinity) if b.negative => Outcome::invalid(),
        (Class::Zero | Class::Finite, Class::Infinity) if b.negative => {
            Outcome::exact(zero(a.negative)).with(flags)
        }
        (Class::Finite | Class::Infinity, Class::Infinity) => {
            Outcome::exact(super::infinity(a.negative)).with(flags)
        }
        _ => super::nan_result(value, scale).unwrap_or(Outcome::invalid()),
    }
}

/// The integer part of a scale, cut to where every result is the same.
fn steps(scale: &Unpacked) -> i32 {
    const ENOUGH: i64 = 0x1_0000;
    let magnitude = match scale.exponent {
        ..0 => 0,
        0..=30 => (scale.significand >> (63 - scale.exponent)) as i64,
        _ => ENOUGH,
    };
    let magnitude = magnitude.min(ENOUGH) as i32;
    if scale.negative { -magnitude } else { magnitude }
}

fn scaled(operand: &Unpacked, steps: i32, control: Control) -> Outcome {
    let wide = u128::from(operand.significand) << 64;
    round_to_register(operand.negative, operand.exponent + steps, wide, control.full())
}
