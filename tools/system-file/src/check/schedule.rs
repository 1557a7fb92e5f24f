//! Plans: windows do not overlap, lie in the frame, and everyone gets one; every plan can begin.

use super::timeline::Timeline;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::model::{HealthRow, Plan, System, Window};
use hypervisor_core::config::{PartitionId, PlanId};
use hypervisor_core::health::HealthAction;

/// Reports what is wrong with plans.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    if system.plans.is_empty() {
        diagnostics.extend(plan_is_missing(system));
        return;
    }
    for plan in &system.plans {
        overlaps(system, plan, diagnostics);
        diagnostics.extend(frame(system, plan));
        repeated_actions(system, plan, diagnostics);
    }
    diagnostics.extend(nobody_runs(&system.plans[0]));
    never_runs(system, diagnostics);
    unreachable(system, diagnostics);
}

fn plan_is_missing(system: &System) -> Option<Diagnostic> {
    let second = system.partitions.get(1)?;
    // A plan that could not be read is an error of its own, and none that is missing.
    Some(
        Diagnostic::error("several partitions need a plan that says who runs when")
            .at(second.header.clone(), "the second partition")
            .help(
                "add a [[plan]] with `name` and `windows = [ { partition = \"name\", length = \"10ms\" } ]`",
            ),
    )
}

fn who(system: &System, window: &Window) -> String {
    window.partition.map_or_else(|| "the gap".to_owned(), |partition| system.partition_name(partition))
}

fn overlaps(system: &System, plan: &Plan, diagnostics: &mut Vec<Diagnostic>) {
    let mut windows: Vec<&Window> = plan.windows.iter().collect();
    windows.sort_by_key(|window| (window.start, window.end()));
    let mut last: Option<&Window> = None;
    for window in windows {
        if let Some(before) = last
            && window.start < before.end()
        {
            let (first, second) = (who(system, before), who(system, window));
            let mut timeline = Timeline::new(system);
            timeline.add(before.start, format!("{first} begins"));
            timeline.add(window.start, format!("{second} begins, and {first} still runs"));
            let mut ends = [(before.end(), &first), (window.end(), &second)];
            ends.sort_by_key(|(end, _)| *end);
            for (end, name) in ends {
                timeline.add(end, format!("{name} ends"));
            }
            let overlap = before.end().min(window.end()) - window.start;
            diagnostics.push(
                Diagnostic::error(format!("windows overlap by {}", system.time(overlap)))
                    .at(window.span.clone(), format!("{second} begins before the other ends"))
                    .also(before.span.clone(), format!("{first} ends at {}", system.time(before.end())))
                    .note(timeline.text("in each frame"))
                    .help(format!(
                        "let it start at {} or later; without `start` it begins at the end of the one before",
                        system.time(before.end())
                    )),
            );
        }
        if last.is_none_or(|before| window.end() > before.end()) {
            last = Some(window);
        }
    }
}

fn frame(system: &System, plan: &Plan) -> Option<Diagnostic> {
    let last = plan.windows.iter().max_by_key(|window| window.end());
    let Some(frame) = &plan.frame else {
        return (last.is_none() && plan.is_complete).then(|| {
            Diagnostic::error("a plan without windows needs a `frame`")
                .at(plan.header.clone(), "how long does this take?")
                .help("add `frame = \"10ms\"`, or windows")
        });
    };
    let last = last.filter(|window| window.end() > frame.units)?;
    let mut timeline = Timeline::new(system);
    timeline.add(last.start, format!("{} begins", who(system, last)));
    timeline.add(frame.units, "the frame ends");
    timeline.add(last.end(), format!("{} ends", who(system, last)));
    let excess = system.time(last.end() - frame.units);
    Some(
        Diagnostic::error(format!("a window ends {excess} after the frame"))
            .at(last.span.clone(), format!("ends at {}", system.time(last.end())))
            .also(frame.span.clone(), format!("the frame is {}", system.time(frame.units)))
            .note(timeline.text("in each frame"))
            .help("shorten windows, or leave `frame` out: it then ends with the last window"),
    )
}

fn repeated_actions(system: &System, plan: &Plan, diagnostics: &mut Vec<Diagnostic>) {
    let has_window =
        |partition: PartitionId| plan.windows.iter().any(|window| window.partition == Some(partition));
    for (partition, _) in &plan.actions {
        if plan.is_complete && !has_window(partition.value) {
            let name = system.partition_name(partition.value);
            diagnostics.push(
                Diagnostic::warning(format!("{name} is started again by a plan in which it has no window"))
                    .at(partition.span.clone(), "")
                    .also(plan.header.clone(), "in this plan")
                    .help("give it a window, or take the action out"),
            );
        }
    }
}

fn nobody_runs(first: &Plan) -> Option<Diagnostic> {
    let runs = first.windows.iter().any(|window| window.partition.is_some());
    (!runs && first.is_complete).then(|| {
        Diagnostic::error("nobody runs in the plan that starts, and so nothing ever happens")
            .at(first.header.clone(), "the first plan")
            .help("give a partition a window: { partition = \"name\", length = \"10ms\" }")
    })
}

fn never_runs(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    if system.plans.iter().any(|plan| !plan.is_complete) {
        return;
    }
    let mut runs = vec![false; system.partitions.len()];
    for window in system.plans.iter().flat_map(|plan| &plan.windows) {
        if let Some(runs) = window.partition.and_then(|partition| runs.get_mut(partition.index())) {
            *runs = true;
        }
    }
    for (partition, _) in system.partitions.iter().zip(runs).filter(|(_, runs)| !runs) {
        diagnostics.push(
            Diagnostic::warning(format!(
                "`{}` has no window in any plan: it never runs",
                partition.name.value
            ))
            .at(partition.name.span.clone(), "")
            .help("give it a window in a plan, or take it out"),
        );
    }
}

fn unreachable(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    // A right or a health table that could not be read may be what switches.
    if has_errors(diagnostics) || system.partitions.iter().any(|partition| partition.rights.plans) {
        return;
    }
    let switches = |rows: &[HealthRow], plan: PlanId| {
        rows.iter().any(|row| row.action.value == HealthAction::SwitchPlan(plan))
    };
    for (place, plan) in (0_u16..).zip(&system.plans).skip(1) {
        let plan_id = PlanId(place);
        let reached = switches(&system.health, plan_id)
            || system.partitions.iter().any(|partition| switches(&partition.health, plan_id));
        if !reached {
            diagnostics.push(
                Diagnostic::warning(format!("nothing ever switches to the plan `{}`", plan.name.value))
                    .at(plan.name.span.clone(), "")
                    .help("give a partition the right \"plans\", or name the plan in a health table: { switch_plan = \"...\" }"),
            );
        }
    }
}
