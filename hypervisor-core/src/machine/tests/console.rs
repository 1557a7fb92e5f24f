//! Console input by event, its end, and waiting for a person.

use super::{COUNT, DATA, MASK, SHARED, Tape, UPCALL_PENDING, ended_well, words};
use crate::abi::{Call, shared_page};
use crate::machine::{Config, Machine};
use crate::test_images::{BASE, Code, Register, finish};
use crate::{Arrival, CrashReason, Event, Input, Limits, Outcome, Progress, Unrecorded};

const HANDLER: u32 = BASE + 0x400;
const INPUT: u32 = 1;
const END: u32 = 2;

/// Reads what there is to DATA + 16 and prints it; waits when there is nothing, ends when nothing more will come.
fn echo() -> Code {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[INPUT, 5, COUNT])
        .call(Call::EventBindInterrupt, &[END, 6, COUNT]);
    let again = code.here();
    let code = code
        .call(Call::ConsoleRead, &[DATA + 16, 64])
        .raw(&[0x85, 0xc0]) // test eax, eax
        .raw(&[0x74, 2 + 2 + 5 + 5 + 2 + 5]) // jz to the wait
        .raw(&[0x78, 2 + 5 + 5 + 2 + 5 + 5 + 2 + 5]) // js to the end
        .raw(&[0x89, 0xc1]) // mov ecx, eax
        .set(Register::Ebx, DATA + 16)
        .call(Call::ConsoleWrite, &[])
        .jump(again)
        .call(Call::Block, &[])
        .jump(again)
        .call(Call::Shutdown, &[0]);
    code.at(0x400)
        .increment(DATA)
        .store(UPCALL_PENDING, 0)
        .store(SHARED + shared_page::SELECTOR, 0)
        .store(SHARED + shared_page::EVENT_PENDING, 0)
        .iret()
}

fn bytes(unit: u64, bytes: &[u8]) -> Input {
    Input { unit, what: Arrival::Bytes(bytes.to_vec()) }
}

#[test]
fn whole_input_is_there_at_time_zero_and_its_end_is_an_event() {
    let mut machine = echo().machine();
    machine.give_whole_input(b"one\n\xff\x00two".to_vec());
    let (outcome, output) = finish(&mut machine, &mut Unrecorded);
    ended_well(&outcome);
    assert_eq!(output, b"one\n\xff\x00two");
    assert_eq!(machine.arrived_input()[0].unit, 0);
}

#[test]
fn a_guest_that_only_input_can_wake_asks_for_it() {
    let mut machine = echo().machine();
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), Progress::InputWanted);
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), Progress::Idle { until_units: None });
    let now = machine.clock().units();
    machine.give_input(bytes(now + 500, b"late"));
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), Progress::Idle { until_units: None });
    assert_eq!(machine.take_output(), b"late");
    assert!(machine.clock().units() > now + 500);
    machine.give_input(Input { unit: 0, what: Arrival::End });
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
}

#[test]
fn the_caller_is_asked_for_input_once_and_before_the_first_read() {
    let code = Code::default()
        .call(Call::ConsoleRead, &[DATA, 4])
        .store_eax(DATA + 8)
        .call(Call::ConsoleRead, &[DATA, 4])
        .call(Call::Shutdown, &[0]);
    let mut machine = code.machine();
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), Progress::InputWanted);
    machine.give_whole_input(b"ab".to_vec());
    let end = machine.run(&Limits::default(), &mut Unrecorded);
    assert_eq!(end, Progress::Finished(Outcome::Shutdown { code: 0 }));
    assert_eq!(words(&machine, DATA + 8), [2]);

    let mut given_before = code.machine();
    given_before.give_whole_input(b"ab".to_vec());
    let end = given_before.run(&Limits::default(), &mut Unrecorded);
    assert_eq!(end, Progress::Finished(Outcome::Shutdown { code: 0 }));
}

#[test]
fn recorded_input_makes_the_same_run() {
    let mut first = echo().machine();
    let mut tape = Tape::default();
    assert_eq!(first.run(&Limits::default(), &mut tape), Progress::InputWanted);
    for text in [&b"ab"[..], b"c"] {
        first.run(&Limits::default(), &mut tape);
        let unit = first.clock().units() + 1_000;
        first.give_input(bytes(unit, text));
    }
    first.run(&Limits::default(), &mut tape);
    first.give_input(Input { unit: 0, what: Arrival::End });
    let (_, output) = finish(&mut first, &mut tape);
    let mut again = echo().machine();
    for input in first.arrived_input() {
        again.give_input(input.clone());
    }
    let mut second_tape = Tape::default();
    let (outcome, second_output) = finish(&mut again, &mut second_tape);
    ended_well(&outcome);
    assert_eq!((output.as_slice(), second_output.as_slice()), (&b"abc"[..], &b"abc"[..]));
    assert_eq!(first.digest(), again.digest());
    assert_eq!(tape, second_tape);
}

#[test]
fn input_that_nobody_is_told_of_does_not_wake() {
    let mut machine = Code::default().call(Call::Block, &[]).machine();
    machine.give_whole_input(b"x".to_vec());
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    let Outcome::Crashed(crash) = outcome else { panic!("{outcome:?}") };
    assert_eq!(crash.reason, CrashReason::Deadlock);
}

#[test]
fn a_port_bound_late_is_told_of_what_waits() {
    let code = Code::default()
        .call(Call::EventBindInterrupt, &[INPUT, 5, COUNT])
        .call(Call::EventBindInterrupt, &[END, 6, COUNT])
        .load_eax(SHARED + shared_page::EVENT_PENDING)
        .store_eax(DATA)
        .call(Call::Shutdown, &[0]);
    for (input, pending) in [(&b"x"[..], 1 << 5 | 1 << 6), (b"", 1 << 6)] {
        let mut machine = code.machine();
        machine.give_whole_input(input.to_vec());
        ended_well(&finish(&mut machine, &mut Unrecorded).0);
        assert_eq!(words(&machine, DATA), [pending]);
    }
}

#[test]
fn an_interactive_machine_idles_only_as_long_as_it_may() {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetOneShot, &[1_000_000, 0])
        .call(Call::Block, &[])
        .call(Call::Shutdown, &[0])
        .at(0x400)
        .store(UPCALL_PENDING, 0)
        .store(MASK, 1)
        .iret();
    let config = Config { interactive: true, ..Config::default() };
    let mut machine = Machine::new(code.image(), config).unwrap();
    let asks = Progress::Idle { until_units: Some(100_000) };
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), asks);
    machine.idle_until(40_000);
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), asks);
    assert_eq!(machine.clock().units(), 40_000);
    machine.idle_until(200_000);
    ended_well(&finish(&mut machine, &mut Unrecorded).0);
    assert!((100_000..100_100).contains(&machine.clock().units()));
}

#[test]
fn output_is_told_once_and_handed_out_line_by_line() {
    let code = Code::default()
        .call(Call::ConsoleWrite, &[BASE + 0x100, 3])
        .call(Call::ConsoleWrite, &[BASE + 0x100, 3])
        .call(Call::Shutdown, &[0])
        .at(0x100)
        .raw(b"ab\n");
    let mut machine = code.machine();
    let mut tape = Tape::default();
    for _ in 0..2 {
        assert_eq!(machine.run(&Limits::default(), &mut tape), Progress::Output);
        assert_eq!(machine.take_output(), b"ab\n");
    }
    ended_well(&finish(&mut machine, &mut tape).0);
    assert_eq!(tape.count(|event| *event == Event::ConsoleOutput(b"ab\n".to_vec())), 2);
}

#[test]
fn asking_for_input_changes_nothing_of_when_a_burst_of_ticks_comes() {
    const BURST: u32 = 1;
    let code = Code::default()
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::TimerSetPeriodic, &[1_000, 0, BURST])
        .set(Register::Ecx, 500);
    // loop: ticks are missed meanwhile; then the guest takes one without an exit, and reads.
    let code = code.raw(&[0xe2, 0xfe]).store(SHARED + shared_page::EVENT_PENDING, 0);
    let code = code.call(Call::ConsoleRead, &[DATA, 4]).call(Call::Shutdown, &[0]);
    let ticks = |machine: &mut Machine| {
        let mut tape = Tape::default();
        if machine.run(&Limits::default(), &mut tape) == Progress::InputWanted {
            machine.give_input(bytes(1_000_000, b"late"));
            ended_well(&finish(machine, &mut tape).0);
        }
        tape.events.retain(|(_, event)| matches!(event, Event::EventRaised { .. }));
        tape.events
    };
    let mut known = code.machine();
    known.give_input(bytes(1_000_000, b"late"));
    let known = ticks(&mut known);
    assert_eq!(known.len(), 2);
    assert_eq!(ticks(&mut code.machine()), known);
}
