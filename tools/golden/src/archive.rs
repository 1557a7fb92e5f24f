//! The files that accepted runs were made of: kept under their hashes while a case holds, or found in git where the
//! expectations were committed. Whatever is found is what was accepted, to the byte, or it is not used.

use crate::case::Case;
use crate::case_file::{self, CaseFile};
use crate::expectation::{Expectation, Found, accepted_verdict};
use crate::kept_steps;
use crate::parting::Parting;
use crate::tolerate::Tolerate;
use crate::verdict::FileHash;
use recording::files::{LARGEST_FILE_BYTES, plain_bytes_of};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// In it stand the folders of the cases for which files are kept, a file for each.
const USERS: &str = "cases";
/// No file system has longer paths.
const NAME_MOST_BYTES: u64 = 1 << 20;

/// Where files are kept.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    folder: Option<PathBuf>,
}

impl Archive {
    /// The files in a folder, which need not be there.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// Keeps the files of a case that holds, and what each of its instructions did.
    ///
    /// # Errors
    /// One line: a file cannot be written.
    pub fn keep(&self, case: &Case) -> Result<(), String> {
        let in_words = |error: io::Error| error.to_string();
        self.keep_files(case).map_err(in_words)?;
        let Some((path, accepted)) = self.steps_of(case) else { return Ok(()) };
        // What is tolerated may differ from what was accepted, and would pass for it.
        let is_all = case.file.part.is_everything() && case.file.tolerate == Tolerate::default();
        if path.exists() || !is_all || accepted.verdict.run.executed > kept_steps::KEPT_MOST_UNITS {
            return Ok(());
        }
        kept_steps::keep(case, &path)
    }

    /// Where the steps of the accepted run of a case are, if they are kept; and what was accepted.
    fn steps_of(&self, case: &Case) -> Option<(PathBuf, Expectation)> {
        let Found::Whole(accepted) = Expectation::accepted(&case.folder) else { return None };
        Some((self.folder.as_ref()?.join(steps_name(&accepted)), *accepted))
    }

    /// The first step that a case does not do as it did when it was accepted; None if its steps were not kept.
    pub(crate) fn first_difference(&self, case: &Case) -> Option<Result<Option<Parting>, String>> {
        let (path, accepted) = self.steps_of(case).filter(|(path, _)| path.is_file())?;
        Some(kept_steps::first_difference(case, &path, accepted.verdict.run.executed))
    }

    fn keep_files(&self, case: &Case) -> io::Result<()> {
        let (Some(folder), Ok(files)) = (&self.folder, case.files()) else { return Ok(()) };
        fs::create_dir_all(folder)?;
        for bytes in files.values() {
            let path = folder.join(name_of(xxh3_128(bytes)));
            if !path.exists() {
                put(&path, bytes)?;
            }
        }
        let users = folder.join(USERS);
        fs::create_dir_all(&users)?;
        let user = fs::canonicalize(&case.folder)?.display().to_string();
        put(&users.join(name_of(xxh3_128(user.as_bytes()))), user.as_bytes())
    }

    /// The kept files that no accepted case needs any more, of all suites that keep theirs here; and the folders of the cases
    /// that are no more.
    #[must_use]
    pub fn unneeded(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let Some(folder) = &self.folder else { return Default::default() };
        let (mut needed, mut unneeded, mut gone) = (BTreeSet::new(), Vec::new(), Vec::new());
        for path in files_in(&folder.join(USERS)) {
            let user = plain_bytes_of(&path, NAME_MOST_BYTES).unwrap_or_default();
            let user = PathBuf::from(String::from_utf8_lossy(&user).into_owned());
            match accepted_verdict(&user) {
                Some(verdict) => {
                    needed.extend(verdict.files.into_iter().map(|file| file.hash));
                    if let Found::Whole(accepted) = Expectation::accepted(&user) {
                        needed.insert(steps_name(&accepted));
                    }
                }
                None => {
                    unneeded.push(path);
                    gone.push(user);
                }
            }
        }
        let is_needed = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| needed.contains(name))
        };
        unneeded.extend(files_in(folder).into_iter().filter(|path| !is_needed(path)));
        (unneeded, gone)
    }

    /// One file of which an accepted run was made.
    pub(crate) fn file(&self, case: &Case, file: &FileHash) -> Option<Arc<[u8]>> {
        self.find(case, std::slice::from_ref(file)).ok()?.into_values().next()
    }

    fn kept(&self, hash: &str) -> Option<Arc<[u8]>> {
        // The hash comes from a file: it may be any text.
        let is_name = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.folder.as_ref().filter(|_| is_name)?.join(hash);
        plain_bytes_of(&path, LARGEST_FILE_BYTES).ok().map(Into::into)
    }

    /// The files that an accepted run was made of, by their names.
    ///
    /// # Errors
    /// The first that is not found, in words.
    pub fn find(&self, case: &Case, accepted: &[FileHash]) -> Result<BTreeMap<PathBuf, Arc<[u8]>>, String> {
        let now: BTreeMap<String, Arc<[u8]>> =
            case.files().unwrap_or_default().into_values().map(named).collect();
        let mut commit = None;
        let mut found = BTreeMap::new();
        for FileHash { name, hash, build_id } in accepted {
            let is_it = |bytes: &Arc<[u8]>| name_of(xxh3_128(bytes)) == *hash;
            let bytes = now.get(hash).cloned().or_else(|| self.kept(hash)).filter(is_it).or_else(|| {
                let commit = commit.get_or_insert_with(|| commit_of(&case.folder)).as_deref()?;
                committed(case, commit, name, &is_it)
            });
            let bytes = bytes.ok_or_else(|| {
                let build_id = build_id.as_ref().filter(|id| !id.is_empty());
                let build_id = build_id.map(|id| format!(", build id {id}")).unwrap_or_default();
                format!("the accepted {name} (hash {hash}{build_id}) is not kept here, and not in git")
            })?;
            found.insert(PathBuf::from(name), bytes);
        }
        Ok(found)
    }
}

/// Writes a file that another process may write at the same time.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The name of the kept steps of an accepted run, which are others whenever its ladder or a file is.
fn steps_name(accepted: &Expectation) -> String {
    let hashes = accepted.verdict.files.iter().map(|file| file.hash.as_str());
    let parts = [accepted.verdict.behaviour(), accepted.ladder.clone()];
    let text: String = parts.iter().map(String::as_str).chain(hashes).collect();
    format!("{}.steps", name_of(xxh3_128(text.as_bytes())))
}

fn name_of(hash: u128) -> String {
    format!("{hash:032x}")
}

fn named(bytes: Arc<[u8]>) -> (String, Arc<[u8]>) {
    (name_of(xxh3_128(&bytes)), bytes)
}

/// The commit in which what was accepted of a case was written last.
fn commit_of(folder: &Path) -> Option<String> {
    let arguments = ["log", "-1", "--format=%H", "--", "expect.verdict.toml"];
    let commit = String::from_utf8(git(folder, &arguments)?).ok()?.trim().to_owned();
    (!commit.is_empty()).then_some(commit)
}

/// A file as it was in a commit. A case file is what it says, however it was written; an image is named as the system file
/// names it that runs it.
fn committed(
    case: &Case,
    commit: &str,
    name: &str,
    is_it: &impl Fn(&Arc<[u8]>) -> bool,
) -> Option<Arc<[u8]>> {
    let blob = |path: &Path| {
        git(&case.folder, &["cat-file", "blob", &format!("{commit}:./{}", path.display())])
            .map(Arc::<[u8]>::from)
    };
    if name == case_file::NAME {
        let text = String::from_utf8(blob(Path::new(name))?.to_vec()).ok()?;
        let bytes = CaseFile::read(&text).ok()?.text().into_bytes().into();
        return Some(bytes).filter(is_it);
    }
    let beside_system = Path::new(&case.file.run).parent().unwrap_or(Path::new("")).join(name);
    blob(Path::new(name)).filter(is_it).or_else(|| blob(&beside_system).filter(is_it))
}

/// What git prints; None if it is not there, or fails.
fn git(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    output.status.success().then_some(output.stdout)
}
