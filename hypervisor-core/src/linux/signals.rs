//! What a signal does that a program sends to itself. None can be caught.

/// SIGCHLD, SIGCONT, SIGURG, SIGWINCH, and those that stop a process: nobody could wake it.
const WITHOUT_END: [u32; 8] = [17, 18, 19, 20, 21, 22, 23, 28];
/// The highest number.
pub const HIGHEST: u32 = 64;
const KILL: u32 = 9;

/// Whether the signal ends a program that does not catch it.
#[must_use]
pub fn ends(signal: u32) -> bool {
    (1..=HIGHEST).contains(&signal) && !WITHOUT_END.contains(&signal)
}

/// Whether the mask holds the signal back.
#[must_use]
pub fn is_blocked(mask: u64, signal: u32) -> bool {
    signal != KILL && mask >> (signal - 1) & 1 != 0
}
