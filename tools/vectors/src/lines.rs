//! Reads a file line by line, in bounded memory, and numbers what is wrong with it.

use crate::answer::{Answer, parse_answer};
use crate::format::{Case, Header, parse_case, parse_header};
use std::fmt;
use std::io::{self, BufRead, Read};

/// A case has a few hundred bytes; the longest line that is read.
const LINE_BYTES_AT_MOST: u64 = 4 << 20;

/// Why a file could not be read, run or answered to its end.
#[derive(Debug)]
pub enum Problem {
    /// A line is not what it should be.
    Line {
        /// Counted from 1.
        number: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Reading failed.
    Read(io::Error),
    /// Writing failed.
    Write(io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { number, what } => write!(f, "line {number}: {what}"),
            Self::Read(error) => write!(f, "cannot read the cases: {error}"),
            Self::Write(error) => write!(f, "cannot write the answers: {error}"),
        }
    }
}

impl std::error::Error for Problem {}

/// The lines of a file.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Starts at the first line.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, buffer: Vec::new() }
    }

    /// Reads the header, which is the first line.
    ///
    /// # Errors
    /// The line is missing or no header.
    pub fn header(&mut self) -> Result<Header, Problem> {
        match self.next_line()? {
            true => self.parse(parse_header),
            false => Err(Problem::Line {
                number: 1,
                what: "the v32 header is missing: there are no lines".to_owned(),
            }),
        }
    }

    /// Reads the next case; None at the end. Empty lines are skipped.
    ///
    /// # Errors
    /// The line is no case.
    pub fn next_case(&mut self) -> Result<Option<Case>, Problem> {
        match self.next_line()? {
            true => self.parse(parse_case).map(Some),
            false => Ok(None),
        }
    }

    /// Reads the next answer; None at the end. Empty lines are skipped.
    ///
    /// # Errors
    /// The line is no answer.
    pub fn next_answer(&mut self) -> Result<Option<Answer>, Problem> {
        match self.next_line()? {
            true => self.parse(parse_answer).map(Some),
            false => Ok(None),
        }
    }

    /// A problem with the line that was read last.
    pub fn problem(&self, what: String) -> Problem {
        Problem::Line { number: self.number, what }
    }

    fn parse<T>(&self, parse: fn(&str) -> Result<T, String>) -> Result<T, Problem> {
        let text =
            str::from_utf8(&self.buffer).map_err(|error| self.problem(format!("no UTF-8: {error}")))?;
        parse(text).map_err(|what| self.problem(what))
    }

    /// Whether there was another line with something in it.
    fn next_line(&mut self) -> Result<bool, Problem> {
        loop {
            self.buffer.clear();
            let mut limited = (&mut self.reader).take(LINE_BYTES_AT_MOST);
            let length = limited.read_until(b'\n', &mut self.buffer).map_err(Problem::Read)?;
            if length == 0 {
                return Ok(false);
            }
            self.number += 1;
            if length as u64 == LINE_BYTES_AT_MOST && self.buffer.last() != Some(&b'\n') {
                return Err(self.problem(format!("longer than {} MiB", LINE_BYTES_AT_MOST >> 20)));
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }
}
