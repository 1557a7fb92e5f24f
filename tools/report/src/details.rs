//! Single events and arrows, as many as there is room for.

use crate::arrows::Arrow;
use crate::bounds::{LABEL_BYTES_MOST, NOTABLE_MOST};
use crate::kept::Kept;
use crate::words::Words;
use hypervisor_core::{Event, Stamp};
use serde::Serialize;
use trace::{Names, TracedSystem, event_kind, event_words};

/// Events and arrows of a run.
#[derive(Debug)]
pub struct Details {
    /// The first unit of which events are kept, and the last one.
    asked: (u64, u64),
    kept: Kept<Item>,
    notable: Vec<(Stamp, Event)>,
    notable_left_out: u64,
}

#[derive(Debug)]
enum Item {
    Event(Stamp, Event),
    Arrow(Arrow, Event),
}

impl Item {
    fn unit(&self) -> u64 {
        match self {
            Self::Event(stamp, _) => stamp.unit,
            Self::Arrow(arrow, _) => arrow.to_unit,
        }
    }
}

/// Events as the page has them, in columns; what is next to each other is alike, so that numbers are differences.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Points {
    /// The places of their kinds in the list of kinds.
    pub kind: Vec<u8>,
    /// Partitions.
    pub partition: Vec<u16>,
    /// Units since the one before.
    pub unit: Vec<u64>,
    /// Instructions of the partition since its one before, which may be fewer after a gap.
    pub instruction: Vec<i64>,
    /// The numbers of their texts.
    pub words: Vec<u32>,
}

/// An arrow as the page has it: from which partition, to which, units since the end of the one before, units that it took, the number of the
/// text of its source or channel, and whether it is an event (0) or a message (1).
pub type ShownArrow = (u16, u16, u64, u64, u32, u8);

/// All of it as the page has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The kinds of events.
    pub kinds: Vec<&'static str>,
    /// The first unit of which single events were asked for.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// From unit to unit: there every event is kept.
    pub covered: Vec<(u64, u64)>,
    /// How many events and arrows there were, and how many are left out.
    pub seen: u64,
    /// How many of them are left out.
    pub left_out: u64,
    /// The events.
    pub points: Points,
    /// The arrows.
    pub arrows: Vec<ShownArrow>,
    /// Health, restarts, crashes, marks, wherever they are.
    pub notable: Points,
    /// How many of them are left out.
    pub notable_left_out: u64,
}

impl Details {
    /// Nothing happened.
    pub fn new(asked: (u64, u64)) -> Self {
        Self { asked, kept: Kept::new(), notable: Vec::new(), notable_left_out: 0 }
    }

    /// Follows an event and the arrow that ends there.
    pub fn follow(&mut self, stamp: Stamp, event: &Event, arrow: Option<Arrow>) {
        match event {
            Event::Health { .. } | Event::Restart { .. } | Event::Crash { .. } => {
                self.kept.matters();
                self.add_notable(stamp, event);
            }
            Event::Mark { .. }
            | Event::ConsoleEnd
            | Event::TraceStart
            | Event::TraceStop
            | Event::Settled { .. } => {
                self.add_notable(stamp, event);
            }
            _ => {}
        }
        let (from, to) = self.asked;
        if stamp.unit < from || stamp.unit > to {
            self.kept.skip();
            (0..usize::from(arrow.is_some())).for_each(|_| self.kept.skip());
            return;
        }
        let short = shortened(event);
        if let Some(arrow) = arrow {
            self.kept.add(Item::Arrow(arrow, short.clone()));
        }
        self.kept.add(Item::Event(stamp, short));
    }

    fn add_notable(&mut self, stamp: Stamp, event: &Event) {
        if self.notable.len() < NOTABLE_MOST {
            self.notable.push((stamp, shortened(event)));
        } else {
            self.notable_left_out += 1;
        }
    }

    /// As the page has it.
    pub fn shown(self, traced: &TracedSystem, last_unit: u64, words: &mut Words) -> Shown {
        let (seen, left_out) = self.kept.counts();
        let mut columns = Columns::new(traced, words);
        let mut notable = Points::default();
        for (stamp, event) in &self.notable {
            columns.push(&mut notable, *stamp, event);
        }
        columns.start_anew();
        let (mut points, mut arrows, mut arrow_unit) = (Points::default(), Vec::new(), 0);
        let mut covered = Covered::default();
        for (number, item) in self.kept.into_all() {
            covered.add(number, item.unit());
            match item {
                Item::Event(stamp, event) => columns.push(&mut points, stamp, &event),
                Item::Arrow(arrow, event) => {
                    let since = arrow.to_unit.saturating_sub(arrow_unit);
                    arrow_unit = arrow.to_unit;
                    let took = arrow.to_unit.saturating_sub(arrow.from_unit);
                    let (name, is_message) = columns.arrow_name(&event);
                    arrows.push((arrow.from.0, arrow.to.0, since, took, name, is_message));
                }
            }
        }
        Shown {
            kinds: columns.kinds,
            from: self.asked.0,
            to: self.asked.1.min(last_unit),
            covered: covered.all(self.asked, (seen, left_out), last_unit),
            seen,
            left_out,
            points,
            arrows,
            notable,
            notable_left_out: self.notable_left_out,
        }
    }
}

/// An event that takes little memory: of console text only the beginning.
fn shortened(event: &Event) -> Event {
    let short = |bytes: &[u8]| bytes[..bytes.len().min(LABEL_BYTES_MOST)].to_vec();
    match event {
        Event::ConsoleOutput(bytes) => Event::ConsoleOutput(short(bytes)),
        Event::ConsoleInput(bytes) => Event::ConsoleInput(short(bytes)),
        other => other.clone(),
    }
}

/// Makes columns of events.
struct Columns<'a> {
    traced: &'a TracedSystem,
    words: &'a mut Words,
    kinds: Vec<&'static str>,
    unit: u64,
    instructions: Vec<u64>,
}

impl<'a> Columns<'a> {
    fn new(traced: &'a TracedSystem, words: &'a mut Words) -> Self {
        Self { traced, words, kinds: Vec::new(), unit: 0, instructions: vec![0; traced.partitions.len()] }
    }

    fn start_anew(&mut self) {
        self.unit = 0;
        self.instructions.fill(0);
    }

    fn push(&mut self, points: &mut Points, stamp: Stamp, event: &Event) {
        let Some(partition) = self.traced.partitions.get(stamp.partition.index()) else { return };
        let kind = event_kind(event);
        let place = self.kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        let words = event_words(&partition.symbols, &self.traced.names, event);
        let before = &mut self.instructions[stamp.partition.index()];
        points.kind.push(place as u8);
        points.partition.push(stamp.partition.0);
        points.unit.push(stamp.unit.saturating_sub(self.unit));
        points.instruction.push(stamp.instruction.wrapping_sub(*before).cast_signed());
        points.words.push(self.words.number(&words));
        *before = stamp.instruction;
        self.unit = self.unit.max(stamp.unit);
    }

    fn arrow_name(&mut self, event: &Event) -> (u32, u8) {
        let names: &Names = &self.traced.names;
        match event {
            Event::EventDelivered { source, .. } | Event::EventTaken { source, .. } => {
                (self.words.number(&names.source(*source)), 0)
            }
            Event::MessageReceived { channel, .. } => (self.words.number(&names.message_port(*channel)), 1),
            _ => (self.words.number(""), 0),
        }
    }
}

/// Stretches of time without a gap.
#[derive(Default)]
struct Covered {
    stretches: Vec<(u64, u64)>,
    last: Option<u64>,
}

impl Covered {
    fn add(&mut self, number: u64, unit: u64) {
        let goes_on = self.last.is_some_and(|last| last + 1 == number);
        match self.stretches.last_mut() {
            Some((_, end)) if goes_on => *end = unit,
            _ => self.stretches.push((unit, unit)),
        }
        self.last = Some(number);
    }

    fn all(
        mut self,
        (from, to): (u64, u64),
        (seen, left_out): (u64, u64),
        last_unit: u64,
    ) -> Vec<(u64, u64)> {
        if seen == left_out {
            // Nothing happened in all the time that was asked for.
            return vec![(from, to.min(last_unit))];
        }
        // The first and the last one that was asked for are always kept.
        if let Some((start, _)) = self.stretches.first_mut() {
            *start = from;
        }
        if let Some((_, end)) = self.stretches.last_mut() {
            *end = (*end).max(to.min(last_unit));
        }
        self.stretches
    }
}

#[cfg(test)]
mod tests {
    use super::Details;
    use crate::bounds::{FIRST_MOST, LAST_MOST};
    use crate::tests::system;
    use crate::words::Words;
    use hypervisor_core::{Event, Stamp};

    const UNITS: u64 = 1_000_000;

    /// Something happens in each tenth unit.
    fn shown(asked: (u64, u64)) -> super::Shown {
        let mut details = Details::new(asked);
        for number in 0..UNITS / 10 {
            let stamp = Stamp { unit: 10 * number, instruction: number, ..Stamp::default() };
            details.follow(stamp, &Event::Mark { id: 1, payload: 2 }, None);
            details.follow(stamp, &Event::Idle { until_ns: 5 }, None);
        }
        details.shown(&system(1), UNITS, &mut Words::new())
    }

    #[test]
    fn the_beginning_and_the_end_are_covered_and_all_that_is_missing_is_counted() {
        let shown = shown((0, u64::MAX));
        assert_eq!((shown.seen, shown.left_out), (UNITS / 5, UNITS / 5 - (FIRST_MOST + LAST_MOST) as u64));
        let half = 5 * FIRST_MOST as u64;
        assert_eq!(shown.covered, [(0, half - 10), (UNITS - half, UNITS)]);
        assert_eq!(shown.points.unit.iter().sum::<u64>(), UNITS - 10);
        assert_eq!(shown.points.words.len(), FIRST_MOST + LAST_MOST);
    }

    #[test]
    fn what_was_asked_for_is_covered_and_nothing_else() {
        let shown = shown((400_000, 500_000));
        assert_eq!(shown.covered, [(400_000, 500_000)]);
        assert_eq!(shown.points.unit[0], 400_000);
        assert_eq!(shown.seen - shown.left_out, 2 * 10_001);
        // Marks are there all the same.
        assert_eq!(shown.notable.unit.iter().sum::<u64>(), 99_990);
    }

    #[test]
    fn a_stretch_in_which_nothing_happened_is_covered() {
        assert_eq!(shown((11, 19)).covered, [(11, 19)]);
    }
}
