//! `--source` shows which lines of the source instructions come from.

use super::paravane::{Finished, TemporaryFile, run, sample};
use std::ffi::OsStr;
use std::fs;

const SOURCE: &str = "guest-images/lines/lines.c";

fn guest() -> String {
    format!("{}/guest-images/lines/prebuilt/lines.elf", env!("CARGO_MANIFEST_DIR"))
}

fn trace(options: &[&str]) -> Finished {
    let finished = run(["trace", &guest()].iter().chain(options));
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished
}

/// The number and the text of the line of the source that has this in it.
fn line_of(part: &str) -> (usize, String) {
    let source = fs::read_to_string(SOURCE).expect("the source");
    let place = source.lines().position(|line| line.contains(part)).expect("a line");
    (place + 1, source.lines().nth(place).expect("a line").trim().to_owned())
}

#[test]
fn instructions_follow_the_line_that_they_come_from() {
    let text = trace(&["--source", "--function", "on_tick"]).text();
    let (number, words) = line_of("ticks += times;");
    let note = format!("  -- ./{SOURCE}:{number}  {words}");
    let lines: Vec<&str> = text.lines().collect();
    let place =
        lines.iter().position(|line| line.ends_with(&note)).unwrap_or_else(|| panic!("{note}\n{text}"));
    let (number, next) = (lines[place].split(' ').next(), lines[place + 1]);
    assert_eq!(next.split(' ').next(), number, "both have the number of the instruction");
    assert!(next.contains(" on_tick"), "{next}");
    assert_eq!(text.matches(&note).count(), 3, "three ticks");
}

#[test]
fn without_the_notes_the_trace_is_as_before() {
    let (with, without) = (trace(&["--source"]).text(), trace(&[]).text());
    let left: Vec<&str> = with.lines().filter(|line| line.split_whitespace().nth(2) != Some("--")).collect();
    assert_eq!(left, without.lines().collect::<Vec<_>>());
    assert!(with.len() > without.len());
}

#[test]
fn what_is_inlined_names_both_places() {
    let text = trace(&["--source", "--function", "main"]).text();
    let (inner, words) = line_of("return number * 2 + total;");
    let (outer, _) = line_of("total += doubled(factorial(5));");
    let note = format!("  -- ./{SOURCE}:{inner} inlined at :{outer}  {words}");
    assert!(text.lines().any(|line| line.ends_with(&note)), "{note}\n{text}");
}

/// What is told before an instruction holds up to the next note: it is the same as if nothing else were shown.
#[test]
fn one_line_that_is_inlined_by_two_calls_is_told_twice() {
    let text = trace(&["--source", "--function", "pv_begin"]).text();
    let mut current = String::new();
    let mut found = 0;
    for line in text.lines().filter(|line| line.starts_with('#') && !line.contains(" == ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[2] == "--" {
            line[line.find(" -- ").expect("a note")..].clone_into(&mut current);
            continue;
        }
        let alone = trace(&["--source", "--address", &format!("0x{}", words[2])]).text();
        let note = alone.lines().find(|line| line.contains(" -- ")).expect("a note");
        assert!(note.ends_with(&current), "before {line}:\n{current}, alone:\n{note}");
        found += 1;
    }
    assert!(found > 20, "{text}");
}

#[test]
fn a_recorded_run_shows_the_same() {
    let recorded = TemporaryFile::new("source.pvt", b"");
    let guest = guest();
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    run(options.into_iter().chain([recorded.as_ref(), guest.as_ref()]));
    for look in [&["--source"][..], &["--source", "--calls"]] {
        let shown = run(["show".as_ref(), recorded.as_ref()].into_iter().chain(look.iter().map(OsStr::new)));
        assert_eq!(shown.status, Some(0), "{}", shown.stderr);
        assert_eq!(shown.text(), trace(look).text());
    }
}

#[test]
fn a_tree_of_calls_says_from_where() {
    let text = trace(&["--source", "--calls"]).text();
    let (outer, _) = line_of("total += doubled(factorial(5));");
    let (inner, _) = line_of("uint32_t smaller = factorial(number - 1);");
    assert!(text.contains(&format!("  factorial {{  at ./{SOURCE}:{outer}\n")), "{text}");
    assert!(text.contains(&format!("  factorial = 00000001  at ./{SOURCE}:{inner}\n")), "{text}");
    assert!(text.contains("} factorial = 00000078\n"), "5! is 0x78");
    let text = trace(&["--source", "--calls", "--data", "ticks"]).text();
    let (number, words) = line_of("ticks += times;");
    assert!(text.contains(&format!("  -- ./{SOURCE}:{number}  {words}\n")), "{text}");
}

#[test]
fn a_source_that_is_not_there_is_told_once_and_its_lines_have_no_text() {
    let finished = trace(&["--source=/nowhere"]);
    let warning = "warning: --source: there is no /nowhere/./guest-images/";
    assert_eq!(finished.stderr.matches(warning).count(), 1, "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    let (number, _) = line_of("ticks += times;");
    assert!(finished.text().contains(&format!("  -- ./{SOURCE}:{number}\n")));
}

#[test]
fn sources_are_found_in_a_folder_that_is_named() {
    let folder = std::env::temp_dir().join(format!("paravane-source-{}", std::process::id()));
    fs::create_dir_all(folder.join("guest-images/lines")).expect("a folder");
    let changed =
        fs::read_to_string(SOURCE).expect("the source").replace("ticks += times;", "OTHER\x1b[31m;");
    fs::write(folder.join(SOURCE), changed).expect("a file");
    let finished = trace(&[&format!("--source={}", folder.display()), "--function", "on_tick"]);
    fs::remove_dir_all(&folder).expect("it goes");
    assert!(finished.text().contains("  OTHER [31m;\n"), "{}", finished.text());
}

#[test]
fn an_image_without_lines_says_what_to_do() {
    let guest = sample("hello");
    let finished = run(["trace".as_ref(), "--source".as_ref(), guest.as_os_str()]);
    assert_eq!(finished.status, Some(0));
    assert_eq!(
        finished.stderr.matches("has no source lines: build it with -g").count(),
        1,
        "{}",
        finished.stderr
    );
    let plain = run(["trace".as_ref(), guest.as_os_str()]);
    assert!(finished.stdout == plain.stdout);
}

#[test]
fn damaged_source_lines_are_no_panic() {
    let good = fs::read(guest()).expect("the guest");
    // What comes after the code and the data is DWARF, symbols and names.
    let start = good.len() / 4;
    for place in (start..good.len()).step_by(397) {
        let mut bytes = good.clone();
        bytes[place..].iter_mut().take(7).for_each(|byte| *byte ^= 0x91);
        let file = TemporaryFile::new("damaged.elf", &bytes);
        let limit = ["--max-instructions", "300"].map(OsStr::new);
        for look in [&["--source"][..], &["--source", "--calls"]] {
            let arguments = ["trace".as_ref(), file.as_ref()].into_iter().chain(limit);
            let finished = run(arguments.chain(look.iter().map(OsStr::new)));
            let is_ended = finished.status.is_some_and(|status| matches!(status, 124 | 125));
            assert!(
                is_ended && !finished.stderr.contains("this is a bug"),
                "byte {place}: {}",
                finished.stderr
            );
        }
    }
}
