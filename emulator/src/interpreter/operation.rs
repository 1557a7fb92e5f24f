//! The lowered form of an instruction: what the run loop dispatches.

use super::Executor;
use std::cell::Cell;

/// Performs one operation and returns the next, or null if the run loop has to decide.
///
/// # Safety
/// The operation lies in the arena of the executor's block cache and is followed by the rest of its block.
pub(crate) type Handler = for<'e, 'r> unsafe fn(*const Operation, &'e mut Executor<'r>) -> *const Operation;

/// Number of the pseudo-register in [`Executor::registers`] that is always 0, for addresses without base or index.
pub(crate) const ZERO_REGISTER: u8 = 8;

/// One instruction, decoded and bound to its handler.
///
/// Handlers hold a reference to their operation. What the block cache may change in the meantime stands in cells: an
/// instruction that stores into code can unlink itself.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Operation {
    pub(crate) handler: Cell<Handler>,
    /// Offset of the instruction in CS.
    pub(crate) eip: u32,
    /// Displacement of the address. In a branch: position in the arena of the block it is linked to; 0: none.
    pub(crate) displacement: Cell<u32>,
    /// Immediate operand. In a direct branch: EIP of the target.
    pub(crate) immediate: u32,
    /// General register of the first operand.
    pub(crate) target: u8,
    /// General register of the second operand, or another small operand.
    pub(crate) source: u8,
    /// Base register of the address, or [`ZERO_REGISTER`].
    pub(crate) base: u8,
    /// Index register of the address, or [`ZERO_REGISTER`].
    pub(crate) index: u8,
    /// Logarithm of the scale, 0 to 3.
    pub(crate) scale: u8,
    /// Segment register of the address; bit 7: the address has 16 bits.
    pub(crate) segment: u8,
    /// Length of the instruction in bytes.
    pub(crate) length: u8,
    /// Units from this operation to the end of its block, itself included. 0: not an instruction.
    pub(crate) units_left: u8,
}

impl Operation {
    /// An operation without operands, address, place and length.
    pub(crate) fn bare(handler: Handler) -> Self {
        Self {
            handler: Cell::new(handler),
            eip: 0,
            displacement: Cell::new(0),
            immediate: 0,
            target: 0,
            source: 0,
            base: ZERO_REGISTER,
            index: ZERO_REGISTER,
            scale: 0,
            segment: 0,
            length: 0,
            units_left: 0,
        }
    }

    /// Offset of the instruction that follows in memory.
    #[inline(always)]
    pub(crate) fn next_eip(&self) -> u32 {
        self.eip.wrapping_add(u32::from(self.length))
    }
}

#[cfg(test)]
mod tests {
    use super::Operation;

    #[test]
    fn an_operation_stays_small() {
        assert_eq!(size_of::<Operation>(), 32);
    }
}
