//! What is watched while a case runs: its events, its ladder, and the symbols that it must reach.

use crate::ladder::{Ladder, Window};
use emulator::Step;
use hypervisor_core::{Event, Machine, Recorder, Stamp};
use std::collections::BTreeSet;
use trace::{Projection, SystemProjection, TracedSystem};

/// More events than this are no test that a person reviews, and would fill the host's memory.
pub const EVENTS_MOST: usize = 1_000_000;

/// Watches a run.
pub struct Watch {
    events: Events,
    /// Where each event happened.
    stamps: Vec<Stamp>,
    ladder: Ladder,
    instructions: u64,
    /// Addresses that have to be reached and were not, each with its partition.
    awaited: BTreeSet<(u16, u32)>,
}

enum Events {
    Guest(Projection),
    System(SystemProjection),
}

/// What was watched.
pub struct Watched {
    pub events: String,
    pub stamps: Vec<Stamp>,
    pub ladder: Vec<Window>,
    pub instructions: u64,
    pub awaited: BTreeSet<(u16, u32)>,
}

impl Watch {
    pub fn new(machine: &Machine, is_system: bool, awaited: BTreeSet<(u16, u32)>) -> Self {
        let events = if is_system {
            Events::System(SystemProjection::new(machine))
        } else {
            Events::Guest(Projection::new(machine.symbols()))
        };
        let ladder = Ladder::new(machine.partitions().len());
        Self { events, stamps: Vec::new(), ladder, instructions: 0, awaited }
    }

    /// Whether there were more events than are kept.
    pub fn overflows(&self) -> bool {
        self.stamps.len() > EVENTS_MOST
    }

    pub fn finish(self) -> Watched {
        let events = match self.events {
            Events::Guest(projection) => projection.text(),
            Events::System(projection) => projection.text(),
        };
        let Self { stamps, instructions, awaited, .. } = self;
        Watched { events, stamps, ladder: self.ladder.finish(), instructions, awaited }
    }
}

impl Recorder for Watch {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.instructions += 1;
        if !self.awaited.is_empty() {
            self.awaited.remove(&(stamp.partition.0, step.eip));
        }
        self.ladder.instruction(stamp, step);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.ladder.event(stamp, event);
        if self.overflows() {
            return;
        }
        self.stamps.push(stamp);
        match &mut self.events {
            Events::Guest(projection) => projection.event(stamp, event),
            Events::System(projection) => projection.event(stamp, event),
        }
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
