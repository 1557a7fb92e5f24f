//! Finds when a register of a partition changes: by an instruction, or by the hypervisor between two of them.

use super::hit::{Change, Doer, Hit, Showing};
use super::scope::Range;
use super::search::Finder;
use emulator::cpu::REGISTER_NAMES;
use emulator::{Cpu, SegmentRegister, Step};
use hypervisor_core::{Event, Machine, PartitionId, Recorder, Stamp};
use system_file::suggestion::nearest;
use trace::FLAGS;

/// So many events are named as what changed a register.
const EVENTS_MOST: usize = 4;

/// The parts of general registers that have names, with where they are.
const PARTS: [(&str, usize, u32, u32); 16] = [
    ("ax", 0, 0, 0xffff),
    ("cx", 1, 0, 0xffff),
    ("dx", 2, 0, 0xffff),
    ("bx", 3, 0, 0xffff),
    ("sp", 4, 0, 0xffff),
    ("bp", 5, 0, 0xffff),
    ("si", 6, 0, 0xffff),
    ("di", 7, 0, 0xffff),
    ("al", 0, 0, 0xff),
    ("cl", 1, 0, 0xff),
    ("dl", 2, 0, 0xff),
    ("bl", 3, 0, 0xff),
    ("ah", 0, 8, 0xff),
    ("ch", 1, 8, 0xff),
    ("dh", 2, 8, 0xff),
    ("bh", 3, 8, 0xff),
];

/// A register, a part of one, or a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register {
    /// Its name.
    pub name: &'static str,
    place: Place,
    shift: u32,
    mask: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    General(usize),
    Flags,
    Segment(SegmentRegister),
}

impl Register {
    /// The register of this name, however it is written: `eax`, `$eax`, `ZF`, `zf`.
    ///
    /// # Errors
    /// There is none.
    pub fn named(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix(['$', '%']).unwrap_or(text);
        let known = all().find(|register| register.name.eq_ignore_ascii_case(name));
        known.ok_or_else(|| {
            if name.eq_ignore_ascii_case("eip") {
                return "eip has another value at each instruction: ask for `first-visit 0xADDRESS`".to_owned();
            }
            let names: Vec<&str> = all().map(|register| register.name).collect();
            let meant = nearest(name, names.iter().copied());
            let meant = meant.map(|meant| format!("did you mean `{meant}`?")).unwrap_or_default();
            format!("there is no register `{name}`: {meant} There are eax to edi and their parts, eflags, flags such as ZF, and cs to gs")
        })
    }

    /// How many hexadecimal digits it has.
    pub fn digits(&self) -> usize {
        (self.mask.count_ones() as usize).div_ceil(4)
    }

    /// A value as a person writes it for this register: `5`, `0x1f`, `-1`.
    ///
    /// # Errors
    /// It is no number, or none that the register holds.
    pub fn value(&self, text: &str) -> Result<u32, String> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let number = match digits.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok(),
            None => digits.parse::<i64>().ok(),
        };
        let number =
            number.filter(|_| digits.starts_with(|c: char| c.is_ascii_digit())).map(|number| sign * number);
        let number =
            number.ok_or_else(|| format!("`{text}` is no value: write {}=5 or {0}=0x1f", self.name))?;
        let mask = i64::from(self.mask);
        if number > mask || number < -(mask / 2 + 1) {
            return Err(format!(
                "`{text}` does not fit {}, which has {} bits",
                self.name,
                self.mask.count_ones()
            ));
        }
        Ok(number as u32 & self.mask)
    }

    /// What a partition has in it now.
    pub fn of_partition(&self, machine: &Machine, partition: PartitionId) -> u32 {
        self.of_processor(machine.partition(partition).cpu())
    }

    fn of(&self, registers: &[u32; 8], eflags: u32) -> Option<u32> {
        match self.place {
            Place::General(number) => registers.get(number).map(|value| value >> self.shift & self.mask),
            Place::Flags => Some(eflags >> self.shift & self.mask),
            Place::Segment(_) => None,
        }
    }

    fn of_processor(&self, cpu: &Cpu) -> u32 {
        match self.place {
            Place::Segment(segment) => cpu.segments[segment as usize].selector.into(),
            _ => self.of(&cpu.registers, cpu.eflags).unwrap_or_default(),
        }
    }
}

fn all() -> impl Iterator<Item = Register> {
    let general = REGISTER_NAMES.iter().enumerate().map(|(number, name)| Register {
        name,
        place: Place::General(number),
        shift: 0,
        mask: u32::MAX,
    });
    let parts = PARTS.iter().map(|(name, number, shift, mask)| Register {
        name,
        place: Place::General(*number),
        shift: *shift,
        mask: *mask,
    });
    let flags = FLAGS.iter().map(|(bit, name)| Register {
        name,
        place: Place::Flags,
        shift: bit.trailing_zeros(),
        mask: 1,
    });
    let whole = Register { name: "eflags", place: Place::Flags, shift: 0, mask: u32::MAX };
    let segments = SegmentRegister::ALL.into_iter().map(|segment| Register {
        name: segment.name(),
        place: Place::Segment(segment),
        shift: 0,
        mask: 0xffff,
    });
    general.chain(parts).chain(flags).chain([whole]).chain(segments)
}

/// Looks for changes of a register.
pub struct RegisterFinder<'a> {
    showing: Showing<'a>,
    partition: PartitionId,
    register: Register,
    /// Only changes to this.
    value: Option<u32>,
    range: Range,
    /// What it holds, as far as was seen; None before the first machine.
    known: Option<u32>,
    /// What happened since the last instruction.
    events: Vec<(Stamp, Event)>,
    hits: Vec<Hit>,
    keeps_last: bool,
}

impl<'a> RegisterFinder<'a> {
    /// Watches a register of a partition.
    pub fn new(
        showing: Showing<'a>,
        partition: PartitionId,
        (register, value): (Register, Option<u32>),
        range: Range,
    ) -> Self {
        let (known, events, hits) = (None, Vec::new(), Vec::new());
        Self { showing, partition, register, value, range, known, events, hits, keeps_last: false }
    }

    fn is_wanted(&self, value: u32) -> bool {
        self.value.is_none_or(|wanted| wanted == value)
    }

    fn push(&mut self, hit: Hit) {
        if self.keeps_last {
            self.hits.clear();
        }
        self.hits.push(hit);
    }

    fn change(&self, before: u32, after: u32) -> Vec<Change> {
        vec![Change::Register(self.register.name, before, after, self.register.digits())]
    }

    /// Between instructions it became `now`.
    fn settle(&mut self, next: Stamp, now: u32) {
        let before = self.known.replace(now).unwrap_or(now);
        let stamp = self.events.last().map_or(next, |(stamp, _)| *stamp);
        if before != now && self.is_wanted(now) && self.range.holds_event(stamp) {
            let by = Doer::Core(self.showing.events(self.partition, &self.events));
            self.push(Hit { stamp, by, changes: self.change(before, now), line: Vec::new() });
        }
        self.events.clear();
    }
}

impl Recorder for RegisterFinder<'_> {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if stamp.partition != self.partition {
            return;
        }
        let after = self.register.of_processor(step.after);
        if let Some(before) = self.register.of(step.registers_before, step.eflags_before)
            && (self.known != Some(before) || !self.events.is_empty())
        {
            self.settle(stamp, before);
        }
        let before = self.known.replace(after).unwrap_or(after);
        self.events.clear();
        if before != after && self.is_wanted(after) && self.range.holds_instruction(stamp) {
            let changes = self.change(before, after);
            let hit = self.showing.instruction(stamp, step, changes);
            self.push(hit);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if stamp.partition == self.partition {
            if self.events.len() == EVENTS_MOST {
                self.events.remove(0);
            }
            self.events.push((stamp, event.clone()));
        }
    }
}

impl Finder for RegisterFinder<'_> {
    fn looks_at_events(&self) -> bool {
        false
    }

    fn begin(&mut self, machine: &Machine) {
        self.known = Some(self.register.of_partition(machine, self.partition));
        self.events.clear();
    }

    fn look(&mut self, machine: &Machine) {
        let now = self.register.of_partition(machine, self.partition);
        if self.known != Some(now) {
            self.settle(machine.stamp_of(self.partition), now);
        }
    }

    fn take(&mut self) -> Vec<Hit> {
        std::mem::take(&mut self.hits)
    }

    fn keep_last(&mut self) {
        self.keeps_last = true;
    }
}

#[cfg(test)]
mod tests {
    use super::Register;

    #[test]
    fn values_are_those_that_the_register_holds() {
        let value = |name: &str, text: &str| Register::named(name).and_then(|register| register.value(text));
        for (name, text, expected) in [
            ("$eax", "-1", u32::MAX),
            ("EAX", "0xffffffff", u32::MAX),
            ("ah", "-128", 0x80),
            ("zf", "1", 1),
            ("gs", "0x33", 0x33),
        ] {
            assert_eq!(value(name, text), Ok(expected), "{name}={text}");
        }
        for (name, text) in
            [("al", "256"), ("zf", "2"), ("eax", ""), ("eax", "+5"), ("eax", "0x1ffffffff"), ("eip", "5")]
        {
            assert!(value(name, text).is_err(), "{name}={text}");
        }
    }
}
