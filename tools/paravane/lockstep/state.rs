//! What two processors are compared by: all registers that a program can see, and the bytes that it wrote.

use emulator::{Access, AccessKind, Cpu, SegmentRegister, flags};

/// Bits of EFLAGS that single-stepping, exceptions and the host's kernel use for themselves.
const HOST_FLAGS: u32 = flags::TF | flags::RF | flags::VIF | flags::VIP | flags::VM;

/// The registers of a program. Not here: the x87 pointers and opcode, which processors keep in different ways.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI.
    pub registers: [u32; 8],
    /// The next instruction.
    pub eip: u32,
    /// EFLAGS.
    pub eflags: u32,
    /// ES, CS, SS, DS, FS, GS.
    pub selectors: [u16; 6],
    /// The bases of FS and GS. Not compared: what is read through them shows them.
    pub bases: [u32; 2],
    /// The x87 control word.
    pub control: u16,
    /// The x87 status word.
    pub status: u16,
    /// One bit for each physical register, 1 = in use.
    pub tags: u8,
    /// ST(0) to ST(7), 80 bits each.
    pub stack: [u128; 8],
    /// SSE control and status.
    pub mxcsr: u32,
    /// XMM0 to XMM7.
    pub xmm: [u128; 8],
}

impl State {
    /// The registers of the emulated processor.
    pub fn of(cpu: &Cpu) -> Self {
        Self {
            registers: cpu.registers,
            eip: cpu.eip,
            eflags: cpu.eflags,
            selectors: cpu.segments.map(|segment| segment.selector),
            bases: [SegmentRegister::Fs, SegmentRegister::Gs].map(|register| cpu.segment(register).base),
            control: cpu.fpu.control,
            status: cpu.fpu.status,
            tags: cpu.fpu.tags,
            stack: std::array::from_fn(|i| {
                let register = cpu.fpu.registers[cpu.fpu.physical(i)];
                u128::from(register.sign_exponent) << 64 | u128::from(register.significand)
            }),
            mxcsr: cpu.sse.mxcsr,
            xmm: cpu.sse.xmm,
        }
    }

    /// What counts of it: without the host's own flags and without what is in empty x87 registers.
    pub fn compared(&self) -> Self {
        let mut state = self.clone();
        state.bases = [0; 2];
        state.eflags &= !HOST_FLAGS;
        for (i, value) in state.stack.iter_mut().enumerate() {
            let physical = (usize::from(self.status >> 11 & 7) + i) % 8;
            if self.tags >> physical & 1 == 0 {
                *value = 0;
            }
        }
        state
    }
}

/// A byte that was written, on both sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrittenByte {
    /// Its address.
    pub address: u32,
    /// What the emulator wrote.
    pub emulator: u8,
    /// What is there on the host.
    pub host: u8,
}

/// The bytes that these accesses left in memory, first the emulator's; a byte that was written twice counts once.
pub fn written_bytes<Failure>(
    accesses: &[Access],
    mut read_host: impl FnMut(u32, &mut [u8]) -> Result<(), Failure>,
) -> Result<Vec<WrittenByte>, Failure> {
    let mut bytes: Vec<WrittenByte> = Vec::new();
    for access in accesses.iter().filter(|access| access.kind == AccessKind::Write) {
        let ours = access.value.to_le_bytes();
        let mut theirs = [0; 8];
        let length = usize::from(access.length_bytes).min(8);
        read_host(access.address, &mut theirs[..length])?;
        let first = bytes.len();
        for (offset, (emulator, host)) in (0..).zip(ours.into_iter().zip(theirs)).take(length) {
            let address = access.address.wrapping_add(offset);
            match bytes[..first].iter_mut().find(|byte| byte.address == address) {
                Some(earlier) => earlier.emulator = emulator,
                None => bytes.push(WrittenByte { address, emulator, host }),
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{State, WrittenByte, written_bytes};
    use emulator::{Access, AccessKind, flags};

    fn write(address: u32, length_bytes: u8, value: u64) -> Access {
        Access { kind: AccessKind::Write, address, length_bytes, value }
    }

    #[test]
    fn empty_x87_registers_and_the_trap_flag_do_not_count() {
        let one = State { eflags: 0x202, status: 7 << 11, tags: 0x80, ..State::default() };
        let mut other = one.clone();
        other.eflags |= flags::TF | flags::RF;
        other.stack[1] = 5;
        assert_eq!(one.compared(), other.compared());
        other.stack[0] = 5;
        assert_ne!(one.compared(), other.compared(), "R7 is ST(0) and in use");
        other.stack[0] = 0;
        other.eflags |= flags::ZF;
        assert_ne!(one.compared(), other.compared());
    }

    #[test]
    fn the_last_write_to_a_byte_counts_and_reads_do_not() {
        let read = Access { kind: AccessKind::Read, ..write(0x40, 4, 0) };
        let accesses = [write(0x10, 2, 0x1122), read, write(0x11, 1, 0x33)];
        let bytes = written_bytes(&accesses, |address, bytes| {
            bytes.fill(if address == 0x10 { 0x22 } else { 0x44 });
            Ok::<_, ()>(())
        });
        let expected = [
            WrittenByte { address: 0x10, emulator: 0x22, host: 0x22 },
            WrittenByte { address: 0x11, emulator: 0x33, host: 0x22 },
        ];
        assert_eq!(bytes.as_deref(), Ok(&expected[..]));
    }
}
