//! Which blocks a run executed, as a log: a few machine instructions for each block, not for each instruction.
//!
//! Not here: registers and memory values. Who wants those observes steps.

/// What was executed since the last time that somebody was told.
#[derive(Clone, Copy, Debug)]
pub struct ExecutedBlocks<'a> {
    /// Units that these blocks retired together.
    pub units: u64,
    /// The blocks in the order in which they were entered.
    pub log: &'a [BlockEntry],
    /// What the numbers in the log mean.
    pub codes: BlockCodes<'a>,
    /// EIP and ESP after them.
    pub eip: u32,
    /// As above.
    pub esp: u32,
}

/// One time that a block was entered, and ESP then: what a log says in which each block's entry is followed by ESP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockRun {
    /// The number of the block.
    pub number: u32,
    /// ESP before its first instruction.
    pub esp: u32,
    /// As [`Executed::Cut`].
    pub cut: u32,
    /// As [`Executed::More`].
    pub more: u32,
}

impl<'a> ExecutedBlocks<'a> {
    /// The blocks of a log with ESP, which [`Told::BlocksAndStack`](crate::Told) asks for.
    pub fn runs(&self) -> impl Iterator<Item = BlockRun> + use<'a> {
        let mut log = self.log.iter().copied().peekable();
        std::iter::from_fn(move || {
            let (Some(Executed::Block(number)), Some(BlockEntry(esp))) =
                (log.next().map(BlockEntry::executed), log.next())
            else {
                return None;
            };
            let mut run = BlockRun { number, esp, cut: 0, more: 0 };
            while let Some(entry) = log.next_if(|entry| !matches!(entry.executed(), Executed::Block(_))) {
                match entry.executed() {
                    Executed::Cut(units) => run.cut += units,
                    Executed::More(units) => run.more += units,
                    Executed::Block(_) => {}
                }
            }
            Some(run)
        })
    }
}

/// One entry of the log, in 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockEntry(u32);

/// What an entry says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Executed {
    /// The block with this number was entered: each of its instructions retired once.
    Block(u32),
    /// So many instructions at the end of the last block did not.
    Cut(u32),
    /// So many more units retired in the instruction that ends the last block: iterations of a REP.
    More(u32),
}

impl BlockEntry {
    const CUT: u32 = 1 << 31;
    const MORE: u32 = 1 << 30;

    /// ESP, which follows the entry of a block in a log that has it.
    pub(crate) const fn stack_pointer(esp: u32) -> Self {
        Self(esp)
    }

    pub(crate) const fn block(number: u32) -> Self {
        Self(number)
    }

    pub(crate) fn cut(units: u8) -> Self {
        Self(Self::CUT | u32::from(units))
    }

    /// `units` are those of one chain at most.
    pub(crate) fn more(units: u64) -> Self {
        Self(Self::MORE | units as u32)
    }

    /// What the entry says.
    #[inline]
    #[must_use]
    pub fn executed(self) -> Executed {
        let number = self.0 & (Self::MORE - 1);
        match self.0 >> 30 {
            0 => Executed::Block(number),
            1 => Executed::More(number),
            _ => Executed::Cut(number),
        }
    }
}

/// Entries that a log has room for: those of one chain of handlers, twice and more, beside those that wait.
const CAPACITY: usize = 1 << 16;

/// The log of an interpreter while it runs.
#[derive(Default)]
pub(crate) struct BlockLog {
    /// Nothing before the first run that is logged, then as many as there is room for.
    entries: Vec<BlockEntry>,
    count: usize,
}

impl BlockLog {
    /// Makes room.
    pub(crate) fn begin(&mut self) {
        self.entries.resize(CAPACITY, BlockEntry(0));
    }

    /// Adds an entry. Whoever runs chains takes the entries before there is no more room for those of one.
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: BlockEntry) {
        if let Some(free) = self.entries.get_mut(self.count) {
            *free = entry;
            self.count += 1;
        }
    }

    pub(crate) fn entries(&self) -> &[BlockEntry] {
        &self.entries[..self.count]
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }
}

/// The blocks that a log names.
#[derive(Clone, Copy, Debug)]
pub struct BlockCodes<'a> {
    pub(crate) generation: u64,
    pub(crate) blocks: &'a [KeptBlock],
    pub(crate) bytes: &'a [u8],
}

/// Where the code of a block is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptBlock {
    pub(crate) eip: u32,
    pub(crate) first_byte: usize,
    pub(crate) length_bytes: u32,
}

impl<'a> BlockCodes<'a> {
    /// A number that no other set of blocks has in this process. While it stays, blocks are only added.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many there are: they have the numbers below.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.blocks.len() as u32
    }

    /// EIP of a block, and the bytes of its instructions.
    ///
    /// # Panics
    /// If there is no such block.
    #[must_use]
    pub fn code(&self, number: u32) -> (u32, &'a [u8]) {
        let block = self.blocks[number as usize];
        (block.eip, &self.bytes[block.first_byte..block.first_byte + block.length_bytes as usize])
    }
}
