//! Timers, idling, limits, and that a run is the same however it is cut.

use super::{COUNT, DATA, MASK, SHARED, Tape, UPCALL_PENDING, ended_well, words};
use crate::abi::{Call, TickPolicy, VirtualInterrupt, shared_page};
use crate::clock::Rate;
use crate::ledger::Source;
use crate::machine::{Config, Machine};
use crate::test_images::{BASE, Code, Register, finish};
use crate::{CrashReason, Event, Limit, Limits, Outcome, Progress, Unrecorded};

const HANDLER: u32 = BASE + 0x400;
const TIMER: u32 = 0;

fn timer_bound() -> Code {
    Code::default().call(Call::UpcallSetEntry, &[HANDLER]).call(Call::EventBindInterrupt, &[TIMER, 5, COUNT])
}

/// A handler that counts, takes the event and returns.
fn counting_handler(code: Code) -> Code {
    code.at(0x400)
        .increment(DATA)
        .store(UPCALL_PENDING, 0)
        .store(SHARED + shared_page::SELECTOR, 0)
        .store(SHARED + shared_page::EVENT_PENDING, 0)
        .iret()
}

fn two_ticks() -> Code {
    let code = timer_bound()
        .call(Call::TimerSetPeriodic, &[1_000_000, 0, 0])
        .call(Call::Block, &[])
        .call(Call::TimeNow, &[DATA + 8])
        .call(Call::Block, &[])
        .call(Call::TimeNow, &[DATA + 16])
        .call(Call::Shutdown, &[0]);
    counting_handler(code)
}

#[test]
fn an_idle_guest_skips_to_its_next_tick() {
    let mut machine = two_ticks().machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    let [ticks, _, first, _, second, _] = words(&machine, DATA);
    assert_eq!(ticks, 2);
    // Ten nanoseconds a unit: the first tick one period after the call, then a handler of six units and a few more.
    assert!((1_000_100..1_000_400).contains(&first), "{first}");
    assert_eq!(second - first, 1_000_000);
    assert!(machine.stamp().instruction < 60);
    assert!(machine.counters().idle_units > 190_000);
    assert!(machine.ledger().unwrap().balances());
}

#[test]
fn a_one_shot_wakes_at_its_instant_and_a_past_one_at_once() {
    for deadline in [0_u32, 5_000_000] {
        let code = timer_bound()
            .call(Call::TimerSetOneShot, &[deadline, 0])
            .call(Call::Block, &[])
            .call(Call::TimeNow, &[DATA + 8])
            .call(Call::Shutdown, &[0]);
        let mut machine = counting_handler(code).machine();
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        let [ticks, _, now, _] = words(&machine, DATA);
        assert_eq!(ticks, 1);
        assert!(now >= deadline && now < deadline + 1_000, "{now}");
    }
}

#[test]
fn a_guest_that_nothing_can_wake_is_deadlocked() {
    let without_timer = Code::default().call(Call::Block, &[]);
    let masked = timer_bound()
        .call(Call::EventMask, &[5])
        .call(Call::TimerSetPeriodic, &[1_000_000, 0, 0])
        .call(Call::Block, &[]);
    let cancelled = timer_bound()
        .call(Call::TimerSetOneShot, &[1_000_000, 0])
        .call(Call::TimerCancel, &[])
        .call(Call::Block, &[]);
    let never = timer_bound().call(Call::TimerSetOneShot, &[u32::MAX, u32::MAX]).call(Call::Block, &[]);
    for code in [without_timer, masked, cancelled, never] {
        let after_block = code.here();
        let mut machine = counting_handler(code).machine();
        let (outcome, _) = finish(&mut machine, &mut Unrecorded);
        let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
        assert_eq!((crash.reason, crash.cpu.eip), (CrashReason::Deadlock, after_block));
    }
}

#[test]
fn limits_are_exact() {
    let code = Code::default().raw(&[0xeb, 0xfe]);
    for most in [0, 1, 2, 12_345] {
        let mut machine = code.machine();
        let limits = Limits { executed_units: Some(most), ..Limits::default() };
        let finished = Progress::Finished(Outcome::LimitReached(Limit::Instructions));
        assert_eq!(machine.run(&limits, &mut Unrecorded), finished);
        assert_eq!(machine.stamp().instruction, most);
        let mut machine = code.machine();
        let limits = Limits { time_ns: Some(most), ..Limits::default() };
        assert_eq!(
            machine.run(&limits, &mut Unrecorded),
            Progress::Finished(Outcome::LimitReached(Limit::Time))
        );
        assert_eq!(machine.stamp().instruction, most.div_ceil(10));
    }
}

#[test]
fn a_time_limit_ends_an_idle_guest_too() {
    let mut machine = two_ticks().machine();
    let limits = Limits { time_ns: Some(1_500_000), ..Limits::default() };
    assert_eq!(machine.run(&limits, &mut Unrecorded), Progress::Finished(Outcome::LimitReached(Limit::Time)));
    assert_eq!(machine.stamp().now_ns, 1_500_000);
}

#[test]
fn a_run_is_the_same_however_it_is_cut_and_whoever_listens() {
    for code in [two_ticks(), busy(TickPolicy::One), busy(TickPolicy::Burst), busy(TickPolicy::Spread)] {
        let config = Config { rate: Rate::new(1_000_000).unwrap(), ..Config::default() };
        let most = Some(5_000);
        let new = || Machine::new(code.image(), config.clone()).unwrap();
        let mut whole = new();
        let limits = Limits { executed_units: most, ..Limits::default() };
        let expected = whole.run(&limits, &mut Unrecorded);
        let mut tapes = Vec::new();
        for slice_units in [1, 7, 1000] {
            let mut cut = new();
            let mut tape = Tape::default();
            let limits = Limits { slice_units: Some(slice_units), ..limits };
            let ended = loop {
                match cut.run(&limits, &mut tape) {
                    Progress::Slice => {}
                    other => break other,
                }
            };
            assert_eq!(ended, expected);
            assert_eq!(cut.digest(), whole.digest());
            assert_eq!(cut.ledger(), whole.ledger());
            tapes.push(tape);
        }
        assert!(tapes.windows(2).all(|pair| pair[0] == pair[1]));
        let numbers: Vec<u64> = tapes[0].steps.iter().map(|step| step.0.instruction).collect();
        assert!(numbers.iter().copied().eq(0..whole.stamp().instruction), "every unit has its number");
    }
}

/// A guest that counts as long as it may, with a tick every 2,500 nanoseconds: two and a half units of a slow clock.
fn busy(policy: TickPolicy) -> Code {
    let code = timer_bound()
        .call(Call::TimerSetPeriodic, &[2_500, 0, policy as u32])
        .store(MASK, 0)
        .increment(DATA + 4);
    let again = code.here() - 6;
    counting_handler(code.jump(again))
}

#[test]
fn no_period_is_lost_or_invented_under_any_policy() {
    for policy in TickPolicy::ALL {
        let config = Config { rate: Rate::new(1_000_000).unwrap(), ..Config::default() };
        let mut machine = Machine::new(busy(policy).image(), config).unwrap();
        let limits = Limits { executed_units: Some(10_000), ..Limits::default() };
        machine.run(&limits, &mut Unrecorded);
        let account = machine.ledger().unwrap().account(Source::Interrupt(VirtualInterrupt::Timer));
        assert!(machine.ledger().unwrap().balances(), "{policy:?}: {account:?}");
        let periods = machine.stamp().now_ns / 2_500;
        match policy {
            TickPolicy::One | TickPolicy::Lose => {
                assert!(account.raised.abs_diff(periods) < 20, "{account:?}");
            }
            TickPolicy::Burst | TickPolicy::Spread => assert!(account.raised <= periods, "{account:?}"),
        }
        let [ticks, loops] = words(&machine, DATA);
        assert!(ticks > 500 && loops > 500, "{policy:?}: {ticks} ticks, {loops} loops");
    }
}

#[test]
fn between_two_ticks_an_instruction_retires() {
    // A thousand units a second and a period of a microsecond: a thousand periods pass in every unit.
    let config = Config { rate: Rate::new(1_000).unwrap(), ..Config::default() };
    let code = timer_bound().call(Call::TimerSetPeriodic, &[1_000, 0, 0]).store(MASK, 0).increment(DATA + 4);
    let again = code.here() - 6;
    let mut machine = Machine::new(counting_handler(code.jump(again)).image(), config).unwrap();
    let limits = Limits { executed_units: Some(3_000), ..Limits::default() };
    let mut tape = Tape::default();
    machine.run(&limits, &mut tape);
    let raises: Vec<u64> = tape
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::EventRaised { .. }))
        .map(|(stamp, _)| stamp.instruction)
        .collect();
    assert!(raises.len() > 1_000);
    assert!(raises.windows(2).all(|pair| pair[0] < pair[1]));
    let [ticks, loops] = words(&machine, DATA);
    assert!(ticks > 100 && loops > 100);
    assert!(machine.ledger().unwrap().balances());
}

#[test]
fn the_time_page_and_the_time_stamp_counter_agree_with_the_clock() {
    let code = Code::default()
        .raw(&[0x0f, 0x31]) // rdtsc
        .store_eax(DATA)
        .call(Call::TimeNow, &[DATA + 8])
        .raw(&[0x0f, 0x31])
        .store_eax(DATA + 4)
        .call(Call::Shutdown, &[0]);
    let mut machine = code.machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    let [first, second, now, _] = words(&machine, DATA);
    // #0 rdtsc, #1 mov, #2 and #3 set registers, #4 int, #5 rdtsc.
    assert_eq!((first, now, second), (0, 40, 5));
    let [version, _, _, _, _, _, multiplier, shift] = words(&machine, SHARED + shared_page::TIME_VERSION);
    assert_eq!((version, shift), (2, 4));
    // Ten nanoseconds a unit, rounded down in the last of 32 bits after the point.
    assert_eq!((u64::from(multiplier) << shift).next_multiple_of(1 << 32), 10 << 32);
}

#[test]
fn the_time_page_is_published_anew_before_it_becomes_inexact() {
    let deadline_ns = 250_000_000_000_u64;
    let code = timer_bound()
        .call(Call::TimerSetOneShot, &[deadline_ns as u32, (deadline_ns >> 32) as u32])
        .call(Call::Block, &[])
        .call(Call::Shutdown, &[0]);
    let mut machine = counting_handler(code).machine();
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    let [version, _, stamp_low, stamp_high, system_low, system_high] =
        words(&machine, SHARED + shared_page::TIME_VERSION);
    assert_eq!(version, 4);
    let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    assert_eq!(wide(system_low, system_high), deadline_ns);
    assert_eq!(wide(stamp_low, stamp_high), deadline_ns / 10);
}

#[test]
fn a_program_without_a_limit_runs_in_slices() {
    let mut machine = Code::default().set(Register::Ecx, 0).raw(&[0xeb, 0xfe]).machine();
    let limits = Limits { slice_units: Some(1000), ..Limits::default() };
    for slice in 1..4 {
        assert_eq!(machine.run(&limits, &mut Unrecorded), Progress::Slice);
        assert_eq!(machine.stamp().instruction, 1000 * slice);
    }
}
