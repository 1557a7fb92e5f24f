//! A run as three Parquet tables, for SQL: instructions, their memory accesses, events. `docs/EXPORTS.md` describes the
//! columns.
//!
//! Rows have a number `seq` that counts instructions and events of all partitions in the order in which they happened;
//! each table is sorted by it. A table keeps no more than a row group in memory.
//!
//! Not here: how columns are written, in `table`.

mod columns;
mod table;
#[cfg(test)]
mod tests;

use crate::Export;
use crate::code_cache::CodeCache;
use crate::event_fields::{ELIDED, EventFields, signed};
use columns::{ACCESSES, EVENTS, INSTRUCTIONS, Text};
use emulator::{AccessKind, Step};
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Elision, Event, Recorder, Stamp};
use std::io::{self, Write};
use std::sync::Arc;
use table::Table;
use trace::{Names, TracedSystem, elision_words, event_kind, event_words, instruction_text};

/// The names of the files, in the order in which [`Parquet::new`] takes them.
pub const PARQUET_FILES: [&str; 3] = ["instructions.parquet", "accesses.parquet", "events.parquet"];

/// Writes Parquet tables.
pub struct Parquet<W: Write + Send> {
    partitions: Vec<Partition>,
    names: Arc<Names>,
    code: CodeCache<Code>,
    /// `read` and `write`.
    directions: [Text; 2],
    instructions: Table<W>,
    accesses: Table<W>,
    events: Table<W>,
    /// The number of the next row.
    seq: i64,
}

struct Partition {
    symbols: Symbols,
    /// Its name in each table.
    names: [Text; 3],
}

/// What is the same whenever an instruction runs.
struct Code {
    function: Option<Text>,
    text: Text,
    bytes: Text,
}

impl Code {
    fn of(symbols: &Symbols, step: &Step<'_>) -> Self {
        Self {
            function: symbols.locate(step.eip).map(|located| Text::new(&located.symbol.name)),
            text: Text::new(instruction_text(symbols, step.eip, step.bytes)),
            bytes: Text::new(step.bytes),
        }
    }
}

impl<W: Write + Send> Parquet<W> {
    /// Tables of this system, one in each of [`PARQUET_FILES`].
    #[must_use]
    pub fn new(system: &TracedSystem, [instructions, accesses, events]: [W; 3]) -> Self {
        let partitions = system.partitions.iter().map(|partition| Partition {
            symbols: partition.symbols.clone(),
            names: std::array::from_fn(|_| Text::new(&partition.name)),
        });
        Self {
            partitions: partitions.collect(),
            names: Arc::clone(&system.names),
            code: CodeCache::new(),
            directions: ["read", "write"].map(Text::new),
            instructions: Table::new(&INSTRUCTIONS, system, instructions),
            accesses: Table::new(&ACCESSES, system, accesses),
            events: Table::new(&EVENTS, system, events),
            seq: 0,
        }
    }
}

impl<W: Write + Send> Parquet<W> {
    fn event_row(&mut self, stamp: Stamp, kind: &str, fields: EventFields, words: &str) {
        let Some(partition) = self.partitions.get_mut(stamp.partition.index()) else { return };
        let table = &mut self.events;
        begin_row(table, self.seq, &mut partition.names[2], stamp);
        table.text(Some(&mut Text::new(kind)));
        table.text(fields.subject.map(Text::new).as_mut());
        table.optional_long(fields.value);
        table.optional_word(fields.eip);
        table.text(Some(&mut Text::new(words)));
        table.end_row();
        self.seq += 1;
    }
}

impl<W: Write + Send> Recorder for Parquet<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let Some(partition) = self.partitions.get_mut(stamp.partition.index()) else { return };
        let [name, name_in_accesses, _] = &mut partition.names;
        let key = (step.eip, step.bytes);
        let code = self.code.of(stamp.partition, key, || Code::of(&partition.symbols, step));
        let table = &mut self.instructions;
        begin_row(table, self.seq, name, stamp);
        table.word(step.eip);
        table.text(code.function.as_mut());
        table.text(Some(&mut code.text));
        table.text(Some(&mut code.bytes));
        for register in step.after.registers {
            table.word(register);
        }
        table.word(step.after.eflags);
        table.end_row();
        for access in step.accesses {
            let table = &mut self.accesses;
            begin_row(table, self.seq, name_in_accesses, stamp);
            table.word(step.eip);
            table.text(Some(&mut self.directions[usize::from(access.kind == AccessKind::Write)]));
            table.word(access.address);
            table.word(u32::from(access.length_bytes));
            table.long(access.value.cast_signed());
            table.end_row();
        }
        self.seq += 1;
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let Some(partition) = self.partitions.get(stamp.partition.index()) else { return };
        let words = event_words(&partition.symbols, &self.names, event);
        let fields = EventFields::of(event, &self.names, &words);
        self.event_row(stamp, event_kind(event), fields, &words);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let Some(partition) = self.partitions.get(stamp.partition.index()) else { return };
        let words = elision_words(&partition.symbols, elision);
        self.event_row(stamp, ELIDED, EventFields::of_elision(elision), &words);
    }
}

impl<W: Write + Send> Export for Parquet<W> {
    fn finish(&mut self) -> io::Result<()> {
        // Each is finished, also after an error: a table that can be read is better than none.
        let finished = [&mut self.instructions, &mut self.accesses, &mut self.events].map(Table::finish);
        finished.into_iter().collect()
    }
}

/// The first four columns of every table.
fn begin_row<W: Write + Send>(table: &mut Table<W>, seq: i64, name: &mut Text, stamp: Stamp) {
    table.long(seq);
    table.text(Some(name));
    table.long(signed(stamp.instruction));
    table.long(signed(stamp.now_ns));
}
