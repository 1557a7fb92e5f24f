//! Builds the sample guests from guest-images/guests into guest-images/prebuilt, or tells whether what is there is true.

mod compiler;
mod manifest;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::Mode;
use compiler::Compiler;
use manifest::{Entry, Manifest};

/// Symbols included.
const IMAGE_MOST_BYTES: usize = 32 << 10;

/// Builds or checks the guests; returns what to tell.
pub fn run(root: &Path, mode: Mode) -> Result<String, String> {
    let folder = root.join("guest-images");
    let names = guest_names(&folder)?;
    match mode {
        Mode::Write => write(&folder, &names),
        Mode::Check => check(&folder, &names),
    }
}

fn write(folder: &Path, names: &[String]) -> Result<String, String> {
    let compiler = Compiler::find()?;
    let images = build_all(folder, names, &compiler)?;
    let prebuilt = folder.join("prebuilt");
    fs::create_dir_all(&prebuilt).map_err(|error| say(&prebuilt, &error))?;
    let mut manifest = Manifest { compiler: compiler.version().to_owned(), guests: BTreeMap::new() };
    for (name, image) in &images {
        let path = prebuilt.join(format!("{name}.elf"));
        fs::write(&path, image).map_err(|error| say(&path, &error))?;
        let entry = Entry { source: source_hash(folder, name)?, image: xxh3_128(image) };
        manifest.guests.insert(name.clone(), entry);
    }
    let path = prebuilt.join("manifest");
    fs::write(&path, manifest.to_string()).map_err(|error| say(&path, &error))?;
    Ok(format!("Built {} guests with {}.", images.len(), compiler.version()))
}

fn check(folder: &Path, names: &[String]) -> Result<String, String> {
    let manifest = Manifest::read(&folder.join("prebuilt/manifest"))?;
    let rebuild = "Run `cargo xtask guests` and commit guest-images/prebuilt.";
    if manifest.guests.keys().ne(names) {
        return Err(format!("The manifest and guest-images/guests name different guests. {rebuild}"));
    }
    for (name, entry) in &manifest.guests {
        if source_hash(folder, name)? != entry.source {
            return Err(format!("The image of {name} is older than its source. {rebuild}"));
        }
        if xxh3_128(&committed(folder, name)?) != entry.image {
            return Err(format!("The image of {name} is not the one in the manifest. {rebuild}"));
        }
    }
    let other = match Compiler::find() {
        Ok(compiler) if compiler.version() == manifest.compiler => {
            return check_bytes(folder, names, &compiler, rebuild);
        }
        Ok(compiler) => format!("here is {}", compiler.version()),
        Err(_) => "here is no gcc for a 32-bit x86".to_owned(),
    };
    Ok(format!(
        "Compared the hashes of sources and images of {} guests. Their bytes were not compared: they were built with {}, {other}.",
        names.len(),
        manifest.compiler
    ))
}

fn check_bytes(
    folder: &Path,
    names: &[String],
    compiler: &Compiler,
    rebuild: &str,
) -> Result<String, String> {
    for (name, image) in build_all(folder, names, compiler)? {
        if image != committed(folder, &name)? {
            return Err(format!(
                "The image of {name} is not what {} makes of its source. {rebuild}",
                compiler.version()
            ));
        }
    }
    Ok(format!("Compared the bytes of {} guests with those that {} makes.", names.len(), compiler.version()))
}

fn build_all(
    folder: &Path,
    names: &[String],
    compiler: &Compiler,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let scratch = std::env::temp_dir().join(format!("paravane-guests-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| say(&scratch, &error))?;
    let images =
        names.iter().map(|name| Ok((name.clone(), build(folder, name, compiler, &scratch)?))).collect();
    // What is left in a folder for temporary files does no harm.
    let _ = fs::remove_dir_all(&scratch);
    images
}

fn build(folder: &Path, name: &str, compiler: &Compiler, scratch: &Path) -> Result<Vec<u8>, String> {
    let output = scratch.join(format!("{name}.elf"));
    compiler.build(folder, name, &output)?;
    let image = fs::read(&output).map_err(|error| say(&output, &error))?;
    if image.len() > IMAGE_MOST_BYTES {
        return Err(format!(
            "The image of {name} has {} bytes; at most {IMAGE_MOST_BYTES} are allowed.",
            image.len()
        ));
    }
    Ok(image)
}

fn committed(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = folder.join(format!("prebuilt/{name}.elf"));
    fs::read(&path).map_err(|error| say(&path, &error))
}

/// The names of the guests, in order: one C file each.
fn guest_names(folder: &Path) -> Result<Vec<String>, String> {
    let sources = files(&folder.join("guests"))?;
    let of_c = sources.iter().filter(|path| path.extension().is_some_and(|extension| extension == "c"));
    Ok(of_c.filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect())
}

/// The hash of everything that decides a guest's image but the compiler: options, headers, layer and its own file.
fn source_hash(folder: &Path, name: &str) -> Result<u128, String> {
    let mut sources = files(&folder.join("include"))?;
    sources.extend(files(&folder.join("layer"))?);
    sources.push(folder.join(format!("guests/{name}.c")));
    let mut hash = Xxh3::new();
    hash.update(compiler::OPTIONS.join("\n").as_bytes());
    for path in sources {
        let content = fs::read(&path).map_err(|error| say(&path, &error))?;
        hash.update(&(content.len() as u64).to_le_bytes());
        hash.update(&content);
    }
    Ok(hash.digest128())
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
