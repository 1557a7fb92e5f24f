//! The system file: TOML text becomes a [`SystemConfig`], or everything that is wrong with it becomes diagnostics that
//! point into the text.
//!
//! Not here: files and terminals. Whoever calls [`read`] opens what the text refers to, and prints what
//! [`render`] returns.

pub mod quantities;
pub mod suggestion;

mod check;
mod diagnostic;
mod images;
mod json_schema;
mod keys;
mod lower;
mod model;
mod render;
mod resolve;
mod scalar;
mod summary;
mod tree;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, Severity};
pub use json_schema::json_schema;
pub use render::{Style, render};
pub use summary::Summary;

use diagnostic::has_errors;
use hypervisor_core::config::SystemConfig;
use std::path::Path;

/// The longest system file, in bytes.
pub const LONGEST_FILE_BYTES: usize = 1 << 20;

/// Opens a file that a system file names, by its path as written there, and returns its bytes, or one line that says
/// why it cannot. Paths that begin with `builtin:` name samples.
pub type Open<'a> = dyn FnMut(&Path) -> Result<Vec<u8>, String> + 'a;

/// What a system file says.
#[derive(Debug)]
pub struct Reading {
    /// The system; none if there is an error. `interactive` and `engine` are left to the caller.
    pub config: Option<SystemConfig>,
    /// Errors and warnings, by their place in the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// How many diagnostics are errors, and how many warnings.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let errors =
            self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        (errors, self.diagnostics.len() - errors)
    }
}

/// Reads and checks a system file. All errors are found at once.
pub fn read(text: &str, open: &mut Open<'_>) -> Reading {
    let mut diagnostics = Vec::new();
    let mut config = None;
    if text.len() > LONGEST_FILE_BYTES {
        let title = format!("a system file has at most {LONGEST_FILE_BYTES} bytes, this one {}", text.len());
        diagnostics.push(Diagnostic::error(title).at(0..0, "").help("describe fewer things in it"));
    } else if let Some(file) = tree::read(text, &mut diagnostics) {
        let mut system = resolve::resolve(&file, &mut diagnostics);
        images::load(&mut system, open, &mut diagnostics);
        check::check(&system, &mut diagnostics);
        if !has_errors(&diagnostics) {
            config = lower::lower(&system);
        }
    }
    diagnostics.sort_by_key(Diagnostic::place);
    Reading { config, diagnostics }
}
