//! Message ports: what was written, when its readers see it, what they took of it. Pure policy; knows no guest.
//!
//! A sampling channel keeps the last message, a queuing channel each message until it is received (ARINC 653 Part 1,
//! 2.3.5). What the flush policy holds back takes up places of a queue, so that a flush can lose nothing.
//!
//! Not here: waiting, and the events that tell partitions of messages and of space.

use crate::abi::{MessagePortStatus, PortDirection};
use crate::config::{Discipline, Flush, MessageChannel, PartitionId};
use crate::seeded_faults::{Fault, seeded};
pub(crate) use saved::SavedChannels;
use serde::{Deserialize, Serialize};
use state::State;

/// The least urgent priority of a message, and that of a port when it is opened.
pub const MESSAGE_PRIORITY_LEAST_URGENT: u8 = u8::MAX;

/// A channel's place in the configuration.
pub type ChannelPlace = u16;

/// A partition's end of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MessagePort {
    /// The channel.
    pub channel: ChannelPlace,
    /// Which end.
    pub direction: PortDirection,
    /// Which of the readers, for the end of a reader.
    pub reader: usize,
    /// How urgent the messages are that it sends from now on: 0 first.
    pub priority: u8,
}

impl MessagePort {
    /// A number of its own, for a digest of state.
    #[must_use]
    pub fn code(&self) -> u64 {
        u64::from(self.channel) | (self.direction as u64) << 16 | u64::from(self.priority) << 24
    }
}

/// The message channels of a system.
#[derive(Clone, Debug, Default)]
pub struct MessageChannels {
    channels: Vec<Channel>,
    /// Channels that hold something back for the end of a window; each once.
    held_for_window: Vec<ChannelPlace>,
    /// Channels that hold something back for the end of the major frame; each once.
    held_for_frame: Vec<ChannelPlace>,
}

#[derive(Clone, Debug)]
struct Channel {
    message_bytes: u32,
    from: PartitionId,
    to: Vec<PartitionId>,
    flush: Flush,
    state: State,
    /// It stands in a list of channels that hold something back.
    is_listed: bool,
}

/// A message of a sampling channel, as one reader sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample<'a> {
    /// The message.
    pub bytes: &'a [u8],
    /// How long readers could see it, in nanoseconds.
    pub age_ns: u64,
    /// The age is at most the channel's refresh period.
    pub valid: bool,
    /// The reader did not read it before.
    pub is_new: bool,
    /// Its number among those that readers could see, from 1.
    pub sequence: u64,
}

/// A message that was received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// The message.
    pub bytes: Vec<u8>,
    /// The queue had been full.
    pub made_space: bool,
}

/// Messages that readers can see now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flushed {
    /// The channel.
    pub channel: ChannelPlace,
    /// How many.
    pub count: u64,
}

/// What a restart, or a clear, did to a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Emptied {
    /// The channel.
    pub channel: ChannelPlace,
    /// Messages that nobody will receive.
    pub dropped: u64,
    /// Its queue had been full, and the writer goes on.
    pub made_space: bool,
}

/// The operation is for the other kind of channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongKind;

/// When a message that was written can be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// Now.
    Visible,
    /// After a flush.
    Held,
    /// The queue was full: nothing was written.
    Full,
}

impl MessageChannels {
    /// Channels on which nothing was written.
    #[must_use]
    pub fn new(channels: &[MessageChannel]) -> Self {
        Self { channels: channels.iter().map(Channel::new).collect(), ..Self::default() }
    }

    /// The longest message of a channel in bytes.
    #[must_use]
    pub fn message_bytes(&self, channel: ChannelPlace) -> u32 {
        self.channel(channel).message_bytes
    }

    /// Who writes on a channel.
    #[must_use]
    pub fn writer(&self, channel: ChannelPlace) -> PartitionId {
        self.channel(channel).from
    }

    /// Who reads from a channel.
    #[must_use]
    pub fn readers(&self, channel: ChannelPlace) -> &[PartitionId] {
        &self.channel(channel).to
    }

    /// Whether a channel is a queue.
    #[must_use]
    pub fn is_queue(&self, channel: ChannelPlace) -> bool {
        matches!(self.channel(channel).state, State::Queuing(_))
    }

    /// Whether the messages of a channel are received by priority.
    #[must_use]
    pub fn has_priorities(&self, channel: ChannelPlace) -> bool {
        match &self.channel(channel).state {
            State::Sampling(_) => false,
            State::Queuing(queue) => queue.discipline == Discipline::Priority,
        }
    }

    /// Whether there is something on a channel that this reader can receive, or did not read before.
    #[must_use]
    pub fn has_news(&self, channel: ChannelPlace, reader: usize) -> bool {
        match &self.channel(channel).state {
            State::Sampling(sampling) => sampling.is_new(reader),
            State::Queuing(queue) => !queue.visible.is_empty(),
        }
    }

    /// Whether a message can be received or read on a channel.
    #[must_use]
    pub fn has_message(&self, channel: ChannelPlace) -> bool {
        match &self.channel(channel).state {
            State::Sampling(sampling) => sampling.current.is_some(),
            State::Queuing(queue) => !queue.visible.is_empty(),
        }
    }

    /// Whether something on a channel waits for the flush.
    #[must_use]
    pub fn holds_back(&self, channel: ChannelPlace) -> bool {
        self.channel(channel).is_listed
    }

    /// Whether a message could be written: always, but for a full queue.
    #[must_use]
    pub fn has_space(&self, channel: ChannelPlace) -> bool {
        match &self.channel(channel).state {
            State::Sampling(_) => true,
            State::Queuing(queue) => !queue.is_full(),
        }
    }

    /// Writes a message; its length is the caller's to check. `priority` means something to queues only.
    pub fn write(&mut self, channel: ChannelPlace, bytes: Vec<u8>, priority: u8, now_ns: u64) -> Written {
        let place = usize::from(channel);
        let target = &mut self.channels[place];
        let at_once = target.flush == Flush::Immediate || seeded(Fault::HoldsNoMessages);
        match &mut target.state {
            State::Sampling(sampling) if at_once => sampling.show(bytes, now_ns),
            State::Sampling(sampling) => sampling.held = Some(bytes),
            State::Queuing(queue) if queue.is_full() => return Written::Full,
            State::Queuing(queue) => queue.push(bytes, priority, at_once),
        }
        if at_once {
            return Written::Visible;
        }
        if !std::mem::replace(&mut target.is_listed, true) {
            let list = match target.flush {
                Flush::Frame => &mut self.held_for_frame,
                Flush::Immediate | Flush::Window => &mut self.held_for_window,
            };
            list.push(channel);
        }
        Written::Held
    }

    /// The last message of a sampling channel that readers can see, if there is one. The reader has then read it.
    ///
    /// # Errors
    /// The channel is a queue.
    pub fn read(
        &mut self,
        channel: ChannelPlace,
        reader: usize,
        now_ns: u64,
    ) -> Result<Option<Sample<'_>>, WrongKind> {
        match &mut self.channels[usize::from(channel)].state {
            State::Sampling(sampling) => Ok(sampling.read(reader, now_ns)),
            State::Queuing(_) => Err(WrongKind),
        }
    }

    /// Takes the message of a queue that is due: the oldest, or the oldest of the most urgent.
    ///
    /// # Errors
    /// The channel is a sampling channel.
    pub fn receive(&mut self, channel: ChannelPlace) -> Result<Option<Received>, WrongKind> {
        let State::Queuing(queue) = &mut self.channels[usize::from(channel)].state else {
            return Err(WrongKind);
        };
        let made_space = queue.is_full();
        let message =
            if seeded(Fault::NewestFirst) { queue.visible.pop_last() } else { queue.visible.pop_first() };
        Ok(message.map(|(_, bytes)| Received { bytes, made_space }))
    }

    /// Drops the messages of a queue that could be received.
    ///
    /// # Errors
    /// The channel is a sampling channel.
    pub fn clear(&mut self, channel: ChannelPlace) -> Result<Emptied, WrongKind> {
        let State::Queuing(queue) = &mut self.channels[usize::from(channel)].state else {
            return Err(WrongKind);
        };
        let was_full = queue.is_full();
        let dropped = queue.visible.len() as u64;
        queue.visible.clear();
        Ok(Emptied { channel, dropped, made_space: was_full && dropped > 0 })
    }

    /// Lets readers see what the flush policy held back, of one writer or of all.
    pub fn flush(&mut self, policy: Flush, from: Option<PartitionId>, now_ns: u64) -> Vec<Flushed> {
        let list = match policy {
            Flush::Immediate => return Vec::new(),
            Flush::Window => &mut self.held_for_window,
            Flush::Frame => &mut self.held_for_frame,
        };
        let mut flushed = Vec::new();
        let channels = &mut self.channels;
        list.retain(|place| {
            let channel = &mut channels[usize::from(*place)];
            if from.is_some_and(|from| from != channel.from) {
                return true;
            }
            channel.is_listed = false;
            if seeded(Fault::LosesHeldMessages) {
                channel.state.drop_held();
            }
            let count = channel.state.flush(now_ns);
            if count > 0 {
                flushed.push(Flushed { channel: *place, count });
            }
            false
        });
        flushed
    }

    /// A partition starts again: what it wrote and nobody could see yet is gone, queues to it are empty, and it has
    /// read no sample. Tells of channels that lost something.
    pub fn restart(&mut self, partition: PartitionId) -> Vec<Emptied> {
        let channels = self.channels.iter_mut().zip(0..);
        channels
            .filter_map(|(channel, place)| {
                let made_space = channel.state.has_no_space() && channel.from != partition;
                let mut dropped = 0;
                if channel.from == partition && !seeded(Fault::RestartKeepsUnseen) {
                    dropped += channel.state.drop_held();
                }
                if channel.from == partition && seeded(Fault::RestartForgetsSamples) {
                    channel.state.forget_sample();
                }
                let readers = channel.to.iter().zip(0..).filter(|(reader, _)| **reader == partition);
                for (_, reader) in readers {
                    dropped += channel.state.restart_reader(reader);
                }
                (dropped > 0).then_some(Emptied { channel: place, dropped, made_space })
            })
            .collect()
    }

    /// The answer of the call `message_port_status`.
    #[must_use]
    pub fn status(&self, port: &MessagePort, now_ns: u64) -> MessagePortStatus {
        let channel = self.channel(port.channel);
        let answer = MessagePortStatus {
            refresh_ns: 0,
            kind: MessagePortStatus::KIND_SAMPLING,
            direction: port.direction as u32,
            message_bytes: channel.message_bytes,
            depth: 1,
            messages: 0,
            valid: 0,
        };
        match &channel.state {
            State::Sampling(sampling) => MessagePortStatus {
                refresh_ns: sampling.refresh_ns,
                messages: u32::from(sampling.current.is_some()),
                valid: u32::from(sampling.is_valid(now_ns)),
                ..answer
            },
            State::Queuing(queue) => {
                let messages = match port.direction {
                    PortDirection::Source => queue.occupied(),
                    PortDirection::Destination => queue.visible.len(),
                };
                let (depth, messages) = (queue.depth as u32, messages as u32);
                MessagePortStatus { kind: MessagePortStatus::KIND_QUEUING, depth, messages, ..answer }
            }
        }
    }

    /// The numbers and the bytes that decide what readers will see, for a digest of state.
    pub fn encoded(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.channels.iter().flat_map(|channel| channel.state.encoded())
    }

    fn channel(&self, place: ChannelPlace) -> &Channel {
        &self.channels[usize::from(place)]
    }
}

impl Channel {
    fn new(config: &MessageChannel) -> Self {
        Self {
            message_bytes: config.message_bytes,
            from: config.from,
            to: config.to.clone(),
            flush: config.flush,
            state: State::new(config.kind, config.to.len()),
            is_listed: false,
        }
    }
}

mod saved;
mod state;
#[cfg(test)]
mod tests;
