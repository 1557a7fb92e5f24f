//! Repetitions in one line each, for those who ask for it: the iterations of a REP, the turns of a loop.
//!
//! What is missing is told through [`Recorder::elided`](hypervisor_core::Recorder::elided).

mod loops;
mod repeats;

pub use loops::Loops;
pub use repeats::Repeats;

/// What is collapsed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Collapse {
    /// The iterations of a REP are one elision that says what they did together.
    pub repeats: bool,
    /// A loop is shown for two turns; further turns through the same addresses are one elision.
    pub loops: bool,
}
