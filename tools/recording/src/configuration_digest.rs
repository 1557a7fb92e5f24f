//! What a recording of a system was made for: a digest of its configuration, and the hash of each image.
//!
//! Whatever decides how a run goes is in it. How the interpreter works, which no guest can see, is not.

use emulator::StateDigest;
use hypervisor_core::config::{PartitionConfig, SystemConfig};
use std::fmt::Write;

/// The digest of everything in a configuration but its images.
pub fn configuration_digest(config: &SystemConfig) -> u128 {
    let SystemConfig {
        rate,
        partitions,
        plans,
        plan_switch,
        event_channels,
        message_channels,
        shared_areas,
        lines,
        injections,
        health,
        interactive: _,
        engine: _,
    } = config;
    let mut digest = StateDigest::new();
    let mut text = format!("{rate:?} {plan_switch:?} {health:?}");
    let _ = write!(text, " {plans:?} {event_channels:?} {message_channels:?}");
    let _ = write!(text, " {shared_areas:?} {lines:?} {injections:?}");
    digest.bytes(text.as_bytes());
    for partition in partitions {
        add_partition(&mut digest, partition);
    }
    digest.value()
}

fn add_partition(digest: &mut StateDigest, partition: &PartitionConfig) {
    let PartitionConfig {
        name,
        image: _,
        abi,
        memory_bytes,
        memory_is_executable,
        arguments,
        boot_module,
        profile,
        privileged,
        umip,
        io_ports,
        rights,
        console_input,
        health,
        restarts_most,
        illegal_calls,
        cannot_start,
    } = partition;
    let mut text = format!("{name:?} {abi:?} {memory_bytes} {memory_is_executable} {arguments:?}");
    let _ = write!(text, " {profile:?} {privileged:?} {umip} {io_ports:?} {rights:?} {console_input}");
    let _ = write!(
        text,
        " {health:?} {restarts_most} {illegal_calls:?} {cannot_start:?} {}",
        boot_module.is_some()
    );
    digest.bytes(text.as_bytes());
    if let Some(module) = boot_module {
        digest.bytes(module);
    }
}
