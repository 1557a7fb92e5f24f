//! The log of QEMU's plugin `execlog`: one line an instruction,
//! `0, 0x8049010, 0xb8, "movl $1, %eax", load, 0x0804a000`: processor, address, the first four bytes, text, and what was
//! accessed, without values.
//!
//! The iterations of a REP are as many lines as that version of QEMU likes; here they are one row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use trace::diff::{Logged, Row, What};

/// A longer line is none of such a log.
const LINE_MOST_BYTES: u64 = 64 << 10;

/// A log, read line by line.
pub struct ExecLog {
    lines: BufReader<File>,
    shown: String,
    line: u64,
    rows: u64,
    processor: Option<u32>,
    last_repeat: Option<u32>,
    ended: bool,
}

/// Whether a file begins as such a log does.
pub fn begins_log(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    std::str::from_utf8(line).is_ok_and(|line| fields(line).is_some())
}

impl ExecLog {
    /// Opens a log.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("{shown}: cannot be read: {error}"))?;
        let lines = BufReader::with_capacity(64 << 10, file);
        Ok(Self { lines, shown, line: 0, rows: 0, processor: None, last_repeat: None, ended: false })
    }

    /// Whether everything was read.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reads up to `count` lines more.
    ///
    /// # Errors
    /// One line with the file's name and the number of the line that is none of a log.
    pub fn read(&mut self, count: usize, rows: &mut Vec<Row>) -> Result<(), String> {
        for _ in 0..count {
            let mut bytes = Vec::new();
            let read = self.lines.by_ref().take(LINE_MOST_BYTES).read_until(b'\n', &mut bytes);
            read.map_err(|error| format!("{}: cannot be read: {error}", self.shown))?;
            if bytes.is_empty() {
                self.ended = true;
                return Ok(());
            }
            self.line += 1;
            let is_whole = bytes.ends_with(b"\n");
            let text = String::from_utf8_lossy(bytes.trim_ascii());
            if text.is_empty() {
                continue;
            }
            let Some((processor, logged)) = fields(&text) else {
                if !is_whole && (bytes.len() as u64) < LINE_MOST_BYTES {
                    // QEMU was stopped while it wrote.
                    self.ended = true;
                    return Ok(());
                }
                return Err(format!(
                    "{}: line {} is none of an execlog: it has to read `0, 0xADDRESS, 0xBYTES, \"TEXT\"`",
                    self.shown, self.line
                ));
            };
            if *self.processor.get_or_insert(processor) != processor {
                return Err(format!(
                    "{}: line {} is of another processor (or thread) than those before it: leave only the lines of one in the file",
                    self.shown, self.line
                ));
            }
            let repeat = logged.text.starts_with("rep").then_some(logged.eip);
            if repeat.is_some() && self.last_repeat == repeat {
                continue;
            }
            self.last_repeat = repeat;
            rows.push(Row { number: self.rows, now_ns: 0, what: What::Logged(logged) });
            self.rows += 1;
        }
        Ok(())
    }
}

/// The processor and the instruction of a line.
fn fields(line: &str) -> Option<(u32, Logged)> {
    let mut parts = line.trim().splitn(4, ", ");
    let processor = parts.next()?.parse().ok()?;
    let mut number = || u32::from_str_radix(parts.next()?.strip_prefix("0x")?, 16).ok();
    let (eip, opcode) = (number()?, number()?);
    let text = parts.next()?.strip_prefix('"')?.split('"').next()?;
    Some((processor, Logged { eip, opcode, text: text.trim().into() }))
}

#[cfg(test)]
mod tests {
    use super::{begins_log, fields};

    #[test]
    fn a_line_has_a_processor_an_address_bytes_and_text() {
        let (processor, logged) = fields("0, 0xa12, 0xf8012400, \"movs r4, #0\"").unwrap();
        assert_eq!((processor, logged.eip, logged.opcode), (0, 0xa12, 0xf801_2400));
        assert_eq!(&*logged.text, "movs r4, #0");
        let (processor, logged) =
            fields("3, 0x8049010, 0x4050ff, \"call *4(%eax)\", load, 0x0804a004").unwrap();
        assert_eq!((processor, logged.eip, &*logged.text), (3, 0x0804_9010, "call *4(%eax)"));
        assert!(begins_log(b"0, 0xa12, 0xf8012400, \"nop\"\n0, 0xa"));
        for line in [
            "",
            "0, a12, 0x1, \"nop\"",
            "0, 0xa12, 0x1",
            "x, 0xa12, 0x1, \"nop\"",
            "0, 0x100000000, 0x1, \"nop\"",
        ] {
            assert!(fields(line).is_none(), "{line}");
        }
    }
}
