//! Builds the guests of guest-images into their folders of prebuilt images, or tells whether what is there is true.

mod compiler;
mod manifest;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::Mode;
use compiler::Compiler;
use manifest::{Entry, Manifest};

/// A folder of guests, one C file each, and where their images go; both in guest-images.
struct Shelf {
    sources: &'static str,
    prebuilt: &'static str,
    /// Beside those of all guests.
    options: &'static [&'static str],
    /// Symbols included.
    image_most_bytes: usize,
}

const SAMPLES: Shelf = Shelf::new("guests", "prebuilt");
const SYSTEMS: Shelf = Shelf::new("systems", "systems/prebuilt");
const CONFORMANCE: Shelf = Shelf::new("conformance", "conformance/prebuilt");
const PROOFS: Shelf = Shelf::new("proofs", "proofs/prebuilt");
/// With source lines, whose paths are those in the project's folder.
const LINES: Shelf = Shelf {
    options: &["-g", "-fno-optimize-sibling-calls"],
    image_most_bytes: 64 << 10,
    ..Shelf::new("lines", "lines/prebuilt")
};

/// Builds or checks the guests; returns what to tell.
pub fn run(root: &Path, mode: Mode) -> Result<String, String> {
    let folder = root.join("guest-images");
    let reports = [SAMPLES, SYSTEMS, CONFORMANCE, PROOFS, LINES].map(|shelf| match mode {
        Mode::Write => shelf.write(&folder),
        Mode::Check => shelf.check(&folder),
    });
    Ok(reports.into_iter().collect::<Result<Vec<_>, _>>()?.join("\n"))
}

impl Shelf {
    const fn new(sources: &'static str, prebuilt: &'static str) -> Self {
        Self { sources, prebuilt, options: &[], image_most_bytes: 32 << 10 }
    }

    fn write(&self, folder: &Path) -> Result<String, String> {
        let compiler = Compiler::find()?;
        let images = self.build_all(folder, &compiler)?;
        let prebuilt = folder.join(self.prebuilt);
        fs::create_dir_all(&prebuilt).map_err(|error| say(&prebuilt, &error))?;
        let mut manifest = Manifest { compiler: compiler.version().to_owned(), guests: BTreeMap::new() };
        for (name, image) in &images {
            let path = prebuilt.join(format!("{name}.elf"));
            fs::write(&path, image).map_err(|error| say(&path, &error))?;
            let entry = Entry { source: self.source_hash(folder, name)?, image: xxh3_128(image) };
            manifest.guests.insert(name.clone(), entry);
        }
        let path = prebuilt.join("manifest");
        fs::write(&path, manifest.to_string()).map_err(|error| say(&path, &error))?;
        Ok(format!("Built {} guests of {} with {}.", images.len(), self.sources, compiler.version()))
    }

    fn check(&self, folder: &Path) -> Result<String, String> {
        let manifest = Manifest::read(&folder.join(self.prebuilt).join("manifest"))?;
        let Self { sources, prebuilt, .. } = self;
        let rebuild = format!("Run `cargo xtask guests` and commit guest-images/{prebuilt}.");
        if !manifest.guests.keys().eq(&self.names(folder)?) {
            return Err(format!("The manifest and guest-images/{sources} name different guests. {rebuild}"));
        }
        for (name, entry) in &manifest.guests {
            if self.source_hash(folder, name)? != entry.source {
                return Err(format!("The image of {name} is older than its source. {rebuild}"));
            }
            if xxh3_128(&self.committed(folder, name)?) != entry.image {
                return Err(format!("The image of {name} is not the one in the manifest. {rebuild}"));
            }
        }
        let other = match Compiler::find() {
            Ok(compiler) if compiler.version() == manifest.compiler => {
                return self.check_bytes(folder, &compiler, &rebuild);
            }
            Ok(compiler) => format!("here is {}", compiler.version()),
            Err(_) => "here is no gcc for a 32-bit x86".to_owned(),
        };
        Ok(format!(
            "Compared the hashes of sources and images of {} guests of {sources}. Their bytes were not compared: they were built with {}, {other}.",
            manifest.guests.len(),
            manifest.compiler
        ))
    }

    fn check_bytes(&self, folder: &Path, compiler: &Compiler, rebuild: &str) -> Result<String, String> {
        let images = self.build_all(folder, compiler)?;
        for (name, image) in &images {
            if *image != self.committed(folder, name)? {
                return Err(format!(
                    "The image of {name} is not what {} makes of its source. {rebuild}",
                    compiler.version()
                ));
            }
        }
        Ok(format!(
            "Compared the bytes of {} guests of {} with those that {} makes.",
            images.len(),
            self.sources,
            compiler.version()
        ))
    }

    fn build_all(&self, folder: &Path, compiler: &Compiler) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let scratch = std::env::temp_dir().join(format!("paravane-{}-{}", self.sources, std::process::id()));
        fs::create_dir_all(&scratch).map_err(|error| say(&scratch, &error))?;
        let images = self
            .names(folder)?
            .into_iter()
            .map(|name| {
                let image = self.build(folder, &name, compiler, &scratch)?;
                Ok((name, image))
            })
            .collect();
        // What is left in a folder for temporary files does no harm.
        let _ = fs::remove_dir_all(&scratch);
        images
    }

    fn build(
        &self,
        folder: &Path,
        name: &str,
        compiler: &Compiler,
        scratch: &Path,
    ) -> Result<Vec<u8>, String> {
        let output = scratch.join(format!("{name}.elf"));
        compiler.build(folder, &format!("{}/{name}.c", self.sources), self.options, &output)?;
        let image = fs::read(&output).map_err(|error| say(&output, &error))?;
        let most = self.image_most_bytes;
        if image.len() > most {
            return Err(format!(
                "The image of {name} has {} bytes; at most {most} are allowed.",
                image.len()
            ));
        }
        Ok(image)
    }

    fn committed(&self, folder: &Path, name: &str) -> Result<Vec<u8>, String> {
        let path = folder.join(self.prebuilt).join(format!("{name}.elf"));
        fs::read(&path).map_err(|error| say(&path, &error))
    }

    /// The names of the guests, in order.
    fn names(&self, folder: &Path) -> Result<Vec<String>, String> {
        let sources = with_extension(&folder.join(self.sources), "c")?;
        Ok(sources.iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect())
    }

    /// The hash of everything that decides a guest's image but the compiler: options, headers, layer and its own file.
    fn source_hash(&self, folder: &Path, name: &str) -> Result<u128, String> {
        let mut sources = files(&folder.join("include"))?;
        sources.extend(files(&folder.join("layer"))?);
        sources.extend(with_extension(&folder.join(self.sources), "h")?);
        sources.push(folder.join(self.sources).join(format!("{name}.c")));
        let mut hash = Xxh3::new();
        hash.update(compiler::OPTIONS.join("\n").as_bytes());
        hash.update(self.options.join("\n").as_bytes());
        for path in sources {
            let content = fs::read(&path).map_err(|error| say(&path, &error))?;
            hash.update(&(content.len() as u64).to_le_bytes());
            hash.update(&content);
        }
        Ok(hash.digest128())
    }
}

fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = files(folder)?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    Ok(paths)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| say(folder, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| say(folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn say(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests;
