//! What a run did, as text and as digests: recorders for [`hypervisor_core`]'s machine.
//!
//! Not here: running, and files. A recorder keeps its text until its owner takes it.

pub mod diff;
pub mod pvt;

mod both;
mod call_stack;
mod calls;
mod collapse;
mod columns;
mod digest;
mod elision_text;
mod event_text;
pub mod filter;
mod flows;
mod function_counts;
mod functions;
mod last;
mod linux_names;
mod listing;
mod locations;
mod names;
mod places;
mod projection;
mod ring;
mod run_end;
mod source_lines;
mod stretches;
mod system_text;
mod text;
mod traced_system;
mod transfer;

#[cfg(test)]
mod test_record;

pub use both::Both;
pub use call_stack::{CallStacks, Change, DEPTH_MOST, Entry, Frame};
pub use calls::{CALLS_HEADER, CallChange, CallFollower, CallNote, CallText, CallTextOptions, Leaving};
pub use collapse::Collapse;
pub use columns::{decimal, hexadecimal, quoted, shortest_hexadecimal};
pub use digest::StreamDigest;
pub use elision_text::elision_words;
pub use event_text::{event_words, exception_named, kind as event_kind, outcome_words, vector_name};
pub use filter::Filter;
pub use flows::{FlowFinder, Flows};
pub use function_counts::{FunctionCount, FunctionCounts};
pub use functions::{Function, FunctionId};
pub use listing::instruction_text;
pub use names::Names;
pub use places::{Place, describe};
pub use projection::{Projection, SystemProjection, folded, projected};
pub use run_end::{PartitionEnd, RunEnd};
pub use source_lines::{LineRange, SourceFrame, SourceLine, SourceLines, readable_name};
pub use stretches::{Code, InBlocks, Stretch, Stretches};
pub use system_text::{SYSTEM_HEADER, SystemTrace};
pub use text::{FLAGS, HEADER, TextTrace};
pub use traced_system::{TracedPartition, TracedSystem};
