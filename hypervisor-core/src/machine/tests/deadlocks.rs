//! What is a deadlock beside partitions that run, and what becomes of one that the health monitor leaves at that.

use super::system::{A, B, HANDLER, NAME, busy, idle, run, system, waiting, window, words};
use super::{COUNT, DATA, MASK, Tape};
use crate::abi::{Call, VirtualInterrupt};
use crate::config::{
    Discipline, EventChannel, Flush, MessageChannel, MessageKind, PartitionConfig, PartitionId, SystemConfig,
};
use crate::health::{HealthAction, HealthEvent};
use crate::machine::Machine;
use crate::test_images::{Code, finish};
use crate::{CrashReason, Event, Outcome, Progress, Unrecorded};

const C: PartitionId = PartitionId(2);
const D: PartitionId = PartitionId(3);
/// Twenty frames.
const FRAMES: u64 = 50_000;

fn is_deadlock(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Crashed(crash)) if crash.reason == CrashReason::Deadlock)
}

fn deadlocked(machine: &Machine, id: PartitionId) -> bool {
    is_deadlock(machine.partition(id).outcome())
}

/// Partitions with windows of 400 units each, in a frame of 2,500.
fn several(codes: &[&Code]) -> SystemConfig {
    let mut config = system(codes[0], codes[1]);
    for code in &codes[2..] {
        config.partitions.push(PartitionConfig {
            memory_bytes: 1 << 20,
            console_input: false,
            ..PartitionConfig::new("more", code.image())
        });
    }
    let windows = (0..codes.len() as u16).map(|id| window(PartitionId(id), 400 * u64::from(id), 400));
    config.plans[0].windows = windows.collect();
    config
}

fn ring(from: PartitionId, to: PartitionId, flush: Flush) -> EventChannel {
    EventChannel { name: "ring".to_owned(), from, to, flush }
}

fn queue(from: PartitionId, to: PartitionId, flush: Flush) -> MessageChannel {
    MessageChannel {
        name: "mail".to_owned(),
        kind: MessageKind::Queuing { depth: 1, discipline: Discipline::Fifo },
        message_bytes: 4,
        from,
        to: vec![to],
        flush,
    }
}

fn waits_for_ring() -> Code {
    waiting(Call::EventBindChannel, &[NAME, 4, 5, COUNT], b"ring")
}

/// Waits for a message for ever, and ends with 3 when there is one.
fn receives() -> Code {
    let code = Code::default().call(Call::MessagePortOpen, &[NAME, 4, 1]);
    let code = code.call(Call::QueuingReceive, &[0, DATA, 4, u32::MAX, u32::MAX]);
    code.call(Call::Shutdown, &[3]).at(0x600).raw(b"mail")
}

/// Sends so many messages, the last of them with all the time of the world.
fn sends(count: usize) -> Code {
    let code = Code::default().call(Call::MessagePortOpen, &[NAME, 4, 0]);
    let code =
        (0..count).fold(code, |code, _| code.call(Call::QueuingSend, &[0, NAME, 4, u32::MAX, u32::MAX]));
    code.call(Call::Halt, &[]).at(0x600).raw(b"mail")
}

fn runs(config: SystemConfig) -> Machine {
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, FRAMES, &mut Unrecorded);
    machine
}

#[test]
fn who_waits_for_one_that_has_ended_is_deadlocked_whoever_else_runs() {
    let mut config = several(&[&waits_for_ring(), &idle(), &busy()]);
    config.event_channels = vec![ring(B, A, Flush::Immediate)];
    assert!(deadlocked(&runs(config), A), "an event channel");

    let mut config = several(&[&receives(), &idle(), &busy()]);
    config.message_channels = vec![queue(B, A, Flush::Immediate)];
    assert!(deadlocked(&runs(config), A), "a message");

    let mut config = several(&[&sends(2), &idle(), &busy()]);
    config.message_channels = vec![queue(A, B, Flush::Immediate)];
    assert!(deadlocked(&runs(config), A), "space");
}

#[test]
fn who_waits_for_one_that_runs_is_not_deadlocked() {
    let mut config = several(&[&waits_for_ring(), &busy(), &busy()]);
    config.event_channels = vec![ring(B, A, Flush::Immediate)];
    assert_eq!(runs(config).partition(A).outcome(), None);
    let mut config = several(&[&receives(), &busy(), &idle()]);
    config.message_channels = vec![queue(B, A, Flush::Immediate)];
    assert_eq!(runs(config).partition(A).outcome(), None);
}

#[test]
fn a_chain_and_a_circle_of_partitions_that_wait_are_deadlocked_beside_one_that_runs() {
    let ends = idle();
    let mut chain = several(&[&waits_for_ring(), &receives(), &ends, &busy()]);
    chain.event_channels = vec![ring(B, A, Flush::Immediate)];
    chain.message_channels = vec![queue(C, B, Flush::Immediate)];
    let machine = runs(chain);
    assert!(deadlocked(&machine, A) && deadlocked(&machine, B));
    assert_eq!(machine.partition(D).outcome(), None);

    let mut circle = several(&[&waits_for_ring(), &waits_for_ring(), &busy()]);
    circle.event_channels = vec![ring(B, A, Flush::Immediate), ring(A, B, Flush::Immediate)];
    let machine = runs(circle);
    assert!(deadlocked(&machine, A) && deadlocked(&machine, B));
    assert_eq!(machine.stamp_of(C).instruction, 8_000);
}

#[test]
fn one_that_can_be_started_again_may_still_send() {
    let with = |change: fn(&mut PartitionConfig)| {
        let mut config = several(&[&waits_for_ring(), &idle(), &busy()]);
        config.event_channels = vec![ring(B, A, Flush::Immediate)];
        change(&mut config.partitions[2]);
        deadlocked(&runs(config), A)
    };
    assert!(!with(|config| config.rights.control = true));
    assert!(!with(|config| config.health.set(HealthEvent::Watchdog, HealthAction::RestartSystem)));
    assert!(with(|config| config.rights.status = true));
}

#[test]
fn what_is_held_back_for_a_flush_still_comes() {
    let mut config = several(&[&receives(), &sends(1), &busy()]);
    config.plans[0].windows.swap(0, 1);
    config.plans[0].windows[0].start = 0;
    config.plans[0].windows[1].start = 400;
    config.message_channels = vec![queue(B, A, Flush::Frame)];
    assert_eq!(runs(config).partition(A).outcome(), Some(&Outcome::Shutdown { code: 3 }));

    let rings = Code::default()
        .call(Call::EventBindChannel, &[NAME, 4, 5, COUNT])
        .call(Call::EventSend, &[5])
        .call(Call::Halt, &[])
        .at(0x600)
        .raw(b"ring");
    let mut config = several(&[&waits_for_ring(), &rings, &busy()]);
    config.event_channels = vec![ring(B, A, Flush::Frame)];
    assert_eq!(words(&runs(config), A, DATA), [1]);
}

#[test]
fn a_poll_that_no_upcall_can_end_is_not_ended_by_a_timer() {
    let code = Code::default()
        .call(Call::EventBindSelf, &[6, COUNT])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetPeriodic, &[10_000, 0, 0])
        .call(Call::Poll, &[NAME, 1, u32::MAX, u32::MAX])
        .at(0x600)
        .raw(&6_u32.to_le_bytes());
    let mut machine = code.machine();
    assert!(is_deadlock(Some(&finish(&mut machine, &mut Unrecorded).0)));
}

#[test]
fn a_deadlock_that_is_left_at_that_ends_the_run_if_nothing_can_ever_happen() {
    for (action, entries) in [(HealthAction::Ignore, 0), (HealthAction::Log, 1), (HealthAction::Propagate, 1)]
    {
        let mut config = several(&[&Code::default().call(Call::Block, &[]), &idle()]);
        config.partitions.truncate(1);
        config.plans.clear();
        config.partitions[0].health.set(HealthEvent::Deadlock, action);
        let mut machine = Machine::of_system(config).unwrap();
        let progress = run(&mut machine, FRAMES, &mut Unrecorded);
        let Progress::Finished(outcome) = progress else { panic!("{action:?}: {progress:?}") };
        assert!(is_deadlock(Some(&outcome)), "{action:?}: {outcome:?}");
        assert_eq!(machine.health_log().entries().count(), entries, "{action:?}");
        assert_eq!((machine.executed(), machine.clock().units()), (2, 2), "{action:?}");
    }
}

#[test]
fn partitions_that_are_left_waiting_for_each_other_end_the_run() {
    let mut config = several(&[&waits_for_ring(), &waits_for_ring()]);
    config.event_channels = vec![ring(B, A, Flush::Immediate), ring(A, B, Flush::Immediate)];
    for partition in &mut config.partitions {
        partition.health.set(HealthEvent::Deadlock, HealthAction::Log);
    }
    let mut machine = Machine::of_system(config).unwrap();
    let progress = run(&mut machine, FRAMES, &mut Unrecorded);
    assert!(matches!(progress, Progress::Finished(Outcome::Crashed(_))), "{progress:?}");
    assert_eq!(machine.health_log().entries().count(), 2);
    assert!(machine.clock().units() < 10_000);
}

#[test]
fn a_deadlock_that_is_logged_beside_one_that_runs_is_told_once() {
    let mut config = several(&[&Code::default().call(Call::Block, &[]), &busy()]);
    config.partitions[0].health.set(HealthEvent::Deadlock, HealthAction::Log);
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, FRAMES, &mut tape);
    assert_eq!(tape.count(|event| matches!(event, Event::Health { .. })), 1);
    assert_eq!(machine.partition(A).outcome(), None);
    assert_eq!((machine.stamp_of(A).instruction, machine.stamp_of(B).instruction), (2, 8_000));
}

#[test]
fn a_guest_that_is_told_of_its_deadlock_goes_on() {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[VirtualInterrupt::Health.number(), 5, COUNT])
        .store(MASK, 0)
        .call(Call::Block, &[]);
    let code = code.at(0x400).call(Call::Shutdown, &[7]);
    let mut config = several(&[&code, &busy()]);
    config.partitions[0].health.set(HealthEvent::Deadlock, HealthAction::Propagate);
    let machine = runs(config);
    assert_eq!(machine.partition(A).outcome(), Some(&Outcome::Shutdown { code: 7 }));
}
