//! An i386 processor that runs ring-3 code, and the memory it runs on.
//!
//! Not here: hypercalls, events, partitions, schedules. Whoever calls [`Interpreter::run`] decides what an
//! [`Exit`] means.

mod block_log;
pub mod cpu;
pub mod decode;
mod digest;
pub mod exit;
pub mod fpu;
pub mod memory;
pub mod observer;
mod run_inputs;

mod alu;
mod instructions;
mod interpreter;

/// Counted up whenever a guest could see that the processor does something else than before. What was recorded with one
/// number is run again only with the same one.
pub const SEMANTICS: u32 = 1;

pub use block_log::{BlockCodes, BlockEntry, BlockRun, Executed, ExecutedBlocks};
pub use cpu::{Cpu, DescriptorTable, Segment, SegmentRegister, SystemRegisters, flags};
pub use digest::StateDigest;
pub use exit::{Exception, Exit, Privileged, Ran, Vector, WatchHit};
pub use fpu::{F80, Fpu, Sse};
pub use interpreter::{CpuProfile, Dispatch, Interpreter, Settings, Statistics};
pub use memory::{AddressSpace, FrameNumber, MemoryError, PAGE_BYTES, PhysicalMemory, Rights, SharedMemory};
pub use observer::{Access, AccessKind, Observer, Step, Told, Unobserved};
pub use run_inputs::{Attention, RunInputs, Watch};
