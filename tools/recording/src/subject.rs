//! What is run: one guest from its ELF file, or the system of a system file. The content decides.
//!
//! Not here: running it, and printing what is wrong with it.

use crate::files::Files;
use emulator::{CpuProfile, Settings};
use hypervisor_core::config::SystemConfig;
use hypervisor_core::{Abi, Config, Image};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use system_file::{Diagnostic, LONGEST_FILE_BYTES, Severity, Style, read, render};

const ELF_MAGIC: &[u8] = b"\x7fELF";
const RECORDED: &str =
    "this is a recorded run: show it with `paravane show`, or see what is in it with `paravane stats`";

/// How a single guest is to be run; a system file says it for its partitions.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GuestOptions {
    /// For which system the image was built; None: Paravane's own.
    pub abi: Option<Abi>,
    /// Memory in bytes; None: [`Abi::default_memory_bytes`].
    pub memory_bytes: Option<u64>,
    /// The words of its command line.
    pub arguments: Vec<String>,
    /// Its processor; None: the default one.
    pub profile: Option<CpuProfile>,
}

impl GuestOptions {
    /// An option that was given, and what stands for it in a system file.
    fn of_one_guest(&self) -> Option<&'static str> {
        if self.memory_bytes.is_some() {
            return Some("--memory is for a single guest: write `memory` in the system file's [[partition]]");
        }
        if !self.arguments.is_empty() {
            return Some("--arg is for a single guest: write `arguments` in the system file's [[partition]]");
        }
        if self.profile.is_some() {
            return Some("--cpu is for a single guest: write `cpu` in the system file's [[partition]]");
        }
        if self.abi.is_some() {
            return Some(
                "--abi is for a single guest: every `image` of a system file is built for Paravane's own ABI",
            );
        }
        None
    }
}

/// What is to be run, checked, with every file that it is made of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Whether it is a system file.
    pub is_system: bool,
    /// The system; a single guest is the only partition of one. `interactive` and `engine` are left to the caller.
    pub config: SystemConfig,
    /// How a single guest is run.
    pub options: GuestOptions,
    /// All files that were read.
    pub files: Files,
    /// What is worth a warning.
    pub findings: Findings,
}

/// What is wrong in a system file.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    diagnostics: Vec<Diagnostic>,
    text: String,
    shown: String,
}

impl Findings {
    /// As a person reads them, in colours; empty if there are none.
    #[must_use]
    pub fn render(mut self, least: Severity) -> String {
        if least == Severity::Error {
            self.diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
        }
        render(&self.diagnostics, &self.text, &self.shown, Style::Coloured)
    }
}

/// Why something cannot be run.
#[derive(Clone, Debug)]
pub struct SubjectError {
    /// What is wrong in the system file; nothing if it is not about its content.
    pub findings: Findings,
    /// One line with the file's name.
    pub line: String,
}

impl From<String> for SubjectError {
    fn from(line: String) -> Self {
        Self { findings: Findings::default(), line }
    }
}

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for SubjectError {}

impl Subject {
    /// Reads the file at `path`, or takes a built-in sample, and all files that it names.
    ///
    /// # Errors
    /// What is wrong with it, or the option that such a file has no use for.
    pub fn open(path: &Path, options: GuestOptions, mut files: Files) -> Result<Self, SubjectError> {
        let shown = path.display().to_string();
        let failed = |why: String| SubjectError::from(format!("{shown}: {why}"));
        let bytes = files.subject(path).map_err(failed)?;
        if bytes.starts_with(ELF_MAGIC) {
            let guest = GuestFile::of_bytes(path, &bytes)?;
            let config = guest.config(&options);
            let (path, findings) = (path.to_path_buf(), Findings::default());
            return Ok(Self { path, is_system: false, config, options, files, findings });
        }
        if is_recording(&bytes) {
            return Err(failed(RECORDED.to_owned()));
        }
        if !is_system_file(path, &bytes) {
            return Err(failed(
                "this is not an ELF file, and no system file either: name a guest's ELF file, or TOML text with a [[partition]]"
                    .to_owned(),
            ));
        }
        if let Some(why) = options.of_one_guest() {
            return Err(SubjectError::from(format!("{why}; {shown} is a system file")));
        }
        let (config, findings) = system_of(path, &bytes, &mut files)?;
        Ok(Self { path: path.to_path_buf(), is_system: true, config, options, files, findings })
    }

    /// The system file at `path`, whatever it looks like.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open_system(path: &Path) -> Result<Self, SubjectError> {
        let mut files = Files::default();
        let bytes = files.subject(path).map_err(|why| format!("{}: {why}", path.display()))?;
        let (config, findings) = system_of(path, &bytes, &mut files)?;
        let options = GuestOptions::default();
        Ok(Self { path: path.to_path_buf(), is_system: true, config, options, files, findings })
    }

    /// The file as the user named it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The files that were read for it.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.paths(&self.path)
    }
}

/// A guest's ELF file.
#[derive(Clone, Debug)]
pub struct GuestFile {
    /// The image.
    pub image: Arc<Image>,
    /// The file's name without folders and extension.
    pub name: String,
    /// The file as the user named it.
    pub shown: String,
}

impl GuestFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn open(path: &Path) -> Result<Self, SubjectError> {
        let bytes = crate::files::bytes_of(path).map_err(|why| format!("{}: {why}", path.display()))?;
        Self::of_bytes(path, &bytes)
    }

    fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, SubjectError> {
        let shown = path.display().to_string();
        if is_recording(bytes) {
            return Err(SubjectError::from(format!("{shown}: {RECORDED}")));
        }
        let file = shown.strip_prefix(crate::samples::PREFIX).map_or(path, Path::new);
        let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let image = Image::read(bytes).map_err(|error| format!("{shown}: {error}"))?;
        Ok(Self { image: Arc::new(image), name, shown })
    }

    /// The system in which it is the only partition.
    fn config(&self, options: &GuestOptions) -> SystemConfig {
        let abi = options.abi.unwrap_or_default();
        Config {
            abi,
            memory_bytes: options.memory_bytes,
            // A program's first argument is the name that it was called by.
            name: if abi == Abi::Linux { self.shown.clone() } else { self.name.clone() },
            arguments: options.arguments.clone(),
            engine: Settings { profile: options.profile.unwrap_or_default(), ..Settings::default() },
            ..Config::default()
        }
        .system(Arc::clone(&self.image))
    }
}

/// Reads and checks a system file: all errors at once, and the warnings.
fn system_of(path: &Path, bytes: &[u8], files: &mut Files) -> Result<(SystemConfig, Findings), SubjectError> {
    let shown = path.display().to_string();
    let failed = |why: String| SubjectError::from(format!("{shown}: {why}"));
    if bytes.starts_with(b"\x7fELF") {
        let what =
            "this is an ELF file: name a system file, or see what the ELF file asks for with `paravane info`";
        return Err(failed(what.to_owned()));
    }
    if is_recording(bytes) {
        return Err(failed(RECORDED.to_owned()));
    }
    if bytes.len() > LONGEST_FILE_BYTES {
        return Err(failed(format!("a system file has at most {LONGEST_FILE_BYTES} bytes: is this one?")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        failed(format!("line {line} is no UTF-8 text: write a system file as TOML"))
    })?;
    let reading = read(text, &mut |named: &Path| files.named_by(path, named).map(|bytes| bytes.to_vec()));
    let (errors, warnings) = reading.counts();
    let findings = Findings { diagnostics: reading.diagnostics, text: text.to_owned(), shown: shown.clone() };
    let Some(config) = reading.config else {
        let counted =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let also =
            if warnings > 0 { format!(" and {}", counted(warnings, "warning")) } else { String::new() };
        return Err(SubjectError { findings, line: format!("{shown}: {}{also}", counted(errors, "error")) });
    };
    Ok((config, findings))
}

/// Whether a file that begins so is a recorded run, of this version or another.
#[must_use]
pub fn is_recording(start: &[u8]) -> bool {
    start.starts_with(&trace::pvt::MAGIC[..8])
}

/// Whether somebody meant this as a system file, whatever is wrong with it.
fn is_system_file(path: &Path, bytes: &[u8]) -> bool {
    let is_table = |line: &[u8]| {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
        line.starts_with(b"[") && line.ends_with(b"]")
    };
    let is_named_so = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    is_named_so || (!bytes.contains(&0) && bytes.split(|byte| *byte == b'\n').any(is_table))
}

#[cfg(test)]
mod tests {
    use super::is_system_file;
    use std::path::Path;

    #[test]
    fn a_system_file_is_known_by_its_tables_or_its_name() {
        for (path, bytes, is_one) in [
            ("a", "[[partition]]\n", true),
            ("a", "# words\n  [system] # all\n", true),
            ("a.toml", "", true),
            ("a.TOML", "\0", true),
            ("a.md", "words\n[a link](b) and more\n", false),
            ("a", "", false),
            ("a", "[x]\0", false),
        ] {
            assert_eq!(is_system_file(Path::new(path), bytes.as_bytes()), is_one, "{path}: {bytes:?}");
        }
    }
}
