//! What a run did, as text and as digests: recorders for [`hypervisor_core`]'s machine.
//!
//! Not here: running, and files. A recorder keeps its text until its owner takes it.

pub mod pvt;

mod both;
mod columns;
mod digest;
mod event_text;
mod linux_names;
mod listing;
mod names;
mod places;
mod projection;
mod run_end;
mod system_text;
mod text;
mod traced_system;

pub use both::Both;
pub use columns::quoted;
pub use digest::StreamDigest;
pub use listing::instruction_text;
pub use names::Names;
pub use places::{Place, describe};
pub use projection::{Projection, SystemProjection};
pub use run_end::{PartitionEnd, RunEnd};
pub use system_text::{SYSTEM_HEADER, SystemTrace};
pub use text::{HEADER, TextTrace};
pub use traced_system::{TracedPartition, TracedSystem};
