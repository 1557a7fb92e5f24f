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
    /// A window that its partition does not use goes to another.
    LendsWindows,
    /// The start of a window raises nothing.
    WindowsStartSilently,
    /// A plan begins at the end of the window in which it was asked for.
    SwitchesAfterTheWindow,
    /// Of two plans that were asked for the first begins.
    FirstPlanCounts,
    /// Policy one counts one of the periods of a long absence.
    ForgetsLongAbsence,
    /// `yield` does not wait.
    YieldReturnsAtOnce,
    /// A plan that begins starts nobody again.
    IgnoresPlanActions,
    /// A line that fires while its owner is away raises nothing.
    LosesLinesWhileAway,
    /// An event channel raises its sender.
    RingsTheSender,
    /// What is held back for the end of a window is never raised.
    LosesWindowFlush,
    /// Events that are to be seen at once are held back to the end of the frame.
    HoldsImmediateEvents,
    /// Events that are to be seen at the end of the frame are seen at once.
    HoldsNoEvents,
    /// Who may only read a shared area can write it.
    ReadersMayWrite,
    /// A sample never becomes too old.
    SamplesStayValid,
    /// A queue gives its last message first.
    NewestFirst,
    /// A queue is never full.
    QueuesWithoutEnd,
    /// A queue by priority is one by age.
    ForgetsPriorities,
    /// Every message is seen at once.
    HoldsNoMessages,
    /// Messages that were held back are dropped at the flush.
    LosesHeldMessages,
    /// Message ports stay open when their partition starts again.
    RestartKeepsPorts,
    /// Queues stay as they are when their reader starts again.
    RestartKeepsQueues,
    /// What a writer wrote unseen comes after it started again.
    RestartKeepsUnseen,
    /// A sample goes with its writer.
    RestartForgetsSamples,
    /// A cold restart keeps memory.
    ColdRestartKeeps,
    /// Start info says that every start was a first one.
    HidesWhyItRestarts,
    /// A warm restart clears all memory.
    WarmRestartClears,
    /// The health log stays empty.
    LogsNothing,
    /// An error that is propagated raises nothing.
    PropagatesNothing,
    /// The watchdog bites again after five microseconds.
    WatchdogStays,
    /// A partition that is suspended goes on.
    SuspendsNobody,
    /// Who has no right to it controls others.
    ControlNeedsNoRight,
    /// A partition that starts itself again warm loses its memory.
    WarmModeIsCold,
    /// Failing calls are never too many.
    CountsNoIllegalCalls,
    /// An answer such as `not_available` counts as a failing call.
    AnswersAreIllegal,
    /// A settled CLI enables upcalls.
    SettledCliEnables,
    /// UMIP is not set.
    IgnoresUmip,
    /// A granted port reads as zero by a call.
    PortsReadAsZero,
    /// A call costs a unit too many.
    CallsCostTwo,
    /// An event that entered by a vector is not in service.
    VectorsNeedNoAck,
    /// Every event that enters by a vector is equally urgent.
    VectorsAreEqual,
    /// `poll` returns its first port, pending or not.
    PollTakesTheFirst,
    /// A period begins when the tick before was raised.
    TicksDrift,
    /// `register_set` leaves the copies in the shared page.
    KeepsOldRegisterCopies,
    /// `memory_protect` changes nothing.
    ProtectsNothing,
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
