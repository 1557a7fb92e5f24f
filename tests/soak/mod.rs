//! A long run of eight partitions over lines, channels, timers and windows: every ledger balances, and says what the guests' own
//! handlers counted.
//!
//! `PARAVANE_SOAK_UNITS` is the number of instructions of all partitions together. The guest is guest-images/proofs/soak.c.

use hypervisor_core::abi::VirtualInterrupt;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::{EventChannel, Flush, Injection, Line};
use hypervisor_core::ledger::{Account, Source};
use hypervisor_core::schedule::{Plan, Window};
use hypervisor_core::{
    Image, Limit, Limits, Machine, Outcome, Partition, PartitionConfig, PartitionId, Progress, SystemConfig,
    Unrecorded,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const PARTITIONS: u16 = 8;
const UNITS: u64 = 5_000_000;
/// Units of the run for one injected interrupt: 100,000 in 10^9.
const UNITS_PER_INTERRUPT: u64 = 10_000;
const WINDOW_UNITS: u64 = 5_000;
const GAP_UNITS: u64 = 300;
/// Interrupts of a line that come close together.
const BURST: u64 = 4;
const LINE: u32 = 20;
const COUNT_PAGE: u32 = 0xf000_3000;
/// How far a guest runs on at most, and between two looks.
const STEPS: u32 = 20_000;
const STEP_UNITS: u64 = 97;

fn units() -> u64 {
    match std::env::var("PARAVANE_SOAK_UNITS") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("PARAVANE_SOAK_UNITS={text} is no number")),
        Err(_) => UNITS,
    }
}

/// The channels of a ring: each partition sends on its own and receives on that of the one before.
fn ring(place: u16) -> EventChannel {
    let flush = [Flush::Immediate, Flush::Window, Flush::Frame][usize::from(place) % 3];
    let to = PartitionId((place + 1) % PARTITIONS);
    EventChannel { name: format!("c{place}"), from: PartitionId(place), to, flush }
}

fn system(units: u64) -> SystemConfig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/proofs/prebuilt/soak.elf");
    let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let image = Arc::new(Image::read(&file).unwrap());
    let partition = |place: u16| PartitionConfig {
        memory_bytes: 1 << 17,
        console_input: false,
        arguments: vec![
            (LINE + u32::from(place)).to_string(),
            format!("c{place}"),
            format!("c{}", (place + PARTITIONS - 1) % PARTITIONS),
        ],
        ..PartitionConfig::new(&format!("p{place}"), Arc::clone(&image))
    };
    let window = |place: u16| Window {
        partition: PartitionId(place),
        start: u64::from(place) * (WINDOW_UNITS + GAP_UNITS),
        length: WINDOW_UNITS,
    };
    let frame = u64::from(PARTITIONS) * (WINDOW_UNITS + GAP_UNITS);
    let streams = u64::from(PARTITIONS) * BURST;
    // In virtual time: gaps and waits are part of it. Different periods, so that they come everywhere in the windows, and several
    // close together, so that some find one pending.
    let injection = |place: u16, stream: u64| Injection {
        line: LINE + u32::from(place),
        at_ns: 2 * frame * 10 + 1_230 * u64::from(place) + 370 * stream * stream,
        every_ns: UNITS_PER_INTERRUPT * streams * 9 + 70 * u64::from(place),
        count: units / UNITS_PER_INTERRUPT / streams,
    };
    let line = |place: u16| {
        let number = LINE + u32::from(place);
        Line { number, name: format!("line{number}"), owner: Some(PartitionId(place)) }
    };
    let all = 0..PARTITIONS;
    SystemConfig {
        rate: Rate::new(100_000_000).unwrap(),
        partitions: all.clone().map(partition).collect(),
        plans: vec![Plan {
            name: "plan".to_owned(),
            frame,
            windows: all.clone().map(window).collect(),
            actions: Vec::new(),
        }],
        event_channels: all.clone().map(ring).collect(),
        lines: all.clone().map(line).collect(),
        injections: all.flat_map(|place| (0..BURST).map(move |stream| injection(place, stream))).collect(),
        ..SystemConfig::default()
    }
}

fn words<const COUNT: usize>(partition: &Partition, address: u32) -> [u32; COUNT] {
    std::array::from_fn(|place| {
        let mut bytes = [0; 4];
        partition.peek(address + 4 * place as u32, &mut bytes).unwrap();
        u32::from_le_bytes(bytes)
    })
}

/// What the guest counted of a source, and the port that told it.
struct Counted {
    source: Source,
    taken: u32,
    port: u32,
}

/// The accounts of a partition, if its guest has counted everything of which they tell; else what it has not.
fn agreement(machine: &Machine, place: u16) -> Result<[Account; 5], String> {
    let partition = machine.partition(PartitionId(place));
    let ledger = partition.ledger().unwrap();
    assert!(ledger.balances(), "partition {place}: {ledger:?}");
    let symbol = machine.symbols_of(PartitionId(place)).named("soak").unwrap().address;
    let [line, channel, timer, window, own, _, sent_to_self, wrong] = words(partition, symbol);
    assert_eq!(wrong, 0, "partition {place}");
    let interrupt = Source::Interrupt;
    let counted = [
        Counted { source: Source::Line(LINE + u32::from(place)), taken: line, port: 40 },
        Counted { source: Source::Channel((place + PARTITIONS - 1) % PARTITIONS), taken: channel, port: 300 },
        Counted { source: interrupt(VirtualInterrupt::Timer), taken: timer, port: 5 },
        Counted { source: interrupt(VirtualInterrupt::WindowStart), taken: window, port: 1000 },
        Counted { source: Source::Own, taken: own, port: 7 },
    ];
    let mut accounts = [Account::default(); 5];
    for (Counted { source, taken, port }, place_of) in counted.into_iter().zip(&mut accounts) {
        let account = ledger.account(source);
        let [count] = words(partition, COUNT_PAGE + 4 * port);
        let name = format!("partition {place}, {source}: {account:?}, counted {taken} of {count}");
        // Dropped were those before the port was bound, and those that the timer's policy lets go.
        assert_eq!(u64::from(count), account.raised - account.dropped, "{name}");
        assert!(taken <= count, "{name}");
        if u64::from(taken) != account.delivered + account.coalesced + account.taken || account.pending != 0 {
            return Err(name);
        }
        assert!(account.delivered > 0, "{name}");
        *place_of = account;
    }
    assert!(accounts[4].raised.abs_diff(sent_to_self.into()) <= 1, "partition {place}: {accounts:?}");
    Ok(accounts)
}

fn run(machine: &mut Machine, units: u64) {
    let limits = Limits { executed_units: Some(units), ..Limits::default() };
    loop {
        match machine.run(&limits, &mut Unrecorded) {
            Progress::Output => {}
            Progress::Finished(outcome) => {
                return assert_eq!(outcome, Outcome::LimitReached(Limit::Instructions));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Runs on until the guest of a partition is between its handlers and has taken everything.
fn settled(machine: &mut Machine, place: u16) -> [Account; 5] {
    let mut why = String::new();
    for _ in 0..STEPS {
        match agreement(machine, place) {
            Ok(accounts) => return accounts,
            Err(name) => why = name,
        }
        let units = machine.executed() + STEP_UNITS;
        run(machine, units);
    }
    panic!("{why}");
}

#[test]
fn a_soak_loses_no_event_and_the_guests_counted_what_the_ledger_says() {
    let units = units();
    let config = system(units);
    let injected: u64 = config.injections.iter().map(|injection| injection.count).sum();
    let mut machine = Machine::of_system(config).unwrap();
    let started = Instant::now();
    run(&mut machine, units);
    let seconds = started.elapsed().as_secs_f64();
    let mut totals = [Account::default(); 5];
    for place in 0..PARTITIONS {
        let accounts = settled(&mut machine, place);
        for (total, account) in totals.iter_mut().zip(accounts) {
            total.raised += account.raised;
            total.delivered += account.delivered;
            total.coalesced += account.coalesced;
            total.taken += account.taken;
            total.pending += account.pending;
            total.dropped += account.dropped;
        }
    }
    for (name, total) in ["lines", "channels", "timers", "windows", "own"].into_iter().zip(totals) {
        println!("{name}: {total:?}");
    }
    println!("{units} instructions, {injected} injected interrupts, {seconds:.1} s");
    assert_eq!(totals[0].raised, injected);
    assert!(totals[0].delivered > 0 && totals[0].coalesced > 0 && totals[0].taken > 0, "{:?}", totals[0]);
}
