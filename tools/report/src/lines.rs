//! How often the instructions of each source line ran. Images without lines cost nothing.
//!
//! Bounded: past [`GRAINS_MOST`] pieces of code what runs elsewhere is only counted together.

use crate::bounds::{LINES_MOST, PARTITION_LINES_MOST};
use crate::words::label;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use trace::{Code, SourceLines, Stretches, TracedSystem};

const GRAIN_BYTES: usize = 256;
/// 4 MiB of code that ran, which takes eight times as much memory.
const GRAINS_MOST: usize = 1 << 14;

/// Counts instructions by address in partitions whose images have lines.
#[derive(Debug)]
pub struct LineCounts {
    lines: SourceLines,
    partitions: Vec<Option<Addresses>>,
    grains: Vec<Grain>,
    elsewhere: u64,
    stretches: Stretches,
    /// Of each partition how often its blocks ran as a whole, by their numbers.
    blocks: Vec<Vec<u64>>,
}

#[derive(Debug)]
struct Grain {
    first: u32,
    counts: Box<[u64; GRAIN_BYTES]>,
}

/// Where the counts of a partition are.
#[derive(Debug, Default)]
struct Addresses {
    grains: HashMap<u32, usize>,
    last: Option<usize>,
}

/// A line of the source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LineRow {
    /// Whose it is.
    pub partition: u16,
    /// File and line.
    pub source: String,
    /// Instructions of it that ran.
    pub instructions: u64,
}

impl LineCounts {
    /// Nothing ran yet.
    #[must_use]
    pub fn new(traced: &TracedSystem) -> Self {
        let lines = SourceLines::new(traced);
        let has_lines = |place| lines.ranges(PartitionId(place as u16)).next().is_some();
        let partitions = (0..traced.partitions.len()).map(|place| has_lines(place).then(Addresses::default));
        let count = traced.partitions.len();
        Self {
            partitions: partitions.collect(),
            lines,
            grains: Vec::new(),
            elsewhere: 0,
            stretches: Stretches::new(count),
            blocks: vec![Vec::new(); count],
        }
    }

    /// Whether it depends on the order of instructions, which blocks do not tell, what was counted.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.grains.len() == GRAINS_MOST
    }

    /// Counts the instructions of the blocks that ran.
    pub fn settle(&mut self) {
        for place in 0..self.partitions.len() {
            let times = std::mem::take(&mut self.blocks[place]);
            let codes = self.stretches.codes(PartitionId(place as u16)).to_vec();
            self.count_blocks(place, &codes, &times);
        }
    }

    fn count_blocks(&mut self, partition: usize, codes: &[Code], times: &[u64]) {
        for (code, times) in codes.iter().zip(times).filter(|(_, times)| **times > 0) {
            for place in 0..code.count() {
                self.count(partition, code.instruction(place).0, *times);
            }
        }
    }

    /// The source lines of all images.
    pub(crate) fn lines(&self) -> &SourceLines {
        &self.lines
    }

    fn count(&mut self, partition: usize, address: u32, times: u64) {
        let Some(Some(addresses)) = self.partitions.get_mut(partition) else { return };
        let offset = address as usize % GRAIN_BYTES;
        let first = address - offset as u32;
        let last = addresses.last.filter(|place| self.grains[*place].first == first);
        let Some(place) = last.or_else(|| addresses.grains.get(&first).copied()) else {
            if self.grains.len() == GRAINS_MOST {
                self.elsewhere += times;
                return;
            }
            addresses.grains.insert(first, self.grains.len());
            addresses.last = Some(self.grains.len());
            let mut counts = Box::new([0; GRAIN_BYTES]);
            counts[offset] = times;
            self.grains.push(Grain { first, counts });
            return;
        };
        addresses.last = Some(place);
        self.grains[place].counts[offset] += times;
    }

    /// The lines, by partition, the one with the most instructions first, and how many others there are.
    pub(crate) fn rows(&self) -> (Vec<LineRow>, u64) {
        let (mut rows, mut others) = (Vec::new(), 0);
        let room = PARTITION_LINES_MOST.min(LINES_MOST / self.partitions.len().max(1)).max(1);
        for (place, addresses) in self.partitions.iter().enumerate() {
            let mut of_lines = BTreeMap::new();
            for (first, grain) in addresses.iter().flat_map(|addresses| &addresses.grains) {
                for (offset, count) in
                    self.grains[*grain].counts.iter().enumerate().filter(|(_, count)| **count > 0)
                {
                    if let Some(line) = self.lines.line(PartitionId(place as u16), first + offset as u32) {
                        *of_lines.entry(line).or_insert(0) += count;
                    }
                }
            }
            let mut of_lines: Vec<_> = of_lines.into_iter().collect();
            of_lines.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            others += of_lines.len().saturating_sub(room) as u64;
            rows.extend(of_lines.into_iter().take(room).map(|(line, instructions)| LineRow {
                partition: place as u16,
                source: label(&format!("{}:{}", line.file, line.line)),
                instructions,
            }));
        }
        (rows, others)
    }
}

impl Recorder for LineCounts {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.count(stamp.partition.index(), step.eip, 1);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let partition = stamp.partition.index();
        if !matches!(self.partitions.get(partition), Some(Some(_))) {
            return;
        }
        let mut stretches = std::mem::replace(&mut self.stretches, Stretches::new(0));
        let mut times = std::mem::take(&mut self.blocks[partition]);
        stretches.refresh(stamp, blocks, |codes| {
            self.count_blocks(partition, codes, &times);
            times.clear();
        });
        times.resize(blocks.codes.count() as usize, 0);
        stretches.each(stamp, blocks, |stretch| {
            if stretch.is_whole() {
                times[stretch.block as usize] += 1;
            } else {
                for place in 0..stretch.instructions {
                    self.count(partition, stretch.code.instruction(place).0, 1);
                }
            }
            if stretch.more > 0 {
                self.count(partition, stretch.last().0, stretch.more);
            }
        });
        (self.stretches, self.blocks[partition]) = (stretches, times);
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

#[cfg(test)]
mod tests {
    use super::{GRAIN_BYTES, GRAINS_MOST, LineCounts};
    use hypervisor_core::clock::Rate;
    use hypervisor_core::loader::Symbols;
    use hypervisor_core::{Image, PartitionId};
    use std::sync::Arc;
    use trace::{TracedPartition, TracedSystem};

    fn system(image: &[u8]) -> TracedSystem {
        let image = Arc::new(Image::read(image).expect("the sample can be read"));
        let partition = TracedPartition { name: "one".to_owned(), image, symbols: Symbols::default() };
        TracedSystem {
            is_system: false,
            rate: Rate::default(),
            names: Arc::default(),
            partitions: vec![partition],
        }
    }

    #[test]
    fn instructions_of_a_line_are_added_up() {
        let mut counts =
            LineCounts::new(&system(include_bytes!("../../../guest-images/lines/prebuilt/lines.elf")));
        let ranges: Vec<_> = counts.lines().ranges(PartitionId(0)).collect();
        let range = ranges.iter().find(|range| range.last > range.first + 1).expect("a line has code");
        let (first, last) = (range.first, range.last);
        let source = format!("{}:{}", range.source.file, range.source.line);
        for address in [first, first, last, 0xf000_0000] {
            counts.count(0, address, 1);
        }
        let (rows, others) = counts.rows();
        assert_eq!((rows.len(), others), (1, 0));
        assert_eq!((rows[0].source.as_str(), rows[0].instructions), (source.as_str(), 3));
    }

    #[test]
    fn an_image_without_lines_is_not_counted() {
        let mut counts = LineCounts::new(&system(include_bytes!("../../../guest-images/prebuilt/hello.elf")));
        counts.count(0, 0x10_0000, 1);
        assert!(counts.grains.is_empty() && counts.rows().0.is_empty());
    }

    #[test]
    fn code_without_end_is_bounded() {
        let mut counts =
            LineCounts::new(&system(include_bytes!("../../../guest-images/lines/prebuilt/lines.elf")));
        for grain in 0..GRAINS_MOST as u32 + 10 {
            counts.count(0, grain * GRAIN_BYTES as u32, 1);
        }
        assert_eq!((counts.grains.len(), counts.elsewhere), (GRAINS_MOST, 10));
    }
}
