//! How far a recording goes, whatever it claims: a run that was recorded has a keyframe every so often, and each event takes room in
//! the file.

use crate::error::RecordingError;
use crate::keyframe::PAGE_BYTES;
use crate::writer::{KEYFRAME_UNITS, KEYFRAME_UNITS_FOR_A_PAGE};
use hypervisor_core::Machine;
use trace::RunEnd;
use trace::pvt::{FrameKind, Reader};

/// Keyframes come later than they are due, where the machine does not return.
const LATE: u64 = 16;
/// Pages of a partition that are not among its memory: the core's own.
const PAGES_BESIDE_MEMORY: u64 = 64;
/// The fewest bytes of an event.
const EVENT_BYTES_LEAST: u64 = 2;
/// Events of the last instant, which may not be in a file that was cut off.
const EVENTS_UNWRITTEN: u64 = 4096;

/// What a recorded run does not go beyond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Units executed by all partitions.
    pub executed: u64,
    /// Events.
    pub events: u64,
}

impl Bounds {
    /// Those of a recording of this machine; of none if it cannot be run again.
    ///
    /// # Errors
    /// No such run can have been recorded.
    pub fn of(
        reader: &mut Reader,
        machine: Option<&Machine>,
        end: Option<&RunEnd>,
    ) -> Result<Self, RecordingError> {
        let most = machine.map_or(u64::MAX, units_between_keyframes);
        let mut last = 0;
        for frame in reader.frames_of(FrameKind::Keyframe) {
            let executed = reader.head(frame).executed;
            if executed < last {
                return Err(reader.damaged(frame, "a keyframe comes before the one that it follows").into());
            }
            if executed - last > most {
                return Err(reader
                    .damaged(frame, "no keyframe comes for longer than any run has none")
                    .into());
            }
            last = executed;
        }
        let executed = match (end, reader.frames_of(FrameKind::End).next()) {
            (Some(end), Some(frame)) => {
                if end.executed > end.unit || end.executed < last || end.executed - last > most {
                    let what = "the run goes on for longer after its last keyframe than any run does";
                    return Err(reader.damaged(frame, what).into());
                }
                end.executed
            }
            _ => last.saturating_add(most),
        };
        let records = reader.frames_of(FrameKind::Records);
        let raw_bytes: u64 = records.map(|frame| u64::from(reader.head(frame).raw_bytes)).sum();
        Ok(Self { executed, events: raw_bytes / EVENT_BYTES_LEAST + EVENTS_UNWRITTEN })
    }
}

/// More units are not executed between two keyframes.
fn units_between_keyframes(machine: &Machine) -> u64 {
    let config = machine.config();
    let memory: u64 = config.partitions.iter().map(|partition| partition.memory_bytes).sum();
    let shared: u64 = config.shared_areas.iter().map(|area| u64::from(area.bytes)).sum();
    let pages = (memory + shared) / PAGE_BYTES as u64 + PAGES_BESIDE_MEMORY * config.partitions.len() as u64;
    LATE.saturating_mul(KEYFRAME_UNITS.max(KEYFRAME_UNITS_FOR_A_PAGE.saturating_mul(pages)))
}
