//! What of a Linux program's memory changes in a run.

use super::{ADDRESS_END, Areas, LOWEST_ADDRESS, MAPPINGS_END, Pages};
use crate::guest::Guest;
use crate::snapshot::{Damaged, RestoreError, holds};
use emulator::{FrameNumber, PAGE_BYTES};
use serde::{Deserialize, Serialize};

/// The pages in use, and the frames that are free.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedPages {
    areas: Areas,
    has_pool: bool,
    taken: u32,
    free: Vec<FrameNumber>,
    break_end: u32,
}

impl Pages {
    /// What they are to be restored from.
    pub(crate) fn saved(&self) -> SavedPages {
        let Self { areas, pool, pool_pages: _, taken, free, break_start: _, break_end } = self;
        SavedPages {
            areas: areas.clone(),
            has_pool: pool.is_some(),
            taken: *taken,
            free: free.clone(),
            break_end: *break_end,
        }
    }

    /// The pages that were saved, for a program at its start whose address space is as it was saved. Makes the pool.
    pub(crate) fn restored(self, saved: SavedPages, guest: &mut Guest) -> Result<Self, RestoreError> {
        let SavedPages { areas, has_pool, taken, free, break_end } = saved;
        let Self { pool_pages, break_start, .. } = self;
        let has_taken = taken <= if has_pool { pool_pages } else { 0 };
        holds(has_taken && (pool_pages > 0 || !has_pool), "a program has memory that it cannot have")?;
        let ends_well = (break_start..=break_start.max(MAPPINGS_END)).contains(&break_end);
        holds(ends_well, "the data of a program ends where it cannot")?;
        let pool = if has_pool {
            Some(guest.memory.allocate(pool_pages).ok_or(RestoreError::HostMemory)?)
        } else {
            None
        };
        check_areas(&areas, guest)?;
        let end = pool.map_or(guest.memory.frame_count(), |first| first.0 + taken);
        check_frames(&free, guest, end)?;
        Ok(Self { areas, pool, pool_pages, taken, free, break_start, break_end })
    }
}

/// The areas lie where programs are, do not touch, and hold exactly the pages that are mapped.
fn check_areas(areas: &Areas, guest: &Guest) -> Result<(), Damaged> {
    let mut free_from = LOWEST_ADDRESS;
    let mut pages = 0;
    for (start, end) in areas.ranges() {
        let in_place = (free_from..end).contains(&start) && end <= ADDRESS_END;
        let whole = start.is_multiple_of(PAGE_BYTES) && end.is_multiple_of(PAGE_BYTES);
        holds(in_place && whole, "the memory of a program lies where it cannot")?;
        pages += (end - start) / PAGE_BYTES;
        // Ranges that touch are one.
        free_from = end + 1;
    }
    let mapped = guest.space.pages();
    let in_areas = mapped.filter(|(address, ..)| areas.covers(*address, *address + PAGE_BYTES)).count();
    let all = in_areas == pages as usize && in_areas == guest.space.pages().count();
    holds(all, "the memory of a program is not what it has mapped")
}

/// Each frame below `end` is mapped once, or free, and none above.
fn check_frames(free: &[FrameNumber], guest: &Guest, end: u32) -> Result<(), Damaged> {
    let mut is_used = vec![false; end as usize];
    for frame in guest.space.pages().map(|(_, frame, _)| frame).chain(free.iter().copied()) {
        let used = is_used.get_mut(frame.0 as usize);
        let is_new = used.is_some_and(|used| !std::mem::replace(used, true));
        holds(is_new, "a frame of a program is used twice, or was never given to it")?;
    }
    Ok(())
}
