//! Random numbers that a seed repeats (SplitMix64), and the values that break arithmetic.

/// A generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

const EDGES: [u32; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x5555_5555,
];

impl Random {
    /// The generator that `seed` names.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// True this often in a hundred.
    pub fn percent(&mut self, often: u32) -> bool {
        self.below(100) < often
    }

    /// One of `choices`.
    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }

    /// A register's value: at an edge, small, or anything.
    pub fn value(&mut self) -> u32 {
        match self.below(4) {
            0 => self.choose(&EDGES),
            1 => self.below(256),
            2 => self.choose(&EDGES) ^ (self.bits() as u32 & 0xff),
            _ => self.bits() as u32,
        }
    }
}
