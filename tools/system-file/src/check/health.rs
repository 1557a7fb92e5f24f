//! Health tables: every answer ends something, and none starts what fails at once again.

use crate::diagnostic::Diagnostic;
use crate::model::{HealthRow, Partition, System, health_table};
use hypervisor_core::health::{HealthAction, HealthEvent};

/// Reports what is wrong with health tables.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    for row in &system.health {
        if row.action.value == HealthAction::Escalate {
            diagnostics.push(
                Diagnostic::error("nobody is above the system: this cannot be escalated")
                    .at(row.action.span.clone(), "")
                    .help("write what is done: \"halt_partition\", \"restart_system\", \"halt_system\"..."),
            );
            continue;
        }
        diagnostics.extend(goes_on(row));
        diagnostics.extend(restart_loop(row, row.action.value, None));
    }
    let above = health_table(&system.health);
    for partition in &system.partitions {
        for row in &partition.health {
            diagnostics.extend(goes_on(row));
            // What an escalation ends in is reported in the system's table, if it is written there.
            diagnostics.extend(restart_loop(row, row.action.value, Some(partition)));
            diagnostics.extend(never_restarts(row, above.action(row.event.value), partition));
            diagnostics.extend(escalates_to_default(system, row, above.action(row.event.value)));
        }
        diagnostics.extend(silent_rate(partition));
    }
}

/// Ignoring what the guest cannot survive would run the same instruction for ever.
fn goes_on(row: &HealthRow) -> Option<Diagnostic> {
    let (event, action) = (row.event.value, row.action.value);
    let advice = if event.is_at_start() {
        "write \"halt_partition\", \"halt_system\" or { switch_plan = \"name\" }"
    } else {
        "write \"cold_restart\", \"warm_restart\", \"halt_partition\" or \"escalate\""
    };
    let never_told = event == HealthEvent::FrameFault || event.is_at_start();
    // A deadlocked guest goes on waiting.
    let survives = event.can_be_ignored() || event == HealthEvent::Deadlock;
    match action {
        HealthAction::Ignore | HealthAction::Log if !survives => Some(
            Diagnostic::error(format!(
                "after `{}` a guest cannot go on, so it cannot be left at that",
                event.name()
            ))
            .at(row.action.span.clone(), format!("`{}` changes nothing", action.name()))
            .note("nothing would have changed: it would happen again at once, and for ever")
            .help(advice),
        ),
        HealthAction::Propagate if never_told => Some(
            Diagnostic::error(format!("a guest with `{}` cannot be told of it", event.name()))
                .at(row.action.span.clone(), "the upcall cannot reach it")
                .help(advice),
        ),
        _ => None,
    }
}

fn never_restarts(row: &HealthRow, above: HealthAction, partition: &Partition) -> Option<Diagnostic> {
    let action = if row.action.value == HealthAction::Escalate { above } else { row.action.value };
    let restarts =
        matches!(action, HealthAction::ColdRestart | HealthAction::WarmRestart | HealthAction::RestartSystem);
    (restarts && partition.restarts_most == 0 && !row.event.value.is_at_start()).then(|| {
        let name = &partition.name.value;
        Diagnostic::warning(format!("`{name}` has no restarts, so this is a halt"))
            .at(row.action.span.clone(), "halts the partition")
            .also(partition.header.clone(), "`restarts` is 0 here")
            .help("give it some, as in `restarts = 3`, or write \"halt_partition\"")
    })
}

/// A partition that cannot be started is started again.
fn restart_loop(row: &HealthRow, action: HealthAction, partition: Option<&Partition>) -> Option<Diagnostic> {
    let event = row.event.value;
    let restarts =
        matches!(action, HealthAction::ColdRestart | HealthAction::WarmRestart | HealthAction::RestartSystem);
    if !event.is_at_start() || !restarts {
        return None;
    }
    let (name, again) = (event.name(), action.name());
    let (who, most) = match partition {
        Some(partition) => (format!("`{}`", partition.name.value), partition.restarts_most.to_string()),
        None => ("the partition".to_owned(), "`restarts`".to_owned()),
    };
    Some(
        Diagnostic::error(format!("`{again}` on `{name}` is a loop: the cause is there again at the start"))
            .at(row.action.span.clone(), "starts it again")
            .also(row.event.span.clone(), "found when it starts")
            .note(format!(
                "what happens, all at 0 ns\n{who} starts, `{name}`: {again}, restart 1 of {most}\n{who} starts, \
                 `{name}`: {again}, restart 2 of {most}, and so on"
            ))
            .help("write \"halt_partition\", \"halt_system\" or { switch_plan = \"name\" }"),
    )
}

/// An escalation to a row that nobody wrote ends as the default says; that is fine unless it was meant to be survived.
fn escalates_to_default(system: &System, row: &HealthRow, above: HealthAction) -> Option<Diagnostic> {
    let is_written = |event: HealthEvent| system.health.iter().any(|row| row.event.value == event);
    let event = row.event.value;
    let general = matches!(event, HealthEvent::Exception(_)) && is_written(HealthEvent::Exception(255));
    if row.action.value != HealthAction::Escalate || is_written(event) || general {
        return None;
    }
    Some(
        Diagnostic::warning(format!("[health] says nothing about `{}`", event.name()))
            .at(row.action.span.clone(), format!("escalated, it is answered by `{}`", above.name()))
            .help(format!("say what is done: `{} = \"halt_system\"` in [health]", event.name())),
    )
}

fn silent_rate(partition: &Partition) -> Option<Diagnostic> {
    let row = partition.health.iter().find(|row| row.event.value == HealthEvent::IllegalCalls)?;
    partition.illegal_calls.is_none().then(|| {
        Diagnostic::warning("without a rate, illegal calls are no health event")
            .at(row.event.span.clone(), "this never happens")
            .help("say how many are too many: illegal_calls = { most = 100, per = \"10ms\" }")
    })
}
