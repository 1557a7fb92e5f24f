//! A flame graph as one SVG file that a browser opens: the folded stacks as a picture, as wide as they ran instructions.
//!
//! Not here: the drawing, which is inferno's.

use crate::Export;
use crate::call_tree::CallTree;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, Recorder, Stamp};
use inferno::flamegraph::{Options, from_lines};
use std::io::{self, BufWriter, Write};
use trace::TracedSystem;

/// Draws a flame graph at the end.
#[derive(Debug)]
pub struct FlameGraph<W> {
    tree: CallTree,
    title: String,
    out: W,
}

impl<W: Write> FlameGraph<W> {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem, out: W) -> Self {
        let names: Vec<&str> = system.partitions.iter().map(|partition| partition.name.as_str()).collect();
        Self { tree: CallTree::new(system), title: names.join(", "), out }
    }
}

impl<W: Write> Recorder for FlameGraph<W> {
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

impl<W: Write> Export for FlameGraph<W> {
    fn is_unsure(&self) -> bool {
        self.tree.is_unsure()
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        self.tree.paths(|path, instructions| lines.push(format!("{path} {instructions}")));
        if lines.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is nothing to draw: no instruction was recorded; trace the run with instructions",
            ));
        }
        let mut options = Options::default();
        options.title = self.title.clone();
        options.count_name = "instructions".to_owned();
        // The colour comes of the name, so that the same run is the same picture.
        options.hash = true;
        let mut out = BufWriter::new(&mut self.out);
        from_lines(&mut options, lines.iter().map(String::as_str), &mut out)?;
        out.flush()
    }
}
