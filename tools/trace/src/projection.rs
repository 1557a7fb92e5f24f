//! What a run did in the eyes of a reviewer: its calls, events, traps and console, by symbol, one line each.
//!
//! Not here: numbers and times, which change with every change of the guest's code. A digest holds those.

use crate::event_text;
use crate::names::Names;
use emulator::Step;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Event, Machine, PartitionId, Recorder, Stamp, Wanted};

/// The longest run of lines that is looked for again right after itself.
const LONGEST_REPEATED: usize = 16;
/// Lines stand once if they would stand so often in a row.
const LEAST_REPEATS: usize = 3;

/// Collects the events of a run as text.
#[derive(Debug)]
pub struct Projection {
    symbols: Symbols,
    lines: Vec<String>,
}

impl Projection {
    /// No events yet.
    #[must_use]
    pub fn new(symbols: Symbols) -> Self {
        Self { symbols, lines: Vec::new() }
    }

    /// The lines so far. Lines that follow themselves stand once, indented under `48 times:`.
    #[must_use]
    pub fn text(&self) -> String {
        folded(&self.lines)
    }
}

impl Recorder for Projection {
    fn wanted(&self) -> Wanted {
        Wanted::Events
    }

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, _: Stamp, event: &Event) {
        self.lines.push(projected(&self.symbols, &Names::default(), event));
    }
}

/// Collects the events of a system as text: each line begins with the name of its partition.
#[derive(Debug)]
pub struct SystemProjection {
    partitions: Vec<(String, Symbols)>,
    names: Names,
    lines: Vec<String>,
}

impl SystemProjection {
    /// No events yet.
    #[must_use]
    pub fn new(machine: &Machine) -> Self {
        let partitions = machine.config().partitions.iter().enumerate();
        let named = partitions.map(|(place, partition)| {
            (partition.name.clone(), machine.symbols_of(PartitionId(place as u16)))
        });
        Self { partitions: named.collect(), names: Names::of(machine.config()), lines: Vec::new() }
    }

    /// The lines so far, as those of [`Projection::text`].
    #[must_use]
    pub fn text(&self) -> String {
        folded(&self.lines)
    }
}

impl Recorder for SystemProjection {
    fn wanted(&self) -> Wanted {
        Wanted::Events
    }

    fn instruction(&mut self, _: Stamp, _: &Step<'_>) {}

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let (name, symbols) = &self.partitions[stamp.partition.index()];
        self.lines.push(format!("{name}: {}", projected(symbols, &self.names, event)));
    }
}

/// The line of an event, of a single guest: its kind and by symbol what there is to say, without what is a time.
#[must_use]
pub fn projected(symbols: &Symbols, names: &Names, event: &Event) -> String {
    // Until when is a time.
    if let Event::Idle { .. } = event {
        return "idle".to_owned();
    }
    let mut line = Vec::new();
    event_text::append(&mut line, symbols, names, event);
    String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
}

/// Lines as a text. Lines that follow themselves stand once, indented under `48 times:`.
#[must_use]
pub fn folded(lines: &[String]) -> String {
    let mut text = String::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let (length, times) = longest_repeat(rest);
        let indent = if times == 1 { "" } else { "    " };
        if times > 1 {
            text += &format!("{times} times:\n");
        }
        for line in &rest[..length] {
            text += &format!("{indent}{line}\n");
        }
        rest = &rest[length * times..];
    }
    text
}

/// How many of the first lines repeat, and how often: the choice that leaves out most; (1, 1) if there is none.
fn longest_repeat(lines: &[String]) -> (usize, usize) {
    let mut best = (1, 1);
    for length in 1..=LONGEST_REPEATED.min(lines.len()) {
        let times = lines.chunks_exact(length).take_while(|chunk| *chunk == &lines[..length]).count();
        if times >= LEAST_REPEATS && length * (times - 1) > best.0 * (best.1 - 1) {
            best = (length, times);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::folded;

    fn fold(lines: &str) -> String {
        folded(&lines.chars().map(String::from).collect::<Vec<_>>()).replace('\n', ";").replace("    ", ">")
    }

    #[test]
    fn lines_that_follow_themselves_stand_once() {
        assert_eq!(fold("abababc"), "3 times:;>a;>b;c;");
        assert_eq!(fold("xaaab"), "x;3 times:;>a;b;");
    }

    #[test]
    fn two_times_is_no_repetition_and_nothing_is_left_out() {
        assert_eq!(fold("aabb"), "a;a;b;b;");
        assert_eq!(fold(""), "");
        assert_eq!(fold("aabaabaabaa"), "3 times:;>a;>a;>b;a;a;");
    }
}
