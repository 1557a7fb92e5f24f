//! The state of one run while operations are performed. Memory access is in `access.rs`.

#![allow(unsafe_code)] // Links are followed as pointers into the arena: see docs/decisions/0001-unsafe.md.

use super::blocks::BlockCache;
use super::handler::Stop;
use super::operation::{Operation, ZERO_REGISTER};
use super::{CpuProfile, Statistics};
use crate::alu::{LazyFlags, Width};
use crate::block_log::{BlockEntry, BlockLog};
use crate::cpu::{ESP, SegmentRegister, flags};
use crate::{Access, AddressSpace, Cpu, Exception, Exit, PhysicalMemory, RunInputs, Vector};
use std::ptr::null;

/// What handlers work on.
pub(crate) struct Executor<'r> {
    /// The general registers, and from [`ZERO_REGISTER`] on zeros.
    pub(crate) registers: [u32; 16],
    /// The arithmetic flags.
    pub(crate) flags: LazyFlags,
    /// Units that may still be retired, those of the running block already taken off.
    pub(crate) remaining: u64,
    pub(super) arena: *const Operation,
    /// Offset of the next instruction; holds only between two calls of a handler chain.
    pub(crate) eip: u32,
    /// Why the chain ended, if not for units or an unknown branch target.
    pub(super) exit: Option<Exit>,
    /// The branch that could not be followed because it had no link yet.
    pub(super) unlinked: *const Operation,
    pub(crate) space: &'r mut AddressSpace,
    pub(crate) memory: &'r mut PhysicalMemory,
    /// Segments and system registers. Registers, EIP and EFLAGS in it are stale until the run ends.
    pub(crate) cpu: &'r mut Cpu,
    /// EFLAGS without the arithmetic flags.
    pub(crate) other_flags: u32,
    pub(super) blocks: &'r mut BlockCache,
    pub(super) statistics: &'r mut Statistics,
    pub(super) inputs: &'r RunInputs<'r>,
    pub(super) profile: CpuProfile,
    /// Units beyond `remaining` that the run may still use in a later chain.
    pub(super) reserve: u64,
    /// A REP goes on by itself while more units than these are left: 0, or all of them if iterations are observed.
    pub(crate) repeat_beyond: u64,
    /// Accesses are noted in `log`.
    pub(super) logged: bool,
    pub(super) log: &'r mut Vec<Access>,
    /// An operation was left without being done: units from it to the end of its block.
    pub(super) left: u8,
    /// The blocks of the run so far that nobody was told of, if somebody is told of blocks.
    pub(super) block_log: &'r mut BlockLog,
    /// Whether somebody is.
    pub(super) notes_blocks: bool,
    /// Misaligned accesses raise #AC.
    pub(super) checks_alignment: bool,
    /// The running instruction stored into the attention range, or hit a watch.
    pub(super) attention_stored: bool,
    pub(super) watch_hit: Option<crate::exit::WatchHit>,
}

impl Executor<'_> {
    /// Ends the chain with a fault: the running operation leaves nothing behind.
    #[cold]
    pub(crate) fn fault(&mut self, vector: Vector, error_code: u32) -> Stop {
        self.stop(Exit::Exception(Exception { vector, error_code, address: 0 }))
    }

    /// Ends the chain before the running operation retires.
    #[cold]
    pub(crate) fn stop(&mut self, exit: Exit) -> Stop {
        self.exit = Some(exit);
        Stop
    }

    /// Ends the chain after the running operation, which ends its block: `eip` is what comes next.
    pub(crate) fn trap(&mut self, vector: Vector, eip: u32) {
        self.eip = eip;
        self.exit = Some(Exit::Exception(Exception { vector, error_code: 0, address: 0 }));
    }

    /// Leaves the block before `operation`, giving back the units of what was not performed.
    #[cold]
    pub(super) fn stopped(&mut self, operation: *const Operation) -> *const Operation {
        // SAFETY: handlers pass operations of the arena.
        let operation = unsafe { &*operation };
        self.left = operation.units_left;
        self.eip = operation.eip;
        self.remaining = self.remaining.wrapping_add(u64::from(operation.units_left));
        null()
    }

    /// Follows the link of a direct branch.
    #[inline(always)]
    pub(super) fn follow(&mut self, branch: *const Operation) -> *const Operation {
        // SAFETY: handlers pass operations of the arena; a link that is not 0 is the first of a live block.
        unsafe {
            let link = (*branch).displacement.get();
            if link != 0 {
                let target = self.arena.add(link as usize);
                let units = u64::from((*target).units_left);
                if self.remaining >= units {
                    self.remaining -= units;
                    return target;
                }
            } else {
                self.unlinked = branch;
            }
            self.eip = (*branch).immediate;
        }
        null()
    }

    /// Goes on at a computed offset.
    #[inline(always)]
    pub(super) fn jump(&mut self, eip: u32) -> *const Operation {
        let link = self.blocks.jump_target(eip);
        if link != 0 {
            // SAFETY: a jump target that is not 0 is the first of a live block.
            unsafe {
                let target = self.arena.add(link as usize);
                let units = u64::from((*target).units_left);
                if self.remaining >= units {
                    self.remaining -= units;
                    return target;
                }
            }
        }
        self.eip = eip;
        null()
    }

    /// Units that the run may still retire, those of the running block already taken off.
    #[inline(always)]
    pub(crate) fn units_left(&self) -> u64 {
        self.remaining.wrapping_add(self.reserve)
    }

    /// Notes the units that the running REP took beyond its first.
    #[inline(always)]
    pub(crate) fn note_repeated(&mut self, units: u64) {
        if self.notes_blocks && units > 0 {
            self.block_log.push(BlockEntry::more(units));
        }
    }

    /// EFLAGS with all flags settled.
    pub(crate) fn eflags(&self) -> u32 {
        self.other_flags | self.flags.to_eflags()
    }

    /// Replaces EFLAGS. Bit 1 becomes 1, bits that do not exist 0.
    pub(crate) fn set_eflags(&mut self, eflags: u32) {
        const EXISTING: u32 = 0x003f_7fd5;
        self.flags = LazyFlags::from_eflags(eflags);
        self.other_flags = eflags & EXISTING & !flags::ARITHMETIC | flags::ONE;
    }

    /// The value of register `number` in width `W`; for bytes, 4 to 7 are AH, CH, DH, BH.
    #[inline(always)]
    pub(crate) fn register<W: Width>(&self, number: u8) -> u32 {
        if W::BITS == 8 {
            self.registers[usize::from(number & 3)] >> ((number & 4) << 1) & 0xff
        } else {
            self.registers[usize::from(number & 15)] & W::MASK
        }
    }

    /// Sets register `number` in width `W`, keeping the rest of it.
    #[inline(always)]
    pub(crate) fn set_register<W: Width>(&mut self, number: u8, value: u32) {
        match W::BITS {
            8 => {
                let shift = (number & 4) << 1;
                let whole = &mut self.registers[usize::from(number & 3)];
                *whole = *whole & !(0xff << shift) | (value & 0xff) << shift;
            }
            16 => {
                let whole = &mut self.registers[usize::from(number & 7)];
                *whole = *whole & 0xffff_0000 | value & 0xffff;
            }
            _ => self.registers[usize::from(number & 7)] = value,
        }
    }

    /// ESP.
    #[inline(always)]
    pub(crate) fn esp(&self) -> u32 {
        self.registers[ESP]
    }

    /// The offset part of `operation`'s address, cut to its address size.
    #[inline(always)]
    pub(crate) fn offset(&self, operation: &Operation) -> u32 {
        let offset = self.flat_offset(operation);
        if operation.segment & 0x80 != 0 { offset & 0xffff } else { offset }
    }

    /// The offset of a 32-bit address.
    #[inline(always)]
    pub(crate) fn flat_offset(&self, operation: &Operation) -> u32 {
        let base = self.registers[usize::from(operation.base & 15)];
        let index = self.registers[usize::from(operation.index & 15)];
        base.wrapping_add(index << (operation.scale & 3)).wrapping_add(operation.displacement.get())
    }

    /// The offset of a 32-bit address without index.
    #[inline(always)]
    pub(crate) fn base_offset(&self, operation: &Operation) -> u32 {
        self.registers[usize::from(operation.base & 15)].wrapping_add(operation.displacement.get())
    }

    /// What RDTSC reads at `operation`.
    pub(crate) fn time_stamp(&self, operation: &Operation) -> u64 {
        let left = self.units_left().wrapping_add(u64::from(operation.units_left));
        self.inputs.time_stamp.wrapping_add(self.inputs.units.wrapping_sub(left))
    }

    /// The modelled processor.
    pub(crate) fn profile(&self) -> CpuProfile {
        self.profile
    }

    /// A segment register.
    #[inline(always)]
    pub(crate) fn segment(&self, register: SegmentRegister) -> &crate::Segment {
        self.cpu.segment(register)
    }

    /// Takes the registers out of the processor.
    #[inline]
    pub(super) fn take_cpu(&mut self) {
        self.registers[..8].copy_from_slice(&self.cpu.registers);
        self.registers[usize::from(ZERO_REGISTER)..].fill(0);
        self.eip = self.cpu.eip;
        self.set_eflags(self.cpu.eflags);
    }

    /// Puts the registers back into the processor.
    #[inline]
    pub(super) fn settle_cpu(&mut self) {
        self.cpu.registers.copy_from_slice(&self.registers[..8]);
        self.cpu.eip = self.eip;
        self.cpu.eflags = self.eflags();
    }
}
