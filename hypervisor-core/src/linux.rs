//! Serves static i386 Linux programs: those that compute, write and exit, with the memory, clock and identity that a
//! C library asks for on the way. Not here: files, input, signals that are caught, other processes and threads.

mod areas;
mod descriptors;
mod effect;
mod facts;
mod failure;
mod numbers;
mod pages;
mod saved;
mod signals;
mod start;
mod thread;

pub use effect::Effect;
pub(crate) use saved::SavedLinux;
pub use start::start;

use crate::clock::Clock;
use crate::console::Console;
use crate::guest::Guest;
use crate::record::EventLog;
use descriptors::Descriptors;
use failure::Failure;
use numbers as number;
use pages::{Pages, Wanted};
use std::collections::BTreeSet;

/// The program is the only process.
const PROCESS_ID: u32 = 1;

/// What is known of a Linux program, beside its processor and memory.
#[derive(Debug)]
pub struct Linux {
    /// Standard output.
    pub console: Console,
    /// Standard error that was not taken yet.
    pub errors: Vec<u8>,
    /// The caller was not told of the last of `errors`.
    pub errors_are_new: bool,
    /// What the last system call did beside its result.
    pub effects: Vec<Effect>,
    pages: Pages,
    descriptors: Descriptors,
    signals_blocked: u64,
    random: u64,
    /// Numbers that were warned about.
    warned: BTreeSet<u32>,
}

/// What becomes of the program after a system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SystemCallEnd {
    /// It goes on with this in EAX.
    Return(u32),
    /// It ends with this code.
    Exit(u32),
}

/// What a system call works on.
struct Call<'a> {
    linux: &'a mut Linux,
    guest: &'a mut Guest,
    clock: &'a Clock,
    log: &'a mut EventLog,
}

impl Linux {
    fn new(pages: Pages) -> Self {
        Self {
            console: Console::default(),
            errors: Vec::new(),
            errors_are_new: false,
            effects: Vec::new(),
            pages,
            descriptors: Descriptors::default(),
            signals_blocked: 0,
            random: 0,
            warned: BTreeSet::new(),
        }
    }
}

/// Serves a system call: number in EAX, arguments in EBX, ECX, EDX, ESI, EDI.
pub fn system_call(
    (linux, guest, clock): (&mut Linux, &mut Guest, &Clock),
    number: u32,
    arguments: [u32; 5],
    log: &mut EventLog,
) -> SystemCallEnd {
    linux.effects.clear();
    let mut call = Call { linux, guest, clock, log };
    if let Some(code) = call.ends(number, arguments) {
        return SystemCallEnd::Exit(code);
    }
    let result = call
        .memory(number, arguments)
        .or_else(|| call.descriptor(number, arguments))
        .or_else(|| call.thread(number, arguments))
        .or_else(|| call.fact(number, arguments))
        .unwrap_or_else(|| {
            if call.linux.warned.insert(number) {
                log::warn!("the program used Linux system call {number}, which is not there: it got -ENOSYS");
            }
            Err(Failure::NoSystemCall)
        });
    SystemCallEnd::Return(result.unwrap_or_else(Failure::code))
}

impl Call<'_> {
    fn ends(&self, number: u32, [first, second, third, ..]: [u32; 5]) -> Option<u32> {
        let signal = match number {
            number::EXIT | number::EXIT_GROUP => return Some(first & 0xff),
            number::KILL | number::TKILL if first == PROCESS_ID => second,
            number::TGKILL if (first, second) == (PROCESS_ID, PROCESS_ID) => third,
            _ => return None,
        };
        // As a shell shows it.
        (signals::ends(signal) && !signals::is_blocked(self.linux.signals_blocked, signal))
            .then_some(128 + signal)
    }

    fn memory(&mut self, number: u32, arguments: [u32; 5]) -> Option<Result<u32, Failure>> {
        let [first, second, third, fourth, _] = arguments;
        let Self { linux: Linux { pages, effects, .. }, guest, .. } = self;
        Some(match number {
            number::BRK => Ok(pages.set_break(guest, first, effects)),
            number::MMAP => guest.words::<5>(first).and_then(|words| {
                let [address, length_bytes, protection, flags, _] = words;
                pages.new_mapping(guest, Wanted { address, length_bytes, protection, flags }, effects)
            }),
            number::MMAP2 => {
                let wanted =
                    Wanted { address: first, length_bytes: second, protection: third, flags: fourth };
                pages.new_mapping(guest, wanted, effects)
            }
            number::MUNMAP => pages.remove_mapping(guest, (first, second), effects),
            number::MPROTECT => pages.protect(guest, (first, second, third), effects),
            number::MREMAP => pages.resize(guest, (first, second, third, fourth), effects),
            _ => return None,
        })
    }

    /// Writes into the program's memory: all or nothing.
    fn put(&mut self, address: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.guest.set_bytes(address, bytes).map_err(|_| Failure::BadAddress)?;
        self.linux.effects.push(Effect::Wrote { address, length_bytes: bytes.len() as u32 });
        Ok(())
    }

    fn put_words(&mut self, address: u32, words: &[u32]) -> Result<u32, Failure> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(address, &bytes).map(|()| 0)
    }
}

impl Guest {
    /// Words that the program points to.
    fn words<const COUNT: usize>(&self, address: u32) -> Result<[u32; COUNT], Failure> {
        let bytes = self.bytes(address, 4 * COUNT as u32).map_err(|_| Failure::BadAddress)?;
        let mut words = [0; COUNT];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        }
        Ok(words)
    }
}
