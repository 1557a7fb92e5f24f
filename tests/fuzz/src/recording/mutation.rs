//! Changes an input frame by frame, so that the others stay what they are.

use super::frames::{Frame, frames_of, input_of};

/// What a content may grow by at once.
const GROWTH_BYTES: usize = 64;
/// Numbers at which something may change.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 127, 128, 1023, 0xffff, 1 << 24, u32::MAX as u64, 1 << 60, 1 << 63, u64::MAX];
const KINDS: [[u8; 4]; 10] = [
    *b"HEAD", *b"FILE", *b"INPT", *b"PAGE", *b"KEYF", *b"RECS", *b"ADDR", *b"INST", *b"ENDS", *b"INDX",
];

/// Changes the first `size` bytes of `data`, of which `most` may be used; the length that they have then. `usual` does the
/// same with any bytes.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    most: usize,
    seed: u32,
    usual: fn(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut dice = Dice(u64::from(seed) << 1 | 1);
    let mut frames = frames_of(&data[..size]);
    if frames.is_empty() || dice.below(16) == 0 {
        return usual(data, size, most);
    }
    let place = chosen(&frames, &mut dice);
    match dice.below(12) {
        0 => frames[place].unit = number(&frames, &mut dice),
        1 => frames[place].executed = number(&frames, &mut dice),
        2 => {
            let to = dice.below(frames.len() + 1);
            frames.insert(to, frames[place].clone());
        }
        3 if frames.len() > 1 => _ = frames.remove(place),
        4 => {
            let other = dice.below(frames.len());
            frames.swap(place, other);
        }
        5 => frames[place].kind = KINDS[dice.below(KINDS.len())],
        6 | 7 => change_number(&mut frames[place].content, &mut dice),
        _ => {
            let content = &mut frames[place].content;
            let length = content.len();
            content.resize(length + GROWTH_BYTES, 0);
            let length = usual(content, length, length + GROWTH_BYTES);
            content.truncate(length);
        }
    }
    let input = input_of(&frames);
    if input.len() > most {
        return usual(data, size, most);
    }
    data[..input.len()].copy_from_slice(&input);
    input.len()
}

/// A frame; files and memory, which are long, less often.
fn chosen(frames: &[Frame], dice: &mut Dice) -> usize {
    let place = dice.below(frames.len());
    let is_long = |place: usize| matches!(&frames[place].kind, b"FILE" | b"PAGE");
    if is_long(place) && dice.below(8) > 0 { dice.below(frames.len()) } else { place }
}

/// A number that means something, or that of a frame.
fn number(frames: &[Frame], dice: &mut Dice) -> u64 {
    let other = &frames[dice.below(frames.len())];
    let near = [other.unit, other.executed, NUMBERS[dice.below(NUMBERS.len())]][dice.below(3)];
    near.wrapping_add(dice.below(3) as u64).wrapping_sub(1)
}

/// Writes another number where one may begin.
fn change_number(content: &mut Vec<u8>, dice: &mut Dice) {
    let start = dice.below(content.len() + 1);
    let length = content[start..].iter().take(10).position(|byte| *byte < 0x80).map_or(0, |last| last + 1);
    let mut left = NUMBERS[dice.below(NUMBERS.len())].wrapping_add(dice.below(3) as u64).wrapping_sub(1);
    let mut bytes = Vec::new();
    while left >= 0x80 {
        bytes.push(left as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    content.splice(start..start + length, bytes);
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    /// A number below `most`; 0 if there is none.
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % most.max(1) as u64) as usize
    }
}
