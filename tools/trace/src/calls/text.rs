//! A tree of calls as text, format `paravane-calls text 1`: a line where a function is entered, one where it is left, and between them,
//! deeper, what it calls and what happens in it. A function in which nothing is shown has one line.
//!
//! Not here: files, and the choice of records.

use super::follower::{CallChange, CallNote, place_before_instruction, place_of_instruction};
use super::kept_lines::KeptLines;
use super::lines::{cost, entry_words, stamp};
use super::tree::{Open, Tree};
use crate::call_stack::Entry;
use crate::elision_text::elision_words;
use crate::event_text;
use crate::filter::Kinds;
use crate::names::Names;
use crate::run_end::{PartitionEnd, RunEnd};
use crate::source_lines::{SourceLine, SourceLines};
use crate::text::TextTrace;
use crate::traced_system::TracedSystem;
use emulator::{Cpu, Step};
use hypervisor_core::{Elision, Event, Outcome, PartitionId, Recorder, Stamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// The first line of every tree of calls. The number counts up when the lines change their meaning.
pub const CALLS_HEADER: &str = "paravane-calls text 1";

/// What is in a tree of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallTextOptions {
    /// All functions of which an instruction is told; else only those in which something else is shown.
    pub functions: bool,
    /// Instructions that have a line of their own.
    pub instructions: Kinds,
    /// Records can come so many instructions later than the notes.
    pub held: u64,
    /// Only so many lines: the last ones.
    pub last: Option<usize>,
    /// Functions deeper than this are not shown; what happens in them stands in their caller.
    pub depth: usize,
}

/// Writes a tree of calls.
pub struct CallText {
    options: CallTextOptions,
    names: Arc<Names>,
    source: Option<SourceLines>,
    partitions: Vec<Tree>,
    /// What stands before a line of the whole system.
    system: Vec<u8>,
    /// Of which partition the last line is.
    latest: usize,
    out: KeptLines,
}

impl CallText {
    /// A tree that begins with [`CALLS_HEADER`] and what is traced.
    #[must_use]
    pub fn new(system: &TracedSystem, shown: impl Fn(usize) -> bool, options: CallTextOptions) -> Self {
        let rate = system.rate.units_per_second();
        let mut head = format!("{CALLS_HEADER}\n");
        let name_width = system.partitions.iter().map(|partition| partition.name.len()).max().unwrap_or(0);
        let prefix =
            |name: &str| if system.is_system { format!("{name:name_width$} ") } else { String::new() };
        if system.is_system {
            head += &format!("{rate} units a second\n");
            for (place, partition) in system.partitions.iter().enumerate() {
                let left_out = if shown(place) { "" } else { ", left out" };
                head +=
                    &format!("partition {}: image {:032x}{left_out}\n", partition.name, partition.image.hash);
            }
        } else {
            let hash = system.partition(PartitionId(0)).image.hash;
            head += &format!("image {hash:032x}, {rate} units a second\n");
        }
        let partitions = system.partitions.iter().map(|partition| Tree {
            prefix: prefix(&partition.name).into_bytes(),
            symbols: partition.symbols.clone(),
            notes: VecDeque::new(),
            frames: Vec::new(),
            depth: options.depth.max(1),
            lines: TextTrace::of_lines(partition.symbols.clone(), Arc::clone(&system.names)),
            next_instruction: 0,
        });
        Self {
            options,
            names: Arc::clone(&system.names),
            source: None,
            partitions: partitions.collect(),
            system: prefix("*").into_bytes(),
            latest: 0,
            out: KeptLines::new(head, prefix("").len(), options.last),
        }
    }

    /// Writes in the head, before any line, which filter is in force.
    pub fn name_filter(&mut self, options: &str) {
        self.out.head(&format!("filter {options}\n"));
    }

    /// The lines of a partition begin with what this processor does next.
    pub fn begin_at(&mut self, id: PartitionId, processor: &Cpu) {
        self.partitions[id.index()].lines.begin_at(processor);
    }

    /// Says behind the name of a function where it was called from.
    pub fn show_lines(&mut self, lines: SourceLines) {
        self.source = Some(lines);
    }

    /// Whether an instruction has a line of its own.
    #[must_use]
    pub fn shows(&self, step: &Step<'_>) -> bool {
        self.options.instructions.holds_instruction(step)
    }

    /// As [`TextTrace::remark`], of the instruction that comes next.
    pub fn remark(&mut self, stamp: Stamp, words: &str) {
        self.turn_to(stamp.partition);
        self.apply(stamp.partition, place_of_instruction(stamp));
        self.line_inside(stamp, format!("-- {words}").as_bytes());
    }

    /// Takes what has changed before a record that may come.
    pub fn note(&mut self, partition: PartitionId, notes: &[CallNote]) {
        self.partitions[partition.index()].notes.extend(notes.iter().cloned());
    }

    /// A record of this stamp was told, or will not be: nothing is told any more that is older than what is held back.
    pub fn settle(&mut self, stamp: Stamp) {
        let place = match self.options.held {
            0 => u64::MAX,
            held => place_before_instruction(Stamp {
                instruction: stamp.instruction.saturating_sub(held),
                ..stamp
            }),
        };
        self.apply(stamp.partition, place);
    }

    /// Shows functions that are still open as if they were left, each with its partition, the innermost first.
    pub fn close(&mut self, open: impl Iterator<Item = (PartitionId, CallChange)>) {
        for place in 0..self.partitions.len() {
            self.apply(PartitionId(place as u16), u64::MAX);
        }
        for (partition, change) in open {
            let place = u64::MAX;
            self.partitions[partition.index()].notes.push_back(CallNote { place, change });
            self.apply(partition, u64::MAX);
        }
    }

    /// Writes how each partition and the run ended. A tree without the line of the run was cut off.
    pub fn end(&mut self, end: &RunEnd) {
        if !self.system.is_empty() {
            for PartitionEnd { partition, instruction, now_ns, outcome } in &end.partitions {
                let (partition, instruction, now_ns) = (PartitionId(*partition), *instruction, *now_ns);
                let stamp = Stamp { partition, instruction, now_ns, ..Stamp::default() };
                let line = self.end_line(&self.partitions[partition.index()].prefix, stamp, outcome);
                self.out.push(line);
            }
        }
        let line = self.end_line(&self.system, end.stamp(), &end.outcome);
        self.out.push(line);
    }

    fn end_line(&self, prefix: &[u8], at: Stamp, outcome: &Outcome) -> Vec<u8> {
        let mut line = prefix.to_vec();
        stamp(&mut line, at);
        cost(&mut line, None, 0);
        let symbols = &self.partitions[at.partition.index()].symbols;
        line.extend_from_slice(b"== end     ");
        line.extend_from_slice(event_text::outcome_words(symbols, &self.names, outcome).as_bytes());
        line
    }

    /// What was written since the last [`CallText::clear`]: whole lines. Of the last lines nothing is there before
    /// [`CallText::hand_on`].
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.out.text
    }

    /// Forgets the text so far, once it is where it belongs.
    pub fn clear(&mut self) {
        self.out.text.clear();
    }

    /// Nothing more comes: makes text of some of the lines that were held back; false if that was all.
    pub fn hand_on(&mut self) -> bool {
        self.out.hand_on()
    }

    /// Brings the functions of a partition to where a record of this place stands.
    fn apply(&mut self, partition: PartitionId, place: u64) {
        let Self { partitions, out, source, .. } = self;
        let tree = &mut partitions[partition.index()];
        while tree.notes.front().is_some_and(|note| note.place <= place) {
            let Some(CallNote { change, .. }) = tree.notes.pop_front() else { return };
            match change {
                CallChange::Entered { stamp, name, entry, from, is_whole } => {
                    let words = if is_whole {
                        entry_words(&tree.symbols, entry, from)
                    } else {
                        Some("entered earlier".to_owned())
                    };
                    let caller = source.as_ref().filter(|_| entry == Entry::Call);
                    let caller = caller.and_then(|lines| lines.line(partition, from));
                    let caller =
                        caller.map(|SourceLine { file, line }| format!("at {}:{line}", file.escape_debug()));
                    let remark = words.or(caller).map(|words| format!("  {words}")).unwrap_or_default();
                    tree.frames.push(Open { stamp, name, remark, is_chosen: false, is_shown: false });
                }
                CallChange::Left { stamp, leaving, instructions, took_ns } => {
                    tree.leave(out, stamp, leaving, (instructions, took_ns));
                }
            }
        }
    }

    /// Another partition's functions that are to be shown come before what this one does.
    fn turn_to(&mut self, partition: PartitionId) {
        let place = partition.index();
        if self.latest != place {
            let Self { partitions, out, latest, .. } = self;
            let before = &mut partitions[*latest];
            let chosen = before.frames.iter().rposition(|frame| frame.is_chosen);
            before.open(out, chosen.map_or(0, |place| place + 1));
            *latest = place;
        }
    }

    /// Writes a line in the innermost function.
    fn line_inside(&mut self, at: Stamp, words: &[u8]) {
        let Self { partitions, out, .. } = self;
        let tree = &mut partitions[at.partition.index()];
        tree.open(out, tree.frames.len());
        let mut line = tree.prefix.clone();
        stamp(&mut line, at);
        cost(&mut line, None, tree.frames.len().min(tree.depth));
        line.extend_from_slice(words);
        out.push(line);
    }
}

impl Recorder for CallText {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.turn_to(stamp.partition);
        self.apply(stamp.partition, place_of_instruction(stamp));
        let is_shown = self.shows(step);
        let tree = &mut self.partitions[stamp.partition.index()];
        if let Some(innermost) = tree.frames.last_mut() {
            innermost.is_chosen |= self.options.functions;
        }
        if is_shown {
            let words = tree.instruction_words(stamp, step);
            self.line_inside(stamp, &words);
        }
        self.partitions[stamp.partition.index()].next_instruction = stamp.instruction.saturating_add(1);
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.turn_to(stamp.partition);
        let place = match event {
            // It has the number of its instruction and follows it.
            Event::Call { .. } => place_of_instruction(stamp),
            _ => place_before_instruction(stamp),
        };
        self.apply(stamp.partition, place);
        let tree = &mut self.partitions[stamp.partition.index()];
        tree.lines.skip();
        let mut words = b"== ".to_vec();
        event_text::append(&mut words, &tree.symbols, &self.names, event);
        self.line_inside(stamp, &words);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.turn_to(stamp.partition);
        self.apply(stamp.partition, place_before_instruction(stamp));
        let tree = &mut self.partitions[stamp.partition.index()];
        tree.lines.skip();
        let words = format!("== elided  {}", elision_words(&tree.symbols, elision));
        self.line_inside(stamp, words.as_bytes());
    }
}
