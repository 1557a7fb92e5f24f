//! What a frame of records holds: events, in the order in which they happened, each with its stamp.
//!
//! Every frame is understood without the ones before it: in each, stamps count from 0.

use hypervisor_core::clock::Rate;
use hypervisor_core::{Event, PartitionId, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Record {
    /// Where the records that follow happened, as differences.
    Stamp {
        /// The partition's number.
        partition: u16,
        /// To the instruction number in the partition's last stamp of this frame, from 0.
        instruction: i64,
        /// To the unit of the last stamp of this frame, from 0.
        unit: i64,
    },
    /// Something happened that is no instruction.
    Event(Event),
}

/// Records that are being collected.
#[derive(Debug, Default)]
pub struct RecordWriter {
    raw: Vec<u8>,
    stamps: Stamps,
}

/// The last stamps.
#[derive(Debug, Default)]
struct Stamps {
    last: Option<Stamp>,
    unit: u64,
    instructions: BTreeMap<u16, u64>,
}

impl RecordWriter {
    /// Adds an event.
    pub fn event(&mut self, stamp: Stamp, event: &Event) {
        self.stamp(stamp);
        self.put(&Record::Event(event.clone()));
    }

    /// How many bytes the records have.
    #[must_use]
    pub fn length_bytes(&self) -> usize {
        self.raw.len()
    }

    /// Takes the records and begins a new frame.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self).raw
    }

    fn stamp(&mut self, stamp: Stamp) {
        if self.stamps.last == Some(stamp) {
            return;
        }
        let number = self.stamps.instructions.entry(stamp.partition.0).or_default();
        let record = Record::Stamp {
            partition: stamp.partition.0,
            instruction: stamp.instruction.wrapping_sub(*number) as i64,
            unit: stamp.unit.wrapping_sub(self.stamps.unit) as i64,
        };
        *number = stamp.instruction;
        self.stamps.unit = stamp.unit;
        self.stamps.last = Some(stamp);
        self.put(&record);
    }

    fn put(&mut self, record: &Record) {
        let raw = std::mem::take(&mut self.raw);
        // Only an allocation could fail, and that ends the program.
        self.raw = postcard::to_extend(record, raw).unwrap_or_default();
    }
}

/// Tells the records of a frame, in order. False if they cannot be understood from some point on.
pub fn tell_records(raw: &[u8], rate: Rate, partitions: usize, mut tell: impl FnMut(Stamp, Event)) -> bool {
    let mut stamps = Stamps::default();
    let mut rest = raw;
    while !rest.is_empty() {
        let Ok((record, after)) = postcard::take_from_bytes::<Record>(rest) else { return false };
        rest = after;
        match record {
            Record::Stamp { partition, instruction, unit } => {
                if usize::from(partition) >= partitions {
                    return false;
                }
                let number = stamps.instructions.entry(partition).or_default();
                *number = number.wrapping_add(instruction as u64);
                stamps.unit = stamps.unit.wrapping_add(unit as u64);
                stamps.last = Some(Stamp {
                    partition: PartitionId(partition),
                    instruction: *number,
                    unit: stamps.unit,
                    now_ns: rate.nanoseconds(stamps.unit),
                });
            }
            Record::Event(event) => {
                let Some(stamp) = stamps.last else { return false };
                tell(stamp, event);
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{RecordWriter, tell_records};
    use hypervisor_core::clock::Rate;
    use hypervisor_core::{Event, PartitionId, Stamp};

    fn stamp(partition: u16, instruction: u64, unit: u64) -> Stamp {
        Stamp { partition: PartitionId(partition), instruction, unit, now_ns: 10 * unit }
    }

    fn told(raw: &[u8]) -> Option<Vec<(Stamp, Event)>> {
        let mut events = Vec::new();
        tell_records(raw, Rate::default(), 2, |stamp, event| events.push((stamp, event))).then_some(events)
    }

    #[test]
    fn events_are_read_with_their_stamps() {
        let events = [
            (stamp(1, 7, 100), Event::TraceStart),
            (stamp(1, 7, 100), Event::ConsoleOutput(b"hello".to_vec())),
            (stamp(0, u64::MAX, 100), Event::Mark { id: 1, payload: 2 }),
            (stamp(1, 3, u64::MAX / 100), Event::Idle { until_ns: 5 }),
        ];
        let mut writer = RecordWriter::default();
        for (stamp, event) in &events {
            writer.event(*stamp, event);
        }
        let raw = writer.take();
        assert_eq!(told(&raw).as_deref(), Some(&events[..]));
        assert_eq!(writer.length_bytes(), 0);
        writer.event(events[0].0, &events[0].1);
        assert_eq!(told(&writer.take()).as_deref(), Some(&events[..1]));
    }

    #[test]
    fn damaged_records_are_told_up_to_the_damage() {
        let mut writer = RecordWriter::default();
        for number in 0..200 {
            writer.event(stamp(0, number, number), &Event::ConsoleOutput(vec![3; number as usize]));
        }
        let raw = writer.take();
        for at in 0..raw.len() {
            let mut damaged = raw.clone();
            damaged[at] ^= 0x81;
            let _ = told(&damaged);
            let _ = told(&raw[..at]);
        }
    }

    #[test]
    fn a_partition_that_there_is_not_is_refused() {
        let mut writer = RecordWriter::default();
        writer.event(stamp(2, 0, 0), &Event::TraceStop);
        assert_eq!(told(&writer.take()), None);
    }
}
