//! The command line of `paravane golden`.

use crate::arguments::{Abi, CpuName};
use crate::quantities::{parse_count, parse_duration, parse_size};
use clap::{ArgAction, Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// The exit statuses of all its commands.
pub const GOLDEN_STATUS: &str = "\
Exit status, of several cases the first of 125, 5, 1, 6, 4, 3 that one of them has:
  0    all cases hold; what was asked for was done
  1    a case does not do what was accepted, and the guest is the accepted one: Paravane changed
  3    nothing was accepted yet, or it is pending, or missing, or not enough ran; or there was no case at all
  4    a case runs another image than the accepted one, or was changed itself
  5    a case does not do the same twice
  6    a case ended at a limit
  125  a bad file or command line, a bug";

/// `paravane golden`
#[derive(Subcommand, Debug)]
pub enum Golden {
    /// Run cases and compare with what was accepted
    ///
    /// What differs is left as `expect.*.new` beside what was accepted, for `review` and `accept`; where CI is set, nothing
    /// is written.
    #[command(after_help = GOLDEN_STATUS)]
    Run(RunCases),
    /// Make a case, and record what it does as pending
    ///
    /// The exit status is 3: nothing holds before somebody accepts it.
    #[command(after_help = GOLDEN_STATUS)]
    New(Box<NewCase>),
    /// Go through what is pending, on a terminal: accept, reject, skip, show old, show new
    #[command(after_help = GOLDEN_STATUS)]
    Review(Review),
    /// Accept what is pending
    ///
    /// Each case is run twice again, and must do what is pending. Refused where CI is set.
    #[command(after_help = GOLDEN_STATUS)]
    Accept(AcceptCases),
    /// Show where a case leaves what was accepted: each layer, the window, a trace, and the command that traces it all
    #[command(after_help = GOLDEN_STATUS)]
    Explain(Explain),
    /// Remove what is pending, what was accepted of cases that are no more, and what `run` left and kept for no case of now
    #[command(after_help = GOLDEN_STATUS)]
    Prune(Prune),
}

/// Which cases.
#[derive(Args, Debug)]
pub struct Chosen {
    /// A suite, which is a folder with a folder for each case; or the folder of one case
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Only cases whose names hold one of these words
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Where recordings and pages of cases that differ are left, and the files of accepted runs are kept
    #[arg(long, value_name = "DIR", default_value = super::artifacts::FOLDER)]
    pub artifacts: PathBuf,
}

/// `paravane golden run`
#[derive(Args, Debug)]
pub struct RunCases {
    /// Which cases.
    #[command(flatten)]
    pub chosen: Chosen,

    /// So many cases at once [default: as many as the host has processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub jobs: Option<u32>,

    /// Only every N-th case, the I-th of them first: 1/4 to 4/4 are all of them
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    pub shard: Option<(usize, usize)>,

    /// How the result is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    pub format: ReportFormat,

    /// Write the result to this file; stdout without it, or with `-`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format`
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportFormat {
    /// A line for each case, and what differs
    Human,
    /// One JSON object
    Json,
    /// JUnit's XML, which CI systems show
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
}

/// `paravane golden new`
#[derive(Args, Debug)]
pub struct NewCase {
    /// The folder of the case, which is made: SUITE/NAME
    #[arg(value_name = "DIR/CASE")]
    pub folder: PathBuf,

    /// What it runs: a guest's ELF file, a system file, or `builtin:NAME`
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,

    /// Memory of the guest: 16MiB, 512KiB, or a number of bytes
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,

    /// A word of the guest's command line; give it again for the next word
    #[arg(long = "arg", value_name = "TEXT", action = ArgAction::Append, allow_hyphen_values = true)]
    pub arguments: Vec<String>,

    /// What the guest was written for
    #[arg(long, value_enum)]
    pub abi: Option<Abi>,

    /// The processor
    #[arg(long, value_enum)]
    pub cpu: Option<CpuName>,

    /// The whole console input, as a file
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub input: Option<PathBuf>,

    /// A recording of the console input, as `paravane run --record` writes it
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,

    /// End after this many instructions of all partitions [default: 100M]
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub max_instructions: Option<u64>,

    /// End at this virtual time [default: 1min]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_time: Option<Duration>,

    /// The case is meant to end at a limit
    #[arg(long)]
    pub expect_limit: bool,

    /// This symbol must run; of a system PARTITION:SYMBOL. Give it again for another one
    #[arg(long = "require-symbol", value_name = "SYMBOL")]
    pub symbols: Vec<String>,

    /// The run must have so many instructions and events at least [default: 1]
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub require_records: Option<u64>,
}

/// `paravane golden accept`
#[derive(Args, Debug)]
pub struct AcceptCases {
    /// Which cases.
    #[command(flatten)]
    pub chosen: Chosen,

    /// Why this is right; it is kept in `expect.verdict.toml`
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,

    /// Who accepts it [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,

    /// Run the cases first, and accept what differs, or is new, without another look
    #[arg(long)]
    pub run: bool,

    /// Also accept what loses more than a tenth of its lines
    #[arg(long)]
    pub allow_shrink: bool,
}

/// `paravane golden review`
#[derive(Args, Debug)]
pub struct Review {
    /// Which cases.
    #[command(flatten)]
    pub chosen: Chosen,

    /// Who accepts [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// `paravane golden explain`
#[derive(Args, Debug)]
pub struct Explain {
    /// Which cases.
    #[command(flatten)]
    pub chosen: Chosen,

    /// Also trace the stretch with this program, a paravane that still does what was accepted, and show the first
    /// instruction that differs and the last writers of what differs in it
    #[arg(long, value_name = "PROGRAM")]
    pub against: Option<PathBuf>,
}

/// `paravane golden prune`
#[derive(Args, Debug)]
pub struct Prune {
    /// A suite, or the folder of one case
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Where recordings and pages of cases that differ were left, and the files of accepted runs are kept
    #[arg(long, value_name = "DIR", default_value = super::artifacts::FOLDER)]
    pub artifacts: PathBuf,

    /// Only list what would be removed
    #[arg(long)]
    pub dry_run: bool,
}

fn parse_shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number, of)) if (1..=of).contains(&number) => Ok((number, of)),
        _ => Err("write it as I/N with I from 1 to N: 2/4".to_owned()),
    }
}
