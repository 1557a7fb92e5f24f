//! Random runs with random changes: what was changed is found again.

use super::{By, Collector, Comparison, Counts, Ending, Ignored, Mark, Row, Rules, Settings, View, Wanted};
use crate::filter::Kinds;
use crate::test_record::Run;
use emulator::cpu::EAX;
use emulator::{Access, AccessKind, flags};
use hypervisor_core::Event;
use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};

/// What a test changes of one instruction: the run, its accesses and its bytes.
type Change = Box<dyn Fn(&mut Run, &mut Vec<Access>, &mut Vec<u8>)>;

/// An instruction: where, what EAX is after it, and what it writes.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Did(u32, u32, Option<u64>);

const WANTED: Wanted = Wanted { only: Kinds::ALL, ignored: Kinds::NONE, folds_repeats: false };
const SETTINGS: Settings =
    Settings { rules: Rules { by: By::Address, ignored: NOTHING }, context: 2, resync: Some(20), shown: 100 };
const NOTHING: Ignored = Ignored {
    bytes: false,
    registers: 0,
    flags: 0,
    segments: false,
    x87: false,
    sse: false,
    accesses: false,
    values: false,
    time: false,
};

fn rows_of(run: impl FnOnce(&mut Run, &mut Collector)) -> Vec<Row> {
    let mut collector = Collector::new(WANTED, &[true]);
    run(&mut Run::new(), &mut collector);
    std::mem::take(collector.rows_of(0).unwrap())
}

fn rows(instructions: &[Did]) -> Vec<Row> {
    rows_of(|run, collector| {
        for Did(eip, eax, written) in instructions {
            run.cpu.registers[EAX] = *eax;
            let access = |value| Access { kind: AccessKind::Write, address: 0x100, length_bytes: 4, value };
            let accesses: Vec<Access> = written.map(access).into_iter().collect();
            run.step(collector, *eip, &[0x90], eip + 1, &accesses);
        }
    })
}

fn ended(code: u32) -> Ending {
    Ending { words: format!("shutdown with code {code}"), is_limit: false, is_cut: false }
}

/// Compares runs that come in pieces of `piece` rows.
fn compared(settings: Settings, mut sides: [Vec<Row>; 2], endings: &[Ending; 2], piece: usize) -> Comparison {
    let mut comparison = Comparison::new(settings, [View::default(), View::default()]);
    while !comparison.is_done() {
        for (side, rows) in sides.iter_mut().enumerate() {
            if !comparison.wants(side) {
                continue;
            }
            let mut next: Vec<Row> = rows.drain(..piece.min(rows.len())).collect();
            comparison.feed(side, &mut next);
            if rows.is_empty() {
                comparison.end(side, endings[side].clone());
            }
            let waiting = comparison.waiting(side);
            assert!(waiting <= settings.resync.unwrap_or(0) + 64 + piece, "{waiting} rows wait");
        }
        comparison.advance();
    }
    comparison
}

fn counts(settings: Settings, a: &[Did], b: &[Did]) -> Counts {
    compared(settings, [rows(a), rows(b)], &[ended(0), ended(0)], 7).counts()
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn straight(length: u32) -> Vec<Did> {
    (0..length).map(|place| Did(0x1000 + place, 0, None)).collect()
}

#[test]
fn a_run_is_like_itself() {
    let run = straight(500);
    let comparison = compared(SETTINGS, [rows(&run), rows(&run)], &[ended(0), ended(0)], 64);
    assert!(!comparison.differs());
    assert_eq!((comparison.counts().instructions, comparison.counts().differences), ([500, 500], 0));
    assert_eq!(comparison.conclusion(), Some("both end there: shutdown with code 0"));
}

#[test]
fn insertions_and_deletions_in_a_random_run_are_found_again_exactly() {
    let mut random = Random(7);
    for round in 0..200 {
        let a = straight(600);
        let (mut b, mut fresh, mut only) = (Vec::new(), 0x9000, [0, 0]);
        let mut place = 0;
        let mut edits = 0;
        while place < a.len() {
            let stretch = 20 + random.below(100);
            b.extend_from_slice(&a[place..(place + stretch).min(a.len())]);
            place += stretch;
            if place + 21 >= a.len() {
                b.extend_from_slice(&a[place.min(a.len())..]);
                break;
            }
            edits += 1;
            let (deleted, inserted) = (random.below(21), random.below(21));
            let inserted = if deleted == 0 { inserted.max(1) } else { inserted };
            place += deleted;
            b.extend((0..inserted as u32).map(|number| Did(fresh + number, 0, None)));
            fresh += inserted as u32;
            only[0] += deleted as u64;
            only[1] += inserted as u64;
        }
        let found = counts(SETTINGS, &a, &b);
        assert_eq!((found.only, found.differences, found.changed), (only, edits, 0), "round {round}");
    }
}

#[test]
fn in_random_loops_as_many_rows_are_left_on_both_sides() {
    let mut random = Random(11);
    for round in 0..200 {
        let mut a = Vec::new();
        for _ in 0..40 {
            let (start, length, turns) =
                (0x1000 + 16 * random.below(8) as u32, 1 + random.below(6), 1 + random.below(9));
            for _ in 0..turns {
                a.extend((0..length as u32).map(|place| Did(start + place, 0, None)));
            }
        }
        let mut b = a.clone();
        let at = 20 + random.below(a.len() - 60);
        let count = 1 + random.below(20);
        if random.below(2) == 0 {
            b.drain(at..at + count);
        } else {
            b.splice(at..at, (0..count as u32).map(|number| Did(0x9000 + number, 0, None)));
        }
        let found = counts(SETTINGS, &a, &b);
        assert!(found.differences > 0 || a == b, "round {round}");
        // Among turns that are alike, the nearest way on may not be the shortest way to the end.
        assert!(found.only[0] + found.only[1] <= 4 * count as u64, "round {round}: {found:?}");
        assert_eq!(
            a.len() as u64 - found.only[0],
            b.len() as u64 - found.only[1],
            "round {round}: {found:?}"
        );
    }
}

#[test]
fn a_changed_register_is_one_difference_until_it_is_written_again() {
    let a = straight(60);
    let mut b = a.clone();
    for did in &mut b[10..20] {
        did.1 = 5;
    }
    let comparison = compared(SETTINGS, [rows(&a), rows(&b)], &[ended(0), ended(0)], 7);
    let found = comparison.counts();
    assert_eq!(
        (found.changed, found.differences, found.only),
        (1, 1, [0, 0]),
        "what it carries on is no news"
    );
    let mut b = a.clone();
    b[10].1 = 5;
    b[11].1 = 6;
    assert_eq!(counts(SETTINGS, &a, &b).changed, 2);
    let mut rules = SETTINGS.rules;
    rules.ignored.registers = 1 << EAX;
    assert_eq!(counts(Settings { rules, ..SETTINGS }, &a, &b).differences, 0);
    rules.ignored.registers = 1 << 3;
    assert_eq!(counts(Settings { rules, ..SETTINGS }, &a, &b).changed, 2);
}

#[test]
fn each_field_is_compared_and_can_be_ignored() {
    let base = || {
        rows_of(|run, collector| {
            for eip in 0..40 {
                run.instruction(collector, 0x1000 + eip);
                run.event(collector);
            }
        })
    };
    let changed = |change: &Change| {
        rows_of(|run, collector| {
            for eip in 0..40 {
                let (mut accesses, mut bytes) = (Vec::new(), vec![0x90]);
                if eip == 20 {
                    change(run, &mut accesses, &mut bytes);
                }
                run.step(collector, 0x1000 + eip, &bytes, 0x1001 + eip, &accesses);
                run.event(collector);
            }
        })
    };
    let write = Access { kind: AccessKind::Write, address: 4, length_bytes: 4, value: 5 };
    let all: [(Change, Ignored); 6] = [
        (Box::new(|run, _, _| run.cpu.registers[2] ^= 1), Ignored { registers: 1 << 2, ..NOTHING }),
        (Box::new(|run, _, _| run.cpu.eflags ^= flags::AF), Ignored { flags: flags::AF, ..NOTHING }),
        (Box::new(|run, _, _| run.cpu.segments[5].selector ^= 8), Ignored { segments: true, ..NOTHING }),
        (Box::new(move |_, accesses, _| accesses.push(write)), Ignored { accesses: true, ..NOTHING }),
        (Box::new(|_, _, bytes| bytes[0] = 0x40), Ignored { bytes: true, ..NOTHING }),
        (Box::new(|run, _, _| run.stamp.now_ns += 7), Ignored { time: true, ..NOTHING }),
    ];
    for (place, (change, ignored)) in all.iter().enumerate() {
        let with = |ignored| Settings { rules: Rules { ignored, ..Rules::default() }, ..SETTINGS };
        let found = compared(with(NOTHING), [base(), changed(change)], &[ended(0), ended(0)], 7).counts();
        assert_eq!((found.differences, found.changed), (1, 1), "field {place}");
        let found = compared(with(*ignored), [base(), changed(change)], &[ended(0), ended(0)], 7).counts();
        assert_eq!(found.differences, 0, "field {place} is ignored");
    }
}

#[test]
fn without_resynchronisation_the_first_difference_ends_it_with_what_is_around_it() {
    let (a, mut b) = (straight(60), straight(60));
    b.splice(30..30, [Did(0x9000, 0, None), Did(0x9001, 0, None)]);
    let settings = Settings { resync: None, ..SETTINGS };
    let mut comparison = compared(settings, [rows(&a), rows(&b)], &[ended(0), ended(0)], 7);
    let lines = comparison.take_lines();
    let marks: Vec<Mark> = lines.iter().map(|line| line.mark).collect();
    assert_eq!(marks, [Mark::Head, Mark::Both, Mark::Both, Mark::A, Mark::A, Mark::B, Mark::B]);
    assert_eq!(lines[0].text, "A #30 0.000000300 0x0000101e, B #30 0.000000300 0x00009000");
    assert!(lines[5].text.starts_with("#30        0x00009000                  nop"), "{}", lines[5].text);
    assert!(comparison.differs());
}

#[test]
fn ends_are_compared_and_a_limit_is_no_difference() {
    let run = straight(50);
    let ends = |a: Ending, b: Ending, length: usize| {
        let comparison = compared(SETTINGS, [rows(&run), rows(&run[..length])], &[a, b], 7);
        (comparison.differs(), comparison.conclusion().unwrap_or_default().to_owned())
    };
    let limit = Ending { words: "limit of instructions".to_owned(), is_limit: true, is_cut: false };
    assert_eq!(
        ends(ended(0), ended(1), 50),
        (true, "they end differently, A: shutdown with code 0; B: shutdown with code 1".to_owned())
    );
    assert_eq!(
        ends(ended(0), limit, 40),
        (false, "B is known up to there: limit of instructions".to_owned())
    );
    assert!(ends(ended(0), ended(0), 40).0, "rows are missing in B");
}

#[test]
fn by_symbol_code_and_data_that_moved_are_alike() {
    let symbol =
        |address, name: &str, kind| Symbol { address, length_bytes: 16, kind, name: name.to_owned() };
    let view = |code: u32, data: u32| View {
        symbols: Symbols::default()
            .with([symbol(code, "main", SymbolKind::Function), symbol(data, "ticks", SymbolKind::Object)]),
        ..View::default()
    };
    let run = |code: u32, data: u32| {
        rows_of(|run, collector| {
            for _ in 0..30 {
                run.cpu.registers[EAX] = data + 4;
                let [low, high, ..] = data.to_le_bytes();
                let access = Access { kind: AccessKind::Read, address: data, length_bytes: 4, value: 0 };
                run.step(collector, code + 2, &[0xa1, low, high, 0, 0], code + 7, &[access]);
                run.tell(collector, &Event::Upcall { eip: code, handler: code });
            }
        })
    };
    let compared = |by, other_data: u32| {
        let settings = Settings { rules: Rules { by, ignored: NOTHING }, ..SETTINGS };
        let mut comparison = Comparison::new(settings, [view(0x1000, 0x3000), view(0x1100, 0x3040)]);
        comparison.feed(0, &mut run(0x1000, 0x3000));
        comparison.feed(1, &mut run(0x1100, other_data));
        comparison.end(0, ended(0));
        comparison.end(1, ended(0));
        comparison.advance();
        comparison.counts().differences
    };
    assert_eq!(compared(By::Symbol, 0x3040), 0);
    assert!(compared(By::Address, 0x3040) > 0);
    assert!(compared(By::Symbol, 0x3044) > 0, "it is another place of the object");
}
