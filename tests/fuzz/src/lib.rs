//! What the fuzzing targets check: one module a target, and what they share.
//!
//! A check returns whatever the input is; a finding is a panic. Not here: the fuzzer's entry points, in `targets/`.

pub mod calls;
pub mod loader;
pub mod recording;
pub mod step;
pub mod vectors;

mod elf;
mod floats;
mod guest;
mod input;
mod ways;
