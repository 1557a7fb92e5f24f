//! Kinds of record, for those who want only some.

use emulator::{AccessKind, Step};
use hypervisor_core::Event;

/// A set of kinds of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(u32);

const INSTRUCTIONS: u32 = 1;
const READS: u32 = 1 << 1;
const WRITES: u32 = 1 << 2;
const CALLS: u32 = 1 << 3;
const EVENTS: u32 = 1 << 4;
const UPCALLS: u32 = 1 << 5;
const TRAPS: u32 = 1 << 6;
const CONSOLE: u32 = 1 << 7;
const PORTS: u32 = 1 << 8;
const WINDOWS: u32 = 1 << 9;
const HEALTH: u32 = 1 << 10;
const MARKS: u32 = 1 << 11;
const IDLE: u32 = 1 << 12;
const SETTLED: u32 = 1 << 13;
const TRACING: u32 = 1 << 14;
const CRASHES: u32 = 1 << 15;

/// The words, what each means, and its bit.
const WORDS: [(&str, &str, u32); 16] = [
    ("instructions", "all instructions", INSTRUCTIONS),
    ("reads", "instructions that read memory", READS),
    ("writes", "instructions that write memory", WRITES),
    ("calls", "hypercalls and Linux system calls", CALLS),
    ("events", "what becomes of events: raised, delivered, taken, dropped, and the upcalls", EVENTS),
    ("upcalls", "upcalls and the way back from them", UPCALLS),
    ("traps", "exceptions and INT n, the way back from them, and crashes", TRAPS),
    ("console", "console output and input", CONSOLE),
    ("ports", "messages through sampling and queuing ports", PORTS),
    ("windows", "time windows, and restarts of the partition", WINDOWS),
    ("health", "the health monitor, restarts and crashes", HEALTH),
    ("marks", "marks of the guest", MARKS),
    ("idle", "waiting", IDLE),
    ("settled", "privileged instructions done in the guest's place", SETTLED),
    ("tracing", "trace_start and trace_stop of the guest", TRACING),
    ("crashes", "crashes", CRASHES),
];

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(u32::MAX);
    /// No kind.
    pub const NONE: Self = Self(0);
    /// All instructions, and no event.
    pub const INSTRUCTIONS: Self = Self(INSTRUCTIONS);

    /// The words for kinds, with what each means.
    pub fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
        WORDS.iter().map(|(word, meaning, _)| (*word, *meaning))
    }

    /// The kind that a word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, ..)| *known == word).map(|(.., bit)| Self(*bit))
    }

    /// These kinds and those.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether some instructions are among them.
    #[must_use]
    pub fn has_instructions(self) -> bool {
        self.0 & (INSTRUCTIONS | READS | WRITES) != 0
    }

    /// Whether an instruction is among them.
    #[must_use]
    pub fn holds_instruction(self, step: &Step<'_>) -> bool {
        let accesses = |kind| step.accesses.iter().any(|access| access.kind == kind);
        self.0 & INSTRUCTIONS != 0
            || self.0 & READS != 0 && accesses(AccessKind::Read)
            || self.0 & WRITES != 0 && accesses(AccessKind::Write)
    }

    /// Whether an event is among them.
    #[must_use]
    pub fn holds_event(self, event: &Event) -> bool {
        self.0 & kinds_of(event) != 0
    }
}

fn kinds_of(event: &Event) -> u32 {
    match event {
        Event::Call { .. } => CALLS,
        Event::EventRaised { .. }
        | Event::EventDelivered { .. }
        | Event::EventTaken { .. }
        | Event::EventDropped { .. } => EVENTS,
        Event::Upcall { .. } => EVENTS | UPCALLS,
        Event::Trap { .. } => TRAPS,
        Event::InterruptReturn { .. } => UPCALLS | TRAPS,
        Event::Settled { .. } => SETTLED,
        Event::Idle { .. } => IDLE,
        Event::Mark { .. } => MARKS,
        Event::TraceStart | Event::TraceStop => TRACING,
        Event::ConsoleOutput(_) | Event::ConsoleInput(_) | Event::ConsoleEnd => CONSOLE,
        Event::WindowStart { .. } | Event::WindowEnd { .. } => WINDOWS,
        Event::Restart { .. } => WINDOWS | HEALTH,
        Event::Health { .. } => HEALTH,
        Event::MessageWritten { .. }
        | Event::MessagesFlushed { .. }
        | Event::MessageReceived { .. }
        | Event::MessagesDropped { .. } => PORTS,
        Event::Crash { .. } => TRAPS | HEALTH | CRASHES,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kinds, WORDS};
    use hypervisor_core::Event;

    #[test]
    fn each_word_is_a_bit_of_its_own_and_means_what_its_name_says() {
        for (place, (word, _, bit)) in WORDS.iter().enumerate() {
            assert_eq!(*bit, 1 << place, "{word}");
        }
        let kinds = |word| Kinds::of_word(word).unwrap();
        let crash_kinds = ["traps", "health", "crashes"].map(kinds);
        let crash = Event::Crash { reason: hypervisor_core::CrashReason::Deadlock, eip: 0 };
        assert!(crash_kinds.iter().all(|kinds| kinds.holds_event(&crash)));
        for (event, word) in [
            (Event::Mark { id: 0, payload: 0 }, "marks"),
            (Event::Idle { until_ns: 0 }, "idle"),
            (Event::TraceStop, "tracing"),
            (Event::ConsoleEnd, "console"),
            (Event::MessageReceived { channel: 0, length: 0 }, "ports"),
            (Event::WindowEnd { plan: 0, window: 0 }, "windows"),
            (Event::Upcall { eip: 0, handler: 0 }, "upcalls"),
            (Event::Upcall { eip: 0, handler: 0 }, "events"),
            (Event::InterruptReturn { eip: 0, interrupts: true }, "traps"),
            (Event::Settled { eip: 0, text: String::new() }, "settled"),
        ] {
            assert!(kinds(word).holds_event(&event), "{word}");
            assert!(!kinds("calls").holds_event(&event) && !kinds("instructions").holds_event(&event));
        }
        assert!(Kinds::of_word("call").is_none());
    }
}
