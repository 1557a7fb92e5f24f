//! The ELF notes of a guest: which ABI it was built for, call by call, and how much memory it asks for.
//!
//! Finding the notes in an ELF file is the loader's; this reads and judges their contents.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::{
    ABI_MAJOR, ABI_MINOR, ABI_VERSION, ArgumentKind, CALLS, Call, CallDescription, StructDescription,
};

/// The owner of the notes.
pub const NOTE_NAME: &str = "Paravane";
/// The type of the note with version and table of calls.
pub const NOTE_ABI: u32 = 1;
/// The type of the note with the memory that a guest needs: stack bytes, work area bytes.
pub const NOTE_MEMORY: u32 = 2;

/// The content of a guest's ABI note: words of the version, the number of calls, then number and hash of each call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbiNote {
    /// `major << 16 | minor`.
    pub version: u32,
    /// Number and signature hash of each call that the guest was built with.
    pub calls: Vec<(u32, u32)>,
}

/// Why a guest's note was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteProblem {
    /// The bytes are no note.
    Malformed,
    /// Another major version, or a later minor version.
    Version {
        /// The guest's version.
        guest: u32,
    },
    /// A call that this version does not have.
    UnknownCall {
        /// Its number.
        number: u32,
    },
    /// A call that has another signature here.
    ChangedCall {
        /// The call.
        call: Call,
    },
}

impl fmt::Display for NoteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(f, "its ABI note is malformed"),
            Self::Version { guest } => write!(
                f,
                "it was built for ABI {}.{}, this is ABI {ABI_MAJOR}.{ABI_MINOR}",
                guest >> 16,
                guest & 0xffff
            ),
            Self::UnknownCall { number } => {
                write!(f, "it wants hypercall {number:02x}h, which ABI {ABI_MAJOR}.{ABI_MINOR} does not have")
            }
            Self::ChangedCall { call } => {
                write!(
                    f,
                    "its hypercall {} has another signature than in ABI {ABI_MAJOR}.{ABI_MINOR}",
                    call.description().name
                )
            }
        }
    }
}

impl AbiNote {
    /// Reads the note's content.
    ///
    /// # Errors
    ///
    /// `Malformed` if the length does not fit.
    pub fn parse(content: &[u8]) -> Result<Self, NoteProblem> {
        let words: Vec<u32> = content
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .collect();
        let [version, count, table @ ..] = words.as_slice() else {
            return Err(NoteProblem::Malformed);
        };
        if !content.len().is_multiple_of(4) || table.len() as u64 != u64::from(*count) * 2 {
            return Err(NoteProblem::Malformed);
        }
        Ok(Self { version: *version, calls: table.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect() })
    }

    /// Whether a guest with this note can run here. Calls that were added since the guest was built do not matter.
    ///
    /// # Errors
    ///
    /// The first thing that differs.
    pub fn check(&self) -> Result<(), NoteProblem> {
        if self.version >> 16 != ABI_MAJOR || self.version & 0xffff > ABI_MINOR {
            return Err(NoteProblem::Version { guest: self.version });
        }
        for &(number, hash) in &self.calls {
            let call = Call::from_number(number).ok_or(NoteProblem::UnknownCall { number })?;
            if call.description().signature_hash() != hash {
                return Err(NoteProblem::ChangedCall { call });
            }
        }
        Ok(())
    }

    /// The note's content as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let calls = self.calls.iter().flat_map(|&(number, hash)| [number, hash]);
        [self.version, u32::try_from(self.calls.len()).unwrap_or(u32::MAX)]
            .into_iter()
            .chain(calls)
            .flat_map(u32::to_le_bytes)
            .collect()
    }
}

/// The note of a guest that is built with this version and may use every call.
#[must_use]
pub fn own_note() -> AbiNote {
    AbiNote {
        version: ABI_VERSION,
        calls: CALLS.iter().map(|description| (description.number, description.signature_hash())).collect(),
    }
}

impl CallDescription {
    /// The call in one line: name, types in registers, result. Two versions in which a call has the same signature
    /// understand each other; names of arguments, documentation and errors do not belong to it.
    #[must_use]
    pub fn signature(&self) -> String {
        let arguments: Vec<String> =
            self.arguments.iter().map(|argument| argument.kind.signature()).collect();
        format!("{}({}) -> {:?}", self.name, arguments.join(", "), self.result)
    }

    /// The hash of the signature: the low half of its 64-bit XXH3.
    #[must_use]
    pub fn signature_hash(&self) -> u32 {
        xxh3_64(self.signature().as_bytes()) as u32
    }
}

impl ArgumentKind {
    fn signature(self) -> String {
        match self {
            Self::Integer => "u32".into(),
            Self::Integer64 => "u64".into(),
            Self::Hexadecimal => "hexadecimal".into(),
            Self::Enumeration(enumeration) => enumeration.name.into(),
            Self::Port => "port".into(),
            Self::Level => "level".into(),
            Self::Code => "code".into(),
            Self::PageAddress => "page".into(),
            Self::Pages => "pages".into(),
            Self::BytesFromGuest => "in bytes".into(),
            Self::BytesToGuest => "out bytes".into(),
            Self::ArrayFromGuest(element) => format!("in array of {}", layout(element)),
            Self::StructToGuest(structure) => format!("out {}", layout(structure)),
            Self::IntegerToGuest(bytes) => format!("out u{}", bytes * 8),
        }
    }
}

fn layout(structure: &StructDescription) -> String {
    let fields: Vec<String> =
        structure.fields.iter().map(|field| format!("{}: {:?}", field.offset, field.kind)).collect();
    format!("{}[{}]{{{}}}", structure.name, structure.size_bytes, fields.join(", "))
}
