//! What was accepted of a case, or waits for it, as files in its folder.

use crate::execute::Run;
use crate::ladder;
use crate::tolerate::Tolerate;
use crate::verdict::{Provenance, Verdict};
use recording::files::bytes_of;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
            let [verdict, console, events, ladder] = layers.map(|layer| {
                let path = layer.path(folder);
                bytes_of(&path).map_err(|why| format!("{}: {why}", path.display()))
            });
            let text = |bytes: Vec<u8>, layer: &Layer| {
                String::from_utf8(bytes)
                    .map_err(|_| format!("{}: this is no UTF-8 text", layer.path(folder).display()))
            };
            let verdict = Verdict::read(&text(verdict?, &layers[0])?)
                .map_err(|why| format!("{}: {why}", layers[0].path(folder).display()))?;
            let (events, ladder) = (text(events?, &layers[2])?, text(ladder?, &layers[3])?);
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
    /// A file cannot be written.
    pub fn write_accepted(mut self, folder: &Path, by: Provenance) -> io::Result<()> {
        self.verdict.accepted = Some(by);
        self.write(folder, LAYERS)?;
        remove_pending(folder)
    }

    /// Writes it as pending.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_pending(&self, folder: &Path) -> io::Result<()> {
        self.write(folder, LAYERS.map(Layer::pending))
    }

    fn write(&self, folder: &Path, layers: [Layer; 4]) -> io::Result<()> {
        let [_, console, events, ladder] = self.layers();
        let contents = [self.verdict.text().into_bytes(), console, events, ladder];
        // The verdict last: what is cut off is found to be incomplete.
        for (layer, contents) in layers.iter().zip(contents).rev() {
            fs::write(layer.path(folder), contents)?;
        }
        Ok(())
    }
}

/// Removes what is pending in a case's folder.
///
/// # Errors
/// A file cannot be removed.
pub fn remove_pending(folder: &Path) -> io::Result<()> {
    for layer in LAYERS.map(Layer::pending) {
        match fs::remove_file(layer.path(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
