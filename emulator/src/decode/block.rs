//! Decodes one block: instruction after instruction until one ends it or the bytes do.

use super::form::{Form, Lowered, register_number};
use super::{DECODER_OPTIONS, LONGEST_INSTRUCTION, PREFIXES, lower};
use crate::instructions::control;
use crate::interpreter::{self, Dispatch, Handlers, Mode, Operation};
use iced_x86::{Decoder, DecoderError, Instruction, Mnemonic, Register};

/// Decodes the instructions of one block.
pub(crate) struct BlockDecoder<'b> {
    decoder: Decoder<'b>,
    start: u32,
    bytes: &'b [u8],
    mode: Mode,
    dispatch: Dispatch,
    /// The last operation ends the block by itself.
    ended: bool,
}

impl<'b> BlockDecoder<'b> {
    /// A decoder of `bytes`, which stand at `eip`.
    pub(crate) fn new(bytes: &'b [u8], eip: u32, mode: Mode, dispatch: Dispatch) -> Self {
        let decoder = Decoder::with_ip(32, bytes, u64::from(eip), DECODER_OPTIONS);
        Self { decoder, start: eip, bytes, mode, dispatch, ended: false }
    }

    /// Bytes of the instructions so far.
    pub(crate) fn length(&self) -> u32 {
        (self.decoder.ip() as u32).wrapping_sub(self.start)
    }

    /// Whether the next instruction loads ESP with what may be another stack: MOV, POP and XCHG, but not MOV ESP, EBP, and LSS.
    pub(crate) fn is_at_load_of_stack_pointer(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let (position, ip) = (self.decoder.position(), self.decoder.ip());
        let instruction = self.decoder.decode();
        // A position that was is one.
        let _ = self.decoder.set_position(position);
        self.decoder.set_ip(ip);
        let is_stack = |number| matches!(instruction.op_register(number), Register::ESP | Register::SP);
        match instruction.mnemonic() {
            Mnemonic::Mov => is_stack(0) && instruction.op_register(1) != Register::EBP,
            Mnemonic::Pop => is_stack(0),
            Mnemonic::Xchg => is_stack(0) || is_stack(1),
            Mnemonic::Lss => true,
            _ => false,
        }
    }

    /// Adds the next instruction. False: the block ends here, or the bytes hold no whole instruction.
    pub(crate) fn push_next(&mut self, operations: &mut Vec<Operation>) -> bool {
        if self.ended {
            return false;
        }
        let position = self.decoder.position();
        let eip = self.start.wrapping_add(position as u32);
        self.decoder.set_ip(u64::from(eip));
        let instruction = self.decoder.decode();
        let lowered = if !instruction.is_invalid() {
            let bytes = &self.bytes[position..position + instruction.len()];
            lower::lower(&Form::new(&instruction, bytes, self.mode))
        } else if self.decoder.last_error() != DecoderError::NoMoreBytes {
            let bytes = &self.bytes[position..];
            Lowered::ends(if is_too_long(bytes) {
                interpreter::control(control::too_long)
            } else {
                interpreter::control(control::invalid)
            })
        } else {
            // The rest lies in the next page.
            let _ = self.decoder.set_position(position);
            self.decoder.set_ip(u64::from(eip));
            return false;
        };
        let mut operation = template(&instruction, eip, lowered.handlers, self.dispatch);
        lowered.fill(&mut operation);
        let next_eip = operation.next_eip();
        operations.push(operation);
        self.ended = lowered.ends;
        if lowered.falls_through {
            operations.push(self.leave(next_eip));
        }
        !self.ended
    }

    /// Ends the block: counts units, and adds the way on if no branch ended it.
    ///
    /// An operation that notes the block is none of its units, and has them all still to come.
    pub(crate) fn finish(&mut self, operations: &mut Vec<Operation>) {
        if !self.ended
            && let Some(last) = operations.last()
        {
            operations.push(self.leave(last.next_eip()));
        }
        let mut units = 0;
        for operation in operations.iter_mut().rev() {
            units += u8::from(operation.length != 0);
            operation.units_left = if operation.length != 0 { units } else { 0 };
        }
        if let Some(first) = operations.first_mut() {
            first.units_left = units;
        }
    }

    /// The operation that leaves a block for the instruction at `eip`. It is none itself: its length is 0.
    fn leave(&self, eip: u32) -> Operation {
        let handler = interpreter::control(control::leave_block).select(self.dispatch);
        Operation { eip, immediate: eip, length: 0, ..Operation::bare(handler) }
    }
}

/// An operation with what all instructions have in common: place, length and address.
fn template(instruction: &Instruction, eip: u32, handlers: Handlers, dispatch: Dispatch) -> Operation {
    let mut operation = Operation::bare(handlers.select(dispatch));
    operation.eip = eip;
    // An invalid instruction has no length of its own; it is never followed.
    operation.length = instruction.len().max(1) as u8;
    super::form::set_address(instruction, &mut operation);
    for (place, number) in [(0, 0), (1, 1)] {
        if instruction.op_count() > number && instruction.op_kind(number) == iced_x86::OpKind::Register {
            let register = register_number(instruction.op_register(number));
            if place == 0 { operation.target = register } else { operation.source = register }
        }
    }
    operation
}

/// Whether an invalid instruction is one of more than 15 bytes, rather than one without a meaning. The decoder does
/// not tell, so redundant prefixes are taken off until it does.
fn is_too_long(bytes: &[u8]) -> bool {
    let prefixes = bytes.iter().take_while(|byte| PREFIXES.contains(byte)).count();
    (0..=prefixes).any(|taken_off| {
        let length = Decoder::new(32, &bytes[taken_off..], DECODER_OPTIONS).decode().len();
        length < LONGEST_INSTRUCTION && taken_off + length > LONGEST_INSTRUCTION
    }) || prefixes >= LONGEST_INSTRUCTION
}
