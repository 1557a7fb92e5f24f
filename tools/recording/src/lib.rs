//! What is run, from files, and runs that were recorded: what the command line and golden tests share.
//!
//! Not here: terminals, and printing.

pub mod files;
pub mod recorded_input;
pub mod words;

mod bounds;
mod configuration_digest;
mod error;
mod keyframe;
mod opening;
mod reader;
mod record;
mod replay;
mod restoring;
mod samples;
mod spans;
mod subject;
mod taking;
mod verify;
mod verify_instructions;
mod writer;

#[cfg(test)]
mod tests;

pub use configuration_digest::configuration_digest;
pub use error::RecordingError;
pub use files::Files;
pub use reader::{Position, Recording};
pub use record::{Unattended, record};
pub use replay::Replay;
pub use spans::Span;
pub use subject::{Findings, GuestFile, GuestOptions, Subject, SubjectError, is_recording};
pub use verify::Verified;
pub use writer::{Addresses, ChosenAddresses, Depth, Filters, Full, RunWriter, Stored};
