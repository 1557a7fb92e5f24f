//! What each instruction does, a file for each group of the SDM (Vol. 1, ch. 5).
//!
//! A handler reads, computes, writes memory, and only then changes registers and flags: a fault leaves nothing
//! behind. Which handler serves which encoding is decided in `decode`.

pub(crate) mod arithmetic;
pub(crate) mod bit;
pub(crate) mod control;
pub(crate) mod decimal;
pub(crate) mod exchange;
pub(crate) mod flag;
pub(crate) mod operand;
pub(crate) mod segment;
pub(crate) mod shift;
pub(crate) mod simd;
pub(crate) mod stack;
pub(crate) mod string;
pub(crate) mod system;
pub(crate) mod transfer;
pub(crate) mod x87;
