//! MMX and SSE: one shape for all instructions that compute a register, or a piece of memory, from two operands.
//!
//! What is computed comes as a function of vectors from `alu`; which function belongs to which instruction is a table
//! in `decode`. Not here: instructions of another shape, in `state.rs`.

pub(crate) mod operand;
pub(crate) mod state;

use crate::Vector;
use crate::alu::simd::format::{Environment, Format, mxcsr};
use crate::alu::simd::integer::Lane;
use crate::cpu::{control, flags};
use crate::interpreter::{Executor, Operation, Stop};
use operand::{File, MEMORY, Xmm, check_available, check_pending, enter_mmx, source, store, target};
use std::cmp::Ordering;

/// Reads both operands, computes, writes the first one.
#[inline(always)]
fn transform<T: File, S: File>(
    operation: &Operation,
    x: &mut Executor<'_>,
    compute: impl FnOnce(&mut Executor<'_>, u128, u128) -> Result<u128, Stop>,
) -> Result<(), Stop> {
    check_available::<T, S>(x)?;
    let shared = is_shared::<T, S>(operation);
    if shared {
        check_pending(x)?;
    }
    let b = source::<S>(operation, x)?;
    let a = target::<T>(operation, x);
    let result = compute(x, a, b);
    if operation.target & MEMORY != 0 {
        store(operation, x, result?)?;
        if shared {
            enter_mmx(x);
        }
        return Ok(());
    }
    // #XM comes after x87 was left, every other fault before.
    if shared {
        enter_mmx(x);
    }
    T::write(x, operation.target, result?);
    Ok(())
}

/// Whether an MMX register is an operand: the instruction waits for x87 and takes its stack. A conversion from memory
/// has none, and does neither.
#[inline(always)]
fn is_shared<T: File, S: File>(operation: &Operation) -> bool {
    T::SHARED_WITH_X87 || S::SHARED_WITH_X87 && operation.source & MEMORY == 0
}

/// `f` of the two operands.
pub(crate) fn plain<T: File, S: File>(
    f: impl Fn(u128, u128) -> u128 + Copy,
) -> impl Fn(&Operation, &mut Executor<'_>) -> Result<(), Stop> + Copy {
    move |operation, x| transform::<T, S>(operation, x, |_, a, b| Ok(f(a, b)))
}

/// `f` of the two operands and the immediate.
pub(crate) fn with_immediate<T: File, S: File>(
    f: impl Fn(u128, u128, u8) -> u128 + Copy,
) -> impl Fn(&Operation, &mut Executor<'_>) -> Result<(), Stop> + Copy {
    move |operation, x| transform::<T, S>(operation, x, |_, a, b| Ok(f(a, b, operation.immediate as u8)))
}

/// `f` of the two operands by MXCSR, which gets its exceptions.
pub(crate) fn float<T: File, S: File>(
    f: impl Fn(&mut Environment, u128, u128) -> u128 + Copy,
) -> impl Fn(&Operation, &mut Executor<'_>) -> Result<(), Stop> + Copy {
    move |operation, x| {
        transform::<T, S>(operation, x, |x, a, b| {
            let mut e = Environment::new(x.cpu.sse.mxcsr);
            let result = f(&mut e, a, b);
            report(x, e.raised)?;
            Ok(result)
        })
    }
}

/// As [`float`] with the immediate.
pub(crate) fn float_with_immediate<T: File, S: File>(
    f: impl Fn(&mut Environment, u128, u128, u8) -> u128 + Copy,
) -> impl Fn(&Operation, &mut Executor<'_>) -> Result<(), Stop> + Copy {
    move |operation, x| {
        transform::<T, S>(operation, x, |x, a, b| {
            let mut e = Environment::new(x.cpu.sse.mxcsr);
            let result = f(&mut e, a, b, operation.immediate as u8);
            report(x, e.raised)?;
            Ok(result)
        })
    }
}

/// Notes exceptions in MXCSR. An unmasked one is #XM, and the instruction leaves nothing but its flags behind.
#[inline(always)]
fn report(x: &mut Executor<'_>, raised: u32) -> Result<(), Stop> {
    let unmasked = raised & !(x.cpu.sse.mxcsr >> mxcsr::MASKS) & mxcsr::ALL;
    if unmasked != 0 {
        return Err(unmasked_exception(x, raised, unmasked));
    }
    x.cpu.sse.mxcsr |= raised;
    Ok(())
}

#[cold]
fn unmasked_exception(x: &mut Executor<'_>, raised: u32, unmasked: u32) -> Stop {
    // An exception that is found first keeps the instruction from computing, in all lanes.
    let found = if unmasked & mxcsr::BEFORE != 0 { mxcsr::BEFORE } else { mxcsr::ALL };
    x.cpu.sse.mxcsr |= raised & found;
    let told = x.cpu.system.cr4 & control::CR4_OSXMMEXCPT != 0;
    x.fault(if told { Vector::SimdFloatingPoint } else { Vector::InvalidOpcode }, 0)
}

/// COMIS and UCOMIS: the order in ZF, PF and CF; the other arithmetic flags become 0.
pub(crate) fn order<F: Format + Lane>(
    f: impl Fn(&mut Environment, F, F) -> Option<Ordering> + Copy,
) -> impl Fn(&Operation, &mut Executor<'_>) -> Result<(), Stop> + Copy {
    move |operation, x| {
        check_available::<Xmm, Xmm>(x)?;
        let b = source::<Xmm>(operation, x)?;
        let a = target::<Xmm>(operation, x);
        let mut e = Environment::new(x.cpu.sse.mxcsr);
        let order = f(&mut e, F::low(a), F::low(b));
        report(x, e.raised)?;
        let result = match order {
            None => flags::ZF | flags::PF | flags::CF,
            Some(Ordering::Less) => flags::CF,
            Some(Ordering::Equal) => flags::ZF,
            Some(Ordering::Greater) => 0,
        };
        let eflags = x.eflags() & !flags::ARITHMETIC | result;
        x.set_eflags(eflags);
        Ok(())
    }
}
