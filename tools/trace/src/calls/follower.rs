//! Follows the calls of a whole run, and counts what runs in each function.

use crate::call_stack::{CallStacks, Change, Entry};
use crate::functions::FunctionId;
use crate::source_lines::readable_name;
use crate::traced_system::TracedSystem;
use emulator::Step;
use emulator::cpu::EAX;
use hypervisor_core::clock::Rate;
use hypervisor_core::{Event, PartitionId, Stamp};
use std::collections::HashMap;
use std::sync::Arc;

/// A change of the functions that are open in a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallNote {
    /// Twice the number of the instruction before which it happened, and one more if the instruction itself is the first after it; notes
    /// and records of a partition are in this order.
    pub(crate) place: u64,
    /// What changed.
    pub change: CallChange,
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallChange {
    /// A function was entered; it is the innermost.
    Entered {
        /// Its first instruction, or the event that entered it.
        stamp: Stamp,
        /// Its name, as its author wrote it.
        name: Arc<str>,
        /// How it was entered.
        entry: Entry,
        /// The instruction that called, or that was interrupted.
        from: u32,
        /// It was seen from its first instruction on.
        is_whole: bool,
    },
    /// The innermost function was left.
    Left {
        /// Its last instruction.
        stamp: Stamp,
        /// How it was left.
        leaving: Leaving,
        /// What ran in it and in what it called, without what interrupted it.
        instructions: u64,
        /// Virtual time from its first instruction to behind its last.
        took_ns: u64,
    },
}

/// How a function was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaving {
    /// It returned with this value of EAX.
    Returned(u32),
    /// The handler of an upcall or a trap went back.
    Resumes,
    /// By a jump to a function that took its place.
    Jumped,
    /// Another stack is in use now.
    Suspended,
    /// Together with functions that it had called, as by LONGJMP.
    Unwound,
    /// Its partition starts again.
    Restarted,
    /// It was still open when nothing more was told.
    Open,
}

/// Follows the calls of all partitions.
#[derive(Debug)]
pub struct CallFollower {
    stacks: CallStacks,
    rate: Rate,
    partitions: Vec<Followed>,
    notes: Vec<CallNote>,
}

#[derive(Debug, Default)]
struct Followed {
    frames: Vec<Running>,
    /// The last instruction and EAX after it.
    last: Option<(Stamp, u32)>,
    /// What was left last is what [`Running::is_interrupt`] says.
    left_interrupt: bool,
    names: HashMap<FunctionId, Arc<str>>,
}

/// An open function.
#[derive(Clone, Copy, Debug)]
struct Running {
    since_unit: u64,
    instructions: u64,
    /// It, or the function whose place it took, was entered by an upcall or a trap: nobody called it.
    is_interrupt: bool,
}

impl CallFollower {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(system: &TracedSystem) -> Self {
        Self {
            stacks: CallStacks::new(system),
            rate: system.rate,
            partitions: system.partitions.iter().map(|_| Followed::default()).collect(),
            notes: Vec::new(),
        }
    }

    /// An instruction runs; the notes happened before it.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) -> &[CallNote] {
        self.notes.clear();
        let changes = self.stacks.instruction(stamp, step).to_vec();
        self.follow(stamp, &changes, place_of_instruction(stamp), Leaving::Unwound);
        let followed = &mut self.partitions[stamp.partition.index()];
        if let Some(innermost) = followed.frames.last_mut() {
            innermost.instructions += 1;
        }
        followed.last = Some((stamp, step.after.registers[EAX]));
        &self.notes
    }

    /// An event happens; the notes happened before it, but for a function that the event itself enters.
    pub fn event(&mut self, stamp: Stamp, event: &Event) -> &[CallNote] {
        self.notes.clear();
        let changes = self.stacks.event(stamp, event).to_vec();
        let several = match event {
            Event::Restart { .. } => Leaving::Restarted,
            _ => Leaving::Unwound,
        };
        self.follow(stamp, &changes, place_before_instruction(stamp), several);
        &self.notes
    }

    /// All functions that are open, the innermost first, as if they were left where their partition is now.
    pub fn open(&mut self) -> impl Iterator<Item = (PartitionId, CallChange)> + '_ {
        let rate = self.rate;
        let partitions = self.partitions.iter_mut().enumerate();
        partitions.flat_map(move |(place, followed)| {
            let partition = PartitionId(place as u16);
            let stamp = followed.last.map_or(Stamp { partition, ..Stamp::default() }, |(stamp, _)| stamp);
            let count = followed.frames.len();
            let left = (0..count).filter_map(move |_| followed.leave(rate, stamp, Leaving::Open));
            left.map(move |change| (partition, change)).collect::<Vec<_>>()
        })
    }

    fn follow(&mut self, stamp: Stamp, changes: &[Change], place: u64, several: Leaving) {
        let followed = &mut self.partitions[stamp.partition.index()];
        for (index, change) in changes.iter().enumerate() {
            match *change {
                Change::Left { frames } => {
                    let next = changes.get(index + 1);
                    let (last, eax) = followed.last.unwrap_or((stamp, 0));
                    // In its order: what takes the place, what another stack brings, one frame, several.
                    let leaving = match next {
                        Some(Change::Entered { entry: Entry::Jump, .. }) => Leaving::Jumped,
                        Some(Change::Entered { entry: Entry::Start | Entry::Resumed, .. }) => {
                            Leaving::Suspended
                        }
                        _ if several == Leaving::Restarted || frames > 1 => several,
                        _ => Leaving::Returned(eax),
                    };
                    for _ in 0..frames {
                        let left = followed.leave(self.rate, last, leaving);
                        self.notes.extend(left.map(|change| CallNote { place, change }));
                    }
                }
                Change::Entered { function, entry, from } => {
                    let is_interrupt = match entry {
                        Entry::Interrupt => true,
                        Entry::Jump => followed.left_interrupt,
                        Entry::Resumed => {
                            let frame = self.stacks.frames(stamp.partition).get(followed.frames.len());
                            frame.is_some_and(|frame| frame.entry == Entry::Interrupt)
                        }
                        Entry::Start | Entry::Call => false,
                    };
                    let since_unit = stamp.unit;
                    followed.frames.push(Running { since_unit, instructions: 0, is_interrupt });
                    let described = self.stacks.function(stamp.partition, function);
                    let name = followed.names.entry(function);
                    let name = Arc::clone(name.or_insert_with(|| readable_name(&described.name).into()));
                    let is_whole = entry != Entry::Start || described.entry == from;
                    // Its event comes first.
                    let place = if entry == Entry::Interrupt { place_of_instruction(stamp) } else { place };
                    let change = CallChange::Entered { stamp, name, entry, from, is_whole };
                    self.notes.push(CallNote { place, change });
                }
            }
        }
    }
}

impl Followed {
    fn leave(&mut self, rate: Rate, stamp: Stamp, leaving: Leaving) -> Option<CallChange> {
        let frame = self.frames.pop()?;
        if let Some(caller) = self.frames.last_mut().filter(|_| !frame.is_interrupt) {
            caller.instructions += frame.instructions;
        }
        self.left_interrupt = frame.is_interrupt;
        let leaving = match leaving {
            Leaving::Returned(_) if frame.is_interrupt => Leaving::Resumes,
            leaving => leaving,
        };
        let end = rate.nanoseconds(stamp.unit.saturating_add(1));
        let took_ns = end.saturating_sub(rate.nanoseconds(frame.since_unit));
        Some(CallChange::Left { stamp, leaving, instructions: frame.instructions, took_ns })
    }
}

/// Where a record of an instruction stands among the notes of its partition.
pub(crate) fn place_of_instruction(stamp: Stamp) -> u64 {
    place_before_instruction(stamp) | 1
}

/// Where an event before an instruction stands.
pub(crate) fn place_before_instruction(stamp: Stamp) -> u64 {
    stamp.instruction.saturating_mul(2)
}
