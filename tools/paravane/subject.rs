//! What the command line names is opened, and what is wrong with it told.

use crate::arguments::{Abi, CpuName, RunOptions};
use crate::output::{Ended, complain};
use recording::{Files, GuestOptions, Subject, SubjectError};
use std::path::Path;
use system_file::Severity;

/// What runs when no file is named.
const SAMPLE: &str = "builtin:flight";

/// Opens the file at `path`, or the sample that runs without one; its warnings go to stderr.
///
/// # Errors
/// One line with the file's name, or with the option that such a file has no use for; what is wrong in the file went to
/// stderr.
pub fn open(path: Option<&Path>, options: &RunOptions) -> Result<Subject, Ended> {
    let options = GuestOptions {
        abi: options.abi.map(|abi| match abi {
            Abi::Paravane => hypervisor_core::Abi::Paravane,
            Abi::Linux => hypervisor_core::Abi::Linux,
        }),
        memory_bytes: options.memory,
        arguments: options.arguments.clone(),
        profile: options.cpu.map(CpuName::profile),
    };
    told(Subject::open(path.unwrap_or(Path::new(SAMPLE)), options, Files::default()))
}

/// Opens the system file at `path`; its warnings go to stderr.
///
/// # Errors
/// As [`open`].
pub fn open_system(path: &Path) -> Result<Subject, Ended> {
    told(Subject::open_system(path))
}

/// Tells what is wrong with what was opened.
///
/// # Errors
/// As [`open`].
pub fn told(opened: Result<Subject, SubjectError>) -> Result<Subject, Ended> {
    let findings = match &opened {
        Ok(subject) => subject.findings.clone(),
        Err(error) => error.findings.clone(),
    };
    let wants_warnings = log::max_level() >= log::LevelFilter::Warn;
    let text = findings.render(if wants_warnings { Severity::Warning } else { Severity::Error });
    if !text.is_empty() {
        complain(text);
    }
    opened.map_err(Ended::from)
}

impl From<SubjectError> for Ended {
    fn from(error: SubjectError) -> Self {
        Self::Failed(error.line)
    }
}
