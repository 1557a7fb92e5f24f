//! Messages between partitions: when they are seen, who waits for them, and what a restart leaves.

use super::system::{A, B, HANDLER, NAME, busy, counting_handler, idle, plan, run, system, window, words};
use super::{COUNT, DATA, MASK, Tape};
use crate::abi::{Call, CallError};
use crate::config::{
    CallRate, Discipline, Flush, MessageChannel, MessageKind, PartitionConfig, PartitionId, SystemConfig,
};
use crate::health::{HealthAction, HealthEvent};
use crate::ledger::{Account, Source};
use crate::machine::Machine;
use crate::schedule::PlanSwitch;
use crate::test_images::{BASE, Code};
use crate::{CrashReason, Event, Limits, Outcome, Progress, Unrecorded};

const C: PartitionId = PartitionId(2);
/// Where messages lie before they are sent, and where they are received.
const MESSAGES: u32 = BASE + 0x610;
const BUFFER: u32 = DATA + 0x100;
const INFO: u32 = DATA + 0x200;
const MESSAGE_BYTES: u32 = 4;
const SOURCE: u32 = 0;
const DESTINATION: u32 = 1;
const FOREVER: [u32; 2] = [u32::MAX; 2];
const NS_PER_UNIT: u64 = 10;

fn sampling(flush: Flush, to: &[PartitionId]) -> MessageChannel {
    MessageChannel {
        name: "mail".to_owned(),
        kind: MessageKind::Sampling { refresh_ns: 10_000 },
        message_bytes: MESSAGE_BYTES,
        from: B,
        to: to.to_vec(),
        flush,
    }
}

fn queue(flush: Flush, depth: u32, discipline: Discipline) -> MessageChannel {
    MessageChannel { kind: MessageKind::Queuing { depth, discipline }, ..sampling(flush, &[A]) }
}

/// Opens an end of the channel, which gets number 0.
fn opened(direction: u32) -> Code {
    Code::default().call(Call::MessagePortOpen, &[NAME, 4, direction])
}

/// The name and the messages, after the code.
fn with_data(code: Code) -> Code {
    code.at(0x600).raw(b"mail").at(0x610).raw(b"one.two.3   four")
}

fn send(code: Code, message: u32, deadline_ns: [u32; 2]) -> Code {
    let bytes = MESSAGES + 4 * message;
    code.call(Call::QueuingSend, &[0, bytes, MESSAGE_BYTES, deadline_ns[0], deadline_ns[1]])
}

fn receive(code: Code, deadline_ns: [u32; 2]) -> Code {
    code.call(Call::QueuingReceive, &[0, BUFFER, MESSAGE_BYTES, deadline_ns[0], deadline_ns[1]])
}

fn read(code: Code) -> Code {
    code.call(Call::SamplingRead, &[0, BUFFER, MESSAGE_BYTES, INFO])
}

/// A system of A and B with one channel.
fn connected(first: Code, second: Code, channel: MessageChannel) -> SystemConfig {
    let mut config = system(&with_data(first), &with_data(second));
    config.message_channels = vec![channel];
    config
}

/// When a call of a partition was done, in nanoseconds, and what it returned.
fn calls_of(tape: &Tape, id: PartitionId, call: Call) -> Vec<(u64, u32)> {
    let calls = tape.events.iter().filter_map(|(stamp, event)| match event {
        Event::Call { number, result, .. }
            if stamp.partition == id && *number == call.description().number =>
        {
            Some((stamp.now_ns, result.unwrap()))
        }
        _ => None,
    });
    calls.collect()
}

#[test]
fn a_sample_is_seen_when_the_flush_policy_says_and_ages_from_then_on() {
    for (flush, seen_at) in
        [(Flush::Immediate, None), (Flush::Window, Some(20_000)), (Flush::Frame, Some(25_000))]
    {
        let writer = opened(SOURCE).call(Call::SamplingWrite, &[0, MESSAGES, 4]).call(Call::Halt, &[]);
        let reader = read(opened(DESTINATION)).store_eax(DATA).call(Call::Yield, &[]);
        let reader = read(reader).store_eax(DATA + 4).call(Call::Halt, &[]);
        let mut machine = Machine::of_system(connected(reader, writer, sampling(flush, &[A]))).unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 4_000, &mut tape);
        assert_eq!(words(&machine, A, DATA), [CallError::NotAvailable.code(), 4]);
        assert_eq!(words(&machine, A, BUFFER), [u32::from_le_bytes(*b"one.")]);
        let flushed = |event: &Event| matches!(event, Event::MessagesFlushed { channel: 0, count: 1 });
        let flushed = tape.events.iter().find(|(_, event)| flushed(event)).map(|(stamp, _)| stamp.now_ns);
        assert_eq!(flushed, seen_at, "{flush:?}");
        let seen_at = seen_at.unwrap_or_else(|| calls_of(&tape, B, Call::SamplingWrite)[0].0);
        let age_ns = calls_of(&tape, A, Call::SamplingRead)[1].0 - seen_at;
        let valid = u32::from(age_ns <= 10_000);
        assert_eq!(words(&machine, A, INFO), [age_ns as u32, 0, 4, valid, 1, 1], "{flush:?}");
    }
}

#[test]
fn a_plan_that_begins_at_once_ends_the_frame_for_what_was_held_back() {
    let writer = opened(SOURCE)
        .call(Call::SamplingWrite, &[0, MESSAGES, 4])
        .call(Call::PlanSwitch, &[1])
        .call(Call::Halt, &[]);
    let reader = read(opened(DESTINATION).call(Call::Yield, &[])).store_eax(DATA).call(Call::Halt, &[]);
    let mut config = connected(reader, writer, sampling(Flush::Frame, &[A]));
    config.partitions[1].rights.plans = true;
    config.plan_switch = PlanSwitch::AtOnce;
    config.plans.push(plan(1_000_000, &[window(A, 0, 1_000)]));
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 2_000, &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [4]);
}

#[test]
fn a_receiver_sleeps_through_its_windows_and_wakes_at_the_first_unit_with_a_message() {
    for (flush, wakes_at) in [(Flush::Immediate, 25_000), (Flush::Window, 25_000), (Flush::Frame, 25_000)] {
        let sender = send(opened(SOURCE), 1, [0, 0]).call(Call::Halt, &[]);
        let receiver = receive(opened(DESTINATION), FOREVER).store_eax(DATA).call(Call::Halt, &[]);
        let config = connected(receiver, sender, queue(flush, 3, Discipline::Fifo));
        let mut machine = Machine::of_system(config).unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 2_500, &mut tape);
        assert_eq!(words(&machine, A, DATA), [0]);
        run(&mut machine, 2_600, &mut tape);
        assert_eq!(words(&machine, A, DATA), [4]);
        assert_eq!(words(&machine, A, BUFFER), [u32::from_le_bytes(*b"two.")]);
        assert_eq!(calls_of(&tape, A, Call::QueuingReceive), [(wakes_at, 4)], "{flush:?}");
    }
}

#[test]
fn messages_come_in_the_order_of_the_discipline() {
    for (discipline, order) in
        [(Discipline::Fifo, *b"one.two.3   "), (Discipline::Priority, *b"two.3   one.")]
    {
        let mut sender = send(opened(SOURCE), 0, [0, 0]);
        if discipline == Discipline::Priority {
            sender = sender.call(Call::MessagePortSetPriority, &[0, 7]);
        }
        let sender = send(send(sender, 1, [0, 0]), 2, [0, 0]).call(Call::Halt, &[]);
        let mut receiver = opened(DESTINATION);
        for place in 0..3 {
            receiver = receive(receiver, FOREVER).load_eax(BUFFER).store_eax(DATA + 4 * place);
        }
        let receiver = receiver.call(Call::Halt, &[]);
        let mut machine =
            Machine::of_system(connected(receiver, sender, queue(Flush::Window, 3, discipline))).unwrap();
        run(&mut machine, 4_000, &mut Unrecorded);
        let received: Vec<u8> = words::<3>(&machine, A, DATA).map(u32::to_le_bytes).concat();
        assert_eq!(received, order, "{discipline:?}");
    }
}

#[test]
fn a_deadline_ends_the_wait_in_an_own_window_only() {
    // A deadline in A's own window, one in B's window, one that has passed, and none.
    for (deadline, error, returned_at) in [
        ([5_000, 0], CallError::TimedOut, 5_000),
        ([15_000, 0], CallError::TimedOut, 25_000),
        ([1, 0], CallError::TimedOut, 0),
        ([0, 0], CallError::NotAvailable, 0),
    ] {
        let receiver = receive(opened(DESTINATION), deadline).store_eax(DATA).call(Call::Halt, &[]);
        let mut machine =
            Machine::of_system(connected(receiver, busy(), queue(Flush::Window, 3, Discipline::Fifo)))
                .unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 4_000, &mut tape);
        assert_eq!(words(&machine, A, DATA), [error.code()]);
        let (at, _) = calls_of(&tape, A, Call::QueuingReceive)[0];
        if returned_at == 0 {
            assert!(at < 20 * NS_PER_UNIT, "{deadline:?} at {at}");
        } else {
            assert_eq!(at, returned_at, "{deadline:?}");
        }
        // The window of one that waits is not lent.
        assert_eq!(machine.stamp_of(B).instruction, 1_500);
    }
}

#[test]
fn a_sender_waits_for_space_and_loses_nothing() {
    for flush in [Flush::Immediate, Flush::Window, Flush::Frame] {
        let mut sender = opened(SOURCE);
        for message in 0..4 {
            sender = send(sender, message, FOREVER);
        }
        let sender = sender.call(Call::TimeNow, &[DATA]).call(Call::Halt, &[]);
        let mut receiver = opened(DESTINATION);
        for place in 0..4 {
            receiver = receive(receiver, FOREVER).load_eax(BUFFER).store_eax(DATA + 4 * place);
        }
        let receiver = receiver.call(Call::Halt, &[]);
        let mut machine =
            Machine::of_system(connected(receiver, sender, queue(flush, 1, Discipline::Fifo))).unwrap();
        run(&mut machine, 20_000, &mut Unrecorded);
        let received: Vec<u8> = words::<4>(&machine, A, DATA).map(u32::to_le_bytes).concat();
        assert_eq!(received, *b"one.two.3   four", "{flush:?}");
        // One message fits in each of B's windows: the fourth goes in that of the fourth frame.
        let [sent_at] = words(&machine, B, DATA);
        let window = 85_000..95_000;
        assert!(window.contains(&sent_at), "{flush:?} at {sent_at}");
    }
}

#[test]
fn an_upcall_interrupts_a_wait_for_a_message_which_goes_on_afterwards() {
    let receiver = opened(DESTINATION)
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetOneShot, &[5_000, 0])
        .store(MASK, 0);
    let receiver = counting_handler(receive(receiver, FOREVER).store_eax(DATA + 4).call(Call::Halt, &[]));
    let sender = send(opened(SOURCE), 1, [0, 0]).call(Call::Halt, &[]);
    let config = connected(receiver, sender, queue(Flush::Window, 3, Discipline::Fifo));
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 1_000, &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [1, 0]);
    run(&mut machine, 3_000, &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [1, 4]);
}

#[test]
fn an_event_tells_of_messages_and_of_space() {
    // B fills the queue of two and waits for the event of space; A is woken by the event of messages.
    let receiver = opened(DESTINATION)
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindMessagePort, &[0, 5, COUNT])
        .call(Call::Block, &[]);
    let receiver = counting_handler(receive(receiver, [0, 0]).store_eax(DATA + 4).call(Call::Halt, &[]));
    let sender = opened(SOURCE)
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindMessagePort, &[0, 5, COUNT]);
    let sender = send(send(sender, 0, [0, 0]), 1, [0, 0]).call(Call::Block, &[]);
    let sender = counting_handler(send(sender, 2, [0, 0]).store_eax(DATA + 4).call(Call::Halt, &[]));
    let config = connected(receiver, sender, queue(Flush::Window, 2, Discipline::Fifo));
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 10_000, &mut tape);
    assert_eq!(words(&machine, A, DATA), [1, 4]);
    assert_eq!(words(&machine, B, DATA), [1, 0]);
    let source = Source::MessagePort(0);
    let account = |id| machine.partition(id).ledger().unwrap().account(source);
    assert_eq!(account(B), Account { raised: 1, delivered: 1, ..Account::default() });
    // The run is over before the end of the window would show the third message.
    let expected = Account { raised: 2, delivered: 1, coalesced: 1, ..Account::default() };
    assert_eq!(account(A), expected);
    assert_eq!(tape.count(|event| matches!(event, Event::MessageReceived { channel: 0, length: 4 })), 1);
}

#[test]
fn partitions_that_wait_for_each_others_messages_are_deadlocked() {
    let waiter = || receive(opened(DESTINATION), FOREVER).call(Call::Halt, &[]);
    let mut config = connected(waiter(), waiter(), queue(Flush::Window, 1, Discipline::Fifo));
    config.message_channels.push(MessageChannel {
        from: A,
        to: vec![B],
        ..config.message_channels[0].clone()
    });
    let mut machine = Machine::of_system(config).unwrap();
    let progress = run(&mut machine, 1_000_000, &mut Unrecorded);
    let Progress::Finished(Outcome::Crashed(crash)) = progress else { panic!("{progress:?}") };
    assert_eq!(crash.reason, CrashReason::Deadlock);
    assert!(machine.clock().units() < 10_000);
}

#[test]
fn a_receiver_that_starts_again_finds_no_message_from_before() {
    // A fails in its second window, with a message in its queue, and then looks for one.
    let restarted = BASE + 0x200;
    let receiver = Code::default()
        .raw(&[0x83, 0x7b, crate::abi::start_info::RESTART_COUNT as u8, 0]) // cmp dword [ebx + restart count], 0
        .raw(&[0x74, 5]) // je: over the jump
        .jump(restarted)
        .call(Call::Yield, &[])
        .raw(&[0x0f, 0x0b])
        .at(0x200)
        .call(Call::MessagePortOpen, &[NAME, 4, DESTINATION]);
    let receiver = receive(receiver, [0, 0]).store_eax(DATA).call(Call::Halt, &[]);
    let sender = send(opened(SOURCE), 0, [0, 0]).call(Call::Halt, &[]);
    let mut config = connected(receiver, sender, queue(Flush::Window, 2, Discipline::Fifo));
    config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::ColdRestart);
    let mut machine = Machine::of_system(config).unwrap();
    let mut tape = Tape::default();
    run(&mut machine, 5_000, &mut tape);
    assert_eq!(tape.count(|event| matches!(event, Event::Restart { .. })), 1);
    assert_eq!(tape.count(|event| matches!(event, Event::MessagesDropped { channel: 0, count: 1 })), 1);
    assert_eq!(words(&machine, A, DATA), [CallError::NotAvailable.code()]);
}

#[test]
fn a_sender_that_starts_again_takes_back_what_was_not_flushed() {
    for (flush, received) in [(Flush::Frame, 1), (Flush::Window, 1), (Flush::Immediate, 2)] {
        // B sends and fails at once, is started again, and the second time it fails it is stopped.
        let sender = send(opened(SOURCE), 0, [0, 0]).raw(&[0x0f, 0x0b]);
        let mut receiver = opened(DESTINATION);
        for place in 0..2 {
            receiver = receive(receiver, [0x7fff_ffff, 0]).store_eax(DATA + 4 * place);
        }
        let mut config = connected(receiver.call(Call::Halt, &[]), sender, queue(flush, 4, Discipline::Fifo));
        config.partitions[1].health.set(HealthEvent::Exception(6), HealthAction::ColdRestart);
        config.partitions[1].restarts_most = 1;
        let mut machine = Machine::of_system(config).unwrap();
        run(&mut machine, 5_000, &mut Unrecorded);
        let results: [u32; 2] = words(&machine, A, DATA);
        let count = results.iter().filter(|result| **result == MESSAGE_BYTES).count();
        assert_eq!(count, received, "{flush:?} {results:x?}");
    }
}

#[test]
fn a_restart_of_all_leaves_no_message() {
    // B writes a sample when it starts for the first time; A fails after it, and then all start again.
    let writer = |code: Code| code.call(Call::SamplingWrite, &[0, MESSAGES, 4]).call(Call::Halt, &[]);
    let reader = read(opened(DESTINATION)).store_eax(DATA).call(Call::Yield, &[]).raw(&[0x0f, 0x0b]);
    let channel = sampling(Flush::Immediate, &[A]);
    let mut config = connected(reader, writer(opened(SOURCE)), channel);
    config.partitions[0].health.set(HealthEvent::Exception(6), HealthAction::RestartSystem);
    let mut machine = Machine::of_system(config).unwrap();
    // A reads in its first window, fails at 2,500 and reads again at once.
    run(&mut machine, 2_900, &mut Unrecorded);
    assert_eq!(words(&machine, A, DATA), [CallError::NotAvailable.code()]);
}

/// A, B and C in turns; B writes for A and C.
fn three(readers: [Code; 2], writer: Code, channels: Vec<MessageChannel>) -> SystemConfig {
    let [first, third] = readers.map(with_data);
    let mut config = system(&first, &with_data(writer));
    let partition = PartitionConfig {
        memory_bytes: 1 << 20,
        console_input: false,
        ..PartitionConfig::new("c", third.image())
    };
    config.partitions.push(partition);
    config.plans = vec![plan(3_000, &[window(A, 0, 1_000), window(B, 1_000, 1_000), window(C, 2_000, 900)])];
    config.message_channels = channels;
    config
}

#[test]
fn each_of_several_readers_reads_for_itself() {
    let writer = opened(SOURCE).call(Call::SamplingWrite, &[0, MESSAGES, 4]).call(Call::Halt, &[]);
    let wait = |code: Code| code.call(Call::Yield, &[]);
    let twice = read(read(wait(opened(DESTINATION)))).call(Call::Halt, &[]);
    let once = read(wait(opened(DESTINATION))).call(Call::Halt, &[]);
    let config = three([twice, once], writer, vec![sampling(Flush::Window, &[A, C])]);
    let mut machine = Machine::of_system(config).unwrap();
    run(&mut machine, 10_000, &mut Unrecorded);
    // Length, validity, whether it is new, number; it is too old for C.
    let news = |id| words::<6>(&machine, id, INFO)[2..].to_vec();
    assert_eq!((news(A), news(C)), (vec![4, 0, 0, 1], vec![4, 0, 1, 1]));
}

#[test]
fn messages_of_others_change_nothing_for_a_partition_without_a_channel() {
    let stranger = || {
        let code = Code::default().call(Call::MessagePortOpen, &[NAME, 4, DESTINATION]).store_eax(DATA);
        let again = code.here();
        code.call(Call::TimeNow, &[DATA + 8]).increment(DATA + 16).jump(again)
    };
    let tape_of_stranger = |talk: bool| {
        let (reader, writer) = if talk {
            let writer = opened(SOURCE);
            let again = writer.here();
            let reader = opened(DESTINATION);
            let again_too = reader.here();
            (receive(reader, FOREVER).jump(again_too), send(writer, 0, FOREVER).jump(again))
        } else {
            (idle(), idle())
        };
        let config = three([reader, stranger()], writer, vec![queue(Flush::Window, 3, Discipline::Priority)]);
        let mut machine = Machine::of_system(config).unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 30_000, &mut tape);
        let received = tape.count(|event| matches!(event, Event::MessageReceived { .. }));
        assert_eq!(received > 20, talk, "{received}");
        assert_eq!(words(&machine, C, DATA), [CallError::NoSuchObject.code()]);
        tape.steps.retain(|step| step.0.partition == C);
        tape.events.retain(|event| event.0.partition == C);
        tape
    };
    let alone = tape_of_stranger(false);
    assert!(alone.steps.len() > 1_000);
    assert_eq!(tape_of_stranger(true), alone);
}

#[test]
fn a_message_that_is_not_there_yet_is_no_illegal_call() {
    for (arguments, told) in [([0, BUFFER, 4, INFO], 0), ([9, BUFFER, 4, INFO], 1)] {
        let reader = opened(DESTINATION)
            .call(Call::SamplingRead, &arguments)
            .call(Call::SamplingRead, &arguments)
            .call(Call::Halt, &[]);
        let mut config = connected(reader, idle(), sampling(Flush::Window, &[A]));
        config.partitions[0].illegal_calls = Some(CallRate { most: 1, period_ns: 1_000_000 });
        config.partitions[0].health.set(HealthEvent::IllegalCalls, HealthAction::Log);
        let mut machine = Machine::of_system(config).unwrap();
        let mut tape = Tape::default();
        run(&mut machine, 2_000, &mut tape);
        assert_eq!(tape.count(|event| matches!(event, Event::Health { .. })), told);
    }
}

#[test]
fn a_run_in_small_slices_sends_and_receives_the_same() {
    let config = || {
        let (writer, reader) = (opened(SOURCE), opened(DESTINATION));
        let (again, again_too) = (writer.here(), reader.here());
        let writer = send(send(writer, 0, FOREVER), 1, FOREVER).jump(again);
        let reader = receive(reader, [90_000, 0]).increment(DATA).jump(again_too);
        connected(reader, writer, queue(Flush::Frame, 3, Discipline::Priority))
    };
    let mut whole = Machine::of_system(config()).unwrap();
    let mut tape = Tape::default();
    run(&mut whole, 12_000, &mut tape);
    for slice_units in [1, 7, 999] {
        let mut sliced = Machine::of_system(config()).unwrap();
        let mut pieces = Tape::default();
        let limits = Limits { time_ns: Some(120_000), slice_units: Some(slice_units), ..Limits::default() };
        while !matches!(sliced.run(&limits, &mut pieces), Progress::Finished(_)) {}
        assert_eq!(pieces, tape);
        assert_eq!(sliced.digest(), whole.digest());
    }
}
