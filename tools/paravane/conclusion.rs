//! How a run ended, for the user: what the exit status does not say, on stderr, and the exit status.

use crate::crash_report::CrashReport;
use crate::output::complain;
use crate::quantities::{grouped, time};
use crate::roster::Roster;
use crate::status::{LAST_GUEST_CODE, Status};
use hypervisor_core::{Crash, Limit, Machine, Outcome, Partition, PartitionId, TrailEntry};

/// So many instructions are shown before a crash.
const TRAIL_LENGTH: usize = 16;
/// So many crashes are shown in full. Each takes as long as the run took.
const REPORTS_MOST: usize = 8;

/// A run that is over.
pub struct Conclusion<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// Its partitions' names.
    pub roster: &'a Roster,
}

impl Conclusion<'_> {
    /// Says on stderr how it ended, unless the exit status says it all.
    pub fn tell(&self, outcome: &Outcome) -> Status {
        let mut reports = 0;
        let partitions = 0..self.machine.partitions().len();
        let crashed = |partition: &&Partition| matches!(partition.outcome(), Some(Outcome::Crashed(_)));
        let crashes = self.machine.partitions().iter().filter(crashed).count();
        if crashes > REPORTS_MOST {
            complain(format_args!(
                "paravane: {crashes} partitions crashed: the first {REPORTS_MOST} have a report each, the other {} one line each; \
                 `paravane trace --partition NAME` shows the way of any",
                crashes - REPORTS_MOST
            ));
        }
        let statuses: Vec<Status> =
            partitions.map(|place| self.partition(PartitionId(place as u16), &mut reports)).collect();
        match outcome {
            Outcome::LimitReached(limit) => {
                complain(format_args!("paravane: {}", self.limit_words(*limit)));
                Status::Limit
            }
            Outcome::SystemHalted { partition, event } => {
                complain(format_args!(
                    "paravane: the health monitor stopped the system: {} of {}",
                    event.name(),
                    self.roster.subject(*partition)
                ));
                Status::Crash
            }
            _ => statuses.into_iter().find(|status| status.number() != 0).unwrap_or(Status::Success),
        }
    }

    /// How one of the partitions ended, if it has.
    fn partition(&self, id: PartitionId, reports: &mut usize) -> Status {
        match self.machine.partition(id).outcome() {
            Some(Outcome::Shutdown { code }) => {
                if *code > LAST_GUEST_CODE {
                    complain(format_args!(
                        "paravane: {} ended with code {} (0x{code:x})",
                        self.roster.subject(id),
                        code.cast_signed()
                    ));
                }
                Status::Guest(*code)
            }
            Some(Outcome::Unimplemented { eip, bytes, text }) => {
                let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let Roster { shown, is_system, names, .. } = self.roster;
                let name = if *is_system { format!("{}: ", names[id.index()]) } else { String::new() };
                complain(format_args!(
                    "paravane: {shown}: {name}`{text}` ({}) at 0x{eip:08x}{} is not implemented yet: build the guest without it",
                    bytes.join(" "),
                    self.roster.place(self.machine, id, *eip)
                ));
                Status::Failure
            }
            Some(Outcome::StoppedByHealth { event }) => {
                complain(format_args!(
                    "paravane: the health monitor stopped {}: {}",
                    self.roster.subject(id),
                    event.name()
                ));
                Status::Crash
            }
            Some(Outcome::Crashed(crash)) => {
                self.crash(id, crash, reports);
                Status::Crash
            }
            Some(Outcome::Halted | Outcome::LimitReached(_) | Outcome::SystemHalted { .. }) | None => {
                Status::Success
            }
        }
    }

    fn crash(&self, id: PartitionId, crash: &Crash, reports: &mut usize) {
        *reports += 1;
        let machine = self.machine;
        let is_full = *reports <= REPORTS_MOST;
        let trail = if is_full { trail(machine, id) } else { Vec::new() };
        let ending = machine.partition(id).ending();
        let report = CrashReport {
            who: &self.roster.subject(id),
            crash,
            trail: &trail,
            symbols: self.roster.symbols(machine, id),
            now_ns: ending.map_or_else(|| machine.clock().now_ns(), |ending| ending.now_ns),
        };
        if is_full {
            complain(report);
        } else {
            complain(format_args!("paravane: {} crashed: {}", self.roster.subject(id), report.headline()));
        }
    }

    fn limit_words(&self, limit: Limit) -> String {
        let machine = self.machine;
        let option = match limit {
            Limit::Instructions => "--max-instructions",
            // The guest slept to the last instant that the clock can count.
            Limit::Time if machine.clock().units() == u64::MAX => "virtual time",
            Limit::Time => "--max-time",
        };
        let count = grouped(machine.executed());
        let now = time(machine.clock().now_ns());
        let restarts = self.restart_words();
        if machine.partitions().len() > 1 {
            return format!(
                "{option} ran out after {count} instructions of all partitions, {now} of virtual time{restarts}"
            );
        }
        let eip = machine.cpu().eip;
        let place = self.roster.place(machine, PartitionId(0), eip);
        format!(
            "{option} ran out after {count} instructions, {now} of virtual time, at 0x{eip:08x}{place}{restarts}"
        )
    }

    /// Who started again most often, if anybody did: a loop of restarts is what a limit ends then.
    fn restart_words(&self) -> String {
        let ids = (0..self.machine.partitions().len() as u16).map(PartitionId);
        // Of equals the first.
        let most = ids.rev().max_by_key(|id| self.machine.restarts(*id));
        match most.map(|id| (id, self.machine.restarts(id))) {
            None | Some((_, 0)) => String::new(),
            Some((id, 1)) => format!("; {} was started again once", self.roster.subject(id)),
            Some((id, count)) => {
                format!("; {} was started again {} times", self.roster.subject(id), grouped(count.into()))
            }
        }
    }
}

/// The way to a crash. The machine runs again for it, and what is told of that run was told before.
fn trail(machine: &Machine, id: PartitionId) -> Vec<TrailEntry> {
    let level = log::max_level();
    log::set_max_level(log::LevelFilter::Off);
    let trail = machine.last_instructions(id, TRAIL_LENGTH);
    log::set_max_level(level);
    trail
}
