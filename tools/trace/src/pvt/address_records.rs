//! What a frame of addresses is made of, for those who write it and those who read it. docs/TRACE-FILE.md has the form.

use super::stored_elision::StoredElision;
use hypervisor_core::PartitionId;
use serde::{Deserialize, Serialize};

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum AddressRecord<'a> {
    /// A block of code. Blocks have numbers in the order in which they come in the frame, from 0.
    Block {
        /// Where its first instruction stands.
        eip: u32,
        /// The bytes of each of its instructions.
        #[serde(borrow)]
        instructions: Vec<&'a [u8]>,
    },
    /// Blocks that a partition executed one after the other.
    Path {
        /// The partition's number.
        partition: u16,
        /// The number of the first instruction, to the one that would follow the partition's last path in this frame, or 0.
        instruction: i64,
        /// The unit at which it starts, to the one after the last path of this frame, or 0.
        unit: i64,
        /// Units that retired.
        units: u64,
        /// Which blocks: see [`Step`].
        steps: &'a [u8],
    },
    /// Instructions that are not here.
    Elision {
        /// The partition's number.
        partition: u16,
        /// The number of the instruction that comes next, as that of a path.
        instruction: i64,
        /// The unit that comes next, as that of a path.
        unit: i64,
        /// What is missing before them.
        elision: StoredElision,
    },
}

impl AddressRecord<'_> {
    pub(super) fn write(&self, raw: &mut Vec<u8>) {
        // Only an allocation could fail, and that ends the program.
        *raw = postcard::to_extend(self, std::mem::take(raw)).unwrap_or_default();
    }
}

/// What follows a number of blocks that came as the first guess.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Nothing: the path ends.
    End,
    /// The block of the second guess.
    Second,
    /// The block of the third guess.
    Third,
    /// So many instructions at the end of the last block were not executed.
    Cut(u32),
    /// So many more iterations of the REP that ends the last block.
    More(u32),
    /// A block that was not guessed.
    Block(u32),
}

impl Step {
    /// Writes it after `run` blocks that came as guessed: a varint of four times that number plus 0 to 3, and for
    /// everything but an end and a guess a second varint, and for cut and more a third.
    #[inline]
    pub(super) fn write(self, run: u64, steps: &mut Vec<u8>) {
        let (kind, more) = match self {
            Self::End => (0, None),
            Self::Second => (1, None),
            Self::Third => (2, None),
            Self::Cut(units) => (3, Some((0, Some(units)))),
            Self::More(units) => (3, Some((1, Some(units)))),
            Self::Block(number) => (3, Some((u64::from(number) + 2, None))),
        };
        write_varint(run << 2 | kind, steps);
        if let Some((what, units)) = more {
            write_varint(what, steps);
            if let Some(units) = units {
                write_varint(units.into(), steps);
            }
        }
    }

    /// Reads one, and the number of blocks before it; None if the bytes are none.
    pub(super) fn read(steps: &mut &[u8]) -> Option<(u64, Self)> {
        let first = read_varint(steps)?;
        let step = match first & 3 {
            0 => Self::End,
            1 => Self::Second,
            2 => Self::Third,
            _ => match read_varint(steps)? {
                0 => Self::Cut(u32::try_from(read_varint(steps)?).ok()?),
                1 => Self::More(u32::try_from(read_varint(steps)?).ok()?),
                number => Self::Block(u32::try_from(number - 2).ok()?),
            },
        };
        Some((first >> 2, step))
    }
}

#[inline]
pub(super) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Which of the guesses a block was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Guess {
    First,
    Second,
    Third,
    None,
}

/// In place of a block in the guesses.
const NOBODY: u32 = u32::MAX;

/// What followed each block before: the last three different ones, the latest first.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    followers: Vec<[u32; 3]>,
    /// The last block of each partition.
    last: Vec<u32>,
}

impl Guesses {
    /// The block that is expected next in a partition by the guess of this rank, 0 to 2.
    pub(super) fn expected(&self, partition: PartitionId, rank: usize) -> Option<u32> {
        let last = *self.last.get(partition.index())?;
        self.followers.get(last as usize).map(|followers| followers[rank]).filter(|block| *block != NOBODY)
    }

    /// A partition enters a block: says which guess that was, and guesses better the next time.
    #[inline]
    pub(super) fn enter(&mut self, partition: PartitionId, number: u32) -> Guess {
        if self.last.len() <= partition.index() || self.followers.len() <= number as usize {
            self.grow(partition, number);
        }
        let last = std::mem::replace(&mut self.last[partition.index()], number);
        // Before a partition's first block there is none, and nothing is guessed.
        let Some(followers) = self.followers.get_mut(last as usize) else { return Guess::None };
        let [first, second, third] = *followers;
        if first == number {
            return Guess::First;
        }
        let guess = if second == number {
            *followers = [number, first, third];
            return Guess::Second;
        } else if third == number {
            Guess::Third
        } else {
            Guess::None
        };
        *followers = [number, first, second];
        guess
    }

    #[cold]
    fn grow(&mut self, partition: PartitionId, number: u32) {
        if self.last.len() <= partition.index() {
            self.last.resize(partition.index() + 1, NOBODY);
        }
        if self.followers.len() <= number as usize {
            self.followers.resize(number as usize + 1, [NOBODY; 3]);
        }
    }
}
