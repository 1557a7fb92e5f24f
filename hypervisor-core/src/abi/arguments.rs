//! The types of call arguments and the checks that need no memory map.
//!
//! What comes out of [`Argument::take`] is in range, aligned and does not wrap. Whether an address is the
//! partition's, with the right rights, only the machine knows.

use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

use super::layout::{EVENT_STATUS, MEMORY_MAP_ENTRY, TRAP_ENTRY};
use super::memory_layout::{MEMORY_PAGE, MemoryMapEntry, MemoryPage};
use super::message_layout::{MESSAGE_PORT_STATUS, MessagePortStatus, SAMPLE_INFO, SampleInfo};
use super::system_layout::{
    HEALTH_ENTRY, HealthEntryLayout, PARTITION_STATUS, POLL_ENTRY, PartitionStatus, WINDOW_INFO, WindowInfo,
    poll_entry,
};
use super::values::{
    CONTROL_ACTION, FAKE_REGISTER, MODE, PORT_DIRECTION, SEGMENT_REGISTER, TICK_POLICY, VIRTUAL_INTERRUPT,
};
use super::{
    ArgumentKind, CallError, EVENT_PORTS, INTERRUPT_FLAG, PAGE_BYTES, TRAP_ENTRIES_MAXIMUM, trap_entry,
};

/// The argument registers of a call, taken from the left: EBX, ECX, EDX, ESI, EDI.
#[derive(Debug)]
pub struct Registers {
    values: [u32; 5],
    taken: usize,
}

impl Registers {
    /// Starts at EBX.
    #[must_use]
    pub const fn new(values: [u32; 5]) -> Self {
        Self { values, taken: 0 }
    }

    /// The next register.
    ///
    /// # Panics
    ///
    /// After the fifth. No call of the table has more; a test holds that.
    pub const fn next_value(&mut self) -> u32 {
        let value = self.values[self.taken];
        self.taken += 1;
        value
    }
}

/// A type that an argument of a call can have.
pub trait Argument: Sized {
    /// How the tables describe it.
    const KIND: ArgumentKind;

    /// Takes the argument from its registers.
    ///
    /// # Errors
    ///
    /// The error with which the call is refused.
    fn take(registers: &mut Registers) -> Result<Self, CallError>;
}

impl Argument for u32 {
    const KIND: ArgumentKind = ArgumentKind::Integer;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        Ok(registers.next_value())
    }
}

impl Argument for u64 {
    const KIND: ArgumentKind = ArgumentKind::Integer64;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let low = Self::from(registers.next_value());
        let high = Self::from(registers.next_value());
        Ok(high << 32 | low)
    }
}

/// A number that a person reads in hexadecimal: an address of no meaning to the core, a mask, a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hexadecimal(pub u32);

impl Argument for Hexadecimal {
    const KIND: ArgumentKind = ArgumentKind::Hexadecimal;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        Ok(Self(registers.next_value()))
    }
}

/// A bit in the event bitmaps, below [`EVENT_PORTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct EventPort(u16);

impl From<EventPort> for u32 {
    fn from(port: EventPort) -> Self {
        port.0.into()
    }
}

impl TryFrom<u32> for EventPort {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("there is no event port of this number")
    }
}

impl EventPort {
    /// The port of this number, if there is one.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        u16::try_from(number).ok().filter(|_| number < EVENT_PORTS).map(Self)
    }

    /// The number, below [`EVENT_PORTS`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Argument for EventPort {
    const KIND: ArgumentKind = ArgumentKind::Port;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        Self::new(registers.next_value()).ok_or(CallError::NoSuchPort)
    }
}

/// A level of the virtual interrupt flag. Of the word that a guest passes only bit 200h counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptLevel {
    /// Upcalls wait.
    Disabled,
    /// Upcalls are delivered.
    Enabled,
}

impl InterruptLevel {
    /// The word that a guest sees: 200h or 0.
    #[must_use]
    pub const fn word(self) -> u32 {
        match self {
            Self::Disabled => 0,
            Self::Enabled => INTERRUPT_FLAG,
        }
    }
}

impl Argument for InterruptLevel {
    const KIND: ArgumentKind = ArgumentKind::Level;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let enabled = registers.next_value() & INTERRUPT_FLAG != 0;
        Ok(if enabled { Self::Enabled } else { Self::Disabled })
    }
}

/// The address of code in the guest, or none. That the page may be executed is for the machine to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeAddress(pub Option<u32>);

impl Argument for CodeAddress {
    const KIND: ArgumentKind = ArgumentKind::Code;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let address = registers.next_value();
        Ok(Self((address != 0).then_some(address)))
    }
}

/// What interrupts a partition without a line of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VirtualInterrupt {
    /// The timer's deadline has passed.
    Timer,
    /// Console input has arrived.
    ConsoleInput,
    /// No more console input will come.
    ConsoleEnd,
    /// A time window of the partition has begun.
    WindowStart,
    /// Another partition asks this one to shut down.
    ShutdownRequest,
    /// The health monitor tells of an event of this partition.
    Health,
}

impl VirtualInterrupt {
    /// Every virtual interrupt, by number.
    pub const ALL: [Self; 6] = [
        Self::Timer,
        Self::ConsoleInput,
        Self::ConsoleEnd,
        Self::WindowStart,
        Self::ShutdownRequest,
        Self::Health,
    ];

    /// The name in the ABI document, traces and statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        VIRTUAL_INTERRUPT.values[self as usize].name
    }

    /// The number in the call.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

impl Argument for VirtualInterrupt {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&VIRTUAL_INTERRUPT);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// What happens to the periods that pass while a partition is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TickPolicy {
    /// One event; its count grows by the number of periods.
    One,
    /// One event for each period, with at least one instruction between them.
    Burst,
    /// The missed events come early, between the regular ones, until they are caught up.
    Spread,
    /// Missed periods are dropped.
    Lose,
}

impl TickPolicy {
    /// Every policy, by number.
    pub const ALL: [Self; 4] = [Self::One, Self::Burst, Self::Spread, Self::Lose];
}

impl Argument for TickPolicy {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&TICK_POLICY);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// A segment register whose base a guest can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentRegister {
    /// FS, by selector 3Bh.
    Fs,
    /// GS, by selector 33h.
    Gs,
}

impl SegmentRegister {
    /// Every register, by number.
    pub const ALL: [Self; 2] = [Self::Fs, Self::Gs];
}

impl Argument for SegmentRegister {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&SEGMENT_REGISTER);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// A register of the system that the core keeps for the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FakeRegister {
    /// CR0
    Cr0,
    /// CR2
    Cr2,
    /// CR3
    Cr3,
    /// CR4
    Cr4,
    /// DR0
    Dr0,
    /// DR1
    Dr1,
    /// DR2
    Dr2,
    /// DR3
    Dr3,
    /// DR6
    Dr6,
    /// DR7
    Dr7,
    /// The base of GDTR
    GdtrBase,
    /// The limit of GDTR
    GdtrLimit,
    /// The base of IDTR
    IdtrBase,
    /// The limit of IDTR
    IdtrLimit,
    /// LDTR
    Ldtr,
    /// TR
    Tr,
    /// The I/O privilege level
    Iopl,
}

impl FakeRegister {
    /// Every register, by number.
    pub const ALL: [Self; 17] = [
        Self::Cr0,
        Self::Cr2,
        Self::Cr3,
        Self::Cr4,
        Self::Dr0,
        Self::Dr1,
        Self::Dr2,
        Self::Dr3,
        Self::Dr6,
        Self::Dr7,
        Self::GdtrBase,
        Self::GdtrLimit,
        Self::IdtrBase,
        Self::IdtrLimit,
        Self::Ldtr,
        Self::Tr,
        Self::Iopl,
    ];
}

impl Argument for FakeRegister {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&FAKE_REGISTER);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// What one partition can do to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlAction {
    /// Its windows stay idle until it is resumed.
    Suspend,
    /// It goes on.
    Resume,
    /// It starts again with everything zeroed.
    ColdRestart,
    /// It starts again and keeps its memory outside the image.
    WarmRestart,
    /// It stops.
    Halt,
    /// Its virtual interrupt `shutdown_request` is raised.
    RequestShutdown,
}

impl ControlAction {
    /// Every action, by number.
    pub const ALL: [Self; 6] = [
        Self::Suspend,
        Self::Resume,
        Self::ColdRestart,
        Self::WarmRestart,
        Self::Halt,
        Self::RequestShutdown,
    ];

    /// The name in the ABI document and traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        CONTROL_ACTION.values[self as usize].name
    }
}

impl Argument for ControlAction {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&CONTROL_ACTION);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// The operating mode of a partition (ARINC 653 Part 1, 2.3.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PartitionMode {
    /// It has stopped.
    Idle,
    /// It starts from its image.
    #[default]
    ColdStart,
    /// It starts from its image and keeps its memory outside.
    WarmStart,
    /// It has started.
    Normal,
}

impl PartitionMode {
    /// Every mode, by number.
    pub const ALL: [Self; 4] = [Self::Idle, Self::ColdStart, Self::WarmStart, Self::Normal];
}

impl Argument for PartitionMode {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&MODE);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// An end of a message channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortDirection {
    /// The partition writes or sends.
    Source,
    /// The partition reads or receives.
    Destination,
}

impl PortDirection {
    /// Every end, by number.
    pub const ALL: [Self; 2] = [Self::Source, Self::Destination];
}

impl Argument for PortDirection {
    const KIND: ArgumentKind = ArgumentKind::Enumeration(&PORT_DIRECTION);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        one_of(&Self::ALL, registers)
    }
}

/// A list of event ports; aligned, at most [`poll_entry::MOST`], not wrapping. The ports are still claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollList {
    /// The first entry.
    pub address: u32,
    /// How many entries.
    pub count: u32,
}

impl Argument for PollList {
    const KIND: ArgumentKind = ArgumentKind::ArrayFromGuest(&POLL_ENTRY);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let address = registers.next_value();
        let count = registers.next_value();
        if count > poll_entry::MOST {
            return Err(CallError::InvalidArgument);
        }
        aligned_range(address, count * poll_entry::SIZE_BYTES)?;
        Ok(Self { address, count })
    }
}

fn one_of<T: Copy>(all: &[T], registers: &mut Registers) -> Result<T, CallError> {
    all.get(registers.next_value() as usize).copied().ok_or(CallError::InvalidArgument)
}

/// Whole pages; the range does not wrap and is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// The first address, a multiple of [`PAGE_BYTES`].
    pub address: u32,
    /// How many pages.
    pub count: u32,
}

impl Argument for Pages {
    const KIND: ArgumentKind = ArgumentKind::Pages;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let PageAddress(address) = PageAddress::take(registers)?;
        let length_bytes = registers.next_value();
        if length_bytes == 0 || !length_bytes.is_multiple_of(PAGE_BYTES) {
            return Err(CallError::InvalidArgument);
        }
        address.checked_add(length_bytes - 1).ok_or(CallError::BadAddress)?;
        Ok(Self { address, count: length_bytes / PAGE_BYTES })
    }
}

/// The first address of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageAddress(pub u32);

impl Argument for PageAddress {
    const KIND: ArgumentKind = ArgumentKind::PageAddress;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let address = registers.next_value();
        if address.is_multiple_of(PAGE_BYTES) { Ok(Self(address)) } else { Err(CallError::Misaligned) }
    }
}

/// Bytes that the core is asked to read; the range does not wrap. An empty one may have any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesFromGuest {
    /// The first byte.
    pub address: u32,
    /// How many.
    pub length_bytes: u32,
}

impl Argument for BytesFromGuest {
    const KIND: ArgumentKind = ArgumentKind::BytesFromGuest;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let (address, length_bytes) = range(registers)?;
        Ok(Self { address, length_bytes })
    }
}

/// Bytes that the core is asked to write; the range does not wrap. An empty one may have any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesToGuest {
    /// The first byte.
    pub address: u32,
    /// How many.
    pub length_bytes: u32,
}

impl Argument for BytesToGuest {
    const KIND: ArgumentKind = ArgumentKind::BytesToGuest;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let (address, length_bytes) = range(registers)?;
        Ok(Self { address, length_bytes })
    }
}

fn range(registers: &mut Registers) -> Result<(u32, u32), CallError> {
    let address = registers.next_value();
    let length_bytes = registers.next_value();
    // A longer transfer could not be told from an error in EAX.
    if length_bytes > i32::MAX.cast_unsigned() {
        return Err(CallError::InvalidArgument);
    }
    if length_bytes != 0 && address.checked_add(length_bytes - 1).is_none() {
        return Err(CallError::BadAddress);
    }
    Ok((address, length_bytes))
}

/// Entries for the trap table; aligned, at most [`TRAP_ENTRIES_MAXIMUM`], not wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrapTable {
    /// The first entry.
    pub address: u32,
    /// How many entries.
    pub count: u32,
}

impl TrapTable {
    /// The length of the whole array.
    #[must_use]
    pub const fn length_bytes(self) -> u32 {
        self.count * trap_entry::SIZE_BYTES
    }
}

impl Argument for TrapTable {
    const KIND: ArgumentKind = ArgumentKind::ArrayFromGuest(&TRAP_ENTRY);

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let address = registers.next_value();
        let count = registers.next_value();
        if count > TRAP_ENTRIES_MAXIMUM {
            return Err(CallError::InvalidArgument);
        }
        aligned_range(address, count * trap_entry::SIZE_BYTES)?;
        Ok(Self { address, count })
    }
}

/// The address of a `T` that the core is asked to write; aligned, not wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToGuest<T> {
    /// Where it goes.
    pub address: u32,
    what: PhantomData<T>,
}

/// What can stand behind a [`ToGuest`].
pub trait Layout {
    /// How the tables describe the argument.
    const KIND: ArgumentKind;
    /// Its length in guest memory.
    const SIZE_BYTES: u32;
}

impl Layout for u32 {
    const KIND: ArgumentKind = ArgumentKind::IntegerToGuest(4);
    const SIZE_BYTES: Self = 4;
}

impl Layout for u64 {
    const KIND: ArgumentKind = ArgumentKind::IntegerToGuest(8);
    const SIZE_BYTES: u32 = 8;
}

impl Layout for super::layout::EventStatus {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&EVENT_STATUS);
    const SIZE_BYTES: u32 = super::event_status::SIZE_BYTES;
}

impl Layout for WindowInfo {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&WINDOW_INFO);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl Layout for PartitionStatus {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&PARTITION_STATUS);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl Layout for HealthEntryLayout {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&HEALTH_ENTRY);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl Layout for MemoryMapEntry {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&MEMORY_MAP_ENTRY);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl Layout for MemoryPage {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&MEMORY_PAGE);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl Layout for SampleInfo {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&SAMPLE_INFO);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl Layout for MessagePortStatus {
    const KIND: ArgumentKind = ArgumentKind::StructToGuest(&MESSAGE_PORT_STATUS);
    const SIZE_BYTES: u32 = Self::SIZE_BYTES;
}

impl<T: Layout> Argument for ToGuest<T> {
    const KIND: ArgumentKind = T::KIND;

    fn take(registers: &mut Registers) -> Result<Self, CallError> {
        let address = registers.next_value();
        aligned_range(address, T::SIZE_BYTES)?;
        Ok(Self { address, what: PhantomData })
    }
}

fn aligned_range(address: u32, length_bytes: u32) -> Result<(), CallError> {
    if !address.is_multiple_of(4) {
        return Err(CallError::Misaligned);
    }
    if length_bytes != 0 && address.checked_add(length_bytes - 1).is_none() {
        return Err(CallError::BadAddress);
    }
    Ok(())
}
