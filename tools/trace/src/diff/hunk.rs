//! What is shown: differences with the rows around them, as in a unified diff.

use super::row::Row;
use super::row_text::row_text;
use super::side::{Side, State, View, state_after};
use crate::places::describe;
use std::collections::VecDeque;

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It says where what follows is.
    Head,
    /// Both runs have it.
    Both,
    /// Only A has it so.
    A,
    /// Only B has it so.
    B,
    /// It says what differs above it.
    Note,
}

/// A line of the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// What it is.
    pub mark: Mark,
    /// Its text, without the mark and the end of the line.
    pub text: String,
}

/// The lines of differences, and the rows before one.
pub(super) struct Hunks {
    context: usize,
    /// So many differences are still shown.
    left: u64,
    /// Whether the one at hand is shown.
    shows: bool,
    /// Rows of A before the next difference, and the state before the first of them.
    before: VecDeque<Row>,
    state_before: Option<State>,
    /// So many rows are still shown after a difference.
    after: usize,
    lines: Vec<Line>,
}

impl Hunks {
    pub fn new(context: usize, shown: u64) -> Self {
        Self {
            context,
            left: shown,
            shows: false,
            before: VecDeque::new(),
            state_before: None,
            after: 0,
            lines: Vec::new(),
        }
    }

    /// The lines so far; they are forgotten here.
    pub fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// A row that both have, as A has it.
    pub fn both(&mut self, row: Row, state: Option<State>, view: &View) {
        if self.after > 0 {
            self.after -= 1;
            let mut state = state;
            self.line(Mark::Both, || row_text(&row, &mut state, view));
            self.state_before = state_after(&row, state);
            return;
        }
        if self.before.is_empty() {
            self.state_before = state;
        }
        self.before.push_back(row);
        if self.before.len() > self.context {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(row) = self.before.pop_front() {
            self.state_before = state_after(&row, self.state_before);
        }
    }

    /// Begins a difference, or goes on with the one of which the rows after it are still shown.
    pub fn difference(&mut self, sides: [&Side; 2]) {
        if self.after == 0 || !self.shows {
            self.shows = self.left > 0;
            self.left = self.left.saturating_sub(1);
            self.line(Mark::Head, || head(sides));
        }
        let before = std::mem::take(&mut self.before);
        let mut state = self.state_before;
        for row in before {
            self.line(Mark::Both, || row_text(&row, &mut state, &sides[0].view));
        }
        self.after = self.context;
    }

    /// The next `count` rows of a side, which only it has; of many the first and the last.
    pub fn only(&mut self, mark: Mark, side: &Side, count: usize) {
        if !self.shows {
            return;
        }
        let ends = self.context.max(1);
        let hidden = if count > 2 * ends + 1 { ends..count - ends } else { 0..0 };
        let mut state = side.state;
        for (place, row) in side.rows.iter().take(count).enumerate() {
            if hidden.contains(&place) {
                if place == hidden.start {
                    self.line(mark, || format!("... {} more rows", hidden.len()));
                }
                state = state_after(row, state);
                continue;
            }
            let text = row_text(row, &mut state, &side.view);
            self.line(mark, || text);
        }
    }

    pub fn note(&mut self, text: String) {
        self.line(Mark::Note, || text);
    }

    fn line(&mut self, mark: Mark, text: impl FnOnce() -> String) {
        if self.shows {
            self.lines.push(Line { mark, text: text() });
        }
    }
}

/// Where both are: `A #12 at 0.000000120 s in main+0x4, B #14 at ...`.
fn head(sides: [&Side; 2]) -> String {
    let [a, b] = sides.map(|side| match side.rows.front() {
        None => "at its end".to_owned(),
        Some(row) => {
            let (seconds, rest) = (row.now_ns / 1_000_000_000, row.now_ns % 1_000_000_000);
            let place = row.eip().map(|eip| format!(" {}", describe(&side.view.symbols, eip)));
            let time = match row.what {
                super::row::What::Logged(_) => String::new(),
                _ => format!(" {seconds}.{rest:09}"),
            };
            format!("#{}{time}{}", row.number, place.unwrap_or_default())
        }
    });
    format!("A {a}, B {b}")
}
