//! What is run, from files, and runs that were recorded: what the command line and golden tests share.
//!
//! Not here: terminals, and printing.

pub mod files;
pub mod recorded_input;

mod configuration_digest;
mod samples;
mod subject;

pub use configuration_digest::configuration_digest;
pub use files::Files;
pub use subject::{Findings, GuestFile, GuestOptions, Subject, SubjectError};
