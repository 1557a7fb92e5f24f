//! What of a run, or of a recorded one, is shown: the options that all commands with traces share.
//!
//! Not here: what the words for places and instants mean, which is in `recording::words`, and the filter itself.

use crate::quantities::{grouped, parse_count};
use clap::{Args, ValueEnum};
use emulator::decode::InstructionClass;
use recording::words::Words;
use system_file::suggestion::{listed, nearest};
use trace::filter::{Choice, Gaps, Kinds, Passed, READS_MEMORY, Selection, WRITES_MEMORY};
use trace::{Collapse, DEPTH_MOST, TracedSystem};

/// More records are not kept for `--last`: each takes up to 1 KiB.
const LAST_MOST: u64 = 4_000_000;
/// More instructions are not kept for `--around`.
const AROUND_MOST: u64 = 1_000_000;
/// Instructions on both sides if `--at` is alone.
const AROUND: u64 = 16;

const HEADING: &str = "Filter";

/// The options that choose records.
#[derive(Args, Clone, Debug, Default)]
pub struct FilterOptions {
    /// Only this partition of a system; give it again for another one
    #[arg(long = "partition", value_name = "NAME", help_heading = HEADING)]
    pub partitions: Vec<String>,

    /// Begin with the first record at WHAT: a SYMBOL or 0xADDRESS that runs, NUMBER or #NUMBER of an instruction, a
    /// TIME such as 10ms, mark:ID, trap:VECTOR. Of a system PARTITION:WHAT
    #[arg(long, value_name = "WHAT", help_heading = HEADING)]
    pub from: Option<String>,

    /// End with the first record at WHAT, as for --from; a TIME ends before it
    #[arg(long, value_name = "WHAT", help_heading = HEADING)]
    pub to: Option<String>,

    /// Only what is around each time that WHAT happens, as for --from; a number and a time happen once
    #[arg(long, value_name = "WHAT", help_heading = HEADING)]
    pub at: Option<String>,

    /// With --at: so many instructions before and after [default: 16]
    #[arg(long, value_name = "COUNT", value_parser = parse_count, requires = "at", help_heading = HEADING)]
    pub around: Option<u64>,

    /// With --at: COUNT instructions from there on, of the partition that --at names, and nothing before. What is not
    /// shown is not told of. A recorded run is run again from the nearest keyframe only
    #[arg(
        long,
        value_name = "COUNT",
        value_parser = parse_count,
        requires = "at",
        conflicts_with_all = ["around", "from", "to", "last"],
        help_heading = HEADING
    )]
    pub window: Option<u64>,

    /// Only these kinds of record: instructions, reads, writes (of memory), calls, events, upcalls, traps, console, ports,
    /// windows, health, marks, idle, settled, tracing, crashes
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', help_heading = HEADING)]
    pub only: Vec<String>,

    /// Only instructions of these functions, and the events that they cause
    #[arg(long = "function", value_name = "SYMBOL,...", value_delimiter = ',', help_heading = HEADING)]
    pub functions: Vec<String>,

    /// With --function: also what the functions call and what interrupts them, as long as the stack pointer says that
    /// they have not returned
    #[arg(long, requires = "functions", help_heading = HEADING)]
    pub callees: bool,

    /// Only instructions at these addresses, and the events that they cause: 0xADDRESS, SYMBOL (all of it), SYMBOL+OFFSET,
    /// or a range START..END, without END
    #[arg(long = "address", value_name = "RANGE,...", value_delimiter = ',', help_heading = HEADING)]
    pub addresses: Vec<String>,

    /// Only instructions that read or write this data, ranges as for --address
    #[arg(long, value_name = "RANGE,...", value_delimiter = ',', help_heading = HEADING)]
    pub data: Vec<String>,

    /// Only instructions of these classes: call, ret, jump, branch, interrupt, string, rep, lock, stack, x87, mmx, sse,
    /// system, segment, io, memory, memory-read, memory-write
    #[arg(long = "class", value_name = "CLASS,...", value_delimiter = ',', help_heading = HEADING)]
    pub classes: Vec<String>,

    /// Only the last COUNT records (instructions and events) of those that are chosen, once the run is over: 1000, 50k or 1M.
    /// They are kept in memory, 1 KiB each at most
    #[arg(long, value_name = "COUNT", value_parser = parse_count, help_heading = HEADING)]
    pub last: Option<u64>,

    /// Show repetitions in one line: the iterations of a REP, the turns of a loop after the second
    #[arg(long, value_enum, value_name = "WHAT,...", value_delimiter = ',', help_heading = HEADING)]
    pub collapse: Vec<Repetition>,

    /// Tell of what is left out in a line before each record that follows it, or once at the end [default: each]
    #[arg(long, value_enum, value_name = "HOW", help_heading = HEADING)]
    pub gaps: Option<GapLines>,

    /// The records are shown as a tree of calls of this depth, so that [`FUNCTIONS`] is a kind, too.
    #[arg(skip)]
    pub as_calls: Option<u16>,
}

/// The word of `--only` for functions that are entered and left.
pub const FUNCTIONS: &str = "functions";

/// `--collapse`
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repetition {
    /// The iterations of a REP
    Rep,
    /// The turns of a loop that goes the same way again
    Loops,
}

/// `--gaps`
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapLines {
    /// A line for each gap
    Each,
    /// One line at the end
    Total,
}

/// The words of `--class` that are classes by their bits.
const CLASSES: [(&str, u32); 18] = [
    ("call", InstructionClass::Call.bit()),
    ("ret", InstructionClass::Return.bit()),
    ("jump", InstructionClass::Jump.bit()),
    ("branch", InstructionClass::Branch.bit()),
    ("interrupt", InstructionClass::Interrupt.bit()),
    ("string", InstructionClass::String.bit()),
    ("rep", InstructionClass::Repeat.bit()),
    ("lock", InstructionClass::Lock.bit()),
    ("stack", InstructionClass::Stack.bit()),
    ("x87", InstructionClass::X87.bit()),
    ("mmx", InstructionClass::Mmx.bit()),
    ("sse", InstructionClass::Sse.bit()),
    ("system", InstructionClass::System.bit()),
    ("segment", InstructionClass::Segment.bit()),
    ("io", InstructionClass::Io.bit()),
    ("memory", InstructionClass::Memory.bit()),
    ("memory-read", READS_MEMORY),
    ("memory-write", WRITES_MEMORY),
];

impl FilterOptions {
    /// What they choose of a system; `shown` is the file as the user named it.
    ///
    /// # Errors
    /// One line with the option and what to write in its place.
    pub fn choice(&self, system: &TracedSystem, shown: &str) -> Result<Choice, String> {
        let partitions = self.shown_partitions(system, shown)?;
        let words = Words { system, shown: &partitions };
        let trigger = |option: &str, what: &Option<String>| {
            what.as_deref()
                .map(|what| words.trigger(what).map_err(|why| format!("{option}: {why}")))
                .transpose()
        };
        let at = trigger("--at", &self.at)?;
        let from = if self.window.is_some() { at.clone() } else { trigger("--from", &self.from)? };
        let around = match at.filter(|_| self.window.is_none()) {
            Some(trigger) => {
                let units = self.around.unwrap_or(AROUND);
                Some((trigger, bounded("--around", "instructions", units, AROUND_MOST)?))
            }
            None => None,
        };
        let to = trigger("--to", &self.to)?;
        if let (Some(from), Some(to)) = (&from, &to)
            && to.is_before(from)
        {
            let [from, to] = [&self.from, &self.to].map(|what| what.as_deref().unwrap_or_default());
            return Err(format!("--to {to} comes before --from {from}: nothing is between them"));
        }
        let last = self.last.map(|last| bounded("--last", "records", last, LAST_MOST)).transpose()?;
        if last == Some(0) {
            return Err("--last 0 records nothing: give at least 1".to_owned());
        }
        Ok(Choice {
            from,
            length: self.window,
            to,
            around,
            selection: self.selection(&words)?,
            last,
            collapse: Collapse {
                repeats: self.collapse.contains(&Repetition::Rep),
                loops: self.collapse.contains(&Repetition::Loops),
            },
            gaps: match self.gaps {
                Some(GapLines::Total) => Gaps::Total,
                Some(GapLines::Each) | None => Gaps::Each,
            },
            partitions,
            within: None,
        })
    }

    /// The options other than `--partition`, as they can be given again; None if there are none.
    pub fn words(&self) -> Option<String> {
        let mut words: Vec<String> = self
            .given()
            .into_iter()
            .filter(|(option, _)| *option != "--partition")
            .map(
                |(option, value)| {
                    if value.is_empty() { option.to_owned() } else { format!("{option} {value}") }
                },
            )
            .collect();
        let depth = self.as_calls.filter(|depth| usize::from(*depth) < DEPTH_MOST);
        words.extend(depth.map(|depth| format!("--calls={depth}")));
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// All options, each as one word of a command line: whatever stands in a value, it is read as that.
    pub fn header_words(&self) -> Vec<String> {
        let word = |(option, value): (&str, String)| {
            if value.is_empty() { option.to_owned() } else { format!("{option}={value}") }
        };
        self.given().into_iter().map(word).collect()
    }

    /// Whether no option is given.
    pub fn is_empty(&self) -> bool {
        self.given().is_empty()
    }

    /// The options that are given, with their values.
    fn given(&self) -> Vec<(&'static str, String)> {
        let mut given: Vec<(&'static str, String)> =
            self.partitions.iter().map(|name| ("--partition", name.clone())).collect();
        let single = [("--from", &self.from), ("--to", &self.to), ("--at", &self.at)];
        given.extend(single.into_iter().filter_map(|(option, value)| Some((option, value.clone()?))));
        given.extend(self.around.map(|units| ("--around", units.to_string())));
        given.extend(self.window.map(|units| ("--window", units.to_string())));
        let lists = [
            ("--only", &self.only),
            ("--function", &self.functions),
            ("--address", &self.addresses),
            ("--data", &self.data),
            ("--class", &self.classes),
        ];
        let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
        given.extend(lists.map(|(option, values)| (option, values.join(","))));
        given.extend(self.callees.then(|| ("--callees", String::new())));
        given.extend(self.last.map(|last| ("--last", last.to_string())));
        for (repetition, word) in [(Repetition::Rep, "rep"), (Repetition::Loops, "loops")] {
            given.extend(self.collapse.contains(&repetition).then(|| ("--collapse", word.to_owned())));
        }
        given.extend((self.gaps == Some(GapLines::Total)).then(|| ("--gaps", "total".to_owned())));
        given
    }

    /// These options and those, as if all were given together.
    ///
    /// # Errors
    /// An option that is given in both, and cannot be given twice.
    pub fn joined(&self, other: &Self) -> Result<Self, &'static str> {
        let (own, others) = (self.given(), other.given());
        let twice = own.iter().find(|(option, _)| {
            !matches!(*option, "--callees" | "--collapse" | "--gaps")
                && others.iter().any(|(other, _)| other == option)
        });
        if let Some((option, _)) = twice {
            return Err(option);
        }
        let list = |own: &[String], others: &[String]| [own, others].concat();
        Ok(Self {
            partitions: list(&self.partitions, &other.partitions),
            from: self.from.clone().or_else(|| other.from.clone()),
            to: self.to.clone().or_else(|| other.to.clone()),
            at: self.at.clone().or_else(|| other.at.clone()),
            around: self.around.or(other.around),
            window: self.window.or(other.window),
            only: list(&self.only, &other.only),
            functions: list(&self.functions, &other.functions),
            callees: self.callees || other.callees,
            addresses: list(&self.addresses, &other.addresses),
            data: list(&self.data, &other.data),
            classes: list(&self.classes, &other.classes),
            last: self.last.or(other.last),
            collapse: [&self.collapse[..], &other.collapse].concat(),
            gaps: self.gaps.or(other.gaps),
            as_calls: self.as_calls.or(other.as_calls),
        })
    }

    /// What to tell a user who gets nothing, and why that is so.
    pub fn warning(&self, passed: &Passed) -> Option<String> {
        if passed.records > 0 {
            return None;
        }
        let words = self.words()?;
        let never = |option: &str, what: &Option<String>| {
            let what = what.as_deref().unwrap_or_default();
            Some(format!("the filter matched nothing: `{option} {what}` never happened"))
        };
        match passed {
            Passed { began: false, .. } if self.window.is_some() => never("--at", &self.at),
            Passed { began: false, .. } => never("--from", &self.from),
            Passed { hits: Some(0), .. } => never("--at", &self.at),
            _ => Some(format!("the filter matched nothing: {words}")),
        }
    }

    /// Of each partition, whether it is shown: all of them, unless some are named.
    fn shown_partitions(&self, system: &TracedSystem, shown: &str) -> Result<Vec<bool>, String> {
        let chosen = &self.partitions;
        if !chosen.is_empty() && !system.is_system {
            return Err(format!(
                "--partition chooses partitions of a system file, and {shown} is a single guest: leave it out"
            ));
        }
        let names: Vec<&str> = system.partitions.iter().map(|partition| partition.name.as_str()).collect();
        if let Some(unknown) = chosen.iter().find(|name| !names.contains(&name.as_str())) {
            let meant = nearest(unknown, names.iter().copied());
            let meant = meant.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            let has = names.join(", ");
            return Err(format!("--partition: {shown} has no partition `{unknown}`{meant}; it has {has}"));
        }
        let is_shown = |name: &&str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
        Ok(names.iter().map(is_shown).collect())
    }

    /// The kinds that `--only` names, without functions.
    ///
    /// # Errors
    /// One line with what to write in its place.
    pub fn only_kinds(&self) -> Result<Kinds, String> {
        let mut kinds = Kinds::NONE;
        for word in &self.only {
            if word == FUNCTIONS {
                if self.as_calls.is_none() {
                    return Err(format!(
                        "--only {FUNCTIONS}: functions are shown with --calls of `show` and `trace`: add it, or leave out \
                         `{FUNCTIONS}`"
                    ));
                }
                continue;
            }
            let functions = self.as_calls.map(|_| FUNCTIONS);
            let known = functions.into_iter().chain(Kinds::words().map(|(word, _)| word));
            let kind =
                Kinds::of_word(word).ok_or_else(|| unknown("--only", "kind of record", word, known))?;
            kinds = kinds.and(kind);
        }
        Ok(kinds)
    }

    /// Whether functions that are entered and left are a kind that is chosen.
    pub fn wants_functions(&self) -> bool {
        let by_deed = !self.data.is_empty() || !self.classes.is_empty();
        self.as_calls.is_some()
            && (self.only.iter().any(|word| word == FUNCTIONS) || self.only.is_empty() && !by_deed)
    }

    fn selection(&self, words: &Words<'_>) -> Result<Selection, String> {
        let kinds = self.only_kinds()?;
        let mut kinds = if self.wants_functions() { kinds.and(Kinds::INSTRUCTIONS) } else { kinds };
        let mut classes = 0;
        for word in &self.classes {
            let found = CLASSES.iter().find(|(known, _)| known == word).map(|(_, bit)| *bit);
            let known = CLASSES.iter().map(|(word, _)| *word);
            classes |= found.ok_or_else(|| unknown("--class", "class of instructions", word, known))?;
        }
        let of_instructions = [
            ("--data", !self.data.is_empty()),
            ("--class", !self.classes.is_empty()),
            ("--collapse", !self.collapse.is_empty()),
        ];
        if !self.only.is_empty()
            && !kinds.has_instructions()
            && let Some((option, _)) = of_instructions.iter().find(|(_, given)| *given)
        {
            return Err(format!(
                "{option} is about instructions, and `--only {}` has none: add `instructions` to it",
                self.only.join(",")
            ));
        }
        if self.only.is_empty() {
            let by_deed = !self.data.is_empty() || !self.classes.is_empty();
            kinds = if by_deed { Kinds::INSTRUCTIONS } else { Kinds::ALL };
        }
        let places = |option: &str, texts: &[String]| match texts {
            [] => Ok(None),
            texts => words.places(texts).map(Some).map_err(|why| format!("{option}: {why}")),
        };
        Ok(Selection {
            kinds,
            functions: places("--function", &self.functions)?,
            callees: self.callees,
            code: places("--address", &self.addresses)?,
            data: places("--data", &self.data)?,
            classes: (!self.classes.is_empty()).then_some(classes),
        })
    }
}

fn bounded(option: &str, noun: &str, count: u64, most: u64) -> Result<usize, String> {
    if count > most {
        return Err(format!(
            "{option} {} is more than fits in memory: give at most {} {noun}",
            grouped(count),
            grouped(most)
        ));
    }
    Ok(count as usize)
}

fn unknown<'a>(option: &str, noun: &str, word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let meant = match nearest(word, known.iter().copied()) {
        Some(word) => format!(": did you mean `{word}`?"),
        None => ".".to_owned(),
    };
    format!("{option}: `{word}` is no {noun}{meant} There are {}", listed(known))
}
