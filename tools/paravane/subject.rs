//! What `run` and `trace` run: one guest from its ELF file, or the system of a system file. The content decides.
//!
//! Not here: running it.

use crate::arguments::RunOptions;
use crate::guest_file::GuestFile;
use crate::output::Ended;
use crate::system_source::{SystemSource, bytes_to_run};
use hypervisor_core::config::SystemConfig;
use std::path::Path;

/// What runs when no file is named.
const SAMPLE: &str = "builtin:flight";

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// What is to be run.
pub enum Subject {
    /// One guest, as the options configure it.
    Guest(GuestFile),
    /// A system, as its file configures it.
    System(SystemFile),
}

/// A system and what to call it.
pub struct SystemFile {
    /// The system.
    pub config: SystemConfig,
    /// The file as the user named it.
    pub shown: String,
}

impl Subject {
    /// Reads the file at `path`, or takes a built-in sample.
    ///
    /// # Errors
    /// One line with the file's name, or with the option that such a file has no use for.
    pub fn open(path: Option<&Path>, options: &RunOptions) -> Result<Self, Ended> {
        let path = path.unwrap_or(Path::new(SAMPLE));
        let shown = path.display().to_string();
        let failed = |why: String| Ended::Failed(format!("{shown}: {why}"));
        let bytes = bytes_to_run(path).map_err(failed)?;
        if bytes.starts_with(ELF_MAGIC) {
            return GuestFile::of_bytes(path, &bytes).map(Self::Guest);
        }
        if !is_system_file(path, &bytes) {
            return Err(failed(
                "this is not an ELF file, and no system file either: name a guest's ELF file, or TOML text with a [[partition]]"
                    .to_owned(),
            ));
        }
        if let Some(why) = option_of_one_guest(options) {
            return Err(Ended::Failed(format!("{why}; {shown} is a system file")));
        }
        let source = SystemSource::of_bytes(path, bytes)?;
        Ok(Self::System(SystemFile { config: source.system()?, shown }))
    }
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

/// An option that configures the only guest, and what stands for it in a system file.
fn option_of_one_guest(options: &RunOptions) -> Option<&'static str> {
    if options.memory.is_some() {
        return Some("--memory is for a single guest: write `memory` in the system file's [[partition]]");
    }
    if !options.arguments.is_empty() {
        return Some("--arg is for a single guest: write `arguments` in the system file's [[partition]]");
    }
    if options.cpu.is_some() {
        return Some("--cpu is for a single guest: write `cpu` in the system file's [[partition]]");
    }
    if options.abi.is_some() {
        return Some(
            "--abi is for a single guest: every `image` of a system file is built for Paravane's own ABI",
        );
    }
    None
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
