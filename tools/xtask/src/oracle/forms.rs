//! Which instructions the generator uses, and what it has to know of one.

use iced_x86::{
    Code, ConstantOffsets, CpuidFeature, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind,
    Register,
};

/// What a number of instructions look like from outside.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Their bytes.
    pub length: u32,
    /// Whether the last one branches.
    pub branches: bool,
}

/// The extent of the first `steps` instructions of `code`. Bytes that are no instruction count as one.
pub fn extent(code: &[u8], steps: u32) -> Extent {
    let mut decoder =
        Decoder::with_ip(32, code, 0, DecoderOptions::NO_MPFX_0FBC | DecoderOptions::NO_MPFX_0FBD);
    let mut branches = false;
    for _ in 0..steps {
        let instruction = decoder.decode();
        branches = is_branch(&instruction);
    }
    Extent { length: decoder.position() as u32, branches }
}

/// The first instruction, whatever it is.
pub fn decode_any(bytes: &[u8]) -> Option<(Instruction, ConstantOffsets)> {
    let mut decoder = Decoder::with_ip(32, bytes, 0, DecoderOptions::NONE);
    let instruction = decoder.decode();
    let offsets = decoder.get_constant_offsets(&instruction);
    (!instruction.is_invalid()).then_some((instruction, offsets))
}

/// The first instruction, if it is one that the generator of integer cases may use.
pub fn decode(bytes: &[u8]) -> Option<(Instruction, ConstantOffsets)> {
    let (instruction, offsets) = decode_any(bytes)?;
    let known = |feature: &CpuidFeature| {
        matches!(
            feature,
            CpuidFeature::INTEL8086
                | CpuidFeature::INTEL8086_ONLY
                | CpuidFeature::INTEL186
                | CpuidFeature::INTEL286
                | CpuidFeature::INTEL286_ONLY
                | CpuidFeature::INTEL386
                | CpuidFeature::INTEL486
                | CpuidFeature::CMOV
                | CpuidFeature::CX8
                | CpuidFeature::MULTIBYTENOP
                | CpuidFeature::PAUSE
        )
    };
    let usable = instruction.cpuid_features().iter().all(known) && !left_out(&instruction);
    usable.then_some((instruction, offsets))
}

fn left_out(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Int => matches!(instruction.immediate8(), 3 | 4 | 0x80),
        Mnemonic::Call | Mnemonic::Jmp => {
            instruction.is_call_far_indirect() || instruction.is_jmp_far_indirect()
        }
        // A register operand of 32 bits has an upper half that processors treat differently.
        Mnemonic::Mov => instruction.op0_register().is_segment_register(),
        _ => instruction.code() == Code::INVALID,
    }
}

fn is_branch(instruction: &Instruction) -> bool {
    !instruction.is_invalid()
        && !matches!(
            instruction.flow_control(),
            FlowControl::Next | FlowControl::Interrupt | FlowControl::Exception
        )
}

pub fn memory_operand(instruction: &Instruction) -> Option<u32> {
    (0..instruction.op_count()).find(|operand| instruction.op_kind(*operand) == OpKind::Memory)
}

/// BT and its like with a register: it selects a bit anywhere around the operand.
pub fn bit_string(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc)
        && instruction.op1_kind() == OpKind::Register
}

pub fn is_short(instruction: &Instruction) -> bool {
    let string = (0..instruction.op_count())
        .any(|operand| matches!(instruction.op_kind(operand), OpKind::MemorySegSI | OpKind::MemoryESDI));
    let registers = instruction.memory_base().size() == 2 || instruction.memory_index().size() == 2;
    string || registers || memory_operand(instruction).is_some() && instruction.memory_displ_size() == 2
}

pub fn effective(instruction: &Instruction, operand: u32, general: &[u32; 8]) -> Option<u32> {
    let value = |register: Register, _, _| match register.size() {
        _ if register.is_segment_register() => Some(0),
        2 => Some(u64::from(general[register.number()] & 0xffff)),
        _ => Some(u64::from(general[register.number()])),
    };
    instruction.virtual_address(operand, 0, value).map(|address| address as u32)
}

/// Whether an instruction can stand in a block: no branch, no fault, ESP moves by pushes and pops only.
pub fn fits_block(instruction: &Instruction) -> bool {
    let absolute = instruction.memory_base() == Register::None
        && instruction.memory_index() == Register::None
        && instruction.memory_displ_size() == 4
        && matches!(instruction.memory_segment(), Register::CS | Register::DS | Register::ES | Register::SS);
    let in_memory = memory_operand(instruction).is_some();
    let writes_stack_pointer = (0..instruction.op_count()).any(|operand| {
        instruction.op_kind(operand) == OpKind::Register
            && instruction.op_register(operand).full_register32() == Register::ESP
    });
    let wanted = !matches!(
        instruction.mnemonic(),
        Mnemonic::Div
            | Mnemonic::Idiv
            | Mnemonic::Aam
            | Mnemonic::Bound
            | Mnemonic::Into
            | Mnemonic::Enter
            | Mnemonic::Leave
            | Mnemonic::Popa
            | Mnemonic::Popad
            | Mnemonic::Popf
            | Mnemonic::Popfd
            | Mnemonic::Xlatb
            | Mnemonic::Arpl
    );
    let harmless = instruction.flow_control() == FlowControl::Next && !instruction.is_privileged();
    let writes_code = in_memory && instruction.memory_segment() == Register::CS;
    harmless
        && wanted
        && !writes_stack_pointer
        && !writes_code
        && (!in_memory || absolute && !bit_string(instruction))
}
