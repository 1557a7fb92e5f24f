//! A guest's processor and what it has mapped. What lies in its memory is handed over frame by frame.

use super::{Damaged, holds};
use crate::guest::Guest;
use emulator::cpu::flags;
use emulator::{AddressSpace, Cpu, FrameNumber, PAGE_BYTES, PhysicalMemory, Rights};
use serde::{Deserialize, Serialize};

/// Bits of EFLAGS that are never set in a guest: the reserved ones, and those of modes that it is not in.
const NEVER_SET: u32 = !(flags::ARITHMETIC
    | flags::ONE
    | flags::TF
    | flags::IF
    | flags::DF
    | flags::NT
    | flags::RF
    | flags::AC
    | flags::ID);
/// Bits of MXCSR that exist (SDM Vol. 1, 10.2.3).
const MXCSR_BITS: u32 = 0xffff;

/// A processor and an address space.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedGuest {
    cpu: Cpu,
    runs: Vec<Run>,
}

/// Pages that follow each other in addresses and frames and have the same rights.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Run {
    /// The number of the first page.
    page: u32,
    count: u32,
    frame: u32,
    rights: Rights,
}

impl SavedGuest {
    /// What a guest is to be restored from.
    pub fn of(guest: &Guest) -> Self {
        let Guest { cpu, space, memory: _ } = guest;
        let mut runs: Vec<Run> = Vec::new();
        for (address, frame, rights) in space.pages() {
            let (page, frame) = (address / PAGE_BYTES, frame.0);
            match runs.last_mut() {
                Some(run)
                    if (run.page + run.count, run.frame.wrapping_add(run.count), run.rights)
                        == (page, frame, rights) =>
                {
                    run.count += 1;
                }
                _ => runs.push(Run { page, count: 1, frame, rights }),
            }
        }
        Self { cpu: cpu.clone(), runs }
    }

    /// The guest that was saved, in the memory of one at its start. Its frames are still to be checked.
    pub fn restored(self, mut memory: PhysicalMemory) -> Result<Guest, Damaged> {
        let Self { cpu, runs } = self;
        check_cpu(&cpu)?;
        memory.clear();
        let mut space = AddressSpace::new();
        let mut free_from = 0;
        for Run { page, count, frame, rights } in runs {
            let end = u64::from(page) + u64::from(count);
            let in_place = page >= free_from && count > 0 && end <= 1 << 20;
            let frames_exist = frame.checked_add(count).is_some();
            holds(in_place && frames_exist, "its pages are out of order")?;
            free_from = end as u32;
            space.map(page * PAGE_BYTES, count, FrameNumber(frame), rights);
        }
        Ok(Guest { cpu, space, memory })
    }
}

/// Whether a guest can have brought the processor into this state.
pub(super) fn check_cpu(cpu: &Cpu) -> Result<(), Damaged> {
    let flags = cpu.eflags & (NEVER_SET | flags::ONE) == flags::ONE;
    let system = cpu.system.iopl < 4 && cpu.cpl == 3;
    let table = usize::from(cpu.descriptors.length) <= cpu.descriptors.entries.len();
    holds(
        flags && system && table && cpu.sse.mxcsr & !MXCSR_BITS == 0,
        "a processor is in no state of ring 3",
    )
}

/// Whether every page has a frame, and none that others write is executed.
pub(super) fn check_frames(guest: &Guest) -> Result<(), Damaged> {
    let Guest { cpu: _, space, memory } = guest;
    let is_sound = |(_, frame, rights): (u32, FrameNumber, Rights)| {
        frame.0 < memory.frame_count() && !(memory.is_shared(frame) && rights.contains(Rights::EXECUTE))
    };
    holds(space.pages().all(is_sound), "it maps a frame that does not exist, or executes shared memory")
}
