//! What enumerations and sets of bits can hold: arguments of calls and fields of structures.

use super::{
    EnumerationDescription, EnumerationValue, MessagePortStatus, PartitionStatus, event_status,
    memory_map_entry, start_info, trap_entry,
};

const fn value(name: &'static str, value: u32, documentation: &'static str) -> EnumerationValue {
    EnumerationValue { name, value, documentation }
}

pub(super) static VIRTUAL_INTERRUPT: EnumerationDescription = EnumerationDescription {
    name: "interrupt",
    documentation: "What a port can be bound to with event_bind_interrupt.",
    values: &[
        value("timer", 0, "The timer's deadline has passed."),
        value("console_input", 1, "Console input has arrived."),
        value("console_end", 2, "No more console input will come."),
        value("window_start", 3, "A time window of the partition has begun."),
        value("shutdown_request", 4, "Another partition, or the host, asks this one to shut down."),
        value(
            "health",
            5,
            "The health monitor tells the partition of its own event: health_read says which.",
        ),
    ],
};

pub(super) static TICK_POLICY: EnumerationDescription = EnumerationDescription {
    name: "tick",
    documentation: "What becomes of periods that the partition cannot be told of one by one. Several pass at once only \
                    while the partition is away from the processor.",
    values: &[
        value("one", 0, "One event for all that passed at once; the port's count grows by their number."),
        value(
            "burst",
            1,
            "An event of its own for each: the next one is raised when the last one has been taken, and those that wait \
             are kept.",
        ),
        value(
            "spread",
            2,
            "Up to 64 missed ones are made up for, one in the middle of each period to come; more are dropped.",
        ),
        value("lose", 3, "Of those that passed at once one counts; the others are dropped."),
    ],
};

pub(super) static SEGMENT_REGISTER: EnumerationDescription = EnumerationDescription {
    name: "segment",
    documentation: "The segment registers whose base can be set.",
    values: &[value("fs", 0, "FS."), value("gs", 1, "GS.")],
};

pub(super) static FAKE_REGISTER: EnumerationDescription = EnumerationDescription {
    name: "register",
    documentation: "The registers of the system that the core keeps for the guest.",
    values: &[
        value(
            "cr0",
            0,
            "CR0. MP, EM, TS, NE, WP and AM can be set and cleared, and CD and NW, which mean nothing; NW without CD is \
             refused. PE, ET and PG are 1, the others 0.",
        ),
        value("cr2", 1, "CR2: the address of the last page fault."),
        value("cr3", 2, "CR3; means nothing to the core."),
        value(
            "cr4",
            3,
            "CR4. TSD can be set and cleared, and with SSE also OSFXSR and OSXMMEXCPT; UMIP is as configured, the \
             others are 0.",
        ),
        value("dr0", 4, "DR0: a breakpoint's linear address."),
        value("dr1", 5, "DR1: the same."),
        value("dr2", 6, "DR2: the same."),
        value("dr3", 7, "DR3: the same."),
        value("dr6", 8, "DR6; reserved bits keep their values."),
        value("dr7", 9, "DR7; reserved bits keep their values."),
        value("gdtr_base", 10, "Base of GDTR; means nothing to the core."),
        value("gdtr_limit", 11, "Limit of GDTR, below 10000h; means nothing to the core."),
        value("idtr_base", 12, "Base of IDTR; means nothing to the core."),
        value("idtr_limit", 13, "Limit of IDTR, below 10000h; means nothing to the core."),
        value("ldtr", 14, "LDTR, a selector below 10000h; means nothing to the core."),
        value("tr", 15, "TR, a selector below 10000h; means nothing to the core."),
        value("iopl", 16, "The I/O privilege level, 0 to 3; kept, and never honoured."),
    ],
};

pub(super) static CONTROL_ACTION: EnumerationDescription = EnumerationDescription {
    name: "control",
    documentation: "What partition_control does.",
    values: &[
        value("suspend", 0, "Its windows stay idle until it is resumed; its events stay pending."),
        value("resume", 1, "It goes on where it was suspended."),
        value("cold_restart", 2, "It starts again with everything zeroed, also if it has ended."),
        value("warm_restart", 3, "It starts again and keeps its memory outside the image."),
        value("halt", 4, "It stops."),
        value("request_shutdown", 5, "Its virtual interrupt shutdown_request is raised."),
    ],
};

pub(super) static PORT_DIRECTION: EnumerationDescription = EnumerationDescription {
    name: "direction",
    documentation: "The ends of a message channel.",
    values: &[
        value("source", 0, "The partition writes or sends."),
        value("destination", 1, "The partition reads or receives."),
    ],
};

static MESSAGE_KIND: EnumerationDescription = EnumerationDescription {
    name: "message",
    documentation: "Kinds of message channels.",
    values: &[
        value("sampling", MessagePortStatus::KIND_SAMPLING, "The last message counts."),
        value("queuing", MessagePortStatus::KIND_QUEUING, "Each message is received once."),
    ],
};

pub(super) static MODE: EnumerationDescription = EnumerationDescription {
    name: "mode",
    documentation: "Operating modes of a partition.",
    values: &[
        value("idle", 0, "It has stopped. Setting it halts the partition."),
        value("cold_start", 1, "It starts. Setting it restarts the partition with everything zeroed."),
        value("warm_start", 2, "It starts and has its memory outside the image. Setting it restarts it so."),
        value("normal", 3, "It has started."),
    ],
};

static PARTITION_STATE: EnumerationDescription = EnumerationDescription {
    name: "partition",
    documentation: "States in pv_partition_status.",
    values: &[
        value("ready", PartitionStatus::STATE_READY, "It can run."),
        value("waiting", PartitionStatus::STATE_WAITING, "It waits."),
        value("suspended", PartitionStatus::STATE_SUSPENDED, "Another partition suspended it."),
        value("ended", PartitionStatus::STATE_ENDED, "It ended itself with shutdown."),
        value("halted", PartitionStatus::STATE_HALTED, "An error, another partition, or halt stopped it."),
    ],
};

static MAY: EnumerationDescription = EnumerationDescription {
    name: "may",
    documentation: "Bits of the rights in pv_partition_status.",
    values: &[
        value("status", PartitionStatus::MAY_STATUS, "Read the status of other partitions."),
        value("control", PartitionStatus::MAY_CONTROL, "Suspend, resume, restart and halt other partitions."),
        value("plans", PartitionStatus::MAY_PLANS, "Switch the schedule plan."),
        value("health_log", PartitionStatus::MAY_HEALTH_LOG, "Read what the health log says of others."),
    ],
};

static HEALTH: EnumerationDescription = EnumerationDescription {
    name: "health",
    documentation: "Events of the health log.",
    values: &[
        value("exception", 0, "An exception without a handler of the guest; the detail is its vector."),
        value("memory_violation", 1, "A page fault without a handler of the guest."),
        value("frame_fault", 2, "A frame could not be pushed on the guest's stack."),
        value("illegal_calls", 3, "Too many calls failed in too short a time."),
        value("watchdog", 4, "The watchdog was not set again in time."),
        value("deadlock", 5, "The guest waits for what can never come."),
        value("application_error", 6, "The guest called health_raise."),
        value("configuration", 7, "The partition cannot be started as it is configured."),
        value("incompatible_abi", 8, "The image was built for another ABI."),
    ],
};

static ACTION: EnumerationDescription = EnumerationDescription {
    name: "action",
    documentation: "Actions of the health log.",
    values: &[
        value("ignore", 0, "Nothing."),
        value("log", 1, "The entry in the log, nothing else."),
        value("propagate", 2, "The virtual interrupt health was raised."),
        value("cold_restart", 3, "The partition was started again with everything zeroed."),
        value("warm_restart", 4, "The partition was started again and kept its memory outside the image."),
        value("halt_partition", 5, "The partition was stopped."),
        value("switch_plan", 6, "Another schedule plan was asked for."),
        value("restart_system", 7, "All partitions were started again."),
        value("halt_system", 8, "The system was stopped."),
    ],
};

static BINDING: EnumerationDescription = EnumerationDescription {
    name: "binding",
    documentation: "What a port is bound to.",
    values: &[
        value("none", event_status::BINDING_NONE, "Nothing."),
        value("interrupt", event_status::BINDING_INTERRUPT, "A virtual interrupt."),
        value("self", event_status::BINDING_SELF, "The partition itself: event_send raises it."),
        value("line", event_status::BINDING_LINE, "An interrupt line of the board."),
        value("channel", event_status::BINDING_CHANNEL, "The receiving end of an event channel."),
        value(
            "channel_sender",
            event_status::BINDING_CHANNEL_SENDER,
            "The sending end of an event channel: event_send raises the other end.",
        ),
        value("message_port", event_status::BINDING_MESSAGE_PORT, "A message port."),
    ],
};

static EVENT_STATE: EnumerationDescription = EnumerationDescription {
    name: "event",
    documentation: "Bits of the state in pv_event_status.",
    values: &[
        value("pending", event_status::STATE_PENDING, "Raised and not yet taken."),
        value("masked", event_status::STATE_MASKED, "Masked."),
        value(
            "in_service",
            event_status::STATE_IN_SERVICE,
            "Its event entered by a vector and was not acknowledged yet.",
        ),
    ],
};

static TRAP_FLAGS: EnumerationDescription = EnumerationDescription {
    name: "trap",
    documentation: "Bits of the flags in pv_trap_entry.",
    values: &[
        value("keep_mask", trap_entry::FLAG_KEEP_MASK, "Entering the handler does not mask upcalls."),
        value("user", trap_entry::FLAG_USER, "The instruction INT n reaches the handler."),
    ],
};

static MEMORY_KIND: EnumerationDescription = EnumerationDescription {
    name: "memory",
    documentation: "Kinds of memory in the memory map.",
    values: &[
        value("ram", memory_map_entry::KIND_RAM, "The partition's RAM, the image in it."),
        value("start_info", memory_map_entry::KIND_START_INFO, "Start info and what it points to."),
        value("shared_page", memory_map_entry::KIND_SHARED_PAGE, "The shared page."),
        value("count_page", memory_map_entry::KIND_COUNT_PAGE, "The page of event counts."),
        value("hypercall_page", memory_map_entry::KIND_HYPERCALL_PAGE, "The hypercall page."),
        value("boot_stack", memory_map_entry::KIND_BOOT_STACK, "The stack that ESP points to at entry."),
        value(
            "shared_area",
            memory_map_entry::KIND_SHARED_AREA,
            "Memory that other partitions see, too; never executable. shared_area_find tells it by its name.",
        ),
        value("boot_module", memory_map_entry::KIND_BOOT_MODULE, "The boot module."),
    ],
};

static MEMORY_RIGHTS: EnumerationDescription = EnumerationDescription {
    name: "right",
    documentation: "Bits of the rights in the memory map.",
    values: &[
        value("read", memory_map_entry::RIGHT_READ, "May be read."),
        value("write", memory_map_entry::RIGHT_WRITE, "May be written."),
        value("execute", memory_map_entry::RIGHT_EXECUTE, "May be executed."),
    ],
};

static CONSOLE_BITS: EnumerationDescription = EnumerationDescription {
    name: "console",
    documentation: "Bits of the console word in start info.",
    values: &[
        value("output", start_info::CONSOLE_OUTPUT, "The console takes output."),
        value("input", start_info::CONSOLE_INPUT, "The console may give input."),
    ],
};

static START_CONDITION: EnumerationDescription = EnumerationDescription {
    name: "start",
    documentation: "Why the partition was started.",
    values: &[
        value(
            "cold",
            start_info::START_COLD,
            "A cold start: memory is as the image says, and zero elsewhere.",
        ),
        value("warm", start_info::START_WARM, "A warm start: memory outside the image is as it was."),
        value(
            "cold_after_health",
            start_info::START_COLD_AFTER_HEALTH,
            "A cold start by the health monitor.",
        ),
        value(
            "warm_after_health",
            start_info::START_WARM_AFTER_HEALTH,
            "A warm start by the health monitor.",
        ),
    ],
};

/// Every enumeration and set of bits, in the order of the document.
pub static ENUMERATIONS: &[&EnumerationDescription] = &[
    &VIRTUAL_INTERRUPT,
    &TICK_POLICY,
    &SEGMENT_REGISTER,
    &FAKE_REGISTER,
    &CONTROL_ACTION,
    &MODE,
    &PORT_DIRECTION,
    &MESSAGE_KIND,
    &PARTITION_STATE,
    &MAY,
    &HEALTH,
    &ACTION,
    &BINDING,
    &EVENT_STATE,
    &TRAP_FLAGS,
    &MEMORY_KIND,
    &MEMORY_RIGHTS,
    &CONSOLE_BITS,
    &START_CONDITION,
];
