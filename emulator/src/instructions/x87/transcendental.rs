//! The transcendental instructions. SDM Vol. 1, 8.3.7 to 8.3.10.

use super::{C1, C2, STACK_FAULT};
use crate::F80;
use crate::alu::x87::transcendental::{
    arctangent, power_minus_one, sine_cosine, y_log2_x, y_log2_x_plus_one,
};
use crate::alu::x87::{Class, Control, INDEFINITE, Outcome, exception, unpack};
use crate::interpreter::{Executor, Operation, Stop};

const ONE: F80 = F80 { sign_exponent: 0x3fff, significand: 1 << 63 };

/// F2XM1
pub(crate) fn f2xm1(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    match x.x87_register(0) {
        Some(value) => {
            let outcome = power_minus_one(value, x.x87_control());
            if x.x87_settle(&outcome) {
                x.x87_set(0, outcome.value);
            }
        }
        None if x.x87_underflows() => x.x87_set(0, INDEFINITE),
        None => {}
    }
    Ok(())
}

/// FYL2X
pub(crate) const Y_LOG2_X: u8 = 0;
/// FYL2XP1
pub(crate) const Y_LOG2_X_PLUS_ONE: u8 = 1;
/// FPATAN
pub(crate) const ARCTANGENT: u8 = 2;

/// FYL2X, FYL2XP1, FPATAN: of ST(1) and ST(0) into ST(1), then a pop.
pub(crate) fn of_two<const FUNCTION: u8>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let outcome = match (x.x87_register(1), x.x87_register(0)) {
        (Some(second), Some(first)) => {
            let function: fn(F80, F80, Control) -> Outcome = match FUNCTION {
                Y_LOG2_X => y_log2_x,
                Y_LOG2_X_PLUS_ONE => y_log2_x_plus_one,
                _ => arctangent,
            };
            function(second, first, x.x87_control())
        }
        _ if x.x87_underflows() => Outcome::exact(INDEFINITE),
        _ => return Ok(()),
    };
    if x.x87_settle(&outcome) {
        x.x87_set(1, outcome.value);
        x.x87_pop();
    }
    Ok(())
}

/// FSIN
pub(crate) const SINE: u8 = 0;
/// FCOS
pub(crate) const COSINE: u8 = 1;
/// FSINCOS
pub(crate) const SINE_COSINE: u8 = 2;
/// FPTAN
pub(crate) const TANGENT: u8 = 3;

/// FSIN, FCOS, FSINCOS, FPTAN: C2 says that the operand is too large, and nothing else happens.
pub(crate) fn trigonometric<const FUNCTION: u8>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let pushes = FUNCTION == SINE_COSINE || FUNCTION == TANGENT;
    let Some(value) = x.x87_register(0) else {
        x.x87_conditions(C2, 0);
        if x.x87_underflows() {
            x.x87_set(0, INDEFINITE);
            if pushes {
                x.x87_turn(7);
                x.x87_set(0, INDEFINITE);
            }
        }
        return Ok(());
    };
    if pushes && x.x87_register(7).is_some() {
        x.x87_conditions(C1 | C2, C1);
        if !x.x87_raise(exception::INVALID | STACK_FAULT) {
            x.x87_set(0, INDEFINITE);
            x.x87_turn(7);
            x.x87_set(0, INDEFINITE);
        }
        return Ok(());
    }
    let Some(result) = sine_cosine(value, x.x87_control()) else {
        x.x87_conditions(C1 | C2, C2);
        return Ok(());
    };
    let outcome = match FUNCTION {
        COSINE => result.cosine,
        TANGENT => result.tangent,
        _ => result.sine,
    };
    x.x87_conditions(C2, 0);
    if x.x87_settle(&outcome) {
        x.x87_set(0, outcome.value);
        if pushes {
            let number = matches!(unpack(value).class, Class::Zero | Class::Finite);
            let pushed = match FUNCTION {
                SINE_COSINE => result.cosine.value,
                _ if number => ONE,
                _ => outcome.value,
            };
            x.x87_turn(7);
            x.x87_set(0, pushed);
        }
    }
    Ok(())
}
