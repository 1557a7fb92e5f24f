//! The code that ran, as DynamoRIO's drcov version 2: read by Lighthouse, Cartographer and other plugins of disassemblers.
//!
//! A partition is a module, of its name, from the lowest to the highest address of its image. Code outside of it, as in the hypercall
//! page, is left out: it is no part of a file.
//!
//! Not here: how often, and which way branches went. The format has no place for it.

use crate::Export;
use crate::blocks::{Block, blocks};
use crate::coverage::Coverage;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};
use std::io::{self, BufWriter, Write};
use trace::{TracedPartition, TracedSystem};

/// Writes the blocks at the end.
#[derive(Debug)]
pub struct Drcov<W> {
    system: TracedSystem,
    coverage: Coverage,
    out: W,
}

impl<W: Write> Drcov<W> {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem, out: W) -> Self {
        Self { system: system.clone(), coverage: Coverage::new(system), out }
    }
}

impl<W: Write> Recorder for Drcov<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.coverage.instruction(stamp, step);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        self.coverage.blocks(stamp, blocks);
    }

    fn event(&mut self, _: Stamp, _: &Event) {}

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.coverage.elided(stamp, elision);
    }
}

/// The first address of an image, and the address after its last.
fn extent(partition: &TracedPartition) -> (u32, u64) {
    let segments = &partition.image.segments;
    let first = segments.iter().map(|segment| segment.address).min().unwrap_or(0);
    (first, segments.iter().map(hypervisor_core::loader::Segment::end).max().unwrap_or(0))
}

impl<W: Write> Export for Drcov<W> {
    fn finish(&mut self) -> io::Result<()> {
        let partitions = &self.system.partitions;
        let mut out = BufWriter::new(&mut self.out);
        writeln!(out, "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov")?;
        writeln!(out, "Module Table: version 2, count {}", partitions.len())?;
        writeln!(out, "Columns: id, base, end, entry, checksum, timestamp, path")?;
        let mut entries: Vec<(u16, Block)> = Vec::new();
        for (place, partition) in partitions.iter().enumerate() {
            let (first, end) = extent(partition);
            let entry = partition.image.entry;
            // A line is a module.
            let name = partition.name.replace(['\n', '\r'], " ");
            writeln!(
                out,
                " {place}, 0x{first:016x}, 0x{end:016x}, 0x{entry:016x}, 0x00000000, 0x00000000, {name}"
            )?;
            let own = |block: &Block| block.address >= first && u64::from(block.address) < end;
            let ran = blocks(&self.coverage.of(PartitionId(place as u16)).all()?, &partition.symbols)
                .into_iter()
                .filter(own);
            entries
                .extend(ran.map(|block| (place as u16, Block { address: block.address - first, ..block })));
        }
        writeln!(out, "BB Table: {} bbs", entries.len())?;
        for (module, block) in entries {
            out.write_all(&block.address.to_le_bytes())?;
            out.write_all(&block.length_bytes.to_le_bytes())?;
            out.write_all(&module.to_le_bytes())?;
        }
        out.flush()
    }
}
