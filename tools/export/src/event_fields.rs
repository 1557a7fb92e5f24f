//! What a table can hold of an event beside its words: where, of what, how much.
//!
//! Not here: the words, which are those of the text trace.

use hypervisor_core::{CrashReason, Elision, Event, Omission};
use trace::{Names, vector_name};

/// The columns of an event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFields {
    /// Where the guest was: the caller of a call, the instruction that trapped, crashed or was interrupted.
    pub eip: Option<u32>,
    /// What it is about: the call, the source of an event, the vector, the channel of a message.
    pub subject: Option<String>,
    /// The one number that says most: the result of a call, how many events, the length of a message.
    pub value: Option<i64>,
}

impl EventFields {
    /// The columns of this event, whose words are `words`, with the names of the system's parts.
    pub fn of(event: &Event, names: &Names, words: &str) -> Self {
        let (eip, subject, value) = match event {
            Event::Call { result, caller, .. } => {
                let name = words.split('(').next().unwrap_or_default();
                let result = result.map(|eax| i64::from(eax.cast_signed()));
                (Some(*caller), Some(name.to_owned()), result)
            }
            Event::EventDelivered { source, .. } | Event::EventTaken { source, .. } => {
                (None, Some(names.source(*source)), None)
            }
            Event::EventRaised { source, count, .. } | Event::EventDropped { source, count, .. } => {
                (None, Some(names.source(*source)), Some(signed(*count)))
            }
            Event::Upcall { eip, .. } | Event::InterruptReturn { eip, .. } | Event::Settled { eip, .. } => {
                (Some(*eip), None, None)
            }
            Event::Trap { vector, error_code, eip, .. } => {
                (Some(*eip), Some(vector_name(*vector)), error_code.map(i64::from))
            }
            Event::Idle { until_ns } => (None, None, Some(signed(*until_ns))),
            Event::Mark { id, payload } => (None, Some(id.to_string()), Some(i64::from(*payload))),
            Event::ConsoleOutput(bytes) | Event::ConsoleInput(bytes) => {
                (None, None, Some(signed(bytes.len() as u64)))
            }
            Event::WindowStart { window, .. } | Event::WindowEnd { window, .. } => {
                (None, None, Some(i64::from(*window)))
            }
            Event::Restart { restart_count, .. } => (None, None, Some(i64::from(*restart_count))),
            Event::Health { event, .. } => (None, Some(event.name().to_owned()), None),
            Event::MessageWritten { channel, length, .. } | Event::MessageReceived { channel, length } => {
                (None, Some(names.message_port(*channel)), Some(i64::from(*length)))
            }
            Event::MessagesFlushed { channel, count } | Event::MessagesDropped { channel, count } => {
                (None, Some(names.message_port(*channel)), Some(signed(*count)))
            }
            Event::Crash { reason, eip } => (Some(*eip), crash_subject(*reason), None),
            Event::ConsoleEnd | Event::TraceStart | Event::TraceStop => (None, None, None),
        };
        Self { eip, subject, value }
    }
}

/// The kind of row or instant that says that something was left out.
pub const ELIDED: &str = "elided";

impl EventFields {
    /// The columns of something that was left out: why, and how many instructions.
    pub fn of_elision(elision: &Elision) -> Self {
        let (eip, why) = match &elision.omission {
            Omission::Filter => (None, "filter"),
            Omission::Guest => (None, "trace_stop"),
            Omission::Ring => (None, "ring"),
            Omission::Repeat(repeat) => (Some(repeat.eip), "repeat"),
            Omission::Loop { head, .. } => (Some(*head), "loop"),
        };
        Self { eip, subject: Some(why.to_owned()), value: Some(signed(elision.instructions)) }
    }
}

/// A number for a column of signed 64 bits, so that differences of two are right in SQL.
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn crash_subject(reason: CrashReason) -> Option<String> {
    Some(match reason {
        CrashReason::Unhandled(exception) => exception.vector.name().to_owned(),
        CrashReason::TrapFrame { vector, .. } => vector_name(vector),
        CrashReason::UpcallFrame { .. } => "upcall".to_owned(),
        CrashReason::Deadlock => "deadlock".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{EventFields, signed};
    use hypervisor_core::{Abi, Event};
    use trace::Names;

    #[test]
    fn a_call_is_about_its_name_and_its_value_is_what_it_returned() {
        let call = Event::Call {
            abi: Abi::Paravane,
            number: 0,
            arguments: [0; 5],
            result: Some(-2_i32 as u32),
            caller: 0x104,
        };
        let fields =
            EventFields::of(&call, &Names::default(), "console_write(bytes=5 at 0x0) = -2  from main");
        let expected =
            EventFields { eip: Some(0x104), subject: Some("console_write".to_owned()), value: Some(-2) };
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_number_that_no_column_holds_is_the_greatest() {
        assert_eq!((signed(7), signed(u64::MAX)), (7, i64::MAX));
    }
}
