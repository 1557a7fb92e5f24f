//! What a run is given beside processor and memory. Plain values; an engine calls nobody.

/// The inputs of one run.
#[derive(Clone, Debug, Default)]
pub struct RunInputs<'a> {
    /// Units to run at most. Exact: the run ends when they are retired.
    pub units: u64,
    /// What RDTSC reads at the first unit; it advances by one a unit.
    pub time_stamp: u64,
    /// EIPs at which the run ends before the instruction is started, sorted or not.
    pub breakpoints: &'a [u32],
    /// Ranges whose access ends the run after the instruction.
    pub watches: &'a [Watch],
    /// A condition over memory that ends the run, tested after each store into its range.
    pub attention: Option<Attention>,
}

/// A watched range of linear addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// First byte.
    pub address: u32,
    /// Length in bytes, at least 1; the range does not wrap.
    pub length_bytes: u32,
    /// Whether reads hit too; writes always do.
    pub reads: bool,
}

/// Ends the run after an instruction, or an iteration of a REP, that stored into the twelve bytes at `address` and
/// left the u32 at `address` zero and the one at `address + 4` non-zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attention {
    /// Linear address, a multiple of 4096.
    pub address: u32,
}
