//! What a question found: as the line of a trace, and as JSON.

use crate::json::Json;
use emulator::{Access, AccessKind, Step};
use hypervisor_core::{Event, PartitionId, Recorder, Stamp};
use trace::{Place, SystemTrace, TextTrace, TracedSystem, event_kind, event_words, instruction_text};

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// When, and whose.
    pub stamp: Stamp,
    /// Who did it.
    pub by: Doer,
    /// What it did.
    pub changes: Vec<Change>,
    /// The instruction's line of a text trace; of the core nothing.
    pub line: Vec<u8>,
}

/// Who did something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doer {
    /// An instruction at this address, with these bytes.
    Instruction(u32, Vec<u8>),
    /// No instruction: the hypervisor; with what, if that is known.
    Core(Option<String>),
}

/// What was there, and what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// An access to memory, and the value before it if that is known.
    Access(Access, Option<u64>),
    /// Bytes that another value came into, more than a number holds: the first and the last address.
    Bytes(u32, u32),
    /// A register: its name, the value before and after, and how many digits it has.
    Register(&'static str, u128, u128, usize),
}

/// Makes hits, and shows them.
pub struct Showing<'a> {
    system: &'a TracedSystem,
    lines: Lines,
    width: usize,
}

enum Lines {
    Guest(Box<TextTrace>),
    System(Box<SystemTrace>),
}

impl<'a> Showing<'a> {
    /// Shows the partitions of a system.
    pub fn new(system: &'a TracedSystem) -> Self {
        let lines = if system.is_system {
            Lines::System(Box::new(SystemTrace::new(system, |_| true)))
        } else {
            Lines::Guest(Box::new(TextTrace::new(system)))
        };
        let width = system.partitions.iter().map(|partition| partition.name.len()).max().unwrap_or(0);
        Self { system, lines, width }
    }

    /// The system.
    pub fn system(&self) -> &TracedSystem {
        self.system
    }

    /// The hit of an instruction.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>, changes: Vec<Change>) -> Hit {
        let line = match &mut self.lines {
            Lines::Guest(text) => {
                text.clear();
                text.skip();
                text.instruction(stamp, step);
                text.text().trim_ascii_end().to_vec()
            }
            Lines::System(text) => {
                text.clear();
                text.skip();
                text.instruction(stamp, step);
                text.text().trim_ascii_end().to_vec()
            }
        };
        Hit { stamp, by: Doer::Instruction(step.eip, step.bytes.to_vec()), changes, line }
    }

    /// What is said of events that came together; None if there are none.
    pub fn events(&self, of: PartitionId, events: &[(Stamp, Event)]) -> Option<String> {
        let symbols = &self.system.partition(of).symbols;
        let words = events.iter().map(|(_, event)| {
            format!("{} {}", event_kind(event), event_words(symbols, &self.system.names, event))
        });
        (!events.is_empty()).then(|| words.collect::<Vec<_>>().join("; "))
    }

    /// A hit as a line.
    pub fn text(&self, hit: &Hit) -> String {
        let mut text = String::from_utf8_lossy(&hit.line).into_owned();
        if let Doer::Core(what) = &hit.by {
            text += &self.head(hit.stamp);
            text += "== core   ";
            for change in &hit.changes {
                text += &self.change(hit.stamp.partition, change);
            }
            text += &was(&hit.changes);
            if let Some(words) = what {
                text += &format!("  with {words}");
            }
            return text.trim_end().to_owned();
        }
        // The line of an instruction does not show all registers, and none by its part.
        for change in &hit.changes {
            if let Change::Register(name, ..) = change
                && !text.contains(&format!(" {name}="))
            {
                text += &self.change(hit.stamp.partition, change);
            }
        }
        text + &was(&hit.changes)
    }

    /// What stands before the third column.
    pub fn head(&self, stamp: Stamp) -> String {
        let (seconds, ns) = (stamp.now_ns / 1_000_000_000, stamp.now_ns % 1_000_000_000);
        let number = format!("#{}", stamp.instruction);
        let time = format!("{seconds}.{ns:09}");
        let name = if self.system.is_system {
            format!("{:1$} ", self.system.partition(stamp.partition).name, self.width)
        } else {
            String::new()
        };
        format!("{name}{number:<10} {time:<12} ")
    }

    fn change(&self, of: PartitionId, change: &Change) -> String {
        let symbols = &self.system.partition(of).symbols;
        let place =
            |address| Place::of(symbols, address).map(|place| format!(" {place}")).unwrap_or_default();
        match change {
            Change::Access(access, _) => {
                let digits = 2 * usize::from(access.length_bytes);
                let arrow = if access.kind == AccessKind::Write { "<-" } else { "->" };
                let Access { address, value, .. } = access;
                format!(" [{address:08x}{}]{arrow}{value:0digits$x}", place(*address))
            }
            Change::Bytes(first, last) => {
                format!(" [{first:08x}{}]<-{} bytes", place(*first), u64::from(last - first) + 1)
            }
            Change::Register(name, _, after, digits) => format!(" {name}={after:0digits$x}"),
        }
    }

    /// A hit as JSON.
    pub fn json(&self, hit: &Hit) -> Json {
        let partition = self.system.partition(hit.stamp.partition);
        let mut entries = vec![
            ("partition", partition.name.as_str().into()),
            ("instruction", hit.stamp.instruction.into()),
            ("time_ns", hit.stamp.now_ns.into()),
        ];
        match &hit.by {
            Doer::Instruction(eip, bytes) => {
                let place = Place::of(&partition.symbols, *eip);
                entries.push(("address", format!("0x{eip:08x}").into()));
                entries.push(("place", place.map_or(Json::Null, |place| place.to_string().into())));
                entries.push(("text", instruction_text(&partition.symbols, *eip, bytes).into()));
            }
            Doer::Core(what) => {
                entries.push(("core", what.as_deref().unwrap_or_default().into()));
            }
        }
        if !hit.changes.is_empty() {
            entries.push(("changes", hit.changes.iter().map(change_json).collect()));
        }
        Json::object(entries)
    }
}

fn change_json(change: &Change) -> Json {
    let number = |value: u64, digits: usize| Json::from(format!("0x{value:0digits$x}"));
    match change {
        Change::Access(access, before) => {
            let digits = 2 * usize::from(access.length_bytes);
            let is_write = access.kind == AccessKind::Write;
            let mut entries = vec![
                ("kind", if is_write { "write" } else { "read" }.into()),
                ("address", number(access.address.into(), 8)),
                ("bytes", u64::from(access.length_bytes).into()),
                ("value", number(access.value, digits)),
            ];
            if is_write {
                entries.push(("before", before.map_or(Json::Null, |before| number(before, digits))));
            }
            Json::object(entries)
        }
        Change::Bytes(first, last) => Json::object([
            ("kind", "write".into()),
            ("address", number((*first).into(), 8)),
            ("bytes", (u64::from(last - first) + 1).into()),
        ]),
        Change::Register(name, before, after, digits) => Json::object([
            ("kind", "register".into()),
            ("register", (*name).into()),
            ("value", format!("0x{after:0digits$x}").into()),
            ("before", format!("0x{before:0digits$x}").into()),
        ]),
    }
}

/// ` was 00000000`: the values before.
fn was(changes: &[Change]) -> String {
    let mut words = String::new();
    for change in changes {
        match change {
            Change::Access(Access { kind: AccessKind::Write, length_bytes, .. }, before) => {
                let digits = 2 * usize::from(*length_bytes);
                words += &before.map_or(" ?".to_owned(), |before| format!(" {before:0digits$x}"));
            }
            Change::Register(_, before, _, digits) => words += &format!(" {before:0digits$x}"),
            Change::Access(..) | Change::Bytes(..) => {}
        }
    }
    if words.is_empty() { words } else { format!("  was{words}") }
}
