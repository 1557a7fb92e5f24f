//! Random i386 code: arithmetic on registers and memory, loops, calls, string instructions, floating point, stores into
//! the code itself, and some bytes that mean nothing.
//!
//! Not here: a check of what an instruction does. The programs serve to compare two ways of running them.

use super::random::Random;

/// Where a program's code lies: two pages that may be read, written and executed.
pub const CODE: u32 = 0x10_0000;
/// The same frames again, to be written through another address.
pub const CODE_ALIAS: u32 = 0x40_0000;
/// Two pages of data.
pub const DATA: u32 = 0x20_1000;
/// The page whose first bytes end a run when a store makes them ask for attention.
pub const ATTENDED: u32 = DATA;
/// The same frames again, within reach of 16-bit addresses.
pub const DATA_LOW: u32 = 0x1000;
/// A page after the data that may only be read.
pub const READ_ONLY: u32 = DATA + 0x2000;
/// Two pages of stack.
pub const STACK: u32 = 0x30_4000;

/// EAX to EDI at the start of a program and after each exception.
pub const ANCHORS: [u32; 8] =
    [0x1234_5678, 5, 0x8000_0001, DATA + 0x800, STACK + 0x1000, STACK + 0x800, DATA + 0x100, DATA + 0xfd0];

/// Code and where its instructions start, as offsets from [`CODE`].
#[derive(Clone, Debug)]
pub struct Program {
    pub seed: u64,
    pub start: u32,
    pub code: Vec<u8>,
    pub starts: Vec<u32>,
}

impl Program {
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        // The code crosses from the first page into the second.
        let start = 0x1000 - random.below(400);
        let instructions = 20 + random.below(120);
        let mut generator = Generator { random, start, code: Vec::new(), starts: Vec::new() };
        for _ in 0..instructions {
            generator.starts.push(generator.here());
            generator.instruction();
        }
        generator.starts.push(generator.here());
        let back = generator.start.wrapping_sub(generator.here() + 5);
        generator.bytes(&[0xe9]);
        generator.bytes(&back.to_le_bytes());
        Self { seed, start, code: generator.code, starts: generator.starts }
    }
}

pub struct Generator {
    pub random: Random,
    start: u32,
    code: Vec<u8>,
    starts: Vec<u32>,
}

/// What the prefixes of the instruction at hand change.
#[derive(Clone, Copy)]
pub struct Sizes {
    word_operand: bool,
    word_address: bool,
}

impl Generator {
    fn here(&self) -> u32 {
        self.start + self.code.len() as u32
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
    }

    fn instruction(&mut self) {
        match self.random.below(38) {
            0..=6 => self.arithmetic(),
            7..=8 => self.unary(),
            9..=10 => self.shift(),
            11..=13 => self.transfer(),
            14..=15 => self.bits(),
            16..=17 => self.stack(),
            18..=20 => self.branch(),
            21..=22 => self.string(),
            23..=24 => self.anchor(),
            25 => self.short(),
            26..=27 => self.condition(),
            28 => self.self_modify(),
            29 => self.exchange(),
            30 => self.special(),
            31 => self.attend(),
            32..=34 => self.x87(),
            35..=36 => self.vector(),
            _ => self.noise(),
        }
    }

    /// What an instruction without prefixes has.
    pub fn plain_sizes() -> Sizes {
        Sizes { word_operand: false, word_address: false }
    }

    pub fn prefixes(&mut self) -> Sizes {
        if self.random.once_in(30) {
            self.bytes(&[0xf0]);
        }
        if self.random.once_in(30) {
            let segment = self.random.choose(&[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]);
            self.bytes(&[segment]);
        }
        let sizes = Sizes { word_operand: self.random.once_in(5), word_address: self.random.once_in(20) };
        if sizes.word_operand {
            self.bytes(&[0x66]);
        }
        if sizes.word_address {
            self.bytes(&[0x67]);
        }
        sizes
    }

    /// ModR/M with `reg` in the middle, and what belongs to it.
    pub fn operand(&mut self, reg: u8, sizes: Sizes) {
        let reg = (reg & 7) << 3;
        if self.random.below(5) < 2 {
            let register = self.random.choose(&[0, 1, 2, 3, 5, 6, 7]);
            self.bytes(&[0xc0 | reg | register]);
        } else if sizes.word_address {
            let (rm, offset) = (self.random.byte() & 7, self.random.byte() & 0x7f);
            self.bytes(&[0x40 | reg | rm, offset]);
        } else {
            self.memory_operand(reg);
        }
    }

    fn memory_operand(&mut self, reg: u8) {
        let base = self.random.choose(&[3, 5, 6, 7]);
        match self.random.below(8) {
            0..=3 => {
                let offset = self.random.byte();
                self.bytes(&[0x40 | reg | base, offset]);
            }
            4 => {
                let offset = self.random.below(0x400);
                self.bytes(&[0x80 | reg | base]);
                self.bytes(&offset.to_le_bytes());
            }
            5 => {
                let (scaled, offset) = (self.random.byte() & 0xf8, self.random.byte());
                self.bytes(&[0x44 | reg, scaled | base, offset]);
            }
            _ => {
                let address = self.address();
                self.bytes(&[0x05 | reg]);
                self.bytes(&address.to_le_bytes());
            }
        }
    }

    /// An address that is worth an access: mostly data, sometimes a boundary.
    fn address(&mut self) -> u32 {
        match self.random.below(10) {
            0..=4 => DATA + self.random.below(0x1ff8),
            5 => DATA + 0x1000 - self.random.below(8),
            6 => READ_ONLY - self.random.below(8),
            7 => DATA - self.random.below(4),
            8 => DATA_LOW + self.random.below(0x1ff8),
            _ => STACK + 0x1000 - self.random.below(32),
        }
    }

    fn immediate(&mut self, sizes: Sizes) {
        let value = match self.random.below(3) {
            0 => self.random.next() as u32,
            1 => self.random.choose(&[0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x8000, 0x7fff]),
            _ => u32::from(self.random.byte()),
        };
        let length = if sizes.word_operand { 2 } else { 4 };
        self.bytes(&value.to_le_bytes()[..length]);
    }

    fn arithmetic(&mut self) {
        let sizes = self.prefixes();
        let operation = self.random.byte() & 7;
        let reg = self.register();
        match self.random.below(8) {
            0..=3 => {
                let form = self.random.byte() & 3;
                self.bytes(&[operation << 3 | form]);
                self.operand(reg, sizes);
            }
            4 => {
                let value = self.random.byte();
                self.bytes(&[operation << 3 | 4, value]);
            }
            5 => {
                self.bytes(&[operation << 3 | 5]);
                self.immediate(sizes);
            }
            6 => {
                self.bytes(&[0x81]);
                self.operand(operation, sizes);
                self.immediate(sizes);
            }
            _ => {
                let opcode = self.random.choose(&[0x80, 0x83]);
                let value = self.random.byte();
                self.bytes(&[opcode]);
                self.operand(operation, sizes);
                self.bytes(&[value]);
            }
        }
    }

    /// A register's number; ESP seldom, so that the stack stays usable.
    fn register(&mut self) -> u8 {
        if self.random.once_in(60) { 4 } else { self.random.choose(&[0, 1, 2, 3, 0, 2, 5, 6, 7]) }
    }

    fn unary(&mut self) {
        let sizes = self.prefixes();
        match self.random.below(4) {
            0 => {
                let opcode = self.random.choose(&[0x40, 0x48]) | self.register();
                self.bytes(&[opcode]);
            }
            1 => {
                let (opcode, which) = (self.random.choose(&[0xfe, 0xff]), self.random.byte() & 1);
                self.bytes(&[opcode]);
                self.operand(which, sizes);
            }
            _ => {
                let (wide, which) = (self.random.byte() & 1, self.random.byte() & 7);
                self.bytes(&[0xf6 | wide]);
                self.operand(which, sizes);
                match (which, wide) {
                    (0 | 1, 0) => self.bytes(&[0x5a]),
                    (0 | 1, _) => self.immediate(sizes),
                    _ => {}
                }
            }
        }
    }

    fn shift(&mut self) {
        let sizes = self.prefixes();
        let (which, count) = (self.random.byte(), self.random.byte());
        let opcode = self.random.choose(&[0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3, 0xa4, 0xa5, 0xac, 0xad]);
        if matches!(opcode, 0xa4 | 0xa5 | 0xac | 0xad) {
            self.bytes(&[0x0f]);
        }
        self.bytes(&[opcode]);
        self.operand(which, sizes);
        if matches!(opcode, 0xc0 | 0xc1 | 0xa4 | 0xac) {
            self.bytes(&[count]);
        }
    }

    fn transfer(&mut self) {
        let sizes = self.prefixes();
        let reg = self.register();
        match self.random.below(8) {
            0..=2 => {
                let opcode = self.random.choose(&[0x88, 0x89, 0x8a, 0x8b]);
                self.bytes(&[opcode]);
                self.operand(reg, sizes);
            }
            3 => {
                let register = self.random.choose(&[0, 1, 2]);
                self.bytes(&[0xb8 | register]);
                self.immediate(sizes);
            }
            4 => {
                self.bytes(&[0xc7]);
                self.operand(0, sizes);
                self.immediate(sizes);
            }
            5 => {
                let opcode = self.random.choose(&[0xb6, 0xb7, 0xbe, 0xbf, 0xaf]);
                self.bytes(&[0x0f, opcode]);
                self.operand(reg, sizes);
            }
            6 => {
                let target = self.random.choose(&[0, 1, 2]);
                self.bytes(&[0x8d]);
                self.operand(target, sizes);
            }
            _ => {
                self.bytes(&[0x69]);
                self.operand(reg, sizes);
                self.immediate(sizes);
            }
        }
    }

    fn bits(&mut self) {
        let sizes = self.prefixes();
        let reg = self.register();
        let opcode = self.random.choose(&[0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd, 0xba, 0xc8]);
        match opcode {
            0xba => {
                let (which, bit) = (4 | self.random.byte() & 3, self.random.byte());
                self.bytes(&[0x0f, opcode]);
                self.operand(which, sizes);
                self.bytes(&[bit]);
            }
            0xc8 => self.bytes(&[0x0f, opcode | reg]),
            _ => {
                self.bytes(&[0x0f, opcode]);
                self.operand(reg, sizes);
            }
        }
    }

    fn stack(&mut self) {
        let reg = self.register();
        match self.random.below(12) {
            0..=2 => self.bytes(&[0x50 | reg]),
            3..=5 => self.bytes(&[0x58 | reg]),
            6 => self.bytes(&[0x9c]),
            7 => self.bytes(&[0x60]),
            8 => self.bytes(&[0x61]),
            // PUSHF, then an image with other arithmetic flags, seldom TF, DF, NT or AC.
            9 => {
                let bits = self.random.choose(&[0x8d5, 0x0, 0x400, 0x100, 0x4_0000, 0x4_0000, 0x4000]);
                self.bytes(&[0x68]);
                self.bytes(&(2_u32 | bits).to_le_bytes());
                self.bytes(&[0x9d]);
            }
            10 => {
                let (size, level) = (self.random.below(64), self.random.below(4));
                self.bytes(&[0xc8, size as u8, 0, level as u8]);
                self.bytes(&[0xc9]);
            }
            _ => {
                let segment = self.random.choose(&[[0x1e, 0x07], [0x06, 0x1f], [0x16, 0x17], [0x0e, 0x1f]]);
                self.bytes(&segment);
            }
        }
    }

    fn branch(&mut self) {
        let condition = self.random.byte() & 15;
        match self.random.below(8) {
            // Over the next few bytes, which hold whole instructions of two bytes.
            0..=2 => self.bytes(&[0x70 | condition, 4, 0x31, 0xd0, 0xf7, 0xd8]),
            3 => self.bytes(&[0x0f, 0x80 | condition, 2, 0, 0, 0, 0x01, 0xc2]),
            // A loop of up to eight rounds.
            4..=5 => {
                let rounds = 1 + self.random.below(8);
                let body = self.random.choose(&[[0x01, 0xd0], [0x31, 0x0b], [0x29, 0xc2], [0xd1, 0xc0]]);
                self.bytes(&[0xb9]);
                self.bytes(&rounds.to_le_bytes());
                self.bytes(&body);
                let opcode = self.random.choose(&[0xe2, 0xe2, 0xe1, 0xe0]);
                self.bytes(&[opcode, 0xfc]);
            }
            // CALL over a RET to a body that returns there.
            6 => self.bytes(&[0xe8, 2, 0, 0, 0, 0xeb, 3, 0x01, 0xc8, 0xc3]),
            _ => {
                let target = CODE + self.random.choose(&self.starts);
                self.bytes(&[0xb8]);
                self.bytes(&target.to_le_bytes());
                // Taken only where the carry says so, or no program would reach its end.
                self.bytes(&[0x73, 2, 0xff, 0xe0]);
            }
        }
    }

    fn string(&mut self) {
        if self.random.once_in(2) {
            let count = self.random.below(40);
            self.bytes(&[0xb9]);
            self.bytes(&count.to_le_bytes());
        }
        if self.random.once_in(2) {
            let (opcode, address) = (self.random.choose(&[0xbe, 0xbf]), self.address());
            self.bytes(&[opcode]);
            self.bytes(&address.to_le_bytes());
        }
        let repeat = self.random.choose(&[0xf3, 0xf3, 0xf2, 0x90]);
        self.bytes(&[repeat]);
        if self.random.once_in(4) {
            self.bytes(&[0x66]);
        }
        let opcode = self.random.choose(&[0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]);
        self.bytes(&[opcode]);
    }

    /// Makes a register point at something again.
    fn anchor(&mut self) {
        let register = self.random.choose(&[1, 3, 5, 6, 7]);
        let value = ANCHORS[register as usize];
        self.bytes(&[0xb8 | register]);
        self.bytes(&value.to_le_bytes());
    }

    fn short(&mut self) {
        let opcode = self.random.choose(&[
            0x27, 0x2f, 0x37, 0x3f, 0x98, 0x99, 0x9e, 0x9f, 0xd7, 0xf5, 0xf8, 0xf9, 0xfc, 0xfc, 0xfd, 0xd6,
        ]);
        self.bytes(&[opcode]);
        if self.random.once_in(4) {
            let adjust = self.random.choose(&[[0xd4, 10], [0xd5, 10], [0xd4, 0], [0x66, 0x98], [0x66, 0x99]]);
            self.bytes(&adjust);
        }
    }

    fn condition(&mut self) {
        let sizes = self.prefixes();
        let (group, condition) = (self.random.choose(&[0x90, 0x40]), self.random.byte() & 15);
        let reg = self.register();
        self.bytes(&[0x0f, group | condition]);
        self.operand(reg, sizes);
    }

    /// A store into the code, at its own address or at the other: mostly into what was written already.
    fn self_modify(&mut self) {
        let base = self.random.choose(&[CODE, CODE_ALIAS]);
        let offset = self.start + self.random.below(self.code.len() as u32 + 24);
        let value = self.random.choose(&[0x90, 0x40, 0x42, 0xf8, 0xf9, 0x91]);
        self.bytes(&[0xc6, 0x05]);
        self.bytes(&(base + offset).to_le_bytes());
        self.bytes(&[value]);
    }

    fn exchange(&mut self) {
        let sizes = self.prefixes();
        let reg = self.register();
        let opcode = self.random.choose(&[0x86, 0x87, 0xb0, 0xb1, 0xc0, 0xc1, 0xc7]);
        if opcode >= 0xb0 {
            self.bytes(&[0x0f]);
        }
        self.bytes(&[opcode]);
        self.operand(if opcode == 0xc7 { 1 } else { reg }, sizes);
    }

    /// What leaves the processor, and what only looks as if it did.
    fn special(&mut self) {
        let choices: [&[u8]; 14] = [
            &[0xcc],
            &[0xcd, 0x82],
            &[0xce],
            &[0xfa],
            &[0xf4],
            &[0xec],
            &[0x0f, 0x0b],
            &[0x0f, 0x31],
            &[0x0f, 0xa2],
            &[0x62, 0x03],
            &[0x0f, 0x00, 0xc8],
            &[0x0f, 0x01, 0xe0],
            &[0x8e, 0xd8],
            &[0xcf],
        ];
        let bytes = self.random.choose(&choices);
        self.bytes(bytes);
    }

    /// A store into the attended bytes: a flash of the mask, a request, or both with one instruction.
    fn attend(&mut self) {
        let (opcode, offset, value) = self.random.choose(&[
            ([0xc7, 0x05], 0, 0_u32),
            ([0xc7, 0x05], 0, 1),
            ([0xc7, 0x05], 4, 1),
            ([0xc7, 0x05], 2, 0),
            ([0x81, 0x25], 0, 0),
            ([0x81, 0x0d], 4, 0x100),
        ]);
        self.bytes(&opcode);
        self.bytes(&(ATTENDED + offset).to_le_bytes());
        self.bytes(&value.to_le_bytes());
    }

    fn noise(&mut self) {
        for _ in 0..=self.random.below(3) {
            let byte = self.random.byte();
            self.bytes(&[byte]);
        }
    }
}
