//! What one channel holds: the last message, or a queue.

use super::Sample;
use crate::config::{Discipline, MessageKind};
use crate::seeded_faults::{Fault, seeded};
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Debug)]
pub(super) enum State {
    Sampling(Sampling),
    Queuing(Queue),
}

#[derive(Clone, Debug)]
pub(super) struct Sampling {
    pub refresh_ns: u64,
    pub current: Option<(Vec<u8>, u64)>,
    pub held: Option<Vec<u8>>,
    /// How many messages readers could see so far.
    pub sequence: u64,
    /// For each reader the last message that it read.
    pub read: Vec<Option<u64>>,
}

#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub depth: usize,
    pub discipline: Discipline,
    /// Messages that can be received, by priority and age.
    pub visible: BTreeMap<(u8, u64), Vec<u8>>,
    /// Messages that wait for the flush, oldest first.
    pub held: VecDeque<((u8, u64), Vec<u8>)>,
    /// How many messages were sent so far.
    pub sent: u64,
}

impl State {
    /// A channel of this kind on which nothing was written.
    pub fn new(kind: MessageKind, readers: usize) -> Self {
        match kind {
            MessageKind::Sampling { refresh_ns } => Self::Sampling(Sampling {
                refresh_ns,
                current: None,
                held: None,
                sequence: 0,
                read: vec![None; readers],
            }),
            MessageKind::Queuing { depth, discipline } => Self::Queuing(Queue {
                depth: depth as usize,
                discipline,
                visible: BTreeMap::new(),
                held: VecDeque::new(),
                sent: 0,
            }),
        }
    }

    pub fn has_no_space(&self) -> bool {
        matches!(self, Self::Queuing(queue) if queue.is_full())
    }

    /// Returns how many messages can be seen that could not before.
    pub fn flush(&mut self, now_ns: u64) -> u64 {
        match self {
            Self::Sampling(sampling) => {
                let Some(bytes) = sampling.held.take() else { return 0 };
                sampling.show(bytes, now_ns);
                1
            }
            Self::Queuing(queue) => {
                let count = queue.held.len() as u64;
                queue.visible.extend(queue.held.drain(..));
                count
            }
        }
    }

    pub fn drop_held(&mut self) -> u64 {
        match self {
            Self::Sampling(sampling) => u64::from(sampling.held.take().is_some()),
            Self::Queuing(queue) => {
                let dropped = queue.held.len() as u64;
                queue.held.clear();
                dropped
            }
        }
    }

    /// Only a seeded fault does this.
    pub fn forget_sample(&mut self) {
        if let Self::Sampling(sampling) = self {
            sampling.current = None;
        }
    }

    pub fn restart_reader(&mut self, reader: usize) -> u64 {
        match self {
            Self::Sampling(sampling) => {
                sampling.read[reader] = None;
                0
            }
            Self::Queuing(_) if seeded(Fault::RestartKeepsQueues) => 0,
            Self::Queuing(queue) => {
                let dropped = queue.visible.len() as u64;
                queue.visible.clear();
                dropped
            }
        }
    }

    pub fn encoded(&self) -> Vec<(u64, &[u8])> {
        match self {
            Self::Sampling(sampling) => {
                let mut encoded = vec![(sampling.sequence, &[][..])];
                encoded.extend(sampling.read.iter().map(|read| (read.unwrap_or(u64::MAX), &[][..])));
                encoded.extend(sampling.current.iter().map(|(bytes, since_ns)| (*since_ns, &bytes[..])));
                encoded.extend(sampling.held.iter().map(|bytes| (u64::MAX, &bytes[..])));
                encoded
            }
            Self::Queuing(queue) => {
                let mut encoded = vec![(queue.sent, &[][..]), (queue.visible.len() as u64, &[][..])];
                let held = queue.held.iter().map(|(key, bytes)| (key, bytes));
                let all = queue.visible.iter().chain(held);
                // A sequence of 2^56 messages is out of reach.
                encoded.extend(all.map(|((priority, sequence), bytes)| {
                    (u64::from(*priority) << 56 | sequence, &bytes[..])
                }));
                encoded
            }
        }
    }
}

impl Sampling {
    pub fn show(&mut self, bytes: Vec<u8>, now_ns: u64) {
        self.current = Some((bytes, now_ns));
        self.sequence += 1;
    }

    pub fn is_new(&self, reader: usize) -> bool {
        self.current.is_some() && self.read[reader] != Some(self.sequence)
    }

    pub fn is_valid(&self, now_ns: u64) -> bool {
        let is_in_time = |since_ns: u64| {
            now_ns.saturating_sub(since_ns) <= self.refresh_ns || seeded(Fault::SamplesStayValid)
        };
        self.current.as_ref().is_some_and(|(_, since_ns)| is_in_time(*since_ns))
    }

    pub fn read(&mut self, reader: usize, now_ns: u64) -> Option<Sample<'_>> {
        let (valid, is_new) = (self.is_valid(now_ns), self.is_new(reader));
        let (bytes, since_ns) = self.current.as_ref()?;
        self.read[reader] = Some(self.sequence);
        let age_ns = now_ns.saturating_sub(*since_ns);
        Some(Sample { bytes, age_ns, valid, is_new, sequence: self.sequence })
    }
}

impl Queue {
    pub fn occupied(&self) -> usize {
        self.visible.len() + self.held.len()
    }

    pub fn is_full(&self) -> bool {
        self.occupied() >= self.depth && !seeded(Fault::QueuesWithoutEnd)
    }

    pub fn push(&mut self, bytes: Vec<u8>, priority: u8, at_once: bool) {
        let priority = match self.discipline {
            Discipline::Fifo => 0,
            Discipline::Priority if seeded(Fault::ForgetsPriorities) => 0,
            Discipline::Priority => priority,
        };
        let key = (priority, self.sent);
        self.sent += 1;
        if at_once {
            self.visible.insert(key, bytes);
        } else {
            self.held.push_back((key, bytes));
        }
    }
}
