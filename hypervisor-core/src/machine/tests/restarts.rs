//! What restarts cost: a partition that starts itself or another again in a loop uses up its limits.

use super::system::{A, B, busy, idle, plan, run, system, window, words};
use super::{DATA, Tape};
use crate::abi::{Call, ControlAction, PartitionMode, start_info};
use crate::machine::Machine;
use crate::test_images::Code;
use crate::{Event, Limit, Limits, Outcome, Progress, Unrecorded};
use emulator::cpu;

/// Pages of the memory of these partitions.
const PAGES: u64 = 256;

#[test]
fn a_guest_that_starts_itself_again_for_ever_comes_to_its_limit() {
    for mode in [PartitionMode::ColdStart, PartitionMode::WarmStart] {
        let code = Code::default().call(Call::PartitionSetMode, &[mode as u32]);
        let mut machine = code.machine();
        let limits = Limits { executed_units: Some(10_000), ..Limits::default() };
        let progress = machine.run(&limits, &mut Unrecorded);
        assert_eq!(progress, Progress::Finished(Outcome::LimitReached(Limit::Instructions)));
        // Three instructions run each time.
        assert_eq!(u64::from(machine.restarts(A)), 1 + (10_000 - 3) / (PAGES + 3));
    }
}

#[test]
fn loading_takes_place_in_the_windows_of_the_partition_that_starts_again() {
    let code = Code::default().call(Call::PartitionSetMode, &[PartitionMode::ColdStart as u32]);
    let mut config = system(&code, &busy());
    config.plans = vec![plan(200, &[window(A, 0, 100), window(B, 100, 100)])];
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 2_000, &mut tape);
    // 3 units, then 97 of this window, 100 of the next and 59 of the one after it.
    let restarts: Vec<u64> = (tape.events.iter())
        .filter(|(_, event)| matches!(event, Event::Restart { .. }))
        .map(|(stamp, _)| stamp.now_ns / 10)
        .collect();
    assert_eq!(restarts, [3, 462, 1_021, 1_480]);
    assert_eq!([A, B].map(|id| machine.stamp_of(id).instruction), [1_000, 1_000]);
}

#[test]
fn a_partition_that_has_not_run_is_not_loaded_again() {
    let (cold, warm) = (ControlAction::ColdRestart as u32, ControlAction::WarmRestart as u32);
    let code = Code::default();
    let again = code.here();
    let code = code.call(Call::PartitionControl, &[1, cold]).call(Call::PartitionControl, &[1, warm]);
    let mut config = system(&code.jump(again), &idle());
    config.partitions[0].rights.control = true;
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 1_000, &mut Unrecorded);
    assert!(machine.restarts(B) > 200);
    assert_eq!(machine.partition(B).counters().loads, 0);
    // It runs a few instructions and halts.
    run(&mut machine, 2_500, &mut Unrecorded);
    let restarts = machine.restarts(B);
    assert_eq!(machine.partition(B).counters().loads, 0);
    let info = machine.partition(B).cpu().registers[cpu::EBX];
    let last = words(&machine, B, info + start_info::START_CONDITION);
    assert!(last == [start_info::START_COLD, restarts] || last == [start_info::START_WARM, restarts]);
    run(&mut machine, 3_500, &mut Unrecorded);
    assert_eq!(machine.partition(B).counters().loads, 1);
}

#[test]
fn a_cold_restart_of_a_partition_that_kept_memory_loads_it() {
    const KEPT: u32 = crate::test_images::BASE + 0x2_0000;
    // b stores and waits; a starts it again warm, and later cold before it could run.
    let stores = Code::default().store(KEPT, 7).call(Call::Yield, &[]).call(Call::Halt, &[]);
    let code = Code::default()
        .call(Call::Yield, &[])
        .call(Call::PartitionControl, &[1, ControlAction::WarmRestart as u32])
        .call(Call::TraceMark, &[1, 0])
        .call(Call::PartitionControl, &[1, ControlAction::ColdRestart as u32])
        .call(Call::Halt, &[]);
    let mut config = system(&code, &stores);
    config.partitions[0].rights.control = true;
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 2_500 + 8, &mut Unrecorded);
    assert_eq!(words(&machine, B, KEPT), [7]);
    run(&mut machine, 2_500 + 100, &mut Unrecorded);
    assert_eq!(words(&machine, B, KEPT), [0]);
    assert_eq!(words(&machine, B, DATA), [0]);
}
