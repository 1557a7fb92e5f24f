//! What a traced run tells about each unit.

use crate::block_log::ExecutedBlocks;
use crate::cpu::Cpu;

/// Is told of every unit of a run, after it retired, or of blocks. Only the run loop is generic over it.
pub trait Observer {
    /// What it is told: the same for a whole run.
    fn told(&self) -> Told {
        Told::Units
    }

    /// One instruction, or one iteration of a REP, retired.
    fn step(&mut self, step: &Step<'_>);

    /// Blocks were executed; told at the end of each run, and in between.
    fn blocks(&mut self, blocks: &ExecutedBlocks<'_>) {
        let _ = blocks;
    }
}

/// What an observer is told of a run; blocks are made for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Told {
    /// Nothing, which costs nothing.
    #[default]
    Nothing,
    /// Each unit.
    Units,
    /// Each block: it begins with an operation that notes it.
    Blocks,
    /// Each block, and ESP at its beginning. Whatever loads ESP with what may be another stack is then a block of its own.
    BlocksAndStack,
}

impl Told {
    /// Whether somebody is told of blocks.
    pub(crate) fn has_blocks(self) -> bool {
        matches!(self, Self::Blocks | Self::BlocksAndStack)
    }
}

/// What one unit did.
#[derive(Debug)]
pub struct Step<'a> {
    /// EIP of the instruction.
    pub eip: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The general registers before.
    pub registers_before: &'a [u32; 8],
    /// EFLAGS before.
    pub eflags_before: u32,
    /// The processor after, settled.
    pub after: &'a Cpu,
    /// Data accesses in the order in which they were made; instruction fetches are left out.
    pub accesses: &'a [Access],
}

/// One data access of up to eight bytes, in little-endian order. An access that crosses a page is one access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// Read or write.
    pub kind: AccessKind,
    /// Linear address.
    pub address: u32,
    /// Width in bytes: 1, 2, 4 or 8.
    pub length_bytes: u8,
    /// The value read or written, zero-extended.
    pub value: u64,
}

/// The direction of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessKind {
    /// A load.
    Read,
    /// A store.
    Write,
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn told(&self) -> Told {
        Told::Nothing
    }

    fn step(&mut self, _: &Step<'_>) {}
}
