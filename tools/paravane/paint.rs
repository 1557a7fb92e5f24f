//! Colours for the lines of a trace, of a tree of calls, and of what a question found. The text stays as it is.
//!
//! Not here: whether colours belong there, which the output knows.

use crate::console::partition_style;
use anstyle::{AnsiColor, Style};
use std::io::Write;

const FAINT: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();
const SOURCE: Style = Style::new().italic();
const PLACE: Style = AnsiColor::Cyan.on_default();
const VALUE: Style = AnsiColor::Yellow.on_default();
const LOAD: Style = AnsiColor::Green.on_default();
const STORE: Style = AnsiColor::Magenta.on_default();
const EVENT: Style = AnsiColor::Blue.on_default().bold();
const TURN: Style = AnsiColor::Magenta.on_default().bold();
const CONSOLE: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Which text the lines are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Text {
    /// A trace.
    Trace,
    /// A tree of calls, with a column of instructions and one of time.
    Calls,
}

/// Paints lines.
pub struct Painter {
    text: Text,
    /// The names of the partitions, if lines begin with one.
    partitions: Vec<String>,
}

impl Painter {
    /// A painter for the lines of a system, of which each begins with the name of a partition, or of a guest.
    pub fn new(text: Text, system: &trace::TracedSystem) -> Self {
        let names = system.partitions.iter().map(|partition| partition.name.clone());
        Self { text, partitions: if system.is_system { names.collect() } else { Vec::new() } }
    }

    /// Whether a line is of a record, and no other words.
    pub fn is_record(&self, line: &str) -> bool {
        line.find('#').is_some_and(|start| self.is_name(&line[..start]))
    }

    /// These whole lines in colours.
    pub fn paint(&self, lines: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(lines);
        let mut brush = Brush(Vec::with_capacity(2 * lines.len()));
        for line in text.split_inclusive('\n') {
            self.line(&mut brush, line.trim_end_matches('\n'));
            if line.ends_with('\n') {
                brush.plain("\n");
            }
        }
        brush.0
    }

    fn line(&self, brush: &mut Brush, line: &str) {
        let Some(start) = line.find('#').filter(|start| self.is_name(&line[..*start])) else {
            return brush.with(FAINT, line);
        };
        let (name, rest) = line.split_at(start);
        let place = self.partitions.iter().position(|partition| partition == name.trim_end());
        brush.with(place.map_or(STRONG, partition_style), name);
        let (number, rest) = column(rest, NUMBER_WIDTH);
        let (time, rest) = column(rest, TIME_WIDTH);
        brush.plain(number);
        brush.with(FAINT, time);
        if self.text == Text::Trace {
            return record(brush, rest);
        }
        // What a line of a tree has spent stands right before two spaces and how deep it is.
        let spent = rest.split_at_checked(SPENT_WIDTH).filter(|(spent, _)| spent.is_ascii());
        let (spent, rest) = spent.unwrap_or(("", rest));
        brush.with(FAINT, spent);
        let words = rest.trim_start();
        brush.plain(&rest[..rest.len() - words.len()]);
        let is_record = words.starts_with("== ") || words.starts_with("-- ") || is_address(words);
        if is_record { record(brush, words) } else { function(brush, words) }
    }

    /// Whether what stands before the number is the name of a partition, or of the whole system, or nothing.
    fn is_name(&self, before: &str) -> bool {
        let name = before.trim_end();
        if self.partitions.is_empty() {
            return before.is_empty();
        }
        name == "*" || self.partitions.iter().any(|partition| partition == name)
    }
}

const NUMBER_WIDTH: usize = 11;
const TIME_WIDTH: usize = 13;
/// The columns of instructions and time of a tree of calls, as [`trace::CallText`] writes them.
const SPENT_WIDTH: usize = 12 + 11;

/// A word and the spaces that fill its column, and the rest.
fn column(text: &str, width: usize) -> (&str, &str) {
    let word = text.find(' ').unwrap_or(text.len());
    let spaces = text[word..].len() - text[word..].trim_start_matches(' ').len();
    text.split_at((word + spaces).min(width.max(word + 1)))
}

fn is_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 8 && bytes[8] == b' ' && bytes[..8].iter().all(u8::is_ascii_hexdigit)
}

/// What stands behind number and time.
fn record(brush: &mut Brush, text: &str) {
    if let Some(rest) = text.strip_prefix("== ") {
        event(brush, rest);
    } else if let Some(rest) = text.strip_prefix("-- ") {
        let (place, words) = rest.split_once("  ").unwrap_or((rest, ""));
        brush.with(FAINT, "-- ");
        brush.with(PLACE, place);
        brush.with(SOURCE, &rest[place.len()..rest.len() - words.len()]);
        brush.with(SOURCE, words);
    } else if is_address(text) {
        instruction(brush, text);
    } else {
        brush.plain(text);
    }
}

fn event(brush: &mut Brush, text: &str) {
    let kind = text.split(' ').next().unwrap_or_default();
    let style = match kind {
        "elided" | "tracing" | "settle" => return brush.with(FAINT, &format!("== {text}")),
        "trap" | "crash" | "health" | "drop" | "lose" => BAD,
        "upcall" | "iret" | "restart" => TURN,
        "console" | "input" | "input-end" => CONSOLE,
        "end" => STRONG,
        _ => EVENT,
    };
    brush.with(style, &format!("== {kind}"));
    let words = &text[kind.len()..];
    // A call that was refused: `= bad_address (-2)  from main`.
    let refused = words.split_once(" = ").filter(|(_, result)| {
        result.split("  ").next().is_some_and(|result| result.contains("(-") || result.starts_with('-'))
    });
    match refused {
        Some((call, result)) => {
            let end = result.find("  ").unwrap_or(result.len());
            brush.plain(call);
            brush.plain(" = ");
            brush.with(BAD, &result[..end]);
            brush.plain(&result[end..]);
        }
        None => brush.plain(words),
    }
}

/// Address, place, bytes, text, and what it changed, which two spaces separate from the text.
fn instruction(brush: &mut Brush, text: &str) {
    brush.with(FAINT, &text[..9]);
    let rest = &text[9..];
    let place = if rest.starts_with(' ') { 0 } else { rest.find(' ').unwrap_or(rest.len()) };
    brush.with(PLACE, &rest[..place]);
    let rest = &rest[place..];
    let bytes = rest.len() - rest.trim_start().len();
    let bytes_end = rest[bytes..].find(' ').map_or(rest.len(), |length| bytes + length);
    brush.with(FAINT, &rest[..bytes_end]);
    let rest = &rest[bytes_end..];
    let start = rest.len() - rest.trim_start().len();
    let end = rest[start..].find("  ").map_or(rest.len(), |length| start + length);
    brush.plain(&rest[..start]);
    operation(brush, &rest[start..end]);
    changes(brush, &rest[end..]);
}

/// `call 0x100040 <main>`
fn operation(brush: &mut Brush, text: &str) {
    let mnemonic = text.find(' ').unwrap_or(text.len());
    brush.with(STRONG, &text[..mnemonic]);
    match text[mnemonic..].find('<') {
        Some(place) => {
            brush.plain(&text[mnemonic..mnemonic + place]);
            brush.with(PLACE, &text[mnemonic + place..]);
        }
        None => brush.plain(&text[mnemonic..]),
    }
}

/// ` eax=0000001f ZF=1 [00104000 ticks]->001f`
fn changes(brush: &mut Brush, text: &str) {
    let mut rest = text;
    while !rest.is_empty() {
        let spaces = rest.len() - rest.trim_start().len();
        brush.plain(&rest[..spaces]);
        rest = &rest[spaces..];
        let access = rest.strip_prefix('[').and_then(|inside| inside.split_once(']'));
        if let Some((place, value)) = access {
            let (address, symbol) = place.split_at(place.find(' ').unwrap_or(place.len()));
            let end = value.find(' ').unwrap_or(value.len());
            brush.plain("[");
            brush.plain(address);
            brush.with(PLACE, symbol);
            brush.plain("]");
            brush.with(if value.starts_with("<-") { STORE } else { LOAD }, &value[..end]);
            rest = &value[end..];
            continue;
        }
        let end = rest.find(' ').unwrap_or(rest.len());
        match rest[..end].split_once('=') {
            Some((name, value)) => {
                brush.plain(name);
                brush.plain("=");
                brush.with(VALUE, value);
            }
            None => brush.with(FAINT, &rest[..end]),
        }
        rest = &rest[end..];
    }
}

/// `} main = 00000000`, `main {  starts here`
fn function(brush: &mut Brush, text: &str) {
    let name = text.strip_prefix("} ").unwrap_or(text);
    brush.with(FAINT, &text[..text.len() - name.len()]);
    let end = [" {", " = ", "  "].iter().filter_map(|mark| name.find(mark)).min().unwrap_or(name.len());
    brush.with(PLACE, &name[..end]);
    let rest = &name[end..];
    if let Some(value) = rest.strip_prefix(" = ") {
        let end = value.find(' ').unwrap_or(value.len());
        brush.plain(" = ");
        brush.with(VALUE, &value[..end]);
        brush.with(FAINT, &value[end..]);
    } else {
        let words = rest.strip_prefix(" {").unwrap_or(rest);
        brush.with(FAINT, &rest[..rest.len() - words.len()]);
        let style = if words.trim_start().starts_with("interrupts ") { TURN } else { FAINT };
        brush.with(style, words);
    }
}

/// Bytes with styles.
struct Brush(Vec<u8>);

impl Brush {
    fn plain(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn with(&mut self, style: Style, text: &str) {
        if !text.is_empty() {
            // A vector takes all.
            let _ = write!(self.0, "{style}{text}{style:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Painter, Text};

    fn painted(text: Text, partitions: &[&str], line: &str) -> String {
        let partitions = partitions.iter().map(ToString::to_string).collect();
        let painter = Painter { text, partitions };
        let painted = String::from_utf8(painter.paint(line.as_bytes())).unwrap();
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), line, "the text stays as it is");
        painted
    }

    #[test]
    fn lines_keep_their_text_whatever_is_in_them() {
        for (text, partitions, line) in [
            (Text::Trace, &[][..], "paravane-trace text 1\n"),
            (
                Text::Trace,
                &[],
                "#12        1.000000120  00100004 main+0x4    66a100401000     mov ax, [0x104000]   eax=0000001f ZF=1 [00104000 ticks]->001f [00104002 ticks+0x2]<-07\n",
            ),
            (
                Text::Trace,
                &[],
                "#12        1.000000120  00100004                                 90               nop\n",
            ),
            (
                Text::Trace,
                &[],
                "#1 0.000000001 == trap    #PF error 0x4\n#2  0.1  == call    x() = bad_address (-2)  from y\n",
            ),
            (
                Text::Trace,
                &["nav", "a b"],
                "nav #12        1.000000120  == console \"[#=]  {\"\na b #0 0.0 -- f.c:1  x = y\n*   #1 1.0 == end\n",
            ),
            (Text::Trace, &[], "#\n# \n\n==\n#1\n#1 2\n#1 2 [\n#1 2 12345678 \n#1 2 12345678 é  [é] é=é"),
            (Text::Calls, &[], "#0         0.000000000                           _start {  starts here\n"),
            (
                Text::Calls,
                &[],
                "#251       0.000002510           167   1.670 us          } on_page_fault = 00000015\n",
            ),
            (
                Text::Calls,
                &[],
                "#251       12.000002510          167   1.670 us      x = 00000015  at f.c:1\n== elided  3 lines before\n",
            ),
            (Text::Calls, &[], "#\n#1 2\n#1 2 é\n#1 2 }\n"),
        ] {
            painted(text, partitions, line);
        }
    }

    #[test]
    fn symbols_values_events_and_errors_are_told_apart() {
        let line = painted(
            Text::Trace,
            &[],
            "#12        1.000000120  00100004 main+0x4    66a100401000     mov ax, [0x104000]   eax=0000001f [00104000 ticks]->001f",
        );
        for part in [
            "\x1b[36mmain+0x4\x1b[0m",
            "eax=\x1b[33m0000001f\x1b[0m",
            "\x1b[32m->001f\x1b[0m",
            "\x1b[1mmov\x1b[0m",
        ] {
            assert!(line.contains(part), "{part:?} {line:?}");
        }
        let line =
            painted(Text::Trace, &[], "#2         0.100000000  == call    x() = bad_address (-2)  from y");
        assert!(
            line.contains("\x1b[1m\x1b[34m== call\x1b[0m")
                && line.contains("\x1b[31mbad_address (-2)\x1b[0m"),
            "{line:?}"
        );
        let line = painted(Text::Trace, &[], "#2         0.100000000  == trap    #PF in main");
        assert!(line.contains("\x1b[31m== trap"), "{line:?}");
        let line = painted(
            Text::Calls,
            &[],
            "#251       0.000002510           167   1.670 us          } f = 00000015",
        );
        assert!(line.contains("\x1b[36mf\x1b[0m = \x1b[33m00000015\x1b[0m"), "{line:?}");
    }
}
