//! The table of keys: what a system file may say. The reader, the JSON schema and the tests of the documentation all
//! go by it.

use hypervisor_core::boot::{MEMORY_LEAST_BYTES, MEMORY_MOST_BYTES};
use hypervisor_core::clock::Rate;

/// A table of the file.
#[derive(Debug)]
pub struct Section {
    /// What one such table describes.
    pub what: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// What holds where it is left out.
    pub absent: Absent,
    /// What it means, in one sentence.
    pub text: &'static str,
}

/// What holds where a key is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absent {
    /// That is an error.
    Refused,
    /// Nothing, or what the text of the key says.
    Allowed,
    /// It is as if this had been written.
    Means(&'static str),
}

/// What a value looks like.
#[derive(Debug)]
pub enum Shape {
    /// A name that others refer to: 1 to [`NAME_MOST_BYTES`] of `a-z`, `0-9`, `_` and `-`.
    Name,
    /// The name of a partition.
    Reference,
    /// A name of a line or its number.
    LineReference,
    /// Any text.
    Text,
    /// True or false.
    Flag,
    /// A whole number.
    Count { least: u64, most: u64 },
    /// Text: a number and a unit of time.
    Duration,
    /// Text: a number and a unit of memory.
    Size { least: u64, most: u64, multiple_of: u64 },
    /// Text: a number and Hz, kHz, MHz or GHz.
    Frequency,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text: hexadecimal ports, `3f8` or `3f8-3ff`.
    IoPorts,
    /// What is done about a health event: a word, or `{ switch_plan = "name" }`.
    HealthAction,
    /// Values of a shape.
    List(&'static Shape),
    /// A table.
    Table(&'static Section),
    /// A table whose keys are names of this kind.
    Map(Kind, &'static Shape),
}

/// Kinds of things that have names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Kind {
    /// A partition.
    Partition,
    /// A plan.
    Plan,
    /// An event that the health monitor knows.
    HealthEvent,
}

/// The longest name: the start information of a guest has room for it.
pub const NAME_MOST_BYTES: usize = 31;
/// The largest message.
pub const MESSAGE_MOST_BYTES: u64 = 64 << 10;
/// The deepest queue.
pub const DEPTH_MOST: u64 = 4096;
/// The most memory of one queue.
pub const QUEUE_MOST_BYTES: u64 = 16 << 20;
/// The largest shared area.
pub const SHARED_MOST_BYTES: u64 = 256 << 20;
/// The highest number of a line.
pub const LINE_MOST: u64 = 1023;
/// The most memory of all partitions, shared areas and queues.
pub const SYSTEM_MOST_BYTES: u64 = 64 << 30;
/// The slowest and the fastest clock, in units a second.
pub const RATES: (u64, u64) = (Rate::LEAST, Rate::MOST);

const PAGE_BYTES: u64 = emulator::PAGE_BYTES as u64;
const FLUSHES: Shape = Shape::Word(&["immediate", "window", "frame"]);
const PARTITION: Shape = Shape::Reference;
const MESSAGE: Shape = Shape::Size { least: 1, most: MESSAGE_MOST_BYTES, multiple_of: 1 };

const fn required(name: &'static str, shape: Shape, text: &'static str) -> Key {
    Key { name, shape, absent: Absent::Refused, text }
}

const fn optional(name: &'static str, shape: Shape, text: &'static str) -> Key {
    Key { name, shape, absent: Absent::Allowed, text }
}

const fn default(name: &'static str, shape: Shape, value: &'static str, text: &'static str) -> Key {
    Key { name, shape, absent: Absent::Means(value), text }
}

/// The whole file.
pub static FILE: Section = Section {
    what: "system file",
    keys: &[
        optional("system", Shape::Table(&SYSTEM), "What holds for the whole system."),
        required("partition", Shape::List(&Shape::Table(&PARTITION_KEYS)), "The partitions, at least one."),
        optional(
            "plan",
            Shape::List(&Shape::Table(&PLAN)),
            "The schedule plans; the first is the one that starts. A single partition needs none: it always runs.",
        ),
        optional("event_channel", Shape::List(&Shape::Table(&EVENT_CHANNEL)), "Event channels."),
        optional(
            "sampling",
            Shape::List(&Shape::Table(&SAMPLING)),
            "Sampling ports: the last message counts.",
        ),
        optional(
            "queuing",
            Shape::List(&Shape::Table(&QUEUING)),
            "Queuing ports: each message is received once.",
        ),
        optional("shared", Shape::List(&Shape::Table(&SHARED)), "Memory that partitions share."),
        optional("line", Shape::List(&Shape::Table(&LINE)), "Interrupt lines of the board."),
        optional(
            "inject",
            Shape::List(&Shape::Table(&INJECT)),
            "Interrupts of lines that come by themselves.",
        ),
        optional(
            "health",
            Shape::Map(Kind::HealthEvent, &Shape::HealthAction),
            "What is done about events that a partition's own table escalates.",
        ),
    ],
};

static SYSTEM: Section = Section {
    what: "system",
    keys: &[
        default("clock", Shape::Frequency, "100MHz", "Units of virtual time a second."),
        default(
            "plan_switch",
            Shape::Word(&["frame_end", "at_once"]),
            "frame_end",
            "When a plan that was asked for begins.",
        ),
    ],
};

static PARTITION_KEYS: Section = Section {
    what: "partition",
    keys: &[
        required("name", Shape::Name, "Its name."),
        required(
            "image",
            Shape::Text,
            "Its ELF file, relative to the system file, or `builtin:NAME`, a built-in sample.",
        ),
        default(
            "memory",
            Shape::Size { least: MEMORY_LEAST_BYTES, most: MEMORY_MOST_BYTES, multiple_of: PAGE_BYTES },
            "16MiB",
            "Its memory.",
        ),
        default(
            "memory_rights",
            Shape::Word(&["rw", "rwx"]),
            "rw",
            "Whether memory that no segment of the image covers may be executed.",
        ),
        optional("arguments", Shape::List(&Shape::Text), "The words of its command line."),
        optional("boot_module", Shape::Text, "A file that it finds in its start information."),
        default("policy", Shape::Word(&["ring3", "virtual"]), "ring3", "At which privilege it runs."),
        default(
            "privileged",
            Shape::Word(&["reflect", "settle"]),
            "reflect",
            "Whether a privileged instruction is #GP for the guest, or is done on its fake registers.",
        ),
        default("umip", Shape::Flag, "false", "Whether SGDT, SIDT, SLDT, STR and SMSW are privileged."),
        default("cpu", Shape::Word(&["i686", "pentium4", "prescott"]), "i686", "Its processor."),
        optional("io_ports", Shape::List(&Shape::IoPorts), "I/O ports that it may use, in hexadecimal."),
        optional(
            "rights",
            Shape::List(&Shape::Word(&["status", "control", "plans", "health_log"])),
            "What it may do to others: read their status, control them, ask for plans, read the health log.",
        ),
        optional(
            "console_input",
            Shape::Flag,
            "Whether it reads the console's input; at most one does. Left out: only if it is the only partition.",
        ),
        default(
            "restarts",
            Shape::Count { least: 0, most: 1_000_000 },
            "3",
            "How often it is started again at most before a restart becomes a halt.",
        ),
        optional(
            "illegal_calls",
            Shape::Table(&ILLEGAL_CALLS),
            "How many calls may fail before that is a health event.",
        ),
        optional(
            "health",
            Shape::Map(Kind::HealthEvent, &Shape::HealthAction),
            "What is done about its errors.",
        ),
    ],
};

static ILLEGAL_CALLS: Section = Section {
    what: "rate of illegal calls",
    keys: &[
        required("most", Shape::Count { least: 1, most: u32::MAX as u64 }, "So many calls may fail"),
        required("per", Shape::Duration, "within this time."),
    ],
};

static PLAN: Section = Section {
    what: "plan",
    keys: &[
        required("name", Shape::Name, "Its name."),
        optional(
            "frame",
            Shape::Duration,
            "The length of its major frame. Left out: up to the end of its last window.",
        ),
        required("windows", Shape::List(&Shape::Table(&WINDOW)), "Its windows and gaps."),
        optional(
            "on_start",
            Shape::Map(Kind::Partition, &Shape::Word(&["cold_restart", "warm_restart"])),
            "What happens to partitions when it begins.",
        ),
    ],
};

static WINDOW: Section = Section {
    what: "window",
    keys: &[
        optional("partition", PARTITION, "Who runs in it. Left out: nobody, it is a gap."),
        optional(
            "start",
            Shape::Duration,
            "When it begins in the frame. Left out: at the end of the one before.",
        ),
        required("length", Shape::Duration, "How long it is."),
    ],
};

static EVENT_CHANNEL: Section = Section {
    what: "event channel",
    keys: &[
        required("name", Shape::Name, "Its name, by which both partitions know it."),
        required("from", PARTITION, "Who sends."),
        required("to", PARTITION, "Who is told."),
        default("flush", FLUSHES, "immediate", "When what was sent is seen."),
    ],
};

static SAMPLING: Section = Section {
    what: "sampling port",
    keys: &[
        required("name", Shape::Name, "Its name, by which all partitions know it."),
        required("from", PARTITION, "Who writes."),
        required("to", Shape::List(&PARTITION), "Who reads."),
        required("message", MESSAGE, "The longest message."),
        required("refresh", Shape::Duration, "For how long a message is valid."),
        default("flush", FLUSHES, "immediate", "When what was written is seen."),
        optional("writer_period", Shape::Duration, "For the check: how often the writer writes, at least."),
    ],
};

static QUEUING: Section = Section {
    what: "queuing port",
    keys: &[
        required("name", Shape::Name, "Its name, by which both partitions know it."),
        required("from", PARTITION, "Who sends."),
        required("to", PARTITION, "Who receives."),
        required("message", MESSAGE, "The longest message."),
        required("depth", Shape::Count { least: 1, most: DEPTH_MOST }, "How many messages wait at most."),
        default("discipline", Shape::Word(&["fifo", "priority"]), "fifo", "Which message is received first."),
        default("flush", FLUSHES, "immediate", "When what was sent is seen."),
        optional(
            "burst",
            Shape::Count { least: 1, most: 1_000_000 },
            "For the check: so many messages are sent at most",
        ),
        optional("period", Shape::Duration, "For the check: in this time."),
        optional(
            "drain",
            Shape::Count { least: 1, most: 1_000_000 },
            "For the check: how many messages the reader receives in each of its windows. Left out: all.",
        ),
    ],
};

static SHARED: Section = Section {
    what: "shared area",
    keys: &[
        required("name", Shape::Name, "Its name, by which all partitions know it."),
        required(
            "size",
            Shape::Size { least: PAGE_BYTES, most: SHARED_MOST_BYTES, multiple_of: PAGE_BYTES },
            "Its length.",
        ),
        optional("writers", Shape::List(&PARTITION), "Who may write and read."),
        optional("readers", Shape::List(&PARTITION), "Who may only read."),
    ],
};

static LINE: Section = Section {
    what: "line",
    keys: &[
        required("number", Shape::Count { least: 0, most: LINE_MOST }, "Its number."),
        required("name", Shape::Name, "Its name."),
        optional("owner", PARTITION, "Whose interrupt it is. Left out: it is only counted and reported."),
    ],
};

static INJECT: Section = Section {
    what: "injection",
    keys: &[
        required("line", Shape::LineReference, "The line, by name or number."),
        required("at", Shape::Duration, "When the first interrupt comes, from the start of the run."),
        optional(
            "every",
            Shape::Duration,
            "After what time each further one comes; needed if there are several.",
        ),
        default("count", Shape::Count { least: 1, most: 1_000_000_000 }, "1", "How many come."),
    ],
};
