//! The head of a frame: a skippable frame of Zstandard of a fixed length, before the compressed frame that it is about.

use super::FRAME_MOST_BYTES;
use xxhash_rust::xxh3::xxh3_64;

/// The magic number of the skippable frame, and its length.
const SKIPPABLE: [u8; 8] = *b"\x51\x2a\x4d\x18\x30\0\0\0";
const BODY_BYTES: usize = 48;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum FrameKind {
    /// What the trace is of: once, at the beginning.
    Header,
    /// Part of a file that what runs is made of.
    File,
    /// Console input.
    Input,
    /// Memory of the keyframe that follows.
    Pages,
    /// The whole machine at an instant.
    Keyframe,
    /// Instructions and events.
    Records,
    /// Which instructions ran.
    Addresses,
    /// Instructions with the registers that they changed and the memory that they touched.
    Instructions,
    /// How the run ended: once, at the end.
    End,
    /// Where the frames are.
    Index,
}

impl FrameKind {
    const TAGS: [(Self, [u8; 4]); 10] = [
        (Self::Header, *b"HEAD"),
        (Self::File, *b"FILE"),
        (Self::Input, *b"INPT"),
        (Self::Pages, *b"PAGE"),
        (Self::Keyframe, *b"KEYF"),
        (Self::Records, *b"RECS"),
        (Self::Addresses, *b"ADDR"),
        (Self::Instructions, *b"INST"),
        (Self::End, *b"ENDS"),
        (Self::Index, *b"INDX"),
    ];

    /// The most bytes that a frame of this kind holds, uncompressed: whoever reads it needs some times as many.
    #[must_use]
    pub fn most_bytes(self) -> usize {
        match self {
            Self::Header | Self::End => 4 << 20,
            Self::Addresses => 16 << 20,
            Self::Keyframe | Self::Instructions => 32 << 20,
            Self::File | Self::Input | Self::Pages | Self::Records | Self::Index => FRAME_MOST_BYTES,
        }
    }

    fn tag(self) -> [u8; 4] {
        Self::TAGS.iter().find(|(kind, _)| *kind == self).map_or(*b"????", |(_, tag)| *tag)
    }

    fn from_tag(tag: [u8; 4]) -> Option<Self> {
        Self::TAGS.iter().find(|(_, known)| *known == tag).map(|(kind, _)| *kind)
    }
}

/// What is known of a frame without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    /// What it holds.
    pub kind: FrameKind,
    /// Its length in the file.
    pub compressed_bytes: u32,
    /// Its length once decompressed, at most [`FrameKind::most_bytes`].
    pub raw_bytes: u32,
    /// Units of virtual time before what it holds.
    pub unit: u64,
    /// Units executed by all partitions before what it holds.
    pub executed: u64,
    /// XXH3, 64 bits, of the compressed bytes.
    pub digest: u64,
}

impl FrameHead {
    /// The length of a head in the file.
    pub const BYTES: usize = SKIPPABLE.len() + BODY_BYTES;

    /// As it is in the file.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&SKIPPABLE);
        bytes[8..12].copy_from_slice(&self.kind.tag());
        bytes[12..16].copy_from_slice(&self.compressed_bytes.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.raw_bytes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.unit.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.executed.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.digest.to_le_bytes());
        let own = xxh3_64(&bytes[8..48]);
        bytes[48..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// From the file; None if it is damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        if bytes[..8] != SKIPPABLE || long(48) != xxh3_64(&bytes[8..48]) {
            return None;
        }
        let head = Self {
            kind: FrameKind::from_tag(bytes[8..12].try_into().expect("four bytes"))?,
            compressed_bytes: word(12),
            raw_bytes: word(16),
            unit: long(24),
            executed: long(32),
            digest: long(40),
        };
        (head.raw_bytes as usize <= head.kind.most_bytes()).then_some(head)
    }
}
