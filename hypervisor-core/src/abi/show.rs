//! Calls as a trace shows them: names, arguments by name and type, results.

use std::fmt::Write;

use super::{
    ArgumentDescription, ArgumentKind, Call, CallError, EnumerationDescription, INTERRUPT_FLAG, Registers,
    ResultKind,
};

/// The call with its arguments as they stand in EBX, ECX, EDX, ESI, EDI, for example
/// `console_write(bytes=14 at 0x00101000)`; `address` says how addresses are shown. Values that the call refuses are
/// shown all the same. A number without a call shows as `call 0x7f`.
#[must_use]
pub fn show_call(number: u32, registers: [u32; 5], address: impl Fn(u32) -> String) -> String {
    let Some(call) = Call::from_number(number) else {
        return format!("call 0x{number:x}");
    };
    let description = call.description();
    let mut registers = Registers::new(registers);
    let arguments: Vec<String> = description
        .arguments
        .iter()
        .map(|argument| show_argument(argument, &mut registers, &address))
        .collect();
    format!("{}({})", description.name, arguments.join(", "))
}

/// What a call left in EAX: a value, or the name of the error with its number.
#[must_use]
pub fn show_result(number: u32, eax: u32) -> String {
    let kind = Call::from_number(number).map(|call| call.description().result);
    if let Some(error) = CallError::from_code(eax) {
        return format!("{} ({})", error.name(), eax.cast_signed());
    }
    match kind {
        Some(ResultKind::Level | ResultKind::Selector) => format!("0x{eax:x}"),
        Some(ResultKind::Zero | ResultKind::Bytes | ResultKind::Number | ResultKind::Never) | None => {
            format!("{}", eax.cast_signed())
        }
    }
}

fn show_argument(
    argument: &ArgumentDescription,
    registers: &mut Registers,
    address: impl Fn(u32) -> String,
) -> String {
    let mut text = format!("{}=", argument.name);
    let first = registers.next_value();
    let second = if argument.kind.registers() == 2 { registers.next_value() } else { 0 };
    let written = match argument.kind {
        ArgumentKind::Integer | ArgumentKind::Port => write!(text, "{first}"),
        ArgumentKind::Integer64 => write!(text, "{}", u64::from(second) << 32 | u64::from(first)),
        ArgumentKind::Hexadecimal => write!(text, "0x{first:x}"),
        ArgumentKind::Enumeration(enumeration) => write!(text, "{}", show_value(enumeration, first)),
        ArgumentKind::Level => {
            write!(text, "{}", if first & INTERRUPT_FLAG == 0 { "disabled" } else { "enabled" })
        }
        ArgumentKind::Code
        | ArgumentKind::PageAddress
        | ArgumentKind::StructToGuest(_)
        | ArgumentKind::IntegerToGuest(_) => {
            write!(text, "{}", address(first))
        }
        ArgumentKind::Pages
        | ArgumentKind::BytesFromGuest
        | ArgumentKind::BytesToGuest
        | ArgumentKind::ArrayFromGuest(_) => {
            write!(text, "{second} at {}", address(first))
        }
    };
    written.expect("writing to a string cannot fail");
    text
}

fn show_value(enumeration: &EnumerationDescription, number: u32) -> String {
    let known = enumeration.values.iter().find(|value| value.value == number);
    known.map_or_else(|| format!("{number}"), |value| value.name.to_owned())
}
