//! Saves a machine and makes it again: state as bytes, memory frame by frame.

use super::Machine;
use crate::config::{PartitionId, SystemConfig};
use crate::lines::SavedLines;
use crate::outcome::Outcome;
use crate::partition::Partition;
use crate::services::SavedServices;
use crate::snapshot::{
    Damaged, Fit, FrameId, MemoryId, RestoreError, SNAPSHOT_VERSION, SavedPartition, holds,
};
use emulator::{FrameNumber, PAGE_BYTES};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// The state of a machine.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    units: u64,
    services: SavedServices,
    lines: SavedLines,
    held_back: BTreeMap<u16, u64>,
    executed: u64,
    outcome: Option<Outcome>,
    may_idle_until: u64,
    executed_at_frame: u64,
    begun: bool,
    health_is_new: bool,
    partitions: Vec<SavedPartition>,
}

impl Machine {
    /// Everything that decides how the run goes on, and everything that is shown or counted of it, but for what is in
    /// memory, what the configuration says, and how the interpreters worked. The same state has the same bytes.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let Self {
            config: _,
            partitions,
            shared: _,
            services,
            lines,
            held_back,
            clock,
            // Between two runs it is empty.
            log: _,
            executed,
            outcome,
            may_idle_until,
            executed_at_frame,
            begun,
            health_is_new,
            // It follows from the configuration.
            reach: _,
        } = self;
        let saved = Saved {
            units: clock.units(),
            services: services.saved(),
            lines: lines.saved(),
            held_back: held_back.clone(),
            executed: *executed,
            outcome: outcome.clone(),
            may_idle_until: *may_idle_until,
            executed_at_frame: *executed_at_frame,
            begun: *begun,
            health_is_new: *health_is_new,
            partitions: partitions.iter().map(Partition::saved).collect(),
        };
        postcard::to_extend(&saved, vec![SNAPSHOT_VERSION]).expect("memory takes every byte")
    }

    /// Every frame that was ever written, in order; of the shared areas, those that are not zero.
    pub fn frames(&self) -> impl Iterator<Item = FrameId> {
        let shared = self.shared.memory();
        let is_used = |frame: &FrameNumber| {
            let mut bytes = [0; PAGE_BYTES as usize];
            shared.read(*frame, 0, &mut bytes);
            bytes.iter().any(|byte| *byte != 0)
        };
        let shared_frames = (0..shared.frame_count()).map(FrameNumber).filter(is_used);
        let shared_frames = shared_frames.map(|frame| FrameId { memory: MemoryId::Shared, frame: frame.0 });
        shared_frames.chain(self.partitions.iter().flat_map(|partition| {
            let memory = MemoryId::Partition(partition.id);
            partition.guest.memory.written_frames().map(move |frame| FrameId { memory, frame: frame.0 })
        }))
    }

    /// Reads a frame of [`Machine::frames`].
    ///
    /// # Panics
    /// If the machine has no such frame.
    pub fn read_frame(&self, id: FrameId, bytes: &mut [u8; PAGE_BYTES as usize]) {
        let memory = match id.memory {
            MemoryId::Shared => self.shared.memory(),
            MemoryId::Partition(partition) => &self.partitions[partition.index()].guest.memory,
        };
        memory.read(FrameNumber(id.frame), 0, bytes);
    }

    /// A machine that goes on as the one that was saved: the same digests, traces and counters, and the same output to
    /// hand out. Frames that are not given are zero. Only what [`Machine::engine_statistics`] counts begins anew.
    ///
    /// # Errors
    /// The state is of another version or another system, or damaged. Whatever the bytes are, a machine that is
    /// returned can be run.
    pub fn restore<B: Borrow<[u8; PAGE_BYTES as usize]>>(
        config: SystemConfig,
        state: &[u8],
        frames: impl IntoIterator<Item = (FrameId, B)>,
    ) -> Result<Self, RestoreError> {
        let saved = read(state)?;
        // Before their memory is made.
        if saved.partitions.len() != config.partitions.len() {
            return Err(RestoreError::OtherSystem("the numbers of partitions"));
        }
        let mut machine = Self::of_system(config).map_err(RestoreError::Start)?.restored(saved)?;
        for (id, bytes) in frames {
            machine.write_frame(id, bytes.borrow())?;
        }
        Ok(machine)
    }

    /// Takes over what was saved, but for memory.
    fn restored(mut self, saved: Saved) -> Result<Self, RestoreError> {
        let Saved {
            units,
            services,
            lines,
            held_back,
            executed,
            outcome,
            may_idle_until,
            executed_at_frame,
            begun,
            health_is_new,
            partitions,
        } = saved;
        self.clock.skip_to(units);
        let fit = Fit { config: &self.config, clock: &self.clock };
        fit.counts([executed])?;
        fit.past(executed)?;
        holds(executed_at_frame <= executed, "a frame began after the last unit")?;
        outcome.iter().try_for_each(|outcome| outcome.check(&fit))?;
        self.services.restore(services, &fit)?;
        self.lines.restore(lines, &fit)?;
        check_held_back(&held_back, &fit)?;
        let starts = std::mem::take(&mut self.partitions);
        let messages = &self.services.messages;
        let pairs = starts.into_iter().zip(partitions);
        let partitions: Result<Vec<_>, _> =
            pairs.map(|(start, saved)| start.restored(saved, messages, &fit)).collect();
        self.partitions = partitions?;
        self.log.set_now(units);
        self.held_back = held_back;
        (self.executed, self.executed_at_frame) = (executed, executed_at_frame);
        (self.outcome, self.may_idle_until) = (outcome, may_idle_until);
        (self.begun, self.health_is_new) = (begun, health_is_new);
        Ok(self)
    }

    fn write_frame(&mut self, id: FrameId, bytes: &[u8; PAGE_BYTES as usize]) -> Result<(), RestoreError> {
        let number = FrameNumber(id.frame);
        let memory = match id.memory {
            MemoryId::Shared => Some(self.shared.memory_mut()),
            MemoryId::Partition(PartitionId(place)) => {
                let partition = self.partitions.get_mut(usize::from(place));
                let memory = partition.map(|partition| &mut partition.guest.memory);
                memory.filter(|memory| id.frame < memory.frame_count() && !memory.is_shared(number))
            }
        };
        let memory = memory.filter(|memory| id.frame < memory.frame_count());
        memory.ok_or(RestoreError::NoFrame(id))?.write(number, 0, bytes);
        Ok(())
    }
}

fn read(state: &[u8]) -> Result<Saved, RestoreError> {
    let (version, state) = state.split_first().ok_or(Damaged("it is empty"))?;
    if *version != SNAPSHOT_VERSION {
        return Err(RestoreError::Version(*version));
    }
    let (saved, rest) =
        postcard::take_from_bytes(state).map_err(|_| Damaged("its bytes are not those of a machine"))?;
    holds(rest.is_empty(), "it goes on after its end")?;
    Ok(saved)
}

fn check_held_back(held_back: &BTreeMap<u16, u64>, fit: &Fit<'_>) -> Result<(), Damaged> {
    held_back.iter().try_for_each(|(place, count)| {
        fit.event_channel(*place)?;
        fit.count(*count)
    })
}
