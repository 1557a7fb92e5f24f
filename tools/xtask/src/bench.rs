//! Times what the core does beside running instructions: window switches, hypercalls, deliveries; with few partitions and
//! with many. The numbers are of this host and this moment: compare those of one run. Each is the least of many short
//! measurements, so that other programs of the host disturb it little.

use hypervisor_core::config::{PartitionConfig, PartitionId, SystemConfig};
use hypervisor_core::loader::Image;
use hypervisor_core::schedule::{Plan, Window};
use hypervisor_core::{Limits, Machine, Progress, Unrecorded};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// How many partitions the systems have.
const SIZES: [u16; 3] = [2, 16, 256];
/// Before the measurement, so that code is decoded.
const WARM_UP_UNITS: u64 = 200_000;
const MEASUREMENTS: usize = 100;

/// Runs the benchmarks and prints a table.
pub fn run(root: &Path) -> Result<ExitCode, String> {
    let path = root.join("guest-images/systems/prebuilt/load.elf");
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let image = Image::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let image = Arc::new(image);
    println!("nanoseconds of the host, the least of {MEASUREMENTS} measurements");
    println!("{:>10}  {:>13}  {:>14}  {:>8}", "partitions", "window switch", "null hypercall", "delivery");
    for size in SIZES {
        let switch = window_switch(&image, size);
        let call = per_count(&image, size, "calls", Count::Calls);
        let delivery = per_count(&image, size, "events", Count::Upcalls);
        println!("{size:>10}  {switch:>13.1}  {call:>14.1}  {delivery:>8.1}");
    }
    Ok(ExitCode::SUCCESS)
}

fn least(mut measure: impl FnMut() -> f64) -> f64 {
    (0..MEASUREMENTS).map(|_| measure()).fold(f64::INFINITY, f64::min)
}

/// A system of which the first partition has the load, and the others compute.
fn system(image: &Arc<Image>, size: u16, load: &str, window_units: u64) -> Machine {
    let partition = |place: u16| PartitionConfig {
        memory_bytes: 256 << 10,
        arguments: vec![if place == 0 { load } else { "busy" }.to_owned()],
        console_input: false,
        ..PartitionConfig::new(&format!("load{place}"), Arc::clone(image))
    };
    let windows = (0..size).map(|place| Window {
        partition: PartitionId(place),
        start: u64::from(place) * window_units,
        length: window_units,
    });
    let plan = Plan {
        name: "load".to_owned(),
        frame: u64::from(size) * window_units,
        windows: windows.collect(),
        actions: Vec::new(),
    };
    let config = SystemConfig {
        partitions: (0..size).map(partition).collect(),
        plans: vec![plan],
        ..SystemConfig::default()
    };
    Machine::of_system(config).expect("the load fits")
}

/// Runs for so many units and returns how long that took, in nanoseconds.
fn timed(machine: &mut Machine, units: u64) -> f64 {
    let limits =
        Limits { executed_units: Some(machine.executed().saturating_add(units)), ..Limits::default() };
    let start = Instant::now();
    while !matches!(machine.run(&limits, &mut Unrecorded), Progress::Finished(_)) {}
    start.elapsed().as_nanos() as f64
}

/// What a switch adds: the same units in short windows and in long ones.
fn window_switch(image: &Arc<Image>, size: u16) -> f64 {
    const SHORT: u64 = 200;
    const LONG: u64 = 20_000;
    // Whole frames of short windows.
    let units = 2 * LONG.next_multiple_of(SHORT * u64::from(size));
    let per_unit = |window_units: u64| {
        let mut machine = system(image, size, "busy", window_units);
        timed(&mut machine, WARM_UP_UNITS.max(2 * window_units * u64::from(size)));
        least(|| timed(&mut machine, units) / units as f64)
    };
    (per_unit(SHORT) - per_unit(LONG)) * SHORT as f64
}

#[derive(Clone, Copy)]
enum Count {
    Calls,
    Upcalls,
}

/// The time of one call or one delivery with what the guest does for it; the others have short windows.
fn per_count(image: &Arc<Image>, size: u16, load: &str, count: Count) -> f64 {
    let mut machine = system(image, size, load, 50_000);
    let counted = |machine: &Machine| match count {
        Count::Calls => machine.counters().calls.iter().sum::<u64>(),
        Count::Upcalls => machine.counters().upcalls,
    };
    // The others' part of the time is that of computing: measured in their own windows.
    let frame = 50_000 * u64::from(size);
    timed(&mut machine, 2 * frame);
    least(|| {
        let before = counted(&machine);
        let loaded = timed(&mut machine, 50_000);
        let sample = loaded / (counted(&machine) - before) as f64;
        timed(&mut machine, frame - 50_000);
        sample
    })
}
