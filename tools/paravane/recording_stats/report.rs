//! What was counted, as text and as JSON.

use super::{Events, Frames};
use crate::json::Json;
use crate::quantities::{grouped, time};
use crate::statistics::{add_ledger, units};
use crate::statistics_json::{ending, of_ledger};
use hypervisor_core::{Machine, PartitionId};
use recording::Recording;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use trace::pvt::FrameKind;
use trace::{Function, FunctionCount, FunctionCounts, TracedSystem};

/// The format of the JSON; the number counts up when a key changes its meaning or goes.
const SCHEMA: &str = "paravane-recording-statistics 1";

/// All that was counted.
pub struct Report<'a> {
    pub shown: String,
    pub recording: &'a Recording,
    pub traced: &'a TracedSystem,
    pub(super) frames: BTreeMap<FrameKind, Frames>,
    pub(super) events: Vec<Events>,
    /// The machine at the end, if it can be made.
    pub machine: Option<&'a Machine>,
    /// In which functions instructions ran, and how many of these are told.
    pub functions: Option<(FunctionCounts, u64)>,
}

impl Report<'_> {
    /// As tables.
    pub fn text(&self) -> String {
        let header = self.recording.header();
        let [path, writer] = [&header.path, &header.writer].map(|text| printable(text));
        let mut text = format!("{}: {path}, recorded by {writer}\n", self.shown);
        if !header.filters.is_empty() {
            let words: Vec<String> = header.filters.iter().map(|word| printable(word)).collect();
            let _ = writeln!(text, "Filters in force when it is shown: {}", words.join(" "));
            text.push_str("What is counted here is the whole run\n");
        }
        self.add_file(&mut text);
        text.push_str("\nRun\n");
        match (self.recording.end(), self.machine) {
            (Some(end), _) => {
                row(&mut text, "instructions", &grouped(end.executed));
                if let Some(machine) = self.machine {
                    row(&mut text, "retired", &grouped(machine.retired()));
                }
                row(&mut text, "virtual time", &time(end.now_ns));
                row(&mut text, "ended", &ending(&end.outcome));
            }
            (None, Some(machine)) => {
                row(&mut text, "instructions", &grouped(machine.executed()));
                row(&mut text, "retired", &grouped(machine.retired()));
                row(&mut text, "virtual time", &time(machine.clock().now_ns()));
                row(&mut text, "ended", "cut off");
            }
            (None, None) => row(&mut text, "ended", "cut off"),
        }
        if self.machine.is_none() {
            text.push_str("  It cannot be run again by this program: what is counted so is left out\n");
        }
        for place in 0..self.traced.partitions.len() {
            self.add_partition(&mut text, PartitionId(place as u16));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn add_file(&self, text: &mut String) {
        let length = self.recording.reader().length_bytes();
        text.push_str("\nFile\n");
        row(text, "bytes", &grouped(length));
        if let Some(hundredths) = hundredths_an_instruction(length, self.executed()) {
            row(text, "bytes an instruction", &format!("{}.{:02}", hundredths / 100, hundredths % 100));
        }
        let frames = self.recording.reader().frame_count() as u64;
        row(text, "frames", &grouped(frames));
        if let Some(at) = self.recording.reader().cut_at() {
            row(text, "cut off at byte", &grouped(at));
        }
        text.push_str("  frames of      count                bytes         decompressed\n");
        for (kind, frames) in &self.frames {
            let Frames { count, compressed_bytes, raw_bytes } = *frames;
            let (count, bytes, raw) = (grouped(count), grouped(compressed_bytes), grouped(raw_bytes));
            let _ = writeln!(text, "  {:<12} {count:>7} {bytes:>20} {raw:>20}", name(*kind));
        }
    }

    fn add_partition(&self, text: &mut String, id: PartitionId) {
        let _ = writeln!(text, "\nPartition {}", self.traced.partition(id).name);
        if let Some(machine) = self.machine {
            let partition = machine.partition(id);
            row(text, "instructions", &grouped(partition.executed()));
            row(text, "retired", &grouped(partition.retired()));
            for (name, units) in units(machine, partition) {
                row(text, &format!("time: {name}"), &time(self.traced.rate.nanoseconds(units)));
            }
            if let Some(outcome) = partition.outcome() {
                row(text, "ended", &ending(outcome));
            }
        }
        let Some(Events { kinds, calls, .. }) = self.events.get(id.index()) else { return };
        add_counts(text, "events by kind", kinds);
        add_counts(text, "calls by name", calls);
        if let Some(machine) = self.machine
            && let Some(ledger) =
                machine.partition(id).ledger().filter(|ledger| ledger.accounts().count() > 0)
        {
            add_ledger(text, machine.config(), ledger);
        }
        if let Some((counts, most)) = &self.functions {
            text.push_str("  functions                    own instructions              entries\n");
            for (Function { name, .. }, count) in counts.most(id, *most) {
                let (instructions, entries) = (grouped(count.instructions), grouped(count.entries));
                let _ = writeln!(text, "    {name:<24} {instructions:>18} {entries:>20}");
            }
        }
    }

    fn executed(&self) -> u64 {
        let machine = || self.machine.map(Machine::executed);
        self.recording.end().map(|end| end.executed).or_else(machine).unwrap_or(0)
    }

    /// As JSON.
    pub fn json(&self) -> Json {
        let header = self.recording.header();
        let (reader, end) = (self.recording.reader(), self.recording.end());
        let now_ns = end.map(|end| end.now_ns);
        let now_ns = now_ns.or_else(|| self.machine.map(|machine| machine.clock().now_ns()));
        let partitions =
            (0..self.traced.partitions.len()).map(|place| self.of_partition(PartitionId(place as u16)));
        Json::object([
            ("schema", SCHEMA.into()),
            ("of", header.path.as_str().into()),
            ("writer", header.writer.as_str().into()),
            ("filters", header.filters.iter().map(|word| Json::from(word.as_str())).collect()),
            ("bytes", reader.length_bytes().into()),
            ("cut_at", reader.cut_at().map_or(Json::Null, Json::Number)),
            ("frames", self.frames.iter().map(of_frames).collect()),
            ("instructions", self.executed().into()),
            ("retired", self.machine.map_or(Json::Null, |machine| machine.retired().into())),
            ("virtual_ns", now_ns.map_or(Json::Null, Json::Number)),
            ("ended", end.map_or(Json::Null, |end| ending(&end.outcome).into())),
            ("partitions", partitions.collect()),
        ])
    }

    fn of_partition(&self, id: PartitionId) -> Json {
        let mut entries = vec![("name", self.traced.partition(id).name.as_str().into())];
        if let Some(machine) = self.machine {
            let partition = machine.partition(id);
            let ns = |units| self.traced.rate.nanoseconds(units);
            let times = units(machine, partition).map(|(name, units)| (name, ns(units).into()));
            entries.push(("instructions", partition.executed().into()));
            entries.push(("retired", partition.retired().into()));
            entries.push(("time_ns", Json::object(times)));
            entries.push(("ended", partition.outcome().map_or(Json::Null, |outcome| ending(outcome).into())));
            let ledger = partition.ledger();
            entries
                .push(("sources", ledger.map_or(Json::Null, |ledger| of_ledger(machine.config(), ledger))));
        }
        if let Some(Events { kinds, calls, .. }) = self.events.get(id.index()) {
            entries.push(("events", counts_json(kinds)));
            entries.push(("calls", counts_json(calls)));
        }
        if let Some((counts, most)) = &self.functions {
            let function = |(function, count): (&Function, FunctionCount)| {
                Json::object([
                    ("name", function.name.as_str().into()),
                    ("own_instructions", count.instructions.into()),
                    ("entries", count.entries.into()),
                ])
            };
            entries.push(("functions", counts.most(id, *most).into_iter().map(function).collect()));
        }
        Json::object(entries)
    }
}

fn of_frames((kind, frames): (&FrameKind, &Frames)) -> Json {
    Json::object([
        ("kind", name(*kind).into()),
        ("count", frames.count.into()),
        ("bytes", frames.compressed_bytes.into()),
        ("raw_bytes", frames.raw_bytes.into()),
    ])
}

fn counts_json(counts: &BTreeMap<impl AsRef<str>, u64>) -> Json {
    Json::object(counts.iter().map(|(name, count)| (name.as_ref(), (*count).into())))
}

fn add_counts(text: &mut String, title: &str, counts: &BTreeMap<impl Display, u64>) {
    if counts.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {title}");
    let mut counts: Vec<(String, u64)> =
        counts.iter().map(|(name, count)| (name.to_string(), *count)).collect();
    counts.sort_by(|(name, count), (other, than)| than.cmp(count).then_with(|| name.cmp(other)));
    for (name, count) in counts {
        row(text, &format!("  {name}"), &grouped(count));
    }
}

/// Hundredths of a byte an instruction, rounded up.
fn hundredths_an_instruction(bytes: u64, instructions: u64) -> Option<u64> {
    let hundredths = (u128::from(bytes) * 100).div_ceil(u128::from(instructions.max(1)));
    u64::try_from(hundredths).ok().filter(|_| instructions > 0)
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<28} {value:>20}");
}

/// Words of a file, as a terminal can take them.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn name(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Header => "header",
        FrameKind::File => "files",
        FrameKind::Input => "input",
        FrameKind::Pages => "pages",
        FrameKind::Keyframe => "keyframes",
        FrameKind::Records => "records",
        FrameKind::Addresses => "addresses",
        FrameKind::Instructions => "instructions",
        FrameKind::End => "end",
        FrameKind::Index => "index",
    }
}
