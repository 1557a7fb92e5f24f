//! The run loop: blocks of decoded operations, dispatched one after the other.

use crate::{AddressSpace, Cpu, Exit, Observer, PhysicalMemory, Ran, RunInputs};

/// How the next operation is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dispatch {
    /// A loop calls one handler after the other.
    Loop,
    /// Each handler calls the next in tail position. Without optimisation this is the same as `Loop`.
    #[default]
    Tail,
}

/// What CPUID tells and which instructions exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CpuProfile {
    /// A Pentium Pro class processor: no MMX, no SSE.
    #[default]
    I686,
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

/// An interpreting engine. It owns decoded blocks and nothing that a guest can see.
#[derive(Debug, Default)]
pub struct Interpreter {
    settings: Settings,
    statistics: Statistics,
}

impl Interpreter {
    /// An interpreter without decoded blocks.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, statistics: Statistics::default() }
    }

    /// The counters so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Runs until the units are used up or something has to be decided elsewhere.
    pub fn run<O: Observer>(
        &mut self,
        cpu: &mut Cpu,
        space: &mut AddressSpace,
        memory: &mut PhysicalMemory,
        inputs: &RunInputs<'_>,
        observer: &mut O,
    ) -> Ran {
        let _ = (cpu, space, memory, inputs, observer, self.settings);
        Ran { units: 0, exit: Exit::Unimplemented }
    }
}
