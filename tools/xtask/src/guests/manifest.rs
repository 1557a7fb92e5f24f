//! The manifest of the prebuilt guests: which compiler built them, and the hashes of sources and images.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

const HEADING: &str = "# Written by `cargo xtask guests`. Hashes are XXH3 of 128 bits: of all that a guest is built from, and of its image.";

/// What the manifest says.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Compiler and linker with their versions.
    pub compiler: String,
    /// By name.
    pub guests: BTreeMap<String, Entry>,
}

/// What the manifest says of one guest.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The hash of options, headers, layer and source.
    pub source: u128,
    /// The hash of the image.
    pub image: u128,
}

impl Manifest {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| super::say(path, &error))?;
        Self::parse(&text).ok_or_else(|| format!("{}: damaged. Run `cargo xtask guests`.", path.display()))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines.next()?.strip_prefix("compiler ")?.to_owned();
        let guests = lines.map(parse_guest).collect::<Option<_>>()?;
        Some(Self { compiler, guests })
    }
}

fn parse_guest(line: &str) -> Option<(String, Entry)> {
    let (name, rest) = line.split_once(" source ")?;
    let (source, image) = rest.split_once(" image ")?;
    let hash = |digits| u128::from_str_radix(digits, 16).ok();
    Some((name.to_owned(), Entry { source: hash(source)?, image: hash(image)? }))
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}\ncompiler {}", self.compiler)?;
        for (name, Entry { source, image }) in &self.guests {
            writeln!(f, "{name} source {source:032x} image {image:032x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Manifest};
    use std::collections::BTreeMap;

    #[test]
    fn a_manifest_reads_back() {
        let guests = BTreeMap::from([("hello".to_owned(), Entry { source: 5, image: u128::MAX })]);
        let manifest = Manifest { compiler: "gcc (GCC) 12; GNU ld 2.40".to_owned(), guests };
        assert_eq!(Manifest::parse(&manifest.to_string()), Some(manifest));
    }

    #[test]
    fn a_damaged_manifest_is_not_read() {
        for text in [
            "",
            "hello source 5 image 6",
            "compiler gcc\nhello source 5",
            "compiler gcc\nhello source x image 6",
        ] {
            assert_eq!(Manifest::parse(text), None, "{text}");
        }
    }
}
