//! An event at every boundary between two instructions leaves registers, flags, floating-point state, memory and the
//! instructions that follow as they are without it.
//!
//! The guest is guest-images/proofs/transparency.c. Each of its sections runs once without the event, and once for each boundary with
//! it; then with a handler that switches threads, and with a few events close together.

mod rig;
mod stream;

use rig::Rig;
use stream::{Checker, Reference};

/// The sections of the guest, by the first character of its command line.
const SECTIONS: [&str; 10] = [
    "levels",
    "flashes",
    "returns",
    "waits",
    "switches of the stack",
    "repeated instructions",
    "x87, MMX and SSE",
    "loads of SS",
    "calls",
    "integers and flags",
];

/// Runs a section with `count` events from each of its boundaries on; returns how many boundaries there were.
fn try_every_boundary(section: usize, handler: &str, count: u64) -> usize {
    let rig = Rig::new(&format!("{section}{handler}"));
    let mut reference = Reference::default();
    let expected = rig.run(None, &mut reference);
    let Reference { units, boundaries, .. } = reference;
    assert!(units.len() > 10, "{}: {} units", SECTIONS[section], units.len());
    for boundary in &boundaries {
        let mut checker = Checker::new(&units);
        let left = rig.run(Some((boundary.now_ns, count)), &mut checker);
        let difference = checker.difference().or_else(|| rig.difference(&expected, &left));
        if let Some(difference) = difference {
            panic!(
                "{}, handler {handler:?}: {count} events before {}: {difference}",
                SECTIONS[section], boundary.text
            );
        }
        assert_eq!(left.line_events, count, "{}, before {}", SECTIONS[section], boundary.text);
    }
    boundaries.len()
}

fn try_all(handler: &str, count: u64) -> usize {
    let boundaries: usize =
        (0..SECTIONS.len()).map(|section| try_every_boundary(section, handler, count)).sum();
    println!("{boundaries} boundaries");
    boundaries
}

#[test]
fn an_event_at_any_boundary_changes_nothing_of_what_was_interrupted() {
    assert!(try_all("", 1) > 1_500);
}

#[test]
fn a_handler_that_switches_threads_changes_nothing_of_what_was_interrupted() {
    assert!(try_all("t", 1) > 1_500);
}

#[test]
fn events_close_together_change_nothing_of_what_was_interrupted() {
    for handler in ["", "t"] {
        assert!(try_all(handler, 5) > 1_500);
    }
}

#[test]
fn the_comparison_names_the_instruction_and_what_differs() {
    let rig = Rig::new("0");
    let mut reference = Reference::default();
    let expected = rig.run(None, &mut reference);
    reference.units[7].registers[3] ^= 1;
    let mut checker = Checker::new(&reference.units);
    let left = rig.run(None, &mut checker);
    let difference = checker.difference().unwrap();
    assert!(difference.contains("unit 7") && difference.contains("EBX"), "{difference}");
    assert_eq!(rig.difference(&expected, &left), None);
    let (mut changed, address) = (left.clone(), rig.address_of("results"));
    changed.ram[(address - rig::RAM) as usize] ^= 1;
    let difference = rig.difference(&expected, &changed).unwrap();
    assert!(difference.contains(&format!("{address:08x}h")), "{difference}");
}
