//! Faults that a test puts into the core, one at a time, to see that the conformance kit finds them.
//!
//! Only the core's own tests can: everywhere else [`seeded`] is false, and the compiler drops what it guards.

/// A fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Entering a handler leaves TF as it is.
    EntersWithTrapFlag,
    /// Delivery does not set the mask.
    UpcallLeavesEnabled,
    /// The frame's EIP is one byte too far.
    FramePastTheNext,
    /// The frame's IF is always 0.
    FrameSaysDisabled,
    /// The frame overwrites the word at ESP.
    FrameOverTheTop,
    /// The frame's EFLAGS are those that every program starts with.
    ForgetsFrameFlags,
    /// A fault's frame has RF clear.
    NoResumeFlag,
    /// The frame of a trap has no error code.
    NoErrorCode,
    /// A page fault does not write its address.
    KeepsOldFaultAddress,
    /// The shared page does not tell of a trap.
    KeepsOldTrap,
    /// Entering a trap handler does not mask.
    TrapLeavesEnabled,
    /// Entering a trap handler masks, whatever its entry says.
    MasksAlways,
    /// `iret` leaves the virtual interrupt flag as it is.
    IretLosesMask,
    /// `iret` returns 0 in EAX.
    IretClearsEax,
    /// `iret` does not look at CS.
    IretTakesAnySelector,
    /// An upcall can follow `iret` at once.
    UpcallRightAfterIret,
    /// MOV to SS and POP SS hold nothing off.
    DeliversInShadow,
    /// A store to the shared page is noticed with the next exit only.
    IgnoresStores,
    /// The flash ends with upcalls enabled.
    FlashLeavesEnabled,
    /// `block` does not enable.
    BlockKeepsMask,
    /// An event on a port that is pending is not counted.
    DropsCoalesced,
    /// An event on a masked port asks for an upcall.
    TellsOfMaskedPorts,
    /// `event_unmask` asks for nothing.
    UnmaskForgetsPending,
    /// Unbinding leaves the pending bit.
    UnbindKeepsPending,
    /// Every port is announced in the first bit of the selector.
    SelectsFirstWord,
    /// The one-shot is not disarmed when it has expired.
    OneShotStays,
    /// Policy one counts one of the periods that passed together.
    OneCountsOne,
    /// Policy burst raises all that it owes at once.
    BurstTellsAll,
    /// Policy spread makes up for nothing.
    SpreadForgets,
    /// Policy lose counts every period.
    LoseActsAsOne,
    /// A tick does not wait for an instruction.
    TicksWithoutProgress,
    /// A call leaves its number in ECX.
    CallChangesEcx,
    /// INT n reaches any handler.
    IntNeedsNoFlag,
    /// Entries before a bad one take effect.
    TrapsSetOneByOne,
    /// `segment_set_base` leaves the descriptor as it was.
    BaseInRegisterOnly,
    /// The time page is two microseconds ahead.
    TimePageAhead,
}

/// Whether this fault is in the core.
#[cfg(not(test))]
#[must_use]
#[inline(always)]
pub const fn seeded(_fault: Fault) -> bool {
    false
}

/// Whether the test that runs has put this fault into the core.
#[cfg(test)]
#[must_use]
pub fn seeded(fault: Fault) -> bool {
    tests::current() == Some(fault)
}

#[cfg(test)]
mod tests;
