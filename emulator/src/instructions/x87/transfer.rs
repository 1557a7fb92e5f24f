//! Loads, stores, constants and exchanges. SDM Vol. 1, 8.3.3 and 8.3.4.

use super::super::operand::Address;
use super::arithmetic::MemoryOperand;
use super::{C1, STACK_FAULT, quieted};
use crate::alu::x87::convert::{self, Stored};
use crate::alu::x87::{Control, INDEFINITE, Mode, Outcome, exception};
use crate::interpreter::{Executor, Operation, Stop};
use crate::{AccessKind, F80};

/// FLD of a converted memory operand, FILD.
#[inline]
pub(crate) fn load<M: MemoryOperand>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    let outcome = quieted(M::load(operation, x)?);
    x.x87_note(operation);
    x.x87_note_memory(operation);
    x.x87_push(outcome);
    Ok(())
}

/// FLD m80
pub(crate) fn load_extended(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    let address = x.x87_address(operation, 10, AccessKind::Read)?;
    let value = x.x87_load_extended(address)?;
    x.x87_note(operation);
    x.x87_note_memory(operation);
    x.x87_push(Outcome::exact(value));
    Ok(())
}

/// FBLD
pub(crate) fn load_decimal(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    let address = x.x87_address(operation, 10, AccessKind::Read)?;
    let bytes = x.x87_load_extended(address)?.to_bytes();
    x.x87_note(operation);
    x.x87_note_memory(operation);
    x.x87_push(Outcome::exact(convert::from_decimal(bytes)));
    Ok(())
}

/// FLD ST(`source`)
pub(crate) fn load_register(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    match x.x87_register(operation.source) {
        Some(value) => x.x87_push(Outcome::exact(value)),
        None if x.x87_underflows() => {
            x.x87_turn(7);
            x.x87_set(0, INDEFINITE);
        }
        None => {}
    }
    Ok(())
}

/// FLD1 to FLDZ: the number of the constant is in `source`, in the order of their opcodes.
pub(crate) fn load_constant(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    /// Exponent, significand without rounding, what rounding to nearest adds, and whether bits follow.
    const CONSTANTS: [(u16, u64, u64, bool); 7] = [
        (0x3fff, 0x8000_0000_0000_0000, 0, false),
        (0x4000, 0xd49a_784b_cd1b_8afe, 0, true),
        (0x3fff, 0xb8aa_3b29_5c17_f0bb, 1, true),
        (0x4000, 0xc90f_daa2_2168_c234, 1, true),
        (0x3ffd, 0x9a20_9a84_fbcf_f798, 1, true),
        (0x3ffe, 0xb172_17f7_d1cf_79ab, 1, true),
        (0, 0, 0, false),
    ];
    x.x87_begin()?;
    x.x87_note(operation);
    let (sign_exponent, significand, nearest, inexact) = CONSTANTS[usize::from(operation.source) % 7];
    let up = match x.x87_control().mode() {
        Mode::Nearest => nearest,
        Mode::Up => u64::from(inexact),
        Mode::Down | Mode::Truncate => 0,
    };
    x.x87_push(Outcome::exact(F80 { sign_exponent, significand: significand + up }));
    Ok(())
}

/// A format in which a value is stored.
pub(crate) trait StoredFormat: Copy {
    const BYTES: u32;
    /// The bits that stand for an invalid result.
    const INDEFINITE: u64;

    fn convert(value: F80, control: Control) -> Stored;
}

macro_rules! stored {
    ($($(#[$doc:meta])* $name:ident $bytes:literal $indefinite:literal |$value:ident, $control:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl StoredFormat for $name {
            const BYTES: u32 = $bytes;
            const INDEFINITE: u64 = $indefinite;

            fn convert($value: F80, $control: Control) -> Stored {
                $body
            }
        }
    )*};
}

// A macro, so that the formats stand as a table.
stored! {
    /// m32fp
    Single 4 0xffc0_0000 |value, control| convert::to_single(value, control);
    /// m64fp
    Double 8 0xfff8_0000_0000_0000 |value, control| convert::to_double(value, control);
    /// m16int
    Integer16 2 0x8000 |value, control| convert::to_integer(value, 16, control.mode());
    /// m32int
    Integer32 4 0x8000_0000 |value, control| convert::to_integer(value, 32, control.mode());
    /// m64int
    Integer64 8 0x8000_0000_0000_0000 |value, control| convert::to_integer(value, 64, control.mode());
    /// m16int, truncated
    Truncated16 2 0x8000 |value, _control| convert::to_integer(value, 16, Mode::Truncate);
    /// m32int, truncated
    Truncated32 4 0x8000_0000 |value, _control| convert::to_integer(value, 32, Mode::Truncate);
    /// m64int, truncated
    Truncated64 8 0x8000_0000_0000_0000 |value, _control| convert::to_integer(value, 64, Mode::Truncate);
}

/// FST, FSTP, FIST, FISTP, FISTTP.
#[inline]
pub(crate) fn store<F: StoredFormat, A: Address, const POP: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    let address = match F::BYTES {
        2 => A::linear::<u16>(operation, x, AccessKind::Write)?,
        4 => A::linear::<u32>(operation, x, AccessKind::Write)?,
        _ => A::linear::<u64>(operation, x, AccessKind::Write)?,
    };
    let stored = match x.x87_register(0) {
        Some(value) => F::convert(value, x.x87_control()),
        None => Stored { bits: F::INDEFINITE, flags: exception::INVALID | STACK_FAULT, up: false },
    };
    // Unmasked, these leave memory as it is; a rounding does not.
    let refused = stored.flags & !x.cpu.fpu.control & 0x3f & !exception::PRECISION != 0;
    if refused {
        x.check_aligned_store(address, F::BYTES, F::BYTES)?;
    } else {
        match F::BYTES {
            2 => x.store::<u16>(operation, address, stored.bits as u16)?,
            4 => x.store::<u32>(operation, address, stored.bits as u32)?,
            _ => x.store::<u64>(operation, address, stored.bits)?,
        }
    }
    x.x87_note(operation);
    x.x87_note_memory(operation);
    x.x87_conditions(C1, if stored.up && !refused { C1 } else { 0 });
    x.x87_raise(if refused { stored.flags & !exception::PRECISION } else { stored.flags });
    if POP && !refused {
        x.x87_pop();
    }
    Ok(())
}

/// FSTP m80
pub(crate) fn store_extended(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    let address = x.x87_address(operation, 10, AccessKind::Write)?;
    let value = x.x87_register(0);
    if value.is_none() && !x.x87_control().masks(exception::INVALID) {
        x.check_aligned_store(address, 10, 8)?;
    } else {
        x.x87_store_extended(operation, address, value.unwrap_or(INDEFINITE))?;
    }
    x.x87_note(operation);
    x.x87_note_memory(operation);
    x.x87_conditions(C1, 0);
    if value.is_some() || x.x87_underflows() {
        x.x87_pop();
    }
    Ok(())
}

/// FBSTP
pub(crate) fn store_decimal(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    const DECIMAL_INDEFINITE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
    x.x87_begin()?;
    let address = x.x87_address(operation, 10, AccessKind::Write)?;
    let (bytes, flags, up) = match x.x87_register(0) {
        Some(value) => convert::to_decimal(value, x.x87_control().mode()),
        None => (DECIMAL_INDEFINITE, exception::INVALID | STACK_FAULT, false),
    };
    let refused = flags & exception::INVALID & !x.cpu.fpu.control != 0;
    if refused {
        x.check_aligned_store(address, 10, 8)?;
    } else {
        let (low, high) = bytes.split_at(8);
        let significand = u64::from_le_bytes(low.try_into().expect("eight bytes"));
        let sign_exponent = u16::from_le_bytes(high.try_into().expect("two bytes"));
        x.x87_store_extended(operation, address, F80 { sign_exponent, significand })?;
    }
    x.x87_note(operation);
    x.x87_note_memory(operation);
    x.x87_conditions(C1, if up { C1 } else { 0 });
    x.x87_raise(flags);
    if !refused {
        x.x87_pop();
    }
    Ok(())
}

/// FST and FSTP to ST(`source`).
pub(crate) fn store_register<const POP: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let value = match x.x87_register(0) {
        Some(value) => value,
        None if x.x87_underflows() => INDEFINITE,
        None => return Ok(()),
    };
    x.x87_conditions(C1, 0);
    x.x87_set(operation.source, value);
    if POP {
        x.x87_pop();
    }
    Ok(())
}

/// FSTPNCE to ST(`source`), an alias of FSTP that raises nothing if ST(0) is empty, and then only pops.
pub(crate) fn store_register_unchecked(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    if x.x87_register(0).is_some() {
        return store_register::<true>(operation, x);
    }
    x.x87_begin()?;
    x.x87_note(operation);
    x.x87_conditions(C1, 0);
    x.x87_pop();
    Ok(())
}

/// FXCH with ST(`source`).
pub(crate) fn exchange(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let (top, other) = (x.x87_register(0), x.x87_register(operation.source));
    if (top.is_none() || other.is_none()) && !x.x87_underflows() {
        return Ok(());
    }
    x.x87_conditions(C1, 0);
    x.x87_set(0, other.unwrap_or(INDEFINITE));
    x.x87_set(operation.source, top.unwrap_or(INDEFINITE));
    Ok(())
}
