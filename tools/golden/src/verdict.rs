//! `expect.verdict.toml`: how a run ended, of which files it was made, and who accepted it, and why.

use crate::case_file::{one_line, quoted};
use serde::Deserialize;
use std::fmt::Write;

const SCHEMA: u64 = 1;

/// The verdict of a run.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    schema: u64,
    /// Who accepted it; nobody while it is pending.
    pub accepted: Option<Provenance>,
    /// How the run ended.
    pub run: Ended,
    /// The partitions, in their order.
    #[serde(rename = "partition")]
    pub partitions: Vec<PartitionEnded>,
    /// The files that the run was made of.
    #[serde(rename = "file")]
    pub files: Vec<FileHash>,
}

/// Who accepted a run, and why.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// With which version of Paravane.
    pub version: String,
    /// And which semantics of its processor.
    pub semantics: u32,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// In words.
    pub outcome: String,
    /// Units executed by all partitions.
    pub executed: u64,
    /// Instructions that a trace would show.
    pub recorded: u64,
    /// Events.
    pub events: u64,
    /// Virtual time.
    pub virtual_ns: u64,
    /// The digest of the machine: registers, memory, everything.
    pub state: String,
}

impl Ended {
    /// Its values by their keys, without the outcome.
    pub(crate) fn values(&self) -> [(&'static str, String); 5] {
        let Self { outcome: _, executed, recorded, events, virtual_ns, state } = self;
        [
            ("executed", executed.to_string()),
            ("recorded", recorded.to_string()),
            ("events", events.to_string()),
            ("virtual_ns", virtual_ns.to_string()),
            ("state", format!("\"{state}\"")),
        ]
    }
}

/// How a partition ended.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionEnded {
    /// Its name.
    pub name: String,
    /// In words.
    pub outcome: String,
    /// Units that it executed.
    pub executed: u64,
}

/// A file that a run was made of.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileHash {
    /// As it is named in the case or the system file.
    pub name: String,
    /// XXH3, 128 bits, of its bytes.
    pub hash: String,
    /// Of an image: what its linker wrote to tell builds apart, in hexadecimal digits; empty if it wrote none.
    pub build_id: Option<String>,
}

impl Verdict {
    /// A verdict that nobody has accepted.
    #[must_use]
    pub fn pending(run: Ended, partitions: Vec<PartitionEnded>, files: Vec<FileHash>) -> Self {
        Self { schema: SCHEMA, accepted: None, run, partitions, files }
    }

    /// Reads a verdict.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let verdict: Self = toml::from_str(text).map_err(|error| one_line(text, &error))?;
        if verdict.schema != SCHEMA {
            return Err(format!("`schema` is {}: this version reads schema {SCHEMA}", verdict.schema));
        }
        Ok(verdict)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("schema = {SCHEMA}\n");
        if let Some(Provenance { by, reason, version, semantics }) = &self.accepted {
            let (by, reason, version) = (quoted(by), quoted(reason), quoted(version));
            let _ = write!(
                text,
                "\n[accepted]\nby = {by}\nreason = {reason}\nversion = {version}\nsemantics = {semantics}\n"
            );
        }
        text += &self.behaviour();
        for FileHash { name, hash, build_id } in &self.files {
            let _ = write!(text, "\n[[file]]\nname = {}\nhash = \"{hash}\"\n", quoted(name));
            if let Some(build_id) = build_id {
                let _ = writeln!(text, "build_id = {}", quoted(build_id));
            }
        }
        text
    }

    /// Its text without who accepted it and of which files it was made.
    #[must_use]
    pub fn behaviour(&self) -> String {
        self.compared(&[])
    }

    /// Its behaviour without values that are tolerated.
    #[must_use]
    pub fn compared(&self, tolerated: &[String]) -> String {
        let mut text = format!("\n[run]\noutcome = {}\n", quoted(&self.run.outcome));
        let add = |text: &mut String, key: &str, value: &str| {
            if !tolerated.iter().any(|tolerated| tolerated == key) {
                let _ = writeln!(text, "{key} = {value}");
            }
        };
        for (key, value) in self.run.values() {
            add(&mut text, key, &value);
        }
        for PartitionEnded { name, outcome, executed } in &self.partitions {
            let (name, outcome) = (quoted(name), quoted(outcome));
            let _ = write!(text, "\n[[partition]]\nname = {name}\noutcome = {outcome}\n");
            add(&mut text, "executed", &executed.to_string());
        }
        text
    }

    /// The files that are not those of `accepted`: images, and others.
    #[must_use]
    pub fn changed_files(&self, accepted: &Self) -> (Vec<String>, Vec<String>) {
        changed_files(&self.files, &accepted.files)
    }
}

/// The names of those of `files` that are not those of `accepted`: images, and others.
pub(crate) fn changed_files(files: &[FileHash], accepted: &[FileHash]) -> (Vec<String>, Vec<String>) {
    let (mut images, mut others) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| !accepted.contains(file)) {
        let list = if file.build_id.is_some() { &mut images } else { &mut others };
        list.push(file.name.clone());
    }
    (images, others)
}
