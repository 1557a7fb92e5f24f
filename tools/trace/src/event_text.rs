//! Events as text, one line each: the kind, then what there is to say about it.
//!
//! The same words stand in traces and in the projections that golden tests compare.

use crate::columns::{pad, quoted, seconds};
use crate::linux_names::linux_call_by_name;
use crate::names::Names;
use crate::places::{describe, describe_return};
use emulator::{Exception, Vector};
use hypervisor_core::abi::{show_call, show_result, start_info};
use hypervisor_core::loader::Symbols;
use hypervisor_core::record::Fate;
use hypervisor_core::{Abi, CrashReason, Event, Limit, Outcome};

const KIND_WIDTH: usize = 8;

/// The vectors that a processor raises by itself.
const EXCEPTIONS: [Vector; 17] = [
    Vector::DivideError,
    Vector::Debug,
    Vector::Breakpoint,
    Vector::Overflow,
    Vector::BoundRange,
    Vector::InvalidOpcode,
    Vector::DeviceNotAvailable,
    Vector::DoubleFault,
    Vector::InvalidTss,
    Vector::SegmentNotPresent,
    Vector::StackFault,
    Vector::GeneralProtection,
    Vector::PageFault,
    Vector::FloatingPoint,
    Vector::AlignmentCheck,
    Vector::MachineCheck,
    Vector::SimdFloatingPoint,
];

/// Appends an event; spaces may follow, the end of the line does not.
pub fn append(out: &mut Vec<u8>, symbols: &Symbols, names: &Names, event: &Event) {
    let start = out.len();
    out.extend_from_slice(kind(event).as_bytes());
    pad(out, start, KIND_WIDTH);
    match event {
        Event::ConsoleOutput(bytes) | Event::ConsoleInput(bytes) => quoted(out, bytes),
        Event::Idle { until_ns } => {
            out.extend_from_slice(b"until ");
            seconds(out, *until_ns);
        }
        other => out.extend_from_slice(words(symbols, names, other).as_bytes()),
    }
}

/// What there is to say about an event beside its kind: the rest of its line in a text trace.
#[must_use]
pub fn event_words(symbols: &Symbols, names: &Names, event: &Event) -> String {
    let mut line = Vec::new();
    append(&mut line, symbols, names, event);
    let words = line.get(KIND_WIDTH.max(kind(event).len() + 1)..).unwrap_or_default();
    String::from_utf8_lossy(words.trim_ascii_end()).into_owned()
}

/// One word for each kind of event, to search for.
#[must_use]
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::Call { .. } => "call",
        Event::EventRaised { .. } => "raise",
        Event::EventDelivered { .. } => "deliver",
        Event::EventTaken { .. } => "take",
        Event::EventDropped { .. } => "drop",
        Event::Upcall { .. } => "upcall",
        Event::Trap { .. } => "trap",
        Event::InterruptReturn { .. } => "iret",
        Event::Settled { .. } => "settle",
        Event::Idle { .. } => "idle",
        Event::Mark { .. } => "mark",
        Event::ConsoleOutput(_) => "console",
        Event::ConsoleInput(_) => "input",
        Event::ConsoleEnd => "input-end",
        Event::TraceStart | Event::TraceStop => "tracing",
        Event::WindowStart { .. } | Event::WindowEnd { .. } => "window",
        Event::Restart { .. } => "restart",
        Event::Health { .. } => "health",
        Event::MessageWritten { .. } => "write",
        Event::MessagesFlushed { .. } => "flush",
        Event::MessageReceived { .. } => "receive",
        Event::MessagesDropped { .. } => "lose",
        Event::Crash { .. } => "crash",
    }
}

fn words(symbols: &Symbols, names: &Names, event: &Event) -> String {
    let place = |address: u32| describe(symbols, address);
    match *event {
        Event::Settled { eip, ref text } => {
            format!("`{}` in {}, told once", text.escape_debug(), place(eip))
        }
        Event::Call { abi: Abi::Paravane, number, arguments, result, caller } => {
            let call = show_call(number, arguments, place);
            let result = result.map(|eax| format!(" = {}", show_result(number, eax))).unwrap_or_default();
            format!("{call}{result}  from {}", describe_return(symbols, caller))
        }
        Event::Call { abi: Abi::Linux, number, arguments, result, caller } => {
            let call = linux_call(number, arguments, place);
            let result = result.map(|eax| format!(" = {}", eax.cast_signed())).unwrap_or_default();
            format!("{call}{result}  from {}", describe_return(symbols, caller))
        }
        Event::EventRaised { source, port, count, fate } => {
            let times = if count == 1 { String::new() } else { format!(" x{count}") };
            let port = port.map(|port| format!(" on port {}", port.index())).unwrap_or_default();
            format!("{}{times}{port}: {}", names.source(source), fate_words(fate))
        }
        Event::EventDelivered { source, port } | Event::EventTaken { source, port } => {
            format!("{} on port {}", names.source(source), port.index())
        }
        Event::EventDropped { source, count, reason } => {
            format!("{} x{count}: {}", names.source(source), reason.name())
        }
        Event::Upcall { eip, handler } => format!("{} interrupts {}", place(handler), place(eip)),
        Event::Trap { vector, error_code, address, eip, handler } => {
            let error_code = error_code.map(|code| format!(" error 0x{code:x}")).unwrap_or_default();
            let address =
                address.map(|address| format!(" at address {}", place(address))).unwrap_or_default();
            format!("{}{error_code}{address} in {} -> {}", vector_name(vector), place(eip), place(handler))
        }
        Event::InterruptReturn { eip, interrupts } => {
            format!("to {}, upcalls {}", place(eip), if interrupts { "enabled" } else { "masked" })
        }
        Event::Mark { id, payload } => format!("{id} payload 0x{payload:x}"),
        Event::WindowStart { plan, window } => format!("{window} of plan {} begins", names.plan(plan)),
        Event::WindowEnd { plan, window } => format!("{window} of plan {} ends", names.plan(plan)),
        Event::Restart { condition, restart_count } => {
            format!("{} number {restart_count}", start_words(condition))
        }
        Event::Health { event, action } => format!("{}: {}", event.name(), names.action(action)),
        Event::MessageWritten { channel, length, visible } => {
            let when = if visible { "visible" } else { "held until the flush" };
            format!("{}: {length} bytes, {when}", names.message_port(channel))
        }
        Event::MessageReceived { channel, length } => {
            format!("{}: {length} bytes", names.message_port(channel))
        }
        Event::MessagesFlushed { channel, count } | Event::MessagesDropped { channel, count } => {
            format!("{} x{count}", names.message_port(channel))
        }
        Event::Crash { reason, eip } => format!("{} in {}", crash_words(reason), place(eip)),
        Event::TraceStart => "on".to_owned(),
        Event::TraceStop => "off".to_owned(),
        Event::Idle { .. } | Event::ConsoleOutput(_) | Event::ConsoleInput(_) | Event::ConsoleEnd => {
            String::new()
        }
    }
}

/// A system call of Linux on i386, as `strace` would name it.
fn linux_call(number: u32, arguments: [u32; 5], place: impl Fn(u32) -> String) -> String {
    let [first, second, third, ..] = arguments;
    match number {
        1 => format!("exit({})", first.cast_signed()),
        4 => format!("write({first}, {third} at {})", place(second)),
        20 => "getpid()".to_owned(),
        252 => format!("exit_group({})", first.cast_signed()),
        other => linux_call_by_name(other, arguments).unwrap_or_else(|| format!("linux call {other}")),
    }
}

fn start_words(condition: u32) -> &'static str {
    match condition {
        start_info::START_WARM => "warm",
        start_info::START_COLD_AFTER_HEALTH => "cold, by the health monitor,",
        start_info::START_WARM_AFTER_HEALTH => "warm, by the health monitor,",
        _ => "cold",
    }
}

fn crash_words(reason: CrashReason) -> String {
    match reason {
        CrashReason::Unhandled(exception) => {
            let Exception { vector, error_code, address } = exception;
            let mut words = format!("unhandled {}", vector.name());
            if vector.has_error_code() {
                words += &format!(" error 0x{error_code:x}");
            }
            if vector == Vector::PageFault {
                words += &format!(" at address 0x{address:08x}");
            }
            words
        }
        CrashReason::TrapFrame { vector, error_code, address } => {
            format!("{} error 0x{error_code:x} needs a frame at 0x{address:08x}", vector_name(vector))
        }
        CrashReason::UpcallFrame { address } => format!("upcall needs a frame at 0x{address:08x}"),
        CrashReason::Deadlock => "deadlock".to_owned(),
    }
}

/// How a run ended.
pub fn outcome_words(symbols: &Symbols, names: &Names, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Shutdown { code } => format!("shutdown with code {}", code.cast_signed()),
        Outcome::LimitReached(Limit::Instructions) => "limit of instructions".to_owned(),
        Outcome::LimitReached(Limit::Time) => "limit of time".to_owned(),
        Outcome::Crashed(crash) => format!("crash: {}", crash_words(crash.reason)),
        Outcome::Halted => "halted".to_owned(),
        Outcome::StoppedByHealth { event } => format!("stopped by the health monitor: {}", event.name()),
        Outcome::SystemHalted { partition, event } => {
            let partition = names.partition(*partition);
            format!("system halted by the health monitor: {} in partition {partition}", event.name())
        }
        Outcome::Unimplemented { eip, text, .. } => {
            format!("`{text}` in {} is not implemented", describe(symbols, *eip))
        }
    }
}

fn fate_words(fate: Fate) -> String {
    match fate {
        Fate::Pending => "pending".to_owned(),
        Fate::Masked => "pending, port masked".to_owned(),
        Fate::Coalesced => "was pending already".to_owned(),
        Fate::Dropped(reason) => format!("dropped, {}", reason.name()),
    }
}

/// `#PF` for an exception, `int 0x20` for the others.
#[must_use]
pub fn vector_name(vector: u8) -> String {
    let exception = EXCEPTIONS.iter().find(|exception| **exception as u8 == vector);
    exception.map_or_else(|| format!("int 0x{vector:x}"), |exception| exception.name().to_owned())
}

/// The vector of an exception's name: `#PF`, `pf`.
#[must_use]
pub fn exception_named(name: &str) -> Option<u8> {
    let name = name.strip_prefix('#').unwrap_or(name);
    let is_named = |vector: &&Vector| vector.name().trim_start_matches('#').eq_ignore_ascii_case(name);
    EXCEPTIONS.iter().find(is_named).map(|vector| *vector as u8)
}

#[cfg(test)]
mod tests {
    use super::{append, outcome_words};
    use crate::names::Names;
    use emulator::{Exception, Vector};
    use hypervisor_core::abi::{Call, CallError, EventPort, VirtualInterrupt};
    use hypervisor_core::config::{
        EventChannel, Flush, Line, MessageChannel, MessageKind, PlanId, SystemConfig,
    };
    use hypervisor_core::health::{HealthAction, HealthEvent};
    use hypervisor_core::ledger::{DropReason, Source};
    use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};
    use hypervisor_core::record::Fate;
    use hypervisor_core::schedule::Plan;
    use hypervisor_core::{Abi, CrashReason, Event, Limit, Outcome, PartitionId};

    fn symbols() -> Symbols {
        let main =
            Symbol { address: 0x100, length_bytes: 16, kind: SymbolKind::Function, name: "main".to_owned() };
        Symbols::default().with([main])
    }

    fn shown(event: &Event) -> String {
        let mut out = Vec::new();
        append(&mut out, &symbols(), &Names::default(), event);
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    #[test]
    fn calls_show_arguments_result_and_caller() {
        let call =
            |abi, number, arguments, result| Event::Call { abi, number, arguments, result, caller: 0x104 };
        let write = Call::ConsoleWrite.description().number;
        let bad = Some(CallError::BadAddress.code());
        // Behind a call that does not return, another function begins.
        let exit = Event::Call {
            abi: Abi::Linux,
            number: 1,
            arguments: [7, 0, 0, 0, 0],
            result: None,
            caller: 0x110,
        };
        let next =
            Symbol { address: 0x110, length_bytes: 8, kind: SymbolKind::Function, name: "next".to_owned() };
        let mut out = Vec::new();
        append(&mut out, &symbols().with([next]), &Names::default(), &exit);
        assert_eq!(String::from_utf8(out).unwrap().trim_end(), "call    exit(7)  from main+0x10");
        for (event, text) in [
            (
                call(Abi::Paravane, write, [0x108, 5, 0, 0, 0], Some(5)),
                "call    console_write(bytes=5 at main+0x8) = 5  from main+0x4",
            ),
            (
                call(Abi::Paravane, write, [0, 5, 0, 0, 0], bad),
                "call    console_write(bytes=5 at 0x00000000) = bad_address (-2)  from main+0x4",
            ),
            (
                call(Abi::Linux, 4, [1, 0x108, 5, 0, 0], Some(5)),
                "call    write(1, 5 at main+0x8) = 5  from main+0x4",
            ),
            (call(Abi::Linux, 1, [7, 0, 0, 0, 0], None), "call    exit(7)  from main+0x4"),
            (call(Abi::Linux, 3, [0; 5], Some(-38_i32 as u32)), "call    linux call 3 = -38  from main+0x4"),
            (call(Abi::Linux, 45, [0; 5], Some(7)), "call    brk(0) = 7  from main+0x4"),
        ] {
            assert_eq!(shown(&event), text);
        }
    }

    #[test]
    fn events_show_source_port_and_fate() {
        let (source, port) = (Source::Interrupt(VirtualInterrupt::Timer), EventPort::new(3));
        let raised = |count, port, fate| Event::EventRaised { source, port, count, fate };
        let dropped = Event::EventDropped { source, count: 2, reason: DropReason::Unbound };
        for (event, text) in [
            (raised(1, port, Fate::Pending), "raise   timer on port 3: pending"),
            (raised(4, port, Fate::Coalesced), "raise   timer x4 on port 3: was pending already"),
            (raised(1, port, Fate::Masked), "raise   timer on port 3: pending, port masked"),
            (raised(1, None, Fate::Dropped(DropReason::NotBound)), "raise   timer: dropped, not_bound"),
            (Event::EventDelivered { source, port: port.unwrap() }, "deliver timer on port 3"),
            (Event::EventTaken { source, port: port.unwrap() }, "take    timer on port 3"),
            (dropped, "drop    timer x2: unbound"),
        ] {
            assert_eq!(shown(&event), text);
        }
    }

    #[test]
    fn diversions_show_where_from_and_where_to() {
        let fault = Exception { vector: Vector::PageFault, error_code: 6, address: 8 };
        let trap = |vector, error_code, address| Event::Trap {
            vector,
            error_code,
            address,
            eip: 0x104,
            handler: 0x100,
        };
        for (event, text) in [
            (trap(14, Some(6), Some(8)), "trap    #PF error 0x6 at address 0x00000008 in main+0x4 -> main"),
            (trap(0x20, None, None), "trap    int 0x20 in main+0x4 -> main"),
            (Event::Upcall { eip: 0x104, handler: 0x100 }, "upcall  main interrupts main+0x4"),
            (Event::InterruptReturn { eip: 0x104, interrupts: true }, "iret    to main+0x4, upcalls enabled"),
            (Event::Idle { until_ns: 1_500_000_000 }, "idle    until 1.500000000"),
            (Event::Settled { eip: 0x104, text: "cli".to_owned() }, "settle  `cli` in main+0x4, told once"),
            // From a file, it may be any text.
            (
                Event::Settled { eip: 0x104, text: "\x1b[31m\n".to_owned() },
                "settle  `\\u{1b}[31m\\n` in main+0x4, told once",
            ),
            (Event::Mark { id: 7, payload: 255 }, "mark    7 payload 0xff"),
            (Event::ConsoleOutput(b"a\n".to_vec()), "console \"a\\n\""),
            (Event::ConsoleInput(vec![3]), "input   \"\\x03\""),
            (Event::ConsoleEnd, "input-end"),
            (
                Event::Crash { reason: CrashReason::Unhandled(fault), eip: 0x104 },
                "crash   unhandled #PF error 0x6 at address 0x00000008 in main+0x4",
            ),
            (
                Event::MessageWritten { channel: 2, length: 8, visible: false },
                "write   message_port:2: 8 bytes, held until the flush",
            ),
            (
                Event::MessageWritten { channel: 2, length: 8, visible: true },
                "write   message_port:2: 8 bytes, visible",
            ),
            (Event::MessageReceived { channel: 2, length: 8 }, "receive message_port:2: 8 bytes"),
            (Event::MessagesFlushed { channel: 2, count: 3 }, "flush   message_port:2 x3"),
            (Event::MessagesDropped { channel: 2, count: 1 }, "lose    message_port:2 x1"),
            (Event::Crash { reason: CrashReason::Deadlock, eip: 0x104 }, "crash   deadlock in main+0x4"),
        ] {
            assert_eq!(shown(&event), text);
        }
    }

    #[test]
    fn the_end_says_how_it_ended() {
        let missing = Outcome::Unimplemented { eip: 0x104, bytes: vec![0xd9, 0xe8], text: "fld1".to_owned() };
        for (outcome, text) in [
            (Outcome::Shutdown { code: u32::MAX }, "shutdown with code -1"),
            (Outcome::LimitReached(Limit::Time), "limit of time"),
            (missing, "`fld1` in main+0x4 is not implemented"),
        ] {
            assert_eq!(outcome_words(&symbols(), &Names::default(), &outcome), text);
        }
    }

    #[test]
    fn parts_of_a_system_are_called_what_the_configuration_calls_them() {
        let line = |number, name: &str| Line { number, name: name.to_owned(), owner: None };
        let channel = EventChannel {
            name: "ring".to_owned(),
            from: PartitionId(0),
            to: PartitionId(1),
            flush: Flush::Immediate,
        };
        let queue = MessageChannel {
            name: "mail".to_owned(),
            kind: MessageKind::Sampling { refresh_ns: 1 },
            message_bytes: 4,
            from: PartitionId(0),
            to: vec![PartitionId(1)],
            flush: Flush::Immediate,
        };
        let names = Names::of(&SystemConfig {
            plans: vec![Plan { name: "cruise".to_owned(), ..Plan::always(PartitionId(0)) }],
            lines: vec![line(4, "uart"), line(5, "")],
            event_channels: vec![channel],
            message_channels: vec![queue],
            ..SystemConfig::default()
        });
        let shown = |event| {
            let mut out = Vec::new();
            append(&mut out, &symbols(), &names, &event);
            String::from_utf8(out).unwrap()
        };
        let dropped = |source| shown(Event::EventDropped { source, count: 2, reason: DropReason::NotBound });
        let switch = HealthAction::SwitchPlan(PlanId(0));
        for (text, expected) in [
            (shown(Event::WindowStart { plan: 0, window: 2 }), "window  2 of plan cruise begins"),
            (shown(Event::WindowEnd { plan: 1, window: 2 }), "window  2 of plan 1 ends"),
            (dropped(Source::Line(4)), "drop    line:uart x2: not_bound"),
            (dropped(Source::Line(5)), "drop    line:5 x2: not_bound"),
            (dropped(Source::Line(6)), "drop    line:6 x2: not_bound"),
            (dropped(Source::Channel(0)), "drop    channel:ring x2: not_bound"),
            (dropped(Source::Channel(1)), "drop    channel:1 x2: not_bound"),
            (dropped(Source::MessagePort(0)), "drop    message_port:mail x2: not_bound"),
            (shown(Event::MessagesFlushed { channel: 0, count: 3 }), "flush   message_port:mail x3"),
            (
                shown(Event::Health { event: HealthEvent::Watchdog, action: switch }),
                "health  watchdog: switch_plan cruise",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }
}
