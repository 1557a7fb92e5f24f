//! MMX and SSE instructions that compute nothing: MXCSR, EMMS, stores by a mask, fences, cache lines.

use super::operand::{File, Mm, Xmm, check_available, check_pending, enter_mmx};
use crate::cpu::EDI;
use crate::instructions::operand::segment_register;
use crate::interpreter::{Executor, Operation, Stop};
use crate::{AccessKind, Vector};

/// The bits of MXCSR that exist.
const MXCSR: u32 = 0xffff;

/// LDMXCSR: a bit that does not exist is #GP(0). An exception that becomes unmasked is not raised.
pub(crate) fn load_mxcsr(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    check_available::<Xmm, Xmm>(x)?;
    let offset = x.offset(operation);
    let address = x.linear(segment_register(operation), offset, 4, AccessKind::Read)?;
    let value = x.load::<u32>(address)?;
    if value & !MXCSR != 0 {
        return Err(x.fault(Vector::GeneralProtection, 0));
    }
    x.cpu.sse.mxcsr = value;
    Ok(())
}

/// STMXCSR
pub(crate) fn store_mxcsr(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    check_available::<Xmm, Xmm>(x)?;
    let offset = x.offset(operation);
    let address = x.linear(segment_register(operation), offset, 4, AccessKind::Write)?;
    let mxcsr = x.cpu.sse.mxcsr;
    x.store::<u32>(operation, address, mxcsr)
}

/// EMMS: all x87 registers are free.
pub(crate) fn empty_mmx(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    check_available::<Mm, Mm>(x)?;
    check_pending(x)?;
    x.cpu.fpu.status &= !(7 << 11);
    x.cpu.fpu.tags = 0;
    Ok(())
}

/// MASKMOVQ and MASKMOVDQU: the bytes of the first operand whose mask byte in the second is negative go to (E)DI.
pub(crate) fn store_masked<S: File, const BYTES: u32>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    check_available::<S, S>(x)?;
    // Real processors leave x87 before they look at memory.
    if S::SHARED_WITH_X87 {
        check_pending(x)?;
        enter_mmx(x);
    }
    let (bytes, mask) = (S::read(x, operation.target), S::read(x, operation.source));
    let offset = x.registers[EDI];
    let offset = if operation.segment & 0x80 != 0 { offset & 0xffff } else { offset };
    let address = x.linear(segment_register(operation), offset, BYTES, AccessKind::Write)?;
    x.check_alignment(address, 8)?;
    // Pages fault as if all bytes were stored, even if the mask chooses none.
    x.check_store(address, BYTES)?;
    for i in (0..BYTES).filter(|i| mask >> (8 * i + 7) & 1 != 0) {
        x.store::<u8>(operation, address.wrapping_add(i), (bytes >> (8 * i)) as u8)?;
    }
    Ok(())
}

/// CLFLUSH: there is no cache, but the byte has to be readable.
pub(crate) fn flush_line(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let offset = x.offset(operation);
    let address = x.linear(segment_register(operation), offset, 1, AccessKind::Read)?;
    x.load::<u8>(address)?;
    Ok(())
}
