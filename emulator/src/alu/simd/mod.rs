//! MMX and SSE: vectors of integers and of floating-point numbers.

pub(crate) mod arithmetic;
pub(crate) mod convert;
pub(crate) mod format;
pub(crate) mod integer;
pub(crate) mod vector;
