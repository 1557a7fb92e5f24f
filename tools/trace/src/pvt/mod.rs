//! The trace file `.pvt`: frames compressed by Zstandard, each with a head that says what it holds, and an index at the
//! end. docs/TRACE-FILE.md specifies it.
//!
//! Not here: what runs, and what is done with a trace.

mod address_reader;
mod address_records;
mod address_writer;
mod block_batch;
mod head;
mod header;
mod index;
mod reader;
mod records;
mod step_reader;
mod step_records;
mod step_writer;
mod stored_elision;
mod writer;

#[cfg(test)]
mod tests;

pub use address_reader::{
    AddressesEnd, ToldAddress, last_unit_of_addresses, tell_addresses, tell_addresses_and_gaps,
};
pub use block_batch::{BlockBatch, BlockCollector};
pub use head::{FrameHead, FrameKind};
pub use header::{Detail, FILTER_MOST_BYTES, FILTERS_MOST, Header, PartitionHeader};
pub use reader::{ReadError, Reader};
pub use records::{RecordWriter, tell_records};
pub use step_reader::{Stored, StoredStep, tell_steps};
pub use step_writer::StepWriter;
pub use stored_elision::{StoredElision, StoredOmission};
pub use writer::Writer;

use emulator::decode::LONGEST_INSTRUCTION;

/// What a file begins with: a skippable frame of Zstandard with a line of text.
pub const MAGIC: [u8; 30] = *b"\x50\x2a\x4d\x18\x16\0\0\0paravane-trace pvt 1\n\0";

/// The most bytes that a frame of any kind holds, uncompressed.
pub const FRAME_MOST_BYTES: usize = 64 << 20;

/// Whether so many bytes can be those of one instruction.
fn is_instruction(bytes: &[u8]) -> bool {
    (1..=LONGEST_INSTRUCTION).contains(&bytes.len())
}

/// The most bytes that all files in a trace have together whose frames have so many bytes compressed: a short file is not to
/// fill the memory of who reads it.
#[must_use]
pub fn files_most_bytes(compressed_bytes: u64) -> u64 {
    (64_u64 << 20).saturating_add(compressed_bytes.saturating_mul(16))
}
