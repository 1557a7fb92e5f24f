//! The digest ladder: a digest for each window of instructions of each partition. It says in which window two runs part.

use emulator::Step;
use hypervisor_core::{Event, Recorder, Stamp};
use std::collections::BTreeSet;
use std::fmt::Write;
use trace::StreamDigest;

/// So many instructions of a partition make a window.
pub const WINDOW_UNITS: u64 = 65_536;

const HEADER: &str = "paravane-ladder 1";

/// The digest of what a partition did in one window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// The partition's number.
    pub partition: u16,
    /// Which window: it begins with instruction `number * WINDOW_UNITS`.
    pub number: u64,
    /// The digest, shortened to what a line needs.
    pub digest: u64,
}

/// Collects the windows of a run, by their ends.
#[derive(Debug, Default)]
pub struct Ladder {
    open: Vec<Option<(u64, StreamDigest)>>,
    closed: Vec<Window>,
}

impl Ladder {
    /// The ladder of a run of so many partitions.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        Self { open: vec![None; partitions], closed: Vec::new() }
    }

    /// All windows, by partition; the run is over.
    #[must_use]
    pub fn finish(mut self) -> Vec<Window> {
        for place in 0..self.open.len() {
            self.close(place);
        }
        self.closed.sort_by_key(|window| (window.partition, window.number));
        self.closed
    }

    fn close(&mut self, place: usize) {
        if let Some((number, digest)) = self.open[place].take() {
            let digest = digest.value() as u64;
            self.closed.push(Window { partition: place as u16, number, digest });
        }
    }

    fn digest(&mut self, stamp: Stamp) -> &mut StreamDigest {
        let (place, number) = (stamp.partition.index(), stamp.instruction / WINDOW_UNITS);
        if self.open[place].as_ref().is_some_and(|(open, _)| *open != number) {
            self.close(place);
        }
        &mut self.open[place].get_or_insert_with(|| (number, StreamDigest::new())).1
    }
}

impl Recorder for Ladder {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.digest(stamp).instruction(stamp, step);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.digest(stamp).event(stamp, event);
    }
}

/// The text of a ladder: a line `NAME NUMBER DIGEST` for each window.
pub fn text(windows: &[Window], names: &[String]) -> String {
    let mut text = format!("{HEADER}, a window is {WINDOW_UNITS} instructions\n");
    for Window { partition, number, digest } in windows {
        let name = names.get(usize::from(*partition)).map_or("", String::as_str);
        let _ = writeln!(text, "{name} {number} {digest:016x}");
    }
    text
}

/// The first window of each partition whose line `expected` does not have, the earliest number first.
pub fn first_differing(expected: &str, windows: &[Window], names: &[String]) -> Option<Window> {
    let known: BTreeSet<&str> = expected.lines().skip(1).collect();
    let differs = |window: &&Window| {
        let name = names.get(usize::from(window.partition)).map_or("", String::as_str);
        let line = format!("{name} {} {:016x}", window.number, window.digest);
        !known.contains(line.as_str())
    };
    windows.iter().filter(differs).min_by_key(|window| (window.number, window.partition)).cloned()
}
