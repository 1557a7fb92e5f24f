//! What the words of a question mean: which partition, which memory, from when until when.

use super::options::Memory;
use crate::quantities::size;
use hypervisor_core::{PartitionId, Stamp};
use recording::words::Words;
use system_file::suggestion::listed;
use trace::TracedSystem;
use trace::filter::Instant;

/// More memory is not watched at once.
const LENGTH_MOST: u64 = 1 << 20;

/// Names the partition that is asked about.
pub struct Scope<'a> {
    system: &'a TracedSystem,
    /// The partition of `--partition`, or the only one.
    chosen: Option<PartitionId>,
    shown: Vec<bool>,
}

/// An instant of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// Before its instruction of this number.
    Number(u64),
    /// At so many nanoseconds.
    Time(u64),
}

/// From the one instant until the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// After this instruction, or from this time on.
    pub after: Option<Point>,
    /// Before that.
    pub before: Option<Point>,
}

impl<'a> Scope<'a> {
    /// What `--partition` chose.
    ///
    /// # Errors
    /// There is no such partition.
    pub fn new(system: &'a TracedSystem, partition: Option<&str>) -> Result<Self, String> {
        let names = || listed(system.partitions.iter().map(|partition| partition.name.as_str()));
        let chosen = match partition {
            Some(_) if !system.is_system => {
                return Err("--partition: this recording is of a single guest: leave it out".to_owned());
            }
            Some(name) => {
                let place = system.partitions.iter().position(|partition| partition.name == name);
                let place = place.ok_or_else(|| {
                    format!("--partition: there is no partition `{name}`; the partitions are {}", names())
                })?;
                Some(place)
            }
            None => (system.partitions.len() == 1).then_some(0),
        };
        let is_shown = |place| chosen.is_none_or(|chosen| chosen == place);
        Ok(Self {
            system,
            chosen: chosen.map(|place| PartitionId(place as u16)),
            shown: (0..system.partitions.len()).map(is_shown).collect(),
        })
    }

    /// The partition that is asked about.
    ///
    /// # Errors
    /// Several could be meant.
    pub fn partition(&self) -> Result<PartitionId, String> {
        self.chosen.ok_or_else(|| {
            let names = listed(self.system.partitions.iter().map(|partition| partition.name.as_str()));
            format!("this is a system: say whose with --partition NAME; the partitions are {names}")
        })
    }

    /// The first and the last address of memory, and the partition that has it.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn memory(&self, memory: &Memory) -> Result<(PartitionId, u32, u32), String> {
        let (partition, first, last) = self.extent(&memory.place)?;
        let last = match memory.length {
            None => last,
            Some(0) => return Err("a LENGTH of 0 bytes is never touched: give at least 1".to_owned()),
            Some(length) => {
                let last = u64::from(first) + (length.min(1 << 32) - 1);
                u32::try_from(last).map_err(|_| {
                    format!("`{} {length}` goes beyond the last address, 0xffffffff", memory.place)
                })?
            }
        };
        let length = u64::from(last - first) + 1;
        if length > LENGTH_MOST {
            return Err(format!(
                "{} are more than can be watched at once: ask about {} at most",
                size(length),
                size(LENGTH_MOST)
            ));
        }
        Ok((partition, first, last))
    }

    /// The first and the last address of a place, and the partition that has it.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn extent(&self, place: &str) -> Result<(PartitionId, u32, u32), String> {
        let words = Words { system: self.system, shown: &self.shown };
        let extents = words.extents(place)?;
        match extents[..] {
            [(partition, (first, last))] => Ok((PartitionId(partition as u16), first, last)),
            _ => {
                let having = extents.iter().filter_map(|(place, _)| self.system.partitions.get(*place));
                let having = listed(having.map(|partition| partition.name.as_str()));
                Err(format!("`{place}` is in several partitions: say whose with --partition NAME; {having}"))
            }
        }
    }

    /// An instant of a partition.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn point(
        &self,
        option: &str,
        of: PartitionId,
        text: Option<&String>,
    ) -> Result<Option<Point>, String> {
        let Some(text) = text else { return Ok(None) };
        let shown: Vec<bool> = (0..self.shown.len()).map(|place| place == of.index()).collect();
        let words = Words { system: self.system, shown: &shown };
        let trigger = words.trigger(text).map_err(|why| format!("{option}: {why}"))?;
        match trigger.what {
            Instant::Number(number) => Ok(Some(Point::Number(number))),
            Instant::Time(ns) => Ok(Some(Point::Time(ns))),
            _ => Err(format!("{option} {text}: write #NUMBER of an instruction, or a TIME such as 10ms")),
        }
    }

    /// A mark, and the partition that makes it.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn mark(&self, text: &str) -> Result<(PartitionId, u32), String> {
        let words = Words { system: self.system, shown: &self.shown };
        if !text.contains("mark:") {
            return Err(format!("`{text}` is no mark: write mark:{text}"));
        }
        let trigger = words.trigger(text)?;
        let Instant::Mark(mark) = trigger.what else {
            return Err(format!("`{text}` is no mark: write mark:ID"));
        };
        let partition = trigger.partition.map_or_else(|| self.partition(), Ok)?;
        Ok((partition, mark))
    }
}

impl Range {
    /// Whether an instruction is in it.
    pub fn holds_instruction(&self, stamp: Stamp) -> bool {
        self.has_begun(stamp)
            && match self.before {
                None => true,
                Some(Point::Number(number)) => stamp.instruction < number,
                Some(Point::Time(ns)) => stamp.now_ns < ns,
            }
    }

    /// Whether something is in it that happened right before the instruction of `stamp`.
    pub fn holds_event(&self, stamp: Stamp) -> bool {
        self.has_begun(stamp) && !self.is_over(stamp)
    }

    fn has_begun(&self, stamp: Stamp) -> bool {
        match self.after {
            None => true,
            Some(Point::Number(number)) => stamp.instruction > number,
            Some(Point::Time(ns)) => stamp.now_ns >= ns,
        }
    }

    /// Whether nothing of it comes any more.
    pub fn is_over(&self, stamp: Stamp) -> bool {
        match self.before {
            None => false,
            Some(Point::Number(number)) => stamp.instruction > number,
            Some(Point::Time(ns)) => stamp.now_ns >= ns,
        }
    }

    /// Whether it begins only after this.
    pub fn begins_after(&self, stamp: Stamp) -> bool {
        self.after.is_some() && !self.has_begun(stamp)
    }
}
