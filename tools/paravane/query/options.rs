//! `paravane query` as clap understands it.

use crate::quantities::parse_size;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `paravane query`
#[derive(Args, Debug)]
pub struct Query {
    /// A recorded run, as `paravane trace --format pvt -o FILE` writes it
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,

    /// The partition of a system that is asked about
    #[arg(long, value_name = "NAME", global = true)]
    pub partition: Option<String>,

    /// A JSON object a line for each hit
    #[arg(long, global = true)]
    pub json: bool,

    /// What is asked.
    #[command(subcommand)]
    pub question: Question,
}

/// The questions.
#[derive(Subcommand, Debug)]
pub enum Question {
    /// Who wrote this memory last
    WhoWrote {
        /// Which memory.
        #[command(flatten)]
        memory: Memory,
        /// Up to when.
        #[command(flatten)]
        until: Until,
    },
    /// Who reads or writes this memory next
    NextAccess {
        /// Which memory.
        #[command(flatten)]
        memory: Memory,
        /// After this: #NUMBER of an instruction, or a TIME such as 10ms [default: the beginning]
        #[arg(long, value_name = "WHEN")]
        after: Option<String>,
    },
    /// Who read or wrote this memory last
    PreviousAccess {
        /// Which memory.
        #[command(flatten)]
        memory: Memory,
        /// Before this: #NUMBER of an instruction, or a TIME such as 10ms [default: the end]
        #[arg(long, value_name = "WHEN")]
        before: Option<String>,
    },
    /// When a register got its value, and which one it is; or when it got this value last
    Register {
        /// eax to edi, their parts such as ax, al, ah, eflags, a flag such as ZF, or cs to gs
        #[arg(value_name = "NAME|NAME=VALUE")]
        register: String,
        /// Up to when.
        #[command(flatten)]
        until: Until,
    },
    /// When a function, or an instruction, was run for the first time, and how often
    FirstVisit {
        /// A SYMBOL, SYMBOL+OFFSET or 0xADDRESS; its first instruction counts
        #[arg(value_name = "FUNCTION|ADDRESS")]
        place: String,
        /// Up to when.
        #[command(flatten)]
        until: Until,
    },
    /// How long it took from one mark of a guest to another
    Between {
        /// Where it begins
        #[arg(value_name = "mark:ID")]
        from: String,
        /// Where it ends: the first one after that
        #[arg(value_name = "mark:ID")]
        to: String,
        /// Each time, and not only the first
        #[arg(long)]
        all: bool,
    },
}

/// Memory that is asked about.
#[derive(Args, Debug)]
pub struct Memory {
    /// A SYMBOL (all of it), SYMBOL+OFFSET, 0xADDRESS, or a range START..END without END
    #[arg(value_name = "ADDRESS")]
    pub place: String,

    /// So many bytes from there: 4 or 1KiB [default: all of a symbol or range, else 1]
    #[arg(value_name = "LENGTH", value_parser = parse_size)]
    pub length: Option<u64>,
}

/// Up to when, and how many hits.
#[derive(Args, Debug)]
pub struct Until {
    /// Before this: #NUMBER of an instruction, or a TIME such as 10ms [default: the end]
    #[arg(long, value_name = "WHEN")]
    pub before: Option<String>,

    /// Each time, in order, and not only one
    #[arg(long)]
    pub all: bool,
}
