//! The canonical digest of a state: the same on every host, whatever was cached, and for goldens and equivalences.

use crate::cpu::Cpu;
use crate::memory::{AddressSpace, FrameNumber, PAGE_BYTES, PhysicalMemory};
use std::fmt;
use xxhash_rust::xxh3::Xxh3;

/// Counted up when the encoding below changes.
const VERSION: u8 = 3;

/// A running digest (XXH3, 128 bits) over explicitly encoded state.
#[derive(Clone)]
pub struct StateDigest(Xxh3);

impl Default for StateDigest {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateDigest({:032x})", self.value())
    }
}

impl StateDigest {
    /// The digest of nothing but the version of the encoding.
    #[must_use]
    pub fn new() -> Self {
        let mut hash = Xxh3::new();
        hash.update(&[VERSION]);
        Self(hash)
    }

    /// The digest so far.
    #[must_use]
    pub fn value(&self) -> u128 {
        self.0.digest128()
    }

    /// Adds raw bytes. Their length is not added.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a number, eight bytes, little-endian.
    pub fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Adds the whole state of a processor.
    pub fn cpu(&mut self, cpu: &Cpu) {
        let Cpu { registers, eip, eflags, segments, cpl, interrupt_shadow, system, descriptors, fpu, sse } =
            cpu;
        for register in registers.iter().chain([eip, eflags]) {
            self.number(u64::from(*register));
        }
        for segment in segments {
            self.number(u64::from(segment.selector) | u64::from(segment.attributes) << 32);
            self.number(u64::from(segment.base) | u64::from(segment.limit) << 32);
        }
        self.bytes(&[*cpl, u8::from(*interrupt_shadow), descriptors.length]);
        for register in [system.cr0, system.cr2, system.cr3, system.cr4].iter().chain(&system.dr) {
            self.number(u64::from(*register));
        }
        for (base, limit) in [system.gdtr, system.idtr] {
            self.number(u64::from(base) | u64::from(limit) << 32);
        }
        self.number(u64::from(system.ldtr) | u64::from(system.tr) << 16 | u64::from(system.iopl) << 32);
        for entry in descriptors.entries.iter().take(descriptors.length.into()) {
            self.number(*entry);
        }
        for word in [fpu.control, fpu.status, fpu.tags.into(), fpu.opcode] {
            self.number(u64::from(word));
        }
        for register in fpu.registers {
            self.bytes(&register.to_bytes());
        }
        for (selector, pointer) in
            [(fpu.instruction_selector, fpu.instruction_pointer), (fpu.data_selector, fpu.data_pointer)]
        {
            self.number(u64::from(selector) << 32 | u64::from(pointer));
        }
        self.number(u64::from(sse.mxcsr));
        for register in sse.xmm {
            self.bytes(&register.to_le_bytes());
        }
    }

    /// Adds where frames are mapped and with what rights: one entry for pages that follow each other in both.
    pub fn space(&mut self, space: &AddressSpace) {
        let mut previous = None;
        for (address, frame, rights) in space.pages() {
            let follows =
                previous == Some((address.wrapping_sub(PAGE_BYTES), frame.0.wrapping_sub(1), rights));
            if !follows {
                // Where the range before ends, too.
                let (end, ..) = previous.unwrap_or_default();
                self.number(u64::from(end) << 32 | u64::from(address) | u64::from(rights.bits()));
                self.number(u64::from(frame.0));
            }
            previous = Some((address, frame.0, rights));
        }
        let (end, ..) = previous.unwrap_or_default();
        self.number(u64::from(end));
    }

    /// Adds all frames that are not zero, in order, each after its number.
    pub fn memory(&mut self, memory: &PhysicalMemory) {
        let mut bytes = [0; PAGE_BYTES as usize];
        for frame in (0..memory.frame_count()).map(FrameNumber) {
            if !memory.was_written(frame) {
                continue;
            }
            memory.read(frame, 0, &mut bytes);
            if bytes.iter().any(|byte| *byte != 0) {
                self.number(u64::from(frame.0));
                self.bytes(&bytes);
            }
        }
        self.number(u64::MAX);
    }
}
