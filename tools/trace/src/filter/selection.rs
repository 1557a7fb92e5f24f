//! Which records are wanted, whenever they come.

use super::classes::Classes;
use super::kinds::Kinds;
use super::ranges::Places;
use super::stay::Stay;
use emulator::{AccessKind, Step};
use hypervisor_core::{Event, Stamp};

/// In [`Selection::classes`]: the instruction read memory.
pub const READS_MEMORY: u32 = 1 << 30;
/// In [`Selection::classes`]: the instruction wrote memory.
pub const WRITES_MEMORY: u32 = 1 << 31;

/// What is wanted. An instruction has to pass each of the tests; an event those that say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// The kinds of record.
    pub kinds: Kinds,
    /// Functions. An event belongs to the instruction before it.
    pub functions: Option<Places>,
    /// Also what the functions call.
    pub callees: bool,
    /// Where the instructions lie. An event belongs to the instruction before it.
    pub code: Option<Places>,
    /// Data that the instructions read or write.
    pub data: Option<Places>,
    /// Bits of [`InstructionClass`](emulator::decode::InstructionClass), [`READS_MEMORY`] and [`WRITES_MEMORY`], of which
    /// an instruction needs one.
    pub classes: Option<u32>,
}

impl Selection {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self { kinds: Kinds::ALL, functions: None, callees: false, code: None, data: None, classes: None }
    }

    /// Whether it wants everything.
    fn is_everything(&self) -> bool {
        *self == Self { callees: self.callees, ..Self::everything() }
    }

    /// Whether instructions have to be seen to know which records are wanted.
    #[must_use]
    pub fn needs_instructions(&self) -> bool {
        self.kinds.has_instructions() || self.functions.is_some() || self.code.is_some()
    }
}

/// Applies a selection.
pub struct Selector {
    selection: Selection,
    is_everything: bool,
    classes: Classes,
    /// By partition: whether the last instruction was where it is wanted, and where the partition is.
    partitions: Vec<(bool, Stay)>,
}

impl Selector {
    pub fn new(selection: Selection, partitions: usize) -> Self {
        let is_everything = selection.is_everything();
        let partitions = vec![(false, Stay::default()); partitions];
        Self { selection, is_everything, classes: Classes::new(), partitions }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    pub fn wants_instruction(&mut self, stamp: Stamp, step: &Step<'_>) -> bool {
        if self.is_everything {
            return true;
        }
        let partition = stamp.partition.index();
        self.is_in_place(partition, step) && self.is_wanted_there(partition, step)
    }

    pub fn wants_event(&self, stamp: Stamp, event: &Event) -> bool {
        if self.is_everything {
            return true;
        }
        let Selection { kinds, functions, code, .. } = &self.selection;
        let by_place = functions.is_some() || code.is_some();
        kinds.holds_event(event) && (!by_place || self.partitions[stamp.partition.index()].0)
    }

    /// Whether an instruction lies in the wanted functions and code.
    fn is_in_place(&mut self, partition: usize, step: &Step<'_>) -> bool {
        let Selection { functions, callees, code, .. } = &self.selection;
        let (was_wanted, stay) = &mut self.partitions[partition];
        let in_function = functions.as_ref().is_none_or(|functions| {
            let function = functions.of(partition);
            if *callees { stay.holds(function, step) } else { function.hold(step.eip) }
        });
        *was_wanted = in_function && code.as_ref().is_none_or(|code| code.of(partition).hold(step.eip));
        *was_wanted
    }

    /// Whether an instruction is wanted for what it does.
    fn is_wanted_there(&mut self, partition: usize, step: &Step<'_>) -> bool {
        let Selection { kinds, data, classes, .. } = &self.selection;
        let touches = |data: &Places| {
            let data = data.of(partition);
            step.accesses.iter().any(|access| data.meet(access.address, access.length_bytes.into()))
        };
        kinds.holds_instruction(step)
            && data.as_ref().is_none_or(touches)
            && classes
                .is_none_or(|wanted| (self.classes.of(step.eip, step.bytes) | accessed(step)) & wanted != 0)
    }
}

fn accessed(step: &Step<'_>) -> u32 {
    let bits = step.accesses.iter().map(|access| match access.kind {
        AccessKind::Read => READS_MEMORY,
        AccessKind::Write => WRITES_MEMORY,
    });
    bits.fold(0, |all, bit| all | bit)
}
