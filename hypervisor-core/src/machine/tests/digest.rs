//! What decides how a run goes on is in the digest of the machine.

use super::system::{A, busy, plan, run, system, window};
use crate::abi::EventPort;
use crate::config::{Injection, PlanId, SystemConfig};
use crate::machine::Machine;
use crate::outcome::Outcome;
use crate::paravirtual::{Paravirtual, Until, Wait};
use crate::partition::Personality;
use crate::{PartitionId, Unrecorded};

fn of(machine: &mut Machine, id: PartitionId) -> &mut Paravirtual {
    match &mut machine.partitions[id.index()].personality {
        Personality::Paravane(paravirtual) => paravirtual,
        Personality::Linux(_) => panic!("these are no Linux programs"),
    }
}

fn waits(machine: &mut Machine, wait: Wait) {
    of(machine, A).waits = Some(wait);
}

fn call(deadline_ns: u64, until: Until) -> Wait {
    Wait::Call { deadline_ns, until }
}

fn ports(ports: &[u32]) -> Until {
    Until::Ports(ports.iter().filter_map(|port| EventPort::new(*port)).collect())
}

fn configured() -> SystemConfig {
    let mut config = system(&busy(), &busy());
    config.plans.push(plan(3_000, &[window(A, 0, 1_000)]));
    config.injections = vec![
        Injection { line: 1, at_ns: 500_000, every_ns: 1_000, count: 2 },
        Injection { line: 2, at_ns: 700_000, every_ns: 1_000, count: 2 },
    ];
    config
}

fn machine() -> Machine {
    let mut machine = Machine::of_system(configured()).unwrap();
    run(&mut machine, 1_200, &mut Unrecorded);
    machine
}

/// A change of something that decides how the run goes on.
type Change = (&'static str, fn(&mut Machine));

const CHANGES: [Change; 29] = [
    ("suspended", |machine| machine.services.statuses[1].suspended = true),
    ("mode", |machine| machine.services.statuses[1].mode = crate::abi::PartitionMode::Normal),
    ("restarts", |machine| machine.services.statuses[1].restart_count = 1),
    ("start condition", |machine| machine.services.statuses[1].start_condition = 1),
    ("waits, for others", |machine| machine.services.statuses[1].waits = true),
    ("ended, for others", |machine| machine.services.statuses[1].ended = Some(None)),
    ("ended with 0", |machine| machine.services.statuses[1].ended = Some(Some(0))),
    ("an acknowledged entry", |machine| machine.services.health_log.acknowledge(0)),
    ("the next plan", |machine| assert!(machine.services.schedule.request(PlanId(1)))),
    ("held back", |machine| assert_eq!(machine.held_back.insert(0, 1), None)),
    ("held back on another channel", |machine| assert_eq!(machine.held_back.insert(1, 1), None)),
    ("held back twice", |machine| assert_eq!(machine.held_back.insert(0, 2), None)),
    ("a line that has interrupted", |machine| {
        assert!(machine.lines.take_due(50_000, machine.config.rate).is_some());
    }),
    ("an idle frame", |machine| machine.executed_at_frame = 1_200),
    ("watchdog", |machine| of(machine, A).watchdog_ns = Some(0)),
    ("illegal calls", |machine| of(machine, A).illegal_calls = 1),
    ("since when they count", |machine| of(machine, A).illegal_since_ns = 1),
    ("waits", |machine| waits(machine, Wait::Upcall)),
    ("waits for its window", |machine| waits(machine, Wait::NextWindow)),
    ("waits for no port", |machine| waits(machine, call(5, ports(&[])))),
    ("waits for a port", |machine| waits(machine, call(5, ports(&[1])))),
    ("waits for another port", |machine| waits(machine, call(5, ports(&[2])))),
    ("waits longer", |machine| waits(machine, call(6, ports(&[1])))),
    ("waits for a message", |machine| waits(machine, call(5, Until::Message(1)))),
    ("waits for space", |machine| waits(machine, call(5, Until::Space(1)))),
    ("a load", |machine| machine.partitions[0].loading = 1),
    ("a deadlock that was told", |machine| machine.partitions[0].told_of_deadlock = Some(0)),
    ("an outcome", |machine| machine.partitions[1].outcome = Some(Outcome::Halted)),
    ("retired instructions", |machine| machine.partitions[0].retired += 1),
];

#[test]
fn whatever_decides_how_the_run_goes_on_changes_the_digest() {
    let same = machine().digest();
    assert_eq!(machine().digest(), same);
    let mut seen = vec![("no change", same)];
    for (what, change) in CHANGES {
        let mut machine = machine();
        if what == "an acknowledged entry" {
            add_entry(&mut machine);
            seen.push(("an entry", machine.digest()));
        }
        change(&mut machine);
        let digest = machine.digest();
        let equal = seen.iter().find(|(_, before)| *before == digest);
        assert_eq!(equal, None, "{what}");
        seen.push((what, digest));
    }
}

#[test]
fn a_tick_that_waits_for_the_guest_changes_the_digest() {
    use super::{COUNT, DATA};
    use crate::abi::Call;
    use crate::test_images::Code;
    let machine = |ticks: bool| {
        let code = Code::default().call(Call::EventBindInterrupt, &[0, 5, COUNT]);
        let code = code.call(Call::TimerSetOneShot, &[1_000, 0]);
        let again = code.here();
        let mut machine = Machine::of_system(system(&code.increment(DATA).jump(again), &busy())).unwrap();
        run(&mut machine, 500, &mut Unrecorded);
        if !ticks {
            of(&mut machine, A).forget_tick();
        }
        machine.digest()
    };
    assert_ne!(machine(true), machine(false));
}

fn add_entry(machine: &mut Machine) {
    use crate::health::{HealthAction, HealthEvent};
    machine.services.health_log.add(crate::services::HealthEntry {
        sequence: 0,
        time_ns: 0,
        partition: A,
        event: HealthEvent::Watchdog,
        action: HealthAction::Log,
        detail: 0,
        address: 0,
        message: Vec::new(),
        acknowledged: false,
    });
}
