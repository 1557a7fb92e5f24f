//! Which code ran, how often, and which way its conditional branches went. Grows with the code that ran, not with the run.
//!
//! Not here: which line or function the code belongs to.

use emulator::Step;
use hypervisor_core::{Elision, Omission};
use std::collections::HashMap;
use std::io;
use trace::{Code, Stretch};

const GRAIN_BYTES: usize = 256;
/// 32 MiB of code: a guest must not make the host allocate without bound.
const GRAINS_MOST: usize = 1 << 17;

/// What ran of one partition.
#[derive(Debug, Default)]
pub struct Executed {
    grains: Vec<(u32, Box<[Place; GRAIN_BYTES]>)>,
    places: HashMap<u32, usize>,
    last: usize,
    /// More ran than is kept.
    is_cut: bool,
    /// What ran of blocks as a whole and was not counted by address yet, by their numbers.
    blocks: Vec<Whole>,
}

/// How often a block ran as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    times: u64,
    /// So many times of them the REP at its end was not finished.
    unfinished: u64,
    /// It went on elsewhere than behind its end.
    leaves: bool,
    /// It went on behind its end.
    falls_through: bool,
}

/// What ran at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// How often an instruction that begins here was finished; a REP counts once.
    pub times: u64,
    /// Its length, at last.
    pub length_bytes: u8,
    /// It is a conditional branch that was taken.
    pub taken: bool,
    /// It is a conditional branch that was not taken.
    pub not_taken: bool,
}

impl Executed {
    /// Counts an instruction.
    pub fn note(&mut self, step: &Step<'_>) {
        if is_repeated(step.bytes) && step.after.eip == step.eip {
            return;
        }
        let Some(place) = self.count(step.eip, step.bytes, 1) else { return };
        if is_conditional_branch(step.bytes) {
            let next = step.eip.wrapping_add(step.bytes.len() as u32);
            place.taken |= step.after.eip != next;
            place.not_taken |= step.after.eip == next;
        }
    }

    /// Counts a REP whose iterations were left out. Of what else was left out nobody knows that it ran.
    pub fn elided(&mut self, elision: &Elision) {
        if let Omission::Repeat(repeat) = &elision.omission {
            self.count(repeat.eip, &repeat.bytes, 1);
        }
    }

    /// So many blocks are known.
    pub fn expect(&mut self, blocks: u32) {
        self.blocks.resize(blocks as usize, Whole::default());
    }

    /// Counts a stretch of one of the blocks that are known.
    pub fn stretch(&mut self, stretch: &Stretch<'_>) {
        let code = stretch.code;
        if !stretch.is_whole() {
            for place in 0..stretch.instructions {
                let (eip, bytes) = code.instruction(place);
                self.count(eip, bytes, 1);
            }
            return;
        }
        let (eip, bytes) = stretch.last();
        let Some(whole) = self.blocks.get_mut(stretch.block as usize) else { return };
        let behind = eip.wrapping_add(bytes.len() as u32);
        whole.times += 1;
        whole.leaves |= stretch.next != behind;
        whole.falls_through |= stretch.next == behind;
        if stretch.next == eip && is_repeated(bytes) {
            whole.unfinished += 1;
        }
    }

    /// Counts by address what ran of these blocks.
    pub fn settle(&mut self, codes: &[Code]) {
        let blocks = std::mem::take(&mut self.blocks);
        for (code, whole) in codes.iter().zip(blocks).filter(|(_, whole)| whole.times > 0) {
            let last = code.count() - 1;
            for place in 0..=last {
                let (eip, bytes) = code.instruction(place);
                let is_last = place == last;
                let times = whole.times - if is_last { whole.unfinished } else { 0 };
                if times == 0 {
                    continue;
                }
                let Some(place) = self.count(eip, bytes, times) else { continue };
                if is_last && is_conditional_branch(bytes) {
                    place.taken |= whole.leaves;
                    place.not_taken |= whole.falls_through;
                }
            }
        }
    }

    fn count(&mut self, eip: u32, bytes: &[u8], times: u64) -> Option<&mut Place> {
        if self.place(eip).is_none() {
            self.is_cut = true;
        }
        let place = self.place(eip)?;
        place.times += times;
        place.length_bytes = bytes.len() as u8;
        Some(place)
    }

    /// What ran, by address.
    ///
    /// # Errors
    /// It is more than is kept.
    pub fn all(&self) -> io::Result<Vec<(u32, Place)>> {
        if self.is_cut {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a partition ran more than 32 MiB of code, and coverage is kept of no more: trace a part of the run",
            ));
        }
        let mut grains: Vec<_> = self.grains.iter().collect();
        grains.sort_unstable_by_key(|(first, _)| *first);
        let mut all = Vec::new();
        for (first, places) in grains {
            let ran = places.iter().enumerate().filter(|(_, place)| place.times > 0);
            all.extend(ran.map(|(offset, place)| (first + offset as u32, *place)));
        }
        Ok(all)
    }

    /// How often the instruction at an address ran.
    pub fn times(&self, address: u32) -> u64 {
        let (first, offset) = split(address);
        self.places.get(&first).map_or(0, |grain| self.grains[*grain].1[offset].times)
    }

    fn place(&mut self, address: u32) -> Option<&mut Place> {
        let (first, offset) = split(address);
        if self.grains.get(self.last).is_none_or(|grain| grain.0 != first) {
            self.last = match self.places.get(&first) {
                Some(grain) => *grain,
                None if self.grains.len() == GRAINS_MOST => return None,
                None => {
                    self.places.insert(first, self.grains.len());
                    self.grains.push((first, Box::new([Place::default(); GRAIN_BYTES])));
                    self.grains.len() - 1
                }
            };
        }
        Some(&mut self.grains[self.last].1[offset])
    }
}

fn split(address: u32) -> (u32, usize) {
    let offset = address % GRAIN_BYTES as u32;
    (address - offset, offset as usize)
}

fn is_prefix(byte: u8) -> bool {
    matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0x66 | 0x67 | 0xf0 | 0xf2 | 0xf3)
}

fn is_repeated(bytes: &[u8]) -> bool {
    bytes.iter().take_while(|byte| is_prefix(**byte)).any(|byte| *byte & 0xfe == 0xf2)
}

/// Jcc, LOOP and JCXZ.
fn is_conditional_branch(bytes: &[u8]) -> bool {
    let mut bytes = bytes.iter().skip_while(|byte| is_prefix(**byte));
    match bytes.next() {
        Some(0x70..=0x7f | 0xe0..=0xe3) => true,
        Some(0x0f) => matches!(bytes.next(), Some(0x80..=0x8f)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Executed, GRAIN_BYTES, GRAINS_MOST, Place};
    use emulator::cpu::Tls;
    use emulator::{Cpu, DescriptorTable, Step};
    use hypervisor_core::record::Repeat;
    use hypervisor_core::{Elision, Omission};

    fn note(executed: &mut Executed, eip: u32, bytes: &[u8], target: u32) {
        let mut after = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        after.eip = target;
        let registers_before = &[0; 8];
        executed.note(&Step { eip, bytes, registers_before, eflags_before: 0, after: &after, accesses: &[] });
    }

    #[test]
    fn branches_know_which_way_they_went_and_a_repeat_counts_once() {
        let mut executed = Executed::default();
        note(&mut executed, 0x1ff, &[0x75, 0x10], 0x201);
        note(&mut executed, 0x1ff, &[0x75, 0x10], 0x211);
        note(&mut executed, 0x100, &[0x0f, 0x84, 0, 1, 0, 0], 0x206);
        for target in [0xffff_fffe, 0xffff_fffe, 0] {
            note(&mut executed, 0xffff_fffe, &[0xf3, 0xa4], target);
        }
        let place = |times, length_bytes, taken, not_taken| Place { times, length_bytes, taken, not_taken };
        assert_eq!(
            executed.all().expect("it is little"),
            [
                (0x100, place(1, 6, true, false)),
                (0x1ff, place(2, 2, true, true)),
                (0xffff_fffe, place(1, 2, false, false)),
            ]
        );
        assert_eq!((executed.times(0x1ff), executed.times(0x200), executed.times(0x5000)), (2, 0, 0));
    }

    #[test]
    fn a_repeat_without_its_iterations_ran_once() {
        let mut executed = Executed::default();
        let repeat = Repeat {
            eip: 0x100,
            bytes: vec![0xf3, 0xa4],
            read: None,
            written: None,
            registers_before: [0; 8],
            registers_after: [0; 8],
            eflags_before: 0,
            eflags_after: 0,
        };
        for omission in [Omission::Repeat(Box::new(repeat)), Omission::Filter] {
            executed.elided(&Elision { since: 0, instructions: 7, events: 0, omission });
        }
        let ran = Place { times: 1, length_bytes: 2, ..Place::default() };
        assert_eq!(executed.all().expect("it is little"), [(0x100, ran)]);
    }

    #[test]
    fn more_code_than_is_kept_is_an_error_and_not_less_coverage() {
        let mut executed = Executed::default();
        for grain in 0..GRAINS_MOST as u32 {
            note(&mut executed, grain * GRAIN_BYTES as u32, &[0x90], 0);
        }
        assert_eq!(executed.all().expect("just enough").len(), GRAINS_MOST);
        note(&mut executed, 0xffff_ff00, &[0x90], 0);
        assert!(executed.all().expect_err("too much").to_string().contains("trace a part of the run"));
    }
}
