//! Any file is an image or is refused with one line; any image is loaded or refused with one line, and then runs.

use hypervisor_core::{Abi, Config, Image, Limits, LoadError, Machine, Progress, Unrecorded};
use std::sync::Arc;

const MEMORY_BYTES: u64 = 1 << 20;
const UNITS: u64 = 500;
/// Idle time is skipped: a timer could go on for ever without a unit.
const TIME_NS: u64 = 1_000_000_000;

/// Reads and loads the file for each ABI and runs a few units.
pub fn check(file: &[u8]) {
    let image = match Image::read(file) {
        Ok(image) => Arc::new(image),
        Err(error) => return check_line(&error),
    };
    check_image(&image, file.len());
    for abi in [Abi::Paravane, Abi::Linux] {
        let arguments = vec!["one".to_owned(), "two".to_owned()];
        let config = Config { abi, memory_bytes: Some(MEMORY_BYTES), arguments, ..Config::default() };
        match Machine::new(Arc::clone(&image), config) {
            Ok(machine) => run(machine),
            Err(error) => check_line(&error),
        }
    }
}

fn check_line(error: &LoadError) {
    let line = error.to_string();
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?} is not one line");
}

/// What the fields of an image promise.
fn check_image(image: &Image, file_bytes: usize) {
    let mut end = 0;
    let mut enters = false;
    for segment in &image.segments {
        assert!(u64::from(segment.address) >= end, "the segment at {:x} overlaps", segment.address);
        end = segment.end();
        assert!(segment.length_bytes > 0 && end <= 1 << 32);
        assert!(segment.bytes.len() <= (segment.length_bytes as usize).min(file_bytes));
        enters |= (u64::from(segment.address)..end).contains(&u64::from(image.entry));
    }
    assert!(enters, "the entry {:x} lies in no segment", image.entry);
    for symbol in image.symbols.all() {
        let _ = image.symbols.locate(symbol.address);
        let _ = image.symbols.locate(symbol.address.wrapping_sub(1));
    }
    let _ = image.symbols.locate(image.entry);
}

fn run(mut machine: Machine) {
    machine.give_whole_input(b"input\n".to_vec());
    let limits = Limits { executed_units: Some(UNITS), time_ns: Some(TIME_NS), slice_units: None };
    while !matches!(machine.run(&limits, &mut Unrecorded), Progress::Finished(_)) {
        machine.take_output();
    }
    assert!(machine.ledger().is_none_or(|ledger| ledger.balances()), "{:?}", machine.ledger());
}
