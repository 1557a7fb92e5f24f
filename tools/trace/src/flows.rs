//! Which events belong together as cause and effect: who sent an event, when it was raised and when it was delivered; who
//! wrote a message and who received it. A flow is a number that these share.
//!
//! A sent event is joined to its raising where the one directly follows the other. Where a channel holds events back until
//! the end of a window or frame, the flow begins when they are raised.
//!
//! Not here: how flows are written.

use hypervisor_core::abi::Call;
use hypervisor_core::ledger::{DropReason, Source};
use hypervisor_core::record::Fate;
use hypervisor_core::{Abi, Event, PartitionId, Stamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Events that wait for their delivery, and priorities of message ports, that are remembered.
const REMEMBERED_MOST: usize = 1 << 14;
/// Messages of a channel that are remembered until they are received.
const MESSAGES_MOST: usize = 1 << 10;
/// Channels whose messages are.
const CHANNELS_MOST: usize = 1 << 10;
/// The priority of a port that was given none: the least urgent.
const PRIORITY_DEFAULT: u8 = u8::MAX;

/// An event that waits: whose it is, its source and the port on which it waits.
type Waiting = (PartitionId, Source, Option<u32>);

/// The flows of an event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flows {
    /// Those that begin here or go through.
    pub through: Vec<u64>,
    /// Those that end here.
    pub ended: Vec<u64>,
}

impl Flows {
    fn through(flow: impl IntoIterator<Item = u64>) -> Self {
        Self { through: flow.into_iter().collect(), ended: Vec::new() }
    }

    fn ended(flow: impl IntoIterator<Item = u64>) -> Self {
        Self { through: Vec::new(), ended: flow.into_iter().collect() }
    }
}

/// Finds the flows of a run. Tell it of every event.
#[derive(Debug, Default)]
pub struct FlowFinder {
    last: u64,
    /// An event was sent, and nothing happened since.
    sent: Option<u64>,
    /// Raised and not yet delivered.
    pending: BTreeMap<Waiting, u64>,
    channels: BTreeMap<u16, Channel>,
    /// How and on which port a partition writes its next message.
    writing: BTreeMap<PartitionId, (Call, u32)>,
    /// Priorities of message ports that were given one.
    priorities: BTreeMap<(PartitionId, u32), u8>,
}

/// The messages of a channel.
#[derive(Debug, Default)]
struct Channel {
    /// A message is kept until it is received, and there may be several; else only the last one counts.
    is_queue: bool,
    /// There were more messages than are remembered: which one is received is not known any more.
    is_overrun: bool,
    writer: PartitionId,
    /// Readers do not see them yet: priority and flow.
    held: VecDeque<(u8, u64)>,
    /// By priority and age; flows are numbered by age.
    visible: BTreeSet<(u8, u64)>,
}

impl FlowFinder {
    /// The flows of this event.
    pub fn flows(&mut self, stamp: Stamp, event: &Event) -> Flows {
        let sent = self.sent.take();
        let partition = stamp.partition;
        match *event {
            Event::Call { abi: Abi::Paravane, number, arguments, result: Some(result), .. } => {
                self.call(partition, Call::from_number(number), arguments, result)
            }
            Event::EventRaised { source, port, fate, .. } => {
                let sent = sent.filter(|_| matches!(source, Source::Channel(_)));
                self.raised((partition, source, port.map(u32::from)), fate, sent)
            }
            Event::EventDelivered { source, port } | Event::EventTaken { source, port } => {
                Flows::ended(self.pending.remove(&(partition, source, Some(port.into()))))
            }
            Event::EventDropped { source, reason: DropReason::Unbound | DropReason::Restart, .. } => {
                // Only a source of several ports leaves open which of them it was.
                let of_source = (partition, source, None)..=(partition, source, Some(u32::MAX));
                let first = self.pending.range(of_source).next().map(|(key, _)| *key);
                Flows::ended(first.and_then(|key| self.pending.remove(&key)))
            }
            Event::MessageWritten { channel, visible, .. } => self.written(partition, channel, visible),
            Event::MessagesFlushed { channel, count } => self.flushed(channel, count),
            Event::MessageReceived { channel, .. } => self.received(channel),
            Event::MessagesDropped { channel, count } => self.dropped(partition, channel, count),
            Event::Restart { .. } => {
                self.priorities.retain(|(owner, _), _| *owner != partition);
                Flows::default()
            }
            _ => Flows::default(),
        }
    }

    /// Events are missing: what is received and delivered next need not be what is known.
    pub fn forget(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    fn new_flow(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn call(&mut self, from: PartitionId, call: Option<Call>, arguments: [u32; 5], result: u32) -> Flows {
        let [port, priority, ..] = arguments;
        match call {
            Some(Call::EventSend) if result == 0 => {
                self.sent = Some(self.new_flow());
                return Flows::through(self.sent);
            }
            Some(call @ (Call::SamplingWrite | Call::QueuingSend)) => {
                self.writing.insert(from, (call, port));
            }
            Some(Call::MessagePortSetPriority) if result == 0 && self.priorities.len() < REMEMBERED_MOST => {
                let priority = u8::try_from(priority).unwrap_or(PRIORITY_DEFAULT);
                self.priorities.insert((from, port), priority);
            }
            _ => {}
        }
        Flows::default()
    }

    fn raised(&mut self, key: Waiting, fate: Fate, sent: Option<u64>) -> Flows {
        match fate {
            Fate::Pending | Fate::Masked => {
                let flow = sent.unwrap_or_else(|| self.new_flow());
                if self.pending.len() < REMEMBERED_MOST {
                    self.pending.insert(key, flow);
                }
                Flows::through([flow])
            }
            Fate::Coalesced => Flows::through(sent.into_iter().chain(self.pending.get(&key).copied())),
            Fate::Dropped(_) => Flows::ended(sent),
        }
    }

    fn written(&mut self, from: PartitionId, channel: u16, visible: bool) -> Flows {
        let flow = self.new_flow();
        let (call, port) = self.writing.get(&from).copied().unwrap_or((Call::SamplingWrite, 0));
        let priority = self.priorities.get(&(from, port)).copied().unwrap_or(PRIORITY_DEFAULT);
        if self.channels.len() == CHANNELS_MOST && !self.channels.contains_key(&channel) {
            return Flows::default();
        }
        let messages = self.channels.entry(channel).or_default();
        messages.is_queue = call == Call::QueuingSend;
        messages.writer = from;
        if !messages.is_queue {
            messages.held.clear();
        }
        if visible {
            messages.show(priority, flow);
        } else {
            messages.held.push_back((priority, flow));
        }
        messages.bound();
        Flows::through([flow])
    }

    fn flushed(&mut self, channel: u16, count: u64) -> Flows {
        let Some(messages) = self.channels.get_mut(&channel) else { return Flows::default() };
        let mut flows = Flows::default();
        for _ in 0..count {
            let Some((priority, flow)) = messages.held.pop_front() else { break };
            messages.show(priority, flow);
            flows.through.push(flow);
        }
        flows
    }

    fn received(&mut self, channel: u16) -> Flows {
        let Some(messages) = self.channels.get_mut(&channel) else { return Flows::default() };
        if messages.is_queue {
            Flows::ended(messages.visible.pop_first().map(|(_, flow)| flow))
        } else {
            Flows::through(messages.visible.last().map(|(_, flow)| *flow))
        }
    }

    /// Readers drop what they can see, when they clear a queue or start again; a writer that starts again drops what nobody
    /// can see yet.
    fn dropped(&mut self, by: PartitionId, channel: u16, count: u64) -> Flows {
        let Some(messages) = self.channels.get_mut(&channel) else { return Flows::default() };
        let mut flows = Flows::default();
        for _ in 0..count {
            let flow = if by == messages.writer {
                messages.held.pop_front().map(|(_, flow)| flow)
            } else {
                messages.visible.pop_first().map(|(_, flow)| flow)
            };
            let Some(flow) = flow else { break };
            flows.ended.push(flow);
        }
        flows
    }
}

impl Channel {
    fn show(&mut self, priority: u8, flow: u64) {
        if !self.is_queue {
            self.visible.clear();
        }
        self.visible.insert((priority, flow));
        self.bound();
    }

    /// Forgets all messages for good when there are too many.
    fn bound(&mut self) {
        self.is_overrun |= self.held.len() > MESSAGES_MOST || self.visible.len() > MESSAGES_MOST;
        if self.is_overrun {
            self.held.clear();
            self.visible.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FlowFinder, Flows, MESSAGES_MOST};
    use hypervisor_core::abi::{Call, EventPort};
    use hypervisor_core::ledger::{DropReason, Source};
    use hypervisor_core::record::Fate;
    use hypervisor_core::{Abi, Event, PartitionId, Stamp};

    const SENDER: Stamp = Stamp { partition: PartitionId(0), instruction: 0, unit: 0, now_ns: 0 };
    const RECEIVER: Stamp = Stamp { partition: PartitionId(1), ..SENDER };

    fn call(call: Call, first: u32, second: u32) -> Event {
        Event::Call {
            abi: Abi::Paravane,
            number: call.description().number,
            arguments: [first, second, 0, 0, 0],
            result: Some(0),
            caller: 0,
        }
    }

    fn raised(fate: Fate) -> Event {
        Event::EventRaised { source: Source::Channel(3), port: EventPort::new(1), count: 1, fate }
    }

    fn written(visible: bool) -> Event {
        Event::MessageWritten { channel: 0, length: 4, visible }
    }

    const RECEIVED: Event = Event::MessageReceived { channel: 0, length: 4 };

    #[test]
    fn a_sent_event_flows_to_its_delivery() {
        let mut finder = FlowFinder::default();
        let through = Flows::through([1]);
        assert_eq!(finder.flows(SENDER, &call(Call::EventSend, 1, 0)), through);
        assert_eq!(finder.flows(RECEIVER, &raised(Fate::Pending)), through);
        finder.flows(SENDER, &call(Call::EventSend, 1, 0));
        assert_eq!(finder.flows(RECEIVER, &raised(Fate::Coalesced)), Flows::through([2, 1]));
        let delivered =
            Event::EventDelivered { source: Source::Channel(3), port: EventPort::new(1).unwrap() };
        assert_eq!(finder.flows(RECEIVER, &delivered), Flows::ended([1]));
        assert_eq!(finder.flows(RECEIVER, &delivered), Flows::default());
    }

    #[test]
    fn an_event_that_was_held_back_flows_from_its_raising() {
        let mut finder = FlowFinder::default();
        finder.flows(SENDER, &call(Call::EventSend, 1, 0));
        finder.flows(SENDER, &Event::WindowEnd { plan: 0, window: 0 });
        assert_eq!(finder.flows(RECEIVER, &raised(Fate::Pending)), Flows::through([2]));
    }

    #[test]
    fn events_of_one_source_on_several_ports_are_told_apart() {
        let mut finder = FlowFinder::default();
        let raised = |port| Event::EventRaised {
            source: Source::Own,
            port: EventPort::new(port),
            count: 1,
            fate: Fate::Pending,
        };
        let delivered =
            |port| Event::EventDelivered { source: Source::Own, port: EventPort::new(port).unwrap() };
        assert_eq!(finder.flows(SENDER, &raised(1)), Flows::through([1]));
        assert_eq!(finder.flows(SENDER, &raised(2)), Flows::through([2]));
        assert_eq!(finder.flows(SENDER, &delivered(1)), Flows::ended([1]));
        let dropped = Event::EventDropped { source: Source::Own, count: 1, reason: DropReason::Restart };
        assert_eq!(finder.flows(SENDER, &dropped), Flows::ended([2]));
    }

    #[test]
    fn queued_messages_are_received_by_priority_and_age() {
        let mut finder = FlowFinder::default();
        finder.flows(SENDER, &call(Call::QueuingSend, 5, 0));
        finder.flows(SENDER, &written(true));
        finder.flows(SENDER, &written(false));
        finder.flows(SENDER, &call(Call::MessagePortSetPriority, 5, 0));
        finder.flows(SENDER, &written(true));
        let flushed = Event::MessagesFlushed { channel: 0, count: 1 };
        assert_eq!(finder.flows(SENDER, &flushed), Flows::through([2]));
        for flow in [3, 1, 2] {
            assert_eq!(finder.flows(RECEIVER, &RECEIVED), Flows::ended([flow]));
        }
        assert_eq!(finder.flows(RECEIVER, &RECEIVED), Flows::default());
    }

    #[test]
    fn a_sample_is_read_until_the_next_one_can_be_seen() {
        let mut finder = FlowFinder::default();
        finder.flows(SENDER, &call(Call::SamplingWrite, 0, 0));
        finder.flows(SENDER, &written(true));
        finder.flows(SENDER, &written(false));
        for _ in 0..2 {
            assert_eq!(finder.flows(RECEIVER, &RECEIVED), Flows::through([1]));
        }
        finder.flows(SENDER, &Event::MessagesFlushed { channel: 0, count: 1 });
        assert_eq!(finder.flows(RECEIVER, &RECEIVED), Flows::through([2]));
    }

    #[test]
    fn what_was_written_before_a_gap_is_not_joined_to_what_is_received_after_it() {
        let mut finder = FlowFinder::default();
        finder.flows(SENDER, &written(true));
        finder.forget();
        assert_eq!(finder.flows(RECEIVER, &RECEIVED), Flows::default());
        assert_eq!(finder.flows(SENDER, &written(true)), Flows::through([2]));
    }

    #[test]
    fn a_channel_with_more_messages_than_are_remembered_has_no_receivers() {
        let mut finder = FlowFinder::default();
        finder.flows(SENDER, &call(Call::QueuingSend, 0, 0));
        for _ in 0..=MESSAGES_MOST {
            finder.flows(SENDER, &written(false));
        }
        finder.flows(SENDER, &written(true));
        assert_eq!(finder.flows(RECEIVER, &RECEIVED), Flows::default());
        assert!(finder.channels[&0].held.is_empty());
    }

    #[test]
    fn messages_that_nobody_will_receive_end_their_flows() {
        let mut finder = FlowFinder::default();
        finder.flows(SENDER, &call(Call::QueuingSend, 0, 0));
        finder.flows(SENDER, &written(true));
        finder.flows(SENDER, &written(false));
        let dropped = Event::MessagesDropped { channel: 0, count: 1 };
        assert_eq!(finder.flows(RECEIVER, &dropped), Flows::ended([1]));
        assert_eq!(finder.flows(SENDER, &dropped), Flows::ended([2]));
    }
}
