//! Whole guests: the machine around the processor makes no difference either, however its run is cut.

use emulator::{CpuProfile, Dispatch, Settings};
use hypervisor_core::{Config, Image, Limits, Machine, Outcome, Progress, Recorder, Unrecorded};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use trace::{Both, Projection, StreamDigest};

/// What a run leaves behind.
#[derive(PartialEq, Eq, Debug)]
struct Left {
    outcome: Outcome,
    console: Vec<u8>,
    units: u64,
    state: u128,
}

/// The samples and those of the conformance kit that need no second partition.
pub fn images() -> Vec<(String, Arc<Image>)> {
    images_where(|path| !needs_two(path))
}

/// Those of the conformance kit that need a second partition.
pub fn images_for_two() -> Vec<(String, Arc<Image>)> {
    images_where(needs_two)
}

fn images_where(wanted: impl Fn(&Path) -> bool) -> Vec<(String, Arc<Image>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images");
    let folders = ["prebuilt", "conformance/prebuilt"].map(|name| fs::read_dir(folder.join(name)).unwrap());
    let mut paths: Vec<_> = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "elf") && wanted(path));
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), Arc::new(Image::read(&fs::read(path).unwrap()).unwrap()))).collect()
}

fn needs_two(image: &Path) -> bool {
    let name = image.file_stem().unwrap().to_string_lossy();
    let source = image.with_file_name(format!("../{name}.c"));
    fs::read_to_string(source)
        .is_ok_and(|text| ["\"system.h\"", "\"message.h\""].iter().any(|header| text.contains(header)))
}

fn machine(image: &Arc<Image>, engine: Settings) -> Machine {
    let engine = Settings { profile: CpuProfile::Prescott, ..engine };
    let config = Config { name: "guest".to_owned(), engine, ..Config::default() };
    Machine::new(Arc::clone(image), config).unwrap()
}

fn run<R: Recorder>(mut machine: Machine, slice_units: Option<u64>, recorder: &mut R) -> Left {
    let limits = Limits { executed_units: Some(10_000_000), time_ns: None, slice_units };
    let mut console = Vec::new();
    loop {
        let progress = machine.run(&limits, recorder);
        console.extend(machine.take_output());
        match progress {
            Progress::Output | Progress::Slice => {}
            Progress::InputWanted => machine.give_whole_input(b"two\nlines\n".to_vec()),
            Progress::Idle { .. } => panic!("the guest waits for input after its end"),
            Progress::Finished(outcome) => {
                let (units, state) = (machine.clock().units(), machine.digest());
                return Left { outcome, console, units, state };
            }
        }
    }
}

/// A recorded run, with a digest of all instructions and the text of all events.
fn recorded(image: &Arc<Image>, slice_units: Option<u64>) -> (Left, u128, String) {
    let machine = machine(image, Settings::default());
    let mut recorder = Both(Projection::new(machine.symbols()), StreamDigest::new());
    let left = run(machine, slice_units, &mut recorder);
    let Both(projection, stream) = recorder;
    (left, stream.value(), projection.text().to_owned())
}

#[test]
fn a_guest_cannot_tell_in_which_slices_it_runs() {
    for (name, image) in images() {
        let whole = recorded(&image, None);
        for slice in [1, 7, 1000] {
            assert_eq!(recorded(&image, Some(slice)), whole, "{name} in slices of {slice} units");
            let unrecorded = run(machine(&image, Settings::default()), Some(slice), &mut Unrecorded);
            assert_eq!(unrecorded, whole.0, "{name} in slices of {slice} units, unrecorded");
        }
    }
}

#[test]
fn a_guest_cannot_tell_how_the_interpreter_works() {
    for (name, image) in images() {
        let run = |settings| run(machine(&image, settings), None, &mut Unrecorded);
        let plain = run(Settings::default());
        for settings in [
            Settings { dispatch: Dispatch::Loop, ..Settings::default() },
            Settings { forget_blocks: true, ..Settings::default() },
            Settings { settle_flags: true, ..Settings::default() },
        ] {
            assert_eq!(run(settings), plain, "{name} with {settings:?}");
        }
    }
}
