//! Restarts that answer each other: a health table switches to a plan, the plan starts a partition again, and what happens
//! there switches back.
//!
//! Nothing bounds that: `restarts` bounds only what the health monitor starts again itself.

use crate::diagnostic::{Diagnostic, Span};
use crate::model::{System, health_table};
use hypervisor_core::config::{PartitionId, PlanId};
use hypervisor_core::health::{HealthAction, HealthEvent};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// One step around: `plan` starts `partition` again, of which `event` switches to the plan `to`.
#[derive(Clone)]
struct Step {
    plan: usize,
    partition: PartitionId,
    event: HealthEvent,
    to: usize,
    started: Span,
    answered: Option<Span>,
}

/// So many steps are looked at: enough for every file that a person writes.
const EFFORT: usize = 2_000_000;

/// Reports circles of plans and health tables.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    let mut effort = EFFORT;
    let certain = circles(system, HealthEvent::is_at_start, &mut effort);
    let told: Vec<BTreeSet<usize>> = certain.iter().map(|circle| plans_of(circle)).collect();
    diagnostics.extend(certain.iter().map(|circle| report(system, circle)));
    let possible = circles(system, |_| true, &mut effort);
    let new = possible.iter().filter(|circle| !told.contains(&plans_of(circle)));
    diagnostics.extend(new.map(|circle| report(system, circle)));
    if effort == 0 {
        let warning = Diagnostic::warning("there are too many plans to find all that start each other again");
        diagnostics.push(warning.at(0..0, "").help("let fewer plans start partitions again"));
    }
}

fn plans_of(circle: &[Step]) -> BTreeSet<usize> {
    circle.iter().map(|step| step.plan).collect()
}

/// The shortest way around from each plan, the same plans once.
fn circles(system: &System, counts: impl Fn(HealthEvent) -> bool, effort: &mut usize) -> Vec<Vec<Step>> {
    let steps = steps(system, counts, effort);
    let mut circles: Vec<Vec<Step>> = Vec::new();
    let mut told = BTreeSet::new();
    for start in 0..steps.len() {
        let circle = shortest(&steps, start, effort);
        if let Some(circle) = circle.filter(|circle| told.insert(plans_of(circle))) {
            circles.push(circle);
        }
    }
    circles
}

/// Every way from a plan to another: one for each pair of plans.
fn steps(system: &System, counts: impl Fn(HealthEvent) -> bool, effort: &mut usize) -> Vec<Vec<Step>> {
    let above = health_table(&system.health);
    let of_plan = |plan: usize, effort: &mut usize| {
        let mut steps: BTreeMap<usize, Step> = BTreeMap::new();
        for (partition, _) in &system.plans[plan].actions {
            let Some(rows) = system.partitions.get(partition.value.index()).map(|one| &one.health) else {
                continue;
            };
            if *effort == 0 {
                break;
            }
            *effort = effort.saturating_sub(HealthEvent::COUNT);
            let table = health_table(rows);
            for event in HealthEvent::all().filter(|event| counts(*event)) {
                let (action, written) = match table.action(event) {
                    HealthAction::Escalate => (above.action(event), &system.health),
                    action => (action, rows),
                };
                let HealthAction::SwitchPlan(PlanId(to)) = action else { continue };
                let row = written.iter().find(|row| row.event.value == event);
                let step = || Step {
                    plan,
                    partition: partition.value,
                    event,
                    to: usize::from(to),
                    started: partition.span.clone(),
                    answered: row.map(|row| row.action.span.clone()),
                };
                // A request for the plan that runs changes nothing.
                if usize::from(to) != plan {
                    steps.entry(usize::from(to)).or_insert_with(step);
                }
            }
        }
        steps.into_values().collect()
    };
    (0..system.plans.len()).map(|plan| of_plan(plan, effort)).collect()
}

fn shortest(steps: &[Vec<Step>], start: usize, effort: &mut usize) -> Option<Vec<Step>> {
    let mut came_by: BTreeMap<usize, &Step> = BTreeMap::new();
    let mut reached = vec![start];
    let mut next = 0;
    while let Some(plan) = reached.get(next).copied() {
        next += 1;
        for step in steps.get(plan)? {
            *effort = effort.checked_sub(1)?;
            if step.to == start {
                let mut way = vec![step.clone()];
                while let Some(before) = way.last().and_then(|first| came_by.get(&first.plan)) {
                    way.push((*before).clone());
                }
                way.reverse();
                return Some(way);
            }
            if let Entry::Vacant(entry) = came_by.entry(step.to) {
                entry.insert(step);
                reached.push(step.to);
            }
        }
    }
    None
}

fn report(system: &System, circle: &[Step]) -> Diagnostic {
    let names: BTreeSet<String> = circle.iter().map(|step| system.partition_name(step.partition)).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(" and ");
    let plan = |place: usize| format!("`{}`", system.plans[place].name.value);
    let certain = circle.iter().all(|step| step.event.is_at_start());
    let mut diagnostic = if certain {
        Diagnostic::error(format!(
            "plans start {names} again without end: the causes are there again at the start"
        ))
    } else {
        Diagnostic::warning(format!("plans may start {names} again without end"))
    };
    let mut lines = vec![if certain { "what happens" } else { "what can happen" }.to_owned()];
    for step in circle {
        let (name, event) = (system.partition_name(step.partition), step.event.name());
        lines.push(format!("{} begins and starts {name} again", plan(step.plan)));
        lines.push(format!("{name}, `{event}`: switch_plan {}", plan(step.to)));
    }
    lines.push(format!("{} begins, and so on", plan(circle[0].plan)));
    diagnostic =
        diagnostic.at(circle[0].started.clone(), format!("{} starts it again", plan(circle[0].plan)));
    for step in circle {
        if let Some(span) = &step.answered {
            diagnostic = diagnostic.also(span.clone(), format!("{} begins", plan(step.to)));
        }
    }
    diagnostic.note(lines.join("\n")).note("`restarts` does not bound what plans start again").help(
        "leave one of these partitions as it is when the plan begins, or answer its error with \"halt_partition\"",
    )
}
