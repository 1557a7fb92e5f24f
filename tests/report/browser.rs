//! Chromium shows the page and is driven as a person would: `browser.py` has what is done and expected. Where Chromium is not installed the
//! tests say so and pass, but not in CI.

use crate::cli::paravane::{TemporaryFile, run, run_with_input, sample};
use std::ffi::{OsStr, OsString};
use std::path::Path;
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
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    let page = TemporaryFile::new("report.html", b"");
    let finished = run([OsStr::new("report"), recorded.as_ref(), "-o".as_ref(), page.as_ref()]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    page
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs a test of `browser.py` on the pages of `flight`, `irq` and of a hostile guest.
fn browse(test: &str) {
    let missing = ["chromium", "chromedriver", "python3"].into_iter().find(|program| !is_installed(program));
    if let Some(program) = missing {
        assert!(
            env::var("CI").as_deref() != Ok("true"),
            "{program} is not installed: apt-get install chromium chromium-driver"
        );
        println!("skipped: {program} is not installed (Debian: apt-get install chromium chromium-driver)");
        return;
    }
    let copy = TemporaryFile::new(HOSTILE_NAME, &fs::read(sample("echo")).expect("the sample is there"));
    let flight = page(&["builtin:flight".as_ref()], "");
    let irq = page(&["builtin:irq".as_ref()], "");
    let hostile = page(&[copy.as_ref()], &format!("{HOSTILE_LINE}\n"));
    let pages: [&OsStr; 3] = [flight.as_ref(), irq.as_ref(), hostile.as_ref()];
    let arguments: Vec<OsString> =
        [OsStr::new(SCRIPT), test.as_ref()].into_iter().chain(pages).map(OsStr::to_owned).collect();
    let output =
        Command::new("python3").args(arguments).current_dir(Path::new("/")).output().expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}:\n{errors}");
}

#[test]
fn the_page_is_drawn_in_both_themes_and_says_what_happened() {
    browse("shows");
}

#[test]
fn wheel_drag_keys_and_the_address_move_the_timeline() {
    browse("moves");
}

#[test]
fn what_is_pointed_at_is_told_and_a_line_of_the_console_leads_to_its_instant() {
    browse("points");
}

#[test]
fn what_a_guest_says_stays_text() {
    browse("escapes");
}
