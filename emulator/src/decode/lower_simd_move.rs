//! The table of moves between vectors, general registers and memory.
//!
//! A function gets the old target and the source, both zero-extended; stores take the low bytes of its result.

use super::form::{Form, Place};
use crate::alu::simd::integer::{interleave, low_of, shuffle_pd, shuffle_ps, signs};
use crate::instructions::simd::operand::{General, Mm, Xmm};
use crate::instructions::simd::{plain, with_immediate};
use crate::interpreter::{Handlers, straight};
use iced_x86::{Mnemonic, Register};

/// The handlers of an instruction of this group.
pub(super) fn lower(form: &Form<'_>) -> Option<Handlers> {
    let registers = form.place(0) == Place::Register && form.place(1) == Place::Register;
    let stores = form.place(0) == Place::Memory;
    Some(match form.mnemonic() {
        Mnemonic::Movaps
        | Mnemonic::Movapd
        | Mnemonic::Movups
        | Mnemonic::Movupd
        | Mnemonic::Movdqa
        | Mnemonic::Movdqu
        | Mnemonic::Lddqu
        | Mnemonic::Movntps
        | Mnemonic::Movntpd
        | Mnemonic::Movntdq => straight(plain::<Xmm, Xmm>(|_, b| b)),
        Mnemonic::Movntq => straight(plain::<Mm, Mm>(|_, b| b)),
        Mnemonic::Movq if form.is_mmx() => straight(plain::<Mm, Mm>(|_, b| b)),
        Mnemonic::Movq => straight(plain::<Xmm, Xmm>(|_, b| low_of::<u64>(0, b))),
        Mnemonic::Movdq2q => straight(plain::<Mm, Xmm>(|_, b| b)),
        Mnemonic::Movq2dq => straight(plain::<Xmm, Mm>(|_, b| b)),
        Mnemonic::Movd => movd(form),
        Mnemonic::Movss if registers => straight(plain::<Xmm, Xmm>(low_of::<u32>)),
        Mnemonic::Movsd if registers => straight(plain::<Xmm, Xmm>(low_of::<u64>)),
        Mnemonic::Movss | Mnemonic::Movsd => straight(plain::<Xmm, Xmm>(|_, b| b)),
        Mnemonic::Movlps | Mnemonic::Movlpd => straight(plain::<Xmm, Xmm>(low_of::<u64>)),
        Mnemonic::Movhlps => straight(plain::<Xmm, Xmm>(|a, b| low_of::<u64>(a, b >> 64))),
        Mnemonic::Movhps | Mnemonic::Movhpd if stores => straight(plain::<Xmm, Xmm>(|_, b| b >> 64)),
        Mnemonic::Movhps | Mnemonic::Movhpd | Mnemonic::Movlhps => {
            straight(plain::<Xmm, Xmm>(interleave::<u64>))
        }
        Mnemonic::Movmskps => straight(plain::<General, Xmm>(|_, b| signs::<u32>(b))),
        Mnemonic::Movmskpd => straight(plain::<General, Xmm>(|_, b| signs::<u64>(b))),
        Mnemonic::Movddup => straight(plain::<Xmm, Xmm>(|_, b| interleave::<u64>(b, b))),
        Mnemonic::Movsldup => straight(plain::<Xmm, Xmm>(|_, b| shuffle_ps(b, b, 0b10_10_00_00))),
        Mnemonic::Movshdup => straight(plain::<Xmm, Xmm>(|_, b| shuffle_ps(b, b, 0b11_11_01_01))),
        Mnemonic::Shufps => straight(with_immediate::<Xmm, Xmm>(shuffle_ps)),
        Mnemonic::Shufpd => straight(with_immediate::<Xmm, Xmm>(shuffle_pd)),
        _ => return None,
    })
}

/// MOVD: the vector register may be either operand, the other one is a general register or memory.
fn movd(form: &Form<'_>) -> Handlers {
    let to_vector = is_vector(form.instruction.op0_register());
    match (to_vector, form.is_mmx()) {
        (true, true) => straight(plain::<Mm, General>(|_, b| b)),
        (true, false) => straight(plain::<Xmm, General>(|_, b| b)),
        (false, true) => straight(plain::<General, Mm>(|_, b| b)),
        (false, false) => straight(plain::<General, Xmm>(|_, b| b)),
    }
}

fn is_vector(register: Register) -> bool {
    register.is_mm() || register.is_xmm()
}
