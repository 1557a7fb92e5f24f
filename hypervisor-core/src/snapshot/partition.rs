//! A partition: its guest, what serves it, and how far it came. Its interpreter starts anew.

use super::guest::{check_cpu, check_frames};
use super::{Damaged, Fit, RestoreError, SavedGuest, holds};
use crate::linux::SavedLinux;
use crate::machine::Counters;
use crate::message_port::MessageChannels;
use crate::outcome::{Crash, Outcome};
use crate::paravirtual::SavedParavirtual;
use crate::partition::{Ending, InputState, Partition, Personality};
use serde::{Deserialize, Serialize};

/// The state of a partition.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedPartition {
    /// Frames of its memory at its start.
    frames: u32,
    guest: SavedGuest,
    personality: SavedPersonality,
    executed: u64,
    retired: u64,
    counters: Counters,
    outcome: Option<Outcome>,
    ending: Option<Ending>,
    incident: Option<Box<Crash>>,
    output_since: Option<u64>,
    input: InputState,
    loading: u64,
    has_run: bool,
    kept_memory: bool,
    told_of_deadlock: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum SavedPersonality {
    Paravane(Box<SavedParavirtual>),
    Linux(Box<SavedLinux>),
}

impl Partition {
    /// What it is to be restored from.
    pub(crate) fn saved(&self) -> SavedPartition {
        let Self {
            id: _,
            guest,
            personality,
            engine: _,
            engines_before: _,
            executed,
            retired,
            counters,
            outcome,
            ending,
            incident,
            output_since,
            input,
            loading,
            has_run,
            kept_memory,
            told_of_deadlock,
        } = self;
        SavedPartition {
            frames: guest.memory.frame_count(),
            guest: SavedGuest::of(guest),
            personality: match personality {
                Personality::Paravane(paravirtual) => {
                    SavedPersonality::Paravane(Box::new(paravirtual.saved()))
                }
                Personality::Linux(linux) => SavedPersonality::Linux(Box::new(linux.saved())),
            },
            executed: *executed,
            retired: *retired,
            counters: counters.clone(),
            outcome: outcome.clone(),
            ending: *ending,
            incident: incident.clone(),
            output_since: *output_since,
            input: *input,
            loading: *loading,
            has_run: *has_run,
            kept_memory: *kept_memory,
            told_of_deadlock: *told_of_deadlock,
        }
    }

    /// The partition that was saved, out of one at its start; nothing is in its memory yet.
    pub(crate) fn restored(
        self,
        saved: SavedPartition,
        messages: &MessageChannels,
        fit: &Fit<'_>,
    ) -> Result<Self, RestoreError> {
        let SavedPartition {
            frames,
            guest,
            personality,
            executed,
            retired,
            counters,
            outcome,
            ending,
            incident,
            output_since,
            input,
            loading,
            has_run,
            kept_memory,
            told_of_deadlock,
        } = saved;
        fit.counts([executed, retired])?;
        fit.past(executed)?;
        holds(loading <= u64::from(frames), "it loads more than its memory")?;
        fit.past(output_since.unwrap_or(0))?;
        counters.check(fit)?;
        outcome.iter().try_for_each(|outcome| outcome.check(fit))?;
        incident.iter().try_for_each(|crash| crash.check(fit))?;
        let mut guest = guest.restored(self.guest.memory)?;
        let personality = match (self.personality, personality) {
            (Personality::Paravane(start), SavedPersonality::Paravane(saved)) => {
                Personality::Paravane(Box::new(start.restored(*saved, (self.id, messages), fit)?))
            }
            (Personality::Linux(start), SavedPersonality::Linux(saved)) => {
                Personality::Linux(Box::new(start.restored(*saved, &mut guest)?))
            }
            _ => return Err(RestoreError::OtherSystem("the ABIs of the partitions")),
        };
        if frames != guest.memory.frame_count() {
            return Err(RestoreError::OtherSystem("the memories of the partitions"));
        }
        check_frames(&guest)?;
        Ok(Self {
            id: self.id,
            guest,
            personality,
            engine: self.engine,
            executed,
            retired,
            counters,
            outcome,
            ending,
            incident,
            output_since,
            input,
            loading,
            has_run,
            kept_memory,
            told_of_deadlock,
            engines_before: self.engines_before,
        })
    }
}

impl Outcome {
    pub(crate) fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        match self {
            Self::SystemHalted { partition, event: _ } => fit.partition(*partition),
            Self::Crashed(crash) => crash.check(fit),
            Self::Shutdown { .. }
            | Self::LimitReached(_)
            | Self::Halted
            | Self::StoppedByHealth { .. }
            | Self::Unimplemented { .. } => Ok(()),
        }
    }
}

impl Crash {
    fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        let Self { reason: _, cpu, code, stack, instruction } = self;
        check_cpu(cpu)?;
        fit.past(*instruction)?;
        holds(code.len() <= 15 && stack.len() <= 16, "a crash shows more than it can")
    }
}
