//! Several files that are replaced together: each of them whole, in a given order, or none if one cannot be written.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// What ends the names of files that are being written: a program that was ended in between leaves them. They are ignored
/// wherever pending ones are.
pub(crate) const PARTIAL: &str = "part.new";

/// Files that lie beside those that they replace.
#[derive(Debug)]
pub struct Replacement {
    /// Where each is, and where it will be.
    moves: Vec<(PathBuf, PathBuf)>,
}

impl Replacement {
    /// Writes all of them under other names.
    ///
    /// # Errors
    /// One line about the first that cannot be replaced; nothing is left then.
    pub fn prepare(files: impl Iterator<Item = (PathBuf, Vec<u8>)>) -> Result<Self, String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // Two links to one folder are two cases, which may run at once.
        let own = format!("{}.{}.{PARTIAL}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut replacement = Self { moves: Vec::new() };
        for (path, bytes) in files {
            let failed = |why: String| format!("{}: {why}", path.display());
            check(&path).map_err(failed)?;
            let partial = path.with_added_extension(&own);
            replacement.moves.push((partial.clone(), path.clone()));
            fs::write(&partial, bytes).map_err(|error| failed(format!("cannot write this file: {error}")))?;
        }
        Ok(replacement)
    }

    /// Puts them into their places, the first one first.
    ///
    /// # Errors
    /// One line about the first that cannot be replaced.
    pub fn put(self) -> Result<(), String> {
        self.put_some(usize::MAX)
    }

    /// As if it were interrupted after so many.
    pub(crate) fn put_some(mut self, count: usize) -> Result<(), String> {
        let put = count.min(self.moves.len());
        for (partial, path) in self.moves.drain(..put) {
            fs::rename(partial, &path)
                .map_err(|error| format!("{}: cannot write this file: {error}", path.display()))?;
        }
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        for (partial, _) in &self.moves {
            let _ = fs::remove_file(partial);
        }
    }
}

/// Whether a file may be replaced: somebody had a reason to make it something else, or read-only.
fn check(path: &Path) -> Result<(), String> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let why = if metadata.is_symlink() {
        "this is a symbolic link, and what it names is not written: remove the link"
    } else if metadata.is_dir() {
        "this is a folder where a file should be: remove it"
    } else if !metadata.is_file() {
        "this is a pipe or a device where a file should be: remove it"
    } else if metadata.permissions().readonly() {
        "this file is read-only: make it writable"
    } else {
        return Ok(());
    };
    Err(why.to_owned())
}

/// Removes a file, which need not be there.
///
/// # Errors
/// One line.
pub fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot_remove(path, &error)),
        _ => Ok(()),
    }
}

fn cannot_remove(path: &Path, error: &io::Error) -> String {
    if path.is_dir() {
        return format!("{}: this is a folder where a file should be: remove it", path.display());
    }
    format!("{}: cannot remove this file: {error}", path.display())
}
