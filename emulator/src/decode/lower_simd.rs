//! Lowers MMX and SSE: operands here, and what is computed in `lower_simd_integer.rs`, `lower_simd_float.rs` and
//! `lower_simd_move.rs`.

use super::form::{Form, Lowered, Place, with_address};
use super::{lower_simd_float, lower_simd_integer, lower_simd_move};
use crate::instructions::operand::{Memory, Source};
use crate::instructions::simd::operand::{IMMEDIATE, MEMORY, Mm, UNALIGNED, Xmm};
use crate::instructions::simd::state;
use crate::instructions::transfer;
use crate::interpreter::straight;
use iced_x86::Mnemonic;

/// Lowers an instruction of these groups.
pub(super) fn lower(form: &Form<'_>) -> Option<Lowered> {
    lower_state(form).or_else(|| {
        let handlers = lower_simd_move::lower(form)
            .or_else(|| lower_simd_integer::lower(form))
            .or_else(|| lower_simd_float::lower(form))?;
        let lowered = Lowered::straight(handlers).with_target(place(form, 0)).with_source(place(form, 1));
        let last = form.instruction.op_count() - 1;
        Some(match form.place(last) {
            Place::Immediate => lowered.with_immediate(form.immediate(last)),
            _ => lowered,
        })
    })
}

/// Where an operand is, as `simd::operand` has it.
fn place(form: &Form<'_>, number: u32) -> u8 {
    match form.place(number) {
        Place::Register => form.register(number),
        Place::Memory => MEMORY | alignment(form) | form.width(number) as u8,
        _ => IMMEDIATE,
    }
}

fn alignment(form: &Form<'_>) -> u8 {
    match form.mnemonic() {
        Mnemonic::Movups | Mnemonic::Movupd | Mnemonic::Movdqu | Mnemonic::Lddqu => UNALIGNED,
        _ => 0,
    }
}

/// Instructions that compute nothing.
fn lower_state(form: &Form<'_>) -> Option<Lowered> {
    let handlers = match form.mnemonic() {
        Mnemonic::Ldmxcsr => straight(state::load_mxcsr),
        Mnemonic::Stmxcsr => straight(state::store_mxcsr),
        Mnemonic::Emms => straight(state::empty_mmx),
        Mnemonic::Maskmovq | Mnemonic::Maskmovdqu => {
            let handlers = if form.is_mmx() {
                straight(state::store_masked::<Mm, 8>)
            } else {
                straight(state::store_masked::<Xmm, 16>)
            };
            let lowered = Lowered::straight(handlers);
            return Some(lowered.with_target(form.register(1)).with_source(form.register(2)));
        }
        Mnemonic::Sfence | Mnemonic::Lfence | Mnemonic::Mfence => straight(transfer::nothing),
        Mnemonic::Clflush => straight(state::flush_line),
        Mnemonic::Movnti => with_address!(form, A => straight(transfer::mov::<u32, Memory<A>, Source>)),
        _ => return None,
    };
    Some(Lowered::straight(handlers))
}
