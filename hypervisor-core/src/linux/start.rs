//! Loads a Linux program and builds the stack that it starts with. What it asks for later is in the other files.

use super::pages::{ADDRESS_END, LOWEST_ADDRESS, Pages};
use super::{Linux, thread};
use crate::boot::{self, map_new, place_segments, poke};
use crate::guest::Guest;
use crate::loader::{Image, LoadError};
use emulator::{AddressSpace, Cpu, PAGE_BYTES, PhysicalMemory, Rights, cpu};

const STACK_TOP: u32 = ADDRESS_END;
/// As much as Linux gives by default.
pub(super) const STACK_BYTES: u32 = 8 << 20;
/// As on Linux, arguments take a quarter of the stack at most.
const ARGUMENTS_MOST_BYTES: u64 = (STACK_BYTES / 4) as u64;
/// Entries of the auxiliary vector (Linux include/uapi/linux/auxvec.h).
mod auxiliary {
    pub const NULL: u32 = 0;
    pub const PROGRAM_HEADERS: u32 = 3;
    pub const PROGRAM_HEADER_BYTES: u32 = 4;
    pub const PROGRAM_HEADER_COUNT: u32 = 5;
    pub const PAGE_BYTES: u32 = 6;
    pub const BASE: u32 = 7;
    pub const FLAGS: u32 = 8;
    pub const ENTRY: u32 = 9;
    pub const USER: u32 = 11;
    pub const EFFECTIVE_USER: u32 = 12;
    pub const GROUP: u32 = 13;
    pub const EFFECTIVE_GROUP: u32 = 14;
    pub const PLATFORM: u32 = 15;
    pub const TICKS_PER_SECOND: u32 = 17;
    pub const SECURE: u32 = 23;
    pub const RANDOM: u32 = 25;
    pub const FILE_NAME: u32 = 31;
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
        cpu: Cpu::ring3(thread::descriptor_table()),
        space: AddressSpace::new(),
        memory: PhysicalMemory::new(),
    };
    let ranges = page_ranges(image, memory_bytes)?;
    for (address, bytes) in &ranges {
        map_new(&mut guest, *address, *bytes, Rights::NONE)?;
    }
    place_segments(&mut guest, image);
    map_new(&mut guest, STACK_TOP - STACK_BYTES, STACK_BYTES, Rights::READ_WRITE)?;
    guest.cpu.eip = image.entry;
    push_arguments(&mut guest, image, name, arguments)?;
    let mut pages = Pages::new(memory_bytes, &ranges);
    pages.occupy(STACK_TOP - STACK_BYTES, STACK_TOP);
    Ok((guest, Linux::new(pages)))
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
    let platform = place(b"i686\0");
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
    words.extend([auxiliary::BASE, 0, auxiliary::FLAGS, 0, auxiliary::PLATFORM, platform]);
    words.extend([auxiliary::TICKS_PER_SECOND, 100, auxiliary::FILE_NAME, addresses[0]]);
    words.extend([auxiliary::USER, 0, auxiliary::EFFECTIVE_USER, 0]);
    words.extend([auxiliary::GROUP, 0, auxiliary::EFFECTIVE_GROUP, 0]);
    words.extend([auxiliary::SECURE, 0, auxiliary::RANDOM, random, auxiliary::NULL, 0]);
    let esp = (top - 4 * words.len() as u32) & !15;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    poke(guest, esp, &bytes);
    guest.cpu.registers[cpu::ESP] = esp;
    Ok(())
}
