//! A guest's ELF file with two segments, code that cannot be written and data that cannot be executed.

use hypervisor_core::abi::{NOTE_ABI, NOTE_NAME, own_note};

const HEADER_BYTES: u32 = 52;
const PROGRAM_HEADER_BYTES: u32 = 32;
const PROGRAM_HEADERS: u16 = 3;
const LOAD: u32 = 1;
const NOTE: u32 = 4;
const READ_EXECUTE: u32 = 5;
const READ_WRITE: u32 = 6;

/// The file; it is entered at the first byte of the code.
pub fn file(code: (u32, &[u8]), data: (u32, &[u8])) -> Vec<u8> {
    let note = note();
    let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for half in [2_u16, 3] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, code.0, HEADER_BYTES, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    for half in [HEADER_BYTES as u16, PROGRAM_HEADER_BYTES as u16, PROGRAM_HEADERS, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let mut offset = HEADER_BYTES + PROGRAM_HEADER_BYTES * u32::from(PROGRAM_HEADERS);
    let parts = [
        (LOAD, code.0, code.1, READ_EXECUTE),
        (LOAD, data.0, data.1, READ_WRITE),
        (NOTE, 0, note.as_slice(), 4),
    ];
    for (kind, address, bytes, flags) in parts {
        let length = bytes.len() as u32;
        for word in [kind, offset, address, address, length, length, flags, 4] {
            file.extend(word.to_le_bytes());
        }
        offset += length;
    }
    for (_, _, bytes, _) in parts {
        file.extend(bytes);
    }
    file
}

fn note() -> Vec<u8> {
    let description = own_note().to_bytes();
    let mut note = Vec::new();
    for word in [NOTE_NAME.len() as u32 + 1, description.len() as u32, NOTE_ABI] {
        note.extend(word.to_le_bytes());
    }
    note.extend(NOTE_NAME.as_bytes());
    note.resize(12 + (NOTE_NAME.len() + 1).next_multiple_of(4), 0);
    note.extend(description);
    note
}
