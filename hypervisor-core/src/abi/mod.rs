//! The guest ABI, declared once: calls, errors, structures, constants and the ELF note.
//!
//! The dispatcher, the C and assembler headers, `docs/ABI.md` and the names in a trace all come from these
//! tables; `cargo xtask abi` writes the files. What a call *does* is not here: the machine decides that.
//!
//! To add a call: add its entry to `calls.rs`, run `cargo xtask abi`, and let the compiler name every `match` that has
//! to answer it. Raise [`ABI_MINOR`] once for each release that adds calls.

mod arguments;
mod calls;
mod clauses;
mod constants;
mod description;
mod errors;
mod layout;
mod memory_layout;
mod message_layout;
mod note;
mod sensitive;
mod show;
mod system_layout;
#[cfg(test)]
mod tests;
mod values;

pub use arguments::{
    Argument, BytesFromGuest, BytesToGuest, CodeAddress, ControlAction, EventPort, FakeRegister, Hexadecimal,
    InterruptLevel, Layout, PageAddress, Pages, PartitionMode, PollList, PortDirection, Registers,
    SegmentRegister, TickPolicy, ToGuest, TrapTable, VirtualInterrupt,
};
pub use calls::{CALLS, Call, Request};
pub use clauses::{CLAUSE_FAMILIES, CLAUSES, ClauseDescription, ShownBy};
pub use constants::{
    ABI_MAJOR, ABI_MINOR, ABI_VERSION, CONSTANTS, EVENT_PORTS, GATE_VECTOR, HYPERCALL_PAGE_BYTES,
    HYPERCALL_STUB_BYTES, INTERRUPT_FLAG, MAGIC, PAGE_BYTES, PERIOD_MAXIMUM_NS, PERIOD_MINIMUM_NS,
    PRIORITIES, RAM_BASE, SELECTOR_CODE, SELECTOR_DATA, SELECTOR_FS, SELECTOR_GS, TRAP_ENTRIES_MAXIMUM,
};
pub use description::{
    ArgumentDescription, ArgumentKind, CallDescription, ConstantDescription, EnumerationDescription,
    EnumerationValue, FieldDescription, FieldKind, Group, ResultKind, StructDescription,
};
pub use errors::{CallError, ERRORS, ErrorDescription};
pub use layout::{
    EventStatus, STRUCTS, TrapEntry, event_status, memory_map_entry, shared_page, start_info, trap_entry,
};
pub use memory_layout::{MemoryMapEntry, MemoryPage};
pub use message_layout::{MessagePortStatus, SampleInfo};
pub use note::{AbiNote, NOTE_ABI, NOTE_MEMORY, NOTE_NAME, NoteProblem, own_note};
pub use sensitive::{SENSITIVE, SensitiveInstruction, sensitive};
pub use show::{show_call, show_result};
pub use system_layout::{HEALTH_MESSAGE_BYTES, HealthEntryLayout, PartitionStatus, WindowInfo, poll_entry};
pub use values::ENUMERATIONS;
