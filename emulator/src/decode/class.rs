//! What kind of instruction some bytes are, for people who look for one kind among many.
//!
//! Not here: what an instruction does in detail. A class is a word to search by.

use iced_x86::{CpuidFeature, Decoder, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// A kind of instruction; an instruction may be of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum InstructionClass {
    /// CALL, near or far, direct or through a register or memory.
    Call,
    /// RET and RETF.
    Return,
    /// JMP.
    Jump,
    /// A conditional jump, JECXZ or LOOP.
    Branch,
    /// INT, INT3, INTO, IRET, SYSENTER and the like.
    Interrupt,
    /// MOVS, CMPS, STOS, LODS, SCAS, INS and OUTS, with REP or without.
    String,
    /// With a REP prefix that counts.
    Repeat,
    /// With a LOCK prefix, or XCHG with memory, which needs none.
    Lock,
    /// Uses the stack pointer by itself: PUSH, POP, CALL, RET, ENTER, LEAVE.
    Stack,
    /// x87.
    X87,
    /// MMX.
    Mmx,
    /// SSE, SSE2 and SSE3.
    Sse,
    /// Privileged, or about the processor: LGDT, SMSW, CPUID, RDTSC, CLI.
    System,
    /// Loads a segment register.
    Segment,
    /// IN, OUT, INS and OUTS.
    Io,
    /// Has a memory operand, of its own or by its nature.
    Memory,
}

impl InstructionClass {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Call,
        Self::Return,
        Self::Jump,
        Self::Branch,
        Self::Interrupt,
        Self::String,
        Self::Repeat,
        Self::Lock,
        Self::Stack,
        Self::X87,
        Self::Mmx,
        Self::Sse,
        Self::System,
        Self::Segment,
        Self::Io,
        Self::Memory,
    ];

    /// A bit of its own.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The classes of the first instruction of `bytes`: the bits of each; 0 if they are no instruction.
#[must_use]
pub fn instruction_classes(bytes: &[u8]) -> u32 {
    let instruction = Decoder::new(32, bytes, super::DECODER_OPTIONS).decode();
    if instruction.is_invalid() {
        return 0;
    }
    InstructionClass::ALL
        .into_iter()
        .filter(|class| is(&instruction, *class))
        .map(InstructionClass::bit)
        .sum()
}

fn is(instruction: &Instruction, class: InstructionClass) -> bool {
    let flow = instruction.flow_control();
    let mnemonic = instruction.mnemonic();
    match class {
        InstructionClass::Call => {
            matches!(flow, FlowControl::Call | FlowControl::IndirectCall) && !enters_system(mnemonic)
        }
        InstructionClass::Return => matches!(mnemonic, Mnemonic::Ret | Mnemonic::Retf),
        InstructionClass::Jump => {
            matches!(flow, FlowControl::UnconditionalBranch | FlowControl::IndirectBranch)
        }
        InstructionClass::Branch => flow == FlowControl::ConditionalBranch,
        InstructionClass::Interrupt => {
            flow == FlowControl::Interrupt
                || enters_system(mnemonic)
                || matches!(mnemonic, Mnemonic::Iret | Mnemonic::Iretd)
        }
        InstructionClass::String => instruction.is_string_instruction(),
        InstructionClass::Repeat => {
            instruction.is_string_instruction()
                && (instruction.has_rep_prefix() || instruction.has_repne_prefix())
        }
        InstructionClass::Lock => {
            instruction.has_lock_prefix() || mnemonic == Mnemonic::Xchg && has_memory(instruction)
        }
        InstructionClass::Stack => instruction.is_stack_instruction() || mnemonic == Mnemonic::Leave,
        InstructionClass::X87 => {
            has_feature(instruction, &[CpuidFeature::FPU, CpuidFeature::FPU287, CpuidFeature::FPU387])
        }
        InstructionClass::Mmx => has_feature(instruction, &[CpuidFeature::MMX]),
        InstructionClass::Sse => {
            has_feature(instruction, &[CpuidFeature::SSE, CpuidFeature::SSE2, CpuidFeature::SSE3])
        }
        InstructionClass::System => is_system(instruction),
        InstructionClass::Segment => loads_segment(instruction),
        InstructionClass::Io => {
            use Mnemonic::{In, Insb, Insd, Insw, Out, Outsb, Outsd, Outsw};
            matches!(mnemonic, In | Out | Insb | Insw | Insd | Outsb | Outsw | Outsd)
        }
        InstructionClass::Memory => {
            has_memory(instruction) && mnemonic != Mnemonic::Lea && mnemonic != Mnemonic::Nop
                || instruction.is_stack_instruction()
                || matches!(mnemonic, Mnemonic::Leave | Mnemonic::Xlatb)
        }
    }
}

fn enters_system(mnemonic: Mnemonic) -> bool {
    matches!(mnemonic, Mnemonic::Sysenter | Mnemonic::Sysexit | Mnemonic::Syscall | Mnemonic::Sysret)
}

fn has_feature(instruction: &Instruction, features: &[CpuidFeature]) -> bool {
    instruction.cpuid_features().iter().any(|feature| features.contains(feature))
}

fn is_system(instruction: &Instruction) -> bool {
    use Mnemonic::{Cli, Cpuid, Lar, Lsl, Rdpmc, Rdtsc, Sgdt, Sidt, Sldt, Smsw, Sti, Str, Verr, Verw};
    let mnemonic = instruction.mnemonic();
    instruction.is_privileged() && !is(instruction, InstructionClass::Io)
        || matches!(mnemonic, Cli | Cpuid | Lar | Lsl | Rdpmc | Rdtsc | Sgdt | Sidt | Sldt | Smsw)
        || matches!(mnemonic, Sti | Str | Verr | Verw)
}

fn loads_segment(instruction: &Instruction) -> bool {
    use Mnemonic::{Lds, Les, Lfs, Lgs, Lss, Mov, Pop};
    let is_segment = |register: Register| {
        matches!(
            register,
            Register::ES | Register::CS | Register::SS | Register::DS | Register::FS | Register::GS
        )
    };
    match instruction.mnemonic() {
        Mov | Pop => instruction.op0_kind() == OpKind::Register && is_segment(instruction.op0_register()),
        mnemonic => matches!(mnemonic, Lds | Les | Lfs | Lgs | Lss),
    }
}

fn has_memory(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|operand| {
        matches!(
            instruction.op_kind(operand),
            OpKind::Memory
                | OpKind::MemoryESDI
                | OpKind::MemoryESEDI
                | OpKind::MemorySegSI
                | OpKind::MemorySegESI
                | OpKind::MemorySegDI
                | OpKind::MemorySegEDI
        )
    })
}

#[cfg(test)]
mod tests {
    use super::InstructionClass::{
        self, Branch, Call, Interrupt, Io, Jump, Lock, Memory, Mmx, Repeat, Return, Segment, Sse, Stack,
        String, System, X87,
    };
    use super::instruction_classes;

    #[test]
    fn an_instruction_has_the_classes_that_a_person_would_give_it() {
        let table: &[(&[u8], &[InstructionClass])] = &[
            (&[0xe8, 0, 0, 0, 0], &[Call, Stack, Memory]),
            (&[0xff, 0xd0], &[Call, Stack, Memory]),
            (&[0xc3], &[Return, Stack, Memory]),
            (&[0xeb, 0xfe], &[Jump]),
            (&[0xff, 0x20], &[Jump, Memory]),
            (&[0x75, 0xfe], &[Branch]),
            (&[0xe2, 0xfe], &[Branch]),
            (&[0xcd, 0x82], &[Interrupt]),
            (&[0xcf], &[Interrupt, Stack, Memory]),
            (&[0xcc], &[Interrupt]),
            (&[0xf3, 0xa4], &[String, Repeat, Memory]),
            (&[0xa4], &[String, Memory]),
            (&[0xf3, 0x90], &[]),
            (&[0xf0, 0x0f, 0xb1, 0x08], &[Lock, Memory]),
            (&[0x87, 0x08], &[Lock, Memory]),
            (&[0x50], &[Stack, Memory]),
            (&[0xd9, 0xe8], &[X87]),
            (&[0x0f, 0x6f, 0xc1], &[Mmx]),
            (&[0x0f, 0x28, 0xc1], &[Sse]),
            (&[0xfa], &[System]),
            (&[0x0f, 0xa2], &[System]),
            (&[0x0f, 0x01, 0x10], &[System, Memory]),
            (&[0x8e, 0xd8], &[Segment]),
            (&[0xe4, 0x60], &[Io]),
            (&[0x6c], &[String, Io, Memory]),
            (&[0x8d, 0x08], &[]),
            (&[0x8b, 0x08], &[Memory]),
            (&[0x40], &[]),
            (&[0x0f, 0x04], &[]),
        ];
        for (bytes, classes) in table {
            let found = instruction_classes(bytes);
            let found: Vec<_> =
                InstructionClass::ALL.into_iter().filter(|class| found & class.bit() != 0).collect();
            let mut expected = classes.to_vec();
            expected.sort_by_key(|class| class.bit());
            assert_eq!(found, expected, "{bytes:02x?}");
        }
    }
}
