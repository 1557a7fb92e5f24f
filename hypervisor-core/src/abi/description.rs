//! The types of the tables that describe the ABI. Data only: no call, structure or number is named here.

use super::{Call, CallError};

/// A family of calls. Each owns a range of call numbers, so that later calls of a family stay together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Event ports and upcalls.
    Events,
    /// The virtual interrupt flag and the return from an upcall or trap.
    Interrupts,
    /// The guest's trap table.
    Traps,
    /// Segment bases and the registers that the core keeps for the guest.
    FakeRegisters,
    /// The clock and the timer.
    Time,
    /// Giving up the processor, windows and plans.
    Schedule,
    /// Message ports.
    MessagePorts,
    /// The health monitor.
    Health,
    /// Partitions: their status and mode.
    Partitions,
    /// I/O ports.
    Ports,
    /// The partition's own memory.
    Memory,
    /// The partition's console.
    Console,
    /// Marks in the trace.
    Trace,
}

impl Group {
    /// Every group, in the order of its numbers.
    pub const ALL: [Self; 13] = [
        Self::Events,
        Self::Interrupts,
        Self::Traps,
        Self::FakeRegisters,
        Self::Time,
        Self::Schedule,
        Self::MessagePorts,
        Self::Health,
        Self::Partitions,
        Self::Ports,
        Self::Memory,
        Self::Console,
        Self::Trace,
    ];

    /// The call numbers of the group, first and last. The numbers between are left for later groups.
    #[must_use]
    pub const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Events => (0x00, 0x0f),
            Self::Interrupts => (0x10, 0x1f),
            Self::Traps => (0x20, 0x2f),
            Self::FakeRegisters => (0x30, 0x4f),
            Self::Time => (0x50, 0x5f),
            Self::Schedule => (0x60, 0x6f),
            Self::MessagePorts => (0x70, 0x7f),
            Self::Health => (0x80, 0x87),
            Self::Partitions => (0x88, 0x8f),
            Self::Ports => (0x90, 0x9f),
            Self::Memory => (0xa0, 0xaf),
            Self::Console => (0xd0, 0xdf),
            Self::Trace => (0xe0, 0xef),
        }
    }

    /// The heading of the group in the document.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Events => "Events",
            Self::Interrupts => "Interrupts",
            Self::Traps => "Traps",
            Self::FakeRegisters => "Fake registers",
            Self::Time => "Time",
            Self::Schedule => "Schedule",
            Self::MessagePorts => "Message ports",
            Self::Health => "Health",
            Self::Partitions => "Partitions",
            Self::Ports => "I/O ports",
            Self::Memory => "Memory",
            Self::Console => "Console",
            Self::Trace => "Trace",
        }
    }
}

/// Everything that is known of a call.
#[derive(Debug, Clone, Copy)]
pub struct CallDescription {
    /// The call.
    pub call: Call,
    /// The number in EAX.
    pub number: u32,
    /// The group whose range holds the number.
    pub group: Group,
    /// The name in the headers, the document and the trace, in lower case.
    pub name: &'static str,
    /// What the call does, line by line, as written in the source.
    pub documentation: &'static [&'static str],
    /// The arguments in the order of the registers.
    pub arguments: &'static [ArgumentDescription],
    /// What EAX holds when the call succeeds.
    pub result: ResultKind,
    /// Every error that the call can return.
    pub errors: &'static [CallError],
}

/// One argument of a call.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentDescription {
    /// The name in the headers, the document and the trace.
    pub name: &'static str,
    /// What it means.
    pub documentation: &'static str,
    /// Its type.
    pub kind: ArgumentKind,
}

/// The type of an argument: how many registers it takes, how it is checked and how it is printed.
#[derive(Debug, Clone, Copy)]
pub enum ArgumentKind {
    /// A number, printed in decimal.
    Integer,
    /// A 64-bit number in two registers, low half first.
    Integer64,
    /// A number that is printed in hexadecimal.
    Hexadecimal,
    /// One of a list of values.
    Enumeration(&'static EnumerationDescription),
    /// An event port.
    Port,
    /// A level of the virtual interrupt flag: only bit 200h counts.
    Level,
    /// The address of code, 0 for none.
    Code,
    /// The first address of a page.
    PageAddress,
    /// Whole pages: address and length in bytes, two registers.
    Pages,
    /// Bytes that the call reads: address and length, two registers.
    BytesFromGuest,
    /// Bytes that the call writes: address and length, two registers.
    BytesToGuest,
    /// Structures that the call reads: address and number of elements, two registers.
    ArrayFromGuest(&'static StructDescription),
    /// The address of a structure that the call writes.
    StructToGuest(&'static StructDescription),
    /// The address of an integer of so many bytes that the call writes.
    IntegerToGuest(u32),
}

impl ArgumentKind {
    /// How many registers the argument takes.
    #[must_use]
    pub const fn registers(self) -> usize {
        match self {
            Self::Integer64
            | Self::Pages
            | Self::BytesFromGuest
            | Self::BytesToGuest
            | Self::ArrayFromGuest(_) => 2,
            Self::Integer
            | Self::Hexadecimal
            | Self::Enumeration(_)
            | Self::Port
            | Self::Level
            | Self::Code
            | Self::PageAddress
            | Self::StructToGuest(_)
            | Self::IntegerToGuest(_) => 1,
        }
    }
}

/// What EAX holds after a call that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// 0.
    Zero,
    /// A number of bytes.
    Bytes,
    /// A level of the virtual interrupt flag: 200h or 0.
    Level,
    /// A segment selector.
    Selector,
    /// A number, 0 or more.
    Number,
    /// Nothing: the call does not return to its caller.
    Never,
}

/// The values that an argument or a field can take.
#[derive(Debug)]
pub struct EnumerationDescription {
    /// The prefix of the names in the headers.
    pub name: &'static str,
    /// What is being told apart.
    pub documentation: &'static str,
    /// The values.
    pub values: &'static [EnumerationValue],
}

/// One value of an enumeration.
#[derive(Debug)]
pub struct EnumerationValue {
    /// The name in lower case.
    pub name: &'static str,
    /// The number.
    pub value: u32,
    /// What it means.
    pub documentation: &'static str,
}

/// The layout of a structure in guest memory. Fields cover it without a gap.
#[derive(Debug)]
pub struct StructDescription {
    /// The name in the headers, without its prefix.
    pub name: &'static str,
    /// What it is.
    pub documentation: &'static str,
    /// Its length.
    pub size_bytes: u32,
    /// Its fields, by offset.
    pub fields: &'static [FieldDescription],
}

/// One field of a structure.
#[derive(Debug)]
pub struct FieldDescription {
    /// The distance from the start of the structure, in bytes.
    pub offset: u32,
    /// The name in the headers.
    pub name: &'static str,
    /// The type.
    pub kind: FieldKind,
    /// What it holds.
    pub documentation: &'static str,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// An unsigned byte.
    U8,
    /// An unsigned 16-bit number.
    U16,
    /// An unsigned 32-bit number.
    U32,
    /// An unsigned 64-bit number, aligned to 4 bytes.
    U64,
    /// So many bytes of text, ended by a zero byte.
    Text(u32),
    /// So many 32-bit words.
    Words(u32),
    /// So many bytes that are 0 and mean nothing yet.
    Reserved(u32),
}

impl FieldKind {
    /// The length of the field.
    #[must_use]
    pub const fn size_bytes(self) -> u32 {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
            Self::Text(bytes) | Self::Reserved(bytes) => bytes,
            Self::Words(words) => words * 4,
        }
    }
}

/// A number that guests need and that belongs to no structure.
#[derive(Debug)]
pub struct ConstantDescription {
    /// The name in the headers, in upper case and without its prefix.
    pub name: &'static str,
    /// The number.
    pub value: u32,
    /// What it means.
    pub documentation: &'static str,
}
