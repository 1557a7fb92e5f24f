//! Golden tests of guests: a folder for each case, with what is run and what a reviewer accepted.
//!
//! A run is kept in three layers: how it ended, its events by symbol, and a digest up to each of some instructions. Never a
//! trace: a stretch that differs is traced again.
//! [`harness`] makes a test of `cargo test` of each case. Not here: the command line, and reports.

pub mod case_file;
pub mod harness;
pub mod words;

mod accept;
mod archive;
mod before;
mod case;
mod damage;
mod divergence;
mod execute;
mod expectation;
mod image_changes;
mod inspect;
mod judge;
mod kept_steps;
mod ladder;
mod lines;
mod parting;
mod record;
mod replacement;
mod suite;
mod tolerance;
mod tolerate;
mod traced_part;
mod verdict;
mod watch;
mod writers;

pub use accept::{Acceptance, Refusal};
pub use archive::Archive;
pub use case::Case;
pub use case_file::CaseFile;
pub use divergence::Divergence;
pub use execute::{Run, execute};
pub use expectation::{Expectation, Found, LAYERS, Layer};
pub use image_changes::{ImageChange, SymbolChanges};
pub use inspect::{Inspection, inspect};
pub use judge::{Judged, Judgement, judge, judge_and_note};
pub use ladder::{Rung, WIDEST_UNITS};
pub use lines::LineDifference;
pub use parting::Parting;
pub use record::record;
pub use suite::{Leftover, Suite};
pub use tolerance::Tolerated;
pub use tolerate::{Order, RegisterRule, Tolerate, VERDICT_VALUES, ValueRule};
pub use traced_part::TracedPart;
pub use verdict::{Ended, FileHash, PartitionEnded, Provenance, Verdict};
pub use watch::Counts;
