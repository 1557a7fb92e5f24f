//! The forms of operands that handlers are generic over.

use crate::AccessKind;
use crate::alu::Width;
use crate::cpu::SegmentRegister;
use crate::interpreter::{Executor, Operation, Stop};
use crate::memory::Word;
use std::marker::PhantomData;

/// How the linear address of a memory operand is made.
pub(crate) trait Address: Copy {
    /// The linear address of `W::BYTES` bytes.
    fn linear<W: Word>(operation: &Operation, x: &mut Executor<'_>, kind: AccessKind) -> Result<u32, Stop>;
}

/// Base and displacement in a flat segment.
#[derive(Clone, Copy)]
pub(crate) struct Base;
/// Base, scaled index and displacement in a flat segment.
#[derive(Clone, Copy)]
pub(crate) struct Indexed;
/// Any address: checked against its segment, 16 or 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Segmented;

impl Address for Base {
    #[inline(always)]
    fn linear<W: Word>(operation: &Operation, x: &mut Executor<'_>, _: AccessKind) -> Result<u32, Stop> {
        Ok(x.base_offset(operation))
    }
}

impl Address for Indexed {
    #[inline(always)]
    fn linear<W: Word>(operation: &Operation, x: &mut Executor<'_>, _: AccessKind) -> Result<u32, Stop> {
        Ok(x.flat_offset(operation))
    }
}

impl Address for Segmented {
    #[inline(always)]
    fn linear<W: Word>(operation: &Operation, x: &mut Executor<'_>, kind: AccessKind) -> Result<u32, Stop> {
        let offset = x.offset(operation);
        x.linear(segment_register(operation), offset, W::BYTES, kind)
    }
}

/// The segment register of an operation's memory operand.
pub(crate) fn segment_register(operation: &Operation) -> SegmentRegister {
    SegmentRegister::ALL[usize::from(operation.segment & 7) % 6]
}

/// An operand that is read.
pub(crate) trait Read: Copy {
    /// The value, zero-extended.
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop>;
}

/// An operand that is read and then written.
pub(crate) trait Modify: Copy {
    /// The value, and where [`Modify::write`] will put the new one.
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(u32, u32), Stop>;

    /// Writes to the place that [`Modify::read`] or [`Modify::place`] gave.
    fn write<W: Width>(
        operation: &Operation,
        x: &mut Executor<'_>,
        place: u32,
        value: u32,
    ) -> Result<(), Stop>;

    /// Where to write, for an instruction that does not read the operand.
    fn place<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop>;
}

/// The register of the first operand.
#[derive(Clone, Copy)]
pub(crate) struct Target;
/// The register of the second operand.
#[derive(Clone, Copy)]
pub(crate) struct Source;
/// The immediate.
#[derive(Clone, Copy)]
pub(crate) struct Immediate;
/// The memory operand.
#[derive(Clone, Copy)]
pub(crate) struct Memory<A>(PhantomData<A>);

impl Read for Target {
    #[inline(always)]
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop> {
        Ok(x.register::<W>(operation.target))
    }
}

impl Read for Source {
    #[inline(always)]
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop> {
        Ok(x.register::<W>(operation.source))
    }
}

impl Read for Immediate {
    #[inline(always)]
    fn read<W: Width>(operation: &Operation, _: &mut Executor<'_>) -> Result<u32, Stop> {
        Ok(operation.immediate & W::MASK)
    }
}

impl<A: Address> Read for Memory<A> {
    #[inline(always)]
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop> {
        let address = A::linear::<W>(operation, x, AccessKind::Read)?;
        Ok(x.load::<W>(address)?.into() as u32)
    }
}

impl Modify for Target {
    #[inline(always)]
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(u32, u32), Stop> {
        Ok((x.register::<W>(operation.target), 0))
    }

    #[inline(always)]
    fn write<W: Width>(operation: &Operation, x: &mut Executor<'_>, _: u32, value: u32) -> Result<(), Stop> {
        x.set_register::<W>(operation.target, value);
        Ok(())
    }

    #[inline(always)]
    fn place<W: Width>(_: &Operation, _: &mut Executor<'_>) -> Result<u32, Stop> {
        Ok(0)
    }
}

impl<A: Address> Modify for Memory<A> {
    #[inline(always)]
    fn read<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<(u32, u32), Stop> {
        let address = A::linear::<W>(operation, x, AccessKind::Write)?;
        Ok((x.load_for_store::<W>(address)?.into() as u32, address))
    }

    #[inline(always)]
    fn write<W: Width>(
        operation: &Operation,
        x: &mut Executor<'_>,
        place: u32,
        value: u32,
    ) -> Result<(), Stop> {
        x.store::<W>(operation, place, W::truncate(u64::from(value)))
    }

    #[inline(always)]
    fn place<W: Width>(operation: &Operation, x: &mut Executor<'_>) -> Result<u32, Stop> {
        A::linear::<W>(operation, x, AccessKind::Write)
    }
}
