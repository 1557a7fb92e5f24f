//! Several partitions: windows, lines, channels, vectors, health and restarts, and that nobody touches a neighbour.

use super::{COUNT, DATA, MASK, SHARED, Tape, UPCALL_PENDING};
use crate::abi::{Call, start_info};
use crate::config::{
    EventChannel, Flush, Injection, Line, PartitionConfig, PartitionId, PlanId, SystemConfig,
};
use crate::health::{HealthAction, HealthEvent};
use crate::ledger::{Account, Source};
use crate::machine::Machine;
use crate::schedule::{Plan, PlanAction, Window};
use crate::test_images::{BASE, Code, Register};
use crate::{Event, Limits, Outcome, Progress, Recorder, Unrecorded};
use emulator::cpu;

pub(super) const HANDLER: u32 = BASE + 0x400;
pub(super) const NAME: u32 = BASE + 0x600;
pub(super) const A: PartitionId = PartitionId(0);
pub(super) const B: PartitionId = PartitionId(1);

pub(super) fn busy() -> Code {
    let code = Code::default();
    let start = code.here();
    code.increment(DATA).jump(start)
}

pub(super) fn idle() -> Code {
    Code::default().call(Call::Halt, &[])
}

pub(super) fn window(partition: PartitionId, start: u64, length: u64) -> Window {
    Window { partition, start, length }
}

pub(super) fn plan(frame: u64, windows: &[Window]) -> Plan {
    Plan { name: "plan".to_owned(), frame, windows: windows.to_vec(), actions: Vec::new() }
}

/// Two partitions that take turns of 1,000 units, with a gap of 500 at the end of the frame.
pub(super) fn system(first: &Code, second: &Code) -> SystemConfig {
    let partition = |name: &str, code: &Code| PartitionConfig {
        memory_bytes: 1 << 20,
        console_input: false,
        ..PartitionConfig::new(name, code.image())
    };
    SystemConfig {
        partitions: vec![partition("a", first), partition("b", second)],
        plans: vec![plan(2_500, &[window(A, 0, 1_000), window(B, 1_000, 1_000)])],
        ..SystemConfig::default()
    }
}

pub(super) fn run(machine: &mut Machine, units: u64, recorder: &mut impl Recorder) -> Progress {
    let rate = machine.clock().rate();
    let limits = Limits { time_ns: Some(rate.nanoseconds(units)), ..Limits::default() };
    loop {
        let progress = machine.run(&limits, recorder);
        if progress != Progress::Output {
            return progress;
        }
    }
}

pub(super) fn words<const COUNT: usize>(machine: &Machine, id: PartitionId, address: u32) -> [u32; COUNT] {
    let mut words = [0; COUNT];
    for (word, address) in words.iter_mut().zip((address..).step_by(4)) {
        let mut bytes = [0; 4];
        machine.partition(id).peek(address, &mut bytes).unwrap();
        *word = u32::from_le_bytes(bytes);
    }
    words
}

/// A handler that counts, takes everything and returns.
pub(super) fn counting_handler(code: Code) -> Code {
    code.at(0x400)
        .increment(DATA)
        .store(UPCALL_PENDING, 0)
        .store(SHARED + crate::abi::shared_page::SELECTOR, 0)
        .store(SHARED + crate::abi::shared_page::EVENT_PENDING, 0)
        .iret()
}

/// Waits for ever and counts upcalls.
pub(super) fn waiting(bind: Call, arguments: &[u32], name: &[u8]) -> Code {
    let code = Code::default().call(Call::UpcallSetEntry, &[HANDLER]).call(bind, arguments);
    let again = code.here();
    counting_handler(code.call(Call::Block, &[]).jump(again)).at(0x600).raw(name)
}

#[test]
fn windows_are_exact_to_the_unit() {
    let mut machine = Machine::of_system(system(&busy(), &busy())).unwrap();
    for (units, first, second) in
        [(700, 700, 0), (1_000, 1_000, 0), (1_999, 1_000, 999), (2_400, 1_000, 1_000), (7_600, 3_100, 3_000)]
    {
        run(&mut machine, units, &mut Unrecorded);
        let executed = [A, B].map(|id| machine.stamp_of(id).instruction);
        assert_eq!((machine.clock().units(), executed), (units, [first, second]));
    }
}

/// Stamps and contents of everything that a partition did.
fn tape_of(id: PartitionId, mut config: SystemConfig, neighbour: Option<&Code>) -> (Tape, u128) {
    if let Some(code) = neighbour {
        config.partitions[1].image = code.image();
    }
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 100_000, &mut tape);
    tape.steps.retain(|step| step.0.partition == id);
    tape.events.retain(|event| event.0.partition == id);
    let mut digest = emulator::StateDigest::new();
    machine.partition(id).digest(&mut digest);
    (tape, digest.value())
}

/// Calls with pseudo-random numbers and arguments, and wild stores between them.
fn hostile(seed: u32) -> Code {
    let code = Code::default().set(Register::Ebx, seed);
    let again = code.here();
    code.raw(&[0x69, 0xdb, 0x0d, 0x66, 0x19, 0x00]) // imul ebx, ebx, 1664525
        .raw(&[0x81, 0xc3, 0x5f, 0xf3, 0x6e, 0x3c]) // add ebx, 1013904223
        .raw(&[0x89, 0xd8, 0xc1, 0xe8, 0x18]) // mov eax, ebx; shr eax, 24
        .raw(&[0x31, 0xd9, 0x01, 0xca, 0x8d, 0x34, 0x1a, 0x89, 0xd7]) // ecx, edx, esi, edi
        .raw(&[0x83, 0xf8, 0x62, 0x74, 0x04, 0xcd, 0x82, 0x90, 0x90]) // not shutdown: int 82h
        .raw(&[0x89, 0x9b, 0x00, 0x00, 0x10, 0x00]) // mov [ebx + 100000h], ebx
        .jump(again)
}

#[test]
fn what_a_neighbour_does_changes_no_byte_and_no_timestamp() {
    let first = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetPeriodic, &[7_770, 0, 0]);
    let again = first.here();
    let first = counting_handler(first.call(Call::Block, &[]).call(Call::TimeNow, &[DATA + 8]).jump(again));
    let alone = tape_of(A, system(&first, &idle()), None);
    assert!(alone.0.steps.len() > 1_000);
    for neighbour in [busy(), hostile(1), hostile(77), Code::default().raw(&[0x0f, 0x0b])] {
        let mut config = system(&first, &idle());
        config.partitions[1].health.set(HealthEvent::MemoryViolation, HealthAction::Ignore);
        config.partitions[1].health.set(HealthEvent::FrameFault, HealthAction::ColdRestart);
        assert_eq!(tape_of(A, config, Some(&neighbour)), alone);
    }
}

#[test]
fn a_line_that_fires_while_its_owner_is_away_is_delivered_when_it_is_back() {
    let mut config = system(&waiting(Call::EventBindLine, &[9, 5, COUNT], b""), &busy());
    config.lines = vec![
        Line { number: 9, name: "line".to_owned(), owner: Some(A) },
        Line { number: 10, name: "nobody's".to_owned(), owner: None },
    ];
    let at_unit = |unit: u64| unit * 10;
    config.injections = vec![
        Injection { line: 9, at_ns: at_unit(1_100), every_ns: at_unit(100), count: 3 },
        Injection { line: 10, at_ns: at_unit(1_100), every_ns: at_unit(100), count: 2 },
    ];
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 2_499, &mut tape);
    assert_eq!(words(&machine, A, DATA), [0]);
    let ledger = machine.partition(A).ledger().unwrap();
    let account = Account { raised: 3, coalesced: 2, pending: 1, ..Account::default() };
    assert_eq!(ledger.account(Source::Line(9)), account);
    run(&mut machine, 2_600, &mut tape);
    assert_eq!(words(&machine, A, DATA), [1]);
    let ledger = machine.partition(A).ledger().unwrap();
    assert_eq!(ledger.account(Source::Line(9)).delivered, 1);
    let raised: Vec<u64> = tape
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::EventRaised { .. }))
        .map(|(stamp, _)| stamp.now_ns)
        .collect();
    assert_eq!(raised, [11_000, 12_000, 13_000]);
    assert_eq!(machine.unowned_interrupts().get(&10), Some(&2));
}

#[test]
fn a_channel_tells_the_other_partition_when_the_configuration_says() {
    let receiver = waiting(Call::EventBindChannel, &[NAME, 4, 5, COUNT], b"ring");
    let sender = Code::default()
        .call(Call::EventBindChannel, &[NAME, 4, 6, COUNT])
        .call(Call::EventSend, &[6])
        .call(Call::EventSend, &[6])
        .call(Call::Halt, &[])
        .at(0x600)
        .raw(b"ring");
    for (flush, raised_at) in [(Flush::Immediate, 10_190), (Flush::Window, 20_000), (Flush::Frame, 25_000)] {
        let mut config = system(&receiver, &sender);
        config.event_channels = vec![EventChannel { name: "ring".to_owned(), from: B, to: A, flush }];
        let mut machine = Machine::of_system(config).unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 3_000, &mut tape);
        let first = tape.events.iter().find(|(_, event)| matches!(event, Event::EventRaised { .. }));
        let stamp = first.unwrap().0;
        assert_eq!(stamp.partition, A);
        let late =
            if flush == Flush::Immediate { stamp.now_ns <= raised_at } else { stamp.now_ns == raised_at };
        assert!(late, "{flush:?} at {}", stamp.now_ns);
        let ledger = machine.partition(A).ledger().unwrap();
        let account = Account { raised: 2, coalesced: 1, delivered: 1, ..Account::default() };
        assert_eq!(ledger.account(Source::Channel(0)), account, "{flush:?}");
    }
}

#[test]
fn partitions_that_wait_for_each_other_are_deadlocked() {
    let receiver = waiting(Call::EventBindChannel, &[NAME, 4, 5, COUNT], b"ring");
    let mut config = system(&receiver, &receiver);
    config.event_channels = vec![
        EventChannel { name: "ring".to_owned(), from: B, to: A, flush: Flush::Immediate },
        EventChannel { name: "ring".to_owned(), from: A, to: B, flush: Flush::Immediate },
    ];
    let mut machine = Machine::of_system(config).unwrap();
    let progress = run(&mut machine, 1_000_000, &mut Unrecorded);
    let Progress::Finished(Outcome::Crashed(crash)) = progress else { panic!("{progress:?}") };
    assert_eq!(crash.reason, crate::CrashReason::Deadlock);
    assert!(machine.clock().units() < 10_000);
}

#[test]
fn an_event_enters_by_its_vector_and_the_next_waits_for_its_acknowledgement() {
    // Ports 5 and 6 raise vector 40h; 6 is more urgent. The handler counts in DATA and acknowledges on its second call.
    let entry = |vector: u8| [&[vector, 0, 0x23, 0][..], &HANDLER.to_le_bytes()].concat();
    let code = Code::default()
        .call(Call::TrapSetTable, &[NAME, 1])
        .call(Call::EventBindSelf, &[5, COUNT])
        .call(Call::EventBindSelf, &[6, COUNT])
        .call(Call::EventBindVector, &[5, 0x40])
        .call(Call::EventBindVector, &[6, 0x40])
        .call(Call::EventSetPriority, &[6, 3])
        .call(Call::EventSend, &[5])
        .call(Call::EventSend, &[6])
        .store(MASK, 0)
        .load_eax(DATA)
        .store_eax(DATA + 4) // one so far: port 6 holds back port 5
        .call(Call::EventAck, &[6])
        .load_eax(DATA)
        .store_eax(DATA + 8) // now two
        .call(Call::EventSend, &[6])
        .call(Call::EventAck, &[5])
        .load_eax(UPCALL_PENDING)
        .store_eax(DATA + 12)
        .call(Call::Shutdown, &[0])
        .at(0x400)
        .increment(DATA)
        .iret()
        .at(0x600)
        .raw(&entry(0x40));
    let mut machine = code.machine();
    let outcome = crate::test_images::finish(&mut machine, &mut Unrecorded).0;
    assert_eq!(outcome, Outcome::Shutdown { code: 0 });
    assert_eq!(words(&machine, A, DATA), [3, 1, 2, 0]);
    let account = machine.ledger().unwrap().account(Source::Own);
    assert_eq!(account, Account { raised: 3, delivered: 3, ..Account::default() });
}

#[test]
fn a_poll_returns_the_pending_port_whatever_masks_it_or_its_deadline() {
    let code = Code::default()
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::EventMask, &[5])
        .call(Call::TimerSetOneShot, &[50_000, 0])
        .call(Call::Poll, &[NAME, 1, 20_000, 0])
        .store_eax(DATA)
        .call(Call::Poll, &[NAME, 1, u32::MAX, u32::MAX])
        .store_eax(DATA + 4)
        .call(Call::TimeNow, &[DATA + 8])
        .call(Call::Shutdown, &[0])
        .at(0x600)
        .raw(&5_u32.to_le_bytes());
    let mut machine = code.machine();
    let outcome = crate::test_images::finish(&mut machine, &mut Unrecorded).0;
    assert_eq!(outcome, Outcome::Shutdown { code: 0 });
    let [timed_out, port, now, _] = words(&machine, A, DATA);
    assert_eq!((timed_out, port), (crate::abi::CallError::TimedOut.code(), 5));
    assert!((50_000..50_200).contains(&now), "{now}");
}

#[test]
fn an_upcall_interrupts_a_poll_which_goes_on_afterwards() {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::EventBindSelf, &[6, COUNT])
        .call(Call::TimerSetOneShot, &[30_000, 0])
        .store(MASK, 0)
        .call(Call::Poll, &[NAME, 1, 90_000, 0])
        .store_eax(DATA + 4)
        .call(Call::TimeNow, &[DATA + 8])
        .call(Call::Shutdown, &[0]);
    let code = counting_handler(code).at(0x600).raw(&6_u32.to_le_bytes());
    let mut machine = code.machine();
    crate::test_images::finish(&mut machine, &mut Unrecorded);
    let [upcalls, result, now] = words(&machine, A, DATA);
    assert_eq!((upcalls, result), (1, crate::abi::CallError::TimedOut.code()));
    assert!((90_000..90_200).contains(&now), "{now}");
}

fn faulting() -> Code {
    Code::default().increment(DATA).increment(DATA + 0x100).raw(&[0x0f, 0x0b])
}

#[test]
fn the_health_table_restarts_a_partition_so_often_and_no_more() {
    for (action, kept) in [(HealthAction::ColdRestart, 1), (HealthAction::WarmRestart, 4)] {
        let mut config = system(&faulting(), &busy());
        config.partitions[0].health.set(HealthEvent::Exception(6), action);
        config.partitions[0].restarts_most = 3;
        // Memory that no segment covers.
        let far = BASE + 0x8_0000;
        let code = Code::default().increment(far).raw(&[0x0f, 0x0b]);
        config.partitions[0].image = code.image();
        let mut machine = Machine::of_system(config).unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 3_000, &mut tape);
        assert_eq!(tape.count(|event| matches!(event, Event::Restart { .. })), 3);
        assert!(matches!(machine.partition(A).outcome(), Some(Outcome::Crashed(_))));
        assert_eq!(words(&machine, A, far), [kept]);
        let info = machine.partition(A).cpu().registers[cpu::EBX];
        let why =
            if kept == 1 { start_info::START_COLD_AFTER_HEALTH } else { start_info::START_WARM_AFTER_HEALTH };
        assert_eq!(words(&machine, A, info + start_info::START_CONDITION), [why, 3]);
        // The neighbour went on.
        assert_eq!(machine.stamp_of(B).instruction, 1_000);
    }
}

#[test]
fn an_escalated_event_is_answered_by_the_table_of_the_system() {
    let mut config = system(&faulting(), &busy());
    config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::Escalate);
    config.health.set(HealthEvent::Exception(6), HealthAction::HaltSystem);
    let mut machine = Machine::of_system(config).unwrap();
    let progress = run(&mut machine, 3_000, &mut Unrecorded);
    let event = HealthEvent::Exception(6);
    assert_eq!(progress, Progress::Finished(Outcome::SystemHalted { partition: A, event }));
}

#[test]
fn an_ignored_fault_uses_up_its_window_and_nothing_else() {
    let mut config = system(&faulting(), &busy());
    config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::Ignore);
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 5_000, &mut Unrecorded);
    assert_eq!([A, B].map(|id| machine.stamp_of(id).instruction), [2_000, 2_000]);
}

#[test]
fn a_watchdog_that_is_not_set_again_is_an_event() {
    let code = Code::default().call(Call::WatchdogSet, &[30_000, 0]);
    let again = code.here();
    let mut config = system(&code.increment(DATA).jump(again), &busy());
    config.partitions[0].health.set(HealthEvent::Watchdog, HealthAction::HaltPartition);
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 6_000, &mut Unrecorded);
    let event = HealthEvent::Watchdog;
    assert_eq!(machine.partition(A).outcome(), Some(&Outcome::StoppedByHealth { event }));
    assert_eq!(machine.stamp_of(A).instruction, 1_500);
}

#[test]
fn a_plan_begins_at_the_end_of_the_frame_with_its_actions() {
    let mut config = system(&Code::default().call(Call::PlanSwitch, &[1]).call(Call::Yield, &[]), &busy());
    config.partitions[0].rights.plans = true;
    let mut second = plan(1_000, &[window(B, 0, 600)]);
    second.actions = vec![(B, PlanAction::WarmRestart)];
    config.plans.push(second);
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 4_500, &mut tape);
    let restart = tape.events.iter().find(|(_, event)| matches!(event, Event::Restart { .. })).unwrap();
    assert_eq!((restart.0.partition, restart.0.now_ns), (B, 25_000));
    assert_eq!(machine.stamp_of(B).instruction, 1_000 + 600 + 600);
    assert_eq!(machine.plan(), PlanId(1));
}

#[test]
fn a_partition_with_the_right_controls_another() {
    let code = Code::default()
        .call(Call::PartitionControl, &[1, 0])
        .call(Call::Yield, &[])
        .call(Call::PartitionStatus, &[1, DATA])
        .call(Call::PartitionControl, &[1, 1])
        .call(Call::Yield, &[])
        .call(Call::PartitionControl, &[1, 4])
        .call(Call::PartitionStatus, &[1, DATA + 0x40])
        .call(Call::Shutdown, &[7]);
    let mut config = system(&code, &busy());
    config.partitions[0].rights.control = true;
    config.partitions[0].rights.status = true;
    let mut machine = Machine::of_system(config).unwrap();
    let progress = run(&mut machine, 50_000, &mut Unrecorded);
    assert_eq!(progress, Progress::Finished(Outcome::Shutdown { code: 7 }));
    let [state, _, _, _, _, rights, executed] = words(&machine, A, DATA);
    assert_eq!((state, rights, executed), (2, 0, 0));
    assert_eq!(words(&machine, A, DATA + 0x40), [4]);
    assert_eq!(machine.stamp_of(B).instruction, 1_000);
}

#[test]
fn a_run_in_small_slices_is_the_same_run() {
    let config = || {
        let status = Code::default().call(Call::PartitionStatus, &[2, DATA + 0x80]);
        let waiting = waiting(Call::EventBindLine, &[9, 5, COUNT], b"");
        let mut config = system(&waiting, &hostile(5));
        config.partitions.push(PartitionConfig {
            memory_bytes: 1 << 20,
            ..PartitionConfig::new("c", status.call(Call::Yield, &[]).image())
        });
        config.plans[0].windows.push(window(PartitionId(2), 2_000, 300));
        config.lines = vec![Line { number: 9, name: String::new(), owner: Some(A) }];
        config.injections = vec![Injection { line: 9, at_ns: 333, every_ns: 7_777, count: 10 }];
        config
    };
    let mut whole = Machine::of_system(config()).unwrap();
    let mut tape = Tape::default();
    run(&mut whole, 20_000, &mut tape);
    for slice_units in [1, 7, 999] {
        let mut sliced = Machine::of_system(config()).unwrap();
        let mut pieces = Tape::default();
        let limits = Limits { time_ns: Some(200_000), slice_units: Some(slice_units), ..Limits::default() };
        while !matches!(sliced.run(&limits, &mut pieces), Progress::Finished(_)) {}
        assert_eq!(pieces, tape);
        assert_eq!(sliced.digest(), whole.digest());
    }
}

#[test]
fn a_partition_reads_how_long_it_ran_waited_and_was_away() {
    use crate::abi::shared_page;
    let code = Code::default()
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetOneShot, &[5_000, 0])
        .call(Call::Block, &[])
        .call(Call::Yield, &[]);
    let again = code.here();
    let mut machine = Machine::of_system(system(&code.jump(again), &busy())).unwrap();
    run(&mut machine, 600, &mut Unrecorded);
    let [running, _, waiting, _, away, _] = words(&machine, A, SHARED + shared_page::RUNNING);
    assert_eq!((running + waiting, away), (6_000, 0));
    run(&mut machine, 2_600, &mut Unrecorded);
    let [running, _, waiting, _, away, _] = words(&machine, A, SHARED + shared_page::RUNNING);
    assert_eq!((running + waiting, away), (10_000, 15_000), "{running} {waiting}");
}

#[test]
fn what_one_partition_stores_in_a_shared_area_the_other_reads_and_may_not_change() {
    use crate::shared_areas::SHARED_BASE;
    let writer = Code::default()
        .call(Call::SharedAreaFind, &[NAME, 4, DATA])
        .store(SHARED_BASE + 8, 77)
        .call(Call::Shutdown, &[0])
        .at(0x600)
        .raw(b"area");
    let reader = Code::default()
        .load_eax(SHARED_BASE + 8)
        .store_eax(DATA)
        .store(SHARED_BASE + 8, 1)
        .call(Call::Shutdown, &[0]);
    let mut config = system(&writer, &reader);
    config.shared_areas = vec![crate::config::SharedArea {
        name: "area".to_owned(),
        bytes: 4096,
        members: vec![(A, true), (B, false)],
    }];
    let mut machine = Machine::of_system(config).unwrap();
    machine.run(&Limits::default(), &mut Unrecorded);
    assert_eq!(words(&machine, B, DATA), [77]);
    assert_eq!(words(&machine, A, DATA), [SHARED_BASE, 4096, 7, 3]);
    let Some(Outcome::Crashed(crash)) = machine.partition(B).outcome() else { panic!("no fault") };
    assert_eq!(
        crate::CrashReason::Unhandled(emulator::Exception {
            vector: emulator::Vector::PageFault,
            error_code: 7,
            address: SHARED_BASE + 8,
        }),
        crash.reason
    );
}

#[test]
fn a_boot_module_is_where_start_info_says_and_cannot_be_written() {
    let code = Code::default().raw(&[0x8b, 0x43, 88, 0x8b, 0x08]).raw(&[0x89, 0x0d]).raw(&DATA.to_le_bytes());
    let mut config = system(&code.call(Call::Halt, &[]), &idle());
    config.partitions[0].boot_module = Some(std::sync::Arc::new(b"module".to_vec()));
    let mut machine = Machine::of_system(config).unwrap();
    machine.run(&Limits::default(), &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [u32::from_le_bytes(*b"modu")]);
    let info = machine.partition(A).cpu().registers[cpu::EBX];
    let [address, length] = words(&machine, A, info + start_info::BOOT_MODULE);
    assert_eq!((length, machine.partition(A).rights(address)), (6, Some(emulator::Rights::READ)));
}
