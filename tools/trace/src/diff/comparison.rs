//! Compares the rows of one partition in two runs.

use super::alignment::{Ahead, CONFIRMED_ROWS, align};
use super::counts::Counts;
use super::endings::Ending;
use super::hunk::{Hunks, Line, Mark};
use super::row::{Row, What};
use super::rules::Rules;
use super::side::{Side, View};
use hypervisor_core::Event;
use std::cmp::Ordering;

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What counts.
    pub rules: Rules,
    /// So many rows are shown before and after a difference.
    pub context: usize,
    /// How many rows one run may have that the other has not, to go on after them; None: the first difference ends it.
    pub resync: Option<usize>,
    /// So many differences are shown; all are counted.
    pub shown: u64,
}

/// Compares a partition in two runs, A (0) and B (1).
pub struct Comparison {
    settings: Settings,
    sides: [Side; 2],
    hunks: Hunks,
    counts: Counts,
    /// So many more rows are compared after the difference that ends it.
    closing: Option<usize>,
    /// Rows of each side that have to be here to go on.
    needed: usize,
    /// Whether the last rows differed too: it is one difference.
    in_difference: bool,
    /// The numbers of the first rows that differ, by side; None for a side that had ended.
    parted: Option<[Option<u64>; 2]>,
    conclusion: Option<String>,
    is_cut: bool,
}

impl Comparison {
    /// Nothing is compared so far.
    #[must_use]
    pub fn new(settings: Settings, views: [View; 2]) -> Self {
        Self {
            settings,
            sides: views.map(Side::new),
            hunks: Hunks::new(settings.context, settings.shown),
            counts: Counts::default(),
            closing: None,
            needed: 1,
            in_difference: false,
            parted: None,
            conclusion: None,
            is_cut: false,
        }
    }

    /// Takes the next rows of a side.
    pub fn feed(&mut self, side: usize, rows: &mut Vec<Row>) {
        if self.is_done() {
            rows.clear();
        }
        self.sides[side].rows.extend(rows.drain(..));
    }

    /// No more rows of a side come.
    pub fn end(&mut self, side: usize, ending: Ending) {
        self.sides[side].ending.get_or_insert(ending);
    }

    /// Whether more rows of a side are needed to go on.
    #[must_use]
    pub fn wants(&self, side: usize) -> bool {
        !self.is_done() && !self.sides[side].has(self.needed)
    }

    /// Rows of a side that wait.
    #[must_use]
    pub fn waiting(&self, side: usize) -> usize {
        self.sides[side].rows.len()
    }

    /// Whether all was compared that will be.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.conclusion.is_some()
    }

    /// Whether something differs so far.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.counts.differences > 0
    }

    /// Whether it ended where it should not have, once it is done: what comes after that was not compared.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What there is to show since the last time.
    pub fn take_lines(&mut self) -> Vec<Line> {
        self.hunks.take()
    }

    /// How much was compared and what differed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let [a, b] = &self.sides;
        Counts { instructions: [a.instructions, b.instructions], events: [a.events, b.events], ..self.counts }
    }

    /// The instruction at which each side is at the first difference, if there is one; None of a side that had ended.
    #[must_use]
    pub fn parted(&self) -> Option<[Option<u64>; 2]> {
        self.parted
    }

    /// Where it ended and why, once it is done.
    #[must_use]
    pub fn conclusion(&self) -> Option<&str> {
        self.conclusion.as_deref()
    }

    /// Compares as far as rows are here.
    pub fn advance(&mut self) {
        while !self.is_done() && self.sides.iter().all(|side| side.has(self.needed)) {
            self.needed = 1;
            if self.closing == Some(0) {
                self.conclusion = Some("--resync N goes on after the first difference".to_owned());
                return;
            }
            let [a, b] = &self.sides;
            match (a.rows.front(), b.rows.front()) {
                (Some(in_a), Some(in_b)) if self.settings.rules.same_place([a, b], [in_a, in_b]) => {
                    match self.cut_wait() {
                        CutWait::NotKnown => self.needed = 2,
                        CutWait::Of(side) => self.one_goes_on(["A", "B"][side]),
                        CutWait::No => self.pair(),
                    }
                }
                (None, None) => self.both_ended(),
                (Some(_), None) if is_limit(b) => self.one_goes_on("B"),
                (None, Some(_)) if is_limit(a) => self.one_goes_on("A"),
                _ => self.part(),
            }
        }
    }

    /// Whether both wait next, and a limit ended one wait before the other one was over.
    fn cut_wait(&self) -> CutWait {
        let rows = self.sides.each_ref().map(|side| side.rows.front());
        let waits = rows.map(|row| match row {
            Some(Row { now_ns, what: What::Event(event), .. }) => match **event {
                Event::Idle { until_ns } => Some(until_ns.saturating_sub(*now_ns)),
                _ => None,
            },
            _ => None,
        });
        let [Some(a), Some(b)] = waits else { return CutWait::No };
        let shorter = match a.cmp(&b) {
            Ordering::Less => 0,
            Ordering::Equal => return CutWait::No,
            Ordering::Greater => 1,
        };
        let side = &self.sides[shorter];
        if !side.has(2) {
            CutWait::NotKnown
        } else if side.rows.len() == 1 && is_limit(side) {
            CutWait::Of(shorter)
        } else {
            CutWait::No
        }
    }

    /// The next rows of both are at the same place.
    fn pair(&mut self) {
        let [a, b] = &self.sides;
        let (Some(in_a), Some(in_b)) = (a.rows.front(), b.rows.front()) else { return };
        let found = self.settings.rules.differences([a, b], [in_a, in_b]);
        if let Some(left) = &mut self.closing {
            *left -= 1;
        }
        if found.is_empty() {
            self.in_difference = false;
            let state = self.sides[0].state;
            self.sides[1].take();
            if let Some(row) = self.sides[0].take() {
                self.hunks.both(row, state, &self.sides[0].view);
            }
            return;
        }
        self.differ();
        self.counts.changed += 1;
        let [a, b] = &self.sides;
        self.hunks.only(Mark::A, a, 1);
        self.hunks.only(Mark::B, b, 1);
        for line in found {
            self.hunks.note(line);
        }
        self.sides[0].take();
        self.sides[1].take();
        self.close();
    }

    /// The next rows are at different places, or one run has ended.
    fn part(&mut self) {
        let most = self.settings.resync.unwrap_or(0);
        let needed = match self.settings.resync {
            Some(most) => most + CONFIRMED_ROWS,
            None => self.closing.unwrap_or(self.settings.context).max(1),
        };
        if !self.sides.iter().all(|side| side.has(needed)) {
            self.needed = needed;
            return;
        }
        let keys = self.sides.each_ref().map(|side| {
            let rows = side.rows.iter().take(needed);
            rows.map(|row| self.settings.rules.key(row, &side.view.symbols)).collect::<Vec<u64>>()
        });
        let is_all = |place: usize| {
            let side = &self.sides[place];
            side.ending.is_some() && side.rows.len() <= needed
        };
        let [a, b] = [0, 1].map(|place| Ahead { keys: &keys[place], is_all: is_all(place) });
        let found = self.settings.resync.and_then(|_| align(&a, &b, most));
        self.in_difference = false;
        self.differ();
        let leave_out = found.unwrap_or_else(|| {
            [0, 1].map(|place| keys[place].len().min(self.settings.context.max(1))).into()
        });
        let [a, b] = &self.sides;
        self.hunks.only(Mark::A, a, leave_out.0);
        self.hunks.only(Mark::B, b, leave_out.1);
        self.note_ends(leave_out);
        if found.is_none() {
            self.conclusion = Some(match self.settings.resync {
                None => "--resync N goes on after the first difference".to_owned(),
                Some(most) => {
                    format!("the runs do not go on alike within {most} rows; --resync looks further")
                }
            });
            return;
        }
        self.counts.only[0] += leave_out.0 as u64;
        self.counts.only[1] += leave_out.1 as u64;
        self.hunks.note(left_out_words(leave_out));
        for (side, count) in [leave_out.0, leave_out.1].into_iter().enumerate() {
            for _ in 0..count {
                self.sides[side].take();
            }
        }
    }

    /// Says which of them has ended.
    fn note_ends(&mut self, shown: (usize, usize)) {
        for (place, name, shown) in [(0, "A", shown.0), (1, "B", shown.1)] {
            let side = &self.sides[place];
            if let Some(ending) = side.ending.as_ref().filter(|_| side.rows.len() == shown) {
                let line = format!("{name} ends here: {}", ending.words);
                self.hunks.note(line);
            }
        }
    }

    fn differ(&mut self) {
        if !self.in_difference {
            self.counts.differences += 1;
        }
        let numbers = self.sides.each_ref().map(|side| side.rows.front().map(|row| row.number));
        self.parted.get_or_insert(numbers);
        let a = &self.sides[0];
        self.counts.alike_before.get_or_insert((a.instructions, a.events));
        self.in_difference = true;
        self.hunks.difference(self.sides.each_ref());
    }

    fn close(&mut self) {
        if self.settings.resync.is_none() && self.closing.is_none() {
            self.closing = Some(self.settings.context);
        }
    }

    fn both_ended(&mut self) {
        let ending = |side: &Side| {
            side.ending.clone().unwrap_or(Ending { words: String::new(), is_limit: true, is_cut: false })
        };
        let [a, b] = self.sides.each_ref().map(ending);
        self.is_cut = a.is_cut || b.is_cut;
        if a == b || a.is_limit || b.is_limit {
            self.conclusion = Some(if a.words == b.words {
                format!("both end there: {}", a.words)
            } else {
                format!("A ends there: {}; B: {}", a.words, b.words)
            });
            return;
        }
        self.in_difference = false;
        self.differ();
        self.hunks.note(format!("A ends here: {}", a.words));
        self.hunks.note(format!("B ends here: {}", b.words));
        self.conclusion = Some(format!("they end differently, A: {}; B: {}", a.words, b.words));
    }

    fn one_goes_on(&mut self, ended: &str) {
        let Some(ending) = &self.sides[usize::from(ended == "B")].ending else { return };
        self.is_cut = ending.is_cut;
        self.conclusion = Some(format!("{ended} is known up to there: {}", ending.words));
    }
}

/// Whether a limit ended a wait.
enum CutWait {
    No,
    /// That of this side.
    Of(usize),
    /// More rows are needed to tell.
    NotKnown,
}

fn is_limit(side: &Side) -> bool {
    side.ending.as_ref().is_some_and(|ending| ending.is_limit)
}

fn left_out_words((in_a, in_b): (usize, usize)) -> String {
    let rows = |count: usize| format!("{count} row{}", if count == 1 { "" } else { "s" });
    match (in_a, in_b) {
        (count, 0) => format!("only A has {}", rows(count)),
        (0, count) => format!("only B has {}", rows(count)),
        (a, b) => format!("A has {}, B {} in their place", rows(a), rows(b)),
    }
}
