//! The program's only thread: its identity, its thread-local storage, its signal mask.

use super::{Call, Effect, Failure, PROCESS_ID, number, signals};
use emulator::cpu::Tls;
use emulator::{DescriptorTable, Segment};

/// Entries of the descriptor table for thread-local storage: those of Linux on x86-64, where 32-bit programs run today.
const FIRST_ENTRY: u32 = 12;
const LAST_ENTRY: u32 = 14;
/// The entry of a `user_desc` that leaves the choice to Linux.
const ANY_ENTRY: u32 = u32::MAX;

/// Flags of `user_desc` (Linux arch/x86/include/uapi/asm/ldt.h).
mod area {
    pub const IS_32_BIT: u32 = 1;
    pub const CONTENTS: u32 = 6;
    pub const READ_ONLY: u32 = 1 << 3;
    pub const LIMIT_IN_PAGES: u32 = 1 << 4;
    pub const NOT_PRESENT: u32 = 1 << 5;
    pub const USABLE: u32 = 1 << 6;
    /// Bits that say that the entry is to be emptied; the others are clear then.
    pub const EMPTY: u32 = READ_ONLY | NOT_PRESENT;
}

const HOW_BLOCK: u32 = 0;
const HOW_UNBLOCK: u32 = 1;
const HOW_SET: u32 = 2;
const FUTEX_WAKE: u32 = 1;
/// SIGKILL and SIGSTOP.
const NEVER_BLOCKED: u64 = 1 << 8 | 1 << 18;

/// The descriptor table of a Linux program: flat segments, and room for thread-local storage.
pub fn descriptor_table() -> DescriptorTable {
    DescriptorTable { length: LAST_ENTRY as u8 + 1, ..DescriptorTable::ring3(Tls::Present) }
}

impl Call<'_> {
    /// The calls about the thread and its signals.
    pub(super) fn thread(&mut self, number: u32, arguments: [u32; 5]) -> Option<Result<u32, Failure>> {
        let [first, second, third, fourth, _] = arguments;
        Some(match number {
            number::GETPID | number::GETTID | number::SET_TID_ADDRESS => Ok(PROCESS_ID),
            number::SET_THREAD_AREA => self.set_thread_area(first),
            // It matters when a thread ends that holds a lock, and the only thread ends with the program.
            number::SET_ROBUST_LIST => Ok(0),
            number::SCHED_YIELD => Ok(0),
            // Nobody waits.
            number::FUTEX if second & 0x7f == FUTEX_WAKE => self.guest.words::<1>(first).map(|_| 0),
            // A C library asks for it at its start, and goes on without.
            number::RSEQ => Err(Failure::NoSystemCall),
            // Shadow stacks and the like: this processor has none.
            number::ARCH_PRCTL => Err(Failure::Invalid),
            number::RT_SIGPROCMASK => self.signal_mask(first, (second, third), fourth),
            number::KILL | number::TKILL => self.signal(first == PROCESS_ID, second),
            number::TGKILL => self.signal((first, second) == (PROCESS_ID, PROCESS_ID), third),
            _ => return None,
        })
    }

    /// A signal that does not end the program.
    fn signal(&self, to_itself: bool, signal: u32) -> Result<u32, Failure> {
        if signal > signals::HIGHEST {
            return Err(Failure::Invalid);
        }
        if to_itself { Ok(0) } else { Err(Failure::NotFound) }
    }

    fn signal_mask(&mut self, how: u32, (new, old): (u32, u32), bytes: u32) -> Result<u32, Failure> {
        if bytes != 8 {
            return Err(Failure::Invalid);
        }
        let before = self.linux.signals_blocked;
        let mut after = before;
        if new != 0 {
            let [low, high] = self.guest.words::<2>(new)?;
            let set = u64::from(high) << 32 | u64::from(low);
            after = match how {
                HOW_BLOCK => before | set,
                HOW_UNBLOCK => before & !set,
                HOW_SET => set,
                _ => return Err(Failure::Invalid),
            };
        }
        if old != 0 {
            self.put_words(old, &[before as u32, (before >> 32) as u32])?;
        }
        self.linux.signals_blocked = after & !NEVER_BLOCKED;
        Ok(0)
    }

    fn set_thread_area(&mut self, address: u32) -> Result<u32, Failure> {
        let [wanted, base, limit, flags] = self.guest.words::<4>(address)?;
        let empties = (base, limit) == (0, 0)
            && flags & (area::EMPTY | area::IS_32_BIT | area::CONTENTS | area::LIMIT_IN_PAGES) == area::EMPTY;
        // Linux takes no segments of 16 bits, no code, and none that is absent.
        let is_sound = flags & area::IS_32_BIT != 0 && flags & (4 | area::NOT_PRESENT) == 0;
        if !empties && !is_sound {
            return Err(Failure::Invalid);
        }
        let entries = &self.guest.cpu.descriptors.entries;
        let entry = match wanted {
            ANY_ENTRY => (FIRST_ENTRY..=LAST_ENTRY)
                .find(|entry| entries[*entry as usize] == 0)
                .ok_or(Failure::NotFound)?,
            FIRST_ENTRY..=LAST_ENTRY => wanted,
            _ => return Err(Failure::Invalid),
        };
        if wanted == ANY_ENTRY {
            self.put_words(address, &[entry])?;
        }
        let segment = if empties { Segment::NULL } else { segment(entry, [base, limit, flags]) };
        let Segment { base: at, limit: last, attributes, .. } = segment;
        let descriptor = if empties { 0 } else { DescriptorTable::descriptor(at, last, attributes) };
        let processor = &mut self.guest.cpu;
        processor.descriptors.entries[entry as usize] = descriptor;
        // As on Linux, a register that has the selector takes the new segment at once.
        for loaded in processor.segments.iter_mut().filter(|loaded| u32::from(loaded.selector >> 3) == entry)
        {
            *loaded = Segment { selector: if empties { 0 } else { loaded.selector }, ..segment };
        }
        self.linux.effects.push(Effect::ThreadArea { entry, words: [entry, base, limit, flags] });
        Ok(0)
    }
}

/// The segment that a `user_desc` describes.
fn segment(entry: u32, [base, limit, flags]: [u32; 3]) -> Segment {
    let in_pages = flags & area::LIMIT_IN_PAGES != 0;
    let limit = limit & 0xf_ffff;
    let bit = |flag: u32, place: u16| if flags & flag != 0 { 1 << place } else { 0 };
    // Present, ring 3, not of the system, accessed.
    let attributes = 0xf1
        | if flags & area::READ_ONLY == 0 { 2 } else { 0 }
        | ((flags & area::CONTENTS) << 1) as u16
        | bit(area::USABLE, 12)
        | bit(area::IS_32_BIT, 14)
        | bit(area::LIMIT_IN_PAGES, 15);
    let limit = if in_pages { limit << 12 | 0xfff } else { limit };
    Segment { selector: (8 * entry + 3) as u16, base, limit, attributes }
}
