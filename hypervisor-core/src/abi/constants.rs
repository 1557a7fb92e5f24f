//! The numbers of the ABI that belong to no call and no structure.

use super::ConstantDescription;

/// The major version: a guest of another one is refused.
pub const ABI_MAJOR: u32 = 1;
/// The minor version: a guest of a later one is refused.
pub const ABI_MINOR: u32 = 2;
/// Both in one word, as start info and the note hold them.
pub const ABI_VERSION: u32 = ABI_MAJOR << 16 | ABI_MINOR;
/// The vector of the hypercall gate.
pub const GATE_VECTOR: u8 = 0x82;
/// In EAX at entry and at the start of start info: the bytes `Pvan`.
pub const MAGIC: u32 = 0x6e61_7650;
/// Flat code.
pub const SELECTOR_CODE: u16 = 0x23;
/// Flat data and stack.
pub const SELECTOR_DATA: u16 = 0x2b;
/// The descriptor of GS; flat until a base is set.
pub const SELECTOR_GS: u16 = 0x33;
/// The descriptor of FS; flat until a base is set.
pub const SELECTOR_FS: u16 = 0x3b;
/// How many event ports a partition has.
pub const EVENT_PORTS: u32 = 1024;
/// How many priorities there are for ports that are bound to vectors: 0, the most urgent, to 15.
pub const PRIORITIES: u32 = 16;
/// Where the partition's RAM begins.
pub const RAM_BASE: u32 = 0x10_0000;
/// The length of a page of memory.
pub const PAGE_BYTES: u32 = 4096;
/// Bit 9 of EFLAGS, and of a level of the virtual interrupt flag: interrupts are enabled.
pub const INTERRUPT_FLAG: u32 = 0x200;
/// The distance of two stubs in the hypercall page.
pub const HYPERCALL_STUB_BYTES: u32 = 32;
/// The length of the hypercall page: a stub for each of 256 call numbers.
pub const HYPERCALL_PAGE_BYTES: u32 = 8192;
/// The most entries that one `trap_set_table` takes.
pub const TRAP_ENTRIES_MAXIMUM: u32 = 256;
/// The shortest period of the timer.
pub const PERIOD_MINIMUM_NS: u64 = 1_000;
/// The longest period of the timer; sums with it cannot overflow.
pub const PERIOD_MAXIMUM_NS: u64 = 1 << 62;

const fn constant(name: &'static str, value: u32, documentation: &'static str) -> ConstantDescription {
    ConstantDescription { name, value, documentation }
}

/// What the headers and the document list.
pub const CONSTANTS: &[ConstantDescription] = &[
    constant("ABI_MAJOR", ABI_MAJOR, "Major version: guests of another one are refused."),
    constant("ABI_MINOR", ABI_MINOR, "Minor version: guests of a later one are refused."),
    constant("ABI_VERSION", ABI_VERSION, "Major version times 65536 plus minor version."),
    constant("GATE", GATE_VECTOR as u32, "Vector of the hypercall gate."),
    constant("MAGIC", MAGIC, "In EAX at entry and first in start info (the bytes `Pvan`)."),
    constant("SELECTOR_CODE", SELECTOR_CODE as u32, "CS: flat code."),
    constant("SELECTOR_DATA", SELECTOR_DATA as u32, "DS, ES, SS: flat data."),
    constant("SELECTOR_GS", SELECTOR_GS as u32, "The descriptor of GS, flat until its base is set."),
    constant("SELECTOR_FS", SELECTOR_FS as u32, "The descriptor of FS, flat until its base is set."),
    constant("EVENT_PORTS", EVENT_PORTS, "Number of event ports; ports are 0 to 1023."),
    constant("RAM_BASE", RAM_BASE, "Where the partition's RAM begins."),
    constant("PAGE_BYTES", PAGE_BYTES, "Length of a page of memory."),
    constant("INTERRUPT_FLAG", INTERRUPT_FLAG, "The bit of a level, as of EFLAGS, that means enabled."),
    constant("HYPERCALL_STUB_BYTES", HYPERCALL_STUB_BYTES, "Distance of two stubs in the hypercall page."),
    constant("HYPERCALL_PAGE_BYTES", HYPERCALL_PAGE_BYTES, "Length of the hypercall page."),
    constant(
        "PRIORITIES",
        PRIORITIES,
        "Priorities of ports that are bound to vectors: 0, the most urgent, to 15.",
    ),
    constant("TRAP_ENTRIES_MAXIMUM", TRAP_ENTRIES_MAXIMUM, "Most entries of one trap_set_table."),
    constant("PERIOD_MINIMUM_NS", PERIOD_MINIMUM_NS as u32, "Shortest period of the timer, in ns."),
    constant("NOTE_ABI", super::NOTE_ABI, "ELF note: version and table of calls."),
    constant("NOTE_MEMORY", super::NOTE_MEMORY, "ELF note: stack and work area that the guest needs."),
];
