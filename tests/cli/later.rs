//! A recording that is shown from an instant on is run again from a keyframe, and shows what a trace of the whole run shows.

use super::paravane::{TemporaryFile, run, sample};
use recording::{Files, Full, GuestOptions, Subject, Unattended, record};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Records a run with a keyframe after so many units.
pub fn record_with_keyframes(path: &Path, every: u64) -> TemporaryFile {
    let file = TemporaryFile::new("close.pvt", b"");
    let subject = Subject::open(path, GuestOptions::default(), Files::default());
    let subject = subject.unwrap_or_else(|error| panic!("{error}"));
    let out = Box::new(File::create(AsRef::<OsStr>::as_ref(&file)).unwrap());
    let run = Unattended { keyframe_units: Some(every), ..Unattended::default() };
    record::<Full>(out, &subject, &run).unwrap_or_else(|error| panic!("{error}"));
    file
}

fn guests() -> Vec<PathBuf> {
    let system = |name| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/systems").join(format!("{name}.toml"))
    };
    let guests = ["page_fault", "ticker"].map(sample);
    guests.into_iter().chain(["flight", "guard"].map(system)).collect()
}

/// What a command says with these options.
fn text(command: &str, file: &OsStr, options: &[&str]) -> String {
    let arguments = [OsStr::new(command), file];
    let finished = run(arguments.into_iter().chain(options.iter().map(OsStr::new)));
    assert!(finished.status.is_some_and(|status| status != 125), "{options:?}: {}", finished.stderr);
    finished.text()
}

/// Numbers, with their partition, and times of instructions here and there in a run.
fn instants(whole: &str) -> Vec<String> {
    let lines: Vec<&str> =
        whole.lines().filter(|line| line.contains('#') && !line.contains(" == ")).collect();
    let mut instants = Vec::new();
    for tenth in [5, 9] {
        let mut words = lines[lines.len() * tenth / 10].split_whitespace().peekable();
        let partition = words.next_if(|word| !word.starts_with('#'));
        let number = words.next().unwrap();
        let seconds = words.next().unwrap();
        instants
            .push(partition.map_or_else(|| number.to_owned(), |partition| format!("{partition}:{number}")));
        let nanoseconds: u64 = seconds.replace('.', "").parse().unwrap();
        instants.push(format!("{nanoseconds}ns"));
    }
    instants
}

#[test]
fn what_is_shown_from_an_instant_on_is_what_a_trace_of_the_whole_run_shows() {
    for guest in guests() {
        let file = record_with_keyframes(&guest, 700);
        let whole = text("show", file.as_ref(), &[]);
        assert!(whole == text("trace", guest.as_ref(), &[]), "{}", guest.display());
        for instant in instants(&whole) {
            for options in [
                &["--from", &instant][..],
                &["--from", &instant, "--gaps", "total", "--only", "writes,calls,upcalls"],
                &["--from", &instant, "--last", "50"],
                &["--from", &instant, "--at", "trap:14", "--around", "3"],
                &["--at", &instant],
                &["--at", &instant, "--around", "900"],
                &["--calls", "--from", &instant],
            ] {
                let shown = text("show", file.as_ref(), options);
                let traced = text("trace", guest.as_ref(), options);
                assert!(shown == traced, "{} {options:?}\n{shown}\n\n{traced}", guest.display());
            }
        }
    }
}
