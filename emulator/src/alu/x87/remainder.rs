//! FPREM, FPREM1 and FXTRACT. SDM Vol. 2A.

use super::round::round_to_register;
use super::{
    Class, Control, Outcome, Unpacked, denormal_flag, exception, infinity, nan_result, unpack, zero,
};
use crate::F80;

/// The remainder, or a step towards it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Remainder {
    pub(crate) outcome: Outcome,
    /// The low three bits of the quotient.
    pub(crate) quotient: u8,
    /// C2: the reduction is not complete.
    pub(crate) partial: bool,
    /// Both operands were numbers, so that there is a quotient.
    pub(crate) is_number: bool,
}

impl Remainder {
    fn invalid(outcome: Outcome) -> Self {
        Self { is_number: false, ..Self::complete(outcome) }
    }

    fn complete(outcome: Outcome) -> Self {
        Self { outcome, quotient: 0, partial: false, is_number: true }
    }
}

/// How the quotient is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Quotient {
    /// FPREM: towards zero.
    Truncated,
    /// FPREM1: to the nearest integer, as IEEE 754 has it.
    Nearest,
}

/// FPREM and FPREM1.
pub(crate) fn remainder(dividend: F80, divisor: F80, kind: Quotient, control: Control) -> Remainder {
    let (a, b) = (unpack(dividend), unpack(divisor));
    let flags = denormal_flag(&[&a, &b]);
    let mut result = match (a.class, b.class) {
        (Class::Finite, Class::Finite) => finite(&a, &b, kind, control),
        (Class::Infinity, Class::Zero | Class::Finite | Class::Infinity)
        | (Class::Zero | Class::Finite, Class::Zero) => return Remainder::invalid(Outcome::invalid()),
        (Class::Zero, Class::Finite | Class::Infinity) => Remainder::complete(Outcome::exact(dividend)),
        (Class::Finite, Class::Infinity) => Remainder::complete(exact(&a, a.negative, a.exponent, control)),
        _ => {
            return Remainder::invalid(nan_result(dividend, divisor).unwrap_or(Outcome::invalid()));
        }
    };
    result.outcome.flags |= flags;
    result
}

/// The operand's significand as a number again.
fn exact(operand: &Unpacked, negative: bool, exponent: i32, control: Control) -> Outcome {
    round_to_register(negative, exponent, u128::from(operand.significand) << 64, control.full())
}

fn finite(a: &Unpacked, b: &Unpacked, kind: Quotient, control: Control) -> Remainder {
    let distance = a.exponent - b.exponent;
    let divisor = u128::from(b.significand);
    if distance >= 64 {
        // A step takes off 32 to 63 bits of the distance.
        let taken = distance & 31 | 32;
        let rest = (u128::from(a.significand) << taken) % divisor;
        let outcome = pack(a.negative, rest, b.exponent + distance - taken, control);
        return Remainder { partial: true, ..Remainder::complete(outcome) };
    }
    if distance < -1 || distance == -1 && kind == Quotient::Truncated {
        return Remainder::complete(exact(a, a.negative, a.exponent, control));
    }
    // Both in units of the lower exponent: that of the divisor, or half of it.
    let (dividend, divisor, exponent) = if distance < 0 {
        (u128::from(a.significand), divisor << 1, a.exponent)
    } else {
        (u128::from(a.significand) << distance, divisor, b.exponent)
    };
    let (mut quotient, mut rest, mut negative) = (dividend / divisor, dividend % divisor, a.negative);
    if kind == Quotient::Nearest && (rest << 1 > divisor || rest << 1 == divisor && quotient & 1 != 0) {
        quotient += 1;
        rest = divisor - rest;
        negative = !negative;
    }
    let negative = if rest == 0 { a.negative } else { negative };
    let outcome = pack(negative, rest, exponent, control);
    Remainder { quotient: quotient as u8 & 7, ..Remainder::complete(outcome) }
}

/// `rest` x 2^(`exponent` - 63), which needs no rounding.
fn pack(negative: bool, rest: u128, exponent: i32, control: Control) -> Outcome {
    if rest == 0 {
        return Outcome::exact(zero(negative));
    }
    let shift = rest.leading_zeros();
    round_to_register(negative, exponent + 64 - shift as i32, rest << shift, control.full())
}

/// FXTRACT: exponent and significand of a number, as numbers.
pub(crate) fn extract(value: F80) -> (Outcome, Outcome) {
    let a = unpack(value);
    match a.class {
        Class::Zero => {
            let exponent = Outcome::exact(infinity(true)).with(exception::ZERO_DIVIDE);
            (exponent, Outcome::exact(value))
        }
        Class::Infinity => (Outcome::exact(infinity(false)), Outcome::exact(value)),
        Class::Finite => {
            let exponent = super::convert::from_integer(i64::from(a.exponent));
            let sign_exponent = value.sign_exponent & 0x8000 | super::BIAS as u16;
            let significand = F80 { sign_exponent, significand: a.significand };
            (Outcome::exact(exponent).with(denormal_flag(&[&a])), Outcome::exact(significand))
        }
        _ => {
            let result = nan_result(value, value).unwrap_or(Outcome::invalid());
            (result, result)
        }
    }
}
