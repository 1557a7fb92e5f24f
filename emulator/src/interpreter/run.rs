//! The run loop around the chains of handlers: units, exits, single steps, and everything that is rare.

#![allow(unsafe_code)] // Starts the chain: see docs/decisions/0001-unsafe.md.

use super::blocks::{BlockCache, Mode};
use super::executor::Executor;
use super::handler::perform_all;
use super::operation::Operation;
use super::{Dispatch, Settings, Statistics};
use crate::alu::LazyFlags;
use crate::block_log::{BlockEntry, BlockLog, ExecutedBlocks};
use crate::cpu::{control, flags};
use crate::decode::PREFIXES;
use crate::exit::WatchHit;
use crate::memory::Identity;
use crate::{
    Access, AddressSpace, Cpu, Exception, Exit, Observer, PhysicalMemory, Ran, RunInputs, SegmentRegister,
    Step, Told, Vector,
};
use std::fmt;
use std::ptr::null;

/// Units that one chain of handlers retires at most: it bounds the stack should a tail call not be one.
const CHAIN_UNITS: u64 = 10_000;

/// Blocks are told of once there are so many.
const TOLD_BLOCKS: usize = 1 << 14;

/// An interpreting engine. It owns decoded blocks and nothing that a guest can see.
pub struct Interpreter {
    settings: Settings,
    statistics: Statistics,
    blocks: BlockCache,
    basis: Basis,
    /// Accesses of one unit; kept for its allocation.
    log: Vec<Access>,
    /// Blocks that nobody was told of yet; kept for its allocation.
    block_log: BlockLog,
}

/// What the decoded blocks depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Basis {
    mode: Mode,
    mapping: Identity,
    memory: Identity,
    /// Stores into code that this interpreter has seen.
    code_stores: u64,
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("settings", &self.settings)
            .field("statistics", &self.statistics)
            .finish()
    }
}

impl Default for Interpreter {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Interpreter {
    /// An interpreter without decoded blocks.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            statistics: Statistics::default(),
            blocks: BlockCache::new(),
            basis: Basis {
                mode: Mode::default(),
                mapping: Identity::NONE,
                memory: Identity::NONE,
                code_stores: 0,
            },
            log: Vec::new(),
            block_log: BlockLog::default(),
        }
    }

    /// The counters so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Runs until the units are used up or something has to be decided elsewhere.
    ///
    /// With another address space or another memory than before the decoded blocks are made anew.
    pub fn run<O: Observer>(
        &mut self,
        cpu: &mut Cpu,
        space: &mut AddressSpace,
        memory: &mut PhysicalMemory,
        inputs: &RunInputs<'_>,
        observer: &mut O,
    ) -> Ran {
        self.statistics.runs += 1;
        let single = self.settings.forget_blocks
            || self.settings.settle_flags
            || !inputs.breakpoints.is_empty()
            || !inputs.watches.is_empty();
        let told = observer.told();
        let mut run = Run {
            x: Executor {
                registers: [0; 16],
                flags: LazyFlags::from_eflags(0),
                remaining: 0,
                arena: null(),
                eip: 0,
                exit: None,
                unlinked: null(),
                other_flags: 0,
                reserve: inputs.units,
                repeat_beyond: if told == Told::Units { u64::MAX } else { 0 },
                logged: told == Told::Units,
                log: &mut self.log,
                left: 0,
                block_log: &mut self.block_log,
                notes_blocks: told.has_blocks(),
                checks_alignment: false,
                attention_stored: false,
                watch_hit: None,
                statistics: &mut self.statistics,
                blocks: &mut self.blocks,
                profile: self.settings.profile,
                space,
                memory,
                cpu,
                inputs,
            },
            settings: self.settings,
            single,
            told,
            told_at: inputs.units,
            basis: &mut self.basis,
            started: false,
        };
        if told.has_blocks() {
            run.x.block_log.begin();
        }
        run.x.take_cpu();
        while run.x.exit.is_none() {
            run.pass(observer);
        }
        if told.has_blocks() {
            run.tell_blocks(observer);
        }
        run.x.settle_cpu();
        // Copied as late as can be: handlers store it in parts, and reading it as a whole right then has to wait.
        Ran { units: inputs.units - run.x.reserve, exit: run.x.exit.expect("the loop ends with an exit") }
    }
}

/// How RF stands around an observed instruction that an IRET, or whoever started the run, went on to.
#[derive(Clone, Copy)]
struct Resumed {
    resuming: bool,
    /// The instruction is a string instruction with REP.
    repeats: bool,
}

impl Resumed {
    fn before(self) -> u32 {
        if self.resuming { flags::RF } else { 0 }
    }

    /// `again`: the same instruction comes next.
    fn after(self, again: bool) -> u32 {
        if self.resuming && self.repeats && again { flags::RF } else { 0 }
    }
}

/// One call of [`Interpreter::run`].
struct Run<'r> {
    x: Executor<'r>,
    settings: Settings,
    single: bool,
    told: Told,
    /// The units that were left when somebody was told of blocks.
    told_at: u64,
    basis: &'r mut Basis,
    /// At least one pass was made: breakpoints count.
    started: bool,
}

impl Run<'_> {
    /// Performs one chain of handlers. Leaves the exit in the executor, if the run ends.
    fn pass<O: Observer>(&mut self, observer: &mut O) {
        if self.x.reserve == 0 {
            return self.x.exit = Some(Exit::Budget);
        }
        if self.started && self.x.inputs.breakpoints.contains(&self.x.eip) {
            return self.x.exit = Some(Exit::Breakpoint);
        }
        if self.prepare() {
            if self.told.has_blocks() {
                self.tell_blocks(observer);
            }
            self.forget_blocks();
        }
        self.x.arena = self.x.blocks.arena();
        let first = match self.block() {
            Ok(first) => first,
            Err(exit) => return self.x.exit = Some(exit),
        };
        let shadowed = std::mem::take(&mut self.x.cpu.interrupt_shadow);
        let stepping = self.x.other_flags & flags::TF != 0;
        let resuming = self.x.other_flags & flags::RF != 0;
        let limit =
            if self.single || shadowed || stepping || resuming { 1 } else { CHAIN_UNITS.min(self.x.reserve) };
        let (eip, reserve) = (self.x.eip, self.x.reserve);

        // Every instruction that completes clears RF, but for an IRET that loads it (SDM Vol. 3, 18.3.1.1).
        let repeats = resuming && self.is_repeated_string(first);
        self.x.other_flags &= !flags::RF;

        self.begin_chain(first, limit);
        self.x.left = 0;
        if self.told == Told::Units {
            self.perform_observed(first, Resumed { resuming, repeats }, observer);
        } else {
            // SAFETY: `first` is the first operation of a block, and blocks are complete.
            unsafe { perform_all(first, &mut self.x) };
        }
        self.end_chain();
        if self.told.has_blocks() {
            if self.x.left != 0 {
                self.x.block_log.push(BlockEntry::cut(self.x.left));
            }
            if self.x.block_log.entries().len() >= TOLD_BLOCKS {
                self.tell_blocks(observer);
            }
        }

        let retired = reserve - self.x.reserve;
        // A REP completes with its last iteration.
        if resuming && (retired == 0 || repeats && self.x.eip == eip) {
            self.x.other_flags |= flags::RF;
        }
        if self.settings.settle_flags {
            self.x.flags = LazyFlags::from_eflags(self.x.flags.to_eflags());
        }
        self.after_chain(retired, shadowed, stepping);
    }

    /// Decides how a chain ended.
    #[inline]
    fn after_chain(&mut self, retired: u64, shadowed: bool, stepping: bool) {
        let x = &mut self.x;
        // The stores of this run dropped their blocks themselves.
        self.basis.code_stores = x.memory.code_stores_seen();
        let attention = std::mem::take(&mut x.attention_stored);
        let hit = x.watch_hit.take();
        if retired == 0 {
            x.cpu.interrupt_shadow = shadowed;
        }
        if x.exit.is_some() {
            return;
        }
        let stepped = stepping && retired != 0 && !x.cpu.interrupt_shadow;
        if stepped {
            // DR6.BS; the other bits are sticky.
            x.cpu.system.dr[6] |= 1 << 14;
        }
        self.x.exit = if let Some(hit) = hit {
            Some(Exit::Watch(WatchHit { stepped, ..hit }))
        } else if stepped {
            let debug = Exception { vector: Vector::Debug, error_code: 0, address: 0 };
            Some(Exit::Exception(debug))
        } else {
            (attention && self.attention_holds()).then_some(Exit::Attention)
        };
    }

    #[cold]
    fn attention_holds(&mut self) -> bool {
        let Some(attention) = self.x.inputs.attention else { return false };
        let mut bytes = [0; 8];
        if self.x.space.peek(self.x.memory, attention.address, &mut bytes).is_err() {
            return false;
        }
        bytes[..4] == [0; 4] && bytes[4..] != [0; 4] && !self.x.cpu.interrupt_shadow
    }

    /// Tells of the blocks since the last time.
    fn tell_blocks<O: Observer>(&mut self, observer: &mut O) {
        let x = &mut self.x;
        let log = x.block_log.entries();
        if !log.is_empty() {
            let units = self.told_at - x.reserve;
            let (codes, eip, esp) = (x.blocks.codes(), x.eip, x.esp());
            observer.blocks(&ExecutedBlocks { units, log, codes, eip, esp });
            x.block_log.clear();
        }
        self.told_at = x.reserve;
    }

    /// Makes everything derived agree with the state, but for the blocks: says whether they are to be forgotten.
    #[inline]
    fn prepare(&mut self) -> bool {
        let first = !std::mem::replace(&mut self.started, true);
        let x = &mut self.x;
        let checks_alignment =
            x.other_flags & flags::AC != 0 && x.cpu.system.cr0 & control::CR0_AM != 0 && x.cpu.cpl == 3;
        if first || checks_alignment != x.checks_alignment {
            x.checks_alignment = checks_alignment;
            x.space.prepare(x.memory, x.inputs, checks_alignment, x.logged);
        }
        let code = x.cpu.segment(SegmentRegister::Cs);
        let flat = code.is_flat()
            && [SegmentRegister::Ss, SegmentRegister::Ds, SegmentRegister::Es]
                .iter()
                .all(|register| x.cpu.segment(*register).is_flat_data());
        let basis = Basis {
            mode: Mode {
                flat,
                code: (code.base, code.limit),
                single: self.single,
                told: self.told,
                profile: self.settings.profile,
            },
            mapping: x.space.mapping(),
            memory: x.memory.identity(),
            code_stores: x.memory.code_stores_seen(),
        };
        let stale = std::mem::replace(self.basis, basis) != basis;
        stale || self.settings.forget_blocks || !x.blocks.has_room()
    }

    #[cold]
    fn forget_blocks(&mut self) {
        let x = &mut self.x;
        if !x.blocks.is_empty() {
            x.statistics.flushes += 1;
        }
        x.blocks.flush();
        x.unlinked = null();
    }

    /// The first operation of the block at EIP, linked to the branch that led here.
    #[inline]
    fn block(&mut self) -> Result<*const Operation, Exit> {
        self.x.statistics.lookups += 1;
        let link = match self.x.blocks.find(self.x.eip) {
            Some(link) => link,
            None => self.make_block()?,
        };
        let x = &mut self.x;
        if !x.unlinked.is_null() {
            x.blocks.link(x.unlinked, link);
            x.statistics.links_made += 1;
            x.unlinked = null();
        }
        // SAFETY: a link is a position in the arena.
        Ok(unsafe { x.arena.add(link as usize) })
    }

    #[cold]
    fn make_block(&mut self) -> Result<u32, Exit> {
        let x = &mut self.x;
        // Between two operations that are observed somebody has to look.
        let dispatch = if self.told == Told::Units { Dispatch::Loop } else { self.settings.dispatch };
        let link = x.translate_block(self.basis.mode, dispatch)?;
        x.statistics.blocks_made += 1;
        x.space.drop_stale_stores(x.memory);
        Ok(link)
    }

    /// Takes `limit` units out of the reserve for the chain from `first`.
    #[inline]
    fn begin_chain(&mut self, first: *const Operation, limit: u64) {
        let x = &mut self.x;
        x.reserve -= limit;
        // SAFETY: `first` is the first operation of a block.
        let units = unsafe { u64::from((*first).units_left) };
        if units > limit {
            x.blocks.arm_at(first, limit as u32);
        }
        // Less than zero where the block is armed: the armed operation gives the rest back.
        x.remaining = limit.wrapping_sub(units);
    }

    /// Puts the units that the chain left back into the reserve.
    #[inline]
    fn end_chain(&mut self) {
        let x = &mut self.x;
        x.blocks.disarm();
        x.reserve = x.reserve.wrapping_add(x.remaining);
        x.remaining = 0;
    }

    /// Performs the chain from `first` and tells of each unit that retires.
    fn perform_observed<O: Observer>(&mut self, first: *const Operation, resumed: Resumed, observer: &mut O) {
        let x = &mut self.x;
        let mut flags_before = x.flags;
        let mut arithmetic = flags_before.to_eflags();
        let mut operation = first;
        while !operation.is_null() {
            // SAFETY: `first` is the first operation of a block, and handlers return operations of the arena, which
            // stays as it is until the next chain.
            let (eip, length) = unsafe { ((*operation).eip, (*operation).length) };
            let registers_before: [u32; 8] = x.registers[..8].try_into().expect("eight registers");
            let eflags_before = x.other_flags | arithmetic;
            x.log.clear();
            x.left = 0;
            // SAFETY: as above, and blocks are complete.
            let next = unsafe { ((*operation).handler.get())(operation, x) };
            if length != 0 && x.left == 0 {
                if !next.is_null() {
                    // SAFETY: as above.
                    x.eip = unsafe { (*next).eip };
                }
                if x.flags != flags_before {
                    flags_before = x.flags;
                    arithmetic = flags_before.to_eflags();
                }
                x.cpu.registers.copy_from_slice(&x.registers[..8]);
                x.cpu.eip = x.eip;
                x.cpu.eflags = x.other_flags | arithmetic | resumed.after(x.eip == eip);
                observer.step(&Step {
                    eip,
                    bytes: x.blocks.bytes(operation, length),
                    registers_before: &registers_before,
                    eflags_before: eflags_before | resumed.before(),
                    after: x.cpu,
                    accesses: x.log,
                });
            }
            operation = next;
        }
    }

    /// Whether an operation is a string instruction with a REP prefix.
    #[cold]
    fn is_repeated_string(&self, first: *const Operation) -> bool {
        // SAFETY: blocks are complete: an operation that notes its block is followed by an instruction.
        let operation = unsafe { first.add(usize::from((*first).length == 0)) };
        let (bytes, length) = self.bytes(operation);
        let opcode = bytes[..length].iter().position(|byte| !PREFIXES.contains(byte));
        let Some(opcode) = opcode else { return false };
        let repeats = bytes[..opcode].iter().any(|byte| matches!(byte, 0xf2 | 0xf3));
        repeats && matches!(bytes[opcode], 0x6c..=0x6f | 0xa4..=0xa7 | 0xaa..=0xaf)
    }

    /// The bytes of an instruction, for the observer.
    fn bytes(&self, operation: *const Operation) -> ([u8; 15], usize) {
        let mut bytes = [0; 15];
        // SAFETY: the caller passes the first operation of a block.
        let length = usize::from(unsafe { (*operation).length });
        let base = self.x.cpu.segment(SegmentRegister::Cs).base;
        let _ = self.x.space.peek(self.x.memory, base.wrapping_add(self.x.eip), &mut bytes[..length]);
        (bytes, length)
    }
}
