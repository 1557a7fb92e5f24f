//! Packed integers: functions of two 128-bit values, and what makes them out of functions of two lanes.
//!
//! An MMX register is the low half of such a value; what is above it is cut off by whoever stores the result. Not
//! here: floating point, in `vector.rs` and what it makes vectors of.

/// The type of a lane.
pub(crate) trait Lane: Copy {
    const BITS: u32;
    /// The lane in the low bits of `vector`.
    fn low(vector: u128) -> Self;
    /// The lane, zero-extended.
    fn wide(self) -> u128;
}

// The conversions are the same text for every width.
macro_rules! lanes {
    ($($lane:ident $unsigned:ident)*) => {$(
        impl Lane for $lane {
            const BITS: u32 = $lane::BITS;

            #[inline(always)]
            fn low(vector: u128) -> Self {
                vector as Self
            }

            #[inline(always)]
            fn wide(self) -> u128 {
                self as $unsigned as u128
            }
        }
    )*};
}
lanes!(u8 u8 i8 u8 u16 u16 i16 u16 u32 u32 i32 u32 u64 u64);

/// Lane number `i`.
#[inline(always)]
pub(super) fn lane<L: Lane>(vector: u128, i: u32) -> L {
    L::low(vector >> (i * L::BITS))
}

/// The vector whose lane number `i` is `f(i)`, for the `count` lowest lanes; zero above.
#[inline(always)]
pub(crate) fn vector<L: Lane>(count: u32, mut f: impl FnMut(u32) -> L) -> u128 {
    (0..count).fold(0, |vector, i| vector | f(i).wide() << (i * L::BITS))
}

/// `f` on each pair of lanes.
pub(crate) fn lanes<L: Lane>(f: impl Fn(L, L) -> L + Copy) -> impl Fn(u128, u128) -> u128 + Copy {
    move |a, b| vector(128 / L::BITS, |i| f(lane(a, i), lane(b, i)))
}

/// All ones in the lanes for which `f` holds, zero in the others.
pub(crate) fn masks<L: Lane>(f: impl Fn(L, L) -> bool + Copy) -> impl Fn(u128, u128) -> u128 + Copy {
    lanes(move |a: L, b: L| L::low(if f(a, b) { u128::MAX } else { 0 }))
}

/// `f` on each lane of `a` and the count in the low 64 bits of `b`.
pub(crate) fn shifts<L: Lane>(f: impl Fn(L, u64) -> L + Copy) -> impl Fn(u128, u128) -> u128 + Copy {
    move |a, b| vector(128 / L::BITS, |i| f(lane(a, i), b as u64))
}

/// PSLL: a count beyond the lane leaves nothing.
pub(crate) fn shift_left<L: Lane>(a: L, count: u64) -> L {
    L::low(if count < u64::from(L::BITS) { a.wide() << count } else { 0 })
}

/// PSRL
pub(crate) fn shift_right<L: Lane>(a: L, count: u64) -> L {
    L::low(if count < u64::from(L::BITS) { a.wide() >> count } else { 0 })
}

/// PSRAW
pub(crate) fn shift_signed_i16(a: i16, count: u64) -> i16 {
    a >> count.min(15)
}

/// PSRAD
pub(crate) fn shift_signed_i32(a: i32, count: u64) -> i32 {
    a >> count.min(31)
}

/// PSLLDQ
pub(crate) fn shift_bytes_left(a: u128, count: u128) -> u128 {
    if count < 16 { a << (8 * count) } else { 0 }
}

/// PSRLDQ
pub(crate) fn shift_bytes_right(a: u128, count: u128) -> u128 {
    if count < 16 { a >> (8 * count) } else { 0 }
}

/// PAVGB
pub(crate) fn average_u8(a: u8, b: u8) -> u8 {
    (u16::from(a) + u16::from(b)).div_ceil(2) as u8
}

/// PAVGW
pub(crate) fn average_u16(a: u16, b: u16) -> u16 {
    (u32::from(a) + u32::from(b)).div_ceil(2) as u16
}

/// PMULHW
pub(crate) fn multiply_high_i16(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// PMULHUW
pub(crate) fn multiply_high_u16(a: u16, b: u16) -> u16 {
    ((u32::from(a) * u32::from(b)) >> 16) as u16
}

/// PMULUDQ: the low half of each quadword.
pub(crate) fn multiply_u32(a: u64, b: u64) -> u64 {
    u64::from(a as u32) * u64::from(b as u32)
}

/// PMADDWD: both products of a doubleword's words, added.
pub(crate) fn multiply_add(a: u32, b: u32) -> u32 {
    let product = |shift: u32| i32::from((a >> shift) as i16) * i32::from((b >> shift) as i16);
    product(0).wrapping_add(product(16)) as u32
}

/// PSADBW: the sum of the absolute differences of a quadword's bytes.
pub(crate) fn sum_of_differences(a: u64, b: u64) -> u64 {
    let bytes = a.to_le_bytes().into_iter().zip(b.to_le_bytes());
    bytes.map(|(a, b)| u64::from(a.abs_diff(b))).sum()
}

/// PACKSSWB: one word.
pub(crate) fn saturate_i8(word: i16) -> u8 {
    word.clamp(i16::from(i8::MIN), i16::from(i8::MAX)) as u8
}

/// PACKUSWB: one word.
pub(crate) fn saturate_u8(word: i16) -> u8 {
    word.clamp(0, i16::from(u8::MAX)) as u8
}

/// PACKSSDW: one doubleword.
pub(crate) fn saturate_i16(doubleword: i32) -> u16 {
    doubleword.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as u16
}

/// PACK: the narrowed lanes of `a`, then those of `b`, all `BITS` wide together on each side.
pub(crate) fn pack<const BITS: u32, L: Lane, N: Lane>(
    narrow: impl Fn(L) -> N + Copy,
) -> impl Fn(u128, u128) -> u128 + Copy {
    move |a, b| {
        let half = BITS / L::BITS;
        vector(2 * half, |i| narrow(if i < half { lane::<L>(a, i) } else { lane::<L>(b, i - half) }))
    }
}

/// PUNPCKL: the lanes of the low halves in turn. For PUNPCKH the halves are shifted down first.
pub(crate) fn interleave<L: Lane>(a: u128, b: u128) -> u128 {
    vector::<L>(128 / L::BITS, |i| lane(if i % 2 == 0 { a } else { b }, i / 2))
}

/// PUNPCKH: the lanes of the high halves of `2 * HALF` bits in turn.
pub(crate) fn interleave_high<const HALF: u32, L: Lane>(a: u128, b: u128) -> u128 {
    interleave::<L>(a >> HALF, b >> HALF)
}

/// Four lanes of `b`, two bits of `order` for each.
pub(crate) fn shuffle<L: Lane>(b: u128, order: u8) -> u128 {
    vector::<L>(4, |i| lane(b, u32::from(order >> (2 * i) & 3)))
}

/// SHUFPS: two lanes of `a`, then two of `b`.
pub(crate) fn shuffle_ps(a: u128, b: u128, order: u8) -> u128 {
    vector::<u32>(4, |i| lane(if i < 2 { a } else { b }, u32::from(order >> (2 * i) & 3)))
}

/// SHUFPD: one lane of `a`, then one of `b`.
pub(crate) fn shuffle_pd(a: u128, b: u128, order: u8) -> u128 {
    vector::<u64>(2, |i| lane(if i == 0 { a } else { b }, u32::from(order >> i & 1)))
}

/// PSHUFHW: the low half stays.
pub(crate) fn shuffle_high(b: u128, order: u8) -> u128 {
    low_of::<u64>(shuffle::<u16>(b >> 64, order) << 64, b)
}

/// PSHUFLW: the high half stays.
pub(crate) fn shuffle_low(b: u128, order: u8) -> u128 {
    low_of::<u64>(b, shuffle::<u16>(b, order))
}

/// `a` with its lowest lane from `b`.
pub(crate) fn low_of<L: Lane>(a: u128, b: u128) -> u128 {
    let mask = L::low(u128::MAX).wide();
    a & !mask | b & mask
}

/// PINSRW: `a` with word number `which` from the low word of `b`.
pub(crate) fn insert_word(a: u128, b: u128, which: u8) -> u128 {
    let shift = 16 * u32::from(which & 7);
    a & !(0xffff << shift) | (b & 0xffff) << shift
}

/// PEXTRW
pub(crate) fn extract_word(b: u128, which: u8) -> u128 {
    lane::<u16>(b, u32::from(which & 7)).wide()
}

/// PMOVMSKB, MOVMSKPS, MOVMSKPD: the highest bit of each lane.
pub(crate) fn signs<L: Lane>(b: u128) -> u128 {
    (0..128 / L::BITS).fold(0, |signs, i| signs | (b >> ((i + 1) * L::BITS - 1) & 1) << i)
}

#[cfg(test)]
mod tests {
    use super::{
        average_u8, extract_word, insert_word, interleave, interleave_high, lanes, masks, multiply_add, pack,
        saturate_i8, saturate_i16, saturate_u8, shift_bytes_left, shift_bytes_right, shift_left, shift_right,
        shift_signed_i16, shifts, shuffle_high, shuffle_low, shuffle_pd, shuffle_ps, signs,
        sum_of_differences,
    };

    const A: u128 = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;
    const B: u128 = 0x1f1e_1d1c_1b1a_1918_1716_1514_1312_1110;

    #[test]
    fn lanes_do_not_carry_into_each_other() {
        assert_eq!(lanes(u8::wrapping_add)(0xff_ff, 0x01_01), 0);
        assert_eq!(lanes(u16::wrapping_sub)(0, 1), 0xffff);
        assert_eq!(lanes(i8::saturating_add)(0x7f_80, 0x01_ff), 0x7f_80);
        assert_eq!(masks(|a: i8, b| a > b)(0x01_ff, 0xff_01), 0xff00);
    }

    #[test]
    fn a_count_beyond_the_lane_leaves_nothing_or_the_sign() {
        assert_eq!(shifts(shift_left::<u16>)(0x8001_8001, 1), 0x0002_0002);
        assert_eq!(shifts(shift_left::<u16>)(0x8001_8001, 16), 0);
        assert_eq!(shifts(shift_right::<u64>)(u128::MAX, 64), 0);
        assert_eq!(shifts(shift_signed_i16)(0x8000_4000, u128::from(u64::MAX)), 0xffff_0000);
        assert_eq!(shift_bytes_left(A, 15), 0);
        assert_eq!(shift_bytes_right(B, 15), 0x1f);
        assert_eq!(shift_bytes_right(B, 16), 0);
    }

    #[test]
    fn packs_saturate_and_keep_the_order() {
        assert_eq!(pack::<128, i16, u8>(saturate_i8)(0x8000_7fff_0001, 0xffff) >> 64, 0xff);
        assert_eq!(pack::<64, i16, u8>(saturate_i8)(0x8000_7fff_0001, 0xffff), 0xff_0080_7f01);
        assert_eq!(pack::<64, i16, u8>(saturate_u8)(0x8000_7fff_0001, 0), 0x0000_ff01);
        assert_eq!(pack::<64, i32, u16>(saturate_i16)(0x8000_0000_7fff_ffff, 1), 0x0001_8000_7fff);
    }

    #[test]
    fn interleaving_takes_the_first_operand_first() {
        assert_eq!(interleave::<u8>(A, B), 0x1707_1606_1505_1404_1303_1202_1101_1000);
        assert_eq!(interleave_high::<64, u64>(A, B), (B >> 64) << 64 | A >> 64);
        assert_eq!(interleave_high::<32, u8>(A, B) as u64, 0x1707_1606_1505_1404);
    }

    #[test]
    fn shuffles_pick_lanes_by_the_immediate() {
        assert_eq!(shuffle_ps(A, B, 0b11_10_01_00), (B >> 64) << 64 | A & u128::from(u64::MAX));
        assert_eq!(shuffle_pd(A, B, 0b01), B << 64 | A >> 64);
        assert_eq!(shuffle_low(A, 0) as u64, 0x0100_0100_0100_0100);
        assert_eq!(shuffle_low(A, 0) >> 64, A >> 64);
        assert_eq!(shuffle_high(A, 0xff) >> 64, 0x0f0e_0f0e_0f0e_0f0e);
        assert_eq!(shuffle_high(A, 0xff) as u64, A as u64);
    }

    #[test]
    fn words_and_signs_are_taken_by_number() {
        assert_eq!(extract_word(A, 7), 0x0f0e);
        assert_eq!(extract_word(insert_word(A, 0x1_abcd, 3), 3), 0xabcd);
        assert_eq!(signs::<u8>(0x80 << 120 | 0x80), 0x8001);
        assert_eq!(signs::<u64>(1 << 127), 2);
    }

    #[test]
    fn sums_are_wide_enough() {
        assert_eq!(average_u8(255, 254), 255);
        assert_eq!(multiply_add(0x8000_8000, 0x8000_8000), 0x8000_0000);
        assert_eq!(sum_of_differences(u64::MAX, 0), 8 * 255);
    }
}
