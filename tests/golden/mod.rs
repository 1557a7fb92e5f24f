//! Each sample guest does what a reviewer accepted: the same console, exit, calls, events and traps, and to the bit
//! the same instructions and the same final state.
//!
//! `tests/golden/NAME/` holds `console`, `events` and `verdict`, and `input` for a guest that reads.
//! Sample systems have the same files, of all their partitions together.
//! `PARAVANE_GOLDEN=accept cargo test golden` writes what a run does now; read the difference before you commit it.

mod case;
mod files;
pub mod system;

/// One test for each sample guest, under its own name, so that a failure says which guest it is. A macro, because
/// tests are functions and cannot be made in a loop.
macro_rules! golden {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                case::check(stringify!($name));
            }
        )*

        /// The guests that have a test here.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

golden! {
    hello
    ticker
    divide_by_zero
    page_fault
    masked_event
    echo
    switch_in_upcall
    self_modify
    lazy_fpu
}

#[test]
fn every_prebuilt_guest_has_a_golden_test() {
    let folder = case::root().join("guest-images/prebuilt");
    let entries = std::fs::read_dir(folder).expect("the folder of the prebuilt guests");
    let mut guests: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "elf"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    guests.sort();
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(guests, names);
}

#[test]
fn flight() {
    system::check("flight");
}

#[test]
fn guard() {
    system::check("guard");
}

#[test]
fn irq() {
    system::check("irq");
}

#[test]
fn every_sample_system_has_a_golden_test() {
    let folder = case::root().join("guest-images/systems");
    let entries = std::fs::read_dir(folder).expect("the folder of the sample systems");
    let mut systems: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    systems.sort();
    assert_eq!(systems, ["flight", "guard", "irq"]);
}
