//! The digest of an instruction stream: what ran, in which order, and what it did.

use emulator::{AccessKind, StateDigest, Step};
use hypervisor_core::{Event, Recorder, Stamp};

/// A running digest over every unit of a run: instant, bytes, registers, flags and data accesses, and every event's
/// instant. Two runs with the same digest did the same.
#[derive(Clone, Debug, Default)]
pub struct StreamDigest {
    digest: StateDigest,
    instructions: u64,
    buffer: Vec<u8>,
}

impl StreamDigest {
    /// The digest of no instruction.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The digest so far.
    #[must_use]
    pub fn value(&self) -> u128 {
        self.digest.value()
    }

    /// How many units it covers.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.instructions
    }

    fn number(&mut self, number: u64) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    fn stamp(&mut self, stamp: Stamp) {
        self.buffer.clear();
        self.number(stamp.instruction);
        self.number(stamp.now_ns);
    }
}

impl Recorder for StreamDigest {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.instructions += 1;
        self.stamp(stamp);
        self.number(u64::from(step.eip) | (step.bytes.len() as u64) << 32);
        self.buffer.extend_from_slice(step.bytes);
        for register in step.after.registers.iter().chain([&step.after.eip, &step.after.eflags]) {
            self.buffer.extend_from_slice(&register.to_le_bytes());
        }
        for access in step.accesses {
            let kind = match access.kind {
                AccessKind::Read => 1,
                AccessKind::Write => 2,
            };
            self.number(u64::from(access.address) | u64::from(access.length_bytes) << 32 | kind << 40);
            self.number(access.value);
        }
        self.digest.bytes(&self.buffer);
    }

    fn event(&mut self, stamp: Stamp, _: &Event) {
        self.stamp(stamp);
        self.digest.bytes(&self.buffer);
    }
}
