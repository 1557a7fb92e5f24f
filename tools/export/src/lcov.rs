//! Which lines and functions of the source ran, as lcov's `.info`: read by genhtml and by what shows coverage in editors and reviews.
//!
//! Lines and functions that have code and did not run are there with 0. A line's count is that of its instruction that ran most often;
//! partitions that are built from the same file are added. A function that is inlined everywhere has no entry. Without DWARF there is
//! nothing to tell: build the image with `-g`.
//!
//! Not here: branches. DWARF does not say which branch of the source one of the code is.

use crate::Export;
use crate::coverage::Coverage;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::loader::SymbolKind;
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use trace::{SourceLines, TracedSystem, readable_name};

/// Writes coverage at the end.
#[derive(Debug)]
pub struct Lcov<W> {
    system: TracedSystem,
    coverage: Coverage,
    out: W,
}

/// What is known of a source file.
#[derive(Debug, Default)]
struct SourceFile {
    /// Line and count, by name.
    functions: BTreeMap<String, (u32, u64)>,
    lines: BTreeMap<u32, u64>,
}

impl<W: Write> Lcov<W> {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem, out: W) -> Self {
        Self { system: system.clone(), coverage: Coverage::new(system), out }
    }

    fn files(&mut self) -> io::Result<BTreeMap<String, SourceFile>> {
        let source = SourceLines::new(&self.system);
        let mut files: BTreeMap<String, SourceFile> = BTreeMap::new();
        for place in 0..self.system.partitions.len() {
            let partition = PartitionId(place as u16);
            let executed = self.coverage.of(partition);
            let mut counts: BTreeMap<(&str, u32), u64> = BTreeMap::new();
            for range in source.ranges(partition) {
                counts.entry((range.source.file, range.source.line)).or_default();
            }
            for (address, ran) in executed.all()? {
                if let Some(line) = source.line(partition, address) {
                    let count = counts.entry((line.file, line.line)).or_default();
                    *count = ran.times.max(*count);
                }
            }
            for ((file, line), count) in counts {
                *files.entry(file.to_owned()).or_default().lines.entry(line).or_default() += count;
            }
            let symbols = self.system.partition(partition).symbols.all().iter();
            for function in symbols.filter(|symbol| symbol.kind == SymbolKind::Function) {
                let Some(line) = source.line(partition, function.address) else { continue };
                let is_part = function.name.contains(".cold");
                if let Some(file) = files.get_mut(line.file).filter(|_| !is_part) {
                    let name = readable_name(&function.name).into_owned();
                    file.functions.entry(name).or_insert((line.line, 0)).1 +=
                        executed.times(function.address);
                }
            }
        }
        Ok(files)
    }
}

impl<W: Write> Recorder for Lcov<W> {
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

impl<W: Write> Export for Lcov<W> {
    fn finish(&mut self) -> io::Result<()> {
        let files = self.files()?;
        if files.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no image has source lines: compile and link the guest with -g (and without -gz and -s)",
            ));
        }
        let mut out = BufWriter::new(&mut self.out);
        for (path, file) in &files {
            writeln!(out, "TN:\nSF:{path}")?;
            for (name, (line, _)) in &file.functions {
                writeln!(out, "FN:{line},{name}")?;
            }
            for (name, (_, count)) in &file.functions {
                writeln!(out, "FNDA:{count},{name}")?;
            }
            let hit = file.functions.values().filter(|(_, count)| *count > 0).count();
            writeln!(out, "FNF:{}\nFNH:{hit}", file.functions.len())?;
            for (line, count) in &file.lines {
                writeln!(out, "DA:{line},{count}")?;
            }
            let hit = file.lines.values().filter(|count| **count > 0).count();
            writeln!(out, "LF:{}\nLH:{hit}\nend_of_record", file.lines.len())?;
        }
        out.flush()
    }
}
