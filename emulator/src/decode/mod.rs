//! Bytes become operations. This module alone names iced-x86.

mod block;
mod class;
mod disassembly;
mod form;
mod lower;
mod lower_arithmetic;
mod lower_control;
mod lower_simd;
mod lower_simd_float;
mod lower_simd_integer;
mod lower_simd_move;
mod lower_system;
mod lower_transfer;
mod lower_x87;
mod privileged;
mod undefined;
mod undefined_x87;

pub(crate) use block::BlockDecoder;
pub use class::{InstructionClass, instruction_classes};
pub use disassembly::{Disassembly, disassemble, instruction_length, stack_pointer_change};
pub use privileged::{
    Address, Operand, Port, PrivilegedInstruction, PrivilegedOperation, StringForm, Table, privileged,
};
pub use undefined::{
    FlagUse, Outcome, Undefined, UndefinedImage, UndefinedResult, flag_use, status_use, undefined,
};
pub use undefined_x87::StatusUse;

/// Bytes in an instruction at most.
pub const LONGEST_INSTRUCTION: usize = 15;

/// Prefixes of an instruction: segments, operand and address size, LOCK, REPNE and REP.
pub const PREFIXES: [u8; 11] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];

/// F3 0F BC, F3 0F BD and F3 0F 09 are BSF, BSR and WBINVD with an ignored prefix on every processor that we model.
pub(crate) const DECODER_OPTIONS: u32 = iced_x86::DecoderOptions::NO_MPFX_0FBC
    | iced_x86::DecoderOptions::NO_MPFX_0FBD
    | iced_x86::DecoderOptions::NO_WBNOINVD;
