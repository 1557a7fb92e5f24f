//! The structures of calls about windows, partitions and health.

use super::{FieldDescription, FieldKind, StructDescription};

const fn field(
    offset: u32,
    name: &'static str,
    kind: FieldKind,
    documentation: &'static str,
) -> FieldDescription {
    FieldDescription { offset, name, kind, documentation }
}

/// An entry of the list that `poll` reads.
pub mod poll_entry {
    /// The length of the structure.
    pub const SIZE_BYTES: u32 = 4;
    /// The most entries of one list.
    pub const MOST: u32 = 64;
}

pub(super) static POLL_ENTRY: StructDescription = StructDescription {
    name: "poll_entry",
    documentation: "An event port that poll waits for.",
    size_bytes: poll_entry::SIZE_BYTES,
    fields: &[field(0, "port", FieldKind::U32, "The port; it must be bound.")],
};

pub(super) static WINDOW_INFO: StructDescription = StructDescription {
    name: "window_info",
    documentation: "The answer of window_info.",
    size_bytes: WindowInfo::SIZE_BYTES,
    fields: &[
        field(0, "now_ns", FieldKind::U64, "Virtual time of the answer."),
        field(8, "window_start_ns", FieldKind::U64, "When the current window began."),
        field(16, "window_end_ns", FieldKind::U64, "When it ends; all bits set: never."),
        field(24, "frame_start_ns", FieldKind::U64, "When the current major frame began."),
        field(32, "frame_ns", FieldKind::U64, "Length of the major frame; all bits set: it never ends."),
        field(40, "frames", FieldKind::U64, "Major frames that have ended."),
        field(48, "window", FieldKind::U32, "Place of the window in the plan, from 0."),
        field(52, "plan", FieldKind::U32, "The plan."),
        field(56, "next_plan", FieldKind::U32, "The plan that was asked for; that of `plan` if none was."),
        field(60, "plans", FieldKind::U32, "How many plans there are."),
    ],
};

/// The answer of `window_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowInfo {
    /// Virtual time of the answer.
    pub now_ns: u64,
    /// When the current window began.
    pub window_start_ns: u64,
    /// When it ends.
    pub window_end_ns: u64,
    /// When the current major frame began.
    pub frame_start_ns: u64,
    /// Length of the major frame.
    pub frame_ns: u64,
    /// Major frames that have ended.
    pub frames: u64,
    /// Place of the window in the plan.
    pub window: u32,
    /// The plan.
    pub plan: u32,
    /// The plan that was asked for.
    pub next_plan: u32,
    /// How many plans there are.
    pub plans: u32,
}

impl WindowInfo {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = 64;

    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let times = [
            self.now_ns,
            self.window_start_ns,
            self.window_end_ns,
            self.frame_start_ns,
            self.frame_ns,
            self.frames,
        ];
        let words = [self.window, self.plan, self.next_plan, self.plans];
        let times = times.into_iter().flat_map(u64::to_le_bytes);
        times.chain(words.into_iter().flat_map(u32::to_le_bytes)).collect()
    }
}

pub(super) static PARTITION_STATUS: StructDescription = StructDescription {
    name: "partition_status",
    documentation: "The answer of partition_status.",
    size_bytes: PartitionStatus::SIZE_BYTES,
    fields: &[
        field(0, "state", FieldKind::U32, "One of PV_PARTITION_..."),
        field(4, "mode", FieldKind::U32, "One of PV_MODE_..."),
        field(8, "start_condition", FieldKind::U32, "One of PV_START_..."),
        field(12, "restart_count", FieldKind::U32, "How often it was started again."),
        field(16, "exit_code", FieldKind::U32, "With PV_PARTITION_ENDED the code of shutdown, else 0."),
        field(20, "rights", FieldKind::U32, "Bits of PV_MAY_...: what it may do to others."),
        field(24, "executed", FieldKind::U64, "Units that it executed."),
    ],
};

/// The answer of `partition_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionStatus {
    /// What it does.
    pub state: u32,
    /// Its mode.
    pub mode: u32,
    /// Why it was started.
    pub start_condition: u32,
    /// How often it was started again.
    pub restart_count: u32,
    /// The code that it ended with.
    pub exit_code: u32,
    /// What it may do to others.
    pub rights: u32,
    /// Units that it executed.
    pub executed: u64,
}

impl PartitionStatus {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = 32;
    /// State: it can run.
    pub const STATE_READY: u32 = 0;
    /// State: it waits.
    pub const STATE_WAITING: u32 = 1;
    /// State: another partition suspended it.
    pub const STATE_SUSPENDED: u32 = 2;
    /// State: it ended itself.
    pub const STATE_ENDED: u32 = 3;
    /// State: it was stopped by an error, by another partition, or by `halt`.
    pub const STATE_HALTED: u32 = 4;
    /// Right: read the status of others.
    pub const MAY_STATUS: u32 = 1;
    /// Right: control others.
    pub const MAY_CONTROL: u32 = 2;
    /// Right: switch the schedule plan.
    pub const MAY_PLANS: u32 = 4;
    /// Right: read the whole health log.
    pub const MAY_HEALTH_LOG: u32 = 8;

    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let Self { state, mode, start_condition, restart_count, exit_code, rights, executed } = self;
        let words = [state, mode, start_condition, restart_count, exit_code, rights];
        words.into_iter().flat_map(u32::to_le_bytes).chain(executed.to_le_bytes()).collect()
    }
}

/// The most bytes of a message in the health log.
pub const HEALTH_MESSAGE_BYTES: u32 = 64;

pub(super) static HEALTH_ENTRY: StructDescription = StructDescription {
    name: "health_entry",
    documentation: "An entry of the health log, as health_read writes it.",
    size_bytes: HealthEntryLayout::SIZE_BYTES,
    fields: &[
        field(0, "time_ns", FieldKind::U64, "When it happened."),
        field(8, "sequence", FieldKind::U32, "Its number, from 0."),
        field(12, "partition", FieldKind::U32, "In which partition."),
        field(16, "event", FieldKind::U32, "What: one of PV_HEALTH_..."),
        field(20, "action", FieldKind::U32, "What was done: one of PV_ACTION_..."),
        field(
            24,
            "detail",
            FieldKind::U32,
            "The vector of an exception, the code of an application error, the address of a memory violation or a \
             frame fault, else 0.",
        ),
        field(28, "address", FieldKind::U32, "EIP when it happened."),
        field(32, "message_length", FieldKind::U32, "Bytes of the message."),
        field(36, "message", FieldKind::Text(HEALTH_MESSAGE_BYTES), "The message of health_raise."),
    ],
};

/// The layout of an entry of the health log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthEntryLayout;

impl HealthEntryLayout {
    /// The length in guest memory.
    pub const SIZE_BYTES: u32 = 36 + HEALTH_MESSAGE_BYTES;
}
