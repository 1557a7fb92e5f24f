//! The structures of calls about message ports.

use super::{FieldDescription, FieldKind, StructDescription};

const fn field(
    offset: u32,
    name: &'static str,
    kind: FieldKind,
    documentation: &'static str,
) -> FieldDescription {
    FieldDescription { offset, name, kind, documentation }
}

pub(super) static SAMPLE_INFO: StructDescription = StructDescription {
    name: "sample_info",
    documentation: "What sampling_read tells of a message.",
    size_bytes: SampleInfo::SIZE_BYTES,
    fields: &[
        field(0, "age_ns", FieldKind::U64, "For how long readers could see it."),
        field(8, "length", FieldKind::U32, "Its length in bytes."),
        field(12, "valid", FieldKind::U32, "1 if the age is at most the channel's refresh period, else 0."),
        field(16, "is_new", FieldKind::U32, "1 if this partition did not read it before, else 0."),
        field(
            20,
            "sequence",
            FieldKind::U32,
            "Its number among the messages that readers could see, from 1, modulo 2^32.",
        ),
    ],
};

/// What `sampling_read` tells of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleInfo {
    /// For how long readers could see it.
    pub age_ns: u64,
    /// Its length in bytes.
    pub length: u32,
    /// The age is at most the refresh period.
    pub valid: bool,
    /// The reader did not read it before.
    pub is_new: bool,
    /// Its number.
    pub sequence: u32,
}

impl SampleInfo {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = 24;

    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let words = [self.length, u32::from(self.valid), u32::from(self.is_new), self.sequence];
        self.age_ns.to_le_bytes().into_iter().chain(words.into_iter().flat_map(u32::to_le_bytes)).collect()
    }
}

pub(super) static MESSAGE_PORT_STATUS: StructDescription = StructDescription {
    name: "message_port_status",
    documentation: "The answer of message_port_status.",
    size_bytes: MessagePortStatus::SIZE_BYTES,
    fields: &[
        field(0, "refresh_ns", FieldKind::U64, "For how long a sample is valid; 0 for a queue."),
        field(8, "kind", FieldKind::U32, "One of PV_MESSAGE_..."),
        field(12, "direction", FieldKind::U32, "One of PV_DIRECTION_..."),
        field(16, "message_bytes", FieldKind::U32, "The longest message in bytes."),
        field(20, "depth", FieldKind::U32, "How many messages the queue holds at most; 1 for a sample."),
        field(
            24,
            "messages",
            FieldKind::U32,
            "For a source of a queue the messages that take up its places, else those that can be received or read.",
        ),
        field(28, "valid", FieldKind::U32, "1 if there is a sample and it is valid now, else 0."),
    ],
};

/// The answer of `message_port_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePortStatus {
    /// For how long a sample is valid.
    pub refresh_ns: u64,
    /// The kind.
    pub kind: u32,
    /// Which end the partition has.
    pub direction: u32,
    /// The longest message in bytes.
    pub message_bytes: u32,
    /// How many messages there can be.
    pub depth: u32,
    /// How many messages there are.
    pub messages: u32,
    /// Whether the sample is valid.
    pub valid: u32,
}

impl MessagePortStatus {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = 32;
    /// Kind: the last message counts.
    pub const KIND_SAMPLING: u32 = 0;
    /// Kind: each message is received once.
    pub const KIND_QUEUING: u32 = 1;

    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let Self { refresh_ns, kind, direction, message_bytes, depth, messages, valid } = self;
        let words = [kind, direction, message_bytes, depth, messages, valid];
        refresh_ns.to_le_bytes().into_iter().chain(words.into_iter().flat_map(u32::to_le_bytes)).collect()
    }
}
