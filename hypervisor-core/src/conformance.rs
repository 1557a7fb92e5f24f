//! The systems in which the conformance kit runs its guests: alone, or in two partitions that run the same image.
//!
//! `guest-images/conformance/README.md` tells the authors of guests what is in them, `system.h` has the numbers. Not here: the
//! guests and their verdicts, which `paravane kit` and the tests of seeded faults know.

use crate::Image;
use crate::abi::{CLAUSES, ShownBy};
use crate::config::{
    CallRate, Discipline, EventChannel, Flush, Injection, Line, MessageChannel, MessageKind, PartitionConfig,
    PartitionId, PartitionRights, PrivilegedPolicy, SharedArea, SystemConfig,
};
use crate::health::{HealthAction, HealthEvent};
use crate::schedule::{Plan, PlanAction, Window};
use emulator::CpuProfile;
use std::sync::Arc;

/// The partition whose verdict counts.
pub const SUBJECT: PartitionId = PartitionId(0);
const OTHER: PartitionId = PartitionId(1);

const UNITS_IN_A_MICROSECOND: u64 = 100;

/// The system for the guest of this name, which holds this clause.
#[must_use]
pub fn system(clause: &str, name: &str, image: &Arc<Image>) -> SystemConfig {
    let clause = CLAUSES.iter().find(|description| description.id == clause);
    match clause.map_or(ShownBy::OneGuest, |clause| clause.shown_by) {
        ShownBy::OneGuest | ShownBy::Observer => {
            SystemConfig { partitions: vec![partition(name, image)], ..SystemConfig::default() }
        }
        ShownBy::TwoPartitions => two_partitions(image),
    }
}

fn partition(name: &str, image: &Arc<Image>) -> PartitionConfig {
    PartitionConfig { profile: CpuProfile::Prescott, ..PartitionConfig::new(name, Arc::clone(image)) }
}

fn two_partitions(image: &Arc<Image>) -> SystemConfig {
    let mut subject = partition("subject", image);
    subject.rights = PartitionRights { status: true, control: true, plans: true, health_log: true };
    for (event, action) in [
        (HealthEvent::Exception(6), HealthAction::ColdRestart),
        (HealthEvent::MemoryViolation, HealthAction::WarmRestart),
        (HealthEvent::FrameFault, HealthAction::WarmRestart),
        (HealthEvent::ApplicationError, HealthAction::Propagate),
        (HealthEvent::Watchdog, HealthAction::Propagate),
        (HealthEvent::IllegalCalls, HealthAction::Propagate),
    ] {
        subject.health.set(event, action);
    }
    subject.umip = true;
    subject.illegal_calls = Some(CallRate { most: 20, period_ns: 100_000 });
    let mut other = partition("other", image);
    other.console_input = false;
    other.privileged = PrivilegedPolicy::Settle;
    other.umip = true;
    other.io_ports = vec![0x300..=0x303];
    let line = |number, name: &str, owner| Line { number, name: name.to_owned(), owner: Some(owner) };
    SystemConfig {
        partitions: vec![subject, other],
        plans: vec![
            plan("first", 200, [(0, 80), (80, 80)]),
            plan("second", 100, [(0, 40), (50, 40)]),
            Plan {
                actions: vec![(OTHER, PlanAction::ColdRestart)],
                ..plan("third", 200, [(0, 80), (80, 80)])
            },
            Plan {
                actions: vec![(SUBJECT, PlanAction::WarmRestart)],
                ..plan("fourth", 200, [(0, 80), (80, 80)])
            },
        ],
        event_channels: vec![
            channel("ring", OTHER, SUBJECT, Flush::Immediate),
            channel("at once", SUBJECT, OTHER, Flush::Immediate),
            channel("at window", SUBJECT, OTHER, Flush::Window),
            channel("at frame", SUBJECT, OTHER, Flush::Frame),
        ],
        message_channels: message_channels(),
        shared_areas: vec![SharedArea {
            name: "board".to_owned(),
            bytes: 4096,
            members: vec![(SUBJECT, true), (OTHER, false)],
        }],
        lines: vec![line(5, "of the subject", SUBJECT), line(6, "of the other", OTHER)],
        injections: vec![Injection { line: 5, at_ns: 100_000, every_ns: 10_000, count: 3 }],
        ..SystemConfig::default()
    }
}

/// A plan of this length, in which the subject and the other have a window each: start and length, in microseconds.
fn plan(name: &str, frame: u64, windows: [(u64, u64); 2]) -> Plan {
    let units = |microseconds: u64| microseconds * UNITS_IN_A_MICROSECOND;
    let windows = [SUBJECT, OTHER].into_iter().zip(windows);
    Plan {
        name: name.to_owned(),
        frame: units(frame),
        windows: windows
            .map(|(partition, (start, length))| Window {
                partition,
                start: units(start),
                length: units(length),
            })
            .collect(),
        actions: Vec::new(),
    }
}

fn message_channels() -> Vec<MessageChannel> {
    let sample = MessageKind::Sampling { refresh_ns: 150_000 };
    let queue = |depth, discipline| MessageKind::Queuing { depth, discipline };
    let channel = |name: &str, kind, from, to, flush| MessageChannel {
        name: name.to_owned(),
        kind,
        message_bytes: 16,
        from,
        to: vec![to],
        flush,
    };
    vec![
        channel("state", sample, OTHER, SUBJECT, Flush::Immediate),
        channel("orders", queue(3, Discipline::Fifo), OTHER, SUBJECT, Flush::Immediate),
        channel("urgent", queue(4, Discipline::Priority), SUBJECT, OTHER, Flush::Immediate),
        channel("at once", sample, SUBJECT, OTHER, Flush::Immediate),
        channel("at window", sample, SUBJECT, OTHER, Flush::Window),
        channel("at frame", sample, SUBJECT, OTHER, Flush::Frame),
        channel("later", queue(2, Discipline::Fifo), SUBJECT, OTHER, Flush::Frame),
    ]
}

fn channel(name: &str, from: PartitionId, to: PartitionId, flush: Flush) -> EventChannel {
    EventChannel { name: name.to_owned(), from, to, flush }
}
