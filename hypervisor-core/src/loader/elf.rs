//! From bytes to an [`Image`]. Every number in the file is a claim until it was compared with the file's length.

use super::LoadError;
use super::notes::{Note, read_notes};
use super::symbols::{Symbols, read_symbols, section_named};
use emulator::Rights;
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFMAG, Header};
use goblin::elf::header::{EM_386, ET_CORE, ET_DYN, ET_EXEC, ET_REL, SIZEOF_IDENT, machine_to_str};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE, PT_PHDR};
use goblin::elf::{Elf, ProgramHeader};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

const PROGRAM_HEADER_BYTES: u16 = 32;
pub(super) const CONTEXT: Ctx = Ctx { container: Container::Little, le: Endian::Little };

/// A file that can be run, checked and taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// What to load, by address; they do not overlap.
    pub segments: Vec<Segment>,
    /// The address of the first instruction, in an executable segment.
    pub entry: u32,
    /// The ELF notes.
    pub notes: Vec<Note>,
    /// The functions and objects that the file names.
    pub symbols: Symbols,
    /// The whole file.
    pub file: Arc<[u8]>,
    /// XXH3, 128 bits, of the whole file.
    pub hash: u128,
    /// Where the program headers lie in memory, if a segment holds them.
    pub program_headers: Option<ProgramHeaders>,
}

/// The program headers in memory, for a Linux program's auxiliary vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProgramHeaders {
    /// The address of the first.
    pub address: u32,
    /// How many there are.
    pub count: u16,
}

/// A part of an image in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its address.
    pub address: u32,
    /// Its length in memory, at least 1; it does not wrap.
    pub length_bytes: u32,
    /// What the file holds of it; the rest is zero.
    pub bytes: Vec<u8>,
    /// What may be done with it. i386 has no page that can be written or executed and not read.
    pub rights: Rights,
}

impl Segment {
    /// The address after the last byte; up to 4 GiB.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.address) + u64::from(self.length_bytes)
    }

    fn contains(&self, address: u32) -> bool {
        address >= self.address && u64::from(address) < self.end()
    }
}

impl Image {
    /// Reads a static i386 executable.
    ///
    /// # Errors
    /// The first thing that is wrong with the file.
    pub fn read(file: &[u8]) -> Result<Self, LoadError> {
        let header = read_header(file)?;
        let program_headers = read_program_headers(file, &header)?;
        check_section_headers(file, &header)?;
        let segments = read_segments(file, &program_headers)?;
        let entry = u32::try_from(header.e_entry).unwrap_or(u32::MAX);
        let executable =
            |segment: &Segment| segment.rights.contains(Rights::EXECUTE) && segment.contains(entry);
        if !segments.iter().any(executable) {
            return Err(LoadError::BadEntry(entry));
        }
        let mut notes = Vec::new();
        for note in program_headers.iter().filter(|header| header.p_type == PT_NOTE) {
            let bytes = file_range(file, note.p_offset, note.p_filesz, || "a note segment".to_owned())?;
            read_notes(bytes, &mut notes)?;
        }
        Ok(Self {
            program_headers: headers_in_memory(&header, &program_headers, &segments),
            segments,
            entry,
            notes,
            symbols: read_symbols(file, &header),
            hash: xxh3_128(file),
            file: file.into(),
        })
    }
}

impl Image {
    /// The bytes of a section, as they are in the file; None if there is none of this name, or it is compressed or
    /// damaged.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        let header = Elf::parse_header(&self.file).ok()?;
        section_named(&self.file, &header, name)
    }

    /// What the linker wrote to tell builds apart: the note `GNU` of type 3. Empty if it wrote none.
    #[must_use]
    pub fn build_id(&self) -> &[u8] {
        const NT_GNU_BUILD_ID: u32 = 3;
        let note = self.notes.iter().find(|note| note.name == b"GNU" && note.kind == NT_GNU_BUILD_ID);
        note.map_or(&[], |note| &note.description)
    }
}

fn read_header(file: &[u8]) -> Result<Header, LoadError> {
    if file.len() < ELFMAG.len() || !file.starts_with(ELFMAG) {
        return Err(LoadError::NotElf);
    }
    let header_cut = |end: u64| LoadError::Truncated {
        what: "the ELF header".to_owned(),
        end,
        file_bytes: file.len() as u64,
    };
    if file.len() < SIZEOF_IDENT {
        return Err(header_cut(52));
    }
    match (file[EI_CLASS], file[EI_DATA]) {
        (ELFCLASS32, ELFDATA2LSB) => {}
        (ELFCLASS32, _) => return Err(LoadError::WrongMachine("a big-endian ELF file".to_owned())),
        (ELFCLASS64, _) => return Err(LoadError::WrongMachine("a 64-bit ELF file".to_owned())),
        (class, _) => return Err(LoadError::BadHeader(format!("its class is {class}"))),
    }
    let header = Elf::parse_header(file).map_err(|_| header_cut(52))?;
    if header.e_machine != EM_386 {
        let machine = machine_to_str(header.e_machine);
        return Err(LoadError::WrongMachine(format!(
            "an ELF file for machine {} ({machine})",
            header.e_machine
        )));
    }
    let wrong = |is: &str, remedy| Err(LoadError::WrongKind { is: is.to_owned(), remedy });
    match header.e_type {
        ET_EXEC => Ok(header),
        ET_DYN => wrong(
            "a position-independent executable or a shared object",
            "link it at a fixed address, with -static -no-pie",
        ),
        ET_REL => wrong("an object file", "link it first"),
        ET_CORE => wrong("a core dump", "give the executable"),
        other => {
            wrong(&format!("an ELF file of type {other}"), "link it as an executable, with -static -no-pie")
        }
    }
}

fn read_program_headers(file: &[u8], header: &Header) -> Result<Vec<ProgramHeader>, LoadError> {
    if header.e_phnum == 0 {
        return Err(LoadError::NoSegments);
    }
    if header.e_phentsize != PROGRAM_HEADER_BYTES {
        let what = format!("a program header has {} bytes and not 32", header.e_phentsize);
        return Err(LoadError::BadHeader(what));
    }
    let length = u64::from(header.e_phnum) * u64::from(PROGRAM_HEADER_BYTES);
    file_range(file, header.e_phoff, length, || "the program header table".to_owned())?;
    ProgramHeader::parse(file, header.e_phoff as usize, usize::from(header.e_phnum), CONTEXT)
        .map_err(|error| LoadError::BadHeader(error.to_string().replace('\n', " ")))
}

/// They do not matter for the run, but linkers put them last: a file that was cut off lacks them first.
fn check_section_headers(file: &[u8], header: &Header) -> Result<(), LoadError> {
    let length = u64::from(header.e_shnum) * u64::from(header.e_shentsize);
    file_range(file, header.e_shoff, length, || "the section header table".to_owned()).map(drop)
}

fn read_segments(file: &[u8], headers: &[ProgramHeader]) -> Result<Vec<Segment>, LoadError> {
    if headers.iter().any(|header| matches!(header.p_type, PT_INTERP | PT_DYNAMIC)) {
        return Err(LoadError::WrongKind {
            is: "a dynamically linked executable".to_owned(),
            remedy: "link it with -static",
        });
    }
    let mut segments = Vec::new();
    for header in headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD && (header.p_memsz, header.p_filesz) != (0, 0))
    {
        segments.push(read_segment(file, header)?);
    }
    if segments.is_empty() {
        return Err(LoadError::NoSegments);
    }
    segments.sort_by_key(|segment| segment.address);
    for pair in segments.windows(2) {
        if pair[0].end() > u64::from(pair[1].address) {
            return Err(LoadError::SegmentsOverlap {
                first: (pair[0].address, pair[0].length_bytes),
                second: (pair[1].address, pair[1].length_bytes),
            });
        }
    }
    Ok(segments)
}

fn read_segment(file: &[u8], header: &ProgramHeader) -> Result<Segment, LoadError> {
    // 32-bit fields, widened by goblin.
    let (address, length_bytes) = (header.p_vaddr as u32, header.p_memsz as u32);
    if u64::from(address) + u64::from(length_bytes) > 1 << 32 {
        return Err(LoadError::SegmentWraps { address, length_bytes });
    }
    if header.p_filesz > header.p_memsz {
        let (in_file, in_memory) = (header.p_filesz, header.p_memsz);
        return Err(LoadError::BadHeader(format!(
            "the segment at {address:08x}h has {in_file} bytes in the file and {in_memory} in memory"
        )));
    }
    let name = || format!("the segment at {address:08x}h");
    let bytes = file_range(file, header.p_offset, header.p_filesz, name)?.to_vec();
    let mut rights = Rights::NONE;
    for (flag, right) in [(PF_R, Rights::READ), (PF_W, Rights::READ_WRITE), (PF_X, Rights::READ_EXECUTE)] {
        if header.p_flags & flag != 0 {
            rights = rights.union(right);
        }
    }
    Ok(Segment { address, length_bytes, bytes, rights })
}

/// The bytes of the file that a header claims.
fn file_range(file: &[u8], offset: u64, length: u64, name: impl Fn() -> String) -> Result<&[u8], LoadError> {
    let end = offset.saturating_add(length);
    if length == 0 {
        return Ok(&[]);
    }
    if end > file.len() as u64 {
        return Err(LoadError::Truncated { what: name(), end, file_bytes: file.len() as u64 });
    }
    Ok(&file[offset as usize..end as usize])
}

fn headers_in_memory(
    header: &Header,
    headers: &[ProgramHeader],
    segments: &[Segment],
) -> Option<ProgramHeaders> {
    let count = header.e_phnum;
    if let Some(own) = headers.iter().find(|header| header.p_type == PT_PHDR) {
        return Some(ProgramHeaders { address: own.p_vaddr as u32, count });
    }
    let holds = |load: &&ProgramHeader| {
        load.p_type == PT_LOAD
            && load.p_offset <= header.e_phoff
            && header.e_phoff - load.p_offset < load.p_filesz
    };
    let load = headers.iter().find(holds)?;
    let address = (load.p_vaddr as u32).wrapping_add((header.e_phoff - load.p_offset) as u32);
    segments.iter().any(|segment| segment.contains(address)).then_some(ProgramHeaders { address, count })
}
