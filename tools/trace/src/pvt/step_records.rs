//! What a frame of instructions is made of: each with the registers that it changed and the memory that it touched.
//! docs/TRACE-FILE.md has the form.

use super::stored_elision::StoredElision;
use emulator::{Access, AccessKind, Cpu, Fpu, Segment, SegmentRegister, Sse};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum StepRecord<'a> {
    /// An instruction's code. Codes have numbers in the order in which they come in the frame, from 0.
    Code {
        /// Where it stands.
        eip: u32,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// Where the steps that follow happen; they follow each other from there.
    At {
        /// The partition's number.
        partition: u16,
        /// The number of the instruction, to the one after the partition's last step in this frame, or 0.
        instruction: i64,
        /// The unit, to the one after the last step in this frame, or 0.
        unit: i64,
    },
    /// What the partition's registers hold now, as far as no step in this frame said it.
    Registers(#[serde(borrow)] AtMost<StoredRegister<'a>, REGISTERS_MOST>),
    /// An instruction, or an iteration of a REP.
    Step {
        /// The number of its code.
        code: u32,
        /// The registers that it changed.
        #[serde(borrow)]
        changed: AtMost<StoredRegister<'a>, REGISTERS_MOST>,
        /// What it read and wrote, in order.
        accesses: AtMost<StoredAccess, ACCESSES_MOST>,
    },
    /// Instructions that are not here, right before this place.
    Elision(StoredElision),
}

impl StepRecord<'_> {
    pub(super) fn write(&self, raw: &mut Vec<u8>) {
        // Only an allocation could fail, and that ends the program.
        *raw = postcard::to_extend(self, std::mem::take(raw)).unwrap_or_default();
    }
}

/// A register's number, as gdb counts those of an i386, and its value in little-endian order.
pub(super) type StoredRegister<'a> = (u8, &'a [u8]);

/// More registers than there are change at once nowhere.
pub(super) const REGISTERS_MOST: usize = 64;
/// More accesses than an instruction makes: ENTER makes 63.
pub(super) const ACCESSES_MOST: usize = 256;

/// A list whose length a frame claims: a longer one is refused before it is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct AtMost<T, const MOST: usize>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for AtMost<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for ListVisitor<T, MOST> {
    type Value = AtMost<T, MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            if elements.len() == MOST {
                return Err(A::Error::custom("a list is too long"));
            }
            elements.push(element);
        }
        Ok(AtMost(elements))
    }
}

/// An access to memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct StoredAccess {
    writes: bool,
    length_bytes: u8,
    address: u32,
    value: u64,
}

impl From<&Access> for StoredAccess {
    fn from(access: &Access) -> Self {
        let Access { kind, address, length_bytes, value } = *access;
        Self { writes: kind == AccessKind::Write, length_bytes, address, value }
    }
}

impl From<StoredAccess> for Access {
    fn from(stored: StoredAccess) -> Self {
        let StoredAccess { writes, length_bytes, address, value } = stored;
        let kind = if writes { AccessKind::Write } else { AccessKind::Read };
        Self { kind, address, length_bytes, value }
    }
}

/// The registers that most instructions cannot change: segments, x87 with MMX, SSE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OtherRegisters {
    segments: [Segment; 6],
    fpu: Fpu,
    sse: Sse,
}

impl OtherRegisters {
    pub(super) fn of(processor: &Cpu) -> Self {
        Self { segments: processor.segments, fpu: processor.fpu.clone(), sse: processor.sse.clone() }
    }

    pub(super) fn are_those_of(&self, processor: &Cpu) -> bool {
        self.segments == processor.segments && self.fpu == processor.fpu && self.sse == processor.sse
    }

    /// Tells those that are not as in `before`, or all of them if there is none, in the same order every time.
    pub(super) fn tell_since(&self, before: Option<&Self>, mut tell: impl FnMut(u8, &[u8])) {
        if before.is_none_or(|before| before.segments != self.segments) {
            for (place, register) in (0..).zip(SEGMENTS) {
                let segment = self.segments[register as usize];
                let then = before.map(|before| before.segments[register as usize]);
                if then.is_none_or(|then| then.selector != segment.selector) {
                    tell(CS + place, &segment.selector.to_le_bytes());
                }
                if then.is_none_or(|then| then.base != segment.base) {
                    tell(CS_BASE + place, &segment.base.to_le_bytes());
                }
            }
        }
        if before.is_none_or(|before| before.fpu != self.fpu) {
            tell_fpu(&self.fpu, before.map(|before| &before.fpu), &mut tell);
        }
        if before.is_none_or(|before| before.sse != self.sse) {
            for (place, value) in self.sse.xmm.iter().enumerate() {
                if before.is_none_or(|before| before.sse.xmm[place] != *value) {
                    tell(XMM0 + place as u8, &value.to_le_bytes());
                }
            }
            if before.is_none_or(|before| before.sse.mxcsr != self.sse.mxcsr) {
                tell(MXCSR, &self.sse.mxcsr.to_le_bytes());
            }
        }
    }
}

fn tell_fpu(now: &Fpu, before: Option<&Fpu>, tell: &mut impl FnMut(u8, &[u8])) {
    for (place, value) in now.registers.iter().enumerate() {
        if before.is_none_or(|before| before.registers[place] != *value) {
            tell(R0 + place as u8, &value.to_bytes());
        }
    }
    let is_other = |differs: fn(&Fpu, &Fpu) -> bool| before.is_none_or(|before| differs(before, now));
    if is_other(|a, b| a.control != b.control) {
        tell(FCTRL, &now.control.to_le_bytes());
    }
    if is_other(|a, b| a.status != b.status) {
        tell(FCTRL + 1, &now.status.to_le_bytes());
    }
    if is_other(|a, b| a.tags != b.tags) {
        tell(FCTRL + 2, &[now.tags]);
    }
    if is_other(|a, b| a.instruction_selector != b.instruction_selector) {
        tell(FCTRL + 3, &now.instruction_selector.to_le_bytes());
    }
    if is_other(|a, b| a.instruction_pointer != b.instruction_pointer) {
        tell(FCTRL + 4, &now.instruction_pointer.to_le_bytes());
    }
    if is_other(|a, b| a.data_selector != b.data_selector) {
        tell(FCTRL + 5, &now.data_selector.to_le_bytes());
    }
    if is_other(|a, b| a.data_pointer != b.data_pointer) {
        tell(FCTRL + 6, &now.data_pointer.to_le_bytes());
    }
    if is_other(|a, b| a.opcode != b.opcode) {
        tell(FCTRL + 7, &now.opcode.to_le_bytes());
    }
}

/// Number of EFLAGS; the general registers have 0 to 7.
pub(super) const EFLAGS: u8 = 9;
const CS: u8 = 10;
const R0: u8 = 16;
const FCTRL: u8 = 24;
const XMM0: u8 = 32;
const MXCSR: u8 = 40;
const CS_BASE: u8 = 41;

/// Segment registers in gdb's order.
const SEGMENTS: [SegmentRegister; 6] = [
    SegmentRegister::Cs,
    SegmentRegister::Ss,
    SegmentRegister::Ds,
    SegmentRegister::Es,
    SegmentRegister::Fs,
    SegmentRegister::Gs,
];
