//! The architectural state of one processor between two instructions. No caches, no counters.

use crate::exit::{Exception, Vector};
use crate::fpu::{Fpu, Sse};
use crate::observer::AccessKind;
use serde::{Deserialize, Serialize};

/// Bits of EFLAGS (SDM Vol. 1, 3.4.3).
pub mod flags {
    /// Carry.
    pub const CF: u32 = 1 << 0;
    /// Always one.
    pub const ONE: u32 = 1 << 1;
    /// Parity of the low byte.
    pub const PF: u32 = 1 << 2;
    /// Carry out of bit 3.
    pub const AF: u32 = 1 << 4;
    /// Zero.
    pub const ZF: u32 = 1 << 6;
    /// Sign.
    pub const SF: u32 = 1 << 7;
    /// Single-step trap.
    pub const TF: u32 = 1 << 8;
    /// Interrupt enable.
    pub const IF: u32 = 1 << 9;
    /// Direction of string instructions.
    pub const DF: u32 = 1 << 10;
    /// Signed overflow.
    pub const OF: u32 = 1 << 11;
    /// I/O privilege level, two bits.
    pub const IOPL: u32 = 3 << 12;
    /// Nested task.
    pub const NT: u32 = 1 << 14;
    /// Resume: ignore instruction breakpoints once.
    pub const RF: u32 = 1 << 16;
    /// Virtual-8086 mode.
    pub const VM: u32 = 1 << 17;
    /// Alignment check.
    pub const AC: u32 = 1 << 18;
    /// Virtual interrupt flag.
    pub const VIF: u32 = 1 << 19;
    /// Virtual interrupt pending.
    pub const VIP: u32 = 1 << 20;
    /// CPUID can be executed.
    pub const ID: u32 = 1 << 21;
    /// The six flags that arithmetic writes.
    pub const ARITHMETIC: u32 = CF | PF | AF | ZF | SF | OF;
}

/// Number of EAX in [`Cpu::registers`]; the others follow in encoding order.
pub const EAX: usize = 0;
/// Number of ECX in [`Cpu::registers`].
pub const ECX: usize = 1;
/// Number of EDX in [`Cpu::registers`].
pub const EDX: usize = 2;
/// Number of EBX in [`Cpu::registers`].
pub const EBX: usize = 3;
/// Number of ESP in [`Cpu::registers`].
pub const ESP: usize = 4;
/// Number of EBP in [`Cpu::registers`].
pub const EBP: usize = 5;
/// Number of ESI in [`Cpu::registers`].
pub const ESI: usize = 6;
/// Number of EDI in [`Cpu::registers`].
pub const EDI: usize = 7;

/// Names of the general registers, in encoding order.
pub const REGISTER_NAMES: [&str; 8] = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];

/// A segment register's number, in encoding order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SegmentRegister {
    /// ES
    Es,
    /// CS
    Cs,
    /// SS
    Ss,
    /// DS
    Ds,
    /// FS
    Fs,
    /// GS
    Gs,
}

impl SegmentRegister {
    /// All six, in encoding order.
    pub const ALL: [Self; 6] = [Self::Es, Self::Cs, Self::Ss, Self::Ds, Self::Fs, Self::Gs];

    /// The name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["es", "cs", "ss", "ds", "fs", "gs"][self as usize]
    }
}

/// A segment register: the selector and the hidden part that was cached when it was loaded (SDM Vol. 3, 3.4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Segment {
    /// The visible selector.
    pub selector: u16,
    /// Linear address of offset 0.
    pub base: u32,
    /// Highest offset inside (expand-up) or highest offset outside (expand-down), in bytes.
    pub limit: u32,
    /// Access rights as in bits 8 to 23 of a descriptor's high half, moved to bit 0: type, S, DPL, P, and from
    /// bit 12 AVL, L, D/B, G. Zero: the segment register holds a null selector and cannot be used.
    pub attributes: u16,
}

impl Segment {
    /// A null selector: every use faults.
    pub const NULL: Self = Self { selector: 0, base: 0, limit: 0, attributes: 0 };

    /// A flat ring-3 code segment (base 0, limit 4 GiB, 32-bit, readable, accessed).
    #[must_use]
    pub const fn flat_code(selector: u16) -> Self {
        Self { selector, base: 0, limit: u32::MAX, attributes: 0xc0fb }
    }

    /// A flat ring-3 data segment (base 0, limit 4 GiB, writable, accessed).
    #[must_use]
    pub const fn flat_data(selector: u16) -> Self {
        Self { selector, base: 0, limit: u32::MAX, attributes: 0xc0f3 }
    }

    /// Whether it is present and base 0 and limit 4 GiB make offset and linear address the same.
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.base == 0 && self.limit == u32::MAX && self.attributes & 0x80 != 0
    }

    /// Whether every read and every write at every offset is allowed, at the linear address that is the offset.
    #[must_use]
    pub const fn is_flat_data(&self) -> bool {
        // Writable data that does not expand down.
        self.is_flat() && self.attributes & 0xe == 2
    }

    /// Whether `length` bytes at `offset` may be read or written through this segment (SDM Vol. 3, 5.3 to 5.5).
    pub(crate) fn allows(&self, offset: u32, length: u32, kind: AccessKind) -> bool {
        if self.attributes & 0x80 == 0 {
            return false;
        }
        let (code, second, expands_down) =
            (self.attributes & 8 != 0, self.attributes & 2 != 0, self.attributes & 4 != 0);
        let permitted = match kind {
            AccessKind::Read => !code || second,
            AccessKind::Write => !code && second,
        };
        let last = offset.wrapping_add(length - 1);
        if !code && expands_down {
            let highest = if self.attributes & 0x4000 != 0 { u32::MAX } else { 0xffff };
            permitted && offset > self.limit && last >= offset && last <= highest
        } else {
            // A limit of 4 GiB lets an access wrap: base + offset is taken modulo 2^32.
            permitted && (self.limit == u32::MAX || last >= offset && last <= self.limit)
        }
    }
}

/// A descriptor table that the processor reads on segment loads; raw entries as in SDM Vol. 3, figure 3-8.
///
/// It lies in the processor, not in guest memory: entry `i` serves selectors `8 i` to `8 i + 3`.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct DescriptorTable {
    /// The raw descriptors; entry 0 is the null descriptor.
    pub entries: [u64; 16],
    /// How many of `entries` exist; a selector beyond is #GP(selector).
    pub length: u8,
}

impl DescriptorTable {
    /// The raw descriptor of a segment.
    #[must_use]
    pub const fn descriptor(base: u32, limit: u32, attributes: u16) -> u64 {
        let limit = if attributes & 0x8000 != 0 { limit >> 12 } else { limit } as u64;
        let base = base as u64;
        (limit & 0xffff)
            | (base & 0xff_ffff) << 16
            | (attributes as u64 & 0xf0ff) << 40
            | (limit & 0xf_0000) << 32
            | (base & 0xff00_0000) << 32
    }

    /// Null, kernel code 18h, flat ring-3 code 20h and data 28h; 30h and 38h are flat ring-3 data
    /// (thread-local storage) and exist only if `thread_local`.
    #[must_use]
    pub const fn ring3(thread_local: Tls) -> Self {
        let data = Self::descriptor(0, u32::MAX, 0xc0f3);
        Self {
            entries: [
                0,
                0,
                0,
                Self::descriptor(0, u32::MAX, 0xc09b),
                Self::descriptor(0, u32::MAX, 0xc0fb),
                data,
                data,
                data,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
            ],
            length: match thread_local {
                Tls::Present => 8,
                Tls::Absent => 6,
            },
        }
    }
}

/// Whether a descriptor table has the two entries for thread-local storage, 30h and 38h.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    /// Entries 30h and 38h exist.
    Present,
    /// The table ends at 2Fh.
    Absent,
}

/// System registers: the storage of the fake registers. In ring 3 no instruction writes them.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct SystemRegisters {
    /// Control register 0.
    pub cr0: u32,
    /// The linear address of the last page fault.
    pub cr2: u32,
    /// Page directory base.
    pub cr3: u32,
    /// Control register 4; UMIP is bit 11.
    pub cr4: u32,
    /// GDTR: base and limit.
    pub gdtr: (u32, u16),
    /// IDTR: base and limit.
    pub idtr: (u32, u16),
    /// LDTR selector.
    pub ldtr: u16,
    /// TR selector.
    pub tr: u16,
    /// The I/O privilege level that a guest believes in, 0 to 3: kept, and never honoured.
    pub iopl: u8,
    /// Debug registers 0 to 7; 4 and 5 are unused.
    pub dr: [u32; 8],
}

/// Bits of CR0 and CR4 that act in ring 3, and two that a system sets for itself.
pub mod control {
    /// CR0: monitor coprocessor.
    pub const CR0_MP: u32 = 1 << 1;
    /// CR0: x87 instructions raise #NM.
    pub const CR0_EM: u32 = 1 << 2;
    /// CR0: task switched.
    pub const CR0_TS: u32 = 1 << 3;
    /// CR0: there is an x87.
    pub const CR0_ET: u32 = 1 << 4;
    /// CR0: x87 errors are #MF.
    pub const CR0_NE: u32 = 1 << 5;
    /// CR0: write protection in ring 0.
    pub const CR0_WP: u32 = 1 << 16;
    /// CR0: alignment mask.
    pub const CR0_AM: u32 = 1 << 18;
    /// CR4: RDTSC is privileged.
    pub const CR4_TSD: u32 = 1 << 2;
    /// CR4: the system saves SSE state; without it SSE instructions are #UD.
    pub const CR4_OSFXSR: u32 = 1 << 9;
    /// CR4: the system handles #XM; without it there is #UD instead.
    pub const CR4_OSXMMEXCPT: u32 = 1 << 10;
    /// CR4: SGDT, SIDT, SLDT, SMSW and STR are privileged.
    pub const CR4_UMIP: u32 = 1 << 11;
}

/// Architectural truth between two instructions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cpu {
    /// EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI.
    pub registers: [u32; 8],
    /// Offset of the next instruction in CS.
    pub eip: u32,
    /// EFLAGS, all flags settled; bit 1 is one.
    pub eflags: u32,
    /// ES, CS, SS, DS, FS, GS.
    pub segments: [Segment; 6],
    /// Current privilege level, 0 to 3.
    pub cpl: u8,
    /// MOV SS or POP SS (later STI) holds off interrupts and debug traps until one more instruction has retired.
    pub interrupt_shadow: bool,
    /// Control, descriptor-table and debug registers.
    pub system: SystemRegisters,
    /// What segment loads read.
    pub descriptors: DescriptorTable,
    /// x87 and MMX.
    pub fpu: Fpu,
    /// SSE.
    pub sse: Sse,
}

impl Cpu {
    /// A processor in ring 3 with CS 23h, DS, ES and SS 2Bh, FS and GS null, all registers 0, EFLAGS 202h,
    /// CR0 with PE, MP, NE, AM and PG set.
    #[must_use]
    pub fn ring3(descriptors: DescriptorTable) -> Self {
        let data = Segment::flat_data(0x2b);
        Self {
            registers: [0; 8],
            eip: 0,
            eflags: flags::ONE | flags::IF,
            segments: [data, Segment::flat_code(0x23), data, data, Segment::NULL, Segment::NULL],
            cpl: 3,
            interrupt_shadow: false,
            system: SystemRegisters {
                cr0: 0x8005_0033,
                cr2: 0,
                cr3: 0,
                cr4: 0,
                gdtr: (0, 0),
                idtr: (0, 0),
                ldtr: 0,
                tr: 0,
                iopl: 0,
                dr: [0, 0, 0, 0, 0, 0, 0xffff_0ff0, 0x400],
            },
            descriptors,
            fpu: Fpu::default(),
            sse: Sse::default(),
        }
    }

    /// The linear address of `length` bytes at an offset in a segment, for an access outside of a run.
    ///
    /// # Errors
    /// #SS or #GP: the segment refuses the access.
    pub fn linear(
        &self,
        register: SegmentRegister,
        offset: u32,
        length: u32,
        kind: AccessKind,
    ) -> Result<u32, Exception> {
        let segment = self.segment(register);
        if segment.allows(offset, length, kind) {
            return Ok(segment.base.wrapping_add(offset));
        }
        let stack = register == SegmentRegister::Ss;
        let vector = if stack { Vector::StackFault } else { Vector::GeneralProtection };
        Err(Exception { vector, error_code: 0, address: 0 })
    }

    /// Whether accesses have to be aligned.
    #[must_use]
    pub fn checks_alignment(&self) -> bool {
        self.eflags & flags::AC != 0 && self.system.cr0 & control::CR0_AM != 0 && self.cpl == 3
    }

    /// The segment register `register`.
    #[must_use]
    pub fn segment(&self, register: SegmentRegister) -> &Segment {
        &self.segments[register as usize]
    }
}
