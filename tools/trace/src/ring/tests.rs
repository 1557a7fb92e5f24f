//! A ring gives back exactly what it was given, and no more than was asked for.

use super::{Forgotten, Measure, Outlet, Ring};
use crate::test_record::{Lines, Run};
use emulator::cpu::EAX;
use emulator::{Access, AccessKind, Cpu, Step};
use hypervisor_core::{Elision, Event, Recorder, Stamp};

#[derive(Default)]
struct Out {
    lines: Lines,
    forgotten: usize,
}

impl Recorder for Out {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.lines.instruction(stamp, step);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.lines.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.lines.elided(stamp, elision);
    }
}

impl Outlet for Out {
    fn forgotten(&mut self, _: Stamp, _: Forgotten<'_>) {
        self.forgotten += 1;
    }
}

/// Puts what it is told into a ring.
struct In(Ring, Out);

impl In {
    fn new(measure: Measure, most: usize) -> Self {
        Self(Ring::new(measure, most), Out::default())
    }

    fn hand_on(&mut self) {
        while self.0.hand_on(&mut self.1) {}
    }
}

impl Recorder for In {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.instruction(stamp, step, &mut self.1);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.event(stamp, event, &mut self.1);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.elided(stamp, elision, &mut self.1);
    }
}

#[test]
fn every_part_of_the_processor_comes_back() {
    let mut ring = In::new(Measure::Records, 100);
    let mut run = Run::new();
    type Change = (fn(&mut Cpu), &'static [u8]);
    let changes: [Change; 8] = [
        (|cpu| cpu.registers[EAX] = 7, &[0xb8, 7, 0, 0, 0]),
        (|cpu| cpu.segments[4].base = 0x1234, &[0x8e, 0xe0]),
        (|cpu| cpu.fpu.registers[3].significand = 5, &[0xd9, 0xe8]),
        (|cpu| cpu.sse.xmm[2] = 9, &[0x0f, 0x57, 0xd2]),
        (|cpu| cpu.interrupt_shadow = true, &[0x8e, 0xd0]),
        (|cpu| cpu.interrupt_shadow = false, &[0x90]),
        (|cpu| cpu.eflags ^= 1, &[0xf9]),
        (|cpu| cpu.system.cr2 = 3, &[0xcd, 0x80]),
    ];
    let mut expected = Vec::new();
    for (place, (change, bytes)) in changes.into_iter().enumerate() {
        change(&mut run.cpu);
        let read = Access { kind: AccessKind::Read, address: 4, length_bytes: 1, value: place as u64 };
        run.step(&mut ring, 0x100, bytes, 0x200, &vec![read; place]);
        expected.push((run.cpu.clone(), vec![read; place]));
    }
    // What an event changes belongs to no instruction.
    run.event(&mut ring);
    run.cpu.segments[5].selector = 0x33;
    run.instruction(&mut ring, 0x300);
    expected.push((run.cpu.clone(), Vec::new()));
    ring.hand_on();
    let found: Vec<_> = ring.1.lines.processors.into_iter().zip(ring.1.lines.accesses).collect();
    assert!(found == expected, "{found:#?}\n{expected:#?}");
}

#[test]
fn as_many_come_back_as_were_asked_for_and_the_others_are_told_of() {
    for (most, fed) in [(1, 1), (1, 5000), (10, 9), (10, 4106), (5000, 20_000), (4096, 8192)] {
        let mut ring = In::new(Measure::Records, most);
        let mut run = Run::new();
        for number in 0..fed {
            if number % 3 == 0 {
                run.event(&mut ring);
            } else {
                run.instruction(&mut ring, number as u32);
            }
        }
        ring.hand_on();
        assert_eq!(ring.1.lines.lines.len(), most.min(fed), "{most} of {fed}");
        assert_eq!(ring.1.forgotten, fed - most.min(fed), "{most} of {fed}");
    }
}

#[test]
fn a_ring_of_instructions_takes_the_events_between_them_along() {
    let mut ring = In::new(Measure::Instructions, 2);
    let mut run = Run::new();
    for number in 0..4 {
        run.instruction(&mut ring, 0x100 + number);
        run.event(&mut ring);
    }
    ring.hand_on();
    assert_eq!(ring.1.lines.text(), "#2 event; #2 102; #3 event; #3 103; #4 event");
    assert_eq!(ring.1.forgotten, 3);
}

#[test]
fn large_records_make_the_ring_shorter_and_not_bigger() {
    let mut ring = In::new(Measure::Records, 1000);
    let mut run = Run::new();
    for _ in 0..1000 {
        run.tell(&mut ring, &Event::ConsoleOutput(vec![b'x'; 100_000]));
    }
    assert!(ring.0.bytes <= super::BYTES_LEAST + 400_000, "{}", ring.0.bytes);
    ring.hand_on();
    let kept = ring.1.lines.lines.len();
    assert!(kept > 5 && kept + ring.1.forgotten == 1000, "{kept}");
}
