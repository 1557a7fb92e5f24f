//! A trace of a system as text, format `paravane-trace system text 1`: the lines of [`TextTrace`], each after the name of
//! its partition. Lines of the whole system stand after `*`.
//!
//! Not here: files. Who owns the trace takes the text when it likes.

use crate::names::Names;
use crate::run_end::{PartitionEnd, RunEnd};
use crate::text::TextTrace;
use crate::traced_system::TracedSystem;
use emulator::{Cpu, Step};
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};
use std::sync::Arc;

/// The first line of every text trace of a system. The number counts up when the lines change their meaning.
pub const SYSTEM_HEADER: &str = "paravane-trace system text 1";

/// Writes down everything that the partitions of a system do.
pub struct SystemTrace {
    /// What stands before a line, and what makes the line; None for partitions that are left out.
    partitions: Vec<Option<(Vec<u8>, TextTrace)>>,
    /// What stands before a line of the whole system.
    system: Vec<u8>,
    /// The names for what is said of the whole system.
    symbols: Symbols,
    names: Arc<Names>,
    text: Vec<u8>,
}

impl SystemTrace {
    /// A trace of this system that begins with [`SYSTEM_HEADER`] and lines that say what is traced. Partitions that are
    /// not `shown` are left out.
    #[must_use]
    pub fn new(traced: &TracedSystem, shown: impl Fn(usize) -> bool) -> Self {
        let rate = traced.rate.units_per_second();
        let mut text = format!("{SYSTEM_HEADER}\n{rate} units a second\n");
        let width = traced.partitions.iter().map(|partition| partition.name.len()).max().unwrap_or(0);
        let mut partitions = Vec::new();
        for (place, partition) in traced.partitions.iter().enumerate() {
            let left_out = if shown(place) { "" } else { ", left out" };
            text += &format!("partition {}: image {:032x}{left_out}\n", partition.name, partition.image.hash);
            partitions.push(shown(place).then(|| {
                (
                    prefix(&partition.name, width),
                    TextTrace::of_lines(partition.symbols.clone(), Arc::clone(&traced.names)),
                )
            }));
        }
        let symbols = traced.partition(PartitionId(0)).symbols.clone();
        Self {
            partitions,
            system: prefix("*", width),
            symbols,
            names: Arc::clone(&traced.names),
            text: text.into_bytes(),
        }
    }

    /// Writes in the head, before any record, which filter is in force.
    pub fn name_filter(&mut self, options: &str) {
        self.text.extend_from_slice(format!("filter {options}\n").as_bytes());
    }

    /// The lines of a partition begin with what this processor does next.
    pub fn begin_at(&mut self, id: PartitionId, processor: &Cpu) {
        if let Some(Some((_, lines))) = self.partitions.get_mut(id.index()) {
            lines.begin_at(processor);
        }
    }

    /// As [`TextTrace::remark`], of the partition of `stamp`.
    pub fn remark(&mut self, stamp: Stamp, words: &str) {
        self.line(stamp, |lines| lines.remark(stamp, words));
    }

    /// What was written since the last [`SystemTrace::clear`]: whole lines.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Forgets the text so far, once it is where it belongs.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Records are missing before the next one: what it did to segment registers is not known.
    pub fn skip(&mut self) {
        self.partitions.iter_mut().flatten().for_each(|(_, lines)| lines.skip());
    }

    /// Writes how each partition and the run ended. A trace without the line of the run was cut off.
    pub fn end(&mut self, end: &RunEnd) {
        for PartitionEnd { partition, instruction, now_ns, outcome } in &end.partitions {
            let (partition, instruction, now_ns) = (PartitionId(*partition), *instruction, *now_ns);
            let stamp = Stamp { partition, instruction, now_ns, ..Stamp::default() };
            self.line(stamp, |lines| lines.end_of(stamp, outcome));
        }
        let mut lines = TextTrace::of_lines(self.symbols.clone(), Arc::clone(&self.names));
        lines.end_of(end.stamp(), &end.outcome);
        self.text.extend_from_slice(&self.system);
        self.text.extend_from_slice(lines.text());
    }

    /// Writes what `write` writes for the partition of `stamp`.
    fn line(&mut self, stamp: Stamp, write: impl FnOnce(&mut TextTrace)) {
        let Some(Some((prefix, lines))) = self.partitions.get_mut(stamp.partition.index()) else { return };
        self.text.extend_from_slice(prefix);
        lines.exchange_text(&mut self.text);
        write(lines);
        lines.exchange_text(&mut self.text);
    }
}

impl Recorder for SystemTrace {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.line(stamp, |lines| lines.instruction(stamp, step));
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.line(stamp, |lines| lines.event(stamp, event));
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.line(stamp, |lines| lines.elided(stamp, elision));
    }
}

fn prefix(name: &str, width: usize) -> Vec<u8> {
    format!("{name:width$} ").into_bytes()
}
