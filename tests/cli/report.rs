//! `paravane report` writes a page that holds what happened, whatever a guest says, or one line about what is wrong.

use super::paravane::{TemporaryFile, paravane, run, run_with_input, sample};
use std::ffi::OsStr;
use std::fs;
use std::process::Stdio;

fn record(name: &str, arguments: &[&OsStr]) -> TemporaryFile {
    let file = TemporaryFile::new(name, b"");
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let finished = run(options.into_iter().chain([file.as_ref()]).chain(arguments.iter().copied()));
    assert!(finished.status.is_some_and(|status| status != 125), "{}", finished.stderr);
    file
}

fn page(file: &TemporaryFile, options: &[&str]) -> String {
    let arguments = [OsStr::new("report"), file.as_ref()];
    let finished = run(arguments.into_iter().chain(options.iter().map(OsStr::new)));
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.lines().all(|line| line.contains("was cut off")), "{}", finished.stderr);
    finished.text()
}

/// The JSON that the page holds.
fn data(page: &str) -> &str {
    let (_, data) = page.split_once(r#"id="data">"#).expect("the page has its data");
    data.split_once("</script>").expect("the data end").0
}

#[test]
fn the_page_of_a_system_has_what_happened() {
    let recorded = record("report.pvt", &["builtin:flight".as_ref()]);
    let page = page(&recorded, &[]);
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    let data = data(&page);
    for expected in [
        r#""format":"paravane-report 1""#,
        r#""of":"builtin:flight""#,
        r#""words":"shutdown with code 0""#,
        r#""plans":["climb","cruise"]"#,
        "frame 01 heading 084 roll +00 pitch +05, 8.0 ms old",
        "divide_error: cold_restart",
        r#""name":"message_port:attitude""#,
        r#""name":"sampling_write(message_port: number, message: bytes)""#,
        r#""name":"pv_print_number","#,
        r#""leftOut":null"#,
    ] {
        assert!(data.contains(expected), "{expected} is not in\n{data}");
    }
}

#[test]
fn the_page_goes_to_a_file_or_to_stdout_and_is_the_same_each_time() {
    let recorded = record("report.pvt", &["builtin:irq".as_ref()]);
    let written = TemporaryFile::new("report.html", b"what was there before");
    let arguments = ["report".as_ref(), recorded.as_ref(), "-o".as_ref(), written.as_ref()];
    let finished = run(arguments);
    assert_eq!((finished.status, finished.stdout, finished.stderr.as_str()), (Some(0), Vec::new(), ""));
    let written = written.contents();
    assert!(written == page(&recorded, &["-o", "-"]).into_bytes());
    assert!(written == page(&recorded, &[]).into_bytes());
}

#[test]
fn without_functions_nothing_is_run_again_and_the_page_says_so() {
    let recorded = record("report.pvt", &["builtin:irq".as_ref()]);
    let quick = page(&recorded, &["--no-functions"]);
    assert!(data(&quick).contains(r#""functions":{"leftOut":"The report was made with --no-functions.""#));
    assert!(data(&quick).contains(r#""rows":[],"others":0,"#));
}

#[test]
fn a_guest_cannot_end_the_data_of_the_page() {
    let hostile = "</script><script>document.title='hostile'</script><!--";
    let guest = sample("echo");
    let recorded = TemporaryFile::new("hostile.pvt", b"");
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let arguments = options.into_iter().chain([recorded.as_ref(), guest.as_os_str()]);
    let finished = run_with_input(arguments, format!("{hostile}\n").as_bytes());
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    let page = page(&recorded, &[]);
    assert!(!page.contains(hostile));
    assert!(
        data(&page).contains(r"\u003c/script>\u003cscript>document.title='hostile'\u003c/script>\u003c!--")
    );
}

#[test]
fn what_cannot_be_done_is_told_in_one_line() {
    let recorded = record("report.pvt", &["builtin:irq".as_ref()]);
    let cut = TemporaryFile::new("damaged.pvt", &recorded.contents()[..100]);
    let name = |file: &TemporaryFile| AsRef::<OsStr>::as_ref(file).to_string_lossy().into_owned();
    let before = recorded.contents();
    let recorded = name(&recorded);
    for (arguments, line) in [
        (
            vec![recorded.as_str(), "-o", &recorded],
            format!("-o {recorded}: this is the file that is read: name another one"),
        ),
        (vec![&recorded, "-o", "/nowhere/report.html"], "cannot create /nowhere/report.html:".to_owned()),
        (vec!["/nowhere/run.pvt"], "/nowhere/run.pvt: there is no such file".to_owned()),
        (vec![&name(&cut)], name(&cut)),
        (vec![env!("CARGO_BIN_EXE_paravane")], "this is no trace file".to_owned()),
    ] {
        let finished = run(["report"].into_iter().chain(arguments));
        assert_eq!((finished.status, finished.stdout.len()), (Some(125), 0), "{line}");
        assert!(
            finished.stderr.contains(&line) && finished.stderr.lines().count() == 1,
            "{}",
            finished.stderr
        );
    }
    assert!(fs::read(&recorded).unwrap() == before, "the recording was overwritten");
}

#[test]
fn a_recording_that_was_cut_off_has_a_page_that_says_so() {
    let load = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/systems/prebuilt/load.elf");
    let recorded = record("long.pvt", &[load.as_ref(), "--max-instructions".as_ref(), "60M".as_ref()]);
    let whole = recorded.contents();
    let cut = TemporaryFile::new("cut.pvt", &whole[..whole.len() - 600]);
    let page = page(&cut, &["--no-functions"]);
    assert!(data(&page).contains(r#""end":null"#), "{}", data(&page));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let recorded = record("report.pvt", &["builtin:flight".as_ref()]);
    let arguments = [OsStr::new("report"), recorded.as_ref()];
    let mut child = paravane(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let finished = child.wait_with_output().unwrap();
    assert_eq!((finished.status.code(), finished.stderr), (Some(0), Vec::new()));
}

#[test]
fn single_events_can_be_held_of_a_stretch_alone() {
    let recorded = record("report.pvt", &["builtin:flight".as_ref()]);
    let of_stretch = page(&recorded, &["--from", "100ms", "--to", "0.11s"]);
    let of_stretch = data(&of_stretch);
    assert!(of_stretch.contains(r#""from":10000000,"to":11000000,"covered":[[10000000,11000000]]"#));
    let whole = page(&recorded, &[]);
    assert!(data(&whole).contains(r#""covered":[[0,39000259]]"#));
    let nothing_left_out = r#""leftOut":0,"points""#;
    assert!(data(&whole).contains(nothing_left_out) && !of_stretch.contains(nothing_left_out));
    for arguments in [["--from", "2s"], ["--to", "soon"]] {
        let finished =
            run([OsStr::new("report"), recorded.as_ref()].into_iter().chain(arguments.map(OsStr::new)));
        assert_eq!((finished.status, finished.stdout.len()), (Some(125), 0), "{arguments:?}");
    }
}
