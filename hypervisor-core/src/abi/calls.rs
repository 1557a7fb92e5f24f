//! Every hypercall: number, name, typed arguments, result, errors and documentation, declared once.
//!
//! The one macro of the ABI. It exists because the same list has to become four things that must not drift apart: an
//! enumeration for exhaustive matches, a typed request for each call, its decoding, and the table of descriptions.
//! The doc comments are the text of `docs/ABI.md`.

use super::layout::EventStatus;
use super::{
    Argument, ArgumentDescription, BytesFromGuest, BytesToGuest, CallDescription, CallError, CodeAddress,
    ControlAction, EventPort, FakeRegister, Group, HealthEntryLayout, Hexadecimal, InterruptLevel,
    MemoryMapEntry, MemoryPage, MessagePortStatus, PageAddress, Pages, PartitionMode, PartitionStatus,
    PollList, PortDirection, Registers, ResultKind, SampleInfo, SegmentRegister, TickPolicy, ToGuest,
    TrapTable, VirtualInterrupt, WindowInfo,
};

macro_rules! calls {
    ($(
        $(#[doc = $documentation:literal])+
        $number:literal $group:ident $variant:ident $name:ident (
            $( $(#[doc = $meaning:literal])+ $argument:ident: $kind:ty, )*
        ) -> $result:ident, [$($error:ident),*];
    )+) => {
        /// A hypercall, in the order of the numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Call {
            $( $(#[doc = $documentation])+ $variant, )+
        }

        /// A hypercall with its arguments: checked, except for whether addresses are the partition's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Request {
            $( $(#[doc = $documentation])+ $variant { $( $(#[doc = $meaning])+ $argument: $kind, )* }, )+
        }

        impl Request {
            /// Takes the arguments of `call` from EBX, ECX, EDX, ESI, EDI.
            ///
            /// # Errors
            ///
            /// The error of the first argument, from the left, that cannot be right.
            pub fn decode(call: Call, registers: &[u32; 5]) -> Result<Self, CallError> {
                let mut registers = Registers::new(*registers);
                let registers = &mut registers;
                match call {
                    $( Call::$variant => Ok(Self::$variant { $( $argument: Argument::take(registers)?, )* }), )+
                }
            }
        }

        impl Call {
            /// The call of a number in EAX.
            #[must_use]
            #[inline]
            pub fn from_number(number: u32) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }

        /// Every call, by number. `CALLS[call as usize]` describes `call`.
        pub static CALLS: &[CallDescription] = &[$(
            CallDescription {
                call: Call::$variant,
                number: $number,
                group: Group::$group,
                name: stringify!($name),
                documentation: &[$($documentation),+],
                arguments: &[$( ArgumentDescription {
                    name: stringify!($argument),
                    documentation: concat!($($meaning),+),
                    kind: <$kind as Argument>::KIND,
                } ),*],
                result: ResultKind::$result,
                errors: &[$( CallError::$error ),*],
            },
        )+];
    };
}

calls! {
    /// Binds a free port to a virtual interrupt that no other port is bound to. From then on the interrupt raises
    /// the port. Binding changes neither the port's pending bit nor its mask bit. The port's count is written to
    /// `first_count`: it is the guest's first copy, from which it counts what it takes. Console input that waits already,
    /// or an input that has ended already, raises the port at once.
    0x01 Events EventBindInterrupt event_bind_interrupt(
        /// The virtual interrupt.
        interrupt: VirtualInterrupt,
        /// The port, chosen by the guest.
        port: EventPort,
        /// Where the port's count goes.
        first_count: ToGuest<u32>,
    ) -> Zero, [InvalidArgument, NoSuchPort, Misaligned, BadAddress, AlreadyBound];

    /// Binds a free port to the partition itself, so that `event_send` raises it. The port's count is written to
    /// `first_count`, as by `event_bind_interrupt`.
    0x02 Events EventBindSelf event_bind_self(
        /// The port, chosen by the guest.
        port: EventPort,
        /// Where the port's count goes.
        first_count: ToGuest<u32>,
    ) -> Zero, [NoSuchPort, Misaligned, BadAddress, AlreadyBound];

    /// Frees a port and clears its pending and mask bits. An event that was pending is dropped; the count stays.
    0x03 Events EventUnbind event_unbind(
        /// The port.
        port: EventPort,
    ) -> Zero, [NoSuchPort, NotBound];

    /// Sets the port's mask bit. Events are still counted and pending, but cause no upcall. A guest may as well set
    /// the bit itself, with a locked instruction.
    0x04 Events EventMask event_mask(
        /// The port.
        port: EventPort,
    ) -> Zero, [NoSuchPort, NotBound];

    /// Clears the port's mask bit. If the port is pending, its selector bit and the upcall-pending word are set, so
    /// that an upcall follows as soon as upcalls are enabled. Clearing the bit without this call loses that.
    0x05 Events EventUnmask event_unmask(
        /// The port.
        port: EventPort,
    ) -> Zero, [NoSuchPort, NotBound];

    /// Raises a port that is bound to the partition itself. On a port of the sending end of an event channel it raises that of the
    /// receiver, when the configuration says.
    0x06 Events EventSend event_send(
        /// The port.
        port: EventPort,
    ) -> Zero, [NoSuchPort, NotBound, WrongBinding];

    /// Writes what the port is bound to, whether it is pending and masked, and its count. A free port is no error.
    0x07 Events EventStatus event_status(
        /// The port.
        port: EventPort,
        /// Where the answer goes.
        status: ToGuest<EventStatus>,
    ) -> Zero, [NoSuchPort, Misaligned, BadAddress];

    /// Sets where upcalls enter the guest. 0 takes the entry away, and no upcall is delivered without one. If an
    /// upcall is pending and upcalls are enabled, it is delivered after this call.
    0x08 Events UpcallSetEntry upcall_set_entry(
        /// The entry, in memory that may be executed.
        entry: CodeAddress,
    ) -> Zero, [BadAddress];

    /// Binds a free port to an interrupt line that the configuration gives to the partition. The port's count is written to
    /// `first_count`, as by `event_bind_interrupt`.
    0x09 Events EventBindLine event_bind_line(
        /// The number of the line.
        line: u32,
        /// The port, chosen by the guest.
        port: EventPort,
        /// Where the port's count goes.
        first_count: ToGuest<u32>,
    ) -> Zero, [NoSuchPort, Misaligned, BadAddress, NoSuchObject, AlreadyBound];

    /// Binds a free port to the partition's end of an event channel. For the receiver the channel raises the port; for the
    /// sender `event_send` on the port raises that of the receiver, when the configuration says: at once, at the end of the sender's window,
    /// or at the end of the major frame. The port's count is written to `first_count`, as by `event_bind_interrupt`.
    0x0a Events EventBindChannel event_bind_channel(
        /// The name of the channel.
        name: BytesFromGuest,
        /// The port, chosen by the guest.
        port: EventPort,
        /// Where the port's count goes.
        first_count: ToGuest<u32>,
    ) -> Zero, [InvalidArgument, BadAddress, NoSuchPort, Misaligned, NoSuchObject, AlreadyBound];

    /// Lets the events of a port enter the guest by a vector of its trap table, as an interrupt would, instead of an upcall.
    /// Needs no upcall entry. While such an event can be injected, upcall-pending is set and the port's selector bit is not. When it is
    /// injected, the core clears the port's pending bit and sets the port in service; it and ports that are not more
    /// urgent then wait for `event_ack`. Entering masks upcalls, unless the trap's entry keeps the mask. Without a handler the event stays pending.
    /// 0 gives the port back to upcalls.
    0x0b Events EventBindVector event_bind_vector(
        /// The port.
        port: EventPort,
        /// The vector, 32 to 255 and not that of the gate, or 0.
        vector: u32,
    ) -> Zero, [NoSuchPort, InvalidArgument, NotBound];

    /// Ends the service of a port that is bound to a vector. What waited for that sets upcall-pending again.
    0x0c Events EventAck event_ack(
        /// The port.
        port: EventPort,
    ) -> Zero, [NoSuchPort, NotBound, WrongBinding];

    /// Sets the priority of a port among those that are bound to vectors: 0 is the most urgent, 15 the least, and what a port
    /// has when it is bound.
    0x0d Events EventSetPriority event_set_priority(
        /// The port.
        port: EventPort,
        /// The priority, 0 to 15.
        priority: u32,
    ) -> Zero, [NoSuchPort, InvalidArgument, NotBound];

    /// Binds a free port to a message port. That of a reader is raised when a message can be seen that could not before, and at once
    /// if one waits that the reader has not received or read; that of a sender of a queue, when the queue was full and has space again. The
    /// port's count is written to `first_count`, as by `event_bind_interrupt`.
    0x0e Events EventBindMessagePort event_bind_message_port(
        /// The message port.
        message_port: u32,
        /// The port, chosen by the guest.
        port: EventPort,
        /// Where the port's count goes.
        first_count: ToGuest<u32>,
    ) -> Zero, [NoSuchPort, Misaligned, NoSuchObject, WrongDirection, BadAddress, AlreadyBound];

    /// Sets the virtual interrupt flag to bit 200h of `level` and returns the level before: the restore of a saved
    /// level, or a swap. The same can be done by a store to the mask word, without a call.
    0x10 Interrupts InterruptsSetLevel interrupts_set_level(
        /// Bit 200h set to enable; the other bits do not matter.
        level: InterruptLevel,
    ) -> Level, [];

    /// Returns the level of the virtual interrupt flag.
    0x11 Interrupts InterruptsGetLevel interrupts_get_level() -> Level, [];

    /// Lets an upcall that is pending be delivered, and leaves upcalls disabled. IF in that upcall's frame says disabled, so that
    /// its return ends the moment in which upcalls were enabled. Returns the level from before the call. For a guest
    /// that keeps upcalls disabled for long.
    0x12 Interrupts InterruptsFlash interrupts_flash() -> Level, [];

    /// Returns from an upcall or a trap, or enters a frame that the guest has written itself. Entered by JMP through the
    /// hypercall page with ESP pointing to EIP, CS, EFLAGS. Restores all three and sets the virtual interrupt flag to bit
    /// 200h of the frame's EFLAGS in one act; one instruction retires before the next upcall. Every register
    /// keeps its value, EAX too. IOPL and VM in the frame are ignored, NT and RF are restored, bit 1 is forced. A frame
    /// that cannot be read, or whose CS is not PV_SELECTOR_CODE, is a page fault or a general protection fault at the INT of the gate, ESP as it was there.
    0x13 Interrupts Iret iret() -> Never, [];

    /// Sets handlers of the trap table. All entries are checked before the first takes effect. Vectors that are not
    /// named keep their handlers; of two entries for a vector the later one counts.
    0x20 Traps TrapSetTable trap_set_table(
        /// The entries.
        entries: TrapTable,
    ) -> Zero, [InvalidArgument, Misaligned, BadAddress];

    /// Enters the guest's own handler of a vector as if the exception had happened after this call: the frame's EIP is
    /// that of the next instruction, and EAX is 0 when the handler returns. `error_code` is pushed for the vectors
    /// that have one (8, 10 to 14, 17) and must be 0 for the others. The gate's vector is refused.
    0x21 Traps TrapRaise trap_raise(
        /// The vector, 0 to 255.
        vector: u32,
        /// The error code.
        error_code: Hexadecimal,
    ) -> Zero, [InvalidArgument, NoHandler];

    /// Sets the base of FS or GS, loads the register with the descriptor's selector, and returns the selector, so that the
    /// guest can load it again later. The segment reaches 4 GiB from its base: base plus offset wraps.
    0x30 FakeRegisters SegmentSetBase segment_set_base(
        /// The register.
        register: SegmentRegister,
        /// The linear address of its offset 0.
        base: Hexadecimal,
    ) -> Selector, [InvalidArgument];

    /// Writes a register of the system that the core keeps for the guest. All but the debug registers can be read in the
    /// shared page as well.
    0x31 FakeRegisters RegisterGet register_get(
        /// The register.
        register: FakeRegister,
        /// Where its value goes.
        value: ToGuest<u32>,
    ) -> Zero, [InvalidArgument, Misaligned, BadAddress];

    /// Sets a register of the system that the core keeps for the guest. What it does on a processor in ring 3 it does from
    /// the next instruction on: TS, EM and MP of CR0 raise device-not-available faults, AM lets AC of EFLAGS act, OSFXSR and
    /// OSXMMEXCPT of CR4 let SSE act, TSD refuses RDTSC. Bits that cannot be changed are refused; reserved bits
    /// of DR6 and DR7 are ignored. No register changes segments, gates or memory.
    0x32 FakeRegisters RegisterSet register_set(
        /// The register.
        register: FakeRegister,
        /// Its new value.
        value: Hexadecimal,
    ) -> Zero, [InvalidArgument];

    /// Sets or clears TS of CR0, for the lazy switch of the floating-point unit: while it is set, the first x87, MMX or SSE instruction
    /// is a device-not-available fault (vector 7), whose handler saves the state of one thread, loads that of another, and
    /// clears TS.
    0x33 FakeRegisters FpuSetSwitched fpu_set_switched(
        /// 0 clears TS, anything else sets it.
        switched: u32,
    ) -> Zero, [];

    /// Writes the virtual time in nanoseconds since the partition started. It never goes back.
    0x50 Time TimeNow time_now(
        /// Where the time goes.
        now_ns: ToGuest<u64>,
    ) -> Zero, [Misaligned, BadAddress];

    /// Arms the timer for one event at an instant of virtual time; an instant that has passed raises it at once. Replaces
    /// whatever the timer was armed for. The timer must be bound to a port.
    0x51 Time TimerSetOneShot timer_set_one_shot(
        /// The instant in nanoseconds, as `time_now` counts.
        deadline_ns: u64,
    ) -> Zero, [NotBound];

    /// Arms the timer for an event every `period_ns` nanoseconds, the first one a period from now. Events are due at exact
    /// multiples, so that they do not drift. Replaces whatever the timer was armed for. The timer must be bound to
    /// a port. A period is at least 1,000 ns and at most 2^62 ns.
    0x52 Time TimerSetPeriodic timer_set_periodic(
        /// The period in nanoseconds.
        period_ns: u64,
        /// What becomes of periods that are missed.
        policy: TickPolicy,
    ) -> Zero, [InvalidArgument, PeriodTooShort, NotBound];

    /// Disarms the timer. An event that is pending stays so. It is no error if the timer is not armed.
    0x53 Time TimerCancel timer_cancel() -> Zero, [];

    /// Arms the watchdog, or moves it. When the instant has passed and the watchdog was not set again, that is an event for the
    /// health monitor, noticed when the partition has the processor. 0 disarms it.
    0x54 Time WatchdogSet watchdog_set(
        /// The instant in nanoseconds, as `time_now` counts.
        deadline_ns: u64,
    ) -> Zero, [];

    /// Gives up the processor for now and stays ready. The virtual interrupt flag is left as it is. It returns
    /// at the start of the partition's next window, or as soon as an upcall can be delivered. A partition that always has the processor gets it back at once.
    0x60 Schedule Yield yield() -> Zero, [];

    /// Enables upcalls and waits in one act until one has been delivered and its handler has returned; at once if one is
    /// pending. Returns with the mask 0. A partition that waits for what can never come is
    /// reported as deadlocked.
    0x61 Schedule Block block() -> Zero, [];

    /// Ends the partition. 0 means success.
    0x62 Schedule Shutdown shutdown(
        /// The exit code.
        code: u32,
    ) -> Never, [];

    /// Writes where the partition is in the schedule.
    0x63 Schedule WindowInfo window_info(
        /// Where the answer goes.
        info: ToGuest<WindowInfo>,
    ) -> Zero, [Misaligned, BadAddress];

    /// Stops the partition without an exit code. Another partition, or a plan, can start it again.
    0x64 Schedule Halt halt() -> Never, [];

    /// Waits until one of the listed ports is pending, whatever masks it, and returns the first such port of the list. It takes no
    /// event and leaves the virtual interrupt flag as it is: upcalls are delivered meanwhile if they are enabled, and the call
    /// goes on waiting after them. The deadline is an instant; one that has passed makes the call return at once.
    0x65 Schedule Poll poll(
        /// The ports, 1 to 64.
        ports: PollList,
        /// The instant in nanoseconds, as `time_now` counts; all bits set: never.
        deadline_ns: u64,
    ) -> Number, [InvalidArgument, Misaligned, BadAddress, NoSuchPort, NotBound, TimedOut];

    /// Asks for another schedule plan. It begins at the end of the major frame, or at once if the configuration says so. The
    /// last request counts; one for the plan that runs takes it back.
    0x66 Schedule PlanSwitch plan_switch(
        /// The plan, by its place in the configuration.
        plan: u32,
    ) -> Zero, [NotPermitted, NoSuchObject];

    /// Opens the partition's end of a message channel, and returns the number of its message port. Opening it again returns the same
    /// number.
    0x70 MessagePorts MessagePortOpen message_port_open(
        /// The name of the channel.
        name: BytesFromGuest,
        /// Which end it has to be.
        direction: PortDirection,
    ) -> Number, [InvalidArgument, BadAddress, NoSuchObject, WrongDirection];

    /// Writes a message of 1 byte or more that takes the place of the last one. Readers see it when the configuration says: at once, at the end of the
    /// writer's window, or at the end of the major frame.
    0x71 MessagePorts SamplingWrite sampling_write(
        /// The message port, a source.
        message_port: u32,
        /// The message.
        message: BytesFromGuest,
    ) -> Zero, [InvalidArgument, BadAddress, NoSuchObject, WrongKind, WrongDirection, TooLong];

    /// Reads the last message and returns its length. It stays there to be read again. The buffer has to have room for the longest message; bytes
    /// after the message keep their values.
    0x72 MessagePorts SamplingRead sampling_read(
        /// The message port, a destination.
        message_port: u32,
        /// Where the message goes.
        buffer: BytesToGuest,
        /// Where goes what there is to know of it.
        info: ToGuest<SampleInfo>,
    ) -> Bytes, [InvalidArgument, Misaligned, BadAddress, NoSuchObject, WrongKind, WrongDirection, TooShort, NotAvailable];

    /// Sends a message of 1 byte or more, which keeps its boundaries. It can be received when the configuration says: at once, at the end of the
    /// sender's window, or at the end of the major frame; until it is received it takes up a place of the queue. While the queue is full the
    /// call waits, as `poll` does: upcalls are delivered meanwhile if they are enabled. Nothing is ever dropped.
    0x73 MessagePorts QueuingSend queuing_send(
        /// The message port, a source.
        message_port: u32,
        /// The message.
        message: BytesFromGuest,
        /// The instant in nanoseconds, as `time_now` counts, until which the call waits; 0: it does not wait; all bits set: for ever.
        deadline_ns: u64,
    ) -> Zero, [InvalidArgument, BadAddress, NoSuchObject, WrongKind, WrongDirection, TooLong, NotAvailable, TimedOut];

    /// Receives a message and returns its length: the oldest, or where the configuration says so the most urgent and of equals the oldest. The
    /// buffer has to have room for the longest message; bytes after the message keep their values. While there is none the call waits, as
    /// `poll` does.
    0x74 MessagePorts QueuingReceive queuing_receive(
        /// The message port, a destination.
        message_port: u32,
        /// Where the message goes.
        buffer: BytesToGuest,
        /// The instant in nanoseconds, as `time_now` counts, until which the call waits; 0: it does not wait; all bits set: for ever.
        deadline_ns: u64,
    ) -> Bytes, [InvalidArgument, BadAddress, NoSuchObject, WrongKind, WrongDirection, TooShort, NotAvailable, TimedOut];

    /// Writes what the message port is and how many messages there are.
    0x75 MessagePorts MessagePortStatus message_port_status(
        /// The message port.
        message_port: u32,
        /// Where the answer goes.
        status: ToGuest<MessagePortStatus>,
    ) -> Zero, [Misaligned, BadAddress, NoSuchObject];

    /// Drops the messages of a queue that could be received, and returns their number. What the flush policy holds back is not among
    /// them.
    0x76 MessagePorts MessagePortClear message_port_clear(
        /// The message port, a destination.
        message_port: u32,
    ) -> Number, [NoSuchObject, WrongKind, WrongDirection];

    /// Sets how urgent the messages are that are sent from now on: 0 is the most urgent, 255 the least, and what a message port has when it
    /// is opened. For queues that the configuration orders by priority.
    0x77 MessagePorts MessagePortSetPriority message_port_set_priority(
        /// The message port, a source.
        message_port: u32,
        /// The priority, 0 to 255.
        priority: u32,
    ) -> Zero, [InvalidArgument, NoSuchObject, WrongKind, WrongDirection];

    /// Tells the health monitor of an error of the guest's own. The configuration says what is done: the call may not return.
    0x80 Health HealthRaise health_raise(
        /// A code, as the guest likes.
        code: u32,
        /// What happened, at most 64 bytes; any bytes.
        message: BytesFromGuest,
    ) -> Zero, [InvalidArgument, BadAddress];

    /// Writes an entry of the health log. The log keeps the last 256. Entries of other partitions need the right to read the log.
    0x81 Health HealthRead health_read(
        /// The number of the entry: the first ever is 0.
        sequence: u32,
        /// Where the entry goes.
        entry: ToGuest<HealthEntryLayout>,
    ) -> Zero, [Misaligned, BadAddress, NoSuchObject, NotPermitted];

    /// Notes that an entry of the health log was dealt with, and returns the number of the next entry that the partition
    /// may read and nobody has dealt with, or of the entry to come.
    0x82 Health HealthAcknowledge health_acknowledge(
        /// The number of the entry.
        sequence: u32,
    ) -> Number, [NoSuchObject, NotPermitted];

    /// Returns the number of a partition by its name.
    0x88 Partitions PartitionFind partition_find(
        /// The name.
        name: BytesFromGuest,
    ) -> Number, [InvalidArgument, BadAddress, NoSuchObject];

    /// Writes the status of a partition: one's own always, that of another with the right to it.
    0x89 Partitions PartitionStatus partition_status(
        /// The partition.
        partition: u32,
        /// Where the answer goes.
        status: ToGuest<PartitionStatus>,
    ) -> Zero, [Misaligned, BadAddress, NoSuchObject, NotPermitted];

    /// Suspends, resumes, restarts or halts another partition, or asks it to shut down.
    0x8a Partitions PartitionControl partition_control(
        /// The partition; not one's own.
        partition: u32,
        /// What to do.
        action: ControlAction,
    ) -> Zero, [InvalidArgument, NoSuchObject, NotPermitted];

    /// Sets the mode of one's own partition. `idle` halts it, `cold_start` and `warm_start` start it again: these do not return.
    /// Whoever starts a partition again, loading it takes one unit for each page of its memory, in its own windows.
    0x8b Partitions PartitionSetMode partition_set_mode(
        /// The mode.
        mode: PartitionMode,
    ) -> Zero, [InvalidArgument];

    /// Reads an I/O port that the configuration grants, as IN does. Nothing is behind a port in this version: it reads as
    /// ones. The value is written as 32 bits, the upper ones 0.
    0x90 Ports IoRead io_read(
        /// The port, below 10000h.
        port: Hexadecimal,
        /// How many bytes: 1, 2 or 4. As many ports from `port` on have to be granted.
        width: u32,
        /// Where the value goes.
        value: ToGuest<u32>,
    ) -> Zero, [Misaligned, BadAddress, InvalidArgument, NotPermitted];

    /// Writes an I/O port that the configuration grants, as OUT does. Nothing is behind a port in this version: the
    /// value goes nowhere.
    0x91 Ports IoWrite io_write(
        /// The port, below 10000h.
        port: Hexadecimal,
        /// How many bytes: 1, 2 or 4. As many ports from `port` on have to be granted.
        width: u32,
        /// The value, in the lowest bits.
        value: Hexadecimal,
    ) -> Zero, [InvalidArgument, NotPermitted];

    /// Changes what may be done with pages of the partition's own RAM, from the next instruction on. With rights 0 every access
    /// faults, and the contents stay.
    0xa0 Memory MemoryProtect memory_protect(
        /// The pages: in RAM, or where `memory_map` put some.
        pages: Pages,
        /// Bits of PV_RIGHT_...: 0, or READ with or without WRITE and EXECUTE.
        rights: Hexadecimal,
    ) -> Zero, [Misaligned, InvalidArgument, BadAddress];

    /// Maps pages of RAM at another place, where nothing is mapped, above page 0 and below F0000000h. Both places show the same
    /// bytes: what is written at one is read, and executed, at the other. RAM is named by the addresses that it has at the
    /// start, mapped there still or not.
    0xa1 Memory MemoryMap memory_map(
        /// Where.
        pages: Pages,
        /// The first of as many pages of RAM.
        source: PageAddress,
        /// Bits of PV_RIGHT_..., as for `memory_protect`.
        rights: Hexadecimal,
    ) -> Zero, [Misaligned, InvalidArgument, BadAddress, AlreadyMapped];

    /// Takes pages of the partition's own RAM out of the address space: an access is a page fault, as where nothing ever was.
    /// The contents stay, and `memory_map` brings them back.
    0xa2 Memory MemoryUnmap memory_unmap(
        /// The pages, all of them mapped.
        pages: Pages,
    ) -> Zero, [Misaligned, InvalidArgument, BadAddress];

    /// Writes what the page of an address is: any address, the core's own pages too.
    0xa3 Memory MemoryQuery memory_query(
        /// An address in the page.
        address: Hexadecimal,
        /// Where the answer goes.
        page: ToGuest<MemoryPage>,
    ) -> Zero, [Misaligned, BadAddress];

    /// Writes where a shared area lies, how long it is, and what the partition may do with it.
    0xa4 Memory SharedAreaFind shared_area_find(
        /// The name of the area.
        name: BytesFromGuest,
        /// Where the answer goes.
        area: ToGuest<MemoryMapEntry>,
    ) -> Zero, [InvalidArgument, BadAddress, Misaligned, NoSuchObject];

    /// Writes bytes to the console, all of them, and returns their number. Any byte may be written.
    0xd0 Console ConsoleWrite console_write(
        /// The bytes.
        bytes: BytesFromGuest,
    ) -> Bytes, [InvalidArgument, BadAddress];

    /// Reads as many bytes as wait, but no more than fit, and returns their number. Never blocks: 0 means that none wait
    /// now. The console-input event is raised when bytes arrive, not again for those that were left.
    0xd1 Console ConsoleRead console_read(
        /// Where the bytes go.
        buffer: BytesToGuest,
    ) -> Bytes, [InvalidArgument, BadAddress, EndOfInput];

    /// Puts a line into the trace. Costs and changes nothing else, so that it may stay in a guest.
    0xe0 Trace TraceMark trace_mark(
        /// What the mark is, as the guest likes.
        id: u32,
        /// A value that belongs to it.
        payload: Hexadecimal,
    ) -> Zero, [];

    /// The trace shows the partition's instructions again, from the next one on. Changes nothing else.
    0xe1 Trace TraceStart trace_start() -> Zero, [];

    /// The trace leaves out the partition's instructions until `trace_start`; it goes on showing its events. Changes nothing else.
    0xe2 Trace TraceStop trace_stop() -> Zero, [];
}

impl Call {
    /// Everything that is known of the call.
    #[must_use]
    pub fn description(self) -> &'static CallDescription {
        &CALLS[self as usize]
    }
}
