//! The text of a trace on its way to a file or to stdout, of a single guest or of a system.

use crate::output::{Ended, Output};
use crate::paint::{Painter, Text};
use crate::session::Listener;
use crate::source_notes::SourceNotes;
use emulator::{Cpu, Step};
use hypervisor_core::{Elision, Event, Machine, PartitionId, Progress, Recorder, Stamp};
use trace::{CallText, RunEnd, SystemTrace, TextTrace, TracedSystem};

/// Units between two writes of the trace: some megabytes of text.
pub const SLICE_UNITS: u64 = 1 << 15;

/// Writes a trace as text.
pub struct TextSink {
    lines: Lines,
    source: Option<SourceNotes>,
    painter: Option<Painter>,
    output: Output,
}

enum Lines {
    Guest(Box<TextTrace>),
    System(Box<SystemTrace>),
    Calls(Box<CallText>),
}

impl Lines {
    fn text(&self) -> &[u8] {
        match self {
            Self::Guest(text) => text.text(),
            Self::System(text) => text.text(),
            Self::Calls(text) => text.text(),
        }
    }
}

impl TextSink {
    /// A trace that begins. Partitions of a system that are not `shown` are left out.
    pub fn new(traced: &TracedSystem, shown: &[bool], output: Output) -> Self {
        let lines = if traced.is_system {
            Lines::System(Box::new(SystemTrace::new(traced, |place| shown[place])))
        } else {
            Lines::Guest(Box::new(TextTrace::new(traced)))
        };
        Self { lines, source: None, painter: painter(Text::Trace, traced, &output), output }
    }

    /// A tree of calls that begins.
    pub fn of_calls(text: CallText, traced: &TracedSystem, output: Output) -> Self {
        let painter = painter(Text::Calls, traced, &output);
        Self { lines: Lines::Calls(Box::new(text)), source: None, painter, output }
    }

    /// Says before instructions which lines of the source they come from.
    pub fn show_source(&mut self, notes: SourceNotes) {
        self.source = Some(notes);
    }

    /// The tree of calls, if it is one.
    pub fn calls_mut(&mut self) -> Option<&mut CallText> {
        match &mut self.lines {
            Lines::Calls(text) => Some(text),
            Lines::Guest(_) | Lines::System(_) => None,
        }
    }

    /// Writes in the head which filter is in force.
    pub fn name_filter(&mut self, words: &str) {
        match &mut self.lines {
            Lines::Guest(text) => text.name_filter(words),
            Lines::System(text) => text.name_filter(words),
            Lines::Calls(text) => text.name_filter(words),
        }
    }

    /// The lines of a partition begin with what its processor does next.
    pub fn begin_at(&mut self, id: PartitionId, processor: &Cpu) {
        match &mut self.lines {
            Lines::Guest(text) => text.begin_at(processor),
            Lines::System(text) => text.begin_at(id, processor),
            Lines::Calls(text) => text.begin_at(id, processor),
        }
    }

    /// Writes how the run ended.
    pub fn end(&mut self, end: &RunEnd) {
        match &mut self.lines {
            Lines::Guest(text) => text.end(end),
            Lines::System(text) => text.end(end),
            Lines::Calls(text) => text.end(end),
        }
    }

    /// Whether something was told since the last time.
    pub fn has_more(&self) -> bool {
        !self.lines.text().is_empty()
    }

    /// Writes what was told since the last time.
    ///
    /// # Errors
    /// The output fails.
    pub fn write(&mut self) -> Result<(), Ended> {
        let text = self.lines.text();
        match &self.painter {
            Some(painter) => self.output.write(&painter.paint(text))?,
            None => self.output.write(text)?,
        }
        match &mut self.lines {
            Lines::Guest(text) => text.clear(),
            Lines::System(text) => text.clear(),
            Lines::Calls(text) => text.clear(),
        }
        self.output.flush()
    }
}

fn painter(text: Text, traced: &TracedSystem, output: &Output) -> Option<Painter> {
    output.shows_colours().then(|| Painter::new(text, traced))
}

impl Recorder for TextSink {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if let Some(notes) = &mut self.source
            && !matches!(&self.lines, Lines::Calls(text) if !text.shows(step))
            && let Some(words) = notes.note(stamp.partition, step.eip)
        {
            match &mut self.lines {
                Lines::Guest(text) => text.remark(stamp, &words),
                Lines::System(text) => text.remark(stamp, &words),
                Lines::Calls(text) => text.remark(stamp, &words),
            }
        }
        match &mut self.lines {
            Lines::Guest(text) => text.instruction(stamp, step),
            Lines::System(text) => text.instruction(stamp, step),
            Lines::Calls(text) => text.instruction(stamp, step),
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        match &mut self.lines {
            Lines::Guest(text) => text.event(stamp, event),
            Lines::System(text) => text.event(stamp, event),
            Lines::Calls(text) => text.event(stamp, event),
        }
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        match &mut self.lines {
            Lines::Guest(text) => text.elided(stamp, elision),
            Lines::System(text) => text.elided(stamp, elision),
            Lines::Calls(text) => text.elided(stamp, elision),
        }
    }
}

impl Listener for TextSink {
    fn slice_units(&self, _: &Machine) -> Option<u64> {
        Some(SLICE_UNITS)
    }

    fn hand_on(&mut self, machine: &Machine, progress: &Progress) -> Result<(), Ended> {
        if let Progress::Finished(outcome) = progress {
            self.end(&RunEnd::of(machine, outcome));
        }
        self.write()
    }
}
