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

/// The windows whose lines `expected` does not have.
pub fn differing(expected: &str, windows: &[Window], names: &[String]) -> Vec<Window> {
    let known: BTreeSet<&str> = expected.lines().skip(1).collect();
    let differs = |window: &&Window| {
        let name = names.get(usize::from(window.partition)).map_or("", String::as_str);
        let line = format!("{name} {} {:016x}", window.number, window.digest);
        !known.contains(line.as_str())
    };
    windows.iter().filter(differs).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::{Ladder, WINDOW_UNITS, Window, differing, text};
    use hypervisor_core::{Event, PartitionId, Recorder, Stamp};

    fn ladder(instructions: &[(u16, u64)]) -> Vec<Window> {
        let mut ladder = Ladder::new(2);
        for (partition, instruction) in instructions {
            let stamp =
                Stamp { partition: PartitionId(*partition), instruction: *instruction, ..Stamp::default() };
            ladder.event(stamp, &Event::ConsoleEnd);
        }
        ladder.finish()
    }

    #[test]
    fn each_partition_has_windows_of_its_own() {
        let windows = ladder(&[(0, 0), (1, 5), (0, WINDOW_UNITS - 1), (0, WINDOW_UNITS), (1, 6)]);
        let places: Vec<_> = windows.iter().map(|window| (window.partition, window.number)).collect();
        assert_eq!(places, [(0, 0), (0, 1), (1, 0)]);
    }

    #[test]
    fn only_the_window_in_which_something_else_happens_differs() {
        let names = ["a".to_owned(), "b".to_owned()];
        let accepted = ladder(&[(0, 0), (0, WINDOW_UNITS), (0, 2 * WINDOW_UNITS), (1, 0)]);
        let now = ladder(&[(0, 0), (0, WINDOW_UNITS + 1), (0, 2 * WINDOW_UNITS), (1, 0)]);
        let found = differing(&text(&accepted, &names), &now, &names);
        assert_eq!(
            found.iter().map(|window| (window.partition, window.number)).collect::<Vec<_>>(),
            [(0, 1)]
        );
        assert_eq!(differing(&text(&now, &names), &now, &names), []);
    }
}
