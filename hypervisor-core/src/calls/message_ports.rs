//! Calls about message ports.

use super::{CallEnd, Caller};
use crate::abi::{
    BytesFromGuest, BytesToGuest, CallError, EventPort, MessagePortStatus, PortDirection, SampleInfo, ToGuest,
};
use crate::config::MessageChannel;
use crate::ledger::Source;
use crate::message_port::{MESSAGE_PRIORITY_LEAST_URGENT, MessagePort, Written, WrongKind};
use crate::paravirtual::{Until, Wait};
use crate::record::Event;
use crate::services::Effect;
use emulator::Rights;

/// The deadline of a call that does not wait.
const AT_ONCE: u64 = 0;

/// What kind of channel a call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Sampling,
    Queuing,
}

impl From<WrongKind> for CallError {
    fn from(WrongKind: WrongKind) -> Self {
        Self::WrongKind
    }
}

impl Caller<'_> {
    pub(super) fn message_port_open(
        &mut self,
        name: BytesFromGuest,
        direction: PortDirection,
    ) -> Result<u32, CallError> {
        let name = self.name(name)?;
        let named = |channel: &MessageChannel| channel.name.as_bytes() == name;
        let reader_of = |channel: &MessageChannel| channel.to.iter().position(|to| *to == self.id);
        let end = |channel: &MessageChannel, direction: PortDirection| match direction {
            PortDirection::Source => (channel.from == self.id).then_some(0),
            PortDirection::Destination => reader_of(channel),
        };
        let mut channels = self.config.message_channels.iter().zip(0..).filter(|(channel, _)| named(channel));
        let found = channels.clone().find_map(|(channel, place)| Some((place, end(channel, direction)?)));
        let Some((channel, reader)) = found else {
            let is_other_end = |channel: &MessageChannel| {
                PortDirection::ALL.iter().any(|direction| end(channel, *direction).is_some())
            };
            let other_end = channels.any(|(channel, _)| is_other_end(channel));
            return Err(if other_end { CallError::WrongDirection } else { CallError::NoSuchObject });
        };
        let ports = &mut self.paravirtual.message_ports;
        let is_it = |port: &MessagePort| port.channel == channel && port.direction == direction;
        let number = ports.iter().position(is_it).unwrap_or_else(|| {
            let priority = MESSAGE_PRIORITY_LEAST_URGENT;
            ports.push(MessagePort { channel, direction, reader, priority });
            ports.len() - 1
        });
        Ok(number as u32)
    }

    pub(super) fn sampling_write(&mut self, port: u32, message: BytesFromGuest) -> Result<u32, CallError> {
        let port = self.port_for(port, Kind::Sampling, PortDirection::Source)?;
        let bytes = self.message(&port, message)?;
        self.write_message(&port, bytes);
        Ok(0)
    }

    pub(super) fn sampling_read(
        &mut self,
        port: u32,
        buffer: BytesToGuest,
        info: ToGuest<SampleInfo>,
    ) -> Result<u32, CallError> {
        let port = self.port_for(port, Kind::Sampling, PortDirection::Destination)?;
        self.check_buffer(&port, buffer)?;
        self.guest.check(info.address, SampleInfo::SIZE_BYTES, Rights::WRITE)?;
        let (channel, now_ns) = (port.channel, self.clock.now_ns());
        let sample = self.services.messages.read(channel, port.reader, now_ns)?;
        let sample = sample.ok_or(CallError::NotAvailable)?;
        let length = sample.bytes.len() as u32;
        let answer = SampleInfo {
            age_ns: sample.age_ns,
            length,
            valid: sample.valid,
            is_new: sample.is_new,
            sequence: sample.sequence as u32,
        };
        self.guest.set_bytes(buffer.address, sample.bytes)?;
        self.guest.set_bytes(info.address, &answer.to_bytes())?;
        self.log.note(|| Event::MessageReceived { channel, length });
        Ok(length)
    }

    pub(super) fn queuing_send(
        &mut self,
        port: u32,
        message: BytesFromGuest,
        deadline_ns: u64,
    ) -> Result<CallEnd, CallError> {
        let port = self.port_for(port, Kind::Queuing, PortDirection::Source)?;
        let bytes = self.message(&port, message)?;
        match self.write_message(&port, bytes) {
            Written::Visible | Written::Held => Ok(CallEnd::Return(0)),
            Written::Full => self.wait_for_message_port(deadline_ns, Until::Space(port.channel)),
        }
    }

    pub(super) fn queuing_receive(
        &mut self,
        port: u32,
        buffer: BytesToGuest,
        deadline_ns: u64,
    ) -> Result<CallEnd, CallError> {
        let port = self.port_for(port, Kind::Queuing, PortDirection::Destination)?;
        self.check_buffer(&port, buffer)?;
        let channel = port.channel;
        let Some(received) = self.services.messages.receive(channel)? else {
            return self.wait_for_message_port(deadline_ns, Until::Message(channel));
        };
        let length = received.bytes.len() as u32;
        self.guest.set_bytes(buffer.address, &received.bytes)?;
        self.log.note(|| Event::MessageReceived { channel, length });
        if received.made_space {
            self.tell_of_space(channel);
        }
        Ok(CallEnd::Return(length))
    }

    pub(super) fn message_port_status(
        &mut self,
        port: u32,
        status: ToGuest<MessagePortStatus>,
    ) -> Result<u32, CallError> {
        let port = self.port(port)?;
        let answer = self.services.messages.status(&port, self.clock.now_ns());
        self.guest.set_bytes(status.address, &answer.to_bytes())?;
        Ok(0)
    }

    pub(super) fn message_port_clear(&mut self, port: u32) -> Result<u32, CallError> {
        let port = self.port_for(port, Kind::Queuing, PortDirection::Destination)?;
        let channel = port.channel;
        let emptied = self.services.messages.clear(channel)?;
        let count = emptied.dropped;
        if count > 0 {
            self.log.note(|| Event::MessagesDropped { channel, count });
        }
        if emptied.made_space {
            self.tell_of_space(channel);
        }
        Ok(count as u32 & i32::MAX.cast_unsigned())
    }

    pub(super) fn message_port_set_priority(&mut self, number: u32, priority: u32) -> Result<u32, CallError> {
        let port = self.port_for(number, Kind::Queuing, PortDirection::Source)?;
        if !self.services.messages.has_priorities(port.channel) {
            return Err(CallError::WrongKind);
        }
        let priority = u8::try_from(priority).map_err(|_| CallError::InvalidArgument)?;
        self.paravirtual.message_ports[number as usize].priority = priority;
        Ok(0)
    }

    pub(super) fn bind_message_port(
        &mut self,
        message_port: u32,
        port: EventPort,
        first_count: ToGuest<u32>,
    ) -> Result<u32, CallError> {
        let message_port = self.port(message_port)?;
        let channel = message_port.channel;
        let is_source = message_port.direction == PortDirection::Source;
        if is_source && !self.services.messages.is_queue(channel) {
            return Err(CallError::WrongDirection);
        }
        self.guest.check(first_count.address, 4, Rights::WRITE)?;
        let source = Source::MessagePort(channel);
        self.bind(port, source, first_count)?;
        if !is_source && self.services.messages.has_news(channel, message_port.reader) {
            let mut shared = self.paravirtual.shared(self.guest);
            self.paravirtual.ports.raise(source, 1, &mut shared, self.log);
        }
        Ok(0)
    }

    /// The number of the message port of a channel, for the status of an event port.
    pub(super) fn number_of_message_port(&self, channel: u32) -> u32 {
        let ports = &self.paravirtual.message_ports;
        ports.iter().position(|port| u32::from(port.channel) == channel).unwrap_or(0) as u32
    }

    fn port(&self, number: u32) -> Result<MessagePort, CallError> {
        self.paravirtual.message_ports.get(number as usize).copied().ok_or(CallError::NoSuchObject)
    }

    fn port_for(&self, number: u32, kind: Kind, direction: PortDirection) -> Result<MessagePort, CallError> {
        let port = self.port(number)?;
        if self.services.messages.is_queue(port.channel) != (kind == Kind::Queuing) {
            Err(CallError::WrongKind)
        } else if port.direction == direction {
            Ok(port)
        } else {
            Err(CallError::WrongDirection)
        }
    }

    /// The bytes of a message of a length that the channel takes.
    fn message(&self, port: &MessagePort, message: BytesFromGuest) -> Result<Vec<u8>, CallError> {
        if message.length_bytes == 0 {
            return Err(CallError::InvalidArgument);
        }
        if message.length_bytes > self.services.messages.message_bytes(port.channel) {
            return Err(CallError::TooLong);
        }
        self.guest.bytes(message.address, message.length_bytes)
    }

    fn check_buffer(&self, port: &MessagePort, buffer: BytesToGuest) -> Result<(), CallError> {
        if buffer.length_bytes < self.services.messages.message_bytes(port.channel) {
            return Err(CallError::TooShort);
        }
        self.guest.check(buffer.address, buffer.length_bytes, Rights::WRITE)
    }

    fn write_message(&mut self, port: &MessagePort, bytes: Vec<u8>) -> Written {
        let (channel, length) = (port.channel, bytes.len() as u32);
        let messages = &mut self.services.messages;
        let written = messages.write(channel, bytes, port.priority, self.clock.now_ns());
        if written == Written::Full {
            return written;
        }
        let visible = written == Written::Visible;
        self.log.note(|| Event::MessageWritten { channel, length, visible });
        if visible {
            let source = Source::MessagePort(channel);
            let raises =
                messages.readers(channel).iter().map(|to| Effect::Raise { to: *to, source, count: 1 });
            self.services.effects.extend(raises);
        }
        written
    }

    fn tell_of_space(&mut self, channel: u16) {
        let (to, source) = (self.services.messages.writer(channel), Source::MessagePort(channel));
        self.services.effects.push_back(Effect::Raise { to, source, count: 1 });
    }

    /// What a call does that cannot be done now.
    fn wait_for_message_port(&self, deadline_ns: u64, until: Until) -> Result<CallEnd, CallError> {
        if deadline_ns == AT_ONCE {
            Err(CallError::NotAvailable)
        } else if deadline_ns <= self.clock.now_ns() {
            Err(CallError::TimedOut)
        } else {
            Ok(CallEnd::Retry(Wait::Call { deadline_ns, until }))
        }
    }
}
