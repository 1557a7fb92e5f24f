//! The x87, MMX and SSE state of an input: any bits, or numbers that the arithmetic turns on.

use crate::input::Input;
use emulator::{Cpu, F80};

/// Patterns of 64 bits: two single-precision numbers, a double-precision one, or a significand.
const NUMBERS: [u64; 24] = [
    0,
    1,
    u64::MAX,
    // 1.0 and -1.0, both precisions.
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    0x3f80_0000_bf80_0000,
    // The largest finite numbers and the smallest normal ones.
    0x7fef_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x7f7f_ffff_0080_0000,
    // Denormal ones.
    0x000f_ffff_ffff_ffff,
    0x807f_ffff_0000_0001,
    // Infinities, quiet and signalling NaNs, the default NaN.
    0x7ff0_0000_0000_0000,
    0x7f80_0000_ff80_0000,
    0x7ff8_0000_0000_0001,
    0xfff0_0000_0000_0001,
    0x7fc0_0001_ff80_0001,
    0xfff8_0000_0000_0000,
    // Around the ends of the integers.
    0x41df_ffff_ffe0_0000,
    0xc1e0_0000_0000_0000,
    0x43e0_0000_0000_0000,
    0x4f00_0000_cf00_0000,
    // Significands: the integer bit, and halves that rounding to fewer bits meets.
    0x8000_0000_0000_0000,
    0xc000_0000_0000_0400,
    0x8000_0080_0000_0000,
];
/// Exponents of 80-bit numbers: zero and denormal, the ends of the other precisions, one, the integers, the largest, none.
const EXPONENTS: [u16; 16] = [
    0, 1, 0x3bcc, 0x3c01, 0x3f6a, 0x3f81, 0x3fbe, 0x3ffe, 0x3fff, 0x4000, 0x401e, 0x403e, 0x407f, 0x43ff,
    0x7ffe, 0x7fff,
];

/// Takes the state from the input; at its end, what is missing is as after FNINIT.
pub fn fill(cpu: &mut Cpu, input: &mut Input<'_>) {
    let Some(kind) = input.byte() else { return };
    let fpu = &mut cpu.fpu;
    if kind & 1 != 0 {
        fpu.control = input.number(2) as u16 & 0x1f7f | 0x40;
        fpu.status = input.number(2) as u16 & 0x7f7f;
        if fpu.status & !fpu.control & 0x3f != 0 {
            // ES, and B as its copy.
            fpu.status |= 0x8080;
        }
    }
    let special = kind & 0x10 != 0;
    if kind & 2 != 0 {
        fpu.tags = input.number(1) as u8;
        for register in &mut fpu.registers {
            *register = if special { extended(input) } else { any_extended(input) };
        }
    }
    if kind & 4 != 0 {
        cpu.sse.mxcsr = input.word() & 0xffff;
    }
    if kind & 8 != 0 {
        for register in &mut cpu.sse.xmm {
            *register = if special { pair(input) } else { input.number(16) };
        }
    }
    if kind & 0x20 != 0 {
        fpu.instruction_pointer = input.word();
        fpu.data_pointer = input.word();
        fpu.opcode = input.number(2) as u16 & 0x7ff;
    }
}

fn any_extended(input: &mut Input<'_>) -> F80 {
    F80 { significand: input.number(8) as u64, sign_exponent: input.number(2) as u16 }
}

/// Two bytes of the input: the exponent with the sign, and the significand.
fn extended(input: &mut Input<'_>) -> F80 {
    let exponent = input.number(1) as u8;
    let sign = u16::from(exponent & 0x80) << 8;
    let sign_exponent = sign | EXPONENTS[usize::from(exponent) % EXPONENTS.len()];
    F80 { significand: number(input) | u64::from(exponent & 0x40) << 57, sign_exponent }
}

/// Two bytes of the input.
fn pair(input: &mut Input<'_>) -> u128 {
    u128::from(number(input)) << 64 | u128::from(number(input))
}

/// A byte of the input: a pattern, or bits spread from that byte.
fn number(input: &mut Input<'_>) -> u64 {
    let selector = input.number(1) as u8;
    match NUMBERS.get(usize::from(selector)) {
        Some(number) => *number,
        None => u64::from(selector).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}
