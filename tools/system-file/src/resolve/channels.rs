//! Channels, ports, shared areas, lines and injections.

use super::{Resolver, Zero, name_of};
use crate::diagnostic::Diagnostic;
use crate::model::{EventChannel, Injection, Line, Queuing, Sampling, Shared};
use crate::suggestion::{listed, nearest};
use crate::tree::{Table, Value, shown};
use hypervisor_core::config::{Discipline, Flush};

impl Resolver<'_> {
    pub(super) fn event_channel(&mut self, table: &Table) -> EventChannel {
        EventChannel {
            name: name_of(table),
            from: self.partition_of(table, "from"),
            to: self.partition_of(table, "to"),
            flush: flush(table),
        }
    }

    pub(super) fn sampling(&mut self, table: &Table) -> Sampling {
        Sampling {
            name: name_of(table),
            from: self.partition_of(table, "from"),
            to: self.partitions_of(table, "to"),
            is_without_readers: table.value("to").is_some()
                && table.list("to").is_empty()
                && !table.is_damaged,
            message: table.number("message"),
            refresh: self.time(table, "refresh", Zero::Refused),
            flush: flush(table),
            writer_period: self.time(table, "writer_period", Zero::Refused),
        }
    }

    pub(super) fn queuing(&mut self, table: &Table) -> Queuing {
        Queuing {
            name: name_of(table),
            from: self.partition_of(table, "from"),
            to: self.partition_of(table, "to"),
            message: table.number("message"),
            depth: table.number("depth"),
            discipline: match table.word("discipline") {
                Some("priority") => Discipline::Priority,
                _ => Discipline::Fifo,
            },
            flush: flush(table),
            burst: table.number("burst"),
            period: self.time(table, "period", Zero::Refused),
            drain: table.number("drain"),
        }
    }

    pub(super) fn shared(&mut self, table: &Table) -> Shared {
        let writers = self.partitions_of(table, "writers");
        let readers = self.partitions_of(table, "readers");
        let written = table.list("writers").len() + table.list("readers").len();
        Shared {
            header: table.span.clone(),
            name: name_of(table),
            size: table.number("size"),
            is_damaged: table.is_damaged || written > writers.len() + readers.len(),
            writers,
            readers,
        }
    }

    pub(super) fn lines(&mut self, file: &Table) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for table in file.tables("line") {
            let number = table.number("number");
            let same = lines.iter().filter_map(|line| line.number.as_ref());
            if let Some(number) = &number
                && let Some(first) = same.into_iter().find(|other| other.value == number.value)
            {
                self.diagnostics.push(
                    Diagnostic::error(format!("line {} is described twice", number.value))
                        .at(number.span.clone(), "again")
                        .also(first.span.clone(), "first here")
                        .help("give it another number, or take one out"),
                );
            }
            lines.push(Line {
                number,
                name: name_of(table),
                owner: self.partition_of(table, "owner").map(|owner| owner.value),
                names_owner: table.value("owner").is_some() || table.is_damaged,
            });
        }
        lines
    }

    pub(super) fn injection(&mut self, table: &Table, lines: &[Line]) -> Injection {
        Injection {
            header: table.span.clone(),
            line: self.injected_line(table, lines),
            at: self.time(table, "at", Zero::Allowed),
            every: self.time(table, "every", Zero::Refused),
            count: table.number("count"),
        }
    }

    fn injected_line(&mut self, table: &Table, lines: &[Line]) -> Option<u32> {
        let node = table.value("line")?;
        let (line, written) = match &node.value {
            Value::Number(number) => (
                lines.iter().find(|line| line.number.as_ref().is_some_and(|other| other.value == *number)),
                number.to_string(),
            ),
            Value::Text(name) => (lines.iter().find(|line| line.name.value == *name), name.clone()),
            _ => return None,
        };
        if let Some(line) = line {
            return line.number.as_ref().and_then(|number| number.value.try_into().ok());
        }
        let names = || lines.iter().map(|line| line.name.value.as_str()).filter(|name| !name.is_empty());
        let diagnostic = Diagnostic::error(format!("no line is called `{}`", shown(&written)))
            .at(node.span.clone(), "nothing defines this line");
        self.diagnostics.push(match nearest(&written, names()) {
            Some(meant) => diagnostic
                .help(format!("did you mean `{meant}`?"))
                .replace(node.span.clone(), format!("\"{meant}\"")),
            None if lines.is_empty() => diagnostic.help("describe it in a [[line]] table"),
            None => diagnostic.help(format!("the lines are {}", listed(names()))),
        });
        None
    }
}

fn flush(table: &Table) -> Flush {
    match table.word("flush") {
        Some("window") => Flush::Window,
        Some("frame") => Flush::Frame,
        _ => Flush::Immediate,
    }
}
