//! All steps of a run, kept on this machine when it is accepted or holds: what every instruction made of registers and
//! memory. With them the first instruction is known that another version of Paravane does differently.
//!
//! Not here: where they are kept.

use crate::case::Case;
use crate::execute::start;
use crate::parting::Parting;
use crate::record::record;
use crate::writers::{Sought, writers};
use emulator::cpu::REGISTER_NAMES;
use emulator::{Access, AccessKind};
use hypervisor_core::{PartitionId, Stamp};
use recording::Stored as AllSteps;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::fs::{self, File};
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::Path;
use trace::diff::{Line, Mark};
use trace::pvt::{FrameKind, Reader, Stored, StoredStep, tell_steps};
use trace::{FLAGS, TracedSystem, describe, instruction_text};

/// The steps of longer runs are not kept: their file would be large.
pub const KEPT_MOST_UNITS: u64 = 4_000_000;
/// A run that goes on further than the kept one is looked at so much further.
const FURTHER_UNITS: u64 = 1 << 16;
/// So many steps before a difference are shown.
const BEFORE: usize = 8;
/// And so many after it.
const AFTER: usize = 4;
/// The number of EFLAGS in a step, after those of the general registers.
const EFLAGS: u8 = 9;

/// Keeps the steps of a run.
///
/// # Errors
/// One line: the file cannot be written, or the case cannot be run.
pub fn keep(case: &Case, path: &Path) -> Result<(), String> {
    let partial = path.with_added_extension(format!("{}.part", std::process::id()));
    write(case, None, &partial).and_then(|()| {
        fs::rename(&partial, path)
            .map_err(|error| format!("{}: cannot write this file: {error}", path.display()))
    })
}

/// The first step that a case does not do as it was kept; None if there is none. `executed` is how far the kept run went.
///
/// # Errors
/// One line: a file cannot be read or written, or the case cannot be run.
pub fn first_difference(case: &Case, kept: &Path, executed: u64) -> Result<Option<Parting>, String> {
    let now = kept.with_added_extension(format!("now.{}.part", std::process::id()));
    let made = write(case, Some(executed.saturating_add(FURTHER_UNITS)), &now);
    let told = made.and_then(|()| compare(case, kept, &now));
    let _ = fs::remove_file(&now);
    told
}

fn write(case: &Case, most: Option<u64>, path: &Path) -> Result<(), String> {
    let file =
        File::create(path).map_err(|error| format!("{}: cannot write this file: {error}", path.display()))?;
    record::<AllSteps>(case, most, Box::new(BufWriter::new(file)))
}

fn compare(case: &Case, kept: &Path, now: &Path) -> Result<Option<Parting>, String> {
    let opened = case.opened()?;
    let traced = TracedSystem::of(&start(&opened.subject)?, opened.subject.is_system);
    let mut sides = [Steps::open(kept, &traced)?, Steps::open(now, &traced)?];
    Steps::skip_alike(&mut sides)?;
    let mut before: VecDeque<String> = VecDeque::new();
    let [a, b] = &mut sides;
    loop {
        let (old, new) = (a.next()?, b.next()?);
        if old.is_none() && new.is_none() {
            return Ok(None);
        }
        if old == new && a.registers == b.registers {
            before.extend(new.map(|step| b.line(&step)));
            if before.len() > BEFORE {
                before.pop_front();
            }
            continue;
        }
        let mut lines: Vec<Line> = before.into_iter().map(|text| Line { mark: Mark::Both, text }).collect();
        lines.insert(
            0,
            Line { mark: Mark::Head, text: format!("accepted {}, now {}", a.place(&old), b.place(&new)) },
        );
        let notes = notes([&*a, &*b], [&old, &new]);
        pair(&mut lines, [&*a, &*b], [&old, &new]);
        lines.extend(notes.iter().map(|note| Line { mark: Mark::Note, text: note.clone() }));
        let (accepted, number) = (number(&old), number(&new));
        for _ in 0..AFTER {
            let steps = [a.next()?, b.next()?];
            pair(&mut lines, [&*a, &*b], [&steps[0], &steps[1]]);
        }
        let partition = new.as_ref().or(old.as_ref()).map_or(PartitionId(0), |(stamp, _)| stamp.partition);
        let sought = Sought::of(notes.iter().map(String::as_str));
        let writers = match number {
            Some(number) => writers(case, partition, number, sought)?,
            None => Vec::new(),
        };
        let name = traced.partition(partition).name.clone();
        let is_system = traced.is_system;
        return Ok(Some(Parting {
            partition: name,
            is_system,
            accepted,
            now: number,
            by_symbol: false,
            lines,
            writers,
        }));
    }
}

type Told = (Stamp, StoredStep);

fn number(step: &Option<Told>) -> Option<u64> {
    step.as_ref().map(|(stamp, _)| stamp.instruction)
}

/// Two steps, which are one line if they are the same.
fn pair(lines: &mut Vec<Line>, sides: [&Steps<'_>; 2], steps: [&Option<Told>; 2]) {
    let texts = [0, 1].map(|side| steps[side].as_ref().map(|step| sides[side].line(step)));
    if texts[0] == texts[1] {
        lines.extend(texts[1].clone().map(|text| Line { mark: Mark::Both, text }));
        return;
    }
    for (mark, text) in [Mark::A, Mark::B].into_iter().zip(texts) {
        lines.push(Line { mark, text: text.unwrap_or_else(|| "(the end)".to_owned()) });
    }
}

/// What differs after two steps, in the words of a comparison.
fn notes(sides: [&Steps<'_>; 2], steps: [&Option<Told>; 2]) -> Vec<String> {
    let [Some((stamp, old)), Some((now, new))] = steps else { return Vec::new() };
    let mut notes = Vec::new();
    let mut note = |name: &str, old: String, new: String| {
        if old != new {
            notes.push(format!("{name}: {old} accepted, {new} now"));
        }
    };
    if stamp.partition != now.partition {
        return Vec::new();
    }
    note("time", format!("{} ns", stamp.now_ns), format!("{} ns", now.now_ns));
    note("bytes", hexadecimal(&old.bytes, false), hexadecimal(&new.bytes, false));
    let numbers: BTreeSet<u8> =
        sides.iter().flat_map(|side| side.registers.keys()).map(|(_, number)| *number).collect();
    for number in numbers {
        let [a, b] = sides.map(|side| side.registers.get(&(stamp.partition.0, number)));
        let (Some(a), Some(b)) = (a, b) else { continue };
        if number == EFLAGS {
            let bit = |value: &[u8], mask: u32| u32::from(word(value) & mask != 0).to_string();
            FLAGS.iter().for_each(|(mask, name)| note(name, bit(a, *mask), bit(b, *mask)));
        } else {
            note(&register_name(number), hexadecimal(a, true), hexadecimal(b, true));
        }
    }
    for place in 0..old.accesses.len().max(new.accesses.len()) {
        let text = |step: &StoredStep| step.accesses.get(place).map_or("no access".to_owned(), access_text);
        let (old, new) = (text(old), text(new));
        if old != new {
            notes.push(format!("{old} accepted, {new} now"));
        }
    }
    notes
}

/// The steps of a recording, one after the other.
struct Steps<'a> {
    traced: &'a TracedSystem,
    shown: String,
    reader: Reader,
    frames: VecDeque<usize>,
    told: VecDeque<(Stamp, Stored)>,
    /// What is known of the registers, by partition and number.
    registers: BTreeMap<(u16, u8), Vec<u8>>,
    /// EFLAGS of each partition before the last step.
    flags_before: u32,
}

impl<'a> Steps<'a> {
    fn open(path: &Path, traced: &'a TracedSystem) -> Result<Self, String> {
        let shown = path.display().to_string();
        let reader = Reader::open(path).map_err(|error| format!("{shown}: {error}"))?;
        if reader.cut_at().is_some() {
            return Err(format!("{shown}: it was cut off: remove it"));
        }
        let frames = reader.frames_of(FrameKind::Instructions).collect();
        let (told, registers) = (VecDeque::new(), BTreeMap::new());
        Ok(Self { traced, shown, reader, frames, told, registers, flags_before: 0 })
    }

    /// Leaves out frames that are the same in both, each of which says all of its registers; but for the last of them, from
    /// which lines are shown.
    fn skip_alike(sides: &mut [Self; 2]) -> Result<(), String> {
        loop {
            let [a, b] = sides;
            let (Some(in_a), Some(in_b)) = (a.frames.get(1).copied(), b.frames.get(1).copied()) else {
                return Ok(());
            };
            let (first, second) = ((a.frames[0], in_a), (b.frames[0], in_b));
            if a.raw(first.0)? != b.raw(second.0)? || a.raw(first.1)? != b.raw(second.1)? {
                return Ok(());
            }
            a.frames.pop_front();
            b.frames.pop_front();
        }
    }

    fn raw(&mut self, frame: usize) -> Result<Vec<u8>, String> {
        self.reader.read(frame).map_err(|error| format!("{}: {error}", self.shown))
    }

    /// The next step; what it left behind is known then.
    fn next(&mut self) -> Result<Option<Told>, String> {
        loop {
            match self.told.pop_front() {
                Some((stamp, Stored::Registers(registers))) => self.know(stamp, &registers),
                Some((stamp, Stored::Step(step))) => {
                    let flags = self.registers.get(&(stamp.partition.0, EFLAGS));
                    self.flags_before = flags.map_or(0, |value| word(value));
                    self.know(stamp, &step.changed);
                    // What the hypervisor changes after it belongs to the next one.
                    return Ok(Some((stamp, step)));
                }
                // Runs are kept whole.
                Some((_, Stored::Elision(_))) => {}
                None => {
                    let Some(frame) = self.frames.pop_front() else { return Ok(None) };
                    let raw = self.raw(frame)?;
                    let told = &mut self.told;
                    let is_understood =
                        tell_steps(&raw, self.traced.rate, self.traced.partitions.len(), |stamp, stored| {
                            told.push_back((stamp, stored));
                            ControlFlow::Continue(())
                        });
                    if !is_understood {
                        return Err(format!(
                            "{}: its instructions cannot be understood: remove it",
                            self.shown
                        ));
                    }
                }
            }
        }
    }

    fn know(&mut self, stamp: Stamp, registers: &[(u8, Vec<u8>)]) {
        for (number, value) in registers {
            self.registers.insert((stamp.partition.0, *number), value.clone());
        }
    }

    fn place(&self, step: &Option<Told>) -> String {
        let Some((stamp, step)) = step else { return "(the end)".to_owned() };
        let (seconds, rest) = (stamp.now_ns / 1_000_000_000, stamp.now_ns % 1_000_000_000);
        let symbols = &self.traced.partition(stamp.partition).symbols;
        format!("#{} {seconds}.{rest:09} {}", stamp.instruction, describe(symbols, step.eip))
    }

    /// The last step as a line.
    fn line(&self, (stamp, step): &Told) -> String {
        let partition = self.traced.partition(stamp.partition);
        let text = instruction_text(&partition.symbols, step.eip, &step.bytes);
        let place = describe(&partition.symbols, step.eip);
        let name = if self.traced.is_system { format!("{} ", partition.name) } else { String::new() };
        let mut line = format!("{name}{:<10} {place:<27} {text:<36}", format!("#{}", stamp.instruction));
        for (number, value) in &step.changed {
            if *number != EFLAGS {
                let _ = write!(line, " {}={}", register_name(*number), hexadecimal(value, true));
                continue;
            }
            let flags = word(value);
            for (mask, name) in FLAGS.iter().filter(|(mask, _)| (flags ^ self.flags_before) & mask != 0) {
                let _ = write!(line, " {name}={}", u32::from(flags & mask != 0));
            }
        }
        step.accesses.iter().for_each(|access| _ = write!(line, " {}", access_text(access)));
        line.trim_end().to_owned()
    }
}

/// As gdb names it.
fn register_name(number: u8) -> String {
    const SELECTORS: [&str; 6] = ["cs", "ss", "ds", "es", "fs", "gs"];
    let place = usize::from(number);
    match number {
        0..8 => REGISTER_NAMES[place].to_owned(),
        8 => "eip".to_owned(),
        EFLAGS => "eflags".to_owned(),
        10..16 => SELECTORS[place - 10].to_owned(),
        16..24 => format!("st({})", place - 16),
        32..40 => format!("xmm{}", place - 32),
        _ => format!("register {number}"),
    }
}

fn word(value: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    let length = value.len().min(4);
    bytes[..length].copy_from_slice(&value[..length]);
    u32::from_le_bytes(bytes)
}

/// The digits of bytes; of a number the last one comes first.
fn hexadecimal(bytes: &[u8], is_number: bool) -> String {
    let write = |mut text: String, byte: &u8| {
        let _ = write!(text, "{byte:02x}");
        text
    };
    if is_number {
        bytes.iter().rev().fold(String::new(), write)
    } else {
        bytes.iter().fold(String::new(), write)
    }
}

fn access_text(access: &Access) -> String {
    let Access { kind, address, length_bytes, value } = *access;
    let arrow = if kind == AccessKind::Write { "<-" } else { "->" };
    format!("[{address:08x}]{arrow}{value:0digits$x}", digits = usize::from(length_bytes) * 2)
}

#[cfg(test)]
mod tests {
    use super::{first_difference, keep};
    use crate::case::Case;
    use crate::case_file::CaseFile;
    use std::{env, fs, process};
    use trace::diff::Mark;

    #[test]
    fn the_first_step_that_is_not_as_it_was_kept_is_told_with_both_values() {
        let folder = env::temp_dir().join(format!("paravane-steps-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = CaseFile::new("builtin:hello".to_owned());
        let case = Case { name: "hello".to_owned(), folder: folder.clone(), file, kept: None, meter: None };
        let kept = folder.join("kept.steps");
        keep(&case, &kept).unwrap();
        assert_eq!(first_difference(&case, &kept, 362), Ok(None));
        // It reads how much memory it has, and does the same until then.
        let mut other = case;
        other.file.options.memory_bytes = Some(8 << 20);
        let parting = first_difference(&other, &kept, 362).unwrap().expect("they differ");
        let of = |wanted: Mark| -> Vec<&str> {
            parting.lines.iter().filter(|line| line.mark == wanted).map(|line| line.text.as_str()).collect()
        };
        assert!(parting.accepted.is_some() && parting.accepted == parting.now, "{parting:?}");
        assert!(of(Mark::A)[0].contains("01000000") && of(Mark::B)[0].contains("00800000"), "{parting:?}");
        assert!(of(Mark::Note).iter().any(|note| note.contains("01000000 accepted, ")), "{parting:?}");
        assert_eq!(of(Mark::Both).len().min(8), 8, "{parting:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
        let whole = fs::read(&kept).unwrap();
        for length in [whole.len() / 2, whole.len() - 1] {
            fs::write(&kept, &whole[..length]).unwrap();
            assert!(first_difference(&other, &kept, 362).is_err(), "what was cut off has no end to compare");
        }
        fs::write(&kept, "no recording").unwrap();
        assert!(first_difference(&other, &kept, 362).unwrap_err().contains("kept.steps: "));
        fs::remove_dir_all(&folder).unwrap();
    }
}
