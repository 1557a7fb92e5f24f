//! The counters behind `--stats`: what the guests did, what became of their events, how the engine worked. As text here, as
//! JSON in `statistics_json`; docs/FORMATS.md says what each counts.

use crate::health_lines;
use crate::quantities::{grouped, time};
use crate::roster::Roster;
use emulator::Statistics;
use hypervisor_core::config::SystemConfig;
use hypervisor_core::ledger::{Account, Ledger, Source};
use hypervisor_core::{Machine, Partition};
use std::fmt::Write;

/// All counters of a machine, as tables without a newline at their end.
pub fn statistics(machine: &Machine, roster: &Roster) -> String {
    let mut text = String::from("Statistics\n");
    row(&mut text, "instructions", &grouped(machine.executed()));
    row(&mut text, "retired", &grouped(machine.retired()));
    row(&mut text, "virtual time", &time(machine.clock().now_ns()));
    for (place, partition) in machine.partitions().iter().enumerate() {
        if roster.is_system {
            let _ = writeln!(text, "\nPartition {}", roster.names[place]);
            add_times(&mut text, machine, partition);
        }
        for (name, count) in partition.counters().rows() {
            row(&mut text, &name, &grouped(count));
        }
        for (name, count) in engine_rows(partition.engine_statistics()) {
            row(&mut text, &format!("engine: {name}"), &grouped(count));
        }
        let ledger = partition.ledger();
        if let Some(ledger) = ledger.filter(|ledger| !roster.is_system || ledger.accounts().count() > 0) {
            add_ledger(&mut text, machine.config(), ledger);
        }
    }
    add_system(&mut text, machine, roster);
    text.truncate(text.trim_end().len());
    text
}

/// The counters of an engine, with their names.
pub fn engine_rows(engine: Statistics) -> [(&'static str, u64); 8] {
    [
        ("runs", engine.runs),
        ("blocks made", engine.blocks_made),
        ("blocks overwritten", engine.blocks_overwritten),
        ("flushes", engine.flushes),
        ("links made", engine.links_made),
        ("lookups", engine.lookups),
        ("slow loads", engine.slow_loads),
        ("slow stores", engine.slow_stores),
    ]
}

/// The units of virtual time in which a partition ran, in which it waited in its own windows, and all others.
pub fn units(machine: &Machine, partition: &Partition) -> [(&'static str, u64); 3] {
    let (run, idle) = (partition.executed(), partition.counters().idle_units);
    let away = machine.clock().units().saturating_sub(run).saturating_sub(idle);
    [("run", run), ("idle", idle), ("away", away)]
}

/// What the configuration calls a source of events: `line uart`, `timer`.
pub fn source_name(config: &SystemConfig, source: Source) -> String {
    let named = |kind: &str, name: Option<&String>| name.map(|name| format!("{kind} {name}"));
    let channel = |place: u16| config.event_channels.get(usize::from(place)).map(|channel| &channel.name);
    let name = match source {
        Source::Line(number) => {
            named("line", config.lines.iter().find(|line| line.number == number).map(|line| &line.name))
        }
        Source::Channel(place) => named("channel", channel(place)),
        Source::ChannelSender(place) => named("channel sender", channel(place)),
        Source::MessagePort(place) => {
            let channel = config.message_channels.get(usize::from(place));
            named("message port", channel.map(|channel| &channel.name))
        }
        Source::Interrupt(_) | Source::Own => None,
    };
    name.unwrap_or_else(|| source.to_string())
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<28} {value:>20}");
}

fn add_times(text: &mut String, machine: &Machine, partition: &Partition) {
    for (name, count) in units(machine, partition) {
        row(text, &format!("units: {name}"), &grouped(count));
    }
}

/// What became of the events of each source, and how long they waited.
pub fn add_ledger(text: &mut String, config: &SystemConfig, ledger: &Ledger) {
    text.push_str("  events         raised = delivered + coalesced + taken + pending + dropped\n");
    for (source, account) in ledger.accounts() {
        let Account { raised, delivered, coalesced, taken, pending, dropped } = *account;
        let sum = format!("{raised} = {delivered} + {coalesced} + {taken} + {pending} + {dropped}");
        let verdict = if account.balances() { "" } else { "  DOES NOT BALANCE" };
        let drops: Vec<String> =
            ledger.drops(source).map(|(reason, count)| format!("{count} {}", reason.name())).collect();
        let drops = if drops.is_empty() { String::new() } else { format!(" ({})", drops.join(", ")) };
        let _ = writeln!(text, "  {:<14} {sum}{drops}{verdict}", source_name(config, source));
    }
    let waits = ledger.accounts().filter_map(|(source, _)| Some((source, ledger.latencies(source)?)));
    let mut waits = waits.peekable();
    if waits.peek().is_some() {
        text.push_str("  latency        from raise to delivery: least / median at most / most; how many took how long\n");
    }
    for (source, latencies) in waits {
        if let (Some((least, most)), Some(median)) = (latencies.range_ns(), latencies.median_most_ns()) {
            let (least, median, most) = (time(least), time(median), time(most));
            let _ = writeln!(text, "  {:<14} {least} / {median} / {most}", source_name(config, source));
            let buckets = latencies.buckets().map(|(to, count)| match to {
                0 => format!("0 ns: {count}"),
                to => format!("to {}: {count}", time(to)),
            });
            let _ = writeln!(text, "  {:<14} {}", "", buckets.collect::<Vec<_>>().join(", "));
        }
    }
}

/// What belongs to no partition, or to all.
fn add_system(text: &mut String, machine: &Machine, roster: &Roster) {
    if !machine.unowned_interrupts().is_empty() {
        text.push_str("\nLines without an owner\n");
        for (line, count) in machine.unowned_interrupts() {
            row(text, &source_name(machine.config(), Source::Line(*line)), &grouped(*count));
        }
    }
    let log = machine.health_log();
    if roster.is_system && log.next() > 0 {
        let kept = log.entries().count();
        let _ = writeln!(text, "\nHealth log, the last {kept} of {}", log.next());
        for entry in log.entries() {
            let _ = writeln!(text, "  {}", health_lines::line(machine, roster, entry));
        }
    }
}
