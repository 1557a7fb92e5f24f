//! A trace as text, format `paravane-trace text 1`: one line an instruction, one line an event.
//!
//! Columns of an instruction: number, virtual time in seconds when it starts, address, place, bytes, text, and then what it did:
//! `eax=00000005` a register and its new value, `ZF=1` a flag, `gs=0033` a segment register,
//! `[00104010 ticks]->0007` a load, `[00104010 ticks]<-0008` a store; values have as many digits as the access was wide.
//! Columns of an event: number and time of the next instruction, `==`, its kind, and what `event_text` says of it.
//!
//! Not here: files. Who owns the trace takes the text when it likes.

use crate::columns::{decimal, hexadecimal, pad, seconds, shortest_hexadecimal};
use crate::event_text;
use crate::listing::Listing;
use emulator::cpu::REGISTER_NAMES;
use emulator::{Access, AccessKind, Segment, SegmentRegister, Step, flags};
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Event, Machine, Recorder, Stamp};

/// The first line of every text trace. The number counts up when the lines change their meaning.
pub const HEADER: &str = "paravane-trace text 1";

const NUMBER_WIDTH: usize = 11;
const TIME_WIDTH: usize = 13;

const FLAGS: [(u32, &str); 11] = [
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

/// Writes down everything that a run does.
pub struct TextTrace {
    symbols: Symbols,
    listing: Listing,
    segments: Option<[Segment; 6]>,
    text: Vec<u8>,
}

impl TextTrace {
    /// A trace of this machine that begins with [`HEADER`] and a line that says what is traced.
    #[must_use]
    pub fn new(machine: &Machine) -> Self {
        let image = machine.image();
        let rate = machine.clock().rate().units_per_second();
        let text = format!("{HEADER}\nimage {:032x}, {rate} units a second\n", image.hash).into_bytes();
        Self { symbols: machine.symbols(), listing: Listing::new(), segments: None, text }
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

    fn stamp(&mut self, stamp: Stamp) {
        let start = self.text.len();
        self.text.push(b'#');
        decimal(&mut self.text, stamp.instruction);
        pad(&mut self.text, start, NUMBER_WIDTH);
        let start = self.text.len();
        seconds(&mut self.text, stamp.now_ns);
        pad(&mut self.text, start, TIME_WIDTH);
    }

    fn end_line(&mut self) {
        self.text.truncate(self.text.trim_ascii_end().len());
        self.text.push(b'\n');
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
        self.text.extend_from_slice(b" [");
        hexadecimal(&mut self.text, access.address.into(), 8);
        if let Some(located) = self.symbols.locate(access.address) {
            self.text.push(b' ');
            self.text.extend_from_slice(located.symbol.name.as_bytes());
            if located.offset > 0 {
                self.text.extend_from_slice(b"+0x");
                shortest_hexadecimal(&mut self.text, located.offset);
            }
        }
        self.text.extend_from_slice(match access.kind {
            AccessKind::Read => b"]->",
            AccessKind::Write => b"]<-",
        });
        hexadecimal(&mut self.text, access.value, 2 * u32::from(access.length_bytes));
    }
}

impl Recorder for TextTrace {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.stamp(stamp);
        self.listing.append(&mut self.text, &self.symbols, step.eip, step.bytes);
        for (number, name) in REGISTER_NAMES.iter().enumerate() {
            let value = step.after.registers[number];
            if value != step.registers_before[number] {
                self.text.push(b' ');
                self.text.extend_from_slice(name.as_bytes());
                self.text.push(b'=');
                hexadecimal(&mut self.text, value.into(), 8);
            }
        }
        let changed = step.eflags_before ^ step.after.eflags;
        for (bit, name) in FLAGS.iter().filter(|(bit, _)| changed & bit != 0) {
            self.text.push(b' ');
            self.text.extend_from_slice(name.as_bytes());
            self.text.extend_from_slice(if step.after.eflags & bit != 0 { b"=1" } else { b"=0" });
        }
        self.segments(&step.after.segments);
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
        event_text::append(&mut self.text, &self.symbols, event);
        self.end_line();
    }
}
