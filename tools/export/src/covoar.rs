//! The code of one partition that ran, as a trace of QEMU's coverage mode: read by covoar, the coverage tool of RTEMS, as format QEMU
//! for a target i386.
//!
//! A header of 20 bytes, `#QEMU-Traces`, version 1, then 8 bytes for each block: address, length, what happened. A branch that went both
//! ways is there twice, because a reader takes one way from each entry. The bits for taken and not taken are those that covoar
//! reads for i386.
//!
//! Not here: how often. The format has no place for it.

use crate::Export;
use crate::blocks::{Block, blocks};
use crate::chosen_partition::{SeveralPartitions, chosen_partition};
use crate::coverage::Coverage;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};
use std::io::{self, BufWriter, Write};
use trace::TracedSystem;

const MAGIC: &[u8; 12] = b"#QEMU-Traces";
const VERSION: u8 = 1;
/// What ran, in no order and without repetition.
const KIND_RAW: u8 = 0;
const ADDRESS_BYTES: u8 = 4;
const LITTLE_ENDIAN: u8 = 0;
/// The number that ELF has for an i386, big-endian here.
const MACHINE: [u8; 2] = [0, 3];

const BLOCK: u8 = 0x10;
const BRANCH_NOT_TAKEN: u8 = 0x01;
const BRANCH_TAKEN: u8 = 0x02;

/// Writes the blocks at the end.
#[derive(Debug)]
pub struct Covoar<W> {
    partition: PartitionId,
    symbols: Symbols,
    coverage: Coverage,
    out: W,
}

impl<W: Write> Covoar<W> {
    /// Nothing ran yet.
    ///
    /// # Errors
    /// There are several partitions, and none was chosen.
    pub fn new(
        system: &TracedSystem,
        chosen: Option<PartitionId>,
        out: W,
    ) -> Result<Self, SeveralPartitions> {
        let partition = chosen_partition(system, chosen, "a trace for covoar")?;
        let symbols = system.partition(partition).symbols.clone();
        Ok(Self { partition, symbols, coverage: Coverage::new(system), out })
    }
}

impl<W: Write> Recorder for Covoar<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if stamp.partition == self.partition {
            self.coverage.instruction(stamp, step);
        }
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        if stamp.partition == self.partition {
            self.coverage.blocks(stamp, blocks);
        }
    }

    fn event(&mut self, _: Stamp, _: &Event) {}

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        if stamp.partition == self.partition {
            self.coverage.elided(stamp, elision);
        }
    }
}

impl<W: Write> Export for Covoar<W> {
    fn finish(&mut self) -> io::Result<()> {
        let executed = self.coverage.of(self.partition).all()?;
        let mut out = BufWriter::new(&mut self.out);
        out.write_all(MAGIC)?;
        out.write_all(&[VERSION, KIND_RAW, ADDRESS_BYTES, LITTLE_ENDIAN])?;
        out.write_all(&MACHINE)?;
        out.write_all(&[0; 2])?;
        for block in blocks(&executed, &self.symbols) {
            let Block { taken, not_taken, .. } = block;
            let ways = [(taken, BRANCH_TAKEN), (not_taken, BRANCH_NOT_TAKEN), (!taken && !not_taken, 0)];
            for (_, way) in ways.into_iter().filter(|(went, _)| *went) {
                out.write_all(&block.address.to_le_bytes())?;
                out.write_all(&block.length_bytes.to_le_bytes())?;
                out.write_all(&[BLOCK | way, 0])?;
            }
        }
        out.flush()
    }
}
