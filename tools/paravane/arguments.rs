//! The command line as clap understands it. What the options do is elsewhere.

use crate::diff::Diff;
use crate::filter_options::FilterOptions;
use crate::golden::options::{GOLDEN_STATUS, Golden};
use crate::look::Look;
use crate::quantities::{parse_count, parse_duration, parse_size};
use crate::query::Query;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_STATUS: &str = "\
Exit status:
  0 to 122  the guest's own exit code
  123       the guest ended with another code; stderr tells which
  124       --max-instructions or --max-time ran out
  125       not the guest's fault: a bad file or command line, an instruction that is missing, a bug
  126       the guest crashed: a fault that it does not handle, or nothing can ever wake it;
            or the health monitor stopped it, or the whole system
  0         also when the reader of stdout goes away, as in `paravane trace FILE | head`
Of a system it is the first of the partitions, in the order of the file, that is not 0.";

const LOCKSTEP_STATUS: &str = "\
Exit status:
  0    both processors did the same up to the program's end
  1    they did not: stderr shows the first difference
  77   this host cannot do it: it is not Linux on x86-64, or does not allow ptrace
  124  --max-instructions ran out, and up to there they did the same
  125  a bad file or command line, an instruction that is missing, a bug";

const QUERY_STATUS: &str = "\
Exit status:
  0    it happened
  1    it did not
  125  the question or the file is wrong; stderr tells what";

const KIT_STATUS: &str = "\
Exit status:
  0    every guest that ran agrees
  1    one does not: its line says why
  125  a bad command line, a bug";

/// Runs, traces and tests paravirtualized i386 guests.
///
/// A run depends on the image, the options and the input, and on nothing else: run it twice and every byte,
/// trace and time stamp is the same.
#[derive(Parser, Debug)]
#[command(name = "paravane", version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Tell more on stderr: -v what is done, -vv with what; RUST_LOG=FILTER chooses by module
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Colours on stdout and stderr: if they are terminals, always, or never; -o FILE has none. NO_COLOR and CLICOLOR_FORCE decide
    /// for `auto`
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colours::Auto, global = true)]
    pub color: Colours,

    /// No warnings on stderr: only errors, and how the run ended if the exit status does not say it all
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// `--color`
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colours {
    /// On a terminal
    Auto,
    /// Also into a pipe
    Always,
    /// Nowhere
    Never,
}

impl Colours {
    /// Whatever is printed from now on follows it.
    pub fn take_effect(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run a guest from its ELF file, or a system of guests from its system file
    ///
    /// The guest's console is stdout and stdin; everything that Paravane has to say goes to stderr. Of several partitions
    /// each line has the name of its partition before it; one of them can read stdin.
    #[command(after_help = EXIT_STATUS)]
    Run(Run),
    /// Run a guest or a system and write down every instruction, call, event and trap
    ///
    /// One line an instruction: its number, virtual time, place, bytes, text, and what it changed and read. Lines
    /// for what is no instruction begin their third column with `==`. Of a system each line begins with the name of its
    /// partition. The text is the same for every run.
    #[command(after_help = EXIT_STATUS)]
    Trace(Box<Trace>),
    /// Show a recorded run as text
    ///
    /// The same lines as those of `paravane trace`. Filters that the run was recorded with are in force; those that are given here choose
    /// of what these leave.
    #[command(after_help = "Exit status:\n  0    it was shown\n  125  it cannot be read; stderr tells why")]
    Show(Box<Show>),
    /// Write a recorded run in the format of another tool
    ///
    /// docs/EXPORTS.md says what each holds and how to open it. The whole run is run again; the filters choose a part of it.
    #[command(
        after_help = "Exit status:\n  0    it was written\n  125  the recording cannot be read, or the file not be written; stderr tells why"
    )]
    Export(Export),
    /// Write a recorded run as one HTML page: timeline, console, interrupts, calls, hot functions
    ///
    /// The page needs nothing but a browser: no network, no other file. It has at most 16 MiB, however long the run was, and says
    /// what it leaves out. docs/REPORT.md tells how to use it.
    #[command(
        after_help = "Exit status:\n  0    it was written\n  125  the recording cannot be read, or the page not be written; stderr tells why"
    )]
    Report(Report),
    /// Check that a recorded run is whole, and that running it again makes the same
    ///
    /// Every frame's digest is checked, and the whole run is run again: each event, the machine of each keyframe and the
    /// machine at the end must be those of the file.
    #[command(
        after_help = "Exit status:\n  0    everything is as recorded\n  1    so far as it goes it is, but it was cut off, or its end is damaged\n  125  it is damaged, or running again makes something else; stderr tells what"
    )]
    Verify(Verify),
    /// Ask a recorded run: who wrote this, when had this register this value, when was this function first visited
    ///
    /// A hit is a line as of `paravane trace`; what was there before stands behind `was`. What the hypervisor wrote has
    /// `== core` in its third column.
    #[command(after_help = QUERY_STATUS)]
    Query(Box<Query>),
    /// Count what is in a recorded run: bytes, instructions, events, calls, interrupts and how long they waited
    ///
    /// It reads the file and runs the last part again; with --functions it runs everything again.
    #[command(after_help = "Exit status:\n  0    it was counted\n  125  it cannot be read; stderr tells why")]
    Stats(Stats),
    /// Compare two runs: where do they part, and how do they differ
    ///
    /// Each side is a recorded run, or a guest or a system that is run now; the second may be a log of QEMU's plugin
    /// `execlog`. Each partition is compared with the one of the same name, instruction by instruction: address, bytes,
    /// registers and flags after it, what it read and wrote, the time that it took, and all events.
    #[command(
        after_help = "Exit status:\n  0    they are alike\n  1    they differ\n  3    they are alike so far, but a recording was cut off or input is missing: the rest was not compared\n  125  a side cannot be run or read; stderr tells why"
    )]
    Diff(Box<Diff>),
    /// Show what an ELF file asks for: segments, entry, ABI, memory, symbols
    #[command(
        after_help = "Exit status:\n  0    it is a static i386 executable\n  125  it is not, and cannot run; stderr tells why"
    )]
    Info(Info),
    /// Say whether a system file describes a system that can work, and how it fails if not
    ///
    /// All errors are shown at once, each with its place in the file and what to do. The file's keys are in
    /// docs/SYSTEM-FILE.md.
    #[command(
        after_help = "Exit status:\n  0    the system can run; warnings are on stderr\n  125  it cannot; stderr tells why"
    )]
    Check(Check),
    /// Run a Linux program on the emulator and on this processor, and compare after every instruction
    ///
    /// Registers, flags, x87 and SSE state and everything that was written must be equal; the first difference ends the
    /// run and is shown with the way there. What the architecture leaves undefined does not count. System calls, CPUID,
    /// RDTSC and what else depends on the host are the emulator's on both sides.
    #[command(after_help = LOCKSTEP_STATUS)]
    Lockstep(Lockstep),
    /// Run the conformance guests: which clauses of the guest ABI hold
    ///
    /// A line for each guest, `PASS CLAUSE NAME` or `FAIL CLAUSE NAME why`, and a summary by clause. The clauses are
    /// those of docs/ABI.md.
    #[command(after_help = KIT_STATUS)]
    Kit(Kit),
    /// Golden tests of your own guests: keep what a run did in small files, and compare
    ///
    /// A suite is a folder with a folder for each case; docs/GOLDEN.md says what is in it.
    #[command(subcommand, after_help = GOLDEN_STATUS)]
    Golden(Golden),
    /// Answer instruction cases: v32 cases on stdin, one answer a line on stdout
    ///
    /// For comparing this processor with real ones. A case that cannot be finished is answered too:
    /// {"id":7,"unimplemented":"fld"} or {"id":7,"panic":"..."}.
    Vectors,
}

impl Command {
    /// Whether its exit status is a judgement, which half of an output does not hold.
    pub fn judges(&self) -> bool {
        match self {
            Self::Verify(_)
            | Self::Diff(_)
            | Self::Check(_)
            | Self::Lockstep(_)
            | Self::Kit(_)
            | Self::Golden(_) => true,
            Self::Run(_)
            | Self::Trace(_)
            | Self::Show(_)
            | Self::Export(_)
            | Self::Report(_)
            | Self::Query(_)
            | Self::Stats(_)
            | Self::Info(_)
            | Self::Vectors => false,
        }
    }
}

/// `paravane run`
#[derive(Args, Debug)]
pub struct Run {
    /// A guest, which is a static i386 ELF file, or a system file (docs/SYSTEM-FILE.md). `builtin:irq` names a
    /// sample that is built in. Without it the system `builtin:flight` runs
    #[arg(value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// When a guest has crashed, write what all partitions did last to this file, as a trace. It costs nothing before that:
    /// the guest runs again for it, as for the last instructions of a crash report. Without a crash the file is empty
    #[arg(long, value_name = "FILE", help_heading = "Flight recorder")]
    pub flight_recorder: Option<PathBuf>,

    /// So many instructions of all partitions are written [default: 100000]
    #[arg(
        long,
        value_name = "COUNT",
        value_parser = parse_count,
        requires = "flight_recorder",
        help_heading = "Flight recorder"
    )]
    pub flight_length: Option<u64>,

    /// How to run it.
    #[command(flatten)]
    pub options: RunOptions,
}

/// `paravane trace`
#[derive(Args, Debug)]
pub struct Trace {
    /// A guest, which is a static i386 ELF file, or a system file (docs/SYSTEM-FILE.md). `builtin:irq` names a
    /// sample that is built in. Without it the system `builtin:flight` runs
    #[arg(value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Write the trace to this file and the guest's console to stdout. Without it, or with `-`, the trace goes to
    /// stdout, and the console appears in it as lines only
    #[arg(short, long, value_name = "FILE", help_heading = "Trace")]
    pub output: Option<PathBuf>,

    /// How the trace is written
    #[arg(long, value_enum, default_value_t = TraceFormat::Text, help_heading = "Trace")]
    pub format: TraceFormat,

    /// How much a trace file holds, with --format pvt; filters decide which instructions are stored [default: full]
    #[arg(long, value_enum, help_heading = "Trace")]
    pub detail: Option<TraceDetail>,

    /// What is written down of the run.
    #[command(flatten)]
    pub filter: FilterOptions,

    /// How.
    #[command(flatten)]
    pub look: Look,

    /// How to run it.
    #[command(flatten)]
    pub options: RunOptions,
}

/// `paravane show`
#[derive(Args, Debug)]
pub struct Show {
    /// A recorded run, as `paravane trace --format pvt -o FILE` writes it
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,

    /// What is shown of the run.
    #[command(flatten)]
    pub filter: FilterOptions,

    /// Leave out the filters that the recording was made with, which else are in force, too
    #[arg(long, help_heading = "Filter")]
    pub unfiltered: bool,

    /// How.
    #[command(flatten)]
    pub look: Look,
}

/// `paravane export`
#[derive(Args, Debug)]
pub struct Export {
    /// A recorded run, as `paravane trace --format pvt -o FILE` writes it
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,

    /// Which format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: ExportFormat,

    /// Where it is written to; stdout without it, or with `-`. For parquet a folder
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Which part of the run.
    #[command(flatten)]
    pub filter: FilterOptions,

    /// Leave out the filters that the recording was made with, which else are in force, too
    #[arg(long, help_heading = "Filter")]
    pub unfiltered: bool,
}

/// `paravane report`
#[derive(Args, Debug)]
pub struct Report {
    /// A recorded run, as `paravane trace --format pvt -o FILE` writes it
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,

    /// Where the page is written to; stdout without it, or with `-`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Leave out in which functions the instructions ran: for these the whole run is run again, for everything else the
    /// recorded events suffice, so that the page of a long run comes at once
    #[arg(long)]
    pub no_functions: bool,

    /// Hold single events and arrows only from this virtual time on: 200s, 1.5s, 10ms. Of a long run the page has room for 100,000 of
    /// them, and without this they are its first and last ones. Everything else of the page is still of the whole run
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub from: Option<Duration>,

    /// Hold single events and arrows only up to this virtual time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub to: Option<Duration>,
}

/// `paravane export --format`
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExportFormat {
    /// A timeline for ui.perfetto.dev: partitions, windows, functions, events
    Perfetto,
    /// Call stacks, one a line, with the instructions spent in them
    Folded,
    /// A flame graph as SVG
    Flamegraph,
    /// Costs for KCachegrind and callgrind_annotate
    Callgrind,
    /// Coverage of source lines for genhtml and others; needs a guest built with -g
    Lcov,
    /// Coverage of instructions for covoar and GNATcoverage, of one partition
    Covoar,
    /// Coverage of blocks for Lighthouse and others
    Drcov,
    /// Registers and memory for Tenet, of one partition
    Tenet,
    /// A table of instructions and events
    Csv,
    /// Three tables for DuckDB, Spark and others, in a folder
    Parquet,
}

/// `paravane verify`
#[derive(Args, Debug)]
pub struct Verify {
    /// A recorded run, as `paravane trace --format pvt -o FILE` writes it
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,
}

/// `paravane stats`
#[derive(Args, Debug)]
pub struct Stats {
    /// A recorded run, as `paravane trace --format pvt -o FILE` writes it
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,

    /// Also the COUNT functions of each partition in which most instructions ran
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub functions: Option<u64>,

    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

/// The options that `run` and `trace` share.
#[derive(Args, Debug)]
pub struct RunOptions {
    /// Memory of the guest: 16MiB, 512KiB, or a number of bytes; a multiple of 4KiB
    /// [default: 16MiB, under --abi linux 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Machine")]
    pub memory: Option<u64>,

    /// A word of the guest's command line; give it again for the next word: --arg period --arg 5.
    /// Under --abi linux each is an argument of its own, after the program's name
    #[arg(
        long = "arg",
        value_name = "TEXT",
        action = ArgAction::Append,
        allow_hyphen_values = true,
        help_heading = "Machine"
    )]
    pub arguments: Vec<String>,

    /// What the guest was written for [default: paravane]
    #[arg(long, value_enum, help_heading = "Machine")]
    pub abi: Option<Abi>,

    /// End after this many instructions of all partitions (a REP counts each iteration): 1000000, 1_000_000 or 1M
    #[arg(long, value_name = "COUNT", value_parser = parse_count, help_heading = "Limits")]
    pub max_instructions: Option<u64>,

    /// End at this virtual time: 2s, 1.5s, 10ms, 500us, 80ns or 3min. It does not depend on the host's speed
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Limits")]
    pub max_time: Option<Duration>,

    /// Write down the console input and the instant at which each part came, for --replay
    #[arg(long, value_name = "FILE", conflicts_with = "replay", help_heading = "Console input")]
    pub record: Option<PathBuf>,

    /// Take the console input from a recording instead of stdin. The images and the system must be the recorded ones
    #[arg(long, value_name = "FILE", help_heading = "Console input")]
    pub replay: Option<PathBuf>,

    /// The processor: what CPUID tells, and which instructions exist [default: i686]
    #[arg(long, value_enum, help_heading = "Machine")]
    pub cpu: Option<CpuName>,

    /// Print counters to stderr at the end: exits, calls, events and how long they waited, decoded blocks;
    /// docs/FORMATS.md says what each counts
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        help_heading = "Statistics"
    )]
    pub stats: Option<StatisticsFormat>,

    /// Write the counters of --stats to this file instead
    #[arg(long, value_name = "FILE", requires = "stats", help_heading = "Statistics")]
    pub stats_output: Option<PathBuf>,

    /// How operations are chained; the guest cannot tell
    #[arg(long, value_enum, default_value_t = Dispatch::Tail, hide = true)]
    pub dispatch: Dispatch,
}

impl RunOptions {
    /// An option that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        let options = [
            ("--memory", self.memory.is_some()),
            ("--arg", !self.arguments.is_empty()),
            ("--abi", self.abi.is_some()),
            ("--max-instructions", self.max_instructions.is_some()),
            ("--max-time", self.max_time.is_some()),
            ("--record", self.record.is_some()),
            ("--replay", self.replay.is_some()),
            ("--cpu", self.cpu.is_some()),
            ("--stats", self.stats.is_some()),
        ];
        options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }
}

/// `--cpu`
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum CpuName {
    /// Pentium II class: x87, CMOV and MMX
    I686,
    /// Pentium 4 class: also SSE and SSE2
    Pentium4,
    /// Pentium 4 class with SSE3
    Prescott,
}

impl CpuName {
    /// The processor's profile.
    pub fn profile(self) -> emulator::CpuProfile {
        match self {
            Self::I686 => emulator::CpuProfile::I686,
            Self::Pentium4 => emulator::CpuProfile::Pentium4,
            Self::Prescott => emulator::CpuProfile::Prescott,
        }
    }
}

/// `paravane info`
#[derive(Args, Debug)]
pub struct Info {
    /// The ELF file
    #[arg(value_name = "FILE")]
    pub image: PathBuf,

    /// List all symbols, by address
    #[arg(short, long)]
    pub symbols: bool,
}

/// `paravane check`
#[derive(Args, Debug)]
pub struct Check {
    /// The system file
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub system: Option<PathBuf>,

    /// Print the JSON Schema of system files, for editors
    #[arg(long, conflicts_with = "system")]
    pub schema: bool,
}

/// `paravane lockstep`
#[derive(Args, Debug)]
pub struct Lockstep {
    /// The program: a static i386 Linux ELF file, as for run --abi linux
    #[arg(value_name = "FILE")]
    pub image: PathBuf,

    /// Its arguments, after its name
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,

    /// Memory of the program: 16MiB, 512KiB, or a number of bytes; a multiple of 4KiB [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,

    /// End after this many instructions (a REP counts each iteration): 1000000, 1_000_000 or 1M
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub max_instructions: Option<u64>,

    /// For tests of the comparison: change EAX on the host before this instruction (counted from 1)
    #[arg(long, value_name = "COUNT", hide = true)]
    pub disturb: Option<u64>,
}

/// `paravane kit`
#[derive(Args, Debug)]
pub struct Kit {
    /// Guests or clauses to run: block, D1. Without a name all of them
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Only list the guests with their clauses
    #[arg(long)]
    pub list: bool,

    /// Run builds of your own instead of the built-in ones: a folder with NAME.elf for each guest, or one file.
    /// guest-images/conformance/README.md shows how to make them
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "list")]
    pub image: Option<PathBuf>,
}

/// What a guest was written for.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Abi {
    /// Paravane's own hypercalls
    Paravane,
    /// Linux on i386: a static program that computes and writes, with a C library or without; docs/LINUX.md has its
    /// system calls
    Linux,
}

/// How a trace is written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceFormat {
    /// One line an instruction
    Text,
    /// A small file from which every instruction and value can be shown: for `paravane show`, `query`, `export`. Filters are written
    /// into it, and are in force when it is shown
    Pvt,
}

/// `--detail`: what a trace file holds beside events and what it takes to run again.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceDetail {
    /// What running again needs: all instructions, registers and values are made from it
    Full,
    /// Which instructions ran, for readers without a processor
    Addresses,
    /// All instructions, the registers that they changed and the memory that they touched, for readers without a processor
    Stored,
}

/// How counters are written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatisticsFormat {
    /// Tables
    Text,
    /// One JSON object
    Json,
}

/// How operations are chained.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dispatch {
    /// A loop calls one handler after the other
    Loop,
    /// Each handler calls the next
    Tail,
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
