//! Serves static i386 Linux programs that write, ask who they are, and exit. Nothing else of Linux is here.

use crate::boot::{self, map_new, place_segments, poke};
use crate::console::Console;
use crate::guest::Guest;
use crate::loader::{Image, LoadError};
use crate::record::{Event, EventLog};
use emulator::cpu::Tls;
use emulator::{AddressSpace, Cpu, DescriptorTable, PAGE_BYTES, PhysicalMemory, Rights, cpu};
use std::collections::BTreeSet;

const STACK_TOP: u32 = 0xc000_0000;
const STACK_BYTES: u32 = 8 << 20;
/// As `vm.mmap_min_addr` of most systems.
const LOWEST_ADDRESS: u32 = 0x1_0000;
/// As on Linux, arguments take a quarter of the stack at most.
const ARGUMENTS_MOST_BYTES: u64 = (STACK_BYTES / 4) as u64;
const PROCESS_ID: u32 = 1;
/// Linux writes so many bytes at once at most (man 2 write).
const WRITE_MOST_BYTES: u32 = 0x7fff_f000;

const SYSCALL_EXIT: u32 = 1;
const SYSCALL_WRITE: u32 = 4;
const SYSCALL_GETPID: u32 = 20;
const SYSCALL_EXIT_GROUP: u32 = 252;

const STANDARD_OUTPUT: u32 = 1;
const STANDARD_ERROR: u32 = 2;

const ERROR_BAD_DESCRIPTOR: i32 = -9;
const ERROR_BAD_ADDRESS: i32 = -14;
const ERROR_NO_SYSTEM_CALL: i32 = -38;

/// Entries of the auxiliary vector (Linux include/uapi/linux/auxvec.h).
mod auxiliary {
    pub const NULL: u32 = 0;
    pub const PROGRAM_HEADERS: u32 = 3;
    pub const PROGRAM_HEADER_BYTES: u32 = 4;
    pub const PROGRAM_HEADER_COUNT: u32 = 5;
    pub const PAGE_BYTES: u32 = 6;
    pub const ENTRY: u32 = 9;
    pub const USER: u32 = 11;
    pub const EFFECTIVE_USER: u32 = 12;
    pub const GROUP: u32 = 13;
    pub const EFFECTIVE_GROUP: u32 = 14;
    pub const SECURE: u32 = 23;
    pub const RANDOM: u32 = 25;
}

/// What is known of a Linux program, beside its processor and memory.
#[derive(Debug, Default)]
pub struct Linux {
    /// Standard output.
    pub console: Console,
    /// Standard error that was not taken yet.
    pub errors: Vec<u8>,
    /// The caller was not told of the last of `errors`.
    pub errors_are_new: bool,
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

/// Loads a program; processor and memory are then as at its entry.
///
/// # Errors
/// The image does not fit into the memory or the address space.
pub fn start(
    image: &Image,
    memory_bytes: u64,
    name: &str,
    arguments: &[String],
) -> Result<(Guest, Linux), LoadError> {
    if boot::check_abi(image) != Err(LoadError::NoAbiNote) {
        return Err(LoadError::WrongAbi("it is a Paravane guest: run it without --abi linux".to_owned()));
    }
    let mut guest = Guest {
        cpu: Cpu::ring3(DescriptorTable::ring3(Tls::Present)),
        space: AddressSpace::new(),
        memory: PhysicalMemory::new(),
    };
    for (address, bytes) in page_ranges(image, memory_bytes)? {
        map_new(&mut guest, address, bytes, Rights::NONE)?;
    }
    place_segments(&mut guest, image);
    map_new(&mut guest, STACK_TOP - STACK_BYTES, STACK_BYTES, Rights::READ_WRITE)?;
    guest.cpu.eip = image.entry;
    push_arguments(&mut guest, image, name, arguments)?;
    Ok((guest, Linux::default()))
}

/// The pages of the segments, as ranges that do not touch: address and length.
fn page_ranges(image: &Image, memory_bytes: u64) -> Result<Vec<(u32, u32)>, LoadError> {
    let page = u64::from(PAGE_BYTES);
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for segment in &image.segments {
        let start = u64::from(segment.address) & !(page - 1);
        let end = segment.end().next_multiple_of(page);
        if start < u64::from(LOWEST_ADDRESS) {
            return Err(LoadError::SegmentBelowMemory {
                address: segment.address,
                memory_base: LOWEST_ADDRESS,
            });
        }
        match ranges.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    let needs_bytes: u64 = ranges.iter().map(|(start, end)| end - start).sum();
    if needs_bytes > memory_bytes {
        let because = "segments and bss".to_owned();
        return Err(LoadError::TooLittleMemory { needs_bytes, has_bytes: memory_bytes, because });
    }
    let stack = u64::from(STACK_TOP - STACK_BYTES);
    if let Some((start, _)) = ranges.iter().find(|(_, end)| *end > stack) {
        return Err(LoadError::SegmentAboveMemory { address: *start as u32, memory_end: stack as u32 });
    }
    Ok(ranges.into_iter().map(|(start, end)| (start as u32, (end - start) as u32)).collect())
}

/// Builds the stack at entry (System V ABI, Intel386 supplement, "Process Initialization").
fn push_arguments(
    guest: &mut Guest,
    image: &Image,
    name: &str,
    arguments: &[String],
) -> Result<(), LoadError> {
    let texts: Vec<&str> = std::iter::once(name).chain(arguments.iter().map(String::as_str)).collect();
    let text_bytes: u64 = texts.iter().map(|text| text.len() as u64 + 1 + 4).sum();
    if text_bytes > ARGUMENTS_MOST_BYTES {
        return Err(LoadError::ArgumentsTooLong { bytes: text_bytes, most_bytes: ARGUMENTS_MOST_BYTES });
    }
    let mut top = STACK_TOP;
    let mut place = |bytes: &[u8]| {
        top -= bytes.len() as u32;
        poke(guest, top, bytes);
        top
    };
    // A fixed value: a run is the same each time.
    let random = place(b"paravane-random\0");
    let mut addresses = Vec::new();
    for text in &texts {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        addresses.push(place(&bytes));
    }
    let mut words = vec![texts.len() as u32];
    words.extend(&addresses);
    words.extend([0, 0]); // the ends of arguments and environment
    if let Some(headers) = image.program_headers {
        words.extend([auxiliary::PROGRAM_HEADERS, headers.address, auxiliary::PROGRAM_HEADER_BYTES, 32]);
        words.extend([auxiliary::PROGRAM_HEADER_COUNT, u32::from(headers.count)]);
    }
    words.extend([auxiliary::PAGE_BYTES, PAGE_BYTES, auxiliary::ENTRY, image.entry]);
    words.extend([auxiliary::USER, 0, auxiliary::EFFECTIVE_USER, 0]);
    words.extend([auxiliary::GROUP, 0, auxiliary::EFFECTIVE_GROUP, 0]);
    words.extend([auxiliary::SECURE, 0, auxiliary::RANDOM, random, auxiliary::NULL, 0]);
    let esp = (top - 4 * words.len() as u32) & !15;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    poke(guest, esp, &bytes);
    guest.cpu.registers[cpu::ESP] = esp;
    Ok(())
}

/// Serves a system call: number in EAX, arguments in EBX, ECX, EDX.
pub fn system_call(
    linux: &mut Linux,
    guest: &Guest,
    number: u32,
    arguments: [u32; 5],
    log: &mut EventLog,
) -> SystemCallEnd {
    let [first, second, third, ..] = arguments;
    let result = match number {
        SYSCALL_EXIT | SYSCALL_EXIT_GROUP => return SystemCallEnd::Exit(first & 0xff),
        SYSCALL_WRITE => write(linux, guest, (first, second, third), log),
        SYSCALL_GETPID => PROCESS_ID,
        _ => {
            if linux.warned.insert(number) {
                log::warn!("the program used Linux system call {number}, which is not there: it got -ENOSYS");
            }
            ERROR_NO_SYSTEM_CALL.cast_unsigned()
        }
    };
    SystemCallEnd::Return(result)
}

fn write(
    linux: &mut Linux,
    guest: &Guest,
    (descriptor, address, length): (u32, u32, u32),
    log: &mut EventLog,
) -> u32 {
    if !matches!(descriptor, STANDARD_OUTPUT | STANDARD_ERROR) {
        return ERROR_BAD_DESCRIPTOR.cast_unsigned();
    }
    let length = length.min(WRITE_MOST_BYTES);
    // The range cannot wrap: the end of the address space is not mapped.
    let Ok(bytes) = guest.bytes(address, length) else { return ERROR_BAD_ADDRESS.cast_unsigned() };
    if descriptor == STANDARD_ERROR {
        linux.errors.extend_from_slice(&bytes);
        linux.errors_are_new = true;
    } else {
        linux.console.write(&bytes);
    }
    log.note(|| Event::ConsoleOutput(bytes));
    length
}
