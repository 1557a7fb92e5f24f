//! The bound on the page, whatever a run does, and what the crate's other tests are made of.

use crate::{About, Functions, PAGE_BYTES_MOST, PartitionTotals, Report};
use hypervisor_core::abi::EventPort;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::{EventChannel, Flush};
use hypervisor_core::health::{HealthAction, HealthEvent};
use hypervisor_core::ledger::Source;
use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};
use hypervisor_core::record::Fate;
use hypervisor_core::{Abi, Config, Event, Image, PartitionConfig, PartitionId, Stamp, SystemConfig};
use std::sync::Arc;
use trace::pvt::{Detail, Header};
use trace::{Names, TracedPartition, TracedSystem};

/// What takes most room in the page: each letter of it six bytes.
fn long(number: usize) -> String {
    format!("{number}{}", "<\u{1}".repeat(300))
}

fn image() -> Arc<Image> {
    let image = include_bytes!("../../../guest-images/prebuilt/hello.elf");
    Arc::new(Image::read(image).expect("the sample can be read"))
}

/// A system of so many partitions, with names that are long and hostile.
pub fn system(partitions: usize) -> TracedSystem {
    let image = image();
    let partition = |number: usize| TracedPartition {
        name: long(number),
        image: Arc::clone(&image),
        symbols: Symbols::default().with([Symbol {
            address: 0x10_0000,
            length_bytes: 16,
            kind: SymbolKind::Function,
            name: long(number),
        }]),
    };
    TracedSystem {
        is_system: true,
        rate: Rate::default(),
        names: Arc::new(Names::of(&config(partitions))),
        partitions: (0..partitions).map(partition).collect(),
    }
}

fn config(partitions: usize) -> SystemConfig {
    let mut config = Config::default().system(image());
    config.partitions = (0..partitions).map(|number| PartitionConfig::new(&long(number), image())).collect();
    let channel = |number: usize| EventChannel {
        name: long(number),
        from: PartitionId(0),
        to: PartitionId(1),
        flush: Flush::Immediate,
    };
    config.event_channels = (0..2000).map(channel).collect();
    config
}

fn header() -> Header {
    Header {
        writer: long(0),
        semantics: 1,
        detail: Detail::Full,
        is_system: true,
        units_per_second: 100_000_000,
        configuration_digest: 0,
        partitions: Vec::new(),
        filters: (0..2000).map(long).collect(),
        path: long(0),
        options: Vec::new(),
        files: (0..2000).map(|number| (long(number), u64::MAX)).collect(),
    }
}

/// An event of a run in which no two things are alike.
fn event(number: u64) -> Event {
    let port = EventPort::new((number % 64) as u32);
    let source = Source::Channel((number / 8 % 2000) as u16);
    let [first, second] = [number as u32, (number >> 3) as u32].map(|value| value.wrapping_mul(0x9e37_79b9));
    match number % 8 {
        0 => Event::Call {
            abi: Abi::Paravane,
            number: second,
            arguments: [first; 5],
            result: Some(first),
            caller: first,
        },
        1 => Event::EventRaised { source, port, count: number, fate: Fate::Pending },
        2 => Event::EventDelivered { source, port: EventPort::new(1).expect("there is a port 1") },
        3 => Event::ConsoleOutput(long(number as usize).into_bytes()),
        4 => Event::WindowStart { plan: first, window: second },
        5 => Event::WindowEnd { plan: first, window: second },
        6 if number % 64 < 8 => {
            Event::Health { event: HealthEvent::Watchdog, action: HealthAction::ColdRestart }
        }
        6 => Event::Settled { eip: first, text: long(number as usize) },
        _ => Event::Mark { id: first, payload: second },
    }
}

/// Numbers that look like chance, from a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Often something near an end.
        match self.0 % 5 {
            0 => 0,
            1 => u64::MAX,
            2 => self.0 % 100,
            _ => self.0,
        }
    }
}

#[test]
fn a_recording_that_was_made_up_does_no_harm() {
    let (traced, config, header) = (system(3), config(3), header());
    for seed in 1..=200_u64 {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let last_unit = chance.next();
        let mut report = Report::new(&traced, &config, last_unit, (chance.next(), chance.next()));
        for _ in 0..300 {
            let partition = PartitionId((chance.next() % 5) as u16);
            let (instruction, unit) = (chance.next(), chance.next());
            report
                .event(Stamp { partition, instruction, unit, now_ns: chance.next() }, &event(chance.next()));
        }
        let about = About { file: long(0), header: &header, end: None, last_unit, bytes: 0, totals: None };
        let written = report.write(&about, &config, Functions::default(), std::io::sink());
        assert!(written.is_ok(), "seed {seed}");
    }
}

#[test]
fn no_run_makes_a_page_longer_than_its_bound() {
    for partitions in [1, 1024] {
        let (traced, config, header) = (system(partitions), config(partitions), header());
        let last_unit = 1 << 60;
        let mut report = Report::new(&traced, &config, last_unit, (0, u64::MAX));
        for number in 0..1_000_000_u64 {
            let partition = PartitionId((number / 3 % partitions as u64) as u16);
            let unit = number << 40;
            let stamp = Stamp { partition, instruction: unit - (unit >> 3), unit, now_ns: unit };
            report.event(stamp, &event(number));
        }
        let totals =
            Some(vec![PartitionTotals { executed: u64::MAX, idle: u64::MAX, ledger: None }; partitions]);
        let about = About { file: long(0), header: &header, end: None, last_unit, bytes: u64::MAX, totals };
        let mut page = Vec::new();
        report
            .write(&about, &config, Functions::not_counted(&long(0)), &mut page)
            .expect("a vector has room");
        let length = page.len();
        assert!(length <= PAGE_BYTES_MOST, "{length} bytes with {partitions} partitions");
        assert!(length > PAGE_BYTES_MOST / 3, "{length} bytes: this tries too little");
    }
}
