//! Blocks that a machine executed, on their way from the thread that runs it to the one that writes them down.
//!
//! Not here: how they are written.

use super::stored_elision::StoredElision;
use emulator::{BlockEntry, ExecutedBlocks};
use hypervisor_core::{Elision, PartitionId, Stamp};
use std::collections::BTreeMap;

/// What was executed in some slices of a run.
#[derive(Debug, Default)]
pub struct BlockBatch {
    pub(super) parts: Vec<BlockPart>,
    pub(super) log: Vec<BlockEntry>,
    /// The bytes of all code that is new in this batch.
    pub(super) bytes: Vec<u8>,
}

/// What happened, in order.
#[derive(Debug)]
pub(super) enum BlockPart {
    /// What the numbers of this partition's blocks meant is forgotten.
    Forget(PartitionId),
    /// The next block of this partition: where it stands, and how many of the batch's bytes are its code.
    Code { partition: PartitionId, eip: u32, length_bytes: u32 },
    /// So many entries of the log, and the units that they retired.
    Run { stamp: Stamp, units: u64, entries: usize },
    /// One instruction that the processor did not do by itself: so many of the batch's bytes.
    One { stamp: Stamp, eip: u32, length_bytes: u32 },
    /// Instructions are missing before this stamp.
    Elision { stamp: Stamp, elision: StoredElision },
}

/// Collects batches: knows which code was told of already.
#[derive(Debug, Default)]
pub struct BlockCollector {
    batch: BlockBatch,
    /// Of each partition the generation of its blocks, and how many of them are known.
    known: BTreeMap<u16, (u64, u32)>,
}

impl BlockCollector {
    /// Blocks were executed.
    pub fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let codes = blocks.codes;
        let (generation, known) = self.known.entry(stamp.partition.0).or_default();
        if *generation != codes.generation() {
            (*generation, *known) = (codes.generation(), 0);
            self.batch.parts.push(BlockPart::Forget(stamp.partition));
        }
        for number in *known..codes.count() {
            let (eip, bytes) = codes.code(number);
            self.batch.bytes.extend_from_slice(bytes);
            let length_bytes = bytes.len() as u32;
            self.batch.parts.push(BlockPart::Code { partition: stamp.partition, eip, length_bytes });
        }
        *known = codes.count();
        self.batch.log.extend_from_slice(blocks.log);
        let run = BlockPart::Run { stamp, units: blocks.units, entries: blocks.log.len() };
        self.batch.parts.push(run);
    }

    /// One instruction retired that the processor did not do by itself.
    pub fn instruction(&mut self, stamp: Stamp, eip: u32, bytes: &[u8]) {
        self.batch.bytes.extend_from_slice(bytes);
        self.batch.parts.push(BlockPart::One { stamp, eip, length_bytes: bytes.len() as u32 });
    }

    /// Instructions are missing before this stamp.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let elision = StoredElision::of(stamp, elision);
        self.batch.parts.extend(elision.map(|elision| BlockPart::Elision { stamp, elision }));
    }

    /// Takes what was executed since the last time; None if nothing was.
    pub fn take(&mut self) -> Option<BlockBatch> {
        (!self.batch.parts.is_empty()).then(|| std::mem::take(&mut self.batch))
    }
}
