//! The structures that guest and core share in memory. The values of their fields are in `values`.
//!
//! A module of constants per structure is for the core; the tables beside them are for the headers and the document.

use super::message_layout::{MESSAGE_PORT_STATUS, SAMPLE_INFO};
use super::system_layout::{HEALTH_ENTRY, PARTITION_STATUS, POLL_ENTRY, WINDOW_INFO};
use super::{
    ABI_VERSION, CallError, FieldDescription, FieldKind, GATE_VECTOR, SELECTOR_CODE, StructDescription,
};
use serde::{Deserialize, Serialize};

const fn field(
    offset: u32,
    name: &'static str,
    kind: FieldKind,
    documentation: &'static str,
) -> FieldDescription {
    FieldDescription { offset, name, kind, documentation }
}

/// Offsets in start info, which EBX points to at entry.
pub mod start_info {
    /// The magic number.
    pub const MAGIC: u32 = 0;
    /// The core's ABI version.
    pub const ABI_VERSION: u32 = 4;
    /// The length of this structure.
    pub const SIZE: u32 = 8;
    /// The partition's number.
    pub const PARTITION_ID: u32 = 12;
    /// The partition's name: 32 bytes, ended by zero.
    pub const PARTITION_NAME: u32 = 16;
    /// The address of the memory map.
    pub const MEMORY_MAP: u32 = 48;
    /// The number of its entries.
    pub const MEMORY_MAP_COUNT: u32 = 52;
    /// The address of the shared page.
    pub const SHARED_PAGE: u32 = 56;
    /// The address of the page of event counts.
    pub const COUNT_PAGE: u32 = 60;
    /// The address of the hypercall page.
    pub const HYPERCALL_PAGE: u32 = 64;
    /// What the console can do.
    pub const CONSOLE: u32 = 68;
    /// Units of virtual time in a second.
    pub const CLOCK_RATE: u32 = 72;
    /// The address of the command line.
    pub const COMMAND_LINE: u32 = 80;
    /// Its length without the final zero byte.
    pub const COMMAND_LINE_LENGTH: u32 = 84;
    /// The address of the boot module.
    pub const BOOT_MODULE: u32 = 88;
    /// Its length.
    pub const BOOT_MODULE_LENGTH: u32 = 92;
    /// Why the partition was started.
    pub const START_CONDITION: u32 = 96;
    /// How often it was started again.
    pub const RESTART_COUNT: u32 = 100;
    /// The length of the structure.
    pub const SIZE_BYTES: u32 = 104;
    /// The length of the name with its zero byte.
    pub const PARTITION_NAME_BYTES: u32 = 32;
    /// Bit of the console word: the console takes output.
    pub const CONSOLE_OUTPUT: u32 = 1;
    /// Bit of the console word: the console may give input.
    pub const CONSOLE_INPUT: u32 = 2;
    /// Start condition: a cold start.
    pub const START_COLD: u32 = 0;
    /// Start condition: a warm start.
    pub const START_WARM: u32 = 1;
    /// Start condition: a cold start by the health monitor.
    pub const START_COLD_AFTER_HEALTH: u32 = 2;
    /// Start condition: a warm start by the health monitor.
    pub const START_WARM_AFTER_HEALTH: u32 = 3;
}

static START_INFO: StructDescription = StructDescription {
    name: "start_info",
    documentation: "EBX points to it at entry. It and what it points to are read-only.",
    size_bytes: start_info::SIZE_BYTES,
    fields: &[
        field(start_info::MAGIC, "magic", FieldKind::U32, "PV_MAGIC."),
        field(
            start_info::ABI_VERSION,
            "abi_version",
            FieldKind::U32,
            "The core's version: major << 16 | minor.",
        ),
        field(
            start_info::SIZE,
            "size_bytes",
            FieldKind::U32,
            "Length of this structure; later minor versions append fields.",
        ),
        field(start_info::PARTITION_ID, "partition_id", FieldKind::U32, "Number of the partition."),
        field(
            start_info::PARTITION_NAME,
            "partition_name",
            FieldKind::Text(start_info::PARTITION_NAME_BYTES),
            "Name of the partition, ended by a zero byte.",
        ),
        field(
            start_info::MEMORY_MAP,
            "memory_map",
            FieldKind::U32,
            "Address of an array of pv_memory_map_entry.",
        ),
        field(start_info::MEMORY_MAP_COUNT, "memory_map_count", FieldKind::U32, "Number of its entries."),
        field(start_info::SHARED_PAGE, "shared_page", FieldKind::U32, "Address of pv_shared_page."),
        field(
            start_info::COUNT_PAGE,
            "count_page",
            FieldKind::U32,
            "Address of the read-only page with one u32 count for each port.",
        ),
        field(start_info::HYPERCALL_PAGE, "hypercall_page", FieldKind::U32, "Address of the hypercall page."),
        field(start_info::CONSOLE, "console", FieldKind::U32, "Bits of PV_CONSOLE_..."),
        field(start_info::CLOCK_RATE, "clock_rate", FieldKind::U64, "Units of virtual time in a second."),
        field(
            start_info::COMMAND_LINE,
            "command_line",
            FieldKind::U32,
            "Address of the command line, ended by a zero byte; 0 for none.",
        ),
        field(
            start_info::COMMAND_LINE_LENGTH,
            "command_line_length",
            FieldKind::U32,
            "Its length in bytes without the zero byte.",
        ),
        field(
            start_info::BOOT_MODULE,
            "boot_module",
            FieldKind::U32,
            "Address of the boot module; 0 for none.",
        ),
        field(start_info::BOOT_MODULE_LENGTH, "boot_module_length", FieldKind::U32, "Its length in bytes."),
        field(start_info::START_CONDITION, "start_condition", FieldKind::U32, "One of PV_START_..."),
        field(
            start_info::RESTART_COUNT,
            "restart_count",
            FieldKind::U32,
            "How often the partition was restarted.",
        ),
    ],
};

/// Offsets in an entry of the memory map.
pub mod memory_map_entry {
    /// The first byte.
    pub const BASE: u32 = 0;
    /// How many bytes.
    pub const LENGTH: u32 = 4;
    /// What it is.
    pub const KIND: u32 = 8;
    /// What may be done with it.
    pub const RIGHTS: u32 = 12;
    /// The length of the structure.
    pub const SIZE_BYTES: u32 = 16;
    /// Kind: RAM, from 100000h.
    pub const KIND_RAM: u32 = 1;
    /// Kind: start info and what it points to.
    pub const KIND_START_INFO: u32 = 2;
    /// Kind: the shared page.
    pub const KIND_SHARED_PAGE: u32 = 3;
    /// Kind: the page of event counts.
    pub const KIND_COUNT_PAGE: u32 = 4;
    /// Kind: the hypercall page.
    pub const KIND_HYPERCALL_PAGE: u32 = 5;
    /// Kind: the boot stack.
    pub const KIND_BOOT_STACK: u32 = 6;
    /// Kind: memory that other partitions see, too.
    pub const KIND_SHARED_AREA: u32 = 7;
    /// Kind: the boot module.
    pub const KIND_BOOT_MODULE: u32 = 8;
    /// Right: read.
    pub const RIGHT_READ: u32 = 1;
    /// Right: write.
    pub const RIGHT_WRITE: u32 = 2;
    /// Right: execute.
    pub const RIGHT_EXECUTE: u32 = 4;
}

pub(super) static MEMORY_MAP_ENTRY: StructDescription = StructDescription {
    name: "memory_map_entry",
    documentation: "One range of the partition's memory.",
    size_bytes: memory_map_entry::SIZE_BYTES,
    fields: &[
        field(memory_map_entry::BASE, "base", FieldKind::U32, "First address."),
        field(memory_map_entry::LENGTH, "length", FieldKind::U32, "Length in bytes."),
        field(memory_map_entry::KIND, "kind", FieldKind::U32, "One of PV_MEMORY_..."),
        field(
            memory_map_entry::RIGHTS,
            "rights",
            FieldKind::U32,
            "Bits of PV_RIGHT_...; for RAM those of pages that no segment of the image covers.",
        ),
    ],
};

/// Offsets in the shared page.
pub mod shared_page {
    /// Non-zero: upcalls are masked. This word is the virtual interrupt flag.
    pub const MASK: u32 = 0;
    /// Non-zero: an upcall is wanted.
    pub const UPCALL_PENDING: u32 = 4;
    /// Bit n: word n of the pending bitmap may have an unmasked bit.
    pub const SELECTOR: u32 = 8;
    /// The address of the last page fault.
    pub const CR2: u32 = 12;
    /// The version of the time fields: odd while they are written.
    pub const TIME_VERSION: u32 = 16;
    /// The time stamp counter at `SYSTEM_TIME`.
    pub const TIME_STAMP: u32 = 24;
    /// Virtual time in nanoseconds.
    pub const SYSTEM_TIME: u32 = 32;
    /// What turns a difference of the time stamp counter into nanoseconds.
    pub const TIME_MULTIPLIER: u32 = 40;
    /// By how many bits to shift it before.
    pub const TIME_SHIFT: u32 = 44;
    /// CR0 as the guest set it.
    pub const CR0: u32 = 48;
    /// CR3 as the guest set it.
    pub const CR3: u32 = 52;
    /// CR4 as the guest set it.
    pub const CR4: u32 = 56;
    /// The base of GDTR as the guest set it.
    pub const GDTR_BASE: u32 = 60;
    /// Its limit.
    pub const GDTR_LIMIT: u32 = 64;
    /// The base of IDTR as the guest set it.
    pub const IDTR_BASE: u32 = 68;
    /// Its limit.
    pub const IDTR_LIMIT: u32 = 72;
    /// LDTR as the guest set it.
    pub const LDTR: u32 = 76;
    /// TR as the guest set it.
    pub const TR: u32 = 80;
    /// The I/O privilege level as the guest set it.
    pub const IOPL: u32 = 84;
    /// When the current window began.
    pub const WINDOW_START: u32 = 0xc0;
    /// When it ends.
    pub const WINDOW_END: u32 = 0xc8;
    /// Its place in the plan.
    pub const WINDOW_INDEX: u32 = 0xd0;
    /// The schedule plan.
    pub const WINDOW_PLAN: u32 = 0xd4;
    /// How long the partition ran.
    pub const RUNNING: u32 = 0xd8;
    /// How long it waited in its windows.
    pub const WAITING: u32 = 0xe0;
    /// How long it was away from the processor.
    pub const AWAY: u32 = 0xe8;
    /// 1: a trap has entered a handler.
    pub const TRAP_ENTERED: u32 = 0xf0;
    /// The vector of the last one.
    pub const TRAP_VECTOR: u32 = 0xf4;
    /// Its error code.
    pub const TRAP_ERROR_CODE: u32 = 0xf8;
    /// EIP in its frame.
    pub const TRAP_EIP: u32 = 0xfc;
    /// The pending bitmap, one bit for each port.
    pub const EVENT_PENDING: u32 = 0x400;
    /// The mask bitmap, one bit for each port.
    pub const EVENT_MASK: u32 = 0x480;
    /// The length of the page.
    pub const SIZE_BYTES: u32 = 4096;
    /// A store to the first bytes of the page can make an upcall deliverable.
    pub const WATCHED_BYTES: u32 = 12;
}

static SHARED_PAGE: StructDescription = StructDescription {
    name: "shared_page",
    documentation: "Read and written by both sides. The core trusts nothing in it.",
    size_bytes: shared_page::SIZE_BYTES,
    fields: &[
        field(
            shared_page::MASK,
            "mask",
            FieldKind::U32,
            "The virtual interrupt flag: 0 enabled, else masked.",
        ),
        field(
            shared_page::UPCALL_PENDING,
            "upcall_pending",
            FieldKind::U32,
            "Non-zero: an upcall is wanted.",
        ),
        field(
            shared_page::SELECTOR,
            "selector",
            FieldKind::U32,
            "Bit n: word n of event_pending may hold an unmasked bit.",
        ),
        field(shared_page::CR2, "cr2", FieldKind::U32, "Linear address of the last page fault."),
        field(
            shared_page::TIME_VERSION,
            "time_version",
            FieldKind::U32,
            "Read it before and after the four fields below; equal and even: they belong together.",
        ),
        field(20, "reserved_time", FieldKind::Reserved(4), "0."),
        field(shared_page::TIME_STAMP, "time_stamp", FieldKind::U64, "What RDTSC read at system_time_ns."),
        field(
            shared_page::SYSTEM_TIME,
            "system_time_ns",
            FieldKind::U64,
            "Virtual time then. Now is system_time_ns + (((RDTSC - time_stamp) << time_shift) * time_multiplier >> 32), \
             with a product of 96 bits; exact to one microsecond and never ahead of time_now.",
        ),
        field(shared_page::TIME_MULTIPLIER, "time_multiplier", FieldKind::U32, "See system_time_ns."),
        field(
            shared_page::TIME_SHIFT,
            "time_shift",
            FieldKind::U32,
            "See system_time_ns. Signed: shift right by -time_shift if it is negative.",
        ),
        field(shared_page::CR0, "cr0", FieldKind::U32, "CR0; a copy for reading, as the nine that follow."),
        field(shared_page::CR3, "cr3", FieldKind::U32, "CR3."),
        field(shared_page::CR4, "cr4", FieldKind::U32, "CR4."),
        field(shared_page::GDTR_BASE, "gdtr_base", FieldKind::U32, "Base of GDTR."),
        field(shared_page::GDTR_LIMIT, "gdtr_limit", FieldKind::U32, "Limit of GDTR."),
        field(shared_page::IDTR_BASE, "idtr_base", FieldKind::U32, "Base of IDTR."),
        field(shared_page::IDTR_LIMIT, "idtr_limit", FieldKind::U32, "Limit of IDTR."),
        field(shared_page::LDTR, "ldtr", FieldKind::U32, "LDTR."),
        field(shared_page::TR, "tr", FieldKind::U32, "TR."),
        field(shared_page::IOPL, "iopl", FieldKind::U32, "The I/O privilege level, 0 to 3."),
        field(88, "reserved_registers", FieldKind::Reserved(0xc0 - 88), "0."),
        field(
            shared_page::WINDOW_START,
            "window_start_ns",
            FieldKind::U64,
            "When the partition's current or last window began; 0 where a partition always runs.",
        ),
        field(
            shared_page::WINDOW_END,
            "window_end_ns",
            FieldKind::U64,
            "When that window ends; 0 where a partition always runs.",
        ),
        field(shared_page::WINDOW_INDEX, "window_index", FieldKind::U32, "Its place in the plan, from 0."),
        field(shared_page::WINDOW_PLAN, "window_plan", FieldKind::U32, "The schedule plan."),
        field(
            shared_page::RUNNING,
            "running_ns",
            FieldKind::U64,
            "How long the partition ran since the system started. This and the two that follow add up to the instant at which it last \
             began to run: at the start of a window, or after a wait.",
        ),
        field(shared_page::WAITING, "waiting_ns", FieldKind::U64, "How long it waited in its windows."),
        field(shared_page::AWAY, "away_ns", FieldKind::U64, "How long it was away from the processor."),
        field(
            shared_page::TRAP_ENTERED,
            "trap_entered",
            FieldKind::U32,
            "1 when a trap has entered a handler of the trap table: an exception, INT n, trap_raise, or an event that is bound to a \
             vector. The guest may store 0.",
        ),
        field(shared_page::TRAP_VECTOR, "trap_vector", FieldKind::U32, "The vector of the last such trap."),
        field(
            shared_page::TRAP_ERROR_CODE,
            "trap_error_code",
            FieldKind::U32,
            "Its error code; 0 if its frame has none.",
        ),
        field(shared_page::TRAP_EIP, "trap_eip", FieldKind::U32, "EIP in its frame."),
        field(0x100, "reserved_traps", FieldKind::Reserved(0x400 - 0x100), "0."),
        field(
            shared_page::EVENT_PENDING,
            "event_pending",
            FieldKind::Words(32),
            "One bit for each port: raised.",
        ),
        field(shared_page::EVENT_MASK, "event_mask", FieldKind::Words(32), "One bit for each port: masked."),
        field(0x500, "reserved_end", FieldKind::Reserved(0xb00), "0."),
    ],
};

/// Offsets in the page of event counts.
static COUNT_PAGE: StructDescription = StructDescription {
    name: "count_page",
    documentation: "Read-only to the guest: how often each port was raised since the partition started. A count wraps \
                    and never goes down.",
    size_bytes: 4096,
    fields: &[field(0, "count", FieldKind::Words(1024), "One count for each port.")],
};

/// Offsets in an entry of the trap table.
pub mod trap_entry {
    /// The vector.
    pub const VECTOR: u32 = 0;
    /// Its flags.
    pub const FLAGS: u32 = 1;
    /// The code selector of the handler.
    pub const SELECTOR: u32 = 2;
    /// The handler.
    pub const ADDRESS: u32 = 4;
    /// The length of the structure.
    pub const SIZE_BYTES: u32 = 8;
    /// Flag: entering the handler leaves the virtual interrupt flag as it is.
    pub const FLAG_KEEP_MASK: u32 = 1;
    /// Flag: INT n reaches the handler.
    pub const FLAG_USER: u32 = 2;
}

pub(super) static TRAP_ENTRY: StructDescription = StructDescription {
    name: "trap_entry",
    documentation: "The handler of one exception or software interrupt.",
    size_bytes: trap_entry::SIZE_BYTES,
    fields: &[
        field(trap_entry::VECTOR, "vector", FieldKind::U8, "The vector; not that of the gate."),
        field(trap_entry::FLAGS, "flags", FieldKind::U8, "Bits of PV_TRAP_..."),
        field(trap_entry::SELECTOR, "selector", FieldKind::U16, "PV_SELECTOR_CODE."),
        field(
            trap_entry::ADDRESS,
            "address",
            FieldKind::U32,
            "The handler, in memory that may be executed; 0 removes the handler.",
        ),
    ],
};

/// An entry of the trap table whose vector, flags and selector were checked. The address is still a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrapEntry {
    /// The vector.
    pub vector: u8,
    /// Entering the handler leaves the virtual interrupt flag as it is; otherwise it masks.
    pub keep_mask: bool,
    /// INT n reaches the handler.
    pub user: bool,
    /// The handler; none removes it.
    pub address: Option<u32>,
}

impl TrapEntry {
    /// Reads an entry as it stands in guest memory.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for the gate's vector, an unknown flag, or a selector that is not the code selector.
    pub fn from_bytes(bytes: [u8; trap_entry::SIZE_BYTES as usize]) -> Result<Self, CallError> {
        let [vector, flags, selector_low, selector_high, address @ ..] = bytes;
        let selector = u16::from_le_bytes([selector_low, selector_high]);
        let address = u32::from_le_bytes(address);
        let known_flags = trap_entry::FLAG_KEEP_MASK | trap_entry::FLAG_USER;
        if vector == GATE_VECTOR || u32::from(flags) & !known_flags != 0 || selector != SELECTOR_CODE {
            return Err(CallError::InvalidArgument);
        }
        Ok(Self {
            vector,
            keep_mask: u32::from(flags) & trap_entry::FLAG_KEEP_MASK != 0,
            user: u32::from(flags) & trap_entry::FLAG_USER != 0,
            address: (address != 0).then_some(address),
        })
    }
}

/// Offsets in the answer of `event_status`.
pub mod event_status {
    /// What the port is bound to.
    pub const BINDING: u32 = 0;
    /// To which virtual interrupt.
    pub const INTERRUPT: u32 = 4;
    /// Whether it is pending and masked.
    pub const STATE: u32 = 8;
    /// How often it was raised.
    pub const COUNT: u32 = 12;
    /// The length of the structure.
    pub const SIZE_BYTES: u32 = 16;
    /// Binding: none.
    pub const BINDING_NONE: u32 = 0;
    /// Binding: a virtual interrupt.
    pub const BINDING_INTERRUPT: u32 = 1;
    /// Binding: the partition itself.
    pub const BINDING_SELF: u32 = 2;
    /// Binding: an interrupt line.
    pub const BINDING_LINE: u32 = 3;
    /// Binding: the receiving end of an event channel.
    pub const BINDING_CHANNEL: u32 = 4;
    /// Binding: the sending end of an event channel.
    pub const BINDING_CHANNEL_SENDER: u32 = 5;
    /// Binding: a message port.
    pub const BINDING_MESSAGE_PORT: u32 = 6;
    /// Bit of the state: pending.
    pub const STATE_PENDING: u32 = 1;
    /// Bit of the state: masked.
    pub const STATE_MASKED: u32 = 2;
    /// Bit of the state: in service.
    pub const STATE_IN_SERVICE: u32 = 4;
}

/// The answer of `event_status`, with every field as it stands in guest memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventStatus {
    /// One of `event_status::BINDING_...`.
    pub binding: u32,
    /// The number of the virtual interrupt, line or message port; 0 when bound to none.
    pub interrupt: u32,
    /// Bits of `event_status::STATE_...`.
    pub state: u32,
    /// How often the port was raised.
    pub count: u32,
}

impl EventStatus {
    /// The bytes in guest memory.
    #[must_use]
    pub fn to_bytes(self) -> [u8; event_status::SIZE_BYTES as usize] {
        let mut bytes = [0; event_status::SIZE_BYTES as usize];
        for (chunk, word) in
            bytes.chunks_exact_mut(4).zip([self.binding, self.interrupt, self.state, self.count])
        {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

pub(super) static EVENT_STATUS: StructDescription = StructDescription {
    name: "event_status",
    documentation: "The answer of event_status.",
    size_bytes: event_status::SIZE_BYTES,
    fields: &[
        field(event_status::BINDING, "binding", FieldKind::U32, "One of PV_BINDING_..."),
        field(
            event_status::INTERRUPT,
            "interrupt",
            FieldKind::U32,
            "With PV_BINDING_INTERRUPT one of PV_INTERRUPT_..., with PV_BINDING_LINE the line, with PV_BINDING_MESSAGE_PORT the \
             message port, else 0.",
        ),
        field(event_status::STATE, "state", FieldKind::U32, "Bits of PV_EVENT_..."),
        field(event_status::COUNT, "count", FieldKind::U32, "The port's count."),
    ],
};

/// Every structure, in the order of the document.
pub static STRUCTS: &[&StructDescription] = &[
    &START_INFO,
    &MEMORY_MAP_ENTRY,
    &SHARED_PAGE,
    &COUNT_PAGE,
    &TRAP_ENTRY,
    &EVENT_STATUS,
    &POLL_ENTRY,
    &WINDOW_INFO,
    &PARTITION_STATUS,
    &HEALTH_ENTRY,
    &super::memory_layout::MEMORY_PAGE,
    &SAMPLE_INFO,
    &MESSAGE_PORT_STATUS,
];

const _: () = assert!(ABI_VERSION >> 16 != 0, "a version of 0 would pass for an empty note");
