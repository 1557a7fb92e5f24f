//! Bytes become operations. This module alone names iced-x86.

mod disassembly;

pub use disassembly::{Disassembly, disassemble};

/// F3 0F BC and F3 0F BD are BSF and BSR with an ignored prefix on every processor that we model.
pub(crate) const DECODER_OPTIONS: u32 =
    iced_x86::DecoderOptions::NO_MPFX_0FBC | iced_x86::DecoderOptions::NO_MPFX_0FBD;
