//! Lines on their way out: all of them, or the last ones.

use super::lines::COLUMN_NAMES;
use std::collections::VecDeque;

/// Lines on their way out: all, or the last ones.
pub(super) struct KeptLines {
    pub text: Vec<u8>,
    /// The names of the columns, until they are written.
    column_names: String,
    kept: Option<Kept>,
}

/// The last lines.
struct Kept {
    lines: VecDeque<Vec<u8>>,
    most: usize,
    dropped: u64,
}

impl KeptLines {
    pub fn new(head: String, name_width: usize, last: Option<usize>) -> Self {
        let kept = last.map(|most| Kept { lines: VecDeque::new(), most, dropped: 0 });
        let column_names = format!("{:name_width$}{COLUMN_NAMES}\n", "");
        Self { text: head.into_bytes(), column_names, kept }
    }

    pub fn head(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
    }

    pub fn push(&mut self, mut line: Vec<u8>) {
        self.text.extend_from_slice(std::mem::take(&mut self.column_names).as_bytes());
        line.truncate(line.trim_ascii_end().len());
        line.push(b'\n');
        match &mut self.kept {
            None => self.text.extend_from_slice(&line),
            Some(kept) => {
                if kept.lines.len() == kept.most {
                    kept.lines.pop_front();
                    kept.dropped += 1;
                }
                kept.lines.push_back(line);
            }
        }
    }

    pub fn hand_on(&mut self) -> bool {
        /// So many lines at a time.
        const LINES: usize = 4096;
        let Some(kept) = &mut self.kept else { return false };
        if kept.dropped > 0 {
            self.text.extend_from_slice(format!("== elided  {} lines before\n", kept.dropped).as_bytes());
            kept.dropped = 0;
        }
        for line in kept.lines.drain(..kept.lines.len().min(LINES)) {
            self.text.extend_from_slice(&line);
        }
        !kept.lines.is_empty()
    }
}
