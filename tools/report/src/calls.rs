//! Hypercalls and system calls by number, with their arguments as the ABI names them, and the errors that they returned.

use crate::bounds::CALLS_MOST;
use crate::words::label;
use hypervisor_core::abi::{ArgumentDescription, ArgumentKind, Call, CallError};
use hypervisor_core::{Abi, Event, PartitionId, Stamp};
use serde::Serialize;
use std::collections::BTreeMap;
use trace::{Names, TracedSystem, event_words};

/// The greatest number that Linux returns for an error, negative.
const LINUX_ERRORS: u32 = 4095;

/// The calls of all partitions.
#[derive(Debug, Default)]
pub struct Calls {
    kinds: BTreeMap<(PartitionId, bool, u32), Kind>,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Kind {
    name: String,
    count: u64,
    /// By their code; there are a few dozen.
    errors: BTreeMap<&'static str, u64>,
    failed: u64,
}

/// Calls of one number as the page has them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Who called.
    pub partition: u16,
    /// The number.
    pub number: u32,
    /// The name, with the names of the arguments.
    pub name: String,
    /// How many.
    pub count: u64,
    /// How many of them returned an error.
    pub failed: u64,
    /// Which errors, and how often.
    pub errors: Vec<(&'static str, u64)>,
}

impl Calls {
    /// Follows an event.
    pub fn follow(&mut self, traced: &TracedSystem, stamp: Stamp, event: &Event) {
        let Event::Call { abi, number, result, .. } = *event else { return };
        let is_linux = abi == Abi::Linux;
        let key = (stamp.partition, is_linux, number);
        if self.kinds.len() >= CALLS_MOST && !self.kinds.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let kind = self
            .kinds
            .entry(key)
            .or_insert_with(|| Kind { name: name(traced, stamp.partition, event), ..Kind::default() });
        kind.count += 1;
        let error = result.filter(|_| !is_linux).and_then(CallError::from_code);
        let is_linux_error = is_linux && result.is_some_and(|eax| eax > u32::MAX - LINUX_ERRORS);
        kind.failed += u64::from(error.is_some() || is_linux_error);
        if let Some(error) = error {
            *kind.errors.entry(error.name()).or_default() += 1;
        }
    }

    /// The calls, the most frequent first, and how many are of other numbers, for which there was no room.
    pub fn shown(self) -> (Vec<Row>, u64) {
        let row = |((partition, _, number), kind): ((PartitionId, bool, u32), Kind)| Row {
            partition: partition.0,
            number,
            name: kind.name,
            count: kind.count,
            failed: kind.failed,
            errors: kind.errors.into_iter().collect(),
        };
        let mut rows: Vec<Row> = self.kinds.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        (rows, self.left_out)
    }
}

/// The name of a call with those of its arguments.
fn name(traced: &TracedSystem, partition: PartitionId, event: &Event) -> String {
    if let Event::Call { abi: Abi::Paravane, number, .. } = *event
        && let Some(call) = Call::from_number(number)
    {
        let description = call.description();
        let typed =
            |argument: &ArgumentDescription| format!("{}: {}", argument.name, type_name(argument.kind));
        let arguments: Vec<String> = description.arguments.iter().map(typed).collect();
        return label(&format!("{}({})", description.name, arguments.join(", ")));
    }
    let Some(traced) = traced.partitions.get(partition.index()) else { return String::new() };
    let words = event_words(&traced.symbols, &Names::default(), event);
    label(words.split(['(', '=']).next().unwrap_or_default().trim_end())
}

/// What an argument is; `out` is what the call writes.
fn type_name(kind: ArgumentKind) -> String {
    match kind {
        ArgumentKind::Integer => "number".to_owned(),
        ArgumentKind::Integer64 => "64-bit number".to_owned(),
        ArgumentKind::Hexadecimal => "bits".to_owned(),
        ArgumentKind::Enumeration(enumeration) => enumeration.name.to_owned(),
        ArgumentKind::Port => "event port".to_owned(),
        ArgumentKind::Level => "level".to_owned(),
        ArgumentKind::Code => "code".to_owned(),
        ArgumentKind::PageAddress => "page".to_owned(),
        ArgumentKind::Pages => "pages".to_owned(),
        ArgumentKind::BytesFromGuest => "bytes".to_owned(),
        ArgumentKind::BytesToGuest => "out bytes".to_owned(),
        ArgumentKind::ArrayFromGuest(structure) => format!("{}[]", structure.name),
        ArgumentKind::StructToGuest(structure) => format!("out {}", structure.name),
        ArgumentKind::IntegerToGuest(bytes) => format!("out {}-bit number", 8 * bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::Calls;
    use crate::bounds::CALLS_MOST;
    use crate::tests::system;
    use hypervisor_core::abi::{Call, CallError};
    use hypervisor_core::{Abi, Event, Stamp};

    fn call(abi: Abi, number: u32, result: u32) -> Event {
        Event::Call { abi, number, arguments: [1, 2, 3, 4, 5], result: Some(result), caller: 0 }
    }

    #[test]
    fn calls_are_counted_by_number_with_the_errors_that_they_returned() {
        let (mut calls, traced) = (Calls::default(), system(1));
        let write = Call::ConsoleWrite.description().number;
        let bad = CallError::BadAddress.code();
        for event in [
            call(Abi::Paravane, write, 5),
            call(Abi::Paravane, write, bad),
            call(Abi::Paravane, write, 7),
            call(Abi::Linux, 4, -14_i32 as u32),
            call(Abi::Linux, 4, 5),
            call(Abi::Paravane, 0xdead, bad),
        ] {
            calls.follow(&traced, Stamp::default(), &event);
        }
        let (rows, left_out) = calls.shown();
        let shown: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.count, row.failed)).collect();
        let expected = [("console_write(bytes: bytes)", 3, 1), ("write", 2, 1), ("call 0xdead", 1, 1)];
        assert_eq!((shown.as_slice(), left_out), (expected.as_slice(), 0));
        assert_eq!(rows[0].errors, [("bad_address", 1)]);
    }

    #[test]
    fn numbers_without_end_are_counted_together() {
        let (mut calls, traced) = (Calls::default(), system(1));
        for number in 0..CALLS_MOST as u32 + 9 {
            calls.follow(&traced, Stamp::default(), &call(Abi::Linux, number, 0));
        }
        let (rows, left_out) = calls.shown();
        assert_eq!((rows.len(), left_out), (CALLS_MOST, 9));
    }
}
