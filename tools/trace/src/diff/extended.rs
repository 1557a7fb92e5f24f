//! The registers of a processor that few instructions change: selectors and bases of its segments, x87 and SSE.
//!
//! Left out is what nobody should look at: the content of x87 registers that are empty, and the pointers and the opcode of the last x87
//! instruction.

use emulator::{Cpu, SegmentRegister};

/// What a register belongs to, for who ignores it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Group {
    /// An address.
    Base,
    X87,
    Sse,
}

/// The segments, x87 and SSE registers after an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extended {
    /// The selectors.
    pub selectors: [u16; 6],
    bases: [u32; 6],
    control: u16,
    status: u16,
    tags: u8,
    /// ST(0) to ST(7).
    stack: [u128; 8],
    mxcsr: u32,
    xmm: [u128; 8],
}

impl Extended {
    /// Those of a processor.
    #[must_use]
    pub fn of(cpu: &Cpu) -> Self {
        let place = |i: usize| {
            let physical = cpu.fpu.physical(i);
            let register = cpu.fpu.registers[physical];
            let is_used = cpu.fpu.tags >> physical & 1 != 0;
            let value = u128::from(register.sign_exponent) << 64 | u128::from(register.significand);
            if is_used { value } else { 0 }
        };
        Self {
            selectors: cpu.segments.map(|segment| segment.selector),
            bases: cpu.segments.map(|segment| segment.base),
            control: cpu.fpu.control,
            status: cpu.fpu.status,
            tags: cpu.fpu.tags,
            stack: std::array::from_fn(place),
            mxcsr: cpu.sse.mxcsr,
            xmm: cpu.sse.xmm,
        }
    }

    /// Whether the segments are those of this processor.
    pub(super) fn has_segments_of(&self, cpu: &Cpu) -> bool {
        let mut segments = self.selectors.iter().zip(&self.bases).zip(&cpu.segments);
        segments.all(|((selector, base), segment)| *selector == segment.selector && *base == segment.base)
    }

    /// Each register: what it belongs to, its name, its value and its digits; always the same ones.
    pub(super) fn registers(&self) -> impl Iterator<Item = (Group, String, u128, usize)> {
        let bases = SegmentRegister::ALL.into_iter().zip(self.bases);
        let bases =
            bases.map(|(register, base)| (Group::Base, format!("{}.base", register.name()), base.into(), 8));
        let x87 = [
            (Group::X87, "fctrl".to_owned(), self.control.into(), 4),
            (Group::X87, "fstat".to_owned(), self.status.into(), 4),
            (Group::X87, "ftag".to_owned(), self.tags.into(), 2),
        ];
        let stack = self.stack.iter().enumerate();
        let stack = stack.map(|(number, value)| (Group::X87, format!("st{number}"), *value, 20));
        let xmm = self.xmm.iter().enumerate();
        let xmm = xmm.map(|(number, value)| (Group::Sse, format!("xmm{number}"), *value, 32));
        let mxcsr = [(Group::Sse, "mxcsr".to_owned(), self.mxcsr.into(), 8)];
        bases.chain(x87).chain(stack).chain(mxcsr).chain(xmm)
    }
}

/// Whether an instruction may change x87, MMX or SSE registers, by its bytes; of the others it certainly does not.
pub(super) fn may_change(bytes: &[u8]) -> bool {
    let is_prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let prefixes = bytes.iter().take_while(|byte| is_prefix(byte)).count();
    match bytes[prefixes..] {
        [0x9b | 0xd8..=0xdf, ..] => true,
        // CMOV, Jcc, SET, PUSH and POP, bits and MOVZX.
        [0x0f, second, ..] => {
            !matches!(second, 0x40..=0x4f | 0x80..=0x9f | 0xa0..=0xad | 0xaf..=0xc1 | 0xc8..=0xcf)
        }
        _ => false,
    }
}
