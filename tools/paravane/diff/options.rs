//! The options of `paravane diff`, and what its words mean.

use crate::arguments::{Abi, CpuName};
use crate::quantities::{parse_count, parse_duration, parse_size};
use clap::{ArgAction, Args, ValueEnum};
use emulator::cpu::REGISTER_NAMES;
use std::path::PathBuf;
use std::time::Duration;
use system_file::suggestion::nearest;
use trace::FLAGS;
use trace::diff::{By, Ignored};
use trace::filter::Kinds;

/// More rows are not looked through for the place where both go on alike: they are kept in memory.
const RESYNC_MOST: u64 = 100_000;
/// More rows around a difference nobody reads.
const CONTEXT_MOST: u64 = 10_000;
/// Nor more differences.
const SHOWN_MOST: u64 = 10_000;

/// `paravane diff`
#[derive(Args, Debug)]
pub struct Diff {
    /// A recorded run, or a guest's ELF file or a system file, which is run now; `builtin:irq` names a sample
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The same; or a log that QEMU's plugin `execlog` wrote of the same program
    #[arg(value_name = "B")]
    pub b: PathBuf,

    /// So many rows (instructions, events) are shown before and after a difference
    #[arg(long, value_name = "COUNT", value_parser = parse_count, default_value = "8", help_heading = "Report")]
    pub context: u64,

    /// So many differences of each partition are shown; all are counted
    #[arg(long, value_name = "COUNT", value_parser = parse_count, default_value = "10", help_heading = "Report")]
    pub shown: u64,

    /// Go on after a difference: if the runs are at different places, look up to COUNT rows ahead for where both go on alike
    #[arg(long, value_name = "COUNT", value_parser = parse_count, help_heading = "Comparison")]
    pub resync: Option<u64>,

    /// What may differ: registers, eax to edi, flags, eflags.AF (or another flag), segments, x87, sse, bytes, accesses, values (of
    /// accesses), time, or a kind of event as for --only
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', help_heading = "Comparison")]
    pub ignore: Vec<String>,

    /// Compare only these kinds of record: instructions, reads, writes (of memory), calls, events, upcalls, traps, console,
    /// ports, windows, health, marks, idle, settled, tracing, crashes
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', help_heading = "Comparison")]
    pub only: Vec<String>,

    /// Compare only this partition of a system; give it again for another one
    #[arg(long = "partition", value_name = "NAME", help_heading = "Comparison")]
    pub partitions: Vec<String>,

    /// Compare the whole runs, whatever filters the recordings were made with
    #[arg(long, help_heading = "Comparison")]
    pub unfiltered: bool,

    /// What makes two instructions the same one
    #[arg(long, value_enum, default_value_t = ByOption::Address, help_heading = "Comparison")]
    pub by: ByOption,

    /// Console input of what is run now, `-` for stdin. Without it the one that the other side recorded, or none
    #[arg(long, value_name = "FILE", help_heading = "What is run now")]
    pub input: Option<PathBuf>,

    /// A word of the command line of guests that are run now; again for the next word. Without it as the other side recorded
    #[arg(
        long = "arg",
        value_name = "TEXT",
        action = ArgAction::Append,
        allow_hyphen_values = true,
        help_heading = "What is run now"
    )]
    pub arguments: Vec<String>,

    /// Memory of guests that are run now. Without it as the other side recorded
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "What is run now")]
    pub memory: Option<u64>,

    /// What guests that are run now were written for. Without it as the other side recorded
    #[arg(long, value_enum, help_heading = "What is run now")]
    pub abi: Option<Abi>,

    /// The processor of guests that are run now. Without it as the other side recorded
    #[arg(long, value_enum, help_heading = "What is run now")]
    pub cpu: Option<CpuName>,

    /// End a run now after this many instructions of all partitions: the comparison ends there
    #[arg(long, value_name = "COUNT", value_parser = parse_count, help_heading = "What is run now")]
    pub max_instructions: Option<u64>,

    /// End a run now at this virtual time: the comparison ends there
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "What is run now")]
    pub max_time: Option<Duration>,
}

/// `--by`
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByOption {
    /// Their address
    Address,
    /// Their function, length and first byte: for images in which code or data moved. Addresses that belong to the same
    /// function, or to the same place of the same object, count as equal values
    Symbol,
}

impl Diff {
    /// Checks the numbers.
    ///
    /// # Errors
    /// One line with the option.
    pub fn check(&self) -> Result<(), String> {
        for (option, value, most) in [
            ("--context", Some(self.context), CONTEXT_MOST),
            ("--shown", Some(self.shown), SHOWN_MOST),
            ("--resync", self.resync, RESYNC_MOST),
        ] {
            if value.is_some_and(|value| value > most) {
                return Err(format!("{option}: write at most {most}: so many rows are kept in memory"));
            }
        }
        Ok(())
    }

    /// What makes two instructions the same one.
    pub fn by(&self) -> By {
        match self.by {
            ByOption::Address => By::Address,
            ByOption::Symbol => By::Symbol,
        }
    }

    /// The kinds that are compared.
    ///
    /// # Errors
    /// One line with a word that is none, and those that are.
    pub fn kinds(&self) -> Result<Kinds, String> {
        if self.only.is_empty() {
            return Ok(Kinds::ALL);
        }
        self.only.iter().try_fold(Kinds::NONE, |kinds, word| {
            let words = || Kinds::words().map(|(word, _)| word.to_owned());
            Kinds::of_word(word).map(|kind| kinds.and(kind)).ok_or_else(|| unknown("--only", word, words()))
        })
    }

    /// What may differ, and the kinds of event that are not looked at.
    ///
    /// # Errors
    /// One line with a word that is none, and those that are.
    pub fn ignored(&self) -> Result<(Ignored, Kinds), String> {
        let (mut ignored, mut kinds) = (Ignored::default(), Kinds::NONE);
        for word in &self.ignore {
            let flag = word.strip_prefix("eflags.").unwrap_or(word);
            let flag = FLAGS.iter().find(|(_, name)| name.eq_ignore_ascii_case(flag));
            let register = REGISTER_NAMES.iter().position(|name| name == word);
            match (word.as_str(), register, flag) {
                (_, Some(number), _) => ignored.registers |= 1 << number,
                (_, _, Some((bit, _))) => ignored.flags |= bit,
                ("registers", ..) => ignored.registers = u8::MAX,
                ("flags" | "eflags", ..) => ignored.flags = u32::MAX,
                ("segments", ..) => ignored.segments = true,
                ("x87", ..) => ignored.x87 = true,
                ("sse", ..) => ignored.sse = true,
                ("bytes", ..) => ignored.bytes = true,
                ("accesses", ..) => ignored.accesses = true,
                ("values", ..) => ignored.values = true,
                ("time", ..) => ignored.time = true,
                _ => match Kinds::of_word(word).filter(|kind| !kind.has_instructions()) {
                    Some(kind) => kinds = kinds.and(kind),
                    None => return Err(unknown("--ignore", word, ignorable())),
                },
            }
        }
        Ok((ignored, kinds))
    }
}

/// The words of `--ignore`.
fn ignorable() -> impl Iterator<Item = String> {
    let fields = ["registers", "flags", "segments", "x87", "sse", "bytes", "accesses", "values", "time"];
    let kinds = Kinds::words().map(|(word, _)| word);
    let kinds = kinds.filter(|word| Kinds::of_word(word).is_some_and(|kind| !kind.has_instructions()));
    let words = fields.into_iter().chain(REGISTER_NAMES).chain(kinds).map(str::to_owned);
    words.chain(FLAGS.iter().map(|(_, name)| format!("eflags.{name}")))
}

fn unknown(option: &str, word: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<String> = known.collect();
    let guess = nearest(word, known.iter().map(String::as_str));
    let guess = guess.map(|guess| format!(" (did you mean `{guess}`?)")).unwrap_or_default();
    format!("{option}: there is no `{word}`{guess}: write some of {}", known.join(", "))
}
