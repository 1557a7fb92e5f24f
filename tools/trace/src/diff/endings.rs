//! Why no more rows come.

/// Why no more rows come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// In words: `shutdown with code 0`.
    pub words: String,
    /// Whether the run goes on and is only known up to here: a limit, or a recording that was cut off.
    pub is_limit: bool,
    /// Whether nobody wanted that: a recording that was cut off, or input that is missing.
    pub is_cut: bool,
}
