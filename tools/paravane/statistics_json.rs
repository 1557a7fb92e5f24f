//! The counters of `--stats=json`: `paravane-statistics 1`, which docs/FORMATS.md describes.

use crate::json::Json;
use crate::statistics::{engine_rows, source_name, units};
use hypervisor_core::config::SystemConfig;
use hypervisor_core::latency::Latencies;
use hypervisor_core::ledger::{Ledger, Source};
use hypervisor_core::services::HealthEntry;
use hypervisor_core::{Machine, Outcome, Partition, PartitionConfig};

/// The format; the number counts up when a key changes its meaning or goes.
const SCHEMA: &str = "paravane-statistics 1";

/// All counters of a machine.
pub fn statistics_json(machine: &Machine) -> Json {
    let config = machine.config();
    let partitions = config.partitions.iter().zip(machine.partitions());
    let unowned = machine.unowned_interrupts().iter();
    let health = machine.health_log();
    Json::object([
        ("schema", SCHEMA.into()),
        ("instructions", machine.executed().into()),
        ("retired", machine.retired().into()),
        ("virtual_ns", machine.clock().now_ns().into()),
        ("units", machine.clock().units().into()),
        ("units_per_second", machine.clock().rate().units_per_second().into()),
        ("plan", config.plans.get(machine.plan().index()).map_or("", |plan| plan.name.as_str()).into()),
        (
            "partitions",
            partitions.map(|(config, partition)| of_partition(machine, config, partition)).collect(),
        ),
        (
            "unowned_lines",
            unowned
                .map(|(line, count)| {
                    let name = source_name(config, Source::Line(*line));
                    Json::object([
                        ("line", u64::from(*line).into()),
                        ("name", name.into()),
                        ("count", (*count).into()),
                    ])
                })
                .collect(),
        ),
        ("health_events", u64::from(health.next()).into()),
        ("health_log", health.entries().map(|entry| of_health(config, entry)).collect()),
    ])
}

fn of_partition(machine: &Machine, config: &PartitionConfig, partition: &Partition) -> Json {
    let counters = partition.counters().rows().into_iter();
    Json::object([
        ("name", config.name.as_str().into()),
        ("image", format!("{:032x}", config.image.hash).into()),
        ("ended", partition.outcome().map_or(Json::Null, |outcome| ending(outcome).into())),
        ("instructions", partition.executed().into()),
        ("retired", partition.retired().into()),
        ("units", Json::object(units(machine, partition).map(|(name, count)| (name, count.into())))),
        ("counters", Json::Object(counters.map(|(name, count)| (name, count.into())).collect())),
        (
            "engine",
            Json::object(
                engine_rows(partition.engine_statistics()).map(|(name, count)| (name, count.into())),
            ),
        ),
        ("events", partition.ledger().map_or(Json::Null, |ledger| of_ledger(machine.config(), ledger))),
    ])
}

/// What became of the events of each source, and how long they waited.
pub fn of_ledger(config: &SystemConfig, ledger: &Ledger) -> Json {
    let source = |(source, account): (Source, &hypervisor_core::ledger::Account)| {
        let drops = ledger.drops(source).map(|(reason, count)| (reason.name(), count.into()));
        Json::object([
            ("source", source.to_string().into()),
            ("name", source_name(config, source).into()),
            ("raised", account.raised.into()),
            ("delivered", account.delivered.into()),
            ("coalesced", account.coalesced.into()),
            ("taken", account.taken.into()),
            ("pending", account.pending.into()),
            ("dropped", account.dropped.into()),
            ("dropped_by", Json::object(drops)),
            ("latency_ns", ledger.latencies(source).map_or(Json::Null, of_latencies)),
        ])
    };
    ledger.accounts().map(source).collect()
}

fn of_latencies(latencies: &Latencies) -> Json {
    let (least, most) = latencies.range_ns().unwrap_or_default();
    let bucket = |(to, count): (u64, u64)| Json::object([("to", to.into()), ("count", count.into())]);
    Json::object([
        ("count", latencies.count().into()),
        ("least", least.into()),
        ("median_at_most", latencies.median_most_ns().unwrap_or(0).into()),
        ("most", most.into()),
        ("buckets", latencies.buckets().map(bucket).collect()),
    ])
}

fn of_health(config: &SystemConfig, entry: &HealthEntry) -> Json {
    Json::object([
        ("sequence", u64::from(entry.sequence).into()),
        ("virtual_ns", entry.time_ns.into()),
        ("partition", config.partitions[entry.partition.index()].name.as_str().into()),
        ("event", entry.event.name().into()),
        ("action", entry.action.name().into()),
        ("detail", u64::from(entry.detail).into()),
        ("address", u64::from(entry.address).into()),
        ("message", String::from_utf8_lossy(&entry.message).into_owned().into()),
    ])
}

/// How something ended, in a few words.
pub fn ending(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Shutdown { code } => format!("shutdown {code}"),
        Outcome::LimitReached(_) => "limit".to_owned(),
        Outcome::Crashed(_) => "crashed".to_owned(),
        Outcome::Halted => "halted".to_owned(),
        Outcome::StoppedByHealth { event } | Outcome::SystemHalted { event, .. } => {
            format!("stopped by health: {}", event.name())
        }
        Outcome::Unimplemented { .. } => "unimplemented".to_owned(),
    }
}
