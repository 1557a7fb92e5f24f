//! A run as a tree of calls: which functions are entered and left, what they cost, and what happens in them.
//!
//! A [`CallFollower`] sees the whole run and notes how the open functions change. A [`CallText`] is told these notes, and of
//! records only those that a filter lets through; it writes lines. So a part of a run has the same functions around it as the whole.
//!
//! Not here: how calls are told from jumps, which is in `call_stack`.

mod follower;
mod kept_lines;
mod lines;
mod text;
mod tree;

pub use follower::{CallChange, CallFollower, CallNote, Leaving};
pub use text::{CALLS_HEADER, CallText, CallTextOptions};
