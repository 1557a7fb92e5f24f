//! What is left of a case that differs, in a folder of its own: recordings to look into, a page, an object for programs,
//! and a script that does it again.

use super::outcome::{status, word};
use super::page::page;
use super::report::Entry;
use crate::json::Json;
use ::golden::{Archive, Case, Divergence, ImageChange, Judgement, Parting, record, words};
use recording::Full;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use trace::diff::Mark;

/// Where they are, if nobody says so.
pub const FOLDER: &str = "target/golden";

/// The recording of this run.
const ACTUAL: &str = "actual.pvt";
/// The recording of the accepted run, if it can be made again.
const EXPECTED: &str = "expected.pvt";
/// The recording of a second run, if two runs differ.
const AGAIN: &str = "again.pvt";
const FILES: [&str; 6] = [ACTUAL, EXPECTED, AGAIN, "divergence.json", "diff.html", "repro.sh"];

/// The folder of what is left of cases.
#[derive(Clone, Debug)]
pub struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// In this folder, which need not be there.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// The files that accepted runs were made of.
    pub fn archive(&self) -> Archive {
        Archive::in_folder(self.folder.join(".accepted"))
    }

    fn of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Removes what is left of an earlier run of a case.
    ///
    /// # Errors
    /// One line: a file cannot be removed.
    pub fn clear(&self, name: &str) -> Result<(), String> {
        let folder = self.of(name);
        for path in FILES.map(|file| folder.join(file)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(format!("{}: cannot remove: {error}", path.display()));
                }
                _ => {}
            }
        }
        // Somebody may keep other files there.
        let _ = fs::remove_dir(&folder);
        Ok(())
    }

    /// What is left of an earlier run of a case.
    pub fn left_of(&self, name: &str) -> Vec<PathBuf> {
        let folder = self.of(name);
        FILES.iter().map(|file| folder.join(file)).filter(|path| path.is_file()).collect()
    }

    /// Removes folders that are empty now.
    pub fn remove_empty(&self, names: impl Iterator<Item = String>) {
        // A folder that is not empty is not removed.
        names.for_each(|name| _ = fs::remove_dir(self.of(&name)));
        for folder in
            [self.folder.join(".accepted/cases"), self.folder.join(".accepted"), self.folder.clone()]
        {
            let _ = fs::remove_dir(folder);
        }
    }

    /// Writes all there is about a case that differs; the lines that say how to open it.
    ///
    /// # Errors
    /// One line: a file cannot be written, or the case cannot be run again.
    pub fn write(&self, case: &Case, entry: &Entry) -> Result<String, String> {
        let folder = self.of(&entry.name);
        let failed = |error: io::Error| format!("{}: cannot write: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        let create = |name: &str| {
            let file = File::create(folder.join(name)).map_err(failed)?;
            Ok::<_, String>(Box::new(BufWriter::new(file)))
        };
        let is_at = |judgement: &Judgement| matches!(judgement, Judgement::Limit(_));
        let executed = entry.judged.run.as_ref().map(|run| run.verdict.run.executed);
        // What ended for another reason ends again for the same.
        record::<Full>(case, executed.filter(|_| is_at(&entry.judged.judgement)), create(ACTUAL)?)?;
        if let Some(before) = &entry.divergence.before {
            record::<Full>(before, None, create(EXPECTED)?)?;
        }
        if entry.judged.judgement == Judgement::Nondeterministic {
            record::<Full>(case, None, create(AGAIN)?)?;
        }
        let commands = commands(&folder, entry);
        let write = |name: &str, text: String| fs::write(folder.join(name), text).map_err(failed);
        write("divergence.json", format!("{}\n", divergence(entry, &commands)))?;
        write("diff.html", page(entry))?;
        write("repro.sh", script(case, entry, &commands))?;
        executable(&folder.join("repro.sh")).map_err(failed)?;
        let mut text = String::new();
        for (what, command) in &commands {
            text += &format!("{what}: {command}\n");
        }
        Ok(text + &format!("all of it: {}/ (diff.html, divergence.json, repro.sh)\n", folder.display()))
    }
}

#[cfg(unix)]
fn executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What opens the recordings.
fn commands(folder: &Path, entry: &Entry) -> Vec<(&'static str, String)> {
    let file = |name: &str| words::for_shell(&folder.join(name).display().to_string());
    let divergence = &entry.divergence;
    let mut commands = Vec::new();
    if let Some(place) = place(divergence).or_else(|| end(entry)) {
        let place = words::for_shell(&place);
        commands.push(("open", format!("paravane show {} --at {place} --around 16", file(ACTUAL))));
    }
    if divergence.before.is_some() {
        let by = if divergence.by_symbol { " --by symbol" } else { "" };
        commands.push(("compare", format!("paravane diff {} {}{by}", file(EXPECTED), file(ACTUAL))));
    }
    if entry.judged.judgement == Judgement::Nondeterministic {
        commands.push(("compare", format!("paravane diff {} {}", file(AGAIN), file(ACTUAL))));
    }
    commands
}

/// The last instruction of a run, in the words of `--at`.
fn end(entry: &Entry) -> Option<String> {
    let run = entry.judged.run.as_ref()?;
    let last = run.ladder.iter().max_by_key(|rung| rung.unit)?;
    let number = last.instruction.saturating_sub(1);
    match run.names.as_slice() {
        [_] => Some(format!("#{number}")),
        names => Some(format!("{}:#{number}", names.get(usize::from(last.partition))?)),
    }
}

/// Where to look first, in the words of `--at`.
fn place(divergence: &Divergence) -> Option<String> {
    let (name, is_system, number) = match (&divergence.parting, &divergence.inspection) {
        (Some(Parting { partition, is_system, now: Some(now), .. }), _) => (partition, *is_system, *now),
        (_, Some(inspection)) => {
            let event = inspection
                .event
                .filter(|(_, stamp)| (inspection.first..=inspection.last).contains(&stamp.instruction));
            let number = event.map_or(inspection.first, |(_, stamp)| stamp.instruction);
            (&inspection.partition, inspection.is_system, number)
        }
        _ => return None,
    };
    Some(if is_system { format!("{name}:#{number}") } else { format!("#{number}") })
}

/// A script that shows the difference again.
fn script(case: &Case, entry: &Entry, commands: &[(&'static str, String)]) -> String {
    let folder = fs::canonicalize(&case.folder).unwrap_or_else(|_| case.folder.clone());
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let mut text = format!(
        "#!/bin/sh\n# {}: {}\n# With another build: PARAVANE=path/to/paravane {}\n",
        one_line(&entry.name),
        one_line(&words::line(&entry.judged.judgement)),
        "./repro.sh"
    );
    for (what, command) in commands {
        text += &format!("# {what}: {}\n", one_line(command));
    }
    if let Some(inspection) = &entry.divergence.inspection {
        text += &format!("# the whole stretch: {}\n", one_line(&inspection.command));
    }
    let folder = words::for_shell(&folder.display().to_string());
    text + &format!("exec \"${{PARAVANE:-paravane}}\" golden explain {folder} \"$@\"\n")
}

/// `divergence.json`.
fn divergence(entry: &Entry, commands: &[(&'static str, String)]) -> Json {
    let Entry { name, judged, divergence, .. } = entry;
    let texts = |lines: &[String]| lines.iter().map(|line| Json::from(line.as_str())).collect::<Json>();
    let layers = judged.differences().into_iter().map(|(layer, difference)| {
        Json::object([
            ("layer", Json::from(layer)),
            ("line", Json::from(difference.number as u64)),
            ("accepted", texts(&difference.expected)),
            ("now", texts(&difference.actual)),
        ])
    });
    let mut object = vec![
        ("case", Json::from(name.as_str())),
        ("result", Json::from(word(&judged.judgement))),
        ("status", Json::from(u64::from(status(&judged.judgement).number()))),
        ("why", Json::from(words::line(&judged.judgement))),
        ("layers", layers.collect()),
    ];
    if let Some(by) = judged.accepted.as_ref().and_then(|accepted| accepted.verdict.accepted.as_ref()) {
        let accepted = [("by", &by.by), ("reason", &by.reason), ("version", &by.version)];
        let accepted = accepted.map(|(key, value)| (key, Json::from(value.as_str())));
        object.push(("accepted", Json::object(accepted)));
    }
    if let Some(inspection) = &divergence.inspection {
        let mut stretch = vec![
            ("partition", Json::from(inspection.partition.as_str())),
            ("first", Json::from(inspection.first)),
            ("last", Json::from(inspection.last)),
            ("command", Json::from(inspection.command.as_str())),
        ];
        if let Some((number, stamp)) = inspection.event {
            stretch.push(("event", Json::from(number as u64)));
            stretch.push(("event_instruction", Json::from(stamp.instruction)));
        }
        object.push(("stretch", Json::object(stretch)));
    }
    if !judged.besides.is_empty() {
        object.push(("besides", texts(&judged.besides)));
    }
    if !divergence.images.is_empty() {
        object.push(("images", divergence.images.iter().map(image).collect()));
    }
    object.push(("first_difference", divergence.parting.as_ref().map_or(Json::Null, first_difference)));
    if let Some(why) = &divergence.unknown {
        object.push(("not_known", Json::from(why.as_str())));
    }
    for (key, command) in commands {
        object.push((key, Json::from(command.as_str())));
    }
    Json::object(object)
}

fn image(change: &ImageChange) -> Json {
    let ImageChange { name, accepted, now, symbols } = change;
    let accepted = accepted.as_deref().map_or(Json::Null, Json::from);
    let mut object =
        vec![("name", Json::from(name.as_str())), ("accepted", accepted), ("now", Json::from(now.as_str()))];
    match symbols {
        Ok(symbols) => {
            let lists = [("changed", &symbols.changed), ("new", &symbols.added), ("gone", &symbols.removed)];
            for (key, names) in lists {
                object.push((key, names.iter().map(|name| Json::from(name.as_str())).collect()));
            }
            object.push(("moved", Json::from(symbols.moved as u64)));
        }
        Err(why) => object.push(("not_known", Json::from(why.as_str()))),
    }
    Json::object(object)
}

fn first_difference(parting: &Parting) -> Json {
    let lines = |wanted: Mark| {
        let lines = parting.lines.iter().filter(move |line| line.mark == wanted);
        lines.map(|line| Json::from(line.text.as_str())).collect::<Json>()
    };
    let number = |number: Option<u64>| number.map_or(Json::Null, Json::from);
    let writers = parting.writers.iter().map(|(what, line)| {
        let line = line.as_deref().map_or(Json::Null, Json::from);
        Json::object([("of", Json::from(what.as_str())), ("last_writer", line)])
    });
    Json::object([
        ("partition", Json::from(parting.partition.as_str())),
        ("accepted_instruction", number(parting.accepted)),
        ("instruction", number(parting.now)),
        ("accepted", lines(Mark::A)),
        ("now", lines(Mark::B)),
        ("differences", lines(Mark::Note)),
        ("writers", writers.collect()),
    ])
}
