//! Events as text, one line each: the kind, then what there is to say about it.
//!
//! The same words stand in traces and in the projections that golden tests compare.

use crate::columns::{pad, quoted, seconds};
use crate::places::describe;
use emulator::{Exception, Vector};
use hypervisor_core::abi::{show_call, show_result};
use hypervisor_core::loader::Symbols;
use hypervisor_core::record::Fate;
use hypervisor_core::{Abi, CrashReason, Event};

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
pub fn append(out: &mut Vec<u8>, symbols: &Symbols, event: &Event) {
    let start = out.len();
    out.extend_from_slice(kind(event).as_bytes());
    pad(out, start, KIND_WIDTH);
    match event {
        Event::ConsoleOutput(bytes) | Event::ConsoleInput(bytes) => quoted(out, bytes),
        Event::Idle { until_ns } => {
            out.extend_from_slice(b"until ");
            seconds(out, *until_ns);
        }
        other => out.extend_from_slice(words(symbols, other).as_bytes()),
    }
}

/// One word for each kind of event, to search for.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Call { .. } => "call",
        Event::EventRaised { .. } => "raise",
        Event::EventDelivered { .. } => "deliver",
        Event::EventTaken { .. } => "take",
        Event::EventDropped { .. } => "drop",
        Event::Upcall { .. } => "upcall",
        Event::Trap { .. } => "trap",
        Event::InterruptReturn { .. } => "iret",
        Event::Idle { .. } => "idle",
        Event::Mark { .. } => "mark",
        Event::ConsoleOutput(_) => "console",
        Event::ConsoleInput(_) => "input",
        Event::ConsoleEnd => "input-end",
        Event::Crash { .. } => "crash",
    }
}

fn words(symbols: &Symbols, event: &Event) -> String {
    let place = |address: u32| describe(symbols, address);
    match *event {
        Event::Call { abi: Abi::Paravane, number, arguments, result, caller } => {
            let call = show_call(number, arguments, place);
            let result = result.map(|eax| format!(" = {}", show_result(number, eax))).unwrap_or_default();
            format!("{call}{result}  from {}", place(caller))
        }
        Event::Call { abi: Abi::Linux, number, arguments, result, caller } => {
            let call = linux_call(number, arguments, place);
            let result = result.map(|eax| format!(" = {}", eax.cast_signed())).unwrap_or_default();
            format!("{call}{result}  from {}", place(caller))
        }
        Event::EventRaised { source, port, count, fate } => {
            let times = if count == 1 { String::new() } else { format!(" x{count}") };
            let port = port.map(|port| format!(" on port {}", port.index())).unwrap_or_default();
            format!("{}{times}{port}: {}", source.name(), fate_words(fate))
        }
        Event::EventDelivered { source, port } | Event::EventTaken { source, port } => {
            format!("{} on port {}", source.name(), port.index())
        }
        Event::EventDropped { source, count, reason } => {
            format!("{} x{count}: {}", source.name(), reason.name())
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
        Event::Crash { reason, eip } => format!("{} in {}", crash_words(reason), place(eip)),
        Event::Idle { .. } | Event::ConsoleOutput(_) | Event::ConsoleInput(_) | Event::ConsoleEnd => {
            String::new()
        }
    }
}

/// A system call of Linux on i386, as `strace` would name it.
fn linux_call(number: u32, [first, second, third, ..]: [u32; 5], place: impl Fn(u32) -> String) -> String {
    match number {
        1 => format!("exit({})", first.cast_signed()),
        4 => format!("write({first}, {third} at {})", place(second)),
        20 => "getpid()".to_owned(),
        252 => format!("exit_group({})", first.cast_signed()),
        other => format!("linux call {other}"),
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

fn fate_words(fate: Fate) -> String {
    match fate {
        Fate::Pending => "pending".to_owned(),
        Fate::Masked => "pending, port masked".to_owned(),
        Fate::Coalesced => "was pending already".to_owned(),
        Fate::Dropped(reason) => format!("dropped, {}", reason.name()),
    }
}

/// `#PF` for an exception, `int 0x20` for the others.
fn vector_name(vector: u8) -> String {
    let exception = EXCEPTIONS.iter().find(|exception| **exception as u8 == vector);
    exception.map_or_else(|| format!("int 0x{vector:x}"), |exception| exception.name().to_owned())
}
