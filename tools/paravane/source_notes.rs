//! The lines of the source that instructions come from, with their text where the files are at hand.

use hypervisor_core::PartitionId;
use log::warn;
use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use trace::{SourceLines, TracedSystem};

/// Larger files are no sources.
const FILE_MOST_BYTES: u64 = 16 << 20;
/// The text of more files is not kept: an image can name any number, and one under many names.
const FILES_MOST: usize = 4096;
/// Nor of more bytes.
const TEXT_MOST_BYTES: u64 = 256 << 20;
/// Longer lines are cut.
const LINE_MOST_LETTERS: usize = 200;
/// The places of so many addresses are kept.
const PLACES_MOST: usize = 1 << 20;

/// Tells of each instruction the line that it comes from, if the one before it came from another.
pub struct SourceNotes {
    lines: SourceLines,
    /// Where relative paths begin.
    folder: PathBuf,
    files: HashMap<String, Option<Vec<String>>>,
    /// So much more text is kept.
    left_bytes: u64,
    /// By partition: what was told last.
    current: Vec<Option<Rc<str>>>,
    /// The places of addresses that ran: one line can have code of several calls that were inlined. None: no line.
    places: HashMap<(PartitionId, u32), Option<Rc<str>>>,
    is_missing_told: bool,
}

impl SourceNotes {
    /// Notes for the partitions that are shown. Warns of images without lines.
    pub fn new(system: &TracedSystem, shown: &[bool], folder: &Path) -> Self {
        let lines = SourceLines::new(system);
        for (place, partition) in system.partitions.iter().enumerate().filter(|(place, _)| shown[*place]) {
            if lines.ranges(PartitionId(place as u16)).next().is_none() {
                let whose =
                    if system.is_system { format!(" of `{}`", partition.name) } else { String::new() };
                warn!(
                    "--source: the image{whose} has no source lines: build it with -g, and do not strip it"
                );
            }
        }
        Self {
            lines,
            folder: folder.to_path_buf(),
            files: HashMap::new(),
            left_bytes: TEXT_MOST_BYTES,
            current: vec![None; system.partitions.len()],
            places: HashMap::new(),
            is_missing_told: false,
        }
    }

    /// What there is to say before the instruction at this address.
    pub fn note(&mut self, partition: PartitionId, address: u32) -> Option<String> {
        let place = match self.places.get(&(partition, address)) {
            Some(place) => place.clone(),
            None => self.find_place(partition, address),
        }?;
        let current = self.current[partition.index()].replace(Rc::clone(&place));
        if current.is_some_and(|current| Rc::ptr_eq(&current, &place) || current == place) {
            return None;
        }
        let source = self.lines.range(partition, address)?.source;
        let (file, line) = (source.file.to_owned(), source.line);
        Some(match self.text(&file, line) {
            Some(text) => format!("{place}  {text}"),
            None => place.to_string(),
        })
    }

    /// The place of an address that is not kept yet.
    fn find_place(&mut self, partition: PartitionId, address: u32) -> Option<Rc<str>> {
        let place = self.place(partition, address).map(|place| {
            // Neighbours have the same.
            let current = self.current[partition.index()].as_ref().filter(|current| ***current == *place);
            current.map_or_else(|| Rc::from(place.as_str()), Rc::clone)
        });
        if self.places.len() == PLACES_MOST {
            self.places.clear();
        }
        self.places.insert((partition, address), place.clone());
        place
    }

    /// The line of an address, and from where it was inlined.
    fn place(&self, partition: PartitionId, address: u32) -> Option<String> {
        let source = self.lines.range(partition, address)?.source;
        let file = source.file;
        let mut place = printable(&format!("{file}:{}", source.line));
        let mut word = " inlined at";
        for outer in self.lines.frames(partition, address).iter().skip(1) {
            let (Some(outer_file), Some(line)) = (&outer.file, outer.line) else { continue };
            let shown = if outer_file == file { "" } else { outer_file };
            let _ = write!(place, "{word} {}", printable(&format!("{shown}:{line}")));
            word = " at";
        }
        Some(place)
    }

    /// The line of the source, without the spaces around it.
    fn text(&mut self, file: &str, line: u32) -> Option<String> {
        if !self.files.contains_key(file) {
            if self.files.len() == FILES_MOST {
                return None;
            }
            let is_here = self.folder == Path::new(".");
            let path = if is_here { PathBuf::from(file) } else { self.folder.join(file) };
            let lines = read(&path, self.left_bytes.min(FILE_MOST_BYTES));
            let kept = lines.iter().flatten().map(|line| line.len() as u64).sum();
            self.left_bytes = self.left_bytes.saturating_sub(kept);
            if lines.is_none() && !self.is_missing_told {
                self.is_missing_told = true;
                warn!(
                    "--source: there is no {}, so that lines of it have no text: say --source=FOLDER, the folder in which the \
                     guest was compiled",
                    printable(&path.display().to_string())
                );
            }
            self.files.insert(file.to_owned(), lines);
        }
        let lines = self.files.get(file)?.as_ref()?;
        let text = lines.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        (!text.is_empty()).then(|| text.clone())
    }
}

/// The lines of a file, if it is one and not longer.
fn read(path: &Path, most_bytes: u64) -> Option<Vec<String>> {
    // An image can name whatever it likes, also what never ends.
    let is_small_file = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= most_bytes);
    if !is_small_file {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(most_bytes).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.lines().map(|line| printable(line.trim()).chars().take(LINE_MOST_LETTERS).collect()).collect())
}

/// Without what would do something to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
