//! Takes down instructions while they run, or while they are run again to be compared: all of them, or those that a filter chooses.

use emulator::Step;
use hypervisor_core::{Elision, Event, Machine, PartitionId, Recorder, Stamp};
use trace::Filter;
use trace::filter::{Choice, Gaps};
use trace::pvt::{BlockCollector, StepWriter};

/// Who writes instructions down.
pub trait Taker: Recorder {
    /// Something happened to a partition that is no instruction, whether anybody asked for it or not.
    fn happened(&mut self, stamp: Stamp);
}

/// On their way to who writes them down.
pub enum Taking<T> {
    /// All of them.
    All(T),
    /// Those that are chosen; the others are told of.
    Chosen(Box<Filter<T>>),
}

impl<T: Taker> Taking<T> {
    /// Those that `choice` chooses, or all.
    pub fn new(choice: Option<&Choice>, taker: T) -> Self {
        match choice {
            None => Self::All(taker),
            // Where something is missing it is told.
            Some(choice) => {
                let choice = Choice { gaps: Gaps::Each, ..choice.clone() };
                Self::Chosen(Box::new(Filter::new(choice, taker)))
            }
        }
    }

    /// Who writes them down.
    pub fn taken(&self) -> &T {
        match self {
            Self::All(taker) => taker,
            Self::Chosen(filter) => filter.inner(),
        }
    }

    /// Who writes them down.
    pub fn taker(&mut self) -> &mut T {
        match self {
            Self::All(taker) => taker,
            Self::Chosen(filter) => filter.inner_mut(),
        }
    }

    /// The run is over: tells of what is missing up to its end.
    pub fn finish(&mut self, machine: &Machine) {
        if let Self::Chosen(filter) = self {
            let places = 0..machine.partitions().len() as u16;
            let ends = places.map(|place| machine.stamp_of(PartitionId(place)));
            let Ok(()) = filter.finish(ends, |_| Ok::<(), std::convert::Infallible>(()));
        }
    }
}

impl<T: Taker> Recorder for Taking<T> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        match self {
            Self::All(taker) => taker.instruction(stamp, step),
            Self::Chosen(filter) => filter.instruction(stamp, step),
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if let Self::Chosen(filter) = self {
            filter.event(stamp, event);
        }
        self.taker().happened(stamp);
    }
}

/// With what they changed and touched.
#[derive(Debug, Default)]
pub struct Steps(pub StepWriter);

impl Taker for Steps {
    fn happened(&mut self, stamp: Stamp) {
        self.0.event(stamp);
    }
}

impl Recorder for Steps {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.step(stamp, step);
    }

    fn event(&mut self, _: Stamp, _: &Event) {}

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.elided(stamp, elision);
    }
}

/// Only which.
#[derive(Debug, Default)]
pub struct Blocks(pub BlockCollector);

impl Taker for Blocks {
    fn happened(&mut self, _: Stamp) {}
}

impl Recorder for Blocks {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.instruction(stamp, step.eip, step.bytes);
    }

    fn event(&mut self, _: Stamp, _: &Event) {}

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.elided(stamp, elision);
    }
}
