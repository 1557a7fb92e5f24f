//! Runs samples for an export, and what a run did as plain data to compare an export with.

use emulator::{Access, Step};
use hypervisor_core::{
    Config, Event, Image, Limits, Machine, PartitionId, Progress, Recorder, Stamp, SystemConfig,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use trace::TracedSystem;

/// A sample ends long before this; one that does not is broken.
const LIMITS: Limits =
    Limits { executed_units: Some(10_000_000), time_ns: Some(60_000_000_000), slice_units: None };

/// The images that every export is tried on.
pub const GUESTS: [&str; 6] =
    ["hello", "ticker", "page_fault", "self_modify", "switch_in_upcall", "lazy_fpu"];

/// A guest of `guest-images/prebuilt/`.
pub fn guest(name: &str) -> Machine {
    let path = root().join(format!("guest-images/prebuilt/{name}.elf"));
    let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let image = Arc::new(Image::read(&file).unwrap_or_else(|error| panic!("{name}: {error}")));
    let config = Config { name: name.to_owned(), ..Config::default() };
    Machine::new(image, config).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A guest with source lines.
pub fn lines() -> Machine {
    let file = fs::read(root().join("guest-images/lines/prebuilt/lines.elf")).expect("lines.elf is there");
    let image = Arc::new(Image::read(&file).unwrap_or_else(|error| panic!("lines: {error}")));
    let config = Config { name: "lines".to_owned(), ..Config::default() };
    Machine::new(image, config).unwrap_or_else(|error| panic!("lines: {error}"))
}

/// The system `flight` of `guest-images/systems/`.
pub fn flight() -> Machine {
    Machine::of_system(system("flight")).unwrap_or_else(|error| panic!("flight: {error}"))
}

fn system(name: &str) -> SystemConfig {
    let folder = root().join("guest-images/systems");
    let text = fs::read_to_string(folder.join(format!("{name}.toml"))).expect("the system file is there");
    let mut open = |path: &Path| fs::read(folder.join(path)).map_err(|error| error.to_string());
    system_file::read(&text, &mut open).config.unwrap_or_else(|| panic!("{name} has no configuration"))
}

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the machine runs, for an export.
pub fn traced(machine: &Machine) -> TracedSystem {
    TracedSystem::of(machine, machine.partitions().len() > 1)
}

/// Runs to the end.
pub fn run<R: Recorder>(mut machine: Machine, recorder: &mut R) -> Machine {
    loop {
        match machine.run(&LIMITS, recorder) {
            Progress::Output | Progress::Slice => {
                for place in 0..machine.partitions().len() {
                    machine.take_output_of(PartitionId(place as u16));
                }
            }
            Progress::InputWanted => machine.give_whole_input(Vec::new()),
            Progress::Idle { .. } => panic!("the guest waits for input after its end"),
            Progress::Finished(_) => return machine,
        }
    }
}

/// An instruction that ran.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    pub stamp: Stamp,
    pub eip: u32,
    /// Where the run goes on.
    pub next_eip: u32,
    pub bytes: Vec<u8>,
    pub before: [u32; 8],
    pub after: [u32; 8],
    pub eflags: u32,
    pub accesses: Vec<Access>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happened {
    Instruction(Ran),
    Event(Stamp, Event),
}

/// Keeps everything that happens.
#[derive(Default)]
pub struct Everything(pub Vec<Happened>);

impl Everything {
    pub fn instructions(&self) -> impl Iterator<Item = &Ran> {
        self.0.iter().filter_map(|happened| match happened {
            Happened::Instruction(ran) => Some(ran),
            Happened::Event(..) => None,
        })
    }
}

impl Recorder for Everything {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.push(Happened::Instruction(Ran {
            stamp,
            eip: step.eip,
            next_eip: step.after.eip,
            bytes: step.bytes.to_vec(),
            before: *step.registers_before,
            after: step.after.registers,
            eflags: step.after.eflags,
            accesses: step.accesses.to_vec(),
        }));
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.push(Happened::Event(stamp, event.clone()));
    }
}
