//! What the health monitor did, one line each, as it happens.

use crate::output::complain;
use crate::quantities::time;
use crate::roster::Roster;
use hypervisor_core::health::{HealthAction, HealthEvent};
use hypervisor_core::services::HealthEntry;
use hypervisor_core::{Machine, PartitionId};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Tells of new entries of the health log on stderr.
#[derive(Default)]
pub struct HealthLines {
    /// The number of the next entry to tell of.
    next: u32,
    /// How many entries were told of, by partition and event.
    told: BTreeMap<(PartitionId, HealthEvent), u32>,
}

/// So many entries of one partition and event are told of: a guest that is told of its fault and does nothing about it has a
/// million of them in a moment.
const TOLD_MOST: u32 = 100;

impl HealthLines {
    /// Tells of what was added since the last time, unless the user wants to hear of errors only.
    pub fn tell(&mut self, machine: &Machine, roster: &Roster) {
        let log = machine.health_log();
        let before = self.next;
        self.next = log.next();
        if before == self.next || log::max_level() < log::LevelFilter::Warn {
            return;
        }
        let new = self.next.wrapping_sub(before);
        let kept: Vec<&HealthEntry> =
            log.entries().filter(|entry| entry.sequence.wrapping_sub(before) < new).collect();
        let lost = new - kept.len() as u32;
        if lost > 0 {
            complain(format_args!("{lost} more events of the health monitor at once"));
        }
        for entry in kept {
            let told = self.told.entry((entry.partition, entry.event)).or_default();
            *told = told.saturating_add(1);
            if *told <= TOLD_MOST {
                complain(line(machine, roster, entry));
            } else if *told == TOLD_MOST + 1 {
                let (name, event) = (&roster.names[entry.partition.index()], entry.event.name());
                complain(format_args!("{name}: more of {event} is not told, but counted by --stats"));
            }
        }
    }
}

/// `nav: divide_error at 0x00101234 <update+0x14>, 12.3 ms: cold_restart`
pub fn line(machine: &Machine, roster: &Roster, entry: &HealthEntry) -> String {
    let id = entry.partition;
    let mut text = format!("{}: {}", roster.names[id.index()], entry.event.name());
    match entry.event {
        HealthEvent::ApplicationError => {
            let message: String = entry.message.escape_ascii().to_string();
            let _ = write!(text, " {} \"{message}\"", entry.detail);
        }
        HealthEvent::MemoryViolation | HealthEvent::FrameFault => {
            let _ = write!(text, " of 0x{:08x}", entry.detail);
        }
        _ => {}
    }
    let place = roster.place(machine, id, entry.address);
    let action = match entry.action {
        HealthAction::SwitchPlan(plan) => {
            let plan = machine.config().plans.get(plan.index()).map_or("", |plan| &plan.name);
            format!("{} {plan}", entry.action.name())
        }
        action => action.name().to_owned(),
    };
    let _ = write!(text, " at 0x{:08x}{place}, {}: {action}", entry.address, time(entry.time_ns));
    text
}
