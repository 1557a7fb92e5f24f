//! The text of an instruction, for traces and reports.

use iced_x86::{
    Decoder, Formatter, FormatterOutput, FormatterTextKind, InstructionInfoFactory, Mnemonic, NasmFormatter,
    OpAccess, Register, UsedRegister,
};

/// An instruction as a person reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disassembly {
    /// Its length in bytes; 1 if the bytes are no instruction.
    pub length: usize,
    /// NASM syntax, lower case, hexadecimal numbers as 0x1f; `(bad)` if the bytes are no instruction.
    pub text: String,
}

/// Disassembles the first instruction of `bytes`, which stands at `eip` in a 32-bit code segment.
#[must_use]
pub fn disassemble(bytes: &[u8], eip: u32) -> Disassembly {
    let mut decoder = Decoder::with_ip(32, bytes, u64::from(eip), super::DECODER_OPTIONS);
    let instruction = decoder.decode();
    if instruction.is_invalid() {
        return Disassembly { length: 1, text: "(bad)".to_owned() };
    }
    let mut formatter = NasmFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    options.set_add_leading_zero_to_hex_numbers(false);
    let mut text = Text(String::new());
    formatter.format(&instruction, &mut text);
    Disassembly { length: instruction.len(), text: text.0 }
}

/// How many of `bytes` the first instruction of a block has: all of them if they are no instruction, which ends its block.
#[must_use]
pub fn instruction_length(bytes: &[u8]) -> usize {
    let instruction = Decoder::new(32, bytes, super::DECODER_OPTIONS).decode();
    if instruction.is_invalid() { bytes.len() } else { instruction.len() }
}

/// How many bytes an instruction adds to ESP in 32-bit code, if its bytes say so.
#[must_use]
pub fn stack_pointer_change(bytes: &[u8]) -> Option<i32> {
    let instruction = Decoder::new(32, bytes, super::DECODER_OPTIONS).decode();
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(&instruction).used_registers();
    let is_written = |used: &UsedRegister| {
        matches!(used.register(), Register::ESP | Register::SP | Register::SPL)
            && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead | OpAccess::None)
    };
    if !used.iter().any(is_written) {
        return Some(0);
    }
    let writes_it = (0..instruction.op_count())
        .any(|number| matches!(instruction.op_register(number), Register::ESP | Register::SP));
    let by_itself = match instruction.mnemonic() {
        Mnemonic::Push | Mnemonic::Call | Mnemonic::Ret => true,
        Mnemonic::Pop => !writes_it,
        Mnemonic::Add | Mnemonic::Sub if instruction.op0_register() == Register::ESP => {
            let change = instruction.try_immediate(1).ok()? as i32;
            let is_added = instruction.mnemonic() == Mnemonic::Add;
            return Some(if is_added { change } else { change.wrapping_neg() });
        }
        _ => false,
    };
    by_itself.then(|| instruction.stack_pointer_increment())
}

struct Text(String);

impl FormatterOutput for Text {
    fn write(&mut self, text: &str, _: FormatterTextKind) {
        self.0.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::disassemble;

    #[test]
    fn text_is_nasm_with_prefixed_numbers() {
        assert_eq!(disassemble(&[0x8b, 0x44, 0x24, 0x1c], 0).text, "mov eax, [esp+0x1c]");
        assert_eq!(disassemble(&[0xeb, 0xfe], 0x10_0000).text, "jmp short 0x100000");
        assert_eq!(disassemble(&[0x0f, 0x04], 0).text, "(bad)");
    }
}
