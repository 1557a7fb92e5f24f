//! Calls about lines, channels, vectors, windows, plans, other partitions and health.

use super::{CallEnd, Caller};
use crate::abi::{
    BytesFromGuest, CallError, ControlAction, EventPort, GATE_VECTOR, HEALTH_MESSAGE_BYTES,
    HealthEntryLayout, PRIORITIES, PartitionMode, PartitionStatus, PollList, ToGuest, poll_entry,
};
use crate::config::{PartitionConfig, PartitionId, PlanId};
use crate::health::HealthEvent;
use crate::ledger::Source;
use crate::paravirtual::{Until, Wait};
use crate::seeded_faults::{Fault, seeded};
use crate::services::{Effect, HealthEntry, Status};
use emulator::Rights;

/// No name in a configuration is longer.
const NAME_MOST_BYTES: u32 = 31;
/// Vectors below are those of exceptions.
const VECTOR_LEAST: u32 = 32;

impl Caller<'_> {
    pub(super) fn bind_line(
        &mut self,
        line: u32,
        port: EventPort,
        first_count: ToGuest<u32>,
    ) -> Result<u32, CallError> {
        self.guest.check(first_count.address, 4, Rights::WRITE)?;
        let owned = |known: &crate::config::Line| known.number == line && known.owner == Some(self.id);
        if !self.config.lines.iter().any(owned) {
            return Err(CallError::NoSuchObject);
        }
        self.bind(port, Source::Line(line), first_count)
    }

    pub(super) fn bind_channel(
        &mut self,
        name: BytesFromGuest,
        port: EventPort,
        first_count: ToGuest<u32>,
    ) -> Result<u32, CallError> {
        self.guest.check(first_count.address, 4, Rights::WRITE)?;
        let name = self.name(name)?;
        let source = self.config.event_channels.iter().zip(0..).find_map(|(channel, place)| {
            if channel.name.as_bytes() != name {
                None
            } else if channel.to == self.id {
                Some(Source::Channel(place))
            } else if channel.from == self.id {
                Some(Source::ChannelSender(place))
            } else {
                None
            }
        });
        self.bind(port, source.ok_or(CallError::NoSuchObject)?, first_count)
    }

    pub(super) fn bind_vector(&mut self, port: EventPort, vector: u32) -> Result<u32, CallError> {
        let vector = match vector {
            0 => None,
            VECTOR_LEAST..=255 if vector != u32::from(GATE_VECTOR) => Some(vector as u8),
            _ => return Err(CallError::InvalidArgument),
        };
        let mut shared = self.paravirtual.shared(self.guest);
        self.paravirtual.ports.bind_vector(port, vector, &mut shared)?;
        Ok(0)
    }

    pub(super) fn acknowledge_event(&mut self, port: EventPort) -> Result<u32, CallError> {
        let mut shared = self.paravirtual.shared(self.guest);
        self.paravirtual.ports.acknowledge(port, &mut shared)?;
        Ok(0)
    }

    pub(super) fn set_priority(&mut self, port: EventPort, priority: u32) -> Result<u32, CallError> {
        if priority >= PRIORITIES {
            return Err(CallError::InvalidArgument);
        }
        let priority = if seeded(Fault::VectorsAreEqual) { 0 } else { priority };
        self.paravirtual.ports.set_priority(port, priority as u8)?;
        Ok(0)
    }

    pub(super) fn poll(&mut self, list: PollList, deadline_ns: u64) -> Result<CallEnd, CallError> {
        if list.count == 0 {
            return Err(CallError::InvalidArgument);
        }
        let bytes = self.guest.bytes(list.address, list.count * poll_entry::SIZE_BYTES)?;
        let mut ports = Vec::with_capacity(list.count as usize);
        for word in bytes.as_chunks::<4>().0 {
            let port = EventPort::new(u32::from_le_bytes(*word)).ok_or(CallError::NoSuchPort)?;
            self.paravirtual.ports.source(port)?;
            ports.push(port);
        }
        let shared = self.paravirtual.shared(self.guest);
        let is_pending = |port: &&EventPort| self.paravirtual.ports.port_is_pending(**port, &shared);
        let pending = ports.iter().find(|port| is_pending(port) || seeded(Fault::PollTakesTheFirst));
        match pending {
            Some(port) => Ok(CallEnd::Return(port.index() as u32)),
            None if deadline_ns <= self.clock.now_ns() => Err(CallError::TimedOut),
            None => Ok(CallEnd::Retry(Wait::Call { deadline_ns, until: Until::Ports(ports) })),
        }
    }

    pub(super) fn plan_switch(&mut self, plan: u32) -> Result<u32, CallError> {
        if !self.own_config().rights.plans {
            return Err(CallError::NotPermitted);
        }
        let plan = u16::try_from(plan).map_err(|_| CallError::NoSuchObject)?;
        if self.services.schedule.request(PlanId(plan)) { Ok(0) } else { Err(CallError::NoSuchObject) }
    }

    pub(super) fn health_raise(&mut self, code: u32, message: BytesFromGuest) -> Result<u32, CallError> {
        if message.length_bytes > HEALTH_MESSAGE_BYTES {
            return Err(CallError::InvalidArgument);
        }
        let message = self.guest.bytes(message.address, message.length_bytes)?;
        let event = HealthEvent::ApplicationError;
        self.services.effects.push_back(Effect::Health { partition: self.id, event, detail: code, message });
        Ok(0)
    }

    pub(super) fn health_read(
        &mut self,
        sequence: u32,
        to: ToGuest<HealthEntryLayout>,
    ) -> Result<u32, CallError> {
        let entry = self.health_entry(sequence)?.to_bytes();
        self.guest.set_bytes(to.address, &entry)?;
        Ok(0)
    }

    pub(super) fn health_acknowledge(&mut self, sequence: u32) -> Result<u32, CallError> {
        self.health_entry(sequence)?;
        self.services.health_log.acknowledge(sequence);
        let log = &self.services.health_log;
        let next = log.entries().find(|entry| !entry.acknowledged && self.may_read(entry));
        Ok(next.map_or(log.next(), |entry| entry.sequence) & i32::MAX.cast_unsigned())
    }

    fn health_entry(&self, sequence: u32) -> Result<&HealthEntry, CallError> {
        let entry = self.services.health_log.entry(sequence).ok_or(CallError::NoSuchObject)?;
        if self.may_read(entry) { Ok(entry) } else { Err(CallError::NotPermitted) }
    }

    fn may_read(&self, entry: &HealthEntry) -> bool {
        entry.partition == self.id || self.own_config().rights.health_log
    }

    pub(super) fn partition_find(&mut self, name: BytesFromGuest) -> Result<u32, CallError> {
        let name = self.name(name)?;
        let place = self.config.partitions.iter().position(|partition| partition.name.as_bytes() == name);
        place.map(|place| place as u32).ok_or(CallError::NoSuchObject)
    }

    pub(super) fn partition_status(
        &mut self,
        partition: u32,
        to: ToGuest<PartitionStatus>,
    ) -> Result<u32, CallError> {
        let id = self.partition(partition)?;
        if id != self.id && !self.own_config().rights.status {
            return Err(CallError::NotPermitted);
        }
        let Status { mode, suspended, waits, ended, start_condition, restart_count, executed } =
            self.services.statuses[id.index()];
        let state = match ended {
            Some(Some(_)) => PartitionStatus::STATE_ENDED,
            Some(None) => PartitionStatus::STATE_HALTED,
            None if suspended => PartitionStatus::STATE_SUSPENDED,
            None if waits => PartitionStatus::STATE_WAITING,
            None => PartitionStatus::STATE_READY,
        };
        let rights = self.config.partitions[id.index()].rights;
        let rights = [
            (rights.status, PartitionStatus::MAY_STATUS),
            (rights.control, PartitionStatus::MAY_CONTROL),
            (rights.plans, PartitionStatus::MAY_PLANS),
            (rights.health_log, PartitionStatus::MAY_HEALTH_LOG),
        ];
        let rights = rights.into_iter().filter(|(may, _)| *may).fold(0, |bits, (_, bit)| bits | bit);
        let answer = PartitionStatus {
            state,
            mode: mode as u32,
            start_condition,
            restart_count,
            exit_code: ended.flatten().unwrap_or(0),
            rights,
            executed,
        };
        self.guest.set_bytes(to.address, &answer.to_bytes())?;
        Ok(0)
    }

    pub(super) fn partition_control(
        &mut self,
        partition: u32,
        action: ControlAction,
    ) -> Result<u32, CallError> {
        let partition = self.partition(partition)?;
        if partition == self.id {
            return Err(CallError::InvalidArgument);
        }
        if !self.own_config().rights.control && !seeded(Fault::ControlNeedsNoRight) {
            return Err(CallError::NotPermitted);
        }
        self.services.effects.push_back(Effect::Control { partition, action });
        Ok(0)
    }

    pub(super) fn set_mode(&mut self, mode: PartitionMode) -> CallEnd {
        match mode {
            PartitionMode::Idle => CallEnd::Halt,
            PartitionMode::ColdStart => CallEnd::Restart(ControlAction::ColdRestart),
            PartitionMode::WarmStart if seeded(Fault::WarmModeIsCold) => {
                CallEnd::Restart(ControlAction::ColdRestart)
            }
            PartitionMode::WarmStart => CallEnd::Restart(ControlAction::WarmRestart),
            PartitionMode::Normal => {
                self.services.statuses[self.id.index()].mode = mode;
                CallEnd::Return(0)
            }
        }
    }

    pub(super) fn bind(
        &mut self,
        port: EventPort,
        source: Source,
        first_count: ToGuest<u32>,
    ) -> Result<u32, CallError> {
        self.paravirtual.ports.bind(port, source)?;
        self.give_first_count(port, first_count)?;
        Ok(0)
    }

    fn own_config(&self) -> &PartitionConfig {
        &self.config.partitions[self.id.index()]
    }

    fn partition(&self, number: u32) -> Result<PartitionId, CallError> {
        let number = u16::try_from(number).map_err(|_| CallError::NoSuchObject)?;
        let exists = usize::from(number) < self.config.partitions.len();
        if exists { Ok(PartitionId(number)) } else { Err(CallError::NoSuchObject) }
    }

    /// The bytes of a name, which may be longer than any that exists but not by much.
    pub(super) fn name(&self, name: BytesFromGuest) -> Result<Vec<u8>, CallError> {
        if name.length_bytes == 0 || name.length_bytes > NAME_MOST_BYTES {
            return Err(CallError::InvalidArgument);
        }
        self.guest.bytes(name.address, name.length_bytes)
    }
}
