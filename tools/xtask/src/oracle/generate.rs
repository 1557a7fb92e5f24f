//! Makes cases: random encodings of integer instructions, filtered by the decoder, with operands that make sense.
//! The cases of x87, MMX and SSE are in `floating.rs`.
//!
//! Left out is what depends on the host rather than on the architecture: CPUID, RDTSC, SGDT and its like, descriptors
//! other than the flat ones, software interrupts with an open gate, control and debug registers.

use super::catalogue::{self, Form};
use super::forms::{bit_string, decode, decode_any, effective, fits_block, is_short, memory_operand};
use super::random::Random;
use emulator::flags;
use iced_x86::{ConstantOffsets, Instruction, Mnemonic, Register};
use vectors::{Fpu, Sse};

/// The memory map of all cases, as a header's line.
pub const HEADER: &str = r#"{"format":"v32","version":1,"mode":"ring3-flat32","regions":[[268435456,8192,"rx",204],[32768,4096,"rw",0],[536870912,8192,"rw",0],[536879104,4096,"r",0],[805306368,4096,"rw",0]],"segments":{"35":{"base":0,"limit":4294967295,"type":"code32"},"43":{"base":0,"limit":4294967295,"type":"data32"}}}"#;

pub(super) const CODE: u32 = 0x1000_0000;
pub(super) const CODE_BYTES: u32 = 0x2000;
pub(super) const LOW: u32 = 0x8000;
pub(super) const DATA: u32 = 0x2000_0000;
const DATA_BYTES: u32 = 0x2000;
pub(super) const STACK: u32 = 0x3000_0000;
pub(super) const PAGE: u32 = 0x1000;

const ESP: usize = 4;
const ECX: usize = 1;

/// One-byte opcodes: all but prefixes, segment loads, far transfers, x87, WAIT, INT1 and string instructions.
const ONE_BYTE_LEFT_OUT: [u8; 36] = [
    0x07, 0x0f, 0x17, 0x1f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0x8e, 0x9a, 0x9b, 0xa4, 0xa5,
    0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xc4, 0xc5, 0xca, 0xcb, 0xcf, 0xea, 0xf0, 0xf1, 0xf2,
    0xf3, 0x6c,
];
/// Second bytes after 0F.
const TWO_BYTE: [u8; 71] = [
    0x06, 0x08, 0x09, 0x0b, 0x1f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b,
    0x4c, 0x4d, 0x4e, 0x4f, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c,
    0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d,
    0x9e, 0x9f, 0xa0, 0xa3, 0xa4, 0xa5, 0xa8, 0xab, 0xac, 0xad, 0xaf, 0xb0, 0xb1, 0xb3, 0xb6, 0xb7, 0xba,
    0xbb, 0xbc, 0xbd,
];
const TWO_BYTE_MORE: [u8; 13] =
    [0xbe, 0xbf, 0xc0, 0xc1, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf];
const STRING: [u8; 10] = [0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf];

/// A case without its answer.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `int`, `string`, `block`, `ud`, or that of an instruction's family.
    pub group: &'static str,
    /// The code at EIP.
    pub code: Vec<u8>,
    /// Instructions in `code`.
    pub steps: u32,
    /// EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI.
    pub general: [u32; 8],
    /// FS and GS; the others are flat.
    pub fs_and_gs: [u16; 2],
    /// Where the code lies.
    pub eip: u32,
    /// EFLAGS.
    pub eflags: u32,
    /// Bytes of memory beside the code.
    pub ram: Vec<(u32, Vec<u8>)>,
    /// The x87 and SSE state, if it is not that after FNINIT.
    pub extended: Option<(Fpu, Sse)>,
}

/// What the cases are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Everything, in equal parts.
    All,
    /// Integer instructions.
    Integer,
    /// x87.
    X87,
    /// MMX, SSE, SSE2 and SSE3.
    Vectors,
}

/// Makes drafts from a seed.
#[derive(Debug)]
pub struct Generator {
    pub(super) random: Random,
    subject: Subject,
    opcodes: Vec<Vec<u8>>,
    turn: usize,
    pub(super) x87: Turns,
    pub(super) vectors: Turns,
}

/// Instruction forms of which each has its turn.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) forms: Vec<Form>,
    turn: usize,
}

impl Turns {
    fn new(forms: Vec<Form>) -> Self {
        Self { forms, turn: 0 }
    }

    pub(super) fn next(&mut self) -> &Form {
        self.turn = (self.turn + 1) % self.forms.len();
        &self.forms[self.turn]
    }
}

impl Generator {
    /// The generator that `seed` names.
    pub fn new(seed: u64, subject: Subject) -> Self {
        let (x87, vectors) = catalogue::forms().into_iter().partition(|form| form.family.is_x87());
        let one = (0..=255).filter(|opcode| !ONE_BYTE_LEFT_OUT.contains(opcode) && !is_x87(*opcode));
        let two = TWO_BYTE.iter().chain(&TWO_BYTE_MORE).map(|opcode| vec![0x0f, *opcode]);
        Self {
            random: Random::new(seed),
            subject,
            opcodes: one.map(|opcode| vec![opcode]).chain(two).collect(),
            turn: 0,
            x87: Turns::new(x87),
            vectors: Turns::new(vectors),
        }
    }

    /// The next draft: mostly single instructions, each opcode or form in its turn.
    pub fn draft(&mut self) -> Draft {
        let subject = match self.subject {
            Subject::All => self.random.choose(&[Subject::Integer, Subject::X87, Subject::Vectors]),
            one => one,
        };
        match subject {
            Subject::X87 => self.x87(),
            Subject::Vectors => self.vector(),
            Subject::All | Subject::Integer => self.integer(),
        }
    }

    fn integer(&mut self) -> Draft {
        match self.random.below(100) {
            0..68 => self.single(),
            68..80 => self.string(),
            _ => self.block(),
        }
    }

    fn single(&mut self) -> Draft {
        loop {
            self.turn = (self.turn + 1) % self.opcodes.len();
            for _ in 0..50 {
                let bytes = self.encoding(self.turn);
                let Some((instruction, offsets)) = decode(&bytes) else {
                    if let Some(draft) = self.illegal_lock(&bytes) {
                        return draft;
                    }
                    continue;
                };
                let mut draft = self.start("int");
                draft.code = bytes[..instruction.len()].to_vec();
                self.aim(&mut draft, &instruction, &offsets);
                return draft;
            }
        }
    }

    /// A prefix LOCK where there may be none: #UD.
    fn illegal_lock(&mut self, bytes: &[u8]) -> Option<Draft> {
        // Behind the prefixes the same byte is part of the opcode or an operand.
        let is_prefix =
            |byte: &&u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
        let position = bytes.iter().take_while(is_prefix).position(|byte| *byte == 0xf0)?;
        let mut without = bytes.to_vec();
        without.remove(position);
        let length = decode(&without)?.0.len() + 1;
        if !self.random.percent(10) || bytes[..length].iter().filter(|byte| **byte == 0xf0).count() != 1 {
            return None;
        }
        let mut draft = self.start("ud");
        draft.code = bytes[..length].to_vec();
        Some(draft)
    }

    fn encoding(&mut self, turn: usize) -> Vec<u8> {
        let mut bytes = self.prefixes();
        if self.random.percent(5) {
            bytes.push(0xf0);
        }
        bytes.extend(&self.opcodes[turn]);
        bytes.extend((0..10).map(|_| self.random.bits() as u8));
        bytes
    }

    fn prefixes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (prefix, often) in
            [(0x66, 30), (0x67, 15), (self.random.choose(&[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]), 8)]
        {
            if self.random.percent(often) {
                bytes.push(prefix);
            }
        }
        bytes
    }

    pub(super) fn start(&mut self, group: &'static str) -> Draft {
        let random = &mut self.random;
        let mut general = [0; 8].map(|_: u32| random.value());
        general[ESP] = STACK + 0x400 + random.below(0x800);
        if random.percent(70) {
            general[ESP] &= !3;
        }
        if random.percent(4) {
            general[ESP] =
                (STACK + random.choose(&[0, PAGE])).wrapping_add(random.below(24)).wrapping_sub(12);
        }
        let mut eflags = flags::ONE | flags::IF | random.bits() as u32 & flags::ARITHMETIC;
        if random.percent(20) {
            eflags |= flags::DF;
        }
        if random.percent(3) {
            eflags |= flags::AC;
        }
        let eip = match random.below(20) {
            0 => CODE + PAGE - random.below(12),
            _ => CODE + random.below(CODE_BYTES - 400),
        };
        let fs_and_gs = [0; 2].map(|_: u16| if random.percent(80) { 0x2b } else { 0 });
        let mut draft = Draft {
            group,
            code: Vec::new(),
            steps: 1,
            general,
            fs_and_gs,
            eip,
            eflags,
            ram: Vec::new(),
            extended: None,
        };
        let stack = draft.general[ESP];
        self.fill(&mut draft, stack, 32);
        draft
    }

    /// Puts random bytes at an address, as far as there is memory.
    fn fill(&mut self, draft: &mut Draft, address: u32, length: u32) {
        let mut words: Vec<u8> = Vec::new();
        while words.len() < length as usize {
            words.extend(self.random.value().to_le_bytes());
        }
        words.truncate(length as usize);
        put(draft, address, words);
    }

    /// An address to access: mostly in writable memory, sometimes at an edge or anywhere.
    pub(super) fn target(&mut self) -> u32 {
        let random = &mut self.random;
        match random.below(100) {
            0..80 => DATA + random.below(DATA_BYTES - 64),
            80..88 => DATA + PAGE - random.below(12),
            88..92 => DATA + DATA_BYTES - random.below(12),
            92..95 => DATA + DATA_BYTES + random.below(PAGE),
            95..97 => DATA.wrapping_sub(random.below(12)),
            _ => random.value(),
        }
    }

    /// Changes a register or the displacement so that the memory operand lies where there is memory.
    fn aim(&mut self, draft: &mut Draft, instruction: &Instruction, offsets: &ConstantOffsets) {
        if matches!(instruction.mnemonic(), Mnemonic::Popf | Mnemonic::Popfd) {
            // The trap flag would end the case somewhere else.
            let clear =
                |(_, bytes): &mut (u32, Vec<u8>)| bytes.iter_mut().skip(1).step_by(4).for_each(|b| *b &= !1);
            draft.ram.iter_mut().for_each(clear);
        }
        if memory_operand(instruction).is_none() {
            return;
        }
        if bit_string(instruction) {
            let number = instruction.op1_register().full_register32().number();
            draft.general[number] = self.random.below(512).wrapping_sub(256);
        }
        let target = self.target();
        if let Some(address) = self.aim_at(draft, instruction, offsets, target) {
            self.fill(draft, address, 8);
        }
    }

    /// Changes a register or the displacement so that the memory operand lies at `target`, or in reach of 16 bits. Returns
    /// where it lies then.
    pub(super) fn aim_at(
        &mut self,
        draft: &mut Draft,
        instruction: &Instruction,
        offsets: &ConstantOffsets,
        target: u32,
    ) -> Option<u32> {
        let operand = memory_operand(instruction)?;
        let short = is_short(instruction);
        let target = if short { LOW + target % (PAGE - 16) } else { target };
        let address = effective(instruction, operand, &draft.general)?;
        let by = target.wrapping_sub(address);
        let base = instruction.memory_base();
        if offsets.has_displacement() && offsets.displacement_size() != 1 {
            let (at, size) = (offsets.displacement_offset(), offsets.displacement_size());
            let displacement = (instruction.memory_displacement32()).wrapping_add(by).to_le_bytes();
            draft.code[at..at + size].copy_from_slice(&displacement[..size]);
        } else if base != Register::None
            && base.full_register32() != instruction.memory_index().full_register32()
        {
            let register = &mut draft.general[base.full_register32().number()];
            *register = register.wrapping_add(by);
        }
        let (instruction, _) = decode_any(&draft.code)?;
        effective(&instruction, operand, &draft.general)
    }

    fn string(&mut self) -> Draft {
        loop {
            let mut bytes = self.prefixes();
            if self.random.percent(65) {
                bytes.insert(0, self.random.choose(&[0xf2, 0xf3]));
            }
            bytes.push(self.random.choose(&STRING));
            let Some((instruction, _)) = decode(&bytes) else { continue };
            let mut draft = self.start("string");
            draft.code = bytes;
            draft.general[ECX] = self.random.below(21);
            let (source, destination) = if is_short(&instruction) {
                draft.general[ECX] |= (self.random.bits() as u32) << 16;
                (LOW + 0x100 + self.random.below(0xe00), LOW + 0x100 + self.random.below(0xe00))
            } else {
                // A comparison takes its operands in any order, so that neither may run across the end of memory.
                [0; 2].map(|_| self.target().min(u32::MAX - 64)).into()
            };
            (draft.general[6], draft.general[7]) = (source, destination);
            let equal = self.random.percent(50);
            for address in [source, destination] {
                let from = address.wrapping_sub(32);
                self.fill(&mut draft, from, 64);
                if equal {
                    // Comparisons go on for a while.
                    if let Some((_, bytes)) = draft.ram.last_mut() {
                        bytes.iter_mut().skip(1).for_each(|byte| *byte = 0x5a);
                    }
                }
            }
            return draft;
        }
    }

    /// Instructions in a row that neither branch nor fault.
    fn block(&mut self) -> Draft {
        let mut draft = self.start("block");
        draft.general[ESP] = STACK + 0x800;
        draft.ram.clear();
        draft.eip = CODE + self.random.below(CODE_BYTES - 400);
        self.fill(&mut draft, STACK + 0x7e0, 96);
        self.fill(&mut draft, DATA + 0x800, 64);
        draft.steps = 4 + self.random.below(14);
        for _ in 0..draft.steps {
            loop {
                let turn = self.random.below(self.opcodes.len() as u32) as usize;
                let mut bytes = self.encoding(turn);
                let Some((instruction, offsets)) = decode(&bytes) else { continue };
                if !fits_block(&instruction) {
                    continue;
                }
                if offsets.has_displacement() {
                    let target = DATA + 0x800 + self.random.below(48);
                    let at = offsets.displacement_offset();
                    bytes[at..at + 4].copy_from_slice(&target.to_le_bytes());
                }
                draft.code.extend(&bytes[..instruction.len()]);
                break;
            }
        }
        draft
    }
}

/// Puts bytes at an address, as far as there is memory.
pub(super) fn put(draft: &mut Draft, address: u32, mut bytes: Vec<u8>) {
    let regions = [(LOW, PAGE), (DATA, DATA_BYTES + PAGE), (STACK, PAGE)];
    let region = regions.into_iter().find(|(base, length)| address.wrapping_sub(*base) < *length);
    if let Some((base, length)) = region {
        bytes.truncate((base + length - address) as usize);
        draft.ram.push((address, bytes));
    }
}

fn is_x87(opcode: u8) -> bool {
    matches!(opcode, 0xd8..=0xdf | 0x6d..=0x6f)
}
