//! What is missing between the records that pass, partition by partition.

use hypervisor_core::{Elision, Omission};

/// How gaps are told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Gaps {
    /// Each before the record that follows it.
    #[default]
    Each,
    /// All of a partition together at the end.
    Total,
}

/// The gap of one partition that is open now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gap {
    /// The number of the instruction that is expected next.
    next: u64,
    instructions: u64,
    events: u64,
    /// Whether not all of it was left out because the guest wanted that.
    by_filter: bool,
    total: Option<Total>,
}

#[derive(Clone, Copy, Debug)]
struct Total {
    since: u64,
    instructions: u64,
    events: u64,
    by_filter: bool,
}

impl Gap {
    /// Records begin here.
    pub fn start(&mut self, number: u64) {
        self.next = number;
    }

    /// The filter leaves out so many instructions and events.
    pub fn by_filter(&mut self, instructions: u64, events: u64) {
        self.instructions = self.instructions.saturating_add(instructions);
        self.events = self.events.saturating_add(events);
        self.by_filter = true;
    }

    /// The filter leaves out all instructions up to this number, and nobody saw them.
    pub fn by_number(&mut self, number: u64) {
        if number > self.next {
            self.by_filter(number - self.next, 0);
        }
    }

    /// The guest leaves out so many instructions.
    pub fn by_guest(&mut self, instructions: u64) {
        self.instructions = self.instructions.saturating_add(instructions);
    }

    /// Ends, and the instruction `next` is expected: what has to be told, if there is something.
    pub fn end(&mut self, next: u64, gaps: Gaps) -> Option<Elision> {
        let gap = Total {
            since: self.next,
            instructions: std::mem::take(&mut self.instructions),
            events: std::mem::take(&mut self.events),
            by_filter: std::mem::take(&mut self.by_filter),
        };
        // A call has the number of its instruction and follows it.
        self.next = self.next.max(next);
        if gap.instructions == 0 && gap.events == 0 {
            return None;
        }
        match gaps {
            Gaps::Each => Some(gap.elision()),
            Gaps::Total => {
                self.total = Some(self.total.map_or(gap, |total| total.with(gap)));
                None
            }
        }
    }

    /// What was put off.
    pub fn total(&mut self) -> Option<Elision> {
        self.total.take().map(Total::elision)
    }
}

impl Total {
    fn with(self, more: Self) -> Self {
        Self {
            since: self.since,
            instructions: self.instructions.saturating_add(more.instructions),
            events: self.events.saturating_add(more.events),
            by_filter: self.by_filter || more.by_filter,
        }
    }

    fn elision(self) -> Elision {
        let Self { since, instructions, events, by_filter } = self;
        let omission = if by_filter { Omission::Filter } else { Omission::Guest };
        Elision { since, instructions, events, omission }
    }
}
