//! A suite: a folder with a folder for each case.

use crate::case::{Case, name_of};
use crate::case_file;
use crate::expectation::{LAYERS, Layer};
use crate::replacement::PARTIAL;
use recording::is_recording;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The cases of a suite, by name. A case that cannot be read is an error in its place.
#[derive(Debug)]
pub struct Suite {
    /// The cases.
    pub cases: Vec<(String, Result<Case, String>)>,
    folders: Vec<PathBuf>,
}

/// A file that no test needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leftover {
    /// The file.
    pub path: PathBuf,
    /// Why nobody needs it.
    pub why: &'static str,
}

impl Suite {
    /// The suite in a folder; a folder with a case file is a suite of that case.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!(
                    "{}: there is no such folder: make a case with `paravane golden new`",
                    folder.display()
                )
            }
            _ => format!("{}: cannot read this folder: {error}", folder.display()),
        };
        if fs::metadata(folder).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(format!("{}: {}", folder.display(), no_folder(folder)));
        }
        if folder.join(case_file::NAME).is_file() {
            return Ok(Self::of(vec![folder.to_path_buf()]));
        }
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        folders.sort();
        Ok(Self::of(folders))
    }

    fn of(folders: Vec<PathBuf>) -> Self {
        let is_case = |folder: &&PathBuf| {
            // A folder with expectations has lost its case file, and says so.
            folder.join(case_file::NAME).exists() || LAYERS.iter().any(|layer| layer.path(folder).exists())
        };
        let cases = folders.iter().filter(is_case).map(|folder| match Case::open(folder) {
            Ok(case) => (case.name.clone(), Ok(case)),
            Err(why) => (name_of(folder), Err(why)),
        });
        Self { cases: cases.collect(), folders }
    }

    /// Keeps the cases whose names hold one of the words; all without words.
    pub fn keep_named(&mut self, words: &[String]) {
        if !words.is_empty() {
            self.cases.retain(|(name, _)| words.iter().any(|word| name.contains(word.as_str())));
        }
    }

    /// Keeps every `of`-th case, the `number`-th of them first; both count from 1.
    pub fn keep_shard(&mut self, number: usize, of: usize) {
        let mut place = 0;
        self.cases.retain(|_| {
            place += 1;
            (place - 1) % of == number - 1
        });
    }

    /// Files that no test needs: pending ones, and what was accepted of cases that are no more.
    #[must_use]
    pub fn leftovers(&self) -> Vec<Leftover> {
        let mut found = Vec::new();
        for folder in &self.folders {
            let is_case = folder.join(case_file::NAME).exists();
            let mut add = |path: PathBuf, why| {
                if path.is_file() {
                    found.push(Leftover { path, why });
                }
            };
            for layer in LAYERS.iter().copied().map(Layer::pending) {
                add(layer.path(folder), "pending");
            }
            let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let is_partial = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                name.starts_with("expect.") && name.ends_with(PARTIAL)
            };
            files.filter(is_partial).for_each(|path| add(path, "left of a program that was ended"));
            for layer in LAYERS.iter().filter(|_| !is_case) {
                add(layer.path(folder), "its case.toml is gone");
            }
        }
        found
    }
}

/// What to do with a file that was named in place of a suite.
fn no_folder(path: &Path) -> String {
    const MAKE: &str = "make a case of it with `paravane golden new SUITE/NAME --image FILE`";
    if path.file_name().is_some_and(|name| name == case_file::NAME) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or(".".to_owned(), |folder| folder.display().to_string());
        return format!("this is the file of a case: name its folder, {folder}");
    }
    let mut beginning = Vec::new();
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        let _ = File::open(path).and_then(|file| file.take(64).read_to_end(&mut beginning));
    }
    if beginning.starts_with(b"\x7fELF") {
        format!("this is a guest's ELF file, and no suite: {MAKE}")
    } else if is_recording(&beginning) {
        "this is a recorded run, and no suite: open it with `paravane show`; a case is made of what was run, with `paravane \
         golden new SUITE/NAME --image FILE`"
            .to_owned()
    } else if path.extension().is_some_and(|extension| extension == "toml") {
        format!("this is a file, and no suite: if it is a system file, {MAKE}")
    } else {
        "this is a file: name a suite, or the folder of a case".to_owned()
    }
}
