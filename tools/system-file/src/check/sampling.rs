//! Sampling ports: whenever a reader runs, what it reads was refreshed in time.
//!
//! The model: the writer has something to write every `writer_period`, at any phase, and writes it as soon as it has a
//! window. Without a period it writes all the time in its windows, which is the best that it can do. A message's age
//! counts from when readers see it. The age is worst if the writer just missed the end of its window.

use super::timeline::Timeline;
use super::windows::{Effort, PlanWindows, of_plans};
use crate::diagnostic::Diagnostic;
use crate::model::{Sampling, System};
use hypervisor_core::config::{Flush, PartitionId};
use std::ops::Range;

/// A proof for a window of a reader searches the writer's windows a few times.
const LOOKS_FOR_A_WINDOW: u64 = 20;

/// Reports readers that read what is no longer valid.
pub fn check(system: &System, effort: &mut Effort, diagnostics: &mut Vec<Diagnostic>) {
    let plans = of_plans(system);
    for port in &system.samplings {
        let (Some(from), Some(refresh)) = (&port.from, &port.refresh) else { continue };
        diagnostics.extend(
            plans.first().filter(|plan| plan.place == 0).and_then(|plan| never_written(system, port, plan)),
        );
        for plan in plans.iter().filter(|plan| !plan.of(from.value).is_empty()) {
            let proof = Proof {
                system,
                port,
                plan,
                writer: plan.of(from.value),
                from: from.value,
                refresh: i128::from(refresh.units),
                period: port.writer_period.as_ref().map_or(1, |period| i128::from(period.units)),
            };
            // One reader is example enough for a plan.
            let stale = port.to.iter().filter(|to| to.value != from.value).find_map(|to| {
                let mut worst: Option<Stale> = None;
                for window in plan.of(to.value) {
                    if !effort.spend(LOOKS_FOR_A_WINDOW) {
                        return None;
                    }
                    let found = proof.stale(to.value, window);
                    if found
                        .as_ref()
                        .is_some_and(|found| worst.as_ref().is_none_or(|worst| found.is_worse(worst)))
                    {
                        worst = found;
                    }
                }
                worst
            });
            diagnostics.extend(stale.and_then(|stale| proof.report(&stale)));
        }
    }
}

/// In other plans the writer may be left out by intent.
fn never_written(system: &System, port: &Sampling, first: &PlanWindows<'_>) -> Option<Diagnostic> {
    let from = port.from.as_ref()?;
    let reader = port.to.iter().find(|to| !first.of(to.value).is_empty())?;
    first.of(from.value).is_empty().then(|| {
        let (writer, reads) = (system.partition_name(from.value), system.partition_name(reader.value));
        Diagnostic::warning(format!(
            "{writer} has no window in the plan `{}`, in which {reads} reads",
            first.name
        ))
        .at(from.span.clone(), "never writes then")
        .also(reader.span.clone(), "never has a valid message")
        .help(format!("give {writer} a window in the first plan"))
    })
}

struct Proof<'p> {
    system: &'p System,
    port: &'p Sampling,
    plan: &'p PlanWindows<'p>,
    writer: &'p [Range<u64>],
    from: PartitionId,
    refresh: i128,
    period: i128,
}

/// A reader's window in which a message is too old. Units of a frame that may be before the reader's.
struct Stale {
    reader: PartitionId,
    /// When the message was written and seen.
    written: i128,
    seen: i128,
    /// When the reader's window begins and ends.
    begins: i128,
    ends: i128,
    /// When the writer can write again.
    again: i128,
}

impl Stale {
    fn is_worse(&self, other: &Self) -> bool {
        self.ends - self.seen > other.ends - other.seen
    }
}

impl Proof<'_> {
    fn frame(&self) -> i128 {
        i128::from(self.plan.frame)
    }

    fn stale(&self, reader: PartitionId, window: &Range<u64>) -> Option<Stale> {
        let (begins, ends) = (i128::from(window.start), i128::from(window.end));
        // What was written up to here is seen in the window.
        let horizon = match self.port.flush {
            Flush::Immediate | Flush::Window => self.last_end(begins),
            Flush::Frame => self.last_end(0),
        };
        let written = self.next_instant(horizon - self.period);
        let seen = match self.port.flush {
            Flush::Immediate => written,
            Flush::Window => self.window_end(written),
            Flush::Frame => (written.div_euclid(self.frame()) + 1) * self.frame(),
        };
        let again = self.next_instant(horizon);
        (ends - 1 - seen > self.refresh).then_some(Stale { reader, written, seen, begins, ends, again })
    }

    /// The end of the writer's last window that has ended at `instant`.
    fn last_end(&self, instant: i128) -> i128 {
        let (round, offset) = (instant.div_euclid(self.frame()), instant.rem_euclid(self.frame()));
        let ended = self.writer.partition_point(|window| i128::from(window.end) <= offset);
        let before = ended.checked_sub(1).and_then(|place| self.writer.get(place));
        match (before, self.writer.last()) {
            (Some(window), _) => round * self.frame() + i128::from(window.end),
            (None, Some(last)) => (round - 1) * self.frame() + i128::from(last.end),
            (None, None) => instant,
        }
    }

    /// The first instant from `instant` on at which the writer runs.
    fn next_instant(&self, instant: i128) -> i128 {
        let (round, offset) = (instant.div_euclid(self.frame()), instant.rem_euclid(self.frame()));
        let ended = self.writer.partition_point(|window| i128::from(window.end) <= offset);
        match (self.writer.get(ended), self.writer.first()) {
            (Some(window), _) => round * self.frame() + offset.max(i128::from(window.start)),
            (None, Some(first)) => (round + 1) * self.frame() + i128::from(first.start),
            (None, None) => instant,
        }
    }

    /// The end of the writer's window in which `instant` lies.
    fn window_end(&self, instant: i128) -> i128 {
        let (round, offset) = (instant.div_euclid(self.frame()), instant.rem_euclid(self.frame()));
        let ended = self.writer.partition_point(|window| i128::from(window.end) <= offset);
        self.writer.get(ended).map_or(instant, |window| round * self.frame() + i128::from(window.end))
    }

    fn report(&self, stale: &Stale) -> Option<Diagnostic> {
        let refresh = self.port.refresh.as_ref()?;
        let time = |units: i128| self.system.time(u64::try_from(units).unwrap_or(u64::MAX));
        let (writer, reader) =
            (self.system.partition_name(self.from), self.system.partition_name(stale.reader));
        let invalid = stale.seen + self.refresh + 1;
        // From the start of the frame in which the message is written.
        let base = stale.written.div_euclid(self.frame()) * self.frame();
        let mut events = vec![
            (stale.written, format!("{writer} writes")),
            (stale.begins, format!("a window of {reader} begins")),
            (invalid, "the message is no longer valid".to_owned()),
            (invalid.max(stale.begins), format!("{reader} can read it from here on")),
            (stale.ends, format!("the window of {reader} ends")),
            (stale.again, format!("{writer} can write again")),
        ];
        if stale.seen != stale.written {
            events.push((stale.seen, format!("{reader} sees it")));
        }
        events.sort_by_key(|(unit, _)| *unit);
        let mut timeline = Timeline::new(self.system);
        for (unit, what) in events {
            timeline.add(u64::try_from(unit - base).unwrap_or(u64::MAX), what);
        }
        let title = format!(
            "{reader} reads `{}` when it is {} old, in the plan `{}`",
            self.port.name.value,
            time(stale.ends - 1 - stale.seen),
            self.plan.name
        );
        // A reader that reads early in its window may be lucky.
        let is_certain = invalid <= stale.begins;
        let diagnostic = if is_certain { Diagnostic::error(title) } else { Diagnostic::warning(title) };
        let diagnostic = diagnostic.at(refresh.span.clone(), format!("valid for {}", time(self.refresh)));
        let (diagnostic, model) = match &self.port.writer_period {
            Some(period) => (
                diagnostic.also(period.span.clone(), format!("written every {}", time(self.period))),
                "if the writer just missed its window",
            ),
            None => (diagnostic, "however often it writes in its windows"),
        };
        Some(diagnostic.note(timeline.text(model)).help(format!(
            "write `refresh = \"{}\"` or more, or give {writer} windows nearer to those of {reader}",
            self.system.written(u64::try_from(stale.ends - 1 - stale.seen).unwrap_or(u64::MAX))
        )))
    }
}
