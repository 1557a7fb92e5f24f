//! Makes functions of vectors out of functions of floating-point numbers.

use super::arithmetic::holds;
use super::format::{Environment, F32, F64, Format};
use super::integer::{Lane, lane, low_of, vector};

impl Lane for F32 {
    const BITS: u32 = 32;
    fn low(vector: u128) -> Self {
        Self(vector as u32)
    }
    fn wide(self) -> u128 {
        self.0.into()
    }
}

impl Lane for F64 {
    const BITS: u32 = 64;
    fn low(vector: u128) -> Self {
        Self(vector as u64)
    }
    fn wide(self) -> u128 {
        self.0.into()
    }
}

/// `f` on each pair of lanes.
pub(crate) fn packed<F: Format + Lane>(
    f: impl Fn(&mut Environment, F, F) -> F + Copy,
) -> impl Fn(&mut Environment, u128, u128) -> u128 + Copy {
    move |e, a, b| vector(128 / F::BITS, |i| f(e, lane(a, i), lane(b, i)))
}

/// `f` on the lowest lanes; the others are those of the first operand.
pub(crate) fn scalar<F: Format + Lane>(
    f: impl Fn(&mut Environment, F, F) -> F + Copy,
) -> impl Fn(&mut Environment, u128, u128) -> u128 + Copy {
    move |e, a, b| low_of::<F>(a, f(e, F::low(a), F::low(b)).wide())
}

/// `even` on the lanes with an even number, `odd` on the others: ADDSUB.
pub(crate) fn alternating<F: Format + Lane>(
    even: impl Fn(&mut Environment, F, F) -> F + Copy,
    odd: impl Fn(&mut Environment, F, F) -> F + Copy,
) -> impl Fn(&mut Environment, u128, u128) -> u128 + Copy {
    move |e, a, b| {
        vector(128 / F::BITS, |i| {
            if i % 2 == 0 { even(e, lane(a, i), lane(b, i)) } else { odd(e, lane(a, i), lane(b, i)) }
        })
    }
}

/// `f` on neighbouring lanes, those of the first operand below: HADD, HSUB.
pub(crate) fn horizontal<F: Format + Lane>(
    f: impl Fn(&mut Environment, F, F) -> F + Copy,
) -> impl Fn(&mut Environment, u128, u128) -> u128 + Copy {
    move |e, a, b| {
        let half = 64 / F::BITS;
        vector(2 * half, |i| {
            let (from, first) = if i < half { (a, 2 * i) } else { (b, 2 * (i - half)) };
            f(e, lane(from, first), lane(from, first + 1))
        })
    }
}

/// `f` on the `N` lowest lanes of the second operand; zero above.
pub(crate) fn each<const N: u32, A: Lane, B: Lane>(
    f: impl Fn(&mut Environment, A) -> B + Copy,
) -> impl Fn(&mut Environment, u128, u128) -> u128 + Copy {
    move |e, _, b| vector(N, |i| f(e, lane(b, i)))
}

/// As [`each`] with the lanes of the first operand above the low `N`.
pub(crate) fn merged<const N: u32, A: Lane, B: Lane>(
    f: impl Fn(&mut Environment, A) -> B + Copy,
) -> impl Fn(&mut Environment, u128, u128) -> u128 + Copy {
    move |e, a, b| a & (u128::MAX << (N * B::BITS)) | vector(N, |i| f(e, lane(b, i)))
}

/// CMPPS and CMPPD: all ones where predicate `number` holds.
pub(crate) fn packed_masks<F: Format + Lane>(e: &mut Environment, a: u128, b: u128, number: u8) -> u128 {
    packed(|e: &mut Environment, a: F, b: F| mask(holds(e, a, b, number)))(e, a, b)
}

/// CMPSS and CMPSD
pub(crate) fn scalar_mask<F: Format + Lane>(e: &mut Environment, a: u128, b: u128, number: u8) -> u128 {
    scalar(|e: &mut Environment, a: F, b: F| mask(holds(e, a, b, number)))(e, a, b)
}

fn mask<F: Format>(holds: bool) -> F {
    F::from_bits(if holds { u64::MAX } else { 0 })
}
