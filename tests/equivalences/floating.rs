//! The floating-point part of random programs: x87, MMX and SSE on registers and memory, control words included.

use super::program::Generator;

impl Generator {
    /// Any x87 instruction; sometimes a stack to work on, or an end to pending exceptions.
    pub fn x87(&mut self) {
        match self.random.below(8) {
            0 => self.bytes(&[0xdb, 0xe3, 0xd9, 0xe8, 0xd9, 0xeb, 0xd9, 0xed]),
            1 => self.bytes(&[0xdb, 0xe2]),
            2 => self.control_word(),
            // A comparison and what it says, where a branch can see it.
            3 => self.bytes(&[0xd8, 0xd1, 0xdf, 0xe0, 0x9e]),
            4 => {
                let which = self.random.byte() & 7;
                self.bytes(&[0xdb, 0xf0 | which]);
            }
            _ => {
                let sizes = self.prefixes();
                let (escape, which) = (0xd8 | self.random.byte() & 7, self.random.byte());
                self.bytes(&[escape]);
                self.operand(which, sizes);
            }
        }
    }

    /// PUSH of a control word, FLDCW, POP: any precision, any rounding, mostly masked.
    fn control_word(&mut self) {
        let masks = if self.random.once_in(4) { self.random.byte() & 0x3f } else { 0x3f };
        let high = self.random.byte() & 0x0f;
        self.bytes(&[0x68, 0x40 | masks, high, 0, 0, 0xd9, 0x2c, 0x24, 0x58]);
    }

    /// An MMX or SSE instruction, and now and then EMMS or a change of MXCSR.
    pub fn vector(&mut self) {
        match self.random.below(8) {
            0 => self.bytes(&[0x0f, 0x77]),
            1 => {
                let (masks, round) =
                    (self.random.choose(&[0x1f, 0x1f, 0x1f, 0x05]), self.random.byte() & 0xe0);
                // PUSH; LDMXCSR [ESP]; POP EAX.
                self.bytes(&[0x68, 0x80, masks | round, 0, 0, 0x0f, 0xae, 0x14, 0x24, 0x58]);
            }
            _ => {
                let prefix = self.random.choose(&[0x66, 0x66, 0xf3, 0xf2, 0x3e, 0x3e]);
                let block = self.random.choose(&[0x10, 0x50, 0x50, 0x60, 0x60, 0x70, 0xd0, 0xe0, 0xf0, 0xc0]);
                let (opcode, which) = (block | self.random.byte() & 0x0f, self.random.byte());
                let sizes = Self::plain_sizes();
                self.bytes(&[prefix, 0x0f, opcode]);
                self.operand(which, sizes);
                if matches!(opcode, 0x70..=0x73 | 0xc2 | 0xc4..=0xc6) {
                    let immediate = self.random.byte();
                    self.bytes(&[immediate]);
                }
            }
        }
    }
}
