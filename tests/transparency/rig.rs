//! The system around the guest: one partition, the line that is under test, and the line that wakes it.

use emulator::CpuProfile;
use hypervisor_core::abi::shared_page;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::{Injection, Line};
use hypervisor_core::ledger::Source;
use hypervisor_core::{
    Image, Limits, Machine, Outcome, PartitionConfig, PartitionId, Progress, Recorder, SystemConfig,
};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub const RAM: u32 = 0x10_0000;
const RAM_BYTES: u32 = 0x1_0000;
const SHARED_PAGE: u32 = 0xf000_2000;
const LINE: u32 = 7;
const WAKE_LINE: u32 = 8;
/// After every section has come to its wait.
const WAKE_NS: u64 = 8_000;
/// Between the events of several.
const STEP_NS: u64 = 7;
/// Where the guest keeps what may differ: the layer's copy of the counts is the handler's too.
const DIFFERING: [&str; 3] = ["differing", "spare_stack", "own_count"];
/// Of the events of the line in `differing`.
const LINE_EVENTS: u32 = 16;
/// The parts of the shared page that are neither events nor the time.
const STATE: [Range<u32>; 3] = [
    shared_page::MASK..shared_page::MASK + 4,
    shared_page::CR2..shared_page::CR2 + 4,
    shared_page::CR0..shared_page::CR0 + 40,
];

/// What a run leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Final {
    outcome: Outcome,
    console: Vec<u8>,
    pub ram: Vec<u8>,
    /// From ESP in main on.
    stack: Vec<u8>,
    shared: Vec<u8>,
    /// How many events of the line the handler counted.
    pub line_events: u64,
}

pub struct Rig {
    image: Arc<Image>,
    arguments: String,
}

impl Rig {
    pub fn new(arguments: &str) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/proofs/prebuilt/transparency.elf");
        let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { image: Arc::new(Image::read(&file).unwrap()), arguments: arguments.to_owned() }
    }

    pub fn address_of(&self, name: &str) -> u32 {
        self.image.symbols.named(name).unwrap_or_else(|| panic!("no {name}")).address
    }

    fn machine(&self, events: Option<(u64, u64)>) -> Machine {
        let owner = Some(PartitionId(0));
        let line = |number| Line { number, name: format!("line{number}"), owner };
        let wake = Injection { line: WAKE_LINE, at_ns: WAKE_NS, every_ns: 1, count: 1 };
        let tested = events.map(|(at_ns, count)| Injection { line: LINE, at_ns, every_ns: STEP_NS, count });
        let partition = PartitionConfig {
            memory_bytes: RAM_BYTES.into(),
            arguments: vec![self.arguments.clone()],
            profile: CpuProfile::Prescott,
            ..PartitionConfig::new("guest", Arc::clone(&self.image))
        };
        Machine::of_system(SystemConfig {
            // A unit is a nanosecond.
            rate: Rate::new(1_000_000_000).unwrap(),
            partitions: vec![partition],
            lines: vec![line(LINE), line(WAKE_LINE)],
            injections: tested.into_iter().chain([wake]).collect(),
            ..SystemConfig::default()
        })
        .unwrap()
    }

    /// Runs the guest with events of the line: the time of the first, and how many.
    pub fn run(&self, events: Option<(u64, u64)>, recorder: &mut impl Recorder) -> Final {
        let mut machine = self.machine(events);
        let limits = Limits { executed_units: Some(100_000), ..Limits::default() };
        let mut console = Vec::new();
        let outcome = loop {
            let progress = machine.run(&limits, recorder);
            console.extend(machine.take_output());
            match progress {
                Progress::Output => {}
                Progress::InputWanted => machine.give_whole_input(Vec::new()),
                Progress::Finished(outcome) => break outcome,
                other => panic!("{other:?}"),
            }
        };
        let ledger = machine.ledger().unwrap();
        assert!(ledger.balances(), "{ledger:?}");
        let raised = ledger.account(Source::Line(LINE)).raised;
        assert_eq!(raised, events.map_or(0, |(_, count)| count));
        self.left(&machine, outcome, console)
    }

    fn left(&self, machine: &Machine, outcome: Outcome, console: Vec<u8>) -> Final {
        let read = |address: u32, length: u32| {
            let mut bytes = vec![0; length as usize];
            machine.peek(address, &mut bytes).unwrap();
            bytes
        };
        let word = |address| u32::from_le_bytes(read(address, 4).try_into().unwrap());
        let mut ram = read(RAM, RAM_BYTES);
        let line_events = word(self.address_of("differing") + LINE_EVENTS).into();
        for name in DIFFERING {
            let symbol = self.image.symbols.named(name).unwrap_or_else(|| panic!("no {name}"));
            let start = (symbol.address - RAM) as usize;
            ram[start..start + symbol.length_bytes as usize].fill(0);
        }
        let floor = word(self.address_of("stack_floor"));
        let stack = read(floor, floor.next_multiple_of(0x1000) - floor);
        let shared =
            STATE.into_iter().flat_map(|range| read(SHARED_PAGE + range.start, range.end - range.start));
        Final { outcome, console, ram, stack, shared: shared.collect(), line_events }
    }

    /// What is left differently, other than the events of the line.
    pub fn difference(&self, expected: &Final, left: &Final) -> Option<String> {
        if (&expected.outcome, &expected.console) != (&left.outcome, &left.console) {
            return Some(format!("it ends with {:?} and {:?}", left.outcome, left.console));
        }
        let differs = |one: &[u8], other: &[u8]| one.iter().zip(other).position(|(one, other)| one != other);
        if let Some(place) = differs(&expected.ram, &left.ram) {
            let address = RAM + place as u32;
            let symbol = self.image.symbols.locate(address).map(|located| located.symbol.name.clone());
            return Some(format!("RAM differs at {address:08x}h in {symbol:?}"));
        }
        if let Some(place) = differs(&expected.stack, &left.stack) {
            return Some(format!("the stack differs {place} bytes above ESP"));
        }
        differs(&expected.shared, &left.shared).map(|_| "the shared page differs".to_owned())
    }
}
