//! Makes blocks: fetches bytes, has them decoded, and decides where a block ends.

use super::blocks::{Extent, LONGEST_BLOCK, Mode};
use super::handler::{Stop, straight};
use super::{Dispatch, Executor, Operation};
use crate::block_log::BlockEntry;
use crate::decode::{BlockDecoder, LONGEST_INSTRUCTION};
use crate::memory::{Intent, PAGE_BYTES, PAGE_OFFSET, PageFault};
use crate::{Exception, Exit, FrameNumber, SegmentRegister, Told, Vector};

impl Executor<'_> {
    /// Makes the block at EIP. Returns the position of its first operation.
    pub(super) fn translate_block(&mut self, mode: Mode, dispatch: Dispatch) -> Result<u32, Exit> {
        let code = *self.segment(SegmentRegister::Cs);
        let start = code.base.wrapping_add(self.eip);
        if self.eip > code.limit {
            return Err(exception(Vector::GeneralProtection));
        }
        let frame = self.space.translate(start, Intent::Fetch).map_err(page_fault)?;
        let offset = start & PAGE_OFFSET;
        // Bytes from EIP to the end of the segment, but for the last one: there may be 2^32.
        let further = code.limit - self.eip;
        let mut page = [0; PAGE_BYTES as usize];
        let bytes = &mut page[..=(PAGE_OFFSET - offset).min(further) as usize];
        self.memory.read(frame, offset, bytes);

        let longest = if mode.single { 1 } else { LONGEST_BLOCK };
        let mut decoder = BlockDecoder::new(bytes, self.eip, mode, dispatch);
        let mut operations = Vec::with_capacity(longest + 3);
        self.begin_block(mode, dispatch, &mut operations);
        let noted = operations.len();
        while operations.len() < noted + longest {
            let is_alone = mode.told == Told::BlocksAndStack && decoder.is_at_load_of_stack_pointer();
            let ends_before = is_alone && operations.len() > noted;
            if ends_before || !decoder.push_next(&mut operations) {
                break;
            }
            if is_alone {
                break;
            }
        }
        let length = decoder.length();
        if operations.len() == noted && further <= PAGE_OFFSET - offset {
            return Err(exception(Vector::GeneralProtection));
        }
        if operations.len() == noted {
            return self.translate_straddling(frame, mode, dispatch);
        }
        decoder.finish(&mut operations);
        Ok(self.blocks.insert(
            self.eip,
            &operations,
            [Some(Extent { frame, offset, length }), None],
            (mode.told, bytes),
            self.memory,
        ))
    }

    /// Begins a block with the operation that notes it, if somebody is told of blocks.
    fn begin_block(&self, mode: Mode, dispatch: Dispatch, operations: &mut Vec<Operation>) {
        if mode.told.has_blocks() {
            let handler = match mode.told {
                Told::BlocksAndStack => straight(enter_block_with_stack),
                _ => straight(enter_block),
            };
            let handler = handler.select(dispatch);
            let immediate = self.blocks.next_number();
            operations.push(Operation { eip: self.eip, immediate, ..Operation::bare(handler) });
        }
    }

    /// Makes a block of the one instruction at EIP that needs bytes of the next page.
    fn translate_straddling(
        &mut self,
        frame: FrameNumber,
        mode: Mode,
        dispatch: Dispatch,
    ) -> Result<u32, Exit> {
        let code = *self.segment(SegmentRegister::Cs);
        let start = code.base.wrapping_add(self.eip);
        let offset = start & PAGE_OFFSET;
        let split = (PAGE_BYTES - offset) as usize;
        let second =
            self.space.translate(start.wrapping_add(split as u32), Intent::Fetch).map_err(page_fault)?;
        let mut bytes = [0; LONGEST_INSTRUCTION];
        self.memory.read(frame, offset, &mut bytes[..split]);
        self.memory.read(second, 0, &mut bytes[split..]);
        let inside = bytes.len().min(((code.limit - self.eip) as usize).saturating_add(1));
        let mut decoder = BlockDecoder::new(&bytes[..inside], self.eip, mode, dispatch);
        let mut operations = Vec::with_capacity(4);
        self.begin_block(mode, dispatch, &mut operations);
        let noted = operations.len();
        decoder.push_next(&mut operations);
        if operations.len() == noted {
            return Err(exception(Vector::GeneralProtection));
        }
        let length = decoder.length();
        decoder.finish(&mut operations);
        let extents = [
            Some(Extent { frame, offset, length: length.min(split as u32) }),
            Some(Extent { frame: second, offset: 0, length: length.saturating_sub(split as u32) }),
        ];
        Ok(self.blocks.insert(self.eip, &operations, extents, (mode.told, &bytes), self.memory))
    }
}

/// Notes that the block with the number in the immediate is entered.
#[inline(always)]
fn enter_block(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.block_log.push(BlockEntry::block(operation.immediate));
    Ok(())
}

/// The same, and ESP.
#[inline(always)]
fn enter_block_with_stack(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.block_log.push(BlockEntry::block(operation.immediate));
    x.block_log.push(BlockEntry::stack_pointer(x.esp()));
    Ok(())
}

fn exception(vector: Vector) -> Exit {
    Exit::Exception(Exception { vector, error_code: 0, address: 0 })
}

fn page_fault(fault: PageFault) -> Exit {
    Exit::Exception(Exception {
        vector: Vector::PageFault,
        error_code: fault.error_code,
        address: fault.address,
    })
}
