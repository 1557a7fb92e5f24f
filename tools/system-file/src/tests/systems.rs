//! Good files become the system that they describe.

use super::{RICH, read_text, titles};
use crate::Summary;
use hypervisor_core::config::{
    Discipline, Flush, MessageKind, PartitionConfig, PartitionId, PlanId, PrivilegedPolicy, SystemConfig,
};
use hypervisor_core::health::{HealthAction, HealthEvent};
use hypervisor_core::schedule::PlanAction;
use std::sync::Arc;

fn system(text: &str) -> SystemConfig {
    let reading = read_text(text);
    reading.config.unwrap_or_else(|| panic!("{:#?}", titles(text)))
}

#[test]
fn every_key_reaches_the_configuration() {
    assert_eq!(titles(RICH), Vec::<String>::new());
    let system = system(RICH);
    let nav = &system.partitions[0];
    assert_eq!((nav.name.as_str(), nav.memory_bytes, nav.memory_is_executable), ("nav", 2 << 20, true));
    assert_eq!(nav.arguments, ["period", "5"]);
    assert_eq!(nav.boot_module.as_ref().unwrap().as_slice(), [1, 2, 3]);
    assert_eq!((nav.privileged, nav.umip), (PrivilegedPolicy::Settle, true));
    assert_eq!(nav.profile, emulator::CpuProfile::Prescott);
    assert_eq!(nav.io_ports, [0x3f8..=0x3ff, 0x80..=0x80]);
    let rights = nav.rights;
    assert!(rights.status && rights.control && rights.plans && rights.health_log);
    assert!(nav.console_input && !system.partitions[1].console_input);
    assert_eq!((nav.restarts_most, system.partitions[1].restarts_most), (5, 3));
    let rate = nav.illegal_calls.unwrap();
    assert_eq!((rate.most, rate.period_ns), (100, 10_000_000));

    let cruise = &system.plans[0];
    assert_eq!((cruise.name.as_str(), cruise.frame), ("cruise", 2_000_000));
    let windows: Vec<_> =
        cruise.windows.iter().map(|window| (window.partition.0, window.start, window.length)).collect();
    assert_eq!(windows, [(0, 0, 500_000), (1, 800_000, 200_000), (2, 1_200_000, 300_000)]);
    let safe = &system.plans[1];
    assert_eq!(safe.frame, 1_000_000);
    assert_eq!(
        safe.actions,
        [(PartitionId(0), PlanAction::ColdRestart), (PartitionId(2), PlanAction::WarmRestart)]
    );

    assert_eq!(
        (system.event_channels[0].from, system.event_channels[0].flush),
        (PartitionId(1), Flush::Window)
    );
    let [attitude, commands] = system.message_channels.as_slice() else { panic!() };
    assert_eq!(attitude.kind, MessageKind::Sampling { refresh_ns: 40_000_000 });
    assert_eq!((attitude.message_bytes, attitude.to.len()), (64, 2));
    assert_eq!(commands.kind, MessageKind::Queuing { depth: 8, discipline: Discipline::Priority });
    assert_eq!(system.shared_areas[0].members, [(PartitionId(0), true), (PartitionId(2), false)]);
    assert_eq!((system.lines[0].number, system.lines[0].owner), (5, Some(PartitionId(1))));
    let injections: Vec<_> =
        system.injections.iter().map(|from| (from.line, from.at_ns, from.every_ns, from.count)).collect();
    assert_eq!(injections, [(5, 3_000_000, 10_000_000, 100), (9, 0, 0, 1)]);
}

#[test]
fn exception_stands_for_every_exception_without_a_row_of_its_own() {
    let health = &system(RICH).partitions[0].health;
    for (event, action) in [
        (HealthEvent::Exception(0), HealthAction::ColdRestart),
        (HealthEvent::Exception(6), HealthAction::WarmRestart),
        (HealthEvent::Exception(255), HealthAction::WarmRestart),
        (HealthEvent::MemoryViolation, HealthAction::HaltPartition),
        (HealthEvent::Watchdog, HealthAction::SwitchPlan(PlanId(1))),
        (HealthEvent::Deadlock, HealthAction::Escalate),
    ] {
        assert_eq!(health.action(event), action, "{event:?}");
    }
    assert_eq!(system(RICH).health.action(HealthEvent::Deadlock), HealthAction::HaltSystem);
}

#[test]
fn a_single_partition_needs_no_plan_and_has_the_console() {
    let system = system("[[partition]]\nname = \"a\"\nimage = \"builtin:ticker\"\n");
    assert!(system.plans.is_empty() && system.partitions[0].console_input);
    assert_eq!(system.partitions[0].memory_bytes, 16 << 20);
    assert_eq!(Summary(&system).to_string(), "1 partition, 0 plans, 0 windows; `a` always runs");
}

#[test]
fn what_a_file_leaves_out_is_as_the_core_has_it_by_default() {
    let system = system("[[partition]]\nname = \"a\"\nimage = \"builtin:ticker\"\n");
    let [partition] = system.partitions.as_slice() else { panic!() };
    let default = PartitionConfig::new("a", Arc::clone(&partition.image));
    assert_eq!(format!("{partition:?}"), format!("{default:?}"));
    let core = SystemConfig::default();
    assert_eq!((system.rate, system.plan_switch, system.health), (core.rate, core.plan_switch, core.health));
}

#[test]
fn a_summary_tells_how_busy_each_partition_can_be() {
    assert_eq!(
        Summary(&system(RICH)).to_string(),
        "3 partitions, 2 plans, 5 windows; `cruise` (20 ms): nav 25.0%, io 10.0%, display 15.0%, idle 50.0%"
    );
}

#[test]
fn a_duration_between_two_units_is_rounded_up_in_nanoseconds_too() {
    let system = system(
        "[[partition]]\nname = \"a\"\nimage = \"builtin:ticker\"\n[[line]]\nnumber = 1\nname = \"l\"\nowner = \"a\"\n\
         [[inject]]\nline = 1\nat = \"11ns\"\nevery = \"1ns\"\ncount = 2\n",
    );
    assert_eq!((system.injections[0].at_ns, system.injections[0].every_ns), (20, 10));
}
