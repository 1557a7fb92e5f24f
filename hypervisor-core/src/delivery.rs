//! Pushes frames, enters handlers and returns from them: the only code that diverts a guest.
//!
//! Not here: whether something is to be delivered, which the machine decides between two instructions.

use crate::abi::{INTERRUPT_FLAG, SELECTOR_CODE, TrapEntry, shared_page};
use crate::event_channel::SharedPages;
use crate::guest::{Guest, SharedFrames};
use crate::outcome::CrashReason;
use crate::seeded_faults::{Fault, seeded};
use emulator::{Exception, FrameNumber, Segment, SegmentRegister, Vector, cpu, flags};
use serde::{Deserialize, Serialize};

/// What of EFLAGS a frame can restore. IF is the virtual one, IOPL and VM are ignored, bit 1 is forced.
const RESTORED: u32 =
    flags::ARITHMETIC | flags::TF | flags::DF | flags::NT | flags::RF | flags::AC | flags::ID;

/// What delivery clears, as an interrupt gate does (SDM Vol. 3, 6.12.1).
const CLEARED: u32 = flags::TF | flags::NT | flags::RF;

const VECTORS: usize = 256;

/// The guest's trap table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<TrapEntry>", into = "Vec<TrapEntry>")]
pub struct TrapTable {
    entries: Vec<Option<TrapEntry>>,
}

impl Default for TrapTable {
    fn default() -> Self {
        Self { entries: vec![None; VECTORS] }
    }
}

impl From<TrapTable> for Vec<TrapEntry> {
    fn from(table: TrapTable) -> Self {
        table.entries.into_iter().flatten().collect()
    }
}

impl From<Vec<TrapEntry>> for TrapTable {
    fn from(entries: Vec<TrapEntry>) -> Self {
        let mut table = Self::default();
        entries.into_iter().for_each(|entry| table.set(entry));
        table
    }
}

impl TrapTable {
    /// Sets or, without an address, removes a handler.
    pub fn set(&mut self, entry: TrapEntry) {
        self.entries[usize::from(entry.vector)] = entry.address.map(|_| entry);
    }

    /// The handler of a vector.
    #[must_use]
    pub fn handler(&self, vector: u8) -> Option<Handler> {
        let entry = self.entries[usize::from(vector)]?;
        Some(Handler { address: entry.address?, keep_mask: entry.keep_mask, user: entry.user })
    }

    /// The numbers that describe the handlers, for a digest of state.
    pub fn encoded(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().flatten().map(|entry| {
            let address = u64::from(entry.address.unwrap_or(0));
            let attributes = u64::from(entry.keep_mask) | u64::from(entry.user) << 1;
            u64::from(entry.vector) | attributes << 8 | address << 32
        })
    }
}

/// Where a trap enters the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handler {
    /// Its address.
    pub address: u32,
    /// Entering leaves the virtual interrupt flag as it is.
    pub keep_mask: bool,
    /// INT n reaches it.
    pub user: bool,
}

/// A trap on its way to the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trap {
    /// Its vector.
    pub vector: u8,
    /// Its error code, if its frame has one.
    pub error_code: Option<u32>,
    /// CR2, for #PF.
    pub address: Option<u32>,
    /// Whether EIP is at an instruction that did not happen: RF is then set in the frame (SDM Vol. 3, 18.3.1.1).
    pub fault: bool,
}

impl Trap {
    /// A trap of the processor.
    #[must_use]
    pub fn exception(exception: Exception) -> Self {
        let Exception { vector, error_code, address } = exception;
        Self {
            vector: vector as u8,
            error_code: vector.has_error_code().then_some(error_code),
            address: (vector == Vector::PageFault).then_some(address),
            fault: is_fault(vector),
        }
    }

    /// A software interrupt, or a trap that the guest raises itself.
    #[must_use]
    pub fn software(vector: u8, error_code: Option<u32>) -> Self {
        Self { vector, error_code, address: None, fault: false }
    }
}

/// Whether the exception is a fault: its instruction has not retired. #DB comes from single-stepping and INT1 only.
#[must_use]
pub fn is_fault(vector: Vector) -> bool {
    !matches!(vector, Vector::Debug | Vector::Breakpoint | Vector::Overflow)
}

/// The virtual interrupt flag of a guest, in its shared page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VirtualInterrupts {
    first: FrameNumber,
}

impl VirtualInterrupts {
    /// The flag in the shared page that lies in `first`.
    #[must_use]
    pub fn new(first: FrameNumber) -> Self {
        Self { first }
    }

    /// Whether upcalls are enabled.
    #[must_use]
    #[inline]
    pub fn enabled(self, guest: &mut Guest) -> bool {
        SharedFrames::new(&mut guest.memory, self.first).load(shared_page::MASK) == 0
    }

    /// Enables or disables upcalls.
    pub fn set(self, guest: &mut Guest, enabled: bool) {
        SharedFrames::new(&mut guest.memory, self.first).store(shared_page::MASK, u32::from(!enabled));
    }

    /// Whether the guest is to be told of an event.
    #[must_use]
    #[inline]
    pub fn upcall_pending(self, guest: &mut Guest) -> bool {
        SharedFrames::new(&mut guest.memory, self.first).load(shared_page::UPCALL_PENDING) != 0
    }

    fn set_cr2(self, guest: &mut Guest, address: u32) {
        guest.cpu.system.cr2 = address;
        if seeded(Fault::KeepsOldFaultAddress) {
            return;
        }
        SharedFrames::new(&mut guest.memory, self.first).store(shared_page::CR2, address);
    }

    /// Tells the guest which trap entered its handler, whose frame has this EIP.
    fn set_last_trap(self, guest: &mut Guest, trap: Trap, eip: u32) {
        if seeded(Fault::KeepsOldTrap) {
            return;
        }
        let mut shared = SharedFrames::new(&mut guest.memory, self.first);
        shared.store(shared_page::TRAP_ENTERED, 1);
        shared.store(shared_page::TRAP_VECTOR, trap.vector.into());
        shared.store(shared_page::TRAP_ERROR_CODE, trap.error_code.unwrap_or(0));
        shared.store(shared_page::TRAP_EIP, eip);
    }
}

/// Enters the guest's upcall handler. `interrupts` goes into the frame as the virtual IF before.
///
/// # Errors
/// The frame cannot be pushed; the guest is as it was.
pub fn deliver_upcall(
    guest: &mut Guest,
    flag: VirtualInterrupts,
    entry: u32,
    interrupts: bool,
) -> Result<(), CrashReason> {
    let mut image = flags_image(guest, interrupts);
    if seeded(Fault::ForgetsFrameFlags) {
        image = flags::ONE | image & INTERRUPT_FLAG;
    }
    let eip = guest.cpu.eip + u32::from(seeded(Fault::FramePastTheNext));
    if seeded(Fault::FrameOverTheTop) {
        guest.cpu.registers[cpu::ESP] += 4;
    }
    guest.push([image, selector(guest), eip]).map_err(|address| CrashReason::UpcallFrame { address })?;
    enter(guest, entry);
    if !seeded(Fault::UpcallLeavesEnabled) {
        flag.set(guest, false);
    }
    Ok(())
}

/// Enters the guest's handler of a trap.
///
/// # Errors
/// The frame cannot be pushed; the guest is as it was, but for CR2.
pub fn deliver_trap(
    guest: &mut Guest,
    flag: VirtualInterrupts,
    handler: Handler,
    trap: Trap,
) -> Result<(), CrashReason> {
    if let Some(address) = trap.address {
        flag.set_cr2(guest, address);
    }
    let enabled = flag.enabled(guest);
    let mut image = flags_image(guest, enabled);
    if trap.fault && !seeded(Fault::NoResumeFlag) {
        image |= flags::RF;
    }
    let (selector, eip) = (selector(guest), guest.cpu.eip);
    let pushed = match trap.error_code {
        Some(error_code) if !seeded(Fault::NoErrorCode) => guest.push([image, selector, eip, error_code]),
        _ => guest.push([image, selector, eip]),
    };
    pushed.map_err(|address| CrashReason::TrapFrame {
        vector: trap.vector,
        error_code: trap.error_code.unwrap_or(0),
        address,
    })?;
    flag.set_last_trap(guest, trap, eip);
    enter(guest, handler.address);
    if (!handler.keep_mask || seeded(Fault::MasksAlways)) && !seeded(Fault::TrapLeavesEnabled) {
        flag.set(guest, false);
    }
    Ok(())
}

/// Returns from a frame: at the gate of the `iret` call [ESP] = EAX, EIP, CS, EFLAGS. Returns the virtual IF.
///
/// # Errors
/// A bad frame: the exception is due at the INT, and nothing has changed.
pub fn return_from_frame(guest: &mut Guest, flag: VirtualInterrupts) -> Result<bool, Exception> {
    let [eax, eip, cs, image] = guest.stack_words::<4>()?;
    // The upper half of the word for CS means nothing (SDM Vol. 2A, "IRET").
    let selector = cs as u16;
    if selector != SELECTOR_CODE && !seeded(Fault::IretTakesAnySelector) {
        let error_code = u32::from(selector & !3);
        return Err(Exception { vector: Vector::GeneralProtection, error_code, address: 0 });
    }
    let processor = &mut guest.cpu;
    processor.registers[cpu::EAX] = if seeded(Fault::IretClearsEax) { 0 } else { eax };
    processor.registers[cpu::ESP] = processor.registers[cpu::ESP].wrapping_add(16);
    processor.segments[SegmentRegister::Cs as usize] = Segment::flat_code(SELECTOR_CODE);
    processor.eip = eip;
    processor.eflags = processor.eflags & !RESTORED | image & RESTORED | flags::ONE;
    processor.interrupt_shadow = false;
    let interrupts = image & INTERRUPT_FLAG != 0;
    if !seeded(Fault::IretLosesMask) {
        flag.set(guest, interrupts);
    }
    Ok(interrupts)
}

fn flags_image(guest: &Guest, interrupts: bool) -> u32 {
    let image = guest.cpu.eflags & !flags::IF;
    if interrupts && !seeded(Fault::FrameSaysDisabled) { image | INTERRUPT_FLAG } else { image }
}

fn selector(guest: &Guest) -> u32 {
    u32::from(guest.cpu.segment(SegmentRegister::Cs).selector)
}

fn enter(guest: &mut Guest, address: u32) {
    guest.cpu.segments[SegmentRegister::Cs as usize] = Segment::flat_code(SELECTOR_CODE);
    guest.cpu.eip = address;
    guest.cpu.eflags &= !if seeded(Fault::EntersWithTrapFlag) { CLEARED & !flags::TF } else { CLEARED };
    guest.cpu.interrupt_shadow = false;
}
