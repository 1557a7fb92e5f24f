//! String instructions. SDM Vol. 1, 7.3.9. One element is one unit; a REP can be left and resumed between two.

use super::operand::segment_register;
use crate::AccessKind;
use crate::alu::Width;
use crate::alu::arithmetic::{Binary, Cmp};
use crate::cpu::{EAX, ECX, EDI, ESI, SegmentRegister, flags};
use crate::interpreter::{Executor, Flow, Operation, Stop};

/// One element of a string instruction.
pub(crate) trait Element: Copy {
    /// Handles one element and moves the index registers; after a fault nothing is done.
    fn perform<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop>;
}

/// MOVS
#[derive(Clone, Copy)]
pub(crate) struct Movs;
/// STOS
#[derive(Clone, Copy)]
pub(crate) struct Stos;
/// LODS
#[derive(Clone, Copy)]
pub(crate) struct Lods;
/// CMPS
#[derive(Clone, Copy)]
pub(crate) struct Cmps;
/// SCAS
#[derive(Clone, Copy)]
pub(crate) struct Scas;

/// No prefix that looks at ZF.
pub(crate) const REP: u8 = 2;
/// REPE
pub(crate) const REPE: u8 = 1;
/// REPNE
pub(crate) const REPNE: u8 = 0;

fn address_mask(operation: &Operation) -> u32 {
    if operation.segment & 0x80 != 0 { 0xffff } else { u32::MAX }
}

impl Executor<'_> {
    /// The linear address of the element at ESI.
    #[inline(always)]
    fn source_address<W: Width>(&mut self, operation: &Operation) -> Result<u32, Stop> {
        let offset = self.registers[ESI] & address_mask(operation);
        self.linear(segment_register(operation), offset, W::BYTES, AccessKind::Read)
    }

    /// The linear address of the element at EDI, always in ES.
    #[inline(always)]
    fn target_address<W: Width>(&mut self, operation: &Operation, kind: AccessKind) -> Result<u32, Stop> {
        let offset = self.registers[EDI] & address_mask(operation);
        self.linear(SegmentRegister::Es, offset, W::BYTES, kind)
    }

    /// Moves an index register by one element.
    #[inline(always)]
    fn step_index<W: Width>(&mut self, operation: &Operation, register: usize) {
        let step = if self.other_flags & flags::DF != 0 { W::BYTES.wrapping_neg() } else { W::BYTES };
        let mask = address_mask(operation);
        let old = self.registers[register];
        self.registers[register] = old & !mask | old.wrapping_add(step) & mask;
    }
}

impl Element for Movs {
    #[inline(always)]
    fn perform<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
        let source = x.source_address::<W>(operation)?;
        let value = x.load::<W>(source)?;
        let target = x.target_address::<W>(operation, AccessKind::Write)?;
        x.store::<W>(operation, target, value)?;
        x.step_index::<W>(operation, ESI);
        x.step_index::<W>(operation, EDI);
        Ok(())
    }
}

impl Element for Stos {
    #[inline(always)]
    fn perform<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
        let target = x.target_address::<W>(operation, AccessKind::Write)?;
        let value = x.register::<W>(EAX as u8);
        x.store::<W>(operation, target, W::truncate(u64::from(value)))?;
        x.step_index::<W>(operation, EDI);
        Ok(())
    }
}

impl Element for Lods {
    #[inline(always)]
    fn perform<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
        let source = x.source_address::<W>(operation)?;
        let value: u64 = x.load::<W>(source)?.into();
        x.set_register::<W>(EAX as u8, value as u32);
        x.step_index::<W>(operation, ESI);
        Ok(())
    }
}

impl Element for Cmps {
    #[inline(always)]
    fn perform<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
        let source = x.source_address::<W>(operation)?;
        let left: u64 = x.load::<W>(source)?.into();
        let target = x.target_address::<W>(operation, AccessKind::Read)?;
        let right: u64 = x.load::<W>(target)?.into();
        x.flags = Cmp::compute::<W>(left as u32, right as u32, x.flags).1;
        x.step_index::<W>(operation, ESI);
        x.step_index::<W>(operation, EDI);
        Ok(())
    }
}

impl Element for Scas {
    #[inline(always)]
    fn perform<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
        let target = x.target_address::<W>(operation, AccessKind::Read)?;
        let right: u64 = x.load::<W>(target)?.into();
        x.flags = Cmp::compute::<W>(x.register::<W>(EAX as u8), right as u32, x.flags).1;
        x.step_index::<W>(operation, EDI);
        Ok(())
    }
}

/// A string instruction without REP.
pub(crate) fn once<E: Element, W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    E::perform::<W>(operation, x)
}

/// A string instruction with REP, REPE or REPNE. The block was charged one unit for it; each further element
/// takes one more.
pub(crate) fn repeated<E: Element, W: Width, const UNTIL: u8>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let units = x.units_left();
    let flow = repeat::<E, W, UNTIL>(operation, x);
    x.note_repeated(units.wrapping_sub(x.units_left()));
    flow
}

#[inline(always)]
fn repeat<E: Element, W: Width, const UNTIL: u8>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let mask = address_mask(operation);
    if x.registers[ECX] & mask == 0 {
        return Ok(Flow::FallThrough);
    }
    loop {
        E::perform::<W>(operation, x)?;
        let count = x.registers[ECX].wrapping_sub(1) & mask;
        x.registers[ECX] = x.registers[ECX] & !mask | count;
        let ends = match UNTIL {
            REPE => !x.flags.zero(),
            REPNE => x.flags.zero(),
            _ => false,
        };
        if count == 0 || ends {
            return Ok(Flow::FallThrough);
        }
        // One comparison for both: without units nothing goes on, and observed iterations go on one by one.
        if x.remaining <= x.repeat_beyond {
            if x.remaining == 0 {
                x.eip = operation.eip;
                return Ok(Flow::Halt);
            }
            x.remaining -= 1;
            return Ok(Flow::Repeat);
        }
        x.remaining -= 1;
    }
}
