//! What of the message channels changes in a run.

use super::state::{Queue, Sampling, State};
use super::{Channel, ChannelPlace, MessageChannels};
use crate::config::{Flush, PartitionId};
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// What of all channels changes in a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedChannels {
    states: Vec<SavedState>,
    held_for_window: Vec<ChannelPlace>,
    held_for_frame: Vec<ChannelPlace>,
}

#[derive(Debug, Serialize, Deserialize)]
enum SavedState {
    Sampling { current: Option<(Vec<u8>, u64)>, held: Option<Vec<u8>>, sequence: u64, read: Vec<Option<u64>> },
    Queuing { visible: BTreeMap<(u8, u64), Vec<u8>>, held: VecDeque<((u8, u64), Vec<u8>)>, sent: u64 },
}

impl MessageChannels {
    /// What they are to be restored from.
    pub(crate) fn saved(&self) -> SavedChannels {
        let Self { channels, held_for_window, held_for_frame } = self;
        let saved = |channel: &Channel| {
            // Whether it is listed, the lists say.
            let Channel { message_bytes: _, from: _, to: _, flush: _, state, is_listed: _ } = channel;
            state.saved()
        };
        SavedChannels {
            states: channels.iter().map(saved).collect(),
            held_for_window: held_for_window.clone(),
            held_for_frame: held_for_frame.clone(),
        }
    }

    /// Go back to where they were saved.
    pub(crate) fn restore(&mut self, saved: SavedChannels, fit: &Fit<'_>) -> Result<(), Damaged> {
        let SavedChannels { states, held_for_window, held_for_frame } = saved;
        holds(states.len() == self.channels.len(), "it has not one state for each message channel")?;
        for (channel, saved) in self.channels.iter_mut().zip(states) {
            channel.state.restore(saved, fit)?;
            channel.check_lengths()?;
            channel.is_listed = false;
        }
        for (list, policy) in [(&held_for_window, Flush::Window), (&held_for_frame, Flush::Frame)] {
            for place in list {
                fit.message_channel(*place)?;
                let channel = &mut self.channels[usize::from(*place)];
                let is_new = !std::mem::replace(&mut channel.is_listed, true);
                holds(is_new && channel.flush == policy, "a message channel waits for the wrong flush")?;
            }
        }
        (self.held_for_window, self.held_for_frame) = (held_for_window, held_for_frame);
        Ok(())
    }

    /// Whether a partition has the end of a channel that such a port is, so that its reader's place exists.
    pub(crate) fn check_port(&self, port: &super::MessagePort, of: PartitionId) -> Result<(), Damaged> {
        let channel = self.channels.get(usize::from(port.channel));
        let has_end = channel.is_some_and(|channel| match port.direction {
            crate::abi::PortDirection::Source => channel.from == of && port.reader == 0,
            crate::abi::PortDirection::Destination => channel.to.get(port.reader) == Some(&of),
        });
        holds(has_end, "a message port is no end of its channel")
    }
}

impl Channel {
    fn check_lengths(&self) -> Result<(), Damaged> {
        let fits = |bytes: &Vec<u8>| bytes.len() <= self.message_bytes as usize;
        let all_fit = match &self.state {
            State::Sampling(sampling) => {
                let current = sampling.current.iter().map(|(bytes, _)| bytes);
                current.chain(&sampling.held).all(fits)
            }
            State::Queuing(queue) => queue.messages().all(fits),
        };
        holds(all_fit, "a message is too long for its channel")
    }
}

impl State {
    fn saved(&self) -> SavedState {
        match self {
            Self::Sampling(Sampling { refresh_ns: _, current, held, sequence, read }) => {
                SavedState::Sampling {
                    current: current.clone(),
                    held: held.clone(),
                    sequence: *sequence,
                    read: read.clone(),
                }
            }
            Self::Queuing(Queue { depth: _, discipline: _, visible, held, sent }) => {
                SavedState::Queuing { visible: visible.clone(), held: held.clone(), sent: *sent }
            }
        }
    }

    fn restore(&mut self, saved: SavedState, fit: &Fit<'_>) -> Result<(), Damaged> {
        match (self, saved) {
            (Self::Sampling(sampling), SavedState::Sampling { current, held, sequence, read }) => {
                fit.count(sequence)?;
                holds(read.len() == sampling.read.len(), "a message channel has other readers")?;
                *sampling = Sampling { refresh_ns: sampling.refresh_ns, current, held, sequence, read };
                Ok(())
            }
            (Self::Queuing(queue), SavedState::Queuing { visible, held, sent }) => {
                fit.count(sent)?;
                let Queue { depth, discipline, .. } = *queue;
                *queue = Queue { depth, discipline, visible, held, sent };
                let (occupied, mut keys) = (queue.occupied(), queue.keys());
                let fits = occupied <= depth && keys.all(|(_, sequence)| *sequence < sent);
                holds(fits, "a queue holds messages that were never sent")
            }
            _ => Err(Damaged("a message channel is of the other kind")),
        }
    }
}

impl Queue {
    fn messages(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.visible.values().chain(self.held.iter().map(|(_, bytes)| bytes))
    }

    fn keys(&self) -> impl Iterator<Item = &(u8, u64)> {
        self.visible.keys().chain(self.held.iter().map(|(key, _)| key))
    }
}
