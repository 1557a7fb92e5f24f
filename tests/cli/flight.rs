//! The sample system `flight`: messages, a restart by the health monitor and a plan switch, seen from outside.

use super::paravane::{Finished, run};
use std::path::{Path, PathBuf};

fn flight() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/systems/flight.toml")
}

fn fly() -> Finished {
    run(["run".as_ref(), flight().as_os_str()])
}

#[test]
fn its_file_has_neither_errors_nor_warnings() {
    let finished = run(["check".as_ref(), flight().as_os_str()]);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
}

#[test]
fn it_flies_to_its_end_although_the_navigation_fails_once() {
    let finished = fly();
    assert_eq!(finished.status, Some(0), "{finished:?}");
    assert_eq!(finished.stderr.matches("divide_error").count(), 1, "{}", finished.stderr);
    let text = finished.text();
    let mut rest = text.as_str();
    for expected in [
        "navigation: ready",
        "frame 01 heading 084 roll +00 pitch +05, 8.0 ms old",
        "navigation: turning 3 degrees a sample",
        "frame 05 heading 096",
        "asks for the plan `cruise`",
        "the health monitor started the navigation again",
        "navigation: started again, and careful now",
        "frame 06 heading 099 roll +20 pitch +00, 13.0 ms old",
        "frame 16 heading 129",
        "The inertial unit ends.",
        "the navigation ends.",
        "the display ends.",
    ] {
        let place =
            rest.find(expected).unwrap_or_else(|| panic!("`{expected}` does not come next in\n{text}"));
        rest = &rest[place + expected.len()..];
    }
    assert_eq!(text.matches("frame ").count(), 16);
}

#[test]
fn two_flights_are_the_same_to_the_byte() {
    let [first, second] = [fly(), fly()];
    assert_eq!((first.stdout, first.stderr), (second.stdout, second.stderr));
}
