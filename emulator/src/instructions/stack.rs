//! The stack. SDM Vol. 1, 6.2 and 7.3.1.4. The stack segment has 32 bits.

use super::operand::{Modify, Read};
use crate::AccessKind;
use crate::alu::Width;
use crate::cpu::{EBP, ESP, SegmentRegister, flags};
use crate::interpreter::{Executor, Flow, Operation, Stop};

/// EFLAGS bits that POPF and IRET change in ring 3 with IOPL 0.
const WRITABLE: u32 = flags::ARITHMETIC | flags::TF | flags::DF | flags::NT | flags::AC | flags::ID;

impl Executor<'_> {
    /// The linear address of `length` bytes on the stack.
    #[inline(always)]
    pub(crate) fn stack<const FLAT: bool>(
        &mut self,
        offset: u32,
        length: u32,
        kind: AccessKind,
    ) -> Result<u32, Stop> {
        if FLAT { Ok(offset) } else { self.linear(SegmentRegister::Ss, offset, length, kind) }
    }

    /// Pushes one value.
    #[inline(always)]
    pub(crate) fn push<const FLAT: bool, W: Width>(
        &mut self,
        operation: &Operation,
        value: u32,
    ) -> Result<(), Stop> {
        let esp = self.esp().wrapping_sub(W::BYTES);
        let address = self.stack::<FLAT>(esp, W::BYTES, AccessKind::Write)?;
        self.store::<W>(operation, address, W::truncate(u64::from(value)))?;
        self.registers[ESP] = esp;
        Ok(())
    }

    /// The value `depth` bytes above the top of the stack.
    #[inline(always)]
    pub(crate) fn stacked<const FLAT: bool, W: Width>(&mut self, depth: u32) -> Result<u32, Stop> {
        let address = self.stack::<FLAT>(self.esp().wrapping_add(depth), W::BYTES, AccessKind::Read)?;
        Ok(self.load::<W>(address)?.into() as u32)
    }

    /// Moves the top of the stack up.
    #[inline(always)]
    pub(crate) fn drop_stacked(&mut self, bytes: u32) {
        self.registers[ESP] = self.esp().wrapping_add(bytes);
    }

    /// Loads EFLAGS as POPF and IRET do in ring 3: IF, IOPL and the virtual flags stay, silently.
    pub(crate) fn load_flags<W: Width>(&mut self, image: u32, also: u32) {
        let writable = (WRITABLE | also) & W::MASK;
        let eflags = self.eflags();
        self.set_eflags(eflags & !writable | image & writable);
    }
}

/// PUSH of anything but a segment register.
#[inline(always)]
pub(crate) fn push<const FLAT: bool, W: Width, S: Read>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = S::read::<W>(operation, x)?;
    x.push::<FLAT, W>(operation, value)
}

/// POP into anything but a segment register. An address with ESP uses ESP after the pop.
#[inline(always)]
pub(crate) fn pop<const FLAT: bool, W: Width, T: Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let value = x.stacked::<FLAT, W>(0)?;
    let esp = x.esp();
    x.drop_stacked(W::BYTES);
    let written = match T::place::<W>(operation, x) {
        Ok(place) => T::write::<W>(operation, x, place, value),
        Err(stop) => Err(stop),
    };
    if written.is_err() {
        x.registers[ESP] = esp;
    }
    written
}

/// PUSHA: ESP is pushed as it was before.
pub(crate) fn push_all<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let bottom = x.esp().wrapping_sub(8 * W::BYTES);
    let mut addresses = [0; 8];
    for (i, address) in addresses.iter_mut().enumerate() {
        let offset = bottom.wrapping_add((7 - i as u32) * W::BYTES);
        *address = x.stack::<false>(offset, W::BYTES, AccessKind::Write)?;
        x.check_store(*address, W::BYTES)?;
    }
    for (i, address) in addresses.iter().enumerate() {
        let value = x.register::<W>(i as u8);
        x.store::<W>(operation, *address, W::truncate(u64::from(value)))?;
    }
    x.registers[ESP] = bottom;
    Ok(())
}

/// POPA: the image of ESP is thrown away. Real processors load each register as they go, so that a fault finds the
/// lower ones loaded and ESP as it was: the instruction can be restarted. See docs/decisions/0003-popa.md.
pub(crate) fn pop_all<W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    for register in (0..8).rev() {
        let value = x.stacked::<false, W>((7 - register as u32) * W::BYTES)?;
        if register != ESP {
            x.set_register::<W>(register as u8, value);
        }
    }
    x.drop_stacked(8 * W::BYTES);
    Ok(())
}

/// PUSHF: VM and RF read as 0.
pub(crate) fn push_flags<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let image = x.eflags() & !(flags::VM | flags::RF);
    x.push::<false, W>(operation, image)
}

/// POPF
pub(crate) fn pop_flags<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<Flow, Stop> {
    let image = x.stacked::<false, W>(0)?;
    x.drop_stacked(W::BYTES);
    let before = x.other_flags;
    x.load_flags::<W>(image, 0);
    x.other_flags &= !flags::RF;
    let modes = flags::TF | flags::AC;
    let next = operation.next_eip();
    Ok(if (before ^ x.other_flags) & modes != 0 { Flow::Resume(next) } else { Flow::Jump(next) })
}

/// ENTER: bytes of locals in the immediate, nesting level in `source`.
pub(crate) fn enter<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let locals = operation.immediate & 0xffff;
    let level = u32::from(operation.source) % 32;
    let frame = x.esp().wrapping_sub(W::BYTES);
    let mut values = vec![x.register::<W>(EBP as u8)];
    for i in 1..level {
        let offset = x.registers[EBP].wrapping_sub(i * W::BYTES);
        let address = x.stack::<false>(offset, W::BYTES, AccessKind::Read)?;
        values.push(x.load::<W>(address)?.into() as u32);
    }
    if level > 0 {
        values.push(frame & W::MASK);
    }
    let mut addresses = Vec::with_capacity(values.len());
    for i in 1..=values.len() as u32 {
        let address = x.stack::<false>(x.esp().wrapping_sub(i * W::BYTES), W::BYTES, AccessKind::Write)?;
        x.check_store(address, W::BYTES)?;
        addresses.push(address);
    }
    let top = x.esp().wrapping_sub(values.len() as u32 * W::BYTES).wrapping_sub(locals);
    // The processor probes the new top of the stack for writing.
    let probed = x.stack::<false>(top, W::BYTES, AccessKind::Write)?;
    x.check_store(probed, W::BYTES)?;
    for (address, value) in addresses.into_iter().zip(values) {
        x.store::<W>(operation, address, W::truncate(u64::from(value)))?;
    }
    x.set_register::<W>(EBP as u8, frame);
    x.registers[ESP] = top;
    Ok(())
}

/// LEAVE
pub(crate) fn leave<const FLAT: bool, W: Width>(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let frame = x.registers[EBP];
    let address = x.stack::<FLAT>(frame, W::BYTES, AccessKind::Read)?;
    let value: u64 = x.load::<W>(address)?.into();
    x.registers[ESP] = frame.wrapping_add(W::BYTES);
    x.set_register::<W>(EBP as u8, value as u32);
    Ok(())
}
