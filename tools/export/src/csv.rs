//! A run as comma-separated values: a row an instruction, a row an event, in the order in which they happened.
//!
//! Fields that have to be are quoted as RFC 4180 says; a row ends with a line feed. `docs/EXPORTS.md` describes the columns.
//!
//! Not here: what an event says, which is as in the text trace.

use crate::Export;
use crate::code_cache::CodeCache;
use crate::event_fields::{ELIDED, EventFields};
use crate::sink::Sink;
use emulator::cpu::REGISTER_NAMES;
use emulator::{AccessKind, Segment, SegmentRegister, Step};
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use trace::{
    FLAGS, Names, Place, TracedSystem, decimal, elision_words, event_kind, event_words, hexadecimal,
    instruction_text,
};

/// The first row.
const HEADER: &str = "kind,partition,number,time_ns,eip,place,bytes,text,registers,flags,reads,writes\n";

/// Writes comma-separated values.
pub struct Csv<W> {
    sink: Sink<W>,
    /// Of each partition its name as a field, and the names of its addresses.
    partitions: Vec<(Vec<u8>, Symbols)>,
    names: Arc<Names>,
    /// The fields `eip` to `text`.
    code: CodeCache<Vec<u8>>,
    /// What the last instruction of a partition left behind, as long as nothing came between.
    segments: BTreeMap<PartitionId, [Segment; 6]>,
}

impl<W: Write> Csv<W> {
    /// A table of this system.
    #[must_use]
    pub fn new(system: &TracedSystem, out: W) -> Self {
        let named = system.partitions.iter().map(|partition| {
            let mut name = Vec::new();
            field(&mut name, partition.name.as_bytes());
            (name, partition.symbols.clone())
        });
        let mut sink = Sink::new(out);
        sink.waiting().extend_from_slice(HEADER.as_bytes());
        Self {
            sink,
            partitions: named.collect(),
            names: Arc::clone(&system.names),
            code: CodeCache::new(),
            segments: BTreeMap::new(),
        }
    }

    /// The row of what is no instruction.
    fn row(&mut self, stamp: Stamp, kind: &str, eip: Option<u32>, words: &str) {
        // A call or a trap may change segment registers; they are then no work of the next instruction.
        self.segments.remove(&stamp.partition);
        let Some((name, symbols)) = self.partitions.get(stamp.partition.index()) else { return };
        let out = self.sink.waiting();
        begin_row(out, kind, name, stamp);
        match eip {
            Some(eip) => place_fields(out, symbols, eip),
            None => out.push(b','),
        }
        out.extend_from_slice(b",,");
        field(out, words.as_bytes());
        out.extend_from_slice(b",,,,\n");
        self.sink.settle();
    }

    fn registers(&mut self, stamp: Stamp, step: &Step<'_>) {
        let out = self.sink.waiting();
        for (number, name) in REGISTER_NAMES.iter().enumerate() {
            let value = step.after.registers[number];
            if value != step.registers_before[number] {
                assign(out, name, u64::from(value), 8);
            }
        }
        let Some(before) = self.segments.insert(stamp.partition, step.after.segments) else { return };
        for register in SegmentRegister::ALL {
            let (before, after) = (before[register as usize], step.after.segments[register as usize]);
            if before != after {
                assign(out, register.name(), u64::from(after.selector), 4);
            }
        }
    }
}

impl<W: Write> Recorder for Csv<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let Some((name, symbols)) = self.partitions.get(stamp.partition.index()) else { return };
        begin_row(self.sink.waiting(), "instruction", name, stamp);
        let key = (step.eip, step.bytes);
        let code = self.code.of(stamp.partition, key, || code_fields(symbols, step));
        self.sink.waiting().extend_from_slice(code);
        self.registers(stamp, step);
        let out = self.sink.waiting();
        end_list(out);
        let changed = step.eflags_before ^ step.after.eflags;
        for (bit, name) in FLAGS.iter().filter(|(bit, _)| changed & bit != 0) {
            assign(out, name, u64::from(step.after.eflags & bit != 0), 1);
        }
        end_list(out);
        accesses(out, step, AccessKind::Read);
        end_list(out);
        accesses(out, step, AccessKind::Write);
        end_list(out);
        end_row(out);
        self.sink.settle();
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let Some((_, symbols)) = self.partitions.get(stamp.partition.index()) else { return };
        let words = event_words(symbols, &self.names, event);
        self.row(stamp, event_kind(event), EventFields::of(event, &self.names, &words).eip, &words);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let Some((_, symbols)) = self.partitions.get(stamp.partition.index()) else { return };
        let words = elision_words(symbols, elision);
        self.row(stamp, ELIDED, EventFields::of_elision(elision).eip, &words);
    }
}

impl<W: Write> Export for Csv<W> {
    fn finish(&mut self) -> io::Result<()> {
        self.sink.finish()
    }
}

/// The fields `kind` to `time_ns`, with the comma after each.
fn begin_row(out: &mut Vec<u8>, kind: &str, name: &[u8], stamp: Stamp) {
    out.extend_from_slice(kind.as_bytes());
    out.push(b',');
    out.extend_from_slice(name);
    out.push(b',');
    decimal(out, stamp.instruction);
    out.push(b',');
    decimal(out, stamp.now_ns);
    out.push(b',');
}

/// The fields `eip` to `text` of an instruction, with the comma after each.
fn code_fields(symbols: &Symbols, step: &Step<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    place_fields(&mut out, symbols, step.eip);
    out.push(b',');
    for byte in step.bytes {
        hexadecimal(&mut out, u64::from(*byte), 2);
    }
    out.push(b',');
    field(&mut out, instruction_text(symbols, step.eip, step.bytes).as_bytes());
    out.push(b',');
    out
}

/// The fields `eip` and `place`, with the comma between them.
fn place_fields(out: &mut Vec<u8>, symbols: &Symbols, eip: u32) {
    hexadecimal(out, eip.into(), 8);
    out.push(b',');
    if let Some(place) = Place::of(symbols, eip) {
        field(out, place.to_string().as_bytes());
    }
}

fn accesses(out: &mut Vec<u8>, step: &Step<'_>, kind: AccessKind) {
    for access in step.accesses.iter().filter(|access| access.kind == kind) {
        hexadecimal(out, access.address.into(), 8);
        out.push(b'=');
        hexadecimal(out, access.value, 2 * u32::from(access.length_bytes.min(8)));
        out.push(b' ');
    }
}

/// An element of a list: `eax=00000005` and a space.
fn assign(out: &mut Vec<u8>, name: &str, value: u64, digits: u32) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    hexadecimal(out, value, digits);
    out.push(b' ');
}

/// Ends a list: the space after its last element becomes the comma after the field.
fn end_list(out: &mut Vec<u8>) {
    match out.last_mut() {
        Some(last) if *last == b' ' => *last = b',',
        _ => out.push(b','),
    }
}

/// Ends a row: the comma after its last field becomes a line feed.
fn end_row(out: &mut [u8]) {
    if let Some(last) = out.last_mut() {
        *last = b'\n';
    }
}

/// Appends a field, in quotes if it has to be.
fn field(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::{Csv, HEADER, end_list, field};
    use crate::Export;
    use crate::tests::{STAMP, processor, step, system};
    use emulator::SegmentRegister;
    use hypervisor_core::{Elision, Event, Omission, PartitionId, Recorder, Stamp};

    #[test]
    fn a_row_has_a_field_for_each_column() {
        let mut table = Vec::new();
        let mut csv = Csv::new(&system(), &mut table);
        let mut after = processor();
        csv.instruction(STAMP, &step(0x10_0004, &[0x90], &after));
        after.registers[0] = 0x1f;
        after.segments[SegmentRegister::Gs as usize].selector = 0x33;
        csv.instruction(STAMP, &step(0x20_0000, &[0x01, 0xd8], &after));
        let second = Stamp { partition: PartitionId(1), ..STAMP };
        csv.event(second, &Event::InterruptReturn { eip: 0x10_0000, interrupts: true });
        csv.finish().unwrap();
        drop(csv);
        let expected = [
            "instruction,one,12,1000,00100004,main+0x4,90,nop,,,00104000=001f,f0000000=ffffffffffffffff",
            "instruction,one,12,1000,00200000,,01d8,\"add eax, ebx\",eax=0000001f gs=0033,,00104000=001f,\
             f0000000=ffffffffffffffff",
            "iret,\"\"\"two\"\", the second\",12,1000,00100000,main,,\"to main, upcalls enabled\",,,,",
        ];
        assert_eq!(String::from_utf8(table).unwrap(), format!("{HEADER}{}\n", expected.join("\n")));
    }

    #[test]
    fn what_was_left_out_is_a_row() {
        let mut table = Vec::new();
        let mut csv = Csv::new(&system(), &mut table);
        let omission = Omission::Loop { head: 0x10_0004, turns: 8 };
        csv.elided(STAMP, &Elision { since: 4, instructions: 8, events: 0, omission });
        csv.finish().unwrap();
        drop(csv);
        let row = "elided,one,12,1000,00100004,main+0x4,,\"8 instructions since #4: loop at main+0x4, 8 turns\",,,,\n";
        assert_eq!(String::from_utf8(table).unwrap(), format!("{HEADER}{row}"));
    }

    #[test]
    fn what_is_of_no_partition_is_left_out() {
        let mut table = Vec::new();
        let mut csv = Csv::new(&system(), &mut table);
        let nobody = Stamp { partition: PartitionId(2), ..STAMP };
        csv.instruction(nobody, &step(0x10_0004, &[0x90], &processor()));
        csv.event(nobody, &Event::ConsoleEnd);
        csv.finish().unwrap();
        drop(csv);
        assert_eq!(table, HEADER.as_bytes());
    }

    #[test]
    fn a_field_is_quoted_when_it_has_to_be() {
        for (text, quoted) in [
            ("nop", "nop"),
            ("mov eax, ebx", "\"mov eax, ebx\""),
            ("say \"hello\"", "\"say \"\"hello\"\"\""),
            ("", ""),
            ("a\nb", "\"a\nb\""),
        ] {
            let mut out = Vec::new();
            field(&mut out, text.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), quoted);
        }
    }

    #[test]
    fn an_empty_list_is_an_empty_field() {
        let mut out = b"ZF=1 ".to_vec();
        end_list(&mut out);
        end_list(&mut out);
        assert_eq!(out, b"ZF=1,,");
    }
}
