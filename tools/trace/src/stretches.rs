//! The blocks that a machine executed as stretches of instructions: what ran one after the other, where it went on, and the stack
//! pointer around it. Who needs no more of a run than that has it several times sooner than instruction by instruction.
//!
//! Not here: what stretches mean to call stacks, which is in `call_stack`, and to coverage.

use crate::transfer::may_transfer;
use emulator::decode::{instruction_length, stack_pointer_change};
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp, Wanted};

/// Knows the code of the blocks of all partitions.
#[derive(Clone, Debug)]
pub struct Stretches {
    partitions: Vec<Known>,
}

/// The blocks of a partition.
#[derive(Clone, Debug, Default)]
struct Known {
    generation: u64,
    codes: Vec<Code>,
}

/// The instructions of a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    eip: u32,
    bytes: Vec<u8>,
    /// Where each instruction begins in `bytes`, and where the last one ends.
    starts: Vec<u16>,
    /// Whether the last instruction may go on elsewhere, or load the stack pointer.
    pub(crate) may_transfer: bool,
    /// How many bytes the last instruction adds to ESP, if its bytes say so.
    pub(crate) last_change: Option<i32>,
    /// Whether another one may load the stack pointer: nobody knows with what.
    pub(crate) hides_load: bool,
}

/// Instructions of a block that retired one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// Whose they are.
    pub partition: PartitionId,
    /// How many units came before since the blocks' stamp.
    pub units_before: u64,
    /// The number of the block; it means nothing after the next [`Stretches::refresh`] that forgets.
    pub block: u32,
    /// Its code.
    pub code: &'a Code,
    /// So many of its instructions retired, from the first one on.
    pub instructions: usize,
    /// So many more iterations of the last of them did: it is a REP.
    pub more: u64,
    /// ESP before the first and after the last.
    pub esp: (u32, u32),
    /// Where the run goes on.
    pub next: u32,
}

impl Code {
    fn new(eip: u32, bytes: &[u8]) -> Self {
        let mut starts = vec![0];
        let mut place = 0;
        while place < bytes.len() {
            place += instruction_length(&bytes[place..]);
            starts.push(place as u16);
        }
        let mut code = Self {
            eip,
            bytes: bytes.to_vec(),
            starts,
            may_transfer: false,
            last_change: None,
            hides_load: false,
        };
        let may_transfer = |place: usize| may_transfer(code.instruction(place).1);
        let last = code.count().saturating_sub(1);
        (code.may_transfer, code.hides_load) =
            (code.count() > 0 && may_transfer(last), (0..last).any(may_transfer));
        if code.may_transfer {
            code.last_change = stack_pointer_change(code.instruction(last).1);
        }
        code
    }

    /// How many instructions it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where it begins.
    #[must_use]
    pub fn eip(&self) -> u32 {
        self.eip
    }

    /// Address and bytes of an instruction.
    ///
    /// # Panics
    /// If it has not so many.
    #[must_use]
    pub fn instruction(&self, place: usize) -> (u32, &[u8]) {
        let (start, end) = (self.starts[place], self.starts[place + 1]);
        (self.eip.wrapping_add(u32::from(start)), &self.bytes[usize::from(start)..usize::from(end)])
    }

    /// The place of the instruction at an address, if one begins there.
    #[must_use]
    pub fn place_of(&self, address: u32) -> Option<usize> {
        let start = u16::try_from(address.wrapping_sub(self.eip)).ok()?;
        self.starts.binary_search(&start).ok().filter(|place| *place < self.count())
    }
}

impl Stretch<'_> {
    /// How many units it is.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.instructions as u64 + self.more
    }

    /// Whether the block ran to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.instructions == self.code.count()
    }

    /// Address and bytes of the last instruction that retired.
    #[must_use]
    pub fn last(&self) -> (u32, &[u8]) {
        self.code.instruction(self.instructions - 1)
    }
}

impl Stretches {
    /// Knows nothing of so many partitions.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        Self { partitions: vec![Known::default(); partitions] }
    }

    /// Learns the code of blocks that are new, before their stretches are told. If the numbers of a partition's blocks come to mean
    /// something else, `forget` is told of its old ones, in the order of their numbers.
    pub fn refresh(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>, forget: impl FnOnce(&[Code])) {
        let Some(known) = self.partitions.get_mut(stamp.partition.index()) else { return };
        let codes = blocks.codes;
        if known.generation != codes.generation() {
            forget(&known.codes);
            known.codes.clear();
            known.generation = codes.generation();
        }
        for number in known.codes.len() as u32..codes.count() {
            let (eip, bytes) = codes.code(number);
            known.codes.push(Code::new(eip, bytes));
        }
    }

    /// The blocks of a partition that are known, by their numbers.
    #[must_use]
    pub fn codes(&self, partition: PartitionId) -> &[Code] {
        self.partitions.get(partition.index()).map_or(&[], |known| &known.codes)
    }

    /// Tells the stretches of blocks whose code is known.
    #[inline]
    pub fn each(&self, stamp: Stamp, blocks: &ExecutedBlocks<'_>, mut tell: impl FnMut(&Stretch<'_>)) {
        let codes = self.codes(stamp.partition);
        let mut runs = blocks.runs().peekable();
        let mut units_before = 0;
        while let Some(run) = runs.next() {
            let code = &codes[run.number as usize];
            let (next, esp) = match runs.peek() {
                Some(following) => (codes[following.number as usize].eip, following.esp),
                None => (blocks.eip, blocks.esp),
            };
            // A REP that does not come to its end has more iterations, and one that is cut off.
            let more = u64::from(run.more);
            let (cut, more) =
                if more > 0 { (0, more.saturating_sub(u64::from(run.cut))) } else { (run.cut as usize, 0) };
            let instructions = code.count() - cut;
            if instructions == 0 {
                continue;
            }
            let stretch = Stretch {
                partition: stamp.partition,
                units_before,
                block: run.number,
                code,
                instructions,
                more,
                esp: (run.esp, esp),
                next,
            };
            units_before += stretch.units();
            tell(&stretch);
        }
        debug_assert_eq!(units_before, blocks.units);
    }
}

/// Lets a recorder be told of blocks in place of instructions.
#[derive(Debug)]
pub struct InBlocks<R>(pub R);

impl<R: Recorder> Recorder for InBlocks<R> {
    fn wanted(&self) -> Wanted {
        Wanted::BlocksAndStack
    }

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.instruction(stamp, step);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        self.0.blocks(stamp, blocks);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.0.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.elided(stamp, elision);
    }
}
