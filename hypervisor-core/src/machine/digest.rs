//! A digest of everything that decides how a run goes on: two machines with the same digest, and the same input to come, do the
//! same from here on.
//!
//! Left out is what only a person is told of, and what is over before the machine returns to its caller.

use super::Machine;
use crate::outcome::Outcome;
use crate::partition::{Partition, Personality};
use crate::services::{HealthEntry, Status};
use emulator::StateDigest;

impl Machine {
    /// A digest of everything that decides how the run goes on.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut digest = StateDigest::new();
        digest.number(self.clock.units());
        digest.number(self.executed_at_frame);
        let services = &self.services;
        services.schedule.encoded().into_iter().for_each(|number| digest.number(number));
        for (number, bytes) in services.messages.encoded() {
            digest.number(number);
            digest.bytes(bytes);
        }
        services.statuses.iter().for_each(|status| add_status(&mut digest, status));
        digest.number(services.health_log.next().into());
        services.health_log.entries().for_each(|entry| add_entry(&mut digest, entry));
        digest.number(self.held_back.len() as u64);
        for (place, count) in &self.held_back {
            digest.number(u64::from(*place));
            digest.number(*count);
        }
        self.lines.encoded().into_iter().flatten().for_each(|number| digest.number(number));
        for partition in &self.partitions {
            partition.digest(&mut digest);
        }
        digest.value()
    }
}

impl Partition {
    /// Adds everything that decides how it goes on.
    pub fn digest(&self, digest: &mut StateDigest) {
        digest.cpu(&self.guest.cpu);
        digest.memory(&self.guest.memory);
        digest.space(&self.guest.space);
        digest.number(self.executed);
        digest.number(self.retired);
        digest.number(self.counters.idle_units);
        digest.number(self.loading);
        digest.bytes(&[self.has_run, self.kept_memory].map(u8::from));
        add_option(digest, self.told_of_deadlock);
        add_option(digest, self.outcome.as_ref().map(kind));
        if let Personality::Paravane(paravirtual) = &self.personality {
            paravirtual.digest(digest);
        }
    }
}

/// A number that may not be there.
pub(crate) fn add_option(digest: &mut StateDigest, number: Option<u64>) {
    digest.bytes(&[u8::from(number.is_some())]);
    digest.number(number.unwrap_or(0));
}

fn add_status(digest: &mut StateDigest, status: &Status) {
    let Status { mode, suspended, waits, ended, start_condition, restart_count, executed } = *status;
    let flags = u64::from(suspended) | u64::from(waits) << 1 | u64::from(ended.is_some()) << 2;
    let words = [start_condition, restart_count].map(u64::from);
    for number in [mode as u64, flags, words[0], words[1], executed] {
        digest.number(number);
    }
    add_option(digest, ended.flatten().map(u64::from));
}

fn add_entry(digest: &mut StateDigest, entry: &HealthEntry) {
    digest.bytes(&entry.to_bytes());
    digest.bytes(&[u8::from(entry.acknowledged)]);
}

fn kind(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Shutdown { code } => u64::from(*code) << 8,
        Outcome::LimitReached(_) => 1,
        Outcome::Crashed(_) => 2,
        Outcome::Halted => 3,
        Outcome::StoppedByHealth { .. } => 4,
        Outcome::SystemHalted { .. } => 5,
        Outcome::Unimplemented { .. } => 6,
    }
}
