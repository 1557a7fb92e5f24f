//! Why a file cannot be run, each in one line: what is wrong, and what to do.

use crate::boot::MEMORY_MOST_BYTES;
use std::fmt;

/// Why a file cannot be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// The file does not begin as an ELF file does.
    NotElf,
    /// The file ends before something that it says it has.
    Truncated {
        /// What is cut off.
        what: String,
        /// Where that ends, in bytes from the start of the file.
        end: u64,
        /// How long the file is.
        file_bytes: u64,
    },
    /// The file is for another machine; how it calls itself.
    WrongMachine(String),
    /// The file is no static executable; what it is instead, and what to do.
    WrongKind {
        /// What it is.
        is: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A header has a value that makes no sense.
    BadHeader(String),
    /// There is nothing to load.
    NoSegments,
    /// A segment ends past 4 GiB.
    SegmentWraps {
        /// Its address.
        address: u32,
        /// Its length in memory.
        length_bytes: u32,
    },
    /// Two segments claim the same bytes.
    SegmentsOverlap {
        /// Address and length of the first.
        first: (u32, u32),
        /// Address and length of the second.
        second: (u32, u32),
    },
    /// The entry is not in a segment that can be executed.
    BadEntry(u32),
    /// A segment lies below the partition's memory.
    SegmentBelowMemory {
        /// Its address.
        address: u32,
        /// Where memory begins.
        memory_base: u32,
    },
    /// A segment reaches into what lies above the program's memory.
    SegmentAboveMemory {
        /// Its address.
        address: u32,
        /// Where memory ends.
        memory_end: u32,
    },
    /// The image needs more memory than there is.
    TooLittleMemory {
        /// What it needs.
        needs_bytes: u64,
        /// What there is.
        has_bytes: u64,
        /// The parts of the need, as a reader sees them.
        because: String,
    },
    /// No partition can have that much memory, or so little, or an odd amount.
    BadMemorySize {
        /// What was asked for.
        bytes: u64,
        /// The least possible.
        least_bytes: u64,
        /// The most possible.
        most_bytes: u64,
    },
    /// The host did not give the memory.
    HostMemory {
        /// What was asked for.
        bytes: u64,
    },
    /// A system has too many shared areas.
    TooManySharedAreas {
        /// How many.
        count: usize,
        /// How many are possible.
        most: usize,
    },
    /// The shared areas of a system are too long together.
    SharedAreasTooLong {
        /// How long, with a page between them.
        bytes: u64,
        /// What fits.
        most_bytes: u64,
    },
    /// The boot module does not fit.
    BootModuleTooLong {
        /// Its length.
        bytes: u64,
        /// What fits.
        most_bytes: u64,
    },
    /// There is no note that says for which ABI the image was built.
    NoAbiNote,
    /// The image was built for another ABI; what differs.
    WrongAbi(String),
    /// The command line and arguments do not fit.
    ArgumentsTooLong {
        /// Their length.
        bytes: u64,
        /// What fits.
        most_bytes: u64,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("this is not an ELF file: give a static i386 ELF executable"),
            Self::Truncated { what, end, file_bytes } => write!(
                f,
                "the file is truncated: {what} ends at byte {end} but the file has {file_bytes} bytes: copy or build it again"
            ),
            Self::WrongMachine(is) => {
                write!(f, "the file is {is}: build for 32-bit i386, for instance with gcc -m32")
            }
            Self::WrongKind { is, remedy } => write!(f, "the file is {is}: {remedy}"),
            Self::BadHeader(what) => write!(f, "the ELF file is damaged: {what}: build it again"),
            Self::NoSegments => f.write_str("the ELF file has no segment to load: link it as an executable"),
            Self::SegmentWraps { address, length_bytes } => write!(
                f,
                "the segment at {address:08x}h with {length_bytes} bytes ends past 4 GiB: link it lower or make it smaller"
            ),
            Self::SegmentsOverlap { first, second } => write!(
                f,
                "the segments at {:08x}h ({} bytes) and {:08x}h ({} bytes) overlap: correct the linker script",
                first.0, first.1, second.0, second.1
            ),
            Self::BadEntry(entry) => write!(
                f,
                "the entry {entry:08x}h is not in an executable segment: set it with ENTRY in the linker script or -e"
            ),
            Self::SegmentBelowMemory { address, memory_base } => write!(
                f,
                "a segment lies at {address:08x}h, below the memory at {memory_base:08x}h: link the image at {memory_base:08x}h or above"
            ),
            Self::SegmentAboveMemory { address, memory_end } => write!(
                f,
                "the segment at {address:08x}h reaches past {memory_end:08x}h, where the stack lies: link the image lower"
            ),
            Self::TooLittleMemory { needs_bytes, because, .. } if *needs_bytes > MEMORY_MOST_BYTES => write!(
                f,
                "the image needs {needs_bytes} bytes of memory ({because}) and no partition can have more than {}MiB: \
                 make the image smaller",
                MEMORY_MOST_BYTES >> 20
            ),
            Self::TooLittleMemory { needs_bytes, has_bytes, because } => write!(
                f,
                "the image needs {needs_bytes} bytes of memory ({because}) and the partition has {has_bytes}, {} too few: \
                 give --memory {}KiB or more",
                needs_bytes.saturating_sub(*has_bytes),
                needs_bytes.div_ceil(4096) * 4
            ),
            Self::BadMemorySize { bytes, least_bytes, most_bytes } => write!(
                f,
                "a memory of {bytes} bytes is not possible: give a multiple of 4KiB from {}KiB to {}MiB",
                least_bytes >> 10,
                most_bytes >> 20
            ),
            Self::HostMemory { bytes } => {
                write!(f, "the host has no {bytes} bytes of memory for the guest: give a smaller --memory")
            }
            Self::TooManySharedAreas { count, most } => {
                write!(f, "there are {count} shared areas and {most} are possible: join some")
            }
            Self::SharedAreasTooLong { bytes, most_bytes } => write!(
                f,
                "the shared areas take {}MiB and {}MiB fit: make them shorter",
                bytes.div_ceil(1 << 20),
                most_bytes >> 20
            ),
            Self::BootModuleTooLong { bytes, most_bytes } => write!(
                f,
                "the boot module has {bytes} bytes and {}MiB fit: make it shorter",
                most_bytes >> 20
            ),
            Self::NoAbiNote => f.write_str(
                "the image has no Paravane ABI note: link it with the paravirtualization layer, or run a Linux program with \
                 --abi linux",
            ),
            Self::WrongAbi(what) => write!(f, "the image is for another ABI: {what}"),
            Self::ArgumentsTooLong { bytes, most_bytes } => {
                write!(f, "the arguments take {bytes} bytes and {most_bytes} fit: give fewer or shorter ones")
            }
        }
    }
}

impl std::error::Error for LoadError {}
