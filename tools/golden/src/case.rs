//! A case: its folder, and what is run in it.

use crate::case_file::{self, CaseFile};
use crate::expectation::accepted_verdict;
use hypervisor_core::{Arrival, Input};
use recording::files::{LARGEST_FILE_BYTES, plain_bytes_of};
use recording::recorded_input::{self, Identity};
use recording::{Files, Subject};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What begins the name of a built-in sample, in place of a path.
const BUILTIN: &str = "builtin:";
/// Nobody writes a longer case file.
const CASE_FILE_MOST_BYTES: u64 = 1 << 20;

/// A case of a suite.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What it runs.
    pub file: CaseFile,
    /// All files that it is made of, by their names, if they are not those of now.
    pub(crate) kept: Option<BTreeMap<PathBuf, Arc<[u8]>>>,
    /// Counts what is executed for it.
    pub(crate) meter: Option<Arc<AtomicU64>>,
}

/// What a case is run with.
pub(crate) struct Opened {
    pub subject: Subject,
    pub inputs: Vec<Input>,
    /// The files beside the subject's, each with its bytes.
    pub others: BTreeMap<String, Arc<[u8]>>,
}

impl Case {
    /// The case in a folder.
    ///
    /// # Errors
    /// One line, or some with the place, about what is wrong in its file.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join(case_file::NAME);
        let failed = |why: String| format!("{}: {why}", path.display());
        let bytes = plain_bytes_of(&path, CASE_FILE_MOST_BYTES).map_err(failed)?;
        let text = String::from_utf8(bytes).map_err(|_| failed("this is no UTF-8 text".to_owned()))?;
        let file = CaseFile::read(&text).map_err(failed)?;
        Ok(Self { name: name_of(folder), folder: folder.to_path_buf(), file, kept: None, meter: None })
    }

    /// The files that are read for it: those of its folder, and what it runs.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let run = self.folder.join(&self.file.run);
        let named = Subject::open(&run, self.file.options.clone(), Files::plain());
        let mut paths = named.map(|subject| subject.paths()).unwrap_or_default();
        let others = [&self.file.input, &self.file.replay];
        paths.extend(others.into_iter().flatten().map(|name| self.folder.join(name)));
        let beside = self.folder.read_dir().into_iter().flatten().flatten();
        paths.extend(beside.map(|file| file.path()));
        paths.push(run);
        paths
    }

    /// Counts in `meter` from now on what is executed for this case, over all of its runs.
    pub fn count_in(&mut self, meter: Arc<AtomicU64>) {
        self.meter = Some(meter);
    }

    /// How much it executed when it was accepted, if it was.
    #[must_use]
    pub fn accepted_units(&self) -> Option<u64> {
        Some(accepted_verdict(&self.folder)?.run.executed)
    }

    /// Reads everything that it runs.
    pub(crate) fn opened(&self) -> Result<Opened, String> {
        let subject = self.subject()?;
        let mut others = BTreeMap::new();
        let mut read = |name: &String| {
            let bytes = self.beside(name)?;
            others.insert(name.clone(), Arc::clone(&bytes));
            Ok::<Arc<[u8]>, String>(bytes)
        };
        let mut inputs = Vec::new();
        if let Some(name) = &self.file.input {
            inputs.push(Input { unit: 0, what: Arrival::Bytes(read(name)?.to_vec()) });
            inputs.retain(|input| input.what != Arrival::Bytes(Vec::new()));
        }
        if let Some(name) = &self.file.replay {
            let bytes = read(name)?;
            let identity = if subject.is_system {
                Identity::of_system(&subject.config)
            } else {
                Identity::of_guest(subject.config.partitions[0].image.hash)
            };
            let failed = |why: String| format!("{}: {why}", self.folder.join(name).display());
            let text = std::str::from_utf8(&bytes).map_err(|_| failed("this is no UTF-8 text".to_owned()))?;
            inputs = recorded_input::read(text, &identity).map_err(failed)?;
        } else {
            inputs.push(Input { unit: 0, what: Arrival::End });
        }
        Ok(Opened { subject, inputs, others })
    }

    /// A file beside the subject's.
    fn beside(&self, name: &str) -> Result<Arc<[u8]>, String> {
        if let Some(kept) = &self.kept {
            let found = kept.get(Path::new(name)).cloned();
            return found.ok_or_else(|| format!("{name}: this file was not kept"));
        }
        let path = self.folder.join(name);
        let bytes = plain_bytes_of(&path, LARGEST_FILE_BYTES);
        Ok(bytes.map_err(|why| format!("{}: {why}", path.display()))?.into())
    }

    /// All files that it is made of, by their names; the case file among them as it is written.
    ///
    /// # Errors
    /// One cannot be read.
    pub(crate) fn files(&self) -> Result<BTreeMap<PathBuf, Arc<[u8]>>, String> {
        let opened = self.opened()?;
        let mut files = opened.subject.files.known().clone();
        files.extend(opened.others.into_iter().map(|(name, bytes)| (PathBuf::from(name), bytes)));
        files.insert(PathBuf::from(case_file::NAME), self.file.text().into_bytes().into());
        Ok(files)
    }

    /// What is run, under the name that the case gives it: what a guest sees of its name is the same wherever the suite lies.
    fn subject(&self) -> Result<Subject, String> {
        let run = Path::new(&self.file.run);
        let options = || self.file.options.clone();
        let shown = |error: recording::SubjectError| {
            let findings = error.findings.render(system_file::Severity::Error);
            if findings.is_empty() { error.line } else { format!("{}\n{}", error.line, plain(&findings)) }
        };
        if let Some(kept) = &self.kept {
            return Subject::open(run, options(), Files::kept(kept.clone())).map_err(shown);
        }
        if self.file.run.starts_with(BUILTIN) {
            return Subject::open(run, options(), Files::default()).map_err(shown);
        }
        let path = self.folder.join(run);
        let read = Subject::open(&path, options(), Files::plain()).map_err(shown)?;
        let known = read.files.known().iter().map(|(name, bytes)| {
            let name = if *name == path { run.to_path_buf() } else { name.clone() };
            (name, Arc::clone(bytes))
        });
        Subject::open(run, options(), Files::kept(known.collect())).map_err(shown)
    }
}

/// The name of a case in a folder: one line. Two links to one folder are two cases.
pub(crate) fn name_of(folder: &Path) -> String {
    let absolute;
    let name = match folder.file_name() {
        Some(name) => Some(name),
        None => {
            absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
            absolute.file_name()
        }
    };
    let name = name.map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
    name.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

/// A text without colours: reports go to files.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}
