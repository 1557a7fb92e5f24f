//! A system file on disk, and the files that it names.

use crate::guest_file::{builtin, builtin_image, builtin_to_run, bytes_of};
use crate::output::{Ended, complain};
use hypervisor_core::config::SystemConfig;
use std::path::{Path, PathBuf};
use system_file::{LONGEST_FILE_BYTES, Reading, Severity, Style, read, render};

/// What the name of a sample begins with, in place of a path.
const BUILTIN_PREFIX: &str = "builtin:";

/// The text of a system file.
pub struct SystemSource {
    text: String,
    /// The file as the user named it.
    pub shown: String,
    /// What paths in it are relative to.
    folder: PathBuf,
}

impl SystemSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn open(path: &Path) -> Result<Self, Ended> {
        let bytes = bytes_to_run(path).map_err(|why| Ended::Failed(format!("{}: {why}", path.display())))?;
        Self::of_bytes(path, bytes)
    }

    /// The file at `path`, which has these bytes.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, Ended> {
        let shown = path.display().to_string();
        let failed = |why: String| Ended::Failed(format!("{shown}: {why}"));
        if bytes.len() > LONGEST_FILE_BYTES {
            return Err(failed(format!(
                "a system file has at most {LONGEST_FILE_BYTES} bytes: is this one?"
            )));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            failed(format!("line {line} is no UTF-8 text: write a system file as TOML"))
        })?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { text, shown, folder })
    }

    /// Reads and checks the system, and tells on stderr what is wrong with it: all errors at once, and warnings
    /// unless the user wants none.
    ///
    /// # Errors
    /// One line with the number of errors.
    pub fn system(&self) -> Result<SystemConfig, Ended> {
        let mut reading = read(&self.text, &mut |path: &Path| self.named_file(path));
        if log::max_level() < log::LevelFilter::Warn {
            reading.diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
        }
        let (errors, warnings) = reading.counts();
        let Reading { config, diagnostics } = reading;
        if !diagnostics.is_empty() {
            complain(render(&diagnostics, &self.text, &self.shown, Style::Coloured));
        }
        config.ok_or_else(|| {
            let counted =
                |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let also =
                if warnings > 0 { format!(" and {}", counted(warnings, "warning")) } else { String::new() };
            Ended::Failed(format!("{}: {}{also}", self.shown, counted(errors, "error")))
        })
    }

    fn named_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        if let Some(name) = path.to_str().and_then(|path| path.strip_prefix(BUILTIN_PREFIX)) {
            return builtin(name).map(<[u8]>::to_vec);
        }
        if self.shown.starts_with(BUILTIN_PREFIX) {
            return builtin_image(&path.to_string_lossy()).map(<[u8]>::to_vec);
        }
        bytes_of(&self.folder.join(path))
    }
}

/// The bytes of a file that the command line names, or of a sample guest or system: `builtin:NAME`.
///
/// # Errors
/// One line that says why it cannot be read.
pub fn bytes_to_run(path: &Path) -> Result<Vec<u8>, String> {
    match path.to_str().and_then(|path| path.strip_prefix(BUILTIN_PREFIX)) {
        Some(name) => builtin_to_run(name).map(<[u8]>::to_vec),
        None => bytes_of(path),
    }
}
