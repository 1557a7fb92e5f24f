//! What enumerations and sets of bits can hold: arguments of calls and fields of structures.

use super::{
    EnumerationDescription, EnumerationValue, event_status, memory_map_entry, start_info, trap_entry,
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
    ],
};

pub(super) static TICK_POLICY: EnumerationDescription = EnumerationDescription {
    name: "tick",
    documentation: "What becomes of periods that the partition cannot be told of one by one. Several pass at once only \
                    while the partition is away from the processor, which does not happen in this version.",
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

static BINDING: EnumerationDescription = EnumerationDescription {
    name: "binding",
    documentation: "What a port is bound to.",
    values: &[
        value("none", event_status::BINDING_NONE, "Nothing."),
        value("interrupt", event_status::BINDING_INTERRUPT, "A virtual interrupt."),
        value("self", event_status::BINDING_SELF, "The partition itself: event_send raises it."),
    ],
};

static EVENT_STATE: EnumerationDescription = EnumerationDescription {
    name: "event",
    documentation: "Bits of the state in pv_event_status.",
    values: &[
        value("pending", event_status::STATE_PENDING, "Raised and not yet taken."),
        value("masked", event_status::STATE_MASKED, "Masked."),
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
    values: &[value("cold", start_info::START_COLD, "The first start: memory is as the image says.")],
};

/// Every enumeration and set of bits, in the order of the document.
pub static ENUMERATIONS: &[&EnumerationDescription] = &[
    &VIRTUAL_INTERRUPT,
    &TICK_POLICY,
    &SEGMENT_REGISTER,
    &BINDING,
    &EVENT_STATE,
    &TRAP_FLAGS,
    &MEMORY_KIND,
    &MEMORY_RIGHTS,
    &CONSOLE_BITS,
    &START_CONDITION,
];
