//! The transcendental functions: computed with 128 bits and rounded once. SDM Vol. 1, 8.3.7 to 8.3.10.
//!
//! The trigonometric ones reduce their operand with the 66 bits of pi that processors have.

use super::wide::Wide;
use super::{
    Class, Control, Outcome, Unpacked, arithmetic, convert, denormal_flag, exception, infinity, nan_result,
    unpack, zero,
};
use crate::F80;

/// Half of pi in units of 2^-65.
const HALF_PI: u128 = 0x3_243f_6a88_85a3_08d3;
/// A number with this exponent has a square too small to be added to 1.
const NEGLIGIBLE: i32 = -66;
const ONE: F80 = F80 { sign_exponent: 0x3fff, significand: 1 << 63 };

/// Sine and cosine; None: the operand is too large (C2).
pub(crate) struct SineCosine {
    pub(crate) sine: Outcome,
    pub(crate) cosine: Outcome,
    /// Sine over cosine.
    pub(crate) tangent: Outcome,
}

/// FSIN, FCOS, FSINCOS and the first result of FPTAN.
pub(crate) fn sine_cosine(value: F80, control: Control) -> Option<SineCosine> {
    let a = unpack(value);
    match a.class {
        Class::Zero => {
            let (same, one) = (Outcome::exact(value), Outcome::exact(ONE));
            return Some(SineCosine { sine: same, cosine: one, tangent: same });
        }
        Class::Infinity => return Some(all(Outcome::invalid())),
        Class::Finite => {}
        _ => return Some(all(nan_result(value, value).unwrap_or(Outcome::invalid()))),
    }
    if a.exponent >= 63 {
        return None;
    }
    let flags = denormal_flag(&[&a]);
    let (quadrant, rest) = reduce(&a);
    let (sine, cosine) = (sine(rest), cosine(rest));
    let (sine, cosine) = match quadrant & 3 {
        0 => (sine, cosine),
        1 => (cosine, sine.negated()),
        2 => (sine.negated(), cosine.negated()),
        _ => (cosine.negated(), sine),
    };
    // The sine is odd: the sign was left out of the reduction.
    let sine = if a.negative { sine.negated() } else { sine };
    // The series of the tangent grows: its second term counts as the bits below the first.
    let tangent = if a.exponent < NEGLIGIBLE { Wide::of(&a) } else { sine.divided_by(cosine) };
    Some(SineCosine {
        sine: sine.rounded(control).with(flags),
        cosine: cosine.rounded(control).with(flags),
        tangent: tangent.rounded(control).with(flags),
    })
}

fn all(outcome: Outcome) -> SineCosine {
    SineCosine { sine: outcome, cosine: outcome, tangent: outcome }
}

/// The magnitude of the operand less the nearest multiple of half of pi, and that multiple.
fn reduce(a: &Unpacked) -> (u32, Wide) {
    if a.exponent < -1 {
        return (0, Wide::of(a).magnitude());
    }
    let units = u128::from(a.significand) << (a.exponent + 2);
    let (quotient, rest) = (units / HALF_PI, units % HALF_PI);
    if rest > HALF_PI / 2 {
        (quotient as u32 + 1, Wide::of_integer(true, HALF_PI - rest, -65))
    } else {
        (quotient as u32, Wide::of_integer(false, rest, -65))
    }
}

/// The sum of a power series: each term is the one before times `factor` over what `divisor` says for its number.
fn series(first: Wide, factor: Wide, divisor: impl Fn(u32) -> u32) -> Wide {
    let (mut sum, mut term) = (first, first);
    for number in 1.. {
        term = term.times(factor).over(divisor(number));
        if term.is_zero() || term.exponent < sum.exponent - 130 {
            break;
        }
        sum = sum.plus(term);
    }
    sum
}

fn sine(x: Wide) -> Wide {
    if x.exponent < NEGLIGIBLE {
        return x.slightly_less();
    }
    series(x, x.times(x).negated(), |n| 2 * n * (2 * n + 1))
}

fn cosine(x: Wide) -> Wide {
    series(Wide::ONE, x.times(x).negated(), |n| 2 * n * (2 * n - 1))
}

/// The series of the inverse tangents: x + f x^3 / 3 + f^2 x^5 / 5..., where f is -1 or 1.
fn inverse_series(x: Wide, negated: bool) -> Wide {
    let square = x.times(x);
    let factor = if negated { square.negated() } else { square };
    let (mut sum, mut power) = (x, x);
    for number in 1.. {
        power = power.times(factor);
        if power.is_zero() || power.exponent < sum.exponent - 130 {
            break;
        }
        sum = sum.plus(power.over(2 * number + 1));
    }
    sum
}

/// F2XM1: 2^x - 1 for x from -1 to 1. Outside, where the architecture leaves it undefined, x stays.
pub(crate) fn power_minus_one(value: F80, control: Control) -> Outcome {
    let a = unpack(value);
    match a.class {
        Class::Zero => return Outcome::exact(value),
        Class::Infinity if a.negative => return Outcome::exact(F80 { sign_exponent: 0xbfff, ..ONE }),
        Class::Infinity => return Outcome::exact(value),
        Class::Finite => {}
        _ => return nan_result(value, value).unwrap_or(Outcome::invalid()),
    }
    let flags = denormal_flag(&[&a]);
    if a.exponent >= 0 {
        // Processors take the exact results for 1 and -1 for inexact too, and compute the first from below.
        let is_one = a.exponent == 0 && a.significand == ONE.significand;
        let outcome = match (is_one, a.negative) {
            (true, false) => Wide::ONE.slightly_less().rounded(control),
            (true, true) => Outcome::exact(F80 { sign_exponent: 0xbffe, ..ONE }),
            (false, _) => Outcome::exact(value),
        };
        return outcome.with(exception::PRECISION);
    }
    let exponent = Wide::of(&a).times(Wide::LN_2);
    series(exponent, exponent, |n| n + 1).rounded(control).with(flags)
}

/// The logarithm to base 2 of a positive number that is not a power of 2.
fn log2(x: Wide) -> Wide {
    // 181 / 256 is about the root of a half: the rest lies between it and the root of 2.
    let upper = x.significand >> 120 >= 181;
    let steps = if upper { x.exponent + 1 } else { x.exponent };
    let rest = Wide { exponent: x.exponent - steps, ..x };
    let ratio = rest.plus(Wide::ONE.negated()).divided_by(rest.plus(Wide::ONE));
    let fraction = inverse_series(ratio, false).scaled(1).times(Wide::LOG2_E);
    Wide::of_integer(steps < 0, u128::from(steps.unsigned_abs()), 0).plus(fraction)
}

/// FYL2X: `y` x log2(`x`).
pub(crate) fn y_log2_x(y: F80, x: F80, control: Control) -> Outcome {
    let (a, b) = (unpack(x), unpack(y));
    if let Some(outcome) = nan_result(y, x) {
        return outcome;
    }
    let flags = denormal_flag(&[&a, &b]);
    if a.negative && a.class != Class::Zero {
        return Outcome::invalid();
    }
    match (a.class, b.class) {
        (Class::Zero, Class::Zero) => Outcome::invalid(),
        (Class::Zero, Class::Infinity) => Outcome::exact(infinity(!b.negative)),
        // Division by zero comes before a denormal factor.
        (Class::Zero, _) => Outcome::exact(infinity(!b.negative)).with(exception::ZERO_DIVIDE),
        (Class::Infinity, Class::Zero) => Outcome::invalid(),
        (Class::Infinity, _) => Outcome::exact(infinity(b.negative)).with(flags),
        _ if a.significand == ONE.significand => {
            let power = convert::from_integer(i64::from(a.exponent));
            if b.class == Class::Infinity {
                return if a.exponent == 0 {
                    Outcome::invalid()
                } else {
                    Outcome::exact(infinity(b.negative != (a.exponent < 0))).with(flags)
                };
            }
            if a.exponent == 0 {
                return Outcome::exact(zero(b.negative)).with(flags);
            }
            // Processors take the logarithm of a power of two for inexact too.
            let inexact = if b.class == Class::Zero { 0 } else { exception::PRECISION };
            arithmetic::multiply(y, power, control.full()).with(flags | inexact)
        }
        (_, Class::Zero) => Outcome::exact(zero(b.negative != (a.exponent < 0))).with(flags),
        (_, Class::Infinity) => Outcome::exact(infinity(b.negative != (a.exponent < 0))).with(flags),
        _ => log2(Wide::of(&a)).times(Wide::of(&b)).rounded(control).with(flags),
    }
}

/// FYL2XP1: `y` x log2(`x` + 1).
pub(crate) fn y_log2_x_plus_one(y: F80, x: F80, control: Control) -> Outcome {
    let (a, b) = (unpack(x), unpack(y));
    if let Some(outcome) = nan_result(y, x) {
        return outcome;
    }
    let flags = denormal_flag(&[&a, &b]);
    let negative = a.negative != b.negative;
    match (a.class, b.class) {
        (Class::Zero, Class::Infinity) => Outcome::invalid(),
        (Class::Zero, _) => Outcome::exact(zero(negative)).with(flags),
        (Class::Infinity, _) if a.negative => Outcome::invalid(),
        (Class::Infinity, Class::Zero) => Outcome::invalid(),
        (Class::Infinity, _) => Outcome::exact(infinity(b.negative)).with(flags),
        (_, Class::Zero) => Outcome::exact(zero(negative)).with(flags),
        (_, Class::Infinity) => Outcome::exact(infinity(negative)).with(flags),
        // Undefined by the architecture: processors give the operand back.
        _ if a.negative && a.exponent >= 0 => Outcome::exact(x).with(exception::PRECISION | flags),
        _ => {
            let (x, y) = (Wide::of(&a), Wide::of(&b));
            let logarithm = if a.exponent < -1 {
                let ratio = x.divided_by(x.plus(Wide::ONE.scaled(1)));
                inverse_series(ratio, false).scaled(1).times(Wide::LOG2_E)
            } else {
                log2(x.plus(Wide::ONE))
            };
            logarithm.times(y).rounded(control).with(flags)
        }
    }
}

/// FPATAN: the angle of the point (`x`, `y`).
pub(crate) fn arctangent(y: F80, x: F80, control: Control) -> Outcome {
    let (a, b) = (unpack(x), unpack(y));
    if let Some(outcome) = nan_result(y, x) {
        return outcome;
    }
    let flags = denormal_flag(&[&a, &b]);
    let sign = |angle: Wide| Wide { negative: b.negative, ..angle }.rounded(control).with(flags);
    let (pi, quarter, half) = (Wide::PI, Wide::PI.scaled(-2), Wide::PI.scaled(-1));
    match (b.class, a.class) {
        (Class::Zero, _) | (Class::Finite, Class::Infinity) if !a.negative => {
            Outcome::exact(zero(b.negative)).with(flags)
        }
        (Class::Zero, _) | (Class::Finite, Class::Infinity) => sign(pi),
        (Class::Infinity, Class::Infinity) if a.negative => sign(pi.plus(quarter.negated())),
        (Class::Infinity, Class::Infinity) => sign(quarter),
        (Class::Infinity, _) | (_, Class::Zero) => sign(half),
        _ => {
            let (x, y) = (Wide::of(&a).magnitude(), Wide::of(&b).magnitude());
            let steep = (y.exponent, y.significand) > (x.exponent, x.significand);
            let slope = if steep { x.divided_by(y) } else { y.divided_by(x) };
            let angle = arctangent_below_one(slope);
            let angle = if steep { half.plus(angle.negated()) } else { angle };
            sign(if a.negative { pi.plus(angle.negated()) } else { angle })
        }
    }
}

/// The arctangent of a number from 0 to 1.
fn arctangent_below_one(slope: Wide) -> Wide {
    if slope.exponent < NEGLIGIBLE {
        return slope.slightly_less();
    }
    if slope.exponent < -2 {
        return inverse_series(slope, true);
    }
    // The angle less that of 1/2, then the series again: arctan a - arctan b = arctan((a - b) / (1 + a b)).
    let half = Wide::ONE.scaled(-1);
    let difference = slope.plus(half.negated());
    let rest = difference.divided_by(Wide::ONE.plus(slope.times(half)));
    inverse_series(half, true).plus(inverse_series(rest, true))
}
