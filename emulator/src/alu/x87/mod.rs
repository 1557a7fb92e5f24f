//! Extended-precision arithmetic as the x87 does it: 80 bits wide, with precision and rounding control, the six
//! exceptions, and C1. Integers only, so that every host computes the same.

pub(crate) mod arithmetic;
pub(crate) mod convert;
pub(crate) mod remainder;
mod round;
pub(crate) mod transcendental;
mod wide;

use crate::F80;

/// Exception flags as in the status word (SDM Vol. 1, 8.1.3).
pub(crate) mod exception {
    /// Invalid operation.
    pub(crate) const INVALID: u16 = 1;
    /// Denormal operand.
    pub(crate) const DENORMAL: u16 = 2;
    /// Division by zero.
    pub(crate) const ZERO_DIVIDE: u16 = 4;
    /// Overflow.
    pub(crate) const OVERFLOW: u16 = 8;
    /// Underflow.
    pub(crate) const UNDERFLOW: u16 = 16;
    /// Inexact result.
    pub(crate) const PRECISION: u16 = 32;
}

/// Bias of the exponent.
pub(crate) const BIAS: i32 = 16383;
/// Exponent of the smallest normal number.
pub(crate) const MIN_EXPONENT: i32 = -16382;
/// The integer bit.
pub(crate) const INTEGER_BIT: u64 = 1 << 63;
/// The bit that makes a NaN quiet.
pub(crate) const QUIET_BIT: u64 = 1 << 62;

/// What an invalid operation gives.
pub(crate) const INDEFINITE: F80 = F80 { sign_exponent: 0xffff, significand: 0xc000_0000_0000_0000 };

/// The kinds of operands (SDM Vol. 1, 8.2.2 and 4.8.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Zero,
    Finite,
    Infinity,
    QuietNan,
    SignalingNan,
    /// An encoding that no operation accepts: pseudo-NaN, pseudo-infinity, unnormal.
    Unsupported,
}

/// An operand taken apart. If finite, its value is `significand` x 2^(`exponent` - 63) with bit 63 set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpacked {
    pub(crate) class: Class,
    pub(crate) negative: bool,
    pub(crate) exponent: i32,
    pub(crate) significand: u64,
    /// Stored with the smallest exponent and not zero: DE.
    pub(crate) denormal: bool,
}

impl Unpacked {
    pub(crate) fn is_nan(&self) -> bool {
        matches!(self.class, Class::QuietNan | Class::SignalingNan)
    }
}

/// Takes an operand apart.
#[inline]
pub(crate) fn unpack(value: F80) -> Unpacked {
    let negative = value.sign_exponent & 0x8000 != 0;
    let biased = i32::from(value.sign_exponent & 0x7fff);
    let significand = value.significand;
    if biased != 0 && biased != 0x7fff && significand & INTEGER_BIT != 0 {
        return Unpacked {
            class: Class::Finite,
            negative,
            exponent: biased - BIAS,
            significand,
            denormal: false,
        };
    }
    let (class, denormal) = match biased {
        0 if significand == 0 => (Class::Zero, false),
        0 => (Class::Finite, true),
        _ if significand & INTEGER_BIT == 0 => (Class::Unsupported, false),
        _ if significand == INTEGER_BIT => (Class::Infinity, false),
        _ if significand & QUIET_BIT != 0 => (Class::QuietNan, false),
        _ => (Class::SignalingNan, false),
    };
    let shift = if denormal { significand.leading_zeros() } else { 0 };
    Unpacked {
        class,
        negative,
        exponent: MIN_EXPONENT - shift as i32,
        significand: significand << shift,
        denormal,
    }
}

/// Zero with a sign.
pub(crate) fn zero(negative: bool) -> F80 {
    F80 { sign_exponent: u16::from(negative) << 15, significand: 0 }
}

/// Infinity with a sign.
pub(crate) fn infinity(negative: bool) -> F80 {
    F80 { sign_exponent: u16::from(negative) << 15 | 0x7fff, significand: INTEGER_BIT }
}

/// How results are rounded and which exceptions are masked: the control word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Control(pub(crate) u16);

/// Rounding control (SDM Vol. 1, 4.8.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Nearest,
    Down,
    Up,
    Truncate,
}

impl Control {
    pub(crate) fn mode(self) -> Mode {
        [Mode::Nearest, Mode::Down, Mode::Up, Mode::Truncate][usize::from(self.0 >> 10 & 3)]
    }

    /// Bits in a significand; the reserved setting counts as the full precision.
    pub(crate) fn precision(self) -> u32 {
        [24, 64, 53, 64][usize::from(self.0 >> 8 & 3)]
    }

    pub(crate) fn masks(self, flag: u16) -> bool {
        self.0 & flag != 0
    }

    /// The same with full precision, for operations that precision control does not touch.
    pub(crate) fn full(self) -> Self {
        Self(self.0 | 0x300)
    }
}

/// A result with the exceptions that it raises and C1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) value: F80,
    pub(crate) flags: u16,
    /// C1: the magnitude was rounded up.
    pub(crate) up: bool,
}

impl Outcome {
    pub(crate) fn exact(value: F80) -> Self {
        Self { value, flags: 0, up: false }
    }

    pub(crate) fn invalid() -> Self {
        Self { value: INDEFINITE, flags: exception::INVALID, up: false }
    }

    pub(crate) fn with(self, flags: u16) -> Self {
        Self { flags: self.flags | flags, ..self }
    }
}

/// The result of an operation with at least one NaN or unsupported operand; None if there is none
/// (SDM Vol. 1, table 4-7).
pub(crate) fn nan_result(left: F80, right: F80) -> Option<Outcome> {
    let (a, b) = (unpack(left), unpack(right));
    if a.class == Class::Unsupported || b.class == Class::Unsupported {
        return Some(Outcome::invalid());
    }
    let chosen = match (a.is_nan(), b.is_nan()) {
        (false, false) => return None,
        (true, false) => left,
        (false, true) => right,
        (true, true) => match (a.class, b.class) {
            (Class::SignalingNan, Class::QuietNan) => right,
            (Class::QuietNan, Class::SignalingNan) => left,
            _ if a.significand != b.significand => {
                if a.significand > b.significand {
                    left
                } else {
                    right
                }
            }
            _ if a.negative => right,
            _ => left,
        },
    };
    let invalid = a.class == Class::SignalingNan || b.class == Class::SignalingNan;
    let value = F80 { significand: chosen.significand | QUIET_BIT, ..chosen };
    Some(Outcome { value, flags: if invalid { exception::INVALID } else { 0 }, up: false })
}

/// DE if an operand is denormal. Other exceptions of operands come first: the caller asks after them.
pub(crate) fn denormal_flag(operands: &[&Unpacked]) -> u16 {
    if operands.iter().any(|operand| operand.denormal) { exception::DENORMAL } else { 0 }
}
