//! What `paravane diff` prints.

use super::opened::Opened;
use super::options::Diff;
use super::{Chosen, Pair};
use crate::output::{Ended, Output};
use crate::progress::Progress;
use crate::quantities::grouped;
use crate::status::Status;
use anstyle::{AnsiColor, Style};
use trace::diff::{By, Counts, Line, Mark};

/// What was compared is alike, and not all could be.
const INCOMPLETE: Status = Status::Own(3);

/// The report, on stdout.
pub struct Report {
    output: Output,
    is_system: bool,
    /// Whether it goes on after a difference.
    goes_on: bool,
    /// The lines of the partitions of a system, which come at its end.
    held: Vec<(String, Vec<Line>)>,
}

impl Report {
    /// A report of a single guest or of a system.
    pub fn new(is_system: bool, goes_on: bool) -> Self {
        Self { output: Output::stdout(), is_system, goes_on, held: Vec::new() }
    }

    /// Says what is compared, and how.
    ///
    /// # Errors
    /// Stdout fails.
    pub fn begin(
        &mut self,
        diff: &Diff,
        opened: &[Opened; 2],
        names: &[String],
        filter: Option<&str>,
    ) -> Result<(), Ended> {
        let [a, b] = opened.each_ref().map(|opened| opened.source.traced());
        let images = match (a, b) {
            (Some(a), Some(b)) => {
                let image = |traced: &trace::TracedSystem, name: &str| {
                    let mut found = traced.partitions.iter();
                    let found = found.find(|partition| partition.name == name).or(traced.partitions.first());
                    found.map(|partition| partition.image.hash)
                };
                let other: Vec<&str> = names
                    .iter()
                    .filter(|name| image(a, name) != image(b, name))
                    .map(String::as_str)
                    .collect();
                Some(other)
            }
            _ => None,
        };
        let how = match &images {
            None => String::new(),
            Some(different) if different.is_empty() => {
                ": the same image".to_owned() + if self.is_system { "s" } else { "" }
            }
            Some(_) if !self.is_system => ": different images".to_owned(),
            Some(different) => format!(": different images of {}", different.join(", ")),
        };
        let [first, second] = opened;
        self.text(&format!("A {} ({}), B {} ({}){how}\n", first.shown, first.how, second.shown, second.how))?;
        if images.is_some_and(|different| !different.is_empty()) && diff.by() == By::Address {
            self.text("Instructions are matched by address: if code moved, match them with --by symbol\n")?;
        }
        if b.is_none() {
            self.text(
                "Compared are addresses and up to four bytes of each instruction: the log has no more. A REP is one row\n",
            )?;
        }
        if let Some(filter) = filter {
            self.text(&format!("Compared is what was recorded to be shown: {filter}\n"))?;
        }
        if !diff.only.is_empty() {
            self.text(&format!("Compared are only: {}\n", diff.only.join(", ")))?;
        }
        if !diff.ignore.is_empty() {
            self.text(&format!("Not compared: {}\n", diff.ignore.join(", ")))?;
        }
        Ok(())
    }

    /// Prints what a comparison has to show, or keeps it.
    ///
    /// # Errors
    /// Stdout fails.
    pub fn differences(&mut self, pair: &mut Pair, progress: &Progress) -> Result<(), Ended> {
        let lines = pair.comparison.take_lines();
        if lines.is_empty() {
            return Ok(());
        }
        if self.is_system {
            match self.held.iter_mut().find(|(name, _)| *name == pair.name) {
                Some((_, held)) => held.extend(lines),
                None => self.held.push((pair.name.clone(), lines)),
            }
            return Ok(());
        }
        progress.aside(|| lines.iter().try_for_each(|line| self.line(line)))
    }

    /// Prints what was kept, and sums up.
    ///
    /// # Errors
    /// Stdout fails.
    pub fn end(&mut self, pairs: &mut [Pair], chosen: &Chosen) -> Result<Status, Ended> {
        for pair in pairs.iter() {
            let held = self.held.iter().position(|(name, _)| *name == pair.name);
            let lines = held.map(|place| std::mem::take(&mut self.held[place].1)).unwrap_or_default();
            if !lines.is_empty() {
                self.text(&format!("\n{}:\n", pair.name))?;
            }
            lines.iter().try_for_each(|line| self.line(line))?;
        }
        self.text("\n")?;
        for pair in pairs.iter() {
            let name = if self.is_system { format!("{}: ", pair.name) } else { String::new() };
            let conclusion = pair.comparison.conclusion().unwrap_or_default();
            let counts = pair.comparison.counts();
            let summary = if self.goes_on { summary(&counts) } else { first(&counts) };
            self.text(&format!("{name}{summary}; {conclusion}\n"))?;
        }
        for (side, name) in &chosen.alone {
            self.text(&format!("{name}: only {side} has this partition\n"))?;
        }
        self.output.flush()?;
        let is_nothing = |counts: Counts| counts.instructions == [0, 0] && counts.events == [0, 0];
        if pairs.iter().all(|pair| is_nothing(pair.comparison.counts()) && !pair.comparison.differs()) {
            return Err(Ended::Failed(
                "nothing was compared: no record on either side passes --only and the filters of the recordings".to_owned(),
            ));
        }
        let differs = pairs.iter().any(|pair| pair.comparison.differs()) || !chosen.alone.is_empty();
        let is_cut = pairs.iter().any(|pair| pair.comparison.is_cut());
        Ok(match (differs, is_cut) {
            (true, _) => Status::Different,
            (false, true) => INCOMPLETE,
            (false, false) => Status::Success,
        })
    }

    fn line(&mut self, line: &Line) -> Result<(), Ended> {
        let (before, colour) = match line.mark {
            Mark::Head => ("\n@@ ", Some(AnsiColor::Cyan)),
            Mark::Both => ("  ", None),
            Mark::A => ("- ", Some(AnsiColor::Red)),
            Mark::B => ("+ ", Some(AnsiColor::Green)),
            Mark::Note => ("      ^ ", Some(AnsiColor::Yellow)),
        };
        let style = match colour.filter(|_| self.output.shows_colours()) {
            Some(colour) => Style::new().fg_color(Some(colour.into())),
            None => Style::new(),
        };
        self.text(&format!("{style}{before}{}{style:#}\n", line.text))
    }

    fn text(&mut self, text: &str) -> Result<(), Ended> {
        self.output.write(text.as_bytes())
    }
}

/// How far a comparison came that the first difference ends.
fn first(counts: &Counts) -> String {
    match counts.alike_before {
        None => summary(counts),
        Some((0, 0)) => "different from the beginning".to_owned(),
        Some((instructions, events)) => {
            format!("different after {} that are alike", compared(instructions, events))
        }
    }
}

/// `1_204 instructions and 12 events`.
fn compared(instructions: u64, events: u64) -> String {
    match (instructions, events) {
        (0, events) => counted(events, "event"),
        (instructions, 0) => counted(instructions, "instruction"),
        (instructions, events) => {
            format!("{} and {}", counted(instructions, "instruction"), counted(events, "event"))
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `alike: 1_204 instructions and 12 events`.
fn summary(counts: &Counts) -> String {
    let of = |side: usize| compared(counts.instructions[side], counts.events[side]);
    if counts.differences == 0 {
        return format!("alike: {}", of(0));
    }
    let compared = if of(0) == of(1) { of(0) } else { format!("{} of A, {} of B", of(0), of(1)) };
    let parts =
        [(counts.changed, " changed"), (counts.only[0], " only in A"), (counts.only[1], " only in B")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, how)| format!("{}{how}", counted(*count, "row"))).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("different: {}{parts} in {compared}", counted(counts.differences, "difference"))
}
