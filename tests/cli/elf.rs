//! ELF files made by hand: small guests, and every kind of file that must be refused.

use hypervisor_core::abi::{AbiNote, Call, GATE_VECTOR, NOTE_ABI, NOTE_NAME, own_note};

/// Where the code of these images lies.
pub const CODE: u32 = 0x10_1000;

const HEADER_BYTES: u32 = 52;
const PROGRAM_HEADER_BYTES: u32 = 32;

/// A loadable segment.
#[derive(Clone)]
pub struct Segment {
    /// Its address.
    pub address: u32,
    /// What the file holds of it.
    pub bytes: Vec<u8>,
    /// Its length in memory.
    pub memory_bytes: u32,
    /// Readable 4, writable 2, executable 1.
    pub flags: u32,
}

/// An ELF file, to be changed field by field.
#[derive(Clone)]
pub struct ElfFile {
    /// 2: executable, 3: shared object.
    pub kind: u16,
    /// 3: i386.
    pub machine: u16,
    /// The first instruction.
    pub entry: u32,
    /// What to load.
    pub segments: Vec<Segment>,
    /// The content of the ABI note, if there is one.
    pub note: Option<AbiNote>,
}

impl ElfFile {
    /// A guest that runs `code` at [`CODE`] and has one more writable page after it.
    pub fn guest(code: &[u8]) -> Self {
        let text = Segment { address: CODE, bytes: code.to_vec(), memory_bytes: code.len() as u32, flags: 5 };
        let data = Segment { address: CODE + 0x1000, bytes: Vec::new(), memory_bytes: 0x1000, flags: 6 };
        Self { kind: 2, machine: 3, entry: CODE, segments: vec![text, data], note: Some(own_note()) }
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let note = self.note.as_ref().map(note_bytes).unwrap_or_default();
        let header_count = self.segments.len() as u32 + u32::from(self.note.is_some());
        let mut offset = HEADER_BYTES + PROGRAM_HEADER_BYTES * header_count;
        let mut file = self.header(header_count as u16);
        let mut contents = Vec::new();
        for segment in &self.segments {
            let length = segment.bytes.len() as u32;
            let fields =
                [1, offset, segment.address, segment.address, length, segment.memory_bytes, segment.flags, 1];
            file.extend(fields.into_iter().flat_map(u32::to_le_bytes));
            contents.extend_from_slice(&segment.bytes);
            offset += length;
        }
        if self.note.is_some() {
            let length = note.len() as u32;
            let fields = [4, offset, 0, 0, length, length, 4, 4];
            file.extend(fields.into_iter().flat_map(u32::to_le_bytes));
        }
        file.extend(contents);
        file.extend(note);
        file
    }

    fn header(&self, header_count: u16) -> Vec<u8> {
        let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        for word in [1, self.entry, HEADER_BYTES, 0, 0] {
            file.extend(word.to_le_bytes());
        }
        for half in [HEADER_BYTES as u16, PROGRAM_HEADER_BYTES as u16, header_count, 0, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        file
    }
}

fn note_bytes(note: &AbiNote) -> Vec<u8> {
    let mut name = NOTE_NAME.as_bytes().to_vec();
    name.push(0);
    let content = note.to_bytes();
    let mut bytes = Vec::new();
    for word in [name.len() as u32, content.len() as u32, NOTE_ABI] {
        bytes.extend(word.to_le_bytes());
    }
    name.resize(name.len().next_multiple_of(4), 0);
    bytes.extend(name);
    bytes.extend(content);
    bytes
}

/// Machine code that makes a call with two arguments.
pub fn call(call: Call, first: u32, second: u32) -> Vec<u8> {
    let mut code = Vec::new();
    for (opcode, value) in [(0xb8, call.description().number), (0xbb, first), (0xb9, second)] {
        code.push(opcode); // mov eax / ebx / ecx, value
        code.extend(value.to_le_bytes());
    }
    code.extend([0xcd, GATE_VECTOR]); // int GATE_VECTOR
    code
}

/// A guest that ends at once with `code`.
pub fn exits_with(code: u32) -> ElfFile {
    ElfFile::guest(&call(Call::Shutdown, code, 0))
}
