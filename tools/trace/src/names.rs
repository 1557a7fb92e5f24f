//! What the configuration calls plans, lines, channels and partitions. What has no name keeps its number.

use hypervisor_core::PartitionId;
use hypervisor_core::config::SystemConfig;
use hypervisor_core::health::HealthAction;
use hypervisor_core::ledger::Source;
use std::collections::BTreeMap;
use std::fmt::Display;

/// The names of a system's parts.
#[derive(Clone, Debug, Default)]
pub struct Names {
    partitions: Vec<String>,
    plans: Vec<String>,
    event_channels: Vec<String>,
    message_channels: Vec<String>,
    lines: BTreeMap<u32, String>,
}

impl Names {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &SystemConfig) -> Self {
        let lines = config.lines.iter().map(|line| (line.number, line.name.clone()));
        Self {
            partitions: config.partitions.iter().map(|partition| partition.name.clone()).collect(),
            plans: config.plans.iter().map(|plan| plan.name.clone()).collect(),
            event_channels: config.event_channels.iter().map(|channel| channel.name.clone()).collect(),
            message_channels: config.message_channels.iter().map(|channel| channel.name.clone()).collect(),
            lines: lines.filter(|(_, name)| !name.is_empty()).collect(),
        }
    }

    /// A source of events: `timer`, `line:uart`.
    pub fn source(&self, source: Source) -> String {
        let (kind, name) = match source {
            Source::Line(number) => ("line", self.lines.get(&number)),
            Source::Channel(place) => ("channel", self.event_channels.get(usize::from(place))),
            Source::ChannelSender(place) => ("channel_sender", self.event_channels.get(usize::from(place))),
            Source::MessagePort(place) => return self.message_port(place),
            Source::Interrupt(_) | Source::Own => return source.to_string(),
        };
        name.map_or_else(|| source.to_string(), |name| format!("{kind}:{name}"))
    }

    /// A message channel: `message_port:attitude`.
    pub fn message_port(&self, channel: u16) -> String {
        format!("message_port:{}", named(&self.message_channels, channel.into(), channel))
    }

    /// A plan.
    pub fn plan(&self, plan: u32) -> String {
        named(&self.plans, plan as usize, plan)
    }

    /// A partition.
    pub fn partition(&self, id: PartitionId) -> String {
        named(&self.partitions, id.index(), id.0)
    }

    /// What the health monitor does: `cold_restart`, `switch_plan safe`.
    pub fn action(&self, action: HealthAction) -> String {
        match action {
            HealthAction::SwitchPlan(plan) => format!("{} {}", action.name(), self.plan(plan.0.into())),
            action => action.name().to_owned(),
        }
    }
}

fn named(names: &[String], place: usize, number: impl Display) -> String {
    names.get(place).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| number.to_string())
}
