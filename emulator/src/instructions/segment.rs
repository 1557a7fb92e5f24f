//! Segment registers, far transfers and descriptor checks. SDM Vol. 3, 5.5 to 5.8; Vol. 1, 7.3.10.
//!
//! Not modelled: gates, tasks and a local descriptor table; a selector that names one is #GP(selector).

use super::operand::{Read, segment_register};
use crate::alu::Width;
use crate::cpu::{SegmentRegister, flags};
use crate::interpreter::{Executor, Flow, Operation, Stop};
use crate::{AccessKind, Segment, Vector};

const PRESENT: u16 = 0x80;
const CODE_OR_DATA: u16 = 0x10;
const CODE: u16 = 8;
/// Conforming code, or expand-down data.
const CONFORMING: u16 = 4;
/// Readable code, or writable data.
const SECOND: u16 = 2;

fn privilege(attributes: u16) -> u8 {
    (attributes >> 5 & 3) as u8
}

impl Executor<'_> {
    /// The descriptor that `selector` names, if the table has it.
    fn descriptor(&self, selector: u16) -> Option<Segment> {
        let index = usize::from(selector >> 3);
        if selector & 4 != 0 || index >= usize::from(self.cpu.descriptors.length) || index == 0 {
            return None;
        }
        let raw = *self.cpu.descriptors.entries.get(index)?;
        let attributes = (raw >> 40) as u16 & 0xf0ff;
        let limit = (raw & 0xffff | raw >> 32 & 0xf_0000) as u32;
        let limit = if attributes & 0x8000 != 0 { limit << 12 | 0xfff } else { limit };
        let base = (raw >> 16 & 0xff_ffff | raw >> 32 & 0xff00_0000) as u32;
        Some(Segment { selector, base, limit, attributes })
    }

    fn selector_fault(&mut self, vector: Vector, selector: u16) -> Stop {
        self.fault(vector, u32::from(selector & !3))
    }

    /// What loading `selector` into a data or stack segment register gives.
    fn data_segment(&mut self, register: SegmentRegister, selector: u16) -> Result<Segment, Stop> {
        let stack = register == SegmentRegister::Ss;
        if selector & !3 == 0 {
            if stack {
                return Err(self.fault(Vector::GeneralProtection, 0));
            }
            return Ok(Segment { selector, ..Segment::NULL });
        }
        let Some(segment) = self.descriptor(selector) else {
            return Err(self.selector_fault(Vector::GeneralProtection, selector));
        };
        let (attributes, rpl, cpl) = (segment.attributes, (selector & 3) as u8, self.cpu.cpl);
        let dpl = privilege(attributes);
        let ordinary = attributes & CODE_OR_DATA != 0;
        let allowed = if stack {
            ordinary && attributes & CODE == 0 && attributes & SECOND != 0 && rpl == cpl && dpl == cpl
        } else {
            let readable = attributes & CODE == 0 || attributes & SECOND != 0;
            let conforming = attributes & CODE != 0 && attributes & CONFORMING != 0;
            ordinary && readable && (conforming || dpl >= cpl.max(rpl))
        };
        if !allowed {
            return Err(self.selector_fault(Vector::GeneralProtection, selector));
        }
        if attributes & PRESENT == 0 {
            let vector = if stack { Vector::StackFault } else { Vector::SegmentNotPresent };
            return Err(self.selector_fault(vector, selector));
        }
        Ok(segment)
    }

    /// What a far transfer to `selector` loads into CS. Returns must not lower the privilege level below RPL.
    fn code_segment(&mut self, selector: u16, returns: Transfer) -> Result<Segment, Stop> {
        if selector & !3 == 0 {
            return Err(self.fault(Vector::GeneralProtection, 0));
        }
        let Some(mut segment) = self.descriptor(selector) else {
            return Err(self.selector_fault(Vector::GeneralProtection, selector));
        };
        let (attributes, rpl, cpl) = (segment.attributes, (selector & 3) as u8, self.cpu.cpl);
        let dpl = privilege(attributes);
        let code = attributes & CODE_OR_DATA != 0 && attributes & CODE != 0;
        let conforming = attributes & CONFORMING != 0;
        let allowed = code
            && match returns {
                Transfer::Return => rpl == cpl && if conforming { dpl <= rpl } else { dpl == rpl },
                Transfer::Jump if conforming => dpl <= cpl,
                Transfer::Jump => rpl <= cpl && dpl == cpl,
            };
        if !allowed {
            return Err(self.selector_fault(Vector::GeneralProtection, selector));
        }
        if attributes & PRESENT == 0 {
            return Err(self.selector_fault(Vector::SegmentNotPresent, selector));
        }
        segment.selector = selector & !3 | u16::from(cpl);
        Ok(segment)
    }

    fn check_target(&mut self, segment: &Segment, eip: u32) -> Result<(), Stop> {
        if eip > segment.limit {
            return Err(self.fault(Vector::GeneralProtection, 0));
        }
        Ok(())
    }

    fn set_segment(&mut self, register: SegmentRegister, segment: Segment) {
        self.cpu.segments[register as usize] = segment;
    }
}

/// How control reaches another code segment.
#[derive(Clone, Copy)]
enum Transfer {
    Jump,
    Return,
}

/// The segment register named by `source`.
fn named(operation: &Operation) -> SegmentRegister {
    SegmentRegister::ALL[usize::from(operation.source) % 6]
}

/// MOV from a segment register: to memory 16 bits, to a register zero-extended to `W`.
pub(crate) fn store_selector<W: Width, T: super::operand::Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let selector = x.segment(named(operation)).selector;
    let place = T::place::<W>(operation, x)?;
    T::write::<W>(operation, x, place, u32::from(selector))
}

/// MOV to a segment register.
pub(crate) fn load_selector<S: Read>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let selector = S::read::<u16>(operation, x)? as u16;
    load_into(named(operation), selector, operation, x)
}

fn load_into(
    register: SegmentRegister,
    selector: u16,
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let segment = x.data_segment(register, selector)?;
    x.set_segment(register, segment);
    x.cpu.interrupt_shadow = register == SegmentRegister::Ss;
    Ok(Flow::Resume(operation.next_eip()))
}

/// PUSH of a segment register. The upper half of a 32-bit push is 0; the architecture leaves it undefined.
pub(crate) fn push_selector<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let selector = x.segment(named(operation)).selector;
    x.push::<false, W>(operation, u32::from(selector))
}

/// POP into a segment register.
pub(crate) fn pop_selector<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let selector = x.stacked::<false, W>(0)? as u16;
    let flow = load_into(named(operation), selector, operation, x)?;
    x.drop_stacked(W::BYTES);
    Ok(flow)
}

/// LDS, LES, LFS, LGS, LSS: offset, then selector; the segment register is in `source`.
pub(crate) fn load_far_pointer<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let (offset, selector) = far_pointer::<W>(operation, x)?;
    let register = named(operation);
    let segment = x.data_segment(register, selector)?;
    x.set_segment(register, segment);
    x.set_register::<W>(operation.target, offset);
    Ok(Flow::Resume(operation.next_eip()))
}

/// The far pointer in memory.
fn far_pointer<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(u32, u16), Stop> {
    let at = x.offset(operation);
    let segment = segment_register(operation);
    let offset = x.linear(segment, at, W::BYTES, AccessKind::Read)?;
    let offset: u64 = x.load::<W>(offset)?.into();
    let selector = x.linear(segment, at.wrapping_add(W::BYTES), 2, AccessKind::Read)?;
    Ok((offset as u32, x.load::<u16>(selector)?))
}

/// JMP far to a pointer in the instruction: offset in the immediate, selector in the displacement.
pub(crate) fn jump_far_direct<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    jump_far(operation.immediate & W::MASK, operation.displacement.get() as u16, x)
}

/// JMP far to a pointer in memory.
pub(crate) fn jump_far_indirect<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let (offset, selector) = far_pointer::<W>(operation, x)?;
    jump_far(offset, selector, x)
}

fn jump_far(offset: u32, selector: u16, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let segment = x.code_segment(selector, Transfer::Jump)?;
    x.check_target(&segment, offset)?;
    x.set_segment(SegmentRegister::Cs, segment);
    Ok(Flow::Resume(offset))
}

/// CALL far to a pointer in the instruction.
pub(crate) fn call_far_direct<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    call_far::<W>(operation.immediate & W::MASK, operation.displacement.get() as u16, operation, x)
}

/// CALL far to a pointer in memory.
pub(crate) fn call_far_indirect<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let (offset, selector) = far_pointer::<W>(operation, x)?;
    call_far::<W>(offset, selector, operation, x)
}

fn call_far<W: Width>(
    offset: u32,
    selector: u16,
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<Flow, Stop> {
    let segment = x.code_segment(selector, Transfer::Jump)?;
    x.check_target(&segment, offset)?;
    let bottom = x.esp().wrapping_sub(2 * W::BYTES);
    let lower = x.stack::<false>(bottom, W::BYTES, AccessKind::Write)?;
    x.check_store(lower, W::BYTES)?;
    let old = u32::from(x.segment(SegmentRegister::Cs).selector);
    x.push::<false, W>(operation, old)?;
    x.push::<false, W>(operation, operation.next_eip())?;
    x.set_segment(SegmentRegister::Cs, segment);
    Ok(Flow::Resume(offset))
}

/// RET far; the immediate holds the bytes to drop.
pub(crate) fn ret_far<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let offset = x.stacked::<false, W>(0)?;
    let selector = x.stacked::<false, W>(W::BYTES)? as u16;
    if (selector & 3) as u8 != x.cpu.cpl {
        // A return to another level: its SS and ESP are read before the selector is refused.
        x.stacked::<false, W>((3 * W::BYTES).wrapping_add(operation.immediate))?;
        x.stacked::<false, W>((2 * W::BYTES).wrapping_add(operation.immediate))?;
    }
    let segment = x.code_segment(selector, Transfer::Return)?;
    x.check_target(&segment, offset)?;
    x.set_segment(SegmentRegister::Cs, segment);
    x.drop_stacked((2 * W::BYTES).wrapping_add(operation.immediate));
    Ok(Flow::Resume(offset))
}

/// IRET to the same privilege level. IF and IOPL stay, silently. With NT it would be a task return: there is no
/// task to return to.
pub(crate) fn iret<W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    if x.other_flags & flags::NT != 0 {
        return Err(x.fault(Vector::InvalidTss, 0));
    }
    let offset = x.stacked::<false, W>(0)?;
    let selector = x.stacked::<false, W>(W::BYTES)? as u16;
    let image = x.stacked::<false, W>(2 * W::BYTES)?;
    let segment = x.code_segment(selector, Transfer::Return)?;
    x.check_target(&segment, offset)?;
    x.set_segment(SegmentRegister::Cs, segment);
    x.load_flags::<W>(image, flags::RF);
    x.drop_stacked(3 * W::BYTES);
    Ok(Flow::Resume(offset))
}

/// LAR and LSL
pub(crate) fn load_descriptor<const LIMIT: bool, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let selector = S::read::<u16>(operation, x)? as u16;
    let visible = x.descriptor(selector).filter(|segment| {
        let attributes = segment.attributes;
        let conforming = attributes & CODE != 0 && attributes & CONFORMING != 0;
        let level = x.cpu.cpl.max((selector & 3) as u8);
        attributes & CODE_OR_DATA != 0 && (conforming || privilege(attributes) >= level)
    });
    if let Some(segment) = visible {
        let raw = x.cpu.descriptors.entries[usize::from(selector >> 3)];
        let value = if LIMIT { segment.limit } else { (raw >> 32) as u32 & 0x00ff_ff00 };
        x.set_register::<W>(operation.target, value);
    }
    x.flags.set_zero(visible.is_some());
    Ok(())
}

/// VERR and VERW
pub(crate) fn verify<const WRITE: bool, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let selector = S::read::<u16>(operation, x)? as u16;
    let usable = x.descriptor(selector).is_some_and(|segment| {
        let attributes = segment.attributes;
        let (code, second) = (attributes & CODE != 0, attributes & SECOND != 0);
        let permitted = if WRITE { !code && second } else { !code || second };
        let conforming = code && attributes & CONFORMING != 0;
        let level = x.cpu.cpl.max((selector & 3) as u8);
        attributes & CODE_OR_DATA != 0 && permitted && (conforming || privilege(attributes) >= level)
    });
    x.flags.set_zero(usable);
    Ok(())
}
