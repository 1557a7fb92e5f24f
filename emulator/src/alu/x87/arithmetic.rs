//! Addition, multiplication, division, square root, comparison. SDM Vol. 1, 8.3.5.

use super::round::{round_to_register, shift_right_sticky};
use super::{
    Class, Control, Mode, Outcome, Unpacked, denormal_flag, exception, infinity, nan_result, unpack, zero,
};
use crate::F80;

/// FADD
pub(crate) fn add(left: F80, right: F80, control: Control) -> Outcome {
    sum(left, right, false, control)
}

/// FSUB
pub(crate) fn subtract(left: F80, right: F80, control: Control) -> Outcome {
    sum(left, right, true, control)
}

/// FSUBR
pub(crate) fn subtract_reversed(left: F80, right: F80, control: Control) -> Outcome {
    sum(right, left, true, control)
}

/// FDIVR
pub(crate) fn divide_reversed(left: F80, right: F80, control: Control) -> Outcome {
    divide(right, left, control)
}

fn sum(left: F80, right: F80, subtracts: bool, control: Control) -> Outcome {
    let (a, mut b) = (unpack(left), unpack(right));
    b.negative ^= subtracts;
    let flags = denormal_flag(&[&a, &b]);
    match (a.class, b.class) {
        (Class::Finite, Class::Finite) => finite_sum(&a, &b, control).with(flags),
        (Class::Zero, Class::Zero) => {
            let negative = if a.negative == b.negative { a.negative } else { control.mode() == Mode::Down };
            Outcome::exact(zero(negative))
        }
        (Class::Finite, Class::Zero) => rounded(&a, control).with(flags),
        (Class::Zero, Class::Finite) => rounded(&b, control).with(flags),
        (Class::Infinity, Class::Infinity) if a.negative != b.negative => Outcome::invalid(),
        (Class::Infinity, Class::Zero | Class::Finite | Class::Infinity) => {
            Outcome::exact(infinity(a.negative)).with(flags)
        }
        (Class::Zero | Class::Finite, Class::Infinity) => Outcome::exact(infinity(b.negative)).with(flags),
        _ => nan_result(left, right).unwrap_or(Outcome::invalid()),
    }
}

/// A finite operand, rounded to the precision in force.
fn rounded(operand: &Unpacked, control: Control) -> Outcome {
    round_to_register(operand.negative, operand.exponent, u128::from(operand.significand) << 64, control)
}

fn finite_sum(a: &Unpacked, b: &Unpacked, control: Control) -> Outcome {
    let (large, small) =
        if (a.exponent, a.significand) >= (b.exponent, b.significand) { (a, b) } else { (b, a) };
    let distance = (large.exponent - small.exponent) as u32;
    // One bit is left free at the top for the carry.
    let left = u128::from(large.significand) << 63;
    let right = shift_right_sticky(u128::from(small.significand) << 63, distance);
    let magnitude = if large.negative == small.negative { left + right } else { left - right };
    if magnitude == 0 {
        return Outcome::exact(zero(control.mode() == Mode::Down));
    }
    let shift = magnitude.leading_zeros();
    round_to_register(large.negative, large.exponent + 1 - shift as i32, magnitude << shift, control)
}

/// FMUL
pub(crate) fn multiply(left: F80, right: F80, control: Control) -> Outcome {
    let (a, b) = (unpack(left), unpack(right));
    let negative = a.negative != b.negative;
    let flags = denormal_flag(&[&a, &b]);
    match (a.class, b.class) {
        (Class::Finite, Class::Finite) => {
            let product = u128::from(a.significand) * u128::from(b.significand);
            let shift = product.leading_zeros();
            let exponent = a.exponent + b.exponent + 1 - shift as i32;
            round_to_register(negative, exponent, product << shift, control).with(flags)
        }
        (Class::Zero, Class::Infinity) | (Class::Infinity, Class::Zero) => Outcome::invalid(),
        (Class::Zero, Class::Finite | Class::Zero) | (Class::Finite, Class::Zero) => {
            Outcome::exact(zero(negative)).with(flags)
        }
        (Class::Infinity, Class::Finite | Class::Infinity) | (Class::Finite, Class::Infinity) => {
            Outcome::exact(infinity(negative)).with(flags)
        }
        _ => nan_result(left, right).unwrap_or(Outcome::invalid()),
    }
}

/// FDIV
pub(crate) fn divide(left: F80, right: F80, control: Control) -> Outcome {
    let (a, b) = (unpack(left), unpack(right));
    let negative = a.negative != b.negative;
    let flags = denormal_flag(&[&a, &b]);
    match (a.class, b.class) {
        (Class::Finite, Class::Finite) => {
            let (exponent, quotient) = finite_quotient(&a, &b);
            round_to_register(negative, exponent, quotient, control).with(flags)
        }
        (Class::Zero, Class::Zero) | (Class::Infinity, Class::Infinity) => Outcome::invalid(),
        // Division by zero comes before a denormal dividend.
        (Class::Finite, Class::Zero) => Outcome::exact(infinity(negative)).with(exception::ZERO_DIVIDE),
        (Class::Infinity, Class::Zero | Class::Finite) => Outcome::exact(infinity(negative)).with(flags),
        (Class::Zero, Class::Finite | Class::Infinity) | (Class::Finite, Class::Infinity) => {
            Outcome::exact(zero(negative)).with(flags)
        }
        _ => nan_result(left, right).unwrap_or(Outcome::invalid()),
    }
}

/// The quotient of two finite operands: exponent and significand at the top of 128 bits, sticky.
fn finite_quotient(a: &Unpacked, b: &Unpacked) -> (i32, u128) {
    let divisor = u128::from(b.significand);
    let dividend = u128::from(a.significand) << 64;
    let (high, rest) = (dividend / divisor, dividend % divisor);
    // 64 or 65 bits of quotient, one more, and whether anything is left.
    let below = rest << 1 >= divisor;
    let exact = rest << 1 == if below { divisor } else { 0 };
    let quotient = high << 62 | u128::from(below) << 61 | u128::from(!exact);
    let shift = quotient.leading_zeros();
    (a.exponent - b.exponent + 1 - shift as i32, quotient << shift)
}

/// FSQRT
pub(crate) fn square_root(operand: F80, control: Control) -> Outcome {
    let a = unpack(operand);
    match a.class {
        Class::Zero => Outcome::exact(operand),
        Class::Infinity if !a.negative => Outcome::exact(operand),
        Class::Finite if !a.negative => {
            let odd = a.exponent & 1 != 0;
            let radicand = u128::from(a.significand) << if odd { 64 } else { 63 };
            let root = radicand.isqrt();
            let rest = radicand - root * root;
            // The bit below the root is set if the rest is above the root itself.
            let wide = root << 64 | u128::from(rest > root) << 63 | u128::from(rest != 0);
            round_to_register(false, a.exponent >> 1, wide, control).with(denormal_flag(&[&a]))
        }
        Class::Finite | Class::Infinity => Outcome::invalid(),
        _ => nan_result(operand, operand).unwrap_or(Outcome::invalid()),
    }
}

/// How two operands compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ordering {
    Less,
    Equal,
    Greater,
    Unordered,
}

/// Compares; `quiet` (FUCOM) does not raise IE for a quiet NaN. Returns the exceptions too.
pub(crate) fn compare(left: F80, right: F80, quiet: Quiet) -> (Ordering, u16) {
    let (a, b) = (unpack(left), unpack(right));
    let classes = [a.class, b.class];
    if classes.contains(&Class::Unsupported) || classes.contains(&Class::SignalingNan) {
        return (Ordering::Unordered, exception::INVALID);
    }
    if classes.contains(&Class::QuietNan) {
        let flags = if quiet == Quiet::Yes { 0 } else { exception::INVALID };
        return (Ordering::Unordered, flags);
    }
    let key = |operand: &Unpacked| -> (i32, i32, i128) {
        let sign = if operand.negative { -1 } else { 1 };
        match operand.class {
            Class::Zero => (0, 0, 0),
            Class::Infinity => (sign, sign * i32::MAX, 0),
            _ => {
                (sign, sign * (operand.exponent + 40000), i128::from(sign) * i128::from(operand.significand))
            }
        }
    };
    let ordering = match key(&a).cmp(&key(&b)) {
        std::cmp::Ordering::Less => Ordering::Less,
        std::cmp::Ordering::Equal => Ordering::Equal,
        std::cmp::Ordering::Greater => Ordering::Greater,
    };
    (ordering, denormal_flag(&[&a, &b]))
}

/// Whether a comparison takes quiet NaNs silently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Quiet {
    Yes,
    No,
}
