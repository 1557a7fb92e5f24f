//! The page counts events and how long they waited by what was recorded; the machine's ledger, which counted while they happened, says
//! the same. So do calls.

use crate::cli::paravane::{TemporaryFile, run};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

/// Every guest and system that is there, the conformance guests among them.
fn subjects() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guest-images");
    let folders = ["prebuilt", "conformance/prebuilt"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("there are guests"));
    let files = files.map(|file| file.expect("a folder can be read").path());
    let guests = files.filter(|path| path.extension().is_some_and(|extension| extension == "elf"));
    let systems = ["builtin:flight", "builtin:irq", "builtin:guard"].map(PathBuf::from);
    guests.chain(systems).collect()
}

fn answer(arguments: &[&OsStr]) -> String {
    let finished = run(arguments);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished.text()
}

/// What the page and `paravane stats` say of a recording.
fn both(recorded: &TemporaryFile) -> (Value, Value) {
    let page = answer(&["report".as_ref(), "--no-functions".as_ref(), recorded.as_ref()]);
    let (_, data) = page.split_once(r#"id="data">"#).expect("the page has its data");
    let (data, _) = data.split_once("</script>").expect("the data end");
    let stats = answer(&["stats".as_ref(), "--json".as_ref(), recorded.as_ref()]);
    let read = |text: &str| serde_json::from_str(text).expect("it is JSON");
    (read(data), read(&stats))
}

/// A line for each source of events of a partition: what became of them, and how long they waited.
fn sources_of_page(page: &Value, partition: usize) -> Vec<String> {
    let rows = page["interrupts"].as_array().expect("there is a list").iter();
    let rows = rows.filter(|row| row["partition"] == partition);
    let line = |row: &Value| {
        let dropped = row["dropped"].as_array().expect("there is a list").iter();
        let dropped: u64 = dropped.map(|drop| drop[1].as_u64().expect("a number")).sum();
        let waits = &row["waits"];
        let bars = waits["bars"].as_array().map(Vec::as_slice).unwrap_or_default();
        let bars: Vec<String> = bars.iter().map(|bar| format!("{} {}", last_ns(&bar[0]), bar[1])).collect();
        let terms =
            ["raised", "delivered", "coalesced", "taken", "pending"].map(|term| row[term].to_string());
        format!("{} {dropped}; {} to {}: {bars:?}", terms.join(" "), waits["min"], waits["max"])
    };
    let mut lines: Vec<String> = rows.map(line).collect();
    lines.sort();
    lines
}

fn last_ns(bar: &Value) -> u64 {
    let bar = bar.as_u64().expect("a number") as u32;
    u64::MAX.checked_shr(u64::BITS - bar).unwrap_or(0)
}

fn sources_of_ledger(stats: &Value, partition: usize) -> Vec<String> {
    let sources = stats["partitions"][partition]["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let line = |source: &Value| {
        let waits = &source["latency_ns"];
        let buckets = waits["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let bars: Vec<String> = buckets.iter().map(|bar| format!("{} {}", bar["to"], bar["count"])).collect();
        let terms = ["raised", "delivered", "coalesced", "taken", "pending", "dropped"]
            .map(|term| source[term].to_string());
        format!("{}; {} to {}: {bars:?}", terms.join(" "), waits["least"], waits["most"])
    };
    let mut lines: Vec<String> = sources.iter().map(line).collect();
    lines.sort();
    lines
}

/// How often each name was called.
fn calls(page: &Value, partition: usize) -> Vec<String> {
    let rows = page["calls"].as_array().expect("there is a list").iter();
    let rows = rows.filter(|row| row["partition"] == partition);
    let name = |row: &Value| {
        row["name"].as_str().and_then(|name| name.split('(').next()).unwrap_or_default().to_owned()
    };
    let mut lines: Vec<String> = rows.map(|row| format!("{} {}", name(row), row["count"])).collect();
    lines.sort();
    lines
}

#[test]
fn the_page_counts_as_the_ledger_of_the_machine_does() {
    let (mut sources, mut called, mut exact) = (0, 0, 0);
    for subject in subjects() {
        let recorded = TemporaryFile::new("ledger.pvt", b"");
        let options = ["trace", "--format", "pvt", "--max-time", "300ms", "--max-instructions", "3M", "-o"];
        let arguments = options.map(OsStr::new).into_iter().chain([recorded.as_ref(), subject.as_os_str()]);
        // Some of the guests are made to crash.
        if run(arguments).status == Some(125) {
            continue;
        }
        let (page, stats) = both(&recorded);
        for partition in 0..page["about"]["partitions"].as_array().expect("there is a list").len() {
            let of_page = sources_of_page(&page, partition);
            assert_eq!(of_page, sources_of_ledger(&stats, partition), "{} {partition}", subject.display());
            sources += of_page.len();
            let rows = page["interrupts"].as_array().expect("there is a list").iter();
            exact += rows.filter(|row| row["waits"]["precision"] == "exact").count();
            let counted = stats["partitions"][partition]["calls"].as_object().expect("there is an object");
            let mut counted: Vec<String> = counted
                .iter()
                .map(|(name, count)| format!("{} {count}", name.split(' ').next().unwrap_or(name)))
                .collect();
            counted.sort();
            let of_page = calls(&page, partition);
            if counted.iter().all(|line| !line.starts_with("call ")) {
                assert_eq!(of_page, counted, "{} {partition}", subject.display());
            }
            called += of_page.len();
        }
    }
    // Most are as told of; for the others the ledger itself is on the page.
    assert!(
        sources > 40 && called > 300 && exact * 3 > sources * 2,
        "{sources} sources, {exact} exact, {called} calls"
    );
}
