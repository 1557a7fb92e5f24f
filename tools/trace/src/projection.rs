//! What a run did in the eyes of a reviewer: its calls, events and traps, by symbol, one line each.
//!
//! Not here: numbers and times, which change with every change of the guest's code. A digest holds those.

use crate::event_text;
use emulator::Step;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Event, Recorder, Stamp};

/// Collects the events of a run as text.
#[derive(Debug)]
pub struct Projection {
    symbols: Symbols,
    text: String,
}

impl Projection {
    /// No events yet.
    #[must_use]
    pub fn new(symbols: Symbols) -> Self {
        Self { symbols, text: String::new() }
    }

    /// The lines so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Recorder for Projection {
    const ACTIVE: bool = true;

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, _: Stamp, event: &Event) {
        // The console has a golden of its own, and an instant is a time.
        match event {
            Event::ConsoleOutput(_) => return,
            Event::Idle { .. } => self.text.push_str("idle"),
            other => {
                let mut line = Vec::new();
                event_text::append(&mut line, &self.symbols, other);
                self.text.push_str(&String::from_utf8_lossy(line.trim_ascii_end()));
            }
        }
        self.text.push('\n');
    }
}
