//! Operands in memory and in vector registers, of the type that an instruction expects.

use super::random::Random;
use super::values::{control_word, decimal, double, extended, mxcsr, single, status_word, tags};
use iced_x86::{Instruction, MemorySize, Mnemonic};

/// What the parts of a vector register are taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lanes {
    /// Integers of 8 bits, at edges.
    Bytes,
    /// Integers of 32 bits.
    Integers,
    /// Single precision.
    Singles,
    /// Double precision.
    Doubles,
}

impl Lanes {
    /// What `instruction` takes its source for, with an occasional surprise.
    pub fn of(random: &mut Random, instruction: &Instruction) -> Self {
        if random.percent(8) {
            return random.choose(&[Self::Bytes, Self::Integers, Self::Singles, Self::Doubles]);
        }
        let name = format!("{:?}", instruction.mnemonic()).to_lowercase();
        // CVTPS2PD and its like name the source first.
        let source = name.split('2').next().unwrap_or(&name);
        let by_end =
            [("ps", Self::Singles), ("ss", Self::Singles), ("pd", Self::Doubles), ("sd", Self::Doubles)];
        let found = by_end.into_iter().find(|(end, _)| source.ends_with(end) && !source.starts_with('p'));
        found.map_or_else(|| random.choose(&[Self::Bytes, Self::Integers]), |(_, lanes)| lanes)
    }

    /// 128 bits of such parts.
    pub fn number(self, random: &mut Random) -> u128 {
        let mut number = 0;
        match self {
            Self::Bytes => {
                for _ in 0..16 {
                    let byte = random.choose(&[0, 1, 0x7f, 0x80, 0x81, 0xff, 0x40]);
                    let byte = if random.percent(50) { byte } else { random.bits() as u8 };
                    number = number << 8 | u128::from(byte);
                }
            }
            Self::Integers => (0..4).for_each(|_| number = number << 32 | u128::from(random.value())),
            Self::Singles => (0..4).for_each(|_| number = number << 32 | u128::from(single(random))),
            Self::Doubles => (0..2).for_each(|_| number = number << 64 | u128::from(double(random))),
        }
        number
    }
}

/// The bytes of the memory operand of `instruction`.
pub fn operand(random: &mut Random, instruction: &Instruction) -> Vec<u8> {
    match instruction.memory_size() {
        MemorySize::Float32 => single(random).to_le_bytes().to_vec(),
        MemorySize::Float64 => double(random).to_le_bytes().to_vec(),
        MemorySize::Float80 => extended(random).to_le_bytes()[..10].to_vec(),
        MemorySize::Bcd => decimal(random).to_vec(),
        MemorySize::FpuEnv14 => environment(random, false),
        MemorySize::FpuEnv28 => environment(random, true),
        MemorySize::FpuState94 => state(random, false),
        MemorySize::FpuState108 => state(random, true),
        MemorySize::Fxsave_512Byte => fx_image(random),
        _ if instruction.mnemonic() == Mnemonic::Fldcw => control_word(random).to_le_bytes().to_vec(),
        _ if instruction.mnemonic() == Mnemonic::Ldmxcsr => {
            (mxcsr(random) | reserved(random)).to_le_bytes().to_vec()
        }
        size => {
            let lanes = Lanes::of(random, instruction);
            lanes.number(random).to_le_bytes()[..size.size().clamp(1, 16)].to_vec()
        }
    }
}

/// An image for FLDENV: control, status and tag word, then the instruction and the operand that were last.
fn environment(random: &mut Random, wide: bool) -> Vec<u8> {
    let control = if random.percent(80) { control_word(random) } else { random.bits() as u16 };
    let status = if random.percent(80) { status_word(random, control) } else { random.bits() as u16 };
    let mut bytes = Vec::new();
    for word in [control, status, random.bits() as u16] {
        bytes.extend(word.to_le_bytes());
        if wide {
            bytes.extend((random.bits() as u16).to_le_bytes());
        }
    }
    let length = if wide { 28 } else { 14 };
    while bytes.len() < length {
        bytes.push(random.bits() as u8);
    }
    bytes
}

fn state(random: &mut Random, wide: bool) -> Vec<u8> {
    let mut bytes = environment(random, wide);
    (0..8).for_each(|_| bytes.extend(&extended(random).to_le_bytes()[..10]));
    bytes
}

/// Seldom a reserved bit of MXCSR; never the one that only some vendor's processors have, for misaligned operands.
fn reserved(random: &mut Random) -> u32 {
    const MISALIGNED: u32 = 1 << 17;
    if random.percent(10) { 1 << random.below(32) & !MISALIGNED } else { 0 }
}

/// An image for FXRSTOR, up to the last register.
fn fx_image(random: &mut Random) -> Vec<u8> {
    let control = control_word(random);
    // What is reserved, the pointers and the upper bytes of the numbers' slots are of any value.
    let mut bytes: Vec<u8> = (0..32).map(|_| random.bits() as u8).collect();
    let status = status_word(random, control);
    let (control, status) =
        if random.percent(80) { (control, status) } else { (random.bits() as u16, random.bits() as u16) };
    bytes[..2].copy_from_slice(&control.to_le_bytes());
    bytes[2..4].copy_from_slice(&status.to_le_bytes());
    bytes[4] = tags(random);
    bytes[24..28].copy_from_slice(&(mxcsr(random) | reserved(random)).to_le_bytes());
    (0..8).for_each(|_| {
        let upper = u128::from(random.bits()) << 80;
        bytes.extend((extended(random) | upper).to_le_bytes());
    });
    (0..8).for_each(|_| bytes.extend(Lanes::Integers.number(random).to_le_bytes()));
    bytes
}
