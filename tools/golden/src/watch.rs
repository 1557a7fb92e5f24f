//! What is watched while a case runs: its events, its ladder, and the symbols that it must reach.

use crate::ladder::{Ladder, Rung};
use crate::tolerance::{Masks, Tolerance, Tolerated};
use crate::tolerate::{Order, Tolerate};
use crate::traced_part::Part;
use emulator::Step;
use hypervisor_core::{Event, Recorder, Stamp};
use std::collections::BTreeSet;
use trace::{TracedSystem, folded, projected};

/// More events than this are no test that a person reviews, and would fill the host's memory.
pub const EVENTS_MOST: usize = 1_000_000;

/// Watches a run.
pub struct Watch<'a> {
    traced: &'a TracedSystem,
    order: Order,
    part: Part,
    tolerance: Tolerance,
    /// The events that are compared: where each happened, and its line.
    events: Vec<(Stamp, String)>,
    ladder: Ladder,
    has_ladder: bool,
    /// Nothing is left out or tolerated.
    compares_all: bool,
    counts: Counts,
    /// Addresses that have to be reached and were not, each with its partition.
    awaited: BTreeSet<(u16, u32)>,
}

/// How much ran, and how much of it is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Instructions that ran.
    pub instructions: u64,
    /// Events that happened.
    pub events: u64,
    /// Instructions that are compared.
    pub compared_instructions: u64,
    /// Events that are compared.
    pub compared_events: u64,
}

/// What was watched.
pub struct Watched {
    pub events: String,
    pub stamps: Vec<Stamp>,
    pub ladder: Vec<Rung>,
    pub counts: Counts,
    /// Whether what is compared ever began.
    pub began: bool,
    pub tolerated: Vec<Tolerated>,
    pub awaited: BTreeSet<(u16, u32)>,
}

impl<'a> Watch<'a> {
    pub fn new(
        traced: &'a TracedSystem,
        part: Part,
        tolerate: &Tolerate,
        awaited: BTreeSet<(u16, u32)>,
    ) -> Self {
        let tolerance = Tolerance::new(tolerate, traced);
        Self {
            traced,
            order: tolerate.order,
            ladder: Ladder::new(traced.partitions.len(), tolerance.has_instants()),
            has_ladder: part.kinds.has_instructions(),
            compares_all: part.is_all() && !tolerance.concerns_instructions(),
            part,
            tolerance,
            events: Vec::new(),
            counts: Counts::default(),
            awaited,
        }
    }

    /// Whether there were more events than are kept.
    pub fn overflows(&self) -> bool {
        self.events.len() > EVENTS_MOST
    }

    pub fn finish(self) -> Watched {
        let Self { order, part, tolerance, mut events, ladder, has_ladder, counts, awaited, .. } = self;
        let sources: BTreeSet<u16> = events.iter().map(|(stamp, _)| stamp.partition.0).collect();
        if order == Order::PerPartition {
            events.sort_by_key(|(stamp, _)| stamp.partition.0);
        }
        let (stamps, lines): (Vec<Stamp>, Vec<String>) = events.into_iter().unzip();
        Watched {
            events: folded(&lines),
            stamps,
            ladder: if has_ladder { ladder.finish() } else { Vec::new() },
            counts,
            began: part.window.was_open(),
            tolerated: tolerance.finish(sources.len() > 1),
            awaited,
        }
    }
}

impl Recorder for Watch<'_> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.counts.instructions += 1;
        if !self.awaited.is_empty() {
            self.awaited.remove(&(stamp.partition.0, step.eip));
        }
        if self.compares_all {
            self.counts.compared_instructions += 1;
            return self.ladder.instruction(stamp, step, Masks::default());
        }
        let is_compared = self.part.shows(stamp.partition)
            && self.part.window.holds_instruction(stamp, step)
            && self.part.kinds.holds_instruction(step);
        // Also of an instruction that is left out: what it leaves undefined may be read by one that is not.
        let masks = self.tolerance.masks(stamp, step);
        if !is_compared || self.tolerance.elides(stamp, step) {
            return self.ladder.leave_out(stamp);
        }
        self.counts.compared_instructions += 1;
        self.ladder.instruction(stamp, step, masks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.counts.events += 1;
        let is_compared = self.part.shows(stamp.partition)
            && self.part.window.holds_event(stamp, event)
            && self.part.kinds.holds_event(event);
        if !is_compared {
            return;
        }
        self.counts.compared_events += 1;
        self.ladder.event(stamp);
        if self.overflows() {
            return;
        }
        let partition = self.traced.partition(stamp.partition);
        let line = self.tolerance.line(projected(&partition.symbols, &self.traced.names, event));
        let line = if self.traced.is_system { format!("{}: {line}", partition.name) } else { line };
        self.events.push((stamp, line));
    }
}

/// The addresses of symbols that a case requires.
///
/// # Errors
/// The one that is not there, or is ambiguous.
pub fn addresses(symbols: &[String], traced: &TracedSystem) -> Result<Vec<(u16, u32)>, String> {
    symbols.iter().map(|symbol| address(symbol, traced)).collect()
}

fn address(symbol: &str, traced: &TracedSystem) -> Result<(u16, u32), String> {
    let missing = |why: String| format!("`require.symbols` names `{symbol}`: {why}");
    let (place, name) = match symbol.split_once(':').filter(|_| traced.is_system) {
        None if traced.is_system => return Err(missing("of a system write PARTITION:SYMBOL".to_owned())),
        None => (0, symbol),
        Some((partition, name)) => {
            let place = traced.partitions.iter().position(|known| known.name == partition);
            (place.ok_or_else(|| missing(format!("there is no partition `{partition}`")))?, name)
        }
    };
    let found = traced.partitions[place].symbols.named(name);
    let found = found.ok_or_else(|| missing("the image has no such symbol".to_owned()))?;
    Ok((place as u16, found.address))
}
