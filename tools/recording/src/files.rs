//! Files that a user names: read whole, kept, or taken from what a recording kept.

use crate::samples;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Larger files are no guests: nothing of that size fits a partition.
pub const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// Where files come from. Whatever was read once stays known.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// By the path as it was named.
    known: BTreeMap<PathBuf, Arc<[u8]>>,
    /// There are no others.
    complete: bool,
    plain_only: bool,
}

impl Files {
    /// Only these, by the path as it was named.
    #[must_use]
    pub fn kept(known: BTreeMap<PathBuf, Arc<[u8]>>) -> Self {
        Self { known, complete: true, plain_only: false }
    }

    /// Only plain files: a pipe may have no end, and a second reader finds nothing in it.
    #[must_use]
    pub fn plain() -> Self {
        Self { plain_only: true, ..Self::default() }
    }

    /// Those that were read so far, by the path as it was named.
    #[must_use]
    pub fn known(&self) -> &BTreeMap<PathBuf, Arc<[u8]>> {
        &self.known
    }

    /// The paths of those that were read so far from the disk for `subject`.
    #[must_use]
    pub fn paths(&self, subject: &Path) -> Vec<PathBuf> {
        if sample_name(subject).is_some() {
            return Vec::new();
        }
        let folder = subject.parent().unwrap_or(Path::new(""));
        let read = self.known.keys().filter(|path| sample_name(path).is_none());
        read.map(|path| if path == subject { path.clone() } else { folder.join(path) }).collect()
    }

    /// The bytes of the file or sample that is run: `builtin:NAME` is a sample.
    ///
    /// # Errors
    /// One line that says why it cannot be read.
    pub fn subject(&mut self, path: &Path) -> Result<Arc<[u8]>, String> {
        let open = self.opener();
        self.read(path, |path| match sample_name(path) {
            Some(name) => samples::guest_or_system(name).map(<[u8]>::to_vec),
            None => open(path),
        })
    }

    /// The bytes of a file that a system file names.
    ///
    /// # Errors
    /// One line that says why it cannot be read.
    pub fn named_by(&mut self, system: &Path, path: &Path) -> Result<Arc<[u8]>, String> {
        let open = self.opener();
        self.read(path, |path| {
            if let Some(name) = sample_name(path) {
                return samples::guest(name).map(<[u8]>::to_vec);
            }
            if sample_name(system).is_some() {
                return samples::image(&path.to_string_lossy()).map(<[u8]>::to_vec);
            }
            open(&system.parent().unwrap_or(Path::new("")).join(path))
        })
    }

    fn opener(&self) -> impl Fn(&Path) -> Result<Vec<u8>, String> + use<> {
        let plain_only = self.plain_only;
        move |path| if plain_only { plain_bytes_of(path, LARGEST_FILE_BYTES) } else { bytes_of(path) }
    }

    fn read(
        &mut self,
        path: &Path,
        open: impl FnOnce(&Path) -> Result<Vec<u8>, String>,
    ) -> Result<Arc<[u8]>, String> {
        if let Some(bytes) = self.known.get(path) {
            return Ok(Arc::clone(bytes));
        }
        if self.complete {
            return Err("the recording does not hold this file: it is damaged; record it again".to_owned());
        }
        let bytes: Arc<[u8]> = open(path)?.into();
        self.known.insert(path.to_path_buf(), Arc::clone(&bytes));
        Ok(bytes)
    }
}

fn sample_name(path: &Path) -> Option<&str> {
    path.to_str().and_then(|path| path.strip_prefix(samples::PREFIX))
}

/// The bytes of a plain file of a length that makes sense for it.
///
/// # Errors
/// One line that says why it cannot be read.
pub fn plain_bytes_of(path: &Path, most_bytes: u64) -> Result<Vec<u8>, String> {
    // What cannot be looked at cannot be read either, which tells why.
    if let Ok(metadata) = fs::metadata(path) {
        if !metadata.is_file() && !metadata.is_dir() {
            return Err("this is a pipe or a device: put a plain file there".to_owned());
        }
        if metadata.is_file() && metadata.len() > most_bytes {
            let most = most_bytes >> 20;
            return Err(format!(
                "it has {} bytes, and no such file has more than {most} MiB: restore it",
                metadata.len()
            ));
        }
    }
    bytes_of(path)
}

/// The bytes of a file.
///
/// # Errors
/// One line that says why it cannot be read.
pub fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| match error.kind() {
        ErrorKind::NotFound if path.as_os_str() == "-" => {
            "only a file can be named here: write what comes through the pipe into one".to_owned()
        }
        ErrorKind::NotFound => "there is no such file: check the path".to_owned(),
        ErrorKind::PermissionDenied => "this file may not be read: check its permissions".to_owned(),
        _ => format!("cannot read this file: {error}"),
    };
    let mut file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err("this is a folder: name a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.by_ref().take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        return Err("the file is larger than 1 GiB: name a smaller one".to_owned());
    }
    Ok(bytes)
}
