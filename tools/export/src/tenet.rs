//! One partition's run as a text trace of Tenet, a trace explorer for disassemblers: what changed, a line an instruction.
//!
//! A line has the general registers that changed, EIP, and the memory that was read and written, bytes in the order of
//! memory: `eax=0x5,eip=0x100004,mr=0x104000:05000000`. The first line has every register as the first instruction finds
//! them; each following line is the state that the next instruction finds, so that what a call or an upcall did to the
//! registers stands in the line of the instruction before it.
//!
//! Not here: events, flags and segment registers. The format has no place for them.

use crate::Export;
use crate::chosen_partition::{SeveralPartitions, chosen_partition};
use crate::sink::Sink;
use emulator::cpu::REGISTER_NAMES;
use emulator::{AccessKind, Step};
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use std::io::{self, Write};
use trace::{TracedSystem, hexadecimal, shortest_hexadecimal};

/// Writes a Tenet trace.
#[derive(Debug)]
pub struct Tenet<W> {
    sink: Sink<W>,
    partition: PartitionId,
    /// The registers and EIP of the last line.
    written: Option<([u32; 8], u32)>,
    /// What the last instruction left behind, and the text of what it read and wrote.
    after: Option<([u32; 8], u32)>,
    accesses: Vec<u8>,
}

impl<W: Write> Tenet<W> {
    /// A trace of this partition, or of the only one.
    ///
    /// # Errors
    /// There are several partitions and none is chosen.
    pub fn new(
        system: &TracedSystem,
        chosen: Option<PartitionId>,
        out: W,
    ) -> Result<Self, SeveralPartitions> {
        let partition = chosen_partition(system, chosen, "a Tenet trace")?;
        Ok(Self { sink: Sink::new(out), partition, written: None, after: None, accesses: Vec::new() })
    }

    /// Writes what changed since the last line, then what the last instruction read and wrote.
    fn line(&mut self, registers: &[u32; 8], eip: u32) {
        let out = self.sink.waiting();
        for (number, name) in REGISTER_NAMES.iter().enumerate() {
            let value = registers[number];
            if self.written.is_none_or(|(before, _)| before[number] != value) {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"=0x");
                shortest_hexadecimal(out, value);
                out.push(b',');
            }
        }
        out.extend_from_slice(b"eip=0x");
        shortest_hexadecimal(out, eip);
        out.append(&mut self.accesses);
        out.push(b'\n');
        self.written = Some((*registers, eip));
        self.sink.settle();
    }
}

impl<W: Write> Recorder for Tenet<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if stamp.partition != self.partition {
            return;
        }
        self.line(step.registers_before, step.eip);
        self.after = Some((step.after.registers, step.after.eip));
        for access in step.accesses {
            self.accesses.extend_from_slice(match access.kind {
                AccessKind::Read => b",mr=0x",
                AccessKind::Write => b",mw=0x",
            });
            shortest_hexadecimal(&mut self.accesses, access.address);
            self.accesses.push(b':');
            for byte in &access.value.to_le_bytes()[..usize::from(access.length_bytes.min(8))] {
                hexadecimal(&mut self.accesses, u64::from(*byte), 2);
            }
        }
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

impl<W: Write> Export for Tenet<W> {
    fn finish(&mut self) -> io::Result<()> {
        if let Some((registers, eip)) = self.after.take() {
            self.line(&registers, eip);
        }
        self.sink.finish()
    }
}
