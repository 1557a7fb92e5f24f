//! The files that accepted runs were made of: kept under their hashes while a case holds, or found in git where the
//! expectations were committed. Whatever is found is what was accepted, to the byte, or it is not used.

use crate::case::Case;
use crate::case_file::{self, CaseFile};
use crate::verdict::FileHash;
use recording::files::bytes_of;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

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

    /// Keeps the files of a case that holds.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(&self, case: &Case) -> io::Result<()> {
        let (Some(folder), Ok(files)) = (&self.folder, case.files()) else { return Ok(()) };
        fs::create_dir_all(folder)?;
        for bytes in files.values() {
            let path = folder.join(name_of(xxh3_128(bytes)));
            if !path.exists() {
                // Another process may keep the same file at the same time.
                let partial = path.with_extension(format!("{}.part", std::process::id()));
                fs::write(&partial, bytes)?;
                fs::rename(&partial, &path)?;
            }
        }
        Ok(())
    }

    fn kept(&self, hash: &str) -> Option<Arc<[u8]>> {
        // The hash comes from a file: it may be any text.
        let is_name = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.folder.as_ref().filter(|_| is_name)?.join(hash);
        bytes_of(&path).ok().map(Into::into)
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
