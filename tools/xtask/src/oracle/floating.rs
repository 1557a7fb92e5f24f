//! Makes cases of x87, MMX and SSE: every form of the catalogue in its turn, with a state and operands that matter.

use super::catalogue::{Family, Form};
use super::forms::{decode_any, is_short, memory_operand};
use super::generate::{DATA, Draft, Generator, LOW, PAGE, STACK, put};
use super::operands::{Lanes, operand};
use super::values::{control_word, extended, mxcsr, related, status_word, tags};
use iced_x86::{Instruction, Mnemonic, Register};
use vectors::{Fpu, Hex, Sse};

/// What instructions in a row are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Row {
    X87,
    Vectors,
    /// In turns: MMX has its registers where x87 has them.
    Both,
}

/// Where operands of instructions in a row lie.
const BLOCK_DATA: u32 = DATA + 0x800;
const ESP: usize = 4;

impl Generator {
    pub(super) fn x87(&mut self) -> Draft {
        match self.random.below(100) {
            0..85 => {
                let form = self.x87.next().clone();
                self.instruction(&form)
            }
            85..93 => self.row(Row::X87),
            93..98 => self.row(Row::Both),
            _ => self.reserved_escape(),
        }
    }

    pub(super) fn vector(&mut self) -> Draft {
        match self.random.below(100) {
            0..90 => {
                let form = self.vectors.next().clone();
                self.instruction(&form)
            }
            90..96 => self.row(Row::Vectors),
            _ => self.row(Row::Both),
        }
    }

    fn instruction(&mut self, form: &Form) -> Draft {
        loop {
            let bytes = self.form_bytes(form, true);
            let Some((instruction, offsets)) = decode_any(&bytes) else { continue };
            let mut draft = self.start(form.family.group());
            draft.ram.clear();
            draft.code = bytes[..instruction.len()].to_vec();
            let extended = self.state(form.family, &instruction);
            draft.extended = Some(extended);
            if memory_operand(&instruction).is_none() {
                self.aim_implied(&mut draft, &instruction);
                return draft;
            }
            let bytes = instruction.memory_size().size().max(1) as u32;
            let mut target = self.target().min(u32::MAX - 1024);
            if !self.random.percent(12) {
                target &= !(bytes.next_power_of_two().min(16) - 1);
            }
            if is_short(&instruction) {
                target = self.random.below(PAGE / 16 - 40) * 16 + self.random.choose(&[0, 0, 0, 8, 4, 1]);
            }
            if let Some(address) = self.aim_at(&mut draft, &instruction, &offsets, target) {
                if address > u32::MAX - 1024 {
                    continue;
                }
                let value = operand(&mut self.random, &instruction);
                put(&mut draft, address, value);
            }
            return draft;
        }
    }

    /// MASKMOVQ and MASKMOVDQU store at DS:EDI without naming it.
    fn aim_implied(&mut self, draft: &mut Draft, instruction: &Instruction) {
        if matches!(instruction.mnemonic(), Mnemonic::Maskmovq | Mnemonic::Maskmovdqu) {
            let target = self.target().min(u32::MAX - 1024);
            let within_reach = LOW + target % (PAGE - 32);
            let is_short = draft.code.contains(&0x67);
            draft.general[7] = if is_short { target << 16 | within_reach } else { target };
        }
    }

    /// Prefixes that change nothing but the segment or a size, and an encoding with a memory operand of any shape.
    fn form_bytes(&mut self, form: &Form, any_address: bool) -> Vec<u8> {
        let random = &mut self.random;
        let mut bytes = Vec::new();
        if random.percent(6) {
            bytes.push(random.choose(&[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]));
        }
        // For SSE the operand size is part of the opcode.
        if form.family.is_x87() && random.percent(8) {
            bytes.push(0x66);
        }
        if any_address && random.percent(8) {
            bytes.push(0x67);
        }
        // To x87 a repetition means nothing.
        if form.family.is_x87() && form.encodings[0][0] != 0x0f && random.percent(4) {
            bytes.push(random.choose(&[0xf2, 0xf3]));
        }
        let chosen = random.below(form.encodings.len() as u32) as usize;
        bytes.extend(&form.encodings[chosen]);
        if form.in_memory
            && let Some(modrm) = bytes.last_mut()
        {
            let shape = if any_address { random.choose(&[0, 0x40, 0x80]) | random.below(8) as u8 } else { 5 };
            *modrm = *modrm & 0x38 | shape;
        }
        bytes.extend((0..10).map(|_| random.bits() as u8));
        bytes
    }

    /// The x87 and SSE state before an instruction of `family`.
    fn state(&mut self, family: Family, instruction: &Instruction) -> (Fpu, Sse) {
        let random = &mut self.random;
        if family.is_x87() {
            let control = control_word(random);
            let mut st = [0; 8].map(|_: u128| extended(random));
            if random.percent(30) {
                st[1] = related(random, st[0]);
                st[3] = related(random, st[0]);
            }
            // What is outside their domain has no defined result.
            match instruction.mnemonic() {
                Mnemonic::F2xm1 => st[0] = below(st[0], 0x3fff),
                Mnemonic::Fyl2xp1 => st[0] = below(st[0], 0x3ffd),
                _ => {}
            }
            let mut sse = Sse { mxcsr: Some(0x1f80), xmm: Some([Hex(0); 8]) };
            if instruction.mnemonic() == Mnemonic::Fxsave {
                sse = Sse {
                    mxcsr: Some(mxcsr(random)),
                    xmm: Some([0; 8].map(|_: u128| Hex(Lanes::Bytes.number(random)))),
                };
            }
            let fpu = Fpu {
                cw: Some(control),
                sw: Some(status_word(random, control)),
                tag: Some(tags(random)),
                st: Some(st.map(Hex)),
            };
            return (fpu, sse);
        }
        let lanes = Lanes::of(random, instruction);
        let mut xmm = [0; 8].map(|_: u128| Hex(lanes.number(random)));
        if random.percent(20) {
            xmm[usize::from(instruction.op0_register().number() as u8 & 7)] =
                xmm[usize::from(instruction.op1_register().number() as u8 & 7)];
        }
        let sse = Sse { mxcsr: Some(mxcsr(random)), xmm: Some(xmm) };
        // Only instructions with MMX registers take notice of the x87 state.
        let uses_mmx = (0..instruction.op_count()).any(|at| instruction.op_register(at).is_mm());
        // The others have to ignore it. Processors differ in whether a conversion from packed integers in memory does.
        let converts = matches!(instruction.mnemonic(), Mnemonic::Cvtpi2ps | Mnemonic::Cvtpi2pd);
        let ignores = !(uses_mmx || instruction.mnemonic() == Mnemonic::Emms);
        if ignores && (converts || random.percent(90)) {
            return (Fpu { cw: Some(0x37f), sw: Some(0), tag: Some(0), st: Some([Hex(0); 8]) }, sse);
        }
        let control = if random.percent(90) { 0x37f } else { control_word(random) };
        let number = |random: &mut _| Hex(lanes.number(random) & u128::from(u64::MAX) | 0xffff << 64);
        let fpu = Fpu {
            cw: Some(control),
            sw: Some(status_word(random, control)),
            tag: Some(tags(random)),
            st: Some([0; 8].map(|_: u128| number(random))),
        };
        (fpu, sse)
    }

    /// Instructions in a row, with operands in registers and at fixed places.
    fn row(&mut self, of: Row) -> Draft {
        let mut draft = self.start(if of == Row::X87 { Family::X87 } else { Family::Sse2 }.group());
        draft.general[ESP] = STACK + 0x800;
        draft.ram.clear();
        draft.eip &= !0xfff;
        let count = 3 + self.random.below(12);
        while draft.steps <= count {
            let x87 = of == Row::X87 || of == Row::Both && self.random.percent(60);
            // A row has forms from all over the catalogue.
            let skipped = self.random.below(40);
            let turns = if x87 { &mut self.x87 } else { &mut self.vectors };
            (0..skipped).for_each(|_| {
                turns.next();
            });
            let form = turns.next().clone();
            let mut bytes = self.form_bytes(&form, false);
            let Some((instruction, offsets)) = decode_any(&bytes) else { continue };
            if !fits_row(&form, &instruction) {
                continue;
            }
            if draft.extended.is_none() {
                let state = self.state(form.family, &instruction);
                draft.extended = Some(state);
            }
            if offsets.has_displacement() {
                let target = BLOCK_DATA + self.random.below(8) * 16;
                let at = offsets.displacement_offset();
                bytes[at..at + 4].copy_from_slice(&target.to_le_bytes());
                if self.random.percent(60) {
                    let value = operand(&mut self.random, &instruction);
                    put(&mut draft, target, value);
                }
            }
            draft.code.extend(&bytes[..instruction.len()]);
            draft.steps += 1;
        }
        draft.steps -= 1;
        draft
    }

    /// D8 to DF with a second byte that the decoder does not know: #UD.
    fn reserved_escape(&mut self) -> Draft {
        loop {
            let bytes = [0xd8 + self.random.below(8) as u8, self.random.bits() as u8, 0, 0, 0, 0, 0];
            if decode_any(&bytes).is_none() {
                let mut draft = self.start("ud");
                draft.ram.clear();
                draft.code = bytes[..2].to_vec();
                return draft;
            }
        }
    }
}

/// The number, or with the exponent brought down if it is finite and has `end` or more for its biased exponent.
fn below(number: u128, end: u128) -> u128 {
    match number >> 64 & 0x7fff {
        exponent if (end..0x7fff).contains(&exponent) => {
            number & !(0x7fff << 64) | (end - 1 - (exponent & 0x1f)) << 64
        }
        _ => number,
    }
}

/// Whether an instruction can stand in a row: its result is exact, it does not fault by its address, and it stores nothing
/// that the manual leaves open.
fn fits_row(form: &Form, instruction: &Instruction) -> bool {
    let exact = !matches!(form.family, Family::Transcendental | Family::Approximation);
    let left_out = matches!(
        instruction.mnemonic(),
        Mnemonic::Fnstenv
            | Mnemonic::Fnsave
            | Mnemonic::Fldenv
            | Mnemonic::Frstor
            | Mnemonic::Fxsave
            | Mnemonic::Fxrstor
            | Mnemonic::Ldmxcsr
            | Mnemonic::Maskmovq
            | Mnemonic::Maskmovdqu
    );
    let segment = instruction.memory_segment();
    let plain = memory_operand(instruction).is_none()
        || !matches!(segment, Register::CS | Register::FS | Register::GS);
    exact && !left_out && plain
}
