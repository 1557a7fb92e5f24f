//! Arithmetic between registers, and with a memory operand. SDM Vol. 1, 8.3.5.

use super::super::operand::Address;
use super::{C0, C1, C2, C3};
use crate::alu::x87::{
    Class, Control, INDEFINITE, Outcome, arithmetic, convert, exception, remainder, unpack,
};
use crate::interpreter::{Executor, Operation, Stop};
use crate::{AccessKind, F80};
use std::marker::PhantomData;

/// An operation of two numbers.
pub(crate) trait Binary: Copy {
    /// The destination, then the other operand.
    fn compute(left: F80, right: F80, control: Control) -> Outcome;
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident $function:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl Binary for $name {
            #[inline(always)]
            fn compute(left: F80, right: F80, control: Control) -> Outcome {
                arithmetic::$function(left, right, control)
            }
        }
    )*};
}

// A macro, so that six operations are six lines.
binary! {
    /// FADD
    Add add
    /// FSUB
    Subtract subtract
    /// FSUBR
    SubtractReversed subtract_reversed
    /// FMUL
    Multiply multiply
    /// FDIV
    Divide divide
    /// FDIVR
    DivideReversed divide_reversed
}

/// A memory operand that is converted.
pub(crate) trait MemoryOperand: Copy {
    /// The number; DE if it is denormal.
    fn load(operation: &Operation, x: &mut Executor<'_>) -> Result<Outcome, Stop>;
}

/// m32fp
#[derive(Clone, Copy)]
pub(crate) struct Single<A>(PhantomData<A>);
/// m64fp
#[derive(Clone, Copy)]
pub(crate) struct Double<A>(PhantomData<A>);
/// m16int
#[derive(Clone, Copy)]
pub(crate) struct Integer16;
/// m32int
#[derive(Clone, Copy)]
pub(crate) struct Integer32;
/// m64int
#[derive(Clone, Copy)]
pub(crate) struct Integer64;

impl<A: Address> MemoryOperand for Single<A> {
    #[inline(always)]
    fn load(operation: &Operation, x: &mut Executor<'_>) -> Result<Outcome, Stop> {
        let address = A::linear::<u32>(operation, x, AccessKind::Read)?;
        Ok(convert::from_single(x.load::<u32>(address)?))
    }
}

impl<A: Address> MemoryOperand for Double<A> {
    #[inline(always)]
    fn load(operation: &Operation, x: &mut Executor<'_>) -> Result<Outcome, Stop> {
        let address = A::linear::<u64>(operation, x, AccessKind::Read)?;
        Ok(convert::from_double(x.load::<u64>(address)?))
    }
}

impl MemoryOperand for Integer16 {
    fn load(operation: &Operation, x: &mut Executor<'_>) -> Result<Outcome, Stop> {
        let address = x.x87_address(operation, 2, AccessKind::Read)?;
        Ok(Outcome::exact(convert::from_integer(i64::from(x.load::<u16>(address)? as i16))))
    }
}

impl MemoryOperand for Integer32 {
    fn load(operation: &Operation, x: &mut Executor<'_>) -> Result<Outcome, Stop> {
        let address = x.x87_address(operation, 4, AccessKind::Read)?;
        Ok(Outcome::exact(convert::from_integer(i64::from(x.load::<u32>(address)? as i32))))
    }
}

impl MemoryOperand for Integer64 {
    fn load(operation: &Operation, x: &mut Executor<'_>) -> Result<Outcome, Stop> {
        let address = x.x87_address(operation, 8, AccessKind::Read)?;
        Ok(Outcome::exact(convert::from_integer(x.load::<u64>(address)? as i64)))
    }
}

/// ST(0) := ST(0) op memory.
#[inline]
pub(crate) fn with_memory<B: Binary, M: MemoryOperand>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    let right = M::load(operation, x)?;
    x.x87_note(operation);
    x.x87_note_memory(operation);
    let Some(left) = x.x87_register(0) else {
        if x.x87_underflows() {
            x.x87_set(0, INDEFINITE);
        }
        return Ok(());
    };
    let mut outcome = B::compute(left, right.value, x.x87_control());
    // A denormal in memory is no longer one in a register. Other exceptions of operands come first.
    let first = exception::INVALID | exception::ZERO_DIVIDE;
    if right.flags != 0 && outcome.flags & first == 0 && !unpack(left).is_nan() {
        outcome.flags |= right.flags;
    }
    if x.x87_settle(&outcome) {
        x.x87_set(0, outcome.value);
    }
    Ok(())
}

/// ST(`target`) := ST(`target`) op ST(`source`), and perhaps a pop.
#[inline]
pub(crate) fn between_registers<B: Binary, const POP: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let (target, source) = (operation.target, operation.source);
    let done = match (x.x87_register(target), x.x87_register(source)) {
        (Some(left), Some(right)) => {
            let outcome = B::compute(left, right, x.x87_control());
            let done = x.x87_settle(&outcome);
            if done {
                x.x87_set(target, outcome.value);
            }
            done
        }
        _ => {
            let masked = x.x87_underflows();
            if masked {
                x.x87_set(target, INDEFINITE);
            }
            masked
        }
    };
    if POP && done {
        x.x87_pop();
    }
    Ok(())
}

/// An operation of ST(0) alone that may raise exceptions.
pub(crate) trait Unary: Copy {
    fn compute(value: F80, control: Control) -> Outcome;
}

/// FSQRT
#[derive(Clone, Copy)]
pub(crate) struct SquareRoot;
/// FRNDINT
#[derive(Clone, Copy)]
pub(crate) struct RoundToInteger;
/// FABS
#[derive(Clone, Copy)]
pub(crate) struct Absolute;
/// FCHS
#[derive(Clone, Copy)]
pub(crate) struct ChangeSign;

impl Unary for SquareRoot {
    fn compute(value: F80, control: Control) -> Outcome {
        arithmetic::square_root(value, control)
    }
}

impl Unary for RoundToInteger {
    fn compute(value: F80, control: Control) -> Outcome {
        convert::round_to_integer(value, control)
    }
}

impl Unary for Absolute {
    fn compute(value: F80, _: Control) -> Outcome {
        Outcome::exact(F80 { sign_exponent: value.sign_exponent & 0x7fff, ..value })
    }
}

impl Unary for ChangeSign {
    fn compute(value: F80, _: Control) -> Outcome {
        Outcome::exact(F80 { sign_exponent: value.sign_exponent ^ 0x8000, ..value })
    }
}

/// ST(0) := op ST(0).
pub(crate) fn unary<U: Unary>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    match x.x87_register(0) {
        Some(value) => {
            let outcome = U::compute(value, x.x87_control());
            if x.x87_settle(&outcome) {
                x.x87_set(0, outcome.value);
            }
        }
        None if x.x87_underflows() => x.x87_set(0, INDEFINITE),
        None => {}
    }
    Ok(())
}

/// FSCALE
pub(crate) fn scale(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    match (x.x87_register(0), x.x87_register(1)) {
        (Some(value), Some(scale)) => {
            let outcome = convert::scale(value, scale, x.x87_control());
            if x.x87_settle(&outcome) {
                x.x87_set(0, outcome.value);
            }
        }
        _ if x.x87_underflows() => x.x87_set(0, INDEFINITE),
        _ => {}
    }
    Ok(())
}

/// FPREM and FPREM1
pub(crate) fn partial_remainder<const NEAREST: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let (Some(dividend), Some(divisor)) = (x.x87_register(0), x.x87_register(1)) else {
        x.x87_conditions(C2, 0);
        if x.x87_underflows() {
            x.x87_set(0, INDEFINITE);
        }
        return Ok(());
    };
    let kind = if NEAREST { remainder::Quotient::Nearest } else { remainder::Quotient::Truncated };
    let result = remainder::remainder(dividend, divisor, kind, x.x87_control());
    // C2 says nothing but that there is more to do, also where an exception is not masked.
    x.x87_conditions(C2, 0);
    if x.x87_settle(&result.outcome) {
        x.x87_set(0, result.outcome.value);
        if !result.is_number {
            x.x87_conditions(C1 | C2, 0);
            return Ok(());
        }
        let mut bits = if result.partial { C2 } else { 0 };
        for (bit, condition) in [(4, C0), (2, C3), (1, C1)] {
            bits |= if result.quotient & bit != 0 { condition } else { 0 };
        }
        x.x87_conditions(C0 | C1 | C2 | C3, bits);
    }
    Ok(())
}

/// FXTRACT: the exponent replaces ST(0), the significand is pushed.
pub(crate) fn extract(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let Some(value) = x.x87_register(0) else {
        if x.x87_underflows() {
            x.x87_set(0, INDEFINITE);
            x.x87_turn(7);
            x.x87_set(0, INDEFINITE);
        }
        return Ok(());
    };
    let (exponent, significand) = remainder::extract(value);
    if x.x87_register(7).is_some() {
        x.x87_conditions(C1, C1);
        if !x.x87_raise(exception::INVALID | super::STACK_FAULT) {
            x.x87_set(0, INDEFINITE);
            x.x87_turn(7);
            x.x87_set(0, INDEFINITE);
        }
        return Ok(());
    }
    if x.x87_settle(&exponent) {
        x.x87_set(0, exponent.value);
        x.x87_turn(7);
        x.x87_set(0, significand.value);
    }
    Ok(())
}

/// FXAM: the class of ST(0) into C3, C2, C0, its sign into C1.
pub(crate) fn examine(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let physical = x.cpu.fpu.top();
    let value = x.cpu.fpu.registers[physical];
    let operand = unpack(value);
    let class = match (x.x87_register(0), operand.class) {
        (None, _) => C3 | C0,
        (_, Class::Unsupported) => 0,
        (_, Class::QuietNan | Class::SignalingNan) => C0,
        (_, Class::Infinity) => C2 | C0,
        (_, Class::Zero) => C3,
        (_, Class::Finite) if operand.denormal => C3 | C2,
        (_, Class::Finite) => C2,
    };
    let sign = if operand.negative { C1 } else { 0 };
    x.x87_conditions(C0 | C1 | C2 | C3, class | sign);
    Ok(())
}
