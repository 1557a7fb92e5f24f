//! Why a recording cannot be used.

use std::fmt::{self, Write};
use trace::pvt::ReadError;

/// Why a recording cannot be used.
#[derive(Debug)]
pub enum RecordingError {
    /// The file cannot be read.
    Read(ReadError),
    /// What was recorded cannot be run again: one line.
    Subject(String),
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            // It may have words of the file, which are not to reach a terminal as they are.
            Self::Subject(line) => line.chars().try_for_each(|letter| {
                if letter.is_control() {
                    write!(f, "{}", letter.escape_default())
                } else {
                    f.write_char(letter)
                }
            }),
        }
    }
}

impl std::error::Error for RecordingError {}

impl From<ReadError> for RecordingError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}
