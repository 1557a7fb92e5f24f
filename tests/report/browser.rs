//! Chromium shows the page and is driven as a person would: `browser.py` has what is done and expected. Where Chromium is not installed the
//! tests say so and pass, but not in CI.

use crate::cli::paravane::{TemporaryFile, run, run_with_input, sample};
use std::ffi::OsStr;
use std::process::Command;
use std::{env, fs};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/report/browser.py");

/// A line of the console, and a file's name, of a guest that means harm.
const HOSTILE_LINE: &str =
    "</script><script>document.title='hostile'</script><img src=x onerror=\"document.title='hostile'\">";
const HOSTILE_NAME: &str = "<img src=x onerror=alert(1)>.elf";

/// The page of what `arguments` run, with this on the console.
fn page(arguments: &[&OsStr], input: &str) -> TemporaryFile {
    let recorded = TemporaryFile::new("run.pvt", b"");
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let all = options.into_iter().chain([recorded.as_ref()]).chain(arguments.iter().copied());
    let finished = run_with_input(all, input.as_bytes());
    assert_ne!(finished.status, Some(125), "{}", finished.stderr);
    let page = TemporaryFile::new("report.html", b"");
    let finished = run([OsStr::new("report"), recorded.as_ref(), "-o".as_ref(), page.as_ref()]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    page
}

/// A system of 256 partitions that compute, each in a window of 100 us.
fn crowd() -> String {
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/systems/prebuilt/worker.elf");
    let partition = |number| {
        format!("[[partition]]\nname = \"worker{number:03}\"\nimage = {image:?}\nmemory = \"256KiB\"\n")
    };
    let window = |number| format!("{{ partition = \"worker{number:03}\", length = \"100us\" }},");
    let (partitions, windows): (String, String) =
        ((0..256).map(partition).collect(), (0..256).map(window).collect());
    format!("{partitions}[[plan]]\nname = \"round\"\nwindows = [{windows}]\n")
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Whether a browser can be driven here; in CI it has to be.
fn can_browse() -> bool {
    let missing = ["chromium", "chromedriver", "python3"].into_iter().find(|program| !is_installed(program));
    let Some(program) = missing else { return true };
    let what = format!("{program} is not installed (Debian: apt-get install chromium chromium-driver)");
    assert!(env::var("CI").as_deref() != Ok("true"), "{what}");
    println!("skipped: {what}");
    false
}

/// Runs a test of `browser.py` on these pages.
fn browse(test: &str, pages: &[&TemporaryFile]) {
    let pages = pages.iter().map(|page| AsRef::<OsStr>::as_ref(*page));
    let arguments = [OsStr::new(SCRIPT), test.as_ref()].into_iter().chain(pages);
    let output = Command::new("python3").args(arguments).output().expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}:\n{errors}");
}

/// The pages of `flight`, `irq` and of a hostile guest.
fn browse_samples(test: &str) {
    if !can_browse() {
        return;
    }
    let copy = TemporaryFile::new(HOSTILE_NAME, &fs::read(sample("echo")).expect("the sample is there"));
    let flight = page(&["builtin:flight".as_ref()], "");
    let irq = page(&["builtin:irq".as_ref()], "");
    let hostile = page(&[copy.as_ref()], &format!("{HOSTILE_LINE}\n"));
    browse(test, &[&flight, &irq, &hostile]);
}

#[test]
fn the_page_is_drawn_in_both_themes_and_says_what_happened() {
    browse_samples("shows");
}

#[test]
fn what_executes_when_a_limit_ends_the_run_is_drawn_up_to_there() {
    if can_browse() {
        let hello = sample("hello");
        let arguments = ["--max-instructions", "300"].map(OsStr::new);
        browse("ends", &[&page(&[hello.as_ref(), arguments[0], arguments[1]], "")]);
    }
}

#[test]
fn wheel_drag_keys_and_the_address_move_the_timeline() {
    browse_samples("moves");
}

#[test]
fn what_is_pointed_at_is_told_and_a_line_of_the_console_leads_to_its_instant() {
    browse_samples("points");
}

#[test]
fn what_a_guest_says_stays_text() {
    browse_samples("escapes");
}

#[test]
fn a_system_of_256_partitions_can_be_read() {
    if can_browse() {
        let system = TemporaryFile::new("crowd.toml", crowd().as_bytes());
        let arguments = ["--max-time", "100ms"].map(OsStr::new);
        browse("crowds", &[&page(&[system.as_ref(), arguments[0], arguments[1]], "")]);
    }
}
