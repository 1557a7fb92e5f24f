//! What partitions wrote to their consoles and read from them, line by line, each with the instant at which it began.

use crate::bounds::{CONSOLE_BYTES_MOST, LINE_BYTES_MOST};
use crate::words::written_bytes;
use hypervisor_core::{Event, Stamp};
use serde::Serialize;
use std::collections::VecDeque;

/// Bytes that a line takes beside its text.
const LINE_OVERHEAD_BYTES: usize = 60;

/// A line: partition, unit and instruction at which it began, whether it is input, text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line(pub u16, pub u64, pub u64, pub u8, pub String);

/// The lines of all partitions.
#[derive(Debug)]
pub struct Console {
    /// By partition: the line that has not ended.
    open: Vec<Option<(Stamp, Vec<u8>)>>,
    first: Vec<Line>,
    first_bytes: usize,
    last: VecDeque<Line>,
    last_bytes: usize,
    left_out: u64,
}

/// The console as the page has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The lines by time.
    pub lines: Vec<Line>,
    /// Before this line, so many are left out.
    pub left_out: Option<(usize, u64)>,
}

impl Console {
    /// Nothing was written.
    pub fn new(partitions: usize) -> Self {
        Self {
            open: vec![None; partitions],
            first: Vec::new(),
            first_bytes: 0,
            last: VecDeque::new(),
            last_bytes: 0,
            left_out: 0,
        }
    }

    /// Follows an event.
    pub fn follow(&mut self, stamp: Stamp, event: &Event) {
        match event {
            Event::ConsoleOutput(bytes) => self.output(stamp, bytes),
            Event::ConsoleInput(bytes) => {
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    for piece in line.chunks(LINE_BYTES_MOST) {
                        self.add(stamp, true, piece);
                    }
                }
            }
            _ => {}
        }
    }

    fn output(&mut self, stamp: Stamp, bytes: &[u8]) {
        let place = stamp.partition.index();
        for byte in bytes {
            let Some(open) = self.open.get_mut(place) else { return };
            let (_, line) = open.get_or_insert_with(|| (stamp, Vec::new()));
            line.push(*byte);
            if (*byte == b'\n' || line.len() >= LINE_BYTES_MOST)
                && let Some((stamp, line)) = open.take()
            {
                self.add(stamp, false, &line);
            }
        }
    }

    fn add(&mut self, stamp: Stamp, is_input: bool, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned();
        let cost = cost(&text);
        let line = Line(stamp.partition.0, stamp.unit, stamp.instruction, u8::from(is_input), text);
        if self.last.is_empty() && self.first_bytes + cost <= CONSOLE_BYTES_MOST {
            self.first_bytes += cost;
            self.first.push(line);
            return;
        }
        self.last_bytes += cost;
        self.last.push_back(line);
        while self.last_bytes > CONSOLE_BYTES_MOST
            && let Some(Line(.., text)) = self.last.pop_front()
        {
            self.last_bytes -= self::cost(&text);
            self.left_out += 1;
        }
    }

    /// As the page has them.
    pub fn shown(mut self) -> Shown {
        for (stamp, line) in std::mem::take(&mut self.open).into_iter().flatten() {
            self.add(stamp, false, &line);
        }
        let place = self.first.len();
        let mut lines = self.first;
        lines.extend(self.last);
        let left_out = (self.left_out > 0).then_some((place, self.left_out));
        // What has not ended at the end began before other lines.
        lines[place..].sort_by_key(|Line(_, unit, ..)| *unit);
        if left_out.is_none() {
            lines.sort_by_key(|Line(_, unit, ..)| *unit);
        }
        Shown { lines, left_out }
    }
}

fn cost(text: &str) -> usize {
    written_bytes(text) + LINE_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::{Console, Line, Shown};
    use crate::bounds::CONSOLE_BYTES_MOST;
    use hypervisor_core::{Event, PartitionId, Stamp};

    fn write(console: &mut Console, partition: u16, unit: u64, bytes: &[u8]) {
        let stamp = Stamp { partition: PartitionId(partition), unit, instruction: unit, now_ns: 0 };
        console.follow(stamp, &Event::ConsoleOutput(bytes.to_vec()));
    }

    fn line(partition: u16, unit: u64, text: &str) -> Line {
        Line(partition, unit, unit, 0, text.to_owned())
    }

    #[test]
    fn a_line_begins_with_its_first_piece_and_lines_are_in_order() {
        let mut console = Console::new(2);
        write(&mut console, 0, 10, b"one ");
        write(&mut console, 1, 20, b"other\r\n");
        write(&mut console, 0, 30, b"line\nunended");
        let lines = vec![line(0, 10, "one line"), line(1, 20, "other"), line(0, 30, "unended")];
        assert_eq!(console.shown(), Shown { lines, left_out: None });
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_all_the_same() {
        let mut console = Console::new(1);
        write(&mut console, 0, 0, b"a\xff\0\n");
        assert_eq!(console.shown().lines, [line(0, 0, "a\u{fffd}\0")]);
    }

    #[test]
    fn of_a_long_console_the_first_and_the_last_lines_are_kept() {
        let mut console = Console::new(1);
        for unit in 0..100_000_u64 {
            write(&mut console, 0, unit, format!("line {unit} <<<\n").as_bytes());
        }
        let Shown { lines, left_out } = console.shown();
        let (place, count) = left_out.unwrap();
        assert_eq!(lines.len() as u64 + count, 100_000);
        assert_eq!((lines[place - 1].1 + 1 + count, lines.last().unwrap().1), (lines[place].1, 99_999));
        let bytes: usize = lines.iter().map(|line| super::cost(&line.4)).sum();
        assert!(bytes <= 2 * CONSOLE_BYTES_MOST);
    }
}
