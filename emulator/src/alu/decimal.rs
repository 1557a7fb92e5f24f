//! Decimal adjustment of AL and AX. SDM Vol. 2A, "AAA" to "AAS", "DAA", "DAS".

use super::LazyFlags;

/// DAA: AL after an addition of packed decimals.
pub(crate) fn adjust_add_packed(al: u32, flags: LazyFlags) -> (u32, LazyFlags) {
    let adjust = al & 15 > 9 || flags.adjust();
    let carry = al > 0x99 || flags.carry();
    let result = al + if adjust { 6 } else { 0 } + if carry { 0x60 } else { 0 };
    (result & 0xff, LazyFlags::of_result::<u8>(result & 0xff, carry, false, adjust))
}

/// DAS: AL after a subtraction of packed decimals.
pub(crate) fn adjust_subtract_packed(al: u32, flags: LazyFlags) -> (u32, LazyFlags) {
    let adjust = al & 15 > 9 || flags.adjust();
    let borrow = al > 0x99 || flags.carry();
    // A borrow of the low digit sets CF even if the high digit needs no adjustment.
    let carry = borrow || adjust && al < 6;
    let result =
        al.wrapping_sub(if adjust { 6 } else { 0 }).wrapping_sub(if borrow { 0x60 } else { 0 }) & 0xff;
    (result, LazyFlags::of_result::<u8>(result, carry, false, adjust))
}

/// AAA: AX after an addition of unpacked decimals.
pub(crate) fn adjust_add_unpacked(ax: u32, flags: LazyFlags) -> (u32, LazyFlags) {
    let adjust = ax & 15 > 9 || flags.adjust();
    let sum = if adjust { ax.wrapping_add(0x106) } else { ax };
    let result = sum & 0xff0f;
    (result, LazyFlags::of_result::<u8>(result & 0xff, adjust, false, adjust))
}

/// AAS: AX after a subtraction of unpacked decimals.
pub(crate) fn adjust_subtract_unpacked(ax: u32, flags: LazyFlags) -> (u32, LazyFlags) {
    let adjust = ax & 15 > 9 || flags.adjust();
    let difference = if adjust { ax.wrapping_sub(0x106) } else { ax };
    let result = difference & 0xff0f;
    (result, LazyFlags::of_result::<u8>(result & 0xff, adjust, false, adjust))
}

/// AAM: AX from a product in AL; None is #DE.
pub(crate) fn adjust_multiply(al: u32, base: u32) -> Option<(u32, LazyFlags)> {
    let ax = (al.checked_div(base)? << 8) | (al % base);
    Some((ax, LazyFlags::of_logic::<u8>(ax & 0xff)))
}

/// AAD: AX before a division.
pub(crate) fn adjust_divide(ax: u32, base: u32) -> (u32, LazyFlags) {
    let al = (ax & 0xff).wrapping_add((ax >> 8 & 0xff).wrapping_mul(base)) & 0xff;
    (al, LazyFlags::of_logic::<u8>(al))
}
