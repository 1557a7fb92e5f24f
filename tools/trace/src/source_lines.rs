//! Where in the source an address comes from: file, line and inlined functions, from the DWARF of a partition's image. An image has it
//! if it was compiled with `-g`; without it, and where it is damaged or compressed, there are no lines, and nothing else changes.
//!
//! Addresses in the DWARF are those at which the image is loaded, since it is linked at a fixed place.
//!
//! Not here: which function was called by which; the text of the source.

use crate::traced_system::TracedSystem;
use addr2line::Context;
use emulator::Rights;
use gimli::Reader as _;
use gimli::{Dwarf, EndianArcSlice, LineProgramHeader, LineRow, LittleEndian, SectionId, UnitRef};
use hypervisor_core::{Image, PartitionId};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// More pieces of code with a line of their own are left out: a file must not make the host allocate without bound.
const LINES_MOST: usize = 1 << 22;
/// Deeper inlining is cut off.
const INLINED_MOST: usize = 64;

type Reader = EndianArcSlice<LittleEndian>;

/// A line of a source file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub struct SourceLine<'a> {
    /// The file, as the compiler was told of it.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
}

/// Consecutive code of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineRange<'a> {
    /// Its first address.
    pub first: u32,
    /// Its last address.
    pub last: u32,
    /// The line.
    pub source: SourceLine<'a>,
}

/// A function that code belongs to, as the source has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFrame {
    /// Its name, if it is known.
    pub function: Option<String>,
    /// The file of the code, or of the place at which what is inlined stands.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<u32>,
}

/// The source lines of all partitions. What an image says is read when it is first asked for.
#[derive(Debug)]
pub struct SourceLines {
    partitions: Vec<ImageLines>,
}

impl SourceLines {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(system: &TracedSystem) -> Self {
        let partitions = system.partitions.iter();
        Self { partitions: partitions.map(|partition| ImageLines::new(&partition.image)).collect() }
    }

    /// The line that an address comes from, of the innermost function if functions are inlined.
    #[must_use]
    pub fn line(&self, partition: PartitionId, address: u32) -> Option<SourceLine<'_>> {
        self.partitions[partition.index()].range(address).map(|range| range.source)
    }

    /// The code that has the line of this address.
    #[must_use]
    pub fn range(&self, partition: PartitionId, address: u32) -> Option<LineRange<'_>> {
        self.partitions[partition.index()].range(address)
    }

    /// All code that has a line, by address.
    pub fn ranges(&self, partition: PartitionId) -> impl Iterator<Item = LineRange<'_>> {
        let image = &self.partitions[partition.index()];
        image.lines().ranges.iter().map(|range| image.lines().shown(range))
    }

    /// The functions that an address belongs to: the innermost inlined first, the one that was called last.
    #[must_use]
    pub fn frames(&self, partition: PartitionId, address: u32) -> Vec<SourceFrame> {
        self.partitions[partition.index()].frames(address)
    }
}

/// A name as its author wrote it: demangled, if a compiler of C++ or Rust has mangled it.
#[must_use]
pub fn readable_name(name: &str) -> Cow<'_, str> {
    // A plain name is most names, and demanglers ask for more than they need to find out.
    if name.starts_with('_') {
        addr2line::demangle_auto(Cow::Borrowed(name), None)
    } else {
        Cow::Borrowed(name)
    }
}

struct ImageLines {
    image: Arc<Image>,
    dwarf: OnceCell<Option<Arc<Dwarf<Reader>>>>,
    context: OnceCell<Option<Context<Reader>>>,
    lines: OnceCell<Lines>,
}

impl std::fmt::Debug for ImageLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImageLines({:032x})", self.image.hash)
    }
}

/// The lines of an image, as tables.
#[derive(Debug, Default)]
struct Lines {
    files: Vec<String>,
    /// By address, without overlaps.
    ranges: Vec<Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    last: u32,
    file: u32,
    line: u32,
}

impl Lines {
    fn shown(&self, range: &Range) -> LineRange<'_> {
        let Range { first, last, file, line } = *range;
        LineRange { first, last, source: SourceLine { file: &self.files[file as usize], line } }
    }
}

impl ImageLines {
    fn new(image: &Arc<Image>) -> Self {
        let image = Arc::clone(image);
        Self { image, dwarf: OnceCell::new(), context: OnceCell::new(), lines: OnceCell::new() }
    }

    fn dwarf(&self) -> Option<&Arc<Dwarf<Reader>>> {
        self.dwarf.get_or_init(|| read_dwarf(&self.image)).as_ref()
    }

    fn context(&self) -> Option<&Context<Reader>> {
        let read = || Context::from_arc_dwarf(Arc::clone(self.dwarf()?)).ok();
        self.context.get_or_init(read).as_ref()
    }

    fn lines(&self) -> &Lines {
        let read = || self.dwarf().map_or_else(Lines::default, |dwarf| read_lines(dwarf, &self.image));
        self.lines.get_or_init(read)
    }

    fn range(&self, address: u32) -> Option<LineRange<'_>> {
        let lines = self.lines();
        let place = lines.ranges.partition_point(|range| range.last < address);
        lines.ranges.get(place).filter(|range| range.first <= address).map(|range| lines.shown(range))
    }

    fn frames(&self, address: u32) -> Vec<SourceFrame> {
        let Some(context) = self.context() else { return Vec::new() };
        let Ok(mut found) = context.find_frames(address.into()).skip_all_loads() else { return Vec::new() };
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let location = frame.location.as_ref();
            frames.push(SourceFrame {
                function: frame.function.and_then(|name| name.demangle().ok().map(Cow::into_owned)),
                file: location.and_then(|location| location.file.map(str::to_owned)),
                line: location.and_then(|location| location.line),
            });
            if frames.len() == INLINED_MOST {
                break;
            }
        }
        frames
    }
}

fn read_dwarf(image: &Image) -> Option<Arc<Dwarf<Reader>>> {
    image.section(SectionId::DebugInfo.name())?;
    let section = |id: SectionId| {
        let bytes = image.section(id.name()).unwrap_or_default();
        Ok::<_, gimli::Error>(Reader::new(Arc::from(bytes), LittleEndian))
    };
    Dwarf::load(section).ok().map(Arc::new)
}

/// The rows of the line tables. Not by `Context::find_location_range`, which trusts that addresses rise.
fn read_lines(dwarf: &Dwarf<Reader>, image: &Image) -> Lines {
    let mut lines = Lines::default();
    let mut numbers = HashMap::new();
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        read_unit(UnitRef::new(dwarf, &unit), image, &mut numbers, &mut lines);
    }
    lines.ranges.sort_by_key(|range| range.first);
    without_overlaps(&mut lines.ranges);
    lines
}

fn read_unit(
    unit: UnitRef<'_, Reader>,
    image: &Image,
    numbers: &mut HashMap<String, u32>,
    lines: &mut Lines,
) {
    let Some(program) = unit.line_program.clone() else { return };
    // By the numbers that files have in this unit.
    let mut files: HashMap<u64, Option<u32>> = HashMap::new();
    let mut rows = program.rows();
    let mut open: Option<LineRow> = None;
    while let Ok(Some((header, &row))) = rows.next_row() {
        if let Some(before) = open.filter(|before| before.address() < row.address())
            && let Some(line) = before.line().and_then(|line| u32::try_from(line.get()).ok())
            && let Some((first, last)) = code_of(image, before.address(), row.address() - 1)
            && lines.ranges.len() < LINES_MOST
        {
            let file = *files.entry(before.file_index()).or_insert_with(|| {
                let path = path_of(unit, header, before.file_index())?;
                Some(*numbers.entry(path).or_insert_with_key(|path| {
                    lines.files.push(path.clone());
                    lines.files.len() as u32 - 1
                }))
            });
            lines.ranges.extend(file.map(|file| Range { first, last, file, line }));
        }
        open = (!row.end_sequence()).then_some(row);
    }
}

/// What of these addresses is code. What the linker left out stands at address 0.
fn code_of(image: &Image, first: u64, last: u64) -> Option<(u32, u32)> {
    let holder = image.segments.iter().find(|segment| {
        segment.rights.contains(Rights::EXECUTE) && (segment.address.into()..segment.end()).contains(&first)
    })?;
    Some((first as u32, last.min(holder.end() - 1) as u32))
}

fn path_of(unit: UnitRef<'_, Reader>, header: &LineProgramHeader<Reader>, index: u64) -> Option<String> {
    let file = header.file(index)?;
    let owned = |text: &Reader| text.to_string_lossy().ok().map(Cow::into_owned);
    let text = |value| owned(&unit.attr_string(value).ok()?);
    let mut path = unit.comp_dir.as_ref().and_then(owned).unwrap_or_default();
    if file.directory_index() != 0 {
        path = joined(path, &file.directory(header).and_then(text)?);
    }
    Some(joined(path, &text(file.path_name())?))
}

fn joined(folder: String, path: &str) -> String {
    if path.starts_with('/') || folder.is_empty() {
        return path.to_owned();
    }
    let slash = if folder.ends_with('/') { "" } else { "/" };
    folder + slash + path
}

/// Where two pieces of code claim an address, which only damage brings about, the one that begins first has it.
fn without_overlaps(ranges: &mut Vec<Range>) {
    let mut next = 0_u64;
    ranges.retain_mut(|range| {
        range.first = range.first.max(u32::try_from(next).unwrap_or(u32::MAX));
        let holds_something = u64::from(range.last) >= next;
        if holds_something {
            next = u64::from(range.last) + 1;
        }
        holds_something
    });
}

#[cfg(test)]
mod tests;
