//! What x87 instructions leave undefined: the x87 part of the table in [`super::undefined`].
//!
//! MMX and SSE leave nothing undefined. Not here: how far a transcendental result or an approximation may be off.

use super::undefined::UndefinedImage;
use crate::instructions::x87::{C0, C1, C2, C3};
use iced_x86::{Code, CpuidFeature, Instruction, Mnemonic};

const CONDITIONS: u16 = C0 | C1 | C2 | C3;

/// The conditions in the status word that an instruction reads, writes, and leaves undefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatusUse {
    /// What its result depends on.
    pub read: u16,
    /// What has a new value after it, or none that is defined.
    pub written: u16,
    /// What has no defined value after it.
    pub undefined: u16,
}

/// How `instruction` uses the status word (SDM Vol. 2, "FPU Flags Affected" of each instruction).
pub(super) fn status_use(instruction: &Instruction) -> StatusUse {
    let (read, written, undefined) = match instruction.mnemonic() {
        Mnemonic::Fcom
        | Mnemonic::Fcomp
        | Mnemonic::Fcompp
        | Mnemonic::Fucom
        | Mnemonic::Fucomp
        | Mnemonic::Fucompp
        | Mnemonic::Ficom
        | Mnemonic::Ficomp
        | Mnemonic::Ftst
        | Mnemonic::Fxam
        | Mnemonic::Fprem
        | Mnemonic::Fprem1
        | Mnemonic::Fninit
        | Mnemonic::Fldenv
        | Mnemonic::Frstor
        | Mnemonic::Fxrstor => (0, CONDITIONS, 0),
        Mnemonic::Fnsave => (CONDITIONS, CONDITIONS, 0),
        Mnemonic::Fxsave => (CONDITIONS, 0, 0),
        Mnemonic::Fcomi | Mnemonic::Fcomip | Mnemonic::Fucomi | Mnemonic::Fucomip => (0, 0, 0),
        Mnemonic::Wait | Mnemonic::Fnop | Mnemonic::Fneni | Mnemonic::Fndisi | Mnemonic::Fnsetpm => (0, 0, 0),
        Mnemonic::Fnstsw | Mnemonic::Fnstenv => (CONDITIONS, CONDITIONS, CONDITIONS),
        Mnemonic::Fnstcw | Mnemonic::Fldcw | Mnemonic::Fnclex | Mnemonic::Ffree | Mnemonic::Ffreep => {
            (0, CONDITIONS, CONDITIONS)
        }
        // C2: the operand is out of range.
        Mnemonic::Fsin | Mnemonic::Fcos | Mnemonic::Fsincos | Mnemonic::Fptan => (0, CONDITIONS, C0 | C3),
        _ if is_x87(instruction) => (0, CONDITIONS, C0 | C2 | C3),
        _ => (0, 0, 0),
    };
    StatusUse { read, written, undefined }
}

/// The bytes that are reserved in what `instruction` stores at `address`, and those of the last instruction and operand:
/// processors differ in when they note them.
pub(super) fn image(instruction: &Instruction, address: u32) -> Option<UndefinedImage> {
    let ranges: &'static [(u32, u32)] = match instruction.code() {
        Code::Fnstenv_m14byte | Code::Fnsave_m94byte => &[(6, 8)],
        Code::Fnstenv_m28byte | Code::Fnsave_m108byte => &[(2, 2), (6, 2), (10, 18)],
        Code::Fxsave_m512byte => &[
            (5, 19),
            // The mask of MXCSR, which says what the processor has.
            (28, 4),
            (42, 6),
            (58, 6),
            (74, 6),
            (90, 6),
            (106, 6),
            (122, 6),
            (138, 6),
            (154, 6),
            (288, 224),
        ],
        _ => return None,
    };
    Some(UndefinedImage { address, ranges })
}

fn is_x87(instruction: &Instruction) -> bool {
    instruction
        .cpuid_features()
        .iter()
        .any(|feature| matches!(feature, CpuidFeature::FPU | CpuidFeature::FPU287 | CpuidFeature::FPU387))
}

#[cfg(test)]
mod tests {
    use super::{C0, C1, C2, C3, status_use};
    use crate::decode::DECODER_OPTIONS;
    use iced_x86::Decoder;

    #[test]
    fn conditions_are_undefined_where_the_manual_says_so() {
        let all = C0 | C1 | C2 | C3;
        for (code, expected) in [
            (&[0xd8, 0xc1][..], C0 | C2 | C3),
            (&[0xd8, 0x00], C0 | C2 | C3),
            (&[0xde, 0xc1], C0 | C2 | C3),
            (&[0xda, 0xc1], C0 | C2 | C3),
            (&[0xdd, 0x08], C0 | C2 | C3),
            (&[0xd9, 0xfe], C0 | C3),
            (&[0xdd, 0xc0], all),
            (&[0xd9, 0x28], all),
            (&[0xdf, 0xe0], all),
            (&[0x9b, 0xd9, 0xe0], 0),
            (&[0xd8, 0xd1], 0),
            (&[0xdb, 0xf1], 0),
            (&[0xd9, 0xf8], 0),
            (&[0xdd, 0x30], 0),
            (&[0x0f, 0xae, 0x00], 0),
            (&[0x0f, 0xd8, 0xc1], 0),
            (&[0x01, 0xc1], 0),
        ] {
            let instruction = Decoder::with_ip(32, code, 0, DECODER_OPTIONS).decode();
            assert_eq!(status_use(&instruction).undefined, expected, "{code:02x?}");
        }
    }
}
