//! A system as its file describes it: names are resolved, times are in units, and everything knows where it stands.
//! What could not be read is None.

use crate::diagnostic::{Span, Spanned};
use emulator::CpuProfile;
use hypervisor_core::Image;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::{CallRate, Discipline, Flush, PartitionId, PartitionRights, PrivilegedPolicy};
use hypervisor_core::health::{HealthAction, HealthEvent, HealthTable};
use hypervisor_core::schedule::{PlanAction, PlanSwitch};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A system.
#[derive(Debug)]
pub struct System {
    pub rate: Rate,
    pub plan_switch: PlanSwitch,
    pub partitions: Vec<Partition>,
    pub plans: Vec<Plan>,
    pub event_channels: Vec<EventChannel>,
    pub samplings: Vec<Sampling>,
    pub queuings: Vec<Queuing>,
    pub shared: Vec<Shared>,
    pub lines: Vec<Line>,
    pub injections: Vec<Injection>,
    pub health: Vec<HealthRow>,
}

/// A partition.
#[derive(Debug)]
pub struct Partition {
    pub header: Span,
    /// Empty if there is none.
    pub name: Spanned<String>,
    pub image_path: Option<Spanned<String>>,
    pub image: Option<Arc<Image>>,
    pub memory: Option<Spanned<u64>>,
    pub memory_is_executable: bool,
    pub arguments: Vec<Spanned<String>>,
    pub module_path: Option<Spanned<String>>,
    pub module: Option<Arc<Vec<u8>>>,
    pub profile: CpuProfile,
    pub privileged: PrivilegedPolicy,
    pub umip: bool,
    pub io_ports: Vec<RangeInclusive<u16>>,
    pub rights: PartitionRights,
    pub console_input: Option<Spanned<bool>>,
    pub restarts_most: u32,
    pub illegal_calls: Option<CallRate>,
    pub health: Vec<HealthRow>,
}

impl Partition {
    /// Whether its health table answers the event itself.
    pub fn answers(&self, event: HealthEvent) -> bool {
        self.health.iter().any(|row| row.event.value == event)
    }
}

/// A row of a health table.
#[derive(Clone, Debug)]
pub struct HealthRow {
    pub event: Spanned<HealthEvent>,
    pub action: Spanned<HealthAction>,
}

/// A duration in both measures.
#[derive(Clone, Debug)]
pub struct Time {
    pub units: u64,
    pub ns: u64,
    pub span: Span,
}

/// A plan.
#[derive(Debug)]
pub struct Plan {
    pub header: Span,
    pub name: Spanned<String>,
    pub frame: Option<Time>,
    pub windows: Vec<Window>,
    pub actions: Vec<(Spanned<PartitionId>, PlanAction)>,
    /// Every window could be read: conclusions from the schedule hold.
    pub is_complete: bool,
}

/// A window or a gap.
#[derive(Clone, Debug)]
pub struct Window {
    /// None: a gap.
    pub partition: Option<PartitionId>,
    pub start: u64,
    pub length: u64,
    pub span: Span,
}

#[derive(Debug)]
pub struct EventChannel {
    pub name: Spanned<String>,
    pub from: Option<Spanned<PartitionId>>,
    pub to: Option<Spanned<PartitionId>>,
    pub flush: Flush,
}

#[derive(Debug)]
pub struct Sampling {
    pub name: Spanned<String>,
    pub from: Option<Spanned<PartitionId>>,
    pub to: Vec<Spanned<PartitionId>>,
    /// The list of readers is written and has nothing in it.
    pub is_without_readers: bool,
    pub message: Option<Spanned<u64>>,
    pub refresh: Option<Time>,
    pub flush: Flush,
    pub writer_period: Option<Time>,
}

#[derive(Debug)]
pub struct Queuing {
    pub name: Spanned<String>,
    pub from: Option<Spanned<PartitionId>>,
    pub to: Option<Spanned<PartitionId>>,
    pub message: Option<Spanned<u64>>,
    pub depth: Option<Spanned<u64>>,
    pub discipline: Discipline,
    pub flush: Flush,
    pub burst: Option<Spanned<u64>>,
    pub period: Option<Time>,
    pub drain: Option<Spanned<u64>>,
}

#[derive(Debug)]
pub struct Shared {
    pub header: Span,
    pub name: Spanned<String>,
    pub size: Option<Spanned<u64>>,
    pub writers: Vec<Spanned<PartitionId>>,
    pub readers: Vec<Spanned<PartitionId>>,
    /// Some of them could not be read.
    pub is_damaged: bool,
}

#[derive(Debug)]
pub struct Line {
    pub number: Option<Spanned<u64>>,
    pub name: Spanned<String>,
    pub owner: Option<PartitionId>,
    /// An owner is written, known or not.
    pub names_owner: bool,
}

#[derive(Debug)]
pub struct Injection {
    pub header: Span,
    pub line: Option<u32>,
    pub at: Option<Time>,
    pub every: Option<Time>,
    pub count: Option<Spanned<u64>>,
}

impl System {
    /// What a partition is called in messages.
    pub fn partition_name(&self, partition: PartitionId) -> String {
        match self.partitions.get(partition.index()) {
            Some(partition) if !partition.name.value.is_empty() => format!("`{}`", partition.name.value),
            _ => format!("partition {}", u32::from(partition.0) + 1),
        }
    }

    /// A duration as it is written in a file.
    pub fn written(&self, units: u64) -> String {
        let ns = self.rate.nanoseconds(units);
        if self.rate.first_unit_at(ns) == units {
            self.time(units).replace(' ', "")
        } else {
            format!("{units}u")
        }
    }

    /// Instants and durations for people.
    pub fn time(&self, units: u64) -> String {
        crate::quantities::time(self.rate.nanoseconds(units))
    }
}

impl Plan {
    /// The length of the major frame in units.
    pub fn frame_units(&self) -> u64 {
        let end = self.windows.iter().map(Window::end).max().unwrap_or(0);
        self.frame.as_ref().map_or(end, |frame| frame.units)
    }
}

impl Window {
    /// The first unit after it.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

/// The table that rows of a file make: what they do not name is as in the default table, and `exception` stands for
/// every exception without a row of its own.
pub fn health_table(rows: &[HealthRow]) -> HealthTable {
    let mut table = HealthTable::default();
    let general = rows.iter().find(|row| row.event.value == HealthEvent::Exception(255));
    if let Some(general) = general {
        let exceptions = HealthEvent::all().filter(|event| matches!(event, HealthEvent::Exception(_)));
        exceptions.for_each(|event| table.set(event, general.action.value));
    }
    for row in rows {
        table.set(row.event.value, row.action.value);
    }
    table
}
