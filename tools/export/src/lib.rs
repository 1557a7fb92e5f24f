//! A trace in the formats of other tools. An export is a [`Recorder`]: it is told what a run did, whether the run happens
//! now or is read from a file, and writes as it goes.
//!
//! Not here: where the trace comes from, and files.

mod blocks;
mod call_tree;
mod callgrind;
mod chosen_partition;
mod code_cache;
mod coverage;
mod covoar;
mod csv;
mod drcov;
mod event_fields;
mod executed;
mod flame_graph;
mod folded;
mod lcov;
#[cfg(feature = "parquet")]
mod parquet;
mod perfetto;
mod sink;
mod tenet;
#[cfg(test)]
mod tests;

#[cfg(feature = "parquet")]
pub use self::parquet::{PARQUET_FILES, Parquet};
pub use callgrind::Callgrind;
pub use chosen_partition::SeveralPartitions;
pub use covoar::Covoar;
pub use csv::Csv;
pub use drcov::Drcov;
pub use flame_graph::FlameGraph;
pub use folded::Folded;
pub use lcov::Lcov;
pub use perfetto::Perfetto;
pub use tenet::Tenet;

use hypervisor_core::Recorder;
use std::io;

/// A recorder that writes a file of another tool.
pub trait Export: Recorder {
    /// Writes what is left, once, after the last instruction and event.
    ///
    /// # Errors
    /// The first error of any write; what came after it was not written.
    fn finish(&mut self) -> io::Result<()>;

    /// Whether blocks, if it was told of them, did not tell enough, so that it has to be told of instructions.
    fn is_unsure(&self) -> bool {
        false
    }
}
