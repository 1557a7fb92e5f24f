//! Single and double precision as SSE defines them: bits, MXCSR, and the one place that rounds (SDM Vol. 1, 4.8, 4.9 and
//! 11.5). The host's floating point is not used.

/// Bits of MXCSR (SDM Vol. 1, 10.2.3). Masks stand seven bits above the flags.
pub(crate) mod mxcsr {
    pub(crate) const INVALID: u32 = 1 << 0;
    pub(crate) const DENORMAL: u32 = 1 << 1;
    pub(crate) const DIVIDE_BY_ZERO: u32 = 1 << 2;
    pub(crate) const OVERFLOW: u32 = 1 << 3;
    pub(crate) const UNDERFLOW: u32 = 1 << 4;
    pub(crate) const PRECISION: u32 = 1 << 5;
    /// The exceptions that are found before anything is computed.
    pub(crate) const BEFORE: u32 = INVALID | DENORMAL | DIVIDE_BY_ZERO;
    pub(crate) const ALL: u32 = 0x3f;
    pub(crate) const DENORMALS_ARE_ZERO: u32 = 1 << 6;
    pub(crate) const MASKS: u32 = 7;
    pub(crate) const ROUNDING: u32 = 13;
    pub(crate) const FLUSH_TO_ZERO: u32 = 1 << 15;
}

/// What a computation depends on beside its operands, and the exceptions it raised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment {
    mxcsr: u32,
    rounding: Rounding,
    /// Exception flags, in the places they have in MXCSR.
    pub(crate) raised: u32,
}

/// Rounding control, in the order of its encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rounding {
    Nearest,
    Down,
    Up,
    Zero,
}

impl Environment {
    pub(crate) fn new(mxcsr: u32) -> Self {
        let rounding = match mxcsr >> mxcsr::ROUNDING & 3 {
            0 => Rounding::Nearest,
            1 => Rounding::Down,
            2 => Rounding::Up,
            _ => Rounding::Zero,
        };
        Self { mxcsr, rounding, raised: 0 }
    }

    pub(crate) fn rounding(&self) -> Rounding {
        self.rounding
    }

    pub(crate) fn raise(&mut self, exceptions: u32) {
        self.raised |= exceptions;
    }

    fn masks(&self, exception: u32) -> bool {
        self.mxcsr >> mxcsr::MASKS & exception != 0
    }
}

/// A floating-point format; a value is its bits.
pub(crate) trait Format: Copy {
    /// Bits of the fraction, the hidden bit apart.
    const FRACTION: u32;
    /// The biased exponent of infinities and NaNs.
    const SPECIAL: u64;
    const SIGN: u64;

    const BIAS: i32 = (Self::SPECIAL / 2) as i32;
    const HIDDEN: u64 = 1 << Self::FRACTION;
    const QUIET: u64 = Self::HIDDEN >> 1;
    const INFINITY: u64 = Self::SPECIAL << Self::FRACTION;
    /// The NaN of an invalid operation.
    const INDEFINITE: u64 = Self::SIGN | Self::INFINITY | Self::QUIET;

    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;

    fn is_nan(self) -> bool {
        self.bits() & !Self::SIGN > Self::INFINITY
    }
    fn is_signaling(self) -> bool {
        self.is_nan() && self.bits() & Self::QUIET == 0
    }
    fn is_denormal(self) -> bool {
        let magnitude = self.bits() & !Self::SIGN;
        magnitude != 0 && magnitude < Self::HIDDEN
    }
    fn is_zero(self) -> bool {
        self.bits() & !Self::SIGN == 0
    }
    fn is_infinite(self) -> bool {
        self.bits() & !Self::SIGN == Self::INFINITY
    }
    fn is_negative(self) -> bool {
        self.bits() & Self::SIGN != 0
    }
    fn quieted(self) -> Self {
        Self::from_bits(self.bits() | Self::QUIET)
    }
    /// The value of these magnitude bits with a sign.
    fn signed(negative: bool, magnitude: u64) -> Self {
        Self::from_bits(magnitude | if negative { Self::SIGN } else { 0 })
    }
    /// A finite value is `significand * 2^exponent`.
    fn parts(self) -> (i32, u64) {
        let biased = (self.bits() & !Self::SIGN) >> Self::FRACTION;
        let fraction = self.bits() & (Self::HIDDEN - 1);
        let hidden = if biased == 0 { 0 } else { Self::HIDDEN };
        (biased.max(1) as i32 - Self::BIAS - Self::FRACTION as i32, fraction | hidden)
    }
}

/// Single precision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct F32(pub(crate) u32);
/// Double precision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct F64(pub(crate) u64);

impl Format for F32 {
    const FRACTION: u32 = 23;
    const SPECIAL: u64 = 0xff;
    const SIGN: u64 = 1 << 31;

    fn bits(self) -> u64 {
        self.0.into()
    }
    fn from_bits(bits: u64) -> Self {
        Self(bits as u32)
    }
}

impl Format for F64 {
    const FRACTION: u32 = 52;
    const SPECIAL: u64 = 0x7ff;
    const SIGN: u64 = 1 << 63;

    fn bits(self) -> u64 {
        self.0
    }
    fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// The value as an operand: with DAZ a denormal is a zero.
pub(crate) fn operand<F: Format>(e: &Environment, value: F) -> F {
    if e.mxcsr & mxcsr::DENORMALS_ARE_ZERO != 0 && value.is_denormal() {
        return F::signed(value.is_negative(), 0);
    }
    value
}

/// `value >> count` with the lowest bit set if any bit was lost.
pub(super) fn shift_right_sticky(value: u128, count: u32) -> u128 {
    match count {
        0 => value,
        1..=127 => value >> count | u128::from(value << (128 - count) != 0),
        _ => u128::from(value != 0),
    }
}

/// `value >> count`, rounded, and whether bits were lost. Of `value` at most 126 bits are left after the shift.
pub(crate) fn round(rounding: Rounding, negative: bool, value: u128, count: u32) -> (u128, bool) {
    let quarters = match count {
        0 => return (value, false),
        1 => value << 1,
        _ => shift_right_sticky(value, count - 2),
    };
    let (whole, rest) = (quarters >> 2, quarters & 3);
    let up = match rounding {
        Rounding::Nearest => rest == 3 || rest == 2 && whole & 1 == 1,
        Rounding::Down => negative && rest != 0,
        Rounding::Up => !negative && rest != 0,
        Rounding::Zero => false,
    };
    (whole + u128::from(up), rest != 0)
}

/// The value nearest to `significand * 2^exponent` by the rounding mode, with overflow, underflow and precision.
/// `significand` is not 0; a set lowest bit may stand for bits that were lost, if 65 bits or more are above it.
pub(crate) fn round_and_pack<F: Format>(
    e: &mut Environment,
    negative: bool,
    exponent: i32,
    significand: u128,
) -> F {
    let zeros = significand.leading_zeros();
    let normalized = significand << zeros;
    // The exponent of the highest bit.
    let scale = exponent + 127 - zeros as i32;
    let (drop, least) = (127 - F::FRACTION, 1 - F::BIAS);
    // As if the exponent had no bounds: what decides whether the result is tiny, and what a handler would get.
    let (mut rounded, mut inexact) = round(e.rounding, negative, normalized, drop);
    let tiny = scale + i32::from(rounded >> (F::FRACTION + 1) != 0) < least;
    let mut base = 0;
    if tiny && !e.masks(mxcsr::UNDERFLOW) {
        e.raise(mxcsr::UNDERFLOW | if inexact { mxcsr::PRECISION } else { 0 });
        return F::signed(negative, 0);
    }
    if tiny && e.mxcsr & mxcsr::FLUSH_TO_ZERO != 0 {
        e.raise(mxcsr::UNDERFLOW | mxcsr::PRECISION);
        return F::signed(negative, 0);
    }
    if scale < least {
        (rounded, inexact) = round(e.rounding, negative, normalized, drop + least.abs_diff(scale));
    } else {
        base = ((scale - least) as u64) << F::FRACTION;
    }
    if tiny && inexact {
        e.raise(mxcsr::UNDERFLOW);
    }
    if inexact {
        e.raise(mxcsr::PRECISION);
    }
    // The hidden bit of `rounded` adds one to the exponent; so does a carry.
    let magnitude = base + rounded as u64;
    if magnitude >= F::INFINITY { overflow(e, negative) } else { F::signed(negative, magnitude) }
}

fn overflow<F: Format>(e: &mut Environment, negative: bool) -> F {
    e.raise(mxcsr::OVERFLOW);
    if e.masks(mxcsr::OVERFLOW) {
        e.raise(mxcsr::PRECISION);
    }
    let away = match e.rounding {
        Rounding::Nearest => true,
        Rounding::Down => negative,
        Rounding::Up => !negative,
        Rounding::Zero => false,
    };
    F::signed(negative, if away { F::INFINITY } else { F::INFINITY - 1 })
}
