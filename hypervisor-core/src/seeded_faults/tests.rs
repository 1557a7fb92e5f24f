//! Each fault makes the guest of a clause disagree that agrees without it.

use super::Fault;
use crate::conformance::{SUBJECT, system};
use crate::{Image, Limits, Machine, Outcome, Progress, Unrecorded};
use std::cell::Cell;
use std::sync::Arc;

/// The guests take less than a third of it. One that waits for ever is found by the time.
const LIMITS: Limits = Limits {
    executed_units: Some(2_000_000),
    time_ns: Some(1_000_000_000),
    // Another partition may go on when the subject has ended.
    slice_units: Some(100_000),
};

thread_local! {
    static CURRENT: Cell<Option<Fault>> = const { Cell::new(None) };
}

pub(super) fn current() -> Option<Fault> {
    CURRENT.get()
}

/// A fault, a clause that it breaks, and the guest of the kit that tells.
struct Row {
    fault: Fault,
    clause: &'static str,
    guest: &'static str,
    image: &'static [u8],
}

/// A list of rows. A macro because the path of each image has to be a literal.
macro_rules! rows {
    ($($fault:ident $clause:ident $guest:ident,)*) => {
        &[$(Row {
            fault: Fault::$fault,
            clause: stringify!($clause),
            guest: stringify!($guest),
            image: include_bytes!(concat!(
                "../../../guest-images/conformance/prebuilt/",
                stringify!($guest),
                ".elf"
            )),
        },)*]
    };
}

const ROWS: &[Row] = rows![
    EntersWithTrapFlag D3 flags_at_delivery,
    UpcallLeavesEnabled F1 upcall_frame,
    FramePastTheNext D1 store_enables,
    FrameSaysDisabled D4 calls_deliver,
    FrameOverTheTop F1 upcall_frame,
    ForgetsFrameFlags F2 transparent_integer,
    NoResumeFlag X1 divide_error,
    NoErrorCode F4 trap_frame,
    KeepsOldFaultAddress X4 page_fault,
    KeepsOldTrap X11 last_trap,
    TrapLeavesEnabled X6 keep_mask,
    MasksAlways X6 keep_mask,
    IretLosesMask I1 iret_restores,
    IretClearsEax I1 iret_restores,
    IretTakesAnySelector I3 bad_frames,
    UpcallRightAfterIret I2 iret_retires_one,
    DeliversInShadow D2 stack_switch_shadow,
    IgnoresStores D1 store_enables,
    FlashLeavesEnabled V3 flash,
    BlockKeepsMask I5 block,
    DropsCoalesced N1 pending_while_masked,
    TellsOfMaskedPorts N2 pending_while_port_masked,
    UnmaskForgetsPending D4 calls_deliver,
    UnbindKeepsPending N6 unbind_and_bind,
    SelectsFirstWord N7 every_port,
    OneShotStays T1 one_shot,
    OneCountsOne T3 tick_one,
    BurstTellsAll T4 tick_burst,
    SpreadForgets T5 tick_spread,
    LoseActsAsOne T6 tick_lose,
    TicksWithoutProgress T6 tick_lose,
    CallChangesEcx C1 registers_kept,
    IntNeedsNoFlag X5 software_interrupt,
    TrapsSetOneByOne X9 trap_table,
    BaseInRegisterOnly G2 segment_reload,
    TimePageAhead S1 time_page,
    LendsWindows W1 window_not_lent,
    WindowsStartSilently W2 window_start,
    SwitchesAfterTheWindow W3 plan_switch,
    FirstPlanCounts W3 plan_switch,
    ForgetsLongAbsence W4 ticks_while_away,
    YieldReturnsAtOnce W5 yield_to_window,
    IgnoresPlanActions W6 plan_actions,
    LosesLinesWhileAway E1 line_while_away,
    RingsTheSender E2 channel,
    LosesWindowFlush E3 channel_flush,
    HoldsImmediateEvents E3 channel_flush,
    HoldsNoEvents E3 channel_flush,
    ReadersMayWrite E4 shared_area,
    SamplesStayValid P1 sampling,
    NewestFirst P2 queuing,
    QueuesWithoutEnd P2 queuing,
    ForgetsPriorities P3 queuing_priority,
    HoldsNoMessages P4 message_flush,
    LosesHeldMessages P4 message_flush,
    RestartKeepsPorts P5 ports_at_restart,
    RestartKeepsQueues P5 ports_at_restart,
    RestartKeepsUnseen P5 ports_at_restart,
    RestartForgetsSamples P5 ports_at_restart,
    ColdRestartKeeps H1 cold_restart,
    HidesWhyItRestarts H1 cold_restart,
    WarmRestartClears H2 warm_restart,
    LogsNothing H3 health_log,
    PropagatesNothing H3 health_log,
    WatchdogStays H4 watchdog,
    SuspendsNobody H5 control,
    ControlNeedsNoRight H5 control,
    WarmModeIsCold H6 modes,
    CountsNoIllegalCalls H7 illegal_calls,
    AnswersAreIllegal H7 illegal_calls,
    SettledCliEnables R5 settled,
    IgnoresUmip R6 umip,
    PortsReadAsZero M4 granted_ports,
    CallsCostTwo C5 call_cost,
    VectorsNeedNoAck D8 vectors,
    VectorsAreEqual D9 vector_priorities,
    PollTakesTheFirst I8 poll,
    TicksDrift T2 periodic,
    KeepsOldRegisterCopies R2 fake_registers,
    ProtectsNothing M1 memory_rights,
];

/// What the guest of a row prints with this fault, and whether it ended well.
fn verdict(row: &Row, fault: Option<Fault>) -> (String, bool) {
    CURRENT.set(fault);
    let image = Arc::new(Image::read(row.image).unwrap());
    let mut machine = Machine::of_system(system(row.clause, row.guest, &image)).unwrap();
    machine.give_whole_input(b"conformance\n".to_vec());
    let mut output = Vec::new();
    let outcome = loop {
        let progress = machine.run(&LIMITS, &mut Unrecorded);
        output.extend(machine.take_output());
        if let Some(outcome) = machine.partition(SUBJECT).outcome() {
            break outcome.clone();
        }
        if let Progress::Finished(outcome) = progress {
            break outcome;
        }
    };
    CURRENT.set(None);
    let text = String::from_utf8_lossy(&output).into_owned();
    let says_so = text.ends_with(&format!("PASS {} {}\n", row.clause, row.guest));
    (format!("{text}{outcome:?}"), says_so && outcome == Outcome::Shutdown { code: 0 })
}

#[test]
fn every_fault_is_found_by_the_guest_of_a_clause() {
    let missed: Vec<_> =
        ROWS.iter().filter(|row| verdict(row, Some(row.fault)).1).map(|row| row.fault).collect();
    assert_eq!(missed, []);
}

#[test]
fn the_same_guests_agree_with_the_core_as_it_is() {
    for row in ROWS {
        let (text, agrees) = verdict(row, None);
        assert!(agrees, "{text}");
    }
}

#[test]
fn no_fault_has_two_rows() {
    for (place, row) in ROWS.iter().enumerate() {
        assert!(ROWS[..place].iter().all(|other| other.fault != row.fault), "{:?}", row.fault);
    }
    assert!(ROWS.len() >= 25);
}
