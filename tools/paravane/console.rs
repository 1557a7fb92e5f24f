//! The consoles of all partitions on one stdout: whole lines, each with the name of its partition before it.
//!
//! With one partition there is nothing to tell apart, and its bytes go through as they are.

use crate::output::{Ended, Output};
use anstyle::{AnsiColor, Style};

/// A line that is longer is broken: a guest must not fill the host's memory.
const LINE_MOST_BYTES: usize = 64 << 10;

const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// Where the partitions' consoles go.
pub struct Console {
    output: Output,
    /// What stands before each line of a partition; nothing at all for a single one.
    prefixes: Vec<String>,
    /// What each partition has written of its last line.
    partial: Vec<Vec<u8>>,
    /// The partition of which a line was shown before it was whole.
    open: Option<usize>,
}

impl Console {
    /// A console for the partitions with these names.
    pub fn new(output: Output, names: &[String]) -> Self {
        let prefixes = if names.len() == 1 { Vec::new() } else { prefixes(names, output.shows_colours()) };
        Self { output, prefixes, partial: vec![Vec::new(); names.len()], open: None }
    }

    /// Takes what a partition wrote.
    ///
    /// # Errors
    /// The reader went away, or the host refused.
    pub fn write(&mut self, place: usize, bytes: &[u8]) -> Result<(), Ended> {
        if self.prefixes.is_empty() {
            return self.output.write(bytes);
        }
        let mut waiting = std::mem::take(&mut self.partial[place]);
        waiting.extend_from_slice(bytes);
        let mut rest = waiting.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.begin_line(place)?;
            self.output.write(&rest[..=end])?;
            self.open = None;
            rest = &rest[end + 1..];
        }
        if rest.len() >= LINE_MOST_BYTES {
            self.begin_line(place)?;
            self.output.write(rest)?;
            self.output.write(b"\n")?;
            self.open = None;
            rest = &[];
        }
        self.partial[place] = rest.to_vec();
        Ok(())
    }

    /// Takes what a Linux program calls errors.
    pub fn write_errors(&mut self, bytes: &[u8]) {
        self.output.write_errors(bytes);
    }

    /// Shows what a partition has written of its last line: it waits for an answer.
    ///
    /// # Errors
    /// The reader went away, or the host refused.
    pub fn show_partial(&mut self, place: usize) -> Result<(), Ended> {
        let waiting = std::mem::take(&mut self.partial[place]);
        if waiting.is_empty() {
            return Ok(());
        }
        self.begin_line(place)?;
        self.output.write(&waiting)?;
        self.open = Some(place);
        self.output.flush()
    }

    /// Ends every line that was begun: no more is coming.
    ///
    /// # Errors
    /// The reader went away, or the host refused.
    pub fn finish(&mut self) -> Result<(), Ended> {
        for place in 0..self.partial.len() {
            let open = self.open == Some(place);
            if open || !self.partial[place].is_empty() {
                self.write(place, b"\n")?;
            }
        }
        self.output.flush()
    }

    /// Brings whole lines to their reader.
    ///
    /// # Errors
    /// The reader went away, or the host refused.
    pub fn flush(&mut self) -> Result<(), Ended> {
        self.output.flush()
    }

    /// Writes what stands before a partition's text, unless its line was begun.
    fn begin_line(&mut self, place: usize) -> Result<(), Ended> {
        if self.open == Some(place) {
            return Ok(());
        }
        if self.open.take().is_some() {
            self.output.write(b"\n")?;
        }
        self.output.write(self.prefixes[place].as_bytes())
    }
}

/// How the name of a partition is shown.
pub fn partition_style(place: usize) -> Style {
    COLOURS[place % COLOURS.len()].on_default()
}

/// `nav     | `
fn prefixes(names: &[String], in_colour: bool) -> Vec<String> {
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let prefix = |(place, name): (usize, &String)| {
        let style = if in_colour { partition_style(place) } else { Style::new() };
        format!("{style}{name:width$} |{style:#} ")
    };
    names.iter().enumerate().map(prefix).collect()
}

#[cfg(test)]
mod tests {
    use super::{Console, LINE_MOST_BYTES, prefixes};
    use crate::output::Output;

    /// What stands in the file after `write`.
    fn written(names: &[&str], write: impl FnOnce(&mut Console)) -> String {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("paravane-console-{}-{number}", std::process::id()));
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut console = Console::new(Output::file(&path).unwrap(), &names);
        write(&mut console);
        drop(console);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        text
    }

    #[test]
    fn lines_of_partitions_do_not_mix() {
        let text = written(&["nav", "display"], |console| {
            console.write(0, b"a").unwrap();
            console.write(1, b"one\ntwo\nthr").unwrap();
            console.write(0, b"b\n").unwrap();
            console.finish().unwrap();
        });
        assert_eq!(text, "display | one\ndisplay | two\nnav     | ab\ndisplay | thr\n");
    }

    #[test]
    fn the_bytes_of_a_single_partition_are_left_alone() {
        let text = written(&["nav"], |console| {
            console.write(0, b"a\nb").unwrap();
            console.finish().unwrap();
        });
        assert_eq!(text, "a\nb");
    }

    #[test]
    fn a_question_is_shown_before_its_line_is_whole() {
        let text = written(&["nav", "display"], |console| {
            console.write(0, b"name? ").unwrap();
            console.show_partial(0).unwrap();
            console.write(1, b"tick\n").unwrap();
            console.write(0, b"height? ").unwrap();
            console.show_partial(0).unwrap();
            console.write(0, b"5\n").unwrap();
            console.write(0, b"more? ").unwrap();
            console.show_partial(0).unwrap();
            console.finish().unwrap();
        });
        assert_eq!(text, "nav     | name? \ndisplay | tick\nnav     | height? 5\nnav     | more? \n");
    }

    #[test]
    fn a_line_without_end_is_broken() {
        let text = written(&["a", "b"], |console| {
            console.write(0, &vec![b'x'; LINE_MOST_BYTES]).unwrap();
            console.write(0, b"y\n").unwrap();
        });
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with("\na | y\n"));
    }

    #[test]
    fn colours_end_before_the_text() {
        let names = ["a".to_owned(), "bc".to_owned()];
        assert_eq!(prefixes(&names, false), ["a  | ", "bc | "]);
        let coloured = prefixes(&names, true);
        assert!(coloured[0].starts_with("\x1b[36ma  |\x1b[0m") && coloured[0].ends_with(' '), "{coloured:?}");
        assert_ne!(coloured[0][..6], coloured[1][..6]);
    }
}
