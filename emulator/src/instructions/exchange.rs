//! Exchanges: XCHG, XADD, CMPXCHG, CMPXCHG8B. One processor: LOCK changes nothing but which forms are legal.

use super::operand::{Modify, segment_register};
use crate::AccessKind;
use crate::alu::Width;
use crate::alu::arithmetic::{Add, Binary, Cmp};
use crate::cpu::{EAX, EBX, ECX, EDX};
use crate::interpreter::{Executor, Operation, Stop};

/// XCHG
#[inline(always)]
pub(crate) fn exchange<W: Width, T: Modify>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let (old, place) = T::read::<W>(operation, x)?;
    let new = x.register::<W>(operation.source);
    T::write::<W>(operation, x, place, new)?;
    x.set_register::<W>(operation.source, old);
    Ok(())
}

/// XADD
pub(crate) fn exchange_add<W: Width, T: Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let (left, place) = T::read::<W>(operation, x)?;
    let right = x.register::<W>(operation.source);
    let (sum, flags) = Add::compute::<W>(left, right, x.flags);
    // The source gets its value first: with the same register twice the sum stays.
    let source = operation.source;
    let before = x.registers;
    x.set_register::<W>(source, left);
    if let Err(stop) = T::write::<W>(operation, x, place, sum) {
        x.registers = before;
        return Err(stop);
    }
    x.flags = flags;
    Ok(())
}

/// CMPXCHG: memory is written in either case.
pub(crate) fn compare_exchange<W: Width, T: Modify>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    let (old, place) = T::read::<W>(operation, x)?;
    let accumulator = x.register::<W>(EAX as u8);
    let flags = Cmp::compute::<W>(accumulator, old, x.flags).1;
    if accumulator == old {
        let new = x.register::<W>(operation.source);
        T::write::<W>(operation, x, place, new)?;
    } else {
        T::write::<W>(operation, x, place, old)?;
        x.set_register::<W>(EAX as u8, old);
    }
    x.flags = flags;
    Ok(())
}

/// CMPXCHG8B: memory is written in either case; only ZF changes.
pub(crate) fn compare_exchange_8_bytes(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let offset = x.offset(operation);
    let address = x.linear(segment_register(operation), offset, 8, AccessKind::Write)?;
    let old = x.load_for_store::<u64>(address)?;
    let expected = u64::from(x.registers[EDX]) << 32 | u64::from(x.registers[EAX]);
    let new = u64::from(x.registers[ECX]) << 32 | u64::from(x.registers[EBX]);
    let equal = old == expected;
    x.store::<u64>(operation, address, if equal { new } else { old })?;
    if !equal {
        x.registers[EAX] = old as u32;
        x.registers[EDX] = (old >> 32) as u32;
    }
    x.flags.set_zero(equal);
    Ok(())
}
