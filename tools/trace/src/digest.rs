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

#[cfg(test)]
mod tests {
    use super::StreamDigest;
    use emulator::cpu::Tls;
    use emulator::{Access, AccessKind, Cpu, DescriptorTable, Step};
    use hypervisor_core::{Recorder, Stamp};

    fn digest(stamp: Stamp, eip: u32, bytes: &[u8], after: &Cpu, accesses: &[Access]) -> u128 {
        let mut digest = StreamDigest::new();
        let step = Step { eip, bytes, registers_before: &[0; 8], eflags_before: 2, after, accesses };
        digest.instruction(stamp, &step);
        assert_eq!(digest.instructions(), 1);
        digest.value()
    }

    #[test]
    fn whatever_an_instruction_does_differently_changes_the_digest() {
        let stamp = Stamp { instruction: 1, now_ns: 10, ..Stamp::default() };
        let cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        let other = |change: fn(&mut Cpu)| {
            let mut cpu = cpu.clone();
            change(&mut cpu);
            cpu
        };
        let read = Access { kind: AccessKind::Read, address: 4, length_bytes: 4, value: 5 };
        let digests = [
            digest(stamp, 0, &[0x90], &cpu, &[]),
            digest(Stamp { now_ns: 20, ..stamp }, 0, &[0x90], &cpu, &[]),
            digest(stamp, 1, &[0x90], &cpu, &[]),
            digest(stamp, 0, &[0x91], &cpu, &[]),
            digest(stamp, 0, &[0x90], &other(|cpu| cpu.registers[7] = 1), &[]),
            digest(stamp, 0, &[0x90], &other(|cpu| cpu.eflags ^= 1), &[]),
            digest(stamp, 0, &[0x90], &cpu, &[read]),
            digest(stamp, 0, &[0x90], &cpu, &[Access { kind: AccessKind::Write, ..read }]),
            digest(stamp, 0, &[0x90], &cpu, &[Access { length_bytes: 8, ..read }]),
            digest(stamp, 0, &[0x90], &cpu, &[Access { value: 6, ..read }]),
        ];
        for (place, digest) in digests.iter().enumerate() {
            assert!(!digests[..place].contains(digest), "digest {place} is the same as an earlier one");
        }
    }
}
