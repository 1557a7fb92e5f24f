//! Each fault makes the guest of a clause disagree that agrees without it.

use super::Fault;
use crate::{Config, Image, Limits, Machine, Outcome, Progress, Unrecorded};
use emulator::{CpuProfile, Settings};
use std::cell::Cell;
use std::sync::Arc;

/// The guests take less than a tenth of it.
const MOST_INSTRUCTIONS: u64 = 10_000_000;

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
];

/// What the guest of a row prints with this fault, and whether it ended well.
fn verdict(row: &Row, fault: Option<Fault>) -> (String, bool) {
    CURRENT.set(fault);
    let config = Config {
        engine: Settings { profile: CpuProfile::Prescott, ..Settings::default() },
        name: row.guest.to_owned(),
        ..Config::default()
    };
    let mut machine = Machine::new(Arc::new(Image::read(row.image).unwrap()), config).unwrap();
    machine.give_whole_input(b"conformance\n".to_vec());
    let limits = Limits { executed_units: Some(MOST_INSTRUCTIONS), ..Limits::default() };
    let mut output = Vec::new();
    let outcome = loop {
        let progress = machine.run(&limits, &mut Unrecorded);
        output.extend(machine.take_output());
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
