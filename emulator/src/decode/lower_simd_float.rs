//! The table of floating-point arithmetic, comparisons and conversions.

use super::form::Form;
use crate::alu::simd::arithmetic::{
    Nan, add, compare, divide, maximum, minimum, multiply, square_root, subtract,
};
use crate::alu::simd::convert::{convert, from_integer, reciprocal, reciprocal_root, to_integer, truncate};
use crate::alu::simd::format::{Environment, F32, F64};
use crate::alu::simd::vector::{
    alternating, each, horizontal, merged, packed, packed_masks, scalar, scalar_mask,
};
use crate::instructions::simd::operand::{General, Mm, Xmm};
use crate::instructions::simd::{float, float_with_immediate, order};
use crate::interpreter::{Executor, Handlers, Operation, Stop, straight};
use iced_x86::Mnemonic;

/// The handlers of an instruction of this group.
pub(super) fn lower(form: &Form<'_>) -> Option<Handlers> {
    lower_arithmetic(form).or_else(|| lower_comparison(form)).or_else(|| lower_conversion(form))
}

/// What works on XMM registers alone.
fn vectors(
    f: impl Fn(&mut Environment, u128, u128) -> u128 + Copy,
) -> impl Fn(&Operation, &mut Executor<'_>) -> Result<(), Stop> + Copy {
    float::<Xmm, Xmm>(f)
}

fn lower_arithmetic(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Addps => straight(vectors(packed(add::<F32>))),
        Mnemonic::Addpd => straight(vectors(packed(add::<F64>))),
        Mnemonic::Addss => straight(vectors(scalar(add::<F32>))),
        Mnemonic::Addsd => straight(vectors(scalar(add::<F64>))),
        Mnemonic::Subps => straight(vectors(packed(subtract::<F32>))),
        Mnemonic::Subpd => straight(vectors(packed(subtract::<F64>))),
        Mnemonic::Subss => straight(vectors(scalar(subtract::<F32>))),
        Mnemonic::Subsd => straight(vectors(scalar(subtract::<F64>))),
        Mnemonic::Mulps => straight(vectors(packed(multiply::<F32>))),
        Mnemonic::Mulpd => straight(vectors(packed(multiply::<F64>))),
        Mnemonic::Mulss => straight(vectors(scalar(multiply::<F32>))),
        Mnemonic::Mulsd => straight(vectors(scalar(multiply::<F64>))),
        Mnemonic::Divps => straight(vectors(packed(divide::<F32>))),
        Mnemonic::Divpd => straight(vectors(packed(divide::<F64>))),
        Mnemonic::Divss => straight(vectors(scalar(divide::<F32>))),
        Mnemonic::Divsd => straight(vectors(scalar(divide::<F64>))),
        Mnemonic::Minps => straight(vectors(packed(minimum::<F32>))),
        Mnemonic::Minpd => straight(vectors(packed(minimum::<F64>))),
        Mnemonic::Minss => straight(vectors(scalar(minimum::<F32>))),
        Mnemonic::Minsd => straight(vectors(scalar(minimum::<F64>))),
        Mnemonic::Maxps => straight(vectors(packed(maximum::<F32>))),
        Mnemonic::Maxpd => straight(vectors(packed(maximum::<F64>))),
        Mnemonic::Maxss => straight(vectors(scalar(maximum::<F32>))),
        Mnemonic::Maxsd => straight(vectors(scalar(maximum::<F64>))),
        Mnemonic::Sqrtps => straight(vectors(packed(square_root::<F32>))),
        Mnemonic::Sqrtpd => straight(vectors(packed(square_root::<F64>))),
        Mnemonic::Sqrtss => straight(vectors(scalar(square_root::<F32>))),
        Mnemonic::Sqrtsd => straight(vectors(scalar(square_root::<F64>))),
        Mnemonic::Rcpps => straight(vectors(packed(reciprocal))),
        Mnemonic::Rcpss => straight(vectors(scalar(reciprocal))),
        Mnemonic::Rsqrtps => straight(vectors(packed(reciprocal_root))),
        Mnemonic::Rsqrtss => straight(vectors(scalar(reciprocal_root))),
        Mnemonic::Addsubps => straight(vectors(alternating(subtract::<F32>, add::<F32>))),
        Mnemonic::Addsubpd => straight(vectors(alternating(subtract::<F64>, add::<F64>))),
        Mnemonic::Haddps => straight(vectors(horizontal(add::<F32>))),
        Mnemonic::Haddpd => straight(vectors(horizontal(add::<F64>))),
        Mnemonic::Hsubps => straight(vectors(horizontal(subtract::<F32>))),
        Mnemonic::Hsubpd => straight(vectors(horizontal(subtract::<F64>))),
        _ => return None,
    })
}

fn lower_comparison(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Cmpps => straight(float_with_immediate::<Xmm, Xmm>(packed_masks::<F32>)),
        Mnemonic::Cmppd => straight(float_with_immediate::<Xmm, Xmm>(packed_masks::<F64>)),
        Mnemonic::Cmpss => straight(float_with_immediate::<Xmm, Xmm>(scalar_mask::<F32>)),
        Mnemonic::Cmpsd => straight(float_with_immediate::<Xmm, Xmm>(scalar_mask::<F64>)),
        Mnemonic::Comiss => straight(order(|e, a: F32, b| compare(e, a, b, Nan::Invalid))),
        Mnemonic::Comisd => straight(order(|e, a: F64, b| compare(e, a, b, Nan::Invalid))),
        Mnemonic::Ucomiss => straight(order(|e, a: F32, b| compare(e, a, b, Nan::Quiet))),
        Mnemonic::Ucomisd => straight(order(|e, a: F64, b| compare(e, a, b, Nan::Quiet))),
        _ => return None,
    })
}

fn lower_conversion(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Cvtps2pd => straight(vectors(each::<2, _, _>(convert::<F32, F64>))),
        Mnemonic::Cvtpd2ps => straight(vectors(each::<2, _, _>(convert::<F64, F32>))),
        Mnemonic::Cvtss2sd => straight(vectors(merged::<1, _, _>(convert::<F32, F64>))),
        Mnemonic::Cvtsd2ss => straight(vectors(merged::<1, _, _>(convert::<F64, F32>))),
        Mnemonic::Cvtdq2ps => straight(vectors(each::<4, _, _>(from_integer::<F32>))),
        Mnemonic::Cvtdq2pd => straight(vectors(each::<2, _, _>(from_integer::<F64>))),
        Mnemonic::Cvtps2dq => straight(vectors(each::<4, _, _>(to_integer::<F32>))),
        Mnemonic::Cvttps2dq => straight(vectors(each::<4, _, _>(truncate::<F32>))),
        Mnemonic::Cvtpd2dq => straight(vectors(each::<2, _, _>(to_integer::<F64>))),
        Mnemonic::Cvttpd2dq => straight(vectors(each::<2, _, _>(truncate::<F64>))),
        Mnemonic::Cvtpi2ps => straight(float::<Xmm, Mm>(merged::<2, _, _>(from_integer::<F32>))),
        Mnemonic::Cvtpi2pd => straight(float::<Xmm, Mm>(each::<2, _, _>(from_integer::<F64>))),
        Mnemonic::Cvtps2pi => straight(float::<Mm, Xmm>(each::<2, _, _>(to_integer::<F32>))),
        Mnemonic::Cvttps2pi => straight(float::<Mm, Xmm>(each::<2, _, _>(truncate::<F32>))),
        Mnemonic::Cvtpd2pi => straight(float::<Mm, Xmm>(each::<2, _, _>(to_integer::<F64>))),
        Mnemonic::Cvttpd2pi => straight(float::<Mm, Xmm>(each::<2, _, _>(truncate::<F64>))),
        Mnemonic::Cvtsi2ss => straight(float::<Xmm, General>(merged::<1, _, _>(from_integer::<F32>))),
        Mnemonic::Cvtsi2sd => straight(float::<Xmm, General>(merged::<1, _, _>(from_integer::<F64>))),
        Mnemonic::Cvtss2si => straight(float::<General, Xmm>(each::<1, _, _>(to_integer::<F32>))),
        Mnemonic::Cvttss2si => straight(float::<General, Xmm>(each::<1, _, _>(truncate::<F32>))),
        Mnemonic::Cvtsd2si => straight(float::<General, Xmm>(each::<1, _, _>(to_integer::<F64>))),
        Mnemonic::Cvttsd2si => straight(float::<General, Xmm>(each::<1, _, _>(truncate::<F64>))),
        _ => return None,
    })
}
