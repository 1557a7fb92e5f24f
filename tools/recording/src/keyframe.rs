//! A keyframe: the whole machine at an instant, in frames of a trace file: its memory first, then the rest.
//!
//! Most keyframes hold only the memory that changed since the one before; a whole one comes now and then, so that little
//! has to be read.

use hypervisor_core::{FrameId, Machine, Partition};
use postcard::take_from_bytes;
use serde::{Deserialize, Serialize};
use std::io;
use xxhash_rust::xxh3::xxh3_128;

/// The length of a page.
pub const PAGE_BYTES: usize = 4096;

/// After so many keyframes comes a whole one at the latest.
pub const WHOLE_EVERY: u32 = 16;
/// Pages that one frame of the file holds at most: 4 MiB.
const PAGES_MOST: usize = 1024;

/// What a frame of kind keyframe holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Keyframe {
    /// Units that each partition has executed.
    pub executed_by: Vec<u64>,
    /// So many frames of pages stand before this one.
    pub page_frames: u32,
    /// Memory that is not in these pages is zero; else it is as in the keyframe before.
    pub is_whole: bool,
    /// Partitions whose guests asked for their instructions to be left out.
    pub stopped: Vec<u16>,
    /// The digest of the machine.
    pub digest: u128,
    /// The machine without its memory.
    pub state: Vec<u8>,
}

/// Makes keyframes of one machine, one after the other.
#[derive(Debug, Default)]
pub struct KeyframeMaker {
    /// The pages of the last keyframe and what was in them, in order.
    hashes: Vec<(FrameId, u128)>,
    /// Keyframes since the last whole one, and the pages that they hold; None before the first.
    since_whole: Option<(u32, usize)>,
}

impl KeyframeMaker {
    /// The machine as it is now; `write` takes its pages in the form of frames of the file.
    ///
    /// # Errors
    /// `write` fails.
    pub fn make(
        &mut self,
        machine: &Machine,
        stopped: &[u16],
        mut write: impl FnMut(Vec<u8>) -> io::Result<()>,
    ) -> io::Result<Keyframe> {
        let mut page = [0; PAGE_BYTES];
        let before = std::mem::take(&mut self.hashes);
        let mut before = before.into_iter().peekable();
        let mut changed = Vec::new();
        let mut look_at = |id: FrameId, known: Option<u128>| {
            machine.read_frame(id, &mut page);
            let hash = xxh3_128(&page);
            self.hashes.push((id, hash));
            if known != Some(hash) {
                changed.push(id);
            }
        };
        for id in machine.frames() {
            // A page of a shared area that is all zero again is not among the machine's.
            while let Some((gone, hash)) = before.next_if(|(known, _)| *known < id) {
                look_at(gone, Some(hash));
            }
            look_at(id, before.next_if(|(known, _)| *known == id).map(|(_, hash)| hash));
        }
        before.for_each(|(gone, hash)| look_at(gone, Some(hash)));
        let is_whole = self.is_whole_due(changed.len(), self.hashes.len());
        let written = if is_whole { self.hashes.iter().map(|(id, _)| *id).collect() } else { changed };
        let frames = written.chunks(PAGES_MOST);
        let page_frames = frames.len() as u32;
        for ids in frames {
            let mut raw = postcard::to_allocvec(ids).unwrap_or_default();
            for id in ids {
                machine.read_frame(*id, &mut page);
                raw.extend_from_slice(&page);
            }
            write(raw)?;
        }
        Ok(Keyframe {
            executed_by: machine.partitions().iter().map(Partition::executed).collect(),
            page_frames,
            is_whole,
            stopped: stopped.to_vec(),
            digest: machine.digest(),
            state: machine.save(),
        })
    }

    /// Whether the next keyframe is a whole one: where much changes, soon, so that who opens the file anywhere reads less than twice
    /// the memory.
    fn is_whole_due(&mut self, changed: usize, used: usize) -> bool {
        let since = self.since_whole.map(|(count, pages)| (count + 1, pages + changed));
        let since = since.filter(|(count, pages)| *count < WHOLE_EVERY && *pages < used);
        self.since_whole = Some(since.unwrap_or((0, 0)));
        since.is_none()
    }

    /// How many pages the last keyframe looked at.
    pub fn pages_seen(&self) -> u64 {
        self.hashes.len() as u64
    }
}

/// The pages in a frame of the file, each with the place of its content. None if it is damaged.
pub fn pages(raw: &[u8]) -> Option<Vec<(FrameId, usize)>> {
    let (count, mut rest) = take_from_bytes::<usize>(raw).ok()?;
    // Before anything is made of the number.
    let content = count.checked_mul(PAGE_BYTES).filter(|bytes| *bytes <= rest.len())?;
    let mut pages = Vec::with_capacity(count);
    for place in 0..count {
        let (id, after) = take_from_bytes(rest).ok()?;
        pages.push((id, raw.len() - content + place * PAGE_BYTES));
        rest = after;
    }
    (rest.len() == content).then_some(pages)
}

/// A keyframe of so many partitions from its frame; None if it is damaged.
pub fn of_bytes(raw: &[u8], partitions: usize) -> Option<Keyframe> {
    // Before anything is made of the lists.
    let (count, _) = take_from_bytes::<usize>(raw).ok()?;
    let keyframe: Keyframe = if count == partitions { postcard::from_bytes(raw).ok()? } else { return None };
    keyframe.stopped.iter().all(|stopped| usize::from(*stopped) < partitions).then_some(keyframe)
}
