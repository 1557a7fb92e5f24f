//! Makes blocks: fetches bytes, has them decoded, and decides where a block ends.

use super::blocks::{Extent, LONGEST_BLOCK, Mode};
use super::{Dispatch, Executor};
use crate::decode::{BlockDecoder, LONGEST_INSTRUCTION};
use crate::memory::{Intent, PAGE_BYTES, PAGE_OFFSET, PageFault};
use crate::{Exception, Exit, FrameNumber, SegmentRegister, Vector};

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
        let mut operations = Vec::with_capacity(longest + 2);
        while operations.len() < longest && decoder.push_next(&mut operations) {}
        let length = decoder.length();
        if operations.is_empty() && further <= PAGE_OFFSET - offset {
            return Err(exception(Vector::GeneralProtection));
        }
        if operations.is_empty() {
            return self.translate_straddling(frame, mode, dispatch);
        }
        decoder.finish(&mut operations);
        let kept = mode.observed.then_some(&*bytes);
        Ok(self.blocks.insert(
            self.eip,
            &operations,
            [Some(Extent { frame, offset, length }), None],
            kept,
            self.memory,
        ))
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
        let mut operations = Vec::with_capacity(3);
        decoder.push_next(&mut operations);
        if operations.is_empty() {
            return Err(exception(Vector::GeneralProtection));
        }
        let length = decoder.length();
        decoder.finish(&mut operations);
        let extents = [
            Some(Extent { frame, offset, length: length.min(split as u32) }),
            Some(Extent { frame: second, offset: 0, length: length.saturating_sub(split as u32) }),
        ];
        let kept = mode.observed.then_some(&bytes[..]);
        Ok(self.blocks.insert(self.eip, &operations, extents, kept, self.memory))
    }
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
