//! What was accepted of a case, or waits for it, as files in its folder.

use crate::damage;
use crate::execute::Run;
use crate::ladder;
use crate::replacement::{Replacement, remove};
use crate::tolerate::Tolerate;
use crate::verdict::{Provenance, Verdict};
use recording::files::plain_bytes_of;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A run ends before its events or its console output get so long.
const LAYER_MOST_BYTES: u64 = 512 << 20;
const VERDICT_MOST_BYTES: u64 = 16 << 20;

/// One of the files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layer {
    /// What it is called.
    pub name: &'static str,
    file: &'static str,
    is_pending: bool,
}

/// The files of what was accepted, in the order in which a person reads them.
pub const LAYERS: [Layer; 4] = [
    Layer { name: "verdict", file: "expect.verdict.toml", is_pending: false },
    Layer { name: "console", file: "expect.console", is_pending: false },
    Layer { name: "events", file: "expect.events", is_pending: false },
    Layer { name: "ladder", file: "expect.ladder", is_pending: false },
];

impl Layer {
    /// The file that waits to be accepted in place of this one.
    #[must_use]
    pub fn pending(self) -> Self {
        Self { is_pending: true, ..self }
    }

    /// Its path in a case's folder.
    #[must_use]
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}{}", self.file, if self.is_pending { ".new" } else { "" }))
    }

    /// Its name.
    pub(crate) fn file_name(&self) -> &'static str {
        self.file
    }

    /// Its bytes; an error names the file.
    pub(crate) fn read(&self, folder: &Path) -> Result<Vec<u8>, String> {
        let most = if self.name == LAYERS[0].name { VERDICT_MOST_BYTES } else { LAYER_MOST_BYTES };
        let path = self.path(folder);
        if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let what = "there is no such file: restore it, or accept the case anew";
            return Err(format!("{}: {what}", path.display()));
        }
        plain_bytes_of(&path, most).map_err(|why| format!("{}: {why}", path.display()))
    }
}

/// What a case should do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// How it ends.
    pub verdict: Verdict,
    /// What it prints; of a system each line after the name of its partition.
    pub console: Vec<u8>,
    /// Its events.
    pub events: String,
    /// A line for each window.
    pub ladder: String,
}

/// What a folder has of an expectation.
#[derive(Debug)]
pub enum Found {
    /// All of it.
    Whole(Box<Expectation>),
    /// Nothing.
    Nothing,
    /// One file is missing, or nobody can read it: a line that says which.
    Damaged(String),
}

impl Expectation {
    /// What a run did.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            verdict: run.verdict.clone(),
            console: run.console.clone(),
            events: run.events.clone(),
            ladder: ladder::text(&run.ladder, &run.names, &run.left_out),
        }
    }

    /// What was accepted in a case's folder.
    #[must_use]
    pub fn accepted(folder: &Path) -> Found {
        Self::read(folder, LAYERS)
    }

    /// What is pending in a case's folder.
    #[must_use]
    pub fn pending(folder: &Path) -> Found {
        Self::read(folder, LAYERS.map(Layer::pending))
    }

    fn read(folder: &Path, layers: [Layer; 4]) -> Found {
        if layers.iter().all(|layer| !layer.path(folder).exists()) {
            return Found::Nothing;
        }
        let read = || -> Result<Self, String> {
            let [verdict, console, events, ladder] = layers.map(|layer| layer.read(folder));
            let in_file = |layer: &Layer, why: String| format!("{}: {why}", layer.path(folder).display());
            let text = |bytes: Vec<u8>, layer: &Layer| {
                String::from_utf8(bytes).map_err(|_| in_file(layer, "this is no UTF-8 text".to_owned()))
            };
            let verdict =
                Verdict::read(&text(verdict?, &layers[0])?).map_err(|why| in_file(&layers[0], why))?;
            let (events, ladder) = (text(events?, &layers[2])?, text(ladder?, &layers[3])?);
            damage::of_text(&events).map_err(|why| in_file(&layers[2], why))?;
            damage::of_text(&ladder)
                .and_then(|()| ladder::check(&ladder))
                .map_err(|why| in_file(&layers[3], why))?;
            Ok(Self { verdict, console: console?, events, ladder })
        };
        match read() {
            Ok(whole) => Found::Whole(Box::new(whole)),
            Err(why) => Found::Damaged(why),
        }
    }

    /// The bytes of its layers, without who accepted it and of which files it was made.
    #[must_use]
    pub fn layers(&self) -> [Vec<u8>; 4] {
        self.compared(&Tolerate::default())
    }

    /// The bytes by which two of them are compared, layer by layer.
    #[must_use]
    pub fn compared(&self, tolerate: &Tolerate) -> [Vec<u8>; 4] {
        [
            self.verdict.compared(&tolerate.verdict).into_bytes(),
            self.console.clone(),
            self.events.clone().into_bytes(),
            self.ladder.clone().into_bytes(),
        ]
    }

    /// Writes it as accepted; what was pending is gone then.
    ///
    /// # Errors
    /// One line: a file cannot be written. Nothing has changed if that is known before the first is in its place.
    pub fn write_accepted(mut self, folder: &Path, by: Provenance) -> Result<(), String> {
        self.verdict.accepted = Some(by);
        self.replacement(folder, LAYERS)?.put()?;
        remove_pending(folder)
    }

    /// Writes it as pending.
    ///
    /// # Errors
    /// One line: a file cannot be written.
    pub fn write_pending(&self, folder: &Path) -> Result<(), String> {
        self.replacement(folder, LAYERS.map(Layer::pending))?.put()
    }

    /// The verdict comes first: with it alone a case does not hold, as long as another file is still the old one.
    fn replacement(&self, folder: &Path, layers: [Layer; 4]) -> Result<Replacement, String> {
        let [_, console, events, ladder] = self.layers();
        let contents = [self.verdict.text().into_bytes(), console, events, ladder];
        Replacement::prepare(layers.iter().map(|layer| layer.path(folder)).zip(contents))
    }
}

/// How a case ended when it was accepted: from its verdict alone.
pub(crate) fn accepted_verdict(folder: &Path) -> Option<Verdict> {
    let text = String::from_utf8(LAYERS[0].read(folder).ok()?).ok()?;
    Verdict::read(&text).ok()
}

/// Removes what is pending in a case's folder.
///
/// # Errors
/// One line: a file cannot be removed.
pub fn remove_pending(folder: &Path) -> Result<(), String> {
    LAYERS.map(Layer::pending).iter().try_for_each(|layer| remove(&layer.path(folder)))
}

#[cfg(test)]
mod tests {
    use super::{Expectation, Found, LAYERS, Layer};
    use crate::verdict::{Ended, FileHash, PartitionEnded, Verdict};
    use std::{env, fs, process};

    fn expectation(what: &str) -> Expectation {
        let ended = Ended {
            outcome: "halted".to_owned(),
            executed: 1,
            recorded: 1,
            events: 1,
            virtual_ns: 10,
            state: what.to_owned(),
        };
        let (name, outcome) = ("one".to_owned(), "halted".to_owned());
        let partition = PartitionEnded { name: name.clone(), outcome, executed: 1 };
        let file = FileHash { name, hash: "0".to_owned(), build_id: None };
        Expectation {
            verdict: Verdict::pending(ended, vec![partition], vec![file]),
            console: format!("{what}\n").into_bytes(),
            events: format!("{what}\n"),
            ladder: format!("paravane-ladder 2: \n{what} 1 0123456789abcdef\n"),
        }
    }

    #[test]
    fn what_is_interrupted_between_two_files_is_never_what_was_to_be_accepted() {
        let folder = env::temp_dir().join(format!("paravane-interrupted-{}", process::id()));
        let (old, mut new) = (expectation("old"), expectation("new"));
        for has_same_verdict in [false, true] {
            if has_same_verdict {
                new.verdict = old.verdict.clone();
            }
            for steps in 0..=LAYERS.len() {
                fs::create_dir_all(&folder).unwrap();
                old.replacement(&folder, LAYERS).unwrap().put().unwrap();
                new.write_pending(&folder).unwrap();
                new.replacement(&folder, LAYERS).unwrap().put_some(steps).unwrap();
                let Found::Whole(found) = Expectation::accepted(&folder) else { panic!("{steps}") };
                assert_eq!(found.layers() == new.layers(), steps == LAYERS.len(), "{steps}");
                let Found::Whole(pending) = Expectation::pending(&folder) else { panic!("{steps}") };
                assert_eq!(*pending, new, "nothing is lost after {steps}");
                fs::remove_dir_all(&folder).unwrap();
            }
        }
        // Where nothing was accepted before, nothing is.
        for steps in 0..LAYERS.len() {
            fs::create_dir_all(&folder).unwrap();
            new.replacement(&folder, LAYERS).unwrap().put_some(steps).unwrap();
            assert!(!matches!(Expectation::accepted(&folder), Found::Whole(_)), "{steps}");
            fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_written_changes_nothing() {
        let folder = env::temp_dir().join(format!("paravane-unwritable-{}", process::id()));
        let (old, new) = (expectation("old"), expectation("new"));
        fs::create_dir_all(&folder).unwrap();
        old.replacement(&folder, LAYERS).unwrap().put().unwrap();
        let events = LAYERS[2].path(&folder);
        let mut rights = fs::metadata(&events).unwrap().permissions();
        rights.set_readonly(true);
        fs::set_permissions(&events, rights).unwrap();
        let why = new.replacement(&folder, LAYERS).map(|_| ()).unwrap_err();
        assert!(why.contains("expect.events: this file is read-only"), "{why}");
        let Found::Whole(found) = Expectation::accepted(&folder) else { panic!("it was whole") };
        assert_eq!(*found, old);
        fs::create_dir_all(LAYERS[3].pending().path(&folder)).unwrap();
        let why = new.write_pending(&folder).unwrap_err();
        assert!(why.contains("expect.ladder.new: this is a folder"), "{why}");
        let left = fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, LAYERS.len() + 1, "nothing is left of what was prepared");
        assert!(matches!(LAYERS[0], Layer { name: "verdict", .. }));
        fs::remove_dir_all(&folder).unwrap();
    }
}
