//! Comparisons and conditional moves. SDM Vol. 1, 8.3.6.

use super::arithmetic::MemoryOperand;
use super::{C0, C1, C2, C3};
use crate::F80;
use crate::alu::LazyFlags;
use crate::alu::x87::arithmetic::{Ordering, Quiet, compare};
use crate::alu::x87::{INDEFINITE, exception, unpack, zero};
use crate::cpu::flags;
use crate::interpreter::{Executor, Operation, Stop};

/// Where the answer goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Conditions,
    Flags,
}

impl Executor<'_> {
    /// Compares and answers. True: the instruction goes on to its pops.
    fn x87_compare(
        &mut self,
        operands: (Option<F80>, Option<F80>),
        quiet: Quiet,
        denormal: u16,
        answer: Answer,
    ) -> bool {
        let (ordering, raised) = match operands {
            (Some(left), Some(right)) => {
                let (ordering, raised) = compare(left, right, quiet);
                let nan = unpack(left).is_nan() || unpack(right).is_nan();
                (ordering, if nan || raised & exception::INVALID != 0 { raised } else { raised | denormal })
            }
            _ => (Ordering::Unordered, exception::INVALID | super::STACK_FAULT),
        };
        if answer == Answer::Conditions || raised & super::STACK_FAULT != 0 {
            self.x87_conditions(C1, 0);
        }
        let unmasked = self.x87_raise(raised);
        match answer {
            // The answer is there even where an exception is not masked.
            Answer::Conditions => {
                let bits = match ordering {
                    Ordering::Greater => 0,
                    Ordering::Less => C0,
                    Ordering::Equal => C3,
                    Ordering::Unordered => C3 | C2 | C0,
                };
                self.x87_conditions(C0 | C2 | C3, bits);
            }
            Answer::Flags => {
                self.flags = LazyFlags::from_eflags(match ordering {
                    Ordering::Greater => 0,
                    Ordering::Less => flags::CF,
                    Ordering::Equal => flags::ZF,
                    Ordering::Unordered => flags::ZF | flags::PF | flags::CF,
                });
            }
        }
        !unmasked
    }

    fn x87_pop_times(&mut self, pops: u8) {
        for _ in 0..pops {
            self.x87_pop();
        }
    }
}

fn quiet(unordered: bool) -> Quiet {
    if unordered { Quiet::Yes } else { Quiet::No }
}

/// FCOM, FUCOM and their popping forms, with ST(`source`).
pub(crate) fn with_register<const UNORDERED: bool, const POPS: u8>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let operands = (x.x87_register(0), x.x87_register(operation.source));
    if x.x87_compare(operands, quiet(UNORDERED), 0, Answer::Conditions) {
        x.x87_pop_times(POPS);
    }
    Ok(())
}

/// FCOM, FICOM and their popping forms, with memory.
pub(crate) fn with_memory<M: MemoryOperand, const POPS: u8>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    let right = M::load(operation, x)?;
    x.x87_note(operation);
    x.x87_note_memory(operation);
    let operands = (x.x87_register(0), Some(right.value));
    if x.x87_compare(operands, Quiet::No, right.flags, Answer::Conditions) {
        x.x87_pop_times(POPS);
    }
    Ok(())
}

/// FCOMI, FUCOMI and their popping forms: into ZF, PF, CF.
pub(crate) fn into_flags<const UNORDERED: bool, const POPS: u8>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let operands = (x.x87_register(0), x.x87_register(operation.source));
    if x.x87_compare(operands, quiet(UNORDERED), 0, Answer::Flags) {
        x.x87_pop_times(POPS);
    }
    Ok(())
}

/// FTST: with zero.
pub(crate) fn with_zero(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let operands = (x.x87_register(0), Some(zero(false)));
    x.x87_compare(operands, Quiet::No, 0, Answer::Conditions);
    Ok(())
}

/// FCMOVcc: `CODE` is the condition's number.
pub(crate) fn move_if<const CODE: u8>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    let operands = (x.x87_register(0), x.x87_register(operation.source));
    let holds = x.flags.condition::<CODE>();
    match operands {
        (Some(_), Some(value)) if holds => x.x87_set(0, value),
        (Some(_), Some(_)) => {}
        _ if x.x87_underflows() => x.x87_set(0, INDEFINITE),
        _ => {}
    }
    Ok(())
}
