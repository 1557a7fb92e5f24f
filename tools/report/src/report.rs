//! Collects what a run did, event by event, and writes the page.

use crate::about::{self, About};
use crate::arrows::Arrows;
use crate::calls::{self, Calls};
use crate::channels::{self, Channels};
use crate::console::{self, Console};
use crate::density::{self, Density};
use crate::details::{self, Details};
use crate::functions::Functions;
use crate::interrupts::{self, Interrupts};
use crate::page;
use crate::schedule::{self, Schedule, Window};
use crate::words::{Words, label};
use hypervisor_core::{Event, Stamp, SystemConfig};
use serde::Serialize;
use std::io::{self, Write};
use trace::TracedSystem;

/// Plans that are named.
const PLANS_MOST: usize = 1024;

/// What is known of a run so far.
#[derive(Debug)]
pub struct Report {
    traced: TracedSystem,
    last_unit: u64,
    partitions: Vec<Partition>,
    /// Who had the last window.
    in_window: Option<usize>,
    schedule: Schedule,
    density: Density,
    details: Details,
    arrows: Arrows,
    interrupts: Interrupts,
    channels: Channels,
    calls: Calls,
    console: Console,
}

/// Where a partition is.
#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    unit: u64,
    instruction: u64,
    window: Option<(u32, u32, u64)>,
}

/// What the page holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    format: &'static str,
    about: about::Shown,
    plans: Vec<String>,
    schedule: schedule::Shown,
    density: density::Shown,
    details: details::Shown,
    interrupts: Vec<interrupts::Row>,
    interrupts_left_out: u64,
    channels: Vec<channels::Row>,
    calls: Vec<calls::Row>,
    calls_left_out: u64,
    console: console::Shown,
    functions: Functions,
    words: Vec<String>,
}

impl Report {
    /// Nothing happened yet in a run of so many units. The page holds single events from the first to the last of the units that are `asked` for.
    #[must_use]
    pub fn new(traced: &TracedSystem, config: &SystemConfig, last_unit: u64, asked: (u64, u64)) -> Self {
        let count = traced.partitions.len();
        Self {
            traced: traced.clone(),
            last_unit,
            partitions: vec![Partition::default(); count],
            in_window: None,
            schedule: Schedule::default(),
            density: Density::new(count, last_unit),
            details: Details::new(asked),
            arrows: Arrows::default(),
            interrupts: Interrupts::default(),
            channels: Channels::new(config),
            calls: Calls::default(),
            console: Console::new(count),
        }
    }

    /// Follows an event; each partition's in their order.
    pub fn event(&mut self, stamp: Stamp, event: &Event) {
        let place = stamp.partition.index();
        let Some(partition) = self.partitions.get_mut(place) else { return };
        // Before an event it waited, then executed.
        let executed = stamp.instruction.saturating_sub(partition.instruction);
        let since = stamp.unit.saturating_sub(executed).max(partition.unit);
        self.density.add_executed(place, since, stamp.unit);
        (partition.unit, partition.instruction) = (stamp.unit, stamp.instruction);
        match *event {
            Event::WindowStart { plan, window } => {
                partition.window = Some((plan, window, stamp.unit));
                self.end_other_window(place);
            }
            Event::WindowEnd { .. } => self.end_window(place, stamp.unit),
            _ => self.density.add_event(place, stamp.unit),
        }
        let arrow = self.arrows.follow(stamp, event);
        self.interrupts.follow(stamp, event, self.traced.rate);
        self.channels.follow(event, arrow, self.traced.rate);
        self.calls.follow(&self.traced, stamp, event);
        self.console.follow(stamp, event);
        self.details.follow(stamp, event, arrow);
    }

    /// Only one partition has a window: another one whose end was not told of ended with its partition, in its last event.
    fn end_other_window(&mut self, place: usize) {
        if let Some(other) = self.in_window.replace(place)
            && other != place
        {
            self.end_window(other, self.partitions[other].unit);
        }
    }

    fn end_window(&mut self, place: usize, end: u64) {
        if let Some((plan, window, start)) = self.partitions[place].window.take() {
            self.density.add_window(place, start, end);
            self.schedule.add(Window { partition: place as u16, plan, window, start, end });
        }
    }

    /// Writes the page.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(
        mut self,
        about: &About<'_>,
        config: &SystemConfig,
        functions: Functions,
        out: impl Write,
    ) -> io::Result<()> {
        for place in 0..self.partitions.len() {
            // What ran when the recording ended, up to there.
            let partition = self.partitions[place];
            let total = about.totals.as_ref().and_then(|totals| totals.get(place));
            if let Some(total) = total {
                let executed = total.executed.saturating_sub(partition.instruction);
                let end = partition.unit.saturating_add(executed).min(self.last_unit);
                self.density.add_executed(place, partition.unit, end);
            }
            let has_ended = about
                .end
                .is_some_and(|end| end.partitions.iter().any(|end| usize::from(end.partition) == place));
            self.end_window(
                place,
                if has_ended { partition.unit } else { self.last_unit.max(partition.unit) },
            );
        }
        let executed: Vec<u64> = self.partitions.iter().map(|partition| partition.instruction).collect();
        let totals = about.totals.clone();
        let about = about.shown(&self.traced, &executed);
        let names = &self.traced.names;
        let plans = (0..config.plans.len().min(PLANS_MOST) as u32).map(|plan| label(&names.plan(plan)));
        let mut words = Words::new();
        let (interrupts, interrupts_left_out) = self.interrupts.shown(names, totals.as_deref());
        let (calls, calls_left_out) = self.calls.shown();
        let data = Data {
            format: "paravane-report 1",
            about,
            plans: plans.collect(),
            schedule: self.schedule.shown(),
            density: self.density.shown(),
            details: self.details.shown(&self.traced, self.last_unit, &mut words),
            interrupts,
            interrupts_left_out,
            channels: self.channels.shown(config),
            calls,
            calls_left_out,
            console: self.console.shown(),
            functions,
            words: words.all(),
        };
        page::write(&data, out)
    }
}
