//! What the debug registers of a guest ask for: places whose execution, and ranges whose access, is a debug exception.
//! SDM Vol. 3, 18.2.
//!
//! Deliberately not honoured: GD of DR7, and breakpoints on I/O, which need CR4.DE.

use emulator::{Access, AccessKind, Cpu, SegmentRegister, SystemRegisters, Watch, flags};

/// Bits of DR6 that say which breakpoint it was.
const BREAKPOINTS: u32 = 0xf;
/// The bit of DR6 for a single step.
pub const STEP: u32 = 1 << 14;
/// The enables of DR7, local and global.
const ENABLES: u32 = 0xff;

/// The breakpoints that are enabled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DebugRegisters {
    /// Addresses of instructions.
    execution: Vec<u32>,
    /// The bit of DR6 for each of them.
    execution_bits: Vec<u32>,
    /// Ranges of data.
    watches: Vec<Watch>,
    /// The bit of DR6 for each of them.
    watch_bits: Vec<u32>,
}

impl DebugRegisters {
    /// Those of a processor; None if none is enabled.
    #[must_use]
    #[inline]
    pub fn of(cpu: &Cpu) -> Option<Self> {
        let dr7 = cpu.system.dr[7];
        (dr7 & ENABLES != 0).then(|| Self::enabled(cpu))
    }

    fn enabled(cpu: &Cpu) -> Self {
        let dr7 = cpu.system.dr[7];
        let mut registers = Self::default();
        for (number, address) in cpu.system.dr.iter().take(4).enumerate() {
            if dr7 >> (2 * number) & 3 == 0 {
                continue;
            }
            let bit = 1 << number;
            let settings = dr7 >> (16 + 4 * number);
            let length = settings >> 2 & 3;
            match settings & 3 {
                0 => registers.add_execution(*address, bit),
                1 => registers.add_watch(*address, bit, length, false),
                3 => registers.add_watch(*address, bit, length, true),
                _ => {}
            }
        }
        registers
    }

    fn add_execution(&mut self, address: u32, bit: u32) {
        self.execution.push(address);
        self.execution_bits.push(bit);
    }

    /// `length` is 0 for one byte, 1 for two, 3 for four, and 2 for eight where it means anything.
    fn add_watch(&mut self, address: u32, bit: u32, length: u32, reads: bool) {
        let length_bytes = [1, 2, 8, 4][length as usize & 3];
        self.watches.push(Watch { address: address & !(length_bytes - 1), length_bytes, reads });
        self.watch_bits.push(bit);
    }

    /// The addresses of instructions, for a run.
    #[must_use]
    pub fn breakpoints(&self) -> &[u32] {
        &self.execution
    }

    /// The ranges of data, for a run.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// The bits of DR6 for the instruction at EIP, unless RF or the instruction before holds them off.
    #[must_use]
    pub fn at_eip(&self, cpu: &Cpu) -> u32 {
        if self.execution.is_empty() || cpu.eflags & flags::RF != 0 || cpu.interrupt_shadow {
            return 0;
        }
        let linear = cpu.segment(SegmentRegister::Cs).base.wrapping_add(cpu.eip);
        let places = self.execution.iter().zip(&self.execution_bits);
        places.filter(|(address, _)| **address == linear).fold(0, |bits, (_, bit)| bits | bit)
    }

    /// The bit of DR6 for a watch, by its place.
    #[must_use]
    pub fn of_watch(&self, place: u8) -> u32 {
        self.watch_bits.get(usize::from(place)).copied().unwrap_or(0)
    }

    /// The bits of DR6 for accesses to memory.
    #[must_use]
    pub fn of_accesses(&self, accesses: &[Access]) -> u32 {
        let hits = |watch: &Watch| {
            accesses.iter().any(|access| {
                let overlaps = access.address.wrapping_sub(watch.address) < watch.length_bytes
                    || watch.address.wrapping_sub(access.address) < u32::from(access.length_bytes);
                overlaps && (watch.reads || access.kind == AccessKind::Write)
            })
        };
        let watches = self.watches.iter().zip(&self.watch_bits);
        watches.filter(|(watch, _)| hits(watch)).fold(0, |bits, (_, bit)| bits | bit)
    }
}

/// Notes in DR6 what a debug exception is about. What stood there of earlier ones stays, as a processor leaves it.
pub fn note(system: &mut SystemRegisters, bits: u32) {
    system.dr[6] |= bits & (BREAKPOINTS | STEP);
}

#[cfg(test)]
mod tests {
    use super::DebugRegisters;
    use emulator::cpu::{DescriptorTable, Tls};
    use emulator::{Access, AccessKind, Cpu, Watch, flags};

    fn registers(dr7: u32) -> Cpu {
        let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        cpu.system.dr = [0x1003, 0x2003, 0x3003, 0x4003, 0, 0, 0, dr7];
        cpu
    }

    #[test]
    fn only_what_is_enabled_counts() {
        assert_eq!(DebugRegisters::of(&registers(0xffff_0000)), None);
        let debug = DebugRegisters::of(&registers(1 << 2 | 1 << 7)).unwrap();
        assert_eq!(debug.breakpoints(), [0x2003, 0x4003]);
        assert_eq!(debug.watches(), []);
    }

    #[test]
    fn lengths_align_the_ranges() {
        // All enabled: write 1 byte, access 2 bytes, write 4 bytes, I/O.
        let debug =
            DebugRegisters::of(&registers(0xff | 0x1 << 16 | 0x7 << 20 | 0xd << 24 | 0x2 << 28)).unwrap();
        let watch = |address, length_bytes, reads| Watch { address, length_bytes, reads };
        assert_eq!(
            debug.watches(),
            [watch(0x1003, 1, false), watch(0x2002, 2, true), watch(0x3000, 4, false)]
        );
        assert_eq!([0, 1, 2, 3].map(|place| debug.of_watch(place)), [1, 2, 4, 0]);
        let access = |kind, address| Access { kind, address, length_bytes: 2, value: 0 };
        assert_eq!(debug.of_accesses(&[access(AccessKind::Read, 0x1003)]), 0);
        assert_eq!(debug.of_accesses(&[access(AccessKind::Write, 0x1002)]), 1);
        assert_eq!(debug.of_accesses(&[access(AccessKind::Read, 0x2003)]), 2);
        assert_eq!(debug.of_accesses(&[access(AccessKind::Write, 0x3004)]), 0);
    }

    #[test]
    fn rf_and_a_shadow_hold_off_an_instruction_breakpoint() {
        let mut cpu = registers(0x3 | 0xc);
        cpu.system.dr[1] = 0x1003;
        cpu.eip = 0x1003;
        let debug = DebugRegisters::of(&cpu).unwrap();
        assert_eq!(debug.at_eip(&cpu), 3);
        cpu.interrupt_shadow = true;
        assert_eq!(debug.at_eip(&cpu), 0);
        cpu.interrupt_shadow = false;
        cpu.eflags |= flags::RF;
        assert_eq!(debug.at_eip(&cpu), 0);
    }
}
