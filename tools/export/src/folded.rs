//! Folded stacks, one line for each path of calls: `partition;outermost;...;innermost 1234`, counted in instructions. What flamegraph.pl,
//! inferno and speedscope read.
//!
//! An upcall's or trap's handler stands on what it interrupted. Threads have a path of their own from where they start.
//!
//! Not here: the picture.

use crate::Export;
use crate::call_tree::CallTree;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, Recorder, Stamp};
use std::io::{self, BufWriter, Write};
use trace::TracedSystem;

/// Writes folded stacks at the end.
#[derive(Debug)]
pub struct Folded<W> {
    tree: CallTree,
    out: W,
}

impl<W: Write> Folded<W> {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem, out: W) -> Self {
        Self { tree: CallTree::new(system), out }
    }
}

impl<W: Write> Recorder for Folded<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.tree.instruction(stamp, step);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        self.tree.blocks(stamp, blocks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.tree.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.tree.elided(stamp, elision);
    }
}

impl<W: Write> Export for Folded<W> {
    fn is_unsure(&self) -> bool {
        self.tree.is_unsure()
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut out = BufWriter::new(&mut self.out);
        let mut written = Ok(());
        self.tree.paths(|path, instructions| {
            if written.is_ok() {
                written = writeln!(out, "{path} {instructions}");
            }
        });
        written?;
        out.flush()
    }
}
