//! Images for tests, made byte by byte: ELF files with any header a test wants, and code from a handful of
//! instructions.

use crate::abi::{Call, NOTE_ABI, NOTE_NAME, own_note};
use crate::loader::Image;
use crate::machine::{Config, Machine};
use crate::outcome::Progress;
use crate::{Limits, Outcome, Recorder};
use std::sync::Arc;

/// Where test guests are linked.
pub const BASE: u32 = 0x10_0000;

/// A program header.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub kind: u32,
    pub offset: u32,
    pub address: u32,
    pub file_bytes: u32,
    pub memory_bytes: u32,
    pub flags: u32,
}

/// An ELF file in the making. The contents follow each other from `CONTENTS` on.
#[derive(Clone, Debug)]
pub struct Elf {
    pub class: u8,
    pub kind: u16,
    pub machine: u16,
    pub entry: u32,
    pub headers: Vec<Header>,
    pub contents: Vec<u8>,
}

/// The offset of the contents: room for eight program headers before.
pub const CONTENTS: u32 = 52 + 8 * 32;
pub const LOAD: u32 = 1;
pub const NOTE: u32 = 4;

impl Elf {
    /// One segment with these bytes, read, written and executed, and `memory_bytes` long.
    pub fn with_code(code: &[u8], memory_bytes: u32) -> Self {
        let file_bytes = code.len() as u32;
        let load = Header { kind: LOAD, offset: CONTENTS, address: BASE, file_bytes, memory_bytes, flags: 7 };
        Self { class: 1, kind: 2, machine: 3, entry: BASE, headers: vec![load], contents: code.to_vec() }
    }

    /// Adds a note of the ABI's owner.
    pub fn note(mut self, kind: u32, description: &[u8]) -> Self {
        let mut note = Vec::new();
        note.extend((NOTE_NAME.len() as u32 + 1).to_le_bytes());
        note.extend((description.len() as u32).to_le_bytes());
        note.extend(kind.to_le_bytes());
        note.extend(NOTE_NAME.as_bytes());
        note.resize(note.len().next_multiple_of(4).max(12 + (NOTE_NAME.len() + 1).next_multiple_of(4)), 0);
        note.extend(description);
        let offset = CONTENTS + self.contents.len() as u32;
        let file_bytes = note.len() as u32;
        self.headers.push(Header { kind: NOTE, offset, address: 0, file_bytes, memory_bytes: 0, flags: 4 });
        self.contents.extend(note);
        self
    }

    pub fn own_note(self) -> Self {
        self.note(NOTE_ABI, &own_note().to_bytes())
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0x7f, b'E', b'L', b'F', self.class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        for word in [1, self.entry, 52, 0, 0] {
            file.extend(word.to_le_bytes());
        }
        for half in [52, 32, self.headers.len() as u16, 40, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        for header in &self.headers {
            let Header { kind, offset, address, file_bytes, memory_bytes, flags } = *header;
            for word in [kind, offset, address, address, file_bytes, memory_bytes, flags, 4] {
                file.extend(u32::to_le_bytes(word));
            }
        }
        file.resize(CONTENTS as usize, 0);
        file.extend(&self.contents);
        file
    }
}

/// A guest in machine code, from `BASE` on.
#[derive(Clone, Debug, Default)]
pub struct Code {
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Register {
    Eax,
    Ecx,
    Edx,
    Ebx,
    Esp,
    Esi = 6,
    Edi,
}

/// Call arguments, in order.
const ARGUMENTS: [Register; 5] = [Register::Ebx, Register::Ecx, Register::Edx, Register::Esi, Register::Edi];

impl Code {
    pub fn here(&self) -> u32 {
        BASE + self.bytes.len() as u32
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// Fills up to an offset, so that what follows has a known address.
    pub fn at(mut self, offset: u32) -> Self {
        assert!(self.bytes.len() <= offset as usize, "the code before {offset:x}h is too long");
        self.bytes.resize(offset as usize, 0x90);
        self
    }

    /// mov register, value
    pub fn set(self, register: Register, value: u32) -> Self {
        self.raw(&[0xb8 + register as u8]).raw(&value.to_le_bytes())
    }

    /// mov dword [address], value
    pub fn store(self, address: u32, value: u32) -> Self {
        self.raw(&[0xc7, 0x05]).raw(&address.to_le_bytes()).raw(&value.to_le_bytes())
    }

    /// inc dword [address]
    pub fn increment(self, address: u32) -> Self {
        self.raw(&[0xff, 0x05]).raw(&address.to_le_bytes())
    }

    /// mov eax, [address]
    pub fn load_eax(self, address: u32) -> Self {
        self.raw(&[0xa1]).raw(&address.to_le_bytes())
    }

    /// mov [address], eax
    pub fn store_eax(self, address: u32) -> Self {
        self.raw(&[0xa3]).raw(&address.to_le_bytes())
    }

    /// jmp to
    pub fn jump(self, to: u32) -> Self {
        let after = self.here() + 5;
        self.raw(&[0xe9]).raw(&to.wrapping_sub(after).to_le_bytes())
    }

    /// A hypercall by its gate.
    pub fn call(mut self, call: Call, arguments: &[u32]) -> Self {
        for (register, argument) in ARGUMENTS.into_iter().zip(arguments) {
            self = self.set(register, *argument);
        }
        self.set(Register::Eax, call.description().number).raw(&[0xcd, 0x82])
    }

    /// The end of a handler: a frame on the stack, everything else as it was.
    pub fn iret(self) -> Self {
        self.raw(&[0x50]).set(Register::Eax, Call::Iret.description().number).raw(&[0xcd, 0x82])
    }

    pub fn image(&self) -> Arc<Image> {
        Arc::new(Image::read(&Elf::with_code(&self.bytes, 0x8000).own_note().bytes()).unwrap())
    }

    pub fn machine(&self) -> Machine {
        // Little memory: there are many machines in these tests, and an allocator clears what it hands out again.
        let config = Config { memory_bytes: Some(1 << 20), ..Config::default() };
        Machine::new(self.image(), config).unwrap()
    }
}

/// Runs to the end, at most a million instructions.
pub fn finish(machine: &mut Machine, recorder: &mut impl Recorder) -> (Outcome, Vec<u8>) {
    let limits = Limits { executed_units: Some(1_000_000), ..Limits::default() };
    let mut output = Vec::new();
    loop {
        let progress = machine.run(&limits, recorder);
        output.extend(machine.take_output());
        match progress {
            Progress::Output | Progress::Slice | Progress::InputWanted => {}
            Progress::Idle { .. } => panic!("the guest waits for input that the test does not give"),
            Progress::Finished(outcome) => return (outcome, output),
        }
    }
}
