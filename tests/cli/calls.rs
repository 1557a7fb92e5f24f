//! `--calls` shows a run as a tree of calls.

use super::paravane::{TemporaryFile, run, sample};
use std::ffi::OsStr;

fn record(name: &str) -> TemporaryFile {
    let file = TemporaryFile::new("calls.pvt", b"");
    let guest = if name.starts_with("builtin:") { name.into() } else { sample(name) };
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let finished = run(options.into_iter().chain([file.as_ref(), guest.as_os_str()]));
    assert!(finished.status.is_some_and(|status| status != 125), "{}", finished.stderr);
    file
}

fn tree(file: &TemporaryFile, options: &[&str]) -> Vec<String> {
    let arguments = [OsStr::new("show"), file.as_ref(), OsStr::new("--calls")];
    let finished = run(arguments.into_iter().chain(options.iter().map(OsStr::new)));
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished.text().lines().map(str::to_owned).collect()
}

/// Where the columns of number, time, instructions and time taken end.
const COLUMNS: usize = 49;

/// What stands behind the columns, and how deep.
fn inside(line: &str) -> (usize, &str) {
    let rest = line.get(COLUMNS..).unwrap_or_default();
    let words = rest.trim_start();
    ((rest.len() - words.len()) / 2, words)
}

/// The instructions of a line that has them.
fn instructions(line: &str) -> Option<u64> {
    line.get(24..36).and_then(|column| column.trim().parse().ok())
}

/// The line of a function that has no lines in it, or of its end.
fn ends<'a>(lines: &'a [String], name: &'a str) -> impl Iterator<Item = &'a str> {
    let is_of = move |line: &&String| inside(line).1.trim_start_matches("} ").split(' ').next() == Some(name);
    lines.iter().filter(is_of).map(String::as_str).filter(|line| instructions(line).is_some())
}

#[test]
fn what_is_entered_is_left_at_the_same_depth() {
    for name in ["ticker", "page_fault", "switch_in_upcall", "lazy_fpu", "self_modify"] {
        let lines = tree(&record(name), &[]);
        let mut open: Vec<String> = Vec::new();
        for line in &lines[3..] {
            let (depth, words) = inside(line);
            if let Some(left) = words.strip_prefix("} ") {
                let entered = open.pop().expect("nothing is left that was not entered");
                assert_eq!(left.split(' ').next(), entered.split(' ').next(), "{name}: {line}");
                assert_eq!(depth, open.len(), "{name}: {line}");
                continue;
            }
            assert_eq!(depth, open.len(), "{name}: {line}");
            if words.contains(" {") && !words.starts_with("==") {
                open.push(words.to_owned());
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        assert!(lines.iter().filter(|line| line.contains(" {")).count() > 20, "{name}");
    }
}

#[test]
fn the_functions_that_nobody_called_ran_all_instructions_together() {
    for (name, executed) in [("ticker", 42_092), ("page_fault", 562)] {
        let lines = tree(&record(name), &[]);
        let mut uncalled = 0;
        // Whoever is jumped to by a handler is in its place.
        let mut places: Vec<bool> = Vec::new();
        for line in &lines[3..] {
            let (depth, words) = inside(line);
            let is_end = words.starts_with("} ");
            let is_function =
                !words.starts_with("==") && (words.contains(" {") || instructions(line).is_some());
            if !is_function {
                continue;
            }
            if !is_end {
                let takes_place = words.contains("jumped to") && places.get(depth) == Some(&true);
                places.resize(depth.max(places.len()), false);
                places.truncate(depth + 1);
                let is_uncalled = depth == 0 || words.contains("interrupts ") || takes_place;
                if places.len() == depth { places.push(is_uncalled) } else { places[depth] = is_uncalled }
            }
            if places[depth] {
                uncalled += instructions(line).unwrap_or(0);
            }
        }
        assert_eq!(uncalled, executed, "{name}");
    }
}

#[test]
fn a_function_shows_what_it_returns_and_what_it_cost() {
    let lines = tree(&record("page_fault"), &[]);
    let addresses: Vec<&str> = ends(&lines, "pv_fault_address").collect();
    assert_eq!(addresses.len(), 2);
    assert!(
        addresses[0].ends_with("           3      30 ns            pv_fault_address = 00000008"),
        "{addresses:?}"
    );
    // `main` ran 161 instructions by itself and in what it called, and waited for two handlers.
    let main = ends(&lines, "main").next().expect("main ends");
    assert!(main.contains(" 161   5.200 us ") && main.ends_with("} main = 00000000"), "{main}");
    let last = lines.last().expect("a line");
    assert!(last.ends_with("== end     shutdown with code 0"), "{last}");
    assert!(ends(&lines, "_start").all(|line| line.ends_with("still open")));
}

#[test]
fn upcalls_and_traps_are_frames_of_their_own() {
    let lines = tree(&record("ticker"), &[]);
    let upcalls =
        lines.iter().filter(|line| line.ends_with("pv_upcall_entry {  interrupts hypercall.block+0x7"));
    assert_eq!(upcalls.count(), 350);
    assert_eq!(ends(&lines, "on_tick").count(), 350);
    let lines = tree(&record("page_fault"), &[]);
    let place = lines.iter().position(|line| line.contains("== trap    #PF")).expect("a trap");
    let (trap, handler) = (inside(&lines[place]), inside(&lines[place + 1]));
    assert_eq!(handler.1, "pv_trap_entries  interrupts main+0x31  jumps on");
    assert_eq!(trap.0, handler.0, "both are in what was interrupted");
}

#[test]
fn a_thread_goes_on_where_it_was_left() {
    let lines = tree(&record("switch_in_upcall"), &["--only", "functions"]);
    assert!(lines.iter().any(|line| line.ends_with("} first_thread  another stack goes on")));
    let again =
        lines.iter().position(|line| inside(line).1 == "first_thread {  goes on").expect("it goes on");
    assert_eq!(inside(&lines[again + 1]), (1, "thread {  goes on"));
    assert!(!lines.iter().any(|line| line.contains("== call")), "only functions were asked for");
    // The handler goes back to the thread, which is no return from a call.
    let back = lines[again..].iter().find(|line| line.contains("hypercall.iret")).expect("it goes back");
    assert!(back.ends_with("hypercall.iret  jumped to  resumes what it interrupted"), "{back}");
}

#[test]
fn a_tree_of_a_recording_is_that_of_the_run() {
    for name in ["ticker", "switch_in_upcall", "page_fault"] {
        let (recorded, guest) = (record(name), sample(name));
        let traced = run([OsStr::new("trace"), OsStr::new("--calls"), guest.as_os_str()]).text();
        assert_eq!(tree(&recorded, &[]), traced.lines().collect::<Vec<_>>(), "{name}");
    }
    let traced = run(["trace", "--calls", "builtin:flight"]).text();
    assert_eq!(tree(&record("builtin:flight"), &[]), traced.lines().collect::<Vec<_>>());
}

#[test]
fn accesses_stand_in_the_functions_that_lead_to_them() {
    let lines = tree(&record("ticker"), &["--data", "ticks"]);
    let store = lines.iter().position(|line| line.contains("[001031b0 ticks]<-00000001")).expect("a store");
    let paths: Vec<&str> = lines[3..store].iter().map(|line| inside(line).1).collect();
    let names: Vec<&str> = paths.iter().filter_map(|words| words.split(" {").next()).collect();
    for name in ["_start", "pv_begin", "main", "pv_block", "hypercall.block", "pv_upcall_entry", "on_tick"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!lines.iter().any(|line| line.contains("pv_print")), "nothing in it touches the variable");
    let all = lines.iter().filter(|line| line.contains(" ticks]")).count();
    let traced =
        run(["show".as_ref(), record("ticker").as_ref(), "--data".as_ref(), OsStr::new("ticks")]).text();
    assert_eq!(all, traced.lines().filter(|line| line.contains(" ticks]")).count());
}

#[test]
fn a_part_of_a_tree_has_the_functions_around_it() {
    let file = record("ticker");
    let whole = tree(&file, &["--only", "calls"]);
    let first = tree(&file, &["--only", "calls", "--from", "100ms", "--to", "200ms"]);
    assert_eq!(inside(&first[4]), (0, "_start {  starts here"), "{first:?}");
    let calls =
        |lines: &[String]| lines.iter().filter(|line| line.contains("== call")).cloned().collect::<Vec<_>>();
    let (part, all) = (calls(&first), calls(&whole));
    let start =
        all.iter().position(|line| Some(line) == part.first()).expect("the calls are those of the run");
    assert_eq!(part, all[start..start + part.len()]);
    assert!(first.iter().any(|line| line.contains("== elided") && line.ends_with(": filter")), "{first:?}");
    assert!(first.iter().any(|line| line.ends_with("} _start  still open")), "{first:?}");
}

#[test]
fn the_surroundings_of_a_trap_stand_in_their_functions() {
    let file = record("page_fault");
    let lines = tree(&file, &["--at", "trap:#PF", "--around", "5"]);
    let names: Vec<&str> = lines.iter().filter_map(|line| inside(line).1.split(" {").next()).collect();
    assert!(names.contains(&"_start") && names.contains(&"main"), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("interrupts main+0x31")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("pv_event")), "{lines:?}");
}

#[test]
fn the_last_lines_are_those_of_the_whole_tree_and_say_how_many_are_missing() {
    let file = record("ticker");
    let (whole, last) = (tree(&file, &[]), tree(&file, &["--last", "7"]));
    assert_eq!(last[2], "filter --last 7");
    assert_eq!(last[last.len() - 7..], whole[whole.len() - 7..]);
    let missing = format!("== elided  {} lines before", whole.len() - 3 - 7);
    assert_eq!(last[4], missing);
}

#[test]
fn a_window_of_a_recording_says_what_was_entered_before_it() {
    let lines = tree(&record("page_fault"), &["--at", "#100", "--window", "60"]);
    assert_eq!(inside(&lines[4]).1, "on_page_fault {  entered earlier");
    assert!(lines.iter().any(|line| inside(line).1.starts_with("pv_print {")), "{lines:?}");
}

#[test]
fn a_tree_can_be_cut_at_a_depth_and_keeps_its_events() {
    let file = record("ticker");
    let arguments = [OsStr::new("show"), file.as_ref(), OsStr::new("--calls=3")];
    let finished = run(arguments);
    let lines: Vec<String> = finished.text().lines().map(str::to_owned).collect();
    assert_eq!(lines[2], "filter --calls=3");
    let (cut, whole) = (&lines[4..], tree(&file, &[]));
    assert!(cut.iter().all(|line| inside(line).0 <= 3), "{cut:?}");
    let shallow = |line: &&String| inside(line).0 < 3 && !inside(line).1.starts_with("==");
    // `main` and whatever is as deep is shown as before, but for what is now empty.
    let ends = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(shallow).filter(|line| inside(line).1.starts_with("} ")).cloned().collect()
    };
    assert_eq!(ends(cut), ends(&whole[3..]));
    let events = |lines: &[String]| lines.iter().filter(|line| line.contains("== ")).count();
    assert_eq!(events(cut), events(&whole));
    let paths = run([OsStr::new("show"), file.as_ref(), OsStr::new("--calls=0")]);
    assert_eq!(paths.status, Some(125), "{}", paths.text());
}

#[test]
fn each_partition_has_a_tree_of_its_own() {
    let file = record("builtin:flight");
    let lines = tree(&file, &[]);
    for name in ["imu", "nav", "display"] {
        let begins =
            lines.iter().any(|line| line.starts_with(name) && line.ends_with(" _start {  starts here"));
        assert!(begins, "{name}");
    }
    let alone = tree(&file, &["--partition", "nav"]);
    let of_nav: Vec<&String> =
        lines.iter().filter(|line| line.starts_with("nav ") && line.contains('#')).collect();
    let shown: Vec<&String> = alone.iter().filter(|line| line.starts_with("nav ")).collect();
    assert_eq!(of_nav.len(), shown.len());
}

#[test]
fn what_a_tree_cannot_show_is_refused() {
    let file = record("page_fault");
    for (options, says) in [
        (&["--calls", "--collapse", "rep"][..], "cannot be used with"),
        (&["--only", "functions"], "functions are shown with --calls"),
        (&["--calls", "--only", "function"], "did you mean `functions`?"),
    ] {
        let arguments = [OsStr::new("show"), file.as_ref()];
        let finished = run(arguments.into_iter().chain(options.iter().map(OsStr::new)));
        assert_eq!(finished.status, Some(125), "{options:?}");
        assert!(finished.stderr.contains(says), "{options:?}: {}", finished.stderr);
    }
    let finished = run(["trace", "--calls", "--format", "pvt", "-o", "/dev/null", "builtin:hello"]);
    assert_eq!(finished.status, Some(125));
    assert!(finished.stderr.contains("leave --calls out"), "{}", finished.stderr);
}
