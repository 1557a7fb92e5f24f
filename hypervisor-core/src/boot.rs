//! Lays out a partition's memory and processor as `docs/ABI.md` promises them at entry.

use crate::abi::{
    ABI_VERSION, AbiNote, Call, EVENT_PORTS, GATE_VECTOR, HYPERCALL_PAGE_BYTES, HYPERCALL_STUB_BYTES, MAGIC,
    NOTE_ABI, NOTE_MEMORY, NOTE_NAME, RAM_BASE, memory_map_entry, shared_page, start_info,
};
use crate::clock::Clock;
use crate::config::{PartitionConfig, PartitionId};
use crate::guest::Guest;
use crate::loader::{Image, LoadError};
use crate::paravirtual::Paravirtual;
use crate::privileges::Privileges;
use crate::shared_areas::{Mapping, SHARED_BASE, SHARED_END};
use emulator::cpu::Tls;
use emulator::{AddressSpace, Cpu, DescriptorTable, FrameNumber, PAGE_BYTES, PhysicalMemory, Rights, cpu};

/// The least memory of a partition.
pub const MEMORY_LEAST_BYTES: u64 = 64 << 10;
/// The most memory of a partition.
pub const MEMORY_MOST_BYTES: u64 = 3 << 30;

/// The core's own pages lie here, far above any RAM.
pub(crate) const START_INFO: u32 = 0xf000_0000;
const START_INFO_BYTES: u32 = 2 * PAGE_BYTES;
pub(crate) const SHARED_PAGE: u32 = START_INFO + START_INFO_BYTES;
pub(crate) const COUNT_PAGE: u32 = SHARED_PAGE + shared_page::SIZE_BYTES;
const COUNT_PAGE_BYTES: u32 = 4 * EVENT_PORTS;
pub(crate) const HYPERCALL_PAGE: u32 = COUNT_PAGE + COUNT_PAGE_BYTES;
const BOOT_STACK: u32 = 0xf001_0000;
const BOOT_STACK_BYTES: u32 = 8 * PAGE_BYTES;
const BOOT_MODULE: u32 = 0xf100_0000;
/// The longest boot module.
pub const BOOT_MODULE_MOST_BYTES: u32 = 128 << 20;

const MEMORY_MAP: u32 = START_INFO + start_info::SIZE_BYTES;
const COMMAND_LINE: u32 = START_INFO + PAGE_BYTES;
/// The longest command line, without the zero byte that ends it.
pub const COMMAND_LINE_MOST_BYTES: u32 = PAGE_BYTES - 1;

/// A part of the partition's memory, as the memory map shows it.
struct Area {
    base: u32,
    bytes: u32,
    kind: u32,
    rights: Rights,
}

/// What a partition is started with.
#[derive(Clone, Copy, Debug)]
pub struct BootPlan<'a> {
    /// Its number.
    pub id: PartitionId,
    /// Its image, memory and name, which is cut after 31 bytes.
    pub config: &'a PartitionConfig,
    /// Its command line.
    pub command_line: &'a str,
    /// The shared areas that it sees.
    pub shared: &'a [Mapping],
    /// Why it is started.
    pub start: Start,
}

/// Why a partition is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// One of `start_info::START_...`.
    pub condition: u32,
    /// How often it was started before.
    pub restart_count: u32,
}

impl Start {
    /// Whether memory outside the image is as it was.
    #[must_use]
    pub fn keeps_memory(self) -> bool {
        matches!(self.condition, start_info::START_WARM | start_info::START_WARM_AFTER_HEALTH)
    }
}

/// Whether the image is for this ABI.
///
/// # Errors
/// There is no note, or what differs.
pub fn check_abi(image: &Image) -> Result<(), LoadError> {
    let note = note(image, NOTE_ABI).ok_or(LoadError::NoAbiNote)?;
    let rebuild = "rebuild it with the paravirtualization layer of this version";
    AbiNote::parse(note)
        .and_then(|note| note.check())
        .map_err(|problem| LoadError::WrongAbi(format!("{problem}: {rebuild}")))
}

/// How much memory the image needs from [`RAM_BASE`] on: its segments, and the stack and work area that its note
/// declares.
///
/// # Errors
/// A segment lies below the memory, or the note is damaged.
pub fn memory_need(image: &Image) -> Result<MemoryNeed, LoadError> {
    let mut need = MemoryNeed { image_bytes: 0, stack_bytes: 0, work_area_bytes: 0 };
    for segment in &image.segments {
        if segment.address < RAM_BASE {
            return Err(LoadError::SegmentBelowMemory { address: segment.address, memory_base: RAM_BASE });
        }
        need.image_bytes = need.image_bytes.max(segment.end() - u64::from(RAM_BASE));
    }
    if let Some(words) = note(image, NOTE_MEMORY) {
        let words: Option<[u8; 8]> = words.try_into().ok();
        let damaged = || LoadError::BadHeader("its memory note has not two words".to_owned());
        let [s0, s1, s2, s3, w0, w1, w2, w3] = words.ok_or_else(damaged)?;
        need.stack_bytes = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        need.work_area_bytes = u64::from(u32::from_le_bytes([w0, w1, w2, w3]));
    }
    Ok(need)
}

/// What an image needs memory for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryNeed {
    /// From the start of memory to the end of the last segment.
    pub image_bytes: u64,
    /// The stack that the image declares.
    pub stack_bytes: u64,
    /// The work area that the image declares.
    pub work_area_bytes: u64,
}

impl MemoryNeed {
    /// All of it.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.image_bytes + self.stack_bytes + self.work_area_bytes
    }

    fn check(&self, has_bytes: u64) -> Result<(), LoadError> {
        if self.total_bytes() <= has_bytes {
            return Ok(());
        }
        let Self { image_bytes, stack_bytes, work_area_bytes } = self;
        let mut because = format!("segments and bss to {image_bytes} bytes above {RAM_BASE:08x}h");
        if stack_bytes + work_area_bytes > 0 {
            because += &format!(", stack {stack_bytes}, work area {work_area_bytes}");
        }
        Err(LoadError::TooLittleMemory { needs_bytes: self.total_bytes(), has_bytes, because })
    }
}

/// Loads a partition's image into `memory`, which has no frame yet; processor and memory are then as at entry.
///
/// # Errors
/// The image does not fit the ABI or the memory, or the plan is impossible.
pub fn boot(
    plan: &BootPlan<'_>,
    clock: &Clock,
    memory: PhysicalMemory,
) -> Result<(Guest, Paravirtual), LoadError> {
    let image = &*plan.config.image;
    let memory_bytes = plan.config.memory_bytes;
    check_memory_size(memory_bytes)?;
    let can_start = plan.config.cannot_start.is_none();
    if can_start {
        check_abi(image)?;
        memory_need(image)?.check(memory_bytes)?;
    }
    let command_line_bytes = plan.command_line.len() as u64;
    if command_line_bytes > u64::from(COMMAND_LINE_MOST_BYTES) {
        let most_bytes = u64::from(COMMAND_LINE_MOST_BYTES);
        return Err(LoadError::ArgumentsTooLong { bytes: command_line_bytes, most_bytes });
    }
    let mut guest =
        Guest { cpu: Cpu::ring3(DescriptorTable::ring3(Tls::Present)), space: AddressSpace::new(), memory };
    let module = plan.config.boot_module.as_deref();
    let module_bytes = module.map_or(0, Vec::len) as u64;
    if module_bytes > u64::from(BOOT_MODULE_MOST_BYTES) {
        let most_bytes = u64::from(BOOT_MODULE_MOST_BYTES);
        return Err(LoadError::BootModuleTooLong { bytes: module_bytes, most_bytes });
    }
    let mut areas = areas(memory_bytes as u32, plan.config.memory_is_executable);
    if module_bytes > 0 {
        let bytes = (module_bytes as u32).next_multiple_of(PAGE_BYTES);
        let kind = memory_map_entry::KIND_BOOT_MODULE;
        areas.push(Area { base: BOOT_MODULE, bytes, kind, rights: Rights::READ });
    }
    let mut shared = FrameNumber(0);
    for area in &areas {
        let first = map_new(&mut guest, area.base, area.bytes, area.rights)?;
        match area.kind {
            memory_map_entry::KIND_RAM => debug_assert_eq!(first, ram_frame(0)),
            memory_map_entry::KIND_SHARED_PAGE => shared = first,
            _ => {}
        }
    }
    for mapping in plan.shared {
        let Mapping { memory, address, bytes, rights } = mapping;
        let first = guest.memory.attach(memory).ok_or(LoadError::HostMemory { bytes: u64::from(*bytes) })?;
        guest.space.map(*address, bytes.div_ceil(PAGE_BYTES), first, *rights);
        areas.push(Area {
            base: *address,
            bytes: *bytes,
            kind: memory_map_entry::KIND_SHARED_AREA,
            rights: *rights,
        });
    }
    if let Some(module) = module {
        poke(&mut guest, BOOT_MODULE, module);
    }
    if can_start {
        place_segments(&mut guest, image);
    }
    poke(&mut guest, HYPERCALL_PAGE, &hypercall_page());
    poke(&mut guest, START_INFO, &start_info_bytes(plan, &areas, clock));
    poke(&mut guest, COMMAND_LINE, plan.command_line.as_bytes());
    poke(&mut guest, SHARED_PAGE + shared_page::MASK, &1_u32.to_le_bytes());
    guest.cpu.eip = image.entry;
    guest.cpu.registers[cpu::EAX] = MAGIC;
    guest.cpu.registers[cpu::EBX] = START_INFO;
    guest.cpu.registers[cpu::ESP] = BOOT_STACK + BOOT_STACK_BYTES;
    let mut paravirtual = Paravirtual::new(shared, SHARED_PAGE, Privileges::of(plan.config));
    paravirtual.publish_time(&mut guest, clock);
    Ok((guest, paravirtual))
}

/// Tells a guest that has not run yet why it is started.
pub(crate) fn tell_start(guest: &mut Guest, start: Start) {
    poke(guest, START_INFO + start_info::START_CONDITION, &start.condition.to_le_bytes());
    poke(guest, START_INFO + start_info::RESTART_COUNT, &start.restart_count.to_le_bytes());
}

/// The stack that ESP points to at entry.
#[must_use]
pub fn boot_stack() -> std::ops::Range<u32> {
    BOOT_STACK..BOOT_STACK + BOOT_STACK_BYTES
}

/// The frame of a page of RAM, by its offset there at the start: RAM has the first frames of the partition's memory.
#[must_use]
pub(crate) fn ram_frame(offset: u32) -> FrameNumber {
    FrameNumber(offset / PAGE_BYTES)
}

/// The offset that a frame has in RAM at the start; past its end if it is none of RAM's.
#[must_use]
pub(crate) fn ram_offset(frame: FrameNumber) -> u64 {
    u64::from(frame.0) * u64::from(PAGE_BYTES)
}

/// One of `memory_map_entry::KIND_...` for an address in one of the core's own areas, else 0.
#[must_use]
pub(crate) fn kind_of(address: u32) -> u32 {
    if (SHARED_BASE..SHARED_END).contains(&address) {
        return memory_map_entry::KIND_SHARED_AREA;
    }
    if (BOOT_MODULE..BOOT_MODULE + BOOT_MODULE_MOST_BYTES).contains(&address) {
        return memory_map_entry::KIND_BOOT_MODULE;
    }
    let areas = areas(0, false);
    let area = areas.iter().find(|area| address.wrapping_sub(area.base) < area.bytes);
    area.map_or(0, |area| area.kind)
}

/// Whether the address is in the hypercall page.
#[must_use]
pub fn is_in_hypercall_page(address: u32) -> bool {
    (HYPERCALL_PAGE..HYPERCALL_PAGE + HYPERCALL_PAGE_BYTES).contains(&address)
}

fn note(image: &Image, kind: u32) -> Option<&[u8]> {
    let own = |note: &&crate::loader::Note| note.name == NOTE_NAME.as_bytes() && note.kind == kind;
    image.notes.iter().find(own).map(|note| note.description.as_slice())
}

fn check_memory_size(bytes: u64) -> Result<(), LoadError> {
    let possible = MEMORY_LEAST_BYTES..=MEMORY_MOST_BYTES;
    if possible.contains(&bytes) && bytes.is_multiple_of(u64::from(PAGE_BYTES)) {
        return Ok(());
    }
    Err(LoadError::BadMemorySize { bytes, least_bytes: MEMORY_LEAST_BYTES, most_bytes: MEMORY_MOST_BYTES })
}

/// The frames of areas that follow each other here follow each other, too: the page of counts follows the shared page.
fn areas(memory_bytes: u32, is_executable: bool) -> Vec<Area> {
    let ram = if is_executable { Rights::ALL } else { Rights::READ_WRITE };
    let area = |base, bytes, kind, rights| Area { base, bytes, kind, rights };
    vec![
        area(RAM_BASE, memory_bytes, memory_map_entry::KIND_RAM, ram),
        area(START_INFO, START_INFO_BYTES, memory_map_entry::KIND_START_INFO, Rights::READ),
        area(SHARED_PAGE, shared_page::SIZE_BYTES, memory_map_entry::KIND_SHARED_PAGE, Rights::READ_WRITE),
        area(COUNT_PAGE, COUNT_PAGE_BYTES, memory_map_entry::KIND_COUNT_PAGE, Rights::READ),
        area(
            HYPERCALL_PAGE,
            HYPERCALL_PAGE_BYTES,
            memory_map_entry::KIND_HYPERCALL_PAGE,
            Rights::READ_EXECUTE,
        ),
        area(BOOT_STACK, BOOT_STACK_BYTES, memory_map_entry::KIND_BOOT_STACK, Rights::READ_WRITE),
    ]
}

/// Maps zeroed memory at a page boundary; `bytes` is a multiple of the page's length.
pub(crate) fn map_new(
    guest: &mut Guest,
    base: u32,
    bytes: u32,
    rights: Rights,
) -> Result<FrameNumber, LoadError> {
    let pages = bytes / PAGE_BYTES;
    let first = guest.memory.allocate(pages).ok_or(LoadError::HostMemory { bytes: u64::from(bytes) })?;
    guest.space.map(base, pages, first, rights);
    Ok(first)
}

/// Copies the segments into memory that is mapped, and gives their pages the union of the rights of all segments on
/// them.
pub(crate) fn place_segments(guest: &mut Guest, image: &Image) {
    let mut last_done: Option<u32> = None;
    for segment in &image.segments {
        poke(guest, segment.address, &segment.bytes);
        let first = segment.address & !(PAGE_BYTES - 1);
        let last = (segment.end() - 1) as u32 & !(PAGE_BYTES - 1);
        for page in (first..=last).step_by(PAGE_BYTES as usize) {
            let Some((frame, rights)) = guest.space.page(page) else { continue };
            // Segments come by address: a page that was done before was done for the segment before.
            let rights = if last_done == Some(page) { rights.union(segment.rights) } else { segment.rights };
            guest.space.map(page, 1, frame, rights);
            last_done = Some(page);
        }
    }
}

/// Writes into pages that were mapped before.
pub(crate) fn poke(guest: &mut Guest, address: u32, bytes: &[u8]) {
    guest.space.poke(&mut guest.memory, address, bytes).expect("the loader writes to pages that it mapped");
}

fn hypercall_page() -> Vec<u8> {
    let mut page = Vec::with_capacity(HYPERCALL_PAGE_BYTES as usize);
    for number in 0..HYPERCALL_PAGE_BYTES / HYPERCALL_STUB_BYTES {
        let stub = page.len();
        let is_iret = Call::from_number(number) == Some(Call::Iret);
        if is_iret {
            page.push(0x50); // push eax
        }
        page.push(0xb8); // mov eax, number
        page.extend(number.to_le_bytes());
        page.extend([0xcd, GATE_VECTOR]); // int GATE_VECTOR
        if !is_iret {
            page.push(0xc3); // ret
        }
        page.resize(stub + HYPERCALL_STUB_BYTES as usize, 0xcc); // int3
    }
    page
}

fn start_info_bytes(plan: &BootPlan<'_>, areas: &[Area], clock: &Clock) -> Vec<u8> {
    let mut bytes = vec![0; start_info::SIZE_BYTES as usize];
    let mut set = |offset: u32, value: u32| {
        bytes[offset as usize..offset as usize + 4].copy_from_slice(&value.to_le_bytes());
    };
    set(start_info::MAGIC, MAGIC);
    set(start_info::ABI_VERSION, ABI_VERSION);
    set(start_info::SIZE, start_info::SIZE_BYTES);
    set(start_info::PARTITION_ID, u32::from(plan.id.0));
    set(start_info::MEMORY_MAP, MEMORY_MAP);
    set(start_info::MEMORY_MAP_COUNT, areas.len() as u32);
    set(start_info::SHARED_PAGE, SHARED_PAGE);
    set(start_info::COUNT_PAGE, COUNT_PAGE);
    set(start_info::HYPERCALL_PAGE, HYPERCALL_PAGE);
    set(start_info::CONSOLE, start_info::CONSOLE_OUTPUT | start_info::CONSOLE_INPUT);
    let rate = clock.rate().units_per_second();
    set(start_info::CLOCK_RATE, rate as u32);
    set(start_info::CLOCK_RATE + 4, (rate >> 32) as u32);
    if !plan.command_line.is_empty() {
        set(start_info::COMMAND_LINE, COMMAND_LINE);
        set(start_info::COMMAND_LINE_LENGTH, plan.command_line.len() as u32);
    }
    if let Some(module) = plan.config.boot_module.as_deref().filter(|module| !module.is_empty()) {
        set(start_info::BOOT_MODULE, BOOT_MODULE);
        set(start_info::BOOT_MODULE_LENGTH, module.len() as u32);
    }
    set(start_info::START_CONDITION, plan.start.condition);
    set(start_info::RESTART_COUNT, plan.start.restart_count);
    let name = plan.config.name.as_bytes();
    let name = &name[..name.len().min(start_info::PARTITION_NAME_BYTES as usize - 1)];
    let at = start_info::PARTITION_NAME as usize;
    bytes[at..at + name.len()].copy_from_slice(name);
    for Area { base, bytes: length, kind, rights } in areas {
        let entry = [(*base), *length, *kind, rights_bits(*rights)];
        bytes.extend(entry.into_iter().flat_map(u32::to_le_bytes));
    }
    bytes
}

pub(crate) fn rights_bits(rights: Rights) -> u32 {
    [
        (Rights::READ, memory_map_entry::RIGHT_READ),
        (Rights::WRITE, memory_map_entry::RIGHT_WRITE),
        (Rights::EXECUTE, memory_map_entry::RIGHT_EXECUTE),
    ]
    .into_iter()
    .filter(|(right, _)| rights.contains(*right))
    .fold(0, |bits, (_, bit)| bits | bit)
}
