//! Addition, subtraction and logic. SDM Vol. 1, 7.3.2 and 7.3.3.

use super::{LazyFlags, Width};

/// An operation of two operands whose flags follow from operands and result.
pub(crate) trait Binary {
    /// Whether the result is thrown away (CMP, TEST).
    const DISCARDS: bool = false;

    /// Result and flags; `flags` holds those before.
    fn compute<W: Width>(left: u32, right: u32, flags: LazyFlags) -> (u32, LazyFlags);
}

#[inline(always)]
fn add<W: Width>(left: u32, right: u32, carry: u32) -> (u32, LazyFlags) {
    let sum = left.wrapping_add(right).wrapping_add(carry);
    let carries = left & right | (left | right) & !sum;
    (sum & W::MASK, LazyFlags::of_carries::<W>(sum, carries))
}

#[inline(always)]
fn subtract<W: Width>(left: u32, right: u32, borrow: u32) -> (u32, LazyFlags) {
    let difference = left.wrapping_sub(right).wrapping_sub(borrow);
    let borrows = !left & right | !(left ^ right) & difference;
    (difference & W::MASK, LazyFlags::of_carries::<W>(difference, borrows))
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident $discards:literal |$width:ident, $left:ident, $right:ident, $flags:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Binary for $name {
            const DISCARDS: bool = $discards;

            #[inline(always)]
            fn compute<$width: Width>($left: u32, $right: u32, $flags: LazyFlags) -> (u32, LazyFlags) {
                $body
            }
        }
    )*};
}

// A macro, so that the ten operations stand as ten lines of a table.
binary! {
    /// ADD: left + right.
    Add false |W, left, right, _flags| add::<W>(left, right, 0);
    /// ADC: left + right + CF.
    Adc false |W, left, right, flags| add::<W>(left, right, u32::from(flags.carry()));
    /// SUB: left - right.
    Sub false |W, left, right, _flags| subtract::<W>(left, right, 0);
    /// SBB: left - right - CF.
    Sbb false |W, left, right, flags| subtract::<W>(left, right, u32::from(flags.carry()));
    /// CMP: SUB without its result.
    Cmp true |W, left, right, _flags| subtract::<W>(left, right, 0);
    /// AND
    And false |W, left, right, _flags| logic::<W>(left & right);
    /// OR
    Or false |W, left, right, _flags| logic::<W>(left | right);
    /// XOR
    Xor false |W, left, right, _flags| logic::<W>(left ^ right);
    /// TEST: AND without its result.
    Test true |W, left, right, _flags| logic::<W>(left & right);
}

#[inline(always)]
fn logic<W: Width>(result: u32) -> (u32, LazyFlags) {
    (result, LazyFlags::of_logic::<W>(result))
}

/// An operation of one operand.
pub(crate) trait Unary {
    /// Result and flags; `flags` holds those before.
    fn compute<W: Width>(value: u32, flags: LazyFlags) -> (u32, LazyFlags);
}

/// INC: + 1, CF stays.
pub(crate) struct Inc;
/// DEC: - 1, CF stays.
pub(crate) struct Dec;
/// NEG: 0 - value.
pub(crate) struct Neg;
/// NOT: no flag changes.
pub(crate) struct Not;

impl Unary for Inc {
    #[inline(always)]
    fn compute<W: Width>(value: u32, flags: LazyFlags) -> (u32, LazyFlags) {
        let (result, mut new) = add::<W>(value, 1, 0);
        new.set_carry(flags.carry());
        (result, new)
    }
}

impl Unary for Dec {
    #[inline(always)]
    fn compute<W: Width>(value: u32, flags: LazyFlags) -> (u32, LazyFlags) {
        let (result, mut new) = subtract::<W>(value, 1, 0);
        new.set_carry(flags.carry());
        (result, new)
    }
}

impl Unary for Neg {
    #[inline(always)]
    fn compute<W: Width>(value: u32, _: LazyFlags) -> (u32, LazyFlags) {
        subtract::<W>(0, value, 0)
    }
}

impl Unary for Not {
    #[inline(always)]
    fn compute<W: Width>(value: u32, flags: LazyFlags) -> (u32, LazyFlags) {
        (!value & W::MASK, flags)
    }
}

#[cfg(test)]
mod tests {
    use super::{Adc, Add, And, Binary, Cmp, Dec, Inc, Neg, Or, Sbb, Sub, Unary, Xor};
    use crate::alu::{LazyFlags, Width};
    use crate::cpu::flags;

    /// The eager reference: wide integers and the definition of each flag.
    fn eager<W: Width>(left: u32, right: u32, carry: u32, subtract: bool) -> (u32, u32) {
        let (l, r, c) = (i64::from(left), i64::from(right), i64::from(carry));
        let signed = |v: u32| i64::from(W::sign_extend(v) as i32);
        let (wide, signed_wide, nibble) = if subtract {
            (l - r - c, signed(left) - signed(right) - c, (l & 15) - (r & 15) - c)
        } else {
            (l + r + c, signed(left) + signed(right) + c, (l & 15) + (r & 15) + c)
        };
        let result = wide as u32 & W::MASK;
        let mut bits = zsp::<W>(result);
        bits |= if wide < 0 || wide > i64::from(W::MASK) { flags::CF } else { 0 };
        bits |= if signed_wide != signed(result) { flags::OF } else { 0 };
        bits |= if !(0..16).contains(&nibble) { flags::AF } else { 0 };
        (result, bits)
    }

    fn zsp<W: Width>(result: u32) -> u32 {
        let mut bits = if result == 0 { flags::ZF } else { 0 };
        bits |= if result & W::SIGN != 0 { flags::SF } else { 0 };
        bits | if (result as u8).count_ones().is_multiple_of(2) { flags::PF } else { 0 }
    }

    fn check<B: Binary, W: Width>(left: u32, right: u32, before: u32, expected: (u32, u32)) {
        let (result, lazy) = B::compute::<W>(left, right, LazyFlags::from_eflags(before));
        assert_eq!((result, lazy.to_eflags()), expected, "{left:#x} {right:#x} {before:#x}");
    }

    fn check_all<W: Width>(left: u32, right: u32) {
        for before in [0, flags::CF] {
            check::<Add, W>(left, right, before, eager::<W>(left, right, 0, false));
            check::<Adc, W>(left, right, before, eager::<W>(left, right, before, false));
            check::<Sub, W>(left, right, before, eager::<W>(left, right, 0, true));
            check::<Cmp, W>(left, right, before, eager::<W>(left, right, 0, true));
            check::<Sbb, W>(left, right, before, eager::<W>(left, right, before, true));
            for (unary, eager) in [
                (Inc::compute::<W>(left, LazyFlags::from_eflags(before)), eager::<W>(left, 1, 0, false)),
                (Dec::compute::<W>(left, LazyFlags::from_eflags(before)), eager::<W>(left, 1, 0, true)),
            ] {
                assert_eq!((unary.0, unary.1.to_eflags()), (eager.0, eager.1 & !flags::CF | before));
            }
        }
        let neg = Neg::compute::<W>(left, LazyFlags::from_eflags(0));
        assert_eq!((neg.0, neg.1.to_eflags()), eager::<W>(0, left, 0, true));
        check::<And, W>(left, right, flags::CF, (left & right, zsp::<W>(left & right)));
        check::<Or, W>(left, right, flags::OF, (left | right, zsp::<W>(left | right)));
        check::<Xor, W>(left, right, flags::AF, (left ^ right, zsp::<W>(left ^ right)));
    }

    #[test]
    fn lazy_flags_are_eager_flags_for_all_bytes() {
        for left in 0..256 {
            for right in 0..256 {
                check_all::<u8>(left, right);
            }
        }
    }

    #[test]
    fn lazy_flags_are_eager_flags_for_wide_edges() {
        let edges = [
            0,
            1,
            7,
            8,
            15,
            16,
            0x7f,
            0x80,
            0xff,
            0x7fff,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
            u32::MAX,
        ];
        for left in edges {
            for right in edges {
                check_all::<u16>(left & 0xffff, right & 0xffff);
                check_all::<u32>(left, right);
            }
        }
    }
}
