//! What a guest does outside of its upcall handler, instruction by instruction, and where that differs from a reference.

use emulator::decode::disassemble;
use emulator::{Access, StateDigest, Step, cpu};
use hypervisor_core::{Event, Recorder, Stamp};

const MARK_BEGIN: u32 = 1;
const MARK_END: u32 = 2;
const FRAME_BYTES: u32 = 12;
const REGISTERS: [&str; 8] = ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"];

/// An instruction, or an iteration of a REP, outside of the handler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    eip: u32,
    bytes: Vec<u8>,
    pub registers: [u32; 8],
    eflags: u32,
    accesses: Vec<Access>,
    /// Of the whole processor afterwards.
    after: u128,
}

impl Unit {
    fn new(step: &Step<'_>) -> Self {
        let mut after = StateDigest::new();
        after.cpu(step.after);
        Self {
            eip: step.eip,
            bytes: step.bytes.to_vec(),
            registers: *step.registers_before,
            eflags: step.eflags_before,
            accesses: step.accesses.to_vec(),
            after: after.value(),
        }
    }

    fn text(&self) -> String {
        format!("{:08x}h {}", self.eip, disassemble(&self.bytes, self.eip).text)
    }

    fn difference(&self, other: &Self) -> String {
        if (self.eip, &self.bytes) != (other.eip, &other.bytes) {
            return format!("runs {} instead of {}", other.text(), self.text());
        }
        let mut what: Vec<String> = (0..8)
            .filter(|place| self.registers[*place] != other.registers[*place])
            .map(|place| {
                format!(
                    "{} is {:x}h instead of {:x}h",
                    REGISTERS[place], other.registers[place], self.registers[place]
                )
            })
            .collect();
        if self.eflags != other.eflags {
            what.push(format!("EFLAGS is {:x}h instead of {:x}h", other.eflags, self.eflags));
        }
        if self.accesses != other.accesses {
            what.push(format!("memory is {:x?} instead of {:x?}", other.accesses, self.accesses));
        }
        if what.is_empty() {
            what.push("the processor is in another state afterwards".to_owned());
        }
        format!("at {}: {}", self.text(), what.join(", "))
    }
}

/// Tells what belongs to the handler: from an upcall to the return from its frame, whatever other frames are
/// returned from meanwhile.
#[derive(Debug, Default)]
struct Filter {
    measured: bool,
    /// EIP in the frame of an upcall whose handler is about to begin.
    entered: Option<u32>,
    /// EIP and ESP of what was interrupted.
    interrupted: Option<(u32, u32)>,
    /// A frame with that EIP was returned from.
    may_be_back: bool,
}

impl Filter {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Mark { id: MARK_BEGIN, .. } => self.measured = true,
            Event::Mark { id: MARK_END, .. } => self.measured = false,
            Event::Upcall { eip, .. } if self.interrupted.is_none() => self.entered = Some(*eip),
            Event::InterruptReturn { eip, .. } => {
                self.may_be_back = self.interrupted.is_some_and(|interrupted| interrupted.0 == *eip);
            }
            _ => {}
        }
    }

    /// Whether a step is outside of the handler, and between the marks.
    fn is_outside(&mut self, step: &Step<'_>) -> bool {
        let stack = step.registers_before[cpu::ESP];
        if let Some(eip) = self.entered.take() {
            self.interrupted = Some((eip, stack.wrapping_add(FRAME_BYTES)));
        }
        if std::mem::take(&mut self.may_be_back) && self.interrupted == Some((step.eip, stack)) {
            self.interrupted = None;
        }
        self.measured && self.interrupted.is_none()
    }
}

/// A point at which an event can come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Boundary {
    pub now_ns: u64,
    /// The instruction after it.
    pub text: String,
}

/// Keeps what a guest does without the event.
#[derive(Debug, Default)]
pub struct Reference {
    filter: Filter,
    pub units: Vec<Unit>,
    /// Those in the handler too.
    pub boundaries: Vec<Boundary>,
}

impl Recorder for Reference {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let outside = self.filter.is_outside(step);
        if self.filter.measured {
            let unit = Unit::new(step);
            let before = self.boundaries.last().map_or(stamp.now_ns, |boundary| boundary.now_ns);
            if stamp.now_ns > before + 1 {
                let now_ns = u64::midpoint(before, stamp.now_ns);
                self.boundaries.push(Boundary { now_ns, text: "the end of the wait".to_owned() });
            }
            self.boundaries.push(Boundary { now_ns: stamp.now_ns, text: unit.text() });
            if outside {
                self.units.push(unit);
            }
        }
    }

    fn event(&mut self, _: Stamp, event: &Event) {
        self.filter.event(event);
    }
}

/// Compares with a reference.
#[derive(Debug)]
pub struct Checker<'a> {
    filter: Filter,
    expected: &'a [Unit],
    place: usize,
    difference: Option<String>,
}

impl<'a> Checker<'a> {
    pub fn new(expected: &'a [Unit]) -> Self {
        Self { filter: Filter::default(), expected, place: 0, difference: None }
    }

    /// The first difference.
    pub fn difference(&self) -> Option<String> {
        let missing = self.place < self.expected.len();
        let end = || missing.then(|| format!("it ends before {}", self.expected[self.place].text()));
        self.difference.clone().or_else(end)
    }
}

impl Recorder for Checker<'_> {
    fn instruction(&mut self, _: Stamp, step: &Step<'_>) {
        if !self.filter.is_outside(step) || self.difference.is_some() {
            return;
        }
        let unit = Unit::new(step);
        self.difference = match self.expected.get(self.place) {
            Some(expected) if *expected == unit => None,
            Some(expected) => Some(format!("unit {} {}", self.place, expected.difference(&unit))),
            None => Some(format!("{} is run after the end", unit.text())),
        };
        self.place += 1;
    }

    fn event(&mut self, _: Stamp, event: &Event) {
        self.filter.event(event);
    }
}
