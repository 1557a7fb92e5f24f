//! Why a run ended. Plain data; EIP always allows the run to go on.

use serde::{Deserialize, Serialize};

/// What a run did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ran {
    /// Units retired: one an instruction, one an iteration of a REP (none: one).
    pub units: u64,
    /// Why the run ended.
    pub exit: Exit,
}

/// Why a run ended and where EIP points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The units are used up. EIP: the next instruction, or the same one inside a REP.
    Budget,
    /// A fault (EIP at the faulting instruction, nothing of it done) or a trap (#BP, #OF, #DB; EIP after it, and
    /// it counts as retired).
    Exception(Exception),
    /// INT n. EIP at the instruction, which is `length` bytes long and has not retired.
    SoftwareInterrupt {
        /// The operand.
        vector: u8,
        /// Length of the instruction in bytes.
        length: u8,
    },
    /// INT1. EIP at the instruction, which is `length` bytes long and has not retired. It raises #DB; a handler
    /// returns behind it.
    Int1 {
        /// Length of the instruction in bytes.
        length: u8,
    },
    /// A privileged instruction in ring 3. EIP at the instruction; a real processor raises #GP(0).
    Privileged(Privileged),
    /// EIP is in [`crate::RunInputs::breakpoints`]; the instruction there was not started. Not reported for the
    /// first instruction of a run.
    Breakpoint,
    /// The last instruction touched a range of [`crate::RunInputs::watches`]. EIP: the next instruction.
    Watch(WatchHit),
    /// The condition of [`crate::RunInputs::attention`] became true by a store. EIP: the next instruction.
    Attention,
    /// An instruction this processor does not have yet. EIP at the instruction.
    Unimplemented,
}

/// A hit of a watched range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchHit {
    /// Position in [`crate::RunInputs::watches`].
    pub watch: u8,
    /// Linear address of the access.
    pub address: u32,
    /// The value at `address` before, up to four bytes, zero-extended.
    pub old: u32,
    /// The value at `address` after.
    pub new: u32,
    /// The instruction was a single step too, whose #DB is due.
    pub stepped: bool,
}

/// An exception with what the processor reports about it (SDM Vol. 3, 6.15).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Exception {
    /// Which one.
    pub vector: Vector,
    /// The error code; 0 where the vector has none.
    pub error_code: u32,
    /// CR2, for #PF only; 0 otherwise.
    pub address: u32,
}

/// Exception vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Vector {
    /// #DE, divide error.
    DivideError = 0,
    /// #DB, debug.
    Debug = 1,
    /// #BP, INT3.
    Breakpoint = 3,
    /// #OF, INTO.
    Overflow = 4,
    /// #BR, BOUND.
    BoundRange = 5,
    /// #UD, invalid opcode.
    InvalidOpcode = 6,
    /// #NM, no coprocessor.
    DeviceNotAvailable = 7,
    /// #DF, double fault.
    DoubleFault = 8,
    /// #TS, invalid TSS.
    InvalidTss = 10,
    /// #NP, segment not present.
    SegmentNotPresent = 11,
    /// #SS, stack fault.
    StackFault = 12,
    /// #GP, general protection.
    GeneralProtection = 13,
    /// #PF, page fault.
    PageFault = 14,
    /// #MF, x87 error.
    FloatingPoint = 16,
    /// #AC, alignment check.
    AlignmentCheck = 17,
    /// #MC, machine check.
    MachineCheck = 18,
    /// #XM, SIMD floating point.
    SimdFloatingPoint = 19,
}

impl Vector {
    /// The manual's short name, as `#PF`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DivideError => "#DE",
            Self::Debug => "#DB",
            Self::Breakpoint => "#BP",
            Self::Overflow => "#OF",
            Self::BoundRange => "#BR",
            Self::InvalidOpcode => "#UD",
            Self::DeviceNotAvailable => "#NM",
            Self::DoubleFault => "#DF",
            Self::InvalidTss => "#TS",
            Self::SegmentNotPresent => "#NP",
            Self::StackFault => "#SS",
            Self::GeneralProtection => "#GP",
            Self::PageFault => "#PF",
            Self::FloatingPoint => "#MF",
            Self::AlignmentCheck => "#AC",
            Self::MachineCheck => "#MC",
            Self::SimdFloatingPoint => "#XM",
        }
    }

    /// Whether the frame of this exception carries an error code.
    #[must_use]
    pub fn has_error_code(self) -> bool {
        matches!(self as u8, 8 | 10..=14 | 17)
    }
}

/// Privileged instructions, as far as their reader needs to tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Privileged {
    /// CLI
    Cli,
    /// STI
    Sti,
    /// HLT
    Hlt,
    /// IN, INS
    In,
    /// OUT, OUTS
    Out,
    /// MOV to or from a control register, CLTS, LMSW
    ControlRegister,
    /// MOV to or from a debug register
    DebugRegister,
    /// LGDT, LIDT, LLDT, LTR
    DescriptorTable,
    /// SGDT, SIDT, SLDT, STR, SMSW while CR4.UMIP is set
    StoreDescriptorTable,
    /// RDMSR, WRMSR, RDPMC, RDTSC while CR4.TSD is set
    ModelSpecific,
    /// INVD, WBINVD, INVLPG
    Cache,
    /// SYSEXIT and other instructions that a ring-3 program can only fault on
    Other,
}
