//! The counters behind `--stats`: what the guest did, what became of its events, how the engine worked.

use crate::quantities::{grouped, time};
use hypervisor_core::Machine;
use hypervisor_core::ledger::Account;
use std::fmt::Write;

/// All counters of a machine, as a table without a newline at its end.
pub fn statistics(machine: &Machine) -> String {
    let stamp = machine.stamp();
    let mut text = String::from("Statistics\n");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<28} {value:>20}");
    };
    row("instructions", grouped(stamp.instruction));
    row("virtual time", time(stamp.now_ns));
    for (name, count) in machine.counters().rows() {
        row(&name, grouped(count));
    }
    let engine = machine.engine_statistics();
    for (name, count) in [
        ("engine: runs", engine.runs),
        ("engine: blocks made", engine.blocks_made),
        ("engine: blocks overwritten", engine.blocks_overwritten),
        ("engine: flushes", engine.flushes),
        ("engine: links made", engine.links_made),
        ("engine: lookups", engine.lookups),
        ("engine: slow loads", engine.slow_loads),
        ("engine: slow stores", engine.slow_stores),
    ] {
        row(name, grouped(count));
    }
    if let Some(ledger) = machine.ledger() {
        text.push_str("  events         raised = delivered + coalesced + taken + pending + dropped\n");
        for (source, account) in ledger.accounts() {
            let Account { raised, delivered, coalesced, taken, pending, dropped } = *account;
            let sum = format!("{raised} = {delivered} + {coalesced} + {taken} + {pending} + {dropped}");
            let verdict = if account.balances() { "" } else { "  DOES NOT BALANCE" };
            let _ = writeln!(text, "  {:<14} {sum}{verdict}", source.to_string());
        }
    }
    text.truncate(text.trim_end().len());
    text
}
