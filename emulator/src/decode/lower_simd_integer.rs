//! The table of packed integers: which function of `alu` serves which instruction.

use super::form::{Form, Place};
use crate::alu::simd::integer::{
    average_u8, average_u16, extract_word, insert_word, interleave, interleave_high, lanes, masks,
    multiply_add, multiply_high_i16, multiply_high_u16, multiply_u32, pack, saturate_i8, saturate_i16,
    saturate_u8, shift_bytes_left, shift_bytes_right, shift_left, shift_right, shift_signed_i16,
    shift_signed_i32, shifts, shuffle, shuffle_high, shuffle_low, signs, sum_of_differences,
};
use crate::instructions::simd::operand::{General, Mm, Xmm};
use crate::instructions::simd::{plain, with_immediate};
use crate::interpreter::{Handlers, straight};
use iced_x86::Mnemonic;

/// The handlers of an instruction of this group.
pub(super) fn lower(form: &Form<'_>) -> Option<Handlers> {
    lower_arithmetic(form).or_else(|| lower_logic(form)).or_else(|| lower_order(form))
}

/// The same function of vectors for MMX and SSE.
fn both(form: &Form<'_>, f: impl Fn(u128, u128) -> u128 + Copy) -> Handlers {
    if form.is_mmx() { straight(plain::<Mm, Mm>(f)) } else { straight(plain::<Xmm, Xmm>(f)) }
}

fn lower_arithmetic(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Paddb => both(form, lanes(u8::wrapping_add)),
        Mnemonic::Paddw => both(form, lanes(u16::wrapping_add)),
        Mnemonic::Paddd => both(form, lanes(u32::wrapping_add)),
        Mnemonic::Paddq => both(form, lanes(u64::wrapping_add)),
        Mnemonic::Paddsb => both(form, lanes(i8::saturating_add)),
        Mnemonic::Paddsw => both(form, lanes(i16::saturating_add)),
        Mnemonic::Paddusb => both(form, lanes(u8::saturating_add)),
        Mnemonic::Paddusw => both(form, lanes(u16::saturating_add)),
        Mnemonic::Psubb => both(form, lanes(u8::wrapping_sub)),
        Mnemonic::Psubw => both(form, lanes(u16::wrapping_sub)),
        Mnemonic::Psubd => both(form, lanes(u32::wrapping_sub)),
        Mnemonic::Psubq => both(form, lanes(u64::wrapping_sub)),
        Mnemonic::Psubsb => both(form, lanes(i8::saturating_sub)),
        Mnemonic::Psubsw => both(form, lanes(i16::saturating_sub)),
        Mnemonic::Psubusb => both(form, lanes(u8::saturating_sub)),
        Mnemonic::Psubusw => both(form, lanes(u16::saturating_sub)),
        Mnemonic::Pavgb => both(form, lanes(average_u8)),
        Mnemonic::Pavgw => both(form, lanes(average_u16)),
        Mnemonic::Pmaxub => both(form, lanes(u8::max)),
        Mnemonic::Pminub => both(form, lanes(u8::min)),
        Mnemonic::Pmaxsw => both(form, lanes(i16::max)),
        Mnemonic::Pminsw => both(form, lanes(i16::min)),
        Mnemonic::Pmullw => both(form, lanes(u16::wrapping_mul)),
        Mnemonic::Pmulhw => both(form, lanes(multiply_high_i16)),
        Mnemonic::Pmulhuw => both(form, lanes(multiply_high_u16)),
        Mnemonic::Pmuludq => both(form, lanes(multiply_u32)),
        Mnemonic::Pmaddwd => both(form, lanes(multiply_add)),
        Mnemonic::Psadbw => both(form, lanes(sum_of_differences)),
        _ => return None,
    })
}

fn lower_logic(form: &Form<'_>) -> Option<Handlers> {
    Some(match form.mnemonic() {
        Mnemonic::Pand | Mnemonic::Andps | Mnemonic::Andpd => both(form, |a, b| a & b),
        Mnemonic::Pandn | Mnemonic::Andnps | Mnemonic::Andnpd => both(form, |a, b| !a & b),
        Mnemonic::Por | Mnemonic::Orps | Mnemonic::Orpd => both(form, |a, b| a | b),
        Mnemonic::Pxor | Mnemonic::Xorps | Mnemonic::Xorpd => both(form, |a, b| a ^ b),
        Mnemonic::Pcmpeqb => both(form, masks(|a: u8, b| a == b)),
        Mnemonic::Pcmpeqw => both(form, masks(|a: u16, b| a == b)),
        Mnemonic::Pcmpeqd => both(form, masks(|a: u32, b| a == b)),
        Mnemonic::Pcmpgtb => both(form, masks(|a: i8, b| a > b)),
        Mnemonic::Pcmpgtw => both(form, masks(|a: i16, b| a > b)),
        Mnemonic::Pcmpgtd => both(form, masks(|a: i32, b| a > b)),
        Mnemonic::Psllw => both(form, shifts(shift_left::<u16>)),
        Mnemonic::Pslld => both(form, shifts(shift_left::<u32>)),
        Mnemonic::Psllq => both(form, shifts(shift_left::<u64>)),
        Mnemonic::Psrlw => both(form, shifts(shift_right::<u16>)),
        Mnemonic::Psrld => both(form, shifts(shift_right::<u32>)),
        Mnemonic::Psrlq => both(form, shifts(shift_right::<u64>)),
        Mnemonic::Psraw => both(form, shifts(shift_signed_i16)),
        Mnemonic::Psrad => both(form, shifts(shift_signed_i32)),
        Mnemonic::Pslldq => both(form, shift_bytes_left),
        Mnemonic::Psrldq => both(form, shift_bytes_right),
        _ => return None,
    })
}

/// Packing, unpacking, shuffling: what depends on how long the vector is.
fn lower_order(form: &Form<'_>) -> Option<Handlers> {
    let mmx = form.is_mmx();
    Some(match form.mnemonic() {
        Mnemonic::Packsswb if mmx => both(form, pack::<64, i16, u8>(saturate_i8)),
        Mnemonic::Packsswb => both(form, pack::<128, i16, u8>(saturate_i8)),
        Mnemonic::Packuswb if mmx => both(form, pack::<64, i16, u8>(saturate_u8)),
        Mnemonic::Packuswb => both(form, pack::<128, i16, u8>(saturate_u8)),
        Mnemonic::Packssdw if mmx => both(form, pack::<64, i32, u16>(saturate_i16)),
        Mnemonic::Packssdw => both(form, pack::<128, i32, u16>(saturate_i16)),
        Mnemonic::Punpcklbw => both(form, interleave::<u8>),
        Mnemonic::Punpcklwd => both(form, interleave::<u16>),
        Mnemonic::Punpckldq | Mnemonic::Unpcklps => both(form, interleave::<u32>),
        Mnemonic::Punpcklqdq | Mnemonic::Unpcklpd => both(form, interleave::<u64>),
        Mnemonic::Punpckhbw if mmx => both(form, interleave_high::<32, u8>),
        Mnemonic::Punpckhbw => both(form, interleave_high::<64, u8>),
        Mnemonic::Punpckhwd if mmx => both(form, interleave_high::<32, u16>),
        Mnemonic::Punpckhwd => both(form, interleave_high::<64, u16>),
        Mnemonic::Punpckhdq if mmx => both(form, interleave_high::<32, u32>),
        Mnemonic::Punpckhdq | Mnemonic::Unpckhps => both(form, interleave_high::<64, u32>),
        Mnemonic::Punpckhqdq | Mnemonic::Unpckhpd => both(form, interleave_high::<64, u64>),
        Mnemonic::Pshufw => straight(with_immediate::<Mm, Mm>(|_, b, order| shuffle::<u16>(b, order))),
        Mnemonic::Pshufd => straight(with_immediate::<Xmm, Xmm>(|_, b, order| shuffle::<u32>(b, order))),
        Mnemonic::Pshuflw => straight(with_immediate::<Xmm, Xmm>(|_, b, order| shuffle_low(b, order))),
        Mnemonic::Pshufhw => straight(with_immediate::<Xmm, Xmm>(|_, b, order| shuffle_high(b, order))),
        Mnemonic::Pinsrw if mmx => {
            straight(with_immediate::<Mm, General>(|a, b, which| insert_word(a, b, which & 3)))
        }
        Mnemonic::Pinsrw => straight(with_immediate::<Xmm, General>(insert_word)),
        Mnemonic::Pextrw if form.place(0) != Place::Register => return None,
        Mnemonic::Pextrw if mmx => {
            straight(with_immediate::<General, Mm>(|_, b, which| extract_word(b, which & 3)))
        }
        Mnemonic::Pextrw => straight(with_immediate::<General, Xmm>(|_, b, which| extract_word(b, which))),
        Mnemonic::Pmovmskb if mmx => straight(plain::<General, Mm>(|_, b| signs::<u8>(b))),
        Mnemonic::Pmovmskb => straight(plain::<General, Xmm>(|_, b| signs::<u8>(b))),
        _ => return None,
    })
}
