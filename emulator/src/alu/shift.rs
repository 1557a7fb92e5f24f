//! Shifts and rotates. SDM Vol. 2B, "RCL/RCR/ROL/ROR" and "SAL/SAR/SHL/SHR".
//!
//! Flags that the architecture leaves undefined are what a plain reading of the definition gives.

use super::{LazyFlags, Width};

/// A shift or rotate by a count that is already reduced to 0 to 31.
pub(crate) trait Shift {
    /// Result and flags; a count of 0 changes neither.
    fn compute<W: Width>(value: u32, count: u32, flags: LazyFlags) -> (u32, LazyFlags);
}

/// ROL
pub(crate) struct Rol;
/// ROR
pub(crate) struct Ror;
/// RCL
pub(crate) struct Rcl;
/// RCR
pub(crate) struct Rcr;
/// SHL, SAL
pub(crate) struct Shl;
/// SHR
pub(crate) struct Shr;
/// SAR
pub(crate) struct Sar;

impl Shift for Rol {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, mut flags: LazyFlags) -> (u32, LazyFlags) {
        if count == 0 {
            return (value, flags);
        }
        let turn = count % W::BITS;
        let wide = u64::from(value) << turn;
        let result = (wide as u32 | (wide >> W::BITS) as u32) & W::MASK;
        let carry = result & 1 != 0;
        flags.set_carry_overflow(carry, carry != (result & W::SIGN != 0));
        (result, flags)
    }
}

impl Shift for Ror {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, mut flags: LazyFlags) -> (u32, LazyFlags) {
        if count == 0 {
            return (value, flags);
        }
        let turn = (W::BITS - count % W::BITS) % W::BITS;
        let wide = u64::from(value) << turn;
        let result = (wide as u32 | (wide >> W::BITS) as u32) & W::MASK;
        let carry = result & W::SIGN != 0;
        flags.set_carry_overflow(carry, carry != (result & W::SIGN >> 1 != 0));
        (result, flags)
    }
}

/// The operand with CF above it, turned left by `turn` within `W::BITS + 1` bits: result and new CF.
#[inline(always)]
fn rotate_through_carry<W: Width>(value: u32, carry: bool, turn: u32) -> (u32, bool) {
    let bits = W::BITS + 1;
    let whole = u64::from(value) | u64::from(carry) << W::BITS;
    let turned = whole << turn | whole >> (bits - turn);
    (turned as u32 & W::MASK, turned >> W::BITS & 1 != 0)
}

impl Shift for Rcl {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, mut flags: LazyFlags) -> (u32, LazyFlags) {
        let turn = count % (W::BITS + 1);
        if turn == 0 {
            if count != 0 {
                flags.set_carry_overflow(flags.carry(), flags.carry() != (value & W::SIGN != 0));
            }
            return (value, flags);
        }
        let (result, carry) = rotate_through_carry::<W>(value, flags.carry(), turn);
        flags.set_carry_overflow(carry, carry != (result & W::SIGN != 0));
        (result, flags)
    }
}

impl Shift for Rcr {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, mut flags: LazyFlags) -> (u32, LazyFlags) {
        let turn = count % (W::BITS + 1);
        let (result, carry) = if turn == 0 {
            if count == 0 {
                return (value, flags);
            }
            (value, flags.carry())
        } else {
            rotate_through_carry::<W>(value, flags.carry(), W::BITS + 1 - turn)
        };
        flags.set_carry_overflow(carry, (result ^ result << 1) & W::SIGN != 0);
        (result, flags)
    }
}

impl Shift for Shl {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, flags: LazyFlags) -> (u32, LazyFlags) {
        if count == 0 {
            return (value, flags);
        }
        let wide = u64::from(value) << count;
        let result = wide as u32 & W::MASK;
        let carry = wide >> W::BITS & 1 != 0;
        (result, LazyFlags::of_result::<W>(result, carry, carry != (result & W::SIGN != 0), false))
    }
}

impl Shift for Shr {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, flags: LazyFlags) -> (u32, LazyFlags) {
        if count == 0 {
            return (value, flags);
        }
        let result = value >> count;
        let carry = value >> (count - 1) & 1 != 0;
        // OF is the sign before a shift by one: that is, whether the sign changed.
        let overflow = (result ^ result << 1) & W::SIGN != 0;
        (result, LazyFlags::of_result::<W>(result, carry, overflow, false))
    }
}

impl Shift for Sar {
    #[inline(always)]
    fn compute<W: Width>(value: u32, count: u32, flags: LazyFlags) -> (u32, LazyFlags) {
        if count == 0 {
            return (value, flags);
        }
        let wide = W::sign_extend(value) as i32;
        let result = (wide >> count) as u32 & W::MASK;
        let carry = wide >> (count - 1) & 1 != 0;
        (result, LazyFlags::of_result::<W>(result, carry, false, false))
    }
}

/// SHLD: `value` shifted left, filled from the top of `filler`. The count is reduced to 0 to 31. With 16 bits and a
/// count above 16 the result is undefined: `filler` follows again, as on the
/// processors that we compared with.
pub(crate) fn shift_double_left<W: Width>(
    value: u32,
    filler: u32,
    count: u32,
    flags: LazyFlags,
) -> (u32, LazyFlags) {
    if count == 0 {
        return (value, flags);
    }
    let wide = if W::BITS == 32 {
        u64::from(value) << 32 | u64::from(filler)
    } else {
        u64::from(value) << 48 | u64::from(filler) << 32 | u64::from(filler) << 16
    };
    let result = ((wide << count) >> (64 - W::BITS)) as u32;
    let defined = count <= W::BITS;
    let carry = defined && wide >> (64 - count) & 1 != 0;
    let overflow = defined && (result ^ value) & W::SIGN != 0;
    (result, LazyFlags::of_result::<W>(result, carry, overflow, false))
}

/// SHRD: `value` shifted right, filled from the bottom of `filler`. The count is reduced to 0 to 31. With 16 bits
/// and a count above 16 the result is undefined: `filler` follows again, as on the
/// processors that we compared with.
pub(crate) fn shift_double_right<W: Width>(
    value: u32,
    filler: u32,
    count: u32,
    flags: LazyFlags,
) -> (u32, LazyFlags) {
    if count == 0 {
        return (value, flags);
    }
    let wide = u64::from(filler) << W::BITS | u64::from(value);
    let wide = if W::BITS == 32 { wide } else { wide | u64::from(filler) << 32 };
    let result = (wide >> count) as u32 & W::MASK;
    let carry = count <= W::BITS && wide >> (count - 1) & 1 != 0;
    let overflow = (result ^ result << 1) & W::SIGN != 0;
    (result, LazyFlags::of_result::<W>(result, carry, overflow, false))
}
