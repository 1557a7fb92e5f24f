//! A counter-example: what happens when, in a column of instants.

use crate::model::System;

/// So many lines are shown; of a longer story the end counts.
const LINES_MOST: usize = 12;

/// What happens when.
pub struct Timeline<'s> {
    system: &'s System,
    lines: Vec<(u64, String)>,
}

impl<'s> Timeline<'s> {
    /// Nothing yet.
    pub fn new(system: &'s System) -> Self {
        Self { system, lines: Vec::new() }
    }

    /// At a unit, this happens.
    pub fn add(&mut self, unit: u64, what: impl Into<String>) {
        self.lines.push((unit, what.into()));
    }

    /// A title and a line for each event.
    pub fn text(&self, title: &str) -> String {
        let skipped = self.lines.len().saturating_sub(LINES_MOST);
        let shown = &self.lines[skipped..];
        let times: Vec<String> = shown.iter().map(|(unit, _)| self.system.time(*unit)).collect();
        let width = times.iter().map(|time| time.chars().count()).max().unwrap_or(0);
        let mut text = title.to_owned();
        if skipped > 0 {
            text += &format!("\n({skipped} events before)");
        }
        for (time, (_, what)) in times.iter().zip(shown) {
            text += &format!("\n{time:>width$}  {what}");
        }
        text
    }
}
