//! The first frame: what the trace is of.

use serde::{Deserialize, Serialize};

/// How much of a run is in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Detail {
    /// Events, and keyframes from which every instruction, register and value is made again by running.
    Full,
    /// Events, and which instructions ran; no values.
    Addresses,
    /// Events, instructions, changed registers and memory values: whoever reads it needs no processor.
    Stored,
}

/// A header has so many words of filters at most.
pub const FILTERS_MOST: usize = 64;
/// And each of them so many bytes.
pub const FILTER_MOST_BYTES: usize = 4096;

impl Detail {
    /// The numbers of the ways in the file.
    pub(super) const NUMBERS: std::ops::RangeInclusive<u32> = 0..=2;
}

/// What a trace is of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Who wrote it: name and version.
    pub writer: String,
    /// `emulator::SEMANTICS` of who wrote it: with another one, running again may do something else.
    pub semantics: u32,
    /// How much of the run is in the file.
    pub detail: Detail,
    /// Whether a system file was run; else a single guest.
    pub is_system: bool,
    /// Units of virtual time a second.
    pub units_per_second: u64,
    /// XXH3, 128 bits, of the configuration.
    pub configuration_digest: u128,
    /// The partitions.
    pub partitions: Vec<PartitionHeader>,
    /// The filters in force, as words of the command line: at most [`FILTERS_MOST`], of [`FILTER_MOST_BYTES`] each. A claim as
    /// everything else: whoever reads them parses them anew.
    pub filters: Vec<String>,
    /// The file that is run, as the user named it.
    pub path: String,
    /// The options of a single guest, as `recording` encodes them.
    pub options: Vec<u8>,
    /// The files that it is made of, in the order of the `FILE` frames: name and length.
    pub files: Vec<(String, u64)>,
}

/// A partition of the trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionHeader {
    /// Its name.
    pub name: String,
    /// XXH3, 128 bits, of its image.
    pub image_hash: u128,
    /// The build id of its image; empty if it has none.
    pub build_id: Vec<u8>,
}
