//! How much was compared and what differed.

/// How much was compared and what differed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Instructions of A and of B that were compared.
    pub instructions: [u64; 2],
    /// Events of A and of B that were compared.
    pub events: [u64; 2],
    /// Instructions and events of A before the first difference, if there is one.
    pub alike_before: Option<(u64, u64)>,
    /// Places at which something differs.
    pub differences: u64,
    /// Rows that are at the same place in both and did something else.
    pub changed: u64,
    /// Rows that only A and only B has.
    pub only: [u64; 2],
}
