//! When two rows are at the same place, and what they did differently there.

use super::extended::{Extended, Group};
use super::row::{Instruction, Logged, Row, What};
use super::side::{Side, State};
use crate::columns::hexadecimal;
use crate::event_text::{event_words, kind};
use crate::text::FLAGS;
use emulator::cpu::REGISTER_NAMES;
use emulator::{Access, AccessKind, SegmentRegister};
use hypervisor_core::Event;
use hypervisor_core::loader::{SymbolKind, Symbols};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What tells that two instructions are the same one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum By {
    /// Their address.
    #[default]
    Address,
    /// Their function, length and first byte: for images in which code and data moved. Addresses in registers and memory
    /// are alike if they are those of the same function, or of the same place of the same object.
    Symbol,
}

/// What may differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ignored {
    /// The bytes of instructions.
    pub bytes: bool,
    /// A bit for each general register.
    pub registers: u8,
    /// Bits of EFLAGS.
    pub flags: u32,
    /// The selectors and the bases.
    pub segments: bool,
    /// The x87 registers.
    pub x87: bool,
    /// The SSE registers.
    pub sse: bool,
    /// What was read and written.
    pub accesses: bool,
    /// The values that were read and written, not where.
    pub values: bool,
    /// Virtual time.
    pub time: bool,
}

/// How rows are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// What is the same place.
    pub by: By,
    /// What may differ there.
    pub ignored: Ignored,
}

impl Rules {
    /// Whether two rows are at the same place.
    pub(super) fn same_place(&self, sides: [&Side; 2], rows: [&Row; 2]) -> bool {
        match (self.by, rows[0].eip(), rows[1].eip()) {
            (By::Address, Some(a), Some(b)) => a == b,
            _ => self.key(rows[0], &sides[0].view.symbols) == self.key(rows[1], &sides[1].view.symbols),
        }
    }

    /// A number for the place of a row. Rows with the same number are compared further.
    pub(super) fn key(&self, row: &Row, symbols: &Symbols) -> u64 {
        let Some(eip) = row.eip() else {
            let What::Event(event) = &row.what else { return 0 };
            // Which call or mark it is tells where the guest is, as an address does.
            let number = match **event {
                Event::Call { number, .. } => Some(number),
                Event::Mark { id, .. } => Some(id),
                _ => None,
            };
            return hash(&(kind(event), number));
        };
        match (self.by, &row.what) {
            (By::Symbol, What::Instruction(instruction)) => {
                let function = symbols.locate(eip).map(|located| located.symbol.name.as_str());
                hash(&(function, instruction.bytes().len(), instruction.bytes().first()))
            }
            _ => hash(&eip),
        }
    }

    /// What the next rows of both, which are at the same place, did differently; a line for each.
    pub(super) fn differences(&self, sides: [&Side; 2], rows: [&Row; 2]) -> Vec<String> {
        let mut found = Vec::new();
        self.time(sides, rows, &mut found);
        match (&rows[0].what, &rows[1].what) {
            (What::Instruction(a), What::Instruction(b)) => self.instructions(sides, [a, b], &mut found),
            (What::Event(a), What::Event(b)) => self.events(sides, rows, [a, b], &mut found),
            (What::Instruction(a), What::Logged(b)) | (What::Logged(b), What::Instruction(a)) => {
                self.logged(a, b, &mut found);
            }
            _ => {}
        }
        found
    }

    fn time(&self, sides: [&Side; 2], rows: [&Row; 2], found: &mut Vec<String>) {
        let is_logged = |row: &Row| matches!(row.what, What::Logged(_));
        if self.ignored.time || rows.into_iter().any(is_logged) {
            return;
        }
        if let (Some(a), Some(b)) = (sides[0].elapsed_ns(rows[0]), sides[1].elapsed_ns(rows[1]))
            && a != b
        {
            found.push(format!("time since the row before: {a} ns in A, {b} ns in B"));
        }
    }

    fn instructions(&self, sides: [&Side; 2], rows: [&Instruction; 2], found: &mut Vec<String>) {
        let [a, b] = rows;
        if !self.ignored.bytes && a.bytes() != b.bytes() && !self.bytes_alike(sides, rows) {
            found.push(format!("bytes: {} in A, {} in B", digits(a.bytes()), digits(b.bytes())));
        }
        let states = [sides[0].state, sides[1].state];
        if a.registers != b.registers {
            self.registers(sides, states, rows, found);
        }
        let shown = FLAGS.iter().filter(|(bit, _)| (a.eflags ^ b.eflags) & bit & !self.ignored.flags != 0);
        for (bit, name) in shown {
            let after = [a.eflags & bit, b.eflags & bit];
            if is_new(after, states.map(|state| state.map(|state| state.eflags & bit)), PartialEq::eq) {
                let digit = |value: u32| u8::from(value != 0);
                found.push(format!("{name}: {} in A, {} in B", digit(after[0]), digit(after[1])));
            }
        }
        let selectors = [a, b].map(|row| row.extended.selectors);
        if !self.ignored.segments && selectors[0] != selectors[1] {
            for register in SegmentRegister::ALL {
                let of = |selectors: [u16; 6]| selectors[register as usize];
                let before = states.map(|state| state.map(|state| of(state.selectors)));
                let after = selectors.map(of);
                if is_new(after, before, PartialEq::eq) {
                    found.push(format!("{}: {:04x} in A, {:04x} in B", register.name(), after[0], after[1]));
                }
            }
        }
        // What has not changed on either side is no news.
        let is_still = sides[0].has_still(&a.extended) && sides[1].has_still(&b.extended);
        if !is_still && a.extended != b.extended {
            self.extended(sides, [&a.extended, &b.extended], found);
        }
        if !self.ignored.accesses && a.accesses() != b.accesses() {
            self.accesses(sides, [a.accesses(), b.accesses()], found);
        }
    }

    fn registers(
        &self,
        sides: [&Side; 2],
        states: [Option<State>; 2],
        rows: [&Instruction; 2],
        found: &mut Vec<String>,
    ) {
        for (number, name) in REGISTER_NAMES.iter().enumerate() {
            if self.ignored.registers >> number & 1 != 0 {
                continue;
            }
            let after = rows.map(|row| row.registers[number]);
            let before = states.map(|state| state.map(|state| state.registers[number]));
            if is_new(after, before, |a, b| self.value_alike(sides, *a, *b)) {
                found.push(format!("{name}: {:08x} in A, {:08x} in B", after[0], after[1]));
            }
        }
    }

    fn extended(&self, sides: [&Side; 2], rows: [&Extended; 2], found: &mut Vec<String>) {
        let befores = sides.map(|side| {
            let extended = side.extended.as_ref()?;
            Some(extended.registers().map(|(.., value, _)| value).collect::<Vec<u128>>())
        });
        let [a, b] = rows;
        for (place, ((group, name, a, digits), (.., b, _))) in a.registers().zip(b.registers()).enumerate() {
            let is_ignored = match group {
                Group::Base => self.ignored.segments,
                Group::X87 => self.ignored.x87,
                Group::Sse => self.ignored.sse,
            };
            let before = befores.each_ref().map(|before| before.as_ref().map(|before| before[place]));
            let is_alike = |a: &u128, b: &u128| match group {
                Group::Base => self.value_alike(sides, *a as u32, *b as u32),
                Group::X87 | Group::Sse => a == b,
            };
            if !is_ignored && is_new([a, b], before, is_alike) {
                found.push(format!("{name}: {a:0digits$x} in A, {b:0digits$x} in B"));
            }
        }
    }

    fn accesses(&self, sides: [&Side; 2], accesses: [&[Access]; 2], found: &mut Vec<String>) {
        let [a, b] = accesses;
        if a.len() != b.len() {
            found.push(format!("accesses: {} in A, {} in B", a.len(), b.len()));
            return;
        }
        for (a, b) in a.iter().zip(b) {
            let is_there = (a.kind, a.length_bytes) == (b.kind, b.length_bytes)
                && self.value_alike(sides, a.address, b.address);
            if !is_there {
                found.push(format!("access: {} in A, {} in B", access_text(a), access_text(b)));
            } else if !self.ignored.values && a.value != b.value {
                let whole = [a.value, b.value].map(|value| u32::try_from(value).ok());
                let is_alike = match whole {
                    [Some(in_a), Some(in_b)] => self.value_alike(sides, in_a, in_b),
                    _ => false,
                };
                if !is_alike {
                    found.push(format!("{} in A, {} in B", access_text(a), access_text(b)));
                }
            }
        }
    }

    fn events(&self, sides: [&Side; 2], rows: [&Row; 2], events: [&Event; 2], found: &mut Vec<String>) {
        let [a, b] = events;
        if a == b {
            return;
        }
        // The instant at which a wait ends is a time, and counts from its beginning.
        if let (Event::Idle { until_ns: a }, Event::Idle { until_ns: b }) = (a, b) {
            let (a, b) = (a.saturating_sub(rows[0].now_ns), b.saturating_sub(rows[1].now_ns));
            if a != b && !self.ignored.time {
                found.push(format!("waits {a} ns in A, {b} ns in B"));
            }
            return;
        }
        let [in_a, in_b] = [0, 1]
            .map(|place| event_words(&sides[place].view.symbols, &sides[place].view.names, events[place]));
        if in_a != in_b || self.by == By::Address {
            found.push(format!("the {} differs", kind(a)));
        }
    }

    fn logged(&self, instruction: &Instruction, logged: &Logged, found: &mut Vec<String>) {
        let known = instruction.bytes().len().min(4);
        let bytes = logged.opcode.to_le_bytes();
        if !self.ignored.bytes && instruction.bytes()[..known] != bytes[..known] {
            let (own, other) = (digits(&instruction.bytes()[..known]), digits(&bytes[..known]));
            found.push(format!("bytes: {own} here, {other} in the log"));
        }
    }

    /// Whether two values mean the same: they are equal, or addresses of the same thing.
    fn value_alike(&self, sides: [&Side; 2], a: u32, b: u32) -> bool {
        if a == b || self.by == By::Address {
            return a == b;
        }
        let (a, b) = (sides[0].view.symbols.locate(a), sides[1].view.symbols.locate(b));
        let (Some(a), Some(b)) = (a, b) else { return false };
        a.symbol.name == b.symbol.name
            && (a.offset == b.offset
                || (a.symbol.kind == SymbolKind::Function && b.symbol.kind == SymbolKind::Function))
    }

    /// Whether the bytes of two instructions differ only in the addresses of the same things.
    fn bytes_alike(&self, sides: [&Side; 2], rows: [&Instruction; 2]) -> bool {
        let [a, b] = rows.map(Instruction::bytes);
        if self.by == By::Address || a.len() != b.len() {
            return false;
        }
        let is_relative = |opcode: &u8| matches!(opcode, 0x70..=0x7f | 0xe0..=0xe3 | 0xe8 | 0xe9 | 0xeb);
        let is_far = matches!(a, [0x0f, 0x80..=0x8f, ..]) && a.get(1) == b.get(1);
        if is_far || a.first().is_some_and(is_relative) && a.first() == b.first() {
            // The next row tells where it went.
            return true;
        }
        let mut place = 0;
        while let Some(differs) = (place..a.len()).find(|place| a[*place] != b[*place]) {
            let word = |bytes: &[u8], start: usize| {
                Some(u32::from_le_bytes(bytes.get(start..start + 4)?.try_into().ok()?))
            };
            let starts = differs.saturating_sub(3).max(place)..=differs;
            let alike = starts.into_iter().find(|start| {
                matches!((word(a, *start), word(b, *start)), (Some(a), Some(b)) if self.value_alike(sides, a, b))
            });
            let Some(start) = alike else { return false };
            place = start + 4;
        }
        true
    }
}

/// Whether values differ after a row and did not before, or one of them was written.
fn is_new<T: PartialEq + Copy>(
    after: [T; 2],
    before: [Option<T>; 2],
    alike: impl Fn(&T, &T) -> bool,
) -> bool {
    if alike(&after[0], &after[1]) {
        return false;
    }
    match before {
        [Some(a), Some(b)] => alike(&a, &b) || a != after[0] || b != after[1],
        _ => true,
    }
}

fn access_text(access: &Access) -> String {
    let mut value = Vec::new();
    hexadecimal(&mut value, access.value, 2 * u32::from(access.length_bytes));
    let arrow = match access.kind {
        AccessKind::Read => "->",
        AccessKind::Write => "<-",
    };
    format!("[{:08x}]{arrow}{}", access.address, String::from_utf8_lossy(&value))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
