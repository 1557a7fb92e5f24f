//! A trace in the formats of other tools. An export is a [`Recorder`]: it is told what a run did, whether the run happens
//! now or is read from a file, and writes as it goes.
//!
//! Not here: where the trace comes from, and files.

mod code_cache;
mod csv;
mod event_fields;
#[cfg(feature = "parquet")]
mod parquet;
mod perfetto;
mod sink;
mod tenet;
#[cfg(test)]
mod tests;

#[cfg(feature = "parquet")]
pub use self::parquet::{PARQUET_FILES, Parquet};
pub use csv::Csv;
pub use perfetto::Perfetto;
pub use tenet::{SeveralPartitions, Tenet};

use hypervisor_core::Recorder;
use std::io;

/// A recorder that writes a file of another tool.
pub trait Export: Recorder {
    /// Writes what is left, once, after the last instruction and event.
    ///
    /// # Errors
    /// The first error of any write; what came after it was not written.
    fn finish(&mut self) -> io::Result<()>;
}
