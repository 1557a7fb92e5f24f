//! The one place that rounds: to a precision, into a range of exponents, with underflow and overflow.

use super::{BIAS, Control, INTEGER_BIT, MIN_EXPONENT, Mode, Outcome, exception, infinity, zero};
use crate::F80;

/// A destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    /// Bits in a significand, the integer bit included.
    pub(crate) precision: u32,
    /// Exponent of the smallest normal number.
    pub(crate) min_exponent: i32,
    /// Exponent of the largest number.
    pub(crate) max_exponent: i32,
}

impl Format {
    pub(crate) const SINGLE: Self = Self { precision: 24, min_exponent: -126, max_exponent: 127 };
    pub(crate) const DOUBLE: Self = Self { precision: 53, min_exponent: -1022, max_exponent: 1023 };

    /// A register, under precision control.
    pub(crate) fn register(control: Control) -> Self {
        Self { precision: control.precision(), min_exponent: MIN_EXPONENT, max_exponent: BIAS }
    }
}

/// A rounded magnitude.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rounded {
    /// Exponent of bit 63, also of a denormal; `max_exponent + 1` stands for infinity.
    pub(crate) exponent: i32,
    /// The significand at the top of 64 bits; bit 63 is clear in a denormal or zero.
    pub(crate) significand: u64,
    pub(crate) flags: u16,
    pub(crate) up: bool,
}

/// Rounds `wide` to its upper `precision` bits. Returns them at the top of 64 bits, whether a carry went out of the
/// top, whether bits were lost, and whether the magnitude was rounded up.
fn cut(wide: u128, precision: u32, mode: Mode, negative: bool) -> (u64, bool, bool, bool) {
    let dropped = 128 - precision;
    let kept = (wide >> dropped) as u64;
    let rest = wide << precision;
    if rest == 0 {
        return (kept << (64 - precision), false, false, false);
    }
    const HALF: u128 = 1 << 127;
    let up = match mode {
        Mode::Nearest => rest > HALF || rest == HALF && kept & 1 != 0,
        Mode::Down => negative,
        Mode::Up => !negative,
        Mode::Truncate => false,
    };
    let (sum, mut carry) = kept.overflowing_add(u64::from(up));
    carry |= precision < 64 && sum >> precision != 0;
    (sum << (64 - precision), carry, true, up)
}

/// Rounds the magnitude `wide` x 2^(`exponent` - 127), bit 127 of `wide` set, its lowest bit sticky.
#[inline(always)] // Into `round_to_register` above all, through which nearly every instruction goes.
pub(crate) fn round(negative: bool, exponent: i32, wide: u128, format: Format, control: Control) -> Rounded {
    let mode = control.mode();
    let (significand, carry, inexact, up) = cut(wide, format.precision, mode, negative);
    let (significand, rounded_exponent) =
        if carry { (INTEGER_BIT, exponent + 1) } else { (significand, exponent) };
    let mut flags = if inexact { exception::PRECISION } else { 0 };
    if rounded_exponent < format.min_exponent {
        // Tiny, after rounding as if the exponent had no bound.
        if !control.masks(exception::UNDERFLOW) {
            return Rounded {
                exponent: rounded_exponent,
                significand,
                flags: flags | exception::UNDERFLOW,
                up,
            };
        }
        return denormal(negative, exponent, wide, format, mode);
    }
    if exponent < format.min_exponent {
        // Not tiny after rounding, but stored from the denormal range: the same bits come out.
        return denormal(negative, exponent, wide, format, mode).without_underflow();
    }
    if rounded_exponent > format.max_exponent {
        flags |= exception::OVERFLOW;
        if control.masks(exception::OVERFLOW) {
            return overflow(negative, format, mode);
        }
    }
    Rounded { exponent: rounded_exponent, significand, flags, up }
}

impl Rounded {
    fn without_underflow(self) -> Self {
        Self { flags: self.flags & !exception::UNDERFLOW, ..self }
    }
}

/// Rounds where the smallest exponent is the exponent.
fn denormal(negative: bool, exponent: i32, wide: u128, format: Format, mode: Mode) -> Rounded {
    let shifted = shift_right_sticky(wide, (format.min_exponent - exponent) as u32);
    let (significand, carry, inexact, up) = cut(shifted, format.precision, mode, negative);
    let significand = if carry { INTEGER_BIT } else { significand };
    let flags = if inexact { exception::PRECISION | exception::UNDERFLOW } else { 0 };
    Rounded { exponent: format.min_exponent, significand, flags, up }
}

/// The masked answer to overflow: infinity, or the largest number if the direction does not lead there.
fn overflow(negative: bool, format: Format, mode: Mode) -> Rounded {
    let up = match mode {
        Mode::Nearest => true,
        Mode::Down => negative,
        Mode::Up => !negative,
        Mode::Truncate => false,
    };
    let flags = exception::OVERFLOW | exception::PRECISION;
    if up {
        Rounded { exponent: format.max_exponent + 1, significand: INTEGER_BIT, flags, up }
    } else {
        let significand = u64::MAX << (64 - format.precision);
        Rounded { exponent: format.max_exponent, significand, flags, up }
    }
}

/// Shifts right; a lost bit stays as the lowest one.
pub(crate) fn shift_right_sticky(wide: u128, shift: u32) -> u128 {
    match shift {
        0 => wide,
        1..=127 => wide >> shift | u128::from(wide << (128 - shift) != 0),
        _ => u128::from(wide != 0),
    }
}

/// FSCALE can leave the range of exponents so far that the adjustment does not bring its result back: infinity or zero
/// then, in every rounding mode.
#[cold]
fn beyond(negative: bool, exception: u16) -> Outcome {
    let overflows = exception == exception::OVERFLOW;
    let value = if overflows { infinity(negative) } else { zero(negative) };
    Outcome { value, flags: exception | exception::PRECISION, up: overflows }
}

/// Rounds into a register: as [`round`], packed, with the biased exponent that an unmasked underflow or overflow
/// leaves there (SDM Vol. 1, 8.5.4 and 8.5.5).
#[inline(never)]
pub(crate) fn round_to_register(negative: bool, exponent: i32, wide: u128, control: Control) -> Outcome {
    const ADJUSTMENT: i32 = 24576;
    let rounded = round(negative, exponent, wide, Format::register(control), control);
    let Rounded { mut exponent, significand, flags, up } = rounded;
    if flags & exception::UNDERFLOW != 0 && !control.masks(exception::UNDERFLOW) {
        exponent += ADJUSTMENT;
        if exponent < MIN_EXPONENT {
            return beyond(negative, exception::UNDERFLOW);
        }
    }
    if flags & exception::OVERFLOW != 0 && !control.masks(exception::OVERFLOW) {
        exponent -= ADJUSTMENT;
        if exponent > BIAS {
            return beyond(negative, exception::OVERFLOW);
        }
    }
    if exponent > BIAS {
        return Outcome { value: infinity(negative), flags, up };
    }
    let biased = if significand & INTEGER_BIT == 0 { 0 } else { (exponent + BIAS) as u16 & 0x7fff };
    let sign_exponent = u16::from(negative) << 15 | biased;
    Outcome { value: F80 { sign_exponent, significand }, flags, up }
}
