//! Where a system could go wrong at its edges: last units of windows, partitions that can never run again, restarts.

use super::system::{A, B, HANDLER, NAME, busy, counting_handler, plan, run, system, waiting, window, words};
use super::{COUNT, DATA, MASK, SHARED, Tape};
use crate::abi::{Call, shared_page};
use crate::clock::Rate;
use crate::config::{EventChannel, Flush, PartitionId, SystemConfig};
use crate::health::{HealthAction, HealthEvent};
use crate::machine::{Config, Machine};
use crate::test_images::Code;
use crate::{CrashReason, Event, Limits, Outcome, Progress, Unrecorded};

/// Far more frames than any of these systems needs.
const MANY_UNITS: u64 = 10_000_000;

fn deadlocked(machine: &Machine, id: PartitionId) -> bool {
    let outcome = machine.partition(id).outcome();
    matches!(outcome, Some(Outcome::Crashed(crash)) if crash.reason == CrashReason::Deadlock)
}

#[test]
fn an_ignored_trap_of_the_last_unit_does_not_pass_the_end_of_its_window() {
    let start = Code::default().here();
    let code = Code::default().raw(&[0x90; 9]).raw(&[0xf1]).jump(start);
    let mut config = system(&code, &busy());
    config.plans = vec![plan(20, &[window(A, 0, 10), window(B, 10, 10)])];
    config.partitions[0].health.set(HealthEvent::Exception(1), HealthAction::Ignore);
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 2_000, &mut Unrecorded);
    assert_eq!([A, B].map(|id| machine.stamp_of(id).instruction), [1_000, 1_000]);
}

#[test]
fn a_call_that_waits_in_the_shadow_of_an_instruction_lets_an_upcall_in() {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::EventBindSelf, &[6, COUNT])
        .call(Call::TimerSetOneShot, &[30_000, 0])
        .store(MASK, 0)
        .call(Call::Poll, &[NAME, 1, 90_000, 0]);
    let bytes = code.bytes[..code.bytes.len() - 2].to_vec();
    let code = Code { bytes }
        .raw(&[0x8c, 0xd7, 0x8e, 0xd7, 0xcd, 0x82]) // mov edi, ss; mov ss, edi; int 82h
        .call(Call::Shutdown, &[0]);
    let code = counting_handler(code).at(0x600).raw(&6_u32.to_le_bytes());
    let mut machine = code.machine();
    crate::test_images::finish(&mut machine, &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [1]);
    assert!(machine.executed() < 200, "the call spun: {}", machine.executed());
}

#[test]
fn a_suspended_partition_that_nobody_can_resume_is_deadlocked() {
    let code = Code::default().call(Call::PartitionControl, &[1, 0]).call(Call::Halt, &[]);
    let mut config = system(&code, &busy());
    config.partitions[0].rights.control = true;
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, MANY_UNITS, &mut Unrecorded);
    assert!(deadlocked(&machine, B));
    assert!(machine.clock().units() < 10_000);
}

#[test]
fn a_partition_without_a_window_in_the_last_plan_is_deadlocked() {
    let code = Code::default()
        .call(Call::PlanSwitch, &[1])
        .call(Call::Yield, &[])
        .call(Call::Yield, &[])
        .call(Call::Halt, &[]);
    let mut config = system(&code, &busy());
    config.partitions[0].rights.plans = true;
    config.plans.push(plan(1_000, &[window(A, 0, 600)]));
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, MANY_UNITS, &mut Unrecorded);
    assert!(deadlocked(&machine, B));
    assert!(machine.clock().units() < 10_000);
}

fn waiting_for_each_other() -> SystemConfig {
    let receiver = waiting(Call::EventBindChannel, &[NAME, 4, 5, COUNT], b"ring");
    let channel = |from, to| EventChannel { name: "ring".to_owned(), from, to, flush: Flush::Immediate };
    let mut config = system(&receiver, &receiver);
    config.event_channels = vec![channel(B, A), channel(A, B)];
    config
}

#[test]
fn a_deadlock_that_restarts_the_system_does_so_once_for_all() {
    let mut config = waiting_for_each_other();
    for partition in &mut config.partitions {
        partition.health.set(HealthEvent::Deadlock, HealthAction::RestartSystem);
    }
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 5_001, &mut tape);
    let log = machine.health_log().entries();
    let entries = log.filter(|entry| entry.action == HealthAction::RestartSystem).count();
    assert!(entries > 0);
    assert_eq!(tape.count(|event| matches!(event, Event::Restart { .. })), 2 * entries);
}

#[test]
fn a_logged_deadlock_takes_no_unit_of_a_window() {
    let mut config = waiting_for_each_other();
    for partition in &mut config.partitions {
        partition.health.set(HealthEvent::Deadlock, HealthAction::Log);
    }
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 2_400, &mut Unrecorded);
    let before = machine.executed();
    run(&mut machine, 50_000, &mut Unrecorded);
    assert_eq!(machine.executed(), before);
}

#[test]
fn the_status_of_a_restarted_partition_counts_all_its_units() {
    let code = Code::default()
        .call(Call::Yield, &[])
        .call(Call::PartitionControl, &[1, 2])
        .call(Call::PartitionStatus, &[1, DATA])
        .call(Call::Halt, &[]);
    let mut config = system(&code, &busy());
    config.partitions[0].rights.control = true;
    config.partitions[0].rights.status = true;
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 3_000, &mut Unrecorded);
    let [_, _, _, restarts, _, _, executed] = words(&machine, A, DATA);
    assert_eq!((restarts, executed), (1, 1_000));
}

#[test]
fn a_partition_that_starts_again_in_its_window_sees_the_window() {
    let code = Code::default()
        .load_eax(SHARED + shared_page::WINDOW_END)
        .store_eax(DATA)
        .load_eax(SHARED + shared_page::RUNNING)
        .store_eax(DATA + 4)
        .raw(&[0x0f, 0x0b]);
    let mut config = system(&code, &busy());
    config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::ColdRestart);
    config.partitions[0].restarts_most = 1;
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 900, &mut Unrecorded);
    // Four units ran before the first fault.
    assert_eq!(words(&machine, A, DATA), [10_000, 40]);
}

#[test]
fn a_guest_that_skips_to_the_end_of_time_ends_there() {
    let code = Code::default()
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetOneShot, &[u32::MAX - 1, u32::MAX])
        .call(Call::Block, &[]);
    let start = code.here();
    let config =
        Config { rate: Rate::new(1_000_000_000).unwrap(), memory_bytes: Some(1 << 20), ..Config::default() };
    let mut machine = Machine::new(code.increment(DATA).jump(start).image(), config).unwrap();
    let limits = Limits { executed_units: Some(1_000), slice_units: Some(100), ..Limits::default() };
    let ends = (0..100).any(|_| matches!(machine.run(&limits, &mut Unrecorded), Progress::Finished(_)));
    assert!(ends, "the run goes on for ever at unit {}", machine.clock().units());
}

#[test]
fn a_window_start_that_its_vector_holds_back_does_not_hide_a_deadlock() {
    let entry = [&[0x40, 0, 0x23, 0][..], &HANDLER.to_le_bytes()].concat();
    let code = Code::default()
        .call(Call::TrapSetTable, &[NAME, 1])
        .call(Call::EventBindInterrupt, &[3, 5, COUNT])
        .call(Call::EventBindVector, &[5, 0x40]);
    let again = code.here();
    // The handler never acknowledges.
    let code = code.call(Call::Block, &[]).jump(again).at(0x400).increment(DATA).iret();
    let mut machine =
        Machine::of_system(system(&code.at(0x600).raw(&entry), &super::system::idle())).unwrap();
    run(&mut machine, MANY_UNITS, &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [1]);
    assert!(deadlocked(&machine, A));
    assert!(machine.clock().units() < 20_000);
}

#[test]
fn a_fault_that_the_guest_survives_ends_the_shadow_before_it() {
    let health = crate::abi::VirtualInterrupt::Health.number();
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[health, 5, COUNT])
        .store(MASK, 0)
        // mov edi, ss; mov ss, edi; ud2
        .raw(&[0x8c, 0xd7, 0x8e, 0xd7, 0x0f, 0x0b]);
    let code = code.at(0x400).call(Call::Shutdown, &[7]);
    let mut config = system(&code, &busy());
    config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::Propagate);
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 3_000, &mut Unrecorded);
    assert_eq!(machine.partition(A).outcome(), Some(&Outcome::Shutdown { code: 7 }));
}

#[test]
fn the_counters_of_the_interpreter_go_on_after_a_restart() {
    let code = Code::default().raw(&[0x90; 20]).raw(&[0x0f, 0x0b]);
    let runs = |restarts| {
        let mut config = system(&code, &busy());
        config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::ColdRestart);
        config.partitions[0].restarts_most = restarts;
        let mut machine = Machine::of_system(config).unwrap();
        run(&mut machine, 50_000, &mut Unrecorded);
        let statistics = machine.partition(A).engine_statistics();
        (statistics.runs, statistics.blocks_made)
    };
    let (once, blocks) = runs(0);
    assert_eq!(runs(3), (4 * once, 4 * blocks));
}

#[test]
fn a_partition_that_cannot_start_is_stopped_whatever_its_table_says() {
    let event = HealthEvent::IncompatibleAbi;
    for action in [HealthAction::HaltPartition, HealthAction::ColdRestart, HealthAction::RestartSystem] {
        let mut config = system(&busy(), &busy());
        config.partitions[0].cannot_start = Some(event);
        config.partitions[0].health.set(event, action);
        let mut machine = Machine::of_system(config).unwrap();
        run(&mut machine, 5_000, &mut Unrecorded);
        assert_eq!(machine.partition(A).outcome(), Some(&Outcome::StoppedByHealth { event }));
        assert_eq!([A, B].map(|id| machine.stamp_of(id).instruction), [0, 2_000]);
        assert_eq!(machine.health_log().next(), 1);
    }
}

#[test]
fn a_partition_that_cannot_start_cannot_be_started_by_another_either() {
    let code = Code::default().call(Call::PartitionControl, &[1, 2]);
    let again = code.here();
    let mut config = system(&code.jump(again), &busy());
    config.partitions[0].rights.control = true;
    config.partitions[1].cannot_start = Some(HealthEvent::Configuration);
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 5_000, &mut Unrecorded);
    assert_eq!(machine.stamp_of(B).instruction, 0);
    assert_eq!(machine.health_log().next(), 2);
}

#[test]
fn a_partition_that_cannot_start_can_stop_the_system() {
    let event = HealthEvent::Configuration;
    let mut config = system(&busy(), &busy());
    config.partitions[1].cannot_start = Some(event);
    config.partitions[1].health.set(event, HealthAction::HaltSystem);
    let mut machine = Machine::of_system(config).unwrap();
    let progress = run(&mut machine, 5_000, &mut Unrecorded);
    assert_eq!(progress, Progress::Finished(Outcome::SystemHalted { partition: B, event }));
    assert_eq!(machine.clock().units(), 0);
}
