//! Multiplication and division. SDM Vol. 2, "MUL", "IMUL", "DIV", "IDIV".

use super::{LazyFlags, Width};

/// MUL: low half, high half and flags. CF and OF say whether the high half is needed.
#[inline(always)]
pub(crate) fn multiply<W: Width>(left: u32, right: u32, flags: LazyFlags) -> (u32, u32, LazyFlags) {
    let product = u64::from(left) * u64::from(right);
    let (low, high) = (product as u32 & W::MASK, (product >> W::BITS) as u32 & W::MASK);
    let mut flags = flags;
    flags.set_carry_overflow(high != 0, high != 0);
    (low, high, flags)
}

/// IMUL: low half, high half and flags. CF and OF say whether the low half alone, signed, is not the product.
#[inline(always)]
pub(crate) fn multiply_signed<W: Width>(left: u32, right: u32, flags: LazyFlags) -> (u32, u32, LazyFlags) {
    let product = i64::from(W::sign_extend(left) as i32) * i64::from(W::sign_extend(right) as i32);
    let (low, high) = (product as u32 & W::MASK, (product >> W::BITS) as u32 & W::MASK);
    let too_large = i64::from(W::sign_extend(low) as i32) != product;
    let mut flags = flags;
    flags.set_carry_overflow(too_large, too_large);
    (low, high, flags)
}

/// DIV: quotient and remainder of `high:low`; None is #DE.
#[inline(always)]
pub(crate) fn divide<W: Width>(high: u32, low: u32, divisor: u32) -> Option<(u32, u32)> {
    let dividend = u64::from(high) << W::BITS | u64::from(low);
    let divisor = u64::from(divisor);
    let quotient = dividend.checked_div(divisor)?;
    (quotient <= u64::from(W::MASK)).then_some((quotient as u32, (dividend % divisor) as u32))
}

/// IDIV: quotient and remainder of `high:low`, truncated towards zero; None is #DE.
#[inline(always)]
pub(crate) fn divide_signed<W: Width>(high: u32, low: u32, divisor: u32) -> Option<(u32, u32)> {
    let unused = 64 - 2 * W::BITS;
    let dividend = ((u64::from(high) << W::BITS | u64::from(low)) << unused) as i64 >> unused;
    let divisor = i64::from(W::sign_extend(divisor) as i32);
    let quotient = dividend.checked_div(divisor)?;
    if quotient != i64::from(W::sign_extend(quotient as u32 & W::MASK) as i32) {
        return None;
    }
    Some((quotient as u32 & W::MASK, (dividend % divisor) as u32 & W::MASK))
}
