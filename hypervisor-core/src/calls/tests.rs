//! Every documented error of every call, and that a call which fails does nothing else.

use super::{CallEnd, Caller, perform};
use crate::abi::{CALLS, Call, CallError, VirtualInterrupt, event_status, shared_page};
use crate::boot::{self, BootPlan, Start};
use crate::clock::Clock;
use crate::config::{
    Discipline, EventChannel, Flush, Line, MessageChannel, MessageKind, PartitionConfig, PartitionId,
    SystemConfig,
};
use crate::console::{Arrival, Input};
use crate::guest::Guest;
use crate::health::{HealthAction, HealthEvent};
use crate::ledger::Source;
use crate::paravirtual::{Paravirtual, Until, Wait};
use crate::record::EventLog;
use crate::schedule::Plan;
use crate::services::{HealthEntry, Services};
use crate::test_images::{BASE, Code};
use emulator::StateDigest;

/// Memory that the guest may write but not execute.
const PLAIN: u32 = BASE + 0x1_0000;
/// Memory that the guest may only read.
const READ_ONLY: u32 = 0xf000_0000;
/// Entries of a trap table, each of which is wrong in its own way.
const BAD_ENTRIES: u32 = BASE + 0x100;

/// The name of a channel.
const NAME: u32 = BASE + 0x140;
/// Names of message channels, in the order in which the bench opens them: the source of samples, their destination, the source of a
/// full queue by priority, the destination of an empty queue, the source of a queue that is no queue by priority.
const CHANNEL_NAMES: [(u32, u32); 5] =
    [(NAME + 4, 2), (NAME + 7, 3), (NAME + 11, 8), (NAME + 20, 3), (NAME + 24, 4)];
/// The longest message.
const MESSAGE_BYTES: u32 = 8;

/// A port that is bound, one that does not exist, one that is not bound.
const POLL_LIST: u32 = BASE + 0x180;

struct Bench {
    guest: Guest,
    paravirtual: Paravirtual,
    clock: Clock,
    config: SystemConfig,
    services: Services,
}

impl Bench {
    /// Port 5 is bound to the timer, port 6 to the partition itself; console input has ended; the message ports of
    /// [`CHANNEL_NAMES`] are open.
    fn new() -> Self {
        let code = Code::default()
            .at(0x100)
            .raw(&[0x82, 0, 0x23, 0]) // the gate's vector
            .raw(&BASE.to_le_bytes())
            .raw(&[0, 0x80, 0x23, 0]) // a flag that does not exist
            .raw(&BASE.to_le_bytes())
            .raw(&[0, 0, 0x1b, 0]) // another selector
            .raw(&BASE.to_le_bytes())
            .raw(&[0, 0, 0x23, 0]) // a handler that cannot be executed
            .raw(&PLAIN.to_le_bytes())
            .at(0x140)
            .raw(b"out of the ordinary and very long names too")
            .at(0x180)
            .raw(&[5, 0, 0, 0, 0, 4, 0, 0, 7, 0, 0, 0]);
        let config = PartitionConfig {
            memory_bytes: 1 << 20,
            io_ports: vec![0x60..=0x60, 0xffff..=0xffff],
            ..PartitionConfig::new("bench", code.image())
        };
        let system = SystemConfig {
            partitions: vec![config.clone(), config],
            plans: vec![Plan::always(PartitionId(0))],
            lines: vec![Line { number: 4, name: "line".to_owned(), owner: Some(PartitionId(0)) }],
            event_channels: vec![EventChannel {
                name: "out".to_owned(),
                from: PartitionId(0),
                to: PartitionId(1),
                flush: Flush::Immediate,
            }],
            message_channels: message_channels(),
            ..SystemConfig::default()
        };
        let plan = BootPlan {
            id: PartitionId(0),
            config: &system.partitions[0],
            command_line: "",
            shared: &[],
            start: Start::default(),
        };
        let clock = Clock::default();
        let (guest, paravirtual) = boot::boot(&plan, &clock, emulator::PhysicalMemory::new()).unwrap();
        let services = Services::new(&system);
        let mut bench = Self { guest, paravirtual, clock, config: system, services };
        for partition in [0, 1].map(PartitionId) {
            bench.services.health_log.add(HealthEntry {
                sequence: 0,
                time_ns: 0,
                partition,
                event: HealthEvent::Watchdog,
                action: HealthAction::Log,
                detail: 0,
                address: 0,
                message: Vec::new(),
                acknowledged: false,
            });
        }
        assert_eq!(bench.call(Call::EventBindInterrupt, &[0, 5, PLAIN]), Ok(CallEnd::Return(0)));
        assert_eq!(bench.call(Call::EventBindSelf, &[6, PLAIN]), Ok(CallEnd::Return(0)));
        for ((address, length), port) in CHANNEL_NAMES.into_iter().zip(0..) {
            let opened = bench.call(Call::MessagePortOpen, &[address, length, u32::from(port % 2 == 1)]);
            assert_eq!(opened, Ok(CallEnd::Return(port)));
        }
        assert_eq!(bench.call(Call::QueuingSend, &[2, NAME, 1, 0, 0]), Ok(CallEnd::Return(0)));
        bench.paravirtual.console.give(Input { unit: 0, what: Arrival::End });
        bench.paravirtual.console.arrive(0);
        bench
    }

    fn call(&mut self, call: Call, arguments: &[u32]) -> Result<CallEnd, CallError> {
        self.call_number(call.description().number, arguments)
    }

    fn call_number(&mut self, number: u32, arguments: &[u32]) -> Result<CallEnd, CallError> {
        let mut registers = [0; 5];
        registers[..arguments.len()].copy_from_slice(arguments);
        let Self { guest, paravirtual, clock, config, services } = self;
        let id = PartitionId(0);
        let log = &mut EventLog::default();
        perform(&mut Caller { id, paravirtual, guest, clock, config, services, log }, number, &registers)
    }

    fn digest(&self) -> u128 {
        let mut digest = StateDigest::new();
        digest.cpu(&self.guest.cpu);
        digest.memory(&self.guest.memory);
        self.paravirtual.digest(&mut digest);
        digest.bytes(self.paravirtual.console.output());
        for (number, bytes) in self.services.messages.encoded() {
            digest.number(number);
            digest.bytes(bytes);
        }
        assert!(self.services.effects.is_empty());
        digest.value()
    }
}

/// As [`CHANNEL_NAMES`] says, and one that does not concern the partition.
fn message_channels() -> Vec<MessageChannel> {
    let sampling = MessageKind::Sampling { refresh_ns: 1_000 };
    let queue = |discipline| MessageKind::Queuing { depth: 1, discipline };
    let (own, other) = (PartitionId(0), PartitionId(1));
    let channel = |name: &str, kind, from, to| MessageChannel {
        name: name.to_owned(),
        kind,
        message_bytes: MESSAGE_BYTES,
        from,
        to: vec![to],
        flush: Flush::Window,
    };
    vec![
        channel("of", sampling, own, other),
        channel("the", sampling, other, own),
        channel("ordinary", queue(Discipline::Priority), own, other),
        channel("and", queue(Discipline::Fifo), other, own),
        channel("very", queue(Discipline::Fifo), own, other),
        channel("long", sampling, other, other),
    ]
}

/// A call that is refused: its arguments and the error.
type Case = (Call, &'static [u32], CallError);

const CASES: &[Case] = &[
    (Call::EventBindInterrupt, &[9, 7, PLAIN], CallError::InvalidArgument),
    (Call::EventBindInterrupt, &[1, 1024, PLAIN], CallError::NoSuchPort),
    (Call::EventBindInterrupt, &[1, u32::MAX, PLAIN], CallError::NoSuchPort),
    (Call::EventBindInterrupt, &[1, 7, PLAIN + 1], CallError::Misaligned),
    (Call::EventBindInterrupt, &[1, 7, 0], CallError::BadAddress),
    (Call::EventBindInterrupt, &[1, 7, READ_ONLY], CallError::BadAddress),
    (Call::EventBindInterrupt, &[0, 7, PLAIN], CallError::AlreadyBound),
    (Call::EventBindInterrupt, &[1, 5, PLAIN], CallError::AlreadyBound),
    (Call::EventBindSelf, &[1024, PLAIN], CallError::NoSuchPort),
    (Call::EventBindSelf, &[7, PLAIN + 2], CallError::Misaligned),
    (Call::EventBindSelf, &[7, READ_ONLY], CallError::BadAddress),
    (Call::EventBindSelf, &[5, PLAIN], CallError::AlreadyBound),
    (Call::EventUnbind, &[1024], CallError::NoSuchPort),
    (Call::EventUnbind, &[7], CallError::NotBound),
    (Call::EventMask, &[1024], CallError::NoSuchPort),
    (Call::EventMask, &[7], CallError::NotBound),
    (Call::EventUnmask, &[1024], CallError::NoSuchPort),
    (Call::EventUnmask, &[7], CallError::NotBound),
    (Call::EventSend, &[1024], CallError::NoSuchPort),
    (Call::EventSend, &[7], CallError::NotBound),
    (Call::EventSend, &[5], CallError::WrongBinding),
    (Call::EventStatus, &[1024, PLAIN], CallError::NoSuchPort),
    (Call::EventStatus, &[5, PLAIN + 3], CallError::Misaligned),
    (Call::EventStatus, &[5, READ_ONLY], CallError::BadAddress),
    (Call::EventStatus, &[5, 0xffff_fffc], CallError::BadAddress),
    (Call::EventStatus, &[5, BASE + (1 << 20) - 4], CallError::BadAddress),
    (Call::EventBindLine, &[4, 1024, PLAIN], CallError::NoSuchPort),
    (Call::EventBindLine, &[4, 7, PLAIN + 1], CallError::Misaligned),
    (Call::EventBindLine, &[4, 7, READ_ONLY], CallError::BadAddress),
    (Call::EventBindLine, &[3, 7, PLAIN], CallError::NoSuchObject),
    (Call::EventBindLine, &[4, 5, PLAIN], CallError::AlreadyBound),
    (Call::EventBindChannel, &[NAME, 0, 7, PLAIN], CallError::InvalidArgument),
    (Call::EventBindChannel, &[NAME, 32, 7, PLAIN], CallError::InvalidArgument),
    (Call::EventBindChannel, &[0, 3, 7, PLAIN], CallError::BadAddress),
    (Call::EventBindChannel, &[NAME, 3, 1024, PLAIN], CallError::NoSuchPort),
    (Call::EventBindChannel, &[NAME, 3, 7, PLAIN + 2], CallError::Misaligned),
    (Call::EventBindChannel, &[NAME, 2, 7, PLAIN], CallError::NoSuchObject),
    (Call::EventBindChannel, &[NAME, 3, 5, PLAIN], CallError::AlreadyBound),
    (Call::EventBindVector, &[1024, 32], CallError::NoSuchPort),
    (Call::EventBindVector, &[5, 31], CallError::InvalidArgument),
    (Call::EventBindVector, &[5, 0x82], CallError::InvalidArgument),
    (Call::EventBindVector, &[5, 256], CallError::InvalidArgument),
    (Call::EventBindVector, &[7, 32], CallError::NotBound),
    (Call::EventAck, &[1024], CallError::NoSuchPort),
    (Call::EventAck, &[7], CallError::NotBound),
    (Call::EventAck, &[5], CallError::WrongBinding),
    (Call::EventSetPriority, &[1024, 0], CallError::NoSuchPort),
    (Call::EventSetPriority, &[5, 16], CallError::InvalidArgument),
    (Call::EventSetPriority, &[7, 0], CallError::NotBound),
    (Call::EventBindMessagePort, &[3, 1024, PLAIN], CallError::NoSuchPort),
    (Call::EventBindMessagePort, &[3, 7, PLAIN + 1], CallError::Misaligned),
    (Call::EventBindMessagePort, &[5, 7, PLAIN], CallError::NoSuchObject),
    (Call::EventBindMessagePort, &[0, 7, PLAIN], CallError::WrongDirection),
    (Call::EventBindMessagePort, &[3, 7, READ_ONLY], CallError::BadAddress),
    (Call::EventBindMessagePort, &[3, 5, PLAIN], CallError::AlreadyBound),
    (Call::MessagePortOpen, &[NAME, 0, 0], CallError::InvalidArgument),
    (Call::MessagePortOpen, &[NAME, 32, 0], CallError::InvalidArgument),
    (Call::MessagePortOpen, &[NAME + 4, 2, 2], CallError::InvalidArgument),
    (Call::MessagePortOpen, &[0, 2, 0], CallError::BadAddress),
    (Call::MessagePortOpen, &[NAME, 3, 0], CallError::NoSuchObject),
    (Call::MessagePortOpen, &[NAME + 29, 4, 1], CallError::NoSuchObject),
    (Call::MessagePortOpen, &[NAME + 4, 2, 1], CallError::WrongDirection),
    (Call::MessagePortOpen, &[NAME + 7, 3, 0], CallError::WrongDirection),
    (Call::SamplingWrite, &[0, NAME, 0], CallError::InvalidArgument),
    (Call::SamplingWrite, &[0, 0, 8], CallError::BadAddress),
    (Call::SamplingWrite, &[5, NAME, 8], CallError::NoSuchObject),
    (Call::SamplingWrite, &[u32::MAX, NAME, 8], CallError::NoSuchObject),
    (Call::SamplingWrite, &[2, NAME, 8], CallError::WrongKind),
    (Call::SamplingWrite, &[1, NAME, 8], CallError::WrongDirection),
    (Call::SamplingWrite, &[0, NAME, MESSAGE_BYTES + 1], CallError::TooLong),
    (Call::SamplingRead, &[1, PLAIN, 0x8000_0000, PLAIN + 8], CallError::InvalidArgument),
    (Call::SamplingRead, &[1, PLAIN, 8, PLAIN + 9], CallError::Misaligned),
    (Call::SamplingRead, &[1, READ_ONLY, 8, PLAIN], CallError::BadAddress),
    (Call::SamplingRead, &[1, PLAIN, 8, READ_ONLY], CallError::BadAddress),
    (Call::SamplingRead, &[5, PLAIN, 8, PLAIN + 8], CallError::NoSuchObject),
    (Call::SamplingRead, &[3, PLAIN, 8, PLAIN + 8], CallError::WrongKind),
    (Call::SamplingRead, &[0, PLAIN, 8, PLAIN + 8], CallError::WrongDirection),
    (Call::SamplingRead, &[1, PLAIN, MESSAGE_BYTES - 1, PLAIN + 8], CallError::TooShort),
    (Call::SamplingRead, &[1, PLAIN, 8, PLAIN + 8], CallError::NotAvailable),
    (Call::QueuingSend, &[4, NAME, 0, 0, 0], CallError::InvalidArgument),
    (Call::QueuingSend, &[4, 0, 8, 0, 0], CallError::BadAddress),
    (Call::QueuingSend, &[5, NAME, 8, 0, 0], CallError::NoSuchObject),
    (Call::QueuingSend, &[0, NAME, 8, 0, 0], CallError::WrongKind),
    (Call::QueuingSend, &[3, NAME, 8, 0, 0], CallError::WrongDirection),
    (Call::QueuingSend, &[4, NAME, MESSAGE_BYTES + 1, 0, 0], CallError::TooLong),
    (Call::QueuingSend, &[2, NAME, 8, 0, 0], CallError::NotAvailable),
    (Call::QueuingSend, &[2, NAME, 8, 1, 0], CallError::TimedOut),
    (Call::QueuingReceive, &[3, PLAIN, 0x8000_0000, 0, 0], CallError::InvalidArgument),
    (Call::QueuingReceive, &[3, READ_ONLY, 8, 0, 0], CallError::BadAddress),
    (Call::QueuingReceive, &[5, PLAIN, 8, 0, 0], CallError::NoSuchObject),
    (Call::QueuingReceive, &[1, PLAIN, 8, 0, 0], CallError::WrongKind),
    (Call::QueuingReceive, &[2, PLAIN, 8, 0, 0], CallError::WrongDirection),
    (Call::QueuingReceive, &[3, PLAIN, MESSAGE_BYTES - 1, 0, 0], CallError::TooShort),
    (Call::QueuingReceive, &[3, PLAIN, 8, 0, 0], CallError::NotAvailable),
    (Call::QueuingReceive, &[3, PLAIN, 8, 1, 0], CallError::TimedOut),
    (Call::MessagePortStatus, &[0, PLAIN + 1], CallError::Misaligned),
    (Call::MessagePortStatus, &[0, READ_ONLY], CallError::BadAddress),
    (Call::MessagePortStatus, &[5, PLAIN], CallError::NoSuchObject),
    (Call::MessagePortClear, &[5], CallError::NoSuchObject),
    (Call::MessagePortClear, &[1], CallError::WrongKind),
    (Call::MessagePortClear, &[2], CallError::WrongDirection),
    (Call::MessagePortSetPriority, &[2, 256], CallError::InvalidArgument),
    (Call::MessagePortSetPriority, &[5, 0], CallError::NoSuchObject),
    (Call::MessagePortSetPriority, &[0, 0], CallError::WrongKind),
    (Call::MessagePortSetPriority, &[4, 0], CallError::WrongKind),
    (Call::MessagePortSetPriority, &[3, 0], CallError::WrongDirection),
    (Call::WindowInfo, &[PLAIN + 1], CallError::Misaligned),
    (Call::WindowInfo, &[READ_ONLY], CallError::BadAddress),
    (Call::Poll, &[POLL_LIST, 0, 0, 0], CallError::InvalidArgument),
    (Call::Poll, &[POLL_LIST, 65, 0, 0], CallError::InvalidArgument),
    (Call::Poll, &[POLL_LIST + 1, 1, 0, 0], CallError::Misaligned),
    (Call::Poll, &[0, 1, 0, 0], CallError::BadAddress),
    (Call::Poll, &[POLL_LIST, 2, 0, 0], CallError::NoSuchPort),
    (Call::Poll, &[POLL_LIST + 8, 1, 0, 0], CallError::NotBound),
    (Call::Poll, &[POLL_LIST, 1, 0, 0], CallError::TimedOut),
    (Call::PlanSwitch, &[0], CallError::NotPermitted),
    (Call::PlanSwitch, &[1], CallError::NoSuchObject),
    (Call::HealthRaise, &[0, NAME, 65], CallError::InvalidArgument),
    (Call::HealthRaise, &[0, 0, 1], CallError::BadAddress),
    (Call::HealthRead, &[0, PLAIN + 2], CallError::Misaligned),
    (Call::HealthRead, &[0, READ_ONLY], CallError::BadAddress),
    (Call::HealthRead, &[9, PLAIN], CallError::NoSuchObject),
    (Call::HealthRead, &[1, PLAIN], CallError::NotPermitted),
    (Call::HealthAcknowledge, &[9], CallError::NoSuchObject),
    (Call::HealthAcknowledge, &[1], CallError::NotPermitted),
    (Call::PartitionFind, &[NAME, 0], CallError::InvalidArgument),
    (Call::PartitionFind, &[0, 3], CallError::BadAddress),
    (Call::PartitionFind, &[NAME, 3], CallError::NoSuchObject),
    (Call::PartitionStatus, &[0, PLAIN + 1], CallError::Misaligned),
    (Call::PartitionStatus, &[0, READ_ONLY], CallError::BadAddress),
    (Call::PartitionStatus, &[2, PLAIN], CallError::NoSuchObject),
    (Call::PartitionStatus, &[1, PLAIN], CallError::NotPermitted),
    (Call::PartitionControl, &[0, 0], CallError::InvalidArgument),
    (Call::PartitionControl, &[1, 6], CallError::InvalidArgument),
    (Call::PartitionControl, &[2, 0], CallError::NoSuchObject),
    (Call::PartitionControl, &[1, 0], CallError::NotPermitted),
    (Call::PartitionSetMode, &[4], CallError::InvalidArgument),
    (Call::UpcallSetEntry, &[PLAIN], CallError::BadAddress),
    (Call::UpcallSetEntry, &[4], CallError::BadAddress),
    (Call::TrapSetTable, &[BAD_ENTRIES, 257], CallError::InvalidArgument),
    (Call::TrapSetTable, &[BAD_ENTRIES, 1], CallError::InvalidArgument),
    (Call::TrapSetTable, &[BAD_ENTRIES + 8, 1], CallError::InvalidArgument),
    (Call::TrapSetTable, &[BAD_ENTRIES + 16, 1], CallError::InvalidArgument),
    (Call::TrapSetTable, &[BAD_ENTRIES + 24, 1], CallError::BadAddress),
    (Call::TrapSetTable, &[BAD_ENTRIES + 2, 1], CallError::Misaligned),
    (Call::TrapSetTable, &[0, 1], CallError::BadAddress),
    (Call::TrapSetTable, &[0xffff_fff8, 2], CallError::BadAddress),
    (Call::TrapRaise, &[256, 0], CallError::InvalidArgument),
    (Call::TrapRaise, &[0x82, 0], CallError::InvalidArgument),
    (Call::TrapRaise, &[0, 1], CallError::InvalidArgument),
    (Call::TrapRaise, &[14, 1], CallError::NoHandler),
    (Call::SegmentSetBase, &[2, 0], CallError::InvalidArgument),
    (Call::RegisterGet, &[17, PLAIN], CallError::InvalidArgument),
    (Call::RegisterGet, &[0, PLAIN + 1], CallError::Misaligned),
    (Call::RegisterGet, &[0, READ_ONLY], CallError::BadAddress),
    (Call::RegisterSet, &[17, 0], CallError::InvalidArgument),
    // CR0 without PE, without PG, with CD.
    (Call::RegisterSet, &[0, 0x8005_0032], CallError::InvalidArgument),
    (Call::RegisterSet, &[0, 0x0005_0033], CallError::InvalidArgument),
    (Call::RegisterSet, &[0, 0xa005_0033], CallError::InvalidArgument),
    // CR4 with PSE, with OSFXSR on a processor without SSE, with UMIP.
    (Call::RegisterSet, &[3, 0x10], CallError::InvalidArgument),
    (Call::RegisterSet, &[3, 0x200], CallError::InvalidArgument),
    (Call::RegisterSet, &[3, 0x800], CallError::InvalidArgument),
    (Call::RegisterSet, &[11, 0x1_0000], CallError::InvalidArgument),
    (Call::RegisterSet, &[13, 0x1_0000], CallError::InvalidArgument),
    (Call::RegisterSet, &[14, 0x1_0000], CallError::InvalidArgument),
    (Call::RegisterSet, &[15, 0x1_0000], CallError::InvalidArgument),
    (Call::RegisterSet, &[16, 4], CallError::InvalidArgument),
    (Call::TimeNow, &[PLAIN + 1], CallError::Misaligned),
    (Call::TimeNow, &[READ_ONLY], CallError::BadAddress),
    (Call::TimerSetOneShot, &[0, 0], CallError::NotBound),
    (Call::TimerSetPeriodic, &[1_000, 0, 4], CallError::InvalidArgument),
    (Call::TimerSetPeriodic, &[1, 1 << 30, 0], CallError::InvalidArgument),
    (Call::TimerSetPeriodic, &[999, 0, 0], CallError::PeriodTooShort),
    (Call::TimerSetPeriodic, &[0, 0, 0], CallError::PeriodTooShort),
    (Call::TimerSetPeriodic, &[1_000, 0, 0], CallError::NotBound),
    (Call::IoRead, &[0x1_0000, 1, PLAIN], CallError::InvalidArgument),
    (Call::IoRead, &[0x60, 3, PLAIN], CallError::InvalidArgument),
    (Call::IoRead, &[0x60, 0, PLAIN], CallError::InvalidArgument),
    (Call::IoRead, &[0x61, 1, PLAIN], CallError::NotPermitted),
    (Call::IoRead, &[0x60, 2, PLAIN], CallError::NotPermitted),
    (Call::IoRead, &[0xffff, 2, PLAIN], CallError::NotPermitted),
    (Call::IoRead, &[0x60, 1, PLAIN + 1], CallError::Misaligned),
    (Call::IoRead, &[0x60, 1, READ_ONLY], CallError::BadAddress),
    (Call::IoWrite, &[0x1_0000, 1, 0], CallError::InvalidArgument),
    (Call::IoWrite, &[0x60, 8, 0], CallError::InvalidArgument),
    (Call::IoWrite, &[0x61, 1, 0], CallError::NotPermitted),
    (Call::MemoryProtect, &[PLAIN + 4, 0x1000, 1], CallError::Misaligned),
    (Call::MemoryProtect, &[PLAIN, 0, 1], CallError::InvalidArgument),
    (Call::MemoryProtect, &[PLAIN, 0x1001, 1], CallError::InvalidArgument),
    (Call::MemoryProtect, &[PLAIN, 0x1000, 2], CallError::InvalidArgument),
    (Call::MemoryProtect, &[PLAIN, 0x1000, 4], CallError::InvalidArgument),
    (Call::MemoryProtect, &[PLAIN, 0x1000, 8], CallError::InvalidArgument),
    // Wraps; not mapped; partly not mapped; the core's own pages; the boot stack.
    (Call::MemoryProtect, &[0xffff_f000, 0x2000, 1], CallError::BadAddress),
    (Call::MemoryProtect, &[0, 0x1000, 1], CallError::BadAddress),
    (Call::MemoryProtect, &[BASE + (1 << 20) - 0x1000, 0x2000, 1], CallError::BadAddress),
    (Call::MemoryProtect, &[READ_ONLY, 0x1000, 7], CallError::BadAddress),
    (Call::MemoryProtect, &[0xf000_2000, 0x1000, 1], CallError::BadAddress),
    (Call::MemoryProtect, &[0xf001_0000, 0x1000, 7], CallError::BadAddress),
    (Call::MemoryMap, &[0x8000_0004, 0x1000, PLAIN, 1], CallError::Misaligned),
    (Call::MemoryMap, &[0x8000_0000, 0x1000, PLAIN + 8, 1], CallError::Misaligned),
    (Call::MemoryMap, &[0x8000_0000, 0, PLAIN, 1], CallError::InvalidArgument),
    (Call::MemoryMap, &[0x8000_0000, 0x1000, PLAIN, 6], CallError::InvalidArgument),
    (Call::MemoryMap, &[0xffff_f000, 0x2000, PLAIN, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0, 0x1000, PLAIN, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0xf000_0000, 0x1000, PLAIN, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0xefff_f000, 0x2000, PLAIN, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0xffff_f000, 0x1000, PLAIN, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0x8000_0000, 0x1000, 0xf_f000, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0x8000_0000, 0x1000, 0xf000_2000, 1], CallError::BadAddress),
    (Call::MemoryMap, &[0x8000_0000, 0x2000, BASE + (1 << 20) - 0x1000, 1], CallError::BadAddress),
    (Call::MemoryMap, &[PLAIN, 0x1000, PLAIN, 1], CallError::AlreadyMapped),
    (Call::MemoryMap, &[0xf_f000, 0x2000, PLAIN, 1], CallError::AlreadyMapped),
    (Call::MemoryUnmap, &[PLAIN + 1, 0x1000], CallError::Misaligned),
    (Call::MemoryUnmap, &[PLAIN, 0xfff], CallError::InvalidArgument),
    (Call::MemoryUnmap, &[0x8000_0000, 0x1000], CallError::BadAddress),
    (Call::MemoryUnmap, &[0xf000_4000, 0x1000], CallError::BadAddress),
    (Call::SharedAreaFind, &[NAME, 0, PLAIN], CallError::InvalidArgument),
    (Call::SharedAreaFind, &[0, 3, PLAIN], CallError::BadAddress),
    (Call::SharedAreaFind, &[NAME, 3, PLAIN + 2], CallError::Misaligned),
    (Call::SharedAreaFind, &[NAME, 3, PLAIN], CallError::NoSuchObject),
    (Call::MemoryQuery, &[0, PLAIN + 2], CallError::Misaligned),
    (Call::MemoryQuery, &[0, READ_ONLY], CallError::BadAddress),
    (Call::ConsoleWrite, &[BASE, 0x8000_0000], CallError::InvalidArgument),
    (Call::ConsoleWrite, &[0, 1], CallError::BadAddress),
    (Call::ConsoleWrite, &[0xffff_ffff, 2], CallError::BadAddress),
    (Call::ConsoleWrite, &[BASE, 0x7fff_ffff], CallError::BadAddress),
    (Call::ConsoleRead, &[PLAIN, 0x8000_0000], CallError::InvalidArgument),
    (Call::ConsoleRead, &[READ_ONLY, 1], CallError::BadAddress),
    (Call::ConsoleRead, &[PLAIN, 1], CallError::EndOfInput),
];

#[test]
fn a_call_that_is_refused_gives_its_error_and_has_no_effect() {
    for &(call, arguments, error) in CASES {
        let mut bench = Bench::new();
        // Without the right, the plan would not be looked for.
        bench.config.partitions[0].rights.plans = error == CallError::NoSuchObject;
        if error == CallError::NotBound && matches!(call, Call::TimerSetOneShot | Call::TimerSetPeriodic) {
            bench.call(Call::EventUnbind, &[5]).unwrap();
        }
        // The deadlines of 1 ns have passed.
        bench.clock.advance(1);
        let before = bench.digest();
        let name = call.description().name;
        assert_eq!(bench.call(call, arguments), Err(error), "{name} {arguments:x?}");
        assert_eq!(bench.digest(), before, "{name} {arguments:x?}");
        assert!(call.description().errors.contains(&error), "{name} does not document {}", error.name());
    }
}

#[test]
fn every_documented_error_has_a_case() {
    for description in CALLS {
        for error in description.errors {
            let has_case = CASES.iter().any(|case| (case.0, case.2) == (description.call, *error));
            assert!(has_case, "{} {}", description.name, error.name());
        }
    }
}

#[test]
fn numbers_without_a_call_are_refused() {
    let mut bench = Bench::new();
    for number in (0..0x400).chain([u32::MAX, 0x8000_0000]) {
        if Call::from_number(number).is_none() {
            assert_eq!(bench.call_number(number, &[]), Err(CallError::NoSuchCall));
        }
    }
}

#[test]
fn whatever_a_guest_passes_no_call_panics() {
    let interesting = [
        0,
        1,
        3,
        4,
        5,
        6,
        7,
        8,
        0x200,
        1023,
        1024,
        0xfff,
        BASE,
        PLAIN,
        PLAIN + 2,
        READ_ONLY,
        0xf000_2000,
        0xf000_2ffc,
        0xf000_3000,
        0xf000_4000,
        0xf001_7ffc,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff8,
        u32::MAX,
    ];
    let mut seed = 0x9e37_79b9_u32;
    let mut bench = Bench::new();
    for _ in 0..50_000 {
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        let description = &CALLS[random(CALLS.len())];
        let arguments: [u32; 5] = std::array::from_fn(|_| interesting[random(interesting.len())]);
        if let Err(error) = bench.call(description.call, &arguments) {
            assert!(
                description.errors.contains(&error),
                "{} {arguments:x?}: {}",
                description.name,
                error.name()
            );
        }
        bench.clock.advance(13);
        let retired = bench.clock.units();
        bench.paravirtual.raise_due(&mut bench.guest, &bench.clock, retired, &mut EventLog::default());
        bench.paravirtual.console.take_output();
        bench.services.effects.clear();
        // What the other partition does.
        let now_ns = bench.clock.now_ns();
        bench.services.messages.write(random(2) as u16 * 2 + 1, vec![7; 1 + random(8)], 0, now_ns);
        let receives = random(4) == 0;
        if receives {
            bench.services.messages.flush(Flush::Window, None, now_ns);
            for channel in [2, 4] {
                bench.services.messages.receive(channel).unwrap();
            }
        }
        assert!(bench.paravirtual.ports.ledger().balances());
    }
}

#[test]
fn a_bind_gives_the_count_and_status_tells_it() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.call(Call::EventSend, &[6]).unwrap();
    }
    bench.call(Call::EventUnbind, &[6]).unwrap();
    bench.call(Call::EventBindSelf, &[6, PLAIN + 8]).unwrap();
    assert_eq!(bench.guest.bytes(PLAIN + 8, 4).unwrap(), 3_u32.to_le_bytes());
    bench.call(Call::EventStatus, &[6, PLAIN + 16]).unwrap();
    let status = bench.guest.bytes(PLAIN + 16, 16).unwrap();
    assert_eq!(status, [2_u32, 0, 0, 3].map(u32::to_le_bytes).concat());
}

#[test]
fn levels_are_read_and_set() {
    let mut bench = Bench::new();
    assert_eq!(bench.call(Call::InterruptsGetLevel, &[]), Ok(CallEnd::Return(0)));
    assert_eq!(bench.call(Call::InterruptsSetLevel, &[0xffff_ffff]), Ok(CallEnd::Return(0)));
    assert_eq!(bench.call(Call::InterruptsSetLevel, &[0xffff_fdff]), Ok(CallEnd::Return(0x200)));
    // Any value but 0 masks.
    bench.guest.set_bytes(0xf000_2000 + shared_page::MASK, &[0, 0, 0, 0x80]).unwrap();
    assert_eq!(bench.call(Call::InterruptsFlash, &[]), Ok(CallEnd::Flash(0)));
    assert_eq!(bench.call(Call::Yield, &[]), Ok(CallEnd::Wait(Wait::NextWindow)));
    assert_eq!(bench.call(Call::InterruptsGetLevel, &[]), Ok(CallEnd::Return(0)));
}

#[test]
fn a_timer_stays_armed_and_its_event_pending() {
    let mut bench = Bench::new();
    bench.call(Call::TimerSetPeriodic, &[1_000, 0, 0]).unwrap();
    bench.clock.advance(250);
    bench.paravirtual.raise_due(&mut bench.guest, &bench.clock, 1, &mut EventLog::default());
    bench.call(Call::TimerCancel, &[]).unwrap();
    bench.call(Call::TimerCancel, &[]).unwrap();
    let shared = bench.paravirtual.shared(&mut bench.guest);
    assert!(bench.paravirtual.ports.is_pending(Source::Interrupt(VirtualInterrupt::Timer), &shared));
    assert!(!bench.paravirtual.timer.is_set());
}

#[test]
fn a_read_takes_no_more_than_fits_and_never_waits() {
    let mut bench = Bench::new();
    bench.paravirtual.console = crate::console::Console::default();
    assert_eq!(bench.call(Call::ConsoleRead, &[PLAIN, 4]), Ok(CallEnd::Return(0)));
    bench.paravirtual.console.give(Input { unit: 0, what: Arrival::Bytes(b"abcdef".to_vec()) });
    bench.paravirtual.console.arrive(0);
    assert_eq!(bench.call(Call::ConsoleRead, &[PLAIN, 4]), Ok(CallEnd::Return(4)));
    assert_eq!(bench.call(Call::ConsoleRead, &[PLAIN + 4, 4]), Ok(CallEnd::Return(2)));
    assert_eq!(bench.guest.bytes(PLAIN, 6).unwrap(), b"abcdef");
    assert_eq!(bench.call(Call::ConsoleRead, &[0, 0]), Ok(CallEnd::Return(0)));
    assert_eq!(bench.call(Call::ConsoleWrite, &[0, 0]), Ok(CallEnd::Return(0)));
}

#[test]
fn a_sample_comes_with_its_age_and_a_port_says_what_it_is() {
    let mut bench = Bench::new();
    assert_eq!(bench.call(Call::MessagePortOpen, &[NAME + 7, 3, 1]), Ok(CallEnd::Return(1)));
    bench.services.messages.write(1, b"abc".to_vec(), 0, 0);
    bench.services.messages.flush(Flush::Window, None, 0);
    bench.clock.advance(100);
    assert_eq!(bench.call(Call::SamplingRead, &[1, PLAIN, 8, PLAIN + 16]), Ok(CallEnd::Return(3)));
    assert_eq!(bench.guest.bytes(PLAIN, 8).unwrap(), b"abc\0\0\0\0\0");
    let info = bench.guest.bytes(PLAIN + 16, 24).unwrap();
    assert_eq!(info, [1_000_u32, 0, 3, 1, 1, 1].map(u32::to_le_bytes).concat());
    bench.clock.advance(1);
    bench.call(Call::SamplingRead, &[1, PLAIN, 8, PLAIN + 16]).unwrap();
    let info = bench.guest.bytes(PLAIN + 16, 24).unwrap();
    assert_eq!(info, [1_010_u32, 0, 3, 0, 0, 1].map(u32::to_le_bytes).concat());
    bench.call(Call::MessagePortStatus, &[2, PLAIN]).unwrap();
    let status = bench.guest.bytes(PLAIN, 32).unwrap();
    assert_eq!(status, [0_u32, 0, 1, 0, MESSAGE_BYTES, 1, 1, 0].map(u32::to_le_bytes).concat());
}

#[test]
fn a_message_that_waits_already_raises_the_port_that_is_bound_to_it() {
    for (message_port, news) in [(3, false), (3, true), (1, false), (1, true), (2, false)] {
        let mut bench = Bench::new();
        if news {
            bench.services.messages.write(message_port as u16, b"abc".to_vec(), 0, 0);
            bench.services.messages.flush(Flush::Window, None, 0);
        }
        bench.call(Call::EventBindMessagePort, &[message_port, 7, PLAIN]).unwrap();
        bench.call(Call::EventStatus, &[7, PLAIN]).unwrap();
        let status = bench.guest.bytes(PLAIN, 16).unwrap();
        let news = u32::from(news);
        let binding = event_status::BINDING_MESSAGE_PORT;
        assert_eq!(status, [binding, message_port, news, news].map(u32::to_le_bytes).concat());
    }
}

#[test]
fn a_call_that_has_to_wait_does_nothing_yet() {
    let mut bench = Bench::new();
    let before = bench.digest();
    for (call, arguments, until) in [
        (Call::QueuingSend, [2, NAME, 8, 500, 0], Until::Space(2)),
        (Call::QueuingReceive, [3, PLAIN, 8, 500, 0], Until::Message(3)),
    ] {
        let wait = Wait::Call { deadline_ns: 500, until };
        assert_eq!(bench.call(call, &arguments), Ok(CallEnd::Retry(wait)));
    }
    assert_eq!(bench.digest(), before);
}
