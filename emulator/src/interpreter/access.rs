//! Memory as operations see it: the fast path by translations, and the slow path that does everything else.

use super::Executor;
use super::handler::Stop;
use super::operation::Operation;
use crate::cpu::SegmentRegister;
use crate::exit::WatchHit;
use crate::memory::{Intent, PAGE_BYTES, PAGE_OFFSET, PageFault, Word};
use crate::{Access, AccessKind, Exception, Exit, FrameNumber, Vector};

/// The frames of an access: the first, and the second if it crosses a page, with the bytes in the first.
struct Span {
    first: FrameNumber,
    second: Option<FrameNumber>,
    split: u32,
}

impl Executor<'_> {
    /// Reads at a linear address.
    #[inline(always)]
    pub(crate) fn load<W: Word>(&mut self, address: u32) -> Result<W, Stop> {
        match self.space.load(address) {
            Some(value) => Ok(value),
            None => self.load_slowly(address, W::BYTES, Intent::Read).map(W::truncate),
        }
    }

    /// Reads at a linear address that the same instruction is going to write: it faults as a write does.
    #[inline(always)]
    pub(crate) fn load_for_store<W: Word>(&mut self, address: u32) -> Result<W, Stop> {
        match self.space.load_stored(address) {
            Some(value) => Ok(value),
            None => self.load_slowly(address, W::BYTES, Intent::Write).map(W::truncate),
        }
    }

    /// Writes at a linear address. `operation` is the running one.
    #[inline(always)]
    pub(crate) fn store<W: Word>(
        &mut self,
        operation: &Operation,
        address: u32,
        value: W,
    ) -> Result<(), Stop> {
        match self.space.store(address, value) {
            Some(()) => Ok(()),
            None => self.store_slowly(operation, address, W::BYTES, value.into()),
        }
    }

    #[cold]
    #[inline(never)]
    fn load_slowly(&mut self, address: u32, length: u32, intent: Intent) -> Result<u64, Stop> {
        if self.logged
            && let Some(value) = self.space.load_logged(address, length, intent)
        {
            self.note(AccessKind::Read, address, length, value);
            return Ok(value);
        }
        self.statistics.slow_loads += 1;
        let span = self.span(address, length, intent)?;
        self.space.fill(self.memory, address, span.first, intent);
        let value = self.read_span(&span, address, length);
        self.note(AccessKind::Read, address, length, value);
        self.check_watches(AccessKind::Read, address, length, value, value);
        Ok(value)
    }

    #[cold]
    #[inline(never)]
    fn store_slowly(
        &mut self,
        operation: &Operation,
        address: u32,
        length: u32,
        value: u64,
    ) -> Result<(), Stop> {
        if self.logged && self.space.store_logged(address, length, value).is_some() {
            self.note(AccessKind::Write, address, length, value);
            return Ok(());
        }
        self.statistics.slow_stores += 1;
        let span = self.span(address, length, Intent::Write)?;
        self.space.fill(self.memory, address, span.first, Intent::Write);
        if !self.inputs.watches.is_empty() {
            let old = self.read_span(&span, address, length);
            self.check_watches(AccessKind::Write, address, length, old, value);
        }
        let bytes = value.to_le_bytes();
        let (head, tail) = bytes[..length as usize].split_at(span.split as usize);
        let mut overwritten = self.write_part(span.first, address & PAGE_OFFSET, head);
        if let Some(second) = span.second {
            overwritten |= self.write_part(second, 0, tail);
        }
        self.note(AccessKind::Write, address, length, value);
        if let Some(attention) = self.inputs.attention {
            let inside = address.wrapping_sub(attention.address) < 12;
            self.attention_stored |= inside || attention.address.wrapping_sub(address) < length;
        }
        if overwritten || self.attention_stored {
            self.stop_after(operation);
        }
        Ok(())
    }

    /// Writes within one frame; says whether decoded blocks were dropped.
    fn write_part(&mut self, frame: FrameNumber, offset: u32, bytes: &[u8]) -> bool {
        let before = self.memory.code_stores_seen();
        self.memory.write(frame, offset, bytes);
        if self.memory.code_stores_seen() == before {
            return false;
        }
        let dropped = self.blocks.overwritten(frame, offset, bytes.len() as u32);
        self.statistics.blocks_overwritten += u64::from(dropped);
        dropped != 0
    }

    /// Checks alignment and rights of all bytes of an access.
    fn span(&mut self, address: u32, length: u32, intent: Intent) -> Result<Span, Stop> {
        self.check_alignment(address, length)?;
        let split = (PAGE_BYTES - (address & PAGE_OFFSET)).min(length);
        let first = self.translate(address, intent)?;
        let second =
            if split < length { Some(self.translate(address.wrapping_add(split), intent)?) } else { None };
        Ok(Span { first, second, split })
    }

    /// #AC if alignment is checked and `address` is no multiple of `alignment`, a power of two.
    pub(crate) fn check_alignment(&mut self, address: u32, alignment: u32) -> Result<(), Stop> {
        if self.checks_alignment && address & (alignment - 1) != 0 {
            return Err(self.fault(Vector::AlignmentCheck, 0));
        }
        Ok(())
    }

    fn translate(&mut self, address: u32, intent: Intent) -> Result<FrameNumber, Stop> {
        self.space.translate(address, intent).map_err(|fault| self.page_fault(fault))
    }

    /// Ends the chain with #PF.
    #[cold]
    pub(crate) fn page_fault(&mut self, fault: PageFault) -> Stop {
        self.stop(Exit::Exception(Exception {
            vector: Vector::PageFault,
            error_code: fault.error_code,
            address: fault.address,
        }))
    }

    fn read_span(&self, span: &Span, address: u32, length: u32) -> u64 {
        let mut bytes = [0; 8];
        let (head, tail) = bytes[..length as usize].split_at_mut(span.split as usize);
        self.memory.read(span.first, address & PAGE_OFFSET, head);
        if let Some(second) = span.second {
            self.memory.read(second, 0, tail);
        }
        u64::from_le_bytes(bytes)
    }

    fn note(&mut self, kind: AccessKind, address: u32, length: u32, value: u64) {
        if self.logged {
            self.log.push(Access { kind, address, length_bytes: length as u8, value });
        }
    }

    fn check_watches(&mut self, kind: AccessKind, address: u32, length: u32, old: u64, new: u64) {
        for (i, watch) in self.inputs.watches.iter().enumerate() {
            let overlaps = address.wrapping_sub(watch.address) < watch.length_bytes
                || watch.address.wrapping_sub(address) < length;
            if overlaps && (watch.reads || kind == AccessKind::Write) && self.watch_hit.is_none() {
                let (old, new) = (old as u32, new as u32);
                self.watch_hit = Some(WatchHit { watch: i as u8, address, old, new, stepped: false });
            }
        }
    }

    /// Makes the chain end after `operation`: the code that follows may have changed, or somebody waits for this.
    ///
    /// Without units left no branch is followed and no REP goes on; inside a block the next operation is replaced.
    fn stop_after(&mut self, operation: &Operation) {
        self.reserve = self.reserve.wrapping_add(self.remaining);
        self.remaining = 0;
        if operation.units_left > 1 {
            self.blocks.arm_after(operation);
        }
    }

    /// As [`Executor::check_store`], for a store that is aligned to `alignment` bytes or raises #AC.
    pub(crate) fn check_aligned_store(
        &mut self,
        address: u32,
        length: u32,
        alignment: u32,
    ) -> Result<(), Stop> {
        if self.checks_alignment && address & (alignment - 1) != 0 {
            return Err(self.fault(Vector::AlignmentCheck, 0));
        }
        self.check_store(address, length)
    }

    /// Checks that a byte can be read without reading it.
    pub(crate) fn check_load(&mut self, address: u32) -> Result<(), Stop> {
        self.translate(address, Intent::Read).map(|_| ())
    }

    /// Checks that bytes can be written without writing them, so that a store of several parts is all or nothing.
    pub(crate) fn check_store(&mut self, address: u32, length: u32) -> Result<(), Stop> {
        let mut page = address & !PAGE_OFFSET;
        self.translate(address, Intent::Write)?;
        while page != address.wrapping_add(length - 1) & !PAGE_OFFSET {
            page = page.wrapping_add(PAGE_BYTES);
            self.translate(page, Intent::Write)?;
        }
        Ok(())
    }

    /// The linear address of `length` bytes at `offset` in a segment, with all checks of SDM Vol. 3, 5.3 to 5.5.
    #[inline]
    pub(crate) fn linear(
        &mut self,
        register: SegmentRegister,
        offset: u32,
        length: u32,
        intent: AccessKind,
    ) -> Result<u32, Stop> {
        let segment = *self.segment(register);
        if segment.allows(offset, length, intent) {
            return Ok(segment.base.wrapping_add(offset));
        }
        let stack = register == SegmentRegister::Ss;
        Err(self.fault(if stack { Vector::StackFault } else { Vector::GeneralProtection }, 0))
    }
}
