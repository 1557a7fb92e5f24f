//! The run loop: blocks of decoded operations, dispatched one after the other.

mod access;
mod blocks;
mod executor;
mod handler;
mod operation;
mod run;
#[cfg(test)]
mod tests;
mod translate;

pub(crate) use blocks::Mode;
pub(crate) use executor::Executor;
pub(crate) use handler::{Flow, Handlers, Stop, control, straight};
pub(crate) use operation::{Operation, ZERO_REGISTER};
pub use run::Interpreter;

/// How the next operation is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dispatch {
    /// A loop calls one handler after the other.
    Loop,
    /// Each handler calls the next in tail position. Without optimisation this is the same as `Loop`.
    #[default]
    Tail,
}

/// What CPUID tells and which instructions exist; each profile has all of those before it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize,
)]
pub enum CpuProfile {
    /// A Pentium II class processor: x87, CMOV and MMX, no SSE.
    #[default]
    I686,
    /// A Pentium 4 class processor: FXSAVE, SSE, SSE2 and CLFLUSH.
    Pentium4,
    /// The same with SSE3.
    Prescott,
}

/// How an interpreter works. The choice changes nothing that a guest can see, the profile apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// How operations are chained.
    pub dispatch: Dispatch,
    /// The modelled processor.
    pub profile: CpuProfile,
    /// For tests: drop all decoded blocks after every instruction.
    pub forget_blocks: bool,
    /// For tests: settle the flags after every instruction.
    pub settle_flags: bool,
}

/// Counters of an interpreter, for `--stats`. They say how it worked, not what the guest did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Runs by the exit that ended them are the caller's to count; this counts runs.
    pub runs: u64,
    /// Blocks decoded.
    pub blocks_made: u64,
    /// Blocks dropped because the guest wrote to their bytes.
    pub blocks_overwritten: u64,
    /// Times that the whole cache was dropped.
    pub flushes: u64,
    /// Branches linked directly to their target.
    pub links_made: u64,
    /// Branch targets looked up by address, without a link.
    pub lookups: u64,
    /// Loads that had no translation.
    pub slow_loads: u64,
    /// Stores that had no translation.
    pub slow_stores: u64,
}

impl std::ops::Add for Statistics {
    type Output = Self;

    /// The counters of two interpreters that worked one after the other.
    fn add(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            blocks_made: self.blocks_made + other.blocks_made,
            blocks_overwritten: self.blocks_overwritten + other.blocks_overwritten,
            flushes: self.flushes + other.flushes,
            links_made: self.links_made + other.links_made,
            lookups: self.lookups + other.lookups,
            slow_loads: self.slow_loads + other.slow_loads,
            slow_stores: self.slow_stores + other.slow_stores,
        }
    }
}
