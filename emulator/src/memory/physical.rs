//! Frames of 4 KiB that never move. Knows no address: [`super::AddressSpace`] maps them.

#![allow(unsafe_code)] // Frames are reached through host pointers: see docs/decisions/0001-unsafe.md.

use super::{Identity, PAGE_BYTES};
use serde::{Deserialize, Serialize};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::rc::Rc;

/// The number of a frame, counted from 0 in the order of allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameNumber(pub u32);

const FRAME_BYTES: usize = PAGE_BYTES as usize;
/// Code marks have this granularity: 64 marks a frame.
pub(crate) const GRANULE_BYTES: u32 = 64;

/// All frames of a machine. A frame that was never written reads as zero and costs nothing.
#[derive(Debug, Default)]
pub struct PhysicalMemory {
    identity: Identity,
    allocations: Vec<Rc<Allocation>>,
    frames: Vec<Frame>,
    /// What another memory allocated and [`PhysicalMemory::allocate`] hands out first.
    spare: Vec<Spare>,
    code_marks_made: u64,
    code_stores_seen: u64,
}

/// Frames of a memory that comes to an end.
#[derive(Debug)]
struct Spare {
    bytes: Rc<Allocation>,
    /// Of each frame, whether it was written.
    written: Vec<bool>,
}

/// Frames that several memories can hold at once. What one writes, all read; no two of them live on different threads.
#[derive(Clone, Debug)]
pub struct SharedMemory {
    count: u32,
    bytes: Rc<Allocation>,
}

impl SharedMemory {
    /// `count` zeroed frames. None if the host has not enough memory, or if `count` is 0.
    #[must_use]
    pub fn new(count: u32) -> Option<Self> {
        Some(Self { count, bytes: Rc::new(Allocation::new(count)?) })
    }
}

#[derive(Debug)]
struct Allocation {
    layout: Layout,
    start: NonNull<u8>,
    /// The first multiple of a frame's length in the allocation.
    base: NonNull<u8>,
}

impl Allocation {
    fn new(count: u32) -> Option<Self> {
        // With room to align by hand: an allocator asked for zeroes at a large alignment writes them, one asked for no
        // alignment takes untouched pages of the host.
        let bytes = (count as usize).checked_mul(FRAME_BYTES)?.checked_add(FRAME_BYTES)?;
        let layout = Layout::from_size_align(bytes, 1).ok()?;
        if count == 0 {
            return None;
        }
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let skip = start.as_ptr().align_offset(FRAME_BYTES);
        // SAFETY: `skip` is below a frame's length, and there is one frame's length more than needed.
        let base = unsafe { start.add(skip) };
        Some(Self { layout, start, base })
    }
}

impl Allocation {
    /// How many frames it has room for.
    fn frame_count(&self) -> u32 {
        (self.layout.size() / FRAME_BYTES - 1) as u32
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: `start` was made with `layout` in `Allocation::new`.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    start: NonNull<u8>,
    /// One bit for each granule of which a decoded block holds a byte.
    code: u64,
    written: bool,
    /// Other memories may hold the frame, too.
    shared: bool,
}

impl PhysicalMemory {
    /// Memory without a frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Memory without a frame that takes over the frames of `old`, allocation by allocation, where as many are asked for: for a
    /// machine that starts again. Frames of which `keeps` says so have their bytes still, in `old` and here; all others are
    /// zeroed, but for those that further memories hold.
    #[must_use]
    pub fn again(old: &mut Self, keeps: impl Fn(FrameNumber) -> bool) -> Self {
        let mut spare = Vec::new();
        let mut first = 0;
        for place in 0..old.allocations.len() {
            let bytes = Rc::clone(&old.allocations[place]);
            let frames = (first..first + bytes.frame_count()).map(FrameNumber);
            first += bytes.frame_count();
            // Two: that of the memory, and this one.
            if Rc::strong_count(&bytes) > 2 {
                continue;
            }
            let written = frames.map(|frame| {
                let written = old.was_written(frame) && keeps(frame);
                if old.was_written(frame) && !written {
                    old.write(frame, 0, &[0; FRAME_BYTES]);
                }
                written
            });
            let written = written.collect();
            spare.push(Spare { bytes, written });
        }
        Self { spare, ..Self::default() }
    }

    /// Adds `count` zeroed frames with consecutive numbers and returns the first. None if the host has not enough
    /// memory, or if `count` is 0 or there would be more than 2^32 frames.
    pub fn allocate(&mut self, count: u32) -> Option<FrameNumber> {
        if let Some(place) = self.spare.iter().position(|spare| spare.written.len() == count as usize) {
            let Spare { bytes, written } = self.spare.remove(place);
            return self.add(bytes, &written, false);
        }
        let bytes = Rc::new(Allocation::new(count)?);
        self.add(bytes, &vec![false; count as usize], false)
    }

    /// Adds frames that other memories hold, too, with consecutive numbers, and returns the first. None if there would
    /// be more than 2^32 frames. Code in them is not followed when another memory's guest changes it: they are for data.
    pub fn attach(&mut self, shared: &SharedMemory) -> Option<FrameNumber> {
        // Another memory may have written them.
        self.add(Rc::clone(&shared.bytes), &vec![true; shared.count as usize], true)
    }

    fn add(&mut self, bytes: Rc<Allocation>, written: &[bool], shared: bool) -> Option<FrameNumber> {
        let first = self.frame_count();
        first.checked_add(u32::try_from(written.len()).ok()?)?;
        // SAFETY: the allocation has so many frames.
        let start = |index: usize| unsafe { bytes.base.add(index * FRAME_BYTES) };
        let frame = |(index, written)| Frame { start: start(index), code: 0, written, shared };
        self.frames.extend(written.iter().copied().enumerate().map(frame));
        self.allocations.push(bytes);
        Some(FrameNumber(first))
    }

    /// How many frames there are.
    #[must_use]
    pub fn frame_count(&self) -> u32 {
        self.frames.len() as u32
    }

    /// Whether the frame was ever written. A frame that was not reads as zero.
    #[must_use]
    pub fn was_written(&self, frame: FrameNumber) -> bool {
        self.frames[frame.0 as usize].written
    }

    /// Whether the frame was attached, so that other memories may hold it, too.
    #[must_use]
    pub fn is_shared(&self, frame: FrameNumber) -> bool {
        self.frames[frame.0 as usize].shared
    }

    /// The frames that were ever written, in order; not those that were attached.
    pub fn written_frames(&self) -> impl Iterator<Item = FrameNumber> {
        let own = |(_, frame): &(u32, &Frame)| frame.written && !frame.shared;
        (0..).zip(&self.frames).filter(own).map(|(number, _)| FrameNumber(number))
    }

    /// Forgets what was written: all frames read as zero, but for those that were attached.
    pub fn clear(&mut self) {
        let written: Vec<_> = self.written_frames().collect();
        for frame in written {
            self.write(frame, 0, &[0; FRAME_BYTES]);
        }
        for frame in &mut self.frames {
            frame.code = 0;
            frame.written = frame.shared;
        }
        // Blocks that were decoded from the bytes before, and pointers handed out for stores, are of another memory.
        self.identity = Identity::default();
    }

    /// Reads from `offset` in `frame`; all bytes lie in that frame.
    ///
    /// # Panics
    /// If the range leaves the frame or the frame does not exist.
    #[inline]
    pub fn read(&self, frame: FrameNumber, offset: u32, bytes: &mut [u8]) {
        assert!(offset as usize + bytes.len() <= FRAME_BYTES, "a read leaves its frame");
        // SAFETY: the range lies in the frame, and no Rust reference to guest bytes exists.
        unsafe {
            let source = self.host_address(frame).add(offset as usize);
            source.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len());
        }
    }

    /// Writes at `offset` in `frame`; all bytes lie in that frame. Decoded blocks of these bytes are noticed.
    ///
    /// # Panics
    /// If the range leaves the frame or the frame does not exist.
    #[inline]
    pub fn write(&mut self, frame: FrameNumber, offset: u32, bytes: &[u8]) {
        assert!(offset as usize + bytes.len() <= FRAME_BYTES, "a write leaves its frame");
        let frame = &mut self.frames[frame.0 as usize];
        frame.written = true;
        if frame.code != 0 && frame.code & granules(offset, bytes.len() as u32) != 0 {
            self.code_stores_seen += 1;
        }
        // SAFETY: the range lies in the frame, and no Rust reference to guest bytes exists.
        unsafe {
            let target = frame.start.as_ptr().add(offset as usize);
            target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// The host address of the first byte of `frame`. It stays the same as long as `self` lives.
    #[inline]
    pub(super) fn host_address(&self, frame: FrameNumber) -> *mut u8 {
        self.frames[frame.0 as usize].start.as_ptr()
    }

    /// Notes that a store translation for `frame` is handed out.
    pub(super) fn mark_written(&mut self, frame: FrameNumber) {
        self.frames[frame.0 as usize].written = true;
    }

    /// Notes that a decoded block holds these bytes. Returns whether the frame held no code before: stores to it
    /// may then no longer take the fast path.
    pub(crate) fn mark_code(&mut self, frame: FrameNumber, offset: u32, length: u32) -> bool {
        let frame = &mut self.frames[frame.0 as usize];
        let first = frame.code == 0;
        frame.code |= granules(offset, length);
        if first {
            self.code_marks_made += 1;
        }
        first
    }

    /// Whether `frame` holds code anywhere.
    pub(crate) fn holds_code(&self, frame: FrameNumber) -> bool {
        self.frames[frame.0 as usize].code != 0
    }

    /// Tells this memory from every other one: pointers and blocks made with one do not serve another.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// How often a frame got its first code mark. A change means: store translations may be stale.
    pub(crate) fn code_marks_made(&self) -> u64 {
        self.code_marks_made
    }

    /// How often a store hit a granule with code. A change between two runs means: decoded blocks may be stale.
    pub(crate) fn code_stores_seen(&self) -> u64 {
        self.code_stores_seen
    }
}

/// The granules that `length` bytes from `offset` touch, within one frame.
fn granules(offset: u32, length: u32) -> u64 {
    if length == 0 {
        return 0;
    }
    let first = offset / GRANULE_BYTES;
    let last = (offset + length - 1) / GRANULE_BYTES;
    (u64::MAX >> (63 - (last - first))) << first
}

#[cfg(test)]
mod tests {
    use super::{FrameNumber, PhysicalMemory, SharedMemory, granules};

    #[test]
    fn frames_keep_their_numbers_and_bytes_across_allocations() {
        let mut memory = PhysicalMemory::new();
        let first = memory.allocate(2).unwrap();
        memory.write(FrameNumber(first.0 + 1), 4095, &[7]);
        let next = memory.allocate(3).unwrap();
        assert_eq!(next, FrameNumber(2));
        let mut byte = [0];
        memory.read(FrameNumber(1), 4095, &mut byte);
        assert_eq!(byte, [7]);
        assert!(memory.was_written(FrameNumber(1)) && !memory.was_written(FrameNumber(0)));
    }

    #[test]
    fn shared_frames_are_one_in_all_memories_that_hold_them() {
        let shared = SharedMemory::new(2).unwrap();
        let mut memories = [PhysicalMemory::new(), PhysicalMemory::new()];
        memories[1].allocate(1).unwrap();
        let firsts = memories.each_mut().map(|memory| memory.attach(&shared).unwrap());
        assert_eq!(firsts, [FrameNumber(0), FrameNumber(1)]);
        memories[0].write(FrameNumber(1), 9, &[7]);
        let mut byte = [0];
        memories[1].read(FrameNumber(2), 9, &mut byte);
        assert_eq!(byte, [7]);
        drop(shared);
        let [first, second] = memories;
        drop(first);
        second.read(FrameNumber(2), 9, &mut byte);
        assert_eq!(byte, [7]);
        assert!(second.was_written(FrameNumber(1)) && !second.was_written(FrameNumber(0)));
    }

    #[test]
    fn a_cleared_memory_has_its_frames_and_nothing_in_them() {
        let shared = SharedMemory::new(1).unwrap();
        let mut memory = PhysicalMemory::new();
        memory.allocate(2).unwrap();
        let attached = memory.attach(&shared).unwrap();
        for frame in [FrameNumber(1), attached] {
            memory.write(frame, 5, &[7]);
        }
        assert!(memory.written_frames().eq([FrameNumber(1)]));
        memory.clear();
        let mut bytes = [0; 2];
        memory.read(FrameNumber(1), 5, &mut bytes[..1]);
        memory.read(attached, 5, &mut bytes[1..]);
        assert_eq!((bytes, memory.frame_count()), ([0, 7], 3));
        assert_eq!(memory.written_frames().next(), None);
        assert!(memory.is_shared(attached) && !memory.is_shared(FrameNumber(1)));
    }

    #[test]
    fn memory_that_starts_again_is_zeroed_but_for_what_is_kept_and_what_others_hold() {
        let shared = SharedMemory::new(1).unwrap();
        let mut old = PhysicalMemory::new();
        let [ram, page] = [3, 1].map(|count| old.allocate(count).unwrap());
        let area = old.attach(&shared).unwrap();
        for frame in [0, 1, 3, 4] {
            old.write(FrameNumber(frame), 8, &[7]);
        }
        let mut memory = PhysicalMemory::again(&mut old, |frame| frame == FrameNumber(1));
        assert_eq!(memory.frame_count(), 0);
        assert_eq!([3, 1].map(|count| memory.allocate(count).unwrap()), [ram, page]);
        assert_eq!(memory.attach(&shared), Some(area));
        let read = |memory: &PhysicalMemory, frame| {
            let mut byte = [0];
            memory.read(FrameNumber(frame), 8, &mut byte);
            byte[0]
        };
        assert_eq!([0, 1, 2, 3, 4].map(|frame| read(&memory, frame)), [0, 7, 0, 0, 7]);
        let written = [0, 1, 2, 3, 4].map(|frame| memory.was_written(FrameNumber(frame)));
        assert_eq!(written, [false, true, false, false, true]);
        // The one of before is zeroed, too, and still there.
        assert_eq!(read(&old, 3), 0);
        drop(old);
        memory.write(FrameNumber(0), 8, &[9]);
        assert_eq!(read(&memory, 0), 9);
        // More than before is new.
        let more = memory.allocate(3).unwrap();
        assert_eq!((more, read(&memory, more.0)), (FrameNumber(5), 0));
    }

    #[test]
    fn granules_cover_both_ends() {
        assert_eq!(granules(0, 1), 1);
        assert_eq!(granules(63, 2), 3);
        assert_eq!(granules(0, 4096), u64::MAX);
        assert_eq!(granules(4095, 1), 1 << 63);
        assert_eq!(granules(100, 0), 0);
    }
}
