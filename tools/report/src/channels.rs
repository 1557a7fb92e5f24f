//! The channels between partitions: how many messages and events, and how old messages are when they are received.

use crate::arrows::Arrow;
use crate::bounds::CHANNELS_MOST;
use crate::distribution::{Distribution, Shown as Ages};
use crate::words::label;
use hypervisor_core::clock::Rate;
use hypervisor_core::config::{EventChannel, MessageChannel, MessageKind};
use hypervisor_core::ledger::Source;
use hypervisor_core::{Event, SystemConfig};
use serde::Serialize;

/// The channels of a system.
#[derive(Debug)]
pub struct Channels {
    messages: Vec<Channel>,
    events: Vec<Channel>,
}

#[derive(Debug, Default)]
struct Channel {
    sent: u64,
    received: u64,
    lost: u64,
    ages: Distribution,
}

/// A channel as the page has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Its name, as in the texts of events.
    pub name: String,
    /// `sampling`, `queuing` or `events`.
    pub kind: &'static str,
    /// Who sends.
    pub from: u16,
    /// Who receives.
    pub to: Vec<u16>,
    /// How many were sent; of events, how many were raised.
    pub sent: u64,
    /// How often they were received, or read; of events, how many were delivered or taken.
    pub received: u64,
    /// How many nobody will receive.
    pub lost: u64,
    /// Nanoseconds from sending to receiving.
    pub ages: Option<Ages>,
}

impl Channels {
    /// Those of a configuration.
    pub fn new(config: &SystemConfig) -> Self {
        let channels = |count: usize| (0..count.min(CHANNELS_MOST / 2)).map(|_| Channel::default()).collect();
        Self {
            messages: channels(config.message_channels.len()),
            events: channels(config.event_channels.len()),
        }
    }

    /// Follows an event, and the arrow that ends there.
    pub fn follow(&mut self, event: &Event, arrow: Option<Arrow>, rate: Rate) {
        let Self { messages, events } = self;
        let found = match *event {
            Event::MessageWritten { channel, .. }
            | Event::MessageReceived { channel, .. }
            | Event::MessagesDropped { channel, .. } => messages.get_mut(usize::from(channel)),
            Event::EventRaised { source: Source::Channel(place), .. }
            | Event::EventDelivered { source: Source::Channel(place), .. }
            | Event::EventTaken { source: Source::Channel(place), .. }
            | Event::EventDropped { source: Source::Channel(place), .. } => {
                events.get_mut(usize::from(place))
            }
            _ => None,
        };
        let Some(channel) = found else { return };
        match *event {
            Event::MessageWritten { .. } => channel.sent += 1,
            Event::EventRaised { count, .. } => channel.sent = channel.sent.saturating_add(count),
            Event::MessageReceived { .. } | Event::EventDelivered { .. } | Event::EventTaken { .. } => {
                channel.received += 1;
            }
            Event::MessagesDropped { count, .. } | Event::EventDropped { count, .. } => {
                channel.lost = channel.lost.saturating_add(count);
            }
            _ => {}
        }
        if let Some(arrow) = arrow {
            let age = rate.nanoseconds(arrow.to_unit.saturating_sub(arrow.from_unit));
            channel.ages.add(age, arrow.to_unit);
        }
    }

    /// As the page has them.
    pub fn shown(self, config: &SystemConfig) -> Vec<Row> {
        let of_messages = |(channel, described): (Channel, &MessageChannel)| {
            let kind = match described.kind {
                MessageKind::Sampling { .. } => "sampling",
                MessageKind::Queuing { .. } => "queuing",
            };
            let to = described.to.iter().map(|reader| reader.0).take(64).collect();
            channel.row(&format!("message_port:{}", described.name), kind, (described.from.0, to))
        };
        let of_events = |(channel, described): (Channel, &EventChannel)| {
            let ends = (described.from.0, vec![described.to.0]);
            channel.row(&format!("channel:{}", described.name), "events", ends)
        };
        let messages = self.messages.into_iter().zip(&config.message_channels).map(of_messages);
        messages.chain(self.events.into_iter().zip(&config.event_channels).map(of_events)).collect()
    }
}

impl Channel {
    fn row(self, name: &str, kind: &'static str, (from, to): (u16, Vec<u16>)) -> Row {
        let Self { sent, received, lost, ages } = self;
        Row { name: label(name), kind, from, to, sent, received, lost, ages: ages.shown() }
    }
}
