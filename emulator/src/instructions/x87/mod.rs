//! x87 instructions: the register stack, exceptions, and what they have in common. SDM Vol. 1, ch. 8.

pub(crate) mod arithmetic;
pub(crate) mod compare;
pub(crate) mod state;
pub(crate) mod transcendental;
pub(crate) mod transfer;

use super::operand::segment_register;
use crate::alu::x87::{Class, Control, INDEFINITE, Outcome, exception, unpack};
use crate::cpu::{SegmentRegister, control};
use crate::interpreter::{Executor, Operation, Stop};
use crate::{AccessKind, F80, Vector};

/// Status word: stack fault.
pub(crate) const STACK_FAULT: u16 = 0x40;
/// Status word: an unmasked exception is pending (ES), and its copy (B).
pub(crate) const SUMMARY: u16 = 0x8080;
/// Status word: condition C0.
pub(crate) const C0: u16 = 0x100;
/// Status word: condition C1.
pub(crate) const C1: u16 = 0x200;
/// Status word: condition C2.
pub(crate) const C2: u16 = 0x400;
/// Status word: condition C3.
pub(crate) const C3: u16 = 0x4000;
const TOP: u16 = 0x3800;
/// The exceptions that are found before an operation: unmasked, they leave the operands as they are.
const BEFORE: u16 = exception::INVALID | exception::DENORMAL | exception::ZERO_DIVIDE;

impl Executor<'_> {
    /// Begins an instruction that waits for pending exceptions: #NM, then #MF.
    pub(crate) fn x87_begin(&mut self) -> Result<(), Stop> {
        self.x87_available()?;
        if self.cpu.fpu.status & SUMMARY != 0 {
            return Err(self.fault(Vector::FloatingPoint, 0));
        }
        Ok(())
    }

    /// #NM if CR0 says so.
    pub(crate) fn x87_available(&mut self) -> Result<(), Stop> {
        if self.cpu.system.cr0 & (control::CR0_EM | control::CR0_TS) != 0 {
            return Err(self.fault(Vector::DeviceNotAvailable, 0));
        }
        Ok(())
    }

    /// Notes the last instruction. Its opcode is in the immediate.
    pub(crate) fn x87_note(&mut self, operation: &Operation) {
        let selector = self.segment(SegmentRegister::Cs).selector;
        let fpu = &mut self.cpu.fpu;
        fpu.instruction_pointer = operation.eip;
        fpu.instruction_selector = selector;
        fpu.opcode = operation.immediate as u16 & 0x7ff;
    }

    /// Notes the last memory operand.
    pub(crate) fn x87_note_memory(&mut self, operation: &Operation) {
        let offset = self.offset(operation);
        let selector = self.segment(segment_register(operation)).selector;
        self.cpu.fpu.data_pointer = offset;
        self.cpu.fpu.data_selector = selector;
    }

    pub(crate) fn x87_control(&self) -> Control {
        Control(self.cpu.fpu.control)
    }

    /// The value of ST(`i`); None if the register is empty.
    #[inline]
    pub(crate) fn x87_register(&self, i: u8) -> Option<F80> {
        let physical = self.cpu.fpu.physical(usize::from(i));
        (self.cpu.fpu.tags >> physical & 1 != 0).then_some(self.cpu.fpu.registers[physical])
    }

    /// Sets ST(`i`), which is then in use.
    #[inline]
    pub(crate) fn x87_set(&mut self, i: u8, value: F80) {
        let physical = self.cpu.fpu.physical(usize::from(i));
        self.cpu.fpu.registers[physical] = value;
        self.cpu.fpu.tags |= 1 << physical;
    }

    /// Empties ST(0) and moves TOP up.
    #[inline]
    pub(crate) fn x87_pop(&mut self) {
        let top = self.cpu.fpu.top();
        self.cpu.fpu.tags &= !(1 << top);
        self.x87_turn(1);
    }

    /// Moves TOP.
    #[inline]
    pub(crate) fn x87_turn(&mut self, by: u16) {
        let status = &mut self.cpu.fpu.status;
        *status = *status & !TOP | (status.wrapping_add(by << 11) & TOP);
    }

    /// Sets the condition bits in `mask` to those of `bits`.
    pub(crate) fn x87_conditions(&mut self, mask: u16, bits: u16) {
        self.cpu.fpu.status = self.cpu.fpu.status & !mask | bits;
    }

    /// Sets exception flags. True: one of them is not masked.
    pub(crate) fn x87_raise(&mut self, flags: u16) -> bool {
        let fpu = &mut self.cpu.fpu;
        fpu.status |= flags;
        let unmasked = flags & !fpu.control & 0x3f != 0;
        if unmasked {
            fpu.status |= SUMMARY;
        }
        unmasked
    }

    /// A register that should be in use is empty. True: the exception is masked, and the indefinite is the result.
    pub(crate) fn x87_underflows(&mut self) -> bool {
        self.x87_conditions(C1, 0);
        !self.x87_raise(exception::INVALID | STACK_FAULT)
    }

    /// Pushes; a register in use is a stack overflow.
    pub(crate) fn x87_push(&mut self, outcome: Outcome) {
        self.x87_conditions(C1, 0);
        if self.x87_register(7).is_some() {
            self.x87_conditions(C1, C1);
            if self.x87_raise(exception::INVALID | STACK_FAULT) {
                return;
            }
            self.x87_turn(7);
            self.x87_set(0, INDEFINITE);
            return;
        }
        // A denormal is loaded even where DE is not masked.
        if self.x87_raise(outcome.flags & exception::INVALID) {
            return;
        }
        self.x87_turn(7);
        self.x87_set(0, outcome.value);
        self.x87_finish(&outcome);
    }

    /// Ends an operation with a result: true if the result counts, that is, if no exception that is found before
    /// the operation is unmasked.
    pub(crate) fn x87_settle(&mut self, outcome: &Outcome) -> bool {
        let before = outcome.flags & BEFORE;
        self.x87_conditions(C1, 0);
        if before & !self.cpu.fpu.control != 0 {
            self.x87_raise(before);
            return false;
        }
        self.x87_finish(outcome);
        true
    }

    fn x87_finish(&mut self, outcome: &Outcome) {
        self.x87_conditions(C1, if outcome.up { C1 } else { 0 });
        self.x87_raise(outcome.flags);
    }

    /// The linear address of the memory operand.
    pub(crate) fn x87_address(
        &mut self,
        operation: &Operation,
        length: u32,
        kind: AccessKind,
    ) -> Result<u32, Stop> {
        let offset = self.offset(operation);
        self.linear(segment_register(operation), offset, length, kind)
    }

    /// Ten bytes of memory as a number.
    pub(crate) fn x87_load_extended(&mut self, address: u32) -> Result<F80, Stop> {
        let significand = self.load::<u64>(address)?;
        let sign_exponent = self.load::<u16>(address.wrapping_add(8))?;
        Ok(F80 { sign_exponent, significand })
    }

    /// Stores ten bytes, all or none.
    pub(crate) fn x87_store_extended(
        &mut self,
        operation: &Operation,
        address: u32,
        value: F80,
    ) -> Result<(), Stop> {
        self.check_store(address, 10)?;
        self.store::<u64>(operation, address, value.significand)?;
        self.store::<u16>(operation, address.wrapping_add(8), value.sign_exponent)
    }
}

/// A signaling NaN that is moved with a conversion becomes quiet and raises IE.
pub(crate) fn quieted(outcome: Outcome) -> Outcome {
    if unpack(outcome.value).class != Class::SignalingNan {
        return outcome;
    }
    let significand = outcome.value.significand | crate::alu::x87::QUIET_BIT;
    Outcome { value: F80 { significand, ..outcome.value }, ..outcome }.with(exception::INVALID)
}
