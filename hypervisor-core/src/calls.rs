//! What each hypercall does. Arguments are decoded and in range; addresses are checked here, before any effect.

use crate::abi::{
    BytesFromGuest, BytesToGuest, Call, CallError, CodeAddress, ControlAction, EventPort, FakeRegister,
    GATE_VECTOR, InterruptLevel, PERIOD_MAXIMUM_NS, Request, SELECTOR_FS, SELECTOR_GS, SegmentRegister,
    TickPolicy, ToGuest, TrapEntry, TrapTable, VirtualInterrupt, event_status, trap_entry,
};
use crate::clock::Clock;
use crate::config::{PartitionId, SystemConfig};
use crate::delivery::{Handler, Trap};
use crate::fake_registers;
use crate::guest::Guest;
use crate::ledger::Source;
use crate::paravirtual::{Paravirtual, Wait};
use crate::record::{Event, EventLog};
use crate::seeded_faults::{Fault, seeded};
use crate::services::{Effect, Services};
use emulator::cpu::control;
use emulator::{DescriptorTable, Rights, Segment};

/// What becomes of the guest after a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallEnd {
    /// It goes on with this in EAX.
    Return(u32),
    /// It goes on with 0 in EAX when what it waits for has come.
    Wait(Wait),
    /// It waits and makes the call again: the call has done nothing yet.
    Retry(Wait),
    /// It goes on with this in EAX after an upcall that is pending, and with upcalls disabled.
    Flash(u32),
    /// It continues at a frame on its stack.
    ReturnFromFrame,
    /// It enters its own trap handler, and returns from there with 0 in EAX.
    Raise(Handler, Trap),
    /// It ends.
    Shutdown(u32),
    /// It stops.
    Halt,
    /// It starts again.
    Restart(ControlAction),
}

/// What a call works on.
#[derive(Debug)]
pub struct Caller<'a> {
    /// Which partition.
    pub id: PartitionId,
    /// What the core knows of it.
    pub paravirtual: &'a mut Paravirtual,
    /// Its processor and memory.
    pub guest: &'a mut Guest,
    /// Virtual time at the call.
    pub clock: &'a Clock,
    /// What the system is made of.
    pub config: &'a SystemConfig,
    /// What the partitions share.
    pub services: &'a mut Services,
    /// What the call causes.
    pub log: &'a mut EventLog,
}

/// Performs the call of this number.
///
/// # Errors
/// As `docs/ABI.md` lists them; the call has then had no effect.
pub fn perform(caller: &mut Caller<'_>, number: u32, arguments: &[u32; 5]) -> Result<CallEnd, CallError> {
    let call = Call::from_number(number).ok_or(CallError::NoSuchCall)?;
    let result = match Request::decode(call, arguments)? {
        Request::EventBindInterrupt { interrupt, port, first_count } => {
            caller.bind_interrupt(interrupt, port, first_count)?
        }
        Request::EventBindSelf { port, first_count } => caller.bind_self(port, first_count)?,
        Request::EventUnbind { port } => caller.unbind(port)?,
        Request::EventMask { port } => caller.mask(port)?,
        Request::EventUnmask { port } => caller.unmask(port)?,
        Request::EventSend { port } => caller.send(port)?,
        Request::EventStatus { port, status } => {
            let mut answer = caller.paravirtual.ports.status(port, &caller.paravirtual.shared(caller.guest));
            if answer.binding == event_status::BINDING_MESSAGE_PORT {
                answer.interrupt = caller.number_of_message_port(answer.interrupt);
            }
            caller.guest.set_bytes(status.address, &answer.to_bytes())?;
            0
        }
        Request::EventBindLine { line, port, first_count } => caller.bind_line(line, port, first_count)?,
        Request::EventBindChannel { name, port, first_count } => {
            caller.bind_channel(name, port, first_count)?
        }
        Request::EventBindVector { port, vector } => caller.bind_vector(port, vector)?,
        Request::EventAck { port } => caller.acknowledge_event(port)?,
        Request::EventSetPriority { port, priority } => caller.set_priority(port, priority)?,
        Request::EventBindMessagePort { message_port, port, first_count } => {
            caller.bind_message_port(message_port, port, first_count)?
        }
        Request::MessagePortOpen { name, direction } => caller.message_port_open(name, direction)?,
        Request::SamplingWrite { message_port, message } => caller.sampling_write(message_port, message)?,
        Request::SamplingRead { message_port, buffer, info } => {
            caller.sampling_read(message_port, buffer, info)?
        }
        Request::QueuingSend { message_port, message, deadline_ns } => {
            return caller.queuing_send(message_port, message, deadline_ns);
        }
        Request::QueuingReceive { message_port, buffer, deadline_ns } => {
            return caller.queuing_receive(message_port, buffer, deadline_ns);
        }
        Request::MessagePortStatus { message_port, status } => {
            caller.message_port_status(message_port, status)?
        }
        Request::MessagePortClear { message_port } => caller.message_port_clear(message_port)?,
        Request::MessagePortSetPriority { message_port, priority } => {
            caller.message_port_set_priority(message_port, priority)?
        }
        Request::WatchdogSet { deadline_ns } => {
            caller.paravirtual.watchdog_ns = (deadline_ns != 0).then_some(deadline_ns);
            caller.paravirtual.deadlines_changed = true;
            0
        }
        Request::WindowInfo { info } => {
            let answer = caller.services.window_info(caller.clock).to_bytes();
            caller.guest.set_bytes(info.address, &answer)?;
            0
        }
        Request::Halt {} => return Ok(CallEnd::Halt),
        Request::Poll { ports, deadline_ns } => return caller.poll(ports, deadline_ns),
        Request::PlanSwitch { plan } => caller.plan_switch(plan)?,
        Request::HealthRaise { code, message } => caller.health_raise(code, message)?,
        Request::HealthRead { sequence, entry } => caller.health_read(sequence, entry)?,
        Request::HealthAcknowledge { sequence } => caller.health_acknowledge(sequence)?,
        Request::PartitionFind { name } => caller.partition_find(name)?,
        Request::PartitionStatus { partition, status } => caller.partition_status(partition, status)?,
        Request::PartitionControl { partition, action } => caller.partition_control(partition, action)?,
        Request::PartitionSetMode { mode } => return Ok(caller.set_mode(mode)),
        Request::UpcallSetEntry { entry } => caller.set_upcall_entry(entry)?,
        Request::InterruptsSetLevel { level } => {
            let before = caller.level();
            caller.paravirtual.interrupts().set(caller.guest, level == InterruptLevel::Enabled);
            before
        }
        Request::InterruptsGetLevel {} => caller.level(),
        Request::InterruptsFlash {} => {
            let before = caller.level();
            caller.paravirtual.interrupts().set(caller.guest, seeded(Fault::FlashLeavesEnabled));
            return Ok(CallEnd::Flash(before));
        }
        Request::Iret {} => return Ok(CallEnd::ReturnFromFrame),
        Request::TrapSetTable { entries } => caller.set_trap_table(entries)?,
        Request::TrapRaise { vector, error_code } => return caller.raise_trap(vector, error_code.0),
        Request::SegmentSetBase { register, base } => caller.set_segment_base(register, base.0),
        Request::RegisterGet { register, value } => {
            let contents = fake_registers::read(&caller.guest.cpu, register);
            caller.guest.set_bytes(value.address, &contents.to_le_bytes())?;
            0
        }
        Request::RegisterSet { register, value } => caller.set_register(register, value.0)?,
        Request::FpuSetSwitched { switched } => {
            let switched = if switched != 0 { control::CR0_TS } else { 0 };
            let cr0 = caller.guest.cpu.system.cr0 & !control::CR0_TS | switched;
            caller.set_register(FakeRegister::Cr0, cr0)?
        }
        Request::TimeNow { now_ns } => {
            caller.guest.set_bytes(now_ns.address, &caller.clock.now_ns().to_le_bytes())?;
            0
        }
        Request::TimerSetOneShot { deadline_ns } => {
            caller.timer_port()?;
            caller.paravirtual.timer.set_one_shot(deadline_ns);
            caller.paravirtual.deadlines_changed = true;
            0
        }
        Request::TimerSetPeriodic { period_ns, policy } => caller.set_periodic(period_ns, policy)?,
        Request::TimerCancel {} => {
            caller.paravirtual.timer.cancel();
            caller.paravirtual.deadlines_changed = true;
            0
        }
        Request::Yield {} => return Ok(CallEnd::Wait(Wait::NextWindow)),
        Request::Block {} => {
            caller.paravirtual.interrupts().set(caller.guest, !seeded(Fault::BlockKeepsMask));
            return Ok(CallEnd::Wait(Wait::Upcall));
        }
        Request::Shutdown { code } => return Ok(CallEnd::Shutdown(code)),
        Request::IoRead { port, width, value } => caller.io_read(port.0, width, value)?,
        Request::IoWrite { port, width, .. } => caller.io_write(port.0, width)?,
        Request::MemoryProtect { pages, rights } => caller.memory_protect(pages, rights.0)?,
        Request::MemoryMap { pages, source, rights } => caller.memory_map(pages, source, rights.0)?,
        Request::MemoryUnmap { pages } => caller.memory_unmap(pages)?,
        Request::SharedAreaFind { name, area } => caller.shared_area_find(name, area)?,
        Request::TraceStart {} => {
            caller.log.note(|| Event::TraceStart);
            0
        }
        Request::TraceStop {} => {
            caller.log.note(|| Event::TraceStop);
            0
        }
        Request::MemoryQuery { address, page } => caller.memory_query(address.0, page)?,
        Request::ConsoleWrite { bytes } => caller.console_write(bytes)?,
        Request::ConsoleRead { buffer } => caller.console_read(buffer)?,
        Request::TraceMark { id, payload } => {
            caller.log.note(|| Event::Mark { id, payload: payload.0 });
            0
        }
    };
    Ok(CallEnd::Return(result))
}

/// Whether the call tells the guest of console input.
#[must_use]
#[inline]
pub fn asks_for_input(number: u32, arguments: &[u32; 5]) -> bool {
    let call = Call::from_number(number);
    if !matches!(call, Some(Call::ConsoleRead | Call::EventBindInterrupt)) {
        return false;
    }
    match call.map(|call| Request::decode(call, arguments)) {
        Some(Ok(Request::ConsoleRead { .. })) => true,
        Some(Ok(Request::EventBindInterrupt { interrupt, .. })) => {
            matches!(interrupt, VirtualInterrupt::ConsoleInput | VirtualInterrupt::ConsoleEnd)
        }
        _ => false,
    }
}

impl Caller<'_> {
    fn level(&mut self) -> u32 {
        let enabled = self.paravirtual.interrupts().enabled(self.guest);
        if enabled { InterruptLevel::Enabled.word() } else { InterruptLevel::Disabled.word() }
    }

    fn bind_interrupt(
        &mut self,
        interrupt: VirtualInterrupt,
        port: EventPort,
        first_count: ToGuest<u32>,
    ) -> Result<u32, CallError> {
        self.guest.check(first_count.address, 4, Rights::WRITE)?;
        self.paravirtual.ports.bind(port, Source::Interrupt(interrupt))?;
        self.give_first_count(port, first_count)?;
        let console = &self.paravirtual.console;
        let happened = match interrupt {
            VirtualInterrupt::Timer
            | VirtualInterrupt::WindowStart
            | VirtualInterrupt::ShutdownRequest
            | VirtualInterrupt::Health => false,
            VirtualInterrupt::ConsoleInput => console.waiting() > 0,
            VirtualInterrupt::ConsoleEnd => console.has_ended(),
        };
        if happened {
            let mut shared = self.paravirtual.shared(self.guest);
            self.paravirtual.ports.raise(Source::Interrupt(interrupt), 1, &mut shared, self.log);
        }
        Ok(0)
    }

    fn bind_self(&mut self, port: EventPort, first_count: ToGuest<u32>) -> Result<u32, CallError> {
        self.guest.check(first_count.address, 4, Rights::WRITE)?;
        self.bind(port, Source::Own, first_count)
    }

    fn give_first_count(&mut self, port: EventPort, first_count: ToGuest<u32>) -> Result<(), CallError> {
        let count = self.paravirtual.ports.count(port, &self.paravirtual.shared(self.guest));
        self.guest.set_bytes(first_count.address, &count.to_le_bytes())
    }

    fn unbind(&mut self, port: EventPort) -> Result<u32, CallError> {
        let mut shared = self.paravirtual.shared(self.guest);
        self.paravirtual.ports.unbind(port, &mut shared, self.log)?;
        Ok(0)
    }

    fn mask(&mut self, port: EventPort) -> Result<u32, CallError> {
        let mut shared = self.paravirtual.shared(self.guest);
        self.paravirtual.ports.mask(port, &mut shared)?;
        Ok(0)
    }

    fn unmask(&mut self, port: EventPort) -> Result<u32, CallError> {
        let mut shared = self.paravirtual.shared(self.guest);
        self.paravirtual.ports.unmask(port, &mut shared, self.log)?;
        Ok(0)
    }

    fn send(&mut self, port: EventPort) -> Result<u32, CallError> {
        let mut shared = self.paravirtual.shared(self.guest);
        if let Some(place) = self.paravirtual.ports.send(port, &mut shared, self.log)? {
            let channel = &self.config.event_channels[usize::from(place)];
            let to = if seeded(Fault::RingsTheSender) { channel.from } else { channel.to };
            self.services.effects.push_back(Effect::Raise { to, source: Source::Channel(place), count: 1 });
        }
        Ok(0)
    }

    fn set_upcall_entry(&mut self, entry: CodeAddress) -> Result<u32, CallError> {
        if let Some(address) = entry.0 {
            self.guest.check(address, 1, Rights::EXECUTE)?;
        }
        self.paravirtual.upcall_entry = entry.0;
        Ok(0)
    }

    fn set_trap_table(&mut self, table: TrapTable) -> Result<u32, CallError> {
        let bytes = self.guest.bytes(table.address, table.length_bytes())?;
        let (entries, _) = bytes.as_chunks::<{ trap_entry::SIZE_BYTES as usize }>();
        let entries: Vec<TrapEntry> =
            entries.iter().map(|entry| TrapEntry::from_bytes(*entry)).collect::<Result<_, _>>()?;
        if seeded(Fault::TrapsSetOneByOne) {
            entries.iter().take(1).for_each(|entry| self.paravirtual.traps.set(*entry));
        }
        for address in entries.iter().filter_map(|entry| entry.address) {
            self.guest.check(address, 1, Rights::EXECUTE)?;
        }
        for entry in entries {
            self.paravirtual.traps.set(entry);
        }
        Ok(0)
    }

    fn raise_trap(&mut self, vector: u32, error_code: u32) -> Result<CallEnd, CallError> {
        let vector = u8::try_from(vector).map_err(|_| CallError::InvalidArgument)?;
        let has_error_code = matches!(vector, 8 | 10..=14 | 17);
        if vector == GATE_VECTOR || (!has_error_code && error_code != 0) {
            return Err(CallError::InvalidArgument);
        }
        let handler = self.paravirtual.traps.handler(vector).ok_or(CallError::NoHandler)?;
        Ok(CallEnd::Raise(handler, Trap::software(vector, has_error_code.then_some(error_code))))
    }

    fn set_segment_base(&mut self, register: SegmentRegister, base: u32) -> u32 {
        let (selector, register) = match register {
            SegmentRegister::Fs => (SELECTOR_FS, emulator::SegmentRegister::Fs),
            SegmentRegister::Gs => (SELECTOR_GS, emulator::SegmentRegister::Gs),
        };
        let flat = Segment::flat_data(selector);
        let descriptor = DescriptorTable::descriptor(base, flat.limit, flat.attributes);
        if !seeded(Fault::BaseInRegisterOnly) {
            self.guest.cpu.descriptors.entries[usize::from(selector / 8)] = descriptor;
        }
        self.guest.cpu.segments[register as usize] = Segment { base, ..flat };
        u32::from(selector)
    }

    fn set_register(&mut self, register: FakeRegister, value: u32) -> Result<u32, CallError> {
        self.paravirtual
            .set_register(self.guest, register, value)
            .map_err(|fake_registers::Refused| CallError::InvalidArgument)?;
        Ok(0)
    }

    fn timer_port(&self) -> Result<EventPort, CallError> {
        self.paravirtual.ports.bound_to(Source::Interrupt(VirtualInterrupt::Timer)).ok_or(CallError::NotBound)
    }

    fn set_periodic(&mut self, period_ns: u64, policy: TickPolicy) -> Result<u32, CallError> {
        if period_ns > PERIOD_MAXIMUM_NS {
            return Err(CallError::InvalidArgument);
        }
        self.timer_port()?;
        let now_ns = self.clock.now_ns();
        self.paravirtual
            .timer
            .set_periodic(now_ns, period_ns, policy)
            .map_err(|_| CallError::PeriodTooShort)?;
        self.paravirtual.deadlines_changed = true;
        Ok(0)
    }

    fn console_write(&mut self, bytes: BytesFromGuest) -> Result<u32, CallError> {
        let length = representable(bytes.length_bytes)?;
        let bytes = self.guest.bytes(bytes.address, length)?;
        self.paravirtual.console.write(&bytes);
        self.log.note(|| Event::ConsoleOutput(bytes));
        Ok(length)
    }

    fn console_read(&mut self, buffer: BytesToGuest) -> Result<u32, CallError> {
        let length = representable(buffer.length_bytes)?;
        self.guest.check(buffer.address, length, Rights::WRITE)?;
        let console = &mut self.paravirtual.console;
        if console.waiting() == 0 && console.has_ended() {
            return Err(CallError::EndOfInput);
        }
        let bytes = console.first(length);
        self.guest.set_bytes(buffer.address, &bytes)?;
        console.consume(bytes.len());
        Ok(bytes.len() as u32)
    }
}

/// A length that the call can return: what is negative in EAX is an error.
fn representable(length_bytes: u32) -> Result<u32, CallError> {
    if i32::try_from(length_bytes).is_ok() { Ok(length_bytes) } else { Err(CallError::InvalidArgument) }
}

mod memory;
mod message_ports;
mod ports;
mod system;
#[cfg(test)]
mod tests;
