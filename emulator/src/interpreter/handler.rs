//! Turns what an instruction does into handlers, one for each kind of dispatch.

#![allow(unsafe_code)] // Dispatch follows pointers into the arena: see docs/decisions/0001-unsafe.md.

use super::operation::{Handler, Operation};
use super::{Dispatch, Executor};
use std::ptr::{NonNull, null};

/// The operation was not completed; the executor knows why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stop;

/// Where control goes after an operation that ends its block.
#[derive(Clone, Copy)]
pub(crate) enum Flow {
    /// To the target of the direct branch, by its link.
    Branch,
    /// To the instruction after a conditional branch, by the link of the operation that follows it.
    FallThrough,
    /// To the same instruction once more, whose unit is already taken: the next iteration of an observed REP.
    Repeat,
    /// To an offset in CS that was computed.
    Jump(u32),
    /// To an offset in CS, but the mode may have changed: the run loop looks.
    Resume(u32),
    /// Nowhere: the executor holds EIP and the reason.
    Halt,
}

/// One handler for each kind of dispatch.
#[derive(Clone, Copy)]
pub(crate) struct Handlers {
    looped: Handler,
    tail: Handler,
}

impl Handlers {
    pub(crate) fn select(self, dispatch: Dispatch) -> Handler {
        match dispatch {
            Dispatch::Loop => self.looped,
            Dispatch::Tail => self.tail,
        }
    }
}

/// A function that carries no data, as every `fn` item is, called by its type alone.
#[inline(always)]
fn function<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: F has no bytes and is inhabited: `straight` and `control` were given a value of it.
    unsafe { *NonNull::<F>::dangling().as_ref() }
}

/// Handlers of an instruction after which the next in memory follows.
pub(crate) fn straight<F>(_: F) -> Handlers
where
    F: for<'e, 'r> Fn(&Operation, &'e mut Executor<'r>) -> Result<(), Stop> + Copy,
{
    #[inline(always)]
    fn perform<F>(operation: *const Operation, x: &mut Executor<'_>) -> *const Operation
    where
        F: for<'e, 'r> Fn(&Operation, &'e mut Executor<'r>) -> Result<(), Stop> + Copy,
    {
        // SAFETY: the caller of a handler passes an operation of the arena that has a successor.
        match function::<F>()(unsafe { &*operation }, x) {
            Ok(()) => unsafe { operation.add(1) },
            Err(Stop) => x.stopped(operation),
        }
    }
    unsafe fn tail<F>(operation: *const Operation, x: &mut Executor<'_>) -> *const Operation
    where
        F: for<'e, 'r> Fn(&Operation, &'e mut Executor<'r>) -> Result<(), Stop> + Copy,
    {
        // SAFETY: as in `perform`.
        match function::<F>()(unsafe { &*operation }, x) {
            Ok(()) => unsafe { dispatch(operation.add(1), x) },
            Err(Stop) => x.stopped(operation),
        }
    }
    Handlers { looped: perform::<F>, tail: tail::<F> }
}

/// Handlers of an instruction that ends its block.
pub(crate) fn control<F>(_: F) -> Handlers
where
    F: for<'e, 'r> Fn(&Operation, &'e mut Executor<'r>) -> Result<Flow, Stop> + Copy,
{
    #[inline(always)]
    fn perform<F>(operation: *const Operation, x: &mut Executor<'_>) -> *const Operation
    where
        F: for<'e, 'r> Fn(&Operation, &'e mut Executor<'r>) -> Result<Flow, Stop> + Copy,
    {
        // SAFETY: the caller of a handler passes an operation of the arena.
        match function::<F>()(unsafe { &*operation }, x) {
            Ok(Flow::Branch) => x.follow(operation),
            // SAFETY: a conditional branch is followed by the operation that leaves its block.
            Ok(Flow::FallThrough) => x.follow(unsafe { operation.add(1) }),
            Ok(Flow::Repeat) => operation,
            Ok(Flow::Jump(eip)) => x.jump(eip),
            Ok(Flow::Resume(eip)) => {
                x.eip = eip;
                null()
            }
            Ok(Flow::Halt) => null(),
            Err(Stop) => x.stopped(operation),
        }
    }
    unsafe fn tail<F>(operation: *const Operation, x: &mut Executor<'_>) -> *const Operation
    where
        F: for<'e, 'r> Fn(&Operation, &'e mut Executor<'r>) -> Result<Flow, Stop> + Copy,
    {
        let next = perform::<F>(operation, x);
        if next.is_null() {
            return next;
        }
        // SAFETY: `follow` and `jump` return operations of the arena.
        unsafe { dispatch(next, x) }
    }
    Handlers { looped: perform::<F>, tail: tail::<F> }
}

/// Calls the handler of `operation`, in tail position wherever the compiler optimises.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn dispatch(operation: *const Operation, x: &mut Executor<'_>) -> *const Operation {
    if cfg!(debug_assertions) {
        // Without optimisation a tail call would use up the stack: fall back to the loop.
        return operation;
    }
    // SAFETY: passed on to the caller.
    unsafe { ((*operation).handler.get())(operation, x) }
}

/// Performs operations until one returns null.
///
/// # Safety
/// As for [`Handler`].
pub(super) unsafe fn perform_all(first: *const Operation, x: &mut Executor<'_>) {
    let mut operation = first;
    while !operation.is_null() {
        // SAFETY: passed on to the caller.
        operation = unsafe { ((*operation).handler.get())(operation, x) };
    }
}
