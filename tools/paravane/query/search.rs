//! Runs a recording again, span by span, past what looks for something: forwards, or backwards from keyframe to keyframe.

use super::hit::{Hit, Showing};
use super::options::Query;
use super::scope::Range;
use crate::output::{Ended, Output};
use crate::paint::{Painter, Text};
use crate::progress::Progress;
use crate::show_command::failed;
use hypervisor_core::{Machine, PartitionId, Recorder, Stamp};
use recording::{Recording, Replay, Span};

/// Hits are taken, and the end is looked for, so often, in units.
const SLICE_UNITS: u64 = 1 << 15;

/// Looks for something in a run.
pub trait Finder: Recorder {
    /// Whether it has to see the machine at each event.
    fn looks_at_events(&self) -> bool;

    /// A run begins, or goes on, with this machine.
    fn begin(&mut self, machine: &Machine);

    /// The machine is this now.
    fn look(&mut self, machine: &Machine);

    /// What was found since the last time, in order.
    fn take(&mut self) -> Vec<Hit>;

    /// Of what is found, only the last is wanted.
    fn keep_last(&mut self);
}

/// Which hits are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The first.
    First,
    /// The last.
    Last,
    /// All of them, in order.
    All,
}

/// A search.
pub struct Search<'a> {
    /// The question.
    pub query: &'a Query,
    /// Whom it is about.
    pub partition: PartitionId,
    /// From when until when.
    pub range: Range,
}

impl Search<'_> {
    /// Hands each hit that is wanted to `show`; counts them.
    ///
    /// # Errors
    /// The recording cannot be run again, or `show` fails.
    pub fn run<F: Finder>(
        &self,
        recording: &mut Recording,
        finder: &mut F,
        wanted: Wanted,
        mut show: impl FnMut(&Hit) -> Result<(), Ended>,
    ) -> Result<u64, Ended> {
        let spans = self.spans(recording);
        let last_unit = recording.last_unit().map_err(|error| self.failed(&error))?;
        let from = spans.first().map_or(0, |span| span.unit);
        let mut progress = Progress::new("searching", last_unit.saturating_sub(from));
        if wanted == Wanted::Last {
            finder.keep_last();
            let mut done = 0;
            for span in spans.iter().rev() {
                let mut replay = recording.replay_span(span).map_err(|error| self.failed(&error))?;
                finder.begin(replay.machine());
                self.pass(recording, &mut replay, span, finder, |_, machine| {
                    progress.set(done + machine.clock().units().saturating_sub(span.unit));
                    Ok(true)
                })?;
                done += replay.machine().clock().units().saturating_sub(span.unit);
                if let Some(hit) = finder.take().last() {
                    return progress.aside(|| show(hit)).map(|()| 1);
                }
            }
            return Ok(0);
        }
        let Some(first) = spans.first() else { return Ok(0) };
        let mut replay = recording.replay_span(first).map_err(|error| self.failed(&error))?;
        finder.begin(replay.machine());
        let mut count = 0;
        for span in &spans {
            let goes_on = self.pass(recording, &mut replay, span, finder, |finder, machine| {
                progress.set(machine.clock().units().saturating_sub(from));
                for hit in finder.take() {
                    progress.aside(|| show(&hit))?;
                    count += 1;
                    if wanted == Wanted::First {
                        return Ok(false);
                    }
                }
                Ok(true)
            })?;
            if !goes_on {
                break;
            }
        }
        Ok(count)
    }

    /// The spans in which something can be found.
    fn spans(&self, recording: &Recording) -> Vec<Span> {
        let rate = recording.traced().rate;
        let stamp = |span: &Span| Stamp {
            partition: self.partition,
            instruction: span.executed_by.get(self.partition.index()).copied().unwrap_or(0),
            unit: span.unit,
            now_ns: rate.nanoseconds(span.unit),
        };
        let mut spans = recording.spans();
        spans.retain(|span| span.unit == 0 || !self.range.is_over(stamp(span)));
        let first = spans.iter().rposition(|span| self.range.begins_after(stamp(span))).unwrap_or(0);
        spans.split_off(first)
    }

    /// Runs to the end of a span. `taken` is called now and then, and says whether to go on; so does this.
    fn pass<F: Finder>(
        &self,
        recording: &mut Recording,
        replay: &mut Replay,
        span: &Span,
        finder: &mut F,
        mut taken: impl FnMut(&mut F, &Machine) -> Result<bool, Ended>,
    ) -> Result<bool, Ended> {
        let mut stops = if finder.looks_at_events() {
            recording.event_units(span).map_err(|error| self.failed(&error))?.into_iter()
        } else {
            Vec::new().into_iter()
        };
        let mut stop = stops.next();
        while !replay.has_ended() {
            let now = replay.machine().clock().units();
            let left = span.end.map_or(u64::MAX, |end| end.saturating_sub(now));
            if left == 0 || self.range.is_over(replay.machine().stamp_of(self.partition)) {
                break;
            }
            // What the machine does at a unit, it does from there to the next.
            while stop.is_some_and(|unit| unit < now) {
                stop = stops.next();
            }
            let to_stop = stop.map_or(u64::MAX, |unit| if unit > now { unit - now } else { 1 });
            replay.run_slice(left.min(to_stop).min(SLICE_UNITS), finder);
            finder.look(replay.machine());
            if !taken(finder, replay.machine())? {
                return Ok(false);
            }
        }
        Ok(!self.range.is_over(replay.machine().stamp_of(self.partition)))
    }

    fn failed(&self, error: &recording::RecordingError) -> Ended {
        failed(&self.query.recording, error)
    }
}

/// Writes hits to stdout.
pub struct Printer<'a> {
    output: Output,
    showing: Showing<'a>,
    painter: Option<Painter>,
    json: bool,
}

impl<'a> Printer<'a> {
    /// Writes lines, or JSON.
    pub fn new(showing: Showing<'a>, json: bool) -> Self {
        let output = Output::stdout();
        let is_painted = !json && output.shows_colours();
        let painter = is_painted.then(|| Painter::new(Text::Trace, showing.system()));
        Self { output, showing, painter, json }
    }

    /// Writes a hit.
    ///
    /// # Errors
    /// Stdout fails.
    pub fn hit(&mut self, hit: &Hit) -> Result<(), Ended> {
        let line = if self.json { self.showing.json(hit).line() } else { self.showing.text(hit) };
        self.line(&line)
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Stdout fails.
    pub fn line(&mut self, line: &str) -> Result<(), Ended> {
        match self.painter.as_ref().filter(|painter| painter.is_record(line)) {
            Some(painter) => self.output.write(&painter.paint(line.as_bytes()))?,
            None => self.output.write(line.as_bytes())?,
        }
        self.output.write(b"\n")
    }

    /// Brings it all to its reader.
    ///
    /// # Errors
    /// Stdout fails.
    pub fn flush(&mut self) -> Result<(), Ended> {
        self.output.flush()
    }
}
