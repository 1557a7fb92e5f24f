//! Runs a guest, recorded and unrecorded, and puts what it did into words.

use super::files::{Mode, compare};
use hypervisor_core::{Config, Image, Limits, Machine, Outcome, Progress, Recorder, Unrecorded};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use trace::{Both, Projection, StreamDigest};

/// A sample guest ends long before this; one that does not is broken.
const LIMITS: Limits = Limits { executed_units: Some(1_000_000_000), time_ns: None, slice_units: None };

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares what the guest does with its golden files, or writes them.
pub fn check(name: &str) {
    let mode = Mode::from_environment();
    let folder = root().join("tests/golden").join(name);
    let input = fs::read(folder.join("input")).unwrap_or_default();
    let file = fs::read(root().join(format!("guest-images/prebuilt/{name}.elf")));
    let file = file.unwrap_or_else(|error| panic!("guest-images/prebuilt/{name}.elf: {error}"));
    let image = Arc::new(Image::read(&file).unwrap_or_else(|error| panic!("{name}: {error}")));

    let machine = || {
        let config = Config { name: name.to_owned(), ..Config::default() };
        Machine::new(Arc::clone(&image), config).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let mut recorder = Both(Projection::new(machine().symbols()), StreamDigest::new());
    let recorded = Run::of(machine(), &input, &mut recorder);
    let plain = Run::of(machine(), &input, &mut Unrecorded);
    assert_eq!(recorded, plain, "{name}: a recorded run differs from an unrecorded one");

    let Both(projection, stream) = recorder;
    let verdict = verdict(&image, &recorded, &stream);
    let accepted = fs::read_to_string(folder.join("verdict")).unwrap_or_default();
    let same_image = accepted.lines().last() == verdict.lines().last();
    let hint = if same_image {
        "The guest is the accepted one, so Paravane changed: `paravane trace` of it shows where."
    } else {
        "The guest is not the accepted one: its image was built anew."
    };
    compare(
        mode,
        &folder,
        &[
            ("console", &recorded.console),
            ("events", projection.text().as_bytes()),
            ("verdict", verdict.as_bytes()),
        ],
        hint,
    );
}

/// How a run ended.
#[derive(PartialEq, Eq, Debug)]
struct Run {
    outcome: Outcome,
    console: Vec<u8>,
    instructions: u64,
    now_ns: u64,
    digest: u128,
}

impl Run {
    fn of<R: Recorder>(mut machine: Machine, input: &[u8], recorder: &mut R) -> Self {
        let mut console = Vec::new();
        loop {
            let progress = machine.run(&LIMITS, recorder);
            console.extend(machine.take_output());
            match progress {
                Progress::Output | Progress::Slice => {}
                Progress::InputWanted => machine.give_whole_input(input.to_vec()),
                Progress::Idle { .. } => panic!("the guest waits for input after its end"),
                Progress::Finished(outcome) => {
                    let stamp = machine.stamp();
                    return Self {
                        outcome,
                        console,
                        instructions: stamp.instruction,
                        now_ns: stamp.now_ns,
                        digest: machine.digest(),
                    };
                }
            }
        }
    }
}

fn verdict(image: &Image, run: &Run, stream: &StreamDigest) -> String {
    let exit = match &run.outcome {
        Outcome::Halted => "halted".to_owned(),
        Outcome::StoppedByHealth { event } | Outcome::SystemHalted { event, .. } => {
            format!("stopped by health: {}", event.name())
        }
        Outcome::Shutdown { code } => format!("shutdown with code {code}"),
        Outcome::LimitReached(limit) => format!("limit: {limit:?}"),
        Outcome::Crashed(crash) => format!("crash: {:?}", crash.reason),
        Outcome::Unimplemented { text, .. } => format!("not implemented: {text}"),
    };
    let mut text = String::new();
    for (name, value) in [
        ("exit", exit),
        ("instructions", run.instructions.to_string()),
        ("recorded", stream.instructions().to_string()),
        ("virtual ns", run.now_ns.to_string()),
        ("state", format!("{:032x}", run.digest)),
        ("stream", format!("{:032x}", stream.value())),
        ("image", format!("{:032x}", image.hash)),
    ] {
        let _ = writeln!(text, "{name:<13}{value}");
    }
    text
}
