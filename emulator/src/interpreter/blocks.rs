//! The decoded blocks: straight runs of operations that end at a branch, a page or a limit.
//!
//! All blocks lie in one arena of fixed capacity, so that a link is a position in it. A block that the guest
//! overwrites is unlinked at once and stays in the arena until the whole cache is flushed, which happens when the
//! arena is full or a mapping changed.

#![allow(unsafe_code)] // Operations are patched in place: see docs/decisions/0001-unsafe.md.

use super::operation::{Handler, Operation};
use super::{CpuProfile, Executor};
use crate::Told;
use crate::block_log::{BlockCodes, KeptBlock};
use crate::decode::LONGEST_INSTRUCTION;
use crate::memory::{FrameNumber, GRANULE_BYTES, Identity, PhysicalMemory};
use std::collections::BTreeMap;
use std::ptr::null;

/// Operations in the arena: 16 MiB.
const CAPACITY: usize = 1 << 19;
/// Instructions in a block.
pub(super) const LONGEST_BLOCK: usize = 64;
const JUMP_TARGETS: usize = 4096;
/// A jump target that no offset has at its place.
const NO_TARGET: JumpTarget = JumpTarget { eip: u32::MAX, link: 0 };

/// How instructions are fetched and lowered; blocks of different modes do not mix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mode {
    /// CS, SS, DS and ES are flat: addresses need no base and no limit.
    pub(crate) flat: bool,
    /// Base and limit of CS.
    pub(crate) code: (u32, u32),
    /// Each block holds one instruction.
    pub(crate) single: bool,
    /// What somebody is told.
    pub(crate) told: Told,
    /// Which instructions exist.
    pub(crate) profile: CpuProfile,
}

/// Where the bytes of a block lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) frame: FrameNumber,
    pub(super) offset: u32,
    pub(super) length: u32,
}

/// A frame, and the number of a granule in it.
type Granule = (FrameNumber, u32);

impl Extent {
    fn granules(self) -> impl Iterator<Item = Granule> {
        let last = (self.offset + self.length.max(1) - 1) / GRANULE_BYTES;
        (self.offset / GRANULE_BYTES..=last).map(move |number| (self.frame, number))
    }

    fn overlaps(self, other: Self) -> bool {
        self.frame == other.frame
            && self.offset < other.offset + other.length
            && other.offset < self.offset + self.length
    }
}

#[derive(Debug)]
struct Block {
    eip: u32,
    first: u32,
    extents: [Option<Extent>; 2],
    /// Positions of the branches that are linked to this block.
    incoming: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct JumpTarget {
    eip: u32,
    link: u32,
}

/// All decoded blocks of one interpreter.
pub(super) struct BlockCache {
    arena: Vec<Operation>,
    /// The bytes of each operation in the arena, if somebody is told of units; else nothing.
    bytes: Vec<[u8; LONGEST_INSTRUCTION]>,
    /// The bytes of each block, if somebody is told of blocks; else nothing.
    kept: Vec<KeptBlock>,
    kept_bytes: Vec<u8>,
    /// Changes when numbers of blocks come to mean something else.
    generation: Identity,
    blocks: Vec<Block>,
    by_eip: BTreeMap<u32, u32>,
    by_granule: BTreeMap<Granule, Vec<u32>>,
    jump_targets: Box<[JumpTarget; JUMP_TARGETS]>,
    /// Operations whose handler was replaced for the running chain, with the true handler.
    armed: Vec<(u32, Handler)>,
}

impl BlockCache {
    pub(super) fn new() -> Self {
        let mut cache = Self {
            arena: Vec::with_capacity(CAPACITY),
            bytes: Vec::new(),
            kept: Vec::new(),
            kept_bytes: Vec::new(),
            generation: Identity::NONE,
            blocks: Vec::new(),
            by_eip: BTreeMap::new(),
            by_granule: BTreeMap::new(),
            jump_targets: Box::new([NO_TARGET; JUMP_TARGETS]),
            armed: Vec::new(),
        };
        cache.flush();
        cache
    }

    /// Drops all blocks.
    pub(super) fn flush(&mut self) {
        // Position 0 is never the first of a block, so that a link of 0 can mean none.
        self.arena.clear();
        self.arena.push(Operation::bare(nowhere));
        self.bytes.clear();
        self.kept.clear();
        self.kept_bytes.clear();
        self.generation = Identity::default();
        self.blocks.clear();
        self.by_eip.clear();
        self.by_granule.clear();
        self.jump_targets.fill(NO_TARGET);
        self.armed.clear();
    }

    /// The base of all links. It stays the same: the arena never grows beyond its first allocation.
    pub(super) fn arena(&self) -> *const Operation {
        self.arena.as_ptr()
    }

    /// Whether one more block fits.
    pub(super) fn has_room(&self) -> bool {
        self.arena.len() + 2 * LONGEST_BLOCK <= CAPACITY
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The first operation of the block at `eip`, by the fast table; 0 if it is not there.
    #[inline(always)]
    pub(super) fn jump_target(&self, eip: u32) -> u32 {
        let target = self.jump_targets[eip as usize % JUMP_TARGETS];
        if target.eip == eip { target.link } else { 0 }
    }

    /// The first operation of the block at `eip`.
    #[inline]
    pub(super) fn find(&mut self, eip: u32) -> Option<u32> {
        let target = self.jump_target(eip);
        if target != 0 { Some(target) } else { self.find_in_tree(eip) }
    }

    fn find_in_tree(&mut self, eip: u32) -> Option<u32> {
        let block = *self.by_eip.get(&eip)?;
        let link = self.blocks[block as usize].first;
        self.jump_targets[eip as usize % JUMP_TARGETS] = JumpTarget { eip, link };
        Some(link)
    }

    /// Adds the block at `eip` and marks the code in memory. Returns its first operation.
    pub(super) fn insert(
        &mut self,
        eip: u32,
        operations: &[Operation],
        extents: [Option<Extent>; 2],
        (told, bytes): (Told, &[u8]),
        memory: &mut PhysicalMemory,
    ) -> u32 {
        assert!(self.has_room() && operations.len() <= 2 * LONGEST_BLOCK, "the caller made room");
        let (first, block) = (self.arena.len() as u32, self.blocks.len() as u32);
        self.arena.extend_from_slice(operations);
        match told {
            Told::Nothing => {}
            Told::Units => self.keep_bytes(eip, operations, bytes),
            Told::Blocks | Told::BlocksAndStack => self.keep_block(eip, extents, bytes),
        }
        self.blocks.push(Block { eip, first, extents, incoming: Vec::new() });
        self.by_eip.insert(eip, block);
        for extent in extents.iter().flatten() {
            memory.mark_code(extent.frame, extent.offset, extent.length);
            for granule in extent.granules() {
                self.by_granule.entry(granule).or_default().push(block);
            }
        }
        self.jump_targets[eip as usize % JUMP_TARGETS] = JumpTarget { eip, link: first };
        first
    }

    /// Keeps the bytes of operations that were just added; `bytes` begin at the first.
    fn keep_bytes(&mut self, eip: u32, operations: &[Operation], bytes: &[u8]) {
        self.bytes.resize(self.arena.len() - operations.len(), [0; LONGEST_INSTRUCTION]);
        self.bytes.extend(operations.iter().map(|operation| {
            let mut kept = [0; LONGEST_INSTRUCTION];
            let rest = bytes.get(operation.eip.wrapping_sub(eip) as usize..).unwrap_or_default();
            let length = usize::from(operation.length).min(rest.len());
            kept[..length].copy_from_slice(&rest[..length]);
            kept
        }));
    }

    /// Keeps the bytes of the block that is just being added.
    fn keep_block(&mut self, eip: u32, extents: [Option<Extent>; 2], bytes: &[u8]) {
        let length: u32 = extents.iter().flatten().map(|extent| extent.length).sum();
        let length = bytes.len().min(length as usize);
        self.kept.push(KeptBlock { eip, first_byte: self.kept_bytes.len(), length_bytes: length as u32 });
        self.kept_bytes.extend_from_slice(&bytes[..length]);
    }

    /// What the numbers of blocks mean, if somebody is told of blocks.
    pub(super) fn codes(&self) -> BlockCodes<'_> {
        BlockCodes { generation: self.generation.number(), blocks: &self.kept, bytes: &self.kept_bytes }
    }

    /// The number of the block that is added next.
    pub(super) fn next_number(&self) -> u32 {
        self.kept.len() as u32
    }

    /// The bytes of an operation of a run whose units somebody is told of.
    #[inline]
    pub(super) fn bytes(&self, operation: *const Operation, length: u8) -> &[u8] {
        &self.bytes[self.position(operation) as usize][..usize::from(length)]
    }

    /// The block that holds the operation at `position`.
    fn block_of(&self, position: u32) -> usize {
        self.blocks.partition_point(|block| block.first <= position) - 1
    }

    fn position(&self, operation: *const Operation) -> u32 {
        // Both point into the arena.
        ((operation as usize - self.arena.as_ptr() as usize) / size_of::<Operation>()) as u32
    }

    /// Links `branch` to the block whose first operation is `link`.
    pub(super) fn link(&mut self, branch: *const Operation, link: u32) {
        let position = self.position(branch);
        let block = self.block_of(link);
        self.blocks[block].incoming.push(position);
        self.operation(position).displacement.set(link);
    }

    /// Drops the blocks that hold any of these bytes; says how many.
    pub(super) fn overwritten(&mut self, frame: FrameNumber, offset: u32, length: u32) -> u32 {
        let written = Extent { frame, offset, length };
        let mut hit: Vec<u32> = written
            .granules()
            .filter_map(|granule| self.by_granule.get(&granule))
            .flatten()
            .copied()
            .filter(|block| {
                let extents = self.blocks[*block as usize].extents;
                extents.into_iter().flatten().any(|extent| extent.overlaps(written))
            })
            .collect();
        // A block stands under each granule that it touches.
        hit.sort_unstable();
        hit.dedup();
        for block in &hit {
            self.drop_block(*block);
        }
        hit.len() as u32
    }

    fn drop_block(&mut self, number: u32) {
        let block = &mut self.blocks[number as usize];
        let (eip, extents) = (block.eip, block.extents);
        let incoming = std::mem::take(&mut block.incoming);
        for position in incoming {
            self.operation(position).displacement.set(0);
        }
        self.by_eip.remove(&eip);
        self.jump_targets[eip as usize % JUMP_TARGETS] = NO_TARGET;
        for granule in extents.into_iter().flatten().flat_map(Extent::granules) {
            if let Some(blocks) = self.by_granule.get_mut(&granule) {
                blocks.retain(|other| *other != number);
            }
        }
    }

    fn operation(&self, position: u32) -> &Operation {
        &self.arena[position as usize]
    }

    /// Makes the running chain end before the operation at `position`.
    pub(super) fn arm(&mut self, position: u32) {
        let handler = self.operation(position).handler.replace(stop_here);
        self.armed.push((position, handler));
    }

    /// Makes the running chain end after `count` instructions from `first`, which may be an operation that notes its
    /// block.
    pub(super) fn arm_at(&mut self, first: *const Operation, count: u32) {
        let first = self.position(first);
        let notes = self.operation(first).length == 0;
        self.arm(first + u32::from(notes) + count);
    }

    /// Makes the running chain end after `operation`, which is not the last of its block.
    pub(super) fn arm_after(&mut self, operation: &Operation) {
        self.arm(self.position(operation) + 1);
    }

    /// Gives all armed operations their handlers back.
    #[inline]
    pub(super) fn disarm(&mut self) {
        // Backwards: an operation armed twice gets its first handler back last.
        while let Some((position, handler)) = self.armed.pop() {
            self.operation(position).handler.set(handler);
        }
    }
}

/// The handler of an armed operation.
unsafe fn stop_here(operation: *const Operation, x: &mut Executor<'_>) -> *const Operation {
    x.stopped(operation)
}

unsafe fn nowhere(_: *const Operation, _: &mut Executor<'_>) -> *const Operation {
    null()
}
