//! The system as the core takes it. Only for systems without errors.

use crate::model::{self, Partition, Plan, Queuing, Sampling, Shared, System, Window, health_table};
use hypervisor_core::Abi;
use hypervisor_core::boot::{check_abi, memory_need};
use hypervisor_core::config::{
    EventChannel, Injection, Line, MessageChannel, MessageKind, PartitionConfig, SharedArea, SystemConfig,
};
use hypervisor_core::health::HealthEvent;
use hypervisor_core::schedule;
use std::sync::Arc;

/// None if something is missing that an error was reported for.
pub fn lower(system: &System) -> Option<SystemConfig> {
    let alone = system.partitions.len() == 1;
    let samplings = system.samplings.iter().map(sampling);
    Some(SystemConfig {
        rate: system.rate,
        partitions: system.partitions.iter().map(|from| partition(from, alone)).collect::<Option<_>>()?,
        plans: system.plans.iter().map(plan).collect(),
        plan_switch: system.plan_switch,
        event_channels: system
            .event_channels
            .iter()
            .map(|channel| {
                let (from, to) = (channel.from.as_ref()?.value, channel.to.as_ref()?.value);
                Some(EventChannel { name: channel.name.value.clone(), from, to, flush: channel.flush })
            })
            .collect::<Option<_>>()?,
        message_channels: samplings.chain(system.queuings.iter().map(queuing)).collect::<Option<_>>()?,
        shared_areas: system.shared.iter().map(shared).collect::<Option<_>>()?,
        lines: system
            .lines
            .iter()
            .map(|line| {
                let number = u32::try_from(line.number.as_ref()?.value).ok()?;
                Some(Line { number, name: line.name.value.clone(), owner: line.owner })
            })
            .collect::<Option<_>>()?,
        injections: system.injections.iter().map(injection).collect::<Option<_>>()?,
        health: health_table(&system.health),
        ..SystemConfig::default()
    })
}

fn partition(from: &Partition, alone: bool) -> Option<PartitionConfig> {
    Some(PartitionConfig {
        name: from.name.value.clone(),
        image: Arc::clone(from.image.as_ref()?),
        abi: Abi::Paravane,
        memory_bytes: from.memory.as_ref()?.value,
        memory_is_executable: from.memory_is_executable,
        arguments: from.arguments.iter().map(|word| word.value.clone()).collect(),
        boot_module: from.module.clone(),
        profile: from.profile,
        privileged: from.privileged,
        umip: from.umip,
        io_ports: from.io_ports.clone(),
        rights: from.rights,
        console_input: from.console_input.as_ref().map_or(alone, |reads| reads.value),
        health: health_table(&from.health),
        restarts_most: from.restarts_most,
        illegal_calls: from.illegal_calls,
        cannot_start: cannot_start(from),
    })
}

/// Why it cannot be started, which its health table answers: else there was an error.
fn cannot_start(from: &Partition) -> Option<HealthEvent> {
    let image = from.image.as_deref()?;
    if check_abi(image).is_err() {
        return Some(HealthEvent::IncompatibleAbi);
    }
    let memory = from.memory.as_ref()?.value;
    let fits = memory_need(image).is_ok_and(|need| need.total_bytes() <= memory);
    (!fits).then_some(HealthEvent::Configuration)
}

fn plan(from: &Plan) -> schedule::Plan {
    let mut windows: Vec<&Window> = from.windows.iter().collect();
    windows.sort_by_key(|window| window.start);
    schedule::Plan {
        name: from.name.value.clone(),
        frame: from.frame_units(),
        windows: windows
            .into_iter()
            .filter_map(|window| {
                let Window { partition, start, length, .. } = *window;
                Some(schedule::Window { partition: partition?, start, length })
            })
            .collect(),
        actions: from.actions.iter().map(|(partition, action)| (partition.value, *action)).collect(),
    }
}

fn sampling(from: &Sampling) -> Option<MessageChannel> {
    Some(MessageChannel {
        name: from.name.value.clone(),
        kind: MessageKind::Sampling { refresh_ns: from.refresh.as_ref()?.ns },
        message_bytes: from.message.as_ref()?.value.try_into().ok()?,
        from: from.from.as_ref()?.value,
        to: from.to.iter().map(|to| to.value).collect(),
        flush: from.flush,
    })
}

fn queuing(from: &Queuing) -> Option<MessageChannel> {
    let depth = from.depth.as_ref()?.value.try_into().ok()?;
    Some(MessageChannel {
        name: from.name.value.clone(),
        kind: MessageKind::Queuing { depth, discipline: from.discipline },
        message_bytes: from.message.as_ref()?.value.try_into().ok()?,
        from: from.from.as_ref()?.value,
        to: vec![from.to.as_ref()?.value],
        flush: from.flush,
    })
}

fn shared(from: &Shared) -> Option<SharedArea> {
    let writers = from.writers.iter().map(|member| (member.value, true));
    let readers = from.readers.iter().map(|member| (member.value, false));
    let bytes = from.size.as_ref()?.value.try_into().ok()?;
    Some(SharedArea { name: from.name.value.clone(), bytes, members: writers.chain(readers).collect() })
}

fn injection(from: &model::Injection) -> Option<Injection> {
    Some(Injection {
        line: from.line?,
        at_ns: from.at.as_ref()?.ns,
        every_ns: from.every.as_ref().map_or(0, |every| every.ns),
        count: from.count.as_ref()?.value,
    })
}
