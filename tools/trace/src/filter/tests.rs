//! What passes a filter, and what is told of the rest.

use super::{Choice, Filter, Gaps, Instant, Kinds, Places, Selection, Trigger};
use crate::test_record::{Lines, Run};
use emulator::cpu::ESP;
use emulator::decode::InstructionClass;
use emulator::{Access, AccessKind};
use hypervisor_core::{Event, PartitionId, Recorder};
use std::convert::Infallible;

fn ended(mut filter: Filter<Lines>, runs: &[&Run]) -> String {
    let Ok(()) = filter.finish(runs.iter().map(|run| run.stamp), |_| Ok::<_, Infallible>(()));
    filter.inner().text()
}

/// The text of what comes of ten NOPs from 0x100 on, with a mark after the fourth and a trap after the seventh.
fn of_ten(choice: Choice) -> String {
    let mut filter = Filter::new(choice, Lines::default());
    let mut run = Run::new();
    for number in 0..10 {
        run.instruction(&mut filter, 0x100 + number);
        if number == 3 {
            run.tell(&mut filter, &Event::Mark { id: 7, payload: 0 });
        }
        if number == 6 {
            let trap = Event::Trap { vector: 14, error_code: None, address: None, eip: 0, handler: 0 };
            run.tell(&mut filter, &trap);
        }
    }
    ended(filter, &[&run])
}

fn at(what: Instant) -> Option<Trigger> {
    Some(Trigger { partition: None, what })
}

fn address(address: u32) -> Option<Trigger> {
    at(Instant::Address(vec![Some(address)]))
}

#[test]
fn everything_passes_without_a_choice() {
    let text = of_ten(Choice::everything(1));
    assert!(text.starts_with("#0 100; #1 101; ") && text.ends_with("#8 108; #9 109"), "{text}");
    assert!(text.contains("#3 103; #4 mark 7; #4 104") && !text.contains("elided"), "{text}");
}

#[test]
fn a_window_goes_from_the_first_record_at_a_trigger_to_the_first_at_another() {
    let none = || None::<Trigger>;
    for (from, to, text) in [
        (address(0x108), none(), "elided 8+2 since 0: Filter; #8 108; #9 109"),
        (none(), address(0x101), "#0 100; #1 101; elided 8+2 since 2: Filter"),
        (
            at(Instant::Number(8)),
            at(Instant::Number(8)),
            "elided 8+2 since 0: Filter; #8 108; elided 1+0 since 9: Filter",
        ),
        (
            at(Instant::Mark(7)),
            at(Instant::Trap(14)),
            "elided 4+0 since 0: Filter; #4 mark 7; #4 104; #5 105; #6 106; #7 trap 14; elided 3+0 since 7: Filter",
        ),
        // Each takes 10 ns: a time is the first record at it, and none at the end.
        (
            at(Instant::Time(80)),
            at(Instant::Time(90)),
            "elided 8+2 since 0: Filter; #8 108; elided 1+0 since 9: Filter",
        ),
        (address(0x999), none(), "elided 10+2 since 0: Filter"),
    ] {
        assert_eq!(of_ten(Choice { from, to, ..Choice::everything(1) }), text);
    }
}

#[test]
fn a_window_opens_and_closes_once() {
    let choice = Choice { from: address(0x100), to: address(0x101), ..Choice::everything(1) };
    let mut filter = Filter::new(choice, Lines::default());
    let mut run = Run::new();
    for _ in 0..3 {
        run.instruction(&mut filter, 0x100);
        run.instruction(&mut filter, 0x101);
    }
    assert!(filter.passed().began && filter.passed().records == 2);
    assert_eq!(ended(filter, &[&run]), "#0 100; #1 101; elided 4+0 since 2: Filter");
}

#[test]
fn surroundings_are_so_many_instructions_on_both_sides_of_each_time() {
    let around = |what: Instant, units| {
        of_ten(Choice { around: Some((Trigger { partition: None, what }, units)), ..Choice::everything(1) })
    };
    assert_eq!(
        around(Instant::Mark(7), 1),
        "elided 3+0 since 0: Filter; #3 103; #4 mark 7; #4 104; elided 5+1 since 5: Filter"
    );
    assert_eq!(
        around(Instant::Address(vec![Some(0x108)]), 1),
        "elided 7+1 since 0: Filter; #7 trap 14; #7 107; #8 108; #9 109"
    );
    assert_eq!(
        around(Instant::Number(5), 0),
        "elided 5+1 since 0: Filter; #5 105; elided 4+1 since 6: Filter"
    );
    assert!(around(Instant::Mark(8), 3).starts_with("elided 10+2"));
}

#[test]
fn kinds_classes_code_and_data_choose_instructions() {
    let select = |change: fn(&mut Selection)| {
        let mut choice = Choice::everything(1);
        change(&mut choice.selection);
        let mut filter = Filter::new(choice, Lines::default());
        let mut run = Run::new();
        let access = |kind, address| Access { kind, address, length_bytes: 4, value: 0 };
        run.instruction(&mut filter, 0x100);
        run.step(&mut filter, 0x101, &[0xc3], 0x200, &[access(AccessKind::Read, 0x8000)]);
        run.event(&mut filter);
        run.step(&mut filter, 0x200, &[0x89, 0x08], 0x202, &[access(AccessKind::Write, 0x5000)]);
        run.event(&mut filter);
        ended(filter, &[&run])
    };
    let reads = "elided 1+0 since 0: Filter; #1 101; elided 1+2 since 2: Filter";
    assert_eq!(select(|selection| selection.kinds = Kinds::of_word("reads").unwrap()), reads);
    assert_eq!(
        select(|selection| {
            selection.kinds = Kinds::INSTRUCTIONS;
            selection.classes = Some(InstructionClass::Return.bit());
        }),
        reads
    );
    let writes_text = select(|selection| selection.kinds = Kinds::of_word("writes").unwrap());
    assert_eq!(writes_text, "elided 2+1 since 0: Filter; #2 200; elided 0+1 since 3: Filter");
    assert_eq!(
        select(|selection| {
            selection.kinds = Kinds::INSTRUCTIONS;
            let mut data = Places::none(1);
            data.add(0, 0x5003, 0x5003);
            selection.data = Some(data);
        }),
        writes_text
    );
    // An event belongs to the place of the instruction before it.
    assert_eq!(
        select(|selection| {
            let mut code = Places::none(1);
            code.add(0, 0x101, 0x1ff);
            selection.code = Some(code);
        }),
        "elided 1+0 since 0: Filter; #1 101; #2 event; elided 1+1 since 2: Filter"
    );
}

#[test]
fn a_function_is_chosen_with_or_without_what_it_calls() {
    let of = |callees| {
        let mut choice = Choice::everything(1);
        let mut functions = Places::none(1);
        functions.add(0, 0x100, 0x10f);
        choice.selection.functions = Some(functions);
        choice.selection.callees = callees;
        let mut filter = Filter::new(choice, Lines::default());
        let mut run = Run::new();
        let esp = run.cpu.registers[ESP];
        for (eip, depth) in [(0x50, 0), (0x100, 4), (0x200, 8), (0x201, 8), (0x101, 4), (0x51, 0), (0x200, 4)]
        {
            run.cpu.registers[ESP] = esp - depth;
            run.instruction(&mut filter, eip);
        }
        ended(filter, &[&run])
    };
    assert_eq!(
        of(false),
        "elided 1+0 since 0: Filter; #1 100; elided 2+0 since 2: Filter; #4 101; elided 2+0 since 5: Filter"
    );
    assert_eq!(
        of(true),
        "elided 1+0 since 0: Filter; #1 100; #2 200; #3 201; #4 101; elided 2+0 since 5: Filter"
    );
}

#[test]
fn the_guest_stops_and_starts_its_trace_also_where_nothing_is_recorded() {
    let run_with = |from: Option<Trigger>| {
        let mut filter = Filter::new(Choice { from, ..Choice::everything(1) }, Lines::default());
        let mut run = Run::new();
        run.instruction(&mut filter, 0x100);
        run.tell(&mut filter, &Event::TraceStop);
        run.instruction(&mut filter, 0x101);
        run.event(&mut filter);
        run.instruction(&mut filter, 0x102);
        run.tell(&mut filter, &Event::TraceStart);
        run.instruction(&mut filter, 0x103);
        ended(filter, &[&run])
    };
    assert_eq!(
        run_with(None),
        "#0 100; #1 stop; elided 1+0 since 1: Guest; #2 event; elided 1+0 since 2: Guest; #3 start; #3 103"
    );
    assert_eq!(
        run_with(at(Instant::Number(2))),
        "elided 2+1 since 0: Filter; #2 event; elided 1+0 since 2: Guest; #3 start; #3 103"
    );
}

#[test]
fn partitions_have_gaps_of_their_own_and_those_not_shown_have_none() {
    let mut choice = Choice::everything(3);
    choice.partitions[2] = false;
    choice.selection.kinds = Kinds::of_word("marks").unwrap();
    let mut filter = Filter::new(choice, Lines::default());
    let mut runs = [Run::new(), Run::of_partition(1), Run::of_partition(2)];
    for run in &mut runs {
        run.instruction(&mut filter, 0x100);
        run.tell(&mut filter, &Event::Mark { id: 1, payload: 0 });
    }
    assert_eq!(
        ended(filter, &[&runs[0], &runs[1], &runs[2]]),
        "elided 1+0 since 0: Filter; #1 mark 1; elided 1+0 since 0: Filter; 1#1 mark 1"
    );
}

#[test]
fn gaps_can_be_told_together_at_the_end() {
    let mut choice = Choice { gaps: Gaps::Total, ..Choice::everything(1) };
    choice.selection.kinds = Kinds::of_word("marks").unwrap();
    assert_eq!(of_ten(choice), "#4 mark 7; elided 10+1 since 0: Filter");
}

#[test]
fn the_last_records_that_were_chosen_come_at_the_end() {
    let mut choice = Choice { last: Some(2), ..Choice::everything(1) };
    choice.from = address(0x102);
    assert_eq!(of_ten(choice), "elided 8+2 since 0: Ring; #8 108; #9 109");
}

#[test]
fn what_is_read_of_a_filtered_record_keeps_its_gaps() {
    let mut filter =
        Filter::new(Choice { from: at(Instant::Number(4)), ..Choice::everything(1) }, Lines::default());
    let mut run = Run::new();
    let gap = |since, instructions, events| hypervisor_core::Elision {
        since,
        instructions,
        events,
        omission: hypervisor_core::Omission::Filter,
    };
    run.stamp.instruction = 3;
    filter.elided(run.stamp, &gap(0, 3, 2));
    run.instruction(&mut filter, 0x100);
    run.instruction(&mut filter, 0x101);
    run.stamp.instruction = 9;
    filter.elided(run.stamp, &gap(5, 4, 1));
    run.instruction(&mut filter, 0x102);
    assert_eq!(
        ended(filter, &[&run]),
        "elided 4+2 since 0: Filter; #4 101; elided 4+1 since 5: Filter; #9 102"
    );
}

#[test]
fn a_trigger_of_one_partition_is_not_that_of_another() {
    let trigger = Trigger { partition: Some(PartitionId(1)), what: Instant::Mark(3) };
    let mut filter = Filter::new(Choice { from: Some(trigger), ..Choice::everything(2) }, Lines::default());
    let (mut first, mut second) = (Run::new(), Run::of_partition(1));
    first.tell(&mut filter, &Event::Mark { id: 3, payload: 0 });
    second.tell(&mut filter, &Event::Mark { id: 3, payload: 0 });
    first.instruction(&mut filter, 0x100);
    assert_eq!(ended(filter, &[&first, &second]), "1#0 mark 3; elided 0+1 since 0: Filter; #0 100");
}

#[test]
fn a_choice_within_another_passes_what_both_want() {
    let kinds = |kinds| Selection { kinds, ..Selection::everything() };
    let marks = || Kinds::of_word("marks").expect("a kind");
    let everything = || Choice::everything(1);
    // The trigger is an instruction that the outer one leaves out.
    let outer =
        Choice { selection: kinds(marks().and(Kinds::of_word("traps").expect("a kind"))), ..everything() };
    let inner = Choice { from: address(0x105), ..everything() };
    assert_eq!(
        of_ten(inner.within(outer)),
        "elided 7+1 since 0: Filter; #7 trap 14; elided 3+0 since 7: Filter"
    );
    let outer = Choice { from: address(0x102), to: address(0x107), ..everything() };
    let inner = Choice { from: address(0x106), to: at(Instant::Number(20)), ..everything() };
    assert_eq!(
        of_ten(inner.within(outer)),
        "elided 6+1 since 0: Filter; #6 106; #7 trap 14; #7 107; elided 2+0 since 8: Filter"
    );
    // What comes before it is seen by the window of the outer one.
    let outer = Choice { from: address(0x102), to: address(0x107), ..everything() };
    let inner = Choice { selection: kinds(marks()), last: Some(1), ..everything() };
    assert_eq!(
        of_ten(inner.within(outer)),
        "elided 4+0 since 0: Filter; #4 mark 7; elided 6+1 since 4: Filter"
    );
}

#[test]
fn a_choice_within_a_function_knows_when_its_window_opens_that_it_was_called() {
    let mut outer = Choice::everything(1);
    let mut functions = Places::none(1);
    functions.add(0, 0x100, 0x10f);
    outer.selection.functions = Some(functions);
    outer.selection.callees = true;
    let inner = Choice { from: address(0x201), ..Choice::everything(1) };
    let mut filter = Filter::new(inner.within(outer), Lines::default());
    let mut run = Run::new();
    let esp = run.cpu.registers[ESP];
    for (eip, depth) in [(0x50, 0), (0x100, 4), (0x200, 8), (0x201, 8), (0x101, 4), (0x51, 0)] {
        run.cpu.registers[ESP] = esp - depth;
        run.instruction(&mut filter, eip);
    }
    assert_eq!(
        ended(filter, &[&run]),
        "elided 3+0 since 0: Filter; #3 201; #4 101; elided 1+0 since 5: Filter"
    );
}

#[test]
fn a_choice_within_one_that_never_begins_says_which_one_it_is() {
    let never = || Choice { from: address(0x500), ..Choice::everything(1) };
    for (inner, outer, began) in
        [(never(), Choice::everything(1), (false, true)), (Choice::everything(1), never(), (true, false))]
    {
        let filter = Filter::new(inner.within(outer), Lines::default());
        let passed = filter.passed();
        assert_eq!((passed.began, passed.outer_began), began);
    }
}

#[test]
fn a_filter_is_over_as_soon_as_nothing_more_can_pass() {
    let everything = || Choice::everything(1);
    for (choice, records_seen) in [
        (Choice { around: at(Instant::Number(3)).map(|at| (at, 2)), ..everything() }, Some(6)),
        (Choice { around: at(Instant::Number(3)).map(|at| (at, 0)), ..everything() }, Some(4)),
        (Choice { to: address(0x104), ..everything() }, Some(5)),
        (Choice { from: at(Instant::Number(2)), length: Some(3), ..everything() }, Some(6)),
        // It may happen again.
        (Choice { around: address(0x103).map(|at| (at, 2)), ..everything() }, None),
        (Choice { from: at(Instant::Number(2)), ..everything() }, None),
    ] {
        let mut filter = Filter::new(choice.clone(), Lines::default());
        let mut run = Run::new();
        let over = (1..=10).find(|number| {
            run.instruction(&mut filter, 0xff + number);
            filter.is_over()
        });
        assert_eq!(over, records_seen, "{choice:?}");
    }
}

#[test]
fn what_is_outside_of_a_window_of_so_many_instructions_is_a_gap_unless_only_the_window_is_told_of() {
    let only = Selection { kinds: Kinds::of_word("marks").unwrap(), ..Selection::everything() };
    for (selection, told, quiet) in [
        (
            Selection::everything(),
            "elided 2+0 since 0: Filter; #2 102; #3 103; #4 mark 7; elided 3+1 since 4: Filter",
            "#2 102; #3 103; #4 mark 7",
        ),
        (
            only,
            "elided 4+0 since 0: Filter; #4 mark 7; elided 3+1 since 4: Filter",
            "elided 2+0 since 2: Filter; #4 mark 7",
        ),
    ] {
        let from = at(Instant::Number(2));
        let choice = Choice { from, length: Some(2), selection, ..Choice::everything(1) };
        assert!(choice.needs_instructions());
        for (is_quiet, expected) in [(false, told), (true, quiet)] {
            let mut filter = Filter::new(choice.clone(), Lines::default());
            if is_quiet {
                filter.tell_only_of_the_window();
            }
            let mut run = Run::new();
            for number in 0..7 {
                run.instruction(&mut filter, 0x100 + number);
                if number == 3 || number == 5 {
                    run.tell(&mut filter, &Event::Mark { id: 7, payload: 0 });
                }
            }
            assert_eq!(ended(filter, &[&run]), expected);
        }
    }
}
