//! From the tree of values to the system: names become places, durations become units.
//!
//! Not here: files, and whether the parts fit together.

mod channels;
mod names;
mod schedule;

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::keys::Kind;
use crate::model::{HealthRow, Partition, System, Time};
use crate::scalar::Duration;
use crate::tree::{ActionText, Table, Value};
use emulator::CpuProfile;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::{
    CallRate, PARTITIONS_MOST, PartitionId, PartitionRights, PlanId, PrivilegedPolicy,
};
use hypervisor_core::health::{HealthAction, HealthEvent};
use hypervisor_core::schedule::PlanSwitch;
use names::Names;

/// Durations have to stay below this, so that sums of two never overflow.
const UNITS_MOST: u64 = 1 << 62;
/// So many plans at most.
const PLANS_MOST: usize = 1024;

/// Makes the system of a file. Everything that is wrong is reported; what could not be resolved is None.
pub fn resolve(file: &Table, diagnostics: &mut Vec<Diagnostic>) -> System {
    let settings = file.table("system");
    let rate = settings.and_then(|settings| settings.number("clock"));
    let rate = rate.and_then(|clock| Rate::new(clock.value).ok()).unwrap_or_default();
    let mut resolver = Resolver {
        rate,
        partitions: Names::of(file, "partition"),
        plans: Names::of(file, "plan"),
        diagnostics,
    };
    resolver.too_many(file, "partition", PARTITIONS_MOST);
    resolver.too_many(file, "plan", PLANS_MOST);
    for key in ["partition", "plan", "event_channel", "shared", "line"] {
        names::unique(&[(file, key)], resolver.diagnostics);
    }
    names::unique(&[(file, "sampling"), (file, "queuing")], resolver.diagnostics);
    let lines = resolver.lines(file);
    System {
        rate,
        plan_switch: match settings.and_then(|settings| settings.word("plan_switch")) {
            Some("at_once") => PlanSwitch::AtOnce,
            _ => PlanSwitch::FrameEnd,
        },
        partitions: file
            .tables("partition")
            .take(PARTITIONS_MOST)
            .map(|table| resolver.partition(table))
            .collect(),
        plans: file.tables("plan").take(PLANS_MOST).map(|table| resolver.plan(table)).collect(),
        event_channels: file.tables("event_channel").map(|table| resolver.event_channel(table)).collect(),
        samplings: file.tables("sampling").map(|table| resolver.sampling(table)).collect(),
        queuings: file.tables("queuing").map(|table| resolver.queuing(table)).collect(),
        shared: file.tables("shared").map(|table| resolver.shared(table)).collect(),
        injections: file.tables("inject").map(|table| resolver.injection(table, &lines)).collect(),
        lines,
        health: resolver.health(file),
    }
}

struct Resolver<'d> {
    rate: Rate,
    partitions: Names,
    plans: Names,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn too_many(&mut self, file: &Table, key: &str, most: usize) {
        if let Some(first) = file.tables(key).nth(most) {
            let count = file.tables(key).count();
            self.diagnostics.push(
                Diagnostic::error(format!("a system has at most {most} {key}s, this one {count}"))
                    .at(first.span.clone(), "the first that is too much")
                    .help("take some out, or split the system"),
            );
        }
    }

    fn partition(&mut self, table: &Table) -> Partition {
        let has_right = |right: &str| {
            table.list("rights").iter().any(|node| matches!(node.value, Value::Word(word) if word == right))
        };
        if table.word("policy") == Some("virtual") {
            self.diagnostics.push(
                Diagnostic::error("the policy `virtual` is not there yet")
                    .at(table.value("policy").map_or(table.span.clone(), |node| node.span.clone()), "")
                    .help("write `policy = \"ring3\"` or leave it out"),
            );
        }
        Partition {
            header: table.span.clone(),
            name: name_of(table),
            image_path: table.text("image"),
            image: None,
            memory: table.number("memory"),
            memory_is_executable: table.word("memory_rights") == Some("rwx"),
            arguments: table.list("arguments").iter().filter_map(Spanned::text).collect(),
            module_path: table.text("boot_module"),
            module: None,
            profile: match table.word("cpu") {
                Some("pentium4") => CpuProfile::Pentium4,
                Some("prescott") => CpuProfile::Prescott,
                _ => CpuProfile::I686,
            },
            privileged: match table.word("privileged") {
                Some("settle") => PrivilegedPolicy::Settle,
                _ => PrivilegedPolicy::Reflect,
            },
            umip: table.flag("umip").is_some_and(|flag| flag.value),
            io_ports: table
                .list("io_ports")
                .iter()
                .filter_map(|node| match &node.value {
                    Value::IoPorts(range) => Some(range.clone()),
                    _ => None,
                })
                .collect(),
            rights: PartitionRights {
                status: has_right("status"),
                control: has_right("control"),
                plans: has_right("plans"),
                health_log: has_right("health_log"),
            },
            console_input: table.flag("console_input"),
            restarts_most: table
                .number("restarts")
                .and_then(|count| count.value.try_into().ok())
                .unwrap_or(0),
            illegal_calls: table.table("illegal_calls").and_then(|rate| self.illegal_calls(rate)),
            health: self.health(table),
        }
    }

    fn illegal_calls(&mut self, table: &Table) -> Option<CallRate> {
        let per = self.time(table, "per", Zero::Refused);
        Some(CallRate { most: table.number("most")?.value.try_into().ok()?, period_ns: per?.ns })
    }

    fn health(&mut self, table: &Table) -> Vec<HealthRow> {
        let mut rows = Vec::new();
        for (name, node) in table.map("health") {
            let Some(event) = HealthEvent::from_name(&name.value) else { continue };
            let Value::Action(text) = &node.value else { continue };
            let action = match text {
                ActionText::Named(name) => HealthAction::from_name(name),
                ActionText::SwitchPlan(plan) => self.plan_id(plan).map(HealthAction::SwitchPlan),
            };
            rows.extend(action.map(|action| HealthRow {
                event: Spanned::new(event, name.span.clone()),
                action: Spanned::new(action, node.span.clone()),
            }));
        }
        rows
    }

    fn partition_id(&mut self, name: &Spanned<String>) -> Option<Spanned<PartitionId>> {
        let place = self.partitions.find(Kind::Partition, name, self.diagnostics)?;
        Some(Spanned::new(PartitionId(place), name.span.clone()))
    }

    fn plan_id(&mut self, name: &Spanned<String>) -> Option<PlanId> {
        self.plans.find(Kind::Plan, name, self.diagnostics).map(PlanId)
    }

    /// The partition that the key of a table names.
    fn partition_of(&mut self, table: &Table, key: &str) -> Option<Spanned<PartitionId>> {
        self.partition_id(&table.text(key)?)
    }

    /// The partitions that the list of a table names, each once.
    fn partitions_of(&mut self, table: &Table, key: &str) -> Vec<Spanned<PartitionId>> {
        let mut found: Vec<Spanned<PartitionId>> = Vec::new();
        for name in table.list(key).iter().filter_map(Spanned::text) {
            let Some(id) = self.partition_id(&name) else { continue };
            match found.iter().find(|other| other.value == id.value) {
                Some(first) => self.diagnostics.push(
                    Diagnostic::warning(format!("`{}` is named twice", name.value))
                        .at(id.span, "again")
                        .also(first.span.clone(), "first")
                        .help("take one out"),
                ),
                None => found.push(id),
            }
        }
        found
    }

    /// The duration of a key, if there is one.
    fn time(&mut self, table: &Table, key: &str, zero: Zero) -> Option<Time> {
        let Spanned { value, span } = table.duration(key)?;
        let (units, ns, is_whole) = match value {
            Duration::Units(units) => (units, self.rate.nanoseconds(units), true),
            Duration::Nanoseconds(ns) => {
                let scaled = u128::from(ns) * u128::from(self.rate.units_per_second());
                (self.rate.first_unit_at(ns), ns, scaled.is_multiple_of(1_000_000_000))
            }
        };
        if units > UNITS_MOST {
            self.diagnostics.push(
                Diagnostic::error(format!("`{key}` is longer than the clock can count"))
                    .at(span, "")
                    .help("write a shorter duration, or choose a slower `clock` in [system]"),
            );
            return None;
        }
        if units == 0 && zero == Zero::Refused {
            self.diagnostics.push(
                Diagnostic::error(format!("`{key}` is no time at all"))
                    .at(span, "this is 0")
                    .help("write a duration of at least one unit of virtual time, 1u"),
            );
            return None;
        }
        if !is_whole {
            self.not_whole(key, units, &span);
        }
        // A duration that was rounded up to whole units is so in both measures.
        Some(Time { units, ns: ns.max(self.rate.nanoseconds(units)), span })
    }

    fn not_whole(&mut self, key: &str, units: u64, span: &Span) {
        let rate = self.rate.units_per_second();
        self.diagnostics.push(
            Diagnostic::warning(format!("`{key}` is no whole number of units of virtual time"))
                .at(span.clone(), format!("this becomes {units} units"))
                .note(format!("the clock counts {rate} units a second"))
                .help("write a whole number of units, as in 1000u, or choose another `clock` in [system]"),
        );
    }
}

/// Whether a duration may be zero.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zero {
    Allowed,
    Refused,
}

/// The name of a table; empty and at its header if it has none.
fn name_of(table: &Table) -> Spanned<String> {
    table.text("name").unwrap_or_else(|| Spanned::new(String::new(), table.span.clone()))
}
