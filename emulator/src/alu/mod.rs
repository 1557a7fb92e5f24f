//! Pure arithmetic: values and flags in, values and flags out. Knows no operand, register file or memory.

pub(crate) mod arithmetic;
pub(crate) mod decimal;
pub(crate) mod flags;
pub(crate) mod multiply;
pub(crate) mod shift;
pub(crate) mod simd;
mod width;
pub(crate) mod x87;

pub(crate) use flags::LazyFlags;
pub(crate) use width::Width;
