//! Only the last records of a run.

use crate::ring::{Forgotten, Measure, Outlet, Ring};
use emulator::Step;
use hypervisor_core::{Elision, Event, Omission, Recorder, Stamp};
use std::collections::BTreeMap;

/// Hands on the last records, and those only once the run is over; without a number all of them at once.
pub struct Last<R> {
    ring: Option<Ring>,
    outlet: Told<R>,
}

/// Says how much was forgotten before it hands on the first record of a partition.
struct Told<R> {
    forgotten: BTreeMap<u16, Tally>,
    inner: R,
}

#[derive(Clone, Copy)]
struct Tally {
    since: u64,
    instructions: u64,
    events: u64,
    end: Stamp,
}

impl<R: Recorder> Last<R> {
    pub fn new(records: Option<usize>, inner: R) -> Self {
        let ring = records.map(|records| Ring::new(Measure::Records, records));
        Self { ring, outlet: Told { forgotten: BTreeMap::new(), inner } }
    }

    pub fn inner(&self) -> &R {
        &self.outlet.inner
    }

    pub fn into_inner(self) -> R {
        self.outlet.inner
    }

    pub fn inner_mut(&mut self) -> &mut R {
        &mut self.outlet.inner
    }

    /// Hands on some of what is kept; false if that was all.
    pub fn hand_on(&mut self) -> bool {
        let more = self.ring.as_mut().is_some_and(|ring| ring.hand_on(&mut self.outlet));
        if !more {
            self.outlet.tell_rest();
        }
        more
    }
}

impl<R: Recorder> Recorder for Last<R> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        match &mut self.ring {
            None => self.outlet.inner.instruction(stamp, step),
            Some(ring) => ring.instruction(stamp, step, &mut self.outlet),
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        match &mut self.ring {
            None => self.outlet.inner.event(stamp, event),
            Some(ring) => ring.event(stamp, event, &mut self.outlet),
        }
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        match &mut self.ring {
            None => self.outlet.inner.elided(stamp, elision),
            Some(ring) => ring.elided(stamp, elision, &mut self.outlet),
        }
    }
}

impl<R: Recorder> Told<R> {
    /// Tells what is missing of the partition before `stamp`.
    fn tell(&mut self, stamp: Stamp) {
        if !self.forgotten.is_empty()
            && let Some(tally) = self.forgotten.remove(&stamp.partition.0)
        {
            self.inner.elided(stamp, &tally.elision());
        }
    }

    /// Tells what is missing of partitions of which nothing was kept.
    fn tell_rest(&mut self) {
        for tally in std::mem::take(&mut self.forgotten).into_values() {
            self.inner.elided(tally.end, &tally.elision());
        }
    }
}

impl Tally {
    fn elision(&self) -> Elision {
        let Self { since, instructions, events, .. } = *self;
        Elision { since, instructions, events, omission: Omission::Ring }
    }
}

impl<R: Recorder> Recorder for Told<R> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.tell(stamp);
        self.inner.instruction(stamp, step);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.tell(stamp);
        self.inner.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        if let Some(tally) = self.forgotten.remove(&stamp.partition.0) {
            self.inner.elided(tally.end, &tally.elision());
        }
        self.inner.elided(stamp, elision);
    }
}

impl<R: Recorder> Outlet for Told<R> {
    fn forgotten(&mut self, stamp: Stamp, what: Forgotten<'_>) {
        let since = match what {
            Forgotten::Elision(elision) => elision.since,
            Forgotten::Instruction | Forgotten::Event(_) => stamp.instruction,
        };
        let tally = self.forgotten.entry(stamp.partition.0).or_insert(Tally {
            since,
            instructions: 0,
            events: 0,
            end: stamp,
        });
        tally.end = stamp;
        match what {
            Forgotten::Instruction => {
                tally.instructions = tally.instructions.saturating_add(1);
                tally.end.instruction = stamp.instruction.saturating_add(1);
            }
            Forgotten::Event(_) => tally.events = tally.events.saturating_add(1),
            Forgotten::Elision(elision) => {
                tally.instructions = tally.instructions.saturating_add(elision.instructions);
                tally.events = tally.events.saturating_add(elision.events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Last;
    use crate::test_record::{Lines, Run};

    #[test]
    fn the_last_records_come_at_the_end_after_what_was_forgotten() {
        let mut last = Last::new(Some(3), Lines::default());
        let mut run = Run::new();
        for number in 0..5 {
            run.instruction(&mut last, 0x100 + number);
        }
        run.event(&mut last);
        assert_eq!(last.inner().text(), "");
        while last.hand_on() {}
        assert_eq!(last.inner().text(), "elided 3+0 since 0: Ring; #3 103; #4 104; #5 event");
    }

    #[test]
    fn a_partition_of_which_nothing_is_left_is_told_of_at_the_end() {
        let mut last = Last::new(Some(1), Lines::default());
        let (mut first, mut second) = (Run::new(), Run::of_partition(1));
        first.event(&mut last);
        first.instruction(&mut last, 0x100);
        second.instruction(&mut last, 0x200);
        while last.hand_on() {}
        assert_eq!(last.inner().text(), "1#0 200; elided 1+1 since 0: Ring");
    }

    #[test]
    fn without_a_number_everything_comes_at_once() {
        let mut last = Last::new(None, Lines::default());
        Run::new().instruction(&mut last, 0x100);
        assert_eq!(last.inner().text(), "#0 100");
        assert!(!last.hand_on());
    }
}
