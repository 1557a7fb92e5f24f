//! Floating-point numbers that break arithmetic, and the control words to use them under.

use super::random::Random;

/// A binary format.
#[derive(Clone, Copy, Debug)]
struct Format {
    exponent_bits: u32,
    /// Bits of the significand that are stored, the integer bit of the extended format not counted.
    fraction_bits: u32,
}

const SINGLE: Format = Format { exponent_bits: 8, fraction_bits: 23 };
const DOUBLE: Format = Format { exponent_bits: 11, fraction_bits: 52 };
const EXTENDED: Format = Format { exponent_bits: 15, fraction_bits: 63 };
const INTEGER_BIT: u64 = 1 << 63;

/// Sign, biased exponent and fraction.
type Parts = (bool, u32, u64);

/// A single-precision number.
pub fn single(random: &mut Random) -> u32 {
    pack(parts(random, SINGLE), SINGLE) as u32
}

/// A double-precision number.
pub fn double(random: &mut Random) -> u64 {
    pack(parts(random, DOUBLE), DOUBLE)
}

fn pack((sign, exponent, fraction): Parts, format: Format) -> u64 {
    u64::from(sign) << (format.exponent_bits + format.fraction_bits)
        | u64::from(exponent) << format.fraction_bits
        | fraction
}

/// An extended-precision number: also pseudo-denormals, unnormals, pseudo-infinities and pseudo-NaNs.
pub fn extended(random: &mut Random) -> u128 {
    const CONSTANTS: [u128; 6] = [
        0x3fff_8000_0000_0000_0000,
        0x4000_c90f_daa2_2168_c235,
        0x3ffe_c90f_daa2_2168_c234,
        0x3ffe_b504_f333_f9de_6484,
        0xffff_c000_0000_0000_0000,
        0x4001_8000_0000_0000_0000,
    ];
    match random.below(24) {
        // Any bits at all.
        0 => u128::from(random.bits()) | u128::from(random.bits() as u16) << 64,
        1 => random.choose(&CONSTANTS) ^ u128::from(random.percent(30)) << 79,
        // What a load from memory leaves.
        2 => widen(parts(random, SINGLE), SINGLE),
        3 => widen(parts(random, DOUBLE), DOUBLE),
        4 => integer(random, 1_000_000_000_000_000_000 * 2),
        choice => {
            let (sign, exponent, fraction) = parts(random, EXTENDED);
            let regular = exponent != 0;
            // Now and then the integer bit is not what the exponent asks for.
            let bit = if regular != (choice == 5) { INTEGER_BIT } else { 0 };
            u128::from(sign) << 79 | u128::from(exponent) << 64 | u128::from(bit | fraction)
        }
    }
}

/// A number that has something in common with `other`: near it, of its size, or that times a power of two.
pub fn related(random: &mut Random, other: u128) -> u128 {
    let near = |by: u64| other & !u128::from(u64::MAX) | u128::from((other as u64).wrapping_add(by));
    let exponent = (other >> 64 & 0x7fff) as u32;
    let result = match random.below(6) {
        0 => other,
        1 => near(random.choose(&[1, 2, 0x400, 0x800, u64::MAX, 1 << 40])),
        2 => other & (0xffff << 64) | u128::from(random.bits() | INTEGER_BIT),
        _ => {
            let far = random.choose(&[1, 2, 23, 24, 25, 52, 53, 54, 62, 63, 64, 65, 66, 130]);
            let exponent =
                if random.percent(50) { exponent.wrapping_add(far) } else { exponent.wrapping_sub(far) };
            other & !(0x7fff << 64) | u128::from(exponent & 0x7fff) << 64
        }
    };
    result ^ u128::from(random.percent(50)) << 79
}

/// An integer below `end` in either sign as an extended number.
fn integer(random: &mut Random, end: u64) -> u128 {
    let size = random.choose(&[10, 300, 70_000, 5_000_000_000, end]);
    let value = random.bits() % size;
    if value == 0 {
        return 0;
    }
    let shift = value.leading_zeros();
    // Halves, which are ties when they become integers.
    let half = u32::from(random.percent(40));
    let exponent = 0x3fff + 63 - shift - half;
    u128::from(random.percent(50)) << 79 | u128::from(exponent) << 64 | u128::from(value << shift)
}

fn widen((sign, exponent, fraction): Parts, from: Format) -> u128 {
    let bias = (1 << (from.exponent_bits - 1)) - 1;
    let top = (1 << from.exponent_bits) - 1;
    let exponent = if exponent == top { 0x7fff } else { exponent + 0x3fff - bias };
    let fraction = fraction << (63 - from.fraction_bits);
    u128::from(sign) << 79 | u128::from(exponent) << 64 | u128::from(fraction | INTEGER_BIT)
}

fn parts(random: &mut Random, format: Format) -> Parts {
    let sign = random.percent(50);
    let top = (1 << format.exponent_bits) - 1;
    let bias = top / 2;
    let all = (1_u64 << format.fraction_bits) - 1;
    let fraction = fraction(random, format);
    let (exponent, fraction) = match random.below(32) {
        0..2 => (0, 0),
        2..4 => (0, fraction),
        4 => (0, 1),
        5 => (0, all),
        6 => (top, 0),
        7 => (top, fraction | 1 << (format.fraction_bits - 1)),
        8 => (top, (fraction & (all / 2)).max(1)),
        9 => (top - 1, if random.percent(50) { all } else { fraction }),
        10 => (1, if random.percent(50) { 0 } else { fraction }),
        11 => (top - 1 - random.below(70.min(top / 2)), fraction),
        12 => (1 + random.below(70.min(top / 2)), fraction),
        13..16 => (random.below(top), fraction),
        // Around one, up to the largest integers.
        16..22 => (bias + random.below(66), fraction),
        22..26 => (bias - random.below(40), fraction),
        26 => (bias, 0),
        _ => (bias - 8 + random.below(16), fraction),
    };
    (sign, exponent, fraction & all)
}

/// A fraction: few bits, all ones, a tie where some format ends, or anything.
fn fraction(random: &mut Random, format: Format) -> u64 {
    let all = (1_u64 << format.fraction_bits) - 1;
    let bits = random.bits() & all;
    // The half of the last place of single, double, and of what is cut off an integer.
    let cut = random.choose(&[40, 39, 11, 10, 29, 28, 32, 16, 8, 1]).min(format.fraction_bits - 1);
    let half = 1 << (cut.max(1) - 1);
    match random.below(8) {
        0 => 0,
        1 => all,
        2 => 1 << random.below(format.fraction_bits),
        3 => bits & !(2 * half - 1) | half,
        4 => bits & !(2 * half - 1) | half | 1,
        5 => (bits | (2 * half - 1)) & !half,
        6 => bits & bits.rotate_left(7),
        _ => bits,
    }
}

/// Ten bytes that FBLD takes: mostly decimal digits.
pub fn decimal(random: &mut Random) -> [u8; 10] {
    let mut bytes = [0; 10];
    let digits = random.below(19);
    for digit in 0..digits as usize {
        let value = if random.percent(2) { random.below(16) } else { random.below(10) };
        bytes[digit / 2] |= (value as u8) << (digit % 2 * 4);
    }
    bytes[9] = random.choose(&[0, 0x80, 0, 0x80, 0x7f, 0xff]);
    bytes
}

/// An x87 control word: every precision and rounding control, and masks.
pub fn control_word(random: &mut Random) -> u16 {
    let masks = if random.percent(65) { 0x3f } else { random.below(64) as u16 };
    let precision = random.choose(&[3, 3, 3, 3, 2, 2, 0, 0, 1]);
    let infinity = u16::from(random.percent(5));
    0x40 | masks | precision << 8 | (random.below(4) as u16) << 10 | infinity << 12
}

/// An x87 status word that goes with `control`: conditions, TOP, flags, ES and B.
pub fn status_word(random: &mut Random, control: u16) -> u16 {
    let conditions = random.bits() as u16 & 0x4700;
    let top = (random.below(8) as u16) << 11;
    let flags = if random.percent(75) { 0 } else { random.bits() as u16 & 0x7f };
    // An exception that is pending already is worth fewer cases.
    let flags = if random.percent(70) { flags & (control | 0x40) } else { flags };
    let summary = if flags & !control & 0x3f != 0 { 0x8080 } else { 0 };
    conditions | top | flags | summary
}

/// Tags: mostly a full stack, sometimes none or some.
pub fn tags(random: &mut Random) -> u8 {
    match random.below(10) {
        0..6 => 0xff,
        6 => 0,
        7 => 0xff ^ 1 << random.below(8),
        _ => random.bits() as u8,
    }
}

/// MXCSR: rounding, masks, flags, flush to zero and denormals are zero.
pub fn mxcsr(random: &mut Random) -> u32 {
    let masks = if random.percent(65) { 0x3f } else { random.below(64) };
    let flags = if random.percent(60) { 0 } else { random.below(64) };
    let zeros = random.choose(&[0, 0, 0, 0x8000, 0x40, 0x8040]);
    masks << 7 | flags | random.below(4) << 13 | zeros
}
