//! A trace as text, format `paravane-trace text 1`: one line an instruction, one line an event.
//!
//! Columns of an instruction: number, virtual time in seconds when it starts, address, place, bytes, text, and then what it did:
//! `eax=00000005` a register and its new value, `ZF=1` a flag, `gs=0033` a segment register,
//! `[00104010 ticks]->0007` a load, `[00104010 ticks]<-0008` a store; values have as many digits as the access was wide.
//! Columns of an event: number and time of the next instruction, `==`, its kind, and what `event_text` says of it.
//!
//! Not here: files. Who owns the trace takes the text when it likes.

use crate::columns::{eight_hexadecimal, hexadecimal, stamp};
use crate::elision_text::elision_words;
use crate::event_text;
use crate::listing::Listing;
use crate::locations::Locations;
use crate::names::Names;
use crate::run_end::RunEnd;
use crate::traced_system::{TracedPartition, TracedSystem};
use emulator::cpu::REGISTER_NAMES;
use emulator::{Access, AccessKind, Cpu, Segment, SegmentRegister, Step, flags};
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Elision, Event, Omission, Outcome, PartitionId, Recorder, Stamp};
use std::sync::Arc;

/// The first line of every text trace. The number counts up when the lines change their meaning.
pub const HEADER: &str = "paravane-trace text 1";

/// The flags whose changes a trace shows, in the order in which it shows them.
pub const FLAGS: [(u32, &str); 11] = [
    (flags::OF, "OF"),
    (flags::DF, "DF"),
    (flags::SF, "SF"),
    (flags::ZF, "ZF"),
    (flags::AF, "AF"),
    (flags::PF, "PF"),
    (flags::CF, "CF"),
    (flags::TF, "TF"),
    (flags::NT, "NT"),
    (flags::AC, "AC"),
    (flags::ID, "ID"),
];

/// [`REGISTER_NAMES`] as bytes.
const NAMES: [[u8; 3]; 8] = {
    let mut names = [[0; 3]; 8];
    let mut number = 0;
    while number < names.len() {
        let name = REGISTER_NAMES[number].as_bytes();
        names[number] = [name[0], name[1], name[2]];
        number += 1;
    }
    names
};

/// Writes down everything that a run does.
pub struct TextTrace {
    symbols: Symbols,
    names: Arc<Names>,
    listing: Listing,
    locations: Locations,
    segments: Option<[Segment; 6]>,
    text: Vec<u8>,
}

impl TextTrace {
    /// A trace of a single guest that begins with [`HEADER`] and a line that says what is traced.
    #[must_use]
    pub fn new(traced: &TracedSystem) -> Self {
        let TracedPartition { image, symbols, .. } = traced.partition(PartitionId(0));
        let rate = traced.rate.units_per_second();
        let text = format!("{HEADER}\nimage {:032x}, {rate} units a second\n", image.hash).into_bytes();
        Self { text, ..Self::of_lines(symbols.clone(), Arc::clone(&traced.names)) }
    }

    /// Writes in the head, before any record, which filter is in force.
    pub fn name_filter(&mut self, options: &str) {
        self.text.extend_from_slice(format!("filter {options}\n").as_bytes());
    }

    /// A trace without a beginning: only the lines that come.
    pub(crate) fn of_lines(symbols: Symbols, names: Arc<Names>) -> Self {
        Self {
            symbols,
            names,
            listing: Listing::new(),
            locations: Locations::new(),
            segments: None,
            text: Vec::new(),
        }
    }

    /// The lines begin with what this processor does next.
    pub fn begin_at(&mut self, processor: &Cpu) {
        self.segments = Some(processor.segments);
    }

    /// Writes something about what comes next, `-- WORDS`: no record of the run.
    pub fn remark(&mut self, stamp: Stamp, words: &str) {
        self.stamp(stamp);
        self.text.extend_from_slice(b"-- ");
        self.text.extend_from_slice(words.as_bytes());
        self.end_line();
    }

    /// What was written since the last [`TextTrace::clear`]: whole lines.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Forgets the text so far, once it is where it belongs.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Records are missing before the next one: what it did to segment registers is not known.
    pub fn skip(&mut self) {
        self.segments = None;
    }

    /// Writes how the run ended. A trace without this line was cut off.
    pub fn end(&mut self, end: &RunEnd) {
        self.end_of(end.stamp(), &end.outcome);
    }

    /// Writes that the run, or a partition, ended here.
    pub(crate) fn end_of(&mut self, stamp: Stamp, outcome: &Outcome) {
        self.stamp(stamp);
        self.text.extend_from_slice(b"== end     ");
        self.text
            .extend_from_slice(event_text::outcome_words(&self.symbols, &self.names, outcome).as_bytes());
        self.end_line();
    }

    /// What is written goes to the end of `text` from now on, and what was written before is there instead.
    pub(crate) fn exchange_text(&mut self, text: &mut Vec<u8>) {
        std::mem::swap(&mut self.text, text);
    }

    fn stamp(&mut self, at: Stamp) {
        stamp(&mut self.text, at.instruction, at.now_ns);
    }

    fn end_line(&mut self) {
        if self.text.last() == Some(&b' ') {
            self.text.truncate(self.text.trim_ascii_end().len());
        }
        self.text.push(b'\n');
    }

    fn registers(&mut self, before: &[u32; 8], after: &[u32; 8]) {
        for (number, name) in NAMES.iter().enumerate() {
            if after[number] != before[number] {
                let [a, b, c] = *name;
                let [d0, d1, d2, d3, d4, d5, d6, d7] = eight_hexadecimal(after[number]);
                self.text.extend_from_slice(&[b' ', a, b, c, b'=', d0, d1, d2, d3, d4, d5, d6, d7]);
            }
        }
    }

    fn flags(&mut self, before: u32, after: u32) {
        if before == after {
            return;
        }
        for (bit, name) in FLAGS.iter().filter(|(bit, _)| (before ^ after) & bit != 0) {
            let name = name.as_bytes();
            self.text.extend_from_slice(&[b' ', name[0], name[1], b'=', b'0' + u8::from(after & bit != 0)]);
        }
    }

    fn segments(&mut self, after: &[Segment; 6]) {
        let Some(before) = self.segments.replace(*after) else { return };
        for register in SegmentRegister::ALL {
            let (before, after) = (before[register as usize], after[register as usize]);
            if before == after {
                continue;
            }
            self.text.extend_from_slice(format!(" {}={:04x}", register.name(), after.selector).as_bytes());
            if after.base != 0 {
                self.text
                    .extend_from_slice(format!(" {}.base={:08x}", register.name(), after.base).as_bytes());
            }
        }
    }

    fn access(&mut self, access: &Access) {
        let [d0, d1, d2, d3, d4, d5, d6, d7] = eight_hexadecimal(access.address);
        self.text.extend_from_slice(&[b' ', b'[', d0, d1, d2, d3, d4, d5, d6, d7]);
        self.locations.append(&mut self.text, &self.symbols, access.address);
        self.text.extend_from_slice(match access.kind {
            AccessKind::Read => b"]->",
            AccessKind::Write => b"]<-",
        });
        hexadecimal(&mut self.text, access.value, 2 * u32::from(access.length_bytes));
    }
}

impl Recorder for TextTrace {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.stamp(stamp);
        let loads_segment = self.listing.append(&mut self.text, &self.symbols, step.eip, step.bytes);
        self.registers(step.registers_before, &step.after.registers);
        self.flags(step.eflags_before, step.after.eflags);
        if loads_segment || self.segments.is_none() {
            self.segments(&step.after.segments);
        }
        for access in step.accesses {
            self.access(access);
        }
        self.end_line();
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        // A call or a trap may change segment registers; they are then no work of the next instruction.
        self.segments = None;
        self.stamp(stamp);
        self.text.extend_from_slice(b"== ");
        event_text::append(&mut self.text, &self.symbols, &self.names, event);
        self.end_line();
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.segments = None;
        self.stamp(stamp);
        self.text.extend_from_slice(b"== elided  ");
        self.text.extend_from_slice(elision_words(&self.symbols, elision).as_bytes());
        if let Omission::Repeat(repeat) = &elision.omission {
            self.registers(&repeat.registers_before, &repeat.registers_after);
            self.flags(repeat.eflags_before, repeat.eflags_after);
        }
        self.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::TextTrace;
    use crate::listing::Listing;
    use emulator::cpu::{EAX, Tls};
    use emulator::{Access, AccessKind, Cpu, DescriptorTable, SegmentRegister, Step, flags};
    use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};
    use hypervisor_core::{Event, PartitionId, Recorder, Stamp};

    const STAMP: Stamp =
        Stamp { partition: PartitionId(0), instruction: 12, unit: 100_000_012, now_ns: 1_000_000_120 };

    fn trace() -> TextTrace {
        let symbol =
            |address, name: &str, kind| Symbol { address, length_bytes: 16, kind, name: name.to_owned() };
        let symbols = Symbols::default().with([
            symbol(0x10_0000, "main", SymbolKind::Function),
            symbol(0x10_4000, "ticks", SymbolKind::Object),
        ]);
        TextTrace {
            symbols,
            names: std::sync::Arc::default(),
            listing: Listing::new(),
            locations: super::Locations::new(),
            segments: None,
            text: Vec::new(),
        }
    }

    fn processor() -> Cpu {
        Cpu::ring3(DescriptorTable::ring3(Tls::Present))
    }

    /// The line for an instruction that leaves `after` behind, from registers that were zero.
    fn line(trace: &mut TextTrace, bytes: &[u8], after: &Cpu, accesses: &[Access]) -> String {
        trace.clear();
        let step = Step {
            eip: 0x10_0004,
            bytes,
            registers_before: &[0; 8],
            eflags_before: flags::ONE | flags::IF | flags::CF,
            after,
            accesses,
        };
        trace.instruction(STAMP, &step);
        String::from_utf8(trace.text().to_vec()).unwrap()
    }

    #[test]
    fn an_instruction_is_one_line_with_what_it_changed_and_touched() {
        let mut after = processor();
        after.registers[EAX] = 0x1f;
        after.eflags = flags::ONE | flags::IF | flags::ZF;
        let access = |kind, address, length_bytes, value| Access { kind, address, length_bytes, value };
        let accesses = [
            access(AccessKind::Read, 0x10_4000, 2, 0x1f),
            access(AccessKind::Write, 0x10_4002, 1, 7),
            access(AccessKind::Write, 0xf000_0000, 8, 0x1_0000_0002),
        ];
        assert_eq!(
            line(&mut trace(), &[0x66, 0xa1, 0, 0x40, 0x10, 0], &after, &accesses),
            format!(
                "#12        1.000000120  00100004 {:32}{:17}{:38} eax=0000001f ZF=1 CF=0 [00104000 ticks]->001f \
                 [00104002 ticks+0x2]<-07 [f0000000]<-0000000100000002\n",
                "main+0x4", "66a100401000", "mov ax, [0x104000]"
            )
        );
    }

    #[test]
    fn an_instruction_that_changes_nothing_ends_with_its_text() {
        let mut after = processor();
        after.eflags |= flags::CF;
        let line = line(&mut trace(), &[0xe8, 0xf7, 0xff, 0xff, 0xff], &after, &[]);
        assert!(line.ends_with(" call 0x100000 <main>\n"), "{line}");
    }

    #[test]
    fn a_segment_register_is_shown_when_an_instruction_changes_it_and_not_after_an_event() {
        let (mut trace, mut after) = (trace(), processor());
        assert!(!line(&mut trace, &[0x90], &after, &[]).contains("gs="));
        after.segments[SegmentRegister::Gs as usize].selector = 0x33;
        after.segments[SegmentRegister::Gs as usize].base = 0x10_5000;
        let load = &[0x8e, 0xe8];
        assert!(line(&mut trace, load, &after, &[]).ends_with(" gs=0033 gs.base=00105000\n"));
        trace.event(STAMP, &Event::ConsoleEnd);
        after.segments[SegmentRegister::Gs as usize].base = 0;
        assert!(!line(&mut trace, load, &after, &[]).contains("gs="));
    }

    #[test]
    fn code_that_changed_is_listed_anew() {
        let (mut trace, after) = (trace(), processor());
        assert!(line(&mut trace, &[0x90], &after, &[]).contains("nop"));
        assert!(line(&mut trace, &[0x40], &after, &[]).contains("inc eax"));
    }
}
